"""What was handed to the bot and is not served yet, shared by all processes that one door leads to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from bot.carrier import whole
from bot.ports import Now, Store
from bot.tenure import name_of

SERVED_WITHIN = timedelta(minutes=2)
"""Whoever did not serve an update in this time has died: another begins it anew."""
MOST_TRIES = 3
"""One that nobody could serve so often is given up: it may be what they died of."""
KEPT = timedelta(days=2)
"""How long numbers are known. Telegram gives up after a day
(https://core.telegram.org/bots/api#getting-updates)."""


class SharedInbox:
    """``ports.Inbox`` for one ``door`` (a platform and a bot), in the store."""

    def __init__(self, store: Store, door: str, now: Now) -> None:
        self._store, self._door, self._now = store, door, now
        self._owner = name_of("paperround run")

    async def keep(self, number: int, text: str) -> bool:
        return await whole(asyncio.to_thread(self._keep, number, text))

    def _keep(self, number: int, text: str) -> bool:
        now = self._now()
        with self._store.transaction() as tx:
            return tx.keep_update(self._door, number, text, self._owner, now, now + SERVED_WITHIN)

    async def served(self, number: int) -> None:
        await whole(asyncio.to_thread(self._served, number))

    def _served(self, number: int) -> None:
        with self._store.transaction() as tx:
            tx.update_served(self._door, number)

    async def left(self, limit: int) -> Mapping[int, str]:
        return await whole(asyncio.to_thread(self._left, limit))

    def _left(self, limit: int) -> Mapping[int, str]:
        now = self._now()
        with self._store.transaction() as tx:
            tx.forget_updates(now - KEPT)
            return tx.take_updates(self._door, self._owner, now, now + SERVED_WITHIN, limit, MOST_TRIES)
