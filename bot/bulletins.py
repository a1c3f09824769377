"""What admins announce to all chats: deliveries of it a page at a time, behind the digests."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.model import Bulletin, BulletinState, Chat, Digest, DigestKind
from bot.ports import Now, Store, Transaction

log = logging.getLogger(__name__)

PAGE = 500
"""Chats that have a delivery of a bulletin under way at the same time: so many messages at most are before a digest."""
PATIENCE = timedelta(hours=1)
"""What is due for longer holds up no bulletin: a platform that is not served any more would do so for ever."""


class Herald:
    """Plans the deliveries of bulletins: a page of chats whenever nothing else is due."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store, self._now = store, now

    def proceed(self) -> int:
        """Returns how many deliveries were planned."""
        now = self._now()
        with self._store.reading() as tx:
            sending = tx.bulletins(100, BulletinState.SENDING)
            if not sending or tx.underway(now - PATIENCE, now):
                return 0
        with self._store.transaction() as tx:
            bulletin = tx.bulletin(sending[-1].id)
            if bulletin is None or bulletin.state is not BulletinState.SENDING:
                return 0
            chats = tx.bulletin_chats(bulletin, PAGE)
            if not chats:
                tx.put_bulletin(replace(bulletin, state=BulletinState.DONE))
                log.info("announcement %d has a delivery for every chat", bulletin.id)
                return 0
            planned = self._plan(tx, bulletin, chats)
            tx.put_bulletin(replace(bulletin, after=chats[-1].id))
        log.info("announcement %d: %d deliveries more", bulletin.id, planned)
        return planned

    def _plan(self, tx: Transaction, bulletin: Bulletin, chats: Sequence[Chat]) -> int:
        texts = {chat.language: bulletin.text_in(chat.language) for chat in chats}
        distinct = list(dict.fromkeys(texts.values()))
        on = bulletin.made_at.date()
        digests = [Digest(DigestKind.BULLETIN, on, upto=bulletin.id, text=text) for text in distinct]
        kept = {
            digest.text: replace(digest, id=number)
            for digest, number in zip(digests, tx.keep_digests(digests), strict=True)
        }
        return tx.plan_all({chat.id: kept[texts[chat.language]] for chat in chats}, self._now())
