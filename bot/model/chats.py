"""Chats, where they are, what they want and follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Self

from bot.model.papers import News

LANGUAGES = ("en", "zh-Hans", "zh-Hant")
"""Languages that the bot's own words have a catalogue of (BCP 47), and what an instance offers unless it is told."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A named query that admins keep. ``names`` by language. ``proposed``: made of a subject, and nobody has looked at
    it yet."""

    slug: str
    names: tuple[tuple[str, str], ...]
    query: str
    proposed: bool = False

    def name(self, language: str) -> str:
        names = dict(self.names)
        return names.get(language) or names.get("en") or next(filter(None, names.values()), self.slug)


POSTS = "posts"
"""The ``thread`` of a forum channel as a place: whatever is sent there begins a post of its own."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A place on a platform. ``thread`` is a Telegram forum topic, or POSTS for a Discord forum channel; a Discord
    thread is a ``chat`` of its own.

    Written ``telegram:-100123`` or ``telegram:-100123/45``.
    """

    platform: str
    chat: str
    thread: str = ""

    @property
    def posts(self) -> bool:
        """Whether what is sent there begins a post."""
        return self.thread == POSTS

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


class Cause(StrEnum):
    """Why a chat cannot be reached: how the reason that is stored begins."""

    BLOCKED = "the bot was blocked"
    REMOVED = "the bot was removed"
    NO_CHAT = "the chat does not exist"
    DEACTIVATED = "the chat or the account was deleted"
    DELETED = "the channel or thread does not exist any more"
    UNSEEN = "the bot cannot see the channel"
    NO_RIGHT = "the bot has no right to write"
    NO_TOPIC = "the topic does not exist any more"
    CLOSED = "the topic is closed"
    ARCHIVED = "the thread is archived"
    LOCKED = "the thread is locked"
    RESTRICTED = "the chat is restricted"
    OTHER = "the chat cannot be reached"

    @classmethod
    def of(cls, why: str) -> Cause:
        return next((cause for cause in cls if why.startswith(cause.value)), cls.OTHER)


class EmptyDay(StrEnum):
    """What a chat wants on a day without a match."""

    SAY = "say"
    SILENT = "silent"


class Layout(StrEnum):
    """How the papers of a digest look."""

    BRIEF = "brief"
    """Number, title, headline."""
    FULL = "full"
    """With abstracts, folded."""
    BILINGUAL = "bilingual"
    """Titles and headlines in the chat's language and in the paper's own."""
    PLAIN = "plain"
    """Number, title, address; also what a platform gets that refused another."""


WANTED = frozenset({News.NEW, News.CROSS})
"""The news a chat gets unless it asks for other."""


@dataclass(frozen=True, slots=True)
class Chat:
    """One place that gets digests.

    ``seen`` is the last Announcement.id it was offered; ``days`` are ISO weekdays (1 is Monday);
    ``size`` is how many papers a digest pushes at most; ``time`` is local to ``timezone`` (an IANA name). ``rest``: the
    id of its last digest, where that left papers for the next ones, else 0. Of what is found late, days before
    ``since_on`` are not offered; None: any day is. ``away_at`` is since when it cannot be reached, kept until a digest
    arrives again; ``try_at`` is when that is tried next, or, of an active chat, when the present try began. ``accepts``
    are languages that its readers take, in this order, where a paper has no words in ``language``. ``as_announced``: a
    digest comes whenever arXiv announced, whatever ``time`` and ``days`` are; ``quiet``: without a sound.
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
    rest: int = 0
    due_at: datetime | None = None
    state: ChatState = ChatState.ACTIVE
    why: str = ""
    admitted: bool = True
    since_on: date | None = None
    away_at: datetime | None = None
    try_at: datetime | None = None
    accepts: tuple[str, ...] = ()
    banned: bool = False
    open_to_all: bool = False
    target: Address | None = None
    as_announced: bool = False
    quiet: bool = False

    @property
    def weekly(self) -> bool:
        """Whether one digest brings a whole week: it comes on one weekday, with all that was announced since."""
        return len(self.days) == 1 and not self.as_announced


class Standing(StrEnum):
    """What a subscription does at present."""

    FOLLOWED = "followed"
    PAUSED = "paused"
    """Kept, and asked nothing."""
    MUTED = "muted"
    """Keeps away what it finds, whatever else finds it."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A chat follows a topic (``topic`` is its slug) or a query of its own (``query``), exactly one of them; or keeps
    it away, see ``Standing``."""

    id: int
    chat_id: int
    query: str = ""
    topic: str = ""
    made_at: datetime | None = None
    standing: Standing = Standing.FOLLOWED
