"""Papers and tallies in the forms that scripts and other programs read: JSON values and CommonMark. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from bot.model import Paper, Summary, Tally
from bot.replies import Block, BlockKind, Reply, Span, Style


def printable(text: str) -> str:
    """Without control characters, so that a title can neither steer a terminal nor turn its text around. A tab
    becomes a space; newlines stay."""
    return "".join(
        " " if c == "\t" else c
        for c in text
        if c in "\n\t\u200c\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
    )


def tally_json(tally: Tally) -> dict[str, Any]:
    """What came of a poll or an import; ``read`` is the sum of the others, ``refused`` counted by its length."""
    return {
        "read": tally.read,
        "new": tally.new,
        "merged": tally.merged,
        "updated": tally.updated,
        "unchanged": tally.unchanged,
        "refused": [{"where": r.where, "why": r.why} for r in tally.refused],
    }


def paper_json(paper: Paper, summaries: Iterable[Summary], score: float | None = None) -> dict[str, Any]:
    """A paper for scripts; ``summaries`` by language, ``score`` only where one is given. Links are http(s)."""
    found: dict[str, Any] = {
        "id": paper.id,
        "keys": list(paper.keys),
        "title": paper.title,
        "authors": list(paper.authors),
        "categories": list(paper.categories),
        "links": [link for link in paper.links if is_web(link)],
        "summaries": {
            s.language: {"headline": s.headline, "title": s.title, "abstract": s.abstract}
            for s in sorted(summaries, key=lambda s: s.language)
        },
    }
    return found if score is None else {**found, "score": score}


_MARKDOWN = str.maketrans({c: "\\" + c for c in "\\`*_{}[]<>#|~$&!"})
_LINE_START = re.compile(r"^([-+=]|\d+(?=[.)]))", re.MULTILINE)
_UNFIT = re.compile(r"[\x00-\x20<>\\\x7f]")
"""What cannot stand between the angle brackets of a link."""


def markdown(reply: Reply) -> str:
    """The reply as CommonMark; text from outside is escaped, and links are http(s) or left out."""
    return "\n\n".join(filter(None, map(_block, reply.blocks)))


def _block(block: Block) -> str:
    if block.kind is BlockKind.CODE:
        return "\n".join(f"    {line}" for line in printable(block.text).split("\n"))
    text = "".join(_span(span, block.kind is BlockKind.HEADING) for span in block.spans)
    lines = [line.strip() for line in text.split("\n")]
    # A line of text must not begin a list, a rule or a heading; one without a word would end the paragraph.
    lines = [_LINE_START.sub(_escaped, line) for line in lines if line]
    if block.kind is BlockKind.HEADING:
        return "## " + " ".join(lines) if lines else ""
    return "  \n".join(f"> {line}" if block.kind is BlockKind.QUOTE else line for line in lines)


def _escaped(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdecimal() else f"\\{found[0]}"


def _span(span: Span, plain: bool) -> str:
    """Marks close and open again at each line's end, where Markdown would not see them through."""
    return "\n".join(_run(line, span, plain) for line in printable(span.text).split("\n"))


def _run(raw: str, span: Span, plain: bool) -> str:
    inner = raw.strip()
    if not inner:
        return raw
    at = raw.index(inner)
    text = inner.translate(_MARKDOWN)
    if is_web(span.link):
        text = f"[{text}](<{_UNFIT.sub(lambda c: f'%{ord(c[0]):02X}', span.link)}>)"
    elif span.style in (Style.BOLD, Style.ITALIC) and not plain:
        mark = "**" if span.style is Style.BOLD else "*"
        text = f"{mark}{text}{mark}"
    return raw[:at] + text + raw[at + len(inner) :]


def is_web(address: str) -> bool:
    """Whether an address may be shown as a link."""
    return address.startswith(("https://", "http://"))
