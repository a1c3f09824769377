"""Papers written as the documents that are read here: what is written gives the same papers when it is read again.

Each layout has room for some of a paper only: the reference table and the two others keep one translation, and of the
people nothing; JSON Lines keep everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from adapters.digest_files.fields import Cleaning, Entry, summaries_of
from adapters.digest_files.markdown import cell, link_text
from bot.keys import link_from_key, source_of
from bot.model import FeedItem, SummaryText
from bot.scripts import is_chinese
from bot.telling import telling_sentence

Writer = Callable[[Sequence[FeedItem], str], str]

_HEADINGS = {
    "zh-Hans": ("# 摘要", "# 详细"),
    "zh-Hant": ("# 摘要", "# 詳細"),
    "en": ("# Summary", "# Details"),
}
_MONTHLY = {
    "zh-Hans": "| 日期 | 名称 | 摘要 | 主题 |",
    "zh-Hant": "| 日期 | 名稱 | 摘要 | 主題 |",
    "en": "| Date | Title | Summary | Topics |",
}
_RULE = re.compile(r"\\*_{3,}")
_EMPTY = SummaryText("")


def write_references(items: Sequence[FeedItem], language: str = "") -> str:
    """A table of linked titles with a sentence each, and below a note for each with both titles, the sentence in
    Chinese and in English, and both abstracts. ``language``: of the headings; the papers' own unless given."""
    summary, details = _HEADINGS[language or _language(items)]
    rows, notes = [], []
    for number, item in enumerate(items, 1):
        words, english = _translation(item), _words(item, "en")
        link = link_text(_page(item))
        told = words.headline or english.headline or _sentence(item.abstract)
        rows.append(f"| [^{number}] | [{cell(item.title)}]({link}) | {cell(told)} |\n")
        paragraphs = (
            words.title, _titled(item), f"[{link}]({link})", words.headline, english.headline, words.abstract,
            item.abstract,
        )  # fmt: skip
        notes.append(f"[^{number}]: " + "\n\n    ".join(paragraphs) + "\n    \n\n")
    table = "| Ref | Title | Summary |\n| --- | --- | --- |\n" + "".join(rows)
    return f"{summary}\n\n{table}\n{details}\n\n{''.join(notes)}"


def write_list(items: Sequence[FeedItem], language: str = "") -> str:
    """``# PaperSummary``: title, link and abstract of each paper that has one; the abstract in ``language``, or in any
    translation where that is not given."""
    source = {"en": "Link: "}.get(language or _language(items), "原文：")
    parts = ["# PaperSummary\n"]
    for item in items:
        if text := abstract_of(item, language):
            text = f"\\{text}" if _RULE.fullmatch(text) else text
            parts.append(f"___\n## {_titled(item)}\n{source}{link_text(_page(item))}\n### abstract\n{text}\n")
    return "".join(parts)


def write_monthly(items: Sequence[FeedItem], language: str = "") -> str:
    """A table a month, the latest first: date, linked title, abstract and subjects."""
    spoken = language or _language(items)
    head = f"{_MONTHLY[spoken]}\n| --- | --- | --- | --- |\n"
    parts: list[str] = []
    month: tuple[int, int] | None = None
    for item in items if not language else sorted(items, key=_newest_first):
        on = item.announced_on
        before, month = month, (on.year, on.month) if on else None
        if not parts or (language and month != before):
            parts.append(head if not parts else f"\n{head}")
        day = "" if on is None else f"{on}" if spoken == "en" else f"{on.year}年{on.month}月{on.day}日"
        comma = ", " if spoken == "en" else "，"
        subjects = cell(comma.join(item.subjects))
        title = f"[{cell(_titled(item))}]({link_text(_page(item))})"
        parts.append(f"| {day} | {title} | {cell(abstract_of(item, language))} | {subjects} |\n")
    return "".join(parts) or head


