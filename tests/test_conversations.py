"""A group on each platform, from being added to it to the third digest, with two people of different rights: the real
program as a process, over sockets."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.model import Address, ChatState
from tests.faults.town import DAY, Town, town_in
from tests.feeds_text import paper, rss
from tests.servers.discord import MANAGE_GUILD, Exchange, text_of
from tests.servers.discord_objects import buttons_in
from tests.servers.feeds import Answer

GROUP, TOPIC, OWNER, MEMBER = -100777, 9, 601, 602
THERE = Address("telegram", str(GROUP), str(TOPIC))
MANAGER, GUEST = "81", "82"
DAYS = 3
MORNING = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)

Labels = dict[str, str]
"""What each button of a message carries, by its label."""


def news(town: Town, day: int) -> None:
    """Two papers for the admin's query and one for the member's are announced on that day."""
    titles = [f"LoRA paper {day}1", f"LoRA paper {day}2", f"Tea paper {day}3", f"Knots paper {day}4"]
    items = [
        paper(f"2504.{day}{n:04d}", title, "It is warm. It is good.", authors=["Ada Rogers"])
        for n, title in enumerate(titles)
    ]
    town.feeds.put("/rss/cs.CL", Answer(rss(items, DAY + timedelta(days=day)), etag=f'"{day}"'))


def told_of(texts: list[str]) -> Counter[str]:
    """How often each paper stands in a digest."""
    return Counter(found for text in texts for found in re.findall(r"(?:LoRA|Tea|Knots) paper \d\d", text))


class OnTelegram:
    """The group's forum topic, as its people see it."""

    def __init__(self, town: Town) -> None:
        self.server = town.telegram
        self.server.add_chat(GROUP, "supergroup", "Readers", is_forum=True)
        self.server.admins.add((GROUP, OWNER))

    def here(self) -> list[dict[str, Any]]:
        return [one for one in self.server.sent if one["chat_id"] == GROUP]

    async def write(self, user: int, text: str) -> dict[str, Any]:
        """The message that answers it."""
        before = len(self.here())
        self.server.push_message(GROUP, user, text, thread=TOPIC)
        await self.server.until(lambda _: len(self.here()) > before, 30)
        return self.here()[-1]

    async def added(self) -> dict[str, Any]:
        before = len(self.here())
        self.server.push_membership(GROUP, OWNER)
        await self.server.until(lambda _: len(self.here()) > before, 30)
        return self.here()[-1]

    async def press(self, user: int, message: dict[str, Any], label: str) -> str:
        """What the presser alone is told; the message may be another then."""
        before = len(self.server.pressed), len(self.server.edited)
        self.server.push_callback(message["message_id"], labels(message)[label], user)
        await self.server.until(lambda s: len(s.pressed) > before[0], 30)
        told = str(self.server.pressed[-1].get("text", ""))
        if not told:
            await self.server.until(lambda s: len(s.edited) > before[1], 30)
        return told


class OnDiscord:
    """A thread of a server's channel."""

    def __init__(self, town: Town) -> None:
        self.server = town.discord
        self.thread = self.server.add_thread(town.channel, "reading")
        self.there = Address("discord", self.thread)

    async def ask(self, user: str, name: str, **options: str) -> Exchange:
        rights = MANAGE_GUILD if user == MANAGER else 0
        return await (await self.server.push_command(self.thread, user, name, options, rights)).answered(timeout=30)

    async def press(self, user: str, message: dict[str, Any], label: str) -> Exchange:
        rights = MANAGE_GUILD if user == MANAGER else 0
        pressed = await self.server.push_component(message["id"], labels(message)[label], user, rights)
        return await pressed.answered(timeout=30)


def labels(message: dict[str, Any]) -> Labels:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    found = {one["text"]: one.get("callback_data", "") for row in rows for one in row}
    return found | {b.get("label", ""): b.get("custom_id", "") for b in buttons_in(message.get("components") or [])}


async def test_from_being_added_to_the_third_digest_with_two_people_of_different_rights(tmp_path: Path) -> None:
    async with town_in(tmp_path) as town:
        telegram, discord = OnTelegram(town), OnDiscord(town)
        news(town, 1)
        async with town.program("run") as program:
            await town.discord.connected(30)
            await town.telegram.until(lambda _: " 4 new," in program.log, 30)
            # Telegram takes one message a second in a chat, so the server's people do not wait for the group's.
            await asyncio.gather(set_up_on_telegram(telegram), set_up_on_discord(discord))
            joined = await town.discord.push_guild_join("Another lab")
            await town.discord.wait_sent(joined, timeout=30)
        assert "Traceback" not in program.log
        first = await morning(town, telegram, discord, 1)
        async with town.program("run") as program:
            await town.discord.connected(30)
            await asyncio.gather(read_on_telegram(telegram, first[0]), read_on_discord(discord, first[1]))
            await leave_and_come_back(town, telegram, discord)
        assert "Traceback" not in program.log
        assert len(town.discord.messages(joined)) == 1, "greeted once"
        for day in range(2, DAYS + 1):
            news(town, day)
            await morning(town, telegram, discord, day)


