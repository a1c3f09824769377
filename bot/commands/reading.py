"""Finding papers and reading digests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.bursts import wanted
from bot.commands import asked, searching
from bot.commands.cards import card_of
from bot.commands.context import (
    PATIENCE,
    Context,
    find_topic,
    followed_by,
    latest_day,
    read_query,
    taste_of,
    week_day,
)
from bot.digests import Followed
from bot.keys import link_from_key, parse_reference
from bot.model import WANTED, Chat, Delivery, Digest, DigestKind, Layout
from bot.pages import (
    PAGE,
    Measure,
    digest_entries,
    digest_heading,
    digest_page,
    fitted,
    label_list,
    turning,
)
from bot.ports import Caller
from bot.replies import Block, Button, Reply, code, heading, italic, paragraph, say
from bot.words import Words


def paper(context: Context, caller: Caller, argument: str) -> Reply:
    """Search everything stored; an arXiv id, Anthology id or link brings the paper's card."""
    words = context.words(caller)
    if not argument:
        return Reply(
            (
                paragraph(words.say("What are you looking for?")),
                paragraph(
                    code("/paper LoRA"),
                    " · ",
                    code('/paper ti:"language model" cat:cs.CL'),
                    " · ",
                    code("/paper 2106.09685"),
                ),
            )
        )
    key = parse_reference(argument)
    if key:
        with context.store.reading() as tx:
            found = tx.paper_by_key(key)
            summaries = tx.summaries([found.id]).get(found.id, ()) if found else ()
        if found:
            return card_of(context, caller, found, summaries)
        name = key.partition(":")[2]
        return say(
            words.say("{name} is not stored here: this bot knows what its feeds and imports brought.", name=name),
            buttons=[[Button(words.say("Open it"), link=link_from_key(key))]],
        )
    return searching.search(context, caller, argument)


