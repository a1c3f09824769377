"""What /digest looks at: the latest announcements, and what each query finds among them.

Kept from one look to the next while the store is as it was, for very many chats look at the same day and often by the
same queries. A look that finds the store changed begins anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from threading import Lock

from bot.announced import Announced, Asked
from bot.bursts import wanted
from bot.digests import Day, Followed
from bot.documents import Document, document
from bot.model import Announcement, Arrival, Paper, Summary
from bot.ports import SearchIndex, Store, Transaction
from bot.query import Query
from bot.telling import telling_sentence

MOST_QUERIES = 5_000
"""Whose answers are kept."""
_AT_ONCE = 100
"""Papers that are read ahead: a tenth of a second's work."""
_MOST_CHANGED = 1_000
"""Papers, after whose change all are read anew."""


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

    def __init__(
        self, state: tuple[int, int], announcements: Sequence[Announcement], before: View | None = None
    ) -> None:
        """``before``: a view of the same announcements, whose papers are these but for those it was told to forget."""
        self.state, self.announcements = state, announcements
        self.announced: set[int] = before.announced if before else {a.paper_id for a in announcements}
        self._texts: Announced = before._texts if before else Announced()
        self._papers: dict[int, Paper] = dict(before._papers) if before else {}
        self._documents: dict[int, Document] = dict(before._documents) if before else {}
        self._answers: dict[Query, tuple[frozenset[int], Asked]] = {}
        # An older view of the same texts may stand in another thread.
        self._one: Lock = before._one if before else Lock()

    def forget(self, papers: Collection[int]) -> None:
        """These have changed."""
        for id_ in papers:
            self._papers.pop(id_, None)
            self._documents.pop(id_, None)

    def day(self, tx: Transaction, index: SearchIndex, followed: Sequence[Followed]) -> Day:
        """See ``context.day_of``. Raises QueryError for a prefix of too many words."""
        queries = dict.fromkeys(one.query for one in followed) if wanted(followed) else {}
        answers = {query: self._answers.get(query) or self._found(tx, index, query) for query in queries}
        ids = frozenset().union(*(ids for ids, _ in answers.values()))
        documents = {id_: self._documents[id_] for id_ in sorted(ids)}
        mine = [a for a in self.announcements if a.paper_id in ids]
        return Day(mine, self._papers, documents, asked={query: asked for query, (_, asked) in answers.items()})

    def read_ahead(self, tx: Transaction, most: int) -> None:
        """Read papers that nobody's query has found so far, ``most`` of them: a query that finds hundreds waits long
        for them. The sentence that stands in for a headline is chosen too, and kept where it is made."""
        with self._one:
            unread = sorted(self.announced - self._documents.keys())[:most]
            if unread:
                self._take_in(tx, unread)
                self._texts.read()
        for id_ in unread:
            if paper := self._papers.get(id_):
                telling_sentence(paper.abstract, paper.title)

    def _found(self, tx: Transaction, index: SearchIndex, query: Query) -> tuple[frozenset[int], Asked]:
        hits, _ = index.search(query, limit=len(self.announced), newest=True, among=self.announced)
        ids = frozenset(hit.paper_id for hit in hits)
        with self._one:
            if new := ids - self._documents.keys():
                self._take_in(tx, new)
            ids &= self._documents.keys()
            weights, before = self._texts.ask(query)
        found = ids, ({id_: weight for id_, weight in weights.items() if id_ in ids}, before & ids)
        if len(self._answers) < MOST_QUERIES:
            self._answers[query] = found
        return found

    def _take_in(self, tx: Transaction, ids: Collection[int]) -> None:
        papers = tx.papers(ids)
        documents = documents_of(papers.values(), tx.summaries(ids))
        self._texts.add([a for a in self.announcements if a.paper_id in documents], papers, documents)
        self._papers.update(papers)
        self._documents.update(documents)


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
            known = self._last = _renewed(tx, state, known)
        return known

    def read_ahead(self, store: Store, index: SearchIndex) -> None:
        """Some more of today's papers, so that the first who asks for a digest does not wait for all of them."""
        with store.reading() as tx:
            view = self.of(tx, index)
            if view is not None:
                view.read_ahead(tx, _AT_ONCE)


def _renewed(tx: Transaction, state: tuple[int, int], known: View | None) -> View:
    """What is stored of other papers than the latest, or of few of these, leaves the rest as it was."""
    if known is not None and known.state[1] == state[1] and known.state[0] < state[0]:
        changed = tx.changes(known.state[0], _MOST_CHANGED)
        ids = {paper_id for _, paper_id in changed}
        if len(changed) < _MOST_CHANGED:
            same = ids.isdisjoint(known.announced)
            announcements = known.announcements if same else latest(tx)
            if same or {a.paper_id for a in announcements} == known.announced:
                view = View(state, announcements, known)
                view.forget(ids)
                return view
    return View(state, latest(tx))
