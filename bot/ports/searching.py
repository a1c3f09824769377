"""What is found in what lasts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from bot.query import Query


@dataclass(frozen=True, slots=True)
class Hit:
    paper_id: int
    score: float


class SearchIndex(Protocol):
    """Full-text search over everything stored; derived data that follows the store's changes."""

    def follow(self, patience: float | None = None) -> int:
        """Take in the store's changes since the last call; returns how many papers were taken in.

        ``patience``: seconds after which the rest is left for the next call; None takes in everything.
        """

    def search(
        self,
        query: Query,
        limit: int = 10,
        offset: int = 0,
        newest: bool = False,
        among: Collection[int] | None = None,
    ) -> tuple[list[Hit], int]:
        """Hits, best first (or newest first), and the number of all matches. ``among``: ids of the only papers asked.

        Raises QueryError for a ``prefix*`` that stands for too many words.
        """

    def meant(self, query: Query) -> Query | None:
        """The query with a stored word for each word that nothing stored has; None where nothing is near."""

    def followed(self) -> int:
        """The number of the last change of the store that is in it: see ``Transaction.revision``."""

    def lag(self) -> int:
        """How many changes of the store are not in it yet; counted up to 1,000."""

    def similar(self, paper_id: int, limit: int = 10) -> list[Hit]:
        """The papers most like a stored one, best first."""

    def close(self) -> None: ...
