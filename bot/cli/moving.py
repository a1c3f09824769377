"""What moves a store: backups, restores, another database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic

from bot import assembly
from bot.checks import Wrong, database_url
from bot.cli.printing import DONE, complain, dump, say
from bot.config import Config
from bot.errors import BadInput
from bot.ports import Copied, Progress

_TOLD = ("papers", "announcements", "summaries", "chats", "subscriptions", "topics", "deliveries")


def backup(options: argparse.Namespace, config: Config) -> int:
    """``paperround backup``. Raises BadInput, TryLater."""
    name = f"paperround-{assembly.utc_now():%Y%m%dT%H%M%SZ}.db"
    file = Path(options.file).expanduser() if options.file else config.data_dir / "backups" / name
    if options.file and file.is_dir():
        file = file / name
    try:
        if not options.file:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _progress() as progress:
            begun = monotonic()
            made = assembly.back_up(config, file, progress)
        size = file.stat().st_size
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}; name a file in a folder that you may write") from error
    return _tell(options, made, monotonic() - begun, f"{file}: {size / 1e6:,.1f} MB", file=str(file), bytes=size)


def restore(options: argparse.Namespace, config: Config) -> int:
    """``paperround restore``. Raises BadInput, NotAllowed, TryLater."""
    file = Path(options.file).expanduser()
    with _progress() as progress:
        begun = monotonic()
        made = assembly.restore(config, file, over=options.force, progress=progress)
    status = _tell(options, made, monotonic() - begun, f"restored from {file}", file=str(file))
    again = made.repeated
    if again.strange or again.unreadable:
        complain(
            f"erasures.log: {again.strange} erasures of another store, {again.unreadable} lines cannot be read;"
            " /forget in a chat that should be gone erases it again"
        )
    if not options.json:
        if again.chats or again.users:
            say(f"erased since the backup, and erased again: chats: {again.chats}, users: {again.users}")
        if made.aside:
            say(f"what was there is kept as {made.aside}")
        if made.carried is not None:
            came = made.carried
            say(
                f"carried on from it: {came['paper']:,} papers and {came['announcement']:,} announcements since the"
                f" backup, {came['delivery'] + came['settled']:,} deliveries, how far {came['chat']:,} chats are"
            )
        elif config.uncertain == "repeat":
            say("what was sent since the backup is not known: what was due then is sent, perhaps again (uncertain)")
        else:
            say("what was sent since the backup is not known: what was due then is not sent (uncertain = skip)")
    return status


def migrate_store(options: argparse.Namespace, config: Config) -> int:
    """``paperround migrate-store``. Raises BadInput, NotAllowed, TryLater."""
    for name, url in (("--to", options.to), ("--from", options.source)):
        try:
            database_url(url or config.database)
        except Wrong as wrong:
            raise BadInput(f"{name}: {wrong.wrong}; {wrong.mend}") from wrong
    with _progress() as progress:
        begun = monotonic()
        made = assembly.move_store(options.source or config.database, options.to, keep=options.keep, progress=progress)
    status = _tell(options, made, monotonic() - begun, "moved, each table's count and checksum as before")
    if not options.json:
        if options.keep:
            say("the old store is as it was: go on with one of the two, never with both")
        else:
            say("the old store is marked as moved; now set PAPERROUND_DATABASE_URL to the new one")
    return status


def _tell(options: argparse.Namespace, made: Copied, seconds: float, what: str, **more: object) -> int:
    rows = sum(made.rows.values())
    if options.json:
        known = {
            "rows": dict(made.rows), "seconds": round(seconds, 3), "aside": made.aside, "carried": made.carried,
            "repeated": asdict(made.repeated),
        }  # fmt: skip
        dump({**more, **known})
        return DONE
    named = {"summary": "summaries", "delivery": "deliveries"}
    plural = {named.get(name, f"{name}s"): count for name, count in made.rows.items()}
    say(f"{what}; {rows:,} rows in {seconds:.1f} s")
    say(", ".join(f"{name}: {plural.get(name, 0):,}" for name in _TOLD))
    return DONE


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda what, done, whole: bars.update(task, description=what, completed=done, total=max(whole, 1))
