"""Processes that run the same bot together: one opens each door, all share the platform's limits."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest

from bot import crew as crews
from bot import tenure as tenures
from bot.crew import HOLD, SETTLE, Crew, part_of
from bot.doctor import about_processes
from bot.errors import TryLater
from bot.ports import Store
from bot.tenure import INGEST, LENGTH, Occupied, Tenure, alone, alone_async
from storage.store import SqlStore, open_store
from tests.databases import sqlite_url

MOMENT = timedelta(seconds=1)


class Wall:
    def __init__(self) -> None:
        self.at = datetime(2025, 4, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    made = open_store(sqlite_url(tmp_path_factory.mktemp("crew")))
    yield made
    made.close()


@pytest.fixture
def store(opened: SqlStore) -> SqlStore:
    with opened.transaction() as tx:
        for name, owner in tx.leases("", datetime(2000, 1, 1, tzinfo=UTC)).items():
            tx.end_lease(name, owner)
    return opened


@pytest.fixture
def wall() -> Wall:
    return Wall()


async def test_a_door_is_opened_by_one_and_by_another_when_that_one_is_silent(store: Store, wall: Wall) -> None:
    one, other = Crew(store, wall), Crew(store, wall)
    assert await one.turn("telegram 1")("")
    assert not await other.turn("telegram 1")("")
    assert await other.turn("telegram 2")(""), "another bot's door"
    wall.at += HOLD - MOMENT
    await one.beat()
    wall.at += 2 * MOMENT
    assert not await other.holds("listen telegram 1")
    wall.at += HOLD
    assert await other.holds("listen telegram 1")
    assert not await one.holds("listen telegram 1"), "it stalled, and looks again before it goes on"
    await other.leave()
    assert await one.holds("listen telegram 1"), "who leaves lets the next one in at once"


async def test_who_died_on_this_machine_is_not_waited_for(store: Store, wall: Wall) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    living = tenures.name_of("paperround run")
    dead = living.replace(f"process {os.getpid()} ", f"process {ended.pid} ")
    elsewhere = dead.replace(socket.gethostname(), "attic")
    assert [tenures.is_gone(owner) for owner in (living, dead, elsewhere, "somebody")] == [False, True, False, False]
    with store.transaction() as tx:
        for name, owner in (("telegram 1", dead), ("telegram 2", elsewhere), ("telegram 3", living)):
            tx.take_lease(f"listen {name}", owner, wall.at, wall.at + HOLD)
        tx.take_lease("sender telegram deliver 1", dead, wall.at, wall.at + HOLD)
        tx.take_lease(INGEST, dead, wall.at, wall.at + HOLD)
    one = Crew(store, wall)
    one.sends("telegram", "deliver")
    assert [await one.turn(f"telegram {n}")("") for n in (1, 2, 3)] == [True, False, False]
    assert one.part("telegram") == 1
    with alone(store, INGEST, "paperround import", wall, patience=1):
        pass


async def test_each_shard_is_a_door_of_its_own(store: Store, wall: Wall) -> None:
    one, other = Crew(store, wall).turn("discord"), Crew(store, wall).turn("discord")
    assert await one("0/2")
    assert await other("1/2")
    assert not await one("1/2")
    assert not await other("0/2")


async def test_what_may_begin_once_in_a_while_begins_so_over_all_processes(store: Store, wall: Wall) -> None:
    one, other = Crew(store, wall), Crew(store, wall)
    await one.spaced("discord", 5)("0")
    await other.spaced("discord", 5)("1")
    waits = asyncio.ensure_future(other.spaced("discord", 5)("0"))
    assert not other._begin("begin discord 0", timedelta(seconds=5))
    wall.at += timedelta(seconds=5)
    await waits
    assert not one._begin("begin discord 0", timedelta(seconds=5))


async def test_a_process_alone_has_the_whole_limit_at_once(store: Store, wall: Wall) -> None:
    one = Crew(store, wall)
    one.sends("telegram", "deliver")
    assert one.part("telegram") == 0, "nobody was asked yet"
    await one.beat()
    assert one.part("telegram") == 1
    assert one.part("discord") == 1, "it was not said that it sends there"


async def test_a_newcomer_is_silent_until_the_others_have_seen_it(store: Store, wall: Wall) -> None:
    one, other, third = Crew(store, wall), Crew(store, wall), Crew(store, wall)
    one.sends("telegram", "deliver")
    await one.beat()
    other.sends("telegram", "deliver")
    third.sends("telegram", "answer")
    await other.beat()
    await third.beat()
    assert (other.part("telegram"), third.part("telegram")) == (0, 0)
    wall.at += SETTLE
    for crew in (one, other, third):
        await crew.beat()
    parts = [crew.part("telegram") for crew in (one, other, third)]
    assert parts == [4 / 9, 4 / 9, 1 / 9]
    await other.leave()
    for crew in (one, third):
        await crew.beat()
    assert [crew.part("telegram") for crew in (one, third)] == [4 / 5, 1 / 5]


async def test_the_parts_are_never_more_than_the_limit(store: Store, wall: Wall) -> None:
    """Whoever comes, goes or stalls: a second at a time, each beating when it is its time."""
    crews_: list[Crew] = []
    beats: dict[Crew, int] = {}
    stalled: set[Crew] = set()
    for second in range(120):
        if second % 17 == 0:
            crews_.append(crew := Crew(store, wall))
            crew.sends("telegram", "answer" if second % 2 else "deliver")
            await crew.beat()
            beats[crew] = second
        if second == 60:
            stalled.add(crews_[0])
        if second == 90:
            stalled.clear()
        if second == 100:
            await crews_.pop(1).leave()
        awake = [crew for crew in crews_ if crew not in stalled]
        for crew in awake:
            if (second - beats[crew]) % int(crews.BEAT) == 0 and second - beats[crew]:
                await crew.beat()
        assert sum(crew.part("telegram") for crew in awake) <= 1 + 1e-9, second
        wall.at += MOMENT
    wall.at += SETTLE
    for crew in crews_:
        await crew.beat()
    assert sum(crew.part("telegram") for crew in crews_) == pytest.approx(1), "nothing is left unused for long"


def test_parts_are_weighed_by_what_a_process_does() -> None:
    seats = {"sender telegram deliver 1": "a", "sender telegram answer 1": "b"}
    assert part_of(seats, "sender telegram deliver 1") == 4 / 5
    assert part_of({}, "sender telegram answer 1") == 1


async def test_a_database_that_is_away_changes_nothing(
    store: SqlStore, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Crew(store, wall)
    one.sends("telegram", "deliver")
    assert await one.holds("listen telegram 1")

    def away() -> AbstractContextManager[object]:
        raise TryLater("the database is away")

    monkeypatch.setattr(store, "transaction", away)
    wall.at += 2 * HOLD
    await one.beat()
    assert await one.holds("listen telegram 1")
    assert one.part("telegram") == 1
    await one.leave()


def test_who_brings_papers_in_is_named_to_those_who_come_between(store: Store, wall: Wall) -> None:
    with (
        alone(store, INGEST, "paperround import", wall),
        pytest.raises(Occupied, match=r"brought in by paperround import on .*, process \d+"),
        alone(store, INGEST, "paperround poll", wall, patience=0),
    ):
        raise AssertionError("not reached")
    with alone(store, INGEST, "paperround poll", wall, patience=0) as tenure, store.transaction() as tx:
        tenure.keep(tx)


async def test_who_waits_goes_on_when_the_other_ends(store: Store, wall: Wall) -> None:
    other = Tenure(store, INGEST, "other", wall)
    assert not other.take()
    asyncio.get_running_loop().call_later(0.1, other.end)
    async with alone_async(store, INGEST, "a poll", wall) as tenure:
        with store.transaction() as tx:
            tenure.keep(tx)


def test_each_write_makes_the_lease_longer_and_one_that_was_taken_over_writes_nothing(
    store: Store, wall: Wall
) -> None:
    slow, other = Tenure(store, INGEST, "slow", wall), Tenure(store, INGEST, "other", wall)
    assert not slow.take()
    for _ in range(3):
        wall.at += LENGTH - MOMENT
        with store.transaction() as tx:
            slow.keep(tx)
        assert other.take() == "slow"
    wall.at += LENGTH
    assert not other.take()
    other.end()
    with pytest.raises(TryLater, match="another took over"), store.transaction() as tx:
        slow.keep(tx)


def test_doctor_names_who_does_what_one_alone_may_do() -> None:
    here, there = "paperround run on attic, process 7 (1.ab)", "paperround import on cellar, process 9 (1.cd)"
    leases = {"ingest": there, "listen telegram 1": here, "sender telegram deliver 1": here}
    (finding,) = about_processes(leases)
    assert finding.what == (
        "paperround import on cellar, process 9: ingest; "
        "paperround run on attic, process 7: listen telegram 1, sender telegram deliver 1"
    )
    assert about_processes({}) == []
