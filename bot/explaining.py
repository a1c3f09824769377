"""Why a query holds of a paper, why it does not, and whether it can hold of any to come."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date

from bot.documents import Analyzed, Document, Value, analyze, holds
from bot.query import And, Field, Leaf, Not, Or, Query, leaves, positive_leaves
from bot.text import surfaces

_MOST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Found:
    """``leaf`` of the query stands in ``where`` as ``words`` (empty for a field of one value)."""

    leaf: Leaf
    where: Field
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Blocked:
    """What keeps a paper from a query: none of ``missing`` is in it, and ``unwanted`` is, which the query excludes.
    One of the two may be empty; where neither is, either one would have been enough."""

    missing: tuple[Leaf, ...] = ()
    unwanted: tuple[Found, ...] = ()


def explain(query: Query, document: Document) -> list[Found]:
    """What of the query stands in the document, in the query's order; whether or not the whole query holds."""
    analyzed = analyze(document)
    return [found for leaf in dict.fromkeys(positive_leaves(query)) for found in _found(leaf, analyzed)]


def blocked(query: Query, document: Document) -> list[Blocked]:
    """What keeps the document from the query; empty where it holds. Each one by itself is reason enough."""
    return [] if holds(query, document) else list(_reasons(query, document, analyze(document), wanted=True))


def _reasons(query: Query, document: Document, analyzed: Analyzed, *, wanted: bool) -> Iterator[Blocked]:
    """Why it is not as ``wanted`` whether ``query`` holds."""
    match query:
        case Leaf():
            yield Blocked(missing=(query,)) if wanted else Blocked(unwanted=tuple(_found(query, analyzed)))
        case Not(part):
            yield from _reasons(part, document, analyzed, wanted=not wanted)
        case And(parts) | Or(parts):
            each = [
                reason
                for part in parts
                if holds(part, document) is not wanted
                for reason in _reasons(part, document, analyzed, wanted=wanted)
            ]
            if isinstance(query, And) is wanted:
                yield from each
            else:  # any of the parts would have done
                yield Blocked(
                    tuple(dict.fromkeys(leaf for reason in each for leaf in reason.missing)),
                    tuple(dict.fromkeys(found for reason in each for found in reason.unwanted)),
                )


def hopeless(query: Query, today: date, wants: Container[str]) -> list[Leaf]:
    """The conditions for which hardly a paper announced from ``today`` on can satisfy the query: days that are past,
    kinds of news that are not in ``wants``. Empty where there is hope."""
    if _may(query, True, today, wants):
        return []
    return [one for one in leaves(query) if _bound(one, today, wants) is not None]


def _may(query: Query, truth: bool, today: date, wants: Container[str]) -> bool:
    """Whether ``query`` may have this truth of a paper still to be announced."""
    match query:
        case Leaf():
            return _bound(query, today, wants) in (None, truth)
        case Not(part):
            return _may(part, not truth, today, wants)
        case And(parts) | Or(parts):
            every = all if isinstance(query, And) is truth else any
            return every(_may(part, truth, today, wants) for part in parts)


def _bound(leaf: Leaf, today: date, wants: Container[str]) -> bool | None:
    """What a condition is of every paper still to be announced; None where that depends on the paper."""
    match leaf.field:
        case Field.DATE:
            first, last = leaf.phrases[0]
            if last and last < today.isoformat():
                return False
            return True if not last and first <= today.isoformat() else None
        case Field.NEWS:
            return None if leaf.value in wants else False
    return None


def _found(leaf: Leaf, analyzed: Analyzed) -> Iterator[Found]:
    if leaf.prefix:
        for where, begun in analyzed.words(leaf):
            yield Found(leaf, where, tuple(begun[:_MOST_WORDS]))
        return
    scopes = tuple(analyzed.values(leaf.field))
    if not scopes and analyzed.has(leaf):
        yield Found(leaf, leaf.field)
    for where, values in scopes:
        words = dict.fromkeys(
            said
            for value, text in zip(values, _texts(analyzed, where), strict=True)
            for phrase in leaf.phrases
            for said in _said(phrase, value, text)
        )
        if words:
            yield Found(leaf, where, tuple(words)[:_MOST_WORDS])


def _texts(analyzed: Analyzed, where: Field) -> list[list[tuple[int, str]]]:
    """The words of each value that has any: side by side with the analyzed values."""
    return [said for text in analyzed.document.texts_of(where) if (said := surfaces(text))]


def _said(phrase: tuple[str, ...], value: Value, text: list[tuple[int, str]]) -> Iterator[str]:
    """Every place of a phrase, in the text's own words."""
    length = len(phrase)
    for at in range(len(value) - length + 1):
        if all(phrase[i] in value[at + i] for i in range(length)):
            # A pair of CJK characters reaches one further than its position.
            reach = length + (len(phrase[-1]) == 2 and _is_character(text[at + length - 1][1]))
            said = ""
            for _, word in dict.fromkeys(text[at : at + reach]):
                apart = said and not (_is_character(word) and _is_character(said[-1]))
                said += f" {word}" if apart else word
            yield said


def _is_character(word: str) -> bool:
    return len(word) == 1 and ord(word) >= 0x2E80
