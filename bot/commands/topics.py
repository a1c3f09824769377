"""The catalogue of topics that admins keep."""

from __future__ import annotations

import re

from bot.commands.context import (
    PATIENCE,
    Context,
    find_topic,
    language_named,
    note,
    read_query,
    require_admin,
    searched,
    topic_line,
)
from bot.commands.subscriptions import kept, topic_buttons
from bot.errors import BadInput
from bot.model import Deed, Topic
from bot.pages import label_list, shorten
from bot.ports import Caller, Transaction
from bot.query import MOST_CHARACTERS, Query, inlined, parse, topics_in
from bot.replies import Button, Reply, bold, code, heading, paragraph, plain, say
from bot.subjects import LONGEST, dismiss
from bot.words import Words

MOST_LISTED = 30
"""Subjects that /topics names."""
SUBJECTS_PAGE = 12
SLUG = re.compile(r"[\w][\w-]{0,39}", re.UNICODE)


def topics(context: Context, caller: Caller, argument: str) -> Reply:
    """Every topic with its query, and buttons to follow it."""
    words = context.words(caller)
    with context.store.reading() as tx:
        known = tx.topics()
    if not known:
        return say(words.say("There are no topics yet. Follow words of your own: /subscribe LoRA."))
    ours = kept(known)
    blocks = [heading(words.count("{n} topic", "{n} topics", len(ours)))] if ours else []
    blocks += [
        paragraph(bold(topic.name(words.language)), plain(f" ({topic.slug}): {shorten(topic.query, 160)}"))
        for topic in ours
    ]
    buttons = topic_buttons(words, ours[:24])
    if counted := _counted(context, known):
        blocks += [heading(words.say("Subjects")), paragraph(_listed(words, counted[:MOST_LISTED]))]
        if (rest := len(counted) - MOST_LISTED) > 0:
            blocks.append(paragraph(words.count("And {n} more.", "And {n} more.", rest)))
        # Discord takes five rows at most: this one goes before what may be cut.
        buttons = (*buttons[:4], (Button(words.say("Follow a subject") + " ›", "subjects:0"),), *buttons[4:])
    return Reply(tuple(blocks), buttons)


