"""A paper as queries see it: its texts, their terms by position, and whether one query holds of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from bot.model import Paper, Summary
from bot.query import And, Field, Leaf, Not, Or, Query
from bot.text import forms, positions, readable

Value = tuple[tuple[str, ...], ...]
"""One title, text or name: its terms by position."""


@dataclass(frozen=True, slots=True)
class Document:
    """A paper as queries see it: readable text (no TeX). A phrase never reaches from one value into the next."""

    titles: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    day: date | None = None
    news: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()

    def texts_of(self, field: Field) -> tuple[str, ...]:
        """The values of TITLE, ABSTRACT, AUTHOR or SUBJECT."""
        return {
            Field.TITLE: self.titles, Field.ABSTRACT: self.texts, Field.AUTHOR: self.authors,
            Field.SUBJECT: self.subjects,
        }[field]  # fmt: skip


def document(paper: Paper, summaries: Sequence[Summary] = ()) -> Document:
    """Titles are those of every language, texts are abstracts and headlines of every language."""
    titles = [paper.title, *(s.title for s in summaries)]
    texts = [paper.abstract, *(t for s in summaries for t in (s.abstract, s.headline))]
    return Document(
        tuple(dict.fromkeys(readable(t) for t in titles if t)),
        tuple(dict.fromkeys(readable(t) for t in texts if t)),
        tuple(readable(name) for name in paper.authors if name),
        paper.categories,
        paper.keys,
        paper.first_announced_on or paper.dated_on,
        paper.news,
        tuple(readable(subject) for subject in paper.subjects if subject),
    )


@dataclass(frozen=True, slots=True)
class Analyzed:
    """A document's terms: values of each scope, and the category patterns it satisfies."""

    title: tuple[Value, ...]
    text: tuple[Value, ...]
    author: tuple[Value, ...]
    subject: tuple[Value, ...]
    patterns: frozenset[str]
    document: Document

    def values(self, field: Field) -> Iterator[tuple[Field, tuple[Value, ...]]]:
        """What ``field`` looks into: ANY is title and text."""
        if field in (Field.TITLE, Field.ANY):
            yield Field.TITLE, self.title
        if field in (Field.ABSTRACT, Field.ANY):
            yield Field.ABSTRACT, self.text
        if field is Field.AUTHOR:
            yield field, self.author
        if field is Field.SUBJECT:
            yield field, self.subject

    def has(self, leaf: Leaf) -> bool:
        """Whether a field of one value holds what ``leaf`` asks for."""
        asked, document = leaf.phrases[0], self.document
        match leaf.field:
            case Field.CATEGORY:
                return asked[0] in self.patterns
            case Field.ID:
                return asked[0] in document.keys
            case Field.NEWS:
                return asked[0] in document.news
            case Field.DATE if document.day:
                day = document.day.isoformat()
                return asked[0] <= day and (not asked[1] or day <= asked[1])
        return False

    def words(self, leaf: Leaf) -> Iterator[tuple[Field, list[str]]]:
        """The words of each field looked into that begin as a prefix asks."""
        for field in (Field.TITLE, Field.ABSTRACT) if leaf.field is Field.ANY else (leaf.field,):
            texts = self.document.texts_of(field)
            found = sorted({form for text in texts for form in forms(text) if form.startswith(leaf.value)})
            if found:
                yield field, found


@lru_cache(2048)
def analyze(document: Document) -> Analyzed:
    return Analyzed(
        _values(document.titles),
        _values(document.texts),
        _values(document.authors, names=True),
        _values(document.subjects),
        frozenset(p for c in map(str.casefold, document.categories) for p in (c, c.partition(".")[0] + ".*")),
        document,
    )


def _values(texts: Iterable[str], names: bool = False) -> tuple[Value, ...]:
    return tuple(value for text in texts if (value := tuple(positions(text, names))))


def stands(phrase: tuple[str, ...], value: Value) -> bool:
    """Whether the terms of ``phrase`` stand at consecutive positions of ``value``."""
    first, length = phrase[0], len(phrase)
    return any(
        first in value[at] and all(phrase[i] in value[at + i] for i in range(1, length))
        for at in range(len(value) - length + 1)
    )


def holds(query: Query, document: Document) -> bool:
    """Whether one document satisfies ``query``; for many, use a Batch."""
    analyzed, terms = analyze(document), _terms(document)

    def ask(part: Query) -> bool:
        match part:
            case Leaf(field=field, prefix=False) if field in _TEXTS and not any(
                map(terms.issuperset, part.phrases)
            ):
                return False
            case Leaf():
                return bool(found_in(part, analyzed))
            case Not(inner):
                return not ask(inner)
            case And(parts):
                return all(map(ask, parts))
            case Or(parts):
                return any(map(ask, parts))

    return ask(query)


@lru_cache(256)
def _terms(document: Document) -> frozenset[str]:
    """All of a document's terms: many queries are asked of one, and most have none of theirs there."""
    analyzed = analyze(document)
    scopes = (analyzed.title, analyzed.text, analyzed.author, analyzed.subject)
    return frozenset(term for scope in scopes for value in scope for some in value for term in some)


WEIGHTS = {Field.TITLE: 3.0, Field.AUTHOR: 2.0, Field.SUBJECT: 2.0, Field.ABSTRACT: 1.0}
_TEXTS = frozenset({Field.ANY, Field.TITLE, Field.ABSTRACT, Field.AUTHOR, Field.SUBJECT})


def found_in(leaf: Leaf, analyzed: Analyzed) -> list[Field]:
    """The fields in which ``leaf`` stands."""
    if leaf.prefix:
        return [field for field, _ in analyzed.words(leaf)]
    if leaf.field not in _TEXTS:
        return [leaf.field] if analyzed.has(leaf) else []
    return [
        field
        for field, values in analyzed.values(leaf.field)
        if any(stands(phrase, value) for phrase in leaf.phrases for value in values)
    ]
