"""The one query language: parse, print, explain.

    query   = either                       NOT binds before AND, AND (written or implied) before OR
    either  = both { OR both }
    both    = negated { [ AND | ANDNOT ] negated }
    negated = { NOT | - } one
    one     = word | word* | "phrase" | field: one | ( either )

Operators are upper case. A field binds one word, phrase or group: ``abs:James Webb`` is ``abs:James AND Webb``.
Full-width punctuation and curly quotes count as the ASCII ones. arXiv's own field names and ANDNOT are known
(https://info.arxiv.org/help/api/user-manual.html#query_details). Beside title: abstract: author: category: there are
``subject:對齊`` (what documents say that a paper is about),
``date:2025-04..2025-05``, ``is:cross``, ``id:2403.17919`` and ``topic:peft``.

There is no NEAR: in 1,501 filters that people really keep nobody asked for it, quotes and AND on either side of it
answer nearly the same, and an engine's "slop" counts moves of words, not their distance, so that the matcher and the
index could not agree.
"""

from __future__ import annotations

from bot.query.messages import MESSAGES, SOMETHING, TOO_BROAD, Said, caret
from bot.query.parser import parse
from bot.query.sentences import propose
from bot.query.topics import MOST_WRITTEN_OUT, Lookup, inlined, topics_in, unfolded
from bot.query.tree import (
    MOST_CHARACTERS,
    MOST_DEPTH,
    MOST_TERMS,
    MOST_WORDS,
    And,
    Field,
    Leaf,
    Not,
    Or,
    Query,
    leaves,
    positive_leaves,
    to_text,
)

__all__ = [
    "MESSAGES", "MOST_CHARACTERS", "MOST_DEPTH", "MOST_TERMS", "MOST_WORDS",
    "MOST_WRITTEN_OUT", "SOMETHING", "TOO_BROAD", "And", "Field", "Leaf", "Lookup", "Not",
    "Or", "Query", "Said", "caret", "inlined", "leaves", "parse", "positive_leaves",
    "propose", "to_text", "topics_in", "unfolded",
]  # fmt: skip
