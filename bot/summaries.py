"""Which words about a paper a reader sees. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.model import LANGUAGES, Paper, Summary
from bot.scripts import convert, language_of
from bot.telling import telling_sentence
from bot.text import readable

_OTHER = {"zh-Hans": "zh-Hant", "zh-Hant": "zh-Hans"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What one reader is shown of a paper, TeX made readable.

    ``headline_language`` differs from the one asked for where only another language had words; ``title`` is the
    translated title, empty where the paper's own is the best there is; ``made_here``: the headline is a sentence taken
    out of an abstract. ``headline_from`` and ``title_from`` are the language that the text was converted from, empty
    where it is shown as it was written. Languages are empty where their text is.
    """

    headline: str = ""
    title: str = ""
    headline_language: str = ""
    title_language: str = ""
    made_here: bool = False
    headline_from: str = ""
    title_from: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, its language, and the language that it was converted from; each may be empty."""

    text: str = ""
    language: str = ""
    source: str = ""


def best_summary(summaries: Sequence[Summary], language: str, paper: Paper, accepts: Sequence[str] = ()) -> Shown:
    """The words for a reader of ``language`` who ``accepts`` others, chosen field by field.

    Each field goes down one chain: that language, for Chinese the other script converted, the accepted languages in
    their order, English; and what there is in any other language before nothing at all. In each language a headline
    stands before a sentence of an abstract, and the paper's own words count as words in theirs.
    """
    stored, wanted, chain = _chain(summaries, language, accepts)
    headline, made_here = _headline(stored, paper, chain)
    title = _field(stored, "title", paper.title, wanted)
    return Shown(headline.text, title.text, headline.language, title.language, made_here, headline.source, title.source)


def best_abstract(summaries: Sequence[Summary], language: str, paper: Paper, accepts: Sequence[str] = ()) -> Passage:
    """The stored abstract for that reader by the same chain, TeX made readable; nothing where the paper's own is the
    best there is."""
    stored, _, chain = _chain(summaries, language, accepts)
    return _field(stored, "abstract", paper.abstract, chain)


def _chain(
    summaries: Sequence[Summary], language: str, accepts: Sequence[str]
) -> tuple[dict[str, Summary], Sequence[str], Sequence[str]]:
    """What is stored by language, the languages that the reader takes, and those with all others behind them."""
    stored = {summary.language: summary for summary in summaries}
    wanted = tuple(dict.fromkeys((language, *accepts, "en")))
    return stored, wanted, (*wanted, *(one for one in _reading_order(stored) if one not in wanted))


def _headline(stored: dict[str, Summary], paper: Paper, chain: Sequence[str]) -> tuple[Passage, bool]:
    """The first headline of the chain, and whether it is a sentence of an abstract."""
    own = language_of(paper.abstract)
    for wanted in chain:
        for headline in _in_script(stored, wanted, "headline"):
            return headline, False
        for abstract in _in_script(stored, wanted, "abstract"):
            if told := telling_sentence(abstract.text):
                return replace(abstract, text=told), True
        if own and own in (wanted, _OTHER.get(wanted)) and (told := telling_sentence(paper.abstract, paper.title)):
            return (Passage(told, own) if own == wanted else Passage(convert(told, wanted), wanted, own)), True
    told = telling_sentence(paper.abstract, paper.title)
    return (Passage(told, own), True) if told else (Passage(), False)


def _field(stored: dict[str, Summary], name: str, own: str, chain: Sequence[str]) -> Passage:
    """The first title or abstract of the chain; nothing where the paper's ``own`` comes before it."""
    own_language = language_of(own)
    for wanted in chain:
        if wanted == own_language:
            return Passage()
        for found in _in_script(stored, wanted, name):
            return replace(found, text=readable(found.text))
    return Passage()


def _reading_order(languages: dict[str, Summary]) -> list[str]:
    return sorted(languages, key=lambda name: (LANGUAGES.index(name) if name in LANGUAGES else len(LANGUAGES), name))


def _in_script(stored: dict[str, Summary], language: str, field: str) -> Iterator[Passage]:
    """A field as stored in ``language``, then as converted from the other Chinese script."""
    for source in (language, _OTHER.get(language, "")):
        text = getattr(stored[source], field) if source in stored else ""
        if text and field == "headline":
            text = readable(text)
        if text:
            yield Passage(text, language) if source == language else Passage(convert(text, language), language, source)
