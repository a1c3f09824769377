"""Starting, following, and no longer following."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.context import (
    PATIENCE,
    Context,
    day_of,
    digest_comes,
    find_topic,
    followed_by,
    label_of,
    latest,
    note,
    query_of,
    read_query,
    refusal,
    require_follower,
)
from bot.commands.english import english_hint
from bot.commands.instance import recognisable
from bot.errors import BadInput, NotAllowed
from bot.explaining import hopeless
from bot.model import Chat, Deed, Subscription, Topic
from bot.pages import entry, label_list, shorten
from bot.ports import Caller, Transaction
from bot.query import Field, Leaf, parse, topics_in
from bot.replies import Button, Reply, bold, code, heading, italic, paragraph, plain, say
from bot.words import Words

MOST = 100
"""Subscriptions a chat."""
_SHOWN = 3


def start(context: Context, caller: Caller, argument: str) -> Reply:
    """Open the chat, with an invitation's code where one is needed, and say the next step."""
    words = context.words(caller)
    with context.store.transaction() as tx:
        chat = tx.chat(caller.address)
        if (chat is None or not chat.admitted) and not context.may_start(caller):
            if not argument or context.config.access != "invite":
                raise NotAllowed(refusal(words, context.config, caller))
            chat = tx.open_chat(context.fresh_chat(tx, caller))
            if not tx.use_invite(argument, chat.id, context.now()):
                raise NotAllowed(words.say("This invitation is unknown or has been used. Ask for a new one."))
            note(context, tx, caller, Deed.ADMIT, after=recognisable(argument))
            chat = context.open_chat(tx, caller)
        else:
            chat = context.open_chat(tx, caller)
        topics = kept(tx.topics())
        count = len(tx.subscriptions([chat.id]).get(chat.id, ()))
    words = context.words(caller, chat)
    follow = words.say("Follow a topic or any words of your own.")
    blocks = [
        paragraph(
            bold(words.say("Paperround brings the day's new papers to your door.")),
            plain("\n" + words.sentences(follow, digest_comes(words, chat))),
        ),
        paragraph(
            code("/subscribe LoRA"), " · ", code('/subscribe "diffusion model" -video'), " · ", code("/paper LoRA")
        ),
    ]
    if count:
        blocks.append(
            paragraph(
                words.sentences(
                    words.count("This chat has {n} subscription.", "This chat has {n} subscriptions.", count),
                    words.say("/subscriptions lists them; /help shows the rest."),
                )
            )
        )
    elif topics:
        blocks.append(paragraph(words.say("Some topics to begin with:")))
    return Reply(tuple(blocks), () if count else topic_buttons(words, topics[:9]))


def kept(topics: list[Topic]) -> list[Topic]:
    """Without those that are only proposed."""
    return [topic for topic in topics if not topic.proposed]


def topic_buttons(words: Words, topics: list[Topic]) -> tuple[tuple[Button, ...], ...]:
    """Follow buttons, three a row."""
    buttons = [
        Button("+ " + shorten(topic.name(words.language), 30), action)
        for topic in topics
        if len((action := f"follow:{topic.slug}").encode()) <= 64
    ]
    return tuple(tuple(buttons[i : i + 3]) for i in range(0, len(buttons), 3))


def subscribe(context: Context, caller: Caller, argument: str) -> Reply:
    """Follow a topic, by its name, or a query; shows what today's batch has for it at once."""
    words = context.words(caller)
    if not argument:
        with context.store.reading() as tx:
            topics = kept(tx.topics())
        return Reply(
            (
                heading(words.say("What would you like to follow?")),
                paragraph(
                    words.say("Name a topic or write words of your own:"), "\n", code("/subscribe LoRA"), " · ",
                    code('/subscribe "language model" cat:cs.CL -survey'),
                ),
            ),
            topic_buttons(words, topics[:24]),
        )  # fmt: skip
    require_follower(context, words, caller)
    with context.store.reading() as tx:
        wanted = _wanted(tx, argument)
    return _follow(context, caller, wanted)


def _wanted(tx: Transaction, text: str) -> Subscription:
    """A topic by its name or as ``topic:NAME`` alone, or a query. Raises QueryError."""
    topics = tx.topics()
    topic = find_topic(topics, text, proposed=False)
    if topic is None:
        read_query(tx, text, for_subscription=True)
        query = parse(text)
        if isinstance(query, Leaf) and query.field is Field.TOPIC:
            topic = find_topic(topics, query.value)
        elif topics_in(query) and "topic:" not in text.casefold():
            text = str(query)  # a full-width colon: the store looks for the ASCII one
    return Subscription(0, 0, "", topic.slug) if topic else Subscription(0, 0, text)


