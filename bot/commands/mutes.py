"""Less of this and more like this: what is kept away, and what a paper leads to."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.commands.asked import brought, carried
from bot.commands.context import (
    PATIENCE,
    Context,
    find_topic,
    followed_by,
    label_of,
    note,
    query_of,
    read_query,
    require_follower,
)
from bot.commands.holdings import end, named
from bot.commands.subscriptions import MOST, full, held_already, wanted_of, written
from bot.commands.trials import Week, count, trial_blocks, try_out, week_of
from bot.documents import document, holds
from bot.errors import BadInput, QueryError
from bot.model import Deed, Paper, Standing, Subscription
from bot.pages import shorten
from bot.ports import Caller
from bot.query import MOST_CHARACTERS, And, Leaf, Or, parse
from bot.replies import Button, Reply, bold, code, heading, paragraph, plain, say
from bot.text import readable
from bot.words import Words

_LOOKED_AT = 12
"""Words of a title that are looked up."""
_WORD = re.compile(r"[^\W\d_][\w-]{3,}")
_NAMED = 3
"""Ways that a paper leads to."""


def mute(context: Context, caller: Caller, argument: str) -> Reply:
    """Alone: what is muted. Words, an author, a category, a topic: the dry run of keeping them away."""
    words = context.words(caller)
    if not argument:
        return _muted(context, caller, words)
    require_follower(context, words, caller)
    return _proposed(context, caller, words, argument)


def _muted(context: Context, caller: Caller, words: Words) -> Reply:
    with context.store.reading() as tx:
        chat, topics = tx.chat(caller.address), tx.topics()
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
    muted = [one for one in held if one.standing is Standing.MUTED]
    example = paragraph(
        words.say("To keep something away:"), " ", code("/mute survey"), " · ", code('/mute au:"Edward Hu"')
    )
    if not muted:
        return Reply((paragraph(words.say("Nothing is muted here.")), example))
    labels = [label_of(one, topics, words.language) for one in muted]
    rows = tuple(
        (Button("✕ " + shorten(label, 50), f"drop:{one.id}"),) for one, label in zip(muted, labels, strict=True)
    )
    lines = "\n".join(f"🔇 {shorten(label, 120)}" for label in labels)
    return Reply((heading(words.say("What is kept away here")), paragraph(lines), example), rows[:20])


def _proposed(context: Context, caller: Caller, words: Words, text: str) -> Reply:
    """The dry run of keeping something away. Raises QueryError."""
    with context.store.reading() as tx:
        topics = tx.topics()
        topic = find_topic(topics, text)
        text = f"topic:{topic.slug}" if topic else text
        query = read_query(tx, text, for_subscription=True)
        chat = tx.chat(caller.address)
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
        week = week_of(tx, chat)
    mine = [one.query for one in followed_by(held, topics, words.language) if not one.muted]
    label = shorten(topic.name(words.language) if topic else text, 200)
    blocks = [paragraph(bold(words.say("Mute {label}?", label=label)))]
    silence = Button(words.say("Mute"), carried(context, caller, text, "mute"))
    buttons = ((silence, Button(words.say("Cancel"), "cancel")),)
    if week is not None and mine:
        context.index.follow(PATIENCE)
        followed = Or(tuple(mine))
        both = try_out(context, week, And((followed, query)), text)
        every = try_out(context, week, followed, text)
        if both is None or every is None:
            return Reply((*blocks, *trial_blocks(words, None)), buttons)
        whole, away = every.total, both.total
        told = words.count(
            "Of the {n} paper that came in the last week it would have kept away {away}.",
            "Of the {n} papers that came in the last week it would have kept away {away}.",
            whole,
            away=words.number(away),
        )
        blocks.append(paragraph(told))
        if away:
            blocks += trial_blocks(words, both)[1:]
    return Reply(tuple(blocks), buttons)


def muted(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of that dry run's Mute."""
    words = context.words(caller)
    require_follower(context, words, caller)
    text = brought(context, caller, argument)
    if not text:
        return _too_old(words)
    with context.store.transaction() as tx:
        wanted = wanted_of(tx, text)
        chat = context.open_chat(tx, caller)
        words = context.words(caller, chat)
        topics = tx.topics()
        held = tx.subscriptions([chat.id]).get(chat.id, ())
        known = held_already(wanted, held, topics)
        if known is None and len(held) >= MOST:
            raise BadInput(full(words))
        before = known.standing.value if known else ""
        if known is None:
            one = replace(wanted, chat_id=chat.id, made_at=context.now(), standing=Standing.MUTED)
            known = tx.subscribe(one)
        else:
            known = replace(known, standing=Standing.MUTED)
            tx.put_subscription(known)
        note(context, tx, caller, Deed.MUTE, before, f"{known.standing.value}: {written(known)}")
    label = shorten(label_of(known, topics, words.language), 200)
    return Reply(
        (
            paragraph(bold(words.say("Muted: {label}.", label=label))),
            paragraph(
                words.say("What it finds is kept away from now on, whatever else finds it. /mute shows the list.")
            ),
        ),
        ((Button(words.say("Unmute"), f"drop:{known.id}"),),),
        edits=True,
    )


