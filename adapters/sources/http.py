"""Fetching for sources: one request at a time, spaced, limited in size and time, conditional.

arXiv's terms ask for at most one request each 3 seconds over one connection
(https://info.arxiv.org/help/api/tou.html), so one Fetcher serves every arXiv source of a process.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import aiohttp

from bot.errors import FetchFailed
from bot.model import Validators
from bot.ports import Now

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 3
_CHUNK = 64 * 1024
_REASON_BYTES = 16 * 1024
_VALIDATOR_CHARS = 1024
_TITLE = re.compile(r"<title[^>]*>([^<]{1,2000})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Response:
    """A 200 with its body, or a 304 without one."""

    status: int
    body: bytes = b""
    validators: Validators = field(default_factory=Validators)

    @property
    def unchanged(self) -> bool:
        return self.status == 304


class Fetcher:
    """Asks one address at a time.

    ``contact`` (an e-mail or web address) goes into the User-Agent. ``interval`` is the least gap in
    seconds between the end of one request and the start of the next, redirects counted.
    ``limit_bytes`` is the greatest body after decompression; ``timeout`` is seconds for one request, body
    included. ``clock`` is monotonic, in seconds.
    """

    def __init__(
        self,
        contact: str = "",
        interval: float = 3.0,
        limit_bytes: int = 32 * 1024 * 1024,
        timeout: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Now = lambda: datetime.now(UTC),
    ) -> None:
        self._agent = f"paperround ({contact})" if contact else "paperround"
        self._interval, self._limit, self._timeout = interval, limit_bytes, timeout
        self._clock, self._sleep, self._now = clock, sleep, now
        self._lock = asyncio.Lock()
        self._ended: float | None = None
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, url: str, known: Validators | None = None) -> Response:
        """One conditional GET. Redirects are followed on the same host only, at most three.

        Raises FetchFailed for every status but 200 and 304, and for whatever the network does.
        """
        known = known or Validators()
        async with self._lock:
            for _ in range(_MAX_REDIRECTS + 1):
                answer = await self._ask(url, known)
                if isinstance(answer, Response):
                    return answer
                url = _followed(url, answer)
        raise FetchFailed(f"{_host(url)} redirects more than {_MAX_REDIRECTS} times")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, url: str, known: Validators) -> Response | str:
        """The response, or where it redirects to."""
        if self._ended is not None and (wait := self._ended + self._interval - self._clock()) > 0:
            await self._sleep(wait)
        headers = {"User-Agent": self._agent, "Accept-Encoding": "gzip, deflate"}
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client().get(url, headers=headers, allow_redirects=False) as response,
            ):
                return await self._read(response, known)
        except TimeoutError as error:
            raise FetchFailed(f"{_host(url)} did not answer within {self._timeout:g} s") from error
        except aiohttp.InvalidURL as error:
            raise FetchFailed(f"not a web address: {_host(url)}") from error
        except aiohttp.ClientConnectorError as error:
            number = error.os_error.errno or 0
            # asyncio puts a tuple of its own in the place of the system's words.
            why = os.strerror(number) if number > 0 else error.os_error.strerror or type(error.os_error).__name__
            raise FetchFailed(f"{_host(url)} cannot be reached: {why}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise FetchFailed(f"no answer from {_host(url)}: {error or type(error).__name__}") from error
        except ValueError as error:  # a header or address that the library finds unfit to send
            raise FetchFailed(f"cannot ask {_host(url)}: {error}") from error
        finally:
            self._ended = self._clock()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,  # the size is limited while decompressing, see _body
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=1),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session

    async def _read(self, response: aiohttp.ClientResponse, known: Validators) -> Response | str:
        if response.status in _REDIRECTS and (place := response.headers.get("Location")):
            return place
        if response.status == 304 and known != Validators():
            return Response(304, validators=known)
        if response.status != 200:
            raise FetchFailed(
                f"{_host(str(response.url))} answered HTTP {response.status}{await _title(response)}",
                _retry_after(response.headers.get("Retry-After", ""), self._now()),
            )
        return Response(200, await _body(response, self._limit), _validators(response))


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The decompressed body; stops as soon as it is longer than ``limit`` bytes."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower() or "identity"
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise FetchFailed(f"{_host(str(response.url))} answered in an unknown encoding ({encoding[:40]})")
    too_long = FetchFailed(f"{_host(str(response.url))} sent more than {limit} bytes")
    body = bytearray()
    if encoding == "identity":
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > limit:
                raise too_long
        return bytes(body)
    # 32: zlib tells gzip from zlib by the header
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        async for chunk in response.content.iter_chunked(_CHUNK):
            pending = chunk
            while pending:
                body += unpacker.decompress(pending, limit + 1 - len(body))
                if len(body) > limit:
                    raise too_long
                pending = unpacker.unconsumed_tail
                if unpacker.eof and (pending := unpacker.unused_data):  # gzip members may follow each other
                    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    except zlib.error as error:
        raise FetchFailed(f"{_host(str(response.url))} sent a body that cannot be decompressed") from error
    if not unpacker.eof:
        raise FetchFailed(f"{_host(str(response.url))} sent a compressed body that is cut off")
    return bytes(body)


async def _title(response: aiohttp.ClientResponse) -> str:
    """What an error page (or arXiv's feed about a bad query) calls itself, to be put behind the status."""
    try:
        body = await _body(response, _REASON_BYTES)
    except (FetchFailed, aiohttp.ClientError):
        return ""
    found = _TITLE.search(body.decode("utf-8", "replace"))
    title = " ".join(html.unescape(found[1]).split())[:200] if found else ""
    return f": {title}" if title else ""


def _validators(response: aiohttp.ClientResponse) -> Validators:
    etag, modified = (response.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    return Validators(
        etag if len(etag) <= _VALIDATOR_CHARS else "", modified if len(modified) <= _VALIDATOR_CHARS else ""
    )


def _retry_after(value: str, now: datetime) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date (RFC 9110, section 10.2.3)."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


def _followed(url: str, place: str) -> str:
    """Where a redirect leads; raises FetchFailed where that is another host, port or a lesser scheme."""
    try:
        old, new = urlsplit(url), urlsplit(urljoin(url, place))
        same = new.hostname == old.hostname and new.username in (None, old.username)
        kept = (new.scheme, new.port) == (old.scheme, old.port)
        secured = (old.scheme, new.scheme) == ("http", "https") and new.port in (None, 443)
    except ValueError as error:
        raise FetchFailed(f"{_host(url)} redirects to something that is no address") from error
    if not (same and (kept or secured)):
        raise FetchFailed(f"{_host(url)} redirects to another host ({(new.hostname or place)[:100]})")
    return new.geturl()


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url[:100]
    except ValueError:
        return url[:100]
