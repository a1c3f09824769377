"""Documents of stored summaries, from files to a fresh store, beside the same through the index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from bot.cli.feeding import few_collections, keep_documents
from bot.ports import Store
from bot.tenure import INGEST, alone
from storage.searching import TantivyIndex
from storage.store import open_store
from tests.bench.corpus import Corpus
from tests.bench.measure import Measured
from tests.paths import SHARED

RUNS = 3
GOAL = 5_000.0
"""Papers a second, read and kept."""


def measure(folder: Path, scale: float) -> list[Measured]:
    found: list[Measured] = []
    for kind, documents in sources(folder).items():
        rates, indexed = [], 0.0
        for number in range(RUNS):
            place = folder / f"{len(found)}-{number}"
            place.mkdir()
            store = open_store(f"sqlite:///{place / 'papers.db'}")
            try:
                count, seconds = imported(store, documents)
                rates.append(count / seconds)
                if number == 0:
                    indexed = index_rate(store, place / "index")
            finally:
                store.close()
        found += [
            Measured(f"import: {count:,} papers of {kind}, read and kept", tuple(rates), GOAL, "papers/s", least=True),
            Measured("import: the same, taken into the index", (indexed,), None, "papers/s"),
        ]
    return found


def sources(folder: Path) -> dict[str, list[str]]:
    """What is imported, by what it is: real documents where there are some."""
    data = SHARED / "data"
    real = {"digest documents": data / "digests", "JSON Lines": data / "corpus" / "zh-summaries.jsonl.gz"}
    if all(path.exists() for path in real.values()):
        return {name: [str(path)] for name, path in real.items()}
    lines = folder / "generated.jsonl"
    with lines.open("w", encoding="utf-8") as file:
        for item in Corpus(10_000).items():
            record = {"id": item.key.partition(":")[2], "title": item.title, "abstract": item.abstract}
            for text in item.summaries:
                record |= {"tldr": text.headline, "translated_title": text.title, "translated_abstract": text.abstract}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return {"generated JSON Lines": [str(lines)]}


def imported(store: Store, documents: Sequence[str]) -> tuple[int, float]:
    """Papers read, and the seconds it took to read and keep them."""

    def now() -> datetime:
        return datetime.now(UTC)

    began = perf_counter()
    with alone(store, INGEST, "bench", now) as tenure, few_collections():
        tallies = [tally for tally, *_ in keep_documents(store, documents, tenure, now)]
    seconds = perf_counter() - began
    if refused := [one for tally in tallies for one in tally.refused]:
        raise RuntimeError(f"{len(refused)} entries were refused, the first: {refused[0].why}")
    return sum(tally.read for tally in tallies), seconds


def index_rate(store: Store, folder: Path) -> float:
    index = TantivyIndex(folder, store)
    try:
        began = perf_counter()
        with few_collections():
            return index.follow() / (perf_counter() - began)
    finally:
        index.close()
