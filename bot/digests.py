"""Who is due, what goes in, in which order. Pure: the present, the chat and what was announced are arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.announced import Announced, Asked, told_later
from bot.bursts import Followed as Followed
from bot.bursts import Leftover, composed, wanted
from bot.documents import Document
from bot.model import (
    Announcement,
    Arrival,
    Chat,
    Digest,
    DigestKind,
    EmptyDay,
    Match,
    News,
    Paper,
)
from bot.query import Query
from bot.tastes import NO_TASTE, Taste, marks_of

_RANK = {News.NEW: 0, News.CROSS: 1, News.PUBLISHED: 2, News.UPDATE: 3}


def next_due(chat: Chat, now: datetime) -> datetime:
    """When the chat's next digest is due: its local time on one of its weekdays, strictly after ``now``.

    A local time that a clock change skips is due that much later (02:30 at 03:30); one that it repeats is due the
    first time round. Raises ValueError for a chat without a weekday.
    """
    due = _next_due(chat.timezone, chat.time, chat.days, now)
    if due is None:
        raise ValueError(f"{chat.address} wants a digest on no day of the week")
    return due


@lru_cache(4096)
def _next_due(timezone: str, at: time, days: frozenset[int], now: datetime) -> datetime | None:
    """Chats are alike in this: a plan of many asks it once for each kind."""
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    for ahead in range(9):
        day = today + timedelta(days=ahead)
        due = datetime.combine(day, at, zone).astimezone(UTC)
        if due > now and day.isoweekday() in days:
            return due
    return None


def last_due(chat: Chat, now: datetime) -> datetime:
    """The chat's local time of today or, where that is still to come, of yesterday."""
    today = local_date(chat, now)
    due = _local(chat.timezone, today, chat.time)
    return due if due <= now else _local(chat.timezone, today - timedelta(days=1), chat.time)


def local_date(chat: Chat, now: datetime) -> date:
    return now.astimezone(ZoneInfo(chat.timezone)).date()


@lru_cache(4096)
def _local(timezone: str, on: date, at: time) -> datetime:
    return datetime.combine(on, at, ZoneInfo(timezone)).astimezone(UTC)


@dataclass(frozen=True, slots=True, order=True)
class _Offer:
    """An announcement as news to chats; the least is the greatest news."""

    rank: int
    id: int
    news: News
    on: date
    late: bool
    is_later: bool


