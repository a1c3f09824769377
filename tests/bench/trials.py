"""Dry runs, as somebody waits for them in a chat: the whole answer, of what people follow and of frequent words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from time import perf_counter

from bot.model import FeedItem, Kind
from tests.bench.library import FREQUENT, kept_by_people, many
from tests.bench.measure import Measured, collect
from tests.desks import OWNER, Front

PAPERS = 65_000
"""Announced over a year, 1,250 a week."""
GOAL = 0.3
LAST = date(2025, 4, 8)


def measure(folder: Path, scale: float) -> list[Measured]:
    papers = max(1_000, int(PAPERS * scale))
    front = Front(folder, digest_size=20)
    try:
        items = announced(papers)
        while some := list(islice(items, 5_000)):
            front.announce(some)
        front.topics()
        front.index.follow()
        name = f"dry run, {papers:,} papers"
        lines = [f"/subscribe {text}" for text in (*FREQUENT, *kept_by_people()[:100])]
        took = sorted(asked(front, line) for line in lines)
        return [
            collect(f"{name}, half of {len(took)} take", [took[len(took) // 2]]),
            collect(f"{name}, the slowest", took[-3:], goal=GOAL),
            collect(f"{name}, the catalogue", [asked(front, "/subscribe") for _ in range(3)], goal=GOAL),
        ]
    finally:
        front.close()


def announced(count: int) -> Iterator[FeedItem]:
    for number, text in enumerate(many(count)):
        on = LAST - timedelta(days=number * 365 // count)
        key = f"arxiv:{2401 + number // 90_000:04}.{number % 90_000 + 1:05}"
        yield FeedItem(
            key=key, title=text.title, abstract=text.abstract, authors=text.authors, categories=text.categories,
            kind=Kind.NEW, announced_on=on,
        )  # fmt: skip


def asked(front: Front, line: str) -> float:
    """Seconds that a proposal takes."""
    begun = perf_counter()
    reply = asyncio.run(front.desk.answer(OWNER, line[1:].partition(" ")[0], line.partition(" ")[2]))
    took = perf_counter() - begun
    if not reply.buttons and not reply.private:
        raise RuntimeError(f"{line}: {reply.text[:200]}")
    return took
