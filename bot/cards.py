"""One paper, whole: its card as a platform-neutral document, and what the card's buttons carry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.keys import link_from_key, source_of
from bot.model import LANGUAGES, Paper, Summary
from bot.pages import (
    address_of,
    authors_line,
    carried,
    note,
    passage,
    proceedings_of,
    published_at,
    shorten,
    title_note,
    titled,
)
from bot.replies import Block, BlockKind, Button, Reply, Span, Style, italic, link, paragraph, plain
from bot.scripts import language_of
from bot.summaries import best_abstract, best_summary
from bot.text import readable
from bot.words import Words, language_name

_TITLE, _HEADLINE, _AUTHORS = 300, 420, 12
ROOM = 3_500
"""Characters of a card, so that it is one message on every platform."""

_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})?")
_REPOSITORY = re.compile(
    r"(?:https?://)?(?:www\.)?((?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|gitee\.com|sourceforge\.net/p|"
    r"huggingface\.co(?:/(?:datasets|spaces))?)/[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?)",
    re.ASCII,
)
_WITH_HTML = re.compile(r"arxiv:(\d{4})\.\d{5}")
_FIRST_HTML = "2312"
"""arXiv makes HTML pages of papers since December 2023: https://info.arxiv.org/about/accessible_HTML.html"""


@dataclass(frozen=True, slots=True)
class View:
    """How a card is shown: in which language (empty: the reader's own), with its abstracts open or folded."""

    language: str = ""
    opened: bool = False

    @classmethod
    def parse(cls, text: str) -> View:
        """Of what ``str`` gives; anything else is the usual view."""
        language = text.removesuffix("+")
        return cls(language if _TAG.fullmatch(language) else "", text.endswith("+"))

    def __str__(self) -> str:
        return self.language + "+" * self.opened


@dataclass(frozen=True, slots=True)
class Mark:
    """What the person who looks did with the paper: kept it, and how they voted (1, -1, 0 for not)."""

    saved: bool = False
    vote: int = 0


