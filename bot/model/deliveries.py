"""Digests and their way to a chat."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from bot.model.chats import Address, Layout
from bot.model.papers import News


@dataclass(frozen=True, slots=True)
class Match:
    """One paper of a digest: the announcement it came by and the labels of the subscriptions it satisfied. ``since``:
    where it was not pushed and comes with a later digest, the day (UTC) it was first offered; None for all others.
    ``late_on``: the day it was announced on, where that was missed and the paper found later."""

    paper_id: int
    news: News
    labels: tuple[str, ...]
    since: date | None = None
    late_on: date | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A subscription of a digest: what the reader called it then, its topic or text in any language, its query."""

    label: str
    name: str
    query: str


class DigestKind(StrEnum):
    PAPERS = "papers"
    NOTHING = "nothing"
    """A day without a match, all feeds fresh or quiet."""
    NOT_IN_YET = "not-in-yet"
    """arXiv had not been heard of at the configured hour."""
    BULLETIN = "bulletin"
    """What an admin announces to all chats: no digest, but it goes the same way."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What one chat gets on one day: every match in reading order, the first ``pushed`` of them sent. ``on``: the day
    the newest was announced, the chat's own day where there are none; ``upto``: the last Announcement.id looked at;
    ``labels``: what matched, or all where nothing did; ``quiet``: arXiv announced nothing; ``id``: 0 until kept.
    ``since_on``: the first of the announced days that it tells of, where they are several.
    The last ``carried`` matches are left from earlier digests; ``asked`` is empty where nothing is left for later ones.
    Of a BULLETIN ``text`` is what it says and ``upto`` its number.
    """

    kind: DigestKind
    on: date
    matches: tuple[Match, ...] = ()
    pushed: int = 0
    labels: tuple[str, ...] = ()
    upto: int = 0
    quiet: bool = False
    id: int = field(default=0, compare=False)
    carried: int = 0
    asked: tuple[Asked, ...] = ()
    text: str = ""
    since_on: date | None = None

    @property
    def left(self) -> int:
        """How many papers wait for the next digests."""
        return sum(match.since is not None for match in self.matches[self.pushed :])


@dataclass(frozen=True, slots=True)
class Rest:
    """What a digest left for the next ones: see Digest, whose ``id``, ``on`` and ``upto`` these are."""

    id: int
    matches: tuple[Match, ...] = ()
    asked: tuple[Asked, ...] = ()
    on: date = date.min
    upto: int = 0


class DeliveryState(StrEnum):
    """Which may follow which: ``bot.delivery.MOVES``."""

    PLANNED = "planned"
    LEASED = "leased"
    SENDING = "sending"
    POSTPONED = "postponed"
    UNCERTAIN = "uncertain"
    SENT = "sent"
    UNREACHABLE = "unreachable"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        return self in (self.PLANNED, self.LEASED, self.SENDING, self.POSTPONED, self.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a delivery. ``payload`` is what the platform is sent, byte for byte, also on a retry;
    ``message_id`` is empty until it arrived. ``doubts`` are the attempts that may have arrived, counted before each
    leaves; ``tried_at`` is when the first of them did."""

    number: int
    papers: tuple[int, ...]
    nonce: str
    payload: bytes
    message_id: str = ""
    doubts: int = 0
    tried_at: datetime | None = None


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
    joined: bool = False
    """Its papers went into a later digest, for the chat had been away for long."""
    accepts: tuple[str, ...] = ()
    """As the chat's when it was planned."""
    quiet: bool = False
    """Without a sound."""

    @property
    def sent_parts(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.message_id)

    @property
    def current_part(self) -> Part | None:
        """The promised part that has not arrived."""
        return next((part for part in self.parts if not part.message_id), None)

    def parts_with(self, part: Part) -> tuple[Part, ...]:
        """Its parts with ``part`` added, or put in the place of its number."""
        others = [p for p in self.parts if p.number != part.number]
        return tuple(sorted((*others, part), key=lambda p: p.number))

    def with_part(self, part: Part) -> Delivery:
        """The same delivery with ``parts_with`` it."""
        return replace(self, parts=self.parts_with(part))
