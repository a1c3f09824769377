"""``paperround run``: every role in one process, or some of them beside other processes, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot import assembly
from bot.accounts import follow_accounts
from bot.catalogue import STARTING
from bot.commands.context import Context
from bot.commands.reading import digest as digest_view
from bot.config import Config
from bot.crew import BEAT, Crew
from bot.desk import FrontDesk
from bot.errors import ConfigError, Problem, TryLater
from bot.model import EVERY_ROLE, FeedState, Role, Subscription
from bot.outside import PlatformsOutside
from bot.pipeline import Pipeline, Settings
from bot.ports import Caller, ChatPlatform, SearchIndex
from bot.redaction import redact
from bot.replies import say
from bot.words import Words

if TYPE_CHECKING:
    from adapters.chats.console import Console

log = logging.getLogger(__name__)

POLL_TICK, DELIVERY_TICK, INDEX_TICK, UPKEEP_TICK, SUMMARY_TICK, EXPORT_TICK = 30, 10, 1, 600, 5, 60
"""Seconds between looks at what is due."""
PATIENCE = 10.0
"""Seconds that a person waits for the first poll."""
SENDING_WITHIN, WORKING_WITHIN, LEAVING_WITHIN = 4.0, 2.0, 3.0
"""Seconds that messages on their way, other work, and the platforms get to end in; together less than the 10 that
service managers commonly give."""


def settings_of(config: Config) -> Settings:
    return Settings(
        config.arxiv.categories,
        config.wait_until,
        config.uncertain == "repeat",
        config.audit_days,
        config.admins,
        config.language,
        config.arxiv.interval,
        timedelta(minutes=config.summaries.wait_minutes) if config.summaries.url else None,
    )


def collect_rarely() -> None:
    """The collector no longer walks what is there when a process begins its work, nor runs for every few hundred
    objects: that was a quarter of what a message costs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    # The loop waits so long, not 5 ms, whenever threads that answer something are at work.
    sys.setswitchinterval(0.001)


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
    collect_rarely()
    everything = config.roles == EVERY_ROLE
    terminal = everything and sys.stdin.isatty()
    store = assembly.open_store(config)
    assembly.repeat_erasures(config)  # somebody may have put an old database back by hand
    crew = Crew(store, assembly.utc_now)
    wanted = [role for role in Role if role.listens and {role, Role.DELIVER} & set(config.roles)]
    platforms = assembly.make_platforms(config, crew, store, wanted)
    listening = tuple(name for name in platforms if Role(name) in config.roles)
    publishes = Role.PLAN in config.roles
    # Whoever answers searches, and has an index of its own on its machine; the others need none.
    press = assembly.make_press(config, config.export.folder) if config.export.folder and publishes else None
    index = assembly.open_index(config, store) if listening or everything or press else None
    source, proceedings = assembly.make_source(config), assembly.make_proceedings(config)
    archives = assembly.make_archives(config)
    summarizer = assembly.make_summarizer(config) if Role.INGEST in config.roles else None
    scribe = assembly.make_scribe(config, store, index, summarizer)
    pipeline = Pipeline(
        store, index, source, platforms, settings_of(config), assembly.utc_now, proceedings, archives,
        scribe=scribe, press=press,
    )
    for name in platforms:
        crew.sends(name, "deliver" if Role.DELIVER in config.roles else "answer")
    monitor = assembly.make_monitor(config, store, index, {name: platforms[name] for name in listening})
    try:
        await asyncio.to_thread(follow_accounts, store, assembly.accounts(config), assembly.utc_now())
        await monitor.start()
        if index is None:
            log.info("roles: %s", ", ".join(config.roles))
            return await serve_platforms(platforms, None, pipeline, None, roles=config.roles, crew=crew)
        outside = PlatformsOutside(platforms, asyncio.get_running_loop())
        context = Context(store, index, config, assembly.utc_now, outside)
        desk = FrontDesk(context)
        if not everything:
            log.info("roles: %s", ", ".join(config.roles))
        if not everything or (platforms and not terminal):
            return await serve_platforms(platforms, desk, pipeline, index, roles=config.roles, crew=crew)
        console = assembly.make_console(os.environ.get("LC_ALL") or os.environ.get("LANG", ""))
        open_console_chat(context, console.caller)
        status = await first_digest(console, context, desk, pipeline, config, terminal)
        if not terminal:
            return status
        words = context.words(console.caller)
        _say(console, words.say("/paper LoRA searches, /help shows all you can ask for, Ctrl-D ends."))
        return await serve_platforms(platforms, desk, pipeline, index, console.talk(desk), crew=crew)
    finally:
        await monitor.stop()
        await source.close()
        for archive in archives:
            await archive.close()
        if proceedings:
            await proceedings.close()
        if summarizer:
            await summarizer.close()
        if index is not None:
            index.close()
        store.close()


