"""Search at growing sizes: ours beside SQLite FTS5 with its rank, on real queries and frequent words."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import tantivy

from bot.model import Paper
from bot.query import Query, parse
from storage.searching.asking import Asking
from storage.searching.entries import entry, schema
from tests.bench import peers
from tests.bench.library import FREQUENT, kept_by_people, many
from tests.bench.measure import Measured, collect

SIZES = ((65_000, 10e-3), (650_000, 20e-3))
"""Papers, and the most that the 99th of a hundred queries may take."""
ARXIV, COPIES = 2_900_000, 4
"""As many as arXiv has, measured at full scale alone and beside no peer: every abstract stands there four times."""
RUNS = 5


def measure(folder: Path, scale: float) -> list[Measured]:
    found: list[Measured] = []
    for papers, goal in SIZES:
        found += at_size(folder, max(1_000, int(papers * scale)), goal)
    if scale >= 1:
        name = f"search: {ARXIV:,} papers"
        searcher, _, size = index_of(folder / "index-arxiv", ARXIV // COPIES, COPIES)
        found += [*of_queries(name, searcher, None), Measured(f"{name}, index of a paper", (size,), None, "B")]
    return found


def of_queries(name: str, searcher: Any, goal: float | None) -> list[Measured]:
    """What people ask and frequent words, and the slowest of them."""
    mix = [*kept_by_people(), *FREQUENT * 60]
    Random(4).shuffle(mix)
    queries = {text: parse(text) for text in mix}
    took = [(timed(lambda text=text: ask(searcher, queries[text])), text) for text in mix]  # type: ignore[misc]
    took.sort()
    slowest = list(dict.fromkeys(text for _, text in reversed(took)))[:3]
    return [
        collect(f"{name}, half of {len(mix):,} queries take", [took[len(took) // 2][0]]),
        collect(f"{name}, 99 of 100 queries take", [took[int(len(took) * 0.99)][0]], goal=goal),
        *(
            collect(f"{name}, slow: {text}", [timed(lambda text=text: ask(searcher, queries[text])) for _ in range(3)])  # type: ignore[misc]
            for text in slowest
        ),
    ]


def at_size(folder: Path, papers: int, goal: float) -> list[Measured]:
    name = f"search: {papers:,} papers"
    searcher, built, size = index_of(folder / f"index-{papers}", papers)
    found = [*of_queries(name, searcher, goal), collect(f"{name}, an entry is made in", [built])]
    table = peers.fts5(many(papers), folder / f"fts5-{papers}.db")[0]  # type: ignore[arg-type]
    theirs = (folder / f"fts5-{papers}.db").stat().st_size / papers
    found.append(Measured(f"{name}, index of a paper", (size,), theirs, "B"))
    for text in ("learning", "model"):
        mine = [timed(lambda text=text: ask(searcher, parse(text))) for _ in range(RUNS)]  # type: ignore[misc]
        rank = [timed(lambda text=text: ranked(table, text)) for _ in range(3)]  # type: ignore[misc]
        found.append(collect(f"{name}, {text}", mine))
        found.append(collect(f"{name}, {text}, FTS5 by rank", rank))
        ratio = sorted(rank)[1] / sorted(mine)[RUNS // 2]
        found.append(Measured(f"{name}, {text}: FTS5 / ours", (ratio,), 50, "x", least=True))
    table.close()
    return found


def index_of(folder: Path, texts: int, copies: int = 1) -> tuple[Any, float, float]:
    """(a searcher, seconds an entry took, bytes of an entry)."""
    folder.mkdir(parents=True)
    index = tantivy.Index(schema(), str(folder))
    writer = index.writer(200_000_000, 1)
    began = perf_counter()
    for number, text in enumerate(many(texts), 1):
        paper = Paper(
            number, (f"arxiv:{number}",), text.title, text.abstract, text.authors, text.categories,
            first_announced_on=text.day,
        )  # fmt: skip
        made = entry(paper, ())
        for _ in range(copies):
            writer.add_document(made)
    writer.commit()
    writer.wait_merging_threads()
    seconds = perf_counter() - began
    index.reload()
    size = sum(path.stat().st_size for path in folder.iterdir())
    return index.searcher(), seconds / (texts * copies), size / (texts * copies)


def ask(searcher: Any, query: Query) -> Any:
    """As the index itself asks: the best ten, and how many there are."""
    return searcher.search(Asking(schema(), searcher).query(query), limit=60)


def ranked(table: sqlite3.Connection, word: str) -> Sequence[Any]:
    return table.execute("SELECT rowid FROM papers WHERE papers MATCH ? ORDER BY rank LIMIT 10", (word,)).fetchall()


def timed(act: Callable[[], object]) -> float:
    began = perf_counter()
    act()
    return perf_counter() - began
