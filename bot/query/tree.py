"""A query as a value: what it asks, and how it is written. Equal queries are equal values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    SUBJECT = "subject"
    CATEGORY = "category"
    ID = "id"
    DATE = "date"
    NEWS = "is"
    TOPIC = "topic"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A word or a phrase asked of one field.

    ``phrases`` are its analyzed readings (``fine-tuning``: ``("fine", "tune")`` or ``("finetun",)``): the leaf
    holds where any of them stands as consecutive terms inside one value of the field. With ``prefix`` it is the
    folded beginning of a word (``quant`` for ``quant*``). Other fields hold one tuple:

    ========  ========================================================================
    CATEGORY  a casefolded pattern: ``cs.cl``, ``cs.*``
    ID        the paper's key: ``arxiv:2403.17919``
    DATE      the first and the last day, as ISO dates; empty for an open end
    NEWS      a `model.News`: ``new``, ``cross``, ``update``, ``published``
    TOPIC     a casefolded slug or name; `topics.unfolded` puts the topic's query in its place
    ========  ========================================================================

    ``text`` is as typed and does not count for equality.
    """

    field: Field
    phrases: tuple[tuple[str, ...], ...]
    text: str = attribute(compare=False)
    quoted: bool = attribute(default=False, compare=False)
    prefix: bool = False

    @property
    def value(self) -> str:
        """What a field of one value asks for; the beginning that a prefix asks for."""
        return self.phrases[0][0]

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


_PREFIX = {
    Field.TITLE: "ti:", Field.ABSTRACT: "abs:", Field.AUTHOR: "au:", Field.SUBJECT: "subject:",
    Field.CATEGORY: "cat:", Field.ANY: "all:",
    Field.ID: "id:", Field.DATE: "date:", Field.NEWS: "is:", Field.TOPIC: "topic:",
}  # fmt: skip


def joined(kind: type[And] | type[Or], parts: Sequence[Query]) -> Query:
    """Nested ands are one and, nested ors one or, so that equal queries are equal values."""
    flat: list[Query] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) else (part,)
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def to_text(query: Query) -> str:
    """The query as text, short: ``parse(to_text(q)) == q`` for every q that `parse` gave."""
    text = _print(query, Field.ANY)
    if len(text) <= MOST_CHARACTERS:
        return text
    # Typed inside one field's group, it fitted.
    groups = (f"{_PREFIX[one]}({_print(query, one)})" for one in _fields(query) - {Field.ID})
    return min((text, *groups), key=len)


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
            if _one_group(own, where):
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
        if _one_group(own, where) and len(together) > 1:
            yield kind(together)
        else:
            yield from together


def _one_group(own: frozenset[Field], where: Field) -> bool:
    """Whether ``ti:(a b)`` is how it is written; an id may hold a colon, which a group would read as a field."""
    return len(own) == 1 and where not in own and Field.ID not in own


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