async def first_digest(
    console: Console, context: Context, desk: FrontDesk, pipeline: Pipeline, config: Config, terminal: bool
) -> int:
    """Poll, and show today's digest or say in a line why there is none; returns the exit status if this is the end.

    A feed that failed when the program last ran is asked again: somebody may just have mended the network. At a
    ``terminal`` nobody waits longer than PATIENCE for the prompt; the round that begins with it polls once more.
    """
    with context.store.reading() as tx:
        known = tx.feeds()
    words, categories = context.words(console.caller), config.arxiv.categories
    broken = any(known[c].state is FeedState.FAILED for c in categories if c in known)
    if broken or await pipeline.next_poll_at() <= context.now():
        named, where = ", ".join(categories), config.arxiv.feed_url
        _say(console, words.say("Reading {categories} from {address} …", categories=named, address=where))
        try:
            async with asyncio.timeout(PATIENCE if terminal else None):
                _, feeds = await pipeline.poll(quietly=True)
        except (TimeoutError, TryLater):  # or another process is at it
            _say(console, words.say("This takes long and goes on beside. What is stored can be read and searched."))
            console.show(await desk.answer(console.caller, "digest", ""))
            return 0
        failed = [feed for feed in feeds.values() if feed.state is FeedState.FAILED]
        if failed:
            _say(console, _no_feed(words, failed[0].why, await pipeline.next_poll_at() if terminal else None))
        console.show(await desk.answer(console.caller, "digest", ""))
        return 75 if failed else 0
    console.show(await asyncio.to_thread(digest_view, context, console.caller, ""))
    return 0


def _no_feed(words: Words, why: str, again_at: datetime | None) -> str:
    if again_at is None:
        return words.say("No feed: {why}; run this again later. What is stored can be read and searched.", why=why)
    return words.say(
        "No feed: {why}; trying again at {time}. What is stored can be read and searched.",
        why=why,
        time=f"{again_at.astimezone():%H:%M}",
    )


def _say(console: Console, text: str) -> None:
    console.show(say(redact(text)))


def _heed_signals(stopping: asyncio.Event) -> None:
    """The first asks for an orderly end, the second ends at once: nothing stored is lost by either."""

    def asked(name: signal.Signals) -> None:
        if stopping.is_set():
            os._exit(128 + name)
        stopping.set()

    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(name, asked, name)


async def _until(stopping: asyncio.Event) -> object:
    return await stopping.wait()


