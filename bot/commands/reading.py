"""Finding papers and reading digests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from bot.commands import asked, searching
from bot.commands.context import (
    PATIENCE,
    Context,
    day_of,
    find_topic,
    followed_by,
    latest,
    read_query,
    topics_of,
    want,
)
from bot.digests import Followed
from bot.documents import document
from bot.keys import link_from_key, parse_reference
from bot.model import WANTED, Chat, Digest, DigestKind, Match, Paper, Summary
from bot.pages import PAGE, card, digest_heading, entry, label_list, late_line, results_page, shorten
from bot.ports import Caller
from bot.replies import Block, Button, Reply, code, heading, italic, paragraph, say
from bot.subjects import subjects_of
from bot.text import readable
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
            topics = tx.topics() if found else []
        if found:
            want(context, words.language, [found], {found.id: summaries})
            known = subjects_of(found, document(found, summaries), topics, topics_of(topics), words.language)
            return card(words, found, summaries, known)
        name = key.partition(":")[2]
        return say(
            words.say("{name} is not stored here: this bot knows what its feeds and imports brought.", name=name),
            buttons=[[Button(words.say("Open it"), link=link_from_key(key))]],
        )
    return searching.search(context, caller, argument)


def like(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a card's button: the papers most like the one with this id."""
    words = context.words(caller)
    if not argument.isdecimal() or len(argument) > 18:
        return say(words.say("This button is too old. /paper searches again."), private=True)
    context.index.follow(PATIENCE)
    ids = [hit.paper_id for hit in context.index.similar(int(argument), PAGE)]
    with context.store.reading() as tx:
        papers, summaries = tx.papers([int(argument), *ids]), tx.summaries(ids)
    if int(argument) not in papers or not ids:
        return say(words.say("Nothing stored is like this paper."), private=True)
    title = words.say("Papers like {title}", title=shorten(readable(papers[int(argument)].title), 100))
    return results_page(words, title, [papers[i] for i in ids if i in papers], summaries)


def _ways(words: Words, verb: str, offset: int, total: int, size: int = PAGE) -> list[tuple[str, str, int]]:
    """Back and Next, where there is somewhere to go, as (label, verb, offset)."""
    ways = [("‹ " + words.say("Back"), verb, max(0, offset - size))] if offset > 0 else []
    if offset + size < total:
        ways.append((words.say("Next") + " ›", verb, offset + size))
    return ways


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
    """Today's digest as a view: the latest batch against what the chat follows, or against a query."""
    words, chat, followed = _followed(context, caller, argument)
    if not followed:
        return say(
            words.say("This chat follows nothing yet, so there is nothing to put together."),
            words.say("Try /subscribe LoRA, pick from /topics, or look once with /digest LoRA."),
        )
    return _view(context, caller, words, chat, followed, argument, 0)


