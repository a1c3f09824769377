"""How much may be asked of Discord over all, which discord.py leaves to its users: it heeds each route's own limit.

50 requests a second for a bot, and 10,000 refused ones (401, 403, 429) in ten minutes before the address is shut out:
https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from adapters.chats.pace import Place, Turns, Window
from bot.errors import TryLater

log = logging.getLogger(__name__)

A_SECOND = 50
"""Requests; answers to interactions do not count."""
REFUSED, REFUSED_SECONDS = 2_000, 600.0
"""A fifth of what Discord bears: other programs may share the address."""
LONGEST_HOLD = 60.0
"""Seconds; a longer wait is told to who asked, and stops the platform as a whole."""
_REFUSALS = frozenset({401, 403, 429})


class DiscordPace(Turns):
    """``clock`` in seconds, monotonic. ``part``: of the limit on the whole bot, what this process may use at the
    moment; 0 for nothing. Digests queue behind each other, so an answer has at most one before it."""

    def __init__(
        self,
        a_second: int = A_SECOND,
        refused: int = REFUSED,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        part: Callable[[], float] = lambda: 1.0,
    ) -> None:
        super().__init__(Window(a_second, 1.0, evenly=True), clock, sleep, part)
        self._refused = Window(refused, REFUSED_SECONDS)
        self._digests = asyncio.Lock()
        self._told_until = float("-inf")

    def logged_in(self) -> None:
        """What that asked counts as well: nothing more in this second."""
        self._all.hold(self._clock() + 1.0)

    async def turn(self, chat: str, urgent: bool = False, lead: float = 0.0) -> tuple[Place, ...]:
        """As in ``Turns``; a channel's own limit is discord.py's. Raises TryLater while Discord refused too much."""
        self._check()
        if urgent:
            return (await self._place(),)
        async with self._digests:
            place = await self._place(lead)
        self._check()
        return (place,)

    async def again(self) -> None:
        """Return when the library may repeat a request, which it does for all that were refused at the same moment."""
        await self._place(repeated=True)

    def heard(self, status: int, shared: bool = False, everything: bool = False, wait: float = 0.0) -> None:
        """Note what Discord said. ``shared``: the limit was another's fault, and is not counted against us;
        ``everything``: the limit on the whole bot, and nothing more is asked for ``wait`` seconds."""
        if status in _REFUSALS and not shared:
            self._refused.take(self._clock())
        if status == 429 and everything:
            self._all.hold(self._clock() + min(wait, LONGEST_HOLD))

    def _check(self) -> None:
        now = self._clock()
        if (wait := self._refused.earliest(now) - now) > 0:
            if now >= self._told_until:
                log.error("Discord has refused so much that nothing more is asked for %.0f s", wait)
                self._told_until = now + wait
            raise TryLater("Discord has refused too much lately", after=wait, everywhere=True)

    async def _place(self, lead: float = 0.0, repeated: bool = False) -> Place:
        part = await self._part_given(crowded=repeated)
        place = self._all.take(self._all.earliest(self._clock(), part), part)
        await self._until(place.at - lead)
        return place
