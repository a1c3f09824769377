"""Carrying deliveries on a real database: whatever ends the process or troubles the platform, where it stands after."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.carrier import AT_ONCE, LEASE, MOST_STUMBLES, Carrier
from bot.drafts import grouped
from bot.errors import ChatGone, ChatMoved, PaperroundError, Refused, TryLater, Uncertain
from bot.model import (
    Address,
    Chat,
    ChatState,
    Delivery,
    DeliveryState,
    Digest,
    DigestKind,
    Layout,
    Match,
    News,
    NoticeKind,
    Subscription,
)  # fmt: skip
from bot.ports import Message, Transaction
from storage.store import SqlStore, open_store
from tests.databases import sqlite_url
from tests.feeds_text import paper
from tests.wire import NOW, Wall, Wire

PAPERS = 6
"""Papers of a digest; two go into one message."""


class Killed(BaseException):
    """The process ends here, without a clean-up."""


class Mortal:
    """A store at whose ``last``-th transaction for writing the process dies: before or after it is kept."""

    def __init__(self, store: SqlStore, last: int, kept: bool) -> None:
        self._store, self._left, self._kept = store, last, kept

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        self._left -= 1
        if not self._left and not self._kept:
            raise Killed
        with self._store.transaction() as tx:
            yield tx
        if not self._left:
            raise Killed

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        with self._store.reading() as tx:
            yield tx

    def held(self) -> AbstractContextManager[None]:
        return self._store.held()

    def close(self) -> None: ...


class Street:
    """A database with chats and a digest for each of them."""

    def __init__(self, store: SqlStore, platform: str = "telegram") -> None:
        self.store, self.wall, self.wire = store, Wall(), Wire(platform)
        self.wire.clock = self.wall
        with store.reading() as tx:
            keys = [f"arxiv:2504.{n:05d}" for n in range(1, PAPERS + 1)]
            self.papers = [found.id for key in keys if (found := tx.paper_by_key(key))]

    def carrier(self, repeat: bool = True, store: Any = None) -> Carrier:
        return Carrier(store or self.store, {self.wire.platform: self.wire}, repeat, self.wall)

    def plan(self, *chats: str, on: date = date(2025, 4, 8), due_at: datetime = NOW) -> list[Delivery]:
        made = []
        with self.store.transaction() as tx:
            for name in chats or ("5",):
                chat = tx.open_chat(Chat(0, Address(self.wire.platform, name)))
                tx.subscribe(Subscription(0, chat.id, "LoRA"))
                matches = tuple(Match(one, News.NEW, ("LoRA",)) for one in self.papers)
                digest = Digest(DigestKind.PAPERS, on, matches, len(matches), ("LoRA",), 1)
                made.append(
                    tx.plan(Delivery(0, chat.id, chat.address, digest, "en", Layout.BRIEF, due_at=due_at, made_at=NOW))
                )
        return made

    def stored(self, delivery: Delivery) -> Delivery:
        with self.store.reading() as tx:
            found = tx.delivery(delivery.id)
        assert found is not None
        return found

    def state(self, delivery: Delivery) -> DeliveryState:
        return self.stored(delivery).state

    async def later(self, carrier: Carrier, times: int = 20) -> None:
        """Let time go by, and deliver whenever something may be due."""
        for _ in range(times):
            self.wall.at += timedelta(minutes=15)
            await carrier.deliver()


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that knows the papers, to be copied."""
    folder = tmp_path_factory.mktemp("carrier")
    store = open_store(sqlite_url(folder))
    items = [paper(f"2504.{n:05d}", f"LoRA paper <{n}>", categories=("cs.CL",)) for n in range(1, PAPERS + 1)]
    with store.transaction() as tx:
        tx.add([replace(item, announced_on=date(2025, 4, 8)) for item in items], NOW)
    store.close()
    return folder / "paperround.db"