def card(
    words: Words,
    paper: Paper,
    summaries: Sequence[Summary],
    *,
    view: View = View(),
    back: str = "",
    mark: Mark = Mark(),
    own: str = "",
    subjects: Sequence[str] | None = None,
) -> Reply:
    """The paper with both abstracts folded, and what can be done with it. ``back`` is the action of the page it was
    opened from; ``own`` the reader's language, where ``words`` are another; ``subjects``: what it is about, in the
    reader's words; those that are stored where nobody says."""
    blocks = [*_head(words, paper, summaries, subjects)]
    room = ROOM - sum(len(block.text.encode("utf-16-le", "replace")) // 2 for block in blocks)
    abstracts = _abstracts(words, paper, summaries)
    most = max(200, room // max(1, len(abstracts)) - 40)
    folds = tuple(marked(passage(text, most), its) for text, its in abstracts.items())
    if view.opened:
        blocks += [Block((fold,), BlockKind.QUOTE) for fold in folds]
    elif folds:
        opened = carried("card", paper.id, str(replace(view, opened=True)), back)
        blocks[-1] = replace(blocks[-1], folds=folds, unfold=Button(words.say("Abstract"), opened))
    return Reply(tuple(blocks), tuple(_rows(words, paper, summaries, view, back, mark, own)))


def _head(words: Words, paper: Paper, summaries: Sequence[Summary], subjects: Sequence[str] | None) -> Iterator[Block]:
    """All but the abstracts: the translated title over the original one, the headline, who, what, when."""
    best = best_summary(summaries, words.language, paper, words.accepts)
    headed = bool(best.headline) and best.headline not in map(readable, _abstracts(words, paper, summaries))
    original = titled(paper)
    spans = [replace(original, style=Style.BOLD)]
    if best.title:
        own = Span(shorten(best.title, _TITLE), Style.BOLD)
        spans = [own, *title_note(words, best, headed), plain("\n"), original]
    yield Block(tuple(spans), BlockKind.ENTRY, paper.id)
    if headed:
        its = note(words, best.headline_language, best.headline_from)
        yield paragraph(plain(shorten(best.headline, _HEADLINE)), *its)
    told = paper.subjects if subjects is None else subjects
    told = told or next((summary.subjects for summary in summaries if summary.language == words.language), ())
    facts = [
        authors_line(words, paper, _AUTHORS),
        " · ".join(shorten(subject, 60) for subject in told[:8]),
        ", ".join(paper.categories[:8]),
        _dated(paper),
    ]
    if line := "\n".join(fact for fact in facts if fact):
        yield paragraph(italic(line))
    if published := published_at(words, paper):
        yield paragraph(link(published, link_from_key(proceedings_of(paper))))


def _dated(paper: Paper) -> str:
    on = paper.first_announced_on or paper.dated_on
    version = f"v{paper.version}" if paper.version else ""
    return " · ".join(part for part in (f"{on:%Y-%m-%d}" if on else "", version, shorten(paper.journal, 120)) if part)


def _abstracts(words: Words, paper: Paper, summaries: Sequence[Summary]) -> dict[str, list[Span]]:
    """The best for this reader first, then the original, each with its mark."""
    best = best_abstract(summaries, words.language, paper, words.accepts)
    texts = {best.text: note(words, best.language, best.source)}
    if readable(paper.abstract) not in texts:
        texts[paper.abstract] = note(words, language_of(readable(paper.abstract)))
    return {text: its for text, its in texts.items() if text.strip()}


def marked(fold: Span, note: Sequence[Span]) -> Span:
    """A fold that ends in a note of its language."""
    told = "".join(span.text for span in note)
    return replace(fold, text=fold.text + told, tex=fold.tex + told if fold.tex else "")


def _rows(
    words: Words, paper: Paper, summaries: Sequence[Summary], view: View, back: str, mark: Mark, own: str
) -> Iterator[tuple[Button, ...]]:
    def button(label: str, verb: str, shown: View = view) -> Button:
        return Button(label, carried(verb, paper.id, str(shown), back))

    ticked = {True: " ✓", False: ""}
    yield (
        button(words.say("Saved") + " ✓" if mark.saved else words.say("Save"), "save"),
        button("👍" + ticked[mark.vote > 0], "up"),
        button("👎" + ticked[mark.vote < 0], "down"),
        Button("🔇 " + words.say("Less"), f"less:{paper.id}"),
    )
    yield (
        button("BibTeX", "cite"),
        button(words.say("Similar"), "like"),
        button(words.say("Why"), "reasons"),
        Button("+ " + words.say("Follow"), f"follow-like:{paper.id}"),
    )
    turns = []
    if view.opened:
        turns.append(button(words.say("Fold"), "card", replace(view, opened=False)))
    if other := _other(words, paper, summaries, own or words.language):
        shown = "" if other == (own or words.language) else other
        turns.append(button(language_name(other), "card", View(shown, view.opened)))
    if turns:
        yield tuple(turns)
    if links := tuple(_links(words, paper)):
        yield links
    if back:
        yield (Button("‹ " + words.say("Back"), back),)


def _other(words: Words, paper: Paper, summaries: Sequence[Summary], own: str) -> str:
    """The next language that there are words in, after the one that is shown; empty where there is one alone."""
    stored = {summary.language for summary in summaries}
    if stored & {"zh-Hans", "zh-Hant"}:
        stored |= {"zh-Hans", "zh-Hant"} & {own, words.language} or {"zh-Hans"}
    have = {own, language_of(paper.abstract) or own, *stored}
    # A reader of one Chinese script wants English as the other language, and not the other script.
    if own.startswith("zh"):
        have = {one for one in have if one == own or not one.startswith("zh")}
    languages = sorted(have, key=lambda one: (LANGUAGES.index(one) if one in LANGUAGES else len(LANGUAGES), one))
    if words.language not in languages or len(languages) < 2:
        return ""
    return languages[(languages.index(words.language) + 1) % len(languages)]


def _links(words: Words, paper: Paper) -> Iterator[Button]:
    """The paper's pages, and the code where its abstract names a repository."""
    sites = {"arxiv": "arXiv", "acl": "ACL Anthology", "doi": "DOI"}
    pages = [key for key in paper.keys if link_from_key(key)][:3]
    for key in pages:
        yield Button(sites.get(source_of(key), key), link=link_from_key(key))
        made = _WITH_HTML.fullmatch(key)
        if made and made[1] >= _FIRST_HTML:
            yield Button("HTML", link=address_of(paper).replace("/abs/", "/html/", 1))
    if repository := repository_of(paper.abstract):
        yield Button(words.say("Code"), link=repository)


def repository_of(abstract: str) -> str:
    """The https address of the first repository of code that an abstract names; empty where there is none."""
    found = _REPOSITORY.search(abstract.replace(r"\_", "_"))
    return f"https://{found[1].rstrip('.-_')}" if found else ""
