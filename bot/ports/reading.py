"""What the store keeps of what people do with papers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from bot.model import Vote

MOST_VOTES = 200
"""Votes of a chat that count; older ones give way."""


class Reading(Protocol):
    """The part of a Transaction that knows saved papers and votes; ``who`` is ``telegram:123``."""

    def save(self, who: str, paper_id: int, now: datetime) -> None:
        """Keep the paper for ``telegram:123``; the day it was kept first stays."""

    def unsave(self, who: str, paper_id: int) -> bool: ...
    def saved(self, who: str, limit: int, offset: int = 0) -> list[int]:
        """Papers that somebody keeps, the latest first; those that became one with others may come twice."""

    def count_saved(self, who: str) -> int: ...
    def has_saved(self, who: str, paper_id: int) -> bool: ...
    def vote(self, vote: Vote) -> None:
        """Put it in the place of what that person said of the paper in this chat; 0 takes it back. Of a chat's votes
        the last 200 are kept."""

    def votes(self, chat_ids: Iterable[int]) -> dict[int, list[Vote]]:
        """By chat; chats without one are left out."""

    def vote_of(self, who: str, chat_id: int, paper_id: int) -> int:
        """1, -1, or 0 for none."""
