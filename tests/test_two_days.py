"""The real program as a process, against servers on loopback: two real days for readers on both platforms."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.databases import PostgresServer
from tests.databases import postgres_server as postgres_server
from tests.paths import ROOT, SHARED
from tests.program import Program, environment, of_platforms, round_at
from tests.servers.discord import MANAGE_GUILD, FakeDiscord, text_of
from tests.servers.discord_objects import buttons_in
from tests.servers.feeds import Answer, FeedServer
from tests.servers.telegram import FakeTelegram

FEEDS = SHARED / "data" / "arxiv-feeds"
QUERY = "cs.CL+cs.CV+cs.MM+cs.LG+cs.SI"
DAYS = ("2025-04-04", "2025-04-07")
READER, GROUP, OWNER = 501, -100777, 601

pytestmark = pytest.mark.skipif(not FEEDS.is_dir(), reason="the real feeds are not beside the project")


def entries(text: str) -> list[str]:
    """The titles of a digest's numbered lines."""
    return re.findall(r"^\d+\. (.+)$", text.replace("**", ""), re.MULTILINE)


async def followed(telegram: FakeTelegram, user: int) -> None:
    """``user`` presses Follow under the last message, a dry run, which then says that it is followed."""
    message = telegram.sent[-1]
    (follow, *_), *_ = message["reply_markup"]["inline_keyboard"]
    telegram.push_callback(message["message_id"], follow["callback_data"], user)
    await telegram.until(lambda t: "Subscribed" in message["visible"], 30)


