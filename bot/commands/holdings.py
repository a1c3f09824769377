"""What a chat follows, pauses and mutes: listed with counts, changed, ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.commands.asked import brought, carried
from bot.commands.context import (
    PATIENCE,
    Context,
    digest_comes,
    find_topic,
    label_of,
    note,
    query_of,
    read_query,
    require_follower,
    require_manager,
)
from bot.commands.subscriptions import written
from bot.commands.trials import Week, count, trial_blocks, try_out, week_of
from bot.errors import BadInput, QueryError
from bot.model import Chat, ChatState, Deed, Standing, Subscription, Topic
from bot.pages import MOST_CARRIED, label_list, shorten
from bot.ports import Caller
from bot.replies import Block, Button, Reply, bold, code, heading, paragraph, plain, say
from bot.words import Words

PAGE = 10
"""Subscriptions a page."""
_MARKS = {Standing.FOLLOWED: "", Standing.PAUSED: "⏸ ", Standing.MUTED: "🔇 "}

Held = tuple[Chat | None, tuple[Subscription, ...], list[Topic], Words]


def subscriptions(context: Context, caller: Caller, argument: str) -> Reply:
    """What this chat follows, numbered, with how many papers each had in the last week."""
    page = int(argument) - 1 if argument.isascii() and argument.isdecimal() and len(argument) < 4 else 0
    return _listed(context, caller, max(0, page) * PAGE)


def leaf(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button that turns that list's pages: ``offset``."""
    offset = int(argument) if argument.isascii() and argument.isdecimal() and len(argument) < 5 else 0
    return replace(_listed(context, caller, offset), edits=True)


