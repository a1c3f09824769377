"""This process among those that run the same bot: which doors it alone opens, and which part of a platform's limits is
its own. Every process says a few times a minute that it lives; who is silent for HOLD has left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from bot.carrier import whole
from bot.errors import TryLater
from bot.ports import Now, Store, Transaction
from bot.tenure import is_gone, name_of

log = logging.getLogger(__name__)

BEAT = 4.0
"""Seconds between two signs of life."""
HOLD = timedelta(seconds=15)
"""How long each of them holds."""
SETTLE = timedelta(seconds=BEAT + 1)
"""How long a newcomer is silent: by then the others have seen it and send less."""
_PAUSE = 0.5
WEIGHTS = {"deliver": 4, "answer": 1}
"""What a process that sends digests gets of a platform's limit, beside one that only answers."""


def part_of(seats: Mapping[str, str], mine: str) -> float:
    """The part of a limit that belongs to seat ``mine``: its weight among those of all ``seats`` that are taken.
    A seat is named ``sender PLATFORM KIND NUMBER``."""
    weights = {seat: WEIGHTS.get(seat.split()[2], 1) for seat in {*seats, mine}}
    return weights[mine] / sum(weights.values())


class Crew:
    """``now`` must be about the same on all machines: a clock that is off by more than HOLD does harm."""

    def __init__(self, store: Store, now: Now, work: str = "paperround run") -> None:
        self._store, self._now, self._name = store, now, name_of(work)
        self._wanted: dict[str, datetime | None] = {}
        self._kinds: dict[str, str] = {}
        self._seats: dict[str, str] = {}
        self._parts: dict[str, float] = {}
        self._free_at: dict[str, datetime] = {}
        self._until: datetime | None = None
        self._unheard = False
        self._beating = asyncio.Lock()

    def sends(self, platform: str, kind: str) -> None:
        """From the next beat on this process counts among the platform's senders; ``kind`` is a key of WEIGHTS."""
        self._kinds[platform] = kind

    def part(self, platform: str) -> float:
        """Of the platform's limit on the whole bot: 1 where this process is alone, 0 while it must not send yet."""
        if platform not in self._kinds:
            return 1.0
        now = self._now()
        if self._until is not None and self._until <= now and not self._beating.locked():
            return 0.0  # it stalled: the others have shared its part among them
        if (free_at := self._free_at.get(platform)) is None or free_at > now:
            return 0.0
        return self._parts[platform]

    def turn(self, door: str) -> Callable[[str], Awaitable[bool]]:
        """Asks whether this process is the one that listens at a platform's ``door``: its only one, or a numbered."""

        async def ask(which: str = "") -> bool:
            return await self.holds(f"listen {door} {which}".strip())

        return ask

    async def holds(self, name: str) -> bool:
        """Whether the lease ``name`` is this process's; wanted from now on, until `leave`."""
        until = self._wanted.setdefault(name, None)
        if until is None or until <= self._now():
            await self.beat()
        return self._wanted.get(name) is not None

    async def beat(self) -> None:
        """Say that this process lives. Where the database does not answer everything stays as it was."""
        async with self._beating:
            try:
                await whole(asyncio.to_thread(self._beat))
            except TryLater as error:
                if not self._unheard:
                    log.warning("the other processes cannot be told that this one lives: %s", error)
                self._until, self._unheard = None, True
            else:
                self._unheard = False

    def _beat(self) -> None:
        now = self._now()
        with self._store.transaction() as tx:
            if self._seats.keys() != self._kinds.keys() or None in self._wanted.values():
                for name, owner in (*tx.leases("listen ", now).items(), *tx.leases("sender ", now).items()):
                    if is_gone(owner):
                        tx.end_lease(name, owner)
            mine = {name: tx.take_lease(name, self._name, now, now + HOLD) for name in list(self._wanted)}
            for platform, kind in self._kinds.items():
                self._sit(tx, platform, kind, now)
        for name, held in mine.items():
            if name in self._wanted:
                self._wanted[name] = now + HOLD if held else None
        self._until = now + HOLD if self._kinds else None

    def _sit(self, tx: Transaction, platform: str, kind: str, now: datetime) -> None:
        """Keep the platform's seat, or take the first free one of its kind."""
        seats = tx.leases(f"sender {platform} ", now)
        seat = self._seats.get(platform, "")
        kept = seats.get(seat) == self._name and tx.take_lease(seat, self._name, now, now + HOLD)
        if not kept:
            number = 1
            while not tx.take_lease(seat := f"sender {platform} {kind} {number}", self._name, now, now + HOLD):
                number += 1
            self._seats[platform] = seat
            seats = tx.leases(f"sender {platform} ", now)
            self._free_at[platform] = now + SETTLE if seats.keys() - {seat} else now
        self._parts[platform] = part_of(seats, seat)

    def spaced(self, door: str, seconds: float) -> Callable[[str], Awaitable[None]]:
        """Waits until what may be begun once in so many seconds, over all processes, may be begun."""

        async def wait(which: str) -> None:
            name = f"begin {door} {which}".strip()
            try:
                while not await whole(asyncio.to_thread(self._begin, name, timedelta(seconds=seconds))):  # noqa: ASYNC110
                    await asyncio.sleep(_PAUSE)
            except TryLater as error:
                log.warning("%s begins without asking the other processes: %s", door, error)

        return wait

    def _begin(self, name: str, pause: timedelta) -> bool:
        now = self._now()
        with self._store.transaction() as tx:
            if not tx.take_lease(name, self._name, now, now + pause):
                return False
            tx.end_lease(name, self._name, now + pause)
            return True

    @asynccontextmanager
    async def present(self) -> AsyncIterator[None]:
        """Signs of life until the block ends, where no clock ticks."""

        async def go_on() -> None:
            while True:
                await asyncio.sleep(BEAT)
                try:
                    await self.beat()
                except Exception:
                    # Who is silent sends nothing: better once more than never again.
                    log.exception("the sign of life failed; another in %g s", BEAT)

        await self.beat()
        beating = asyncio.create_task(go_on())
        try:
            yield
        finally:
            beating.cancel()
            await self.leave()

    async def leave(self) -> None:
        """Give everything back, for another process to go on at once."""
        async with self._beating:
            names = [*self._wanted, *self._seats.values()]
            self._wanted.clear()
            self._kinds.clear()
            try:
                await whole(asyncio.to_thread(self._leave, names))
            except TryLater as error:
                log.warning("what this process held is free in %s: %s", HOLD, error)

    def _leave(self, names: list[str]) -> None:
        if names:
            with self._store.transaction() as tx:
                for name in names:
                    tx.end_lease(name, self._name)
