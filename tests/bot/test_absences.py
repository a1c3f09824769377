"""Chats out of reach: when they are tried, what they get when they are back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import absences
from bot.model import (
    Address,
    Cause,
    Chat,
    ChatState,
    Delivery,
    DeliveryState,
    Digest,
    DigestKind,
    Layout,
    Match,
    News,
    Part,
)

NOW = datetime(2025, 4, 8, 8, tzinfo=UTC)
DAY = timedelta(days=1)
HERE = Chat(1, Address("telegram", "5"))


@pytest.mark.parametrize(
    ("days", "next_in"), [(0, 1), (0.5, 1), (1, 7), (3, 7), (7, 30), (29.9, 30), (30, None), (400, None)]
)
def test_a_chat_is_tried_after_a_day_a_week_and_a_month(days: float, next_in: float | None) -> None:
    expected = None if next_in is None else NOW + next_in * DAY
    assert absences.next_try(NOW, NOW + days * DAY) == expected


def test_a_try_that_fails_is_the_same_absence_and_one_long_after_a_return_is_another() -> None:
    away = absences.paused(HERE, "the bot was blocked", NOW)
    assert (away.state, away.away_at, away.try_at) == (ChatState.UNREACHABLE, NOW, NOW + DAY)
    tried = replace(away, state=ChatState.ACTIVE, try_at=NOW + DAY)
    still = absences.paused(tried, "the bot was blocked", NOW + DAY)
    assert (still.away_at, still.try_at) == (NOW, NOW + 7 * DAY)
    later = absences.paused(tried, "the bot was blocked", NOW + 20 * DAY)
    assert later.away_at == NOW + 20 * DAY, "it was there meanwhile and had nothing to get"
    back = absences.returned(replace(away, away_at=NOW - 9 * DAY), NOW, None)
    assert back.away_at == NOW - 9 * DAY, "kept until it has caught up"
    assert absences.paused(back, "the bot was blocked", NOW + DAY).away_at == NOW + DAY


@pytest.mark.parametrize(("away", "long"), [(6 * DAY, False), (7 * DAY, False), (7 * DAY + DAY / 24, True)])
def test_more_than_a_week_is_long(away: timedelta, long: bool) -> None:
    chat = absences.paused(HERE, "the bot was blocked", NOW)
    assert absences.away_for_long(chat, NOW + away) is long
    back = absences.returned(chat, NOW + away, NOW + 30 * DAY)
    assert (back.state, back.away_at) == (ChatState.ACTIVE, NOW if long else None)


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.OTHER])
def test_a_cause_is_known_by_how_its_reason_begins(cause: Cause) -> None:
    assert Cause.of(f"{cause}: HTTP 403") is cause
    assert Cause.of("something else") is Cause.OTHER


def digest_of(*papers: int, pushed: int = 3) -> Digest:
    matches = tuple(Match(paper, News.NEW, ("LoRA",)) for paper in papers)
    return Digest(DigestKind.PAPERS, date(2025, 4, 8), matches, min(pushed, len(matches)), ("LoRA",), 9)


PAPERS = st.lists(st.integers(1, 30), unique=True, max_size=8)


@given(PAPERS, st.lists(st.tuples(PAPERS, st.integers(0, 8)), max_size=4), st.integers(1, 6))
def test_what_was_missed_comes_once_the_newest_first_and_nothing_is_left_out(
    fresh: list[int], held: list[tuple[list[int], int]], size: int
) -> None:
    deliveries = []
    for papers, told in held:
        parts = (Part(1, tuple(papers[:told]), "n", b"x", "17"), Part(2, tuple(papers[told : told + 1]), "n", b"x"))
        deliveries.append(
            Delivery(1, 1, HERE.address, digest_of(*papers), "en", Layout.BRIEF, DeliveryState.UNREACHABLE, parts)
        )
    one = absences.caught_up(digest_of(*fresh), deliveries, size)
    papers = [match.paper_id for match in one.matches]
    assert papers[: len(fresh)] == fresh
    untold = {paper for papers, told in held for paper in papers[told:]}
    assert len(papers) == len(set(papers)) and set(papers) == set(fresh) | untold
    assert one.pushed == min(size, len(papers))
