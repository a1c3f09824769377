"""What each subcommand does and prints.

Exit status: 0, 1 (refused or wrong), 2 (call or configuration), 75 (try later).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from bot import assembly
from bot.commands.context import Context, day_of, find_topic, language_named
from bot.commands.topics import make_topic
from bot.config import Config, load
from bot.digests import Followed
from bot.errors import BadInput, ConfigError, DocumentError, FetchFailed, QueryError
from bot.exports import markdown, paper_json, tally_json
from bot.model import WANTED, Digest, DigestKind, Fetched, Rejected, Tally
from bot.pages import digest_page
from bot.pipeline import Pipeline
from bot.ports import Finding
from bot.query import caret, parse
from bot.redaction import redact, set_up_logging
from bot.words import words_for

DONE, WRONG, MISUSED, LATER = 0, 1, 2, 75


def run(options: argparse.Namespace) -> int:
    """Configure, run the subcommand, turn what goes wrong into words and an exit status."""
    try:
        config = load(file=Path(options.config) if options.config else None)
        quiet = options.command not in ("run", "round")
        level = "warning" if quiet and config.log_level == "info" else config.log_level
        set_up_logging(level, config.secrets())
        return _COMMANDS[options.command](options, config)
    except ConfigError as error:
        _complain(f"{len(error.problems)} problem(s) with the configuration:")
        for problem in error.problems:
            _complain(f"  {problem.key}: {problem.wrong}\n    -> {problem.mend}")
        return MISUSED
    except QueryError as error:
        _complain(str(error))
        _complain(caret(error))
        return MISUSED
    except BadInput as error:
        _complain(str(error))
        return MISUSED
    except FetchFailed as error:
        _complain(str(error))
        return LATER
    except BrokenPipeError:
        sys.stderr.close()
        return DONE
    except KeyboardInterrupt:
        return 130


def _complain(text: str) -> None:
    print(redact(text), file=sys.stderr)  # noqa: T201


def _say(text: str = "") -> None:
    print(redact(text))  # noqa: T201


def _dump(value: object) -> None:
    _say(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def _tell(tally: Tally, as_json: bool) -> int:
    if as_json:
        _dump(tally_json(tally))
    else:
        _say(
            f"{tally.read:,} read: {tally.new:,} new, {tally.merged:,} merged, {tally.updated:,} updated, "
            f"{tally.unchanged:,} unchanged, {len(tally.refused):,} refused"
        )
        for rejected in tally.refused[:50]:
            _complain(f"  refused {rejected.where}: {rejected.why}")
        if len(tally.refused) > 50:
            _complain(f"  and {len(tally.refused) - 50:,} more; --json lists all")
    return WRONG if tally.refused else DONE


def _context(config: Config, now: Callable[[], datetime] = assembly.utc_now) -> Context:
    store = assembly.open_store(config)
    return Context(store, assembly.open_index(config, store), config, now)


def _close(context: Context) -> None:
    context.index.close()
    context.store.close()


def _run(options: argparse.Namespace, config: Config) -> int:
    from bot.serving import serve

    return asyncio.run(serve(config))


def parse_time(text: str) -> datetime:
    """ISO 8601; UTC where it names no zone. Raises BadInput."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--at {text}: write a time as 2026-11-21T08:00 or 2026-11-21T08:00+08:00") from error
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _round(options: argparse.Namespace, config: Config) -> int:
    from bot.serving import settings_of

    at = parse_time(options.at) if options.at else None
    started = assembly.utc_now()

    def now() -> datetime:
        # The clock goes on from --at, so that leases and postponements keep their lengths.
        return at + (assembly.utc_now() - started) if at else assembly.utc_now()

    async def go() -> int:
        context = _context(config, now)
        source, platforms = assembly.make_source(config), assembly.make_platforms(config)
        pipeline = Pipeline(context.store, context.index, source, platforms, settings_of(config), now)
        try:
            done = await (pipeline.dry_round() if options.dry_run else pipeline.round())
        finally:
            await source.close()
            for platform in platforms.values():
                await platform.stop()
            _close(context)
        polled = tally_json(done.polled)
        if options.json:
            _dump(
                {"polled": polled, "feeds": done.feeds, "planned": done.planned, "sent": done.sent,
                 "postponed": done.postponed, "failed": done.failed}
            )  # fmt: skip
        else:
            _tell(done.polled, False)
            verb = "would be planned" if options.dry_run else "planned"
            _say(f"{done.planned} {verb}, {done.sent} sent, {done.postponed} postponed, {done.failed} failed")
        if done.failed:
            return WRONG
        return LATER if "failed" in done.feeds.values() or done.postponed else DONE

    return asyncio.run(go())


