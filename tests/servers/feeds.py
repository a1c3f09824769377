"""A real HTTP server on loopback that hands out what a table says and remembers what it was asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Answer:
    """``etag``: sent, and answered by 304 when it comes back. ``delay`` in seconds before the answer."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FeedServer:
    """``async with FeedServer() as server`` inside a test's loop, or ``with in_thread() as server`` beside it.

    ``put`` says what a path (``/rss/cs.CL+cs.LG``) answers; several answers are given in turn, the last one
    for good. ``route`` hands over everything below a path. A path without any answers 404.
    """

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.url = ""
        self._answers: dict[str, list[Answer | Handler]] = {}
        self._routes: dict[str, Handler] = {}
        self._runner: web.AppRunner | None = None

    def put(self, path: str, *answers: Answer | Handler | bytes) -> None:
        self._answers[path] = [Answer(answer) if isinstance(answer, bytes) else answer for answer in answers]

    def route(self, path: str, handler: Handler) -> None:
        self._routes[path] = handler

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [seen.path for seen in self.requests]

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Seen(request.method, request.raw_path, headers))
        answers = self._answers.get(request.raw_path)
        if not answers:
            for path, handler in self._routes.items():
                if request.path.startswith(path):
                    return await handler(request)
            return web.Response(status=404, text="<html><title>Not here</title></html>", content_type="text/html")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if not isinstance(answer, Answer):
            return await answer(request)
        if answer.delay:
            await asyncio.sleep(answer.delay)
        given = dict(answer.headers)
        if answer.etag:
            given["ETag"] = answer.etag
            if headers.get("if-none-match") == answer.etag:
                return web.Response(status=304, headers=given)
        if answer.status == 200 and "Content-Type" not in given:
            given["Content-Type"] = "application/rss+xml"
        return web.Response(status=answer.status, body=answer.body, headers=given)


@contextmanager
def in_thread() -> Iterator[FeedServer]:
    """A running server in a thread of its own, for tests of whole processes."""
    server, loop = FeedServer(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
