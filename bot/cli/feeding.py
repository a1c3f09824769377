"""What brings papers in: rounds, polls, imports."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot import assembly
from bot.accounts import follow_accounts
from bot.anthology import NAME
from bot.cli.printing import DONE, LATER, WRONG, close_context, complain, dump, open_context, say, tell
from bot.config import Config
from bot.crew import Crew
from bot.errors import BadInput, DocumentError, FetchFailed
from bot.exports import tally_json
from bot.model import FeedItem, Fetched, Rejected, Tally
from bot.pipeline import ALL, Pipeline
from bot.ports import Now, Store
from bot.subjects import propose
from bot.tenure import INGEST, PATIENCE, Tenure, alone, alone_async
from bot.turns import Turn


def run_bot(options: argparse.Namespace, config: Config) -> int:
    """``paperround run``."""
    from bot.serving import serve

    return asyncio.run(serve(config))


def parse_time(text: str) -> datetime:
    """ISO 8601; UTC where it names no zone. Raises BadInput."""
    try:
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"--at {text}: write a time as 2026-11-21T08:00 or 2026-11-21T08:00+08:00") from error
    if not 1991 <= at.year < 2200:
        raise BadInput(f"--at {text}: a year from 1991, when arXiv began, to 2199")
    return at


def run_round(options: argparse.Namespace, config: Config) -> int:
    """``paperround round``; LATER where a feed or a platform did not answer, WRONG where a delivery failed."""
    from bot.serving import collect_rarely, settings_of

    collect_rarely()
    at = parse_time(options.at) if options.at else None
    started = assembly.utc_now()

    def now() -> datetime:
        # The clock goes on from --at, so that leases and postponements keep their lengths.
        return at + (assembly.utc_now() - started) if at else assembly.utc_now()

    async def go() -> int:
        context = open_context(config, now)
        if not options.dry_run:
            assembly.repeat_erasures(config)
        source, proceedings = assembly.make_source(config), assembly.make_proceedings(config)
        crew = Crew(context.store, assembly.utc_now, "paperround round")
        platforms, archives = assembly.make_platforms(config, crew), assembly.make_archives(config)
        folder = None if options.dry_run or at else config.export.folder
        press = assembly.make_press(config, folder) if folder else None
        for name in () if options.dry_run else platforms:
            crew.sends(name, "deliver")
        summarizer = None if options.dry_run else assembly.make_summarizer(config)
        scribe = assembly.make_scribe(config, context.store, context.index, summarizer, now)
        pipeline = Pipeline(
            context.store, context.index, source, platforms, settings_of(config), now, proceedings, archives,
            clock=assembly.utc_now, scribe=scribe, press=press,
        )  # fmt: skip
        task = asyncio.current_task()
        if task is not None:
            with contextlib.suppress(NotImplementedError):
                # Ended in the middle it gives back what it began: the next round need not wait for that.
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            if not options.dry_run:
                follow_accounts(context.store, assembly.accounts(config), now())
            async with contextlib.nullcontext() if options.dry_run or not platforms else crew.present():
                done = await (pipeline.dry_round() if options.dry_run else pipeline.round())
            if not (options.dry_run or at):
                await pipeline.keep_up()  # what goes is gone for good: never by a clock that is only supposed
                await pipeline.publish()
        finally:
            await source.close()
            if proceedings:
                await proceedings.close()
            if summarizer:
                await summarizer.close()
            for platform in platforms.values():
                await platform.stop()
            close_context(context)
        polled = tally_json(done.polled)
        if options.json:
            dump(
                {"polled": polled, "feeds": done.feeds, "planned": done.planned, "sent": done.carried.sent,
                 "postponed": done.carried.postponed, "failed": done.carried.failed}
            )  # fmt: skip
        else:
            tell(done.polled, False)
            verb = "would be planned" if options.dry_run else "planned"
            ends = done.carried
            say(f"{done.planned} {verb}, {ends.sent} sent, {ends.postponed} postponed, {ends.failed} failed")
        if done.carried.failed:
            return WRONG
        return LATER if "failed" in done.feeds.values() or done.carried.postponed else DONE

    try:
        return asyncio.run(go())
    except asyncio.CancelledError:
        complain("stopped in the middle; the next round goes on with what is left")
        return LATER


def poll(options: argparse.Namespace, config: Config) -> int:
    """``paperround poll``: the configured feeds, or those named. Raises BadInput for a file that is not there."""
    from bot.serving import settings_of

    for name in options.feeds:
        if not _is_address(name):
            _check(Path(name))

    async def go() -> int:
        context = open_context(config)
        source, proceedings = assembly.make_source(config), assembly.make_proceedings(config)
        try:
            if not options.feeds:
                pipeline = Pipeline(
                    context.store, context.index, source, {}, settings_of(config), context.now, proceedings,
                    assembly.make_archives(config),
                )  # fmt: skip
                tally, feeds = await pipeline.poll(quietly=True)
                if late := await pipeline.fill(PATIENCE, ALL):
                    complain(f"{late:,} announcements of days that were missed came in late")
                if pipeline.anthology is not None:
                    more, feeds[NAME] = await pipeline.anthology.poll()
                    tally += more
                status = tell(tally, options.json)
                failed = [feed for feed in feeds.values() if feed.state == "failed"]
                if failed:
                    complain(f"{failed[0].why}; what is stored stays as it is")
                return LATER if failed else status
            tally, out_of_reach = Tally(), False
            turn = Turn(context.store, config.arxiv.interval, context.now)
            async for name, fetched in _feeds(config, options.feeds, turn):
                if isinstance(fetched, FetchFailed):
                    out_of_reach = out_of_reach or _is_address(name)
                    tally += Tally(refused=(Rejected(name, str(fetched)),))
                    continue
                async with alone_async(context.store, INGEST, "paperround poll", context.now) as tenure:
                    with context.store.transaction() as tx:
                        tenure.keep(tx)
                        tally += tx.add(fetched.items, context.now()) + Tally(refused=fetched.rejected)
            context.index.follow()
            status = tell(tally, options.json)
            return LATER if out_of_reach else status
        finally:
            await source.close()
            if proceedings:
                await proceedings.close()
            close_context(context)

    return asyncio.run(go())


def _is_address(name: str) -> bool:
    return name.startswith(("http://", "https://"))


async def _feeds(
    config: Config, names: Sequence[str], turn: Turn
) -> AsyncGenerator[tuple[str, Fetched | FetchFailed], None]:
    """Files and addresses in the order they were named."""
    addresses = [name for name in names if _is_address(name)]
    fetched = assembly.fetch_feeds(config, addresses)
    for name in names:
        if _is_address(name):
            async with turn.taken(PATIENCE):
                answer = await anext(fetched)
            yield name, answer
            continue
        try:
            yield name, assembly.read_feed(await asyncio.to_thread(Path(name).read_bytes), name)
        except FetchFailed as error:
            yield name, error
        except OSError as error:
            yield name, FetchFailed(error.strerror or str(error))
    await fetched.aclose()


def _check(path: Path) -> None:
    """Before anything is stored: a name that was mistyped is no feed that failed. Raises BadInput."""
    try:
        with path.open("rb"):
            if path.stat().st_size > 64 * 1024 * 1024:
                raise BadInput(f"{path}: larger than 64 MiB, so no feed")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise BadInput(f"{path}: {why}; name a feed's file or its http(s) address") from error


BATCH = 1_000
"""Papers that an import keeps in one transaction."""


def keep_documents(
    store: Store, names: Sequence[str], tenure: Tenure, now: Now
) -> Iterator[tuple[Tally, int, int, Mapping[str, int]]]:
    """Read documents and folders and keep what is in them, small ones together: after each transaction what came of
    it, how many subjects are proposed as topics, the bytes of the files that were read for it, and the fields that were
    left out of items, by why."""
    items: list[FeedItem] = []
    refused: list[Rejected] = []
    dropped, size = Counter[str](), 0

    def keep() -> tuple[Tally, int]:
        with store.transaction() as tx:
            tenure.keep(tx)
            tally = tx.add(items, now()) + Tally(refused=tuple(refused))
            return tally, propose(tx, (subject for item in items for subject in item.subjects))

    for name in names:
        try:
            for chunk in assembly.read_documents(Path(name)):
                items += chunk.items
                refused += chunk.rejected
                dropped.update(chunk.dropped)
                size += chunk.size
                if len(items) >= BATCH:
                    yield *keep(), size, dropped
                    items, refused, dropped, size = [], [], Counter[str](), 0
        except DocumentError as error:
            refused.append(Rejected(f"{error.file}:{error.line}", error.message))
    if items or refused or dropped or size:
        yield *keep(), size, dropped


@contextmanager
def few_collections() -> Iterator[None]:
    """Papers refer to nothing in circles, and looking for circles among them all again and again costs a third of an
    import, and a fifth of taking them into the index."""
    often = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()


def import_documents(options: argparse.Namespace, config: Config) -> int:
    """``paperround import``; what cannot be read is refused and told, the rest is kept."""
    from rich.console import Console
    from rich.progress import Progress

    context = open_context(config)
    tally, dropped, seconds = Tally(), Counter[str](), 0.0
    proposed = 0
    began = time.perf_counter()
    try:
        with (
            Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress,
            alone(context.store, INGEST, "paperround import", context.now) as tenure,
            few_collections(),
        ):
            total = sum(assembly.size_of_documents(Path(name)) for name in options.files)
            task = progress.add_task("reading", total=total)
            for kept, new, size, cleaned in keep_documents(context.store, options.files, tenure, context.now):
                tally += kept
                proposed += new
                dropped.update(cleaned)
                progress.update(task, advance=size, description=f"{tally.read:,} read")
            seconds = time.perf_counter() - began
            progress.update(task, description="indexing")
            context.index.follow()
        if sys.stderr.isatty() and tally.read >= BATCH:
            indexed = time.perf_counter() - began - seconds
            complain(f"{tally.read / seconds:,.0f} papers a second; indexed in {indexed:.0f} s")
        if dropped:
            complain("cleaned: " + ", ".join(f"{n:,} x {what}" for what, n in dropped.most_common(8)))
        if proposed:
            complain(f"{proposed:,} subjects are proposed as topics; paperround topics list shows them")
        return tell(tally, options.json)
    finally:
        close_context(context)
