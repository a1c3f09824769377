"""Which words about a paper a reader sees. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.model import LANGUAGES, Paper, Summary
from bot.scripts import convert, language_of
from bot.telling import telling_sentence
from bot.text import readable

_OTHER = {"zh-Hans": "zh-Hant", "zh-Hant": "zh-Hans"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What one reader is shown of a paper, TeX made readable.

    ``headline_language`` differs from the one asked for where only another language had words; ``title`` is the
    translated title, empty for English; ``made_here``: the headline is a sentence taken out of an abstract.
    Languages are empty where their text is.
    """

    headline: str = ""
    title: str = ""
    headline_language: str = ""
    title_language: str = ""
    made_here: bool = False


def best_summary(summaries: Sequence[Summary], language: str, paper: Paper) -> Shown:
    """The words for a reader of ``language``, chosen field by field.

    First that language, then for Chinese the other script converted, then any other language, then a sentence of
    the paper's own abstract.
    """
    stored = {summary.language: summary for summary in summaries}
    title, title_language = "", ""
    if language != "en":
        title = next(_in_script(stored, language, "title"), "")
        title_language = language if title else ""
    others = [other for other in _reading_order(stored) if other not in (language, _OTHER.get(language))]
    for wanted in (language, *others):
        for headline in _in_script(stored, wanted, "headline"):
            return Shown(headline, title, wanted, title_language)
        for abstract in _in_script(stored, wanted, "abstract"):
            if headline := telling_sentence(abstract):
                return Shown(headline, title, wanted, title_language, made_here=True)
    headline = telling_sentence(paper.abstract, paper.title)
    headline_language = language_of(paper.abstract) if headline else ""
    if headline and headline_language == _OTHER.get(language):
        headline, headline_language = convert(headline, language), language
    return Shown(headline, title, headline_language, title_language, made_here=bool(headline))


def abstract_in(summaries: Sequence[Summary], language: str) -> str:
    """The stored abstract for a reader of ``language``, for Chinese also the other script's converted, TeX made
    readable; empty where there is none."""
    stored = {summary.language: summary for summary in summaries}
    return readable(next(_in_script(stored, language, "abstract"), ""))


def _reading_order(languages: dict[str, Summary]) -> list[str]:
    return sorted(languages, key=lambda name: (LANGUAGES.index(name) if name in LANGUAGES else len(LANGUAGES), name))


def _in_script(stored: dict[str, Summary], language: str, field: str) -> Iterator[str]:
    """A field as stored in ``language``, then as converted from the other Chinese script."""
    for source in (language, _OTHER.get(language, "")):
        text = getattr(stored[source], field) if source in stored else ""
        if text and field != "abstract":
            text = readable(text)
        if text:
            yield text if source == language else convert(text, language)
