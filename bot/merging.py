"""What one more item, or another paper found to be the same, does to what is known of a paper; and the way back.

Every rule takes the greater of two or only adds, so that what comes twice does nothing the second time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, TypeVar

from bot.feeds import eastern_day
from bot.keys import source_of
from bot.model import Arrival, FeedItem, Kind, News, Paper, Summary, SummaryText

_RANK = {"model": 0, "document": 1, "curated": 2}
"""Whose words stand in the place of whose."""

_Words = TypeVar("_Words", str, tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Told:
    """An announcement of a paper. ``key`` is the item's, ``heard`` the kinds heard for it that day; ``id`` is 0
    until a Shelf gave it one."""

    news: News
    on: date
    key: str
    categories: tuple[str, ...] = ()
    version: int | None = None
    heard: frozenset[Kind] = frozenset()
    id: int = 0
    arrival: Arrival = Arrival.DAILY


@dataclass(frozen=True, slots=True)
class Record:
    """All that is kept of one paper. ``text_on`` is the day of the feed that gave its words, None where no feed did."""

    paper: Paper
    text_on: date | None = None
    told: tuple[Told, ...] = ()
    summaries: tuple[Summary, ...] = ()


def absorb(record: Record, item: FeedItem, now: datetime) -> Record:
    """What is known of a paper after one more item about it.

    Words of a higher version take the place of those there, then words of a later feed day; an import never
    overwrites a feed of the same version. What is empty is filled, nothing is emptied.
    """
    paper = record.paper
    # What is only known is announced nowhere, and asking for the day costs as much as the rest.
    on = item.announced_on or (date.min if item.kind is Kind.KNOWN else eastern_day(now))
    text_on = None if item.kind is Kind.KNOWN else on
    ranks = (item.version or 0, text_on or date.min), (paper.version or 0, record.text_on or date.min)
    newer = ranks[0] > ranks[1]
    added = tuple(c for c in item.categories if c not in paper.categories)
    told = _announced(record, item, on, added)
    dates = [d for d in (paper.dated_on, item.announced_on) if d]
    higher = (item.version or 0) > (paper.version or 0)
    after = Paper(
        id=paper.id,
        keys=paper.keys,
        title=_better(item.title, paper.title, newer),
        abstract=_better(item.abstract, paper.abstract, newer),
        authors=_better(item.authors, paper.authors, newer),
        categories=_joined(item.categories, paper.categories) if higher else paper.categories + added,
        links=_joined(paper.links, item.links),
        subjects=_joined(paper.subjects, item.subjects),
        first_announced_on=min((t.on for t in told if t.news in (News.NEW, News.CROSS)), default=None),
        # A replacement's day says nothing about the day of the paper.
        dated_on=min(dates) if dates and not replaces(item.kind) else paper.dated_on,
        version=item.version if higher else paper.version,
        journal=_better(item.journal, paper.journal, newer),
    )
    return Record(
        after if after != paper else paper,
        text_on if newer else record.text_on,
        told,
        _filled(record.summaries, item.summaries, paper.id, now) if item.summaries else record.summaries,
    )


def united(first: Record, other: Record) -> Record:
    """Two papers as one; announcements of ``other`` count for both and stay where they are stored."""
    a, b = first.paper, other.paper
    newer = (b.version or 0, other.text_on or date.min) > (a.version or 0, first.text_on or date.min)
    told = tuple(sorted(first.told + other.told, key=lambda t: t.id))
    texts = tuple(SummaryText(s.language, s.headline, s.title, s.abstract, s.origin) for s in other.summaries)
    mine, brought = {s.language for s in first.summaries}, {s.language: s for s in other.summaries}
    summaries = _filled(first.summaries, texts, a.id, None)
    return Record(
        Paper(
            id=a.id,
            keys=_joined(a.keys, b.keys),
            title=_better(b.title, a.title, newer),
            abstract=_better(b.abstract, a.abstract, newer),
            authors=_better(b.authors, a.authors, newer),
            categories=_joined(b.categories, a.categories) if newer else _joined(a.categories, b.categories),
            links=_joined(a.links, b.links),
            subjects=_joined(a.subjects, b.subjects),
            first_announced_on=min((t.on for t in told if t.news in (News.NEW, News.CROSS)), default=None),
            dated_on=min((d for d in (a.dated_on, b.dated_on) if d), default=None),
            version=b.version if newer and b.version else a.version,
            journal=_better(b.journal, a.journal, newer),
        ),
        other.text_on if newer else first.text_on,
        told,
        tuple(_united(s, brought.get(s.language), s.language in mine) for s in summaries),
    )


def _united(made: Summary, brought: Summary | None, had: bool) -> Summary:
    if brought is not None and not had:
        return replace(brought, paper_id=made.paper_id)
    return replace(made, made_at=brought.made_at) if brought and made.made_at is None else made


def parted(now: Record, before: Record, other: Record) -> Record:
    """The first paper again after a merge is undone: what it has from ``other`` alone goes, the rest stays.

    Keys, announcements and ``first_announced_on`` are the caller's to settle.
    """
    a, b, paper = before.paper, other.paper, now.paper
    summaries = {s.language: s for s in now.summaries}
    had, brought = {s.language: s for s in before.summaries}, {s.language: s for s in other.summaries}
    for language in summaries.keys() & brought.keys():
        mine, theirs, was = summaries[language], brought[language], had.get(language, Summary(a.id, language))
        fields = {
            name: getattr(was, name)
            for name in ("headline", "title", "abstract")
            if getattr(mine, name) == getattr(theirs, name)
        }
        summaries[language] = replace(mine, **fields, origin=was.origin if language in had else mine.origin)
    scalars: dict[str, Any] = {
        name: getattr(a, name)
        for name in ("title", "abstract", "authors", "journal", "version", "dated_on")
        if getattr(paper, name) == getattr(b, name)
    }
    lists: dict[str, Any] = {
        name: tuple(x for x in getattr(paper, name) if x in getattr(a, name) or x not in getattr(b, name))
        for name in ("categories", "links", "subjects")
    }
    return Record(
        replace(paper, **scalars, **lists),
        before.text_on if now.text_on == other.text_on else now.text_on,
        now.told,
        tuple(s for s in summaries.values() if s.headline or s.title or s.abstract),
    )


def _announced(record: Record, item: FeedItem, on: date, added: tuple[str, ...]) -> tuple[Told, ...]:
    """The announcements of a paper after an item.

    One NEW a paper, and it takes the place of a CROSS of the same day. One CROSS a paper and day, after the first
    announcement only where it adds a category. One UPDATE a version, for a paper announced before. One PUBLISHED: it
    is new in another source than arXiv, having been announced before.
    """
    told = record.told
    if item.kind is Kind.KNOWN:
        return told
    main = [t for t in told if t.news in (News.NEW, News.CROSS)]
    if replaces(item.kind):
        seen = item.version is None or item.version <= (record.paper.version or 0)
        if not main or seen or any(t.news is News.UPDATE and t.version == item.version for t in told):
            return told
        return (*told, _told(News.UPDATE, item, on))
    source = source_of(item.key)
    # Cross-lists are arXiv's alone; elsewhere an item is new.
    cross = item.kind is Kind.CROSS and source == "arxiv"
    fresh = _told(News.CROSS if cross else News.NEW, item, on)
    if not main:
        return (*told, fresh)
    mine = [t for t in main if source_of(t.key) == source]
    if source != "arxiv" and not mine:
        if any(t.news is News.PUBLISHED for t in told):
            return told
        return (*told, replace(fresh, news=News.PUBLISHED))
    first_new = not cross and all(t.news is not News.NEW for t in told)
    same_day = next((t for t in main if t.on == on), None)
    if same_day is not None:
        again = replace(
            same_day,
            news=News.NEW if first_new else same_day.news,
            categories=_joined(same_day.categories, added),
            # Only of the first announcement's day is every item known, so only there a kind can be new.
            heard=same_day.heard | fresh.heard if same_day in main[:1] and same_day in mine else same_day.heard,
        )
        return tuple(again if t is same_day else t for t in told)
    if first_new:
        return (*told, fresh)
    return (*told, replace(fresh, categories=added)) if cross and added else told


def _told(news: News, item: FeedItem, on: date) -> Told:
    heard = frozenset({item.kind})
    return Told(news, on, item.key, item.categories, item.version, heard, arrival=item.arrival)


def _filled(
    there: tuple[Summary, ...], texts: Iterable[SummaryText], paper_id: int, now: datetime | None
) -> tuple[Summary, ...]:
    """Summaries after more words: empty fields are filled, a document's words take the place of a model's, and curated
    ones of any other; those of another curated summary alone take theirs."""
    by_language = {s.language: s for s in there}
    for text in texts:
        if not (text.headline or text.title or text.abstract):
            continue
        old = by_language.get(text.language)
        if old is None:
            by_language[text.language] = Summary(
                paper_id, text.language, text.headline, text.title, text.abstract, text.origin, now
            )
            continue
        better = _rank(text.origin) > _rank(old.origin) or text.origin == old.origin == "curated"
        made = replace(
            old,
            headline=_better(text.headline, old.headline, better),
            title=_better(text.title, old.title, better),
            abstract=_better(text.abstract, old.abstract, better),
            origin=text.origin if better else old.origin,
            made_of="" if better else old.made_of,
        )
        if made != old:
            by_language[text.language] = replace(made, made_at=now or made.made_at)
    return tuple(by_language.values())


def _rank(origin: str) -> int:
    """A model may stand by its name: ``model:NAME``."""
    return _RANK.get(origin.partition(":")[0], 1)


def differs(before: Record, after: Record) -> bool:
    """Whether a reader could see a difference."""
    return (
        before.paper != after.paper
        or before.summaries != after.summaries
        or [(t.news, t.on, t.categories) for t in before.told] != [(t.news, t.on, t.categories) for t in after.told]
    )


def replaces(kind: Kind) -> bool:
    """Whether the item is a new version of something announced earlier."""
    return kind in (Kind.REPLACE, Kind.REPLACE_CROSS)


def _better(theirs: _Words, mine: _Words, newer: bool) -> _Words:
    return theirs if theirs and (newer or not mine) else mine


def _joined(some: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return some + tuple(x for x in more if x not in some)
