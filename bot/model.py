"""The words of this house: frozen values, no behaviour that needs the outside world.

Names end in ``_at`` for a datetime in UTC (always aware) and in ``_on`` for a date.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from enum import StrEnum
from typing import Self

LANGUAGES = ("en", "zh-Hans", "zh-Hant")
"""Languages the bot speaks (BCP 47)."""


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


@dataclass(frozen=True, slots=True)
class SummaryText:
    """Words about a paper in one language, before they are stored; an empty string is "not given"."""

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


@dataclass(frozen=True, slots=True)
class Rejected:
    """What a source or document held that could not be used."""

    where: str
    why: str


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
    """A paper made known, kept once; ``id`` grows with arrival and is the batch clock."""

    id: int
    paper_id: int
    news: News
    announced_on: date
    categories: tuple[str, ...] = ()
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Stored words about a paper, one a (paper, language)."""

    paper_id: int
    language: str
    headline: str = ""
    title: str = ""
    abstract: str = ""
    origin: str = "document"
    made_at: datetime | None = None


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
class Topic:
    """A named query that admins keep. ``names`` by language, English always there."""

    slug: str
    names: tuple[tuple[str, str], ...]
    query: str

    def name(self, language: str) -> str:
        names = dict(self.names)
        return names.get(language) or names.get("en") or self.slug


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A place on a platform. ``thread`` is a Telegram forum topic; a Discord thread is a ``chat`` of its own.

    Written ``telegram:-100123`` or ``telegram:-100123/45``.
    """

    platform: str
    chat: str
    thread: str = ""

    def __str__(self) -> str:
        return f"{self.platform}:{self.chat}" + (f"/{self.thread}" if self.thread else "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError where there is no platform or no chat."""
        platform, colon, rest = text.partition(":")
        chat, _, thread = rest.partition("/")
        if not (platform and colon and chat):
            raise ValueError(f"not an address: {text!r}; write platform:chat or platform:chat/thread")
        return cls(platform, chat, thread)


class Place(StrEnum):
    """What kind of chat it is; decides who may change it and which limits hold."""

    PRIVATE = "private"
    GROUP = "group"
    CHANNEL = "channel"


class ChatState(StrEnum):
    ACTIVE = "active"
    STOPPED = "stopped"
    UNREACHABLE = "unreachable"


class EmptyDay(StrEnum):
    """What a chat wants on a day without a match."""

    SAY = "say"
    SILENT = "silent"


class Layout(StrEnum):
    BRIEF = "brief"
    PLAIN = "plain"


WANTED = frozenset({News.NEW, News.CROSS})
"""The news a chat gets unless it asks for other."""


@dataclass(frozen=True, slots=True)
class Chat:
    """One place that gets digests.

    ``seen`` is the last Announcement.id it was offered; ``days`` are ISO weekdays (1 is Monday);
    ``size`` is how many papers a digest pushes at most; ``time`` is local to ``timezone`` (an IANA name).
    """

    id: int
    address: Address
    place: Place = Place.PRIVATE
    title: str = ""
    language: str = "en"
    timezone: str = "UTC"
    time: time = time(8, 0)
    days: frozenset[int] = frozenset(range(1, 8))
    layout: Layout = Layout.BRIEF
    size: int = 20
    wants: frozenset[News] = WANTED
    empty_day: EmptyDay = EmptyDay.SAY
    seen: int = 0
    due_at: datetime | None = None
    state: ChatState = ChatState.ACTIVE
    why: str = ""
    admitted: bool = True


@dataclass(frozen=True, slots=True)
class Subscription:
    """A chat follows a topic (``topic`` is its slug) or a query of its own (``query``), exactly one of them."""

    id: int
    chat_id: int
    query: str = ""
    topic: str = ""
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """One paper of a digest: the announcement it came by and the labels of the subscriptions it satisfied."""

    paper_id: int
    news: News
    labels: tuple[str, ...]


class DigestKind(StrEnum):
    PAPERS = "papers"
    NOTHING = "nothing"
    """A day without a match, all feeds fresh or quiet."""
    NOT_IN_YET = "not-in-yet"
    """arXiv had not been heard of at the configured hour."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What one chat gets on one day: every match in reading order, the first ``pushed`` of them sent. ``on``: the day
    the newest was announced, the chat's own day where there are none; ``upto``: the last Announcement.id looked at;
    ``labels``: what matched, or all where nothing did; ``quiet``: arXiv announced nothing; ``id``: 0 until kept."""

    kind: DigestKind
    on: date
    matches: tuple[Match, ...] = ()
    pushed: int = 0
    labels: tuple[str, ...] = ()
    upto: int = 0
    quiet: bool = False
    id: int = field(default=0, compare=False)


class DeliveryState(StrEnum):
    PLANNED = "planned"
    SENDING = "sending"
    POSTPONED = "postponed"
    UNCERTAIN = "uncertain"
    SENT = "sent"
    UNREACHABLE = "unreachable"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        return self in (self.PLANNED, self.SENDING, self.POSTPONED, self.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a delivery. ``payload`` is what the platform is sent, byte for byte, also on a retry;
    ``message_id`` is empty until it arrived; ``tried`` is set before the first attempt leaves."""

    number: int
    papers: tuple[int, ...]
    nonce: str
    payload: bytes
    message_id: str = ""
    tried: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """A digest on its way to a chat."""

    id: int
    chat_id: int
    address: Address
    digest: Digest
    language: str
    layout: Layout
    state: DeliveryState = DeliveryState.PLANNED
    parts: tuple[Part, ...] = ()
    attempts: int = 0
    due_at: datetime | None = None
    lease_owner: str = ""
    lease_until: datetime | None = None
    made_at: datetime | None = None
    why: str = ""

    @property
    def sent_parts(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.message_id)

    @property
    def current_part(self) -> Part | None:
        """The promised part that has not arrived."""
        return next((part for part in self.parts if not part.message_id), None)

    def with_part(self, part: Part) -> Delivery:
        """The same delivery with ``part`` added, or put in the place of its number."""
        others = tuple(p for p in self.parts if p.number != part.number)
        return replace(self, parts=tuple(sorted((*others, part), key=lambda p: p.number)))


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
