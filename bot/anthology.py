"""The ACL Anthology beside arXiv: polled at a pace of its own, a conference's thousands of papers at once.

It has no days: nothing it lacks is missed, and no chat waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from bot.carrier import whole
from bot.errors import FetchFailed
from bot.feeds import eastern_day
from bot.model import Arrival, Feed, FeedItem, FeedState, Fetched, Kind, Tally, Validators
from bot.ports import Now, Proceedings, SearchIndex, Store, Transaction
from bot.tenure import INGEST, Occupied, Tenure, alone, alone_async

log = logging.getLogger(__name__)

NAME = "anthology"
"""What its feed is called among arXiv's categories."""
PACE, SOON, LATEST = timedelta(hours=6), timedelta(minutes=30), timedelta(days=1)
MANY = 300
"""New papers in one poll that are a burst."""
NEWS = timedelta(days=7)
"""What is older than this when the Anthology is first read is known, not news."""
PAUSE = timedelta(days=30)
"""After which the Anthology is read as if for the first time."""
LACKING = timedelta(days=60)
"""How long an abstract that its source did not have is asked for."""
MOST = 100
"""Collections asked for in one poll; what is beyond them is asked for by the next."""
_GIVE_UP = 3
"""Collections in a row that cannot be read, after which the others are not asked for."""
_BEGUN = "anthology.begun"


def next_reading(feed: Feed, now: datetime, retry_after: float | None = None) -> datetime:
    """When the feed is read again: after six hours, after half an hour where something failed; later where the
    server asks for it (``retry_after`` in seconds, at most a day)."""
    if feed.checked_at is None:
        return now
    at = feed.checked_at + (SOON if feed.state is FeedState.FAILED or feed.why else PACE)
    return at if retry_after is None else max(at, feed.checked_at + min(timedelta(seconds=retry_after), LATEST))


def collection_of(key: str) -> str:
    """The collection that an Anthology key's paper stands in: ``2024.lrec`` of ``acl:2024.lrec-main.7``."""
    return key.partition(":")[2].partition("-")[0]


def collections_of(keys: Iterable[str]) -> list[str]:
    """Each once, those with the most papers first."""
    return [name for name, _ in Counter(map(collection_of, keys)).most_common()]


