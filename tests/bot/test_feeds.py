"""Verdicts on polls, and when to poll next. The days are real ones of 2025; Eastern is UTC-4 in April."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import FetchFailed
from bot.feeds import EASTERN, covers, eastern_day, heard, judge, next_poll, settled
from bot.holidays import is_publishing_day
from bot.model import Feed, FeedItem, FeedState, Fetched, Kind, Rejected

FRESH, QUIET, WAITING, STALE, FAILED = (
    FeedState.FRESH, FeedState.QUIET, FeedState.WAITING, FeedState.STALE, FeedState.FAILED,
)  # fmt: skip
MON, TUE, WED, THU, FRI, SAT, SUN = (date(2025, 4, day) for day in range(7, 14))
UNKNOWN = Feed("cs.CL")


def eastern(on: date, hour: int = 1, minute: int = 0) -> datetime:
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=EASTERN).astimezone(UTC)


def feed_of(on: date | None, *categories: str, items: int = 4, rejected: int = 0) -> Fetched:
    found = tuple(
        FeedItem(f"arxiv:2504.{number:05d}", Kind.NEW, "Title", categories=categories or ("cs.CL",))
        for number in range(items)
    )
    return Fetched("url", items=found, rejected=(Rejected("item", "why"),) * rejected, batch_on=on)


UNCHANGED = Fetched("url", unchanged=True)
TUESDAYS = judge(UNKNOWN, "cs.CL", feed_of(TUE), 4, eastern(TUE))
"""After Tuesday's papers came in on Tuesday."""


@pytest.mark.parametrize(
    ("before", "outcome", "unseen", "now", "state", "is_settled"),
    [
        # papers came
        (UNKNOWN, feed_of(TUE), 4, eastern(TUE), FRESH, True),
        (TUESDAYS, feed_of(WED), 3, eastern(WED, 0, 6), FRESH, True),
        (TUESDAYS, feed_of(WED), 1, eastern(WED, 23, 59), FRESH, True),
        (UNKNOWN, feed_of(FRI), 4, eastern(SAT), FRESH, True),
        (UNKNOWN, feed_of(None), 4, eastern(TUE), FRESH, True),
        # yesterday's papers came in today, today's are still to come
        (UNKNOWN, feed_of(MON), 4, eastern(TUE), FRESH, False),
        (judge(UNKNOWN, "cs.CL", feed_of(MON), 4, eastern(TUE)), feed_of(MON), 0, eastern(TUE, 2), WAITING, False),
        (judge(UNKNOWN, "cs.CL", feed_of(MON), 4, eastern(TUE)), UNCHANGED, 0, eastern(TUE, 2), WAITING, False),
        (judge(UNKNOWN, "cs.CL", feed_of(MON), 4, eastern(TUE)), feed_of(TUE), 4, eastern(TUE, 2), FRESH, True),
        # today's papers are in already
        (TUESDAYS, feed_of(TUE), 0, eastern(TUE, 5), FRESH, True),
        (TUESDAYS, feed_of(MON), 0, eastern(TUE, 5), FRESH, True),
        (TUESDAYS, UNCHANGED, 0, eastern(TUE, 5), FRESH, True),
        # a date that lags: most of a batch is unseen, under a date that was taken in before
        (TUESDAYS, feed_of(TUE), 4, eastern(WED), FRESH, True),
        (TUESDAYS, feed_of(TUE), 1, eastern(WED), FRESH, False),
        # no papers are to come
        (TUESDAYS, feed_of(FRI), 0, eastern(SAT), QUIET, True),
        (TUESDAYS, feed_of(FRI, items=0), 0, eastern(SUN), QUIET, True),
        (TUESDAYS, UNCHANGED, 0, eastern(SUN), QUIET, True),
        (TUESDAYS, feed_of(WED, items=0), 0, eastern(WED), QUIET, True),
        (TUESDAYS, feed_of(WED, "cs.LG"), 4, eastern(WED), QUIET, True),
        (judge(TUESDAYS, "cs.CL", feed_of(WED, items=0), 0, eastern(WED)), UNCHANGED, 0, eastern(WED, 9), QUIET, True),
        (judge(TUESDAYS, "cs.CL", feed_of(WED, items=0), 0, eastern(WED)), UNCHANGED, 0, eastern(THU), WAITING, False),
        # late
        (TUESDAYS, feed_of(TUE), 0, eastern(WED), WAITING, False),
        (TUESDAYS, feed_of(TUE, items=0), 0, eastern(WED), WAITING, False),
        (TUESDAYS, feed_of(None, items=0), 0, eastern(WED), WAITING, False),
        (TUESDAYS, feed_of(TUE, "cs.LG"), 4, eastern(WED), WAITING, False),
        (TUESDAYS, UNCHANGED, 0, eastern(WED), WAITING, False),
        # today's date over old papers
        (TUESDAYS, feed_of(WED), 0, eastern(WED), STALE, False),
        (TUESDAYS, feed_of(None), 0, eastern(WED), STALE, False),
        (judge(TUESDAYS, "cs.CL", feed_of(WED), 0, eastern(WED)), UNCHANGED, 0, eastern(WED, 2), STALE, False),
        (judge(TUESDAYS, "cs.CL", feed_of(WED), 0, eastern(WED)), feed_of(WED), 4, eastern(WED, 2), FRESH, True),
        # nothing usable
        (TUESDAYS, FetchFailed("down"), 0, eastern(WED), FAILED, False),
        (TUESDAYS, FetchFailed("down"), 0, eastern(SAT), FAILED, False),
        (TUESDAYS, feed_of(WED, items=0, rejected=3), 0, eastern(WED), FAILED, False),
        # a later failure does not take back what came
        (TUESDAYS, FetchFailed("down"), 0, eastern(TUE, 5), FAILED, True),
        (judge(TUESDAYS, "cs.CL", FetchFailed("down"), 0, eastern(TUE, 5)), UNCHANGED, 0, eastern(TUE, 6), FRESH, True),
    ],
)  # fmt: skip
def test_a_poll_is_judged(
    before: Feed, outcome: Fetched | FetchFailed, unseen: int, now: datetime, state: FeedState, is_settled: bool
) -> None:
    feed = judge(before, "cs.CL", outcome, unseen, now)
    assert (feed.state, settled(feed, now)) == (state, is_settled)
    assert (feed.category, feed.checked_at) == ("cs.CL", now)
    assert bool(feed.why) == (state is not FRESH)


