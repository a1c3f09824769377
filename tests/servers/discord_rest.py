"""The REST half of the tests' Discord: judges, answers, and fails where told to."""

from __future__ import annotations

import asyncio
import fnmatch
import itertools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from tests.servers import discord_rules as rules
from tests.servers.discord_objects import (
    APPLICATION,
    DM,
    FORUM,
    Body,
    application_object,
    bot_object,
    message_object,
    text_of,
    thread_object,
    user_object,
)
from tests.servers.limits import DiscordLimits
from tests.servers.telegram_troubles import cut_off

_EPOCH = 1420070400000


@dataclass(slots=True)
class Exchange:
    """One interaction and everything the bot answered to it. ``messages`` are what people see, in order;
    ``edits`` are what replaced something; ``suggestions`` answer an autocomplete."""

    id: str
    token: str
    kind: int
    channel: str
    began: float
    source: Body | None = None
    callback: Body | None = None
    callback_after: float = 0.0
    messages: list[Body] = field(default_factory=list)
    edits: list[Body] = field(default_factory=list)
    suggestions: list[Body] = field(default_factory=list)
    taken_back: bool = False
    """Whether the deferred answer was removed."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, ready: Callable[[Exchange], object], timeout: float = 5.0) -> Self:
        """Wait until ``ready(self)`` is true."""
        async with asyncio.timeout(timeout):
            while not ready(self):
                self.changed.clear()
                await self.changed.wait()
        return self

    async def answered(self, messages: int = 1, timeout: float = 5.0) -> Self:
        """Wait until something was answered: so many messages, an edit, or suggestions."""
        return await self.until(
            lambda e: len(e.messages) >= messages or e.edits or (e.callback and e.callback["type"] == 8), timeout
        )

    @property
    def text(self) -> str:
        return "\n".join(text_of(message) for message in [*self.edits, *self.messages])


@dataclass(slots=True)
class Failure:
    """What happens to the next requests on ``route``. ``drop``: hung up on, ``stall`` seconds after they were carried
    out (``deliver``) or not; ``cut``: carried out, and the answer breaks off in its middle."""

    route: str
    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    deliver: bool = False
    cut: bool = False
    delay: float = 0.0
    stall: float = 0.0
    times: int = 1
    after: int = 0


class DiscordRest:
    """``violations`` are the faults of the requests so far; ``sent`` the messages by channel; ``exchanges`` the
    interactions in order."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.application_id = APPLICATION
        self.guilds: dict[str, Body] = {}
        self.private: dict[str, Body] = {}
        self.gone: dict[str, tuple[int, int, str]] = {}
        self.commands: list[Body] = []
        self.command_puts = 0
        self.sent: dict[str, list[Body]] = {}
        self.exchanges: list[Exchange] = []
        self.files: dict[str, bytes] = {}
        """The files that arrived, by name."""
        self.requests: list[tuple[str, str]] = []
        self.violations: list[str] = []
        self.interactions_endpoint_url: str | None = None
        self.advised, self.max_concurrency = 1, 16
        """What is said of shards."""
        self.gateway_url = ""
        self.unreadable: set[str] = set()
        """Channels whose history the bot may not read."""
        self.limits: DiscordLimits | None = None
        """What may be asked; more is refused with 429 and counted there. None: as much as one likes."""
        self.by_chance: Callable[[str], Failure | None] = lambda shown: None
        """What happens to a request (``POST /channels/1/messages``) that nothing else was told for."""
        self.arrived: Callable[[Body], None] = lambda message: None
        """Called when a message was posted and before that is answered."""
        self.clock: Callable[[], float] = lambda: 0.0
        """Seconds, for ``nonce_window`` alone: how long a nonce is remembered."""
        self.nonce_window = 300.0
        self._failures: list[Failure] = []
        self._nonces: dict[tuple[str, str], tuple[float, Body]] = {}
        self._ids = itertools.count(1)

    def new_id(self) -> str:
        return str((int(time.time() * 1000) - _EPOCH << 22) + next(self._ids))

    def add_dm(self, user: str = "77") -> str:
        """A private channel with a user; returns its id."""
        channel = self.new_id()
        self.private[channel] = {"id": channel, "type": DM, "recipients": [user_object(user)], "last_message_id": None}
        return channel

    def remove_channel(
        self, channel: str, status: int = 404, code: int = 10003, message: str = "Unknown Channel"
    ) -> None:
        """From now on, writing there is answered by this error. No event is sent: see ``push_channel_delete``."""
        self.gone[channel] = (status, code, message)

    def restore_channel(self, channel: str) -> None:
        self.gone.pop(channel, None)

    def messages(self, channel: str) -> list[Body]:
        return self.sent.get(channel, [])

    def text(self, channel: str) -> str:
        return "\n".join(map(text_of, self.messages(channel)))

    async def wait_sent(self, channel: str, count: int = 1, timeout: float = 5.0) -> list[Body]:
        async with asyncio.timeout(timeout):
            while len(self.messages(channel)) < count:
                await asyncio.sleep(0.005)
        return self.messages(channel)

    def find_message(self, message: str) -> Body:
        everywhere = itertools.chain(*self.sent.values(), *(e.messages for e in self.exchanges))
        return next(m for m in everywhere if m["id"] == message)

    def fail_next(
        self, route: str, status: int, body: Any = None, headers: Mapping[str, str] | None = None, times: int = 1
    ) -> None:
        """``route`` is a pattern as ``POST /channels/*/messages``. A 429 gets a ``Via`` header unless ``headers`` has
        an empty one; a ``str`` body is sent as a web page."""
        self._failures.append(Failure(route, status, body, headers or {}, times=times))

    def drop_next(self, route: str, *, deliver: bool = False, times: int = 1) -> None:
        """Close the connection without an answer; with ``deliver``, after doing what was asked."""
        self._failures.append(Failure(route, drop=True, deliver=deliver, times=times))

    def delay_next(self, route: str, seconds: float, times: int = 1) -> None:
        self._failures.append(Failure(route, delay=seconds, times=times))

    def stall_next(self, route: str, *, deliver: bool = True, after: int = 0, seconds: float = 300.0) -> None:
        """Do what is asked or not, and keep the connection open without an answer; ``after`` requests are let
        through first."""
        self._failures.append(Failure(route, drop=True, deliver=deliver, stall=seconds, after=after))

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        shown = f"{request.method} {path}"
        self.requests.append((request.method, path))
        body: Any = None
        if request.content_type == "multipart/form-data":
            form = await request.post()
            body, raw = json.loads(str(form["payload_json"])), b""
            self._take_files(shown, body.get("data", body), form)
        else:
            raw = await request.read()
        if raw:
            if request.headers.get("Content-Type") != "application/json":
                self._blame(shown, f"Content-Type {request.headers.get('Content-Type')!r}")
            body = json.loads(raw)
        failure = next((f for f in self._failures if fnmatch.fnmatchcase(shown, f.route)), None)
        if failure is not None and failure.after > 0:
            failure.after -= 1
            failure = None
        if failure is None:
            failure = self.by_chance(shown)
        else:
            failure.times -= 1
            if failure.times <= 0:
                self._failures.remove(failure)
        if failure is not None:
            if failure.delay:
                await asyncio.sleep(failure.delay)
            elif not failure.deliver and failure.drop:
                await asyncio.sleep(failure.stall)
                return _dropped(request)
            elif not failure.drop and not failure.cut:
                return _failed(failure)
        limited = self.limits.headers(shown) if self.limits else None
        if limited is not None and limited.get("Retry-After"):
            return _limited(limited)
        answer = self._answer(request, path, shown, body)
        answer.headers.update(limited or {})
        if failure is not None and failure.drop:
            await asyncio.sleep(failure.stall)
            return _dropped(request)
        return await cut_off(request, answer) if failure is not None and failure.cut else answer

    def _take_files(self, shown: str, message: Body, form: Mapping[str, Any]) -> None:
        for described in message.get("attachments", []):
            described["id"] = str(described["id"])  # discord.py sends a number, which Discord takes as well
            file = form.get(f"files[{described['id']}]")
            if not isinstance(file, web.FileField) or file.filename != described["filename"]:
                self._blame(shown, f"no file for {described}")
            else:
                self.files[file.filename] = file.file.read()
        if len(form) - 1 != len(message.get("attachments", [])):
            self._blame(shown, "files that no attachment names")

    def _answer(self, request: web.Request, path: str, shown: str, body: Any) -> web.Response:
        open_door = path.startswith(("/interactions/", "/webhooks/")) or path == "/gateway"
        if not open_door and request.headers.get("Authorization") != f"Bot {self.token}":
            return _error(401, 0, "401: Unauthorized")
        if not open_door and not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
            self._blame(shown, "User-Agent")
        match [request.method, *path.strip("/").split("/")]:
            case ["GET", "users", "@me"]:
                return _json(bot_object())
            case ["GET", "oauth2", "applications", "@me"] | ["GET", "applications", "@me"]:
                return _json(application_object(self.interactions_endpoint_url))
            case ["GET", "users", "@me", "guilds"]:
                keys = ("id", "name", "features")
                return _json([{key: g[key] for key in keys} for g in self.guilds.values()])
            case ["GET", "channels", channel]:
                return self._channel(channel)
            case ["GET", "guilds", guild] if guild in self.guilds:
                return _json(self.guilds[guild])
            case ["GET", "guilds", guild, "members", user] if guild in self.guilds:
                found = next((m for m in self.guilds[guild]["members"] if m["user"]["id"] == user), None)
                return _json(found) if found else _error(404, 10007, "Unknown Member")
            case ["GET", "gateway"]:
                return _json({"url": self.gateway_url})
            case ["GET", "gateway", "bot"]:
                limits = {"total": 1000, "remaining": 999, "reset_after": 1, "max_concurrency": self.max_concurrency}
                return _json({"url": self.gateway_url, "shards": self.advised, "session_start_limit": limits})
            case ["GET", "applications", self.application_id, "commands"]:
                return _json(self.commands)
            case ["PUT", "applications", self.application_id, "commands"]:
                return self._put_commands(shown, body)
            case ["POST", "users", "@me", "channels"]:
                return self._open_private(shown, body)
            case ["GET", "channels", channel, "messages"]:
                return self._read_messages(shown, channel, request.query)
            case ["POST", "channels", channel, "messages"]:
                return self._post_message(shown, channel, body)
            case ["GET", "channels", channel]:
                return self._read_channel(channel)
            case ["GET", "channels", channel, "messages", message]:
                found = [one for one in self.messages(channel) if one["id"] == message]
                return _json(found[0]) if found else _error(404, 10008, "Unknown Message")
            case ["GET", "guilds", guild, "threads", "active"]:
                return _json({"threads": self._threads(guild, archived=False), "members": []})
            case ["GET", "channels", channel, "threads", "archived", "public"]:
                if channel in self.gone:
                    return _error(*self.gone[channel])
                place = self.guild_of(channel) or {"id": ""}
                old = [one for one in self._threads(place["id"], archived=True) if one["parent_id"] == channel]
                return _json({"threads": old, "members": [], "has_more": False})
            case ["POST", "channels", channel, "threads"]:
                return self._post_thread(shown, channel, body)
            case ["DELETE", "webhooks", self.application_id, token, "messages", which]:
                return self._take_back(shown, token, which)
            case ["POST", "interactions", interaction, token, "callback"]:
                return self._callback(shown, interaction, token, body)
            case ["POST", "webhooks", self.application_id, token]:
                return self._follow_up(shown, token, body)
            case ["PATCH", "webhooks", self.application_id, token, "messages", which]:
                return self._edit(shown, token, which, body)
        self._blame(shown, "no such route")
        return _error(404, 0, "404: Not Found")

    def _channel(self, channel: str) -> web.Response:
        guild = self.guild_of(channel)
        if guild is None:
            found = self.private.get(channel)
            return _json(found) if found else _error(404, 10003, "Unknown Channel")
        places = (*guild["channels"], *guild["threads"])
        return _json({**next(c for c in places if c["id"] == channel), "guild_id": guild["id"]})

    def _put_commands(self, shown: str, body: Any) -> web.Response:
        self.command_puts += 1
        if faults := rules.commands_faults(body):
            return self._refused(shown, faults)
        extra = {"application_id": APPLICATION, "version": "1", "default_member_permissions": None, "nsfw": False}
        self.commands = [{"id": self.new_id(), **extra, **command} for command in body]
        return _json(self.commands)

    def _open_private(self, shown: str, body: Any) -> web.Response:
        user = str(body.get("recipient_id", ""))
        if not user.isdecimal():
            return self._refused(shown, [f"no recipient: {body!r}"])
        known = next((c for c in self.private.values() if c["recipients"][0]["id"] == user), None)
        return _json(known or self.private[self.add_dm(user)])

    def _read_messages(self, shown: str, channel: str, query: Mapping[str, str]) -> web.Response:
        """As Discord gives them: the newest first; none at all without the right to read the history."""
        if channel in self.gone:
            return _error(*self.gone[channel])
        if not 1 <= int(query.get("limit", "50")) <= 100 or set(query) - {"limit", "after"}:
            return self._refused(shown, [f"asked for {dict(query)}"])
        found = [] if channel in self.unreadable else self.messages(channel)
        limit = int(query.get("limit", "50"))
        if "after" in query:
            found = [m for m in found if int(m["id"]) > int(query["after"])][:limit]
        return _json([{k: v for k, v in m.items() if k != "nonce"} for m in reversed(found[-limit:])])

    def _post_message(self, shown: str, channel: str, body: Any) -> web.Response:
        if channel in self.gone:
            return _error(*self.gone[channel])
        if self.guild_of(channel) is None and channel not in self.private:
            return _error(404, 10003, "Unknown Channel")
        if faults := rules.message_faults(body, "MessageCreateRequest"):
            return self._refused(shown, faults)
        nonce = body.get("nonce")
        if nonce is not None and len(str(nonce)) > 25:
            return self._refused(shown, ["a nonce of more than 25 characters"])
        at, known = self._nonces.get((channel, str(nonce)), (0.0, None))
        if body.get("enforce_nonce") and known is not None and self.clock() <= at + self.nonce_window:
            return _json(known)
        message = self._new_message(channel, body, bot_object())
        if "message_reference" in body:
            message["message_reference"] = body["message_reference"]
        self.sent.setdefault(channel, []).append(message)
        if nonce is not None:
            message["nonce"] = nonce
            self._nonces[channel, str(nonce)] = (self.clock(), message)
        self.arrived(message)
        return _json(message)

    def _read_channel(self, channel: str) -> web.Response:
        if channel in self.gone:
            return _error(*self.gone[channel])
        guild = self.guild_of(channel)
        if guild is None:
            return _error(404, 10003, "Unknown Channel")
        found = next(one for one in (*guild["channels"], *guild["threads"]) if one["id"] == channel)
        return _json({**found, "guild_id": guild["id"]})

    def _threads(self, guild: str, archived: bool) -> list[Body]:
        threads = self.guilds.get(guild, {"threads": []})["threads"]
        return [one for one in threads if one["thread_metadata"]["archived"] is archived]

    def _post_thread(self, shown: str, channel: str, body: Any) -> web.Response:
        """A post: the thread, and in it the message with the same id."""
        if channel in self.gone:
            return _error(*self.gone[channel])
        guild = self.guild_of(channel)
        forum = next((one for one in (guild or {"channels": []})["channels"] if one["id"] == channel), None)
        if guild is None or forum is None or forum["type"] != FORUM:
            return self._refused(shown, ["a post where there is no forum"])
        faults = rules.post_faults(body, forum)
        if faults:
            return self._refused(shown, faults)
        thread = thread_object(self.new_id(), body["name"], guild["id"], channel)
        thread |= {"owner_id": APPLICATION, "applied_tags": body.get("applied_tags") or []}
        guild["threads"].append(thread)
        message = message_object(thread["id"], thread["id"], body["message"], bot_object())
        self.sent[thread["id"]] = [message]
        self.arrived(message)
        return _json({**thread, "message": message})

    def _take_back(self, shown: str, token: str, which: str) -> web.Response:
        exchange = next((e for e in self.exchanges if e.token == token and e.callback is not None), None)
        if exchange is None or which != "@original" or exchange.messages:
            self._blame(shown, "nothing to take back")
            return _error(404, 10008, "Unknown Message")
        exchange.taken_back = True
        return web.Response(status=204)

    def _callback(self, shown: str, interaction: str, token: str, body: Any) -> web.Response:
        exchange = next((e for e in reversed(self.exchanges) if e.token == token and e.id == interaction), None)
        after = time.monotonic() - exchange.began if exchange else 0.0
        if exchange is None or after > 3.0:
            self._blame(shown, f"unknown, or answered after {after:.1f} s")
            return _error(404, 10062, "Unknown interaction")
        if exchange.callback is not None:
            return _error(400, 40060, "Interaction has already been acknowledged.")
        kind, data = body.get("type"), body.get("data") or {}
        allowed = {2: (4, 5), 3: (4, 5, 6, 7), 4: (8,)}[exchange.kind]
        if kind not in allowed:
            return self._refused(shown, [f"callback type {kind} to an interaction of type {exchange.kind}"])
        faults: list[str] = []
        if kind == 4:
            faults += rules.schema_faults("CreateMessageInteractionCallbackRequest", body)
            faults += rules.message_faults(data, "IncomingWebhookInteractionRequest")
        elif kind in (6, 7):
            faults += rules.schema_faults("UpdateMessageInteractionCallbackRequest", body)
            if kind == 7:
                schema = "IncomingWebhookUpdateForInteractionCallbackRequestPartial"
                faults += rules.message_faults(data, schema, partial=True)
        elif kind == 8:
            faults += rules.schema_faults("ApplicationCommandAutocompleteCallbackRequest", body)
            faults += rules.suggestion_faults(data.get("choices") or [])
        if faults:
            return self._refused(shown, faults)
        exchange.callback, exchange.callback_after = body, after
        if kind == 4:
            exchange.messages.append(self._new_message(exchange.channel, data, bot_object()))
        elif kind == 7:
            self._change(exchange, data)
        elif kind == 8:
            exchange.suggestions = data.get("choices") or []
        exchange.changed.set()
        return _json({"interaction": {"id": exchange.id, "type": exchange.kind}})

    def _follow_up(self, shown: str, token: str, body: Any) -> web.Response:
        exchange = next((e for e in self.exchanges if e.token == token and e.callback is not None), None)
        if exchange is None:
            self._blame(shown, "a follow-up to nothing")
            return _error(404, 10015, "Unknown Webhook")
        if faults := rules.message_faults(body, "IncomingWebhookRequestPartial"):
            return self._refused(shown, faults)
        message = self._new_message(exchange.channel, body, bot_object())
        exchange.messages.append(message)
        exchange.changed.set()
        return _json(message)

    def _edit(self, shown: str, token: str, which: str, body: Any) -> web.Response:
        exchange = next((e for e in self.exchanges if e.token == token and e.callback is not None), None)
        if exchange is None or which != "@original":
            self._blame(shown, "an edit of nothing")
            return _error(404, 10015, "Unknown Webhook")
        if faults := rules.message_faults(body, "IncomingWebhookUpdateRequestPartial", partial=True):
            return self._refused(shown, faults)
        assert exchange.callback is not None
        if exchange.callback["type"] == 5 and not exchange.messages:
            exchange.messages.append(self._new_message(exchange.channel, body, bot_object()))
        else:
            self._change(exchange, body)
        exchange.changed.set()
        return _json(exchange.messages[0] if exchange.messages else exchange.source)

    def _change(self, exchange: Exchange, body: Body) -> None:
        if exchange.source is not None:
            exchange.source.update({k: v for k, v in body.items() if k != "allowed_mentions"})
        exchange.edits.append(body)

    def _refused(self, shown: str, faults: list[str]) -> web.Response:
        for fault in faults:
            self._blame(shown, fault)
        return _error(400, 50035, "Invalid Form Body")

    def _blame(self, shown: str, fault: str) -> None:
        self.violations.append(f"{shown}: {fault}")

    def guild_of(self, channel: str) -> Body | None:
        return next(
            (g for g in self.guilds.values() if any(c["id"] == channel for c in (*g["channels"], *g["threads"]))), None
        )

    def _new_message(self, channel: str, body: Body, author: Body) -> Body:
        return message_object(self.new_id(), channel, body, author)


