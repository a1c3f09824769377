"""One poll of the configured categories: asked by the part, taken in whole or by the part, judged by the category."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.carrier import whole
from bot.errors import FetchFailed
from bot.feeds import eastern_day, judge, own_items
from bot.gaps import is_given_up_today, missed
from bot.model import Feed, FeedItem, Fetched, Gap, GapState, Kind, Rejected, Tally, Validators
from bot.ports import Now, SearchIndex, Source, Store, Transaction
from bot.tenure import PATIENCE, Tenure
from bot.turns import Stalled, Turn

log = logging.getLogger(__name__)

_PARTS = "feeds.parts"
_RANK = {kind: rank for rank, kind in enumerate((Kind.NEW, Kind.CROSS, Kind.REPLACE, Kind.REPLACE_CROSS))}
Part = tuple[str, ...]
"""Categories that are asked for together."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one poll read, nothing of it stored: an outcome for each part, and the parts to begin with next time.
    ``spare`` is what a feed that was cut had all the same."""

    outcomes: Mapping[Part, Fetched | FetchFailed]
    parts: tuple[Part, ...]
    spare: tuple[FeedItem, ...] = ()

    def items(self) -> tuple[FeedItem, ...]:
        """As they were read; of several parts each paper once, for what is new in one and cross-listed in another is
        new in their union."""
        if len(self.outcomes) == 1:
            return tuple(item for one in self.fetched() for item in one.items)
        found: dict[str, FeedItem] = {}
        for item in (*(i for one in self.fetched() for i in one.items), *self.spare):
            there = found.get(item.key)
            if there is None or _RANK[item.kind] < _RANK[there.kind]:
                found[item.key] = item
        return tuple(found.values())

    def fetched(self) -> list[Fetched]:
        return [outcome for outcome in self.outcomes.values() if isinstance(outcome, Fetched)]

    def failures(self) -> list[FetchFailed]:
        return [outcome for outcome in self.outcomes.values() if isinstance(outcome, FetchFailed)]

    def rejected(self) -> tuple[Rejected, ...]:
        return tuple(dict.fromkeys(one for fetched in self.fetched() for one in fetched.rejected))


class Poller:
    """Polls and stores. A feed that fails changes nothing but its state.

    arXiv cuts a feed at 2,000 items and the new papers first, so a union that comes near is asked for in halves from
    then on; that is kept in the store, and every part has validators of its own.
    """

    def __init__(
        self,
        store: Store,
        index: SearchIndex | None,
        source: Source,
        categories: Sequence[str],
        turn: Turn,
        now: Now,
    ) -> None:
        self._store, self._index, self._source, self._turn = store, index, source, turn
        self._categories, self._now = tuple(categories), now
        self.retry_after: float | None = None
        """Seconds that arXiv asked for on the last poll."""

    async def poll(
        self, tenure: Tenure, quietly: bool = False, patience: float = PATIENCE
    ) -> tuple[Tally, dict[str, Feed]]:
        """Raises TryLater where another process is asking arXiv, for longer than ``patience`` seconds. ``tenure`` is
        that of whoever brings papers in."""
        async with self._turn.taken(patience):
            reading = await self.read(conditionally=True)
            self.retry_after = max((error.retry_after or 0 for error in reading.failures()), default=0) or None
            try:
                tally, feeds = await whole(asyncio.to_thread(self._take_in, reading, tenure))
            except Stalled as error:
                log.warning("poll: %s", error)
                raise
        if not quietly:
            self._tell(reading, tally, feeds)
        return tally, feeds

    async def read(self, conditionally: bool) -> Reading:
        """Ask for every part; in halves where arXiv cut one off. The turn is the caller's."""
        waiting, known = await asyncio.to_thread(self._known, conditionally)
        outcomes: dict[Part, Fetched | FetchFailed] = {}
        parts: list[Part] = []
        spare: list[FeedItem] = []
        while waiting:
            part = waiting.pop(0)
            stop = next((e for e in outcomes.values() if isinstance(e, FetchFailed) and e.retry_after), None)
            outcome = stop or await self._ask(part, known.get(part, Validators()))
            fetched = outcome if isinstance(outcome, Fetched) else None
            half = len(part) // 2
            if half and fetched and fetched.cut:
                log.warning("%s is more than arXiv gives at once; asking for it in halves", fetched.url)
                spare += fetched.items
                waiting[:0] = [part[:half], part[half:]]
                continue
            outcomes[part] = outcome
            parts += [part[:half], part[half:]] if half and fetched and fetched.near else [part]
        return Reading(outcomes, tuple(parts), tuple(spare))

    async def _ask(self, part: Part, known: Validators) -> Fetched | FetchFailed:
        try:
            return await self._source.fetch(part, known)
        except FetchFailed as error:
            return error

    def _known(self, conditionally: bool) -> tuple[list[Part], dict[Part, Validators]]:
        with self._store.reading() as tx:
            parts = _parts_of(tx.setting(_PARTS), self._categories)
            if not conditionally:
                return parts, {}
            return parts, {part: tx.validators(self._source.url(part)) for part in parts}

    def _take_in(self, reading: Reading, tenure: Tenure) -> tuple[Tally, dict[str, Feed]]:
        now = self._now()
        with self._store.transaction() as tx:
            tenure.keep(tx)
            self._turn.check(tx)
            items = reading.items()
            unseen = tx.unseen(items)
            added = tx.add(items, now)
            tally = added + Tally(refused=reading.rejected())
            self._hold_apart(tx, reading, added.refused)
            for fetched in reading.fetched():
                if not fetched.unchanged:
                    # What a part lacks or could not be read is worth reading again, by a mended program, say.
                    lost = fetched.cut or (fetched.rejected and not fetched.items)
                    tx.put_validators(fetched.url, Validators() if lost else fetched.validators)
            if reading.parts != tuple(_parts_of(tx.setting(_PARTS), self._categories)):
                tx.put_setting(_PARTS, json.dumps(reading.parts))
            before = tx.feeds()
            feeds: dict[str, Feed] = {}
            for part, outcome in reading.outcomes.items():
                for category in part:
                    feeds[category] = self._settle(tx, before.get(category, Feed(category)), outcome, unseen)
        if self._index is not None and (tally.new or tally.updated or tally.merged):
            self._index.follow()
        return tally, feeds

    def _settle(self, tx: Transaction, before: Feed, outcome: Fetched | FetchFailed, unseen: frozenset[str]) -> Feed:
        """The category's state, and the days that are missed by now."""
        now, category = self._now(), before.category
        own = own_items(outcome, category) if isinstance(outcome, Fetched) else []
        feed = judge(before, category, outcome, sum(item.key in unseen for item in own), now)
        days, feed = missed(before, feed, now)
        why = before.why or "the program was not running, or did not ask"
        gaps = [Gap(category, day, due_at=now, why=why) for day in days]
        if isinstance(outcome, Fetched) and outcome.cut and feed.batch_on:
            gaps.append(Gap(category, feed.batch_on, due_at=now, why="the feed was cut off at arXiv's limit"))
        if is_given_up_today(feed, now):
            gaps.append(Gap(category, eastern_day(now), due_at=now, why=feed.why))
        if opened := tx.open_gaps(gaps):
            log.warning("%s: %d days were missed: %s", category, opened, ", ".join(str(gap.on) for gap in gaps))
        if feed.fresh_at == now and feed.batch_on and not (isinstance(outcome, Fetched) and outcome.cut):
            for gap in tx.gaps(GapState.OPEN):
                if (gap.category, gap.on) == (category, feed.batch_on):
                    tx.put_gap(replace(gap, state=GapState.FILLED, via="feed", token="", due_at=None, why=""))
        tx.put_feed(feed)
        return feed

    def _hold_apart(self, tx: Transaction, reading: Reading, refused: Sequence[Rejected]) -> None:
        now = self._now()
        for part, outcome in reading.outcomes.items():
            url = self._source.url(part)
            if isinstance(outcome, Fetched):
                tx.quarantine(url, outcome.rejected, now)
            elif outcome.sample:
                tx.quarantine(url, [Rejected("the whole answer", str(outcome), outcome.sample)], now)
        if refused:
            tx.quarantine(self._source.name, refused, now)

    def _tell(self, reading: Reading, tally: Tally, feeds: Mapping[str, Feed]) -> None:
        for rejected in tally.refused[:5]:
            log.warning("poll: left out %s: %s", rejected.where, rejected.why)
        for error in dict.fromkeys(map(str, reading.failures())):
            log.warning("poll: %s; what is stored stays as it is", error)
        if reading.fetched():
            log.info(
                "poll: %s: %d read, %d new, %d merged, %d updated, %d refused; %s",
                ", ".join(fetched.url for fetched in reading.fetched()), tally.read, tally.new, tally.merged,
                tally.updated, len(tally.refused), ", ".join(sorted({feed.state for feed in feeds.values()})),
            )  # fmt: skip


def _parts_of(kept: str, categories: Part) -> list[Part]:
    """The parts as they were kept, where they still are of these categories; else all in one."""
    try:
        parts = [tuple(map(str, part)) for part in json.loads(kept or "[]")]
    except (ValueError, TypeError):
        parts = []
    same = sorted(category for part in parts for category in part) == sorted(categories)
    return parts if same and all(parts) else [categories]

