"""What comes of deliveries, written down: those of one moment in one transaction, for a transaction is dear."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from bot.errors import TryLater
from bot.model import Delivery
from bot.ports import Store

log = logging.getLogger(__name__)

AT_ONCE = 64
"""Deliveries in one transaction."""

GATHERING = 0.005
"""Seconds between two transactions where many deliveries are on their way: what ends meanwhile shares the next."""

_Asked = tuple[Delivery, "asyncio.Future[bool]"]


class Ledger:
    """While one transaction is written, and for a moment after, what else is to be kept waits and goes into the next
    together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Asked] = []
        self._writer: asyncio.Task[None] | None = None

    def keep(self, delivery: Delivery) -> asyncio.Future[bool]:
        """Done when it is written: False where the lease has passed to another, and nothing is; TryLater where the
        database cannot be written to for a while."""
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, kept))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        return kept

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                some, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._write(some)
                if 0 < len(self._waiting) < AT_ONCE:
                    await asyncio.sleep(GATHERING)
        finally:
            self._writer = None

    async def _write(self, some: Sequence[_Asked]) -> None:
        try:
            kept = await asyncio.to_thread(self._record, [delivery for delivery, _ in some])
        except BaseException as error:
            if len(some) > 1 and isinstance(error, Exception) and not isinstance(error, TryLater):
                # One that cannot be written must not cost the others.
                for one in some:
                    await self._write([one])
                return
            for _, answer in some:
                if not answer.done():
                    answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            for delivery, answer in some:
                if not answer.done():
                    answer.set_result(delivery.id in kept)

    def _record(self, deliveries: Sequence[Delivery]) -> set[int]:
        with self._store.transaction() as tx:
            return tx.record_all(deliveries)
