"""Discord: slash commands, buttons and private messages, over the gateway and REST, by discord.py."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from discord.http import Route

from adapters.chats import discord_wire as wire
from adapters.chats.discord_commands import sync_commands
from adapters.chats.discord_findings import PORTAL, about
from adapters.chats.discord_history import find_message
from adapters.chats.discord_listener import Listener
from adapters.chats.discord_pace import DiscordPace
from adapters.chats.discord_render import marked, render
from adapters.chats.discord_shards import ShardedClient, Shards, about_shards, until_turn
from bot.errors import ChatGone, ConfigError, Hidden, Problem, Refused, TryLater
from bot.model import Address
from bot.ports import Desk, Finding, Message
from bot.replies import Reply

log = logging.getLogger(__name__)

_GATEWAY = DiscordWebSocket.DEFAULT_GATEWAY
_LOGIN_WITHIN, _SEND_WITHIN, _LISTEN_WITHIN, _STOP_WITHIN = 20.0, 60.0, 15.0, 5.0
_FIND_WITHIN = 30.0
_STEADY = 60.0
"""Seconds after which a connection counts as one that worked."""
_FATAL_CLOSES = frozenset({4004, 4010, 4011, 4012, 4013, 4014})
"""https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes"""
_UNREACHABLE = (OSError, TimeoutError, aiohttp.ClientError, discord.DiscordException)

_TOKEN = "PAPERROUND_DISCORD__TOKEN"  # noqa: S105


class Discord:
    """``ChatPlatform`` for Discord.

    ``api_url`` with or without ``/api/v10``, ``gateway_url`` a ws(s) address: for those who run a proxy. discord.py
    keeps both for the whole process, so one process talks to one Discord.
    """

    platform = "discord"
    patience = 1.5
    """Seconds an answer may take before its interaction is deferred; Discord gives 3."""
    nonce_window = timedelta(minutes=3)
    """Discord says "the past few minutes" (https://discord.com/developers/docs/resources/message#create-message)."""

    def __init__(
        self,
        token: str,
        api_url: str = "",
        gateway_url: str = "",
        shards: Shards = Shards(),  # noqa: B008
        pace: DiscordPace | None = None,
    ) -> None:
        self._token, self._shards = token, shards
        self._pace = pace or DiscordPace()
        self._api = wire.api_base(api_url)
        self._gateway = yarl.URL(gateway_url) if gateway_url else _GATEWAY
        self._client: _Client | None = None
        self._listener: Listener | None = None
        self._task: asyncio.Task[None] | None = None
        self._logging_in = asyncio.Lock()
        self._attempted = asyncio.Event()
        self._refused_at = float("-inf")
        self._stopped = False

    def render(self, reply: Reply) -> tuple[Message, ...]:
        return render(reply)

    async def send(self, address: Address, payload: bytes, nonce: str) -> str:
        return await self._send(address, payload, nonce)

    async def _answer(self, address: Address, payload: bytes, nonce: str) -> str:
        return await self._send(address, payload, nonce, urgent=True)

    async def _send(self, address: Address, payload: bytes, nonce: str, urgent: bool = False) -> str:
        if not address.chat.isdecimal():
            raise ChatGone(f"{address} is no Discord channel")
        try:
            body = json.loads(payload)
        except ValueError as error:
            raise Refused("not a message body") from error
        with wire.discord_errors(may_deliver=False):
            client = await self._logged_in()
        await self._pace.turn(urgent)
        with wire.discord_errors():
            try:
                async with asyncio.timeout(_SEND_WITHIN):
                    return await wire.create_message(client, address.chat, body, nonce)
            except RuntimeError as error:
                # aiohttp's "Session is closed": stop() came in between.
                if client.is_closed():
                    raise TryLater("Discord is being left", 5.0) from error
                raise

    def marked(self, payload: bytes, note: str) -> bytes:
        return marked(payload, note)

    async def find(self, address: Address, payload: bytes, since: datetime) -> str:
        with wire.discord_errors(may_deliver=False):
            client = await self._logged_in()
        await self._pace.turn()
        try:
            with wire.discord_errors(may_deliver=False):
                async with asyncio.timeout(_FIND_WITHIN):
                    return await find_message(client, address.chat, payload, since)
        except (ChatGone, Refused) as error:
            raise Hidden(str(error)) from error

    async def private_chat(self, user: str) -> Address:
        with wire.discord_errors(may_deliver=False):
            client = await self._logged_in()
            channel = await client.http.start_private_message(int(user.partition(":")[2]))
        return Address("discord", str(channel["id"]))

    async def start(self, desk: Desk) -> None:
        self._stopped = False
        self._listener = Listener(desk, self._answer, self.patience)
        try:
            await self._logged_in()
        except discord.LoginFailure as error:
            raise ConfigError((_token_refused(),)) from error
        except (*_UNREACHABLE, TryLater) as error:
            log.warning("Discord cannot be reached (%s); trying again in the background", wire.briefly(error))
            self._attempted.set()
        self._task = asyncio.create_task(self._run(desk), name="discord")
        try:
            async with asyncio.timeout(_LISTEN_WITHIN):
                await self._attempted.wait()
        except TimeoutError:
            log.warning("Discord's gateway does not answer; trying again in the background")

    @property
    def listening(self) -> bool:
        client = self._client
        return client is not None and not client.is_closed() and self._attempted.is_set() and not client.lost

    async def stop(self) -> None:
        self._stopped = True
        task, client, self._task = self._task, self._client, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=_STOP_WITHIN)
        if self._listener is not None:
            await self._listener.drained(_STOP_WITHIN)
        if client is not None:
            self._client = None
            await _close(client)

    async def examine(self) -> Sequence[Finding]:
        try:
            client = await self._logged_in()
            guilds = len(await client.http.get_guilds(200, with_counts=False))
            shards = await about_shards(client, self._shards)
        except discord.LoginFailure:
            problem = _token_refused()
            return (Finding("discord token", False, problem.wrong, problem.mend),)
        except (*_UNREACHABLE, TryLater) as error:
            return (
                Finding(
                    "discord",
                    False,
                    f"cannot be reached: {wire.briefly(error)}",
                    "check the network, PAPERROUND_DISCORD__API_URL and https://discordstatus.com",
                ),
            )
        return (*about(client, guilds), shards)

    async def _logged_in(self) -> _Client:
        """A client with a REST session; raises what discord.py raises, or TryLater."""
        loop = asyncio.get_running_loop()
        async with self._logging_in:
            if self._client is not None and not self._client.is_closed():
                return self._client
            if self._stopped:
                raise TryLater("Discord is being left", 5.0)
            if not (self._token.isascii() and self._token.isprintable() and self._token.strip()):
                raise discord.LoginFailure("not a token")
            if loop.time() - self._refused_at < wire.LONGEST_PAUSE:
                raise TryLater("Discord refused the token a moment ago", wire.LONGEST_PAUSE, everywhere=True)
            Route.BASE = self._api
            DiscordWebSocket.DEFAULT_GATEWAY = self._gateway
            made = _ManyClient if self._shards.many else _Client
            client = made(self._listener, self._attempted.set, self._pace.answered)
            client.connections = self._shards
            try:
                async with asyncio.timeout(_LOGIN_WITHIN):
                    await client.login(self._token)
            except BaseException as error:
                if isinstance(error, discord.LoginFailure):
                    self._refused_at = loop.time()
                await _close(client)
                raise
            self._client = client
            return client

    async def _run(self, desk: Desk) -> None:
        """Listen for ever; whatever ends the connection is logged in one line and tried again."""
        loop = asyncio.get_running_loop()
        failures, synced = 0, False
        while True:
            began = loop.time()
            try:
                client = await self._logged_in()
                client.listener = self._listener
                synced = synced or await _sync(client, desk)
                await client.listen()
            except discord.LoginFailure:
                log.error("Discord refuses the token (%s)", _TOKEN)
            except discord.ConnectionClosed as error:
                log.error("Discord's gateway closed for good: %s", wire.closed_for_good(error.code))
                failures, began = max(failures, 8), loop.time()
            except (*_UNREACHABLE, TryLater) as error:
                log.debug("login failed: %s", wire.briefly(error))
            except Exception:
                log.exception("the connection to Discord broke")
            self._attempted.set()
            failures = 1 if loop.time() - began > _STEADY else failures + 1
            pause = wire.pause_after(failures)
            log.info("Discord again in %.0f s", pause)
            await asyncio.sleep(pause)