def _listed(context: Context, caller: Caller, offset: int) -> Reply:
    chat, held, topics, words = _held(context, caller)
    if chat is None or not held:
        return say(words.say("This chat follows nothing yet. Try /subscribe LoRA, or pick from /topics."))
    offset = min(offset, (len(held) - 1) // PAGE * PAGE)
    shown = held[offset : offset + PAGE]
    with context.store.reading() as tx:
        week = week_of(tx)
    context.index.follow(PATIENCE)
    queries = {topic.slug: topic.query for topic in topics}
    lines = []
    for number, one in enumerate(shown, offset + 1):
        name, query = label_of(one, topics, words.language), queries.get(one.topic, "")
        line = f"{number}. {_MARKS[one.standing]}{shorten(name, 120)}"
        if query and query != name:
            line += f"  ({shorten(query, 80)})"
        lines.append(line + _found(context, words, week, one, topics))
    also = [
        words.count("{n} is paused.", "{n} are paused.", paused)
        if (paused := sum(one.standing is Standing.PAUSED for one in held)) else "",
        words.count("{n} is muted: what it finds is kept away.", "{n} are muted: what they find is kept away.", muted)
        if (muted := sum(one.standing is Standing.MUTED for one in held)) else "",
        words.say("Behind each stands how many papers it found in the last week.") if week else "",
    ]  # fmt: skip
    title = words.count("This chat has {n} subscription", "This chat has {n} subscriptions", len(held))
    title += f" ({offset + 1}-{offset + len(shown)})" if len(held) > PAGE else ""
    numbers = [Button(str(n), f"sub:{one.id}") for n, one in enumerate(shown, offset + 1)]
    ways = [Button("‹ " + words.say("Back"), f"subs:{offset - PAGE}")] if offset else []
    if offset + PAGE < len(held):
        ways.append(Button(words.say("Next") + " ›", f"subs:{offset + PAGE}"))
    last = [*ways, Button(words.say("Today's digest"), "digest")]
    return Reply(
        (
            heading(title),
            paragraph("\n".join(lines)),
            paragraph(words.sentences(*also)),
            paragraph(
                words.sentences(
                    words.say("Press a number to pause, edit or end one; /subscribe adds one."),
                    _stopped(words, chat) or digest_comes(words, chat),
                )
            ),
        ),
        (*(tuple(numbers[i : i + 5]) for i in range(0, len(numbers), 5)), tuple(last)),
    )


def _stopped(words: Words, chat: Chat) -> str:
    return words.say("It is stopped: /start begins again.") if chat.state is ChatState.STOPPED else ""


def _found(context: Context, words: Words, week: Week | None, one: Subscription, topics: Sequence[Topic]) -> str:
    """How many papers it found in the last week: ``· 14``."""
    query = query_of(one, topics) if week else None
    if query is None or week is None:
        return ""
    try:
        return f" · {words.number(count(context, week, query, written(one)))}"
    except QueryError:
        return ""


def card(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a number in the list: one subscription, and what can be done with it."""
    chat, one, topics, words = _one(context, caller, argument)
    if chat is None or one is None:
        return _gone(words)
    return _card(context, words, one, topics)


def _card(context: Context, words: Words, one: Subscription, topics: Sequence[Topic]) -> Reply:
    label, query = label_of(one, topics, words.language), query_of(one, topics)
    blocks: list[Block] = [paragraph(bold(_MARKS[one.standing] + shorten(label, 200)))]
    said = {
        Standing.FOLLOWED: words.say("What it finds comes with the digest."),
        Standing.PAUSED: words.say("It is paused: it brings nothing until it is resumed."),
        Standing.MUTED: words.say("It is muted: what it finds is kept away, whatever else finds it."),
    }
    blocks.append(paragraph(said[one.standing]))
    with context.store.reading() as tx:
        week = week_of(tx)
    if week is not None and query is not None:
        context.index.follow(PATIENCE)
        blocks += trial_blocks(words, try_out(context, week, query, written(one)))
    follow = Button(words.say("Resume") if one.standing is Standing.PAUSED else words.say("Follow"), f"resume:{one.id}")
    pause, mute = Button(words.say("Pause"), f"pause:{one.id}"), Button(words.say("Mute"), f"hush:{one.id}")
    change = {
        Standing.FOLLOWED: [pause, mute], Standing.PAUSED: [follow, mute], Standing.MUTED: [follow],
    }[one.standing]  # fmt: skip
    edit = Button(words.say("Edit"), f"edit:{one.id}")
    end = Button(words.say("Unmute") if one.standing is Standing.MUTED else words.say("Unsubscribe"), f"drop:{one.id}")
    back = Button("‹ " + words.say("Back"), "subs:0")
    return Reply(tuple(blocks), (tuple(change), (edit, end), (back,)), edits=True)


def pause(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of Pause."""
    return _stand(context, caller, argument, Standing.PAUSED)


def resume(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of Resume, or of Follow under what was muted."""
    return _stand(context, caller, argument, Standing.FOLLOWED)


def hush(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of Mute."""
    return _stand(context, caller, argument, Standing.MUTED)


def _stand(context: Context, caller: Caller, argument: str, standing: Standing) -> Reply:
    chat, one, topics, words = _one(context, caller, argument)
    require_follower(context, words, caller)
    if chat is None or one is None:
        return _gone(words)
    with context.store.transaction() as tx:
        changed = replace(one, standing=standing)
        if not tx.put_subscription(changed):
            return _gone(words)
        note(context, tx, caller, _DEEDS[standing], one.standing.value, f"{standing.value}: {written(one)}")
    return _card(context, words, changed, topics)


_DEEDS = {Standing.FOLLOWED: Deed.SUBSCRIBE, Standing.PAUSED: Deed.PAUSE, Standing.MUTED: Deed.MUTE}


def edit(context: Context, caller: Caller, argument: str) -> Reply:
    """``2 LoRA -survey``: the dry run of what subscription 2 is to be, which a button makes it."""
    chat, held, topics, words = _held(context, caller)
    number, _, text = argument.partition(" ")
    found = held[int(number) - 1 : int(number)] if number.isdecimal() and 0 < len(number) < 6 and int(number) else ()
    if chat is None or not found or not text:
        raise BadInput(words.say("Write the number of the subscription and what it is to be: /edit 2 LoRA -survey"))
    require_follower(context, words, caller)
    with context.store.reading() as tx:
        query = read_query(tx, text, for_subscription=True)
        week = week_of(tx, chat)
    context.index.follow(PATIENCE)
    before = label_of(found[0], topics, words.language)
    blocks = [paragraph(plain(shorten(before, 200) + "\n→ "), bold(shorten(text, 200)))]
    if week is not None:
        blocks += trial_blocks(words, try_out(context, week, query, text))
    change = Button(words.say("Change"), carried(context, caller, text, f"change:{found[0].id}"))
    return Reply(tuple(blocks), ((change, Button(words.say("Cancel"), "cancel")),))


def editing(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of Edit: how to write the change, with the present words to copy."""
    chat, one, topics, words = _one(context, caller, argument)
    if chat is None or one is None:
        return _gone(words)
    with context.store.reading() as tx:
        numbers = [each.id for each in tx.subscriptions([chat.id])[chat.id]]
    now = one.query or next((topic.query for topic in topics if topic.slug == one.topic), "")
    line = code(f"/edit {numbers.index(one.id) + 1} {now}")
    told = words.say("Send it as it should be; a dry run shows what would come:")
    back = Button("‹ " + words.say("Back"), f"sub:{one.id}")
    return Reply((paragraph(told, "\n", line),), ((back,),), edits=True)


def change(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of an edit's Change: ``subscription:`` and the query."""
    number, _, rest = argument.partition(":")
    chat, one, topics, words = _one(context, caller, number)
    require_follower(context, words, caller)
    text = brought(context, caller, rest)
    if not text:
        return say(words.say("This button is too old. /subscriptions begins again."), private=True)
    with context.store.reading() as tx:
        read_query(tx, text, for_subscription=True)
    if chat is None or one is None:
        return _gone(words)
    with context.store.transaction() as tx:
        changed = replace(one, query=text, topic="")
        if not tx.put_subscription(changed):
            raise BadInput(words.say("This chat follows {label} already.", label=shorten(text, 200)))
        note(context, tx, caller, Deed.SUBSCRIBE, written(one), written(changed))
    return _card(context, words, changed, topics)


def unsubscribe(context: Context, caller: Caller, argument: str) -> Reply:
    """End one subscription by its number, its words or its topic; ``all`` ends every one."""
    chat, held, topics, words = _held(context, caller)
    if chat is None or not held:
        return say(words.say("This chat follows nothing, so there is nothing to end."))
    if not argument:
        buttons = [
            (Button("✕ " + shorten(label_of(one, topics, words.language), 50), f"drop:{one.id}"),) for one in held[:20]
        ]
        lines = [
            f"{n}. {_MARKS[one.standing]}{shorten(label_of(one, topics, words.language), 120)}"
            for n, one in enumerate(held, 1)
        ]
        return Reply(
            (
                heading(words.say("Which one should end?")),
                paragraph(
                    words.say("Press one, or write its number: /unsubscribe 2. /unsubscribe all ends every one.")
                ),
                *(paragraph("\n".join(lines[i : i + 25])) for i in range(20, len(held), 25)),
            ),
            tuple(buttons),
        )
    require_follower(context, words, caller)
    ended = named(argument, held, topics)
    if not ended:
        raise BadInput(
            words.say(
                "This chat does not follow {label}. /subscriptions shows what it follows.", label=shorten(argument, 100)
            )
        )
    return end(context, caller, words, chat, ended, topics, len(held) - len(ended))


def drop(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of an unsubscribe button. The subscription must be this chat's."""
    chat, held, topics, words = _held(context, caller)
    require_follower(context, words, caller)
    ended = [one for one in held if str(one.id) == argument]
    if chat is None or not ended:
        return _gone(words)
    return end(context, caller, words, chat, ended, topics, len(held) - 1)


def stop(context: Context, caller: Caller, argument: str) -> Reply:
    """No digest comes any more, and what is on its way does not either; all that is set is kept for a /start."""
    words = context.words(caller)
    require_manager(words, caller)
    with context.store.transaction() as tx:
        chat = tx.chat(caller.address)
        if chat is None:
            return say(words.say("This chat follows nothing, so there is nothing to end."))
        if chat.state is not ChatState.STOPPED:
            tx.put_chat(replace(chat, state=ChatState.STOPPED, why="", due_at=None, away_at=None, try_at=None, rest=0))
            tx.hold_deliveries(chat.id, "the chat was stopped")
            tx.join_deliveries([one.id for one in tx.held_deliveries(chat.id)])  # for good
            note(context, tx, caller, Deed.STOP, chat.state.value, ChatState.STOPPED.value)
        count_ = len(tx.subscriptions([chat.id]).get(chat.id, ()))
    kept = words.count(
        "Its settings and {n} subscription are kept.", "Its settings and {n} subscriptions are kept.", count_
    )
    return say(
        words.say("Stopped: nothing comes here any more."),
        words.sentences(kept, words.say("/start begins again; /forget erases all of it.")),
    )


def named(wanted: str, held: tuple[Subscription, ...], topics: Sequence[Topic]) -> list[Subscription]:
    """The subscriptions meant by ``all``, a number of the list, a topic's name, or a query as typed or one like it."""
    if wanted.casefold() == "all":
        return list(held)
    if wanted.isdecimal() and len(wanted) < 6 and 0 < int(wanted) <= len(held):
        return [held[int(wanted) - 1]]
    topic = find_topic(topics, wanted)
    found = [s for s in held if s.query.casefold() == wanted.casefold() or (topic and s.topic == topic.slug)]
    query = query_of(Subscription(0, 0, wanted), topics)
    return found or [s for s in held if query is not None and query_of(s, topics) == query]


def end(
    context: Context,
    caller: Caller,
    words: Words,
    chat: Chat,
    ended: Sequence[Subscription],
    topics: Sequence[Topic],
    left: int,
) -> Reply:
    """End some subscriptions; ``left`` others stay."""
    with context.store.transaction() as tx:
        for one in ended:
            if tx.unsubscribe(chat.id, one.id):
                note(context, tx, caller, Deed.UNSUBSCRIBE, written(one))
    labels = label_list(words, [label_of(one, topics, words.language) for one in ended])
    again = [
        Button(words.say("Follow it again"), action)
        for one in ended[:1]
        if len(ended) == 1 and len((action := f"propose:={written(one)}").encode()) <= MOST_CARRIED
    ]
    return say(
        words.say("No longer muted: {labels}.", labels=labels)
        if all(one.standing is Standing.MUTED for one in ended)
        else words.say("No longer following {labels}.", labels=labels),
        words.count("{n} subscription is left.", "{n} subscriptions are left.", left)
        if left
        else words.say("Nothing is left to follow, so no digest will come. /subscribe begins again."),
        buttons=[again] if again else (),
    )


def _gone(words: Words) -> Reply:
    return say(words.say("That subscription has ended already."), private=True)


def _one(
    context: Context, caller: Caller, argument: str
) -> tuple[Chat | None, Subscription | None, list[Topic], Words]:
    """The subscription with this id, where it is this chat's."""
    chat, held, topics, words = _held(context, caller)
    return chat, next((one for one in held if str(one.id) == argument), None), topics, words


def _held(context: Context, caller: Caller) -> Held:
    with context.store.reading() as tx:
        chat = tx.chat(caller.address)
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
        topics = tx.topics()
    return chat, held, topics, context.words(caller, chat)
