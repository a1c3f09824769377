"""Starting, and following: first a dry run, then a subscription."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from bot.commands.asked import brought, carried
from bot.commands.context import (
    PATIENCE,
    Context,
    digest_comes,
    find_topic,
    followed_by,
    label_of,
    latest_day,
    note,
    query_of,
    read_query,
    refusal,
    require_follower,
)
from bot.commands.english import english_hint
from bot.commands.instance import recognisable
from bot.commands.trials import (
    ANNOUNCED,
    broad_block,
    count,
    everything,
    is_broad,
    narrower_than,
    topic_counts,
    trial_blocks,
    try_out,
    week_of,
)
from bot.errors import BadInput, NotAllowed
from bot.explaining import hopeless
from bot.model import Chat, Deed, Standing, Subscription, Topic
from bot.pages import MOST_CARRIED, entry, label_list, shorten
from bot.ports import Caller, Transaction
from bot.query import Field, Leaf, Query, parse, topics_in
from bot.replies import Block, Button, Reply, bold, code, heading, italic, paragraph, plain, say
from bot.words import Words

MOST = 100
"""Subscriptions a chat."""
MOST_OFFERED = 24
"""Topics that the catalogue shows."""
_SHOWN = 3
_CATEGORY = re.compile(r"(?:[a-z]{2,8}(?:-[a-z]{2,4})?)\.(?:[A-Z]{2}|\*|[a-z]+-[a-z]+)")


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


def topic_buttons(
    words: Words, topics: Sequence[Topic], counts: Mapping[str, int] | None = None
) -> tuple[tuple[Button, ...], ...]:
    """Follow buttons, three a row, with how many papers each topic had in the last week where that is counted."""
    buttons = [
        Button("+ " + shorten(topic.name(words.language), 30) + _counted(words, counts, topic), action)
        for topic in topics
        if len((action := f"follow:{topic.slug}").encode()) <= MOST_CARRIED
    ]
    return tuple(tuple(buttons[i : i + 3]) for i in range(0, len(buttons), 3))


def _counted(words: Words, counts: Mapping[str, int] | None, topic: Topic) -> str:
    return f" · {words.number(counts[topic.slug])}" if counts and topic.slug in counts else ""


def subscribe(context: Context, caller: Caller, argument: str) -> Reply:
    """Alone: the catalogue. A topic, by its name, or a query: a dry run, which a button makes a subscription."""
    words = context.words(caller)
    if not argument:
        return _catalogue(context, words)
    require_follower(context, words, caller)
    return _proposed(context, caller, argument)


def _catalogue(context: Context, words: Words) -> Reply:
    with context.store.reading() as tx:
        topics, week = kept(tx.topics())[:MOST_OFFERED], week_of(tx)
    context.index.follow(PATIENCE)
    counts = topic_counts(context, week, topics)
    blocks = [
        heading(words.say("What would you like to follow?")),
        paragraph(
            words.say("Name a topic or write words of your own:"), "\n", code("/subscribe LoRA"), " · ",
            code('/subscribe "language model" cat:cs.CL -survey'), " · ", code('/subscribe au:"Edward Hu"'),
        ),
    ]  # fmt: skip
    if counts:
        blocks.append(paragraph(words.say("Behind each topic stands how many papers it had in the last week.")))
    return Reply(tuple(blocks), topic_buttons(words, topics, counts))


def _proposed(context: Context, caller: Caller, text: str) -> Reply:
    """The dry run of what somebody asks to follow. Raises QueryError."""
    with context.store.reading() as tx:
        chat = tx.chat(caller.address) or context.fresh_chat(tx, caller)
        words = context.words(caller, chat)
        topics = tx.topics()
        wanted = wanted_of(tx, text)
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat.id else ()
        known = held_already(wanted, held, topics)
        week = week_of(tx, chat)
    label = shorten(label_of(wanted, topics, chat.language), 200)
    if known is not None and known.standing is Standing.FOLLOWED:
        label = shorten(label_of(known, topics, chat.language), 200)
        first = words.say("This chat follows {label} already.", label=label)
        return _with_today(context, words, chat, known, first)
    query = query_of(wanted, topics)
    assert query is not None, "it was just read"
    text = wanted.query or f"topic:{wanted.topic}"
    context.index.follow(PATIENCE)
    blocks = [paragraph(bold(label))]
    if known is not None:
        muted = known.standing is Standing.MUTED
        blocks.append(paragraph(
            words.say("It is muted here now; to follow it ends that.")
            if muted
            else words.say("It is paused here now; to follow it ends that.")
        ))  # fmt: skip
    trial = try_out(context, week, query, wanted.query or label) if week else None
    if week is not None:
        told, *entries = trial_blocks(words, trial)
        blocks.append(told)
        if trial is not None and is_broad(trial, chat.size):
            narrower = narrower_than(context, week, text, trial.total, chat.size * ANNOUNCED)
            blocks.append(broad_block(words, everything(context, week), trial, chat.size, narrower))
        blocks += entries
    blocks += _in_vain(words, query, chat, context.now().date())
    blocks += english_hint(context, words, [query], topics)
    buttons = [
        Button(words.say("Follow"), carried(context, caller, text, "take")),
        Button(words.say("Narrow"), carried(context, caller, text, "narrower")),
        Button(words.say("Cancel"), "cancel"),
    ]
    if trial is None or not trial.total:
        del buttons[1]
    return Reply(tuple(blocks), (tuple(buttons),))


def propose(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button that proposes a query: its dry run, in the place of what was proposed before."""
    return _pressed(context, caller, argument, lambda text: _proposed(context, caller, text))