def _poll(options: argparse.Namespace, config: Config) -> int:
    from bot.serving import settings_of

    async def go() -> int:
        context = _context(config)
        source = assembly.make_source(config)
        try:
            if not options.feeds:
                pipeline = Pipeline(context.store, context.index, source, {}, settings_of(config), context.now)
                tally, feeds = await pipeline.poll()
                status = _tell(tally, options.json)
                failed = [feed for feed in feeds.values() if feed.state == "failed"]
                if failed:
                    _complain(f"{failed[0].why}; what is stored stays as it is")
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
            status = _tell(tally, options.json)
            return LATER if late else status
        finally:
            await source.close()
            _close(context)

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


def _import(options: argparse.Namespace, config: Config) -> int:
    from rich.console import Console
    from rich.progress import Progress

    context = _context(config)
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
            _complain("cleaned: " + ", ".join(f"{n:,} x {what}" for what, n in dropped.most_common(8)))
        return _tell(tally, options.json)
    finally:
        _close(context)


def _digest(options: argparse.Namespace, config: Config) -> int:
    language = language_named(options.language) if options.language else config.language
    if language is None:
        raise BadInput(f"--language {options.language}: one of en, zh-Hans, zh-Hant")
    try:
        on = date.fromisoformat(options.on) if options.on else None
    except ValueError as error:
        raise BadInput(f"--on {options.on}: write a date as 2026-11-20") from error
    context = _context(config)
    try:
        context.index.follow()
        with context.store.reading() as tx:
            topic = find_topic(tx.topics(), options.query)
            label = topic.name(language) if topic else options.query.strip()
            followed = (Followed(label, parse(topic.query if topic else options.query)),)
            announcements = tx.announcements_on(on) if on else tx.announcements(tx.before_latest_batch())
            if not announcements:
                _complain(
                    f"nothing was announced on {on}"
                    if on
                    else "nothing has been announced yet; paperround poll reads arXiv"
                )
                return WRONG
            day = day_of(context, tx, announcements, followed)
            matches = day.matches(followed, WANTED)
            ids = [match.paper_id for match in matches]
            papers, summaries = tx.papers(ids), tx.summaries(ids)
        on = announcements[-1].announced_on
        kind = DigestKind.PAPERS if matches else DigestKind.NOTHING
        digest = Digest(kind, on, matches, len(matches), (label,))
        if options.form == "json":
            _dump(
                {"on": on, "query": options.query, "language": language,
                 "papers": [paper_json(papers[i], summaries.get(i, ())) for i in ids]}
            )  # fmt: skip
        elif options.form == "markdown":
            _say(markdown(digest_page(words_for(language), digest, papers, summaries)))
        else:
            assembly.make_console(language).show(digest_page(words_for(language), digest, papers, summaries))
        return DONE
    finally:
        _close(context)


def _search(options: argparse.Namespace, config: Config) -> int:
    if options.limit < 1:
        raise BadInput("--limit: a number from 1 on")
    query = parse(options.query)
    context = _context(config)
    try:
        context.index.follow()
        hits, total = context.index.search(query, limit=options.limit)
        ids = [hit.paper_id for hit in hits]
        with context.store.reading() as tx:
            papers, summaries = tx.papers(ids), tx.summaries(ids)
        if options.json:
            _dump(
                [
                    paper_json(papers[h.paper_id], summaries.get(h.paper_id, ()), h.score)
                    for h in hits
                    if h.paper_id in papers
                ]
            )
        else:
            from bot.pages import results_page

            words = words_for(config.language)
            title = words.count("{n} paper for {query}", "{n} papers for {query}", total, query=options.query)
            assembly.make_console("").show(
                results_page(words, title, [papers[i] for i in ids if i in papers], summaries)
            )
        return DONE if total else WRONG
    finally:
        _close(context)


