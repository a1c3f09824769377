"""A query as a value: what it asks, and how it is written. Equal queries are equal values."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as attribute
from enum import StrEnum
from itertools import groupby

MOST_CHARACTERS = 500
MOST_TERMS = 50
MOST_WORDS = 12
MOST_DEPTH = 30


class Field(StrEnum):
    ANY = "any"
    TITLE = "title"
    ABSTRACT = "abstract"
    AUTHOR = "author"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A word or a phrase asked of one field.

    ``phrases`` are its analyzed readings (``fine-tuning``: ``("fine", "tune")`` or ``("finetun",)``): the leaf
    holds where any of them stands as consecutive terms inside one value of the field. For CATEGORY it is one
    casefolded pattern (``cs.cl``, ``cs.*``). ``text`` is as typed and does not count for equality.
    """

    field: Field
    phrases: tuple[tuple[str, ...], ...]
    text: str = attribute(compare=False)
    quoted: bool = attribute(default=False, compare=False)

    def __str__(self) -> str:
        return to_text(self)


@dataclass(frozen=True, slots=True)
class Not:
    part: Query

    def __str__(self) -> str:
        return to_text(self)


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Query, ...]

    def __str__(self) -> str:
        return to_text(self)


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Query, ...]

    def __str__(self) -> str:
        return to_text(self)


Query = Leaf | Not | And | Or


_PREFIX = {Field.TITLE: "ti:", Field.ABSTRACT: "abs:", Field.AUTHOR: "au:", Field.CATEGORY: "cat:", Field.ANY: "all:"}


def show(query: Query) -> str:
    """The same as `to_text`."""
    return to_text(query)


def to_text(query: Query) -> str:
    """The query as text, short: ``parse(to_text(q)) == q`` for every q that `parse` gave."""
    text = _print(query, Field.ANY)
    if len(text) <= MOST_CHARACTERS:
        return text
    # Typed inside one field's group, it fitted.
    return min((text, *(f"{_PREFIX[one]}({_print(query, one)})" for one in _fields(query))), key=len)


def _print(query: Query, where: Field, inner: str = "") -> str:
    """``inner`` says what stands around: an or in an ``and``, either in a ``not``, needs parentheses."""
    match query:
        case Leaf():
            text = f'"{query.text}"' if query.quoted else query.text
            return text if query.field is where else _PREFIX[query.field] + text
        case Not(part):
            return "-" + _print(part, where, "not")
        case And(parts) | Or(parts):
            own = _fields(query)
            if len(own) == 1 and where not in own:
                (one,) = own
                return f"{_PREFIX[one]}({_print(query, one)})"
            kind = type(query)
            text = _and(parts, where) if kind is And else " OR ".join(_print(p, where) for p in _runs(parts, Or, where))
            return f"({text})" if inner == "not" or (inner == "and" and kind is Or) else text


def _and(parts: tuple[Query, ...], where: Field) -> str:
    """Joined by spaces, and by AND where so many plain words would look like a sentence."""
    text = ""
    words = 0
    for part in _runs(parts, And, where):
        words = words + 1 if isinstance(part, Leaf) and part.field is where and not part.quoted else 0
        if words > MOST_WORDS:
            text, words = f"{text} AND", 1
        text += (" " if text else "") + _print(part, where, "and")
    return text


def _runs(parts: tuple[Query, ...], kind: type[And] | type[Or], where: Field) -> Iterator[Query]:
    """The parts, with neighbours that ask the same other field put into one group."""
    for own, run in groupby(parts, _fields):
        together = tuple(run)
        if len(own) == 1 and where not in own and len(together) > 1:
            yield kind(together)
        else:
            yield from together


def _fields(query: Query) -> frozenset[Field]:
    return frozenset(leaf.field for leaf in leaves(query))


def leaves(query: Query) -> Iterator[Leaf]:
    """Every leaf, as they are written."""
    match query:
        case Leaf():
            yield query
        case Not(part):
            yield from leaves(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)


def positive_leaves(query: Query) -> Iterator[Leaf]:
    """The leaves that a match can be due to: those not under a NOT."""
    match query:
        case Leaf():
            yield query
        case Not(part):
            yield from _denied(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from positive_leaves(part)


def _denied(query: Query) -> Iterator[Leaf]:
    """Leaves under a NOT that another NOT makes positive again."""
    match query:
        case Leaf():
            return
        case Not(part):
            yield from positive_leaves(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _denied(part)


def holds_of_nothing(query: Query) -> bool:
    """Whether a paper that has none of its words satisfies it."""
    match query:
        case Leaf():
            return False
        case Not(part):
            return not holds_of_nothing(part)
        case And(parts):
            return all(map(holds_of_nothing, parts))
        case Or(parts):
            return any(map(holds_of_nothing, parts))


def has_cjk_leaf(query: Query) -> bool:
    """Whether any of it is written in Chinese characters, kana or hangul."""
    return any(unicodedata.east_asian_width(c) == "W" and c.isalpha() for leaf in leaves(query) for c in leaf.text)


def categories(query: Query) -> set[str]:
    """The category patterns asked for (``cs.cl``, ``cs.*``), those under a NOT left out."""
    return {leaf.phrases[0][0] for leaf in positive_leaves(query) if leaf.field is Field.CATEGORY}