class Day:
    """Announcements between two ids, with every paper's text analyzed once; asked by many chats.

    ``documents`` are the papers' searchable texts as they are now. A query is asked once, however many chats
    hold it; ``asked``: what is known of some. ``today`` (UTC): what arrived late or in a burst and is not pushed waits
    from this day on; without it, nothing waits.
    """

    def __init__(
        self,
        announcements: Sequence[Announcement],
        papers: Mapping[int, Paper],
        documents: Mapping[int, Document],
        today: date | None = None,
        lacking: Mapping[int, Document] | None = None,
        asked: Mapping[Query, Asked] | None = None,
    ) -> None:
        self.papers, self.documents, self.today = papers, documents, today
        self.announcements = tuple(a for a in announcements if a.paper_id in documents)
        self._told: dict[int, list[Announcement]] = {}
        for announcement in self.announcements:
            self._told.setdefault(announcement.paper_id, []).append(announcement)
        self._later_ids = frozenset(a.id for a in self.announcements if told_later(a, papers[a.paper_id]))
        self._ordinary = frozenset(a.id for a in self.announcements if a.arrival is Arrival.DAILY)
        self._first_late = min((a.announced_on for a in self.announcements if a.arrival is Arrival.LATE), default=None)
        self._offered: dict[tuple[frozenset[News], date | None], dict[int, list[_Offer]]] = {}
        self._digests: dict[tuple[int, int, int], Digest] = {}
        self._known = asked or {}
        self._announced = Announced()
        self._announced.add(self.announcements, papers, documents, lacking or {})
        self._composed: dict[
            tuple[tuple[int, ...], frozenset[News], date | None], tuple[Sequence[Followed], tuple[Match, ...]]
        ] = {}

    def ask_all(self, queries: Iterable[Query]) -> None:
        """Ask queries together, which is faster than one after another when there are many."""
        self._announced.ask_all(queries)

    def ask(self, query: Query) -> Asked:
        """What a query finds of the day."""
        return self._known.get(query) or self._announced.ask(query)

    def matches(
        self,
        followed: Sequence[Followed],
        wants: frozenset[News],
        since: date | None = None,
        taste: Taste = NO_TASTE,
    ) -> tuple[Match, ...]:
        """Every paper once, in reading order: the day's own first, then what came in a burst, then what came late; the
        newest day first, then the best match.

        A later cross-list counts only where no followed query matched the paper before it. What a muted query matches
        is left out, and of what came late, days before ``since``. Chats that follow the same objects share the answer,
        but for those whose votes say what fits them best: a paper that ``taste`` lifts by three stands where one would
        that matched three subscriptions more.
        """
        since = self.since(since)
        if taste:
            return self._compose(followed, wants, since, taste)
        key = (tuple(map(id, followed)), wants, since)
        known = self._composed.get(key)
        if known is None:
            known = self._composed[key] = (followed, self._compose(followed, wants, since))
        return known[1]

    def since(self, since: date | None) -> date | None:
        """None where nothing is left out, so that all may share."""
        return None if since is None or self._first_late is None or since <= self._first_late else since

    def _compose(
        self, followed: Sequence[Followed], wants: frozenset[News], since: date | None, taste: Taste = NO_TASTE
    ) -> tuple[Match, ...]:
        offers = self._offers(wants, since)
        mine = wanted(followed)
        asked = [self.ask(one.query) for one in mine]
        offered = frozenset().union(*(before for _, before in asked))
        muted = self.found([one.query for one in followed if one.muted])
        labels: dict[int, tuple[str, ...]] = {}
        best: dict[int, float] = {}
        for one, (now, _) in zip(mine, asked, strict=True):
            its_label = (one.label,)
            for paper_id, weight in now.items():
                if paper_id in muted:
                    continue
                if paper_id not in labels:
                    labels[paper_id], best[paper_id] = its_label, weight
                else:
                    labels[paper_id] += its_label
                    best[paper_id] = max(best[paper_id], weight)
        lifts = self._lifts(mine, asked, taste) if taste else {}
        order = []
        for paper_id, its in labels.items():
            # The first of a paper's announcements that is news to these chats.
            for offer in offers.get(paper_id, ()):
                if not (offer.is_later and paper_id in offered):
                    fit = (-len(its) - lifts.get(paper_id, 0), -best[paper_id], offer.rank, offer.id)
                    waits = offer.id not in self._ordinary
                    order.append((waits, offer.late, -offer.on.toordinal(), *fit, paper_id, offer))
                    break
        order.sort()
        several = len(mine) > 1
        return tuple(
            Match(
                paper_id,
                offer.news,
                tuple(dict.fromkeys(labels[paper_id])) if several else labels[paper_id],
                self.today if waits else None,
                offer.on if offer.late else None,
            )
            for waits, *_, paper_id, offer in order
        )

    def found(self, queries: Sequence[Query]) -> frozenset[int]:
        """The papers that any of these matches, by id."""
        return frozenset(paper_id for query in queries for paper_id in self.ask(query)[0])

    def _lifts(
        self,
        mine: Sequence[Followed],
        asked: Sequence[Asked],
        taste: Taste,
    ) -> dict[int, int]:
        """How far the chat's votes lift each paper that it follows."""
        queries: dict[int, list[str]] = {}
        for one, (now, _) in zip(mine, asked, strict=True):
            for paper_id in now:
                queries.setdefault(paper_id, []).append(str(one.query))
        return {paper_id: taste.lift(marks_of(self.papers[paper_id], its)) for paper_id, its in queries.items()}

    def _offers(self, wants: frozenset[News], since: date | None) -> dict[int, list[_Offer]]:
        """A paper's announcements that chats with these wants ask for, the greatest news first."""
        known = self._offered.get((wants, since))
        if known is None:
            known = self._offered[wants, since] = {
                paper_id: sorted(
                    _Offer(_RANK[a.news], a.id, a.news, a.announced_on, late, a.id in self._later_ids)
                    for a in told
                    for late in (a.arrival is Arrival.LATE,)
                    if a.news in wants and not (late and since is not None and a.announced_on < since)
                )
                for paper_id, told in self._told.items()
            }
        return known

    def digest(
        self,
        followed: Sequence[Followed],
        wants: frozenset[News],
        size: int,
        upto: int,
        since: date | None = None,
        taste: Taste = NO_TASTE,
    ) -> Digest | None:
        """The digest of chats that follow this, ``size`` papers of it pushed; None where nothing matches. One object
        for all of them that have no ``taste`` of their own."""
        matches = self.matches(followed, wants, since, taste)
        if not matches:
            return None
        if taste:
            return self._composed_of(matches, followed, size, upto)
        key = (id(matches), size, upto)
        known = self._digests.get(key)
        if known is None:
            known = self._digests[key] = self._composed_of(matches, followed, size, upto)
        return known

    def _composed_of(self, matches: Sequence[Match], followed: Sequence[Followed], size: int, upto: int) -> Digest:
        told = [a for match in matches for a in self._told[match.paper_id]]
        on = max(a.announced_on for a in told)
        first = min((a.announced_on for a in told if a.id in self._ordinary), default=on)
        since_on = first if first < on else None
        return composed(on, matches, 0, followed, size, upto, self.today or on, since_on)


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a due chat: its digest or None, where its ``seen`` and ``due_at`` go."""

    digest: Digest | None
    seen: int
    due_at: datetime


def decide(
    chat: Chat,
    followed: Sequence[Followed],
    day: Day | None,
    upto: int,
    *,
    settled: bool,
    quiet: bool,
    last_kind: DigestKind | None,
    wait_until: time,
    now: datetime,
    last_at: datetime | None = None,
    left: Leftover | None = None,
    taste: Taste = NO_TASTE,
) -> Decision:
    """Compose the chat's digest, or say why there is none.

    ``upto``: the last announcement looked at; ``day`` is None where there is none to look at. ``settled``: every
    polled category is fresh or quiet; ``quiet``: all of them are quiet, so a second word about it is noise.
    ``last_kind`` and ``last_at`` are of the digest before: a chat whose time moved is due twice a day, and hears
    of an empty one once; that arXiv came in without a match after all is news. A chat that wants its digest as
    announced hears of an empty announcement, and of no other day. ``left`` is what its last digest left: it comes
    behind the day's own papers, and where there are none, once a day, when arXiv was heard of or its time is up.
    ``taste`` orders the day's own.
    """
    due_at = next_due(chat, now)
    if not wanted(followed):
        return Decision(None, chat.seen, due_at)
    found = day.digest(followed, chat.wants, chat.size, upto, chat.since_on, taste) if day else None
    if found and left is None:
        return Decision(found, upto, due_at)
    today = local_date(chat, now)
    if left and found:
        return Decision(left.digest(found, followed, chat, upto, today, now), upto, due_at)
    labels = tuple(dict.fromkeys(one.label for one in wanted(followed)))
    told = last_kind is not None and last_at is not None and local_date(chat, last_at) == today
    deadline = _local(chat.timezone, today, wait_until)
    if left and not told and (settled or now >= deadline) and left.may_come_alone(upto, today):
        alone = left.digest(None, followed, chat, upto, today, now)
        if alone:
            return Decision(alone, upto if settled else chat.seen, due_at)
    if chat.as_announced and (day is None or (not settled and now >= deadline)):
        return Decision(None, chat.seen, due_at)
    if settled:
        silent = chat.empty_day is EmptyDay.SILENT or (quiet and last_kind is DigestKind.NOTHING)
        silent = silent or (told and last_kind is not DigestKind.NOT_IN_YET)
        nothing = Digest(DigestKind.NOTHING, today, labels=labels, upto=upto, quiet=quiet)
        return Decision(None if silent else nothing, upto, due_at)
    if now < deadline:
        return Decision(None, chat.seen, min(deadline, now + timedelta(minutes=10)))
    silent = chat.empty_day is EmptyDay.SILENT or told
    return Decision(
        None if silent else Digest(DigestKind.NOT_IN_YET, today, labels=labels, upto=upto), chat.seen, due_at
    )