@contextmanager
def street_in(folder: Path, ready: Path, platform: str = "telegram") -> Iterator[Street]:
    shutil.copy(ready, folder / "paperround.db")
    store = open_store(sqlite_url(folder))
    try:
        yield Street(store, platform)
    finally:
        store.close()


@pytest.fixture
def street(tmp_path: Path, ready: Path) -> Iterator[Street]:
    with street_in(tmp_path, ready) as made:
        yield made


# One lease; for each of three messages a promise and an outcome, the last with the end.
WRITES = range(1, 8)


@pytest.mark.parametrize("kept", [False, True], ids=["before it is written", "after it is written"])
@pytest.mark.parametrize("at", WRITES)
@pytest.mark.parametrize("rule", ["discord", "telegram repeat", "telegram skip"])
async def test_wherever_the_process_dies_nothing_is_lost_and_only_the_message_under_way_may_come_twice(
    tmp_path: Path, ready: Path, rule: str, at: int, kept: bool
) -> None:
    platform, _, wish = rule.partition(" ")
    with street_in(tmp_path, ready, platform) as street:
        (delivery,) = street.plan()
        dying = street.carrier(wish != "skip", Mortal(street.store, at, kept))
        with pytest.raises(Killed):
            await dying.deliver()
        arrived = len(street.wire.arrived)
        under_way = (not kept and at in (3, 5, 7)) or (kept and at in (2, 4, 6))
        again = street.carrier(wish != "skip")
        street.wall.at += LEASE - timedelta(seconds=1)
        await again.deliver()
        if (at, kept) not in ((1, False), (8, True)):
            assert len(street.wire.arrived) == arrived, "the lease of the dead holds until it ends"
        street.wall.at += timedelta(seconds=2)
        await again.deliver()
        assert street.state(delivery) is DeliveryState.SENT
        told = street.wire.told()
        if platform == "discord" or not under_way:
            assert told == dict.fromkeys(range(1, PAPERS + 1), 1)
        elif wish == "skip":
            assert set(told.values()) == {1}
            missing = set(range(1, PAPERS + 1)) - set(told)
            assert len(missing) in (0, 2), "at most the message under way"
        else:
            assert set(told) == set(range(1, PAPERS + 1))
            assert sum(told.values()) - PAPERS in (0, 2) and max(told.values()) <= 2


async def test_who_is_stopped_in_the_middle_ends_its_message_and_another_goes_on_at_once(street: Street) -> None:
    (delivery,) = street.plan()
    street.wire.hold = asyncio.Event()
    first = street.carrier()
    delivering = asyncio.create_task(first.deliver())
    await street.wire.held.wait()
    stopping = asyncio.create_task(first.stop(60))
    await asyncio.sleep(0)
    street.wire.hold.set()
    await stopping
    assert (await delivering).postponed == 1
    assert street.wire.told() == {1: 1, 2: 1}
    assert not street.stored(delivery).lease_owner
    assert (await first.deliver()).sent == 0, "who was stopped begins nothing any more"
    await street.carrier().deliver()
    assert street.wire.told() == dict.fromkeys(range(1, PAPERS + 1), 1)
    assert street.state(delivery) is DeliveryState.SENT


@pytest.mark.parametrize("repeat", [True, False])
async def test_a_message_that_does_not_end_in_time_is_left_to_the_rule_for_uncertain_ones(
    street: Street, repeat: bool
) -> None:
    (delivery,) = street.plan()
    street.wire.hold = asyncio.Event()
    first = street.carrier(repeat)
    delivering = asyncio.create_task(first.deliver())
    await street.wire.held.wait()
    await first.stop(0.01)
    await delivering
    street.wire.hold = None
    await street.carrier(repeat).deliver()
    assert street.state(delivery) is DeliveryState.SENT
    assert set(street.wire.told()) == set(range(1 if repeat else 3, PAPERS + 1))


