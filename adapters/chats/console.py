"""The console chat: every command in the terminal. Its user is the instance's admin."""

from __future__ import annotations

import asyncio
import sys
import unicodedata
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console as Terminal
from rich.text import Text

from bot.model import Address, Place
from bot.ports import Caller, Desk, Finding, Message
from bot.replies import Block, BlockKind, Button, Reply, Style

HERE = Address("console", "local")

_STYLES = {Style.PLAIN: "", Style.BOLD: "bold", Style.ITALIC: "dim", Style.CODE: "cyan"}


def clean(text: str) -> str:
    """Without control characters, so that a title cannot steer the terminal, nor turn its text around."""
    return "".join(
        c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") or c in "\u200c\u200d"
    )


def block_text(block: Block) -> Text:
    """One block as terminal text; an entry's link stands under its first line."""
    text = Text()
    address = ""
    for span in block.spans:
        address = address or span.link
        style = "bold" if span.link else _STYLES[span.style]
        text.append(clean(span.text), style=style)
    if block.kind is BlockKind.HEADING:
        text.stylize("bold green")
    if address:
        first, *rest = text.split("\n")
        text = Text("\n").join([first, *rest, Text(clean(address), style="blue")])
    if block.kind is BlockKind.ENTRY:
        lines = text.split("\n")
        text = Text("\n").join([lines[0], *(Text("   ") + line for line in lines[1:])])
    return text


class Console:
    """Prints replies and, on a terminal, reads commands."""

    platform = "console"

    def __init__(self, out: TextIO | None = None, locale: str = "") -> None:
        stream = out or sys.stdout
        width = None if stream.isatty() else 100
        self._terminal = Terminal(file=stream, highlight=False, soft_wrap=not stream.isatty(), width=width)
        self._locale = locale
        self._buttons: list[Button] = []

    @property
    def caller(self) -> Caller:
        return Caller(HERE, "console:local", "you", Place.PRIVATE, "console", self._locale, manages=True, admin=True)

    def show(self, reply: Reply) -> None:
        """Print a reply; its buttons are numbered, and the number presses one."""
        for block in reply.blocks:
            self._terminal.print(block_text(block))
            self._terminal.print()
        self._buttons = [button for row in reply.buttons for button in row]
        if self._buttons:
            line = Text()
            for number, button in enumerate(self._buttons, 1):
                line.append(f"[{number}] ", style="cyan").append(
                    clean(button.label) + (f" {button.link}" if button.link else "")
                )
                line.append("   ")
            self._terminal.print(line)
            self._terminal.print()

    async def talk(self, desk: Desk) -> None:
        """Read and answer lines until the end of input, ``exit`` or ``quit``."""
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.patch_stdout import patch_stdout

        names = WordCompleter(["/" + command.name for command in desk.commands("en")], sentence=True)
        session: PromptSession[str] = PromptSession("paperround> ", completer=names, complete_while_typing=False)
        with patch_stdout(raw=True):
            while True:
                try:
                    line = (await session.prompt_async()).strip()
                except (EOFError, KeyboardInterrupt):
                    return
                if line in ("exit", "quit", "/exit", "/quit"):
                    return
                if line:
                    self.show(await self.take(desk, line))

    async def take(self, desk: Desk, line: str) -> Reply:
        """One line: a command, the number of a button just shown, or words to look for."""
        if line.isdecimal() and len(line) < 4 and 0 < int(line) <= len(self._buttons):
            button = self._buttons[int(line) - 1]
            if button.action:
                return await desk.press(self.caller, button.action)
        if line.startswith("/"):
            name, _, argument = line[1:].partition(" ")
            return await desk.answer(self.caller, name, argument)
        return await desk.answer(self.caller, "", line)

    def render(self, reply: Reply) -> tuple[Message, ...]:
        return (Message(reply.text.encode(), tuple(block.paper for block in reply.blocks if block.paper)),)

    async def send(self, address: Address, payload: bytes, nonce: str) -> str:
        self._terminal.print(Text(clean(payload.decode())))
        return nonce

    async def start(self, desk: Desk) -> None:
        await asyncio.sleep(0)

    async def stop(self) -> None:
        await asyncio.sleep(0)

    async def examine(self) -> Sequence[Finding]:
        return ()
