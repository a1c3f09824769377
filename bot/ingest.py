"""What an item does to what is known: merging, twins, announcements. Decides only; values in, values out.

An item that comes twice does nothing the second time: every rule below takes the greater of two, or only adds.
Ids of a source are trusted: two ids of one source are never one paper, so a paper has at most one id a source.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from bot.keys import key_from_link, keys_from_doi, link_from_key, source_of
from bot.model import FeedItem, Kind, News, Paper, Summary, SummaryText

EASTERN = ZoneInfo("America/New_York")
"""arXiv's days begin and end by this clock."""

LONGEST_KEY = 200
_Words = TypeVar("_Words", str, tuple[str, ...])
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_COMMAND = re.compile(r"\\[a-zA-Z]{1,40}")
_WORD = re.compile(r"[^\W_]+")


class Outcome(StrEnum):
    """What one item came to."""

    NEW = "new"
    MERGED = "merged"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Told:
    """An announcement of a paper. ``key`` is the item's, ``heard`` the kinds heard for it that day; ``id`` is 0
    until it is stored."""

    news: News
    on: date
    key: str
    categories: tuple[str, ...] = ()
    version: int | None = None
    heard: frozenset[Kind] = frozenset()
    id: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """All that is kept of one paper. ``text_on`` is the day of the feed that gave its words, None where no feed did."""

    paper: Paper
    text_on: date | None = None
    told: tuple[Told, ...] = ()
    summaries: tuple[Summary, ...] = ()


@dataclass(frozen=True, slots=True)
class Join:
    """Two papers found to be one: ``other`` went into ``before``, which was there first. ``key`` is other's own."""

    key: str
    reason: str
    before: Record
    other: Record


def storable(text: str) -> str:
    """``text`` without what no database takes: NUL, and halves of surrogate pairs."""
    return _UNSTORABLE.sub("", text) if _UNSTORABLE.search(text) else text


def today(now: datetime) -> date:
    """arXiv's date at ``now``."""
    return now.astimezone(EASTERN).date()


def tidied(item: FeedItem) -> FeedItem:
    """The item fit to be stored: text without unstorable characters, links that name a paper as its page's address."""
    links: dict[str, str] = {}
    for link in map(storable, item.links):
        key = key_from_link(link)
        links.setdefault(key or link, link_from_key(key) if key else link)
    return replace(
        item,
        key=storable(item.key).strip(),
        title=storable(item.title).strip(),
        abstract=storable(item.abstract),
        authors=_tidy(item.authors),
        categories=_tidy(item.categories),
        doi=storable(item.doi),
        journal=storable(item.journal),
        links=tuple(links.values()),
        subjects=_tidy(item.subjects),
        summaries=tuple(
            SummaryText(s.language, storable(s.headline), storable(s.title), storable(s.abstract), s.origin)
            for s in item.summaries
        ),
    )


def fault(item: FeedItem) -> str:
    """Why a tidied item cannot be used; empty where it can."""
    source, colon, name = item.key.partition(":")
    if not (source and colon and name) or " " in item.key or len(item.key) > LONGEST_KEY:
        return "no key" if not item.key else "not a key"
    return "" if item.title else "no title"


def keys_of(item: FeedItem) -> tuple[str, ...]:
    """Every key a tidied item names, its own first."""
    keys = [item.key]
    if item.doi:
        keys += keys_from_doi(item.doi)
    for link in item.links:
        keys.append(key_from_link(link))
    return tuple(key for key in dict.fromkeys(keys) if key and len(key) <= LONGEST_KEY)


@lru_cache(maxsize=8192)
def title_mark(title: str) -> str:
    """Equal for titles that differ in case, accents, spaces or signs only; empty where under three words or twelve
    letters, for such a title says too little."""
    plain = unicodedata.normalize("NFKD", _COMMAND.sub(" ", title)).casefold()
    words = _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))
    letters = "".join(words)
    return blake2b(letters.encode(), digest_size=16).hexdigest() if len(words) >= 3 and len(letters) >= 12 else ""


