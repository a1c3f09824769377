"""Days on which the machine or the calendar misbehaves: a full disk, a locked database, clocks that jump."""

from __future__ import annotations

import signal
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.carrier import Carrier
from bot.digests import next_due
from bot.model import Address, Chat, DeliveryState, EmptyDay, Subscription
from bot.planning import Planner
from storage.store import SqlStore, open_store
from tests.databases import sqlite_url
from tests.faults.town import NINE, Town, here, lora, once, town_in
from tests.wire import Wall, Wire

PAPERS = 3
LIMITED = """\
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""A disk that is full for files beyond so many bytes: the system refuses each write past them."""


def everywhere(town: Town, count: int) -> list[Address]:
    channels = town.discord.add_guild("Lab of many", tuple(f"c{n}" for n in range(count // 2)))
    return [Address("discord", channel) for channel in channels] + [here(n) for n in range(1, count // 2 + 1)]


def states(town: Town) -> Counter[str]:
    with town.opened() as store, store.reading() as tx:
        counts = tx.counts()
    return Counter({state.value: counts[f"deliveries.{state.value}"] for state in DeliveryState})


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
async def test_a_full_disk_stops_a_round_and_once_there_is_room_the_rest_arrives(tmp_path: Path) -> None:
    async with town_in(tmp_path) as town:
        chats = everywhere(town, 60)
        town.chat(*chats)
        town.give(PAPERS)
        await town.round(NINE - timedelta(hours=1))  # reads the feed; nobody is due
        data = town.folder / "data"
        largest = max(file.stat().st_size for file in data.rglob("*") if file.is_file())
        full = town.program("round", "--at", NINE.isoformat())
        full.before = (sys.executable, "-c", LIMITED, str(largest + 150_000))
        async with full:
            ended = await full.ended()
        assert ended == 75, full.log
        assert "the database did not do it" in full.log and "Traceback" not in full.log
        assert states(town)["sent"] < len(chats)
        for hours in (1, 2):
            await town.round(NINE + timedelta(hours=hours), status=None)
        assert states(town)["sent"] == len(chats)
        for chat in chats:
            found = town.on_discord(chat.chat) if chat.platform == "discord" else town.on_telegram(int(chat.chat))
            assert found.keys() == once(PAPERS).keys()
            assert chat.platform == "telegram" or found == once(PAPERS), "Discord drops what comes twice"


async def test_a_database_that_another_process_locks_for_a_while_delays_a_round_and_nothing_else(
    tmp_path: Path,
) -> None:
    async with town_in(tmp_path) as town:
        chats = everywhere(town, 20)
        town.chat(*chats)
        town.give(PAPERS)
        locked = threading.Event()

        def lock(message: dict[str, Any]) -> None:
            if locked.is_set() or len(town.telegram.sent) < 3:
                return
            locked.set()
            other = sqlite3.connect(town.folder / "data" / "paperround.db", check_same_thread=False, timeout=30)
            other.execute("BEGIN EXCLUSIVE")
            threading.Timer(1.0, other.close).start()  # which undoes what it began

        town.telegram.before_answer = lock
        program = await town.round()
        assert locked.is_set() and "Traceback" not in program.log
        assert states(town)["sent"] == len(chats)
        assert {frozenset(town.on_telegram(n).items()) for n in range(1, 11)} == {frozenset(once(PAPERS).items())}


async def test_a_clock_that_is_set_back_an_hour_doubles_nothing_and_loses_nothing(tmp_path: Path) -> None:
    async with town_in(tmp_path) as town:
        chats = everywhere(town, 60)
        town.chat(*chats)
        town.give(PAPERS)
        async with town.program("round", "--at", NINE.isoformat()) as program:
            town.discord.arrived = lambda message: program.signal(signal.SIGKILL) if enough() else None

            def enough() -> bool:
                return sum(map(len, town.discord.sent.values())) == 5

            assert await program.ended() == -signal.SIGKILL
        town.discord.arrived = lambda message: None
        under_way = {chat.chat for chat in chats if chat.platform == "telegram" and town.texts(chat)}
        back = NINE - timedelta(hours=1)
        await town.round(back, status=None)
        # What the dead had leased waits for the end that its lease was given, an hour and two minutes on.
        await town.round(NINE + timedelta(minutes=3), status=None)
        assert states(town)["sent"] == len(chats)
        for chat in chats:
            if chat.platform == "discord":
                assert town.on_discord(chat.chat) == once(PAPERS)
            elif chat.chat not in under_way:
                assert town.on_telegram(int(chat.chat)) == once(PAPERS)
        town.give(PAPERS)
        before = len(town.telegram.sent)
        await town.round(back + timedelta(hours=23), status=None)
        assert len(town.telegram.sent) == before


class Months:
    """Chats in any zone, a paper every day, and a look at what is due every half an hour."""

    def __init__(self, store: SqlStore) -> None:
        self.store, self.wall, self.wire = store, Wall(), Wire()
        self.came: list[tuple[str, datetime, str]] = []
        self.wire.answers = self._note
        self.planner = Planner(store, ("cs.CL",), time(14, 0), self.wall)
        self.carrier = Carrier(store, {"telegram": self.wire}, True, self.wall)

    def _note(self, address: Address, text: str) -> None:
        self.came.append((address.chat, self.wall.at, text))

    def chat(self, name: str, zone: str, at: time, days: frozenset[int] = frozenset(range(1, 8))) -> None:
        with self.store.transaction() as tx:
            chat = Chat(0, Address("telegram", name), timezone=zone, time=at, days=days, empty_day=EmptyDay.SILENT)
            held = tx.open_chat(chat)
            tx.put_chat(replace(held, due_at=next_due(held, self.wall.at)))
            tx.subscribe(Subscription(0, held.id, "LoRA"))

    async def live(self, days: int) -> None:
        for half_hour in range(days * 48):
            if half_hour % 48 == 0:
                number = half_hour // 48 + 1
                with self.store.transaction() as tx:
                    tx.add([lora(number)], self.wall.at)
            if self.planner.plan():
                await self.carrier.deliver()
            self.wall.at += timedelta(minutes=30)

    def dates(self, name: str, zone: str) -> list[date]:
        """The chat's own dates of its digests, as they came."""
        return [at.astimezone(ZoneInfo(zone)).date() for chat, at, _ in self.came if chat == name]


@pytest.fixture
def months(tmp_path: Path) -> Iterator[Months]:
    store = open_store(sqlite_url(tmp_path))
    yield Months(store)
    store.close()


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("America/New_York", date(2025, 3, 9)),
        ("America/New_York", date(2025, 11, 2)),
        ("Europe/Berlin", date(2025, 3, 30)),
        ("Europe/Berlin", date(2025, 10, 26)),
        ("Australia/Lord_Howe", date(2025, 4, 6)),
        ("Australia/Lord_Howe", date(2025, 10, 5)),
    ],
)
async def test_a_day_on_which_the_clocks_change_brings_one_digest_as_any_other(
    months: Months, zone: str, change: date
) -> None:
    months.wall.at = begin = datetime.combine(change - timedelta(days=1), time(), UTC)
    hours = {"skipped": time(2, 15), "midnight": time(0, 0), "morning": time(8, 0)}
    for name, at in hours.items():
        months.chat(name, zone, at)
    await months.live(4)
    local = ZoneInfo(zone)
    assert begin.astimezone(local).utcoffset() != months.wall.at.astimezone(local).utcoffset()
    for name in hours:
        dates = months.dates(name, zone)
        assert len(dates) >= 3
        assert dates == [dates[0] + timedelta(days=n) for n in range(len(dates))], f"{name}: one a day"
    assert months.wire.told().keys() == {1, 2, 3, 4}
    each = Counter((chat, text) for chat, _, text in months.came)
    assert set(each.values()) == {1}, "no paper twice"


@pytest.mark.parametrize("last", [date(2024, 12, 31), date(2028, 2, 29), date(2028, 12, 31)])
async def test_the_end_of_a_leap_year_and_its_leap_day_bring_one_digest_a_day(months: Months, last: date) -> None:
    begin = datetime.combine(last - timedelta(days=2), time(), UTC)
    zones = ("Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago")
    months.wall.at = begin
    for zone in zones:
        months.chat(zone, zone, time(8, 0))
    months.chat("weekly", "UTC", time(8, 0), frozenset({last.isoweekday()}))
    await months.live(5)
    for zone in zones:
        dates = months.dates(zone, zone)
        assert dates == [dates[0] + timedelta(days=n) for n in range(len(dates))]
        assert {last, last + timedelta(days=1)} <= set(dates)
    assert set(months.dates("weekly", "UTC")) == {last}
    assert all(f"paper <{n}>" in "".join(text for chat, _, text in months.came if chat == "weekly") for n in (1, 2, 3))
