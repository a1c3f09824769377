"""What votes do to the order of papers."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.model import Paper, Vote
from bot.tastes import MOST, MOST_LIFT, Taste, marks_of

NOW = datetime(2025, 4, 8, tzinfo=UTC)
MARKS = st.lists(st.sampled_from(["for:LoRA", "for:rag", "au:ada", "au:bo", "cat:cs.CL", "cat:cs.DS"]), max_size=6)


def vote(value: int, *marks: str, who: str = "telegram:1", paper: int = 1) -> Vote:
    return Vote(who, 1, paper, value, marks, NOW)


def test_a_paper_is_marked_by_subscriptions_authors_and_its_first_category() -> None:
    paper = Paper(
        1, ("arxiv:2504.00001",), "T", authors=("Ada  Lovelace", r"Paul Erd\H{o}s"), categories=("cs.CL", "cs.LG")
    )
    assert marks_of(paper, ["LoRA"]) == ("for:LoRA", "au:ada lovelace", "au:paul erdős", "cat:cs.CL")


def test_an_author_counts_twice_and_opposite_votes_cancel_out() -> None:
    liked = Taste([vote(1, "au:ada", "cat:cs.CL"), vote(-1, "cat:cs.CL", who="telegram:2")])
    assert liked.lift(["au:ada", "cat:cs.CL"]) == 2 and liked.reasons(["cat:cs.CL", "au:ada"]) == [("au:ada", 2)]
    assert not Taste([]) and not Taste([vote(1, "au:ada"), vote(-1, "au:ada", who="telegram:2")])


@given(st.lists(st.tuples(st.sampled_from([-1, 1]), MARKS), max_size=30), MARKS)
def test_a_lift_is_bounded_explained_and_turns_round_with_the_votes(
    votes: list[tuple[int, list[str]]], marks: list[str]
) -> None:
    taste = Taste([vote(value, *its) for value, its in votes])
    opposite = Taste([vote(-value, *its) for value, its in votes])
    lift = taste.lift(marks)
    assert -MOST_LIFT <= lift <= MOST_LIFT and opposite.lift(marks) == -lift
    told = taste.reasons(marks)
    assert all(0 < abs(count) <= 2 * MOST for _, count in told)
    assert lift == max(-MOST_LIFT, min(MOST_LIFT, sum(count for _, count in told)))
