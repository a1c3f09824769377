"""When messages may leave, on a clock that only sleeping moves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chats.pace import Place
from adapters.chats.telegram_pace import PAID_A_SECOND, Pace
from bot.errors import TryLater


class Clock:
    """Time that passes only when everybody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, future))
        await future

    async def run(self, *work: asyncio.Task[Any]) -> None:
        while not all(task.done() for task in work):
            for _ in range(20):
                await asyncio.sleep(0)
            if self._sleepers:
                self._sleepers.sort(key=lambda sleeper: sleeper[0])
                at, future = self._sleepers.pop(0)
                self.now = max(self.now, at)
                future.set_result(None)


async def times(asked: list[tuple[str, bool]], pace: Pace, clock: Clock) -> list[tuple[float, str]]:
    """When each of ``asked`` (chat, urgent) left; those told to try later are left out."""
    left: list[tuple[float, str]] = []

    async def one(chat: str, urgent: bool) -> None:
        try:
            await pace.turn(chat, urgent)
        except TryLater as later:
            assert later.after is not None
            assert later.after > 0
            return
        left.append((clock.now - 1000, chat))

    await clock.run(*[asyncio.create_task(one(*each)) for each in asked])
    return left


def paced() -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(clock=clock, sleep=clock.sleep), clock


async def test_a_chat_gets_a_message_a_second() -> None:
    pace, clock = paced()
    assert [at for at, _ in await times([("1", False)] * 4, pace, clock)] == [0, 1, 2, 3]


async def test_thirty_messages_leave_in_a_second_over_all_chats_one_after_another() -> None:
    pace, clock = paced()
    left = [at for at, _ in await times([(str(chat), False) for chat in range(300)], pace, clock)]
    assert 0.98 <= 300 / (30 * (left[-1] + 1 / 30)) <= 1.01
    assert all(left[n + 30] - left[n] >= 1 for n in range(270)), "in any second"
    assert max(map(left.count, left)) <= 4, "a few at once in the beginning, never a crowd"


async def test_a_message_that_leaves_later_than_its_turn_makes_the_later_ones_wait() -> None:
    pace, clock = paced()
    ready = asyncio.create_task(pace.ready("1"))
    await clock.run(ready)
    clock.now += 0.125  # it is being promised
    await pace.leave("1")
    assert [at for at, _ in await times([("1", False)], pace, clock)] == [1.125], "a second after it left"


async def test_those_whose_promises_stalled_do_not_leave_together() -> None:
    pace, clock = paced()
    promised, left = asyncio.Event(), list[float]()

    async def digest(chat: str) -> None:
        await pace.ready(chat)
        await promised.wait()
        places = await pace.leave(chat)
        left.append(clock.now)
        pace.answered(places)

    async def stall() -> None:
        await clock.sleep(1.8)
        promised.set()

    await clock.run(*(asyncio.create_task(digest(str(n))) for n in range(90)), asyncio.create_task(stall()))
    assert all(left[n + 30] - left[n] >= 1 for n in range(60)), "in any second"


async def test_a_message_that_was_longer_on_its_way_than_others_makes_the_later_ones_wait() -> None:
    pace, clock = paced()
    for chat, took in (*((str(n), 0.1) for n in range(10, 61)), ("3", 0.6)):
        places = await pace.leave(chat)
        left = clock.now - 1000
        clock.now += took
        pace.answered(places)
    assert [at for at, _ in await times([("3", False)], pace, clock)] == [pytest.approx(left + 0.5 + 1, abs=0.01)]


async def test_a_turn_that_was_not_used_is_void_after_a_while() -> None:
    pace, clock = paced()
    await pace.ready("1")
    clock.now += 60
    await pace.leave("1")
    assert [at for at, _ in await times([("1", False)], pace, clock)] == [61]


async def test_a_group_that_has_had_twenty_in_a_minute_is_told_to_wait_and_blocks_nobody() -> None:
    pace, clock = paced()
    for _ in range(20):
        await times([("-100", False)], pace, clock)
    with pytest.raises(TryLater) as later:
        await pace.turn("-100")
    assert later.value.after == pytest.approx(60 - 19)
    assert await times([("5", False)], pace, clock)


async def test_an_answer_overtakes_the_digests_that_wait() -> None:
    pace, clock = paced()
    asked = [(str(chat), False) for chat in range(100)] + [("777", True)]
    left = await times(asked, pace, clock)
    assert {chat: at for at, chat in left}["777"] <= 1.0
    assert max(at for at, _ in left) == pytest.approx(3.3, abs=0.1)


async def test_a_chat_that_telegram_holds_is_told_to_wait_and_the_others_go_on() -> None:
    pace, clock = paced()
    assert pace.hold("-1", 3600) is False
    with pytest.raises(TryLater) as later:
        await pace.turn("-1", urgent=True)
    assert later.value.after == pytest.approx(3600)
    assert [at for at, _ in await times([("2", False)], pace, clock)] == [0]


def test_a_second_chat_held_until_the_same_moment_means_that_the_limit_is_on_the_bot() -> None:
    pace, clock = paced()
    pace.hold("1", 5)
    assert pace.hold("2", 5) is True
    clock.now += 6
    assert pace.hold("3", 5) is False


