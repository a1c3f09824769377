"""What brings papers in: rounds, polls, imports."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot import assembly
from bot.cli.printing import DONE, LATER, WRONG, close_context, complain, dump, open_context, say, tell
from bot.config import Config
from bot.errors import BadInput, DocumentError, FetchFailed
from bot.exports import tally_json
from bot.model import Fetched, Rejected, Tally
from bot.pipeline import Pipeline


def run_bot(options: argparse.Namespace, config: Config) -> int:
    from bot.serving import serve

    return asyncio.run(serve(config))


def parse_time(text: str) -> datetime:
    """ISO 8601; UTC where it names no zone. Raises BadInput."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--at {text}: write a time as 2026-11-21T08:00 or 2026-11-21T08:00+08:00") from error
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def run_round(options: argparse.Namespace, config: Config) -> int:
    from bot.serving import settings_of

    at = parse_time(options.at) if options.at else None
    started = assembly.utc_now()

    def now() -> datetime:
        # The clock goes on from --at, so that leases and postponements keep their lengths.
        return at + (assembly.utc_now() - started) if at else assembly.utc_now()

    async def go() -> int:
        context = open_context(config, now)
        source, platforms = assembly.make_source(config), assembly.make_platforms(config)
        pipeline = Pipeline(context.store, context.index, source, platforms, settings_of(config), now)
        try:
            done = await (pipeline.dry_round() if options.dry_run else pipeline.round())
        finally:
            await source.close()
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

    return asyncio.run(go())


def poll(options: argparse.Namespace, config: Config) -> int:
    from bot.serving import settings_of

    async def go() -> int:
        context = open_context(config)
        source = assembly.make_source(config)
        try:
            if not options.feeds:
                pipeline = Pipeline(context.store, context.index, source, {}, settings_of(config), context.now)
                tally, feeds = await pipeline.poll(quietly=True)
                status = tell(tally, options.json)
                failed = [feed for feed in feeds.values() if feed.state == "failed"]
                if failed:
                    complain(f"{failed[0].why}; what is stored stays as it is")
                return LATER if failed else status
            tally, late = Tally(), False
            async for name, fetched in _feeds(config, options.feeds):
                if isinstance(fetched, FetchFailed):
                    late = late or _is_address(name)
                    tally += Tally(refused=(Rejected(name, str(fetched)),))
                    continue
                with context.store.transaction() as tx:
                    tally += tx.add(fetched.items, context.now()) + Tally(refused=fetched.rejected)
            context.index.follow()
            status = tell(tally, options.json)
            return LATER if late else status
        finally:
            await source.close()
            close_context(context)

    return asyncio.run(go())


def _is_address(name: str) -> bool:
    return name.startswith(("http://", "https://"))


async def _feeds(config: Config, names: Sequence[str]) -> AsyncGenerator[tuple[str, Fetched | FetchFailed], None]:
    """Files and addresses in the order they were named."""
    addresses = [name for name in names if _is_address(name)]
    fetched = assembly.fetch_feeds(config, addresses)
    for name in names:
        if _is_address(name):
            yield name, await anext(fetched)
            continue
        try:
            yield name, assembly.read_feed(_bytes(Path(name)), name)
        except FetchFailed as error:
            yield name, error
    await fetched.aclose()


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > 64 * 1024 * 1024:
            raise BadInput(f"{path}: larger than 64 MiB, so no feed")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; name a feed's file or its http(s) address") from error


def import_documents(options: argparse.Namespace, config: Config) -> int:
    from rich.console import Console
    from rich.progress import Progress

    context = open_context(config)
    tally, dropped = Tally(), Counter[str]()
    try:
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
            total = sum(assembly.size_of_documents(Path(name)) for name in options.files)
            task = progress.add_task("reading", total=total)
            for name in options.files:
                try:
                    for chunk in assembly.read_documents(Path(name)):
                        with context.store.transaction() as tx:
                            tally += tx.add(chunk.items, context.now()) + Tally(refused=chunk.rejected)
                        dropped.update(chunk.dropped)
                        progress.update(task, advance=chunk.size, description=f"{tally.read:,} read")
                except DocumentError as error:
                    tally += Tally(refused=(Rejected(f"{error.file}:{error.line}", error.message),))
            progress.update(task, description="indexing")
            context.index.follow()
        if dropped:
            complain("cleaned: " + ", ".join(f"{n:,} x {what}" for what, n in dropped.most_common(8)))
        return tell(tally, options.json)
    finally:
        close_context(context)
