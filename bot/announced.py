"""Announced papers as queries find them: as they are now, and as they were before what was told of them later. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bot.documents import Document
from bot.matching import Batch
from bot.model import Announcement, News, Paper
from bot.query import Query

Asked = tuple[Mapping[int, float], frozenset[int]]
"""What a query finds: papers that match now, with how well they do, and later cross-lists that matched before they
were cross-listed; by id."""

_Told = tuple[Sequence[Announcement], Mapping[int, Paper], Mapping[int, Document], Mapping[int, Document]]
_NONE: Mapping[int, Document] = {}
_MOST_ASKED = 4_096
"""Queries whose papers are remembered with how well they fit; of others only which they are."""


def told_later(announcement: Announcement, paper: Paper) -> bool:
    """Whether it tells of a paper that was announced before: words that came later, or a later cross-list."""
    first = paper.first_announced_on
    crossed = announcement.news is News.CROSS and first is not None and first < announcement.announced_on
    return bool(announcement.words) or crossed


class Announced:
    """Every paper's text is analyzed once, and no earlier than something is asked; a query is asked once."""

    def __init__(self) -> None:
        self._batch, self._before = Batch(), Batch()
        self._unread: list[_Told] = []
        self._masks: dict[Query, int] = {}
        self._asked: dict[Query, Asked] = {}

    def add(
        self,
        announcements: Sequence[Announcement],
        papers: Mapping[int, Paper],
        documents: Mapping[int, Document],
        lacking: Mapping[int, Document] = _NONE,
    ) -> None:
        """Further papers, each with all that was announced of it; one that is here already is read anew.
        ``lacking``: documents without the words that came later."""
        self._unread.append((announcements, papers, documents, lacking))
        self._masks.clear()
        self._asked.clear()

    def ask_all(self, queries: Iterable[Query]) -> None:
        """Ask queries together, which is faster than one after another when there are many."""
        from bot.filters import answered  # NumPy: a view of one chat does without

        self.read()
        new = [query for query in dict.fromkeys(queries) if query not in self._masks]
        self._masks.update(zip(new, answered(new, self._batch), strict=True))

    def ask(self, query: Query) -> Asked:
        """See ``Asked``."""
        known = self._asked.get(query)
        if known is not None:
            return known
        self.read()
        mask = self._masks.get(query)
        if mask is None:
            mask = self._masks[query] = self._batch.mask(query)
        before = frozenset(self._before.match(query)) if len(self._before) else frozenset()
        if len(self._asked) >= _MOST_ASKED:
            self._asked.clear()
        found = self._asked[query] = (self._batch.scores(query, mask), before)
        return found

    def read(self) -> None:
        """Analyze what was added since."""
        unread, self._unread = self._unread, []
        for announcements, papers, documents, lacking in unread:
            self._batch.add((id_, documents[id_]) for id_ in dict.fromkeys(a.paper_id for a in announcements))
            later: dict[int, list[Announcement]] = {}
            for announcement in announcements:
                if told_later(announcement, papers[announcement.paper_id]):
                    later.setdefault(announcement.paper_id, []).append(announcement)
            self._before.add((id_, _before(_worded(id_, its, documents, lacking), its)) for id_, its in later.items())


def _worded(
    id_: int, later: Sequence[Announcement], documents: Mapping[int, Document], lacking: Mapping[int, Document]
) -> Document:
    return lacking.get(id_, documents[id_]) if any(a.words for a in later) else documents[id_]


def _before(document: Document, later: Sequence[Announcement]) -> Document:
    """A paper's document before all of what was told later of it."""
    crosses = [a for a in later if not a.words]
    if not crosses:
        return document
    added = {category.casefold() for a in crosses for category in a.categories}
    # One that began as new was no cross-list before: `is:cross` holds of it from now on.
    news = tuple(n for n in document.news if n != News.CROSS or News.NEW not in document.news)
    return replace(document, categories=tuple(c for c in document.categories if c.casefold() not in added), news=news)
