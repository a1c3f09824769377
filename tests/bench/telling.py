"""The telling sentence against simpler choices and a library's: ROUGE with the English one-liners of real papers.

Half of 5,000 pairs is for tuning (``python -m tests.bench.telling``), the other half is measured by the bench.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from statistics import fmean
from time import process_time
from typing import Any

from bot.checking import HEAD, TITLE_END, Fault, refusals
from bot.model import Paper, SummaryText
from bot.telling import choose, sentences_of, telling_sentence
from tests.bench.checking import english, rows
from tests.bench.measure import Measured

PAIRS = 5_000
Choice = Callable[[str, str], str]
"""A headline out of an abstract and a title."""


def pairs(test: bool) -> list[tuple[str, str, str]]:
    """(abstract, title, English one-liner) of papers drawn at random, for test or tuning; none is broken."""
    good = []
    for row in rows():
        told = english(row)
        if not told or not row["abstract"]:
            continue
        found = refusals(Paper(1, ("arxiv:0",), row["title"], row["abstract"]), SummaryText("en", told))
        if not {refusal.kind for refusal in found} - {Fault.LONG}:
            abstract, title = HEAD.sub("", row["abstract"], count=1), TITLE_END.sub("", row["title"])
            good.append((abstract, title, told))
    drawn = Random(17).sample(good, min(PAIRS, len(good)))
    return drawn[len(drawn) // 2 :] if test else drawn[: len(drawn) // 2]


class Tokenizer:
    """What sumy asks of a tokenizer, without the data of NLTK."""

    def to_sentences(self, text: str) -> tuple[str, ...]:
        return tuple(whole(text))

    def to_words(self, sentence: str) -> tuple[str, ...]:
        return tuple(word for word in sentence.lower().split() if any(map(str.isalnum, word)))


def whole(abstract: str) -> list[str]:
    """The sentences that were not cut off."""
    found = sentences_of(abstract)
    return found[:-1] if len(found) > 1 and not found[-1].rstrip("\"')").endswith((".", "!", "?")) else found


def by_sumy(name: str) -> Choice:
    """One of sumy's summarizers, one sentence, with its English stemmer and stop words."""
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
    from sumy.nlp.stemmers import Stemmer
    from sumy.summarizers.lex_rank import LexRankSummarizer
    from sumy.summarizers.text_rank import TextRankSummarizer
    from sumy.utils import get_stop_words

    summarizer: Any = {"LexRank": LexRankSummarizer, "TextRank": TextRankSummarizer}[name](Stemmer("english"))
    summarizer.stop_words = get_stop_words("english")
    tokenizer = Tokenizer()

    def choose(abstract: str, title: str) -> str:
        sentences = [Sentence(text, tokenizer) for text in tokenizer.to_sentences(" ".join(abstract.split()))]
        chosen = summarizer(ObjectDocumentModel([Paragraph(sentences)]), 1)
        return str(chosen[0]) if chosen else ""

    return choose


def choices() -> dict[str, Choice]:
    return {
        "telling sentence": telling_sentence,
        "telling sentence without the title": lambda abstract, _: telling_sentence(abstract),
        "first sentence": lambda abstract, _: whole(abstract)[0],
        "last sentence": lambda abstract, _: whole(abstract)[-1],
        "sumy LexRank": by_sumy("LexRank"),
        "sumy TextRank": by_sumy("TextRank"),
    }


def scores(choice: Choice, drawn: Iterable[tuple[str, str, str]]) -> tuple[list[float], list[float]]:
    """F1 of ROUGE-1 and of ROUGE-L, with stems, in hundredths."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rougeL"], use_stemmer=True)
    found = [scorer.score(told, choice(abstract, title)) for abstract, title, told in drawn]
    return [100 * one["rouge1"].fmeasure for one in found], [100 * one["rougeL"].fmeasure for one in found]


def measure(folder: Path, scale: float) -> list[Measured]:
    drawn = pairs(test=True)
    if not drawn:
        return []
    results = []
    means: dict[str, tuple[float, float]] = {}
    for name, choice in choices().items():
        first, longest = scores(choice, drawn)
        means[name] = fmean(first), fmean(longest)
        for kind, value in zip(("1", "L"), means[name], strict=True):
            results.append(Measured(f"telling: ROUGE-{kind} F1 of {len(drawn):,}, {name}", (value,), unit="%"))
    ours, _, *others = means.values()
    for place, kind in enumerate(("1", "L")):
        ahead = ours[place] - max(other[place] for other in others)
        results.append(Measured(f"telling: ROUGE-{kind} ahead of the best other", (ahead,), 0.0, "points", least=True))
    began = process_time()
    for abstract, title, _ in drawn:
        choose(abstract, title)
    results.append(Measured("telling: a paper takes (processor)", ((process_time() - began) / len(drawn),), 0.002))
    return results


if __name__ == "__main__":
    for name, choice in choices().items():
        first, longest = scores(choice, pairs(test=False))
        print(f"{name:36} {fmean(first):6.2f} {fmean(longest):6.2f}")
