"""A batch of papers, asked by many queries at once.

Every term, and every pair of neighbouring terms, of a batch has an integer whose bit *i* says "paper *i* has it";
a query is then a handful of AND, OR and NOT on integers. For a phrase of three terms or more the pairs only
nominate: positions of the nominees are verified.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, KeysView, Mapping
from dataclasses import replace
from itertools import pairwise

from bot.documents import WEIGHTS, Analyzed, Document, Value, analyze, stands
from bot.query import And, Field, Leaf, Or, Query, positive_leaves
from bot.text import forms


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

    def keys_entered(self) -> KeysView[str]:
        return self._places.keys()

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


class Words:
    """The words of one field as they are written, in order, so that those with one beginning stand together."""

    def __init__(self, texts: Iterable[Iterable[str]]) -> None:
        self._masks = Masks()
        for place, some in enumerate(texts):
            self._masks.enter({form for text in some for form in forms(text)}, place)
        self._sorted = sorted(self._masks.keys_entered())

    def __getitem__(self, beginning: str) -> int:
        found = 0
        for form in self._sorted[bisect_left(self._sorted, beginning) :]:
            if not form.startswith(beginning):
                break
            found |= self._masks[form]
        return found


class Batch:
    """Documents by id, ready to be asked. The ids' order is the order of every answer."""

    def __init__(self, documents: Iterable[tuple[int, Document]] = ()) -> None:
        self._ids: list[int] = []
        self._places: dict[int, int] = {}
        self._analyzed: list[Analyzed] = []
        self._title, self._text, self._author, self._subject, self._category = (Masks() for _ in range(5))
        self._asked: dict[Leaf, int] = {}
        self._words: dict[Field, Words] = {}
        self._read_before: dict[tuple[int, Field], list[tuple[Value, str]]] = {}
        self._scopes: dict[Field, tuple[Masks, ...]] = {
            Field.ANY: (self._title, self._text),
            Field.TITLE: (self._title,),
            Field.ABSTRACT: (self._text,),
            Field.AUTHOR: (self._author,),
            Field.SUBJECT: (self._subject,),
        }
        self._all = 0
        self.add(documents)

    def add(self, documents: Iterable[tuple[int, Document]]) -> None:
        """Further documents; one whose id is here already is asked in the other's stead from now on."""
        for place, (id, doc) in enumerate(documents, len(self._ids)):
            analyzed = analyze(doc)
            self._ids.append(id)
            self._places[id] = place
            self._analyzed.append(analyzed)
            self._title.enter(_keys(analyzed.title), place)
            self._text.enter(_keys(analyzed.text), place)
            self._author.enter(_keys(analyzed.author), place)
            self._subject.enter(_keys(analyzed.subject), place)
            self._category.enter(analyzed.patterns, place)
        for masks in (self._title, self._text, self._author, self._subject, self._category):
            masks.clear()
        self._asked.clear()
        self._words.clear()
        self._all = (1 << len(self._ids)) - 1
        if len(self._places) < len(self._ids):
            self._all = sum(1 << place for place in self._places.values())

    def __len__(self) -> int:
        return len(self._places)

    def match(self, query: Query) -> list[int]:
        """Ids of the papers that satisfy ``query``, in the batch's order."""
        return self.ids(self.mask(query))

    @property
    def every(self) -> int:
        """The mask of all papers."""
        return self._all

    def known(self, field: Field, keys: Mapping[str, int]) -> Iterable[str]:
        """Those of ``keys`` (terms, or two neighbouring ones with a space between) that some paper has."""
        if field is Field.CATEGORY:
            return keys.keys() & self._category.keys_entered()
        return set().union(*(keys.keys() & masks.keys_entered() for masks in self._scopes[field]))

    def having(self, field: Field, key: str) -> int:
        """The papers that have a term, or two neighbouring ones."""
        if field is Field.CATEGORY:
            return self._category[key] & self._all
        found = 0
        for masks in self._scopes[field]:
            found |= masks[key]
        return found & self._all

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
        return self._all & self._mask(query)

    def _mask(self, query: Query) -> int:
        if isinstance(query, Leaf):
            return self._leaf(query)
        if isinstance(query, And):
            found = self._all
            for part in query.parts:
                found &= self._mask(part)
                if not found:
                    break
            return found
        if isinstance(query, Or):
            found = 0
            for part in query.parts:
                found |= self._mask(part)
            return found
        return ~self._mask(query.part)

    def _leaf(self, leaf: Leaf) -> int:
        if leaf.field is Field.CATEGORY:
            return self._category[leaf.phrases[0][0]]
        scopes = self._scopes.get(leaf.field)
        if scopes is None or leaf.prefix:
            return self._remembered(leaf, self._look)
        found = 0
        for phrase in leaf.phrases:
            if len(phrase) > 2:
                return self._remembered(leaf, self._read)
            key = phrase[0] if len(phrase) == 1 else f"{phrase[0]} {phrase[1]}"
            for masks in scopes:
                found |= masks[key]
        return found

    def scores(self, query: Query, mask: int) -> dict[int, float]:
        """How well each paper of ``mask`` fits, by its id: a match in the title counts most."""
        found = dict.fromkeys(self.ids(mask), 0.0)
        for leaf in positive_leaves(query):
            for field in self._fields_of(leaf):
                weight = WEIGHTS.get(field, 0.25)
                for id in self.ids(mask & self._leaf(replace(leaf, field=field))):
                    found[id] += weight
        return found

    def _fields_of(self, leaf: Leaf) -> tuple[Field, ...]:
        return (Field.TITLE, Field.ABSTRACT) if leaf.field is Field.ANY else (leaf.field,)

    def _remembered(self, leaf: Leaf, look: Callable[[Leaf], int]) -> int:
        known = self._asked.get(leaf)
        if known is None:
            known = self._asked[leaf] = look(leaf)
        return known

    def _look(self, leaf: Leaf) -> int:
        """The papers with what a prefix or a field of one value asks for."""
        if not leaf.prefix:
            return sum(1 << place for place, analyzed in enumerate(self._analyzed) if analyzed.has(leaf))
        found = 0
        for field in self._fields_of(leaf):
            words = self._words.get(field)
            if words is None:
                words = self._words[field] = Words(one.document.texts_of(field) for one in self._analyzed)
            found |= words[leaf.value]
        return found

    def _read(self, leaf: Leaf) -> int:
        """The papers with any reading of a phrase, some of which have three terms or more."""
        found = 0
        for phrase in leaf.phrases:
            if len(phrase) < 3:
                for masks in self._scopes[leaf.field]:
                    found |= masks[" ".join(phrase)]
            else:
                found |= self._verify(leaf.field, phrase)
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
                if self._reads(low.bit_length() - 1, field, number, phrase):
                    found |= low
                nominees ^= low
        return found

    def _reads(self, place: int, field: Field, number: int, phrase: tuple[str, ...]) -> bool:
        """Whether a paper has a phrase in the field's scope ``number``."""
        scope = (place, Field.TITLE if field is Field.ANY and number == 0 else field)
        known = self._read_before.get(scope)
        if known is None:
            values = [values for _, values in self._analyzed[place].values(field)][number]
            known = self._read_before[scope] = [(value, f" {' '.join([t[0] for t in value])} ") for value in values]
        # A look at each position's first term tells nearly always, and fast; the others are read where it does not.
        wanted = f" {' '.join(phrase)} "
        return any(wanted in first for _, first in known) or any(stands(phrase, value) for value, _ in known)


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