def page(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button under a digest's view: ``offset``, or ``offset:query``."""
    offset, _, query = argument.partition(":")
    if not offset.isdecimal() or len(offset) > 6:
        return digest(context, caller, "")
    words, chat, followed = _followed(context, caller, query)
    if not followed:
        return digest(context, caller, "")
    return _view(context, caller, words, chat, followed, query, int(offset))


def _followed(context: Context, caller: Caller, argument: str) -> tuple[Words, Chat | None, tuple[Followed, ...]]:
    with context.store.reading() as tx:
        chat = tx.chat(caller.address)
        words = context.words(caller, chat)
        topics = tx.topics()
        if argument:
            topic = find_topic(topics, argument, proposed=False)
            label = topic.name(words.language) if topic else argument
            query = read_query(tx, topic.query if topic else argument)
            return words, chat, (Followed(label, query),)
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
        return words, chat, followed_by(held, topics, words.language)


def _view(
    context: Context,
    caller: Caller,
    words: Words,
    chat: Chat | None,
    followed: tuple[Followed, ...],
    query: str,
    offset: int,
) -> Reply:
    """A page of the latest batch's matches; ``query`` is empty where they are the chat's subscriptions'."""
    context.index.follow(PATIENCE)
    wants = chat.wants if chat else WANTED
    size = chat.size if chat else PAGE
    with context.store.reading() as tx:
        announcements = latest(tx)
        day = day_of(context, tx, announcements, followed)
        matches = day.matches(followed, wants, chat.since_on if chat else None)
        shown = matches[offset : offset + size]
        ids = [match.paper_id for match in shown]
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    if not announcements:
        return say(words.say("No batch has come in yet. /paper searches what is stored."))
    labels = tuple(dict.fromkeys(one.label for one in followed))
    on = max(announcement.announced_on for announcement in announcements)
    if not matches:
        nothing = words.say(
            "Nothing for {topics} in the latest batch, {day}.", topics=label_list(words, labels), day=words.day(on)
        )
        return say(nothing, words.say("/paper searches all that is stored."))
    if not shown:
        return say(words.say("That was all of it."), private=True)
    hit = {label for match in matches for label in match.labels}
    whole = Digest(DigestKind.PAPERS, on, matches, len(shown), tuple(x for x in labels if x in hit))
    blocks = [digest_heading(words, whole), *_entries(words, matches, shown, papers, summaries, offset)]
    if rest := len(matches) - offset - len(shown):
        blocks.append(paragraph(italic(words.count("And {n} more.", "And {n} more.", rest))))
    buttons = asked.buttons(context, caller, query, _ways(words, "page", offset, len(matches), size))
    return Reply(tuple(blocks), (buttons,) if buttons else ())


_PAGED: dict[str, Callable[[Context, Caller, str], Reply]] = {
    "find": searching.find,
    "newest": searching.newest,
    "narrow": searching.narrow,
    "page": page,
}
"""What turns pages of a query."""


def _entries(
    words: Words,
    matches: Sequence[Match],
    shown: Sequence[Match],
    papers: Mapping[int, Paper],
    summaries: Mapping[int, Sequence[Summary]],
    offset: int,
) -> Iterator[Block]:
    late = False
    for number, match in enumerate(shown, offset + 1):
        if match.paper_id in papers:
            first, late = bool(match.late_on) and not late, late or bool(match.late_on)
            yield entry(
                words,
                papers[match.paper_id],
                summaries.get(match.paper_id, ()),
                number,
                match.labels,
                match.news,
                above=late_line(words, matches) if first else "",
                late_on=match.late_on,
            )


def more(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a pushed digest's More button: ``delivery:offset``. The delivery must be this chat's."""
    words = context.words(caller)
    number, _, at = argument.partition(":")
    if not (number.isdecimal() and at.isdecimal() and len(number) < 18 and len(at) < 8):
        return say(words.say("This button is too old. /digest shows the latest."), private=True)
    with context.store.reading() as tx:
        delivery = tx.delivery(int(number))
        chat = tx.chat(caller.address)
        if delivery is None or chat is None or delivery.chat_id != chat.id:
            return say(words.say("This digest is not kept here any more. /digest shows the latest."), private=True)
        offset = int(at)
        shown = delivery.digest.matches[offset : offset + PAGE]
        ids = [match.paper_id for match in shown]
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    if not shown:
        return say(words.say("That was all of it."), private=True)
    total = len(delivery.digest.matches)
    title = words.say(
        "{day}: {first} to {last} of {total}",
        day=words.day(delivery.digest.on),
        first=offset + 1,
        last=offset + len(shown),
        total=total,
    )
    rest = total - offset - len(shown)
    label = words.count("{n} more paper", "{n} more papers", rest)
    buttons = ((Button(label, f"more:{delivery.id}:{offset + PAGE}"),),) if rest else ()
    entries = _entries(words, delivery.digest.matches, shown, papers, summaries, offset)
    return Reply((heading(title), *entries), buttons)