def recall(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button under the pages of a long query: ``verb:offset:mark``, of one asked here lately."""
    verb, _, rest = argument.partition(":")
    offset, _, mark = rest.partition(":")
    text = asked.recalled(context, caller, mark)
    if not text or verb not in _PAGED:
        words = context.words(caller)
        return say(words.say("This button is too old. /paper searches again."), private=True)
    return _PAGED[verb](context, caller, f"{offset}:{text}")


def digest(context: Context, caller: Caller, argument: str) -> Reply:
    """Today's digest as a view: the latest batch against what the chat follows, or against a query; ``week`` before
    either: the last seven announced days."""
    words, chat, followed = _followed(context, caller, _spanned(argument)[1])
    if not followed:
        return say(
            words.say("This chat follows nothing yet, so there is nothing to put together."),
            words.say("Try /subscribe LoRA, pick from /topics, or look once with /digest LoRA."),
        )
    return _view(context, caller, words, chat, followed, argument, 0)


def page(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button under a digest's view: ``offset``, or ``offset:query``."""
    offset, _, text = argument.partition(":")
    if not offset.isdecimal() or len(offset) > 6:
        return digest(context, caller, "")
    words, chat, followed = _followed(context, caller, _spanned(text)[1])
    if not followed:
        return digest(context, caller, "")
    return replace(_view(context, caller, words, chat, followed, text, int(offset)), aside=True)


_WEEK = frozenset({"week", "周", "週", "本周", "本週", "一周", "一週"})


def _spanned(argument: str) -> tuple[bool, str]:
    """Whether a whole week is asked for, and the query."""
    first, _, rest = argument.partition(" ")
    return (True, rest.strip()) if first.casefold() in _WEEK else (False, argument)


def _followed(context: Context, caller: Caller, query: str) -> tuple[Words, Chat | None, tuple[Followed, ...]]:
    with context.store.reading() as tx:
        chat = tx.chat(caller.address)
        words = context.words(caller, chat)
        topics = tx.topics()
        if query:
            topic = find_topic(topics, query, proposed=False)
            label = topic.name(words.language) if topic else query
            read = read_query(tx, topic.query if topic else query)
            return words, chat, (Followed(label, read),)
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
        followed = followed_by(held, topics, words.language)
        return words, chat, followed if wanted(followed) else ()


def _view(
    context: Context,
    caller: Caller,
    words: Words,
    chat: Chat | None,
    followed: tuple[Followed, ...],
    text: str,
    offset: int,
) -> Reply:
    """A page of what matches of the latest batch, or of a week; ``text`` is what was written behind /digest."""
    context.index.follow(PATIENCE)
    wants = chat.wants if chat else WANTED
    size = min(chat.size, PAGE) if chat else PAGE
    whole_week, query = _spanned(text)
    with context.store.reading() as tx:
        announcements, day = (week_day if whole_week else latest_day)(context, tx, followed)
        since_on = chat.since_on if chat and not whole_week else None
        # A query is a look; what the chat likes orders what it follows.
        matches = day.matches(followed, wants, since_on, taste_of(tx, None if query else chat))
        ids = [match.paper_id for match in matches[offset : offset + size]]
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    if not announcements:
        return say(words.say("No batch has come in yet. /paper searches what is stored."))
    labels = tuple(dict.fromkeys(one.label for one in wanted(followed)))
    on = max(announcement.announced_on for announcement in announcements)
    if not matches:
        told = {"topics": label_list(words, labels), "day": words.day(on)}
        if whole_week:
            nothing = words.say("Nothing for {topics} in the week up to {day}.", **told)
        else:
            nothing = words.say("Nothing for {topics} in the latest batch, {day}.", **told)
        return say(nothing, words.say("/paper searches all that is stored."))
    if not ids:
        return say(words.say("That was all of it."), private=True)
    hit = {label for match in matches for label in match.labels}
    whole = Digest(DigestKind.PAPERS, on, matches, len(ids), tuple(x for x in labels if x in hit))
    numbers = range(offset + 1, offset + len(ids) + 1)
    buttons = asked.buttons(context, caller, text, asked.turns(words, "page", offset, len(matches), size))
    back = asked.way(context, caller, text, "page", offset)
    layout = chat.layout if chat else Layout.BRIEF

    def made(measure: Measure) -> list[Block]:
        return digest_entries(words, whole, papers, summaries, numbers, layout, measure, back=back)

    blocks = [digest_heading(words, whole, whole_week), *fitted(made)]
    if rest := len(matches) - numbers[-1]:
        blocks.append(paragraph(italic(words.count("And {n} more.", "And {n} more.", rest))))
    return Reply(tuple(blocks), (buttons,) if buttons else ())


_PAGED: dict[str, Callable[[Context, Caller, str], Reply]] = {
    "find": searching.find,
    "newest": searching.newest,
    "narrow": searching.narrow,
    "page": page,
}
"""What turns pages of a query."""


def more(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a More button of before digests named themselves: ``delivery:offset``."""
    number, _, at = argument.partition(":")
    if not (number.isdecimal() and at.isdecimal() and len(number) < 18 and len(at) < 8):
        return _too_old(context.words(caller))
    with context.store.reading() as tx:
        delivery, chat = tx.delivery(int(number)), tx.chat(caller.address)
    own = delivery is not None and (delivery.address == caller.address or (chat and delivery.chat_id == chat.id))
    if delivery is None or not own:
        return _not_kept(context.words(caller))
    return _turned(context, caller, delivery, int(at))


def turn(context: Context, caller: Caller, argument: str) -> Reply:
    """A pushed digest's page on which a paper stands: ``digest:index``. The chat must have got that digest."""
    number, _, at = argument.partition(":")
    if not (number.isdecimal() and at.isdecimal() and len(number) < 18 and len(at) < 8):
        return _too_old(context.words(caller))
    with context.store.reading() as tx:
        chat = tx.chat(caller.address)
        delivery = tx.delivery_of(chat.id, int(number)) if chat else None
        # A digest may go to another place of its chat's group.
        delivery = delivery or tx.delivery_at(caller.address, int(number))
    if delivery is None:
        return _not_kept(context.words(caller))
    return _turned(context, caller, delivery, int(at))


def _turned(context: Context, caller: Caller, delivery: Delivery, index: int) -> Reply:
    words, digest = context.words(caller), delivery.digest
    total = len(digest.matches)
    if index >= total:
        return say(words.say("That was all of it."), private=True)
    numbers = _standing(delivery, index)
    with context.store.reading() as tx:
        ids = [digest.matches[number - 1].paper_id for number in numbers]
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    if numbers[0] <= digest.pushed:
        # As it was pushed: its heading over the first of it, the way on under the last.
        page = digest_page(words, digest, papers, summaries, only=ids, layout=delivery.layout)
        blocks = [block for block in page.blocks if block.paper]
        if numbers[0] == 1:
            blocks.insert(0, digest_heading(words, digest))
        ends = numbers[-1] == digest.pushed
        if ends and not page.blocks[-1].paper:
            blocks.append(page.blocks[-1])
        return Reply(tuple(blocks), page.buttons if ends else (), aside=True)
    title = words.say(
        "{day}: {first} to {last} of {total}",
        day=words.day(digest.on),
        first=numbers[0],
        last=numbers[-1],
        total=total,
    )
    layout = Layout.PLAIN if delivery.layout is Layout.PLAIN else Layout.BRIEF
    ways = [Button("‹ " + words.say("Back"), turning(digest, numbers[0] - 2))]
    if numbers[-1] < total:
        ways.append(Button(words.say("Next") + " ›", turning(digest, numbers[-1])))

    def made(measure: Measure) -> list[Block]:
        return digest_entries(words, digest, papers, summaries, numbers, layout, measure)

    return Reply((heading(title), *fitted(made)), (tuple(ways),), aside=True)


def _standing(delivery: Delivery, index: int) -> range:
    """The numbers of the papers on one page with that at ``index``: those of the message it was pushed in, or of the
    pages behind them."""
    digest, total = delivery.digest, len(delivery.digest.matches)
    if index >= digest.pushed:
        first = digest.pushed + (index - digest.pushed) // PAGE * PAGE
        return range(first + 1, min(first + PAGE, total) + 1)
    wanted = digest.matches[index].paper_id
    told = next((set(part.papers) for part in delivery.parts if wanted in part.papers), None)
    if told is None:
        first = index // PAGE * PAGE
        return range(first + 1, min(first + PAGE, digest.pushed) + 1)
    # What one message told stands together, whatever was left out since.
    first = last = index
    while first > 0 and digest.matches[first - 1].paper_id in told:
        first -= 1
    while last + 1 < digest.pushed and digest.matches[last + 1].paper_id in told:
        last += 1
    return range(first + 1, last + 2)


def _too_old(words: Words) -> Reply:
    return say(words.say("This button is too old. /digest shows the latest."), private=True)


def _not_kept(words: Words) -> Reply:
    return say(words.say("This digest is not kept here any more. /digest shows the latest."), private=True)
