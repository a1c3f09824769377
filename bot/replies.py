"""Platform-neutral documents: a reply is blocks of spans, and rows of buttons under them.

Text in spans is raw; each platform escapes it when it renders. A message may be split between blocks;
a block is cut only where it alone is longer than the platform allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Style(StrEnum):
    PLAIN = "plain"
    BOLD = "bold"
    ITALIC = "italic"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in one style; ``link`` is an http(s) address or empty. Newlines are kept. ``tex`` is the same text
    with its formulas as TeX, for platforms that draw those; empty where it has none."""

    text: str
    style: Style = Style.PLAIN
    link: str = ""
    tex: str = ""


class BlockKind(StrEnum):
    HEADING = "heading"
    TEXT = "text"
    ENTRY = "entry"
    """One paper of a list: a split never falls inside it while it fits a message."""
    QUOTE = "quote"
    """Long text that a reader opens (Telegram's expandable quote)."""
    CODE = "code"
    """Preformatted, fixed width: a query with a caret under the fault."""


@dataclass(frozen=True, slots=True)
class Button:
    """``action`` is what a press sends back: at most 64 bytes (Telegram's callback_data). With ``link`` set,
    the button opens that http(s) address instead."""

    label: str
    action: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """``paper`` is the id of the paper an ENTRY tells of, else 0. ``button`` belongs to the block: it stands beside it
    where the platform can do that, else under the message that the block ends in, with those of the others.

    ``folds`` are long texts under it that a reader opens. Where a platform has no such thing, it shows how they begin,
    and ``unfold`` is the button that brings the rest; None where ``button`` does.
    """

    spans: tuple[Span, ...]
    kind: BlockKind = BlockKind.TEXT
    paper: int = 0
    button: Button | None = None
    folds: tuple[Span, ...] = ()
    unfold: Button | None = None

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class File:
    """A document that only the asking person may see. Where a platform cannot show a thing to one of a group, it goes
    to their private chat, and the group reads ``sent``, or ``unsent`` where the person cannot be written to."""

    name: str
    content: bytes
    sent: str
    unsent: str


@dataclass(frozen=True, slots=True)
class Reply:
    """``private``: only the asking person needs to see it, where the platform can do that.
    ``edits``: a button's answer that should take the place of the message it stood under. ``aside``: one that is for
    the presser: where the platform can show it to them alone it does, else it takes the message's place as well.
    ``file``: goes with it; never into a group. ``spare``: characters left free in each of its messages."""

    blocks: tuple[Block, ...]
    buttons: tuple[tuple[Button, ...], ...] = ()
    private: bool = False
    edits: bool = False
    aside: bool = False
    file: File | None = None
    spare: int = 0

    @property
    def text(self) -> str:
        return "\n\n".join(block.text for block in self.blocks)


def plain(text: str) -> Span:
    return Span(text)


def bold(text: str) -> Span:
    return Span(text, Style.BOLD)


def italic(text: str) -> Span:
    return Span(text, Style.ITALIC)


def code(text: str) -> Span:
    return Span(text, Style.CODE)


def link(text: str, address: str) -> Span:
    """A linked span; an address that is not http(s) is dropped and the text stays."""
    return Span(text, Style.PLAIN, address if address.startswith(("https://", "http://")) else "")


def paragraph(*spans: Span | str) -> Block:
    return Block(tuple(Span(s) if isinstance(s, str) else s for s in spans))


def heading(text: str) -> Block:
    return Block((Span(text, Style.BOLD),), BlockKind.HEADING)


def say(*texts: str, buttons: Iterable[Iterable[Button]] = (), private: bool = False) -> Reply:
    """A reply of plain paragraphs."""
    return Reply(tuple(paragraph(t) for t in texts if t), tuple(tuple(row) for row in buttons), private)
