import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from threading import Event

import pytest

from bot.lanes import Lanes

HOUR = 3600.0


def blocked(started: list[str], name: str, until: Event) -> Callable[[], str]:
    def call() -> str:
        started.append(name)
        assert until.wait(20)
        return name

    return call


async def come(started: list[str], count: int) -> None:
    for _ in range(2_000):
        if len(started) >= count:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(started)


async def test_two_run_side_by_side_and_the_others_follow_in_the_order_in_which_they_came() -> None:
    lanes = Lanes(2, HOUR)
    started: list[str] = []
    gates = {name: Event() for name in "abcde"}
    running = [asyncio.ensure_future(lanes.run(blocked(started, name, gates[name]))) for name in gates]
    await come(started, 2)
    await asyncio.sleep(0.05)
    assert sorted(started) == ["a", "b"]
    for number, name in enumerate("bacde", 1):
        gates[name].set()
        await come(started, min(2 + number, 5))
    assert started[2:] == ["c", "d", "e"]
    assert await asyncio.gather(*running) == list("abcde")


async def test_who_takes_long_keeps_nobody_waiting() -> None:
    lanes, gate = Lanes(2, 0.01), Event()
    started: list[str] = []
    slow = [asyncio.ensure_future(lanes.run(blocked(started, name, gate))) for name in "abc"]
    await come(started, 3)
    assert await lanes.run(lambda: "served") == "served"
    gate.set()
    assert await asyncio.gather(*slow) == list("abc")


async def test_who_fails_or_gives_up_leaves_its_place_to_the_next() -> None:
    lanes, gate = Lanes(1, HOUR), Event()
    started: list[str] = []
    with pytest.raises(ZeroDivisionError):
        await lanes.run(lambda: 1 // 0)
    running = asyncio.ensure_future(lanes.run(blocked(started, "a", gate)))
    waiting = asyncio.ensure_future(lanes.run(blocked(started, "b", gate)))
    await come(started, 1)
    waiting.cancel()
    gate.set()
    assert await running == "a"
    assert await asyncio.wait_for(lanes.run(lambda: "c"), 20) == "c"
    assert started == ["a"]


async def test_a_place_that_was_left_for_taking_long_is_not_left_twice() -> None:
    lanes, gate = Lanes(1, 0.01), Event()
    started: list[str] = []
    long = asyncio.ensure_future(lanes.run(blocked(started, "long", gate)))
    await come(started, 1)
    await asyncio.sleep(0.05)
    gate.set()
    assert await long == "long"
    assert lanes._free._value == 1


_who: ContextVar[str] = ContextVar("who")


async def test_a_call_knows_what_it_is_about() -> None:
    _who.set("chat 7")
    assert await Lanes().run(_who.get) == "chat 7"


def test_one_event_loop_may_follow_another() -> None:
    lanes = Lanes(1)

    async def three() -> list[int]:
        return await asyncio.gather(*(lanes.run(lambda: 1) for _ in range(3)))

    assert asyncio.run(three()) == asyncio.run(three()) == [1, 1, 1]
