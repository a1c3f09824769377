"""What a chat's votes say of papers to come: a 👍 lifts papers alike, a 👎 lowers them. Pure.

Alike is what has a mark in common: a subscription that brought it, an author, the primary category. Each vote counts
one for each of its paper's marks; a mark's sum says how much it lifts, an author twice as much as the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from bot.model import Paper, Vote
from bot.text import readable

MOST = 3
"""What one mark counts for at most, however many votes."""
MOST_LIFT = 6
"""What all marks of a paper lift it at most, in subscriptions that it would have to match beside."""
_AUTHORS = 12
_WEIGHTS = {"au": 2, "for": 1, "cat": 1}


def marks_of(paper: Paper, queries: Iterable[str] = ()) -> tuple[str, ...]:
    """What of a paper can be liked: ``for:QUERY`` of the subscriptions it satisfies, ``au:name``, ``cat:cs.CL``."""
    authors = dict.fromkeys(author_mark(name) for name in paper.authors[:_AUTHORS])
    category = (f"cat:{paper.primary_category}",) if paper.primary_category else ()
    return (*dict.fromkeys(f"for:{query}" for query in queries), *authors, *category)


def author_mark(name: str) -> str:
    """The mark of an author, however the name's case and spaces are written."""
    return "au:" + " ".join(readable(name).casefold().split())[:80]


class Taste:
    """What one chat likes, by its votes."""

    def __init__(self, votes: Sequence[Vote] = ()) -> None:
        sums = Counter[str]()
        for vote in votes:
            sums.update(dict.fromkeys(vote.marks, vote.value))
        self._counts = {mark: max(-MOST, min(MOST, n)) for mark, n in sums.items() if n}

    def __bool__(self) -> bool:
        return bool(self._counts)

    def reasons(self, marks: Iterable[str]) -> list[tuple[str, int]]:
        """Those of ``marks`` that count, with what each lifts (or, below 0, lowers); the weightiest first."""
        found = [
            (mark, self._counts[mark] * _WEIGHTS.get(mark.partition(":")[0], 1))
            for mark in dict.fromkeys(marks)
            if mark in self._counts
        ]
        return sorted(found, key=lambda one: -abs(one[1]))

    def lift(self, marks: Iterable[str]) -> int:
        """How far a paper with these marks is lifted: between -MOST_LIFT and MOST_LIFT."""
        return max(-MOST_LIFT, min(MOST_LIFT, sum(count for _, count in self.reasons(marks))))


NO_TASTE = Taste()
