"""The site that an instance keeps in a folder: written anew by one process where something changed."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from bot.errors import BadInput, TryLater
from bot.listings import site_of
from bot.ports import Now, Press, SearchIndex, Store, Transaction

log = logging.getLogger(__name__)

NAME = "export"
LEASE, AGAIN = timedelta(minutes=10), timedelta(minutes=30)
"""How long one process may take, and how long after it the next may begin."""
WEEK, MONTH = 7, 30
"""Days whose pages are looked at again (what is late comes within a week), and those that a new site begins with."""

_DONE = "export.done"
"""The setting that remembers what the site shows."""


@dataclass(slots=True)
class Publishing:
    """Whoever gets the lease writes the site, where papers, words or topics changed since it was written."""

    store: Store
    index: SearchIndex
    press: Press
    now: Now
    owner: str = field(default_factory=lambda: secrets.token_hex(8))

    async def run_if_due(self) -> bool:
        """Whether it was written now."""
        return await asyncio.to_thread(self._run)

    def _run(self) -> bool:
        with self.store.reading() as tx:
            shown = self._shown(tx)
            if tx.setting(_DONE) == shown and not self.press.new:
                return False
        now = self.now()
        with self.store.transaction() as tx:
            if not tx.take_lease(NAME, self.owner, now, now + LEASE):
                return False
        try:
            self._write(shown)
            return True
        except (BadInput, TryLater) as error:
            log.warning("the export waits: %s", error)
            return False
        finally:
            with self.store.transaction() as tx:
                tx.end_lease(NAME, self.owner, self.now() + AGAIN)

    def _write(self, shown: str) -> None:
        self.index.follow()
        with self.store.reading() as tx:
            site = site_of(tx, self.index, MONTH if self.press.new else WEEK)
        changed = self.press.publish(site)
        with self.store.transaction() as tx:
            if tx.holds_lease(NAME, self.owner):
                tx.put_setting(_DONE, shown)
        log.info("export: %d files changed", changed)

    def _shown(self, tx: Transaction) -> str:
        """Equal where nothing changed that a page could show."""
        text = repr((self.press, sorted((t.slug, t.names, t.query) for t in tx.topics())))
        return f"{tx.revision()} {tx.last_announcement()} {hashlib.sha256(text.encode()).hexdigest()[:16]}"
