"""Ticks: each by itself, none twice at a time, a fault in one stops none."""

from __future__ import annotations

import asyncio
import logging

import pytest

from adapters.clock import Clock
from bot.errors import TryLater

SOON = 0.01
WITHIN = 30
"""Seconds that a busy machine may take; nothing is judged by less."""


async def test_a_tick_comes_again_and_again_until_the_clock_stops() -> None:
    clock, ticks, enough = Clock(), 0, asyncio.Event()

    async def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            enough.set()

    clock.every(SOON, "tick", tick)
    clock.start()
    await asyncio.wait_for(enough.wait(), WITHIN)
    clock.stop()
    clock.stop()
    before = ticks
    await asyncio.sleep(SOON * 5)
    assert ticks == before


async def test_a_call_that_is_still_running_is_not_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, slow, quick, enough = Clock(), 0, 0, asyncio.Event()

    async def hangs() -> None:
        nonlocal slow
        slow += 1
        await enough.wait()

    async def passes() -> None:
        nonlocal quick
        quick += 1
        if quick == 5:
            enough.set()

    caplog.set_level(logging.ERROR, "apscheduler")
    clock.every(SOON, "hangs", hangs)
    clock.every(SOON, "passes", passes)
    clock.start()
    await asyncio.wait_for(enough.wait(), WITHIN)
    assert slow == 1
    clock.stop()


async def test_a_call_that_fails_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, calls, again = Clock(), 0, asyncio.Event()

    async def fails_once() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("the disk is full")
        again.set()

    clock.every(SOON, "poll", fails_once)
    clock.start()
    await asyncio.wait_for(again.wait(), WITHIN)
    clock.stop()
    assert "poll failed; it is tried again in 0.01 s" in caplog.text
    assert "the disk is full" in caplog.text


def test_a_clock_that_never_started_stops() -> None:
    Clock().stop()


async def test_what_cannot_be_done_now_is_told_in_a_line_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    calls = 0
    again = asyncio.Event()

    async def call() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise TryLater("the database is busy")
        again.set()

    clock = Clock()
    clock.every(0.02, "plan", call)
    clock.start()
    try:
        await asyncio.wait_for(again.wait(), WITHIN)
    finally:
        clock.stop()
    (record,) = [one for one in caplog.records if one.name == "adapters.clock"]
    assert record.getMessage() == "plan: the database is busy; it is tried again in 0.02 s"
    assert record.exc_info is None
