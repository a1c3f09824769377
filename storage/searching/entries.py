"""What stands in the index of one paper, field by field."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import chain, count, pairwise, product, repeat
from typing import Any

import tantivy

from bot.documents import Value, analyze, document
from bot.model import Paper, Summary
from bot.text import forms
from storage.searching.frequent import FREQUENT

TITLE_BOOST = 2.0


@cache
def schema() -> Any:
    """``title``, ``abstract``, ``author``, ``subject``: our terms at our positions. ``any``: the terms of the first
    two without positions, and two or three frequent ones side by side as one. ``title_form`` and its kin: words as
    they are written, for prefixes."""
    builder = tantivy.SchemaBuilder()
    # Signed: tantivy-py 0.27 deletes nothing by the term of an unsigned field.
    builder.add_integer_field("paper", indexed=True, fast=True)
    builder.add_integer_field("newest", fast=True)
    builder.add_integer_field("day", indexed=True)
    for name in ("title", "abstract", "author", "subject"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
    builder.add_text_field("any", tokenizer_name="whitespace", index_option="freq")
    for name in ("title_form", "abstract_form", "author_form", "subject_form"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    for name in ("category", "key", "news"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    return builder.build()


def entry(paper: Paper, summaries: Sequence[Summary]) -> Any:
    """A paper as tantivy takes it. ``newest`` orders by day, then by id."""
    doc = document(paper, summaries)
    analyzed = analyze(doc)
    made = tantivy.Document()
    made.add_integer("paper", paper.id)
    day = doc.day.toordinal() if doc.day else 0
    made.add_integer("newest", (day << 40) + paper.id)
    if day:
        made.add_integer("day", day)
    for name, values in (
        ("title", analyzed.title), ("abstract", analyzed.text), ("author", analyzed.author),
        ("subject", analyzed.subject),
    ):  # fmt: skip
        if values:
            made.add_pre_tokenized_text(name, tantivy.PreTokenizedString("", _tokens(values)))
    streams = map(_stream, (*analyzed.title, *analyzed.text))
    made.add_text("any", " ".join(chain.from_iterable(streams)))
    for name, texts in (
        ("title_form", doc.titles), ("abstract_form", doc.texts), ("author_form", doc.authors),
        ("subject_form", doc.subjects),
    ):  # fmt: skip
        made.add_text(name, " ".join({form for text in texts for form in forms(text)}))
    for name, words in (("category", analyzed.patterns), ("key", doc.keys), ("news", doc.news)):
        for word in words:
            made.add_text(name, word)
    return made


def together(terms: Sequence[str]) -> str:
    """The entry of two or three frequent terms side by side; no term holds an underscore."""
    return "_".join(terms)


def _stream(value: Value) -> list[str]:
    """Every term of a value, and every two or three frequent ones in a row as one."""
    found = list(chain.from_iterable(value))
    # Frequent terms are ASCII, and so is the first term wherever one of them stands.
    rows = [
        (terms if terms[0] in FREQUENT else ()) if len(terms) == 1 else () if terms[0] > "\x7f" else _frequent(terms)
        for terms in value
    ]
    one = [row[0] if row else "" for row in rows]
    found += [f"{a}_{b}" for a, b in pairwise(one) if a and b]
    found += [f"{a}_{b}_{c}" for a, b, c in zip(one, one[1:], one[2:], strict=False) if a and b and c]
    # A few positions have more than one frequent term: `large-scale` is `scale` and `largescale`.
    several = [at for at, row in enumerate(rows) if len(row) > 1]
    for size in (2, 3) if several else ():
        for start in {at - back for at in several for back in range(size)}:
            if 0 <= start <= len(rows) - size:
                first = tuple(one[start : start + size])
                found += ["_".join(some) for some in product(*rows[start : start + size]) if some != first]
    return found


@lru_cache(65536)
def _frequent(terms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(term for term in terms if term in FREQUENT)


def _tokens(values: tuple[Value, ...]) -> list[Any]:
    """All values as one text; a free position between them keeps phrases inside."""
    token = tantivy.Token
    found: list[Any] = []
    start = 0
    for value in values:
        places = chain.from_iterable(map(repeat, count(start), map(len, value)))
        found += map(token, chain.from_iterable(value), places, repeat(0), repeat(0))
        start += len(value) + 1
    return found