def take(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a dry run's Follow."""
    return _pressed(context, caller, argument, lambda text: follow_query(context, caller, text))


def follow_query(context: Context, caller: Caller, text: str) -> Reply:
    """Follow what was seen already: without a dry run. Raises QueryError."""
    with context.store.reading() as tx:
        wanted = wanted_of(tx, text)
    return _follow(context, caller, wanted)


def narrower(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a dry run's Narrow: what finds less, each a button to its own dry run."""
    return _pressed(context, caller, argument, lambda text: _narrower(context, caller, text))


def _narrower(context: Context, caller: Caller, text: str) -> Reply:
    with context.store.reading() as tx:
        chat = tx.chat(caller.address) or context.fresh_chat(tx, caller)
        words = context.words(caller, chat)
        query, week = read_query(tx, text), week_of(tx, chat)
    context.index.follow(PATIENCE)
    total = count(context, week, query, text) if week else 0
    found = narrower_than(context, week, text, total, chat.size * ANNOUNCED) if week else []
    rows = [
        (Button(f"{shorten(one.text, 50)} · {words.number(one.total)}", carried(context, caller, one.text, "propose")),)
        for one in found
    ]
    own = words.say("Write it narrower yourself, for example:")
    back = Button("‹ " + words.say("Back"), carried(context, caller, text, "propose"))
    less = paragraph(own, "\n", code(f"/subscribe {shorten(text, 200)} -survey"))
    first = words.say("Narrower, with how many papers each would have brought:") if found else ""
    blocks = [paragraph(bold(shorten(text, 200))), *([paragraph(first)] if found else []), less]
    return Reply(tuple(blocks), (*rows, (back,)))


def cancel(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a dry run's Cancel."""
    words = context.words(caller)
    require_follower(context, words, caller)
    return replace(say(words.say("Nothing was changed.")), edits=True)


def _pressed(context: Context, caller: Caller, argument: str, act: Callable[[str], Reply]) -> Reply:
    """What a button's query comes to, in the place of the message it stood under."""
    words = context.words(caller)
    require_follower(context, words, caller)
    text = brought(context, caller, argument)
    if not text:
        return say(words.say("This button is too old. /subscribe begins again."), private=True)
    return replace(act(text), edits=True)


def wanted_of(tx: Transaction, text: str) -> Subscription:
    """A topic by its name or as ``topic:NAME`` alone, a category by its name, or a query. Raises QueryError."""
    topics = tx.topics()
    topic = find_topic(topics, text, proposed=False)
    if topic is None:
        text = f"cat:{text}" if _CATEGORY.fullmatch(text) else text
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
        known = held_already(wanted, held, topics)
        if known is not None and known.standing is not Standing.FOLLOWED:
            known = replace(known, standing=Standing.FOLLOWED)
            tx.put_subscription(known)
            note(context, tx, caller, Deed.SUBSCRIBE, after=written(known))
            first = words.say("Subscribed to {label}.", label=shorten(label_of(known, topics, chat.language), 200))
            return _with_today(context, words, chat, known, first)
        if known is None and len(held) >= MOST:
            raise BadInput(full(words))
        if known is None:
            if wanted.topic and tx.topic(wanted.topic) is None:
                raise BadInput(words.say("This topic is gone. /topics shows those there are."))
            known = tx.subscribe(replace(wanted, chat_id=chat.id, made_at=context.now()))
            note(context, tx, caller, Deed.SUBSCRIBE, after=written(known))
            first = words.say("Subscribed to {label}.", label=shorten(label_of(known, topics, chat.language), 200))
        else:
            label = shorten(label_of(known, topics, chat.language), 200)
            first = words.say("This chat follows {label} already.", label=label)
    return _with_today(context, words, chat, known, first)


def held_already(wanted: Subscription, held: tuple[Subscription, ...], topics: list[Topic]) -> Subscription | None:
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
        announcements, day = latest_day(context, tx, followed)
        matches = day.matches(followed, chat.wants, chat.since_on)
        shown = [m.paper_id for m in matches[:_SHOWN]]
        papers, summaries = tx.papers(shown), tx.summaries(shown)
    blocks = [paragraph(bold(first), plain("\n" + digest_comes(words, chat)))]
    in_vain = [block for one in followed for block in _in_vain(words, one.query, chat, context.now().date())]
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
    blocks += in_vain
    if announcements and not matches and not in_vain:
        blocks.append(paragraph(words.say("The latest batch has nothing for it; /paper searches all that is stored.")))
    buttons = [
        Button(words.say("Today's digest"), "digest"),
        Button(words.say("Unsubscribe"), f"drop:{subscription.id}"),
    ]
    return Reply(tuple(blocks), (tuple(buttons),))


def _in_vain(words: Words, query: Query, chat: Chat, today: date) -> list[Block]:
    """That hardly a new paper can match, where that is so."""
    found = list(dict.fromkeys(map(str, hopeless(query, today, chat.wants))))
    if not found:
        return []
    told = words.say(
        "Hardly a new paper will match it, because of {conditions}; /paper searches all that is stored.",
        conditions=label_list(words, found),
    )
    return [paragraph(told)]


def full(words: Words) -> str:
    """That there is no room for another subscription."""
    return words.say("This chat has {n} subscriptions already, the most there can be. /unsubscribe makes room.", n=MOST)


def written(one: Subscription) -> str:
    """How the audit log writes a subscription."""
    return one.query or f"topic:{one.topic}"
