"""Windows of time in which only so much may happen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from heapq import heappop, heappush, heapreplace, nlargest
from itertools import chain, count

NO_PART_SECONDS = 0.2
"""Between two looks whether this process may send."""
ON_THE_WAY = 0.01
"""How much longer than its seconds a window of many is kept: the platform counts what arrives, and a message may gain
on another on the way."""
UNANSWERED_SECONDS = 0.02
"""Between two looks whether what left a window ago was answered."""


class Place:
    """One message's place in a window: when it leaves, and once it was answered, when it arrived at the latest.
    ``kept``: as one of the last in its window."""

    __slots__ = ("at", "kept")

    def __init__(self, at: float) -> None:
        self.at, self.kept = at, True

    def not_before(self, at: float) -> None:
        self.at = max(self.at, at)


class Window:
    """At most ``most`` in any ``seconds``. ``evenly``: one after another instead of all at once, for many that leave
    together keep each other waiting; a tenth of a window that was missed is made up for."""

    def __init__(self, most: int, seconds: float, evenly: bool = False) -> None:
        self._most, self.seconds = most, seconds * (1 + ON_THE_WAY) if evenly else seconds
        # The last ``most`` to arrive, by when it was thought they would: one may be long on its way.
        self._places: list[tuple[float, int, Place]] = []
        # What made room for others, and arrived later than they did.
        self._found: list[Place] = []
        self._order = count()
        self._evenly, self._next = evenly, float("-inf")

    def earliest(self, now: float, part: float = 1.0) -> float:
        """When the next one may go: ``now`` or later. ``part``: of the window, where others have the rest."""
        rate = self._most * part
        most = max(1, int(rate))
        at = max(now, self._next)
        if self._found:
            self._found = [place for place in self._found if place.at + self.seconds > now]
        if len(self._places) + len(self._found) < most:
            return at
        return max(at, self._first(most).at + self.seconds * most / rate)

    def crowded(self, now: float, late: int, place: Place | None = None, part: float = 1.0) -> bool:
        """Whether one more, or the one in ``place``, would be too many if ``late`` others arrived with it."""
        since = now - self.seconds
        others = sum(one.at > since and one is not place for one in self._all())
        return others + late >= max(1, int(self._most * part))

    def answered(self, place: Place) -> None:
        """It is known when what left in ``place`` arrived at the latest."""
        if not place.kept and self._evenly:
            place.kept = True
            self._found.append(place)

    @property
    def surprised(self) -> bool:
        """Whether something that left long ago has arrived only now."""
        return bool(self._found)

    def _all(self) -> Iterator[Place]:
        return chain((place for _, _, place in self._places), self._found)

    def _first(self, most: int) -> Place:
        """Of the last ``most`` to arrive, the first."""
        if most < len(self._places) or self._found:
            return nlargest(most, self._all(), key=lambda place: place.at)[-1]
        return self._head()

    def _head(self) -> Place:
        while (first := self._places[0])[0] < (at := first[2].at):
            heapreplace(self._places, (at, *first[1:]))
        return first[2]

    def take(self, at: float, part: float = 1.0) -> Place:
        if len(self._places) == self._most:
            self._head()
            heappop(self._places)[2].kept = False
        heappush(self._places, (at, next(self._order), place := Place(at)))
        if self._evenly:
            step = self.seconds / (self._most * part)
            self._next = max(self._next + step, at + step - self.seconds / 10)
        return place

    def hold(self, until: float) -> None:
        """Nothing before."""
        self._next = max(self._next, until)

    def idle(self, now: float) -> bool:
        return all(place.at + self.seconds <= now for _, _, place in self._places)


class Turns:
    """Who may send next, as a digest asks for it: its turn first, and when it is promised, the message.

    An answer that took longer than others tells of a message that arrived later, so its place counts from then on.
    What left a window ago and is not answered may arrive at any moment, and so takes the place of one more.
    """

    _LOST = 5.0
    """Seconds after which what is not answered has arrived all the same: its answer is what is late."""

    _GOOD_FOR = 0.25
    """Seconds after its moment when a turn that was not used is void: where promising takes long, all that were given
    meanwhile would leave together."""
    _LEARNING = 50
    """Answers until it is known how long one takes at least; the first ones open connections."""
    _LEAD = 0.1
    """Seconds by which a turn is given early at most, for the promise to be kept when it comes."""

    def __init__(
        self,
        overall: Window,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        part: Callable[[], float],
    ) -> None:
        """``part``: of ``overall``, the limit on the whole bot, what this process may use at the moment; 0 for
        nothing."""
        self._all, self._part = overall, part
        self._clock, self._sleep = clock, sleep
        self._away: dict[Place, float] = {}
        self._given: dict[str, tuple[float, tuple[Place, ...]]] = {}
        self._least, self._lead, self._answers = float("inf"), 0.0, 0

    async def turn(self, chat: str, urgent: bool = False, lead: float = 0.0) -> tuple[Place, ...]:
        """Return when a message to ``chat`` may leave, or ``lead`` seconds before, with its places; the first of them
        is the last to come. ``urgent``: a person waits for it."""
        raise NotImplementedError

    async def ready(self, chat: str) -> None:
        """As ``turn`` for a digest, whose message leaves when it is promised: see ``leave``."""
        now = self._clock()
        if len(self._given) > 1_000:
            self._given = {one: given for one, given in self._given.items() if self._is_good(given[1], now)}
        if not self._is_good(self._given.get(chat, (0.0, ()))[1], now):
            places = await self.turn(chat, lead=self._lead)
            self._given[chat] = (self._clock(), places)

    async def leave(self, chat: str, urgent: bool = False) -> tuple[Place, ...]:
        """A message leaves now, with the turn that it was given, or after waiting for one."""
        now = self._clock()
        given_at, places = (0.0, ()) if urgent else self._given.pop(chat, (0.0, ()))
        if not self._is_good(places, now):
            places = await self.turn(chat, urgent)
        else:
            self._lead = min(self._LEAD, self._lead * 0.9 + (now - given_at) * 0.1)
            await self._until(places[0].at)
        await self._room(places[0])
        now = self._clock()
        for place in places:
            place.not_before(now)
        self._away[places[0]] = now
        return places

    def answered(self, places: tuple[Place, ...]) -> None:
        """What left in these places was answered, whatever the answer."""
        now = self._clock()
        self._least = min(self._least * 1.0005, max(0.0, now - places[0].at))
        self._answers += 1
        way = self._least if self._answers > self._LEARNING else 0.0
        for place in places:
            place.not_before(now - way)
        self._away.pop(places[0], None)
        self._all.answered(places[0])

    async def _part_given(self, crowded: bool = False) -> float:
        """The part of the limit that this process has, when it has one and there is room in it. ``crowded``: for what
        left before, and is among those that are waited for."""
        while not (part := self._part()):
            await self._sleep(NO_PART_SECONDS)
        if not crowded:
            await self._room()
        return part

    async def _room(self, place: Place | None = None) -> None:
        """Return when one more may leave, or the one in ``place``, though all that is late came at once."""
        while (late := self._late()) or self._all.surprised:
            if not self._all.crowded(self._clock(), late, place, self._part() or 1.0):
                return
            await self._sleep(UNANSWERED_SECONDS)

    def _late(self) -> int:
        """How many left more than a window ago and may not have arrived."""
        now, late = self._clock(), 0
        arrived = []
        for place, left_at in self._away.items():
            if left_at + self._all.seconds > now:
                break
            if left_at + self._LOST < now:
                arrived.append(place)
            else:
                late += 1
        for place in arrived:
            del self._away[place]
        return late

    async def _until(self, at: float) -> None:
        if (wait := at - self._clock()) > 0:
            await self._sleep(wait)

    def _is_good(self, places: tuple[Place, ...], now: float) -> bool:
        return bool(places) and now <= places[0].at + self._GOOD_FOR
