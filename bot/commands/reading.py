"""Finding papers and reading digests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from bot.commands.context import Context, day_of, find_topic, followed_by, latest
from bot.digests import Followed
from bot.keys import link_from_key, parse_reference
from bot.model import WANTED, Chat, Digest, DigestKind, Match, Paper, Summary
from bot.pages import PAGE, card, digest_heading, entry, results_page, shorten
from bot.ports import Caller
from bot.query import parse
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
            return card(words, found, summaries)
        name = key.partition(":")[2]
        return say(
            words.say("{name} is not stored here: this bot knows what its feeds and imports brought.", name=name),
            buttons=[[Button(words.say("Open it"), link=link_from_key(key))]],
        )
    return _results(context, words, argument.strip(), 0)


def find(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a results page's button: ``offset:query``."""
    words = context.words(caller)
    offset, _, query = argument.partition(":")
    if not offset.isdecimal() or len(offset) > 6 or not query:
        return say(words.say("This button is too old. /paper searches again."), private=True)
    return _results(context, words, query, int(offset))


def _results(context: Context, words: Words, text: str, offset: int) -> Reply:
    query = parse(text)
    context.index.follow()
    hits, total = context.index.search(query, limit=PAGE, offset=offset)
    if not total:
        return say(
            words.say("Nothing stored matches {query}.", query=shorten(text, 200)),
            words.say("All words must occur: try fewer, or OR between them. /subscribe brings what is yet to come."),
        )
    ids = [hit.paper_id for hit in hits]
    with context.store.reading() as tx:
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    title = words.count("{n} paper for {query}", "{n} papers for {query}", total, query=shorten(text, 100))
    if total > PAGE:
        title += f" ({offset + 1}-{offset + len(hits)})"
    buttons = _turning(words, offset, total, lambda at: f"find:{at}:{text}")
    return results_page(
        words,
        title,
        [papers[i] for i in ids if i in papers],
        summaries,
        start=offset,
        buttons=(buttons,) if buttons else (),
    )


def _turning(words: Words, offset: int, total: int, action: Callable[[int], str]) -> tuple[Button, ...]:
    """Back and Next, where there is somewhere to go and the action fits a button (64 bytes)."""
    buttons = []
    if offset > 0:
        buttons.append(Button("‹ " + words.say("Back"), action(max(0, offset - PAGE))))
    if offset + PAGE < total:
        buttons.append(Button(words.say("Next") + " ›", action(offset + PAGE)))
    return tuple(button for button in buttons if len(button.action.encode()) <= 64)


def digest(context: Context, caller: Caller, argument: str) -> Reply:
    """Today's digest as a view: the latest batch against what the chat follows, or against a query."""
    words, chat, followed, on_topics = _followed(context, caller, argument)
    if not followed:
        return say(
            words.say("This chat follows nothing yet, so there is nothing to put together."),
            words.say("Try /subscribe LoRA, pick from /topics, or look once with /digest LoRA."),
        )
    return view(context, words, chat, followed, on_topics, 0)


def page(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button under a digest's view: ``offset``."""
    if not argument.isdecimal() or len(argument) > 6:
        return digest(context, caller, "")
    words, chat, followed, on_topics = _followed(context, caller, "")
    return view(context, words, chat, followed, on_topics, int(argument)) if followed else digest(context, caller, "")


def _followed(context: Context, caller: Caller, argument: str) -> tuple[Words, Chat | None, tuple[Followed, ...], bool]:
    with context.store.reading() as tx:
        chat = tx.chat(caller.address)
        words = context.words(caller, chat)
        topics = tx.topics()
        if argument:
            topic = find_topic(topics, argument)
            label = topic.name(words.language) if topic else argument.strip()
            return words, chat, (Followed(label, parse(topic.query if topic else argument)),), False
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
        return words, chat, followed_by(held, topics, words.language), True


def view(
    context: Context, words: Words, chat: Chat | None, followed: tuple[Followed, ...], turnable: bool, offset: int
) -> Reply:
    """A page of the latest batch's matches."""
    context.index.follow()
    wants = chat.wants if chat else WANTED
    size = chat.size if chat else PAGE
    with context.store.reading() as tx:
        announcements = latest(tx)
        day = day_of(context, tx, announcements, followed)
        matches = day.matches(followed, wants)
        shown = matches[offset : offset + size]
        ids = [match.paper_id for match in shown]
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    if not announcements:
        return say(words.say("No batch has come in yet. /paper searches what is stored."))
    labels = tuple(one.label for one in followed)
    on = announcements[-1].announced_on
    if not matches:
        return say(
            words.say(
                "Nothing for {topics} in the latest batch, {day}.",
                topics=words.listing([shorten(x, 60) for x in labels[:4]]),
                day=words.day(on),
            )
        )
    hit = {label for match in matches for label in match.labels}
    whole = Digest(DigestKind.PAPERS, on, matches, len(shown), tuple(x for x in dict.fromkeys(labels) if x in hit))
    blocks = [digest_heading(words, whole), *_entries(words, shown, papers, summaries, offset)]
    rest = len(matches) - offset - len(shown)
    buttons: tuple[tuple[Button, ...], ...] = ()
    if rest > 0:
        blocks.append(paragraph(italic(words.count("And {n} more.", "And {n} more.", rest))))
        if turnable:
            buttons = ((Button(words.say("Next") + " ›", f"page:{offset + size}"),),)
    return Reply(tuple(blocks), buttons)


def _entries(
    words: Words,
    matches: Sequence[Match],
    papers: Mapping[int, Paper],
    summaries: Mapping[int, Sequence[Summary]],
    offset: int,
) -> Iterator[Block]:
    for number, match in enumerate(matches, offset + 1):
        if match.paper_id in papers:
            yield entry(
                words, papers[match.paper_id], summaries.get(match.paper_id, ()), number, match.labels, match.news
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
            return say(words.say("This digest is not this chat's."), private=True)
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
    return Reply((heading(title), *_entries(words, shown, papers, summaries, offset)), buttons)
