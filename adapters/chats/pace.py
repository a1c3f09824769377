"""Windows of time in which only so much may happen."""

from __future__ import annotations

from collections import deque

NO_PART_SECONDS = 0.2
"""Between two looks whether this process may send."""
ON_THE_WAY = 0.02
"""How much longer than its seconds a window of many is kept: the platform counts what arrives, and a message may gain
on another on the way."""


class Place:
    """One message's place in a window: when it leaves, and once it was answered, when it arrived at the latest."""

    __slots__ = ("at",)

    def __init__(self, at: float) -> None:
        self.at = at

    def not_before(self, at: float) -> None:
        self.at = max(self.at, at)


class Ways:
    """How long messages are on their way: an answer that took longer than others tells of one that arrived later."""

    def __init__(self) -> None:
        self._least = float("inf")

    def answered(self, places: tuple[Place, ...], now: float) -> None:
        """The message of these places was answered."""
        took = max(0.0, now - places[0].at)
        self._least = min(self._least * 1.01, took)
        for place in places:
            place.not_before(now - self._least)


class Window:
    """At most ``count`` in any ``seconds``. ``evenly``: one after another instead of all at once, for many that leave
    together keep each other waiting; a tenth of a window that was missed is made up for."""

    def __init__(self, count: int, seconds: float, evenly: bool = False) -> None:
        self._seconds = seconds * (1 + ON_THE_WAY) if evenly else seconds
        self._places: deque[Place] = deque(maxlen=count)
        self._evenly, self._next = evenly, float("-inf")

    def earliest(self, now: float, part: float = 1.0) -> float:
        """When the next one may go: ``now`` or later. ``part``: of the count, where others have the rest."""
        rate = (self._places.maxlen or 1) * part
        count = max(1, int(rate))
        at = max(now, self._next)
        if len(self._places) < count:
            return at
        # Those of the last second need not be the last that were taken: one may have been long on its way.
        then = min(place.at for place in self._places) if count == len(self._places) else self._last(count)
        return max(at, then + self._seconds * count / rate)

    def _last(self, count: int) -> float:
        return sorted(place.at for place in self._places)[-count]

    def take(self, at: float, part: float = 1.0) -> Place:
        self._places.append(place := Place(at))
        if self._evenly:
            step = self._seconds / ((self._places.maxlen or 1) * part)
            self._next = max(self._next + step, at + step - self._seconds / 10)
        return place

    def hold(self, until: float) -> None:
        """Nothing before."""
        self._next = max(self._next, until)

    def idle(self, now: float) -> bool:
        return all(place.at + self._seconds <= now for place in self._places)


class Turns:
    """Turns that were given and not used yet, by chat. One that was not used in time is void."""

    _GOOD_FOR = 2.0

    def __init__(self) -> None:
        self._given: dict[str, tuple[float, tuple[Place, ...]]] = {}

    def give(self, chat: str, places: tuple[Place, ...], now: float) -> None:
        if len(self._given) > 1_000:
            self._given = {one: it for one, it in self._given.items() if it[0] + self._GOOD_FOR >= now}
        self._given[chat] = (now, places)

    def has(self, chat: str, now: float) -> bool:
        return chat in self._given and self._given[chat][0] + self._GOOD_FOR >= now

    def use(self, chat: str, now: float) -> tuple[Place, ...]:
        """The chat's, whose message leaves now; empty where it had none."""
        good = self.has(chat, now)
        _, places = self._given.pop(chat, (0.0, ()))
        if not good:
            return ()
        for place in places:
            place.not_before(now)
        return places
