"""Summaries that are wanted of a model: what is asked, how far it is, what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class JobKind(StrEnum):
    """FULL: a headline, and in another language than the paper's the title and the abstract. HEADLINE: that alone, so
    that words of another language find the paper at all."""

    FULL = "full"
    HEADLINE = "headline"


class JobState(StrEnum):
    """WAITING for its turn; ASKED: a process asks for it; MADE: stored; REFUSED: what came could not be used, or the
    server takes no such request; PASSED: nobody got to it while it was news."""

    WAITING = "waiting"
    ASKED = "asked"
    MADE = "made"
    REFUSED = "refused"
    PASSED = "passed"

    @property
    def open(self) -> bool:
        return self in (JobState.WAITING, JobState.ASKED)


@dataclass(frozen=True, slots=True)
class SummaryJob:
    """A paper's summary in one language. ``wanted``: how many chats will see it; ``made_of``: the mark of the text it
    is made of (`orders.mark_of`); ``refusals``: answers that could not be used, ``tries``: requests of which nobody
    knows whether they were answered; ``why``: the reason of the last of either. An ASKED one is its ``owner``'s until
    ``until_at``; a WAITING one is not asked before ``due_at``."""

    paper_id: int
    language: str
    kind: JobKind = JobKind.FULL
    state: JobState = JobState.WAITING
    wanted: int = 0
    refusals: int = 0
    tries: int = 0
    why: str = ""
    made_of: str = ""
    owner: str = ""
    until_at: datetime | None = None
    due_at: datetime | None = None
    wanted_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def key(self) -> tuple[int, str]:
        return self.paper_id, self.language


@dataclass(frozen=True, slots=True)
class Spending:
    """What a day's requests cost at most: those under way and those in doubt count with all they may have cost.
    ``micros``: millionths of the unit that the prices are in; ``doubtful``: requests whose usage nobody told."""

    on: date
    tokens: int = 0
    micros: int = 0
    requests: int = 0
    doubtful: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """What some chats follow: a topic's slug or a query, one of them empty. ``wants``: the news (`News`) that these
    chats ask for; ``chats``: how many they are."""

    topic: str
    query: str
    language: str
    wants: frozenset[str]
    chats: int