def away(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button that proposes to keep something away."""
    words = context.words(caller)
    require_follower(context, words, caller)
    text = brought(context, caller, argument)
    return replace(_proposed(context, caller, words, text), edits=True) if text else _too_old(words)


def unmute(context: Context, caller: Caller, argument: str) -> Reply:
    """End a mute by its words; alone: the list."""
    if not argument:
        return mute(context, caller, "")
    words = context.words(caller)
    require_follower(context, words, caller)
    with context.store.reading() as tx:
        chat, topics = tx.chat(caller.address), tx.topics()
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
    found = named(argument, tuple(one for one in held if one.standing is Standing.MUTED), topics)
    if chat is None or not found:
        raise BadInput(words.say("{label} is not muted here. /mute shows what is.", label=shorten(argument, 100)))
    return end(context, caller, words, chat, found, topics, len(held) - len(found))


def less(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of "less of this" at a paper, by its id: what could be kept away, each with its dry run behind it."""
    return _led(context, caller, argument, less=True)


def more(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of "more like this" at a paper: what could be followed."""
    return _led(context, caller, argument, less=False)


def _led(context: Context, caller: Caller, argument: str, *, less: bool) -> Reply:
    words = context.words(caller)
    require_follower(context, words, caller)
    number = int(argument) if argument.isascii() and argument.isdecimal() and len(argument) < 18 else 0
    with context.store.reading() as tx:
        paper = tx.papers([number]).get(number) if number else None
        summaries = tx.summaries([number]).get(number, ()) if paper else ()
        chat, topics = tx.chat(caller.address), tx.topics()
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
        week = week_of(tx, None if less else chat)
    if paper is None:
        return say(words.say("This button is too old. /paper searches again."), private=True)
    context.index.follow(PATIENCE)
    telling = _telling(context, paper)
    texts = [f'au:"{name}"' for name in dict.fromkeys([*paper.authors[:1], *paper.authors[-1:]]) if '"' not in name]
    if less:
        texts += telling
    elif telling:
        either = telling[0] if len(telling) == 1 else f"({' OR '.join(telling)})"
        texts.append(f"cat:{paper.primary_category} {either}" if paper.primary_category else either)
    rows = []
    for text in texts[:_NAMED]:
        found = _found(context, week, text)
        if found is not None:
            label = f"{'🔇' if less else '+'} {shorten(text, 50)} · {words.number(found)}"
            rows.append((Button(label, carried(context, caller, text, "away" if less else "propose")),))
    if less and telling:
        doc = document(paper, summaries)
        for one in held:
            query = query_of(one, topics)
            if one.standing is not Standing.FOLLOWED or query is None or not holds(query, doc):
                continue
            text = _without(one, telling[0])
            if len(text) <= MOST_CHARACTERS and (found := _found(context, week, text)) is not None:
                label = f"→ {shorten(text, 50)} · {words.number(found)}"
                rows.append((Button(label, carried(context, caller, text, f"change:{one.id}")),))
            if len(rows) > 2 * _NAMED:
                break
    title = shorten(readable(paper.title), 200)
    if not rows:
        return say(
            words.say("This paper leads to nothing that could be asked; write it yourself: /subscribe or /mute.")
        )
    first = words.say("Less like this:") if less else words.say("More like this:")
    told = words.say("Each with how many papers it found in the last week.")
    if less and len(rows) > len(texts[:_NAMED]):
        told = words.sentences(told, words.say("An arrow changes what this chat follows."))
    return Reply(
        (paragraph(bold(first + " "), plain(title)), paragraph(told)),
        (*rows, (Button(words.say("Cancel"), "cancel"),)),
    )


def _without(one: Subscription, word: str) -> str:
    """What a subscription asks, without papers that have a word."""
    if one.topic:
        return f"topic:{one.topic} -{word}"
    query = parse(one.query)
    return f"{query if isinstance(query, And | Leaf) else f'({query})'} -{word}"


def _found(context: Context, week: Week | None, text: str) -> int | None:
    """How many papers of the last week it finds; None where it cannot be asked."""
    try:
        with context.store.reading() as tx:
            query = read_query(tx, text, for_subscription=True)
        return count(context, week, query, text) if week else 0
    except QueryError:
        return None


def _telling(context: Context, paper: Paper) -> list[str]:
    """The words of its title that the fewest other papers have: at most two."""
    found: dict[str, int] = {}
    for word in dict.fromkeys(_WORD.findall(readable(paper.title))):
        if len(found) >= _LOOKED_AT:
            break
        try:
            found[word] = context.index.search(parse(word), limit=1)[1]
        except QueryError:  # an operator, or a word that no query may have
            continue
    shared = [word for word, total in found.items() if total > 1] or list(found)
    return sorted(shared, key=lambda word: found[word])[:2]


def _too_old(words: Words) -> Reply:
    return say(words.say("This button is too old. /mute begins again."), private=True)