def write_lines(items: Iterable[FeedItem], language: str = "") -> str:
    """JSON Lines, a paper a line, with all that is known of it; ``language`` changes nothing here."""
    return "".join(json.dumps(line_of(item), ensure_ascii=False) + "\n" for item in items)


def line_of(item: FeedItem) -> dict[str, Any]:
    """A line of JSON Lines: the keys that published files have, and others where those do not hold all."""
    source, _, name = item.key.partition(":")
    version = f"v{item.version}" if item.version and source == "arxiv" else ""
    line: dict[str, Any] = {
        "id": f"{name}{version}" if source == "arxiv" else item.key,
        "title": item.title,
        "abstract": item.abstract,
        "link": link_from_key(item.key),
        **_flat(item),
        "authors": list(item.authors),
        "categories": list(item.categories),
        "days": [item.announced_on.isoformat()] if item.announced_on else [],
        "subjects": list(item.subjects),
        "doi": item.doi,
        "journal": item.journal,
        "links": list(item.links) if item.links != (link_from_key(item.key),) else [],
    }
    return {name: value for name, value in line.items() if value or name in ("title", "abstract")}


def abstract_of(item: FeedItem, language: str = "") -> str:
    """The one text that lists and monthly tables show of a paper, in ``language`` if that is given; else what there
    is: its translation, its own abstract, its sentence."""
    words = _words(item, language) if language else _translation(item)
    if language == "en":
        return item.abstract or words.abstract or words.headline
    return words.abstract or item.abstract or words.headline


def _flat(item: FeedItem) -> dict[str, Any]:
    words, english = _translation(item), _words(item, "en")
    texts = {
        "translated_title": words.title,
        "translated_abstract": words.abstract,
        "tldr": words.headline,
        "en_tldr": english.headline,
    }
    curated = bool(item.summaries) and all(s.origin == "curated" for s in item.summaries)
    read = summaries_of(
        Entry(
            translated_title=words.title, translated_abstract=words.abstract, headline=words.headline,
            english_headline=english.headline, curated=curated,
        ),
        item.title,
        Cleaning(),
    )  # fmt: skip
    if read == item.summaries:
        return texts | {"curated": curated}
    names = ("language", "headline", "title", "abstract", "origin")
    return {"summaries": [{name: getattr(s, name) for name in names if getattr(s, name)} for s in item.summaries]}


def _titled(item: FeedItem) -> str:
    """The title, and behind it what arXiv's feeds had there until 2024 and the layouts have no other place for."""
    if not item.version or source_of(item.key) != "arxiv":
        return item.title
    categories = f" [{', '.join(item.categories)}]" if item.categories else ""
    # The reader takes one full stop away before the brackets, so that a title's own needs another.
    stop = "。" if item.title.endswith((".", "。")) else ""
    return f"{item.title}{stop} (arXiv:{item.key.partition(':')[2]}v{item.version}{categories})"


def _sentence(abstract: str) -> str:
    # A reader takes a sentence in Chinese for a stored one.
    return "" if is_chinese(sentence := telling_sentence(abstract)) else sentence


def _page(item: FeedItem) -> str:
    return link_from_key(item.key) or next(iter(item.links), "")


def _words(item: FeedItem, language: str) -> SummaryText:
    return next((one for one in item.summaries if one.language == language), _EMPTY)


def _translation(item: FeedItem) -> SummaryText:
    return next((one for one in item.summaries if one.language != "en"), _EMPTY)


def _language(items: Iterable[FeedItem]) -> str:
    """The first translation's; English where there is none."""
    found = (_translation(item).language for item in items)
    return next((language for language in found if language in _HEADINGS), "en")


def _newest_first(item: FeedItem) -> int:
    return -(item.announced_on or date.min).toordinal()


WRITERS: dict[str, Writer] = {
    "reference": write_references, "list": write_list, "monthly": write_monthly, "jsonl": write_lines,
}  # fmt: skip
"""The layouts by the names that an export gives them."""
