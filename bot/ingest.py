"""Which papers a batch of items is about: new ones, known ones, twins. Decides only; values in, values out.

Ids of a source are trusted: two ids of one source are never one paper, so a paper has at most one id a source.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b

from bot.keys import key_from_link, keys_from_doi, link_from_key, source_of
from bot.merging import Record, absorb, differs, replaces, united
from bot.model import FeedItem, Kind, Paper, SummaryText

LONGEST_KEY = 200
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
class Join:
    """Two papers found to be one: ``other`` went into ``before``, which was there first. ``key`` is other's own."""

    key: str
    reason: str
    before: Record
    other: Record


def storable(text: str) -> str:
    """``text`` without what no database takes: NUL, and halves of surrogate pairs."""
    if "\0" not in text:
        try:
            text.encode()  # ten times as fast as looking for halves of pairs
            return text
        except UnicodeEncodeError:
            pass
    return _UNSTORABLE.sub("", text)


def are_storable(texts: Iterable[str]) -> bool:
    """Whether ``storable`` would leave every one of them as it is."""
    whole = "".join(texts)
    return storable(whole) is whole


def tidied(item: FeedItem) -> FeedItem:
    """The item fit to be stored: text without unstorable characters, links that name a paper as its page's address."""
    if _is_tidy(item):
        return item
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


def _is_tidy(item: FeedItem) -> bool:
    """Whether there is nothing to tidy: most items of a document are so, and looking is a third of the work."""
    if item.links and item.links != (link_from_key(item.key),):
        return False
    lists = (item.authors, item.categories, item.subjects)
    if not all(len(some) < 2 or len(set(some)) == len(some) for some in lists):
        return False
    if not all(map(all, lists)) or item.title.strip() != item.title or item.key.strip() != item.key:
        return False
    words = [t for s in item.summaries for t in (s.headline, s.title, s.abstract)]
    whole = "\n".join(
        (item.key, item.title, item.abstract, item.doi, item.journal, *item.authors, *item.categories,
         *item.subjects, *words)
    )  # fmt: skip
    return storable(whole) is whole


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
    plain = (_COMMAND.sub(" ", title) if "\\" in title else title).casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", _COMMAND.sub(" ", title)).casefold()
        plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = _WORD.findall(plain)
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
        self,
        records: Iterable[Record],
        next_id: int,
        next_told: int,
        apart: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self.records = {record.paper.id: record for record in records}
        self.before = dict(self.records)
        self.joins: list[Join] = []
        self.next_id, self.next_told = next_id, next_told
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
        self._put(self._numbered(after))
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
        given_on = None if replaces(item.kind) else item.announced_on
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

    def _numbered(self, record: Record) -> Record:
        if not record.told or record.told[-1].id:
            return record
        last = replace(record.told[-1], id=self.next_told)
        self.next_told += 1
        return replace(record, told=(*record.told[:-1], last))

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


def _outcome(before: Record, after: Record) -> Outcome:
    if any(old.heard != told.heard for old, told in zip(before.told, after.told, strict=False)):
        return Outcome.MERGED
    return Outcome.UPDATED if differs(before, after) else Outcome.UNCHANGED


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


def _tidy(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t for t in map(storable, texts) if t))


def _surname(name: str) -> str:
    """``Jane van der Berg``, ``Berg, Jane``: berg."""
    last = name.partition(",")[0].split()[-1:] if "," in name else name.split()[-1:]
    plain = unicodedata.normalize("NFKD", last[0] if last else "").casefold()
    return "".join(c for c in plain if not unicodedata.combining(c))