def _names(options: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    names = {}
    for text in options.name:
        language, equals, name = text.partition("=")
        known = language_named(language)
        if not (equals and name.strip() and known):
            raise BadInput(f"--name {text}: write a language and a name, as en=PEFT or zh-Hans=高效微调")
        names[known] = name.strip()
    return tuple(names.items())


def _topics(options: argparse.Namespace, config: Config) -> int:
    words = words_for("en")
    store = assembly.open_store(config)
    try:
        with store.transaction() as tx:
            if options.verb == "list":
                topics = tx.topics()
                if options.json:
                    _dump([{"slug": t.slug, "names": dict(t.names), "query": t.query} for t in topics])
                for topic in () if options.json else topics:
                    _say(f"{topic.slug:<16} {topic.query}   ({', '.join(name for _, name in topic.names)})")
                return DONE
            slug = options.slug.casefold()
            known = tx.topic(slug)
            if options.verb == "remove":
                if not tx.remove_topic(slug):
                    raise BadInput(f"there is no topic {slug}; paperround topics list shows all")
                _say(f"topic {slug} removed; chats that followed it now follow its query")
                return DONE
            if options.verb == "add" and known:
                raise BadInput(f"there is a topic {slug} already: {known.query}; paperround topics edit changes it")
            if options.verb == "edit" and known is None:
                raise BadInput(f"there is no topic {slug}; paperround topics add makes it")
            made = make_topic(words, slug, (options.query or (known.query if known else "")).strip())
            names = {**dict(known.names if known else made.names), **dict(_names(options))}
            tx.put_topic(replace(made, names=tuple(names.items())))
            _say(f"topic {slug}: {made.query}")
            return DONE
    finally:
        store.close()


def _unmerge(options: argparse.Namespace, config: Config) -> int:
    context = _context(config)
    try:
        with context.store.transaction() as tx:
            paper = tx.unmerge(options.key, context.now())
        context.index.follow()
        _say(f"{options.key} is a paper of its own again: {paper.title}")
        return DONE
    finally:
        _close(context)


def _invite(options: argparse.Namespace, config: Config) -> int:
    import secrets

    code = secrets.token_urlsafe(12)
    store = assembly.open_store(config)
    try:
        with store.transaction() as tx:
            tx.add_invite(code, "console:local", assembly.utc_now())
    finally:
        store.close()
    _say(f"This admits one chat. Send there: /start {code}")
    return DONE


def _doctor(options: argparse.Namespace, config: Config) -> int:
    from bot import doctor

    async def go() -> list[Finding]:
        from bot.serving import settings_of

        findings = doctor.about_config(config)
        context = _context(config)
        source, platforms = assembly.make_source(config), assembly.make_platforms(config)
        try:
            pipeline = Pipeline(context.store, context.index, source, {}, settings_of(config), context.now)
            _, feeds = await pipeline.poll()
            with context.store.reading() as tx:
                counts = tx.counts()
            findings += doctor.about_store(counts)
            findings += doctor.about_feeds(feeds, config.arxiv.categories, context.now())
            for platform in platforms.values():
                findings += await platform.examine()
        finally:
            await source.close()
            for platform in platforms.values():
                await platform.stop()
            _close(context)
        return findings

    findings = asyncio.run(go())
    if options.json:
        _dump([{"subject": f.subject, "ok": f.ok, "what": f.what, "mend": f.mend} for f in findings])
    for finding in () if options.json else findings:
        _say(f"{'ok   ' if finding.ok else 'WRONG'} {finding.subject}: {finding.what}")
        if finding.mend:
            _say(f"      -> {finding.mend}")
    return DONE if all(finding.ok for finding in findings) else WRONG


_COMMANDS: dict[str, Callable[[argparse.Namespace, Config], int]] = {
    "run": _run, "round": _round, "poll": _poll, "digest": _digest, "search": _search, "import": _import,
    "topics": _topics, "unmerge": _unmerge, "invite": _invite, "doctor": _doctor,
}  # fmt: skip
