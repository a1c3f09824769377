"""What is proposed while somebody types: how an argument may go on, papers to send to another chat, a command."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from bot.commands.context import Context, find_topic, followed_by, label_of, latest_day, read_query
from bot.commands.subscriptions import kept
from bot.errors import QueryError
from bot.keys import parse_reference
from bot.model import WANTED, Chat, Paper, Summary, Topic
from bot.pages import address_of, authors_line, shorten
from bot.ports import Caller, Offer, Offers, Suggestion
from bot.query import Query, parse
from bot.replies import Block, BlockKind, Button, Reply, Span, Style, italic, link, plain
from bot.summaries import Shown, best_summary
from bot.text import readable
from bot.words import Words

MOST = 25
"""Suggestions."""
_TITLES, _RECENT, _SHOWN = 10, 8, 100
OFFERED = 20
"""Papers an answer; Telegram takes 50 (https://core.telegram.org/bots/api#answerinlinequery)."""
_DEEPEST = 200
"""How far somebody may scroll; whoever wants more searches in the chat."""
_AT_ONCE = 5
"""Seconds that an answer holds which may be another after /start."""

_MEANT = {
    "search": "paper", "find": "paper", "query": "paper", "arxiv": "paper", "follow": "subscribe", "sub": "subscribe",
    "unfollow": "unsubscribe", "list": "subscriptions", "today": "digest", "commands": "help", "lang": "language",
    "delete": "forget",
}  # fmt: skip
"""What other bots call a command."""
_NEAR = 0.6


def nearest(name: str, commands: Collection[str]) -> str:
    """The command that a mistyped one means: one that begins so, else the nearest; empty where none is near."""
    wanted = name.casefold()
    if (meant := _MEANT.get(wanted)) in commands:
        return meant or ""
    begun = [one for one in commands if len(wanted) > 2 and one.startswith(wanted)]
    if len(begun) == 1:
        return begun[0]
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    found = process.extractOne(wanted[:64], list(commands), scorer=OSA.normalized_similarity, score_cutoff=_NEAR)
    return found[0] if found else ""


def suggestions(context: Context, caller: Caller, name: str, prefix: str) -> list[Suggestion]:
    """How the argument of command ``name`` may go on; nothing for a chat that may not use this bot."""
    with context.store.reading() as tx:
        chat = tx.chat(caller.address)
        topics = tx.topics()
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
        recent = tx.searches(caller.user) if caller.user else []
    if not (context.may_start(caller) or (chat and chat.admitted)):
        return []
    language = context.words(caller, chat).language
    adopted = kept(topics)
    match name:
        case "unsubscribe":
            return _fitting(prefix, [label_of(one, topics, language) for one in held])
        case "subscribe" | "digest":
            return _fitting(prefix, [*(topic.name(language) for topic in adopted), *recent])
        case "paper":
            asked = _fitting(prefix, recent)[:_RECENT]
            found = [*asked, *_topics(prefix, adopted, language), *_titles(context, prefix)]
        case "why" | "summary":
            found = _titles(context, prefix)
        case _:
            return []
    return list({one.value: one for one in reversed(found)}.values())[::-1][:MOST]


def _fitting(prefix: str, texts: Iterable[str]) -> list[Suggestion]:
    wanted = prefix.casefold()
    return [Suggestion(text) for text in dict.fromkeys(texts) if wanted in text.casefold()][:MOST]


def _topics(prefix: str, topics: Sequence[Topic], language: str) -> list[Suggestion]:
    """As queries: a topic's name alone would be looked for as words."""
    wanted = prefix.casefold().removeprefix("topic:")
    named = ((topic, topic.name(language)) for topic in topics)
    return [Suggestion(f"topic:{topic.slug}", name) for topic, name in named if wanted in name.casefold()]


def _titles(context: Context, prefix: str) -> list[Suggestion]:
    """Papers with these words in their titles, the last perhaps begun only, by what opens them."""
    words = re.findall(r"\w+", prefix)
    if not words or parse_reference(prefix):
        return []
    *whole, last = [f"ti:{word}" for word in words]
    hits = _hits(context, " ".join([*whole, last + "*"])) or _hits(context, " ".join([*whole, last]))
    with context.store.reading() as tx:
        papers = tx.papers(hits)
    shown = [papers[i] for i in hits if i in papers]
    return [Suggestion(paper.key.removeprefix("arxiv:"), shorten(readable(paper.title), _SHOWN)) for paper in shown]


def _hits(context: Context, text: str) -> list[int]:
    try:
        return [hit.paper_id for hit in context.index.search(parse(text), limit=_TITLES)[0]]
    except QueryError:  # not a word, or the beginning of too many
        return []


def offers(context: Context, caller: Caller, text: str, offset: str) -> Offers:
    """Papers for ``text``: what it names or finds; of nothing, what their chat got last, or else what is new."""
    with context.store.reading() as tx:
        chat = tx.chat(caller.address)
    words = context.words(caller, chat)
    if not (context.may_start(caller) or (chat and chat.admitted)):
        return Offers(hint=words.say("Open the chat with me to begin"), seconds=_AT_ONCE)
    start = int(offset) if offset.isdecimal() and len(offset) < 5 else 0
    if start >= _DEEPEST:
        return Offers()
    try:
        ids, total = _sought(context, text, start) if text else _news(context, chat, start)
    except QueryError:
        return Offers(hint=words.say("This query is not finished, or has a fault"), seconds=_AT_ONCE)
    with context.store.reading() as tx:
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    shown = [papers[i] for i in ids if i in papers]
    if not shown and not start:
        return Offers(hint=words.say("Nothing stored matches; ask me in our chat"), seconds=_AT_ONCE)
    more = start + len(ids) < min(total, _DEEPEST)
    made = tuple(_offer(words, paper, summaries.get(paper.id, ())) for paper in shown)
    return Offers(made, str(start + len(ids)) if more else "")


def _sought(context: Context, text: str, start: int) -> tuple[list[int], int]:
    """Ids from ``start`` on, and how many there are. Raises QueryError."""
    key = parse_reference(text)
    with context.store.reading() as tx:
        named = tx.paper_by_key(key) if key else None
        topic = find_topic(tx.topics(), text, proposed=False)
        query: Query | None = None if named else read_query(tx, topic.query if topic else text)
    if named is not None or query is None:
        return ([named.id] if named and not start else [], 1)
    hits, total = context.index.search(query, limit=OFFERED, offset=start)
    return [hit.paper_id for hit in hits], total


def _news(context: Context, chat: Chat | None, start: int) -> tuple[list[int], int]:
    """The latest batch: what the chat follows of it, or all."""
    with context.store.reading() as tx:
        topics = tx.topics()
        held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
        followed = followed_by(held, topics, "en")
        announcements, day = latest_day(context, tx, followed)
        if followed:
            wants, since_on = (chat.wants, chat.since_on) if chat else (WANTED, None)
            matches = day.matches(followed, wants, since_on)
            ids = [match.paper_id for match in matches]
        else:
            ids = list(dict.fromkeys(one.paper_id for one in announcements))
    return ids[start : start + OFFERED], len(ids)


def _offer(words: Words, paper: Paper, summaries: Sequence[Summary]) -> Offer:
    best = best_summary(summaries, words.language, paper, words.accepts)
    said = best.headline or readable(paper.abstract)
    who = " · ".join(part for part in (authors_line(words, paper), paper.primary_category) if part)
    lines = (best.title, who, said) if best.title else (who, said)
    links = [Button(words.say("Read it"), link=address_of(paper))] if address_of(paper) else []
    return Offer(
        str(paper.id),
        shorten(readable(paper.title), 200),
        shorten("\n".join(line for line in lines if line), 250),
        Reply((_short(words, paper, best, who),), (tuple(links),) if links else ()),
    )


def _short(words: Words, paper: Paper, best: Shown, who: str) -> Block:
    """The paper in a few lines, for readers who may know nothing of this bot."""
    spans = [Span(shorten(readable(paper.title), 300), Style.BOLD, link("", address_of(paper)).link)]
    lines = [shorten(best.title, 300), shorten(best.headline, 420)]
    spans += [plain("\n" + line) for line in lines if line]
    on = paper.first_announced_on or paper.dated_on
    facts = " · ".join(part for part in (who, words.day(on, year=True) if on else "") if part)
    if facts:
        spans.append(italic("\n" + facts))
    return Block(tuple(spans), BlockKind.ENTRY, paper.id)
