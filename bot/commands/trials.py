"""Dry runs: what a query would have brought in the last week, and narrower ones where that is far too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bot.commands.context import Context, query_of, read_query, searched
from bot.errors import QueryError
from bot.model import Chat, News, Paper, Standing, Subscription, Summary, Topic
from bot.pages import entry, shorten
from bot.ports import Transaction
from bot.query import MOST_CHARACTERS, And, Field, Leaf, Not, Or, Query, parse
from bot.replies import Block, bold, italic, paragraph, plain
from bot.words import Words

WEEK = 7
"""Days that a dry run looks back, the latest announced one among them."""
ANNOUNCED = 5
"""Of these, how many arXiv announces on."""
SHOWN = 3
_LOOKED_AT = 60
"""Papers of a dry run whose categories are counted."""


@dataclass(frozen=True, slots=True)
class Week:
    """The days of a dry run, and what a chat mutes."""

    first: date
    last: date
    muted: tuple[Query, ...] = ()

    def asked(self, query: Query, *, muted: bool = False) -> Query:
        """``query`` of what was announced in the week; with ``muted``, of what is kept away too."""
        days = Leaf(Field.DATE, ((self.first.isoformat(), self.last.isoformat()),), "")
        told = Or(tuple(Leaf(Field.NEWS, ((news.value,),), "") for news in (News.NEW, News.CROSS)))
        return And((query, days, told, *(() if muted else map(Not, self.muted))))


def week_of(tx: Transaction, chat: Chat | None = None) -> Week | None:
    """The last announced week as ``chat`` would get it; None before the first batch."""
    last = tx.latest_day()
    if last is None:
        return None
    held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat and chat.id else ()
    topics = tx.topics() if any(one.standing is Standing.MUTED for one in held) else []
    asked = [query_of(one, topics) for one in held if one.standing is Standing.MUTED]
    return Week(last - timedelta(days=WEEK - 1), last, tuple(query for query in asked if query is not None))


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a dry run: how many papers, and the best of them."""

    text: str
    total: int
    papers: tuple[Paper, ...] = ()
    summaries: tuple[tuple[int, tuple[Summary, ...]], ...] = ()


def count(context: Context, week: Week, query: Query, text: str) -> int:
    """How many papers ``query`` would have brought. Raises QueryError."""
    return searched(context, week.asked(query), text, limit=1)[1]


def try_out(context: Context, week: Week, query: Query, text: str) -> Trial | None:
    """A dry run of ``query``, written as ``text``; None where a prefix stands for more words than can be counted at
    once, though those of a day can."""
    try:
        hits, total = searched(context, week.asked(query), text, limit=SHOWN)
    except QueryError:
        return None
    ids = [hit.paper_id for hit in hits]
    with context.store.reading() as tx:
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    found = tuple(papers[i] for i in ids if i in papers)
    return Trial(text, total, found, tuple((p.id, summaries.get(p.id, ())) for p in found))


def trial_blocks(words: Words, trial: Trial | None) -> list[Block]:
    """How many, and the best of them."""
    if trial is None:
        return [paragraph(words.say("So many words begin so that what it would have brought cannot be counted."))]
    told = words.count(
        "It would have brought {n} paper in the last week.",
        "It would have brought {n} papers in the last week.",
        trial.total,
    )
    if not trial.total:
        told = words.say("It would have brought nothing in the last week.")
    summaries = dict(trial.summaries)
    blocks = [paragraph(told)]
    blocks += [entry(words, paper, summaries.get(paper.id, ()), n) for n, paper in enumerate(trial.papers, 1)]
    if rest := trial.total - len(trial.papers):
        blocks.append(paragraph(italic(words.count("And {n} more.", "And {n} more.", rest))))
    return blocks


def is_broad(trial: Trial, size: int) -> bool:
    """Whether it finds more than a week's digests of ``size`` papers hold."""
    return trial.total > size * ANNOUNCED


def broad_block(words: Words, week_total: int, trial: Trial, size: int, narrower: Sequence[Trial]) -> Block:
    """That it is far too much, and what would be less."""
    share = words.say(
        "That is {percent} % of all papers, and more than a digest of {size} a day holds.",
        percent=max(1, round(100 * trial.total / max(1, week_total))),
        size=size,
    )
    if not narrower:
        return paragraph(share)
    best = narrower[0]
    less = words.count("Narrower, with {n} paper:", "Narrower, with {n} papers:", best.total)
    return paragraph(plain(words.sentences(share, less) + "\n"), bold(shorten(best.text, 200)))


def everything(context: Context, week: Week) -> int:
    """How many papers were announced in the week."""
    whole = replace(week, muted=())
    days = Leaf(Field.DATE, ((week.first.isoformat(), week.last.isoformat()),), "")
    return context.index.search(whole.asked(days), limit=1)[1]


def narrower_than(context: Context, week: Week, text: str, total: int, aim: int) -> list[Trial]:
    """Queries that find fewer of the same papers, with how many they find; first the one nearest below ``aim``."""
    typed = parse(text)
    with context.store.reading() as tx:
        query = read_query(tx, text)
        hits, _ = searched(context, week.asked(query), text, limit=_LOOKED_AT, newest=True)
        papers = tx.papers(hit.paper_id for hit in hits)
    frequent = Counter(paper.primary_category for paper in papers.values() if paper.primary_category).most_common(2)
    held = _fields(typed)
    in_title = _in_titles(typed)
    wanted = [in_title] if in_title != typed else []
    if Field.CATEGORY not in held:
        for category, _ in frequent:
            leaf = parse(f"cat:{category}")
            wanted += [And((typed, leaf)), *([And((in_title, leaf))] if in_title != typed else [])]
    found = []
    for one in wanted:
        trial = _tried(context, week, one)
        if trial is not None and 0 < trial.total < total:
            found.append(trial)
    found = list({trial.text: trial for trial in found}.values())
    return sorted(found, key=lambda trial: (trial.total > aim, abs(aim - trial.total)))


def _tried(context: Context, week: Week, query: Query) -> Trial | None:
    text = str(query)
    if len(text) > MOST_CHARACTERS:
        return None
    try:
        with context.store.reading() as tx:
            asked = read_query(tx, text, for_subscription=True)
        return Trial(text, count(context, week, asked, text))
    except QueryError:  # what is put together may be more than a query can hold
        return None


def _in_titles(query: Query) -> Query:
    """The words that are looked for anywhere, looked for in titles; what is left out is left out anywhere."""
    match query:
        case Leaf():
            return replace(query, field=Field.TITLE) if query.field is Field.ANY else query
        case And(parts):
            return And(tuple(map(_in_titles, parts)))
        case Or(parts):
            return Or(tuple(map(_in_titles, parts)))
    return query


def _fields(query: Query) -> set[Field]:
    match query:
        case Leaf():
            return {query.field}
        case Not(part):
            return _fields(part)
    return {field for part in query.parts for field in _fields(part)}


def topic_counts(context: Context, week: Week | None, topics: Sequence[Topic]) -> dict[str, int]:
    """How many papers each topic had in the week, by slug; without those that cannot be asked."""
    found = {}
    for topic in topics if week else ():
        query = query_of(Subscription(0, 0, "", topic.slug), topics)
        if query is not None and week is not None:
            try:
                found[topic.slug] = count(context, week, query, topic.query)
            except QueryError:
                continue
    return found
