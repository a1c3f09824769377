"""What can be wrong with a query, in words that can be translated."""

from __future__ import annotations

import unicodedata

from bot.errors import QueryError

EMPTY = "The query is empty: write a word, a “phrase in quotes” or a field such as author:Hinton."
TOO_LONG = "The query has {n} characters; at most {limit} are possible."
TOO_MANY = "The query has more than {limit} words and phrases."
TOO_DEEP = "The query is nested more than {limit} levels deep."
OPEN_QUOTE = 'This quote is never closed: add a " at its end.'
OPEN_PARENTHESIS = "This parenthesis is never closed: add a ) where it should end."
STRAY_PARENTHESIS = "This ) closes nothing: remove it, or add the ( where it should begin."
NOTHING_AFTER = "Something to search for must follow {operator}."
NOTHING_BEFORE = "Something to search for must stand before {operator}; in “quotes” it is an ordinary word."
EMPTY_GROUP = "There is nothing between these parentheses."
EMPTY_FIELD = "Something to search for must follow {field} directly."
UNKNOWN_FIELD = (
    "There is no field {field}: use title:, abstract:, author:, subject:, category:, date:, is:, id:, topic: or put "
    "the text in “quotes”."
)
NOT_SEARCHABLE = "There is nothing to search for in {word}: it has neither letters nor digits."
BAD_CATEGORY = "{word} is not a category: write one like cat:cs.CL, or cat:cs.* for a whole archive."
LINK = "This is a link, not a query: send it alone, or search for words."
STAR = "A star stands at the end of a word, after two letters or more: quant*."
BAD_DATE = "{word} is no date: write date:2025-04, date:2025-04-08 or date:2025-04..2025-05."
DATES_SWAPPED = "{word} ends before it begins: write the earlier date first."
BAD_NEWS = "{word} is unknown after is: use is:new, is:cross, is:update or is:published."
BAD_ID = "{word} names no paper: write id:2403.17919 or id:hep-th/9901001."
UNKNOWN_TOPIC = "There is no topic {word}: /topics shows those there are."
CIRCLE = "Topic {word} would contain itself: a topic may stand inside another, not in a circle."
TOO_WIDE = "With its topics written out, the query has more than {limit} words and phrases."
TOO_BROAD = "More than {limit} different words begin with {word}: write one letter more."
ONLY_NEGATIVE = "The query says only what to leave out: add what to look for."
SENTENCE = "This looks like a sentence; every one of its words would have to occur. Try: {proposal}"

MESSAGES = (
    EMPTY, TOO_LONG, TOO_MANY, TOO_DEEP, OPEN_QUOTE, OPEN_PARENTHESIS, STRAY_PARENTHESIS, NOTHING_AFTER, NOTHING_BEFORE,
    EMPTY_GROUP, EMPTY_FIELD, UNKNOWN_FIELD, NOT_SEARCHABLE, BAD_CATEGORY, LINK, STAR, BAD_DATE,
    DATES_SWAPPED, BAD_NEWS, BAD_ID, UNKNOWN_TOPIC, CIRCLE, TOO_WIDE, TOO_BROAD, ONLY_NEGATIVE, SENTENCE,
)  # fmt: skip
"""Every message that a QueryError can have, before its placeholders are filled."""

SOMETHING = "a word, a “phrase” or ("
"""``QueryError.expected`` is this, or literal characters such as ``)``."""


class Said(str):
    """A message as text, with what it takes to say it in another language: ``words.say(m.template, **m.values)``."""

    template: str
    values: dict[str, str | int]

    def __new__(cls, template: str, **values: str | int) -> Said:
        said = super().__new__(cls, template.format(**values))
        said.template, said.values = template, values
        return said


def caret(error: QueryError, width: int = 60) -> str:
    """Two lines for a fixed-width font: the query (about ``width`` columns of it) and a ^ under the place."""
    query = error.query
    place = max(0, min(error.place, len(query)))
    start = max(0, place - width * 2 // 3) if len(query) > width else 0
    end = start + width
    shown = "".join(c if c.isprintable() else " " for c in query[start:end])
    before = ("…" if start else "") + shown[: place - start]
    return f"{'…' if start else ''}{shown}{'…' if end < len(query) else ''}\n{' ' * sum(map(_columns, before))}^"


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
