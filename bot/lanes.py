"""Commands run a few at a time, each in a thread.

Threads that compute take turns at one lock, and the event loop waits in the same line each time it has something to do:
on two full cores, with six commands at once the slowest hundredth of the answers took twice as long as with two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

SIDE_BY_SIDE = 2
LONG = 0.1
"""Seconds after which a call no longer keeps others waiting: it waits for something itself, or has much to do."""
MOST = 16

T = TypeVar("T")


class Lanes:
    """Calls in threads, ``side_by_side`` of them and those that take ``long``, at most ``most``; the others wait, and
    are served in the order in which they came. Awaited in one event loop at a time."""

    def __init__(self, side_by_side: int = SIDE_BY_SIDE, long: float = LONG, most: int = MOST) -> None:
        self._side_by_side, self._long = side_by_side, long
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="desk")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._free = asyncio.Semaphore(side_by_side)

    async def run(self, call: Callable[[], T]) -> T:
        """What ``call`` returns or raises."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._free = loop, asyncio.Semaphore(self._side_by_side)
        free = self._free
        await free.acquire()
        kept = True

        def leave() -> None:
            nonlocal kept
            if kept:
                kept = False
                free.release()

        late = loop.call_later(self._long, leave)
        try:
            return await loop.run_in_executor(self._threads, copy_context().run, call)
        finally:
            late.cancel()
            leave()