def test_two_chats_held_for_reasons_of_their_own_do_not_hold_the_bot() -> None:
    pace, _ = paced()
    pace.hold("-1", 30)
    assert pace.hold("-2", 7200) is False


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["1", "2", "-3", "-4"]), st.booleans()), max_size=60))
def test_no_second_and_no_minute_ever_sees_more_than_its_share(asked: list[tuple[str, bool]]) -> None:
    pace, clock = paced()
    left = asyncio.run(times(asked, pace, clock))

    def most(chosen: list[float], seconds: float) -> int:
        return max((sum(start <= at < start + seconds for at in chosen) for start in chosen), default=0)

    assert most([at for at, _ in left], 1.0) <= 30
    for chat in {chat for _, chat in left}:
        own = [at for at, each in left if each == chat]
        assert most(own, 1.0) <= 1
        assert chat > "0" or most(own, 60.0) <= 20


async def test_an_answer_overtakes_even_the_digest_that_waits_for_the_same_chat() -> None:
    pace, clock = paced()
    left: dict[tuple[str, bool], float] = {}

    async def one(chat: str, urgent: bool) -> None:
        await pace.turn(chat, urgent)
        left[chat, urgent] = clock.now - 1000

    digests = [asyncio.create_task(one(str(chat), False)) for chat in range(200)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(left) == 3, "the others wait for their places"
    answers = [asyncio.create_task(one(chat, True)) for chat in ("3", "150", "199", "777")]
    await clock.run(*digests, *answers)
    assert all(left[chat, True] < 0.3 for chat in ("150", "199", "777"))
    assert left["3", True] - left["3", False] == pytest.approx(1.0, abs=0.1), "the one digest that was next already"
    assert all(left[chat, False] >= left[chat, True] + 1 for chat in ("150", "199"))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["1", "2", "-3"]), max_size=40), st.sampled_from(["1", "-3", "9"]))
def test_whatever_waits_an_answer_has_at_most_one_digest_before_it_in_its_chat(
    waiting: list[str], chat: str
) -> None:
    pace, clock = paced()
    left: list[tuple[str, bool]] = []

    async def one(to: str, urgent: bool) -> None:
        try:
            await pace.turn(to, urgent)
        except TryLater:
            return
        left.append((to, urgent))

    async def all_of_them() -> int:
        digests = [asyncio.create_task(one(to, False)) for to in waiting]
        for _ in range(10):
            await asyncio.sleep(0)
        before = len(left)
        await clock.run(asyncio.create_task(one(chat, True)), *digests)
        return before

    before = asyncio.run(all_of_them())
    answered = left.index((chat, True)) if (chat, True) in left else before
    assert sum(to == chat for to, _ in left[before:answered]) <= 1


async def test_a_paid_broadcast_leaves_a_thousand_a_second_and_still_one_in_a_chat() -> None:
    clock = Clock()
    pace = Pace(PAID_A_SECOND, clock=clock, sleep=clock.sleep)
    left = await times([(str(chat), False) for chat in range(1500)] + [("1", False)], pace, clock)
    assert left[999][0] == pytest.approx(1, abs=0.15)
    assert left[-1][0] - left[999][0] == pytest.approx(0.5, abs=0.15)


async def gone(pace: Pace, clock: Clock, chat: str) -> tuple[Place, ...]:
    """The places of a message that left."""
    leaving = asyncio.create_task(pace.leave(chat))
    await clock.run(leaving)
    return leaving.result()


async def test_what_a_stalled_platform_gets_at_once_is_no_more_than_a_second_holds() -> None:
    pace, clock = paced()
    for n in range(60):
        pace.answered(await gone(pace, clock, f"known{n}"))
    clock.now += 2
    arrived: list[float] = []
    stalled = clock.now + 2.5

    async def message(chat: str) -> None:
        places = await pace.leave(chat)
        if clock.now < stalled:
            await clock.sleep(stalled - clock.now)
        arrived.append(clock.now)
        pace.answered(places)

    await clock.run(*[asyncio.create_task(message(str(n))) for n in range(120)])
    assert arrived.count(stalled) >= 30, "they leave as long as there is room for all of them"
    assert all(later - sooner >= 1 for sooner, later in zip(arrived, arrived[30:], strict=False))


@pytest.mark.parametrize(("stuck", "least"), [(8, 20), (29, 1), (30, 0)])
async def test_chats_that_are_not_answered_take_their_own_places_and_after_a_while_none(stuck: int, least: int) -> None:
    pace, clock = paced()
    for n in range(stuck):
        await gone(pace, clock, f"stuck{n}")
    began = clock.now
    clock.now += 1.1
    left: list[float] = []

    async def message(chat: str) -> None:
        places = await pace.leave(chat)
        left.append(clock.now)
        pace.answered(places)

    await clock.run(*[asyncio.create_task(message(str(n))) for n in range(180)])
    assert least <= sum(at <= began + 2.1 for at in left) <= 30 - stuck
    assert left[-1] - began <= 5 + 1 + 180 / 30 + 1, "an answer that is late holds up nobody for longer"
