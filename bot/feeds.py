"""Verdicts on polls: is a category's feed fresh, quiet, late, stale or failed, and when to ask again.

arXiv announces at 20:00 US Eastern from Sunday to Thursday and rebuilds its feeds at midnight Eastern, so
feeds dated Monday to Friday bear papers; there are none at weekends and on arXiv's holidays, see ``holidays``
(https://info.arxiv.org/help/rss.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.errors import FetchFailed
from bot.holidays import is_publishing_day
from bot.model import Feed, FeedItem, FeedState, Fetched

EASTERN = ZoneInfo("America/New_York")
_REBUILT = time(0, 5)
"""Midnight, and a few minutes for the rebuilding."""
_SOON = timedelta(seconds=1)
_WEEKEND = {6: "arXiv announces nothing on a Saturday", 7: "arXiv announces nothing on a Sunday"}
_HOLIDAY = "arXiv announces nothing today: it keeps a holiday"
_UNCHANGED = "the feed has not changed since the last batch"
_NOTHING_HERE = "arXiv announced no papers here today"
_OLD = "the feed bears today's date over papers of an earlier day"
REASONS = (*_WEEKEND.values(), _HOLIDAY, _UNCHANGED, _NOTHING_HERE, _OLD)
"""What ``Feed.why`` says in words that the catalogues have."""
_LONGEST_WAIT = 24 * 3600.0


def eastern_day(now: datetime) -> date:
    """arXiv's day at ``now`` (aware)."""
    return now.astimezone(EASTERN).date()


def covers(polled: str, category: str) -> bool:
    """Whether the feed of ``polled``, a category or a whole archive, bears papers of ``category``."""
    return category == polled or category.startswith(polled + ".")


def judge(before: Feed, category: str, outcome: Fetched | FetchFailed, unseen: int, now: datetime) -> Feed:
    """What is known of ``category`` after a poll.

    ``unseen``: how many papers or versions of this category the poll brought that were not stored before. They
    alone make a feed FRESH; dates only tell the other states apart. ``batch_on`` of the result is the
    feed's own date, but the present day where the date provably lags: most of the items are unseen, and
    a batch of that date was taken in on an earlier poll (a lag of one day has been seen).
    """
    today = eastern_day(now)
    taken = _has_todays_batch(before, today)
    feed = replace(before, category=category, checked_at=now)

    def is_now(state: FeedState, why: str = "") -> Feed:
        since_at = before.since_at if state is before.state and before.since_at else now
        return replace(feed, state=state, since_at=since_at, why=why)

    if isinstance(outcome, FetchFailed):
        return is_now(FeedState.FAILED, str(outcome))
    if outcome.unchanged:
        if taken:
            return is_now(FeedState.FRESH)
        if not is_publishing_day(today):
            return is_now(FeedState.QUIET, _no_papers(today))
        if _is_quiet_today(before, today) or before.state is FeedState.STALE:
            return is_now(before.state, before.why)
        return is_now(FeedState.WAITING, _UNCHANGED)
    own = own_items(outcome, category)
    feed = replace(feed, batch_on=outcome.batch_on)
    if unseen > 0 and own:
        lags = _lags(before, outcome.batch_on, today) and 2 * unseen > len(own)
        feed = replace(feed, fresh_at=now, batch_on=today if lags else outcome.batch_on)
        return is_now(FeedState.FRESH)
    if taken:
        feed = replace(feed, batch_on=before.batch_on)
        return is_now(FeedState.FRESH)
    if not is_publishing_day(today):
        if own:  # old papers are no word about today, whatever date they stand under
            feed = replace(feed, batch_on=before.batch_on)
        return is_now(FeedState.QUIET, _no_papers(today))
    if outcome.rejected and not outcome.items:
        return is_now(FeedState.FAILED, f"none of the feed's {len(outcome.rejected)} items could be read")
    dated_today = outcome.batch_on is not None and outcome.batch_on >= today
    if not own and dated_today:
        return is_now(FeedState.QUIET, _NOTHING_HERE)
    if own and (dated_today or outcome.batch_on is None):
        return is_now(FeedState.STALE, _OLD)
    return is_now(FeedState.WAITING, f"the feed is still of {outcome.batch_on or 'an unknown day'}")


def own_items(fetched: Fetched, category: str) -> list[FeedItem]:
    """The items of a union's feed that are this category's; those that name none may be."""
    return [i for i in fetched.items if not i.categories or any(covers(category, c) for c in i.categories)]


def settled(feed: Feed, now: datetime) -> bool:
    """Whether the present Eastern day's papers of this category are in, or there are none.

    False for a batch of an earlier day that came in today: today's own is still to come; and for a holiday that
    the calendar alone knows of.
    """
    today = eastern_day(now)
    said = today.isoweekday() > 5 or (feed.batch_on is not None and feed.batch_on >= today)
    return _has_todays_batch(feed, today) or (said and _is_quiet_today(feed, today))


def heard(feed: Feed, now: datetime) -> bool:
    """Whether this category is known, by a poll of the present Eastern day, to be fresh or quiet.

    Enough to tell a reader "nothing today"; not enough to stop polling, see ``settled``.
    """
    polled_today = feed.checked_at is not None and eastern_day(feed.checked_at) == eastern_day(now)
    return polled_today and feed.state in (FeedState.FRESH, FeedState.QUIET)


def next_poll(feeds: Sequence[Feed], now: datetime, attempts: int = 0, retry_after: float | None = None) -> datetime:
    """When to poll next, in UTC: later than ``now``, and within 26 hours of it.

    Where every feed is settled, at arXiv's next rebuilding. Otherwise after the last poll by 1, 2, 4 … 30 minutes
    where one failed, by 10, 20 … 60 while arXiv is late or keeps a holiday; ``attempts`` counts the polls since all
    were settled.
    ``retry_after``, in seconds, is the server's own wish and is kept, up to a day.
    """
    today = eastern_day(now)
    if now < _rebuilding(today):
        at = _rebuilding(today)
    else:
        at = _rebuilding(today + timedelta(days=1))
        at = min([at, *(_retry(feed, today, attempts) for feed in feeds if not settled(feed, now))])
    if retry_after is not None:
        at = max(at, now + timedelta(seconds=min(retry_after, _LONGEST_WAIT)))
    return max(at, now + _SOON).astimezone(UTC)


def _retry(feed: Feed, today: date, attempts: int) -> datetime:
    if feed.checked_at is None or feed.checked_at < _rebuilding(today):
        return _rebuilding(today)
    attempts = min(max(attempts, 1), 6)
    minutes = min(2 ** (attempts - 1), 30) if feed.state is FeedState.FAILED else 10 * attempts
    return feed.checked_at + timedelta(minutes=minutes)


def _rebuilding(on: date) -> datetime:
    return datetime.combine(on, _REBUILT, EASTERN).astimezone(UTC)


def _has_todays_batch(feed: Feed, today: date) -> bool:
    if feed.fresh_at is None or eastern_day(feed.fresh_at) != today:
        return False
    return feed.batch_on is None or feed.batch_on >= today or not is_publishing_day(today)


def _is_quiet_today(feed: Feed, today: date) -> bool:
    return feed.state is FeedState.QUIET and feed.checked_at is not None and eastern_day(feed.checked_at) == today


def _lags(before: Feed, batch_on: date | None, today: date) -> bool:
    if batch_on is None or before.batch_on is None or before.fresh_at is None:
        return False
    return batch_on < today and batch_on <= before.batch_on and batch_on <= eastern_day(before.fresh_at)


def _no_papers(on: date) -> str:
    return _WEEKEND.get(on.isoweekday(), _HOLIDAY)