def turned(names: Sequence[str], now: datetime) -> list[str]:
    """The same names, another one first at each try: those that fail for good do not keep the others waiting."""
    first = int(now.timestamp() // SOON.total_seconds()) % len(names) if names else 0
    return [*names[first:], *names[:first]]


def filled(item: FeedItem, abstracts: Mapping[str, FeedItem]) -> FeedItem:
    """The feed's item with what its collection says: names as they are written there, TeX in the title, abstract."""
    found = abstracts.get(item.key)
    if found is None:
        return item
    authors = found.authors or item.authors
    return replace(item, title=found.title, abstract=found.abstract, authors=authors, doi=found.doi)


def dated(items: Iterable[FeedItem], unseen: Collection[str], begun_on: date, today: date) -> list[FeedItem]:
    """The items as they are announced: in a burst where many are news; only known where they were old when the
    Anthology was first read; never of a day that is still to come, which would hide arXiv's."""
    found = [
        replace(
            item,
            kind=Kind.KNOWN if _is_old(item, begun_on) else item.kind,
            announced_on=item.announced_on and min(item.announced_on, today),
        )
        for item in items
    ]
    news = sum(item.kind is not Kind.KNOWN and item.key in unseen for item in found)
    return [replace(item, arrival=Arrival.BURST) for item in found] if news >= MANY else found


def begun(before: date | None, feed: Feed, now: datetime) -> date:
    """The day from which on the Anthology was read without a long pause; ``before`` is the one that was so far."""
    paused = feed.checked_at is not None and now - feed.checked_at > PAUSE
    return now.date() if before is None or paused else before


def _is_old(item: FeedItem, begun_on: date) -> bool:
    return item.announced_on is not None and item.announced_on < begun_on - NEWS


@dataclass(slots=True)
class _Read:
    """What collections gave: items by key, what to remember of each address, and the first that failed."""

    items: dict[str, FeedItem] = field(default_factory=dict)
    validators: dict[str, Validators] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    failed: str = ""
    retry_after: float | None = None


class Anthology:
    """Reads the feed, then the collections of what is new in it, and stores both at once; what came without its
    abstract gets it by a later poll."""

    def __init__(self, store: Store, index: SearchIndex | None, source: Proceedings, now: Now) -> None:
        self._store, self._index, self._source, self._now = store, index, source, now
        self._polling = asyncio.Lock()
        self._retry_after: float | None = None

    async def poll_if_due(self) -> tuple[Tally, Feed] | None:
        """Poll where the last one was long enough ago; None where it was not."""
        feed = await asyncio.to_thread(self._feed)
        due = next_reading(feed, self._now(), self._retry_after) <= self._now()
        return await self.poll() if due else None

    async def poll(self) -> tuple[Tally, Feed]:
        """One poll, unless another process is at it. What fails changes nothing but the feed's state; raises TryLater
        where this process stalled until another took over."""
        async with self._polling:
            try:
                async with alone_async(self._store, NAME, "reading the Anthology", self._now, 0) as tenure:
                    return await self._tried(tenure)
            except Occupied as error:
                log.debug("anthology: %s", error)
                return Tally(), await asyncio.to_thread(self._feed)

    async def _tried(self, tenure: Tenure) -> tuple[Tally, Feed]:
        try:
            return await self._poll(tenure)
        except FetchFailed as error:
            self._retry_after = error.retry_after
            log.warning("anthology: %s; what is stored stays as it is", error)
            return Tally(), await whole(asyncio.to_thread(self._put, tenure, FeedState.FAILED, str(error)))

    async def _poll(self, tenure: Tenure) -> tuple[Tally, Feed]:
        read, tally = _Read(), Tally()
        fetched = await self._source.fetch(await asyncio.to_thread(self._known, self._source.url))
        if not fetched.unchanged:
            unseen = await asyncio.to_thread(self._unseen, fetched.items)
            # What the feed lists only now may stand in a file that has not changed since it was last read.
            await self._ask(tenure, read, collections_of(unseen), again=False)
            tally = await whole(asyncio.to_thread(self._take_in, tenure, fetched, unseen, read))
        lacking = await asyncio.to_thread(self._lacking)
        names = turned([name for name in collections_of(lacking) if name not in read.asked], self._now())
        if names and not read.failed:
            more = _Read(asked=read.asked)
            await self._ask(tenure, more, names, again=True)
            await whole(asyncio.to_thread(self._fill, tenure, set(lacking), more))
            read.failed, read.retry_after = more.failed, more.retry_after
        self._retry_after = read.retry_after
        fresh = bool(tally.new or tally.merged)
        feed = await whole(asyncio.to_thread(self._put, tenure, FeedState.FRESH, read.failed, fetched.batch_on, fresh))
        self._tell(fetched, tally, read)
        return tally, feed

    async def _ask(self, tenure: Tenure, read: _Read, names: Sequence[str], again: bool) -> None:
        """Read collections; ``again``: only those that have changed."""
        failed = 0
        for name in names[: MOST - len(read.asked)]:
            if other := await whole(asyncio.to_thread(tenure.take)):
                raise Occupied(other)
            read.asked.add(name)
            url = self._source.collection_url(name)
            known = await asyncio.to_thread(self._known, url) if again else Validators()
            try:
                fetched = await self._source.collection(name, known)
            except FetchFailed as error:
                read.failed, read.retry_after = read.failed or f"abstracts: {error}", error.retry_after
                read.validators[url] = Validators()
                failed += 1
                if failed >= _GIVE_UP:
                    return
                continue
            failed = 0
            read.validators[url] = fetched.validators
            read.items |= {item.key: item for item in fetched.items}

    def _feed(self) -> Feed:
        with self._store.reading() as tx:
            return tx.feeds().get(NAME, Feed(NAME))

    def _known(self, url: str) -> Validators:
        with self._store.reading() as tx:
            return tx.validators(url)

    def _unseen(self, items: Sequence[FeedItem]) -> list[str]:
        keys = [item.key for item in items]
        with self._store.reading() as tx:
            known = tx.known_keys(keys)
        return [key for key in keys if key not in known]

    def _lacking(self) -> list[str]:
        with self._store.reading() as tx:
            return tx.without_abstract("acl", (self._now() - LACKING).date())

    @contextmanager
    def _writing(self, tenure: Tenure) -> Iterator[Transaction]:
        """Whoever adds papers does so alone, and this only while nobody else has taken the Anthology over."""
        with (
            alone(self._store, INGEST, "the Anthology", self._now) as ingest,
            self._store.transaction() as tx,
        ):
            ingest.keep(tx)
            tenure.keep(tx)
            yield tx

    def _take_in(self, tenure: Tenure, fetched: Fetched, unseen: Collection[str], read: _Read) -> Tally:
        with self._writing(tenure) as tx:
            now, kept = self._now(), tx.setting(_BEGUN)
            begun_on = begun(date.fromisoformat(kept) if kept else None, tx.feeds().get(NAME, Feed(NAME)), now)
            tx.put_setting(_BEGUN, begun_on.isoformat())
            known = (filled(item, read.items) for item in fetched.items)
            items = dated(known, unseen, begun_on, eastern_day(now))
            tally = tx.add(items, now) + Tally(refused=fetched.rejected)
            # Where nothing could be read, the same bytes are worth reading again: by a mended program, say.
            lost = fetched.rejected and not fetched.items
            tx.put_validators(fetched.url, Validators() if lost else fetched.validators)
            _remember(tx, read)
        self._follow()
        return tally

    def _fill(self, tenure: Tenure, lacking: Collection[str], read: _Read) -> None:
        with self._writing(tenure) as tx:
            tx.add((item for key, item in read.items.items() if key in lacking), self._now())
            _remember(tx, read)
        self._follow()

    def _follow(self) -> None:
        if self._index is not None:
            self._index.follow()

    def _put(
        self, tenure: Tenure, state: FeedState, why: str, batch_on: date | None = None, fresh: bool = False
    ) -> Feed:
        now = self._now()
        with self._store.transaction() as tx:
            tenure.keep(tx)
            before = tx.feeds().get(NAME, Feed(NAME))
            since_at = before.since_at if before.state is state else now
            fresh_at = now if fresh else before.fresh_at
            feed = Feed(NAME, state, since_at, now, fresh_at, batch_on or before.batch_on, why)
            tx.put_feed(feed)
        return feed

    def _tell(self, fetched: Fetched, tally: Tally, read: _Read) -> None:
        for rejected in tally.refused[:5]:
            log.warning("anthology: left out %s: %s", rejected.where, rejected.why)
        if read.failed:
            log.warning("anthology: %s; what lacks its abstract gets it later", read.failed)
        log.info(
            "anthology: %s: %d read, %d new, %d merged, %d updated, %d refused; %d collections",
            fetched.url, tally.read, tally.new, tally.merged, tally.updated, len(tally.refused), len(read.asked),
        )  # fmt: skip


def _remember(tx: Transaction, read: _Read) -> None:
    for url, validators in read.validators.items():
        tx.put_validators(url, validators)
