"""arXiv's holidays: evenings without an announcement, as arXiv publishes them a year at a time.

From https://info.arxiv.org/help/availability.html (2025 from its history, 2026 as read on 2026-09-01); those of 2027
were not published then. The calendar only names a silence: what is unseen is taken in on any day.
"""

from __future__ import annotations

from datetime import date, timedelta

KNOWN_UNTIL = date(2026, 12, 31)
"""The last day that the calendar knows of."""
RUNS_OUT_SOON = timedelta(days=30)

_DEFERRED = frozenset({
    # December of 2025 was announced later than the page that these are from.
    date(2025, 1, 1), date(2025, 1, 20), date(2025, 6, 19), date(2025, 7, 6), date(2025, 9, 1), date(2025, 11, 27),
    date(2026, 1, 1), date(2026, 1, 19), date(2026, 6, 19), date(2026, 7, 3), date(2026, 9, 7), date(2026, 11, 26),
    date(2026, 12, 25), date(2026, 12, 29), date(2026, 12, 31),
})  # fmt: skip
"""Evenings (20:00 US Eastern) on which nothing is announced; on a Friday, the Sunday's announcement is meant."""


def _silent_day(deferred: date) -> date:
    """The feed's day that a deferred announcement leaves empty: the next one, after a Friday the Monday."""
    return deferred + timedelta(days=3 if deferred.isoweekday() == 5 else 1)


SILENT_DAYS = frozenset(map(_silent_day, _DEFERRED))
"""Dates of feeds that stay empty."""


def is_publishing_day(on: date) -> bool:
    """Whether feeds of this US Eastern date bear papers, as far as weekdays and the calendar tell."""
    return on.isoweekday() <= 5 and on not in SILENT_DAYS


def is_known(on: date) -> bool:
    """Whether the calendar reaches to this day."""
    return on <= KNOWN_UNTIL


def runs_out(on: date) -> str:
    """What is to be said of the calendar on this day; empty while it reaches far enough."""
    if on > KNOWN_UNTIL:
        return f"arXiv's holidays are known until {KNOWN_UNTIL} only"
    return f"arXiv's holidays are known until {KNOWN_UNTIL}" if on > KNOWN_UNTIL - RUNS_OUT_SOON else ""
