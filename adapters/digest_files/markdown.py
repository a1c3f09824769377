"""The three layouts of Markdown documents. Each is read whole or not at all: DocumentError names the line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NoReturn
from urllib.parse import unquote

from adapters.digest_files.fields import Cleaning, Entry, Unusable, item_of, plain
from bot.checking import without_labels
from bot.errors import DocumentError
from bot.keys import key_from_link
from bot.model import FeedItem
from bot.scripts import is_chinese

Reader = Callable[[Sequence[str], str, Cleaning], list[FeedItem]]

_LINKED = r"\[(?P<title>.*?)\]\((?P<link>https?://[^\s()]+)\)"
_REFERENCES = re.compile(r"\|\s*Ref\s*\|\s*Title\s*\|\s*Summary\s*\|\s*", re.IGNORECASE)
_REFERENCE = re.compile(rf"\|\s*\[\^(?P<number>\d{{1,6}})\]\s*\|\s*{_LINKED}\s*\|(?P<headline>.*)\|\s*")
_NOTE = re.compile(r"\[\^(?P<number>\d{1,6})\]:(?P<rest>.*)")
_LINK_LINE = re.compile(r"\[?(?P<link>https?://[^\s()\[\]]+)\]?(?:\((?P<target>https?://[^\s()]+)\))?")
_MONTHLY = re.compile(
    r"\|\s*(?:日期|Date)\s*\|\s*(?:名[稱称]|[標标][題题]|Title|Name)\s*\|\s*(?:摘要|Summary|Abstract)\s*\|\s*"
    r"(?:主[題题]|Topics?|Subjects?)\s*\|\s*",
    re.IGNORECASE,
)
_DATED = re.compile(
    rf"\|(?P<date>[^|]*)\|\s*{_LINKED}\s*\|(?P<abstract>.*)(?<!\\)\|(?P<subjects>(?:[^|]|(?<=\\)\|)*)(?<!\\)\|\s*"
)
_DATE = re.compile(r"(\d{4})\s*[年/.-]\s*(\d{1,2})\s*[月/.-]\s*(\d{1,2})\s*日?")
_SEPARATOR = re.compile(r"\|(?:\s*:?-+:?\s*\|)+\s*")
_PAPER_LIST = re.compile(r"#\s*PaperSummary\s*", re.IGNORECASE)
_RULE = re.compile(r"_{3,}\s*")
_SOURCE = re.compile(r"(?:原文|Link|Original|Source)\s*[:：]\s*(?P<link>.*)", re.IGNORECASE)
_ABSTRACT = re.compile(r"###\s*(?:abstract|摘要)\s*", re.IGNORECASE)


_LINK_START = re.compile(r"\](\\*)\(")
_LINK_ESCAPED = re.compile(r"\]\\(\\*)\(")
_RULE_ESCAPED = re.compile(r"\\+_{3,}")

MAX_LINE = 60_000
"""Characters; real ones have at most 3,000."""


def layout_of(lines: Sequence[str]) -> Reader | None:
    """The reader of the layout these lines are in; None for any other."""
    for line in [line for line in lines if line.strip()][:20]:
        for first, reader in (
            (_REFERENCES, read_references),
            (_MONTHLY, read_monthly),
            (_PAPER_LIST, read_paper_list),
        ):
            if first.fullmatch(line.lstrip("\ufeff")):
                return reader
    return None


@dataclass(slots=True)
class _Reference:
    line: int
    title: str
    link: str
    headline: str


def read_references(lines: Sequence[str], file: str, cleaning: Cleaning) -> list[FeedItem]:
    """A table ``| Ref | Title | Summary |`` and one note ``[^n]:`` for each reference.

    A note is translated title, title, link, headline, English headline, translated abstract and abstract, in
    paragraphs; those that are not known are left blank.
    """
    references: dict[str, _Reference] = {}
    notes: dict[str, tuple[int, list[str]]] = {}
    body: list[str] | None = None
    for number, line in enumerate(lines, 1):
        if note := _NOTE.match(line):
            if note["number"] in notes:
                _fail(f"note [^{note['number']}] stands here a second time; expected one each", file, number)
            body = [note["rest"].strip()]
            notes[note["number"]] = (number, body)
        elif body is not None:
            body.append(line.strip())
        elif row := _REFERENCE.fullmatch(line):
            if row["number"] in references:
                _fail(f"reference [^{row['number']}] stands here a second time; expected each once", file, number)
            _key(row["link"], file, number)
            references[row["number"]] = _Reference(number, row["title"], row["link"], row["headline"])
        elif line.strip() and not _is_frame(line, _REFERENCES):
            _fail("expected a row `| [^n] | [title](link) | headline |`", file, number)
    for reference, row_of in references.items():
        if reference not in notes:
            _fail(f"reference [^{reference}] has no note; expected `[^{reference}]: …` below", file, row_of.line)
    last = next(reversed(notes), "")
    items = []
    for reference, (number, note_lines) in notes.items():
        if reference not in references:
            _fail(f"note [^{reference}] has no row in the table; expected `| [^{reference}] | …`", file, number)
        entry = _entry_of_note(references[reference], note_lines, number, file, whole=reference == last)
        items.append(_item(entry, file, number, cleaning))
    return items


def _entry_of_note(row: _Reference, lines: Sequence[str], number: int, file: str, whole: bool) -> Entry:
    """``whole``: the abstract must be there, for a document that was cut off ends in a note without one."""
    parts = [" ".join(part.split()) for part in "\n".join(lines).split("\n\n")]
    link = _LINK_LINE.fullmatch(parts[2]) if len(parts) > 2 else None
    if link is None:
        _fail("expected the note's first paragraphs to be translated title, title and link", file, number)
    if _key(link["target"] or link["link"], file, number) != _key(row.link, file, row.line):
        _fail(f"the note links to another paper than line {row.line}; expected {row.link}", file, number)
    rest = parts[3:]
    if len(rest) >= 3 and all(rest[:3]) and not any(rest[3:]) and not is_chinese(rest[2]):
        # Some editors take the blank paragraph of the missing English headline away.
        rest.insert(1, "")
    # Only a note that was written to its end has blank paragraphs after an abstract that is not known.
    if whole and not (len(rest) >= 4 and any(rest[3:])) and len(rest) < 5:
        _fail("the note ends early; expected headline, translated abstract and abstract after the link", file, number)
    headline, english, translated, *abstract = [*rest, "", "", "", ""][: max(4, len(rest))]
    return Entry(
        link=_link(row.link),
        title=parts[1] or row.title,
        abstract=" ".join(abstract),
        translated_title=parts[0],
        translated_abstract=translated,
        headline=headline or (row.headline if is_chinese(row.headline) else ""),
        english_headline=english,
    )


def read_paper_list(lines: Sequence[str], file: str, cleaning: Cleaning) -> list[FeedItem]:
    """``# PaperSummary``, then a paper after each ``___``: ``## title``, ``原文：link``, ``### abstract``, text."""
    items = []
    section: list[tuple[int, str]] = []
    started = False
    for number, line in [*enumerate(lines, 1), (len(lines) + 1, "___")]:
        if not started:
            started = _PAPER_LIST.fullmatch(line.lstrip("\ufeff")) is not None
        elif not _RULE.fullmatch(line):
            if line.strip():
                section.append((number, line.strip()))
        elif section:
            items.append(_paper_of_section(section, file, cleaning))
            section = []
    return items


