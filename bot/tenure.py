"""What one process alone may do at a time, and how one that stalled past its time is kept from writing."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path

from bot.carrier import whole
from bot.errors import TryLater
from bot.ports import Now, Store, Transaction

log = logging.getLogger(__name__)

INGEST = "ingest"
"""The lease of whoever adds papers: a poll, an import, an unmerge."""
LENGTH = timedelta(minutes=2)
"""How long who died or stalled keeps the others waiting; each write makes it as long again."""
PATIENCE = 60.0
"""Seconds that somebody waits for another to end before giving up."""
_PAUSE = 0.2


_OWNER = re.compile(r".+ on (?P<host>.+), process (?P<pid>\d+) \((?P<where>.*)\.[0-9a-f]+\)")


def name_of(work: str) -> str:
    """A lease's owner: what it does and where, for people to read, and unlike any other."""
    return f"{work} on {socket.gethostname()}, process {os.getpid()} ({_where()}.{secrets.token_hex(4)})"


@cache
def _where() -> str:
    """In which of this machine's worlds process numbers mean the same; containers have one each."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""


def is_gone(owner: str) -> bool:
    """Whether ``owner`` was a process of this machine that has ended; False where that cannot be known."""
    found = _OWNER.fullmatch(owner)
    if found is None or not _where() or (found["host"], found["where"]) != (socket.gethostname(), _where()):
        return False
    return not Path(f"/proc/{found['pid']}").exists()


class Occupied(TryLater):
    """Another does what one alone may do."""

    def __init__(self, who: str) -> None:
        super().__init__(f"papers are being brought in by {who}")


class Tenure:
    """A lease, for one piece of work. Whoever writes on its strength calls ``keep`` in the same transaction."""

    def __init__(self, store: Store, name: str, owner: str, now: Now) -> None:
        self._store, self._name, self._owner, self._now = store, name, owner, now

    def take(self) -> str:
        """Empty where it is ours now, else who has it. One who died on this machine is not waited for again."""
        now = self._now()
        with self._store.transaction() as tx:
            if tx.take_lease(self._name, self._owner, now, now + LENGTH):
                return ""
            other = tx.leases(self._name, now).get(self._name, "another process")
            if is_gone(other):
                tx.end_lease(self._name, other)
            return other

    def keep(self, tx: Transaction) -> None:
        """Nobody takes it over before this transaction ends. Raises TryLater where somebody did: write nothing."""
        if not tx.holds_lease(self._name, self._owner):
            raise TryLater(f"this process stalled, and another took over what it did ({self._name})")
        now = self._now()
        tx.take_lease(self._name, self._owner, now, now + LENGTH)

    def end(self) -> None:
        """For the next one to begin at once; where that cannot be noted, it ends by itself."""
        try:
            with self._store.transaction() as tx:
                tx.end_lease(self._name, self._owner)
        except TryLater as error:
            log.warning("%s is free again in %s: %s", self._name, LENGTH, error)


@contextmanager
def alone(store: Store, name: str, work: str, now: Now, patience: float = PATIENCE) -> Iterator[Tenure]:
    """``work`` with the lease held. Raises Occupied after ``patience`` seconds of waiting."""
    tenure, until = Tenure(store, name, name_of(work), now), time.monotonic() + patience
    try:
        while other := tenure.take():
            if time.monotonic() >= until:
                raise Occupied(other)
            time.sleep(_PAUSE)
        yield tenure
    finally:
        tenure.end()


@asynccontextmanager
async def alone_async(
    store: Store, name: str, work: str, now: Now, patience: float = PATIENCE
) -> AsyncIterator[Tenure]:
    """As ``alone``, in a loop."""
    tenure, until = Tenure(store, name, name_of(work), now), time.monotonic() + patience
    try:
        while other := await whole(asyncio.to_thread(tenure.take)):
            if time.monotonic() >= until:
                raise Occupied(other)
            await asyncio.sleep(_PAUSE)
        yield tenure
    finally:
        await whole(asyncio.to_thread(tenure.end))
