"""A Discord for tests: gateway and REST over loopback, usable by another process too.

It answers as Discord documents, judges every request (``violations``), and can be told to fail. Times are the real
clock's: an interaction must be acknowledged within 3 seconds.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

from tests.servers.discord_objects import (
    APPLICATION,
    Body,
    bot_object,
    channel_object,
    forum_object,
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


@dataclass(slots=True)
class _Session:
    """One connection of a bot, by its shard; ``events`` are all that it was sent, for a resume."""

    id: str
    count: int
    socket: web.WebSocketResponse
    events: list[Body] = field(default_factory=list)
    live: bool = False

    async def send(self, event: str, data: Body) -> None:
        frame = {"op": 0, "t": event, "s": len(self.events) + 1, "d": data}
        self.events.append(frame)
        if self.live and not self.socket.closed:
            await self.socket.send_json(frame)


class FakeDiscord(DiscordRest):
    """``async with FakeDiscord() as fake``; then ``fake.api_url``, ``fake.gateway_url``, ``fake.token``."""

    def __init__(self, token: str = "MTIz.fake.discord-token") -> None:
        super().__init__(token)
        self.identifies: list[Body] = []
        self.resumes: list[Body] = []
        self.refuse_identify = False
        self._sessions: dict[int, _Session] = {}
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
        for session in self._sessions.values():
            await session.socket.close(code=1001)
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

    def add_forum(self, name: str = "digests", tags: tuple[str, ...] = (), flags: int = 0) -> str:
        """A forum channel in the first server; its id."""
        guild = next(iter(self.guilds.values()))
        forum = forum_object(self.new_id(), name, len(guild["channels"]), tags, flags)
        guild["channels"].append(forum)
        return str(forum["id"])

    def add_thread(self, channel: str, name: str = "a thread") -> str:
        guild = self.guild_of(channel)
        assert guild is not None
        thread = thread_object(self.new_id(), name, guild["id"], channel)
        guild["threads"].append(thread)
        return str(thread["id"])

    async def connected(self, timeout: float = 10.0) -> None:
        """Wait until a bot has identified or resumed, with all of its shards."""
        await asyncio.wait_for(self._connected.wait(), timeout)

    def _note(self, session: _Session, live: bool) -> None:
        session.live = live
        here = [one for one in self._sessions.values() if one.live]
        if here and len(here) >= here[0].count:
            self._connected.set()
        else:
            self._connected.clear()

    def shard_of(self, guild: str) -> int:
        """https://discord.com/developers/docs/events/gateway#sharding-sharding-formula"""
        return (int(guild) >> 22) % max((session.count for session in self._sessions.values()), default=1)

    async def push(self, event: str, data: Body) -> None:
        """A dispatch to the shard that it concerns; kept for a resume where nobody is connected."""
        guild = data.get("id") if event.startswith("GUILD_") else data.get("guild_id")
        session = self._sessions.get(self.shard_of(str(guild)) if guild else 0)
        if session is not None:
            await session.send(event, data)

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
            named = f"<@{APPLICATION}>" in text or f"<@!{APPLICATION}>" in text
            content = {} if named else {"content": ""}
            message |= {"guild_id": guild["id"], "member": member_object(user, 0), **content}
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

    async def ask_reconnect(self, shard: int = 0) -> None:
        """Op 7."""
        self._note(self._sessions[shard], False)
        await self._sessions[shard].socket.send_json({"op": 7, "d": None})

    async def invalidate_session(self, resumable: bool = False, shard: int = 0) -> None:
        """Op 9."""
        self._note(self._sessions[shard], False)
        if not resumable:
            self._sessions[shard].id = ""
        await self._sessions[shard].socket.send_json({"op": 9, "d": resumable})

    async def drop_gateway(self, code: int = 1001, shard: int = 0) -> None:
        self._note(self._sessions[shard], False)
        await self._sessions[shard].socket.close(code=code)

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
        for session in self._sessions.values():
            if session.socket is socket:
                self._note(session, False)
        return socket

    async def _identify(self, socket: web.WebSocketResponse, data: Body) -> None:
        self.identifies.append(data)
        if data.get("token") != self.token or self.refuse_identify:
            await socket.close(code=4004)
            return
        shard, count = data.get("shard", (0, 1))
        if not 0 <= shard < count:
            await socket.close(code=4010)
            return
        self._sessions = {number: one for number, one in self._sessions.items() if one.count == count}
        session = self._sessions[shard] = _Session(self.new_id(), count, socket)
        mine = [guild for guild in self.guilds if self.shard_of(guild) == shard]
        ready = {
            "v": 10, "user": bot_object(), "session_id": session.id, "resume_gateway_url": self.gateway_url,
            "guilds": [{"id": guild, "unavailable": True} for guild in mine],
            "application": {"id": APPLICATION, "flags": 0}, "private_channels": [],
        }  # fmt: skip
        self._note(session, True)
        await session.send("READY", ready | ({"shard": [shard, count]} if "shard" in data else {}))
        for guild in mine:
            await session.send("GUILD_CREATE", self.guilds[guild])

    async def _resume(self, socket: web.WebSocketResponse, data: Body) -> None:
        self.resumes.append(data)
        session = next((one for one in self._sessions.values() if one.id == data.get("session_id")), None)
        if data.get("token") != self.token or session is None:
            await socket.send_json({"op": 9, "d": False})
            return
        session.socket = socket
        for frame in session.events[data["seq"] :]:
            await socket.send_json(frame)
        self._note(session, True)
        await session.send("RESUMED", {})

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
