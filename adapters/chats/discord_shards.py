"""Several connections to Discord's gateway: https://discord.com/developers/docs/events/gateway#sharding

One connection is enough for 2,500 servers. Each process opens those that are its own and that no other has open.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import discord
from discord.gateway import DiscordWebSocket

from bot.ports import Finding

log = logging.getLogger(__name__)

Turn = Callable[[str], Awaitable[bool]]
"""Whether this process is the one that listens at ``0/1``: shard and their number."""

STANDBY_SECONDS = 3.0
IDENTIFY_SECONDS = 5.0
"""In which as many connections may be begun as Discord says (``max_concurrency``)."""
_GUILDS_AT_MOST = 2_500


async def always(_: str = "") -> bool:
    return True


async def at_once(_: str) -> None:
    """Nobody else begins a connection."""


@dataclass(frozen=True, slots=True)
class Shards:
    """``count`` is 0 for as many as Discord advises; without ``ids`` all of them are this process's own. ``begin``
    waits until none of the other processes begins a connection of the same bucket."""

    count: int = 1
    ids: tuple[int, ...] = ()
    turn: Turn = always
    begin: Callable[[str], Awaitable[None]] = at_once

    @property
    def many(self) -> bool:
        return self.count != 1


async def until_turn(turn: Turn, door: str, waiting: Callable[[], None]) -> None:
    """Return when this process is the one that listens there; ``waiting`` is called where it is not yet."""
    if await turn(door):
        return
    log.info("Discord: another process listens at shard %s; this one stands by", door)
    waiting()
    while not await turn(door):  # noqa: ASYNC110  (nobody tells when another leaves)
        await asyncio.sleep(STANDBY_SECONDS)
    log.info("Discord: this process listens at shard %s now", door)


class ShardedClient(discord.AutoShardedClient):
    """What makes a client one of several connections: discord.py keeps the servers' state, our own loops connect."""

    async def listen_all(self, shards: Shards, listen: Callable[[int], Awaitable[None]]) -> None:
        """``listen`` to every shard of this process. Raises what any of them raises, and ends the others."""
        advised, self._at_once = await self._advice()
        self.shard_count = shards.count or advised
        self._connection.shard_count = self.shard_count
        self._begin = shards.begin
        ids = list(shards.ids) or list(range(self.shard_count))
        self._connection.shard_ids = ids
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sockets: dict[int, DiscordWebSocket] = {}
        if advised > self.shard_count:
            log.warning("Discord advises %d shards; there are %d", advised, self.shard_count)
        try:
            async with asyncio.TaskGroup() as group:
                for shard in ids:
                    group.create_task(_awaited(listen(shard)))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _advice(self) -> tuple[int, int]:
        """How many shards Discord advises, and how many of them may be begun in IDENTIFY_SECONDS."""
        advised, _, limits = await self.http.get_bot_gateway()
        return advised, max(1, limits["max_concurrency"])

    @asynccontextmanager
    async def beginning(self, shard: int | None, resumes: bool) -> AsyncIterator[None]:
        """A connection is begun in here, no sooner than Discord allows; one that goes on where it was may at once."""
        if shard is None or resumes:
            yield
            return
        bucket = shard % self._at_once
        lock = self._locks[bucket]
        await lock.acquire()
        try:
            await self._begin(str(bucket))
            yield
        finally:
            asyncio.get_running_loop().call_later(IDENTIFY_SECONDS, lock.release)

    def opened(self, shard: int, socket: DiscordWebSocket) -> None:
        self._sockets[shard] = socket

    def _get_websocket(self, guild_id: int | None = None, *, shard_id: int | None = None) -> DiscordWebSocket:
        if shard_id is None:
            shard_id = ((guild_id or 0) >> 22) % (self.shard_count or 1)
        return self._sockets[shard_id]

    async def close(self) -> None:
        if self._closing_task is None:
            self._closing_task = asyncio.create_task(self._close_all())
        await self._closing_task

    async def _close_all(self) -> None:
        await self._connection.close()
        sockets = [socket for socket in getattr(self, "_sockets", {}).values() if socket.open]
        await asyncio.gather(*(socket.close(code=1000) for socket in sockets), return_exceptions=True)
        await self.http.close()


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def about_shards(client: discord.Client, shards: Shards) -> Finding:
    """Whether there are as many connections as Discord wants. Raises what discord.py raises."""
    advised, _, _ = await client.http.get_bot_gateway()
    if not shards.count:
        return Finding("discord shards", True, f"as many as Discord advises: {advised}")
    if advised > shards.count:
        mend = f"set PAPERROUND_DISCORD__SHARDS={advised} or auto: one takes {_GUILDS_AT_MOST:,} servers at most"
        return Finding("discord shards", False, f"{shards.count}, and Discord advises {advised}", mend)
    return Finding("discord shards", True, f"{shards.count}, and Discord advises {advised}")
