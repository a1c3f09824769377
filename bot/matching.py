"""A batch of papers, asked by many queries at once.

Every term, and every pair of neighbouring terms, of a batch has an integer whose bit *i* says "paper *i* has it";
a query is then a handful of AND, OR and NOT on integers. For a phrase of three terms or more the pairs only
nominate: positions of the nominees are verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from bot.model import Paper, Summary
from bot.query import And, Field, Leaf, Not, Or, Query, positive_leaves
from bot.text import positions, readable

Value = tuple[tuple[str, ...], ...]
"""One title, text or name: its terms by position."""


@dataclass(frozen=True, slots=True)
class Document:
    """A paper as queries see it: readable text (no TeX). A phrase never reaches from one value into the next."""

    titles: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


def document(paper: Paper, summaries: Sequence[Summary] = ()) -> Document:
    """Titles are those of every language, texts are abstracts and headlines of every language."""
    titles = [paper.title, *(s.title for s in summaries)]
    texts = [paper.abstract, *(t for s in summaries for t in (s.abstract, s.headline))]
    return Document(
        tuple(dict.fromkeys(readable(t) for t in titles if t)),
        tuple(dict.fromkeys(readable(t) for t in texts if t)),
        tuple(readable(name) for name in paper.authors if name),
        paper.categories,
    )


@dataclass(frozen=True, slots=True)
class Analyzed:
    """A document's terms: values of each scope, and the category patterns it satisfies."""

    title: tuple[Value, ...]
    text: tuple[Value, ...]
    author: tuple[Value, ...]
    patterns: frozenset[str]

    def values(self, field: Field) -> Iterator[tuple[Field, tuple[Value, ...]]]:
        """What ``field`` looks into: ANY is title and text."""
        if field in (Field.TITLE, Field.ANY):
            yield Field.TITLE, self.title
        if field in (Field.ABSTRACT, Field.ANY):
            yield Field.ABSTRACT, self.text
        if field is Field.AUTHOR:
            yield field, self.author


@lru_cache(2048)
def analyze(document: Document) -> Analyzed:
    return Analyzed(
        _values(document.titles),
        _values(document.texts),
        _values(document.authors, names=True),
        frozenset(p for c in map(str.casefold, document.categories) for p in (c, c.partition(".")[0] + ".*")),
    )


def _values(texts: Iterable[str], names: bool = False) -> tuple[Value, ...]:
    return tuple(value for text in texts if (value := tuple(positions(text, names))))


