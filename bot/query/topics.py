"""Topics inside a query: ``topic:peft -survey``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from bot.errors import QueryError
from bot.query.messages import CIRCLE, TOO_WIDE, UNKNOWN_TOPIC, Said
from bot.query.parser import parse
from bot.query.tree import And, Field, Leaf, Not, Or, Query, joined, leaves

MOST_WRITTEN_OUT = 500
"""Words and phrases of a query whose topics are written out."""

_FIELD = re.compile("topic[:：]", re.IGNORECASE)

Lookup = Callable[[str], tuple[str, str] | None]
"""The slug and query text of the topic with a (casefolded) slug or name; None where there is none."""


def topics_in(query: Query) -> tuple[str, ...]:
    """The topics that ``query`` names itself, as it names them."""
    return tuple(dict.fromkeys(leaf.value for leaf in leaves(query) if leaf.field is Field.TOPIC))


def unfolded(query: Query, lookup: Lookup, source: str = "", within: str = "") -> Query:
    """The query with every topic's own query in its place, however deep they nest.

    Raises QueryError, with its place in ``source``, for a topic that is not there, for one that contains itself or
    ``within`` (the slug of the topic whose query this is going to be), and where it all becomes more than 500 words
    and phrases.
    """
    if not topics_in(query):
        return query
    return _Unfolding(lookup, source or str(query)).unfold(query, (within,) if within else ())


def inlined(query: Query, names: Collection[str], inner: Query) -> Query:
    """The query with ``inner`` wherever it names a topic by one of ``names``."""
    match query:
        case Leaf():
            return inner if query.field is Field.TOPIC and query.value in names else query
        case Not(part):
            return Not(inlined(part, names, inner))
        case And(parts):
            return joined(And, [inlined(part, names, inner) for part in parts])
        case Or(parts):
            return joined(Or, [inlined(part, names, inner) for part in parts])


class _Unfolding:
    def __init__(self, lookup: Lookup, source: str) -> None:
        self._lookup, self._source = lookup, source
        self._written = 0

    def _fail(self, typed: str, template: str, **values: str | int) -> QueryError:
        """Its place is the topic that the person typed, whatever is wrong further inside."""
        name = r"\s+".join(map(re.escape, typed.split()))
        field = _FIELD.search(self._source)
        begin = field.end() if field else 0
        found = re.compile(rf"(?<!\w){name}(?!\w)", re.IGNORECASE).search(self._source, begin)
        return QueryError(Said(template, **values), self._source, found.start() if found else begin)

    def unfold(self, query: Query, above: tuple[str, ...], typed: str = "") -> Query:
        """``typed``: the topic of the person's own query that ``query`` stands in; empty where that is it."""
        match query:
            case Leaf():
                if query.field is Field.TOPIC:
                    return self._topic(query.value, above, typed or query.value)
                return self._counted(query, typed)
            case Not(part):
                inner = self.unfold(part, above, typed)
                return inner.part if isinstance(inner, Not) else Not(inner)
            case And(parts):
                return joined(And, [self.unfold(part, above, typed) for part in parts])
            case Or(parts):
                return joined(Or, [self.unfold(part, above, typed) for part in parts])

    def _counted(self, leaf: Leaf, typed: str) -> Leaf:
        self._written += 1
        if self._written > MOST_WRITTEN_OUT:
            raise self._fail(typed, TOO_WIDE, limit=MOST_WRITTEN_OUT)
        return leaf

    def _topic(self, name: str, above: tuple[str, ...], typed: str) -> Query:
        found = self._lookup(name)
        if found is None:
            raise self._fail(typed, UNKNOWN_TOPIC, word=f"“{name[:40]}”")
        slug, text = found
        if slug in above:
            raise self._fail(typed, CIRCLE, word=f"“{slug[:40]}”")
        return self.unfold(parse(text), (*above, slug), typed)
