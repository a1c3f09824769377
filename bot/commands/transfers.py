"""What a chat follows, carried into another: by a code on the same instance, as JSON, and to feed readers as OPML."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlencode
from xml.sax.saxutils import quoteattr

from bot.commands.context import (
    Context,
    find_topic,
    label_of,
    note,
    query_of,
    read_query,
    require_follower,
    require_manager,
)
from bot.commands.subscriptions import MOST, held_already, written
from bot.errors import BadInput, QueryError
from bot.model import Chat, Deed, Standing, Subscription, Topic
from bot.pages import label_list, shorten
from bot.ports import Caller, Transaction
from bot.query import And, Field, Leaf, Not, Or, Query
from bot.replies import Button, File, Reply, code, paragraph, say
from bot.words import Words

KIND = "paperround subscriptions"
FILE_NAMES = {"json": "paperround-subscriptions.json", "opml": "paperround-subscriptions.opml"}
_KEY = "transfer.key"
_CODE = re.compile(r"([1-9][0-9]{0,17})-([1-9][0-9]{5})-([0-9a-f]{16})")
DAYS = 7
"""How long a code is good for."""
_ARXIV = "https://export.arxiv.org/api/query?"
"""https://info.arxiv.org/help/api/user-manual.html: an Atom feed for every query."""
_PREFIXES = {Field.ANY: "all", Field.TITLE: "ti", Field.ABSTRACT: "abs", Field.AUTHOR: "au", Field.CATEGORY: "cat"}


def export(context: Context, caller: Caller, argument: str, fresh: str) -> Reply:
    """A file of what this chat follows for the asking person, and a code that carries it into another chat. ``fresh``:
    an unguessable text, from which this instance makes its codes where it has made none yet."""
    words = context.words(caller)
    require_manager(words, caller)
    kind = argument.casefold() or "json"
    if kind not in FILE_NAMES:
        raise BadInput(words.say("Write /export for a file of subscriptions, or /export opml for feed readers."))
    with context.store.reading() as tx:
        chat, topics = tx.chat(caller.address), tx.topics()
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
    if chat is None or not held:
        return say(words.say("This chat follows nothing yet, so there is nothing to carry."))
    if kind == "opml":
        content, dropped = opml(held, topics, words.language)
        told = words.say("What this chat follows, as feeds of arXiv's own search, for any feed reader.")
        if dropped:
            told = words.sentences(
                told, words.say("arXiv's search cannot ask this: {labels}.", labels=label_list(words, dropped))
            )
    else:
        content = as_json(held, topics)
        told = words.say("What this chat follows. To follow the same in another chat with me, send there:")
    if not caller.user:
        return say(words.say("This is for one person's eyes: ask under your own name."), private=True)
    file = File(
        FILE_NAMES[kind],
        content,
        words.say("I have sent it to you alone."),
        words.say("I may not write to you in private yet: open a chat with me, press Start, and ask here again."),
    )
    blocks = [paragraph(told)]
    if kind == "json":
        blocks.append(paragraph(code(f"/import {_code(context, chat, fresh)}")))
    return Reply(tuple(blocks), private=True, file=file)


def import_(context: Context, caller: Caller, argument: str) -> Reply:
    """A code of /export, or its JSON: what would be followed, which a button does."""
    words = context.words(caller)
    if not argument:
        return say(words.say("In the chat that has them, /export gives a code; send it here: /import CODE"))
    require_follower(context, words, caller)
    with context.store.reading() as tx:
        brought = _brought(context, tx, words, argument)
        new, _ = _new(tx, caller, brought)
        topics = tx.topics()
    if not new:
        return say(words.say("This chat has all of that already."))
    labels = [label_of(one, topics, words.language) for one in new]
    told = words.count("{n} subscription is new here: {labels}.", "{n} subscriptions are new here: {labels}.",
                       len(new), labels=label_list(words, labels, 12))  # fmt: skip
    if _CODE.fullmatch(argument):
        return say(told, buttons=[[Button(words.say("Follow them"), f"import:{argument}"),
                                   Button(words.say("Cancel"), "cancel")]])  # fmt: skip
    return _taken(context, caller, brought)  # a file is too long for a button


def imported(context: Context, caller: Caller, argument: str) -> Reply:
    """The press that follows what a code stands for, as it is now."""
    words = context.words(caller)
    require_follower(context, words, caller)
    with context.store.reading() as tx:
        brought = _brought(context, tx, words, argument)
    return replace(_taken(context, caller, brought), edits=True)


def _taken(context: Context, caller: Caller, brought: Sequence[Subscription]) -> Reply:
    with context.store.transaction() as tx:
        chat = context.open_chat(tx, caller)
        words = context.words(caller, chat)
        new, held = _new(tx, caller, brought)
        room = MOST - held
        for one in new[:room]:
            made = tx.subscribe(replace(one, id=0, chat_id=chat.id, made_at=context.now()))
            note(context, tx, caller, Deed.SUBSCRIBE, after=f"{made.standing.value}: {written(made)}")
    told = words.count("{n} subscription was added.", "{n} subscriptions were added.", min(len(new), room))
    if left := len(new) - room:
        told = words.sentences(
            told,
            words.count("{n} found no room.", "{n} found no room.", left) if left > 0 else "",
        )
    return say(told, words.say("/subscriptions lists what this chat follows."))


