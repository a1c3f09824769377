"""A day's feed, from bytes to searchable, beside feedparser's own time for the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

import feedparser

from adapters.sources.arxiv import parse_feed
from bot.documents import analyze
from bot.query import parse
from storage.searching import TantivyIndex
from storage.store import open_store
from tests.bench.library import is_real, texts
from tests.bench.measure import Measured, collect
from tests.feeds_text import paper, rss

PAPERS, RUNS = 1_500, 5


def measure(folder: Path, scale: float) -> list[Measured]:
    on = datetime(2025, 4, 8, tzinfo=UTC).date()
    items = [
        paper(f"2504.{n:05d}", text.title, text.abstract, categories=text.categories, authors=text.authors)
        for n, text in enumerate(texts()[:PAPERS], 1)
    ]
    feed = rss(items, on)
    alone, whole, ratios = [], [], []
    for number in range(RUNS + 1):
        began = perf_counter()
        feedparser.parse(feed, sanitize_html=False, resolve_relative_uris=False)
        alone.append(perf_counter() - began)
        whole.append(taken_in(folder / str(number), feed, len(items)))
        ratios.append(whole[-1] / alone[-1])
    kind = "real" if is_real() else "generated"
    return [
        collect(f"ingest: {len(feed) / 1e6:.1f} MB of {kind} feed, feedparser alone", alone[1:]),
        collect("ingest: read, stored, indexed and found", whole[1:]),
        Measured("ingest: all of it / feedparser", (median(ratios[1:]),), 4, "x"),
    ]


def taken_in(folder: Path, feed: bytes, count: int) -> float:
    folder.mkdir()
    analyze.cache_clear()  # a day's papers are new ones
    store = open_store(f"sqlite:///{folder / 'papers.db'}")
    index = TantivyIndex(folder / "index", store)
    index.follow()
    try:
        began = perf_counter()
        items = parse_feed(feed, "bench").items
        with store.transaction() as tx:
            tx.add(items, datetime.now(UTC))
        index.follow()
        _, found = index.search(parse("date:2025-04"))
        seconds = perf_counter() - began
    finally:
        index.close()
        store.close()
    if found != count:
        raise RuntimeError(f"{found} of {count} papers are found")
    return seconds
