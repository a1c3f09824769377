"""A stored digest, asked for in the shell: the whole process, from the call to its end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from storage.searching import TantivyIndex
from storage.store import open_store
from tests.bench.corpus import Corpus
from tests.bench.measure import Measured, collect, timed
from tests.feeds_text import rss
from tests.program import environment

RUNS = 5
PAPERS = 1500


def measure(folder: Path) -> list[Measured]:
    corpus = Corpus(PAPERS)
    env = environment(folder)
    fill(folder / "data", corpus)
    frequent = corpus.words[40]
    found = []
    for name, arguments in (
        (f"stored digest, {PAPERS} papers, a few match", ["digest", "LoRA"]),
        (f"stored digest, {PAPERS} papers, a third matches", ["digest", frequent, "--as", "json"]),
        (f"stored digest of a topic, {PAPERS} papers", ["digest", "peft", "--language", "zh-Hans"]),
        (f"search, {PAPERS} papers", ["search", "LoRA", "--json"]),
    ):
        runs = [timed(arguments, folder, env) for _ in range(RUNS + 1)][1:]
        if any(run.status for run in runs) or "arxiv.org/abs/2504." not in runs[0].out:
            raise RuntimeError(f"{' '.join(arguments)} ended with {runs[0].status}: {runs[0].out[:500]}")
        found.append(collect(name, (run.end for run in runs), goal=1.0))
    return found


def fill(data: Path, corpus: Corpus) -> None:
    """A data folder as a poll leaves it."""
    from adapters.sources.arxiv import parse_feed

    data.mkdir(parents=True)
    now = datetime.now(UTC)
    on = datetime(2025, 4, 8, tzinfo=UTC).date()
    items = list(corpus.items())
    known = parse_feed(rss(items, on), "generated").items
    store = open_store(f"sqlite:///{data / 'paperround.db'}")
    index = TantivyIndex(data / "index", store)
    try:
        with store.transaction() as tx:
            tx.add(known, now)
        index.follow()
    finally:
        index.close()
        store.close()
