"""The one query language: parse, print, explain.

    query   = either                       NOT binds before AND, AND (written or implied) before OR
    either  = both { OR both }
    both    = negated { [ AND | ANDNOT ] negated }
    negated = { NOT | - } one
    one     = word | "phrase" | field: one | ( either )

Operators are upper case. A field binds one word, phrase or group: ``abs:James Webb`` is ``abs:James AND Webb``.
Full-width punctuation and curly quotes count as the ASCII ones. arXiv's own field names and ANDNOT are known
(https://info.arxiv.org/help/api/user-manual.html#query_details).
"""

from __future__ import annotations

from bot.query.messages import MESSAGES, SOMETHING, Said, caret
from bot.query.parser import parse
from bot.query.sentences import propose
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
    categories,
    has_cjk_leaf,
    leaves,
    positive_leaves,
    show,
    to_text,
)

__all__ = [
    "MESSAGES", "MOST_CHARACTERS", "MOST_DEPTH", "MOST_TERMS", "MOST_WORDS", "SOMETHING", "And", "Field", "Leaf", "Not",
    "Or", "Query", "Said", "caret", "categories", "has_cjk_leaf", "leaves", "parse", "positive_leaves", "propose",
    "show", "to_text",
]  # fmt: skip