async def test_a_cancelled_round_gives_back_what_it_leased(street: Street) -> None:
    deliveries = street.plan("5", "6")
    street.wire.hold = asyncio.Event()
    delivering = asyncio.create_task(street.carrier().deliver())
    await street.wire.held.wait()
    delivering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivering
    assert [street.stored(one).lease_owner for one in deliveries] == ["", ""]
    street.wire.hold = None
    assert (await street.carrier().deliver()).sent == 2


async def test_who_lost_its_lease_sends_nothing_more(street: Street, caplog: pytest.LogCaptureFixture) -> None:
    (delivery,) = street.plan()
    street.wire.hold = asyncio.Event()
    slow = asyncio.create_task(street.carrier().deliver())
    await street.wire.held.wait()
    street.wall.at += LEASE + timedelta(seconds=1)
    held, street.wire.hold = street.wire.hold, None
    await street.carrier().deliver()
    assert street.state(delivery) is DeliveryState.SENT
    arrived = len(street.wire.arrived)
    held.set()
    await slow
    assert len(street.wire.arrived) == arrived + 1, "only the message that was on its way"
    assert "is another's now" in caplog.text


async def test_who_lost_its_lease_pauses_nobody_by_what_it_hears_late(street: Street) -> None:
    (delivery,) = street.plan()
    street.wire.hold = asyncio.Event()
    slow = asyncio.create_task(street.carrier().deliver())
    await street.wire.held.wait()
    street.wall.at += LEASE + timedelta(seconds=1)
    held, street.wire.hold = street.wire.hold, None
    await street.carrier().deliver()
    street.wire.answers = lambda address, text: ChatGone("the bot was blocked")
    held.set()
    await slow
    assert street.state(delivery) is DeliveryState.SENT
    with street.store.reading() as tx:
        chat = tx.chat(delivery.address)
    assert chat is not None and chat.state is ChatState.ACTIVE


