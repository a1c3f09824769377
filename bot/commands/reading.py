"""Finding papers and reading digests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from zlib import crc32

from bot.commands.cards import card_of
from bot.commands.context import (
    PATIENCE,
    Context,
    day_of,
    find_topic,
    followed_by,
    latest,
    read_query,
    searched,
    taste_of,
    want,
    week,
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
    results_page,
    shorten,
    turning,
)
from bot.ports import Caller
from bot.query import MOST_CHARACTERS, Query
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
    return _results(context, caller, words, argument, 0)


def find(context: Context, caller: Caller, argument: str, verb: str = "find") -> Reply:
    """The press of a results page's button: ``offset:query``."""
    words = context.words(caller)
    offset, _, query = argument.partition(":")
    if not offset.isdecimal() or len(offset) > 6 or not query:
        return say(words.say("This button is too old. /paper searches again."), private=True)
    return replace(_results(context, caller, words, query, int(offset), verb), aside=True)


def newest(context: Context, caller: Caller, argument: str) -> Reply:
    """As ``find``, with the newest papers first."""
    return find(context, caller, argument, "newest")


def _results(context: Context, caller: Caller, words: Words, text: str, offset: int, verb: str = "find") -> Reply:
    with context.store.reading() as tx:
        query = read_query(tx, text)
    context.index.follow(PATIENCE)
    hits, total = searched(context, query, text, limit=PAGE, offset=offset, newest=verb == "newest")
    if total and not hits:
        return say(words.say("That was all of it."), private=True)
    if not total:
        return _nothing(context, caller, words, query, text)
    ids = [hit.paper_id for hit in hits]
    with context.store.reading() as tx:
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    want(context, words.language, papers.values(), summaries)
    title = words.count("{n} paper for {query}", "{n} papers for {query}", total, query=shorten(text, 100))
    if total > PAGE:
        title += f" ({offset + 1}-{offset + len(hits)})"
    ways = _ways(words, verb, offset, total)
    if total > PAGE:
        other = ("find", words.say("Best first")) if verb == "newest" else ("newest", words.say("Newest first"))
        ways.append((other[1], other[0], 0))
    here, *buttons = _buttons(context, caller, text, [("", verb, offset), *ways])
    return results_page(
        words,
        title,
        [papers[i] for i in ids if i in papers],
        summaries,
        start=offset,
        buttons=(tuple(buttons),) if buttons else (),
        back=here.action,
    )


def _ways(words: Words, verb: str, offset: int, total: int, size: int = PAGE) -> list[tuple[str, str, int]]:
    """Back and Next, where there is somewhere to go, as (label, verb, offset)."""
    ways = [("‹ " + words.say("Back"), verb, max(0, offset - size))] if offset > 0 else []
    if offset + size < total:
        ways.append((words.say("Next") + " ›", verb, offset + size))
    return ways


_MOST_BACK = 40
"""Bytes of a way back that a card's buttons have room for beside their own."""


def _buttons(context: Context, caller: Caller, text: str, ways: Sequence[tuple[str, str, int]]) -> tuple[Button, ...]:
    """Buttons that ask ``text`` again. A query too long for a button is kept as the last one that this chat asked, and
    the button carries its mark."""
    actions = [f"{verb}:{at}:{text}" for _, verb, at in ways]
    if any(len(action.encode()) > _MOST_BACK for action in actions):
        with context.store.transaction() as tx:
            tx.put_setting(_asked(caller), text)
        actions = [f"recall:{verb}:{at}:{_mark(text)}" for _, verb, at in ways]
    return tuple(Button(label, action) for (label, _, _), action in zip(ways, actions, strict=True))


def recall(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button under the pages of a long query: ``verb:offset:mark``, of the last one asked here."""
    verb, _, rest = argument.partition(":")
    offset, _, mark = rest.partition(":")
    with context.store.reading() as tx:
        text = tx.setting(_asked(caller))
    if not text or mark != _mark(text) or verb not in _PAGED:
        words = context.words(caller)
        return say(words.say("This button is too old. /paper searches again."), private=True)
    return _PAGED[verb](context, caller, f"{offset}:{text}")


def _asked(caller: Caller) -> str:
    return f"asked.{caller.address}"


def _mark(text: str) -> str:
    return f"{crc32(text.encode()):08x}"


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
    offset, _, asked = argument.partition(":")
    if not offset.isdecimal() or len(offset) > 6:
        return digest(context, caller, "")
    words, chat, followed = _followed(context, caller, _spanned(asked)[1])
    if not followed:
        return digest(context, caller, "")
    return replace(_view(context, caller, words, chat, followed, asked, int(offset)), aside=True)


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
            asked = read_query(tx, topic.query if topic else query)
            return words, chat, (Followed(label, asked),)
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
        return words, chat, followed_by(held, topics, words.language)


def _view(
    context: Context,
    caller: Caller,
    words: Words,
    chat: Chat | None,
    followed: tuple[Followed, ...],
    asked: str,
    offset: int,
) -> Reply:
    """A page of what matches of the latest batch, or of a week; ``asked`` is what was written behind /digest."""
    context.index.follow(PATIENCE)
    wants = chat.wants if chat else WANTED
    size = min(chat.size, PAGE) if chat else PAGE
    whole_week, query = _spanned(asked)
    with context.store.reading() as tx:
        announcements = week(tx) if whole_week else latest(tx)
        day = day_of(context, tx, announcements, followed)
        since_on = chat.since_on if chat and not whole_week else None
        # A query is a look; what the chat likes orders what it follows.
        matches = day.matches(followed, wants, since_on, taste_of(tx, None if query else chat))
        ids = [match.paper_id for match in matches[offset : offset + size]]
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    if not announcements:
        return say(words.say("No batch has come in yet. /paper searches what is stored."))
    labels = tuple(dict.fromkeys(one.label for one in followed))
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
    ways = _ways(words, "page", offset, len(matches), size)
    here, *buttons = _buttons(context, caller, asked, [("", "page", offset), *ways])
    layout = chat.layout if chat else Layout.BRIEF

    def made(measure: Measure) -> list[Block]:
        return digest_entries(words, whole, papers, summaries, numbers, layout, measure, back=here.action)

    blocks = [digest_heading(words, whole, whole_week), *fitted(made)]
    if rest := len(matches) - numbers[-1]:
        blocks.append(paragraph(italic(words.count("And {n} more.", "And {n} more.", rest))))
    return Reply(tuple(blocks), (tuple(buttons),) if buttons else ())


_PAGED: dict[str, Callable[[Context, Caller, str], Reply]] = {"find": find, "newest": newest, "page": page}
"""What turns pages of a query."""


def _nothing(context: Context, caller: Caller, words: Words, query: Query, text: str) -> Reply:
    """What may have been meant, or what to try."""
    first = words.say("Nothing stored matches {query}.", query=shorten(text, 200))
    meant = context.index.meant(query)
    shown = str(meant) if meant is not None else ""
    if meant is not None and len(shown) <= MOST_CHARACTERS and context.index.search(meant, limit=1)[1]:
        button = _buttons(context, caller, shown, [(shorten(shown, 60), "find", 0)])
        return say(first, words.say("Did you mean {query}?", query=shorten(shown, 200)), buttons=[button])
    return say(
        first, words.say("All words must occur: try fewer, or OR between them. /subscribe brings what is yet to come.")
    )


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
