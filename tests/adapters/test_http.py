"""The limited fetcher against a real server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web

from adapters.sources.http import Fetcher
from bot.errors import FetchFailed
from bot.model import Validators
from tests.servers.feeds import Answer, FeedServer

NOW = datetime(2025, 4, 4, 4, 0, tzinfo=UTC)


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with FeedServer() as running:
        yield running


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    fetcher = Fetcher("mailto:ops@example.org", interval=0, limit_bytes=100_000, timeout=5, now=lambda: NOW)
    yield fetcher
    await fetcher.close()


async def _failure(fetcher: Fetcher, url: str, known: Validators | None = None) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        await fetcher.fetch(url, known)
    return caught.value


async def test_a_body_comes_with_its_validators_and_the_request_says_who_asks(
    server: FeedServer, fetcher: Fetcher
) -> None:
    modified = "Fri, 04 Apr 2025 04:00:00 GMT"
    server.put("/rss/cs.CL+cs.LG", Answer(b"body", headers={"Last-Modified": modified}, etag='"one"'))
    response = await fetcher.fetch(f"{server.url}/rss/cs.CL+cs.LG")
    assert (response.status, response.body) == (200, b"body")
    assert response.validators == Validators('"one"', modified)
    asked = server.requests[0]
    assert "ops@example.org" in asked.headers["user-agent"]
    assert "if-none-match" not in asked.headers and "if-modified-since" not in asked.headers


async def test_an_unchanged_body_is_not_sent_again(server: FeedServer, fetcher: Fetcher) -> None:
    server.put("/a", Answer(b"body", etag='"one"'))
    known = Validators('"one"', "Fri, 04 Apr 2025 04:00:00 GMT")
    response = await fetcher.fetch(f"{server.url}/a", known)
    assert response.unchanged and response.body == b"" and response.validators == known
    assert server.requests[0].headers["if-modified-since"] == known.last_modified


async def test_not_modified_without_a_condition_is_a_failure(server: FeedServer, fetcher: Fetcher) -> None:
    server.put("/a", Answer(status=304))
    assert "304" in str(await _failure(fetcher, f"{server.url}/a"))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_compressed_bodies_are_unpacked(server: FeedServer, fetcher: Fetcher, encoding: str) -> None:
    body = b"abc" * 20_000
    packed = gzip.compress(body[:7]) + gzip.compress(body[7:]) if encoding == "gzip" else zlib.compress(body)
    server.put("/a", Answer(packed, headers={"Content-Encoding": encoding}))
    assert (await fetcher.fetch(f"{server.url}/a")).body == body


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b"x" * 100_001), "more than 100000 bytes"),
        (Answer(gzip.compress(b"\0" * 50_000_000), headers={"Content-Encoding": "gzip"}), "more than 100000 bytes"),
        (Answer(gzip.compress(b"x" * 9000)[:-9], headers={"Content-Encoding": "gzip"}), "cut off"),
        (Answer(b"no gzip", headers={"Content-Encoding": "gzip"}), "cannot be decompressed"),
        (Answer(b"x", headers={"Content-Encoding": "br"}), "unknown encoding"),
    ],
    ids=["plain", "gzip bomb", "cut-off gzip", "no gzip", "brotli"],
)
async def test_what_is_too_long_or_cannot_be_unpacked_fails(
    server: FeedServer, fetcher: Fetcher, answer: Answer, reason: str
) -> None:
    server.put("/a", answer)
    assert reason in str(await _failure(fetcher, f"{server.url}/a"))


async def test_a_body_of_exactly_the_limit_is_taken(server: FeedServer, fetcher: Fetcher) -> None:
    server.put("/a", Answer(gzip.compress(b"x" * 100_000), headers={"Content-Encoding": "gzip"}))
    assert len((await fetcher.fetch(f"{server.url}/a")).body) == 100_000


async def test_an_endless_body_is_stopped_at_the_limit(server: FeedServer, fetcher: Fetcher) -> None:
    sent = 0

    async def pour(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 500_000_000:
            await response.write(b"x" * 10_000)
            sent += 10_000
        return response

    server.put("/a", pour)
    assert "more than" in str(await _failure(fetcher, f"{server.url}/a"))
    assert sent < 50_000_000


async def test_a_body_shorter_than_its_length_fails(server: FeedServer, fetcher: Fetcher) -> None:
    async def stop_short(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"short")
        assert request.transport is not None
        request.transport.close()
        return response

    server.put("/a", stop_short)
    assert "no answer from 127.0.0.1" in str(await _failure(fetcher, f"{server.url}/a"))


async def test_a_silent_server_fails_in_time(server: FeedServer) -> None:
    fetcher = Fetcher(interval=0, timeout=0.05)
    server.put("/a", Answer(b"late", delay=5))
    try:
        assert "within 0.05 s" in str(await _failure(fetcher, f"{server.url}/a"))
    finally:
        await fetcher.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://", "nonsense", "http://[bad/", "ftp://127.0.0.1/"])
async def test_what_cannot_be_reached_fails_with_one_kind_of_error(fetcher: Fetcher, url: str) -> None:
    assert str(await _failure(fetcher, url))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Fri, 04 Apr 2025 04:01:30 GMT", 90.0),
        ("Fri, 04 Apr 2025 03:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
async def test_a_busy_server_says_when_to_come_back(
    server: FeedServer, fetcher: Fetcher, header: str, seconds: float | None
) -> None:
    server.put("/a", Answer(b"busy", status=503, headers={"Retry-After": header}))
    failure = await _failure(fetcher, f"{server.url}/a")
    assert "HTTP 503" in str(failure) and failure.retry_after == seconds


async def test_an_error_page_is_named_by_its_title(server: FeedServer, fetcher: Fetcher) -> None:
    server.put("/a", Answer(b"<html><title>Rate &amp; reason\n here</title>" + b"x" * 9_000, status=429))
    assert str(await _failure(fetcher, f"{server.url}/a")) == "127.0.0.1 answered HTTP 429: Rate & reason here"


async def test_redirects_on_the_same_host_are_followed_with_the_condition(server: FeedServer, fetcher: Fetcher) -> None:
    server.put("/a", Answer(status=301, headers={"Location": "/b"}))
    server.put("/b", Answer(status=307, headers={"Location": f"{server.url}/c"}))
    server.put("/c", Answer(b"there", etag='"c"'))
    assert (await fetcher.fetch(f"{server.url}/a", Validators('"old"'))).body == b"there"
    assert server.paths() == ["/a", "/b", "/c"]
    assert server.requests[2].headers["if-none-match"] == '"old"'


async def test_redirects_elsewhere_are_refused(server: FeedServer, fetcher: Fetcher) -> None:
    async with FeedServer() as other:
        places = ["http://localhost/b", f"{other.url}/b", "//example.org/b", "file:///etc/passwd", "http://[bad/"]
        for place in places:
            server.put("/a", Answer(status=302, headers={"Location": place}))
            assert "redirects to" in str(await _failure(fetcher, f"{server.url}/a")), place
        assert other.requests == []


async def test_a_ring_of_redirects_ends(server: FeedServer, fetcher: Fetcher) -> None:
    server.put("/a", Answer(status=302, headers={"Location": "/a"}))
    assert "more than 3 times" in str(await _failure(fetcher, f"{server.url}/a"))
    assert len(server.requests) == 4


async def test_requests_are_spaced_from_the_end_of_the_last_one_even_when_asked_at_once(server: FeedServer) -> None:
    time, slept = 100.0, []

    async def sleep(seconds: float) -> None:
        nonlocal time
        slept.append(seconds)
        time += seconds

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal time
        time += 2  # the answer takes two seconds
        return web.Response(body=b"x")

    server.put("/a", slow)
    server.put("/gone", Answer(status=500))
    server.put("/r", Answer(status=302, headers={"Location": "/a"}))
    fetcher = Fetcher(interval=3.0, clock=lambda: time, sleep=sleep)
    try:
        await asyncio.gather(*(fetcher.fetch(f"{server.url}/a") for _ in range(3)))
        assert slept == [3.0, 3.0]
        time += 1
        await _failure(fetcher, f"{server.url}/gone")
        await fetcher.fetch(f"{server.url}/r")
        assert slept == [3.0, 3.0, 2.0, 3.0, 3.0]
        time += 60
        await fetcher.fetch(f"{server.url}/a")
        assert len(slept) == 5
    finally:
        await fetcher.close()


async def test_a_redirect_to_the_secured_port_of_the_same_host_is_followed(
    server: FeedServer, fetcher: Fetcher
) -> None:
    server.put("/a", Answer(status=301, headers={"Location": "https://127.0.0.1/a"}))
    message = str(await _failure(fetcher, f"{server.url}/a"))
    # Port 443 of a test machine may be closed or speak anything; that it was asked is all that counts.
    assert "redirect" not in message
    assert len(server.requests) == 1