def share_a_surname(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether one of ``some`` has the last name of one of ``others``; True where either side is unknown."""
    return not some or not others or not {_surname(a) for a in some}.isdisjoint({_surname(a) for a in others})


class Shelf:
    """The papers that a batch of items may touch, and what becomes of them.

    ``records`` must hold every paper that one of the items' ``keys_of`` names and those whose title_mark one of the
    items has. ``apart`` are pairs of keys whose merge was undone: they stay apart. New papers are numbered from
    ``next_id``.
    """

    def __init__(
        self, records: Iterable[Record], next_id: int, apart: frozenset[tuple[str, str]] = frozenset()
    ) -> None:
        self.records = {record.paper.id: record for record in records}
        self.before = dict(self.records)
        self.joins: list[Join] = []
        self.next_id = next_id
        self._apart = apart
        self._by_key = {key: record.paper.id for record in self.records.values() for key in record.paper.keys}
        self._by_title: dict[str, list[int]] = {}
        for record in self.records.values():
            self._by_title.setdefault(title_mark(record.paper.title), []).append(record.paper.id)

    def take(self, item: FeedItem, now: datetime) -> Outcome:
        """Do to the papers what a tidied, faultless item asks."""
        keys = keys_of(item)
        paper_id = self._by_key.get(item.key)
        outcome = None
        if paper_id is None:
            paper_id, outcome = self._first_sight(item, keys, now)
        paper_id, joined = self._join_linked(self.records[paper_id], item, keys)
        before = self.records[paper_id]
        after = _named(absorb(before, item, now), tuple(k for k in keys if self._by_key.get(k, paper_id) == paper_id))
        self._put(after)
        if joined:
            return Outcome.MERGED
        return outcome or _outcome(before, after)

    def _first_sight(self, item: FeedItem, keys: tuple[str, ...], now: datetime) -> tuple[int, Outcome]:
        twin, reason = self._twin(item, keys)
        alone = _blank(self.next_id, item.key)
        self.next_id += 1
        if twin is None:
            self._put(alone)
            return alone.paper.id, Outcome.NEW
        given_on = None if _replaces(item.kind) else item.announced_on
        other = absorb(alone, replace(item, kind=Kind.KNOWN, announced_on=given_on), now)
        self._join(twin, other, reason)
        return twin.paper.id, Outcome.MERGED

    def _twin(self, item: FeedItem, keys: tuple[str, ...]) -> tuple[Record | None, str]:
        for key in keys[1:]:
            known = self._by_key.get(key)
            if known is not None and self._may_join(self.records[known].paper.keys, (item.key,)):
                return self.records[known], f"names {key}"
        mark = title_mark(item.title)
        for known in self._by_title.get(mark, ()) if mark else ():
            record = self.records.get(known)
            if (
                record is not None
                and title_mark(record.paper.title) == mark
                and self._may_join(record.paper.keys, (item.key,))
                and share_a_surname(record.paper.authors, item.authors)
            ):
                return record, "same title"
        return None, ""

    def _join_linked(self, record: Record, item: FeedItem, keys: tuple[str, ...]) -> tuple[int, bool]:
        """Papers that were known apart until this item named both."""
        joined = False
        for key in keys[1:]:
            known = self._by_key.get(key)
            if known is None or known == record.paper.id:
                continue
            linked = self.records[known]
            if self._may_join(record.paper.keys, linked.paper.keys):
                first, second = sorted((record, linked), key=lambda r: r.paper.id)
                record = self._join(first, second, f"{item.key} names {key}")
                joined = True
        return record.paper.id, joined

    def _may_join(self, some: tuple[str, ...], others: tuple[str, ...]) -> bool:
        sources = {source_of(key) for key in some} - {"doi"}
        return sources.isdisjoint(source_of(key) for key in others) and not any(
            (a, b) in self._apart or (b, a) in self._apart for a in some for b in others
        )

    def _join(self, first: Record, other: Record, reason: str) -> Record:
        self.joins.append(Join(other.paper.key, reason, first, other))
        self.records.pop(other.paper.id, None)
        joined = united(first, other)
        self._put(joined)
        return joined

    def _put(self, record: Record) -> None:
        paper = record.paper
        old = self.records.get(paper.id)
        self.records[paper.id] = record
        if old is None or old.paper.keys != paper.keys:
            self._by_key.update(dict.fromkeys(paper.keys, paper.id))
        if paper.title and (old is None or old.paper.title != paper.title):
            ids = self._by_title.setdefault(title_mark(paper.title), [])
            if paper.id not in ids:
                ids.append(paper.id)
                ids.sort()


def absorb(record: Record, item: FeedItem, now: datetime) -> Record:
    """What is known of a paper after one more item about it.

    Words of a higher version take the place of those there, then words of a later feed day; an import never
    overwrites a feed of the same version. What is empty is filled, nothing is emptied.
    """
    paper = record.paper
    on = item.announced_on or today(now)
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
        dated_on=min(dates) if dates and not _replaces(item.kind) else paper.dated_on,
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
    told = first.told + other.told
    texts = tuple(SummaryText(s.language, s.headline, s.title, s.abstract, s.origin) for s in other.summaries)
    made_at = {s.language: s.made_at for s in other.summaries}
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
        tuple(replace(s, made_at=made_at.get(s.language)) if s.made_at is None else s for s in summaries),
    )


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
    if _replaces(item.kind):
        seen = item.version is None or item.version <= (record.paper.version or 0)
        if not main or seen or any(t.news is News.UPDATE and t.version == item.version for t in told):
            return told
        return (*told, Told(News.UPDATE, on, item.key, item.categories, item.version, frozenset({item.kind})))
    fresh = Told(News(item.kind.value), on, item.key, item.categories, item.version, frozenset({item.kind}))
    if not main:
        return (*told, fresh)
    source = source_of(item.key)
    if source != "arxiv" and all(source_of(t.key) != source for t in told):
        if any(t.news is News.PUBLISHED for t in told):
            return told
        return (*told, replace(fresh, news=News.PUBLISHED))
    same_day = next((t for t in main if t.on == on), None)
    has_new = any(t.news is News.NEW for t in told)
    if same_day is not None:
        news = News.NEW if item.kind is Kind.NEW and not has_new else same_day.news
        again = replace(
            same_day, news=news, categories=_joined(same_day.categories, added), heard=same_day.heard | {item.kind}
        )
        return tuple(again if t is same_day else t for t in told)
    if (item.kind is Kind.NEW and not has_new) or (item.kind is Kind.CROSS and added):
        return (*told, replace(fresh, categories=added) if item.kind is Kind.CROSS else fresh)
    return told


def _filled(
    there: tuple[Summary, ...], texts: Iterable[SummaryText], paper_id: int, now: datetime | None
) -> tuple[Summary, ...]:
    """Summaries after more words: empty fields are filled, a document's words take the place of a model's."""
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
        better = text.origin != "model" and old.origin == "model"
        made = replace(
            old,
            headline=_better(text.headline, old.headline, better),
            title=_better(text.title, old.title, better),
            abstract=_better(text.abstract, old.abstract, better),
            origin=text.origin if better else old.origin,
        )
        if made != old:
            by_language[text.language] = replace(made, made_at=now or made.made_at)
    return tuple(by_language.values())


def _outcome(before: Record, after: Record) -> Outcome:
    if any(old.heard != told.heard for old, told in zip(before.told, after.told, strict=False)):
        return Outcome.MERGED
    return Outcome.UPDATED if differs(before, after) else Outcome.UNCHANGED


def differs(before: Record, after: Record) -> bool:
    """Whether a reader could see a difference."""
    return (
        before.paper != after.paper
        or before.summaries != after.summaries
        or [(t.news, t.on, t.categories) for t in before.told] != [(t.news, t.on, t.categories) for t in after.told]
    )


def _named(record: Record, keys: tuple[str, ...]) -> Record:
    """The paper with the further keys an item names, where it has no other id of that source."""
    had = record.paper.keys
    sources = {source_of(key) for key in had} - {"doi"}
    for key in keys:
        if key not in had and source_of(key) not in sources:
            had = (*had, key)
            sources |= {source_of(key)} - {"doi"}
    return record if had == record.paper.keys else replace(record, paper=replace(record.paper, keys=had))


def _blank(paper_id: int, key: str) -> Record:
    return Record(Paper(id=paper_id, keys=(key,), title=""))


def _replaces(kind: Kind) -> bool:
    return kind in (Kind.REPLACE, Kind.REPLACE_CROSS)


def _better(theirs: _Words, mine: _Words, newer: bool) -> _Words:
    return theirs if theirs and (newer or not mine) else mine


def _joined(some: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return some + tuple(x for x in more if x not in some)


def _tidy(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t for t in map(storable, texts) if t))


def _surname(name: str) -> str:
    """``Jane van der Berg``, ``Berg, Jane``: berg."""
    last = name.partition(",")[0].split()[-1:] if "," in name else name.split()[-1:]
    plain = unicodedata.normalize("NFKD", last[0] if last else "").casefold()
    return "".join(c for c in plain if not unicodedata.combining(c))
