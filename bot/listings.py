"""What is handed out in files, feeds and pages: which papers, in which order, and each as the item of a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from bot.commands.context import read_query, topics_of
from bot.documents import document
from bot.errors import QueryError
from bot.keys import link_from_key, source_of
from bot.model import FeedItem, Kind, Listed, Site, Summary, SummaryText, Topic
from bot.ports import SearchIndex, Transaction
from bot.query import And, Query, parse
from bot.scripts import convert
from bot.subjects import subjects_of

MOST = 10_000
"""Papers of one query: the index sets room aside for so many."""
LATEST = 100
"""Papers that a topic's page shows."""

_OTHER = {"zh-Hans": "zh-Hant", "zh-Hant": "zh-Hans"}


def between(query: Query | None, since: date | None, until: date | None) -> Query | None:
    """``query`` for papers of these days, both included; None where nothing is asked at all."""
    if since is None and until is None:
        return query
    days = parse(f"date:{since or ''}..{until or ''}")
    return days if query is None else And((query, days))


def listed_by(tx: Transaction, index: SearchIndex, query: Query, most: int = MOST) -> tuple[tuple[Listed, ...], int]:
    """The newest papers that a query finds, and how many it finds. Raises QueryError."""
    hits, total = index.search(query, limit=most, newest=True)
    return tuple(listed(tx, (hit.paper_id for hit in hits))), total


def listed(tx: Transaction, ids: Iterable[int]) -> Iterator[Listed]:
    """Stored papers in the order of ``ids``, 500 at a time."""
    left = list(ids)
    while left:
        some, left = left[:500], left[500:]
        papers, summaries = tx.papers(some), tx.summaries(some)
        for paper_id in some:
            if found := papers.get(paper_id):
                yield Listed(found, summaries.get(paper_id, ()), found.first_announced_on or found.dated_on)


def everything(tx: Transaction) -> Iterator[Listed]:
    """Every stored paper, in the order in which they last changed."""
    seq = 0
    while changed := tx.changes(seq, 500):
        seq = changed[-1][0]
        ids = [id_ for _, id_ in changed]
        # One that was merged into another answers with that, which has a change of its own.
        gone = {id_ for id_, paper in tx.papers(ids).items() if paper.id != id_}
        yield from listed(tx, (id_ for id_ in ids if id_ not in gone))


def newest_first(papers: Iterable[Listed]) -> tuple[Listed, ...]:
    """By day, then by id: the same papers stand in the same order every time."""
    return tuple(sorted(papers, key=lambda one: (one.on or date.min, one.paper.id), reverse=True))


def site_of(tx: Transaction, index: SearchIndex, days: int) -> Site:
    """The catalogue's topics and the last ``days`` days on which something was announced."""
    announced = tx.announced_days()
    shown = [on for on, _ in announced[:days]]
    topics: list[tuple[Topic, tuple[Listed, ...]]] = []
    of_day: dict[date, dict[int, Listed]] = {on: {} for on in shown}
    for topic in tx.topics():
        if (query := _query_of(tx, topic)) is None:
            continue
        latest, _ = listed_by(tx, index, query, LATEST)
        topics.append((topic, latest))
        for on in shown:
            ids = {one.paper_id for one in tx.announcements_on(on)}
            hits, _ = index.search(query, limit=max(1, len(ids)), newest=True, among=ids) if ids else ([], 0)
            for one in listed(tx, (hit.paper_id for hit in hits)):
                known = of_day[on].get(one.paper.id, replace(one, on=on))
                of_day[on][one.paper.id] = replace(known, topics=(*known.topics, topic.slug))
    return Site(tuple(topics), tuple((on, newest_first(of_day[on].values())) for on in shown), tuple(announced))


def _query_of(tx: Transaction, topic: Topic) -> Query | None:
    try:
        return read_query(tx, topic.query)
    except QueryError:  # an admin's topic that no longer parses takes nothing else with it
        return None


def with_subjects(
    papers: Iterable[Listed], topics: Sequence[Topic], language: str, stored: bool = False
) -> tuple[Listed, ...]:
    """The papers with what they are about, in the words of ``language``; ``stored``: where a document said it, as that
    document has it."""
    lookup = topics_of(topics)
    return tuple(
        replace(one, subjects=one.paper.subjects)
        if stored and one.paper.subjects
        else replace(
            one, subjects=subjects_of(one.paper, document(one.paper, one.summaries), topics, lookup, language)
        )
        for one in papers
    )


def item_of(one: Listed, language: str = "") -> FeedItem:
    """A stored paper as the item of a document, with every stored word; with a ``language``, its words and for Chinese
    the other script's converted."""
    paper = one.paper
    pages = [link_from_key(key) for key in paper.keys if source_of(key) != "doi"]
    return FeedItem(
        key=paper.key,
        kind=Kind.KNOWN,
        title=paper.title,
        abstract=paper.abstract,
        version=paper.version,
        authors=paper.authors,
        categories=paper.categories,
        announced_on=one.on,
        doi=next((key.partition(":")[2] for key in paper.keys[1:] if source_of(key) == "doi"), ""),
        journal=paper.journal,
        links=tuple(dict.fromkeys(filter(None, (link_from_key(paper.key), *pages, *paper.links)))),
        subjects=one.subjects or paper.subjects,
        summaries=tuple(_texts(one.summaries, language)),
    )


def _texts(summaries: Sequence[Summary], language: str) -> Iterator[SummaryText]:
    # Translations first, as documents have them.
    for summary in sorted(summaries, key=lambda s: (s.language == "en", s.language)):
        text = SummaryText(summary.language, summary.headline, summary.title, summary.abstract, summary.origin)
        if not language or summary.language in (language, "en"):
            yield text
        elif summary.language == _OTHER.get(language) and all(s.language != language for s in summaries):
            headline, title, abstract = map(partial(_converted, language), (text.headline, text.title, text.abstract))
            yield SummaryText(language, headline, title, abstract, text.origin)


def _converted(language: str, text: str) -> str:
    return convert(text, language) if text else ""
