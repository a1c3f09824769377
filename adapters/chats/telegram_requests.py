"""Requests to the Bot API over aiohttp, and what their failures mean to us.

python-telegram-bot's own transport manages 645 messages a second, this one 4,000 (measured on one core).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from telegram import error as tg
from telegram.request import BaseRequest, RequestData

from bot.errors import ChatGone, ChatMoved, Refused, TryLater, Uncertain

# RetryAfter.retry_after becomes a timedelta, and the library stops warning that it will.
os.environ.setdefault("PTB_TIMEDELTA", "1")

MAX_RESPONSE = 16 * 2**20
"""Bytes after decompression: a hundred updates of the longest messages are less."""

CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
LONGEST_WAIT = 60.0
"""Seconds after which nobody waits for an answer any more."""

_FORM = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": BaseRequest.USER_AGENT}
_JSON = {"Content-Type": "application/json", "User-Agent": BaseRequest.USER_AGENT}
_PLAIN = {"User-Agent": BaseRequest.USER_AGENT}
_UPDATE_ID = re.compile(rb'"update_id":\s*(\d+)')
_UNCONNECTED = (
    aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError, aiohttp.InvalidURL
)  # fmt: skip
_ANSWERED = frozenset({400, 401, 403, 404, 409, 429})
"""Statuses that BaseRequest reads; any other one but 2xx is a fault of the server or of what stands before it."""


class NotSent(tg.NetworkError):
    """No connection came about: the request surely did nothing."""


class ServerFault(tg.NetworkError):
    """Something answered, but not the Bot API: the request was not carried out."""


class Lost(tg.NetworkError):
    """The request left and no usable answer came: it may have been carried out."""


@dataclass(frozen=True, slots=True)
class _Json:
    """In the place of RequestData: parameters that are a body already."""

    body: bytes


class AiohttpRequest(BaseRequest):
    """python-telegram-bot's transport. Opens its session at the first request, in the running loop.

    No text of an error that leaves here holds the address, which holds the token. HTTP(S)_PROXY and NO_PROXY
    of the environment are heeded.
    """

    def __init__(self, connections: int = 64) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._proxies = getproxies()
        self.newest_update = 0
        """The greatest update id of the last getUpdates, known even where the updates could not be read."""

    @property
    def read_timeout(self) -> float:
        return READ_SECONDS

    async def initialize(self) -> None:
        """Nothing to do before the first request."""

    async def shutdown(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(self, url: str, parameters: Mapping[str, Any]) -> Any:
        """A method's result, as the Bot API gives it. Raises what ``Bot`` raises, and costs half of it: no form is
        encoded and no object made of the answer."""
        return await self.post(url, cast(RequestData, _Json(json.dumps(parameters).encode())))

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | _Json | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Raises TimedOut, NotSent, ServerFault and Lost."""
        connect = connect_timeout if isinstance(connect_timeout, int | float) else CONNECT_SECONDS
        read = read_timeout if isinstance(read_timeout, int | float) else READ_SECONDS
        timeout = aiohttp.ClientTimeout(total=connect + read + 30, connect=connect, sock_read=read)
        data: bytes | aiohttp.FormData | None = None
        headers = _PLAIN
        if isinstance(request_data, _Json):
            data, headers = request_data.body, _JSON
        elif request_data is not None and request_data.contains_files:
            data = _multipart(request_data)
        elif request_data is not None:
            data, headers = request_data.url_encoded_parameters().encode(), _FORM
        try:
            async with self._opened().request(
                method, url, data=data, headers=headers, timeout=timeout, allow_redirects=False, proxy=self._proxy(url)
            ) as response:
                status, payload = response.status, await _read(response)
        except _UNCONNECTED as error:
            raise NotSent(f"no connection ({_kind(error)})") from None
        except TimeoutError:
            raise tg.TimedOut("no answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Lost(f"the connection broke ({type(error).__name__})") from None
        if status == 504:
            raise Lost("HTTP 504")
        if status >= 300 and status not in _ANSWERED:
            raise ServerFault(f"HTTP {status}")
        if not payload.lstrip()[:1] == b"{":
            raise Lost("HTTP 200 without an answer") if status < 300 else ServerFault(f"HTTP {status}, no answer")
        if url.endswith("/getUpdates"):
            self.newest_update = max((int(number) for number in _UPDATE_ID.findall(payload)), default=0)
        return status, payload

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=self._connections, ttl_dns_cache=300)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    def _proxy(self, url: str) -> str | None:
        if not self._proxies:
            return None
        parts = urlsplit(url)
        host = parts.hostname or ""
        if host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(host):
            return None
        return self._proxies.get(parts.scheme)