class _Client(discord.Client):
    """discord.py's client with events handed to a ``Listener`` and a connection loop of its own.

    The library's loop logs a traceback for every attempt, waits up to 17 minutes between two, and ends by an
    AttributeError where the very first connection fails.
    """

    def __init__(
        self, listener: Listener | None, attempted: Callable[[], None], heard: Callable[[int, bool], None]
    ) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.dm_messages = True
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
            http_trace=wire.trace(heard),
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
            except _UNREACHABLE as error:
                why, again = wire.briefly(error), True
            finally:
                if ws is not None and ws.open:
                    await asyncio.wait_for(ws.close(), _STOP_WITHIN)
            failures = 1 if loop.time() - began > _STEADY else failures + 1
            session = {}
            if again and failures <= 3 and ws is not None and ws.session_id is not None:
                session = {"session": ws.session_id, "sequence": ws.sequence, "gateway": ws.gateway, "resume": True}
            pause = wire.pause_after(failures)
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
        if self.listener is not None:
            await self.listener.message(message)

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


class _ManyClient(_Client, ShardedClient):
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


async def _sync(client: _Client, desk: Desk) -> bool:
    """Whether Discord knows the commands now; without them, buttons and private messages still work."""
    try:
        if await sync_commands(client, desk):
            log.info("told Discord the commands")
    except _UNREACHABLE as error:
        log.warning("Discord did not take the commands: %s", wire.briefly(error))
        return False
    except Exception:
        log.exception("the commands could not be described to Discord")
        return False
    return True


async def _close(client: _Client) -> None:
    try:
        await asyncio.wait_for(client.close(), _STOP_WITHIN)
    except _UNREACHABLE as error:
        log.debug("closing: %s", wire.briefly(error))
        await client.http.close()


def _token_refused() -> Problem:
    return Problem(_TOKEN, "Discord refuses this token", f"copy a new one from {PORTAL}, Bot, Reset Token")
