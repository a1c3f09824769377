"""What the checker refuses of 19,000 real papers' summaries, by kind, how fast, and what it finds of planted faults.

``python -m tests.bench.checking refused 100 --seed 7`` prints a sample to be read by eye; ``passed`` the other side.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from time import process_time

from bot.checking import Fault, refusals
from bot.model import Paper, SummaryText
from bot.quantities import claimed
from tests.bench.measure import Measured, collect
from tests.paths import SHARED

CORPUS = SHARED / "data" / "corpus" / "zh-summaries.jsonl.gz"
Judged = tuple[Paper, SummaryText]


def rows() -> list[dict[str, str]]:
    """The corpus as it is; empty, saying so, where it is absent."""
    if not CORPUS.exists():
        print(f"no corpus at {CORPUS}", file=sys.stderr)
        return []
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        return [{key: value or "" for key, value in json.loads(line).items()} for line in lines]


def english(row: dict[str, str]) -> str:
    """The English one-liner, whose key is misspelt in most rows."""
    return row.get("en_tdlr") or row.get("en_tldr") or ""


def summaries() -> Iterator[Judged]:
    """Every paper of the corpus with its Chinese words, and with its English headline."""
    for number, row in enumerate(rows(), 1):
        paper = Paper(number, (f"arxiv:{row['id']}",), row["title"], row["abstract"])
        parts = [row.get(key, "") for key in ("tldr", "translated_title", "translated_abstract")]
        if any(parts):
            yield paper, SummaryText("zh-Hans", *parts)
        if english(row):
            yield paper, SummaryText("en", english(row))


def is_whole(paper: Paper) -> bool:
    """Whether the abstract was not cut off, so that numbers and names are judged."""
    return len(paper.abstract) < 990 and paper.abstract.rstrip().endswith(".")


_NAME = re.compile(r"(?<![A-Za-z0-9-])[A-Z][a-z]*[A-Z][A-Za-z]{2,}(?![A-Za-z0-9-])")


def planted(good: list[Judged], random: Random) -> Iterator[tuple[str, Fault, Judged]]:
    """Good headlines with one fault put into each: another number, another paper's name, an end broken off, the first
    sentences of the abstract, another language's words."""
    names = sorted({name for _, made in good for name in _NAME.findall(made.headline)})
    for paper, made in good:
        text = made.headline
        source = f"{paper.title} {paper.abstract}"
        if numbers := [one for one in claimed(text) if re.fullmatch(r"[\d,.]+", one.written) and one.value >= 3]:
            one = random.choice(numbers)
            other = f"{one.value * random.choice((1.37, 0.61, 2.3)) + 7:.{1 if '.' in one.written else 0}f}"
            yield "another number", Fault.NUMBER, (paper, replace(made, headline=text.replace(one.written, other, 1)))
        if found := _NAME.findall(text):
            other = random.choice(names)
            if other.lower() not in source.lower():
                changed = text.replace(random.choice(found), other)
                yield "another paper's name", Fault.NAME, (paper, replace(made, headline=changed))
        if made.language == "en" and len(text) > 60:
            cut = text[: random.randrange(len(text) // 2, len(text) - 4)].rstrip(" .")
            yield "an end broken off anywhere", Fault.CUT, (paper, replace(made, headline=cut))
        elif len(text) > 30:
            yield "English for Chinese", Fault.LANGUAGE, (paper, replace(made, headline=paper.title + " made plain."))
            yield "cut with an ellipsis", Fault.CUT, (paper, replace(made, headline=text[: len(text) // 2] + "..."))


def measure(folder: Path, scale: float) -> list[Measured]:
    every = list(summaries())
    if not every:
        return []
    for paper, made in every[:50]:  # the tables of the two Chinese scripts are read once
        refusals(paper, made)
    counts: Counter[tuple[str, str]] = Counter()
    refused, good, times = 0, [], []
    for at in range(0, len(every), 1000):
        began = process_time()
        answers = [refusals(paper, made) for paper, made in every[at : at + 1000]]
        times.append((process_time() - began) / len(answers))
        for (paper, made), found in zip(every[at : at + 1000], answers, strict=True):
            counts.update((made.language, refusal.kind.value) for refusal in found)
            refused += any(refusal.kind is not Fault.LONG for refusal in found)
            if not found and is_whole(paper):
                good.append((paper, made))
    total = f"of {len(every):,}"
    results = [collect("checking: a summary takes (processor)", times, goal=0.001)]
    results.append(Measured("checking: refused for more than length", (refused,), unit=total))
    results += [
        Measured(f"checking: {kind} ({language})", (count,), unit=total)
        for (language, kind), count in sorted(counts.items(), key=lambda item: (item[0][0], -item[1]))
    ]
    tried: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    for name, fault, (paper, made) in planted(good, Random(5)):
        tried[name] += 1
        hit[name] += any(refusal.kind in (fault, Fault.COPIED) for refusal in refusals(paper, made))
    results += [
        Measured(f"checking: found of {count:,} planted: {name}", (100 * hit[name] / count,), unit="%")
        for name, count in tried.items()
    ]
    return results


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.checking", description=__doc__)
    parser.add_argument("side", choices=["refused", "passed"])
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    kept: list[tuple[Judged, str]] = []
    for judged in summaries():
        found = [refusal for refusal in refusals(*judged) if refusal.kind is not Fault.LONG]
        if bool(found) == (options.side == "refused"):
            kept.append((judged, "; ".join(f"{refusal.kind}: {refusal.why}" for refusal in found)))
    for number, ((paper, made), why) in enumerate(Random(options.seed).sample(kept, options.count), 1):
        print(f"\n{number}. {paper.key} {made.language}{' ' if why else ''}{why}")
        print(f"   {paper.title}\n   {paper.abstract}\n   = {made.headline}")
        if made.title or made.abstract:
            print(f"   = {made.title}\n   = {made.abstract}")


if __name__ == "__main__":
    main()
