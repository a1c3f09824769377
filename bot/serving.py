"""``paperround run``: every role in one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import assembly
from bot.catalogue import STARTING
from bot.commands.context import Context
from bot.commands.reading import digest as digest_view
from bot.config import Config
from bot.desk import FrontDesk
from bot.model import FeedState, Subscription
from bot.pipeline import Pipeline, Settings
from bot.ports import Caller, ChatPlatform

if TYPE_CHECKING:
    from adapters.chats.console import Console

log = logging.getLogger(__name__)

POLL_TICK, DELIVERY_TICK = 30, 10
"""Seconds between looks at what is due."""


def settings_of(config: Config) -> Settings:
    return Settings(config.arxiv.categories, config.wait_until, config.uncertain == "repeat")


def open_console_chat(context: Context, caller: Caller) -> None:
    """The terminal's chat, following the starting topics the first time. It gets views, never deliveries."""
    with context.store.transaction() as tx:
        if tx.chat(caller.address) is not None:
            return
        chat = tx.open_chat(replace(context.fresh_chat(tx, caller), due_at=None))
        for slug in STARTING:
            if tx.topic(slug):
                tx.subscribe(Subscription(0, chat.id, "", slug, context.now()))


async def serve(config: Config) -> int:
    """Returns the exit status."""
    terminal = sys.stdin.isatty()
    store = assembly.open_store(config)
    index = assembly.open_index(config, store)
    source = assembly.make_source(config)
    platforms = assembly.make_platforms(config)
    context = Context(store, index, config, assembly.utc_now)
    desk = FrontDesk(context)
    pipeline = Pipeline(store, index, source, platforms, settings_of(config), assembly.utc_now)
    console = assembly.make_console(os.environ.get("LC_ALL") or os.environ.get("LANG", ""))
    try:
        if platforms and not terminal:
            return await _serve_platforms(platforms, desk, pipeline)
        open_console_chat(context, console.caller)
        status = await _first_digest(console, context, desk, pipeline, config)
        if not terminal:
            return status
        return await _serve_platforms(platforms, desk, pipeline, console.talk(desk))
    finally:
        await source.close()
        index.close()
        store.close()


async def _first_digest(console: Console, context: Context, desk: FrontDesk, pipeline: Pipeline, config: Config) -> int:
    """Poll, and show today's digest or say in a line why there is none."""
    if await pipeline.next_poll_at() <= context.now():
        print(f"Reading {', '.join(config.arxiv.categories)} from {config.arxiv.feed_url} ...", flush=True)  # noqa: T201
        _, feeds = await pipeline.poll(quietly=True)
        failed = [feed for feed in feeds.values() if feed.state is FeedState.FAILED]
        if failed:
            again = (await pipeline.next_poll_at()).astimezone()
            print(  # noqa: T201
                f"No feed: {failed[0].why}; trying again at {again:%H:%M}. "
                "What is stored can be read and searched.",
                flush=True,
            )
        console.show(await desk.answer(console.caller, "digest", ""))
        return 75 if failed else 0
    console.show(await asyncio.to_thread(digest_view, context, console.caller, ""))
    return 0


async def _until(stopping: asyncio.Event) -> object:
    return await stopping.wait()


async def _serve_platforms(
    platforms: dict[str, ChatPlatform],
    desk: FrontDesk,
    pipeline: Pipeline,
    talk: Coroutine[object, object, None] | None = None,
) -> int:
    """Listen and keep the clock until a signal, or until ``talk`` (the terminal's conversation) ends."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(name, stopping.set)
    clock = assembly.make_clock()
    running: set[asyncio.Task[object]] = set()

    async def deliver() -> None:
        await pipeline.plan()
        if platforms:
            await pipeline.deliver()

    async def tracked(call: Callable[[], Awaitable[object]]) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await call()
        finally:
            running.discard(task)

    async def poll() -> None:
        if await pipeline.poll_if_due():
            await deliver()

    try:
        for platform in platforms.values():
            await platform.start(desk)
            log.info("%s is listening", platform.platform)
        clock.every(POLL_TICK, "poll", lambda: tracked(poll))
        clock.every(DELIVERY_TICK, "deliver", lambda: tracked(deliver))
        clock.start()
        first = asyncio.create_task(tracked(poll))
        waits: list[asyncio.Task[object]] = [asyncio.create_task(_until(stopping))]
        if talk is not None:
            waits.append(asyncio.create_task(talk))
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in (*waits, first):
            if not task.done() and task is not first:
                task.cancel()
    finally:
        clock.stop()
        if running:
            await asyncio.wait(running, timeout=10)
        for platform in platforms.values():
            await platform.stop()
    log.info("stopped")
    return 0
