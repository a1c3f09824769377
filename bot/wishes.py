"""What chats wish for, read from the store: the papers to be summarised for them, and those that new words let be
found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.commands.context import query_of
from bot.commands.views import documents_of
from bot.documents import Document, document
from bot.matching import Batch
from bot.model import JobKind, Paper, Subscription, Summary, SummaryJob, Topic, is_by_model
from bot.orders import mark_of
from bot.ports import Transaction
from bot.query import Query
from bot.wants import NEWS, Key, Reader, headline_language, is_full, jobs_for, wanted

if TYPE_CHECKING:
    from bot.filters import Filters  # NumPy: most processes never ask a batch

UPTO, REVISION = "summaries.upto", "summaries.revision"
"""Settings: the last announcement, and the last change of a paper, that was looked at."""
_CHANGES = 10_000
_LATE = timedelta(days=7)
"""A paper that was announced longer ago is no news by whatever words."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: jobs that are new or other, and how far it saw."""

    jobs: tuple[SummaryJob, ...] = ()
    upto: int = 0
    revision: int = 0
    is_further: bool = False


class Wishes:
    """What all chats follow, as queries; read anew when something of it changed."""

    def __init__(self) -> None:
        self._topics: list[Topic] = []
        self._queries: dict[tuple[str, str], Query | None] = {}
        self._readers: tuple[Reader, ...] = ()
        self._asked: tuple[Query, ...] = ()
        self._filters: Filters | None = None

    def look(self, tx: Transaction, now: datetime, changed: bool) -> Look:
        """``changed``: somebody may follow something else, or something was announced since the last look."""
        upto, revision = tx.last_announcement(), tx.revision()
        seen, known = int(tx.setting(UPTO) or 0), int(tx.setting(REVISION) or revision)
        if not changed and known == revision:
            return Look(upto=upto, revision=revision)
        self._read(tx)
        asked: dict[Key, tuple[JobKind, int]] = {}
        for key in self._stale(tx, known):
            asked[key] = JobKind.FULL, 1
        latest = tx.before_latest_batch()
        announcements = tx.announcements(min(seen, latest) if seen else latest)
        ids = {a.paper_id for a in announcements}
        papers, summaries = tx.papers(ids), tx.summaries(ids)
        documents = documents_of(papers.values(), summaries)
        counted = wanted([a for a in announcements if a.paper_id in documents], documents, self._readers)
        asked |= {key: (JobKind.FULL, chats) for key, chats in counted.items()}
        if language := headline_language(self._readers):
            in_chinese = {paper_id for paper_id, its in asked if its.startswith("zh")}
            asked |= {(id_, language): (JobKind.HEADLINE, 0) for id_ in ids - in_chinese}
        more = {paper_id for paper_id, _ in asked} - ids
        papers, summaries = {**papers, **tx.papers(more)}, {**summaries, **tx.summaries(more)}
        jobs = jobs_for(asked, papers, summaries, tx.summary_jobs({paper_id for paper_id, _ in asked}), now)
        return Look(tuple(jobs), upto, revision, is_further=(upto, revision) != (seen, known) or not seen)

    def note(self, tx: Transaction, look: Look, now: datetime) -> None:
        """Write down what a look found."""
        tx.put_summary_jobs(look.jobs)
        tx.put_setting(UPTO, str(look.upto))
        tx.put_setting(REVISION, str(look.revision))
        tx.pass_summary_jobs(now - NEWS, "nobody got to it while it was news", now)

    def _read(self, tx: Transaction) -> None:
        topics = tx.topics()
        if topics != self._topics:
            self._topics, self._queries = topics, {}
        readers = []
        for wish in tx.wishes():
            key = wish.topic, wish.query
            if key not in self._queries:
                self._queries[key] = query_of(Subscription(0, 0, wish.query, wish.topic), topics)
            query = self._queries[key]
            if query is not None:
                readers.append(Reader(query, wish.language, wish.wants, wish.chats))
        self._readers = tuple(readers)
        self._asked = tuple(dict.fromkeys(reader.query for reader in readers))
        self._filters = None

    def _stale(self, tx: Transaction, known: int) -> list[Key]:
        """A model's summaries of papers whose text is another now, where somebody still reads their language."""
        read = {reader.language for reader in self._readers}
        ids = [paper_id for _, paper_id in tx.changes(known, _CHANGES)]
        papers, summaries = tx.papers(ids), tx.summaries(ids)
        return [
            (id_, summary.language)
            for id_ in ids
            if id_ in papers and papers[id_].id == id_
            for summary in summaries.get(id_, ())
            if is_by_model(summary.origin) and summary.language in read and is_full(summary)
            if summary.made_of != mark_of(papers[id_])
        ]

    def newly_found(
        self,
        papers: Mapping[int, Paper],
        before: Mapping[int, Sequence[Summary]],
        made: Sequence[Summary],
        now: datetime,
    ) -> set[Key]:
        """Of papers that were announced lately, those that somebody's query finds by ``made`` and did not before."""
        news = [
            one
            for one in made
            if (paper := papers.get(one.paper_id)) is not None
            and paper.first_announced_on is not None
            and now.date() - paper.first_announced_on <= _LATE
        ]
        if not news or not self._asked:
            return set()
        if self._filters is None:
            from bot.filters import Filters

            self._filters = Filters(self._asked)
        old = {one.paper_id: document(papers[one.paper_id], before.get(one.paper_id, ())) for one in news}
        new = {
            one.paper_id: document(
                papers[one.paper_id],
                [*(s for s in before.get(one.paper_id, ()) if s.language != one.language), one],
            )
            for one in news
        }
        found = self._found(new) - self._found(old)
        return {(one.paper_id, one.language) for one in news if one.paper_id in {id_ for id_, _ in found}}

    def _found(self, documents: Mapping[int, Document]) -> set[tuple[int, int]]:
        """(paper, number of the query that finds it)."""
        batch = Batch(documents.items())
        assert self._filters is not None
        answers = self._filters.match(batch)
        return {(id_, number) for number in answers.any().tolist() for id_ in batch.ids(answers.mask(number))}
