"""Cleaning of what documents hold: one entry's raw fields in, a FeedItem out.

The faults are those met in published summaries: announcement heads, arXiv's old title endings, label prefixes, texts in
the wrong language, cut-off ends and the refusals of language models.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from bot.checking import CUT, HEAD, REFUSAL, SECOND_SUMMARY, TEMPLATE, TITLE_END, without_labels
from bot.keys import key_from_link, link_from_key, parse_reference
from bot.model import FeedItem, Kind, SummaryText
from bot.scripts import is_chinese, language_of

MAX_TITLE = 2_000
MAX_TEXT = 50_000
"""Characters. Nothing real comes near; what is longer is no title and no abstract."""

MAX_LINKS, MAX_LINK = 20, 1_000
"""Further links of a paper, and characters of one."""

_LINK = re.compile(r"https?://[!-~]+")
_CATEGORIES = re.compile(r"[,;\s]+")
_CATEGORY = r"[a-z][a-z-]*(?:\.[A-Za-z][A-Za-z-]+)?"
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff]")
_VERSION = re.compile(r"[^\s/]*(?:/\d+)?v(\d{1,3})\s*")
_CUT_ENDS = ("…", "...", "。。。")
_SHAPED = re.compile(_CATEGORY)
_SUBJECTS = re.compile(r"，|、|,\s+")
_WRAPPED = re.compile(r"""《([^《》]*)》|“([^“”]*)”|"([^"]*)"|「([^「」]*)」""")


class Unusable(ValueError):
    """An entry without an id or a title; ``str(error)`` says what is missing."""


@dataclass(slots=True)
class Entry:
    """The raw fields of one entry, an empty string where the document has none."""

    id: str = ""
    link: str = ""
    title: str = ""
    abstract: str = ""
    translated_title: str = ""
    translated_abstract: str = ""
    headline: str = ""
    english_headline: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subjects: str = ""
    dated_on: date | None = None
    doi: str = ""
    journal: str = ""
    links: tuple[str, ...] = ()
    curated: bool = False
    summaries: tuple[SummaryText, ...] = ()
    """In place of those that the fields above make."""


@dataclass(slots=True)
class Cleaning:
    """How many fields were dropped from entries that were kept, by ``field: why``."""

    dropped: Counter[str] = field(default_factory=Counter)

    def drop(self, name: str, why: str) -> str:
        self.dropped[f"{name}: {why}"] += 1
        return ""

    def take(self) -> dict[str, int]:
        """What was counted since the last call."""
        taken, self.dropped = dict(self.dropped), Counter()
        return taken


def item_of(entry: Entry, cleaning: Cleaning) -> FeedItem:
    """The entry as a paper that is known, never news. Raises Unusable."""
    key, version = _key_of(entry)
    title = plain(entry.title)
    categories = tuple(dict.fromkeys(c for c in entry.categories if is_category(c)))
    while ending := TITLE_END.search(title):
        # What is said of another paper than this one says nothing about this one.
        if parse_reference(ending[1]) == key:
            version = version or int(ending[2])
            named = _CATEGORIES.split(ending[3] or "")
            categories = categories or tuple(dict.fromkeys(c for c in named if is_category(c)))
        title = _without_ending(title, ending)
    if not title:
        raise Unusable("has no title")
    if len(title) > MAX_TITLE:
        raise Unusable(f"has a title of {len(title)} characters; at most {MAX_TITLE} are taken")
    abstract = _sized("abstract", plain(entry.abstract), cleaning)
    if (head := HEAD.match(abstract)) and parse_reference(head[1]) == key:
        version = int(head[2])
    abstract = without_labels(abstract)
    return FeedItem(
        key=key,
        kind=Kind.KNOWN,
        title=title,
        abstract=abstract,
        version=version,
        authors=tuple(name for name in map(plain, entry.authors) if name),
        categories=categories,
        announced_on=entry.dated_on,
        doi=plain(entry.doi)[:MAX_LINK],
        journal=plain(entry.journal)[:MAX_LINK],
        links=_links(key, entry.links),
        subjects=tuple(dict.fromkeys(s for s in map(str.strip, _SUBJECTS.split(plain(entry.subjects))) if s)),
        summaries=summaries_of(entry, title, cleaning),
    )


def _links(key: str, links: tuple[str, ...]) -> tuple[str, ...]:
    own = link_from_key(key)
    fit = (link for link in links[:MAX_LINKS] if _LINK.fullmatch(link) and len(link) <= MAX_LINK)
    return tuple(dict.fromkeys((own, *fit))) if links else (own,)


