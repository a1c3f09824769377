"""One day of papers, very many filters: ours beside a loop, SQLite FTS5, tantivy and PostgreSQL."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from time import perf_counter

import psycopg

from bot.documents import document
from bot.filters import Filters
from bot.matching import Batch
from bot.model import Paper
from bot.planning import uncollected
from bot.query import Query, parse
from tests.bench import peers
from tests.bench.library import Text, filters, is_real, texts
from tests.bench.measure import Measured, collect
from tests.databases import running_postgres

PAPERS, FILTERS, RUNS = 1_500, 1_000_000, 5


def batch_of(some: Sequence[Text]) -> Batch:
    return Batch(
        (n, document(Paper(n, (f"arxiv:{n}",), text.title, text.abstract, text.authors, text.categories)))
        for n, text in enumerate(some)
    )


def measure(folder: Path, scale: float) -> list[Measured]:
    count = max(2_000, int(FILTERS * scale))
    asked = filters(count)
    Random(2).shuffle(asked)
    day = texts()[:PAPERS]
    kind = "real" if is_real() else "generated"
    gc.collect()
    began = perf_counter()
    batch = batch_of(day)
    built = perf_counter() - began
    cold, ours = compiled(asked)
    first = _timed(lambda: ours.match(batch))
    warm = [_timed(lambda: ours.match(batch)) / count for _ in range(RUNS)]
    found = [
        collect(f"matching: {PAPERS} {kind} papers made ready", [built]),
        collect(f"matching: a filter of {count:,}, warm", warm, goal=1e-6),
        collect("matching: a filter, the day's first time", [first / count]),
        collect("matching: a filter, read and compiled", [cold / count], goal=15e-6),
        Measured("matching: memory of a filter", (memory(asked[:50_000]),), 400, "B"),
    ]
    found += _growth(ours, batch, asked, day, min(warm) * count)
    sample = [parse(text) for text in asked[:3_000]]
    answers = ours.match(batch)
    if [answers.mask(n) for n in range(len(sample))] != [batch.mask(query) for query in sample]:
        raise RuntimeError("many filters together do not answer as each alone")
    own = sorted(warm)[RUNS // 2]
    rows: list[tuple[str, float, float | None]] = [
        ("ours, one by one", per_filter(lambda query: batch.mask(query).bit_count(), sample), None),
        ("tantivy", per_filter(peers.engine(day), sample[:1_000]), 40),
        ("SQLite FTS5", per_filter(peers.fts5(day)[1], sample[:1_000]), 50),
        ("PostgreSQL tsquery", postgresql(day, sample[:400]), None),
        ("loop of substring tests", per_filter(peers.loop(day), sample[:100]), 2_500),
    ]
    for name, seconds, wanted in rows:
        found.append(collect(f"matching: a filter, {name}", [seconds]))
        found.append(Measured(f"matching: {name} / ours", (seconds / own,), wanted, "x", least=True))
    return found


def compiled(asked: Sequence[str]) -> tuple[float, Filters]:
    """Seconds to read the filters, and the filters."""
    with uncollected():  # as a plan reads them
        began = perf_counter()
        made = Filters(parse(text) for text in asked)
        return perf_counter() - began, made


def memory(asked: Sequence[str]) -> float:
    """Bytes that a filter takes."""
    queries = [parse(text) for text in asked]
    gc.collect()
    tracemalloc.start()
    made = Filters(queries)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / len(made)


def _growth(ours: Filters, batch: Batch, asked: list[str], day: Sequence[Text], whole: float) -> list[Measured]:
    _, half = compiled(asked[: len(asked) // 2])
    half.match(batch)
    fewer = min(_timed(lambda: half.match(batch)) for _ in range(RUNS))
    double = batch_of([*day, *texts()[PAPERS : 2 * PAPERS]])
    ours.match(double)
    more = min(_timed(lambda: ours.match(double)) for _ in range(RUNS))
    return [
        Measured("matching: twice the filters", (whole / fewer,), 2.1, "x"),
        Measured("matching: twice the papers", (more / whole,), 1.4, "x"),
    ]


def postgresql(day: Sequence[Text], sample: Sequence[Query]) -> float:
    """Seconds a filter through a GIN index over ``tsvector``."""
    with running_postgres() as server, psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE TABLE paper (id int, words tsvector)")
        rows = [(number, f"{text.title} {text.abstract}") for number, text in enumerate(day)]
        connection.cursor().executemany("INSERT INTO paper VALUES (%s, to_tsvector('english', %s))", rows)
        connection.execute("CREATE INDEX ON paper USING gin (words)")
        connection.execute("ANALYZE paper")
        written = [text for query in sample if (text := peers.in_tsquery(query))]
        asked = "SELECT count(*) FROM paper WHERE words @@ to_tsquery('english', %s)"
        return _timed(lambda: [connection.execute(asked, (text,)).fetchone() for text in written]) / len(written)


def per_filter(ask: Callable[[Query], int], sample: Sequence[Query]) -> float:
    for query in sample[:20]:
        ask(query)
    began = perf_counter()
    for query in sample:
        ask(query)
    return (perf_counter() - began) / len(sample)


def _timed(act: Callable[[], object]) -> float:
    began = perf_counter()
    act()
    return perf_counter() - began