def _paper_of_section(section: Sequence[tuple[int, str]], file: str, cleaning: Cleaning) -> FeedItem:
    last = section[-1][0]
    (first, title), (second, link), (third, heading) = [*section, (last, ""), (last, "")][:3]
    if not title.startswith("## "):
        _fail("expected `## title` after `___`", file, first)
    source = _SOURCE.fullmatch(link)
    if source is None:
        _fail("expected `原文：link` below the title", file, second)
    _key(source["link"], file, second)
    if not _ABSTRACT.fullmatch(heading):
        _fail("expected `### abstract` below the link", file, third)
    text = " ".join(line[1:] if _RULE_ESCAPED.fullmatch(line) else line for _, line in section[3:])
    if not text:
        _fail("expected the abstract's text below `### abstract`", file, third)
    entry = Entry(link=_link(source["link"]), title=title[3:])
    _put_abstract(entry, text)
    return _item(entry, file, first, cleaning)


def read_monthly(lines: Sequence[str], file: str, cleaning: Cleaning) -> list[FeedItem]:
    """A table ``| 日期 | 名稱 | 摘要 | 主題 |`` of rows ``| date | [title](link) | abstract | subjects |``."""
    items = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or _is_frame(line, _MONTHLY):
            continue
        row = _DATED.fullmatch(line)
        if row is None:
            _fail("expected a row `| date | [title](link) | abstract | subjects |`", file, number)
        _key(row["link"], file, number)
        cells = {name: cell_text(text) for name, text in row.groupdict().items()}
        entry = Entry(
            link=_link(row["link"]),
            title=cells["title"],
            subjects=cells["subjects"].strip(),
            dated_on=_day(row["date"].strip(), file, number) if row["date"].strip() else None,
        )
        _put_abstract(entry, cells["abstract"])
        items.append(_item(entry, file, number, cleaning))
    return items


def _day(text: str, file: str, line: int) -> date:
    message = f"expected a date like 2024年5月31日 or 2024-05-31, not {text[:40]!r}"
    match = _DATE.fullmatch(text)
    if match is None:
        _fail(message, file, line)
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError as error:
        raise DocumentError(message, file, line) from error


def cell(text: str) -> str:
    """A text for a cell of a table: no bar ends it, and a title in brackets is not ended by what looks like a link."""
    return _LINK_START.sub(r"]\\\1(", text).replace("|", "\\|")


def cell_text(written: str) -> str:
    """The counterpart of ``cell``."""
    return _LINK_ESCAPED.sub(r"]\1(", written.replace("\\|", "|"))


def link_text(link: str) -> str:
    """A link as it can stand between the brackets of Markdown."""
    return "".join(f"%{ord(c):02X}" if c in "()[]<>%" or not "!" <= c <= "~" else c for c in link)


def _link(written: str) -> str:
    # Only a DOI holds signs that are escaped.
    return unquote(written) if "%" in written else written


def _put_abstract(entry: Entry, text: str) -> None:
    if not is_chinese(without_labels(plain(text))):
        entry.abstract = text
    else:
        entry.translated_abstract = text


def _is_frame(line: str, header: re.Pattern[str]) -> bool:
    bare = line.lstrip("\ufeff")
    return bare.startswith("#") or header.fullmatch(bare) is not None or _SEPARATOR.fullmatch(bare) is not None


def _key(link: str, file: str, line: int) -> str:
    key = key_from_link(_link(link.strip()))
    if not key:
        _fail(f"expected a link to a paper on arxiv.org or aclanthology.org, not {link[:80]!r}", file, line)
    return key


def _item(entry: Entry, file: str, line: int, cleaning: Cleaning) -> FeedItem:
    try:
        return item_of(entry, cleaning)
    except Unusable as error:
        raise DocumentError(f"the entry {error}; expected a title and a link in each", file, line) from error


def _fail(message: str, file: str, line: int) -> NoReturn:
    raise DocumentError(message, file, line)
