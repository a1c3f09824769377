"""Searching: pages of what was found, in either order, narrowed by category and year, and followed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bot.commands import asked, subscriptions
from bot.commands.context import PATIENCE, Context, read_query, require_follower, searched, want
from bot.model import Paper
from bot.pages import MOST_CARRIED, results_page, shorten
from bot.ports import Caller
from bot.query import MOST_CHARACTERS, And, Field, Leaf, Query, leaves, parse
from bot.query.tree import joined
from bot.replies import BlockKind, Button, Reply, italic, paragraph, say
from bot.words import Words

FOUND = 5
"""Papers a page: what fits one message, which turns its pages in place."""
_LOOKED_AT = 200
"""Papers, the first found, whose categories and years are offered."""
_CATEGORIES, _YEARS = 4, 4


def search(context: Context, caller: Caller, text: str) -> Reply:
    """The first page, best first. What somebody looked for is kept for them, where something was found."""
    reply = results(context, caller, text, 0)
    if caller.user and reply.blocks[0].kind is BlockKind.HEADING:
        with context.store.transaction(durable=False) as tx:
            tx.note_search(caller.user, text, context.now())
    return reply


def find(context: Context, caller: Caller, argument: str, verb: str = "find") -> Reply:
    """The press of a button under results: ``offset:query``. It turns its message's pages."""
    offset, query = _read(argument)
    if not query:
        return _too_old(context.words(caller))
    return _in_place(results(context, caller, query, offset, verb))


def newest(context: Context, caller: Caller, argument: str) -> Reply:
    """As ``find``, with the newest papers first."""
    return find(context, caller, argument, "newest")


