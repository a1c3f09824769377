"""What a request may cost and what it did. Pure: the budget holds because the most is set aside before it is sent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from bot.ports import Answer, Request

MILLION = 1_000_000
PAUSED = "summaries.paused"
"""The setting that says until when nothing is asked, and why: an ISO time, a space, words."""
_FRAME = 200
"""Tokens that a server puts around the messages at most: roles, beginnings and ends."""


@dataclass(frozen=True, slots=True)
class Cost:
    """``micros``: millionths of the unit that the prices are in."""

    tokens: int = 0
    micros: int = 0

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.tokens - other.tokens, self.micros - other.micros)


@dataclass(frozen=True, slots=True)
class Budget:
    """A day's, of UTC. Tokens and ``money`` are 0 for no limit; ``price_in`` and ``price_out`` are for a million tokens
    read and written."""

    tokens: int = 0
    money: float = 0.0
    price_in: float = 0.0
    price_out: float = 0.0

    @property
    def micros(self) -> int:
        return round(self.money * MILLION)

    def cost(self, tokens_in: int, tokens_out: int) -> Cost:
        """Rounded up: many small requests must not be free."""
        micros = math.ceil(tokens_in * self.price_in + tokens_out * self.price_out)
        return Cost(tokens_in + tokens_out, micros)

    def most(self, request: Request) -> Cost:
        """What the request can cost at most: a token of text is at least one byte of it."""
        read = len(f"{request.system}{request.user}{dict(request.schema)}".encode()) + _FRAME
        return self.cost(read, request.most_tokens)

    def told(self, answer: Answer, most: Cost) -> Cost | None:
        """What an answer cost; None where the server does not say, and the most must be taken for it."""
        if answer.tokens_in is None or answer.tokens_out is None:
            return None
        return self.cost(answer.tokens_in, answer.tokens_out)

    def can_ever_hold(self, cost: Cost) -> bool:
        return not (self.tokens and cost.tokens > self.tokens) and not (self.micros and cost.micros > self.micros)


def day_of_spending(now: datetime) -> date:
    return now.astimezone(UTC).date()


def next_day(now: datetime) -> datetime:
    """When the next day's budget begins."""
    return datetime.combine(day_of_spending(now) + timedelta(days=1), time(), UTC)