def test_the_reason_and_the_first_time_of_a_failure_are_kept() -> None:
    first, later = eastern(WED), eastern(WED, 3)
    feed = judge(TUESDAYS, "cs.CL", FetchFailed("HTTP 503"), 0, first)
    assert (feed.since_at, feed.fresh_at, feed.batch_on, feed.why) == (first, TUESDAYS.fresh_at, TUE, "HTTP 503")
    feed = judge(feed, "cs.CL", FetchFailed("HTTP 500"), 0, later)
    assert (feed.since_at, feed.checked_at, feed.why) == (first, later, "HTTP 500")
    feed = judge(feed, "cs.CL", feed_of(WED), 2, later)
    assert (feed.since_at, feed.fresh_at, feed.batch_on, feed.why) == (later, later, WED, "")


def test_a_date_that_goes_on_lagging_goes_on_being_seen_through() -> None:
    feed = TUESDAYS
    for day, dated in ((WED, TUE), (THU, WED), (FRI, THU)):
        now = eastern(day)
        feed = judge(feed, "cs.CL", feed_of(dated), 4, now)
        assert settled(feed, now), day


def test_nothing_is_settled_by_yesterdays_verdict() -> None:
    assert settled(TUESDAYS, eastern(TUE, 23, 59)) and not settled(TUESDAYS, eastern(WED, 0))
    quiet = judge(TUESDAYS, "cs.CL", UNCHANGED, 0, eastern(SUN))
    assert settled(quiet, eastern(SUN, 23)) and not settled(quiet, eastern(date(2025, 4, 14), 0))
    assert not settled(UNKNOWN, eastern(TUE))


