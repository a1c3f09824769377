"""When the next message may leave for Telegram.

About 30 messages a second over all chats, one a second in a chat, 20 a minute in a group or channel:
https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from adapters.chats.pace import Place, Turns, Window
from bot.errors import TryLater

A_SECOND, PAID_A_SECOND = 30, 1000
"""Messages over all chats; more are paid for: https://core.telegram.org/bots/api#sendmessage, allow_paid_broadcast"""
SAME_MOMENT = 2.0
"""Seconds: Telegram names whole ones, and two chats are not told in the same moment."""
MAX_LANES = 4096
"""Chats remembered before those that have been silent for a while are forgotten."""


class _Lane:
    """One chat: its own windows, and first come, first served."""

    def __init__(self, windows: tuple[Window, ...]) -> None:
        self.turn = asyncio.Lock()
        self.held_until = 0.0
        self._windows = windows

    def earliest(self, now: float) -> float:
        return max(self.held_until, *(window.earliest(now) for window in self._windows))

    def take(self, at: float) -> tuple[Place, ...]:
        return tuple(window.take(at) for window in self._windows)

    def idle(self, now: float) -> bool:
        return self.held_until <= now and not self.turn.locked() and all(window.idle(now) for window in self._windows)


class Pace(Turns):
    """Keeps one bot's messages within the limits. ``clock`` in seconds, monotonic. ``part``: of the limit on the whole
    bot, what this process may use at the moment; 0 for nothing.

    Digests queue behind each other, so an answer to a person has at most one of them before it.
    """

    def __init__(
        self,
        per_second: int = A_SECOND,
        per_chat_second: int = 1,
        per_group_minute: int = 20,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        part: Callable[[], float] = lambda: 1.0,
    ) -> None:
        super().__init__(Window(per_second, 1.0, evenly=True), clock, sleep, part)
        self._per_chat_second, self._per_group_minute = per_chat_second, per_group_minute
        self._digests = asyncio.Lock()
        self._lanes: dict[str, _Lane] = {}

    async def turn(self, chat: str, urgent: bool = False, lead: float = 0.0) -> tuple[Place, ...]:
        """As in ``Turns``.

        Raises TryLater where the chat's turn is further away than is worth waiting for: 5 s, urgent 60 s.
        """
        patience = 60.0 if urgent else 5.0
        lane = self._lane(chat)
        self._refuse_beyond(lane, patience)
        if urgent:
            async with lane.turn:
                self._refuse_beyond(lane, patience)
                await self._until(lane.earliest(self._clock()))
                place = await self._place()
                await self._until(place.at)
                return (place, *lane.take(self._clock()))
        while True:
            await self._until(lane.earliest(self._clock()))
            async with self._digests:
                await self._part_given()
                # An answer may have gone to this chat meanwhile, and another digest must not wait for this one.
                if not lane.turn.locked() and lane.earliest(self._clock()) <= self._clock():
                    place = self._taken()
                    places = (place, *lane.take(place.at))
                    await self._until(place.at - lead)
                    return places
            async with lane.turn:
                pass
            self._refuse_beyond(lane, patience)

    def hold(self, chat: str, seconds: float) -> bool:
        """Nothing more to ``chat`` for ``seconds``, as Telegram asked. True where another chat is held until the
        same moment: then the limit is on the bot, not on the chat."""
        now = self._clock()
        until = now + seconds
        everywhere = any(
            lane.held_until > now and abs(lane.held_until - until) <= SAME_MOMENT
            for name, lane in self._lanes.items()
            if name != chat
        )
        self._lane(chat).held_until = until
        return everywhere

    async def _place(self) -> Place:
        await self._part_given()
        return self._taken()

    def _taken(self) -> Place:
        part = self._part() or 1.0
        return self._all.take(self._all.earliest(self._clock(), part), part)

    def _refuse_beyond(self, lane: _Lane, patience: float) -> None:
        now = self._clock()
        wait = lane.earliest(now) - now
        if wait > patience:
            raise TryLater("Telegram takes no more messages for this chat just now", after=wait)

    def _lane(self, chat: str) -> _Lane:
        if (lane := self._lanes.get(chat)) is None:
            if len(self._lanes) >= MAX_LANES:
                now = self._clock()
                self._lanes = {name: kept for name, kept in self._lanes.items() if not kept.idle(now)}
            windows = [Window(self._per_chat_second, 1.0)]
            if not chat.isdecimal():
                # Ids of groups and channels are negative, and only they have an @name.
                windows.append(Window(self._per_group_minute, 60.0))
            lane = self._lanes[chat] = _Lane(tuple(windows))
        return lane
