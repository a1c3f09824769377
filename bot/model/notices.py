"""What an admin should know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    GONE = "gone"
    """A chat that cannot be reached; the detail is why."""
    MOVED = "moved"
    """A group with another id now; the detail is that."""
    SLOWED = "slowed"
    """A chat for which the platform makes the bot wait long; the detail is until when."""
    LEFT_OUT = "left-out"
    """A paper that the platform refused in every form; the subject is its key, the detail what the platform said."""
    FAILED = "failed"
    """A digest of which nothing arrived; the subject is the chat."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What an admin should know: one for each kind and ``subject``, however often (``times``) it happens."""

    kind: NoticeKind
    subject: str
    detail: str = ""
    times: int = 1
    id: int = 0
