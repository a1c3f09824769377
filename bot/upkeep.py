"""Once a day: what has had its time goes, and chats that cannot be reached any more are erased."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.commands.instance import REACHLESS_DAYS
from bot.commands.people import DELIVERIES_DAYS, MESSAGES_DAYS
from bot.model import Change, Deed, Place
from bot.ports import Now, Store, Transaction

log = logging.getLogger(__name__)

NAME = "upkeep"
LEASE, AGAIN = timedelta(minutes=10), timedelta(days=1)
PAGE = 1_000
"""Deliveries looked at in one transaction."""
UNDO_KEPT = timedelta(days=7)
"""How long it is remembered what undoes a change of topics; it can be undone for a day."""
CHATS = 10
"""Chats erased in one transaction."""

_EMPTIED, _LOOKED, _LAST = "upkeep.emptied", "upkeep.digests", "upkeep.last-digest"
"""Settings that remember how far the last upkeep came: the years before it are not walked every day."""

Step = Callable[[Transaction, datetime], bool]
"""One transaction's work; whether there is more of it."""


@dataclass(slots=True)
class Upkeep:
    """Whoever gets the lease does it, a page a transaction, each only while the lease is still its own."""

    store: Store
    audit_days: int
    now: Now
    owner: str = field(default_factory=lambda: secrets.token_hex(8))

    async def run_if_due(self) -> bool:
        """Whether it was due, and nobody else's."""
        if not await asyncio.to_thread(self._begin):
            return False
        for step in self._steps():
            while await asyncio.to_thread(self._do, step):
                pass
        await asyncio.to_thread(self._end)
        return True

    def _begin(self) -> bool:
        now = self.now()
        with self.store.transaction() as tx:
            return tx.take_lease(NAME, self.owner, now, now + LEASE)

    def _do(self, step: Step) -> bool:
        now = self.now()
        with self.store.transaction() as tx:
            return tx.take_lease(NAME, self.owner, now, now + LEASE) and step(tx, now)

    def _end(self) -> None:
        with self.store.transaction() as tx:
            tx.end_lease(NAME, self.owner, self.now() + AGAIN)

    def _steps(self) -> Iterator[Step]:
        yield erase_unreachable
        yield empty_parts
        place = 0

        def drop_deliveries(tx: Transaction, now: datetime) -> bool:
            nonlocal place
            last = tx.drop_deliveries(now - timedelta(days=DELIVERIES_DAYS), place, PAGE)
            place = place if last is None else last
            return last is not None

        yield drop_deliveries
        yield drop_digests
        yield remember_digests
        yield lambda tx, now: tx.drop_topic_changes(now - UNDO_KEPT, PAGE) == PAGE
        if self.audit_days:
            yield lambda tx, now: tx.drop_audit(now - timedelta(days=self.audit_days), PAGE) == PAGE


def erase_unreachable(tx: Transaction, now: datetime) -> bool:
    """Chats that were out of reach for too long, as if they had asked for it."""
    gone = tx.out_of_reach(now - timedelta(days=REACHLESS_DAYS), CHATS)
    for chat in gone:
        tx.note(Change(now, "", str(chat.address), Deed.EXPIRE))
        # On Telegram a private chat has its person's number; elsewhere nobody can say whose it was.
        user = str(chat.address) if (chat.place, chat.address.platform) == (Place.PRIVATE, "telegram") else ""
        tx.erase(chat.address, user, now)
    if gone:
        log.info("%d chats that could not be reached for %d days are erased", len(gone), REACHLESS_DAYS)
    return len(gone) == CHATS


def empty_parts(tx: Transaction, now: datetime) -> bool:
    last = tx.empty_parts(now - timedelta(days=MESSAGES_DAYS), _number(tx, _EMPTIED), PAGE)
    if last is not None:
        tx.put_setting(_EMPTIED, str(last))
    return last is not None


def drop_digests(tx: Transaction, now: datetime) -> bool:
    """Those that a plan left without a delivery, up to the last upkeep's: younger ones a plan may be about to use."""
    last = tx.drop_digests(_number(tx, _LOOKED), _number(tx, _LAST), PAGE)
    if last is not None:
        tx.put_setting(_LOOKED, str(last))
    return last is not None


def remember_digests(tx: Transaction, now: datetime) -> bool:
    """Where the next upkeep ends."""
    tx.put_setting(_LAST, str(tx.last_digest()))
    return False


def _number(tx: Transaction, name: str) -> int:
    return int(tx.setting(name) or 0)
