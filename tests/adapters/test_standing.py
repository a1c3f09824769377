"""How people and the bot stand in other chats, asked over sockets; and a channel set up from a private chat."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from discord import Permissions

from adapters.chats.discord_standing import channel_named, permissions
from adapters.chats.telegram_standing import chat_named
from bot.desk import FrontDesk
from bot.errors import ChatGone, PaperroundError, Refused
from bot.model import Address, Place
from bot.outside import PlatformsOutside
from bot.ports import Places
from tests.adapters.discord_desk import platform_for
from tests.desks import Front
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front
from tests.servers.discord import FakeDiscord
from tests.servers.discord_objects import APPLICATION, member_object
from tests.servers.telegram import FakeTelegram
from tests.servers.telegram_bot import CHANNEL, READER, bot_on

BOT = 123456


@pytest.fixture
def server() -> Iterator[FakeTelegram]:
    with FakeTelegram() as fake:
        fake.add_chat(CHANNEL, "channel", "Lab news", username="lab_news")
        fake.admins |= {(CHANNEL, READER), (CHANNEL, BOT)}
        yield fake
    assert fake.violations == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@lab_news", "@lab_news"), ("lab_news", "@lab_news"), ("https://t.me/lab_news/12", "@lab_news"),
        ("-1001234", -1001234), ("t.me/c/1234/5", -1001234), ("https://t.me/c/1234/5/6", -1001234),
    ],
)  # fmt: skip
def test_a_chat_on_telegram_is_named_as_people_do(text: str, named: str | int) -> None:
    assert chat_named(text) == named


@pytest.mark.parametrize("text", ["", "123", "@a b", "https://example.com/lab", "/etc", "@" + "x" * 40])
def test_what_names_no_chat_on_telegram_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        chat_named(text)


async def test_telegram_says_who_administers_a_channel_and_whether_the_bot_may_post(server: FakeTelegram) -> None:
    async with bot_on(server) as bot:
        assert isinstance(bot, Places)
        found = await bot.standing(f"telegram:{READER}", "@lab_news")
        assert (found.address, found.place) == (Address("telegram", str(CHANNEL)), Place.CHANNEL)
        assert (found.title, found.manages, found.writes) == ("Lab news", True, True)
        server.may_post = False
        other = await bot.standing("telegram:66", str(CHANNEL))
        assert (other.manages, other.writes) == (False, False)
        with pytest.raises(ChatGone):
            await bot.standing("telegram:66", "@nothere")


async def test_a_channel_is_set_up_by_a_forwarded_post_and_gets_what_its_admin_writes(
    server: FakeTelegram, front: Front
) -> None:
    """The real desk behind a real listener; nobody else's forward begins anything."""
    origin = {"type": "channel", "date": 1, "chat": server.chats[CHANNEL], "message_id": 5}
    async with bot_on(server) as bot:
        outside = PlatformsOutside({"telegram": bot}, asyncio.get_running_loop())
        front.context = replace(front.context, outside=outside)
        await bot.start(FrontDesk(front.context))
        server.push_message(66, 66, "LoRA", forward_origin=origin)
        await server.until(lambda s: len(s.sent) == 1)
        server.push_message(READER, READER, None, forward_origin=origin, caption="Some post")
        await server.until(lambda s: len(s.sent) == 2)
        server.push_message(READER, READER, "/subscribe LoRA")
        await server.until(lambda s: len(s.sent) == 3)
        await pressed(server, "Follow", "Subscribed to LoRA.")
        await pressed(server, "Unsubscribe", "No longer following LoRA.")
    texts = [message["visible"] for message in server.sent]
    assert texts[0].startswith("2 papers for LoRA") or "LoRA" in texts[0]
    assert texts[1].startswith("What you write here is meant for Lab news from now on.")
    assert texts[2].startswith("For Lab news:")
    assert {message["chat_id"] for message in server.sent[1:]} == {READER}
    with front.store.reading() as tx:
        chat = tx.chat(Address("telegram", str(CHANNEL)))
        assert chat and chat.title == "Lab news"


async def pressed(server: FakeTelegram, label: str, answer: str) -> None:
    """A button of the third message, and what stands then in some message for the channel."""
    (action,) = (
        button["callback_data"]
        for row in server.sent[2]["reply_markup"]["inline_keyboard"]
        for button in row
        if button["text"] == label
    )
    server.push_callback(server.sent[2]["message_id"], action, READER)
    await server.until(
        lambda s: any(m["visible"].startswith("For Lab news:") and answer in m["visible"] for m in s.sent)
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("<#112233445566778899>", "112233445566778899"), ("112233445566778899", "112233445566778899"),
        ("https://discord.com/channels/1/112233445566778899/9", "112233445566778899"),
    ],
)  # fmt: skip
def test_a_channel_on_discord_is_named_as_people_do(text: str, number: str) -> None:
    assert channel_named(text) == number
    with pytest.raises(Refused):
        channel_named(f"x! {text}")


@pytest.mark.parametrize(("mine", "manages"), [(0, False), (1 << 5, True), (1 << 3, True)])
async def test_discord_says_who_manages_a_server_and_whether_the_bot_may_write(mine: int, manages: bool) -> None:
    async with FakeDiscord() as fake:
        (channel,) = fake.add_guild("Lab", ("papers",))
        guild = fake.guild_of(channel)
        assert guild is not None
        guild["roles"][0]["permissions"] = str(Permissions(view_channel=True, send_messages=True).value)
        guild["roles"].append({**guild["roles"][0], "id": "55", "permissions": str(mine)})
        guild["members"].append({**member_object("7", 0), "roles": ["55"]})
        discord = platform_for(fake)
        try:
            found = await discord.standing("discord:7", f"<#{channel}>")
            assert (found.address, found.title) == (Address("discord", channel), "Lab #papers")
            assert (found.manages, found.writes, found.group) == (manages, True, guild["id"])
            guild["channels"][0]["permission_overwrites"] = [
                {"id": APPLICATION, "type": 1, "allow": "0", "deny": str(Permissions(send_messages=True).value)}
            ]
            stranger = await discord.standing("discord:8", channel)
            assert (stranger.manages, stranger.writes) == (False, False)
            with pytest.raises(PaperroundError):
                await discord.standing("discord:7", "112233445566778899")
        finally:
            await discord.stop()
        assert fake.violations == []


def test_overwrites_count_as_discord_counts_them() -> None:
    """https://discord.com/developers/docs/topics/permissions#permission-overwrites: everyone, roles, the member."""
    guild: dict[str, Any] = {
        "id": "1", "owner_id": "9",
        "roles": [{"id": "1", "permissions": "3072"}, {"id": "2", "permissions": "0"}],
    }  # fmt: skip
    over = [
        {"id": "1", "allow": "0", "deny": "3072"}, {"id": "2", "allow": "2048", "deny": "1024"},
        {"id": "7", "allow": "1024", "deny": "0"},
    ]  # fmt: skip
    channel = {"permission_overwrites": over}
    assert permissions(guild, channel, {"roles": ["2"]}, "7").value == 3072
    assert permissions(guild, channel, {"roles": ["2"]}, "8").value == 2048
    assert permissions(guild, channel, {"roles": []}, "8").value == 0
    assert permissions(guild, channel, {"roles": []}, "9") == Permissions.all()
