"""The catalogue of topics that admins keep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.commands.context import (
    PATIENCE,
    Context,
    find_topic,
    language_named,
    read_query,
    require_admin,
    topics_of,
)
from bot.commands.labels import texts_of
from bot.commands.subscriptions import kept, topic_buttons
from bot.commands.topic_changes import names_in, propose, require_alone, rewritten, tried, undo_last
from bot.errors import BadInput
from bot.model import Topic, TopicVerb
from bot.pages import shorten
from bot.ports import Caller, Transaction
from bot.query import MOST_CHARACTERS, inlined, parse, unfolded
from bot.replies import Button, Reply, bold, code, heading, paragraph, plain, say
from bot.subjects import LONGEST
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
            blocks.append(paragraph(words.count("And {n} other.", "And {n} others.", rest)))
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
    """``add SLUG QUERY``, ``edit SLUG QUERY``, ``rename SLUG NEW`` or ``rename SLUG en: Name zh-Hans: 名字``,
    ``merge SLUG OTHER``, ``remove SLUG``: shows what it would do, with a button that does it; ``undo`` takes the last
    change back. For the instance's admins."""
    words = context.words(caller)
    require_admin(words, caller)
    verb, _, rest = argument.partition(" ")
    slug, _, query = rest.partition(" ")
    slug, query = slug.casefold(), query.strip()
    match verb.casefold():
        case "undo":
            return undo_last(context, caller, words)
        case "add":
            return _proposed(context, caller, words, TopicVerb.ADD, slug, query)
        case "edit":
            return _proposed(context, caller, words, TopicVerb.EDIT, slug, query)
        case "rename" | "name" if slug and query:
            return _proposed(context, caller, words, TopicVerb.RENAME, slug, query)
        case "merge" if slug and query:
            return _proposed(context, caller, words, TopicVerb.MERGE, slug, query)
        case "remove" if slug:
            return _proposed(context, caller, words, TopicVerb.REMOVE, rest, "")
    return Reply(
        (
            paragraph(words.say("Write what to do, the topic's short name, and its query:")),
            paragraph(code('/topic add peft LoRA OR "adapter tuning"')),
            paragraph(code("/topic edit peft LoRA OR QLoRA OR DoRA"), " · ", code("/topic remove peft")),
            paragraph(code("/topic rename peft adapters"), " · ", code("/topic rename peft en: Adapters")),
            paragraph(
                code("/topic merge peft adapters"), "  ",
                words.say("whoever follows the second follows the first from then on"),
            ),
            paragraph(
                words.say(
                    "I first show what would change and how many chats follow it; nothing is done before you press. "
                    "/topic undo takes the last change back, for a day."
                )
            ),
        )
    )  # fmt: skip


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


def _proposed(context: Context, caller: Caller, words: Words, verb: TopicVerb, slug: str, rest: str) -> Reply:
    with context.store.reading() as tx:
        before, after = _change(tx, words, context.config.languages, verb, slug, rest)
    shown = tried(context, words, verb, before, after)
    return propose(context, caller, words, verb, before, after, shown)


def _change(
    tx: Transaction, words: Words, languages: Sequence[str], verb: TopicVerb, slug: str, rest: str
) -> tuple[tuple[Topic, ...], tuple[Topic, ...]]:
    """The topics that a change touches, as they are and as they would be: a proposed one that somebody changes is one
    like the others from then on. Raises BadInput, QueryError."""
    topics = tx.topics()
    if verb is TopicVerb.ADD:
        made = make_topic(tx, words, slug, rest)
        _require_free(words, topics, made.slug)
        return (), (made,)
    if verb is TopicVerb.EDIT:
        known = find_topic(topics, slug)
        made = make_topic(tx, words, known.slug if known else slug, rest)
        if known is None:
            raise BadInput(words.say("There is no topic {slug}. /topic add makes it; /topics shows all.", slug=slug))
        return (known,), (replace(known, query=made.query, proposed=False),)
    known = _known(words, topics, slug)
    if verb is TopicVerb.REMOVE:
        require_alone(words, topics, known)
        rewritten(tx, words, topics, known, parse(known.query))  # what would become too long is found here
        return (known,), ()
    if verb is TopicVerb.MERGE:
        other = _known(words, topics, rest)
        if other.slug == known.slug:
            raise BadInput(words.say("{slug} is one topic; name another to merge with it.", slug=known.slug))
        return _merged(words, topics, known, other)
    return _renamed(words, topics, known, rest, languages)


