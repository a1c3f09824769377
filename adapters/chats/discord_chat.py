"""Discord: slash commands, buttons and private messages, over the gateway and REST, by discord.py."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from adapters.chats import discord_forum as forum
from adapters.chats import discord_wire as wire
from adapters.chats.discord_client import (
    LONGEST_PAUSE,
    STEADY,
    TOKEN,
    UNREACHABLE,
    Client,
    ManyClient,
    close,
    closed_for_good,
    pause_after,
    sync,
)
from adapters.chats.discord_findings import PORTAL, about
from adapters.chats.discord_history import find_message
from adapters.chats.discord_listener import Listener
from adapters.chats.discord_pace import DiscordPace
from adapters.chats.discord_render import marked, render, silent
from adapters.chats.discord_shards import Shards, about_shards
from adapters.chats.discord_standing import standing
from bot.errors import ChatGone, ConfigError, Hidden, Problem, Refused, TryLater
from bot.model import Address
from bot.ports import Desk, Finding, Message, Standing
from bot.replies import Reply

log = logging.getLogger(__name__)

_GATEWAY = DiscordWebSocket.DEFAULT_GATEWAY
_LOGIN_WITHIN, _SEND_WITHIN, _LISTEN_WITHIN, _STOP_WITHIN = 20.0, 60.0, 15.0, 5.0
_FIND_WITHIN = 30.0


class Discord:
    """``ChatPlatform`` for Discord.

    ``api_url`` with or without ``/api/v10``, ``gateway_url`` a ws(s) address: for those who run a proxy. discord.py
    keeps both for the whole process, so one process talks to one Discord.
    """

    platform = "discord"
    patience = 0.8
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
        self._client: Client | None = None
        self._listener: Listener | None = None
        self._task: asyncio.Task[None] | None = None
        self._logging_in = asyncio.Lock()
        self._attempted = asyncio.Event()
        self._refused_at = float("-inf")
        self._stopped = False

    def render(self, reply: Reply) -> tuple[Message, ...]:
        return render(reply)

    async def ready(self, address: Address) -> None:
        await self._pace.ready(address.chat)

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
        post = await self._prepared(client, address, body) if address.posts else None
        if post is not None and post.there:
            return post.there
        places = await self._pace.leave(address.chat, urgent)
        with wire.discord_errors():
            try:
                async with asyncio.timeout(_SEND_WITHIN):
                    if post is not None:
                        return await forum.begin(client, post)
                    return await wire.create_message(client, address.chat, body, nonce)
            except RuntimeError as error:
                # aiohttp's "Session is closed": stop() came in between.
                if client.is_closed():
                    raise TryLater("Discord is being left", 5.0) from error
                raise
            finally:
                self._pace.answered(places)

    async def _prepared(self, client: Client, address: Address, body: dict[str, Any]) -> forum.Post:
        """Nothing is made by that, so nothing of it is in doubt."""
        await self._pace.turn(address.chat)
        with wire.discord_errors(may_deliver=False):
            async with asyncio.timeout(_FIND_WITHIN):
                return await forum.prepare(client, address.chat, body, datetime.now(UTC))

    def follows(self, address: Address, first: str) -> Address:
        """A post's thread has the id of its first message."""
        return Address(self.platform, first) if address.posts and first.isdecimal() else address

    def marked(self, payload: bytes, note: str) -> bytes:
        return marked(payload, note)

    def silent(self, payload: bytes) -> bytes:
        return silent(payload)

    async def find(self, address: Address, payload: bytes, since: datetime) -> str:
        with wire.discord_errors(may_deliver=False):
            client = await self._logged_in()
        await self._pace.turn(address.chat)
        try:
            with wire.discord_errors(may_deliver=False):
                async with asyncio.timeout(_FIND_WITHIN):
                    find = forum.find_post if address.posts else find_message
                    return await find(client, address.chat, payload, since)
        except (ChatGone, Refused) as error:
            raise Hidden(str(error)) from error

    async def private_chat(self, user: str) -> Address:
        with wire.discord_errors(may_deliver=False):
            client = await self._logged_in()
            channel = await client.http.start_private_message(int(user.partition(":")[2]))
        return Address("discord", str(channel["id"]))

    async def standing(self, user: str, wanted: str) -> Standing:
        with wire.discord_errors(may_deliver=False):
            client = await self._logged_in()
        return await standing(client, user, wanted)

    async def start(self, desk: Desk) -> None:
        self._stopped = False
        self._listener = Listener(desk, self._answer, self.patience)
        try:
            await self._logged_in()
        except discord.LoginFailure as error:
            raise ConfigError((_token_refused(),)) from error
        except (*UNREACHABLE, TryLater) as error:
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
            await close(client)

    async def examine(self) -> Sequence[Finding]:
        try:
            client = await self._logged_in()
            guilds = len(await client.http.get_guilds(200, with_counts=False))
            shards = await about_shards(client, self._shards)
        except discord.LoginFailure:
            problem = _token_refused()
            return (Finding("discord token", False, problem.wrong, problem.mend),)
        except (*UNREACHABLE, TryLater) as error:
            return (
                Finding(
                    "discord",
                    False,
                    f"cannot be reached: {wire.briefly(error)}",
                    "check the network, PAPERROUND_DISCORD__API_URL and https://discordstatus.com",
                ),
            )
        return (*about(client, guilds), shards)

    async def _logged_in(self) -> Client:
        """A client with a REST session; raises what discord.py raises, or TryLater."""
        loop = asyncio.get_running_loop()
        async with self._logging_in:
            if self._client is not None and not self._client.is_closed():
                return self._client
            if self._stopped:
                raise TryLater("Discord is being left", 5.0)
            if not (self._token.isascii() and self._token.isprintable() and self._token.strip()):
                raise discord.LoginFailure("not a token")
            if loop.time() - self._refused_at < LONGEST_PAUSE:
                raise TryLater("Discord refused the token a moment ago", LONGEST_PAUSE, everywhere=True)
            Route.BASE = self._api
            DiscordWebSocket.DEFAULT_GATEWAY = self._gateway
            made = ManyClient if self._shards.many else Client
            client = made(self._listener, self._attempted.set, self._pace)
            client.connections = self._shards
            try:
                async with asyncio.timeout(_LOGIN_WITHIN):
                    await client.login(self._token)
            except BaseException as error:
                if isinstance(error, discord.LoginFailure):
                    self._refused_at = loop.time()
                await close(client)
                raise
            self._client = client
            self._pace.logged_in()
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
                synced = synced or await sync(client, desk)
                await client.listen()
            except discord.LoginFailure:
                log.error("Discord refuses the token (%s)", TOKEN)
            except discord.ConnectionClosed as error:
                log.error("Discord's gateway closed for good: %s", closed_for_good(error.code))
                failures, began = max(failures, 8), loop.time()
            except (*UNREACHABLE, TryLater) as error:
                log.debug("login failed: %s", wire.briefly(error))
            except Exception:
                log.exception("the connection to Discord broke")
            self._attempted.set()
            failures = 1 if loop.time() - began > STEADY else failures + 1
            pause = pause_after(failures)
            log.info("Discord again in %.0f s", pause)
            await asyncio.sleep(pause)


def _token_refused() -> Problem:
    return Problem(TOKEN, "Discord refuses this token", f"copy a new one from {PORTAL}, Bot, Reset Token")
