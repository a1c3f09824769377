"""What the readers of feeds and listings share: bytes to entries, entries to words and times."""

from __future__ import annotations

import io
import re
from calendar import timegm
from datetime import UTC, datetime
from typing import Any

import feedparser

_CONTROL = bytes(set(range(32)) - set(b"\t\n\r"))
_SUFFIX = re.compile(r"(?:Jr|Sr)\.?|I{2,3}|IV")


def parse(data: bytes) -> Any:
    """As feedparser reads it, the texts as they are. It raises whatever it raises."""
    # A file object: feedparser takes bytes for a file's name first.
    stream = io.BytesIO(data.translate(None, _CONTROL))
    return feedparser.parse(stream, sanitize_html=False, resolve_relative_uris=False)


def line(value: object) -> str:
    """A field as one line; empty for None."""
    return " ".join(str(value or "").split())


def moment(parsed: Any) -> datetime | None:
    """From feedparser's struct_time, which is in UTC."""
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def add_name(names: list[str], name: str) -> None:
    """To the authors so far; a suffix after its comma (``Tarski, Jr.``) belongs to the one before."""
    if names and _SUFFIX.fullmatch(name):
        names[-1] = f"{names[-1]} {name}"
    elif any(char.isalpha() for char in name):
        names.append(name)
