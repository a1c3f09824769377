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
    ``since_at`` is when the present state began; ``fresh_at`` when unseen items last came. Days up to ``upto_on``
    were taken in, bore nothing, or are kept as gaps; None before the first batch."""

    category: str
    state: FeedState = FeedState.UNKNOWN
    since_at: datetime | None = None
    checked_at: datetime | None = None
    fresh_at: datetime | None = None
    batch_on: date | None = None
    why: str = ""
    upto_on: date | None = None


class GapState(StrEnum):
    """Of a missed day. EMPTY: arXiv announced nothing there; GIVEN_UP: nobody could say."""

    OPEN = "open"
    FILLED = "filled"
    EMPTY = "empty"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class Gap:
    """A day of one category (``on``, the feed's date) that was never taken in.

    ``via`` is the archive that is being asked, or was last, and ``token`` how it goes on there; ``found`` counts the
    announcements that came of it; ``due_at`` is when it is tried (again); ``why`` says how it came about or what
    went wrong last.
    """

    category: str
    on: date
    state: GapState = GapState.OPEN
    tries: int = 0
    due_at: datetime | None = None
    via: str = ""
    token: str = ""
    found: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A paper as an archive shows it: ``item`` is KNOWN, without a day, where the archive does not say how and when
    it was announced; then ``submitted_at`` is when its first version came in and ``revised_at`` when its last."""

    item: FeedItem
    submitted_at: datetime | None = None
    revised_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of an archive. ``token`` leads to the next one and is empty on the last; ``on`` is the one day that it
    is of, where it says so."""

    sightings: tuple[Sighting, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    token: str = ""
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """What a source sent that could not be used: where it stood, why, how it began, how often and when."""

    source: str
    where: str
    why: str
    sample: str
    times: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Validators:
    """For conditional requests (RFC 9110, section 13): empty where the server sent none."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source gave: ``unchanged`` for a 304, else the feed's items and its own date.

    ``validators`` must be kept only after the items are stored. ``cut``: the source leaves out what is beyond its
    limit, and did; ``near``: it is about to.
    """

    url: str
    unchanged: bool = False
    items: tuple[FeedItem, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    batch_on: date | None = None
    validators: Validators = Validators()
    cut: bool = False
    near: bool = False
