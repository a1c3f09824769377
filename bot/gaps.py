"""Missed days: which there are, when to try again, and what of an archive's papers was announced on them. Pure.

arXiv gives ids out in the order of announcement: over 20 days of its feeds in April and May of 2025 no day's new
papers had an id below one of an earlier day's. So a paper is new to us if its id lies above the last one announced
before the gap, whatever its record's date of modification; and no day lies before the day of a smaller id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from bot.feeds import EASTERN, covers, eastern_day, settled
from bot.holidays import SILENT_DAYS, is_publishing_day
from bot.model import Arrival, Feed, FeedItem, FeedState, Gap, GapState, Kind, Sighting

LOOK_BACK = timedelta(days=60)
"""Days further back are not asked for: readers who were without for so long are not served by a flood."""
MOST_TRIES = 12
"""Over two days and a half, see ``retry_at``."""
_TOO_LATE = time(6)
"""Six hours after the rebuilding, US Eastern, nobody waits for a feed that fails or is stale any longer."""
_FREEZE = time(14)
"""Submissions of a weekday close (https://info.arxiv.org/help/availability.html)."""
_LAST_ANNOUNCED_VERSION = 5
_ID = re.compile(r"arxiv:(\d{4})\.(\d{4,5})")
_DAY = timedelta(days=1)


def missed(before: Feed, after: Feed, now: datetime) -> tuple[tuple[date, ...], Feed]:
    """The days that a poll shows to be missed, the oldest first, and ``after`` with its ``upto_on``.

    The feed holds the present day only, so a weekday that passed without being taken in is missed, whether the
    program was off or the feed was. Holidays count: an archive says soon that there was nothing. There are none
    before the first batch, nor before LOOK_BACK.
    """
    today = eastern_day(now)
    taken = {today} if settled(after, now) else set()
    if after.fresh_at == now:
        taken.add(min(after.batch_on or today, today))
    if before.upto_on is None:
        return (), replace(after, upto_on=max(taken, default=None))
    first = max(before.upto_on, today - LOOK_BACK)
    days = (first + _DAY * n for n in range(1, (today - first).days))
    lost = tuple(day for day in days if day.isoweekday() <= 5 and day not in taken)
    return lost, replace(after, upto_on=max(before.upto_on, today - _DAY, *taken))


def is_given_up_today(feed: Feed, now: datetime) -> bool:
    """Whether the present day's papers are to be looked for elsewhere, as its feed fails or is stale for so long."""
    at = now.astimezone(EASTERN)
    broken = feed.state in (FeedState.FAILED, FeedState.STALE) and not settled(feed, now)
    return broken and feed.upto_on is not None and is_publishing_day(at.date()) and at.time() >= _TOO_LATE


def retry_at(tries: int, now: datetime) -> datetime:
    """When a gap that nobody could fill is tried again: after 10, 20, 40 … minutes, at most six hours."""
    return now + timedelta(minutes=min(10 * 2 ** min(tries, 10), 360))


def failed(gap: Gap, why: str, now: datetime) -> Gap:
    """The gap after every archive was asked in vain."""
    tries = gap.tries + 1
    state = GapState.GIVEN_UP if tries >= MOST_TRIES else GapState.OPEN
    return replace(gap, state=state, tries=tries, due_at=retry_at(gap.tries, now), via="", token="", why=why[:300])


def filled(gap: Gap, via: str, found: int) -> Gap:
    """The gap after an archive told of its whole day."""
    found += gap.found
    return replace(
        gap, state=GapState.FILLED if found else GapState.EMPTY, due_at=None, via=via, token="", found=found, why=""
    )


def earliest_day(submitted_at: datetime) -> date:
    """The first day whose feed can bear a paper submitted then; moderation may make it later."""
    at = submitted_at.astimezone(EASTERN)
    closes = at.date()
    if closes.isoweekday() > 5 or at.time() >= _FREEZE:
        closes = _next_weekday(closes)
    day = _next_weekday(closes)
    while day in SILENT_DAYS:
        day = _next_weekday(day)
    return day


def number_of(key: str) -> tuple[int, int] | None:
    """``arxiv:2504.01979`` -> (2504, 1979), which grows with announcement; None for other keys and old ids."""
    found = _ID.fullmatch(key)
    return (int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a paper: enough to tell what a sighting adds. ``told``: it was announced."""

    version: int | None = None
    categories: tuple[str, ...] = ()
    told: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """What is searched: the missed days of ``category`` from ``first`` on. ``last_key`` is the greatest id announced
    as new before them, empty where none is known; ``polled`` are all categories, whose union decides what is a
    cross-list; ``today`` is not over yet and comes by its feed."""

    category: str
    polled: tuple[str, ...]
    first: date
    today: date
    last_key: str = ""


def late_items(sightings: Sequence[Sighting], window: Window, known: Mapping[str, Known]) -> tuple[FeedItem, ...]:
    """What of an archive's page is to be announced late, with its real day; the new ones first.

    ``known``: what is stored of the papers, by key. A paper that was only modified is left out, one that was told of
    under whatever kind is not new, and a new version or cross-list is news only of a paper that was told of.
    """
    items: list[FeedItem] = []
    bound = number_of(window.last_key)
    day = window.first
    for sighting in sorted(sightings, key=lambda s: number_of(s.item.key) or (0, 0)):
        item = sighting.item
        stored = known.get(item.key, Known())
        number = number_of(item.key)
        above = number is not None and (bound is None or number > bound)
        if item.kind is not Kind.KNOWN:
            if above and item.kind is Kind.CROSS and _is_of(item.categories[:1], window.polled):
                item = replace(item, kind=Kind.NEW)  # a cross-list in this category's listing, new in the union
            if not (item.kind is Kind.NEW and stored.told):
                today = item.announced_on == window.today
                items.append(replace(item, arrival=Arrival.DAILY if today else Arrival.LATE))
            continue
        first_day = earliest_day(sighting.submitted_at) if sighting.submitted_at else window.first
        if not stored.told and above and (bound is not None or first_day >= window.first):
            day = max(day, first_day)
            if day < window.today:
                kind = Kind.NEW if _is_of(item.categories[:1], window.polled) else Kind.CROSS
                items.append(replace(item, kind=kind, announced_on=day, arrival=Arrival.LATE))
            continue
        items += _news_of_old(sighting, window, stored)
    return tuple(sorted(items, key=lambda item: item.kind is not Kind.NEW))


def _news_of_old(sighting: Sighting, window: Window, known: Known) -> Iterable[FeedItem]:
    item = sighting.item
    if not known.told:
        return
    revised_on = earliest_day(sighting.revised_at) if sighting.revised_at else None
    version = item.version or 0
    if (known.version or 0) < version <= _LAST_ANNOUNCED_VERSION and revised_on and _within(revised_on, window):
        yield replace(item, kind=Kind.REPLACE, announced_on=revised_on, arrival=Arrival.LATE)
    if _is_of(item.categories, (window.category,)) and not _is_of(known.categories, (window.category,)):
        on = min(max(revised_on or window.first, window.first), window.today - _DAY)
        yield replace(item, kind=Kind.CROSS, announced_on=on, arrival=Arrival.LATE)


def _within(on: date, window: Window) -> bool:
    return window.first <= on < window.today


def _is_of(categories: Iterable[str], polled: Iterable[str]) -> bool:
    polled = tuple(polled)
    return any(covers(one, category) for category in categories for one in polled)


def _next_weekday(on: date) -> date:
    return on + _DAY * (8 - on.isoweekday() if on.isoweekday() >= 5 else 1)
