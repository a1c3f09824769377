"""A Discord for tests: gateway and REST over loopback, usable by another process too.

It answers as Discord documents, judges every request (``violations``), and can be told to fail. Times are the real
clock's: an interaction must be acknowledged within 3 seconds.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

from tests.servers.discord_objects import (
    APPLICATION,
    Body,
    bot_object,
    channel_object,
    guild_object,
    member_object,
    message_object,
    text_of,
    thread_object,
    user_object,
)
from tests.servers.discord_rest import DiscordRest, Exchange

__all__ = ["ADMINISTRATOR", "MANAGE_GUILD", "Exchange", "FakeDiscord", "text_of"]

MANAGE_GUILD, ADMINISTRATOR = 1 << 5, 1 << 3


class FakeDiscord(DiscordRest):
    """``async with FakeDiscord() as fake``; then ``fake.api_url``, ``fake.gateway_url``, ``fake.token``."""

    def __init__(self, token: str = "MTIz.fake.discord-token") -> None:
        super().__init__(token)
        self.identifies: list[Body] = []
        self.resumes: list[Body] = []
        self.refuse_identify = False
        self._socket: web.WebSocketResponse | None = None
        self._session = ""
        self._events: list[Body] = []
        self._connected = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/api/v10"

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_get("/gateway", self._gateway)
        app.router.add_get("/gateway/", self._gateway)
        app.router.add_route("*", "/api/v10/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port or self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.gateway_url = f"ws://127.0.0.1:{self._port}/gateway"

    async def stop(self) -> None:
        """Stop listening; ``start`` comes back on the same port."""
        if self._socket is not None:
            await self._socket.close(code=1001)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._connected.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def add_guild(self, name: str = "Lab", channels: tuple[str, ...] = ("papers",)) -> list[str]:
        """A server with text channels; returns the channels' ids. Say it before the bot connects."""
        guild = self.new_id()
        places = [channel_object(self.new_id(), channel, n) for n, channel in enumerate(channels)]
        self.guilds[guild] = guild_object(guild, name, places)
        return [str(place["id"]) for place in places]

    def add_thread(self, channel: str, name: str = "a thread") -> str:
        guild = self.guild_of(channel)
        assert guild is not None
        thread = thread_object(self.new_id(), name, guild["id"], channel)
        guild["threads"].append(thread)
        return str(thread["id"])

    async def connected(self, timeout: float = 10.0) -> None:
        """Wait until a bot has identified or resumed."""
        await asyncio.wait_for(self._connected.wait(), timeout)

    async def push(self, event: str, data: Body) -> None:
        """A dispatch; kept for a resume where nobody is connected."""
        frame = {"op": 0, "t": event, "s": len(self._events) + 1, "d": data}
        self._events.append(frame)
        if self._socket is not None and not self._socket.closed and self._connected.is_set():
            await self._socket.send_json(frame)

    async def push_command(
        self,
        channel: str,
        user: str,
        name: str,
        options: Mapping[str, str] | None = None,
        permissions: int = 0,
        locale: str = "en-US",
    ) -> Exchange:
        """Somebody sends a slash command; ``permissions`` are the member's in that channel."""
        given = [{"type": 3, "name": key, "value": value} for key, value in (options or {}).items()]
        data = {"id": "1", "type": 1, "name": name, "options": given}
        return await self._interact(2, channel, user, data, permissions, locale)

    async def push_autocomplete(
        self, channel: str, user: str, name: str, option: str, typed: str, chosen: Mapping[str, str] | None = None
    ) -> Exchange:
        options: list[Body] = [{"type": 3, "name": key, "value": value} for key, value in (chosen or {}).items()]
        options.append({"type": 3, "name": option, "value": typed, "focused": True})
        return await self._interact(4, channel, user, {"id": "1", "type": 1, "name": name, "options": options}, 0)

    async def push_component(
        self, message: str, custom_id: str, user: str, permissions: int = 0, locale: str = "en-US"
    ) -> Exchange:
        """A button under ``message`` (its id) is pressed. The custom_id need not stand there."""
        found = self.find_message(message)
        data = {"custom_id": custom_id, "component_type": 2, "id": 1}
        return await self._interact(3, found["channel_id"], user, data, permissions, locale, found)

    async def push_message(self, channel: str, user: str, text: str, **extra: Any) -> Body:
        """Somebody writes a text, in private or in a server."""
        guild = self.guild_of(channel)
        message = message_object(self.new_id(), channel, {"content": text}, user_object(user)) | extra
        if guild is not None:
            message |= {"guild_id": guild["id"], "member": member_object(user, 0), "content": ""}
        await self.push("MESSAGE_CREATE", message)
        return message

    async def push_guild_join(self, name: str = "New Lab") -> str:
        """The bot is added to a new server; returns the system channel's id."""
        channel = self.add_guild(name)[0]
        guild = self.guild_of(channel)
        assert guild is not None
        await self.push("GUILD_CREATE", {k: v for k, v in guild.items() if k != "unavailable"})
        return channel

    async def push_guild_remove(self, channel: str) -> None:
        guild = self.guild_of(channel)
        assert guild is not None
        del self.guilds[guild["id"]]
        await self.push("GUILD_DELETE", {"id": guild["id"]})

    async def push_channel_delete(self, channel: str) -> None:
        guild = self.guild_of(channel)
        assert guild is not None
        thread = next((t for t in guild["threads"] if t["id"] == channel), None)
        if thread is not None:
            data = {key: thread[key] for key in ("id", "guild_id", "parent_id", "type")}
            await self.push("THREAD_DELETE", data)
        else:
            place = next(c for c in guild["channels"] if c["id"] == channel)
            await self.push("CHANNEL_DELETE", {**place, "guild_id": guild["id"]})
        self.remove_channel(channel)

    async def ask_reconnect(self) -> None:
        """Op 7."""
        self._connected.clear()
        assert self._socket is not None
        await self._socket.send_json({"op": 7, "d": None})

    async def invalidate_session(self, resumable: bool = False) -> None:
        """Op 9."""
        self._connected.clear()
        assert self._socket is not None
        if not resumable:
            self._session = ""
        await self._socket.send_json({"op": 9, "d": resumable})

    async def drop_gateway(self, code: int = 1001) -> None:
        self._connected.clear()
        assert self._socket is not None
        await self._socket.close(code=code)

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 41250}})
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            message = json.loads(frame.data)
            match message["op"]:
                case 1:
                    await socket.send_json({"op": 11})
                case 2:
                    await self._identify(socket, message["d"])
                case 6:
                    await self._resume(socket, message["d"])
                case 3 | 8:
                    pass
                case other:
                    self.violations.append(f"gateway op {other}")
                    await socket.close(code=4001)
        if self._socket is socket:
            self._connected.clear()
        return socket

    async def _identify(self, socket: web.WebSocketResponse, data: Body) -> None:
        self.identifies.append(data)
        if data.get("token") != self.token or self.refuse_identify:
            await socket.close(code=4004)
            return
        self._session, self._events, self._socket = self.new_id(), [], socket
        ready = {
            "v": 10, "user": bot_object(), "session_id": self._session, "resume_gateway_url": self.gateway_url,
            "guilds": [{"id": guild, "unavailable": True} for guild in self.guilds],
            "application": {"id": APPLICATION, "flags": 0}, "private_channels": [],
        }  # fmt: skip
        self._connected.set()
        await self.push("READY", ready)
        for guild in list(self.guilds.values()):
            await self.push("GUILD_CREATE", guild)

    async def _resume(self, socket: web.WebSocketResponse, data: Body) -> None:
        self.resumes.append(data)
        if data.get("token") != self.token or data.get("session_id") != self._session:
            await socket.send_json({"op": 9, "d": False})
            return
        self._socket = socket
        for frame in self._events[data["seq"] :]:
            await socket.send_json(frame)
        self._connected.set()
        await self.push("RESUMED", {})

    async def _interact(
        self,
        kind: int,
        channel: str,
        user: str,
        data: Body,
        permissions: int,
        locale: str = "en-US",
        source: Body | None = None,
    ) -> Exchange:
        exchange = Exchange(self.new_id(), f"tok{self.new_id()}", kind, channel, time.monotonic(), source)
        self.exchanges.append(exchange)
        guild = self.guild_of(channel)
        event: Body = {
            "id": exchange.id, "application_id": APPLICATION, "type": kind, "data": data,
            "token": exchange.token, "version": 1, "locale": locale, "channel_id": channel, "entitlements": [],
            "attachment_size_limit": 1000, "app_permissions": "0", "authorizing_integration_owners": {},
        }  # fmt: skip
        if guild is not None:
            places = [*guild["channels"], *guild["threads"]]
            event["channel"] = next(place for place in places if place["id"] == channel) | {"guild_id": guild["id"]}
            event["guild_id"], event["guild_locale"], event["context"] = guild["id"], "en-US", 0
            event["guild"] = {"id": guild["id"], "locale": "en-US", "features": []}
            event["member"] = member_object(user, permissions)
        else:
            event["channel"] = self.private[channel]
            event["user"], event["context"] = user_object(user), 1
        if source is not None:
            event["message"] = source
        await self.push("INTERACTION_CREATE", event)
        return exchange
