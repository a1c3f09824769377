"""What a field of one value was given: dates, kinds of news, ids."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

_DAY = re.compile(r"([12][0-9]{3})(?:-(0?[1-9]|1[0-2])(?:-(0?[1-9]|[12][0-9]|3[01]))?)?")
_NEWS = {
    "new": "new", "cross": "cross", "cross-list": "cross", "crosslist": "cross", "update": "update",
    "updated": "update", "replace": "update", "replaced": "update", "replacement": "update", "published": "published",
}  # fmt: skip


def days(text: str) -> tuple[str, str] | None:
    """``2025``, ``2025-04``, ``2025-04-08`` or two of them around ``..`` (either may be missing) as the first and
    last ISO date, empty for an open end; None for anything else. The first may be after the last."""
    first, dots, last = text.partition("..")
    if not dots:
        last = first
    begin, end = _day(first, at_end=False), _day(last, at_end=True)
    if begin is None or end is None or not (begin or end):
        return None
    return begin, end


def _day(text: str, *, at_end: bool) -> str | None:
    if not text:
        return ""
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    year = int(match[1])
    month = int(match[2] or (12 if at_end else 1))
    last = monthrange(year, month)[1]
    day = int(match[3] or (last if at_end else 1))
    return date(year, month, day).isoformat() if day <= last else None


def news(text: str) -> str | None:
    """The `model.News` that ``text`` names, by what people call it."""
    return _NEWS.get(text.casefold())
