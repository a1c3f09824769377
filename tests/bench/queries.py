"""Whatever can be typed, parsed or refused: random and mutated queries, the worst of them under a stopwatch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import perf_counter

from bot.errors import QueryError
from bot.query import parse
from bot.query.parser import _parsed as cached
from tests.bench.library import filters
from tests.bench.measure import Measured, collect

QUERIES = 100_000
SLOW = 0.01
_SIGNS = [*"()\"':-+*.,;!?&|^~\\/ \t\n", "“", "”", "（", "）", " OR ", " AND ", " NOT ", " ANDNOT ", "ti:", "cat:"]
_SIGNS += ["id:", "date:", "..", "is:", "topic:", "微", "量化", "\u200f", "\u202e", "\x00", "\x1b", "é", "🙂", "x", "𝒪"]


def typed(count: int) -> Iterator[str]:
    """Real filters with a few changes, signs in any order, and now and then ten thousand characters of one kind."""
    random = Random(6)
    known = filters(2_000, seed=9)
    for number in range(count):
        if number % 1_000 == 999:
            yield (random.choice(_SIGNS) + random.choice(_SIGNS)) * 5_000
            continue
        if number % 2:
            yield "".join(random.choices(_SIGNS, k=random.randint(1, 60)))
            continue
        text = list(random.choice(known))
        for _ in range(random.randint(1, 6)):
            at = random.randrange(len(text) + 1)
            text[at : at + random.randint(0, 2)] = random.choice(_SIGNS)
        yield "".join(text)


def timed(text: str) -> tuple[float, bool]:
    """Seconds it took, and whether it was refused."""
    cached.cache_clear()
    began = perf_counter()
    try:
        parse(text)
    except QueryError as error:
        if not 0 <= error.place <= len(text):
            raise RuntimeError(f"{text!r} is refused at {error.place}") from error
        return perf_counter() - began, True
    return perf_counter() - began, False


def measure(folder: Path, scale: float) -> list[Measured]:
    parse("LoRA 微调")  # the tables of the stemmer and of the two Chinese scripts are read once
    times, refused = [], 0
    for text in typed(QUERIES):
        seconds, said_no = timed(text)
        if seconds > SLOW:  # the query, or a pause of the machine?
            seconds = min(seconds, *(timed(text)[0] for _ in range(3)))
        times.append(seconds)
        refused += said_no
    times.sort()
    name = f"queries: {QUERIES:,} random and mutated queries, {refused:,} refused"
    return [
        collect(f"{name}; half take", [times[len(times) // 2]]),
        collect("queries: the slowest takes", [times[-1]], goal=0.05),
    ]
