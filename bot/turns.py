"""arXiv's one connection, over every process that shares the store: whose turn it is, and when the next one may begin.

One request each three seconds, one connection, over feeds, listings, OAI and API together and over all machines
(https://info.arxiv.org/help/api/tou.html).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.errors import TryLater
from bot.ports import Now, Store, Transaction
from bot.tenure import is_gone, name_of

log = logging.getLogger(__name__)

NAME = "arxiv"
HELD = timedelta(minutes=3)
"""A turn without a sign of life ends then; it is renewed long before."""


class Stalled(TryLater):
    """The turn was lost while it lasted: what came of it must not be stored."""


class Turn:
    """One of this process's users of arXiv. ``interval``: seconds from the end of a turn to the next one's beginning,
    of whatever process; ``clock`` must be the same for all of them, so never a pretended time."""

    def __init__(self, store: Store, interval: float, clock: Now) -> None:
        self._store, self._interval, self._clock = store, timedelta(seconds=interval), clock
        self._owner = name_of("a turn at arXiv")

    @asynccontextmanager
    async def taken(self, patience: float = 0.0) -> AsyncIterator[None]:
        """Be the only one who asks arXiv. Raises TryLater where others still are after ``patience`` seconds."""
        until = time.monotonic() + patience
        while not await asyncio.to_thread(self._take):
            if time.monotonic() >= until:
                raise TryLater("another process is asking arXiv")
            await asyncio.sleep(min(0.5, max(0.02, self._interval.total_seconds() / 4)))
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing
            await asyncio.shield(asyncio.to_thread(self._end))

    def check(self, tx: Transaction) -> None:
        """To be called in the transaction that stores what came of the turn. Raises Stalled."""
        if not tx.holds_lease(NAME, self._owner):
            raise Stalled("this process stalled past its turn at arXiv; what it read is not stored")

    def _take(self) -> bool:
        now = self._clock()
        with self._store.transaction() as tx:
            if tx.take_lease(NAME, self._owner, now, now + HELD):
                return True
            other = tx.leases(NAME, now).get(NAME, "")
            if is_gone(other):
                tx.end_lease(NAME, other, now + self._interval)
            return False

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(HELD.total_seconds() / 4)
            with contextlib.suppress(TryLater):  # a database that is busy now is asked again long before the end
                if not await asyncio.to_thread(self._still):
                    return

    def _still(self) -> bool:
        now = self._clock()
        with self._store.transaction() as tx:
            return tx.holds_lease(NAME, self._owner) and tx.take_lease(NAME, self._owner, now, now + HELD)

    def _end(self) -> None:
        again_at = self._clock() + self._interval if self._interval else None
        try:
            with self._store.transaction() as tx:
                tx.end_lease(NAME, self._owner, again_at)
        except TryLater as error:  # then it ends by itself
            log.warning("the turn at arXiv ends in %s: %s", HELD, error)
