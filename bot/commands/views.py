"""What /digest looks at: the latest announcements, and what each query finds among them.

Kept from one look to the next while the store is as it was, for very many chats look at the same day and often by the
same queries. A look that finds the store changed begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.bursts import wanted
from bot.digests import Asked, Day, Followed
from bot.documents import Document, document
from bot.model import Announcement, Arrival, Paper, Summary
from bot.ports import SearchIndex, Transaction
from bot.query import Query

MOST_QUERIES = 5_000
"""Whose answers are kept."""


def documents_of(papers: Iterable[Paper], summaries: Mapping[int, tuple[Summary, ...]]) -> dict[int, Document]:
    return {paper.id: document(paper, summaries.get(paper.id, ())) for paper in papers}


def latest(tx: Transaction) -> list[Announcement]:
    """Today's announcements: those of the latest announced day, and those of missed days that came after it."""
    found = tx.announcements(tx.before_latest_batch())
    # What a late feed told of an older day may stand among them.
    newest = max((a.announced_on for a in found), default=None)
    return [a for a in found if a.announced_on == newest or a.arrival is Arrival.LATE]


class View:
    """The latest announcements at one state of the store, and the answers that were found so far. Safe to use from
    several threads: what two of them find is the same."""

    def __init__(self, state: tuple[int, int], announcements: Sequence[Announcement]) -> None:
        self.state, self.announcements = state, announcements
        self._announced = {a.paper_id for a in announcements}
        self._papers: dict[int, Paper] = {}
        self._documents: dict[int, Document] = {}
        self._answers: dict[Query, tuple[frozenset[int], Asked]] = {}

    def day(self, tx: Transaction, index: SearchIndex, followed: Sequence[Followed]) -> Day:
        """See ``context.day_of``. Raises QueryError for a prefix of too many words."""
        queries = dict.fromkeys(one.query for one in followed) if wanted(followed) else {}
        answers = {query: self._answers.get(query) or self._found(tx, index, query) for query in queries}
        ids = frozenset().union(*(ids for ids, _ in answers.values()))
        documents = {id_: self._documents[id_] for id_ in sorted(ids)}
        mine = [a for a in self.announcements if a.paper_id in ids]
        return Day(mine, self._papers, documents, asked={query: asked for query, (_, asked) in answers.items()})

    def _found(self, tx: Transaction, index: SearchIndex, query: Query) -> tuple[frozenset[int], Asked]:
        hits, _ = index.search(query, limit=len(self._announced), newest=True, among=self._announced)
        ids = frozenset(hit.paper_id for hit in hits)
        if new := ids - self._documents.keys():
            papers = tx.papers(new)
            self._papers.update(papers)
            self._documents.update(documents_of(papers.values(), tx.summaries(new)))
        ids &= self._documents.keys()
        mine = [a for a in self.announcements if a.paper_id in ids]
        found = ids, Day(mine, self._papers, {id_: self._documents[id_] for id_ in ids}).ask(query)
        if len(self._answers) < MOST_QUERIES:
            self._answers[query] = found
        return found


class Views:
    """The last View that was looked at."""

    def __init__(self) -> None:
        self._last: View | None = None

    def of(self, tx: Transaction, index: SearchIndex) -> View | None:
        """As the store is; None while the index has not followed it so far."""
        state = tx.revision(), tx.last_announcement()
        if index.followed() != state[0]:
            return None
        known = self._last
        if known is None or known.state != state:
            known = self._last = View(state, latest(tx))
        return known
