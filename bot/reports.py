"""Tells the instance's admins in private what they should know: once each, together, at most every few hours."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.errors import PaperroundError
from bot.model import Notice
from bot.notices import notice_lines
from bot.ports import ChatPlatform, Now, Store
from bot.replies import Reply, heading, paragraph
from bot.words import words_for

log = logging.getLogger(__name__)

EVERY = timedelta(hours=6)
KEPT = timedelta(days=7)
"""How long what was told is remembered, and not told again."""
MOST = 200
_LEASE, _LEASE_FOR = "report", timedelta(minutes=5)


class Reporter:
    """``admins`` as ``telegram:123``; ``language`` where an admin's own is not known."""

    def __init__(
        self, store: Store, platforms: Mapping[str, ChatPlatform], admins: Sequence[str], language: str, now: Now
    ) -> None:
        self._store, self._platforms, self._admins = store, dict(platforms), tuple(admins)
        self._language, self._now = language, now
        self._owner = secrets.token_hex(8)

    async def report(self) -> int:
        """Tell what no admin was told; returns how many notices that were."""
        admins = [admin for admin in self._admins if admin.partition(":")[0] in self._platforms]
        if not admins:
            return 0
        notices = await asyncio.to_thread(self._take)
        if not notices:
            return 0
        # Noted before anything leaves: a word too little is better than one with every failure.
        await asyncio.to_thread(self._note, notices)
        later = [await self._tell(admin, notices) for admin in admins]
        if any(later):
            log.info("%d of %d admins could not be told now; /status shows it", sum(later), len(later))
        return len(notices)

    def _take(self) -> list[Notice]:
        with self._store.reading() as tx:
            if not tx.notices(1, untold=True):
                return []
        now = self._now()
        with self._store.transaction() as tx:
            return tx.notices(MOST, untold=True) if tx.take_lease(_LEASE, self._owner, now, now + _LEASE_FOR) else []

    def _note(self, notices: Sequence[Notice]) -> None:
        now = self._now()
        with self._store.transaction() as tx:
            if tx.holds_lease(_LEASE, self._owner):
                tx.told([notice.id for notice in notices], now, now - KEPT)
                tx.end_lease(_LEASE, self._owner, now + EVERY)

    async def _tell(self, admin: str, notices: Sequence[Notice]) -> bool:
        """Whether it did not reach them."""
        platform = self._platforms[admin.partition(":")[0]]
        nonce = secrets.token_hex(8)
        try:
            address = await platform.private_chat(admin)
            with self._store.reading() as tx:
                chat = tx.chat(address)
            words = words_for(chat.language if chat else self._language)
            lines = [paragraph(line) for line in notice_lines(words, notices)]
            reply = Reply((heading(words.say("What you should know as this bot's admin")), *lines))
            for number, message in enumerate(platform.render(reply)):
                await platform.send(address, message.payload, f"{nonce}-{number}")
        except PaperroundError as error:
            log.warning("an admin on %s could not be told: %s", platform.platform, error)
            return True
        return False