def _json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """discord.py takes an answer for JSON only where the type has no charset."""
    limits = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "999", "X-RateLimit-Reset-After": "1.0"}
    return web.Response(
        body=json.dumps(data).encode(),
        status=status,
        headers={"Content-Type": "application/json", **(limits if status < 400 else {}), **(headers or {})},
    )


def _error(status: int, code: int, message: str) -> web.Response:
    return _json({"message": message, "code": code}, status)


def _limited(headers: Mapping[str, str]) -> web.Response:
    everywhere = headers.get("X-RateLimit-Scope") == "global"
    body = {"message": "You are being rate limited.", "retry_after": float(headers["Retry-After"]),
            "global": everywhere}  # fmt: skip
    return _json(body, 429, {"Via": "1.1 fake", **headers})


def _failed(failure: Failure) -> web.Response:
    headers = dict(failure.headers)
    if isinstance(failure.body, str):
        return web.Response(text=failure.body, status=failure.status, headers=headers, content_type="text/html")
    if failure.status == 429:
        headers.setdefault("Via", "1.1 fake")
        default: Body = {"message": "You are being rate limited.", "retry_after": 0.01, "global": False}
    else:
        default = {"message": "scripted failure", "code": 0}
    return _json(failure.body if failure.body is not None else default, failure.status, headers)


def _dropped(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