def _renamed(
    words: Words, topics: Sequence[Topic], known: Topic, rest: str, languages: Sequence[str]
) -> tuple[tuple[Topic, ...], tuple[Topic, ...]]:
    names = _names_written(rest, languages)
    if names:
        for name in names.values():
            if len(name) > LONGEST:
                raise BadInput(words.say("A topic's name has {n} characters at most.", n=LONGEST))
            _require_free(words, topics, name, known)
        made = tuple((dict(known.names) | names).items())
        return (known,), (replace(known, names=made, proposed=False),)
    slug = rest.casefold()
    if not SLUG.fullmatch(slug):
        raise BadInput(
            words.say(
                "A short name has letters, digits and hyphens, 40 at most: /topic rename peft adapters. A name in a "
                "language: /topic rename peft en: Adapters"
            )
        )
    if slug == known.slug:
        raise BadInput(words.say("{slug} is its name already.", slug=slug))
    _require_free(words, topics, slug, known)
    return _pointed(words, topics, known, replace(known, slug=slug, proposed=False))


def _names_written(rest: str, languages: Sequence[str]) -> dict[str, str]:
    """``en: Adapters zh-Hans: 适配器`` or ``en Adapters``, by language; empty where it begins with none of them."""
    names = dict(texts_of(rest, languages))
    if "" not in names:
        return names
    tag, _, name = rest.partition(" ")
    language = language_named(tag, languages) if name else None
    return {language: name.strip()} if language else {}


def _merged(
    words: Words, topics: Sequence[Topic], kept: Topic, gone: Topic
) -> tuple[tuple[Topic, ...], tuple[Topic, ...]]:
    """``kept`` asks for what either does; names that only ``gone`` has are kept."""
    own = inlined(parse(kept.query), _names_of(topics, kept.query, gone), parse(gone.query))
    theirs = inlined(parse(gone.query), _names_of(topics, gone.query, kept), parse(kept.query))
    query = str(own) if own == theirs else str(parse(f"({own}) OR ({theirs})"))
    if len(query) > MOST_CHARACTERS:
        raise BadInput(words.say("The two queries together would be longer than {n} characters.", n=MOST_CHARACTERS))
    names = tuple((dict(gone.names) | dict(kept.names)).items())
    made = replace(kept, names=names, query=query, proposed=False)
    before, after = _pointed(words, [one for one in topics if one.slug != kept.slug], gone, made)
    merged = {one.slug: one for one in topics if one.slug != gone.slug} | {one.slug: one for one in after}
    unfolded(parse(query), topics_of(merged.values()), query, kept.slug)  # a circle is found here
    return (kept, *before), after


def _pointed(
    words: Words, topics: Sequence[Topic], gone: Topic, instead: Topic
) -> tuple[tuple[Topic, ...], tuple[Topic, ...]]:
    """``gone`` becomes ``instead``, and other topics that name it name that."""
    before, after = [gone], [instead]
    for one in topics:
        names = _names_of(topics, one.query, gone) if one.slug != gone.slug else set()
        if names:
            query = str(inlined(parse(one.query), names, parse(f"topic:{instead.slug}")))
            if len(query) > MOST_CHARACTERS:
                raise BadInput(words.say("Topic {slug} names it and would become too long.", slug=one.slug))
            before.append(one)
            after.append(replace(one, query=query))
    return tuple(before), tuple(after)


def _known(words: Words, topics: Sequence[Topic], name: str) -> Topic:
    known = find_topic(topics, name)
    if known is None:
        raise BadInput(words.say("There is no topic {slug}. /topics shows all.", slug=shorten(name, 60)))
    return known


def _require_free(words: Words, topics: Sequence[Topic], name: str, own: Topic | None = None) -> None:
    known = find_topic(topics, name)
    if known is not None and (own is None or known.slug != own.slug):
        raise BadInput(
            words.say(
                "There is a topic {slug} already: {query}. /topic edit changes it.", slug=known.slug, query=known.query
            )
        )


def _names_of(topics: Sequence[Topic], query: str, topic: Topic) -> set[str]:
    """How a query names the topic: what another one has for its own first is not this."""
    return names_in(topics, parse(query), topic)
