"""Papers and tallies in the forms that scripts and other programs read: JSON values and CommonMark. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.model import Paper, Summary, Tally
from bot.replies import Block, BlockKind, Reply, Style


def tally_json(tally: Tally) -> dict[str, Any]:
    return {
        "read": tally.read,
        "new": tally.new,
        "merged": tally.merged,
        "updated": tally.updated,
        "unchanged": tally.unchanged,
        "refused": [{"where": r.where, "why": r.why} for r in tally.refused],
    }


def paper_json(paper: Paper, summaries: Iterable[Summary], score: float | None = None) -> dict[str, Any]:
    """A paper for scripts."""
    found: dict[str, Any] = {
        "id": paper.id,
        "keys": list(paper.keys),
        "title": paper.title,
        "authors": list(paper.authors),
        "categories": list(paper.categories),
        "links": list(paper.links),
        "summaries": {
            s.language: {"headline": s.headline, "title": s.title, "abstract": s.abstract} for s in summaries
        },
    }
    return found if score is None else {**found, "score": score}


_MARKDOWN = str.maketrans({c: "\\" + c for c in "\\`*_{}[]<>#|~$"})


def markdown(reply: Reply) -> str:
    """The reply as CommonMark; text from outside is escaped."""

    def shown(block: Block) -> str:
        parts = []
        for span in block.spans:
            text = span.text.translate(_MARKDOWN).replace("\n", "  \n")
            if span.link:
                text = f"[{text}](<{span.link.replace('>', '%3E').replace('<', '%3C')}>)"
            elif text.strip() and span.style in (Style.BOLD, Style.ITALIC) and block.kind is not BlockKind.HEADING:
                mark = "**" if span.style is Style.BOLD else "*"
                lead, inner, tail = _trimmed(text)
                text = f"{lead}{mark}{inner}{mark}{tail}"
            parts.append(text)
        return ("## " if block.kind is BlockKind.HEADING else "") + "".join(parts)

    return "\n\n".join(shown(block) for block in reply.blocks)


def _trimmed(text: str) -> tuple[str, str, str]:
    inner = text.strip()
    at = text.index(inner)
    return text[:at], inner, text[at + len(inner) :]