JUNETEENTH = date(2025, 6, 19)
HOLIDAY = date(2025, 6, 20)
"""The evening of Juneteenth brings no announcement, so the feed of the day after stays empty."""
BEFORE = judge(UNKNOWN, "cs.CL", feed_of(JUNETEENTH), 4, eastern(JUNETEENTH))


@pytest.mark.parametrize(
    ("outcome", "unseen", "state", "is_settled"),
    [
        (feed_of(HOLIDAY, items=0), 0, QUIET, True),  # the feed says so itself
        (UNCHANGED, 0, QUIET, False),  # the calendar alone says so: it is asked again
        (feed_of(JUNETEENTH), 0, QUIET, False),
        (feed_of(HOLIDAY), 0, QUIET, False),  # old papers under the day's date
        (feed_of(HOLIDAY), 4, FRESH, True),  # the calendar was wrong: what is unseen is taken in on any day
        (FetchFailed("down"), 0, FAILED, False),
    ],
)
def test_a_holiday_is_quiet_and_never_hides_a_paper(
    outcome: Fetched | FetchFailed, unseen: int, state: FeedState, is_settled: bool
) -> None:
    now = eastern(HOLIDAY)
    feed = judge(BEFORE, "cs.CL", outcome, unseen, now)
    assert (feed.state, settled(feed, now)) == (state, is_settled)
    assert heard(feed, now) == (state in (FRESH, QUIET)), "readers are told that there is nothing"
    if state is QUIET:
        assert "holiday" in feed.why or is_settled


@pytest.mark.parametrize(
    ("polled", "category", "expected"),
    [
        ("cs.CL", "cs.CL", True), ("cs", "cs.CL", True), ("hep-th", "hep-th", True), ("astro-ph", "astro-ph.GA", True),
        ("cs.CL", "cs.CLX", False), ("cs", "csx.A", False), ("math", "math-ph", False), ("cs.CL", "cs", False),
    ],
)  # fmt: skip
def test_an_archives_feed_bears_all_its_categories(polled: str, category: str, expected: bool) -> None:
    assert covers(polled, category) is expected


def test_the_day_is_the_eastern_one() -> None:
    assert eastern_day(datetime(2025, 4, 8, 3, 59, tzinfo=UTC)) == MON
    assert eastern_day(datetime(2025, 4, 8, 4, 0, tzinfo=UTC)) == TUE
    assert eastern_day(datetime(2025, 1, 8, 4, 59, tzinfo=UTC)) == date(2025, 1, 7)
    assert [is_publishing_day(day) for day in (MON, TUE, WED, THU, FRI, SAT, SUN)] == [True] * 5 + [False] * 2


def _in_state(state: FeedState, now: datetime) -> Feed:
    return Feed("cs.CL", state, since_at=now, checked_at=now, batch_on=MON)


@pytest.mark.parametrize(
    ("state", "attempts", "minutes"),
    [(FAILED, n, m) for n, m in ((0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30), (10**9, 30))]
    + [(state, n, m) for state in (WAITING, STALE) for n, m in ((0, 10), (1, 10), (2, 20), (6, 60), (7, 60), (99, 60))],
)
def test_what_is_not_settled_is_asked_for_again_at_a_growing_pace(
    state: FeedState, attempts: int, minutes: int
) -> None:
    now = eastern(TUE, 8)
    assert next_poll([_in_state(state, now)], now, attempts) == now + timedelta(minutes=minutes)


def test_the_most_urgent_feed_sets_the_pace() -> None:
    now = eastern(TUE, 8)
    feeds = [replace(TUESDAYS, checked_at=now), _in_state(WAITING, now), _in_state(FAILED, now)]
    assert next_poll(feeds, now, 1) == now + timedelta(minutes=1)
    assert next_poll(feeds[:2], now, 1) == now + timedelta(minutes=10)
    assert next_poll(feeds[:1], now, 1) == eastern(WED, 0, 5)


def test_the_pace_never_steps_over_the_next_rebuilding() -> None:
    now = eastern(TUE, 23, 50)
    assert next_poll([_in_state(WAITING, now)], now, 6) == eastern(WED, 0, 5)


