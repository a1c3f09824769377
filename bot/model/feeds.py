"""What is known of a polled category, and what a poll gave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from bot.model.papers import FeedItem, Rejected


class FeedState(StrEnum):
    """Of one polled category. UNKNOWN: never polled."""

    UNKNOWN = "unknown"
    FRESH = "fresh"
    QUIET = "quiet"
    WAITING = "waiting"
    STALE = "stale"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Feed:
    """What is known of one polled category. ``batch_on`` is the feed's own date when last read;
    ``since_at`` is when the present state began; ``fresh_at`` when unseen items last came."""

    category: str
    state: FeedState = FeedState.UNKNOWN
    since_at: datetime | None = None
    checked_at: datetime | None = None
    fresh_at: datetime | None = None
    batch_on: date | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Validators:
    """For conditional requests (RFC 9110, section 13): empty where the server sent none."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source gave: ``unchanged`` for a 304, else the feed's items and its own date.

    ``validators`` must be kept only after the items are stored.
    """

    url: str
    unchanged: bool = False
    items: tuple[FeedItem, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    batch_on: date | None = None
    validators: Validators = Validators()
