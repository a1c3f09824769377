"""The round: poll, plan, deliver. Asks the pure modules what to do, then does it; keeps no state of its own
that the store does not have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta

from bot.carrier import Carried, Carrier, whole
from bot.commands.context import documents_of, followed_by
from bot.digests import Day, Decision, decide
from bot.errors import FetchFailed
from bot.feeds import eastern_day, heard, judge, next_poll, settled
from bot.model import (
    Chat,
    Delivery,
    Feed,
    FeedState,
    Fetched,
    Tally,
    Validators,
)
from bot.ports import ChatPlatform, SearchIndex, Source, Store, Transaction

log = logging.getLogger(__name__)

PAGE = 200
"""Chats planned in one transaction."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the round needs of the configuration. ``repeat``: send an uncertain message again."""

    categories: tuple[str, ...]
    wait_until: time = time(14, 0)
    repeat: bool = True


@dataclass(slots=True)
class Round:
    """What a round did, for people and scripts."""

    polled: Tally = field(default_factory=Tally)
    feeds: dict[str, str] = field(default_factory=dict)
    planned: int = 0
    carried: Carried = field(default_factory=Carried)


class Pipeline:
    """Owns the order of things: the store is asked, a pure module decides, the store and the platforms act."""

    def __init__(
        self,
        store: Store,
        index: SearchIndex,
        source: Source,
        platforms: Mapping[str, ChatPlatform],
        settings: Settings,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._index, self._source = store, index, source
        self._settings, self._now = settings, now
        self._carrier = Carrier(store, platforms, settings.repeat, now)
        self._polling = asyncio.Lock()
        self._planning = asyncio.Lock()
        self._tries, self._tried_on = 0, eastern_day(now())
        self._retry_after: float | None = None

    async def poll(self, quietly: bool = False) -> tuple[Tally, dict[str, Feed]]:
        """One poll of every configured category together. A feed that fails changes nothing but its state.

        ``quietly``: the caller tells the person itself, so the log does not say it too.
        """
        async with self._polling:
            categories = self._settings.categories
            url = self._source.url(categories)
            known = await asyncio.to_thread(self._known, url)
            try:
                outcome: Fetched | FetchFailed = await self._source.fetch(categories, known)
            except FetchFailed as error:
                outcome = error
            self._retry_after = outcome.retry_after if isinstance(outcome, FetchFailed) else None
            tally, feeds = await whole(asyncio.to_thread(self._take_in, url, outcome))
            if not quietly:
                self._tell(outcome, tally, feeds)
            return tally, feeds

    def _known(self, url: str) -> Validators:
        with self._store.reading() as tx:
            return tx.validators(url)

    def _take_in(self, url: str, outcome: Fetched | FetchFailed) -> tuple[Tally, dict[str, Feed]]:
        now = self._now()
        tally = Tally()
        with self._store.transaction() as tx:
            before = tx.feeds()
            unseen = 0
            if isinstance(outcome, Fetched):
                tally = tx.add(outcome.items, now) + Tally(refused=outcome.rejected)
                unseen = tally.new + tally.merged + tally.updated
                if not outcome.unchanged:
                    # Where nothing could be read, the same bytes are worth reading again: by a mended program, say.
                    lost = outcome.rejected and not outcome.items
                    tx.put_validators(url, Validators() if lost else outcome.validators)
            feeds = {}
            for category in self._settings.categories:
                feed = judge(before.get(category, Feed(category)), category, outcome, unseen, now)
                feeds[category] = feed
                tx.put_feed(feed)
        if tally.new or tally.updated or tally.merged:
            self._index.follow()
        return tally, feeds

    def _tell(self, outcome: Fetched | FetchFailed, tally: Tally, feeds: Mapping[str, Feed]) -> None:
        for rejected in tally.refused[:5]:
            log.warning("poll: left out %s: %s", rejected.where, rejected.why)
        states = sorted({feed.state for feed in feeds.values()})
        if isinstance(outcome, FetchFailed):
            log.warning("poll: %s; what is stored stays as it is", outcome)
        else:
            log.info(
                "poll: %s: %d read, %d new, %d merged, %d updated, %d refused; %s",
                outcome.url, tally.read, tally.new, tally.merged, tally.updated, len(tally.refused), ", ".join(states),
            )  # fmt: skip

    async def poll_if_due(self) -> bool:
        """Poll where arXiv may have something this program has not: see ``feeds.next_poll``."""
        due = await self.next_poll_at()
        if due > self._now():
            return False
        _, feeds = await self.poll()
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
        return next_poll(feeds, max(checked), self._tries, self._retry_after)

    def _feeds(self) -> list[Feed]:
        with self._store.reading() as tx:
            known = tx.feeds()
        return [known.get(category, Feed(category)) for category in self._settings.categories]

    async def plan(self) -> int:
        """Write a delivery for every chat that is due; returns how many."""
        async with self._planning:
            planned, after = 0, 0
            while True:
                count, after = await whole(asyncio.to_thread(self._plan_page, after))
                planned += count
                if not after:
                    return planned

    def _plan_page(self, after: int) -> tuple[int, int]:
        now = self._now()
        with self._store.reading() as tx:
            due = tx.due_chats(now, PAGE, after)
            if not due:
                return 0, 0
            decisions = self._decide(tx, due, now)
        planned = 0
        with self._store.transaction() as tx:
            # Asked again under lock: another process may have planned them, or a command changed one, meanwhile.
            held = {chat.id: chat for chat in tx.due_chats(now, PAGE, after)}
            for chat, decision in decisions:
                if held.get(chat.id) != chat:
                    continue
                if decision.digest is not None:
                    tx.plan(
                        Delivery(
                            0,
                            chat.id,
                            chat.address,
                            decision.digest,
                            chat.language,
                            chat.layout,
                            due_at=now,
                            made_at=now,
                        )
                    )
                    planned += 1
                tx.put_chat(replace(chat, seen=decision.seen, due_at=decision.due_at))
        return planned, due[-1].id if len(due) == PAGE else 0

    def _decide(self, tx: Transaction, due: Sequence[Chat], now: datetime) -> list[tuple[Chat, Decision]]:
        known = tx.feeds()
        feeds = [known.get(category, Feed(category)) for category in self._settings.categories]
        all_heard = all(heard(feed, now) or settled(feed, now) for feed in feeds)
        quiet = all(feed.state is FeedState.QUIET for feed in feeds)
        topics, held, upto = tx.topics(), tx.subscriptions([chat.id for chat in due]), tx.last_announcement()
        days: dict[int, Day | None] = {}
        decisions = []
        for chat in due:
            if chat.seen not in days:
                days[chat.seen] = self._day(tx, chat.seen, upto)
            last = tx.last_delivery(chat.id)
            try:
                decision = decide(
                    chat,
                    followed_by(held.get(chat.id, ()), topics, chat.language),
                    days[chat.seen],
                    upto,
                    settled=all_heard,
                    quiet=quiet,
                    last_kind=last.digest.kind if last else None,
                    last_at=last.made_at if last else None,
                    wait_until=self._settings.wait_until,
                    now=now,
                )
            except Exception:
                # One chat that makes no sense must not keep the others from their digests.
                log.exception("%s could not be planned; it is tried again in an hour", chat.address)
                decision = Decision(None, chat.seen, now + timedelta(hours=1))
            decisions.append((chat, decision))
        return decisions

    def _day(self, tx: Transaction, after: int, upto: int) -> Day | None:
        announcements = tx.announcements(after, upto)
        if not announcements:
            return None
        ids = {a.paper_id for a in announcements}
        papers = tx.papers(ids)
        return Day(announcements, papers, documents_of(papers.values(), tx.summaries(ids)))

    async def deliver(self) -> Carried:
        """Send what is due until nothing is."""
        return await self._carrier.deliver()

    async def stop(self, within: float) -> None:
        """For good: messages on their way get ``within`` seconds, and what is left of a digest is given back, so
        that another process goes on with it at once."""
        await self._carrier.stop(within)

    async def round(self) -> Round:
        """Poll, plan, deliver, once."""
        done = Round()
        done.polled, feeds = await self.poll()
        done.feeds = {category: str(feed.state) for category, feed in feeds.items()}
        done.planned = await self.plan()
        done.carried = await self.deliver()
        return done

    async def dry_round(self) -> Round:
        """What a round would do, with nothing written or sent: the feed is read, not stored."""
        done = Round()
        categories = self._settings.categories
        try:
            outcome: Fetched | FetchFailed = await self._source.fetch(categories, Validators())
        except FetchFailed as error:
            outcome = error
            done.feeds = dict.fromkeys(categories, str(FeedState.FAILED))
            log.warning("poll: %s", error)
        return await asyncio.to_thread(self._would, outcome, done)

    def _would(self, outcome: Fetched | FetchFailed, done: Round) -> Round:
        class Undo(Exception):
            pass

        now = self._now()
        try:
            with self._store.transaction() as tx:
                if isinstance(outcome, Fetched):
                    done.polled = tx.add(outcome.items, now) + Tally(refused=outcome.rejected)
                after = 0
                while due := tx.due_chats(now, PAGE, after):
                    after = due[-1].id
                    done.planned += sum(d.digest is not None for _, d in self._decide(tx, due, now))
                raise Undo
        except Undo:
            return done