def narrow(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of Narrow: ``order:query``. The page stays; its buttons are the categories and years to choose from."""
    order, text = _read(argument)
    if not text:
        return _too_old(context.words(caller))
    verb = "newest" if order else "find"
    return _in_place(results(context, caller, text, 0, verb, narrowing=True))


def track(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of Follow this search: ``0:query``, or ``1:mark`` of a long one."""
    words = context.words(caller)
    require_follower(context, words, caller)
    form, text = _read(argument)
    query = asked.recalled(context, caller, text) if form else text
    if not query:
        return _too_old(words)
    return subscriptions.follow_query(context, caller, query)


def results(
    context: Context, caller: Caller, text: str, offset: int, verb: str = "find", narrowing: bool = False
) -> Reply:
    """A page of what matches ``text``, from ``offset`` on; ``verb``: ``find`` for the best first, ``newest``."""
    words = context.words(caller)
    with context.store.reading() as tx:
        query = read_query(tx, text)
    context.index.follow(PATIENCE)
    seen = _LOOKED_AT if narrowing else FOUND
    hits, total = searched(context, query, text, limit=seen, offset=offset, newest=verb == "newest")
    if total and not hits:
        return say(words.say("That was all of it."), private=True)
    if not total:
        return _nothing(context, caller, words, query, text)
    ids = [hit.paper_id for hit in hits]
    shown = ids[:FOUND]
    with context.store.reading() as tx:
        papers, summaries = tx.papers(ids), tx.summaries(shown)
    found = [papers[i] for i in shown if i in papers]
    want(context, words.language, found, summaries)
    title = words.count("{n} paper for {query}", "{n} papers for {query}", total, query=shorten(text, 100))
    if total > FOUND:
        title += f" ({offset + 1}-{offset + len(shown)})"
    rows = (
        _narrowings(context, caller, words, text, verb, [papers[i] for i in ids if i in papers])
        if narrowing
        else _turnings(context, caller, words, text, verb, offset, total)
    )
    here = ("narrow", int(verb == "newest")) if narrowing else (verb, offset)
    back = asked.way(context, caller, text, *here)
    page = results_page(words, title, found, summaries, start=offset, buttons=rows, back=back)
    if not narrowing:
        return page
    return replace(page, blocks=(*page.blocks, paragraph(italic(words.say("Narrow it by category or year:")))))


def _turnings(
    context: Context, caller: Caller, words: Words, text: str, verb: str, offset: int, total: int
) -> tuple[tuple[Button, ...], ...]:
    """Back and Next; the other order and Narrow; Follow."""
    pages = asked.turns(words, verb, offset, total, FOUND)
    other = ("find", words.say("Best first")) if verb == "newest" else ("newest", words.say("Newest first"))
    orders: asked.Ways = [(other[1], other[0], 0)] if total > FOUND else []
    if total > FOUND or _narrowed(text):
        orders.append((words.say("Narrow"), "narrow", int(verb == "newest")))
    made = asked.buttons(context, caller, text, [*pages, *orders])
    rows = [made[: len(pages)], made[len(pages) :], (_follow(context, caller, words, text),)]
    return tuple(row for row in rows if row)


def _follow(context: Context, caller: Caller, words: Words, text: str) -> Button:
    action = f"track:0:{text}"
    if len(action.encode()) > MOST_CARRIED:
        action = f"track:1:{asked.keep(context, caller, text)}"
    return Button(words.say("Follow this search"), action)


def _narrowings(
    context: Context, caller: Caller, words: Words, text: str, verb: str, papers: Sequence[Paper]
) -> tuple[tuple[Button, ...], ...]:
    """A row of categories, one of years, and what takes back what is chosen. Papers found count, the first of them."""
    query = parse(text)
    dated = [paper.first_announced_on or paper.dated_on for paper in papers]
    categories = Counter(category for paper in papers for category in paper.categories)
    years = Counter(on.year for on in dated if on)
    rows = [
        [(name, f"cat:{name}", Field.CATEGORY) for name, _ in categories.most_common(_CATEGORIES)],
        [(str(year), f"date:{year}", Field.DATE) for year in sorted(years, reverse=True)[:_YEARS]],
    ]
    made = []
    for row in rows:
        chosen = _chosen(query, row[0][2]) if row else None
        asking = [
            (label, _changed(query, field, typed)) for label, typed, field in row if parse(typed) not in _parts(query)
        ]
        if chosen is not None:
            asking.insert(0, (f"✕ {chosen.text}", _changed(query, chosen.field, "")))
        made.append([_asking(context, caller, label, verb, changed) for label, changed in asking if changed])
    back = asked.buttons(context, caller, text, [("‹ " + words.say("Back"), verb, 0)])
    return tuple(tuple(row) for row in (*made, back) if row)


def _asking(context: Context, caller: Caller, label: str, verb: str, text: str) -> Button:
    return asked.buttons(context, caller, text, [(label, verb, 0)])[0]


def _parts(query: Query) -> tuple[Query, ...]:
    return query.parts if isinstance(query, And) else (query,)


def _chosen(query: Query, field: Field) -> Leaf | None:
    """The category or the days that the whole query is narrowed to; never its only part."""
    parts = _parts(query)
    found = (part for part in parts if isinstance(part, Leaf) and part.field is field)
    return next(found, None) if len(parts) > 1 else None


def _narrowed(text: str) -> bool:
    query = parse(text)
    return any(_chosen(query, field) for field in (Field.CATEGORY, Field.DATE))


def _changed(query: Query, field: Field, typed: str) -> str:
    """The query with another choice of ``field``, ``typed`` or none; empty where that cannot be written."""
    chosen = _chosen(query, field)
    parts = [part for part in _parts(query) if part is not chosen]
    if typed:
        parts.append(parse(typed))
    text = str(joined(And, parts))
    return text if len(text) <= MOST_CHARACTERS else ""


def _nothing(context: Context, caller: Caller, words: Words, query: Query, text: str) -> Reply:
    """What may have been meant, or what to try; what is not there yet can be followed."""
    first = words.say("Nothing stored matches {query}.", query=shorten(text, 200))
    meant = context.index.meant(query)
    shown = str(meant) if meant is not None else ""
    if meant is not None and len(shown) <= MOST_CHARACTERS and context.index.search(meant, limit=1)[1]:
        button = asked.buttons(context, caller, shown, [(shorten(shown, 60), "find", 0)])
        return say(first, words.say("Did you mean {query}?", query=shorten(shown, 200)), buttons=[button])
    if len(_parts(query)) > 1 and not any(leaf.field is Field.NEWS for leaf in leaves(query)):
        advice = words.say(
            "All words must occur: try fewer, or OR between them. /subscribe brings what is yet to come."
        )
    else:
        advice = words.say("/subscribe brings what is yet to come.")
    return say(first, advice, buttons=[(_follow(context, caller, words, text),)])


def _in_place(reply: Reply) -> Reply:
    """What is said to one person alone takes no message's place."""
    return reply if reply.private else replace(reply, aside=True)


def _read(argument: str) -> tuple[int, str]:
    """``number:text``; the text is empty where that is no such thing."""
    number, _, text = argument.partition(":")
    return (int(number), text) if number.isdecimal() and len(number) <= 6 and text else (0, "")


def _too_old(words: Words) -> Reply:
    return say(words.say("This button is too old. /paper searches again."), private=True)
