"""A document for one person: sent on every platform, and never before a group."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.chats.console import Console
from adapters.chats.telegram_files import send_file
from bot.errors import Refused
from bot.model import Address
from bot.replies import File, Reply, paragraph
from tests.adapters.discord_desk import NotingDesk, listening
from tests.servers.discord import MANAGE_GUILD, FakeDiscord
from tests.servers.telegram import FakeTelegram
from tests.servers.telegram_bot import CHANNEL, GROUP, READER, Notebook, bot_on, unpaced

CONTENT = '{"title": "Zebrafinken – 斑胸草雀", "zeros": "\\u0000"}\n'.encode() * 400
FILE = File("paperround-data.json", CONTENT, "It is with you alone.", "I may not write to you.")
REPLY = Reply((paragraph("All of it."),), private=True, file=FILE)


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram() as fake:
        yield fake
    assert fake.violations == []


@pytest.fixture
async def discord() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake


def with_file() -> Notebook:
    desk = Notebook()
    desk.reply = lambda _: REPLY
    return desk


async def test_in_private_on_telegram_it_follows_the_answer(telegram: FakeTelegram) -> None:
    telegram.push_message(READER, READER, "/mydata")
    async with bot_on(telegram, with_file()):
        await telegram.until(lambda s: s.documents)
    assert telegram.documents == [(READER, FILE.name, CONTENT)]
    assert [message["visible"] for message in telegram.sent] == ["All of it."]


async def test_asked_for_in_a_group_on_telegram_it_goes_to_the_persons_own_chat(telegram: FakeTelegram) -> None:
    telegram.push_message(GROUP, READER, "/paper x")
    async with bot_on(telegram, with_file()):
        await telegram.until(lambda s: len(s.sent) == 2)
    assert telegram.documents == [(READER, FILE.name, CONTENT)]
    assert [(message["chat_id"], message["visible"]) for message in telegram.sent] == [
        (READER, "All of it."), (GROUP, FILE.sent),
    ]  # fmt: skip


async def test_who_never_pressed_start_is_told_so_in_the_group(telegram: FakeTelegram) -> None:
    telegram.refused[READER] = (403, "Forbidden: bot can't initiate conversation with a user")
    telegram.push_message(GROUP, READER, "/paper x")
    async with bot_on(telegram, with_file()):
        await telegram.until(lambda s: s.sent)
    assert telegram.documents == []
    assert [(message["chat_id"], message["visible"]) for message in telegram.sent] == [(GROUP, FILE.unsent)]


@pytest.mark.parametrize("chat", [GROUP, CHANNEL])
async def test_who_has_no_name_on_telegram_gets_nothing_and_neither_does_the_chat(
    telegram: FakeTelegram, chat: int
) -> None:
    telegram.add_chat(CHANNEL, "channel")
    telegram.push_message(chat, None, "/paper x", sender_chat=chat)
    async with bot_on(telegram, with_file()):
        await telegram.until(lambda s: s.sent)
    assert telegram.documents == []
    assert [message["visible"] for message in telegram.sent] == [FILE.unsent]


async def test_a_file_can_by_no_way_be_sent_to_a_group_on_telegram(telegram: FakeTelegram) -> None:
    async with bot_on(telegram) as bot:
        for chat in (GROUP, CHANNEL):
            with pytest.raises(Refused):
                await send_file(bot._bot, unpaced(), Address("telegram", str(chat)), FILE)
    assert telegram.calls == []


@pytest.mark.parametrize("place", ["server", "private"])
async def test_on_discord_only_who_asked_sees_it(discord: FakeDiscord, place: str) -> None:
    channel = discord.add_guild()[0] if place == "server" else discord.add_dm("2")
    async with listening(discord, NotingDesk(REPLY)):
        exchange = await (await discord.push_command(channel, "2", "help", permissions=MANAGE_GUILD)).answered()
    assert discord.files == {FILE.name: CONTENT}
    assert [message["flags"] & 64 for message in exchange.messages] == [64]
    assert exchange.text == "All of it."


async def test_on_discord_a_slow_answer_shows_it_to_nobody_else_either(discord: FakeDiscord) -> None:
    (channel,) = discord.add_guild()
    desk = NotingDesk(Reply(REPLY.blocks, file=FILE))
    desk.delay = 0.2
    async with listening(discord, desk, patience=0.05):
        exchange = await (await discord.push_command(channel, "2", "help", permissions=MANAGE_GUILD)).answered(2)
    assert exchange.callback is not None and exchange.callback["type"] == 5
    public, private = exchange.messages
    assert (public["flags"] & 64, public["content"]) == (0, FILE.sent)
    assert (private["flags"] & 64, private["content"]) == (64, "All of it.")
    assert discord.files == {FILE.name: CONTENT}


def test_the_console_writes_its_text() -> None:
    out = io.StringIO()
    Console(out).show(Reply(REPLY.blocks, file=File("x.json", b'{"title": "\x1b[2J \xff"}', "", "")))
    assert '{"title": "[2J' in out.getvalue()
    assert "\x1b" not in out.getvalue()
