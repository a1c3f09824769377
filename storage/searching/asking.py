"""Queries as tantivy asks them, the same answers as `bot.matching.Batch` gives."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import tantivy
from tantivy import Occur

from bot.errors import QueryError
from bot.query import TOO_BROAD, And, Field, Leaf, Not, Or, Query, Said
from storage.searching.entries import TITLE_BOOST, together
from storage.searching.frequent import FREQUENT

MOST_WORDS_OF_PREFIX = 4_000
"""Different words that one ``prefix*`` may stand for in one field."""

_SCOPES = {
    Field.TITLE: ("title", TITLE_BOOST), Field.ABSTRACT: ("abstract", 1.0), Field.AUTHOR: ("author", 1.0),
    Field.SUBJECT: ("subject", 1.0),
}  # fmt: skip
_TITLE_AND_ABSTRACT = (_SCOPES[Field.TITLE], _SCOPES[Field.ABSTRACT])
FORMS = {
    Field.ANY: ("title_form", "abstract_form"),
    Field.TITLE: ("title_form",),
    Field.ABSTRACT: ("abstract_form",),
    Field.AUTHOR: ("author_form",),
    Field.SUBJECT: ("subject_form",),
}
"""Where the words of each scope stand as they are written."""
_RAW = {Field.CATEGORY: "category", Field.ID: "key", Field.NEWS: "news"}

_make = tantivy.Query


class Asking:
    """Turns queries into those of one schema, as seen by one searcher."""

    def __init__(self, schema: Any, searcher: Any) -> None:
        self._schema, self._searcher = schema, searcher

    def query(self, query: Query) -> Any:
        """Raises QueryError for a prefix that stands for too many words."""
        match query:
            case Leaf():
                return self._leaf(query)
            case Or(parts):
                return _make.boolean_query([(Occur.Should, self.query(part)) for part in parts])
            case Not():
                return self._and((query,))
            case And(parts):
                return self._and(parts)

    def _and(self, parts: Sequence[Query]) -> Any:
        rows = [
            (Occur.MustNot, self.query(part.part)) if isinstance(part, Not) else (Occur.Must, self.query(part))
            for part in parts
        ]
        if all(occur is Occur.MustNot for occur, _ in rows):
            rows.append((Occur.Must, _make.const_score_query(_make.all_query(), 0.0)))
        return _make.boolean_query(rows)

    def _leaf(self, leaf: Leaf) -> Any:
        if leaf.prefix:
            return _any([self._prefix(leaf, name) for name in FORMS[leaf.field]])
        if leaf.field is Field.ANY or leaf.field in _SCOPES:
            return _any([self._phrase(leaf.field, phrase) for phrase in leaf.phrases])
        if leaf.field is Field.DATE:
            return _make.const_score_query(self._days(*leaf.phrases[0]), 0.0)
        if leaf.field in _RAW:
            return _make.const_score_query(self._term(_RAW[leaf.field], leaf.value, "basic"), 0.1)
        return _make.empty_query()  # a topic that nobody wrote out

    def _term(self, field: str, term: str, option: str = "freq") -> Any:
        return _make.term_query(self._schema, field, term, option)

    def _phrase(self, field: Field, phrase: tuple[str, ...]) -> Any:
        if field is Field.ANY:
            return self._anywhere(phrase)
        (name, boost) = _SCOPES[field]
        asked = self._term(name, phrase[0]) if len(phrase) == 1 else self._positions(name, phrase)
        return _boosted(_make.boolean_query([*self._nominating(field, phrase), (Occur.Must, asked)]), boost)

    def _anywhere(self, phrase: tuple[str, ...]) -> Any:
        """In title or abstract, the title on top."""
        whole = together(phrase) if len(phrase) <= 3 and FREQUENT.issuperset(phrase) else ""
        if len(phrase) == 1 or whole:
            title = self._term("title", phrase[0]) if len(phrase) == 1 else self._positions("title", phrase)
            must = (Occur.Must, self._term("any", whole or phrase[0]))
            return _make.boolean_query([must, (Occur.Should, _boosted(title, TITLE_BOOST))])
        where = _any([_boosted(self._positions(name, phrase), boost) for name, boost in _TITLE_AND_ABSTRACT])
        return _make.boolean_query([*self._nominating(Field.ANY, phrase), (Occur.Must, where)])

    def _nominating(self, field: Field, phrase: tuple[str, ...]) -> list[tuple[Occur, Any]]:
        """What must be there wherever a longer phrase is, so that only few papers' positions are read."""
        if field in (Field.AUTHOR, Field.SUBJECT) or len(phrase) < 2:
            return []
        size = min(3, len(phrase))
        rows = [phrase[at : at + size] for at in range(len(phrase) - size + 1)]
        if size == 3:
            rows += [row for row in pairwise(phrase) if FREQUENT.issuperset(row)]
        found = dict.fromkeys(together(row) for row in rows if FREQUENT.issuperset(row))
        return [(Occur.Must, _make.const_score_query(self._term("any", one, "basic"), 0.0)) for one in found]

    def _positions(self, name: str, phrase: Sequence[str]) -> Any:
        return _make.phrase_query(self._schema, name, list(phrase))

    def _prefix(self, leaf: Leaf, name: str) -> Any:
        words = self._searcher.terms_with_prefix(name, leaf.value, limit=MOST_WORDS_OF_PREFIX + 1)
        if len(words) > MOST_WORDS_OF_PREFIX:
            said = Said(TOO_BROAD, limit=MOST_WORDS_OF_PREFIX, word=f"“{leaf.text.rstrip('*')}”")
            raise QueryError(said, leaf.text, len(leaf.text) - 1)
        found = _make.term_set_query(self._schema, name, [word for word, _ in words])
        return _make.const_score_query(found, TITLE_BOOST if name.startswith("title") else 1.0)

    def _days(self, first: str, last: str) -> Any:
        low = date.fromisoformat(first).toordinal() if first else None
        high = date.fromisoformat(last).toordinal() if last else None
        kind = tantivy.FieldType.Integer
        return _make.range_query(self._schema, "day", kind, low, high, use_inverted_index=True)


def only(schema: Any, query: Any, papers: Collection[int]) -> Any:
    """The query, asked of some papers alone."""
    chosen = _make.const_score_query(_make.term_set_query(schema, "paper", list(papers)), 0.0)
    return _make.boolean_query([(Occur.Must, query), (Occur.Must, chosen)])


def _boosted(query: Any, boost: float) -> Any:
    return query if boost == 1.0 else _make.boost_query(query, boost)


def _any(rows: Sequence[Any]) -> Any:
    return rows[0] if len(rows) == 1 else _make.boolean_query([(Occur.Should, row) for row in rows])
