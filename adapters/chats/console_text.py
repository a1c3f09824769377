"""Blocks as a terminal shows them: styled, wrapped at its width, entries with a hanging indent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rich.cells import cell_len
from rich.text import Text

from bot.exports import is_web, printable
from bot.replies import Block, BlockKind, Button, Style

_STYLES = {Style.PLAIN: "", Style.BOLD: "bold", Style.ITALIC: "dim", Style.CODE: "cyan"}
_NUMBER = re.compile(r"\d+\. ")
_COMMAND = re.compile(r"/\w")
_NEVER_FIRST = frozenset(",.;:!?)]}%，。、；：！？）】》」』”’…·～％")
"""Closing marks that begin no row, and below opening ones that end none (https://www.w3.org/TR/clreq/#prohibition_rules)."""
_NEVER_LAST = frozenset("([{（【《「『“‘$")
_LEAST = 20
"""Columns below which nothing is wrapped any more."""


def block_text(block: Block, width: int = 0) -> Text:
    """One block as terminal text, in rows of at most ``width`` columns (0: not wrapped). An entry's link stands under
    its first line, the rest is indented by its number."""
    text, address = Text(), ""
    for span in block.spans:
        if is_web(span.link):
            address = address or span.link
        text.append(printable(span.text), style="bold" if span.link else _STYLES[span.style])
    if block.kind is BlockKind.HEADING:
        text.stylize("bold green")
    for fold in block.folds:
        text.append("\n\n" if block.kind is not BlockKind.ENTRY else "\n")
        text.append(printable(fold.text), style="dim" if block.kind is BlockKind.ENTRY else "")
    first, *rest = text.split("\n", allow_blank=True)
    lines = [first, *([Text(printable(address), style="blue")] if address else []), *rest]
    if len(lines) > 1 and not lines[-1].plain:
        lines.pop()
    number = _NUMBER.match(first.plain) if block.kind is BlockKind.ENTRY else None
    hang = number.end() if number else 0
    rows: list[Text] = []
    for at, line in enumerate(lines):
        left = hang if at else 0
        # A command's description goes on further in, so that the commands stand out.
        inner = 4 if block.kind is BlockKind.TEXT and _COMMAND.match(line.plain) else hang
        # An address that is cut is no address any more: the terminal goes on with it in the next row.
        whole = width < _LEAST or block.kind is BlockKind.CODE or (address and at == 1)
        pieces = [line] if whole else line.divide(breaks(line.plain, width - left, width - inner))
        for number_of_row, piece in enumerate(pieces):
            piece.rstrip()
            rows.append(Text(" " * (inner if number_of_row else left)) + piece)
    return Text("\n").join(rows)


def buttons_text(buttons: Mapping[str, Button], width: int = 0) -> Text:
    """``[1] Back   [2] Next``: what to type to press each, a row ending between two of them."""
    text, column = Text(), 0
    for place, (number, button) in enumerate(buttons.items(), 1):
        link = f" {printable(button.link)}" if button.link else ""
        one = Text.assemble((f"[{number}] ", "cyan"), printable(button.label), link)
        fits = not width or column + 3 + one.cell_len <= width
        text.append("" if place == 1 else "   " if fits else "\n")
        column = one.cell_len + (column + 3 if fits and place > 1 else 0)
        text.append_text(one)
    return text


def breaks(line: str, first: int, others: int) -> list[int]:
    """Where ``line`` goes on in a new row: offsets of their first characters. ``first`` and ``others`` are the columns
    that the first row and the following ones have; spaces may stand beyond the last column."""
    found: list[int] = []
    room, begun = first, 0
    good = dict.fromkeys(_chances(line))
    chance, column = 0, 0
    for at, c in enumerate(line):
        if at in good:
            chance = at
        wide = cell_len(c)
        if column + wide > room and c != " " and at > begun:
            begun = chance if chance > begun else at
            found.append(begun)
            room, column = others, cell_len(line[begun:at])
        column += wide
    return found


def _chances(line: str) -> Iterator[int]:
    """Offsets before which a row may end: after a space, and around Chinese characters."""
    for at in range(1, len(line)):
        before, here = line[at - 1], line[at]
        if here == " ":
            continue
        chinese = 2 in (cell_len(before), cell_len(here)) and here not in _NEVER_FIRST and before not in _NEVER_LAST
        if before == " " or chinese:
            yield at
