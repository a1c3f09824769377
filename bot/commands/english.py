"""The English words for Chinese ones, where no model writes Chinese about new papers: from the catalogue's topics, and
from stored papers that have words in both languages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from bot.commands.context import Context, searched
from bot.errors import QueryError
from bot.model import Topic
from bot.pages import shorten
from bot.query import Query, parse
from bot.replies import Block, code, paragraph, plain
from bot.text import readable
from bot.wants import chinese_words
from bot.words import Words

_WORD = re.compile(r"[A-Za-z][A-Za-z-]{3,30}")
_LOOKED_AT, _FEWEST = 40, 4
"""Papers with a Chinese word that are looked at, and how many there must be to tell anything."""
_SHARE, _LIFT = 0.4, 4.0
"""An English word means it that stands in such a part of them, and so much more often than in all papers."""
_CANDIDATES, _OFFERED = 12, 3


def english_hint(context: Context, words: Words, queries: Sequence[Query], topics: Sequence[Topic]) -> list[Block]:
    """What to tell somebody who follows Chinese words; nothing where a model makes Chinese summaries."""
    asked = list(dict.fromkeys(word for query in queries for word in chinese_words(query)))
    if not asked or context.config.summaries.url:
        return []
    said = words.say(
        "New papers come in English, and no model writes Chinese about them here: {words} will hardly find them.",
        words=words.listing([shorten(word, 30) for word in asked[:5]]),
    )
    offered = list(dict.fromkeys(one for word in asked[:5] for one in english_for(context, word, topics)))
    if not offered:
        return [paragraph(words.sentences(said, words.say("Follow the English words beside them.")))]
    shown = [span for one in offered[:_OFFERED] for span in (plain(" · "), code(f"/subscribe {one}"))][1:]
    return [paragraph(plain(words.sentences(said, words.say("In English:")) + "\n"), *shown)]


def english_for(context: Context, word: str, topics: Sequence[Topic]) -> list[str]:
    """Queries in English for a Chinese word, the likeliest first; empty where nothing stored tells."""
    named = [t.query for t in topics for language, name in t.names if language != "en" and word in name]
    return list(dict.fromkeys(named)) or _from_papers(context, word)


def _from_papers(context: Context, word: str) -> list[str]:
    try:
        query = parse(word)
        hits, _ = searched(context, query, word, limit=_LOOKED_AT)
    except QueryError:
        return []
    with context.store.reading() as tx:
        papers = tx.papers(hit.paper_id for hit in hits)
        stored = tx.counts()["papers"]
    if len(papers) < _FEWEST:
        return []
    standing = Counter(
        found
        for paper in papers.values()
        for found in {one.casefold() for one in _WORD.findall(readable(f"{paper.title} {paper.abstract}"))}
    )
    likely: list[tuple[float, str]] = []
    for candidate, here in standing.most_common(_CANDIDATES * 5):
        if here / len(papers) < _SHARE:
            break
        try:
            _, everywhere = searched(context, parse(candidate), candidate, limit=1)
        except QueryError:
            continue
        lift = (here / len(papers)) / max(everywhere / max(stored, 1), 1e-9)
        if lift >= _LIFT:
            likely.append((lift * here, candidate))
    return [candidate for _, candidate in sorted(likely, reverse=True)[:1]]
