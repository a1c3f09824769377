"""Real text for measurements: abstracts and the filters that people keep; generated where the collection is absent.

More abstracts than there are get their sentences recombined: words and their spread stay those of real text.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import NamedTuple

from bot.errors import QueryError
from bot.query import parse
from tests.bench.corpus import Corpus
from tests.paths import SHARED

_FIRST_DAY = date(2018, 1, 1)
FREQUENT = ("learning", "model", '"language model"', '"large language models"', "language model", "neural network")


class Text(NamedTuple):
    """One paper's words."""

    title: str
    abstract: str
    authors: tuple[str, ...] = ("Ada Rogers",)
    categories: tuple[str, ...] = ("cs.CL",)
    day: date = _FIRST_DAY


@cache
def texts() -> tuple[Text, ...]:
    """Every abstract there is, in a fixed random order."""
    path = SHARED / "data" / "corpus" / "arxiv-metadata.jsonl.gz"
    if not path.is_file():
        return tuple(Text(title, abstract) for title, abstract in Corpus(3_000).texts)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    Random(1).shuffle(rows)
    return tuple(
        Text(row["title"], row["abstract"], tuple(_listed(row["authors"]))[:8], tuple(_listed(row["categories"])))
        for row in rows
    )


def is_real() -> bool:
    return (SHARED / "data" / "corpus" / "arxiv-metadata.jsonl.gz").is_file()


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else str(value).split()


def many(count: int) -> Iterator[Text]:
    """``count`` papers over eight years: the real ones first, then recombined sentences of them."""
    known, random = texts(), Random(3)
    sentences = [s for text in known for s in re.split(r"(?<=[.!?])\s+", text.abstract)]
    for number in range(count):
        day = _FIRST_DAY + timedelta(days=number % 2_900)
        if number < len(known):
            yield known[number]._replace(day=day)
            continue
        one, other = random.choice(known), random.choice(known)
        title = " ".join([*one.title.split()[:5], *other.title.split()[-5:]])
        yield Text(title, " ".join(random.choices(sentences, k=8)), one.authors, other.categories, day)


@cache
def kept_by_people() -> tuple[str, ...]:
    """Filters that people keep, those that parse."""
    folder = SHARED / "data" / "corpus"
    lines: list[str] = []
    if (folder / "interest-queries.txt").is_file():
        lines += (folder / "interest-queries.txt").read_text(encoding="utf-8").splitlines()
        for topic in json.loads((folder / "topic-filters.json").read_text(encoding="utf-8")):
            lines += topic["filters"]
    return tuple(dict.fromkeys(line for line in lines if _parses(line)))


def _parses(line: str) -> bool:
    try:
        parse(line)
    except QueryError:
        return False
    return True


def filters(count: int, seed: int = 1) -> list[str]:
    """Distinct filters: those that people keep, then words, phrases, OR, NOT, fields and categories of real text."""
    random = Random(seed)
    words: list[list[str]] = [re.findall(r"[A-Za-z][A-Za-z]+", f"{text.title} . {text.abstract}") for text in texts()]
    words = [some for some in words if len(some) > 8]
    categories = sorted({c for text in texts() for c in text.categories if re.fullmatch(r"[a-z-]+\.[A-Za-z-]+", c)})

    def leaf() -> str:
        some, kind = random.choice(words), random.random()
        if kind < 0.6:
            said = random.choice(some)
        elif kind < 0.95:
            length = 2 if kind < 0.85 else 3
            at = random.randrange(len(some) - length)
            said = f'"{" ".join(some[at : at + length])}"'
        else:
            return f"cat:{random.choice(categories)}"
        return f"{random.choice(('ti:', 'abs:'))}{said}" if random.random() < 0.15 else said

    found = dict.fromkeys(kept_by_people()[:count])
    while len(found) < count:
        kind = random.random()
        if kind < 0.3:
            one = leaf()
        elif kind < 0.6:
            one = f"{leaf()} {leaf()}"
        elif kind < 0.75:
            one = f"{leaf()} OR {leaf()}"
        elif kind < 0.85:
            one = f"({leaf()} OR {leaf()}) {leaf()}"
        elif kind < 0.95:
            one = f"{leaf()} -{leaf()}"
        else:
            one = f"{leaf()} ({leaf()} OR {leaf()} OR {leaf()}) -{leaf()}"
        if _parses(one):  # an operator may stand among the words of a title
            found[one] = None
    return list(found)