class Masks(dict[str, int]):
    """Term, or two neighbouring terms with a space between them, to the papers that have it; made when first asked."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, int | list[int]] = {}

    def enter(self, keys: Iterable[str], place: int) -> None:
        places = self._places
        for key in keys:
            known = places.get(key)
            if known is None:
                places[key] = place  # most keys stand in one paper: a list for each would take half the time
            elif isinstance(known, int):
                places[key] = [known, place]
            else:
                known.append(place)

    def __missing__(self, key: str) -> int:
        places = self._places.get(key)
        if places is None:
            return 0
        if isinstance(places, int):
            mask = 1 << places
        else:
            bits = bytearray(places[-1] // 8 + 1)
            for place in places:
                bits[place >> 3] |= 1 << (place & 7)
            mask = int.from_bytes(bits, "little")
        self[key] = mask
        return mask


class Batch:
    """Documents by id, ready to be asked. The ids' order is the order of every answer."""

    def __init__(self, documents: Iterable[tuple[int, Document]]) -> None:
        self._ids: list[int] = []
        self._analyzed: list[Analyzed] = []
        self._title, self._text, self._author, self._category = Masks(), Masks(), Masks(), Masks()
        self._verified: dict[tuple[Field, tuple[str, ...]], int] = {}
        for place, (id, doc) in enumerate(documents):
            analyzed = analyze(doc)
            self._ids.append(id)
            self._analyzed.append(analyzed)
            self._title.enter(_keys(analyzed.title), place)
            self._text.enter(_keys(analyzed.text), place)
            self._author.enter(_keys(analyzed.author), place)
            self._category.enter(analyzed.patterns, place)
        self._all = (1 << len(self._ids)) - 1
        self._scopes: dict[Field, tuple[Masks, ...]] = {
            Field.ANY: (self._title, self._text),
            Field.TITLE: (self._title,),
            Field.ABSTRACT: (self._text,),
            Field.AUTHOR: (self._author,),
        }

    def __len__(self) -> int:
        return len(self._ids)

    def match(self, query: Query) -> list[int]:
        """Ids of the papers that satisfy ``query``, in the batch's order."""
        return self.ids(self.mask(query))

    def ids(self, mask: int) -> list[int]:
        """Ids of the bits set in ``mask``."""
        found = []
        while mask:
            low = mask & -mask
            found.append(self._ids[low.bit_length() - 1])
            mask ^= low
        return found

    def mask(self, query: Query) -> int:
        """The papers that satisfy ``query``: bit *i* is the *i*-th document given."""
        if isinstance(query, Leaf):
            return self._leaf(query)
        if isinstance(query, And):
            found = self._all
            for part in query.parts:
                found &= self.mask(part)
                if not found:
                    break
            return found
        if isinstance(query, Or):
            found = 0
            for part in query.parts:
                found |= self.mask(part)
            return found
        return self._all & ~self.mask(query.part)

    def _leaf(self, leaf: Leaf) -> int:
        if leaf.field is Field.CATEGORY:
            return self._category[leaf.phrases[0][0]]
        found = 0
        for phrase in leaf.phrases:
            if len(phrase) < 3:
                key = phrase[0] if len(phrase) == 1 else f"{phrase[0]} {phrase[1]}"
                for masks in self._scopes[leaf.field]:
                    found |= masks[key]
            else:
                known = self._verified.get((leaf.field, phrase))
                if known is None:
                    known = self._verified[leaf.field, phrase] = self._verify(leaf.field, phrase)
                found |= known
        return found

    def _verify(self, field: Field, phrase: tuple[str, ...]) -> int:
        """The papers that hold a phrase of three terms or more."""
        pairs = [f"{a} {b}" for a, b in pairwise(phrase)]
        found = 0
        for number, masks in enumerate(self._scopes[field]):
            nominees = self._all & ~found
            for pair in pairs:
                nominees &= masks[pair]
                if not nominees:
                    break
            while nominees:
                low = nominees & -nominees
                scopes = [values for _, values in self._analyzed[low.bit_length() - 1].values(field)]
                if any(_stands(phrase, value) for value in scopes[number]):
                    found |= low
                nominees ^= low
        return found


def _keys(values: tuple[Value, ...]) -> set[str]:
    keys: set[str] = set()
    for value in values:
        before: tuple[str, ...] = ()
        for terms in value:
            keys.update(terms)
            if len(before) == 1 and len(terms) == 1:
                keys.add(f"{before[0]} {terms[0]}")
            else:
                keys.update([f"{a} {b}" for a in before for b in terms])
            before = terms
    return keys


def _stands(phrase: tuple[str, ...], value: Value) -> bool:
    """Whether the terms of ``phrase`` stand at consecutive positions of ``value``."""
    first, length = phrase[0], len(phrase)
    return any(
        first in value[at] and all(phrase[i] in value[at + i] for i in range(1, length))
        for at in range(len(value) - length + 1)
    )


def holds(query: Query, document: Document) -> bool:
    """Whether one document satisfies ``query``; for many, use a Batch."""
    analyzed = analyze(document)

    def ask(part: Query) -> bool:
        match part:
            case Leaf():
                return bool(_where(part, analyzed))
            case Not(inner):
                return not ask(inner)
            case And(parts):
                return all(map(ask, parts))
            case Or(parts):
                return any(map(ask, parts))

    return ask(query)


def explain(query: Query, document: Document) -> list[tuple[str, Field, Field]]:
    """What of the query is in the document: (text as typed, field asked, field it stands in), in the query's order."""
    analyzed = analyze(document)
    return [(leaf.text, leaf.field, where) for leaf in positive_leaves(query) for where in _where(leaf, analyzed)]


_WEIGHTS = {Field.TITLE: 3.0, Field.AUTHOR: 2.0, Field.ABSTRACT: 1.0, Field.CATEGORY: 0.25}


def score(query: Query, document: Document) -> float:
    """How well a matching document fits, to order by: each leaf found counts, most in a title."""
    analyzed = analyze(document)
    return sum(_WEIGHTS[where] for leaf in positive_leaves(query) for where in _where(leaf, analyzed))


def _where(leaf: Leaf, analyzed: Analyzed) -> list[Field]:
    """The fields in which ``leaf`` is found."""
    if leaf.field is Field.CATEGORY:
        return [Field.CATEGORY] if leaf.phrases[0][0] in analyzed.patterns else []
    return [
        field
        for field, values in analyzed.values(leaf.field)
        if any(_stands(phrase, value) for phrase in leaf.phrases for value in values)
    ]
