"""Many distinct filters on one day's papers: ours beside SQLite's FTS5 and a loop of substring tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from bot.matching import Batch, Document
from bot.query import parse
from tests.bench.corpus import Ask, Corpus
from tests.bench.measure import Measured, collect

PAPERS, FILTERS, LOOPED, RUNS = 1500, 4000, 60, 5


def measure(folder: Path) -> list[Measured]:
    corpus = Corpus(PAPERS)
    asks = corpus.asks(FILTERS)
    began = perf_counter()
    batch = Batch((n, Document((title,), (text,))) for n, (title, text) in enumerate(corpus.texts))
    built = perf_counter() - began
    queries = {ask: parse(ask.ours) for ask in asks}
    spaced = [f" {title} | {text} " for title, text in corpus.texts]
    table = sqlite3.connect(":memory:")
    table.execute("CREATE VIRTUAL TABLE papers USING fts5(title, text)")
    table.executemany("INSERT INTO papers(rowid, title, text) VALUES (?, ?, ?)", rows(corpus))
    table.execute("INSERT INTO papers(papers) VALUES ('optimize')")

    def ours(ask: Ask) -> list[int]:
        return batch.match(queries[ask])

    def fts5(ask: Ask) -> list[int]:
        return [n for (n,) in table.execute("SELECT rowid FROM papers WHERE papers MATCH ?", (ask.fts5,))]

    def loop(ask: Ask) -> list[int]:
        return [n for n, text in enumerate(spaced) if ask.holds(text)]

    for ask in asks[:LOOPED]:
        if not ours(ask) == sorted(fts5(ask)) == loop(ask):
            raise RuntimeError(f"the peers do not agree on {ask.ours}")
    found = [
        collect(f"matcher: {PAPERS} papers made ready", [built]),
        collect("matcher: a filter, ours", [per_filter(ours, asks) for _ in range(RUNS)]),
        collect("matcher: a filter, SQLite FTS5", [per_filter(fts5, asks) for _ in range(RUNS)]),
        collect("matcher: a filter, loop of substrings", [per_filter(loop, asks[:LOOPED]) for _ in range(3)]),
    ]
    table.close()
    return found


def rows(corpus: Corpus) -> list[tuple[int, str, str]]:
    return [(n, title, text) for n, (title, text) in enumerate(corpus.texts)]


def per_filter(ask_one: Callable[[Ask], list[int]], asks: Sequence[Ask]) -> float:
    """Mean seconds a filter."""
    began = perf_counter()
    for ask in asks:
        ask_one(ask)
    return (perf_counter() - began) / len(asks)