def test_just_after_midnight_the_rebuilding_is_waited_for() -> None:
    assert next_poll([TUESDAYS], eastern(WED, 0, 1), 0) == eastern(WED, 0, 5)
    assert next_poll([], eastern(WED, 0, 1)) == eastern(WED, 0, 5)


def test_what_was_not_polled_today_is_polled_now() -> None:
    now = eastern(WED, 9)
    for feed in (UNKNOWN, TUESDAYS, _in_state(FAILED, eastern(TUE))):
        assert next_poll([feed], now, 5) == now + timedelta(seconds=1)


def test_the_servers_own_wish_is_kept_up_to_a_day() -> None:
    now = eastern(TUE, 8)
    failed = [_in_state(FAILED, now)]
    assert next_poll(failed, now, 1, retry_after=7200) == now + timedelta(hours=2)
    assert next_poll(failed, now, 6, retry_after=5) == now + timedelta(minutes=30)
    assert next_poll(failed, now, 1, retry_after=1e12) == now + timedelta(hours=24)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2025, 3, 8), datetime(2025, 3, 9, 5, 5, tzinfo=UTC)),  # still winter at that midnight
        (date(2025, 3, 9), datetime(2025, 3, 10, 4, 5, tzinfo=UTC)),  # a day of 23 hours
        (date(2025, 11, 1), datetime(2025, 11, 2, 4, 5, tzinfo=UTC)),  # still summer
        (date(2025, 11, 2), datetime(2025, 11, 3, 5, 5, tzinfo=UTC)),  # a day of 25 hours
    ],
)
def test_the_next_rebuilding_is_right_when_the_clocks_change(day: date, expected: datetime) -> None:
    for hour in (1, 3, 23):
        now = eastern(day, hour)
        quiet = Feed("cs.CL", QUIET, checked_at=now)
        assert next_poll([quiet], now) == expected


_TIMES = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
_DATES = st.none() | st.dates(date(2025, 1, 1), date(2026, 12, 31))
_FEEDS = st.builds(
    Feed,
    st.just("cs.CL"),
    st.sampled_from(FeedState),
    st.none() | _TIMES,
    st.none() | _TIMES,
    st.none() | _TIMES,
    _DATES,
)


@given(st.lists(_FEEDS, max_size=3), _TIMES, st.integers(0, 10**6), st.none() | st.floats(-1e9, 1e12))
@example([], eastern(date(2025, 11, 2), 0, 5), 0, None)
def test_the_next_poll_is_always_ahead_and_within_26_hours(
    feeds: list[Feed], now: datetime, attempts: int, retry_after: float | None
) -> None:
    at = next_poll(feeds, now, attempts, retry_after)
    assert now < at <= now + timedelta(hours=26) and at.tzinfo is UTC


_OUTCOMES = st.one_of(
    st.just(FetchFailed("down")),
    st.just(UNCHANGED),
    st.builds(
        lambda on, items, rejected, category: feed_of(on, category, items=items, rejected=rejected),
        _DATES, st.integers(0, 4), st.integers(0, 2), st.sampled_from(["cs.CL", "cs.LG"]),
    ),
)  # fmt: skip


@given(_FEEDS, _OUTCOMES, st.integers(0, 4), _TIMES)
def test_unseen_papers_of_the_category_always_make_it_fresh_and_nothing_else_does(
    before: Feed, outcome: Fetched | FetchFailed, unseen: int, now: datetime
) -> None:
    feed = judge(before, "cs.CL", outcome, unseen, now)
    brought = isinstance(outcome, Fetched) and any("cs.CL" in item.categories for item in outcome.items) and unseen > 0
    assert (feed.fresh_at == now) == (brought or before.fresh_at == now)
    if feed.state is FRESH and not brought:
        assert settled(before, now)
    if brought:
        assert feed.state is FRESH


@given(_FEEDS, _OUTCOMES, st.integers(0, 4), _TIMES)
def test_the_same_poll_again_changes_no_verdict(
    before: Feed, outcome: Fetched | FetchFailed, unseen: int, now: datetime
) -> None:
    once = judge(before, "cs.CL", outcome, unseen, now)
    if settled(once, now) and not isinstance(outcome, FetchFailed):
        assert settled(judge(once, "cs.CL", outcome, 0, now), now)