async def set_up_on_telegram(there: OnTelegram) -> None:
    greeting = await there.added()
    assert "message_thread_id" not in greeting and len(there.here()) == 1
    proposed = await there.write(OWNER, "/subscribe LoRA")
    assert "in the last week" in proposed["visible"]
    assert "administrators" in await there.press(MEMBER, proposed, "Follow")
    assert "in the last week" in proposed["visible"], "the others see nothing of a refusal"
    await there.press(OWNER, proposed, "Follow")
    assert "Subscribed to LoRA" in proposed["visible"]
    settings = await there.write(OWNER, "/settings")
    for label in ("Language", "简体中文"):
        await there.press(OWNER, settings, label)
    assert "✓ 简体中文" in labels(settings)
    await there.write(OWNER, "/access all")
    proposed = await there.write(MEMBER, "/subscribe Tea")
    assert "message_thread_id" in proposed
    await there.press(MEMBER, proposed, "订阅")
    assert "Tea" in proposed["visible"] and "订阅" not in labels(proposed)


async def set_up_on_discord(there: OnDiscord) -> None:
    refused = await there.ask(GUEST, "subscribe", query="Tea")
    assert "manage this server" in refused.text and refused.messages[0]["flags"] & 64
    (proposed,) = (await there.ask(MANAGER, "subscribe", query="LoRA")).messages
    denied = await there.press(GUEST, proposed, "Follow")
    assert "manage this server" in denied.text and denied.messages[0]["flags"] & 64
    await there.press(MANAGER, proposed, "Follow")
    assert "Subscribed to LoRA" in text_of(there.server.find_message(proposed["id"]))
    (settings,) = (await there.ask(MANAGER, "settings")).messages
    for label in ("Time", "07:00", "‹ Settings", "Language", "繁體中文"):
        await there.press(MANAGER, settings, label)
    await there.ask(MANAGER, "access", who="all")
    (proposed,) = (await there.ask(GUEST, "subscribe", query="Tea")).messages
    await there.press(GUEST, proposed, "訂閱")

async def read_on_telegram(there: OnTelegram, digest: dict[str, Any]) -> None:
    """Both open a paper, which turns the one message; what each keeps and votes is theirs."""
    was = digest["visible"]
    for user in (OWNER, MEMBER):
        await there.press(user, digest, "1")
        assert digest["visible"] != was
        assert await there.press(user, digest, "收藏")
        assert await there.press(user, digest, "👍")
        await there.press(user, digest, "‹ 上一页")
        assert digest["visible"] == was


async def read_on_discord(there: OnDiscord, digest: dict[str, Any]) -> None:
    """Each gets a card of their own."""
    was = text_of(digest)
    for user in (MANAGER, GUEST):
        (card,) = (await there.press(user, digest, "1")).messages
        assert card["flags"] & 64
        kept = await there.press(user, card, "收藏")
        assert "✓" in str(kept.edits) and not kept.messages, "what is pressed there turns in place"
        await there.press(user, card, "👍")
    assert text_of(digest) == was


async def leave_and_come_back(town: Town, telegram: OnTelegram, discord: OnDiscord) -> None:
    """Removed, a group is paused with all it has; added again, it goes on and is told so in a line."""
    town.telegram.push_membership(GROUP, OWNER, "member", "left")
    guild = town.discord.guild_of(town.channel)
    assert guild is not None
    await town.discord.push_guild_remove(town.channel)
    await town.telegram.until(lambda _: town.state(THERE) is ChatState.UNREACHABLE, 30)
    await town.telegram.until(lambda _: town.state(discord.there) is ChatState.UNREACHABLE, 30)
    assert "Thank you for having me back. 2 subscriptions" in (await telegram.added())["visible"]
    town.discord.guilds[guild["id"]] = guild
    before = len(town.discord.messages(town.channel))
    await town.discord.push("GUILD_CREATE", {key: value for key, value in guild.items() if key != "unavailable"})
    await town.discord.wait_sent(town.channel, before + 1, timeout=30)
    assert town.state(THERE) is town.state(discord.there) is ChatState.ACTIVE


async def morning(town: Town, telegram: OnTelegram, discord: OnDiscord, day: int) -> list[dict[str, Any]]:
    """The day's digest, on Telegram and on Discord: what both follow of it, once."""
    before = len(telegram.here()), len(discord.server.messages(discord.thread))
    await town.round(MORNING + timedelta(days=day))

    pushed = [*telegram.here()[before[0] :], *discord.server.messages(discord.thread)[before[1] :]]
    wanted = {f"LoRA paper {day}1": 1, f"LoRA paper {day}2": 1, f"Tea paper {day}3": 1}
    assert [told_of([one.get("visible") or text_of(one)]) for one in pushed] == [wanted, wanted]
    assert pushed[0]["message_thread_id"] == TOPIC
    return pushed