async def serve_platforms(
    platforms: dict[str, ChatPlatform],
    desk: FrontDesk | None,
    pipeline: Pipeline,
    index: SearchIndex | None,
    talk: Coroutine[object, object, None] | None = None,
    roles: Collection[Role] = EVERY_ROLE,
    crew: Crew | None = None,
) -> int:
    """Do what ``roles`` say until a signal, or until ``talk`` (the terminal's conversation) ends. Listening needs a
    ``desk`` and an ``index``."""
    stopping = asyncio.Event()
    _heed_signals(stopping)
    clock = assembly.make_clock()
    running: set[asyncio.Task[object]] = set()

    async def deliver() -> None:
        try:
            if Role.PLAN in roles:
                await pipeline.plan()
        finally:
            if platforms and Role.DELIVER in roles:
                await pipeline.deliver()

    async def tracked(call: Callable[[], Awaitable[object]]) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await call()
        except asyncio.CancelledError:
            log.debug("ended in the middle, to stop")
        finally:
            running.discard(task)

    async def poll() -> None:
        if await pipeline.poll_if_due():
            await pipeline.note_wishes()
            await deliver()
        if await pipeline.fill():
            await deliver()

    async def follow(index: SearchIndex) -> None:
        await asyncio.to_thread(index.follow)
        if desk is not None:
            await desk.read_ahead()

    async def first() -> None:
        try:
            if Role.INGEST in roles:
                await poll()
            # What an earlier process left in the middle goes on at once.
            await deliver()
        except Exception:
            log.exception("the first round failed; it is tried again in %d s", DELIVERY_TICK)

    if crew is not None and platforms:
        await crew.beat()
        clock.every(BEAT, "sign of life", crew.beat)
    clock.start()
    beginning = asyncio.ensure_future(_begin_all(platforms, roles, desk))
    waits: list[asyncio.Future[Any]] = [asyncio.create_task(_until(stopping))]
    try:
        await asyncio.wait([beginning, *waits], return_when=asyncio.FIRST_COMPLETED)
        if beginning.done():
            beginning.result()
            if Role.INGEST in roles:
                clock.every(POLL_TICK, "poll", lambda: tracked(poll))
                # A conference takes minutes to read, and arXiv's papers are not to wait for it.
                clock.every(POLL_TICK, "anthology", lambda: tracked(pipeline.poll_proceedings))
                if pipeline.scribe is not None:
                    clock.every(SUMMARY_TICK, "summaries", lambda: tracked(pipeline.summarise))
            clock.every(DELIVERY_TICK, "deliver", lambda: tracked(deliver))
            if index is not None:
                # One process on a machine writes the index, so it takes in what others have stored.
                clock.every(INDEX_TICK, "index", lambda: tracked(lambda: follow(index)))
            if Role.PLAN in roles:
                clock.every(UPKEEP_TICK, "upkeep", lambda: tracked(pipeline.keep_up))
                clock.every(EXPORT_TICK, "export", lambda: tracked(pipeline.publish))
            begun = asyncio.create_task(tracked(first))
            running.add(begun)
            if talk is not None:
                waits.append(asyncio.create_task(talk))
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in waits:
                if task.done():
                    task.result()  # a conversation that broke is not an orderly end
    finally:
        beginning.cancel()
        for task in waits:
            task.cancel()
        # Before the clock, which cancels the calls under way: a message on its way should be answered.
        await pipeline.stop(SENDING_WITHIN)
        clock.stop()
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=WORKING_WITHIN)
        await _leave(platforms)
        if crew is not None:
            await crew.leave()
    if talk is None:  # somebody at a terminal knows
        log.info("stopped")
    return 0


async def _begin_all(
    platforms: Mapping[str, ChatPlatform], roles: Collection[Role], desk: FrontDesk | None
) -> None:
    """All at once. Raises one ConfigError with every token that is refused: half a bot would go unnoticed."""
    begun = [
        _listen(platform, desk) if desk is not None and Role(name) in roles else _greet(platform)
        for name, platform in platforms.items()
    ]
    ended = await asyncio.gather(*begun, return_exceptions=True)
    refused = [problem for error in ended if isinstance(error, ConfigError) for problem in error.problems]
    if refused:
        raise ConfigError(tuple(refused))
    for error in ended:
        if error is not None:
            raise error


async def _listen(platform: ChatPlatform, desk: FrontDesk) -> None:
    await platform.start(desk)
    log.info("%s is listening", platform.platform)


async def _greet(platform: ChatPlatform) -> None:
    """Where this process only sends, its token is looked at all the same. Raises ConfigError where it is refused."""
    for finding in await platform.examine():
        if not finding.ok and finding.subject.lower().endswith("token"):
            raise ConfigError((Problem(finding.subject, finding.what, finding.mend),))
    log.info("%s is sent to; other processes listen there", platform.platform)


async def _leave(platforms: dict[str, ChatPlatform]) -> None:
    leaving = [asyncio.create_task(platform.stop()) for platform in platforms.values()]
    if not leaving:
        return
    left, late = await asyncio.wait(leaving, timeout=LEAVING_WITHIN)
    for task in late:
        task.cancel()
    for task in left:
        if not task.cancelled() and (error := task.exception()):
            log.warning("leaving a platform: %s", type(error).__name__)
