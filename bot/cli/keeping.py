"""What keeps an instance: topics, merges, invitations, the doctor."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
from dataclasses import replace

from bot import assembly
from bot import doctor as findings_of
from bot.anthology import NAME as ANTHOLOGY
from bot.cli.printing import DONE, WRONG, close_context, dump, dump_findings, open_context, say
from bot.commands.context import language_named, topic_line
from bot.commands.instance import recognisable
from bot.commands.topic_changes import write_out
from bot.commands.topics import make_topic
from bot.config import Config
from bot.errors import BadInput, ConfigError, TryLater
from bot.keys import parse_reference
from bot.model import Change, Deed, GapState
from bot.pipeline import Pipeline
from bot.ports import Finding
from bot.subjects import dismiss
from bot.tenure import INGEST, alone
from bot.words import words_for

log = logging.getLogger(__name__)

HERE = "console:local"
"""Who changes things on the command line."""
BRIEFLY = 5.0
"""Seconds that the doctor waits for another process that asks arXiv."""
SHOWN = 3
"""Of what is in quarantine."""


def _names(options: argparse.Namespace, config: Config) -> tuple[tuple[str, str], ...]:
    names = {}
    for text in options.name:
        language, equals, name = text.partition("=")
        known = language_named(language, config.languages)
        if not (equals and name.strip() and known):
            raise BadInput(f"--name {text}: write a language and a name, as en=PEFT or zh-Hans=高效微调")
        names[known] = name.strip()
    return tuple(names.items())


def topics(options: argparse.Namespace, config: Config) -> int:
    """``paperround topics list|add|edit|remove``. Raises BadInput, QueryError."""
    words = words_for("en")
    store = assembly.open_store(config)
    try:
        with store.transaction() as tx:
            if options.verb == "list":
                topics = tx.topics()
                if options.json:
                    dump(
                        [
                            {"slug": t.slug, "names": dict(t.names), "query": t.query, "proposed": t.proposed}
                            for t in topics
                        ]
                    )
                for topic in () if options.json else topics:
                    say(
                        f"{topic.slug:<16} {topic.query}   ({', '.join(name for _, name in topic.names)})"
                        + ("   proposed" if topic.proposed else "")
                    )
                return DONE
            slug = options.slug.casefold()
            known = tx.topic(slug)
            if options.verb == "remove":
                if known is None:
                    raise BadInput(f"there is no topic {slug}; paperround topics list shows all")
                write_out(tx, words, known)
                tx.remove_topic(slug)
                dismiss(tx, known)
                tx.note(Change(assembly.utc_now(), HERE, "", Deed.TOPIC, topic_line(known)))
                say(f"topic {slug} removed; chats that followed it now follow its query")
                return DONE
            if options.verb == "add" and known:
                raise BadInput(f"there is a topic {slug} already: {known.query}; paperround topics edit changes it")
            if options.verb == "edit" and known is None:
                raise BadInput(f"there is no topic {slug}; paperround topics add makes it")
            made = make_topic(tx, words, slug, (options.query or (known.query if known else "")).strip())
            names = {**dict(known.names if known else made.names), **dict(_names(options, config))}
            after = replace(made, names=tuple(names.items()))
            tx.put_topic(after)
            before = topic_line(known) if known else ""
            tx.note(Change(assembly.utc_now(), HERE, "", Deed.TOPIC, before, topic_line(after)))
            say(f"topic {slug}: {made.query}")
            return DONE
    finally:
        store.close()


def unmerge(options: argparse.Namespace, config: Config) -> int:
    """``paperround unmerge``; takes links and ids as people write them. Raises BadInput."""
    key = parse_reference(options.key) or options.key
    context = open_context(config)
    try:
        with (
            alone(context.store, INGEST, "paperround unmerge", context.now) as tenure,
            context.store.transaction() as tx,
        ):
            tenure.keep(tx)
            paper = tx.unmerge(key, context.now())
            tx.note(Change(context.now(), HERE, "", Deed.UNMERGE, after=key))
        context.index.follow()
        say(f"{key} is a paper of its own again: {paper.title}")
        return DONE
    finally:
        close_context(context)


def invite(options: argparse.Namespace, config: Config) -> int:
    """``paperround invite``."""
    code = secrets.token_urlsafe(12)
    store = assembly.open_store(config)
    try:
        with store.transaction() as tx:
            tx.add_invite(code, HERE, assembly.utc_now())
            tx.note(Change(assembly.utc_now(), HERE, "", Deed.INVITE, after=recognisable(code)))
    finally:
        store.close()
    say(f"This admits one chat. Send there: /start {code}")
    return DONE


async def _look(config: Config) -> list[Finding]:
    """One part that is broken does not hide what is wrong with the others."""
    findings = findings_of.about_config(config)
    findings += await _look_at_feeds(config)
    for platform in assembly.make_platforms(config).values():
        try:
            findings += await platform.examine()
        finally:
            await platform.stop()
    if (summarizer := assembly.make_summarizer(config)) is not None:
        try:
            findings += await summarizer.examine()
        finally:
            await summarizer.close()
    return findings


async def _look_at_feeds(config: Config) -> list[Finding]:
    """Database and feeds; without a database the feeds are asked all the same."""
    from bot.serving import settings_of

    source = assembly.make_source(config)
    try:
        try:
            context = open_context(config)
        except ConfigError as error:
            broken = [Finding("database", False, f"{p.key}: {p.wrong}", p.mend) for p in error.problems]
            return [*broken, await findings_of.about_address(source, config.arxiv.categories)]
        try:
            pipeline = Pipeline(context.store, context.index, source, {}, settings_of(config), context.now)
            try:
                await pipeline.poll(quietly=True, patience=BRIEFLY)
                busy = []
            except TryLater as error:
                busy = [Finding("ingest", True, f"not polled now: {error}")]
            with context.store.reading() as tx:
                counts, feeds, leases = tx.counts(), tx.feeds(), tx.leases("", context.now())
                accounts, notices = findings_of.about_accounts(tx, assembly.accounts(config)), tx.notices(50)
                accounts = findings_of.about_accounts(tx, assembly.accounts(config))
                gaps, apart = tx.gaps(GapState.OPEN, GapState.GIVEN_UP), tx.quarantined(SHOWN)
            # A conference takes minutes to read: of the Anthology it is told how the last poll went.
            names = (*config.arxiv.categories, *((ANTHOLOGY,) if config.anthology.enabled else ()))
            return [
                *busy,
                *findings_of.about_processes(leases),
                *findings_of.about_store(counts),
                *accounts,
                *findings_of.about_notices(notices),
                *findings_of.about_feeds(feeds, names, context.now()),
                *findings_of.about_calendar(context.now()),
                *findings_of.about_gaps(gaps, bool(config.arxiv.archives())),
                *findings_of.about_quarantine(counts["quarantined"], apart),
            ]
        finally:
            close_context(context)
    finally:
        await source.close()


def health(options: argparse.Namespace, config: Config) -> int:
    """``paperround health``; WRONG where the bot does not answer or is not well. Raises BadInput."""
    status, told = assembly.ask_monitor(config, "/readyz" if options.ready else "/healthz")
    say(told.strip() or f"status {status}")
    return DONE if status == 200 else WRONG


def doctor(options: argparse.Namespace, config: Config) -> int:
    """``paperround doctor``; WRONG where any finding is."""
    findings = asyncio.run(_look(config))
    if options.json:
        dump_findings(findings)
    for finding in () if options.json else findings:
        say(f"{'ok   ' if finding.ok else 'WRONG'} {finding.subject}: {finding.what}")
        if finding.mend:
            say(f"      -> {finding.mend}")
    return DONE if all(finding.ok for finding in findings) else WRONG
