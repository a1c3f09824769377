"""What makes summaries: a model behind a server."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from bot.model import Announcement, Spending, Summary, SummaryJob, Wish
from bot.ports.platforms import Finding


@dataclass(frozen=True, slots=True)
class Request:
    """One question. ``schema``: the JSON schema of the answer; ``most_tokens``: of the answer, whatever the model
    thinks before it included."""

    system: str
    user: str
    schema: Mapping[str, Any]
    most_tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """``tokens_in`` and ``tokens_out`` are None where the server does not tell. ``cut``: it ended at ``most_tokens``;
    ``refusal``: why the model would not answer."""

    text: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    cut: bool = False
    refusal: str = ""


class Summarizer(Protocol):
    """A model that answers in JSON."""

    @property
    def model(self) -> str: ...

    async def ask(self, request: Request) -> Answer:
        """One request, once. Raises TryLater where it was surely not carried out, Uncertain where it may have been,
        Refused where it will never be, NotAllowed where nothing of ours is (the key, the model, the address)."""

    async def examine(self) -> Sequence[Finding]:
        """Ask the server whether it is there and knows key and model, for ``doctor``; costs nothing."""

    async def close(self) -> None: ...


class SummaryBooks(Protocol):
    """The part of a Transaction that keeps what is asked of models, what it costs and what came of it."""

    def wishes(self) -> list[Wish]:
        """What active chats follow, those alike counted together."""

    def wishes_mark(self) -> str:
        """Another one when somebody follows something else or reads another language, and when something was told."""

    def summary_jobs(self, paper_ids: Iterable[int]) -> dict[tuple[int, str], SummaryJob]:
        """Those there are, by (paper, language)."""

    def put_summary_jobs(self, jobs: Sequence[SummaryJob]) -> None:
        """Insert or overwrite; of one that somebody asks for at the moment only how much it is wanted is written."""

    def take_summary_jobs(self, now: datetime, until: datetime, owner: str, limit: int) -> list[SummaryJob]:
        """The most wanted one that may be asked now, full ones before headlines, and where it is asked for the first
        time at most ``limit`` in all of its language and kind. They are ``owner``'s until then; one whose owner did
        not end it in time is taken over, and counts as tried."""

    def record_summary_jobs(self, jobs: Sequence[SummaryJob], owner: str) -> list[SummaryJob]:
        """Keep what became of them; returns those that were still ``owner``'s: the others were left alone."""

    def pass_summary_jobs(self, before: datetime, why: str, now: datetime) -> int:
        """Waiting ones that were wanted before then are given up; returns how many."""

    def awaited(self) -> dict[str, dict[int, datetime | None]]:
        """By language the papers whose full summary is still to be made, with since when."""

    def put_summaries(self, made: Sequence[Summary], later: Collection[tuple[int, str]]) -> None:
        """Store words about papers as they are to stand; of the (paper, language) in ``later`` the first announcement
        is told once more."""

    def late_words(self, after: int, upto: int) -> list[Announcement]:
        """Announcements that were told once more, for words that came later, in order of id."""

    def spend(self, on: date, tokens: int, micros: int, most_tokens: int = 0, most_micros: int = 0) -> bool:
        """Set aside what a request costs at most; False where the day's budget would be passed (0: there is none)."""

    def settle_spending(self, on: date, tokens: int, micros: int, *, requests: int = 0, doubtful: int = 0) -> None:
        """Add the difference between what was set aside and what it was."""

    def spending(self, on: date) -> Spending: ...
    def summary_counts(self) -> Mapping[str, int]:
        """Jobs by ``JobState``, and ``stored``: summaries in a model's words."""