def follow(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a topic's button."""
    words = context.words(caller)
    require_follower(context, words, caller)
    with context.store.reading() as tx:
        topic = tx.topic(argument)
    if topic is None:
        return say(words.say("This topic is gone. /topics shows those there are."), private=True)
    return _follow(context, caller, Subscription(0, 0, "", topic.slug))


def _follow(context: Context, caller: Caller, wanted: Subscription) -> Reply:
    with context.store.transaction() as tx:
        chat = context.open_chat(tx, caller)
        words = context.words(caller, chat)
        topics = tx.topics()
        held = tx.subscriptions([chat.id]).get(chat.id, ())
        known = _held_already(wanted, held, topics)
        if known is None and len(held) >= MOST:
            raise BadInput(
                words.say(
                    "This chat has {n} subscriptions already, the most there can be. /unsubscribe makes room.",
                    n=MOST,
                )
            )
        if known is None:
            if wanted.topic and tx.topic(wanted.topic) is None:
                raise BadInput(words.say("This topic is gone. /topics shows those there are."))
            known = tx.subscribe(replace(wanted, chat_id=chat.id, made_at=context.now()))
            note(context, tx, caller, Deed.SUBSCRIBE, after=_written(known))
            first = words.say("Subscribed to {label}.", label=shorten(label_of(known, topics, chat.language), 200))
        else:
            label = shorten(label_of(known, topics, chat.language), 200)
            first = words.say("This chat follows {label} already.", label=label)
    return _with_today(context, words, chat, known, first)


def _held_already(wanted: Subscription, held: tuple[Subscription, ...], topics: list[Topic]) -> Subscription | None:
    """The subscription that brings the same papers; a topic is more than its present query."""
    if wanted.topic:
        return next((one for one in held if one.topic == wanted.topic), None)
    query = parse(wanted.query)
    if topics_in(query):
        return next((one for one in held if one.query and parse(one.query) == query), None)
    return next((one for one in held if query_of(one, topics) == query), None)


def _with_today(context: Context, words: Words, chat: Chat, subscription: Subscription, first: str) -> Reply:
    """What was done, what today's batch has for it, what can be done next."""
    context.index.follow(PATIENCE)
    with context.store.reading() as tx:
        topics = tx.topics()
        followed = followed_by([subscription], topics, chat.language)
        announcements = latest(tx)
        day = day_of(context, tx, announcements, followed)
        matches = day.matches(followed, chat.wants, chat.since_on)
        shown = [m.paper_id for m in matches[:_SHOWN]]
        papers, summaries = tx.papers(shown), tx.summaries(shown)
    blocks = [paragraph(bold(first), plain("\n" + digest_comes(words, chat)))]
    today = context.now().date()
    in_vain = [each for one in followed for each in hopeless(one.query, today, chat.wants)]
    blocks += english_hint(context, words, [one.query for one in followed], topics)
    if matches:
        blocks.append(
            paragraph(
                words.count(
                    "The latest batch ({day}) has {n} paper for it:",
                    "The latest batch ({day}) has {n} papers for it:",
                    len(matches),
                    day=words.day(max(one.announced_on for one in announcements)),
                )
            )
        )
        blocks += [entry(words, papers[i], summaries.get(i, ()), n) for n, i in enumerate(shown, 1) if i in papers]
        if rest := len(matches) - len(shown):
            blocks.append(
                paragraph(
                    italic(
                        words.sentences(
                            words.count("And {n} more.", "And {n} more.", rest), words.say("/digest shows all.")
                        )
                    )
                )
            )
    if in_vain:
        blocks.append(
            paragraph(
                words.say(
                    "Hardly a new paper will match it, because of {conditions}; /paper searches all that is stored.",
                    conditions=label_list(words, list(dict.fromkeys(map(str, in_vain)))),
                )
            )
        )
    elif announcements and not matches:
        blocks.append(paragraph(words.say("The latest batch has nothing for it; /paper searches all that is stored.")))
    buttons = [
        Button(words.say("Today's digest"), "digest"),
        Button(words.say("Unsubscribe"), f"drop:{subscription.id}"),
    ]
    return Reply(tuple(blocks), (tuple(buttons),))


def subscriptions(context: Context, caller: Caller, argument: str) -> Reply:
    """What this chat follows, numbered."""
    chat, held, topics, words = _held(context, caller)
    if chat is None or not held:
        return say(words.say("This chat follows nothing yet. Try /subscribe LoRA, or pick from /topics."))
    lines = _lines(words, held, topics)
    return Reply(
        (
            heading(words.count("This chat has {n} subscription", "This chat has {n} subscriptions", len(held))),
            *(paragraph("\n".join(lines[i : i + 25])) for i in range(0, len(lines), 25)),
            paragraph(
                words.sentences(
                    words.say("/unsubscribe NUMBER ends one; /subscribe adds one."), digest_comes(words, chat)
                )
            ),
        ),
        ((Button(words.say("Today's digest"), "digest"),),),
    )


def unsubscribe(context: Context, caller: Caller, argument: str) -> Reply:
    """End one subscription by its number, its words or its topic; ``all`` ends every one."""
    chat, held, topics, words = _held(context, caller)
    if chat is None or not held:
        return say(words.say("This chat follows nothing, so there is nothing to end."))
    if not argument:
        buttons = [
            (Button("✕ " + shorten(label_of(one, topics, words.language), 50), f"drop:{one.id}"),) for one in held[:20]
        ]
        return Reply(
            (
                heading(words.say("Which one should end?")),
                paragraph(
                    words.say("Press one, or write its number: /unsubscribe 2. /unsubscribe all ends every one.")
                ),
                *(paragraph("\n".join(_lines(words, held, topics)[i : i + 25])) for i in range(20, len(held), 25)),
            ),
            tuple(buttons),
        )
    require_follower(context, words, caller)
    ended = _named(argument, held, topics)
    if not ended:
        raise BadInput(
            words.say(
                "This chat does not follow {label}. /subscriptions shows what it follows.", label=shorten(argument, 100)
            )
        )
    _end(context, caller, chat, ended)
    return _ended(words, ended, topics, len(held) - len(ended))


def _end(context: Context, caller: Caller, chat: Chat, ended: list[Subscription]) -> None:
    with context.store.transaction() as tx:
        for one in ended:
            if tx.unsubscribe(chat.id, one.id):
                note(context, tx, caller, Deed.UNSUBSCRIBE, _written(one))


def _written(one: Subscription) -> str:
    return one.query or f"topic:{one.topic}"


def _named(wanted: str, held: tuple[Subscription, ...], topics: list[Topic]) -> list[Subscription]:
    """The subscriptions meant by ``all``, a number of the list, a topic's name, or a query as typed or one like it."""
    if wanted.casefold() == "all":
        return list(held)
    if wanted.isdecimal() and len(wanted) < 6 and 0 < int(wanted) <= len(held):
        return [held[int(wanted) - 1]]
    topic = find_topic(topics, wanted)
    found = [s for s in held if s.query.casefold() == wanted.casefold() or (topic and s.topic == topic.slug)]
    query = query_of(Subscription(0, 0, wanted), topics)
    return found or [s for s in held if query is not None and query_of(s, topics) == query]


def drop(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of an unsubscribe button. The subscription must be this chat's."""
    chat, held, topics, words = _held(context, caller)
    require_follower(context, words, caller)
    ended = [one for one in held if str(one.id) == argument]
    if chat is None or not ended:
        return say(words.say("That subscription has ended already."), private=True)
    _end(context, caller, chat, ended)
    return _ended(words, ended, topics, len(held) - 1)


def _ended(words: Words, ended: list[Subscription], topics: list[Topic], left: int) -> Reply:
    labels = label_list(words, [label_of(one, topics, words.language) for one in ended])
    return say(
        words.say("No longer following {labels}.", labels=labels),
        words.count("{n} subscription is left.", "{n} subscriptions are left.", left)
        if left
        else words.say("Nothing is left to follow, so no digest will come. /subscribe begins again."),
    )


def _lines(words: Words, held: tuple[Subscription, ...], topics: list[Topic]) -> list[str]:
    queries = {topic.slug: topic.query for topic in topics}
    lines = []
    for number, one in enumerate(held, 1):
        name = label_of(one, topics, words.language)
        query = queries.get(one.topic, "")
        lines.append(
            f"{number}. {shorten(name, 120)}" + (f"  ({shorten(query, 80)})" if query and query != name else "")
        )
    return lines


def _held(context: Context, caller: Caller) -> tuple[Chat | None, tuple[Subscription, ...], list[Topic], Words]:
    with context.store.reading() as tx:
        chat = tx.chat(caller.address)
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
        topics = tx.topics()
    return chat, held, topics, context.words(caller, chat)
