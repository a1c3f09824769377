"""Papers, what is announced of them, and what is said about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a source says about an item. The first four are arXiv's ``announce_type``
    (https://info.arxiv.org/help/rss_specifications.html); KNOWN is an import or a look-up."""

    NEW = "new"
    CROSS = "cross"
    REPLACE = "replace"
    REPLACE_CROSS = "replace-cross"
    KNOWN = "known"


class News(StrEnum):
    """Why a paper was made known to readers."""

    NEW = "new"
    CROSS = "cross"
    UPDATE = "update"
    PUBLISHED = "published"


class Arrival(StrEnum):
    """How an announcement came: in its day's feed, later (a missed day), or with thousands at once."""

    DAILY = "daily"
    LATE = "late"
    BURST = "burst"


CURATED = "curated"
"""The origin of words that somebody corrected by hand, or that a document marks so: only such take their place."""

MODEL = "model"


def is_by_model(origin: str) -> bool:
    """Whether a summary of this origin was made by a model: ``model``, or ``model:`` and its name."""
    return origin == MODEL or origin.startswith(f"{MODEL}:")


@dataclass(frozen=True, slots=True)
class SummaryText:
    """Words about a paper in one language, before they are stored; an empty string is "not given". ``origin``:
    ``document``, ``curated``, or the model that made them."""

    language: str
    headline: str = ""
    title: str = ""
    abstract: str = ""
    origin: str = "document"


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One item of a source's feed or of a document; its text is raw: TeX stays TeX, nothing is escaped.

    ``key``: ``arxiv:2403.17919``, ``arxiv:hep-th/9901001`` or ``acl:2024.bionlp-1.75``, no version.
    ``categories`` is empty where none was given (unknown, never guessed); the first is the primary one.
    """

    key: str
    kind: Kind
    title: str
    abstract: str = ""
    version: int | None = None
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    announced_on: date | None = None
    doi: str = ""
    journal: str = ""
    links: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    summaries: tuple[SummaryText, ...] = ()
    arrival: Arrival = Arrival.DAILY


@dataclass(frozen=True, slots=True)
class Rejected:
    """What a source or document held that could not be used. ``sample``: how it began, as it was."""

    where: str
    why: str
    sample: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Paper:
    """What is kept, one a work. ``keys`` are all its names (arXiv id, Anthology id, ``doi:…``), the first
    one it was known by first; ``first_announced_on`` is None while it is only known."""

    id: int
    keys: tuple[str, ...]
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    first_announced_on: date | None = None
    dated_on: date | None = None
    version: int | None = None
    journal: str = ""
    news: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.keys[0]

    @property
    def primary_category(self) -> str:
        return self.categories[0] if self.categories else ""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A paper made known, kept once; ``id`` grows with arrival and is the batch clock. ``words``: told once more, for
    new words in that language by which more queries find it."""

    id: int
    paper_id: int
    news: News
    announced_on: date
    categories: tuple[str, ...] = ()
    version: int | None = None
    arrival: Arrival = Arrival.DAILY
    words: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """Stored words about a paper, one a (paper, language). ``origin``: ``document``, ``curated`` (put right by a
    person), or `is_by_model`; then ``made_of`` is the mark of the text that it was made of (`orders.mark_of`)."""

    paper_id: int
    language: str
    headline: str = ""
    title: str = ""
    abstract: str = ""
    origin: str = "document"
    made_at: datetime | None = None
    made_of: str = ""
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of a poll or an import. ``read`` is the sum of the others, ``refused`` counted."""

    new: int = 0
    merged: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: tuple[Rejected, ...] = ()

    @property
    def read(self) -> int:
        return self.new + self.merged + self.updated + self.unchanged + len(self.refused)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.new + other.new,
            self.merged + other.merged,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.refused + other.refused,
        )
