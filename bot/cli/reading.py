"""What prints papers: digests and search."""

from __future__ import annotations

import argparse
from datetime import date

from bot import assembly
from bot.cli.printing import DONE, WRONG, close_context, complain, dump, open_context, say
from bot.commands.context import day_of, find_topic, language_named, read_query
from bot.config import Config
from bot.digests import Followed
from bot.errors import BadInput
from bot.exports import markdown, paper_json
from bot.model import WANTED, Digest, DigestKind
from bot.pages import digest_page, results_page
from bot.words import words_for

MOST = 10_000
"""Papers that one search gives: the index sets room aside for so many."""


def digest(options: argparse.Namespace, config: Config) -> int:
    """``paperround digest``; WRONG where nothing was announced on that day. Raises BadInput, QueryError."""
    language = language_named(options.language, config.languages) if options.language else config.language
    if language is None:
        raise BadInput(f"--language {options.language}: one of {', '.join(config.languages)}")
    try:
        on = date.fromisoformat(options.on) if options.on else None
    except ValueError as error:
        raise BadInput(f"--on {options.on}: write a date as 2026-11-20") from error
    context = open_context(config)
    try:
        context.index.follow()
        with context.store.reading() as tx:
            topic = find_topic(tx.topics(), options.query, proposed=False)
            label = topic.name(language) if topic else options.query.strip()
            followed = (Followed(label, read_query(tx, topic.query if topic else options.query)),)
            announcements = tx.announcements_on(on) if on else tx.announcements(tx.before_latest_batch())
            if not announcements:
                if options.form == "json":
                    dump({"on": on, "query": options.query, "language": language, "papers": []})
                complain(
                    f"nothing was announced on {on}"
                    if on
                    else "nothing has been announced yet; paperround poll reads arXiv"
                )
                return WRONG
            day = day_of(context, tx, announcements, followed)
            matches = day.matches(followed, WANTED)
            ids = [match.paper_id for match in matches]
            papers, summaries = tx.papers(ids), tx.summaries(ids)
        on = max(announcement.announced_on for announcement in announcements)
        kind = DigestKind.PAPERS if matches else DigestKind.NOTHING
        digest = Digest(kind, on, matches, len(matches), (label,))
        if options.form == "json":
            dump(
                {"on": on, "query": options.query, "language": language,
                 "papers": [paper_json(papers[i], summaries.get(i, ())) for i in ids]}
            )  # fmt: skip
        elif options.form == "markdown":
            say(markdown(digest_page(words_for(language), digest, papers, summaries)))
        else:
            assembly.make_console(language).show(digest_page(words_for(language), digest, papers, summaries))
        return DONE
    finally:
        close_context(context)


def search(options: argparse.Namespace, config: Config) -> int:
    """``paperround search``; finding nothing is an answer too. Raises BadInput, QueryError."""
    if not 1 <= options.limit <= MOST:
        raise BadInput(f"--limit: a number from 1 to {MOST}")
    context = open_context(config)
    try:
        with context.store.reading() as tx:
            query = read_query(tx, options.query)
        context.index.follow()
        hits, total = context.index.search(query, limit=options.limit)
        ids = [hit.paper_id for hit in hits]
        with context.store.reading() as tx:
            papers, summaries = tx.papers(ids), tx.summaries(ids)
        if options.json:
            dump(
                [
                    paper_json(papers[h.paper_id], summaries.get(h.paper_id, ()), h.score)
                    for h in hits
                    if h.paper_id in papers
                ]
            )
        else:
            words = words_for(config.language)
            title = words.count("{n} paper for {query}", "{n} papers for {query}", total, query=options.query)
            assembly.make_console("").show(
                results_page(words, title, [papers[i] for i in ids if i in papers], summaries)
            )
        return DONE
    finally:
        close_context(context)
