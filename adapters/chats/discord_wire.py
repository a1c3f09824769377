"""Requests to Discord's REST interface through discord.py, its errors put into this house's words.

Error codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

from __future__ import annotations

import contextvars
import hashlib
import io
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
from discord.http import HTTPClient, MultipartParameters, Route
from discord.webhook.async_ import async_context

from adapters.chats.discord_pace import DiscordPace
from bot.errors import ChatGone, PaperroundError, Refused, TryLater, Uncertain
from bot.model import Cause
from bot.replies import File

log = logging.getLogger(__name__)

NONCE = 25
"""Characters of a nonce (https://discord.com/developers/docs/resources/message#create-message)."""

SWEEP_SECONDS = 30.0

_BUSY_CODES = frozenset({20016, 20022, 20028, 20029, 31002, 40062, 130000, 160006})
_BOT_CODES = frozenset({20026, 40001, 40002, 40066})
"""Refusals of the bot's account, not of one chat: pausing every chat would be wrong."""
_CAUSES = {
    10003: Cause.DELETED, 10004: Cause.REMOVED, 50001: Cause.UNSEEN, 50007: Cause.BLOCKED, 50008: Cause.OTHER,
    50013: Cause.NO_RIGHT, 50024: Cause.OTHER, 50033: Cause.OTHER, 50083: Cause.ARCHIVED, 50278: Cause.BLOCKED,
    160005: Cause.LOCKED,
}  # fmt: skip
"""Refusals of one place."""
_LATER = 30.0
_MUCH_LATER = 300.0


@dataclass(slots=True)
class Flight:
    """How far the present request came. ``begun``: it was tried before; ``left``: it went out and nothing says that it
    was turned away; ``lost``: an attempt of it met a fault of the server, which may have come after the message did."""

    begun: bool = False
    left: bool = False
    lost: bool = False
    everywhere: bool = False


_flight: contextvars.ContextVar[Flight | None] = contextvars.ContextVar("discord_flight", default=None)


def trace(pace: DiscordPace) -> aiohttp.TraceConfig:
    """Notes in the present ``Flight`` whether a request left: discord.py tells no connect error from a lost answer.
    Its repetitions wait for turns of ``pace``, which hears of each answer."""

    async def begun(_session: aiohttp.ClientSession, _context: SimpleNamespace, _params: object) -> None:
        if flight := _flight.get():
            if flight.begun:
                await pace.again()
            flight.begun = True

    async def sent(_session: aiohttp.ClientSession, _context: SimpleNamespace, _params: object) -> None:
        if flight := _flight.get():
            flight.left = True

    async def answered(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        status, headers = params.response.status, params.response.headers
        scope = headers.get("X-RateLimit-Scope")
        everywhere = "X-RateLimit-Global" in headers or scope == "global"
        pace.heard(status, scope == "shared", everywhere, _seconds(headers.get("Retry-After")) or 0.0)
        if flight := _flight.get():
            flight.left = status < 300
            flight.lost = flight.lost or (status >= 500 and status != 503)
            flight.everywhere = everywhere

    config = aiohttp.TraceConfig()
    config.on_request_start.append(begun)
    config.on_request_headers_sent.append(sent)
    config.on_request_end.append(answered)
    return config


@contextmanager
def discord_errors(may_deliver: bool = True) -> Iterator[None]:
    """Raises TryLater, ChatGone, Refused or, where ``may_deliver``, Uncertain for whatever the library or the
    network raises inside."""
    flight = Flight()
    token = _flight.set(flight)
    try:
        yield
    except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
        flight.left, flight.lost = flight.left and may_deliver, flight.lost and may_deliver
        raise _translated(error, flight) from error
    finally:
        _flight.reset(token)


def briefly(error: BaseException) -> str:
    """One line about an error for logs and findings."""
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def api_base(url: str) -> str:
    """``http://host``, ``http://host/api`` or ``http://host/api/v10`` as what discord.py puts before a path."""
    url = url.rstrip("/")
    if not url:
        return "https://discord.com/api/v10"
    if re.search(r"/v\d+$", url):
        return url
    return url + ("/v10" if url.endswith("/api") else "/api/v10")


def sweep_rarely(http: HTTPClient) -> None:
    """discord.py looks at all its buckets whenever it meets a channel beyond 256 others: with ten thousand channels in
    five minutes that costs more than all the rest of a message. Once in a while is as good."""
    sweep, last = http._try_clear_expired_ratelimits, float("-inf")

    def rarely() -> None:
        nonlocal last
        if time.monotonic() - last >= SWEEP_SECONDS:
            last = time.monotonic()
            sweep()

    http._try_clear_expired_ratelimits = rarely  # type: ignore[method-assign]


async def create_message(client: discord.Client, channel: str, body: Mapping[str, Any], nonce: str) -> str:
    """``POST /channels/{id}/messages``; the message's id. Within a few minutes the same nonce makes no second
    message but returns the first."""
    if len(nonce) > NONCE:
        nonce = hashlib.sha256(nonce.encode()).hexdigest()[:NONCE]
    unique = {"nonce": nonce, "enforce_nonce": True} if nonce else {}
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel)
    answer = await client.http.request(route, json={**body, **unique})
    if not isinstance(answer, dict) or "id" not in answer:
        raise Uncertain("Discord's answer to a message was no message")
    return str(answer["id"])


async def respond(
    event: discord.Interaction[Any], kind: int, data: Mapping[str, Any] | None = None, file: File | None = None
) -> None:
    """The first response to an interaction, due within 3 seconds
    (https://discord.com/developers/docs/interactions/receiving-and-responding)."""
    payload: dict[str, Any] = {"type": kind} if data is None else {"type": kind, "data": _with(data, file)}
    await async_context.get().create_interaction_response(
        event.id, event.token, session=event._session, params=_parameters(payload, file)
    )


async def follow_up(event: discord.Interaction[Any], body: Mapping[str, Any], file: File | None = None) -> None:
    """One more message of an answer, within 15 minutes of the interaction."""
    params = _parameters(_with(body, file), file)
    await async_context.get().execute_webhook(
        event.application_id, event.token, session=event._session, wait=True, payload=params.payload,
        multipart=params.multipart, files=params.files,
    )  # fmt: skip


def _with(body: Mapping[str, Any], file: File | None) -> dict[str, Any]:
    """The body, naming its attachment (https://discord.com/developers/docs/reference#uploading-files)."""
    return {**body, "attachments": [{"id": "0", "filename": file.name}]} if file else dict(body)


def _parameters(payload: dict[str, Any], file: File | None) -> MultipartParameters:
    if file is None:
        return MultipartParameters(payload=payload, multipart=None, files=None)
    sent = discord.File(io.BytesIO(file.content), file.name)
    parts: list[dict[str, Any]] = [
        {"name": "payload_json", "value": json.dumps(payload)},
        {"name": "files[0]", "value": sent.fp, "filename": file.name, "content_type": "application/octet-stream"},
    ]
    return MultipartParameters(payload=None, multipart=parts, files=[sent])


async def delete_original(event: discord.Interaction[Any]) -> None:
    """Take the deferred response back."""
    await async_context.get().delete_original_interaction_response(
        event.application_id, event.token, session=event._session
    )


async def edit_original(event: discord.Interaction[Any], body: Mapping[str, Any]) -> None:
    """Replace the deferred response, or the message whose button was pressed."""
    route = Route(
        "PATCH",
        "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
        webhook_id=event.application_id,
        webhook_token=event.token,
    )
    await async_context.get().request(route, session=event._session, payload=dict(body))


def _translated(error: Exception, flight: Flight) -> PaperroundError:
    match error:
        case discord.LoginFailure():
            log.error("Discord refuses the token (PAPERROUND_DISCORD__TOKEN)")
            return TryLater("Discord refuses the token", _MUCH_LATER, everywhere=True)
        case discord.HTTPException() | discord.RateLimited() if flight.lost:
            return Uncertain(f"Discord had a fault: {briefly(error)}")
        case discord.RateLimited():
            return TryLater("Discord's rate limit", error.retry_after, everywhere=flight.everywhere)
        case discord.HTTPException():
            return _of_status(error)
        case discord.DiscordException():
            return TryLater(briefly(error), _LATER)
        case _ if flight.left:
            return Uncertain(f"no answer from Discord: {briefly(error)}")
        case _:
            return TryLater(f"Discord cannot be reached: {briefly(error)}", everywhere=True)


def _of_status(error: discord.HTTPException) -> PaperroundError:
    status, code = error.status, error.code
    why = f"Discord says {status}" + (f" ({code})" if code else "") + f": {' '.join(error.text.split())[:200]}"
    if status == 401 or code in _BOT_CODES:
        log.error("Discord refuses the bot itself: %s", why)
        return TryLater(why, _MUCH_LATER, everywhere=True)
    if status == 429:
        # Without discord.py's own handling this comes from the network in front of Discord and holds for the address.
        return TryLater(why, _seconds(error.response.headers.get("Retry-After")) or _LATER, everywhere=True)
    if code in _BUSY_CODES or status >= 500:
        return TryLater(why, _seconds(error.response.headers.get("Retry-After")))
    if code in _CAUSES:
        return ChatGone(f"{_CAUSES.get(code, Cause.OTHER)}: {why}")
    if status in (403, 404):
        if error.response.headers.get("Content-Type") != "application/json":
            log.error("something in front of Discord answers: %s", why)
            return TryLater(why, _MUCH_LATER, everywhere=True)
        return ChatGone(f"{Cause.NO_RIGHT if status == 403 else Cause.DELETED}: {why}")
    return Refused(why)


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None
