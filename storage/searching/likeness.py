"""What is like something: the words that a mistyped one may mean, the papers that are like a paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import log
from typing import Any

import tantivy
from tantivy import Occur

from bot.documents import analyze, document
from bot.model import Paper, Summary
from bot.query import And, Leaf, Not, Or, Query, parse
from storage.searching.asking import FORMS, Asking
from storage.searching.entries import TITLE_BOOST

_TELLING_TERMS = 30
_MOST_CANDIDATES = 200_000

Vocabulary = Callable[[str, str], Mapping[str, int]]
"""The words of a field that begin with a letter, and how many papers have each."""


def words_of(searcher: Any, field: str, letter: str) -> dict[str, int]:
    """See ``Vocabulary``; only what a mistyped word may mean. 10 ms for a frequent letter of 65,000 papers."""
    found = searcher.terms_with_prefix(field, letter, limit=_MOST_CANDIDATES)
    return {word: count for word, count in found if word.isalnum()}


def meant(query: Query, asking: Asking, searcher: Any, vocabulary: Vocabulary) -> Query | None:
    """The query with the nearest stored word for each word that nothing has; None where nothing is near."""
    changed = False

    def mend(part: Query) -> Query:
        nonlocal changed
        match part:
            case And(parts):
                return And(tuple(map(mend, parts)))
            case Or(parts):
                return Or(tuple(map(mend, parts)))
            case Not():
                return part
            case Leaf():
                word = _nearest(part, asking, searcher, vocabulary)
                if not word:
                    return part
                changed = True
                read = parse(word)
                return replace(read, field=part.field) if isinstance(read, Leaf) else part

    mended = mend(query)
    return mended if changed else None


def _nearest(leaf: Leaf, asking: Asking, searcher: Any, vocabulary: Vocabulary) -> str:
    """The nearest stored word, the most frequent of those equally near; empty where ``leaf`` needs no mending."""
    word = leaf.text.casefold()
    if leaf.field not in FORMS or leaf.prefix or leaf.quoted or not (word.isalnum() and len(word) > 3):
        return ""
    if searcher.search(asking.query(leaf), limit=1, count=False).hits:
        return ""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    most = 1 if len(word) < 6 else 2
    best: dict[str, tuple[int, int]] = {}
    for name in FORMS[leaf.field]:
        # Hardly anybody mistypes the first letter, and looking through every word would take long.
        known = vocabulary(name, word[0])
        for near, far, _ in process.extract(word, known.keys(), scorer=OSA.distance, score_cutoff=most, limit=None):
            best[near] = (far, best.get(near, (0, 0))[1] - known[near])
    return min(best, key=lambda near: (best[near], near)) if best else ""


def likeness(paper: Paper, summaries: Sequence[Summary], schema: Any, searcher: Any) -> Any | None:
    """A query for the papers that share this one's telling terms, those of the title above the others."""
    analyzed = analyze(document(paper, summaries))
    counts: Counter[str] = Counter()
    for values, weight in ((analyzed.title, int(TITLE_BOOST)), (analyzed.text, 1)):
        for value in values:
            for terms in value:
                counts.update(dict.fromkeys(terms, weight))
    known = max(1, searcher.num_docs)
    rows: list[tuple[float, str]] = []
    for term, count in counts.items():
        having = max(searcher.doc_freq("title", term), searcher.doc_freq("abstract", term))
        # One that it alone has leads nowhere; one that every tenth paper has tells nothing.
        if (len(term) > 1 or not term.isascii()) and having > 1 and (having * 10 <= known or known < 100):
            rows.append(((1 + log(count)) * log(1 + known / having), term))
    telling = sorted(rows, reverse=True)[:_TELLING_TERMS]
    if not telling:
        return None
    make = tantivy.Query
    asked = [
        (Occur.Should, make.boost_query(make.term_query(schema, name, term, "freq"), weight * boost))
        for weight, term in telling
        for name, boost in (("title", 2.0), ("abstract", 1.0))
    ]
    return make.boolean_query([*asked, (Occur.MustNot, make.term_query(schema, "paper", paper.id))])