def plain(text: str) -> str:
    """``text`` on one line, without control characters and halves of surrogate pairs."""
    if text.isprintable() and "  " not in text:  # the only white space that is printable is a space
        return text.strip(" ")
    line = " ".join(text.split())
    return line if line.isprintable() else " ".join(_UNWANTED.sub(" ", line).split())


def is_category(text: str) -> bool:
    """Whether ``text`` is shaped like ``cs.CL`` or ``hep-th``; MSC and ACM classes are not.

    https://arxiv.org/category_taxonomy
    """
    return len(text) <= 30 and _SHAPED.fullmatch(text) is not None


def _key_of(entry: Entry) -> tuple[str, int | None]:
    by_link = key_from_link(entry.link.strip()) if entry.link.strip() else ""
    if not entry.id.strip():
        if not by_link:
            raise Unusable("has no id, and no link to arxiv.org or aclanthology.org")
        return by_link, None
    key = parse_reference(entry.id)
    if key is None:
        raise Unusable(f"has an id that is neither arXiv's nor the Anthology's: {entry.id[:40]!r}")
    if by_link and by_link != key:
        raise Unusable(f"names {key} by its id and {by_link} by its link")
    version = _VERSION.fullmatch(entry.id) if key.startswith("arxiv:") else None
    return key, int(version[1]) if version else None


def _without_ending(title: str, ending: re.Match[str]) -> str:
    # arXiv put ". " between the title and the brackets.
    kept = title[: ending.start()].rstrip()
    if kept.endswith(("。", ".")) and not kept.endswith(".."):
        kept = kept[:-1].rstrip()
    return (kept + title[ending.end() :]).strip()


def _sized(name: str, text: str, cleaning: Cleaning) -> str:
    return cleaning.drop(name, "too long") if len(text) > MAX_TEXT else text


def summaries_of(entry: Entry, title: str, cleaning: Cleaning) -> tuple[SummaryText, ...]:
    """The words about a paper of this title. What is cleaned once is clean: the same words give the same again."""
    origin = "curated" if entry.curated else "document"
    if entry.summaries:
        return tuple(
            SummaryText(
                given.language,
                _sized("headline", plain(given.headline), cleaning),
                _sized("translated title", plain(given.title), cleaning),
                _sized("translated abstract", plain(given.abstract), cleaning),
                origin if entry.curated else given.origin,
            )
            for given in entry.summaries
        )

    def translated(text: str) -> str:
        text = _translated("translated title", text, cleaning)
        if ending := TITLE_END.search(text):
            text = _without_ending(text, ending)
        wrapped = _WRAPPED.fullmatch(text)
        return (next(filter(None, wrapped.groups()), "") if wrapped else "") or text

    def headline(text: str) -> str:
        return _headline("headline", _translated("headline", text, cleaning), cleaning)

    def english(text: str) -> str:
        text = _headline("English headline", _checked("English headline", text, cleaning), cleaning)
        return cleaning.drop("English headline", "not in English") if is_chinese(text) else text

    name = _settled(translated, entry.translated_title)
    name = "" if name == title else name
    abstract = _settled(lambda text: _translated("translated abstract", text, cleaning), entry.translated_abstract)
    told, told_in_english = _settled(headline, entry.headline), _settled(english, entry.english_headline)
    summaries = []
    if name or abstract or told:
        language = language_of(f"{name}\n{told}\n{abstract[:200]}")
        summaries.append(SummaryText(language, told, name, abstract, origin))
    if told_in_english:
        summaries.append(SummaryText("en", told_in_english, origin=origin))
    return tuple(summaries)


def _settled(clean: Callable[[str], str], text: str) -> str:
    while (cleaner := clean(text)) != text:
        text = cleaner
    return text


def _translated(name: str, raw: str, cleaning: Cleaning) -> str:
    text = _checked(name, raw, cleaning)
    if text and not is_chinese(text):
        return cleaning.drop(name, "not in Chinese")
    return text


def _checked(name: str, raw: str, cleaning: Cleaning) -> str:
    text = _sized(name, plain(raw), cleaning)
    if not text:
        return cleaning.drop(name, "empty") if raw else ""
    text = without_labels(text)
    if TEMPLATE.fullmatch(text):
        return cleaning.drop(name, "a template that was never filled")
    if REFUSAL.match(text):
        return cleaning.drop(name, "a model's refusal")
    return text or cleaning.drop(name, "empty")


def _headline(name: str, text: str, cleaning: Cleaning) -> str:
    if "英文" in text or "nglish" in text:
        text = SECOND_SUMMARY.sub("", text).rstrip()
    # Looking at the end first: the pattern would look at every full stop.
    end = text[-16:]
    return cleaning.drop(name, "cut off") if any(mark in end for mark in _CUT_ENDS) and CUT.search(end) else text
