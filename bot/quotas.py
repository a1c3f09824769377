"""How much one person may ask for in a minute. Pure: time is an argument."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.ports import Haste

MINUTE = timedelta(minutes=1)
MOST_PEOPLE = 100_000
"""Remembered at once; where there are more, who asked longest ago is forgotten first."""


@dataclass(slots=True)
class _Person:
    """``served``: when, in the last minute; ``told_at``: when they last heard that it is too much."""

    asked_at: datetime
    served: deque[datetime] = field(default_factory=deque)
    told_at: datetime | None = None


class Quota:
    """At most ``most`` things in any minute for each person; 0 for as many as they like.

    What is not served does not count, so who waits as long as they were told is served. Who asked for nothing for a
    minute is forgotten.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._people: OrderedDict[str, _Person] = OrderedDict()

    def take(self, who: str, now: datetime) -> Haste:
        """``who`` asks for something: whether it is served, and if not, whether they are told so: once a minute."""
        if not self._most:
            return Haste.SERVED
        person = self._people.setdefault(who, _Person(now))
        person.asked_at = now
        self._people.move_to_end(who)
        self._forget(now)
        while person.served and not _lately(person.served[0], now):
            person.served.popleft()
        if len(person.served) < self._most:
            person.served.append(now)
            return Haste.SERVED
        if person.told_at is not None and _lately(person.told_at, now):
            return Haste.SILENT
        person.told_at = now
        return Haste.TOLD

    def wait(self, who: str, now: datetime) -> timedelta:
        """Until something of theirs is served again."""
        person = self._people.get(who)
        lately = [at for at in person.served if _lately(at, now)] if person else []
        return lately[0] + MINUTE - now if self._most and len(lately) >= self._most else timedelta(0)

    def __len__(self) -> int:
        """People who are remembered."""
        return len(self._people)

    def _forget(self, now: datetime) -> None:
        while len(self._people) > 1:
            who = next(iter(self._people))
            if len(self._people) <= MOST_PEOPLE and _lately(self._people[who].asked_at, now):
                return
            del self._people[who]


def _lately(at: datetime, now: datetime) -> bool:
    """Within the minute up to ``now``; where a clock is put back, what it said before is no reason to wait."""
    return timedelta(0) <= now - at < MINUTE
