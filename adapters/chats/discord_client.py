"""discord.py's client with a connection loop of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from adapters.chats import discord_wire as wire
from adapters.chats.discord_commands import sync_commands
from adapters.chats.discord_listener import Listener
from adapters.chats.discord_pace import DiscordPace
from adapters.chats.discord_shards import ShardedClient, Shards, until_turn
from bot.ports import Desk

log = logging.getLogger(__name__)

STEADY = 60.0
"""Seconds after which a connection counts as one that worked."""
LONGEST_PAUSE = 300.0
UNREACHABLE = (OSError, TimeoutError, aiohttp.ClientError, discord.DiscordException)
TOKEN = "PAPERROUND_DISCORD__TOKEN"  # noqa: S105
_STOP_WITHIN = 5.0
_FATAL_CLOSES = frozenset({4004, 4010, 4011, 4012, 4013, 4014})
"""https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes"""


class Client(discord.Client):
    """discord.py's client with events handed to a ``Listener`` and a connection loop of its own.

    The library's loop logs a traceback for every attempt, waits up to 17 minutes between two, and ends by an
    AttributeError where the very first connection fails.
    """

    def __init__(self, listener: Listener | None, attempted: Callable[[], None], pace: DiscordPace) -> None:
        intents = discord.Intents.none()
        # Of a server's messages Discord shows those alone that name the bot; that needs no privileged intent.
        intents.guilds = intents.dm_messages = intents.guild_messages = True
        # A bot that never speaks need not warn that it cannot.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            intents=intents,
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=30.0,
            # Until then discord.py takes a new server for one that was there before.
            guild_ready_timeout=0.2,
            http_trace=wire.trace(pace),
        )
        wire.sweep_rarely(self.http)
        self.listener = listener
        self._note_attempt = attempted
        self.connections = Shards()
        self.lost: set[int] = set()
        """Shards that this process should hear and does not at the moment."""

    async def listen(self, shard: int | None = None) -> None:
        """Connect and reconnect until closed. Raises ConnectionClosed where reconnecting is of no use."""
        door, turn = f"{shard or 0}/{self.shard_count or 1}", self.connections.turn
        loop = asyncio.get_running_loop()
        session: dict[str, Any] = {}
        failures = 0
        ws: DiscordWebSocket | None = None

        def stand_by() -> None:
            self.lost.discard(shard or 0)
            self._note_attempt()

        while not self.is_closed():
            await until_turn(turn, door, stand_by)
            began = loop.time()
            try:
                ws = await self._connect(shard, session)
                self.lost.discard(shard or 0)
                while await turn(door):
                    await ws.poll_event()
                why, again = "another process listens there", False
            except ReconnectWebSocket as error:
                why, again = "asked to reconnect", error.resume
            except discord.ConnectionClosed as error:
                if error.code in _FATAL_CLOSES:
                    raise
                why, again = f"closed with {error.code}", True
            except UNREACHABLE as error:
                why, again = wire.briefly(error), True
            finally:
                if ws is not None and ws.open:
                    await asyncio.wait_for(ws.close(), _STOP_WITHIN)
            failures = 1 if loop.time() - began > STEADY else failures + 1
            session = {}
            if again and failures <= 3 and ws is not None and ws.session_id is not None:
                session = {"session": ws.session_id, "sequence": ws.sequence, "gateway": ws.gateway, "resume": True}
            pause = pause_after(failures)
            if pause:
                self.lost.add(shard or 0)
                log.warning("Discord's gateway: %s; again in %.0f s", why, pause)
                self._note_attempt()
            else:
                log.info("Discord's gateway: %s; again at once", why)
            await asyncio.sleep(pause)

    async def _connect(self, shard: int | None, session: dict[str, Any]) -> DiscordWebSocket:
        socket = DiscordWebSocket.from_client(self, initial=not session, shard_id=shard, **session)
        self.ws = await asyncio.wait_for(socket, 60)
        return self.ws

    async def on_connect(self) -> None:
        log.info("listening to Discord")
        self._note_attempt()

    async def on_interaction(self, event: discord.Interaction[Any]) -> None:
        if self.listener is not None:
            await self.listener.interaction(event)

    async def on_message(self, message: discord.Message) -> None:
        if self.listener is not None and self.user is not None:
            await self.listener.message(message, self.user.id)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        if self.listener is not None:
            await self.listener.guild_joined(guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        if self.listener is not None:
            await self.listener.guild_left(guild)

    async def on_guild_channel_update(self, _: discord.abc.GuildChannel, channel: discord.abc.GuildChannel) -> None:
        if self.listener is not None:
            threads = [thread.id for thread in channel.guild.threads if thread.parent_id == channel.id]
            await self.listener.places_back([channel.id, *threads])

    async def on_guild_role_update(self, _: discord.Role, role: discord.Role) -> None:
        if self.listener is not None:
            await self.listener.places_back(place.id for place in (*role.guild.channels, *role.guild.threads))

    async def on_raw_thread_update(self, event: discord.RawThreadUpdateEvent) -> None:
        if self.listener is not None:
            await self.listener.places_back([event.thread_id])

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        if self.listener is not None:
            await self.listener.channel_deleted(channel)

    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        if self.listener is not None:
            await self.listener.thread_deleted(event.thread_id)


class ManyClient(Client, ShardedClient):
    """The same with several connections."""

    async def listen(self, shard: int | None = None) -> None:
        if shard is None:
            await self.listen_all(self.connections, self.listen)
        else:
            await super().listen(shard)

    async def _connect(self, shard: int | None, session: dict[str, Any]) -> DiscordWebSocket:
        async with self.beginning(shard, bool(session)):
            socket = await super()._connect(shard, session)
        self.opened(shard or 0, socket)
        return socket


async def sync(client: Client, desk: Desk) -> bool:
    """Whether Discord knows the commands now; without them, buttons and private messages still work."""
    try:
        if await sync_commands(client, desk):
            log.info("told Discord the commands")
    except UNREACHABLE as error:
        log.warning("Discord did not take the commands: %s", wire.briefly(error))
        return False
    except Exception:
        log.exception("the commands could not be described to Discord")
        return False
    return True


async def close(client: Client) -> None:
    try:
        await asyncio.wait_for(client.close(), _STOP_WITHIN)
    except UNREACHABLE as error:
        log.debug("closing: %s", wire.briefly(error))
        await client.http.close()


def pause_after(failures: int) -> float:
    """Seconds before the next attempt: none after the first failure, then 2, 6, 14 … up to 300."""
    return float(min(LONGEST_PAUSE, 2 ** min(failures, 9) - 2))


def closed_for_good(code: int) -> str:
    return {
        4004: f"the token is refused; set {TOKEN}",
        4011: "the bot is in too many servers for one connection",
        4014: "an intent is not allowed",
    }.get(code, f"code {code}")
