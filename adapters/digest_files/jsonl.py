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
        record = json.loads(line.decode().removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise Unusable("is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise Unusable(f"is not JSON: {error.msg} at character {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise Unusable("is not JSON that can be read: a number or a nesting too large") from error
    if not isinstance(record, dict):
        raise Unusable("is not a JSON object")

    entry = Entry(curated=record.get("curated") is True)
    for name, field in _TEXTS:
        if name in record and (field != "english_headline" or not entry.english_headline):
            value = record[name]
            if isinstance(value, str):
                setattr(entry, field, value or cleaning.drop(_SHOWN.get(name, name), "empty"))
            elif value is not None:
                cleaning.drop(_SHOWN.get(name, name), "not a text")
    for name in record.keys() & _LISTS:
        value = record[name]
        match name:
            case "subjects":
                entry.subjects = "，".join(_texts(value))
            case "days":
                entry.dated_on = _first_day(value)
            case "summaries":
                entry.summaries = _given(value)
            case _:
                setattr(entry, name, _texts(value))
    return entry


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


_TEXTS = (
    ("id", "id"), ("link", "link"), ("title", "title"), ("abstract", "abstract"),
    ("translated_title", "translated_title"), ("translated_abstract", "translated_abstract"), ("tldr", "headline"),
    ("en_tldr", "english_headline"), ("en_tdlr", "english_headline"), ("doi", "doi"), ("journal", "journal"),
)  # fmt: skip
"""Keys whose values are texts, and the fields of an Entry that they fill; of two for one field the first that has a
text counts."""
_LISTS = frozenset({"authors", "categories", "links", "subjects", "days", "summaries"})
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
