"""JSON Lines: one paper a line, as published summaries and arXiv metadata come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from adapters.digest_files.fields import Cleaning, Entry, Unusable, item_of
from bot.errors import DocumentError
from bot.model import LANGUAGES, FeedItem, Rejected, SummaryText

MAX_LINE = 1024 * 1024
"""Bytes of one line."""

ORIGINS = ("document", "curated", "model")
"""Who wrote a summary, where a line says it; the first unless told otherwise."""

HOPELESS = 100
"""Lines refused before the first usable one, after which it is some other kind of document."""


def read_lines(data: bytes, file: str, cleaning: Cleaning) -> Iterator[tuple[FeedItem | Rejected, int]]:
    """Each line as an item or as refused with its reason, and the number of bytes read so far.

    Keys: ``id``, ``link``, ``title``, ``abstract``, ``translated_title``, ``translated_abstract``, ``tldr``,
    ``en_tldr`` (or ``en_tdlr``, as most files spell it), ``authors``, ``categories``, ``days``, ``subjects``, ``doi``,
    ``journal``, ``links``, ``curated`` (its words stand in the place of any others), and ``summaries``: objects with
    ``language``, ``headline``, ``title``, ``abstract`` and ``origin``, in place of the five texts. Raises DocumentError
    where none of the first HOPELESS lines is a paper.
    """
    start, number, refused = 0, 0, 0
    usable = False
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        line, start, number = data[start:end], end + 1, number + 1
        if not line.strip():
            continue
        try:
            result: FeedItem | Rejected = item_of(_entry_of(line, cleaning), cleaning)
            usable = True
        except Unusable as error:
            result = Rejected(f"{file}:{number}", str(error))
            refused += 1
            if not usable and refused >= HOPELESS:
                raise DocumentError(
                    f"none of its first {HOPELESS} lines is a paper (this one {error}); "
                    'write one JSON object a line with at least "id" and "title"',
                    file,
                    number,
                ) from error
        yield result, min(start, len(data))


def _entry_of(line: bytes, cleaning: Cleaning) -> Entry:
    if len(line) > MAX_LINE:
        raise Unusable(f"is longer than {MAX_LINE} bytes")
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Unusable("is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise Unusable(f"is not JSON: {error.msg} at character {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise Unusable("is not JSON that can be read: a number or a nesting too large") from error
    if not isinstance(record, dict):
        raise Unusable("is not a JSON object")

    def text(*names: str) -> str:
        for name in names:
            value = record.get(name)
            if isinstance(value, str):
                return value or (cleaning.drop(_SHOWN.get(name, name), "empty"))
            if value is not None:
                cleaning.drop(_SHOWN.get(name, name), "not a text")
        return ""

    return Entry(
        id=text("id"),
        link=text("link"),
        title=text("title"),
        abstract=text("abstract"),
        translated_title=text("translated_title"),
        translated_abstract=text("translated_abstract"),
        headline=text("tldr"),
        english_headline=text("en_tldr", "en_tdlr"),
        authors=_texts(record.get("authors")),
        categories=_texts(record.get("categories")),
        subjects="，".join(_texts(record.get("subjects"))),
        dated_on=_first_day(record.get("days")),
        doi=text("doi"),
        journal=text("journal"),
        links=_texts(record.get("links")),
        curated=record.get("curated") is True,
        summaries=_given(record.get("summaries")),
    )


def _given(value: Any) -> tuple[SummaryText, ...]:
    """At most one a language of ours; what is no text counts as empty."""
    found: dict[str, SummaryText] = {}
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict) and one.get("language") in LANGUAGES:
            texts = (one.get(name) for name in ("headline", "title", "abstract"))
            headline, title, abstract = (text if isinstance(text, str) else "" for text in texts)
            origin = next((origin for origin in ORIGINS if one.get("origin") == origin), ORIGINS[0])
            if headline or title or abstract:
                found.setdefault(one["language"], SummaryText(one["language"], headline, title, abstract, origin))
    return tuple(found.values())


_SHOWN = {
    "translated_title": "translated title",
    "translated_abstract": "translated abstract",
    "tldr": "headline",
    "en_tldr": "English headline",
    "en_tdlr": "English headline",
}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _first_day(value: Any) -> date | None:
    days = []
    for text in _texts(value):
        try:
            days.append(date.fromisoformat(text))
        except ValueError:
            continue
    return min(days, default=None)