async def test_a_limit_on_the_bot_as_a_whole_stops_every_chat_of_its_platform_until_then(
    street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    chats = [str(n) for n in range(1, AT_ONCE + 20)]
    made = street.plan(*chats)
    street.wire.answers = lambda address, text: TryLater("the whole bot", 600, everywhere=True)
    carrier = street.carrier()
    await carrier.deliver()
    assert len(street.wire.tried) <= AT_ONCE, "who was on its way already"
    assert len([line for line in caplog.messages if "nothing is sent to any chat before 08:10:00" in line]) == 1
    tried = len(street.wire.tried)
    street.wall.at += timedelta(minutes=9)
    await carrier.deliver()
    assert len(street.wire.tried) == tried
    street.wire.answers = lambda address, text: None
    street.wall.at += timedelta(minutes=2)
    await carrier.deliver()
    assert {street.state(one) for one in made} == {DeliveryState.SENT}
    assert set(Counter(address for address, _, _ in street.wire.arrived).values()) == {3}


async def test_a_limit_on_one_chat_delays_that_chat_alone(street: Street) -> None:
    slow, fast = street.plan("1", "2")
    street.wire.answers = lambda address, text: TryLater("flood", 7200) if address.chat == "1" else None
    await street.carrier().deliver()
    assert street.state(fast) is DeliveryState.SENT
    assert street.stored(slow).due_at == NOW + timedelta(hours=2)


async def test_a_chat_whose_platform_does_not_answer_holds_up_nobody_else(street: Street) -> None:
    street.plan(*(str(n) for n in range(1, 3 * AT_ONCE)))
    street.wire.hold = asyncio.Event()
    send = street.wire.send

    async def stalled(address: Address, payload: bytes, nonce: str) -> str:
        if address.chat == "1":
            return await send(address, payload, nonce)
        street.wire.arrived.append((address, payload.decode(), nonce))
        return nonce

    street.wire.send = stalled  # type: ignore[method-assign]
    delivering = asyncio.create_task(street.carrier().deliver())
    async with asyncio.timeout(60):
        while len(street.wire.arrived) < 3 * (3 * AT_ONCE - 2):
            await asyncio.sleep(0.01)
    street.wire.hold.set()
    assert (await delivering).sent == 3 * AT_ONCE - 1


@pytest.mark.parametrize("at_fault", [1, 2, 5, PAPERS])
async def test_only_the_paper_that_is_refused_in_every_form_is_left_out_and_named(
    street: Street, at_fault: int, caplog: pytest.LogCaptureFixture
) -> None:
    (delivery,) = street.plan()
    street.wire.answers = lambda address, text: Refused("can't parse") if f"paper <{at_fault}>" in text else None
    await street.carrier().deliver()
    assert street.wire.told() == {n: 1 for n in range(1, PAPERS + 1) if n != at_fault}
    assert street.state(delivery) is DeliveryState.SENT
    (line,) = [line for line in caplog.messages if "left out" in line]
    assert f"arxiv:2504.{at_fault:05d}" in line and "can't parse" in line
    assert sum("new papers for LoRA" in text for _, text, _ in street.wire.arrived) == 1


async def test_a_heading_at_fault_costs_no_paper(street: Street) -> None:
    (delivery,) = street.plan()
    street.wire.answers = lambda address, text: Refused("no") if "new papers for" in text else None
    await street.carrier().deliver()
    assert street.wire.told() == dict.fromkeys(range(1, PAPERS + 1), 1)
    assert street.state(delivery) is DeliveryState.SENT


async def test_a_digest_that_is_refused_whole_fails_and_is_over(street: Street) -> None:
    (delivery,) = street.plan()
    street.wire.answers = lambda address, text: Refused("no")
    carrier = street.carrier()
    assert (await carrier.deliver()).failed == 1
    tried = len(street.wire.tried)
    await street.later(carrier)
    assert len(street.wire.tried) == tried
    assert street.state(delivery) is DeliveryState.FAILED


async def test_a_paper_that_cannot_be_rendered_is_left_out_and_blocks_nobody(
    street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = street.plan("5", "6")
    street.wire.broken = "paper <3>"
    assert (await street.carrier().deliver()).sent == 2
    assert street.wire.told() == {n: 2 for n in range(1, PAPERS + 1) if n != 3}
    assert {street.state(one), street.state(other)} == {DeliveryState.SENT}
    assert "arxiv:2504.00003 is left out" in caplog.text


async def test_a_fault_of_the_program_ends_after_some_tries_and_the_chats_next_digest_comes(
    street: Street, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    (broken,) = street.plan()
    carrier = street.carrier()
    tries = 0

    def fails(*_: object) -> list[Message]:
        nonlocal tries
        tries += 1
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("bot.editions.drafts", fails)
        await carrier.deliver()
        assert tries == 1, "not at once again"
        await street.later(carrier, 40)
    assert tries == MOST_STUMBLES + 1
    assert street.state(broken) is DeliveryState.FAILED
    (following,) = street.plan(on=date(2025, 4, 9), due_at=street.wall.at)
    await carrier.deliver()
    assert street.state(following) is DeliveryState.SENT


async def test_a_platform_that_raises_what_it_should_not_is_treated_as_uncertain(street: Street) -> None:
    (delivery,) = street.plan()
    street.wire.answers = lambda address, text: RuntimeError("a bug of the platform's code")
    carrier = street.carrier()
    await carrier.deliver()
    assert street.state(delivery) is DeliveryState.UNCERTAIN
    tried = len(street.wire.tried)
    await carrier.deliver()
    assert len(street.wire.tried) == tried
    street.wire.answers = lambda address, text: None
    await street.later(carrier, 2)
    assert street.state(delivery) is DeliveryState.SENT


async def test_what_arrived_is_noted_even_where_the_database_is_busy_for_a_moment(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.carrier._RECORD_PAUSE", 0.001)
    (delivery,) = street.plan()
    write, busy = street.store.transaction, [False]

    @contextmanager
    def sometimes() -> Iterator[Any]:
        if street.wire.arrived and not busy[0]:
            busy[0] = True
            raise TryLater("the database is busy")
        with write() as tx:
            yield tx

    monkeypatch.setattr(street.store, "transaction", sometimes)
    await street.carrier().deliver()
    assert busy == [True]
    assert street.wire.told() == dict.fromkeys(range(1, PAPERS + 1), 1)
    assert street.state(delivery) is DeliveryState.SENT


NOTE = "Perhaps a repeat: this may have arrived before."


@pytest.mark.parametrize("repeat", [True, False])
async def test_a_repeat_is_marked_as_one_and_the_rest_of_the_digest_is_not(street: Street, repeat: bool) -> None:
    (delivery,) = street.plan()
    lost = [Uncertain("timed out"), Uncertain("timed out")]
    street.wire.answers = lambda address, text: lost.pop() if lost and "paper <3>" in text else None
    await street.later(street.carrier(repeat), 5)
    marked = [text.count(NOTE) for _, text, _ in street.wire.arrived]
    assert marked == ([0, 0, 1, 1, 0] if repeat else [0, 0, 0])
    assert set(street.wire.told()) == set(range(1, PAPERS + 1))
    assert street.state(delivery) is DeliveryState.SENT


@pytest.mark.parametrize("legible", [True, False])
@pytest.mark.parametrize("kept", [False, True], ids=["before it is written", "after it is written"])
@pytest.mark.parametrize("at", range(2, 8))
async def test_on_discord_a_process_dead_for_an_hour_loses_nothing_and_doubles_only_what_nobody_can_look_for(
    tmp_path: Path, ready: Path, at: int, kept: bool, legible: bool
) -> None:
    with street_in(tmp_path, ready, "discord") as street:
        (delivery,) = street.plan()
        street.wire.legible = legible
        with pytest.raises(Killed):
            await street.carrier(store=Mortal(street.store, at, kept)).deliver()
        street.wall.at += timedelta(hours=1)
        await street.carrier().deliver()
        assert street.state(delivery) is DeliveryState.SENT
        told = street.wire.told()
        assert set(told) == set(range(1, PAPERS + 1))
        marked = sum(text.startswith(NOTE) for _, text, _ in street.wire.arrived)
        if legible:
            assert set(told.values()) == {1} and not marked
        else:
            assert sum(told.values()) - PAPERS in (0, 2) and marked == (street.wire.looked > 0)


async def test_what_stays_in_doubt_while_the_platform_is_busy_for_hours_is_still_looked_for(
    tmp_path: Path, ready: Path
) -> None:
    with street_in(tmp_path, ready, "discord") as street:
        (delivery,) = street.plan()
        troubles = [TryLater("flood", 7200), Uncertain("timed out")]
        street.wire.answers = lambda address, text: troubles.pop() if troubles else None
        for minutes in (0, 1, 121):
            street.wall.at += timedelta(minutes=minutes)
            await street.carrier().deliver()
        assert street.state(delivery) is DeliveryState.SENT
        assert street.wire.told() == dict.fromkeys(range(1, PAPERS + 1), 1)
        assert street.wire.looked == 1, "once the nonce was forgotten"


@pytest.mark.parametrize(
    ("trouble", "kind", "subject"),
    [
        (ChatGone("the topic is closed"), NoticeKind.GONE, "telegram:5"),
        (ChatMoved("-1005"), NoticeKind.MOVED, "telegram:5"),
        (TryLater("the group is in slow mode", 7200), NoticeKind.SLOWED, "telegram:5"),
        (TryLater("a moment", 60), None, ""),
        (TryLater("the whole bot", 7200, everywhere=True), None, ""),
    ],
)
async def test_what_an_admin_should_know_is_noted_once(
    street: Street, trouble: PaperroundError, kind: NoticeKind | None, subject: str
) -> None:
    street.plan()
    street.wire.answers = lambda address, text: trouble if address.chat == "5" else None
    carrier = street.carrier()
    await carrier.deliver()
    await street.later(carrier, 30)
    with street.store.reading() as tx:
        found = [(notice.kind, notice.subject) for notice in tx.notices(9)]
    assert found == ([(kind, subject)] if kind else [])


async def test_a_paper_that_every_chat_is_refused_is_one_notice_and_a_failed_digest_another(street: Street) -> None:
    street.plan("5", "6")
    street.wire.answers = lambda address, text: Refused("can't parse") if "paper <2>" in text else None
    await street.carrier().deliver()
    (broken,) = street.plan("7")
    street.wire.answers = lambda address, text: Refused("no")
    await street.carrier().deliver()
    assert street.state(broken) is DeliveryState.FAILED
    with street.store.reading() as tx:
        found = {(notice.kind, notice.subject): notice.times for notice in tx.notices(20)}
    assert found[NoticeKind.LEFT_OUT, "arxiv:2504.00002"] == 3
    assert found[NoticeKind.FAILED, "telegram:7"] == 1


async def test_a_chat_that_cannot_be_reached_is_paused_alone_with_the_reason(
    street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    gone, there = street.plan("5", "6")
    street.wire.answers = lambda address, text: ChatGone("the bot was blocked") if address.chat == "5" else None
    carrier = street.carrier()
    await carrier.deliver()
    await street.later(carrier)
    assert (street.state(gone), street.state(there)) == (DeliveryState.UNREACHABLE, DeliveryState.SENT)
    assert [address.chat for address in street.wire.tried].count("5") == 1, "who blocked the bot is not asked again"
    with street.store.reading() as tx:
        chat = tx.chat(Address("telegram", "5"))
    assert chat is not None and (chat.state, chat.why) == (ChatState.UNREACHABLE, "the bot was blocked")
    assert "telegram:5 cannot be reached and is paused with all it has: the bot was blocked" in caplog.messages


TROUBLES = (
    lambda: TryLater("busy"), lambda: TryLater("flood", 90), lambda: TryLater("all", 60, everywhere=True),
    lambda: Uncertain("timed out"), lambda: Refused("no"), lambda: None,
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(range(len(TROUBLES))), max_size=12), st.booleans())
def test_whatever_a_platform_answers_each_paper_comes_once_on_discord_or_is_named_as_left_out(
    tmp_path_factory: pytest.TempPathFactory, ready: Path, answers: list[int], stop: bool
) -> None:
    folder = tmp_path_factory.mktemp("answers")
    queue: list[Callable[[], PaperroundError | None]] = [TROUBLES[n] for n in answers]
    with street_in(folder, ready, "discord") as street:
        (delivery,) = street.plan()
        street.wire.answers = lambda address, text: queue.pop(0)() if queue else None

        async def walk() -> None:
            for _ in range(16):
                carrier = street.carrier()
                await carrier.deliver()
                street.wall.at += timedelta(hours=1)
                if stop:
                    await carrier.stop(1)

        asyncio.run(walk())
        stored = street.stored(delivery)
        assert not stored.state.open
        told = street.wire.told()
        assert not told or max(told.values()) == 1
        left_out = {one for part in stored.parts if part.message_id == "!" for one in part.papers}
        assert {street.papers[n - 1] for n in told} | left_out >= set(street.papers)
    shutil.rmtree(folder)


@given(st.lists(st.integers(1, 50), unique=True), st.data(), st.integers(1, 20))
def test_groups_tell_every_paper_once_in_order(left: list[int], data: st.DataObject, most: int) -> None:
    suspects = frozenset(left[: data.draw(st.integers(0, len(left)))])
    groups = grouped(left, suspects, most)
    assert [paper for group in groups for paper in group] == left
    assert groups and all(len(group) <= most for group in groups if suspects.intersection(group))


def test_a_payload_is_sent_as_it_was_stored(street: Street) -> None:
    (delivery,) = street.plan()
    asyncio.run(street.carrier().deliver())
    parts = street.stored(delivery).parts
    sent = [(text.encode(), nonce) for _, text, nonce in street.wire.arrived]
    assert [(part.payload, part.nonce) for part in parts] == sent
