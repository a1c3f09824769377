"""Who is due, what goes in, in which order. Pure: the present, the chat and what was announced are arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.matching import Batch, Document, score
from bot.model import (
    Announcement,
    Chat,
    Digest,
    DigestKind,
    EmptyDay,
    Match,
    News,
    Paper,
)
from bot.query import Query

_RANK = {News.NEW: 0, News.CROSS: 1, News.PUBLISHED: 2, News.UPDATE: 3}


def next_due(chat: Chat, now: datetime) -> datetime:
    """When the chat's next digest is due: its local time on one of its weekdays, strictly after ``now``.

    A local time that a clock change skips is due that much later (02:30 at 03:30); one that it repeats is due the
    first time round. Raises ValueError for a chat without a weekday.
    """
    zone = ZoneInfo(chat.timezone)
    today = now.astimezone(zone).date()
    for ahead in range(9):
        day = today + timedelta(days=ahead)
        due = datetime.combine(day, chat.time, zone).astimezone(UTC)
        if due > now and day.isoweekday() in chat.days:
            return due
    raise ValueError(f"{chat.address} wants a digest on no day of the week")


def local_date(chat: Chat, now: datetime) -> date:
    return now.astimezone(ZoneInfo(chat.timezone)).date()


@dataclass(frozen=True, slots=True)
class Followed:
    """A subscription ready to be asked: ``label`` is what the reader calls it."""

    label: str
    query: Query


class Day:
    """Announcements between two ids, with every paper's text analyzed once; asked by many chats.

    ``documents`` are the papers' searchable texts as they are now. A query is asked once, however many chats
    hold it.
    """

    def __init__(
        self,
        announcements: Sequence[Announcement],
        papers: Mapping[int, Paper],
        documents: Mapping[int, Document],
    ) -> None:
        self.papers, self.documents = papers, documents
        self.announcements = tuple(a for a in announcements if a.paper_id in documents)
        self._batch = Batch((i, documents[i]) for i in dict.fromkeys(a.paper_id for a in self.announcements))
        self._later = tuple(a for a in self.announcements if self._is_later_cross(a))
        self._before = Batch((a.paper_id, self._as_before(a)) for a in self._later)
        self._asked: dict[Query, tuple[frozenset[int], frozenset[int]]] = {}

    def _is_later_cross(self, announcement: Announcement) -> bool:
        first = self.papers[announcement.paper_id].first_announced_on
        return announcement.news is News.CROSS and first is not None and first < announcement.announced_on

    def _as_before(self, announcement: Announcement) -> Document:
        added = {category.casefold() for category in announcement.categories}
        document = self.documents[announcement.paper_id]
        return replace(document, categories=tuple(c for c in document.categories if c.casefold() not in added))

    def ask(self, query: Query) -> tuple[frozenset[int], frozenset[int]]:
        """Ids of papers that match now, and of later cross-lists that matched before they were cross-listed."""
        known = self._asked.get(query)
        if known is None:
            known = (
                frozenset(self._batch.match(query)),
                frozenset(self._before.match(query)) if self._later else frozenset(),
            )
            self._asked[query] = known
        return known

    def matches(self, followed: Sequence[Followed], wants: frozenset[News]) -> tuple[Match, ...]:
        """Every paper once, in reading order: the newest day first, then the best match.

        A later cross-list counts only where no followed query matched the paper before it.
        """
        labels: dict[int, list[str]] = {}
        offered: set[int] = set()
        best: dict[int, float] = {}
        for one in followed:
            now, before = self.ask(one.query)
            offered |= before
            for paper_id in now:
                labels.setdefault(paper_id, []).append(one.label)
                best[paper_id] = max(best.get(paper_id, 0.0), score(one.query, self.documents[paper_id]))
        later = {a.id for a in self._later}
        chosen: dict[int, Announcement] = {}
        for a in self.announcements:
            if a.paper_id not in labels or a.news not in wants or (a.id in later and a.paper_id in offered):
                continue
            held = chosen.get(a.paper_id)
            if held is None or _RANK[a.news] < _RANK[held.news]:
                chosen[a.paper_id] = a
        order = sorted(
            chosen.values(),
            key=lambda a: (
                -a.announced_on.toordinal(),
                -len(labels[a.paper_id]),
                -best[a.paper_id],
                _RANK[a.news],
                a.id,
            ),
        )
        return tuple(Match(a.paper_id, a.news, tuple(dict.fromkeys(labels[a.paper_id]))) for a in order)

    def newest_on(self, matches: Iterable[Match]) -> date:
        """The day of the newest announcement among ``matches``."""
        wanted = {match.paper_id for match in matches}
        return max(a.announced_on for a in self.announcements if a.paper_id in wanted)


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
) -> Decision:
    """Compose the chat's digest, or say why there is none.

    ``upto``: the last announcement looked at; ``day`` is None where there is none to look at. ``settled``: every
    polled category is fresh or quiet; ``quiet``: all of them are quiet, so a second word about it is noise.
    ``last_kind`` and ``last_at`` are of the digest before: a chat whose time moved is due twice a day, and hears
    of an empty one once; that arXiv came in without a match after all is news.
    """
    due_at = next_due(chat, now)
    if not followed:
        return Decision(None, chat.seen, due_at)
    labels = tuple(dict.fromkeys(one.label for one in followed))
    matches = day.matches(followed, chat.wants) if day else ()
    if day and matches:
        hit = {label for match in matches for label in match.labels}
        digest = Digest(
            DigestKind.PAPERS,
            day.newest_on(matches),
            matches,
            min(chat.size, len(matches)),
            tuple(label for label in labels if label in hit),
            upto,
        )
        return Decision(digest, upto, due_at)
    today = local_date(chat, now)
    told = last_kind is not None and last_at is not None and local_date(chat, last_at) == today
    if settled:
        silent = chat.empty_day is EmptyDay.SILENT or (quiet and last_kind is DigestKind.NOTHING)
        silent = silent or (told and last_kind is not DigestKind.NOT_IN_YET)
        nothing = Digest(DigestKind.NOTHING, today, labels=labels, upto=upto, quiet=quiet)
        return Decision(None if silent else nothing, upto, due_at)
    deadline = datetime.combine(today, wait_until, ZoneInfo(chat.timezone)).astimezone(UTC)
    if now < deadline:
        return Decision(None, chat.seen, min(deadline, now + timedelta(minutes=10)))
    silent = chat.empty_day is EmptyDay.SILENT or told
    return Decision(
        None if silent else Digest(DigestKind.NOT_IN_YET, today, labels=labels, upto=upto), chat.seen, due_at
    )
