"""Generated papers and queries, the same for the same seed: words of our own making in a natural spread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, product
from random import Random

from bot.model import FeedItem, SummaryText
from tests.feeds_text import paper

_SYLLABLES = [c + v for c, v in product("bdfgklmnprtvz", "aou")]


def vocabulary(random: Random, size: int) -> list[str]:
    """Distinct words of two to four syllables; none has an English ending, so every peer sees the same words."""
    found: dict[str, None] = {}
    while len(found) < size:
        found["".join(random.choices(_SYLLABLES, k=random.randint(2, 4)))] = None
    return list(found)


class Corpus:
    """``count`` papers of a title and about 150 words; the *n*-th word is *n* times as rare as the first."""

    def __init__(self, count: int, seed: int = 1, words: int = 12_000) -> None:
        self.random = Random(seed)
        self.words = vocabulary(self.random, words)
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(words)))
        self.texts = [(self.some(9), self.some(self.random.randint(90, 210))) for _ in range(count)]

    def some(self, count: int) -> str:
        return " ".join(self.random.choices(self.words, cum_weights=self._weights, k=count))

    def items(self) -> Iterator[FeedItem]:
        """For a store: every third with a stored summary, every fiftieth about LoRA."""
        for number, (title, abstract) in enumerate(self.texts, 1):
            about = "LoRA for " if number % 50 == 0 else ""
            item = paper(f"2504.{number:05d}", f"{about}{title}", f"{abstract}.", categories=("cs.CL", "cs.LG"))
            if number % 3 == 0:
                summary = SummaryText("zh-Hans", "一种又快又省的方法。", "一个题目", "一段摘要。")
                item = FeedItem(**{f: getattr(item, f) for f in item.__slots__} | {"summaries": (summary,)})
            yield item

    def asks(self, count: int) -> list[Ask]:
        """Distinct random filters. Every second phrase is taken from a paper, so that it is found."""
        found: dict[Ask, None] = {}
        while len(found) < count:
            a, b, c = self.some(3).split()
            shape = self.random.choice(("word", "both", "either", "but", "phrase", "group"))
            if shape == "phrase" and self.random.random() < 0.5:
                a, b = self._neighbours()
            found[Ask(shape, a, b, c)] = None
        return list(found)

    def _neighbours(self) -> tuple[str, str]:
        words = self.random.choice(self.texts)[1].split()
        at = self.random.randrange(len(words) - 1)
        return words[at], words[at + 1]


@dataclass(frozen=True, slots=True)
class Ask:
    """One filter, in each peer's language."""

    shape: str
    a: str
    b: str
    c: str

    @property
    def ours(self) -> str:
        a, b, c = self.a, self.b, self.c
        return {
            "word": a, "both": f"{a} {b}", "either": f"{a} OR {b}", "but": f"{a} -{b}", "phrase": f'"{a} {b}"',
            "group": f"({a} OR {b}) {c}",
        }[self.shape]  # fmt: skip

    @property
    def fts5(self) -> str:
        a, b, c = self.a, self.b, self.c
        return {
            "word": a, "both": f"{a} AND {b}", "either": f"{a} OR {b}", "but": f"{a} NOT {b}", "phrase": f'"{a} {b}"',
            "group": f"({a} OR {b}) AND {c}",
        }[self.shape]  # fmt: skip

    def holds(self, text: str) -> bool:
        """By substrings of a text whose words stand between spaces; fields are kept apart by a bar."""
        a, b, c = f" {self.a} ", f" {self.b} ", f" {self.c} "
        match self.shape:
            case "word":
                return a in text
            case "both":
                return a in text and b in text
            case "either":
                return a in text or b in text
            case "but":
                return a in text and b not in text
            case "phrase":
                return f" {self.a} {self.b} " in text
        return (a in text or b in text) and c in text
