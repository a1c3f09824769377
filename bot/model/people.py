"""What is kept of people: changes by admins, and what is left of somebody who was erased."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Deed(StrEnum):
    """What an admin of the instance, or of a group or channel, can have done."""

    TOPIC = "topic"
    INVITE = "invite"
    ADMIT = "admit"
    """A chat was opened with an invitation."""
    UNMERGE = "unmerge"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    LANGUAGE = "language"
    TIME = "time"
    NEWS = "news"
    PLACE = "place"
    """Where in a forum its digests come."""
    SUMMARY = "summary"
    ACCESS = "access"
    HERE = "here"
    """Where a chat's digests go."""
    BAN = "ban"
    ANNOUNCE = "announce"
    SETTING = "setting"
    """Another setting of a chat: what is before its first colon says which."""
    MUTE = "mute"
    PAUSE = "pause"
    STOP = "stop"
    FORGET = "forget"
    EXPIRE = "expire"
    """A chat was erased because it could not be reached for too long."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What somebody (``telegram:123``) said of a paper in a chat: 1 or -1, 0 to take it back. ``marks``: what the paper
    had to like or dislike, see ``bot.tastes``."""

    who: str
    chat_id: int
    paper_id: int
    value: int
    marks: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the audit log. ``who`` is ``telegram:123``, empty for a post without a sender; ``chat`` an address,
    empty for what belongs to the instance. Both are pseudonyms once they were erased."""

    at: datetime
    who: str
    chat: str
    what: Deed
    before: str = ""
    after: str = ""
