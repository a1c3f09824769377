"""Fills missed days from arXiv's archives, a page at a time: each page is stored with how it goes on, so whoever comes
after an interruption goes on there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bot.carrier import whole
from bot.errors import FetchFailed, TryLater
from bot.feeds import eastern_day
from bot.gaps import Window, failed, filled, late_items
from bot.model import Feed, FeedState, Gap, GapState, Leaf, Rejected
from bot.ports import Archive, Now, SearchIndex, Store
from bot.tenure import INGEST, Tenure, alone_async
from bot.turns import Turn

log = logging.getLogger(__name__)

MOST_RESTARTS = 2
"""How often an archive that fails in the middle is asked from the beginning, before the next one is."""
ONCE_MORE = timedelta(hours=1)
"""Until the listing page is asked again for the present day."""
MOST_PAGES = 500
"""Requests for one category before its archive is thought to lead in a circle."""


@dataclass(frozen=True, slots=True)
class Job:
    """The due missed days of one category, the oldest first, and how the search for them goes on."""

    gaps: tuple[Gap, ...]
    window: Window
    archive: Archive

    @property
    def token(self) -> str:
        return self.gaps[0].token


class Backfill:
    """``archives``: asked one after the other, the next where one fails or does not hold the day."""

    def __init__(
        self,
        store: Store,
        index: SearchIndex | None,
        archives: Sequence[Archive],
        categories: Sequence[str],
        turn: Turn,
        now: Now,
    ) -> None:
        self._store, self._index, self._archives = store, index, tuple(archives)
        self._categories, self._turn, self._now = tuple(categories), turn, now
        self._pages: dict[str, int] = {}

    async def fill(self, patience: float, most: int) -> int:
        """Ask for every missed day that is due, in ``most`` requests; returns how many announcements came of it.

        Ends early where another process is asking arXiv for longer than ``patience`` seconds.
        """
        found = asked = 0
        while self._archives and asked < most and (job := await asyncio.to_thread(self._next)):
            asked += 1
            try:
                found += await self._step(job, patience)
            except TryLater as error:
                log.debug("missed days wait: %s", error)
                break
        if asked:
            for archive in self._archives:
                await archive.close()
        if found and self._index is not None:
            await asyncio.to_thread(self._index.follow)
        return found

    def _next(self) -> Job | None:
        now = self._now()
        with self._store.reading() as tx:
            gaps = [g for g in tx.gaps(GapState.OPEN) if g.due_at is None or g.due_at <= now]
            today = eastern_day(now)
            # The present day is on the listing page, where its feed is broken; elsewhere it may not be whole yet.
            gaps = [g for g in gaps if g.category in self._categories and (g.on < today or self._is_first(g.via))]
            if not gaps:
                return None
            mine = tuple(g for g in gaps if g.category == gaps[0].category)
            via = mine[0].via or self._archives[0].name
            # Those that ask another archive, or are further on with it, have their turn after these.
            mine = tuple(g for g in mine if (g.via or via, g.token) == (via, mine[0].token))
            archive = next((a for a in self._archives if a.name == via), self._archives[0])
            first = mine[0].on
            window = Window(mine[0].category, self._categories, first, today, tx.last_key(first))
            return Job(mine, window, archive)

    def _is_first(self, via: str) -> bool:
        return via in ("", self._archives[0].name) and self._archives[0].name == "listing"

    async def _step(self, job: Job, patience: float) -> int:
        category = job.window.category
        alone = alone_async(self._store, INGEST, "missed days", self._now, patience)
        async with alone as tenure, self._turn.taken(patience):
            try:
                self._pages[category] = self._pages.get(category, 0) + 1 if job.token else 1
                if self._pages[category] > MOST_PAGES:
                    raise FetchFailed(f"{job.archive.name} does not come to an end")
                leaf = await job.archive.leaf(category, job.window.first, job.token)
            except FetchFailed as error:
                await whole(asyncio.to_thread(self._put_off, job, error, tenure))
                return 0
            return await whole(asyncio.to_thread(self._take_in, job, leaf, tenure))

    def _take_in(self, job: Job, leaf: Leaf, tenure: Tenure) -> int:
        """Store a page and how it goes on; returns how many announcements it brought."""
        now = self._now()
        days = {gap.on: gap for gap in job.gaps}
        with self._store.transaction() as tx:
            tenure.keep(tx)
            self._turn.check(tx)
            if leaf.rejected:
                tx.quarantine(f"{job.archive.name} {job.window.category}", leaf.rejected, now)
            sightings = leaf.sightings if leaf.on is None or leaf.on in days else ()
            known = tx.known_papers(sighting.item.key for sighting in sightings)
            last = tx.last_announcement()
            tx.add(late_items(sightings, job.window, known), now)
            brought: dict[date, int] = {}
            for one in tx.announcements(last):
                brought[one.announced_on] = brought.get(one.announced_on, 0) + 1
            for gap in job.gaps:
                gap = self._after(job, replace(gap, found=gap.found + brought.get(gap.on, 0)), leaf)
                tx.put_gap(gap)
                if gap.on == job.window.today and gap.state is not GapState.OPEN:
                    # As if its feed had brought it, so that nobody waits for that any longer.
                    feed = tx.feeds().get(gap.category, Feed(gap.category))
                    since_at = feed.since_at if feed.state is FeedState.FRESH else now
                    came = replace(feed, state=FeedState.FRESH, since_at=since_at, fresh_at=now, why="")
                    tx.put_feed(replace(came, batch_on=gap.on, upto_on=gap.on))
        if not leaf.token:
            log.info("%s: %s was asked for %d missed days", job.window.category, job.archive.name, len(days))
        return sum(brought.values())

    def _after(self, job: Job, gap: Gap, leaf: Leaf) -> Gap:
        if leaf.on is not None and gap.on != leaf.on:  # it is of another day
            return self._handed_on(gap, job.archive, f"{job.archive.name} is of {leaf.on}")
        if leaf.token:
            return replace(gap, via=job.archive.name, token=leaf.token)
        if job.archive.name == "api" and gap.on >= job.window.today - timedelta(days=1):
            return failed(gap, "the API may lag behind the announcements", self._now())
        return filled(gap, job.archive.name, 0)

    def _put_off(self, job: Job, error: FetchFailed, tenure: Tenure) -> None:
        """Ask the next archive; after the last one, begin anew later."""
        now = self._now()
        log.warning("%s: missed days: %s: %s", job.window.category, job.archive.name, error)
        with self._store.transaction() as tx:
            tenure.keep(tx)
            self._turn.check(tx)
            if error.sample:
                where = f"{job.archive.name} {job.window.category}"
                tx.quarantine(where, [Rejected("the whole answer", str(error), error.sample)], now)
            for gap in job.gaps:
                if gap.token and gap.tries < MOST_RESTARTS:  # a token is good for a day only
                    gap = replace(gap, token="", tries=gap.tries + 1, why=str(error)[:300])
                else:
                    gap = self._handed_on(gap, job.archive, str(error))
                if error.retry_after:
                    gap = replace(gap, due_at=max(gap.due_at or now, now + timedelta(seconds=error.retry_after)))
                tx.put_gap(gap)

    def _handed_on(self, gap: Gap, archive: Archive, why: str) -> Gap:
        if gap.on >= eastern_day(self._now()):
            return replace(gap, via="", token="", why=why[:300], due_at=self._now() + ONCE_MORE)
        names = [one.name for one in self._archives]
        at = names.index(archive.name) + 1
        if at < len(names):
            return replace(gap, via=names[at], token="", why=why[:300])
        return failed(gap, why, self._now())
