"""What hands papers out: documents, feeds, citations, pages, a whole site."""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from bot import assembly
from bot.cli.printing import DONE, WRONG, close_context, complain, open_context, say
from bot.commands.context import Context, find_topic, language_named, read_query
from bot.config import Config
from bot.errors import BadInput
from bot.exports import printable
from bot.listings import MOST, between, everything, listed_by, newest_first, site_of, with_subjects
from bot.model import Listed, Listing

DAYS = 30
"""Days of announcements that a site shows, unless told otherwise."""


def export(options: argparse.Namespace, config: Config) -> int:
    """``paperround export``; WRONG where there is nothing to hand out. Raises BadInput, QueryError."""
    language = language_named(options.language) if options.language else ""
    if language is None:
        raise BadInput(f"--language {options.language}: one of en, zh-Hans, zh-Hant")
    context = open_context(config)
    try:
        context.index.follow()
        if options.site:
            if options.out or options.topic or options.query or options.on or options.since or options.until:
                raise BadInput("--site writes everything into its folder: leave the other choices out")
            return _site(context, config, Path(options.site))
        found = _listing(context, options, language, config.language)
        if found.left_out:
            complain(
                f"only the newest {MOST:,}: {found.left_out:,} more are left out; choose fewer by --since, --until"
            )
        if not found.papers:
            complain("no stored paper is like that; paperround poll reads arXiv, paperround import documents")
        _hand_out(found, options, language)
        return DONE if found.papers else WRONG
    finally:
        close_context(context)


def _listing(context: Context, options: argparse.Namespace, language: str, spoken: str) -> Listing:
    """What is asked for; a monthly table with what its papers are about, where no ``language`` is given as documents
    said it. ``spoken``: the language of the instance."""
    since, until = (_day(options, name) for name in ("since", "until"))
    if on := _day(options, "on"):
        if since or until:
            raise BadInput("--on is one day: leave --since and --until out")
        since = until = on
    with context.store.reading() as tx:
        topics = tx.topics()
        topic = find_topic(topics, options.topic) if options.topic else None
        if options.topic and topic is None:
            raise BadInput(f"--topic {options.topic}: no such topic; paperround topics list shows them")
        text = topic.query if topic else options.query or ""
        asked = between(read_query(tx, text) if text else None, since, until)
        if asked is None:
            papers: tuple[Listed, ...] = newest_first(everything(tx))
            total = len(papers)
        else:
            papers, total = listed_by(tx, context.index, asked)
    if options.format == "monthly":
        papers = with_subjects(papers, topics, language or spoken, stored=not language)
    days = "..".join(dict.fromkeys(str(day) for day in (since, until) if day))
    title = " ".join(filter(None, (topic.name(language or spoken) if topic else text or "Papers", days)))
    name = re.sub(r"[^a-z0-9]+", "-", (topic.slug if topic else text).lower()).strip("-")[:60] or "papers"
    named = f"{name}-{days}".rstrip("-") if days else name
    return Listing(named, title, newest_first(papers), total - len(papers))


def _day(options: argparse.Namespace, name: str) -> date | None:
    text = getattr(options, name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadInput(f"--{name} {text}: write a date as 2026-11-20") from error


def _hand_out(found: Listing, options: argparse.Namespace, language: str) -> None:
    if not options.out:
        text = _written(found, options, language)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="")
        # A file holds the text as it is; a terminal would obey what steers it.
        sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
        return
    out = Path(options.out)
    folder = out.is_dir() or options.out.endswith("/")
    for part in _parts(found, options.format) if folder else (found,):
        path = out / f"{part.name}.{assembly.ending_of(options.format)}" if folder else out
        text = _written(part, options, language)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.new")
            draft.write_text(text, encoding="utf-8", errors="replace", newline="")
            draft.replace(path)
        except OSError as error:
            raise BadInput(f"{path}: {error.strerror}; name a file or folder that can be written") from error
        say(f"{len(part.papers):,} papers: {path}")


def _written(found: Listing, options: argparse.Namespace, language: str) -> str:
    text, left_out = assembly.write_listing(options.format, found, language)
    if left_out:
        complain(f"{left_out:,} papers without any text are left out, for a list shows texts; --format jsonl has them")
    return text


def _parts(found: Listing, form: str) -> Iterator[Listing]:
    """In a folder a monthly table is a file a month."""
    if form != "monthly":
        yield found
        return
    months: dict[str, list[Listed]] = {}
    for one in found.papers:
        months.setdefault(f"{one.on:%Y-%m}" if one.on else "undated", []).append(one)
    name = found.name
    for month, papers in months.items():
        yield Listing(f"{name}-{month}" if month not in name else name, found.title, tuple(papers))


def _site(context: Context, config: Config, folder: Path) -> int:
    press = assembly.make_press(config, folder)
    with context.store.reading() as tx:
        site = site_of(tx, context.index, DAYS)
    changed = press.publish(site)
    say(f"{changed:,} files written in {folder}" if changed else f"{folder} is as it was")
    return DONE
