"""Missed days: which there are, and what of an archive's papers belongs to them. Eastern is UTC-4 in April."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import FetchFailed
from bot.feeds import EASTERN, judge
from bot.gaps import MOST_TRIES, Known, Window, earliest_day, failed, filled, late_items, missed, number_of, retry_at
from bot.holidays import KNOWN_UNTIL, SILENT_DAYS, is_known, is_publishing_day, runs_out
from bot.model import Arrival, Feed, FeedItem, Fetched, Gap, GapState, Kind, Sighting
from tests.feeds_text import paper
from tests.servers.arxiv import submitted

MON, TUE, WED, THU, FRI, SAT, SUN = (date(2025, 4, day) for day in range(7, 14))
NEXT_MON = date(2025, 4, 14)
OPEN = Gap("cs.CL", TUE, due_at=datetime(2025, 4, 9, tzinfo=UTC))


def eastern(on: date, hour: int = 6, minute: int = 0) -> datetime:
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=EASTERN).astimezone(UTC)


def a_feed(on: date | None, items: int = 3) -> Fetched:
    return Fetched("url", items=tuple(paper(f"2504.{n:05d}") for n in range(items)), batch_on=on)


def polled(before: Feed, outcome: Fetched | FetchFailed, on: date, unseen: int = 3) -> tuple[tuple[date, ...], Feed]:
    after = judge(before, "cs.CL", outcome, unseen, eastern(on))
    return missed(before, after, eastern(on))


MONDAYS = polled(Feed("cs.CL"), a_feed(MON), MON)[1]


# Which days are missed


def test_nothing_is_missed_before_the_first_batch() -> None:
    days, feed = polled(Feed("cs.CL"), FetchFailed("down"), TUE, 0)
    assert (days, feed.upto_on) == ((), None)
    days, feed = polled(feed, a_feed(FRI), FRI)
    assert (days, feed.upto_on) == ((), FRI)


@pytest.mark.parametrize(
    ("outcome", "on", "unseen", "expected"),
    [
        (a_feed(TUE), TUE, 3, ()),
        (a_feed(WED), WED, 3, (TUE,)),
        (a_feed(FRI), SAT, 3, (TUE, WED, THU)),  # Friday's own came in on Saturday
        (a_feed(FRI, 0), SAT, 0, (TUE, WED, THU, FRI)),
        (a_feed(NEXT_MON), NEXT_MON, 3, (TUE, WED, THU, FRI)),
        (FetchFailed("down"), THU, 0, (TUE, WED)),
        (a_feed(TUE), WED, 3, ()),  # yesterday's batch came in today
        (a_feed(WED), WED, 0, (TUE,)),  # stale: today may still come
        (Fetched("url", unchanged=True), WED, 0, (TUE,)),
    ],
)
def test_weekdays_that_passed_without_their_papers_are_missed(
    outcome: Fetched | FetchFailed, on: date, unseen: int, expected: tuple[date, ...]
) -> None:
    days, feed = polled(MONDAYS, outcome, on, unseen)
    assert days == expected
    again, _ = missed(feed, judge(feed, "cs.CL", outcome, 0, eastern(on, 7)), eastern(on, 7))
    assert again == (), "a missed day is noticed once"


def test_a_feed_that_fails_for_days_misses_each_of_them_once() -> None:
    feed, seen = MONDAYS, list[date]()
    for on in (TUE, WED, THU, FRI, SAT, SUN, NEXT_MON):
        days, feed = polled(feed, FetchFailed("down"), on, 0)
        seen += days
    assert seen == [TUE, WED, THU, FRI]


def test_only_so_many_days_are_looked_back() -> None:
    days, feed = polled(MONDAYS, a_feed(date(2026, 4, 8)), date(2026, 4, 8))
    assert 40 <= len(days) <= 43 and days[0] > date(2026, 2, 1) and feed.upto_on == date(2026, 4, 8)


POLLS = st.tuples(st.integers(0, 3), st.sampled_from(["papers", "none", "fails", "stale", "same"]))


@given(st.lists(POLLS, max_size=20))
def test_every_weekday_is_taken_in_quiet_or_missed_and_never_twice(story: list[tuple[int, str]]) -> None:
    feed, on, noticed, came = MONDAYS, MON, list[date](), {MON}
    for ahead, what in story:
        on += timedelta(days=ahead)
        given_now: dict[str, tuple[Fetched | FetchFailed, int]] = {
            "papers": (a_feed(on), 3), "none": (a_feed(on, 0), 0), "fails": (FetchFailed("down"), 0),
            "stale": (a_feed(on), 0), "same": (Fetched("url", unchanged=True), 0),
        }  # fmt: skip
        outcome, unseen = given_now[what]
        days, feed = polled(feed, outcome, on, unseen)
        noticed += days
        if what in ("papers", "none"):
            came.add(on)
    assert len(noticed) == len(set(noticed))
    every = {MON + timedelta(days=n) for n in range((on - MON).days)}
    assert {day for day in every if day.isoweekday() <= 5} - came <= set(noticed)


# Filling them


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (eastern(MON, 13, 59), TUE),
        (eastern(MON, 14), WED),
        (eastern(THU, 13), FRI),
        (eastern(THU, 15), NEXT_MON),
        (eastern(FRI, 13), NEXT_MON),
        (eastern(FRI, 15), date(2025, 4, 15)),
        (eastern(SAT), date(2025, 4, 15)),
        (eastern(SUN), date(2025, 4, 15)),
        (eastern(date(2025, 6, 19)), date(2025, 6, 23)),  # Juneteenth's evening brings nothing, Friday's feed is empty
        (eastern(date(2025, 9, 1)), date(2025, 9, 3)),
    ],
)
def test_a_paper_is_announced_after_the_days_submissions_close(at: datetime, expected: date) -> None:
    assert earliest_day(at) == expected


def sighting(number: int, on: date, revised: date | None = None, categories: tuple[str, ...] = ("cs.CL",)) -> Sighting:
    item = replace(paper(f"2504.{number:05d}", categories=categories), kind=Kind.KNOWN, version=2 if revised else 1)
    return Sighting(item, submitted(on), submitted(revised or on))


WINDOW = Window("cs.CL", ("cs.CL", "cs.LG"), TUE, FRI, "arxiv:2504.00100")


def told(items: tuple[FeedItem, ...]) -> list[tuple[int, Kind, date | None]]:
    assert all(item.arrival is Arrival.LATE for item in items)
    return [(int(item.key[-5:]), item.kind, item.announced_on) for item in items]


def test_what_lies_above_the_last_id_is_new_and_has_its_real_day() -> None:
    seen = [sighting(n, on) for n, on in ((101, TUE), (150, WED), (120, TUE), (190, THU))]
    assert told(late_items(seen, WINDOW, {})) == [
        (101, Kind.NEW, TUE), (120, Kind.NEW, TUE), (150, Kind.NEW, WED), (190, Kind.NEW, THU),
    ]  # fmt: skip


def test_what_was_only_modified_is_not_news() -> None:
    seen = [sighting(7, MON), sighting(8, date(2025, 4, 1)), sighting(100, TUE)]
    assert late_items(seen, WINDOW, {}) == ()
    known = {s.item.key: Known(1, ("cs.CL",), told=True) for s in seen}
    assert late_items(seen, WINDOW, known) == ()


def test_a_paper_that_was_held_up_has_the_day_of_its_id() -> None:
    held_up = Sighting(sighting(151, WED).item, submitted(date(2025, 3, 20)))
    assert told(late_items([sighting(150, WED), held_up], WINDOW, {}))[-1] == (151, Kind.NEW, WED)


def test_todays_papers_are_left_to_the_feed() -> None:
    assert late_items([sighting(300, FRI)], WINDOW, {}) == ()


def test_new_is_what_the_union_calls_new() -> None:
    seen = [sighting(101, TUE, categories=("cs.LG", "cs.CL")), sighting(102, TUE, categories=("stat.ML", "cs.CL"))]
    assert told(late_items(seen, WINDOW, {})) == [(101, Kind.NEW, TUE), (102, Kind.CROSS, TUE)]


def test_a_new_version_in_the_gap_is_news_of_a_paper_that_was_told_of() -> None:
    seen = [sighting(7, MON, revised=WED)]
    assert late_items(seen, WINDOW, {"arxiv:2504.00007": Known(1, ("cs.CL",))}) == ()
    known = {"arxiv:2504.00007": Known(1, ("cs.CL",), told=True)}
    assert told(late_items(seen, WINDOW, known)) == [(7, Kind.REPLACE, WED)]
    old = [Sighting(replace(seen[0].item, version=6), seen[0].submitted_at, seen[0].revised_at)]
    assert late_items(old, WINDOW, known) == (), "arXiv does not announce the sixth"


def test_a_cross_list_in_the_gap_is_news_of_a_paper_that_was_told_of_elsewhere() -> None:
    seen = [sighting(7, MON, categories=("cs.LG", "cs.CL"))]
    known = {"arxiv:2504.00007": Known(1, ("cs.LG",), told=True)}
    assert told(late_items(seen, WINDOW, known)) == [(7, Kind.CROSS, TUE)]


def test_a_paper_that_was_told_of_as_a_cross_list_is_not_told_of_again() -> None:
    known = {"arxiv:2504.00101": Known(1, ("cs.LG", "cs.CL"), told=True)}
    assert late_items([sighting(101, TUE, categories=("cs.LG", "cs.CL"))], WINDOW, known) == ()


def test_what_a_listing_says_is_taken_as_it_says_but_for_the_union() -> None:
    both = replace(sighting(101, TUE, categories=("cs.LG", "cs.CL")).item, kind=Kind.CROSS, announced_on=TUE)
    later = replace(sighting(7, MON, categories=("cs.LG", "cs.CL")).item, kind=Kind.CROSS, announced_on=TUE)
    own = replace(sighting(102, TUE).item, kind=Kind.NEW, announced_on=TUE)
    found = late_items([Sighting(item) for item in (both, later, own)], WINDOW, {})
    assert told(found) == [(101, Kind.NEW, TUE), (102, Kind.NEW, TUE), (7, Kind.CROSS, TUE)]
    known = {own.key: Known(1, ("cs.CL",), told=True)}
    assert late_items([Sighting(own)], WINDOW, known) == ()


def test_without_a_known_id_the_day_decides() -> None:
    window = replace(WINDOW, last_key="")
    assert told(late_items([sighting(1, MON), sighting(2, TUE)], window, {})) == [(2, Kind.NEW, TUE)]


@given(st.lists(st.tuples(st.integers(1, 400), st.sampled_from([MON, TUE, WED, THU, FRI])), max_size=30))
def test_nothing_known_or_of_another_day_is_ever_told_of(seen: list[tuple[int, date]]) -> None:
    sightings = [sighting(number, on) for number, on in dict(seen).items()]
    for item in late_items(sightings, WINDOW, {}):
        number = number_of(item.key)
        assert number is not None and number > (2504, 100)
        assert item.announced_on is not None and TUE <= item.announced_on < FRI


def test_a_gap_is_tried_less_and_less_often_and_then_given_up() -> None:
    now, gap, waits = datetime(2025, 4, 9, tzinfo=UTC), OPEN, []
    while gap.state is GapState.OPEN:
        gap = failed(gap, "down", now)
        assert gap.due_at is not None
        waits.append(gap.due_at - now)
        now = gap.due_at
    assert (gap.state, gap.tries, gap.why) == (GapState.GIVEN_UP, MOST_TRIES, "down")
    assert waits == sorted(waits) and waits[0] == timedelta(minutes=10) and waits[-1] == timedelta(hours=6)
    assert retry_at(10**6, now) == now + timedelta(hours=6)


def test_a_day_without_papers_is_empty_and_not_filled() -> None:
    assert filled(OPEN, "oai", 0).state is GapState.EMPTY
    gap = filled(replace(OPEN, found=3), "oai", 2)
    assert (gap.state, gap.found, gap.via, gap.due_at) == (GapState.FILLED, 5, "oai", None)


# The calendar


def test_the_feed_after_a_deferred_announcement_is_empty() -> None:
    for on in (date(2025, 6, 20), date(2025, 7, 7), date(2025, 9, 2), date(2026, 7, 6), date(2026, 11, 27)):
        assert on in SILENT_DAYS and not is_publishing_day(on), on
    for on in (date(2025, 6, 19), date(2025, 7, 4), date(2026, 11, 26)):
        assert is_publishing_day(on), f"what was announced the evening before is in the feed of {on}"
    assert all(on.isoweekday() <= 5 for on in SILENT_DAYS)


def test_the_calendar_says_when_it_runs_out() -> None:
    assert runs_out(KNOWN_UNTIL - timedelta(days=60)) == ""
    assert str(KNOWN_UNTIL) in runs_out(KNOWN_UNTIL - timedelta(days=3))
    assert "only" in runs_out(KNOWN_UNTIL + timedelta(days=1))
    assert is_known(KNOWN_UNTIL) and not is_known(KNOWN_UNTIL + timedelta(days=1))
