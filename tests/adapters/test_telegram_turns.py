"""One process reads a bot's updates; others stand by, and nothing is answered twice or lost when it changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.chats import telegram_polling
from adapters.chats.telegram import Telegram
from adapters.chats.telegram_pace import Pace
from tests.servers.telegram import TOKEN, FakeTelegram
from tests.servers.telegram_bot import READER, Notebook, unpaced


class Turns:
    """Whose turn it is, by the number of the process."""

    def __init__(self) -> None:
        self.whose = 0

    @asynccontextmanager
    async def process(self, number: int, server: FakeTelegram, desk: Notebook) -> AsyncIterator[Telegram]:
        async def turn(_: str) -> bool:
            return self.whose == number

        bot = Telegram(TOKEN, server.url, unpaced(), turn)
        await bot.start(desk)
        try:
            yield bot
        finally:
            await bot.stop()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telegram_polling, "STANDBY_SECONDS", 0.02)
    monkeypatch.setattr(telegram_polling, "POLL_SECONDS", 1)


def answers(server: FakeTelegram) -> list[str]:
    return sorted(message["visible"] for message in server.sent)


async def test_one_reads_and_the_other_takes_over(caplog: pytest.LogCaptureFixture) -> None:
    turns, desks = Turns(), [Notebook(), Notebook()]
    with FakeTelegram() as server, caplog.at_level("INFO"):
        async with turns.process(0, server, desks[0]), turns.process(1, server, desks[1]):
            server.push_message(READER, READER, "/paper one")
            await server.until(lambda t: len(t.sent) == 1)
            turns.whose = 1
            await asyncio.sleep(0)
            server.push_message(READER, READER, "/paper two")
            await server.until(lambda t: len(t.sent) == 2, 10)
        assert answers(server) == ["You said paper one", "You said paper two"]
        assert "another process reads the updates; this one stands by" in caplog.text
        assert "this process reads the updates now" in caplog.text


async def test_what_came_in_while_a_process_stalled_is_left_to_who_reads_now() -> None:
    turns, desk = Turns(), Notebook()
    with FakeTelegram() as server:
        async with turns.process(0, server, desk):
            await server.until(lambda t: any(call == "getUpdates" for call, _ in t.calls))
            turns.whose = 1
            server.push_message(READER, READER, "/paper LoRA")
            await asyncio.sleep(0.2)
            calls = len(server.calls)
            await asyncio.sleep(0.2)
            assert len(server.calls) == calls, "it asks no more"
        assert not desk.asked
        assert len(server._updates) == 1, "and confirms nothing that it did not serve"
        other = Notebook()
        async with turns.process(1, server, other):
            await server.until(lambda t: len(t.sent) == 1)
        assert len(other.asked) == 1


async def test_a_process_sends_its_part_of_the_limit_and_nothing_without_one() -> None:
    now, part = 0.0, 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now, part
        now += seconds
        if now > 1:
            part = 1 / 3

    pace = Pace(clock=lambda: now, sleep=sleep, part=lambda: part)
    left = []
    for chat in range(31):
        await pace.turn(str(chat))
        left.append(now)
    assert left[0] > 1, "not before it has a part"
    assert left[-1] - left[0] == pytest.approx(3.0, abs=0.1), "ten a second, where one alone sends thirty"


@pytest.mark.parametrize("part", [1.0, 4 / 9, 1 / 9, 1 / 40])
async def test_the_parts_of_a_limit_are_kept_to_even_where_they_are_less_than_one_a_second(part: float) -> None:
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pace = Pace(clock=lambda: now, sleep=sleep, part=lambda: part)
    for chat in range(200):
        await pace.turn(str(chat))
    first = max(1, int(30 * part))
    assert (200 - first) / now <= 30 * part * 1.001


async def test_in_a_crowd_the_updates_of_a_moment_are_fetched_together(monkeypatch: pytest.MonkeyPatch) -> None:
    # Long beside the moment between two that are pushed, so that a slow machine changes nothing.
    monkeypatch.setattr(telegram_polling, "CROWDED_SECONDS", 10.0)
    monkeypatch.setattr(telegram_polling, "GATHERING_SECONDS", 0.5)
    turns, desk = Turns(), Notebook()
    with FakeTelegram() as server:
        async with turns.process(0, server, desk):
            server.push_message(READER, READER, "/paper first")
            await server.until(lambda t: len(t.sent) == 1)
            server.push_message(READER, READER, "/paper second")
            await server.until(lambda t: len(t.sent) == 2)
            asked = sum(call == "getUpdates" for call, _ in server.calls)
            for n in range(8):
                server.push_message(READER + n, READER + n, f"/paper {n}")
                await asyncio.sleep(0.01)
            await server.until(lambda t: len(t.sent) == 10)
            assert sum(call == "getUpdates" for call, _ in server.calls) - asked <= 3
