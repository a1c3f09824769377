"""The round: poll, fill what was missed, summarise, plan, deliver. Asks the pure modules what to do, then does it;
keeps no state of its own that the store does not have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from bot.anthology import NAME, Anthology
from bot.backfill import Backfill
from bot.bulletins import Herald
from bot.carrier import Carried, Carrier, whole
from bot.errors import FetchFailed, TryLater
from bot.feeds import eastern_day, next_poll, settled
from bot.model import Feed, FeedState, Tally
from bot.planning import Planner
from bot.polling import Poller, Reading
from bot.ports import Archive, ChatPlatform, Press, Proceedings, SearchIndex, Source, Store
from bot.publishing import Publishing
from bot.reports import Reporter
from bot.scribe import Scribe, Written
from bot.tenure import INGEST, PATIENCE, Tenure, alone_async
from bot.turns import Turn
from bot.upkeep import Upkeep

log = logging.getLogger(__name__)

SOME, ALL = 20, 2000
"""Requests for missed days between two looks at the feeds, and where nobody waits for a look."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the round needs of the configuration. ``repeat``: send an uncertain message again. ``admins`` are told of
    troubles, in ``language`` where they have no chat of their own. ``interval``: seconds between two requests to
    arXiv, over all processes. ``wait``: how long a digest waits for its papers' summaries; None where no model makes
    any."""

    categories: tuple[str, ...]
    wait_until: time = time(14, 0)
    repeat: bool = True
    audit_days: int = 365
    admins: tuple[str, ...] = ()
    language: str = "en"
    interval: float = 0.0
    wait: timedelta | None = None


@dataclass(slots=True)
class Round:
    """What a round did, for people and scripts."""

    polled: Tally = field(default_factory=Tally)
    feeds: dict[str, str] = field(default_factory=dict)
    planned: int = 0
    carried: Carried = field(default_factory=Carried)
    written: Written = field(default_factory=Written)


class Pipeline:
    """Owns the order of things: the store is asked, a pure module decides, the store and the platforms act.

    ``index`` is None in a process where nobody searches. ``clock``: the time as other processes have it, where ``now``
    is a pretended one.
    """

    def __init__(
        self,
        store: Store,
        index: SearchIndex | None,
        source: Source,
        platforms: Mapping[str, ChatPlatform],
        settings: Settings,
        now: Callable[[], datetime],
        proceedings: Proceedings | None = None,
        archives: Sequence[Archive] = (),
        clock: Callable[[], datetime] | None = None,
        scribe: Scribe | None = None,
        press: Press | None = None,
    ) -> None:
        self._store, self._index, self._source = store, index, source
        self._settings, self._now = settings, now
        self._planner = Planner(store, settings.categories, settings.wait_until, now, settings.wait)
        self._herald = Herald(store, now)
        self._upkeep = Upkeep(store, settings.audit_days, now)
        self._publishing = Publishing(store, index, press, now) if press and index else None
        self._carrier = Carrier(store, platforms, settings.repeat, now)
        self._reporter = Reporter(store, platforms, settings.admins, settings.language, now)
        self._turn = Turn(store, settings.interval, clock or now)
        self._poller = Poller(store, index, source, settings.categories, self._turn, now)
        self._backfill = Backfill(store, index, archives, settings.categories, self._turn, now)
        self.anthology = Anthology(store, index, proceedings, now) if proceedings else None
        self.scribe = scribe
        self._polling = asyncio.Lock()
        self._planning = asyncio.Lock()
        self._tries, self._tried_on = 0, eastern_day(now())

    async def poll(self, quietly: bool = False, patience: float = PATIENCE) -> tuple[Tally, dict[str, Feed]]:
        """One poll of every configured category. A feed that fails changes nothing but its state.

        ``quietly``: the caller tells the person itself, so the log does not say it too. One process polls at a time:
        raises Occupied where another brings papers in, or another TryLater where it asks arXiv, for longer than
        ``patience`` seconds, and where this one stalled until another took over.
        """
        async with self._polling, self._alone(patience) as tenure:
            return await self._poller.poll(tenure, quietly, patience)

    def _alone(self, patience: float) -> AbstractAsyncContextManager[Tenure]:
        return alone_async(self._store, INGEST, "a poll", self._now, patience)

    async def fill(self, patience: float = 0.0, most: int = SOME) -> int:
        """Ask arXiv's archives for missed days that are due, in ``most`` requests; returns how many announcements
        came of it. Waits ``patience`` seconds for another process that asks arXiv or brings papers in."""
        async with self._polling:
            return await self._backfill.fill(patience, most)

    async def poll_if_due(self) -> bool:
        """Poll where arXiv may have something this program has not: see ``feeds.next_poll``."""
        if await self.next_poll_at() > self._now():
            return False
        try:
            async with self._polling, self._alone(0) as tenure:
                if await self.next_poll_at() > self._now():
                    return False  # another has just done it
                _, feeds = await self._poller.poll(tenure, False, 0)
        except TryLater as error:
            log.info("poll: %s", error)
            return False
        today = eastern_day(self._now())
        waiting = not all(settled(feed, self._now()) for feed in feeds.values())
        self._tries = (self._tries if self._tried_on == today else 0) + 1 if waiting else 0
        self._tried_on = today
        return True

    async def next_poll_at(self) -> datetime:
        """When the next poll is due; the past where none was made yet."""
        feeds = await asyncio.to_thread(self._feeds)
        now = self._now()
        checked = [feed.checked_at for feed in feeds if feed.checked_at]
        if len(checked) < len(feeds):
            return now
        return next_poll(feeds, max(checked), self._tries, self._poller.retry_after)

    async def poll_proceedings(self) -> bool:
        """Poll the Anthology, where it is wanted and due; see ``anthology.next_reading``."""
        return self.anthology is not None and await self.anthology.poll_if_due() is not None

    def _feeds(self) -> list[Feed]:
        with self._store.reading() as tx:
            known = tx.feeds()
        return [known.get(category, Feed(category)) for category in self._settings.categories]

    async def plan(self) -> int:
        """Write a delivery for every chat that is due; returns how many. Chats out of reach whose day has come are
        tried again. What admins announce follows where no digest is on its way."""
        async with self._planning:
            planned = await whole(asyncio.to_thread(self._planner.plan))
            await whole(asyncio.to_thread(self._herald.proceed))
            return planned

    async def deliver(self) -> Carried:
        """Send what is due until nothing is, and tell admins what went wrong."""
        done = await self._carrier.deliver()
        if not self._carrier.stopping:
            try:
                await self._reporter.report()
            except TryLater as error:
                log.warning("the admins are told later: %s", error)
        return done

    async def summarise(self, within: timedelta | None = None) -> Written:
        """Look which papers want a summary, and ask the model for them, where there is one."""
        if self.scribe is None:
            return Written()
        try:
            return await self.scribe.write(within)
        except TryLater as error:
            log.warning("summaries: %s", error)
            return Written()

    async def note_wishes(self) -> None:
        """Note which papers want a summary, so that a plan knows for which to wait."""
        if self.scribe is not None:
            try:
                await whole(asyncio.to_thread(self.scribe.look))
            except TryLater as error:
                log.warning("what is wanted of summaries is looked at later: %s", error)

    async def keep_up(self) -> bool:
        """Once a day, by one process: what has had its time goes. Whether it was done now."""
        return await self._upkeep.run_if_due()

    async def publish(self) -> bool:
        """Write the site anew, where there is to be one and something changed; by one process. Whether it was now."""
        return self._publishing is not None and await self._publishing.run_if_due()

    async def stop(self, within: float) -> None:
        """For good: messages on their way get ``within`` seconds, and what is left of a digest is given back, so
        that another process goes on with it at once."""
        if self.scribe is not None:
            self.scribe.stop()
        await self._carrier.stop(within)

    async def round(self) -> Round:
        """Poll, plan, deliver, once."""
        done = Round()
        done.polled, feeds = await self.poll()
        done.feeds = {category: str(feed.state) for category, feed in feeds.items()}
        if self.anthology is not None and (read := await self.anthology.poll_if_due()):
            done.polled += read[0]
            done.feeds[NAME] = str(read[1].state)
        await self.fill(PATIENCE, ALL)
        done.written = await self.summarise(self._settings.wait)
        done.planned = await self.plan()
        done.carried = await self.deliver()
        done.written += await self.summarise()  # what the digests did not wait for
        return done

    async def dry_round(self) -> Round:
        """What a round would do, with nothing written or sent: the feed is read, not stored."""
        done = Round()
        async with self._turn.taken(PATIENCE):
            reading = await self._poller.read(conditionally=False)
        for part, outcome in reading.outcomes.items():
            if isinstance(outcome, FetchFailed):
                done.feeds |= dict.fromkeys(part, str(FeedState.FAILED))
                log.warning("poll: %s", outcome)
        return await asyncio.to_thread(self._would, reading, done)

    def _would(self, reading: Reading, done: Round) -> Round:
        class Undo(Exception):
            pass

        now = self._now()
        try:
            with self._store.transaction() as tx:
                if reading.fetched():
                    done.polled = tx.add(reading.items(), now) + Tally(refused=reading.rejected())
                done.planned = self._planner.would_plan(tx)
                raise Undo
        except Undo:
            return done