async def test_two_days_for_readers_on_both_platforms(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """On PostgreSQL; most other tests of whole programs are on SQLite."""
    more = {"PAPERROUND_DATABASE_URL": postgres_server.database()}
    feeds, discord = FeedServer(), FakeDiscord()
    (channel,) = discord.add_guild()
    await feeds.start()
    await discord.start()
    with FakeTelegram() as telegram:
        try:
            await walk(tmp_path, telegram, discord, feeds, channel, more)
        finally:
            await discord.stop()
            await feeds.stop()
    assert telegram.violations == []
    assert discord.violations == []


async def walk(
    folder: Path, telegram: FakeTelegram, discord: FakeDiscord, feeds: FeedServer, channel: str, more: dict[str, str]
) -> None:
    more |= {"PAPERROUND_ARXIV__CATEGORIES": QUERY.replace("+", ","), "PAPERROUND_ADMINS": f"telegram:{READER}"}
    env = environment(folder, f"{feeds.url}/rss", **of_platforms(telegram, discord), **more)
    serve = [Answer((FEEDS / f"{day}__{QUERY}.xml").read_bytes(), etag=f'"{day}"') for day in DAYS]
    feeds.put(f"/rss/{QUERY}", serve[0])
    telegram.add_chat(GROUP, "supergroup", "Readers", is_forum=True)
    telegram.admins.add((GROUP, OWNER))

    async with Program(folder, env, "run") as program:
        await discord.connected(30)
        telegram.push_message(READER, READER, "/subscribe LoRA")
        await telegram.until(lambda t: [m for m in t.sent if m["chat_id"] == READER], 60)
        await followed(telegram, READER)
        assert "Subscribed to LoRA" in telegram.sent[-1]["visible"]
        telegram.push_message(READER, READER, '/subscribe "language model" OR LLM')
        await telegram.until(lambda t: len([m for m in t.sent if m["chat_id"] == READER]) > 1, 60)
        await followed(telegram, READER)
        telegram.push_message(GROUP, OWNER, "/subscribe reasoning", thread=9)
        await telegram.until(lambda t: [m for m in t.sent if m["chat_id"] == GROUP], 30)
        await followed(telegram, OWNER)
        asked = await discord.push_command(channel, "88", "subscribe", {"query": "diffusion model"}, MANAGE_GUILD)
        await asked.answered(1)
        proposed = asked.messages[-1]
        follow = next(one["custom_id"] for one in buttons_in(proposed["components"]) if one["label"] == "Follow")
        pressed = await discord.push_component(proposed["id"], follow, "88", MANAGE_GUILD)
        await pressed.until(lambda _: "Subscribed to diffusion model" in text_of(discord.find_message(proposed["id"])))
        for text in ("/nonsense", "/paper", "/paper ((((", "/paper " + "x" * 4000, "/paper 2504.99999"):
            before = len(telegram.sent)
            telegram.push_message(READER, READER, text)
            await telegram.until(lambda t, n=before: len(t.sent) > n, 30)  # type: ignore[misc]
    for secret in (telegram.token.partition(":")[2], discord.token):
        assert secret not in program.log
    assert "Traceback" not in program.log

    telegram.sent.clear()
    discord.sent.clear()
    first = datetime.now(UTC).replace(hour=9, minute=0, second=0) + timedelta(days=1)
    done = await round_at(folder, env, first)
    assert (done["planned"], done["sent"], done["failed"]) == (3, 3, 0)
    one = {title for m in telegram.sent if m["chat_id"] == READER for title in entries(m["visible"])}
    assert one and "Friday 4 April" in telegram.sent[0]["visible"] + telegram.sent[-1]["visible"]
    threads = {m.get("message_thread_id") for m in telegram.sent if m["chat_id"] == GROUP}
    assert threads == {9}
    posted = "\n".join(text_of(m) for m in discord.messages(channel))
    assert "for diffusion model, Friday 4 April" in posted
    assert re.search(r"arxiv\.org/abs/2504\.\d{5}", posted)

    again = await round_at(folder, env, first + timedelta(minutes=5))
    assert (again["planned"], again["sent"]) == (0, 0)

    telegram.sent.clear()
    feeds.put(f"/rss/{QUERY}", serve[1])
    done = await round_at(folder, env, first + timedelta(days=3))
    assert done["sent"] == 3, done
    two = {title for m in telegram.sent if m["chat_id"] == READER for title in entries(m["visible"])}
    assert two and not one & two, "nothing comes twice"
    async with Program(folder, env, "run") as program:
        await turn_the_pages(telegram)
    assert "Traceback" not in program.log


async def turn_the_pages(telegram: FakeTelegram) -> None:
    """A paper of each message of the private digest opens in its place, and Back brings that back as it was."""
    pushed = [message for message in telegram.sent if message["chat_id"] == READER]

    async def pressed(message: dict[str, Any], data: str) -> None:
        before = len(telegram.edited)
        telegram.push_callback(message["message_id"], data, READER)
        await telegram.until(lambda t: len(t.edited) > before, 30)

    for message in pushed:
        was = {name: message[name] for name in ("visible", "entities", "reply_markup")}
        rows = message["reply_markup"]["inline_keyboard"]
        numbers = [button for row in rows for button in row if button["text"].isdecimal()]
        assert len(numbers) == len(entries(message["visible"])) > 0
        for number in numbers[-1:]:
            await pressed(message, number["callback_data"])
            assert "Save" in str(message["reply_markup"]) and "blockquote" in str(message["entities"])
            (back,) = message["reply_markup"]["inline_keyboard"][-1]
            await pressed(message, back["callback_data"])
            assert {name: message[name] for name in was} == was
    assert len([message for message in telegram.sent if message["chat_id"] == READER]) == len(pushed), "nothing is new"


def test_a_broken_configuration_names_every_problem_and_ends(tmp_path: Path) -> None:
    env = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT),
        "PAPERROUND_ACCESS": "everyone", "PAPERROUND_TELEGRAM__TOKEN": "no-colon-here", "PAPERROUND_ADMINS": "me",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "bot", "run"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    for key in ("PAPERROUND_ACCESS", "PAPERROUND_TELEGRAM__TOKEN", "PAPERROUND_ADMINS"):
        assert key in done.stderr
    assert "no-colon-here" not in done.stderr
