"""What keeps an instance: topics, merges, invitations, the doctor."""

from __future__ import annotations

import argparse
import asyncio
import secrets
from dataclasses import replace

from bot import assembly
from bot import doctor as findings_of
from bot.cli.printing import DONE, WRONG, close_context, dump, open_context, say
from bot.commands.context import language_named
from bot.commands.topics import make_topic
from bot.config import Config
from bot.errors import BadInput
from bot.pipeline import Pipeline
from bot.ports import Finding
from bot.words import words_for


def _names(options: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    names = {}
    for text in options.name:
        language, equals, name = text.partition("=")
        known = language_named(language)
        if not (equals and name.strip() and known):
            raise BadInput(f"--name {text}: write a language and a name, as en=PEFT or zh-Hans=高效微调")
        names[known] = name.strip()
    return tuple(names.items())


def topics(options: argparse.Namespace, config: Config) -> int:
    words = words_for("en")
    store = assembly.open_store(config)
    try:
        with store.transaction() as tx:
            if options.verb == "list":
                topics = tx.topics()
                if options.json:
                    dump([{"slug": t.slug, "names": dict(t.names), "query": t.query} for t in topics])
                for topic in () if options.json else topics:
                    say(f"{topic.slug:<16} {topic.query}   ({', '.join(name for _, name in topic.names)})")
                return DONE
            slug = options.slug.casefold()
            known = tx.topic(slug)
            if options.verb == "remove":
                if not tx.remove_topic(slug):
                    raise BadInput(f"there is no topic {slug}; paperround topics list shows all")
                say(f"topic {slug} removed; chats that followed it now follow its query")
                return DONE
            if options.verb == "add" and known:
                raise BadInput(f"there is a topic {slug} already: {known.query}; paperround topics edit changes it")
            if options.verb == "edit" and known is None:
                raise BadInput(f"there is no topic {slug}; paperround topics add makes it")
            made = make_topic(words, slug, (options.query or (known.query if known else "")).strip())
            names = {**dict(known.names if known else made.names), **dict(_names(options))}
            tx.put_topic(replace(made, names=tuple(names.items())))
            say(f"topic {slug}: {made.query}")
            return DONE
    finally:
        store.close()


def unmerge(options: argparse.Namespace, config: Config) -> int:
    context = open_context(config)
    try:
        with context.store.transaction() as tx:
            paper = tx.unmerge(options.key, context.now())
        context.index.follow()
        say(f"{options.key} is a paper of its own again: {paper.title}")
        return DONE
    finally:
        close_context(context)


def invite(options: argparse.Namespace, config: Config) -> int:
    code = secrets.token_urlsafe(12)
    store = assembly.open_store(config)
    try:
        with store.transaction() as tx:
            tx.add_invite(code, "console:local", assembly.utc_now())
    finally:
        store.close()
    say(f"This admits one chat. Send there: /start {code}")
    return DONE


def doctor(options: argparse.Namespace, config: Config) -> int:
    async def go() -> list[Finding]:
        from bot.serving import settings_of

        findings = findings_of.about_config(config)
        context = open_context(config)
        source, platforms = assembly.make_source(config), assembly.make_platforms(config)
        try:
            pipeline = Pipeline(context.store, context.index, source, {}, settings_of(config), context.now)
            _, feeds = await pipeline.poll(quietly=True)
            with context.store.reading() as tx:
                counts = tx.counts()
            findings += findings_of.about_store(counts)
            findings += findings_of.about_feeds(feeds, config.arxiv.categories, context.now())
            for platform in platforms.values():
                findings += await platform.examine()
        finally:
            await source.close()
            for platform in platforms.values():
                await platform.stop()
            close_context(context)
        return findings

    findings = asyncio.run(go())
    if options.json:
        dump([{"subject": f.subject, "ok": f.ok, "what": f.what, "mend": f.mend} for f in findings])
    for finding in () if options.json else findings:
        say(f"{'ok   ' if finding.ok else 'WRONG'} {finding.subject}: {finding.what}")
        if finding.mend:
            say(f"      -> {finding.mend}")
    return DONE if all(finding.ok for finding in findings) else WRONG