def _new(tx: Transaction, caller: Caller, brought: Sequence[Subscription]) -> tuple[list[Subscription], int]:
    """What of it this chat has not, and how many it has."""
    chat, topics = tx.chat(caller.address), tx.topics()
    held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
    found: list[Subscription] = []
    for one in brought:
        if held_already(one, (*held, *found), topics) is None:
            found.append(one)
    return found, len(held)


def _code(context: Context, chat: Chat, fresh: str) -> str:
    """Says which chat and until when; nobody can make one who was not given it."""
    with context.store.transaction() as tx:
        key = tx.setting(_KEY)
        if not key:
            key = fresh
            tx.put_setting(_KEY, key)
    until = context.now().toordinal() + DAYS
    return f"{chat.id}-{until}-{_mark(key, chat.id, until)}"


def _mark(key: str, chat_id: int, until: int) -> str:
    return hmac.digest(key.encode(), f"subscriptions of {chat_id} until {until}".encode(), "sha256").hex()[:16]


def _brought(context: Context, tx: Transaction, words: Words, argument: str) -> list[Subscription]:
    """What a code or a file stands for, each of it asked once more whether it can be followed. Raises BadInput."""
    found = _CODE.fullmatch(argument.strip())
    if found:
        key = tx.setting(_KEY)
        chat_id, until = int(found[1]), int(found[2])
        good = key and hmac.compare_digest(_mark(key, chat_id, until), found[3])
        chat = tx.chat_by_id(chat_id) if good and context.now().toordinal() <= until else None
        if chat is None:
            raise BadInput(
                words.say("This code is unknown here, or too old. /export in the other chat gives a new one.")
            )
        return [replace(one, id=0) for one in tx.subscriptions([chat.id]).get(chat.id, ())]
    try:
        held = json.loads(argument)
        listed = held["subscriptions"] if held.get("kind") == KIND else {}
        rows = [(str(one.get("query", "")), str(one.get("topic", "")), str(one.get("standing", "followed")))
                for one in listed[:MOST]]  # fmt: skip
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise BadInput(words.say("This is neither a code nor a file of /export.")) from None
    topics = tx.topics()
    return [one for row in rows for one in _read(tx, words, topics, *row)]


def _read(tx: Transaction, words: Words, topics: Sequence[Topic], query: str, topic: str, standing: str
          ) -> Iterator[Subscription]:  # fmt: skip
    """One of a file; a topic that is not here is its query."""
    known = find_topic(topics, topic) if topic else None
    stands = next((one for one in Standing if one.value == standing), Standing.FOLLOWED)
    if known is not None:
        yield Subscription(0, 0, "", known.slug, standing=stands)
        return
    try:
        read_query(tx, query, for_subscription=True)
    except QueryError:
        raise BadInput(words.say("This cannot be followed: {query}.", query=shorten(query, 100))) from None
    yield Subscription(0, 0, query, standing=stands)


def as_json(held: Sequence[Subscription], topics: Sequence[Topic]) -> bytes:
    """Subscriptions as another instance reads them: a topic stands there with its query."""
    queries = {topic.slug: topic.query for topic in topics}
    rows = [
        {"query": one.query or queries.get(one.topic, ""), "standing": one.standing.value}
        | ({"topic": one.topic} if one.topic else {})
        for one in held
    ]
    return (json.dumps({"kind": KIND, "subscriptions": rows}, ensure_ascii=False, indent=1) + "\n").encode()


def opml(held: Sequence[Subscription], topics: Sequence[Topic], language: str) -> tuple[bytes, list[str]]:
    """OPML 2.0 (http://opml.org/spec2.opml) with a feed of arXiv's API for everything that is followed, and the labels
    of what that API cannot ask."""
    lines, dropped = [], []
    for one in held:
        query = query_of(one, topics)
        if one.standing is not Standing.FOLLOWED or query is None:
            continue
        label, asked = label_of(one, topics, language), for_arxiv(query)
        if asked is None:
            dropped.append(label)
            continue
        wanted = {"search_query": asked, "sortBy": "submittedDate", "sortOrder": "descending", "max_results": "50"}
        address = _ARXIV + urlencode(wanted)
        name = quoteattr(_for_xml(label))
        lines.append(f'  <outline type="rss" text={name} title={name} xmlUrl={quoteattr(address)}/>')
    body = "\n".join(lines)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0">\n <head><title>Paperround</title></head>\n'
    return f"{head} <body>\n{body}\n </body>\n</opml>\n".encode(), dropped


def _for_xml(text: str) -> str:
    """Without what XML 1.0 has no place for."""
    return "".join(c for c in text if c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")


def for_arxiv(query: Query) -> str | None:
    """As arXiv's API asks it; None for what it has no word for (days, kinds of news, beginnings of words, and anything
    but ASCII)."""
    match query:
        case Leaf():
            if query.field not in _PREFIXES or query.prefix or not query.text.isascii():
                return None
            text = query.text.replace('"', "")
            return f"{_PREFIXES[query.field]}:" + (f'"{text}"' if " " in text or query.quoted else text)
        case Or(parts):
            asked = [for_arxiv(part) for part in parts]
            return None if None in asked else "(" + " OR ".join(map(str, asked)) + ")"
        case And(parts):
            wanted = [for_arxiv(part) for part in parts if not isinstance(part, Not)]
            unwanted = [for_arxiv(part.part) for part in parts if isinstance(part, Not)]
            if not wanted or None in wanted or None in unwanted:
                return None
            return "(" + " AND ".join(map(str, wanted)) + "".join(f" ANDNOT {one}" for one in unwanted) + ")"
    return None
