"""The catalogue of topics that admins keep."""

from __future__ import annotations

import re

from bot.commands.context import Context, find_topic, require_admin
from bot.commands.subscriptions import topic_buttons
from bot.errors import BadInput
from bot.model import Topic
from bot.pages import shorten
from bot.ports import Caller
from bot.query import parse
from bot.replies import Button, Reply, bold, code, heading, paragraph, plain, say
from bot.words import Words

SLUG = re.compile(r"[\w][\w-]{0,39}", re.UNICODE)


def topics(context: Context, caller: Caller, argument: str) -> Reply:
    """Every topic with its query, and buttons to follow it."""
    words = context.words(caller)
    with context.store.reading() as tx:
        known = tx.topics()
    if not known:
        return say(words.say("There are no topics yet. Follow words of your own: /subscribe LoRA."))
    lines = [
        paragraph(bold(topic.name(words.language)), plain(f" ({topic.slug}): {shorten(topic.query, 160)}"))
        for topic in known
    ]
    return Reply(
        (heading(words.count("{n} topic", "{n} topics", len(known))), *lines),
        topic_buttons(words, known[:24]),
    )


def topic(context: Context, caller: Caller, argument: str) -> Reply:
    """``add SLUG QUERY``, ``edit SLUG QUERY``, ``remove SLUG``: for the instance's admins."""
    words = context.words(caller)
    require_admin(words, caller)
    verb, _, rest = argument.partition(" ")
    slug, _, query = rest.partition(" ")
    slug = slug.casefold()
    match verb.casefold():
        case "add":
            return _put(context, words, slug, query, new=True)
        case "edit":
            return _put(context, words, slug, query, new=False)
        case "remove" if slug:
            return _remove(context, words, rest)
    return Reply(
        (
            paragraph(words.say("Write what to do, the topic's short name, and its query:")),
            paragraph(code('/topic add peft LoRA OR "adapter tuning"')),
            paragraph(code("/topic edit peft LoRA OR QLoRA OR DoRA"), " · ", code("/topic remove peft")),
        )
    )


def make_topic(words: Words, slug: str, query: str, names: tuple[tuple[str, str], ...] = ()) -> Topic:
    """A topic that can be kept. Raises BadInput for a slug or query that cannot be."""
    if not SLUG.fullmatch(slug):
        raise BadInput(
            words.say("A topic needs a short name of letters, digits and hyphens, 40 at most: /topic add peft LoRA.")
        )
    if not query:
        raise BadInput(words.say("A topic needs a query: /topic add {slug} LoRA.", slug=slug))
    parse(query, for_subscription=True)
    return Topic(slug, names or (("en", slug.replace("-", " ")),), query)


def _put(context: Context, words: Words, slug: str, query: str, *, new: bool) -> Reply:
    wanted = make_topic(words, slug, query)
    with context.store.transaction() as tx:
        known = tx.topic(slug)
        if new and known:
            raise BadInput(
                words.say(
                    "There is a topic {slug} already: {query}. /topic edit changes it.", slug=slug, query=known.query
                )
            )
        if not new and known is None:
            raise BadInput(words.say("There is no topic {slug}. /topic add makes it; /topics shows all.", slug=slug))
        tx.put_topic(Topic(slug, known.names if known else wanted.names, query))
    context.index.follow()
    _, total = context.index.search(parse(query), limit=1)
    first = (
        words.say("Topic {slug} added: {query}", slug=slug, query=query)
        if new
        else words.say("Topic {slug} is now: {query}", slug=slug, query=query)
    )
    return say(
        first,
        words.count("{n} stored paper matches it.", "{n} stored papers match it.", total),
        "" if new else words.say("Chats that follow it get what it matches from their next digest on."),
        buttons=[[Button(words.say("Follow it here"), f"follow:{slug}")]] if len(slug.encode()) <= 56 else (),
    )


def _remove(context: Context, words: Words, slug: str) -> Reply:
    with context.store.transaction() as tx:
        known = find_topic(tx.topics(), slug)
        if known is None:
            raise BadInput(words.say("There is no topic {slug}. /topics shows all.", slug=shorten(slug, 60)))
        tx.remove_topic(known.slug)
    return say(
        words.say(
            "Topic {slug} removed. Chats that followed it now follow its query: {query}",
            slug=known.slug,
            query=known.query,
        )
    )