def _kind(error: Exception) -> str:
    """What went wrong while connecting, without the address."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return type(cause).__name__


def _multipart(request_data: RequestData) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in request_data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, mimetype) in request_data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=mimetype)
    return form


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_RESPONSE:
            raise Lost(f"the answer was longer than {MAX_RESPONSE} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


_GONE = {
    "chat not found": "the chat does not exist, or the bot was never in it",
    "thread not found": "the topic does not exist any more",
    "topic_deleted": "the topic does not exist any more",
    "topic_id_invalid": "the topic does not exist any more",
    "topic_closed": "the topic is closed",
    "not enough rights": "the bot has no right to write there",
    "have no rights": "the bot has no right to write there",
    "need administrator rights": "the bot has no right to write there",
    "chat_admin_required": "the bot has no right to write there",
    "chat_write_forbidden": "the bot has no right to write there",
    "chat_send_plain_forbidden": "the bot has no right to write text there",
    "chat_restricted": "the chat is restricted",
    "channel_private": "the bot was removed from the channel, or never in it",
    "peer_id_invalid": "the chat does not exist, or the bot was never in it",
    "deactivated": "the chat or the account was deleted",
    "not a member": "the bot was removed from the chat, or never in it",
    "was kicked": "the bot was removed from the chat",
    "was blocked": "the bot was blocked",
}
"""Fragments of the server's descriptions (https://core.telegram.org/bots/api#making-requests gives no codes), and
reasons that begin with a Cause."""
_SLOW_MODE = re.compile(r"slowmode_wait_(\d{1,6})", re.IGNORECASE)


@contextmanager
def telegram_errors() -> Iterator[None]:
    """The library's errors end here: raises TryLater, Uncertain, ChatMoved, ChatGone or Refused."""
    try:
        yield
    except tg.RetryAfter as error:
        raise TryLater("Telegram asked to wait", after=wait_seconds(error)) from error
    except tg.ChatMigrated as error:
        raise ChatMoved(str(error.new_chat_id)) from error
    except tg.Forbidden as error:
        raise ChatGone(_reason(error) or error.message) from error
    except tg.BadRequest as error:
        if slow := _SLOW_MODE.search(error.message):
            raise TryLater("the group is in slow mode", after=float(slow[1])) from error
        if reason := _reason(error):
            raise ChatGone(reason) from error
        raise Refused(error.message) from error
    except (tg.TimedOut, Lost) as error:
        raise Uncertain(error.message) from error
    except NotSent as error:
        raise TryLater(f"Telegram cannot be reached: {error.message}", everywhere=True) from error
    except tg.NetworkError as error:
        raise TryLater(f"Telegram: {error.message}") from error
    except (tg.InvalidToken, tg.EndPointNotFound):
        raise TryLater("Telegram refuses the token", after=600.0, everywhere=True) from None
    except tg.Conflict as error:
        raise TryLater(error.message) from error
    except tg.TelegramError as error:
        raise Uncertain(error.message) from error
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        # JSON came, but not what the Bot API answers.
        raise Uncertain(f"the answer could not be read ({type(error).__name__})") from error


def wait_seconds(error: tg.RetryAfter) -> float:
    wait = error.retry_after
    return float(wait) if isinstance(wait, int | float) else wait.total_seconds()


def _reason(error: tg.TelegramError) -> str:
    said = error.message.lower()
    return next((reason for fragment, reason in _GONE.items() if fragment in said), "")


async def patiently(send: Callable[[], Coroutine[Any, Any, str]]) -> str:
    """``send``, and again while Telegram names a time that a person would wait."""
    for _ in range(2):
        try:
            return await send()
        except TryLater as error:
            if (delay := error.after if error.after is not None else 1.0) > LONGEST_WAIT:
                raise
        await asyncio.sleep(delay)
    return await send()