def subjects(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of the topics' button: a page of subjects with buttons to follow them, from ``argument`` on."""
    words = context.words(caller)
    with context.store.reading() as tx:
        counted = _counted(context, tx.topics())
    at = int(argument) if argument.isdecimal() and len(argument) < 6 else 0
    page = counted[at : at + SUBJECTS_PAGE]
    if not page:
        return say(words.say("That was all of it."), private=True)
    buttons = topic_buttons(words, [topic for topic, _ in page])
    ways = [Button("‹ " + words.say("Back"), f"subjects:{max(0, at - SUBJECTS_PAGE)}")] if at else []
    if len(counted) > at + SUBJECTS_PAGE:
        ways.append(Button(words.say("Next") + " ›", f"subjects:{at + SUBJECTS_PAGE}"))
    return Reply(
        (heading(words.say("Subjects")), paragraph(_listed(words, page))), (*buttons, tuple(ways)) if ways else buttons
    )


def _counted(context: Context, topics: list[Topic]) -> list[tuple[Topic, int]]:
    """The proposed topics with how many stored papers have them, most first; those that none has are left out."""
    context.index.follow(PATIENCE)
    found = [(one, context.index.search(parse(one.query), limit=1)[1]) for one in topics if one.proposed]
    return sorted(((one, number) for one, number in found if number), key=lambda pair: (-pair[1], pair[0].slug))


def _listed(words: Words, counted: list[tuple[Topic, int]]) -> str:
    return " · ".join(f"{shorten(topic.name(words.language), 60)} ({words.number(n)})" for topic, n in counted)


def topic(context: Context, caller: Caller, argument: str) -> Reply:
    """``add SLUG QUERY``, ``edit SLUG QUERY``, ``name SLUG LANGUAGE NAME``, ``remove SLUG``: for the instance's
    admins."""
    words = context.words(caller)
    require_admin(words, caller)
    verb, _, rest = argument.partition(" ")
    slug, _, query = rest.partition(" ")
    slug = slug.casefold()
    match verb.casefold():
        case "add":
            return _put(context, caller, words, slug, query, new=True)
        case "edit":
            return _put(context, caller, words, slug, query, new=False)
        case "name" if slug:
            return _name(context, caller, words, slug, query)
        case "remove" if slug:
            return _remove(context, caller, words, rest)
    return Reply(
        (
            paragraph(words.say("Write what to do, the topic's short name, and its query:")),
            paragraph(code('/topic add peft LoRA OR "adapter tuning"')),
            paragraph(code("/topic edit peft LoRA OR QLoRA OR DoRA"), " · ", code("/topic remove peft")),
            paragraph(code("/topic name peft en PEFT")),
        )
    )


def make_topic(tx: Transaction, words: Words, slug: str, query: str, names: tuple[tuple[str, str], ...] = ()) -> Topic:
    """A topic that can be kept. Raises BadInput for a slug or query that cannot be."""
    if not SLUG.fullmatch(slug):
        raise BadInput(
            words.say("A topic needs a short name of letters, digits and hyphens, 40 at most: /topic add peft LoRA.")
        )
    if not query:
        raise BadInput(words.say("A topic needs a query: /topic add {slug} LoRA.", slug=slug))
    read_query(tx, query, for_subscription=True, within=slug)
    return Topic(slug, names or (("en", slug.replace("-", " ")),), query)


def _put(context: Context, caller: Caller, words: Words, slug: str, query: str, *, new: bool) -> Reply:
    with context.store.reading() as tx:
        if not new and (named := find_topic(tx.topics(), slug)):
            slug = named.slug
        make_topic(tx, words, slug, query)
        asked = read_query(tx, query, within=slug)
    context.index.follow(PATIENCE)
    total = searched(context, asked, query, limit=1)[1]
    with context.store.transaction() as tx:
        wanted = make_topic(tx, words, slug, query)
        known = tx.topic(slug)
        if new and known:
            raise BadInput(
                words.say(
                    "There is a topic {slug} already: {query}. /topic edit changes it.", slug=slug, query=known.query
                )
            )
        if not new and known is None:
            raise BadInput(words.say("There is no topic {slug}. /topic add makes it; /topics shows all.", slug=slug))
        made = Topic(slug, known.names if known else wanted.names, query)
        tx.put_topic(made)
        note(context, tx, caller, Deed.TOPIC, topic_line(known) if known else "", topic_line(made))
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


def _name(context: Context, caller: Caller, words: Words, slug: str, rest: str) -> Reply:
    """``LANGUAGE NAME``; a proposed topic that somebody names is one like the others from then on."""
    tag, _, name = rest.partition(" ")
    language, name = language_named(tag, context.config.languages), name.strip()
    if language is None or not name:
        raise BadInput(words.say("Write the topic's short name, a language and a name: /topic name peft en PEFT"))
    if len(name) > LONGEST:
        raise BadInput(words.say("A name has at most {n} characters.", n=LONGEST))
    with context.store.transaction() as tx:
        known = find_topic(tx.topics(), slug)
        if known is None:
            raise BadInput(words.say("There is no topic {slug}. /topics shows all.", slug=shorten(slug, 60)))
        other = find_topic(tx.topics(), name)
        if other is not None and other.slug != known.slug:
            raise BadInput(words.say("Topic {slug} is called so already.", slug=other.slug))
        made = Topic(known.slug, tuple({**dict(known.names), language: name}.items()), known.query)
        tx.put_topic(made)
        note(context, tx, caller, Deed.TOPIC, topic_line(known), topic_line(made))
    return say(
        words.say(
            "Topic {slug} is called {names} now.", slug=made.slug, names=label_list(words, [n for _, n in made.names])
        )
    )


def _remove(context: Context, caller: Caller, words: Words, slug: str) -> Reply:
    with context.store.transaction() as tx:
        known = find_topic(tx.topics(), slug)
        if known is None:
            raise BadInput(words.say("There is no topic {slug}. /topics shows all.", slug=shorten(slug, 60)))
        write_out(tx, words, known)
        tx.remove_topic(known.slug)
        dismiss(tx, known)
        note(context, tx, caller, Deed.TOPIC, topic_line(known))
    return say(
        words.say(
            "Topic {slug} removed. Chats that followed it now follow its query: {query}",
            slug=known.slug,
            query=known.query,
        )
    )


def write_out(tx: Transaction, words: Words, gone: Topic) -> None:
    """Put a topic's query in its place wherever ``topic:`` names it, before it is removed: nobody follows less.

    Raises BadInput where it stands inside another topic, or a subscription would become too long.
    """
    known = tx.topics()

    def names_in(query: Query) -> set[str]:
        """How the query names the topic: what another one has for its own first is not this."""
        return {name for name in topics_in(query) if (one := find_topic(known, name)) and one.slug == gone.slug}

    holders = [one.slug for one in known if one.slug != gone.slug and names_in(parse(one.query))]
    if holders:
        raise BadInput(
            words.say(
                "Topic {slug} stands inside {others}: edit that first.", slug=gone.slug, others=words.listing(holders)
            )
        )
    for one in tx.subscriptions_naming_topics():
        query = parse(one.query)
        names = names_in(query)
        if not names:
            continue
        text = str(inlined(query, names, parse(gone.query)))
        if len(text) > MOST_CHARACTERS:
            raise BadInput(
                words.say("A chat follows {query}, which would become too long without the topic.", query=one.query)
            )
        tx.rewrite_subscription(one.id, text)
