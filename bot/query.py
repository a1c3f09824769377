"""The one query language: parse, print, explain."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


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
    text: str = field(compare=False)
    quoted: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    part: Query


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Query, ...]


Query = Leaf | Not | And | Or
