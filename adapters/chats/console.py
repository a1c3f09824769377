"""The console chat: every command in the terminal. Its user is the instance's admin."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TextIO

from rich.console import Console as Terminal
from rich.text import Text

from adapters.chats.console_text import block_text, buttons_text
from bot.errors import Hidden
from bot.exports import printable
from bot.model import Address, Place
from bot.ports import Caller, Desk, Finding, Message
from bot.redaction import LineHandler
from bot.replies import Button, Reply
from bot.words import language_for, words_for

HERE = Address("console", "local")


@contextmanager
def _logging_above_the_prompt() -> Iterator[None]:
    """Log lines for the terminal go through ``patch_stdout``, which moves the prompt out of their way."""
    moved = []
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LineHandler) and handler.stream.isatty():
            moved.append((handler, handler.setStream(sys.stderr)))
    try:
        yield
    finally:
        for handler, stream in moved:
            if stream is not None:
                handler.setStream(stream)


class Console:
    """Prints replies and, on a terminal, reads commands."""

    platform = "console"
    nonce_window = None

    def __init__(self, out: TextIO | None = None, locale: str = "") -> None:
        stream = out or sys.stdout
        width = None if stream.isatty() else 100
        self._terminal = Terminal(file=stream, highlight=False, soft_wrap=not stream.isatty(), width=width)
        self._locale = locale
        self._buttons: dict[int, Button] = {}

    @property
    def caller(self) -> Caller:
        return Caller(HERE, "console:local", "you", Place.PRIVATE, "console", self._locale, manages=True, admin=True)

    def show(self, reply: Reply) -> None:
        """Print a reply; its buttons are numbered, and the number presses one."""
        width = self._terminal.width if self._terminal.is_terminal else 0
        for block in reply.blocks:
            self._print(block_text(block, width))
        if reply.file is not None:
            self._print(Text(printable(reply.file.content.decode(errors="replace"))))
        opening = {int(b.button.label): b.button for b in reply.blocks if b.button and b.button.label.isdecimal()}
        others = [button for row in reply.buttons for button in row]
        first = max(opening, default=0) + 1
        self._buttons = opening | dict(enumerate(others, first))
        if others or opening:
            numbers = f"{min(opening)}-{max(opening)}" if opening else ""
            words = words_for(language_for(self._locale))
            told = {numbers: Button(words.say("Open"))} if opening else {}
            self._print(buttons_text(told | {str(n): b for n, b in enumerate(others, first)}, width))

    def _print(self, text: Text) -> None:
        """As it is, wrapped by whoever made it, and an empty line."""
        self._terminal.print(text, soft_wrap=True)
        self._terminal.print()

    async def talk(self, desk: Desk) -> None:
        """Read and answer lines until the end of input, ``exit`` or ``quit``."""
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.patch_stdout import patch_stdout

        names = WordCompleter(["/" + command.name for command in desk.commands("en")], sentence=True)
        session: PromptSession[str] = PromptSession("paperround> ", completer=names, complete_while_typing=False)
        with patch_stdout(raw=True), _logging_above_the_prompt():
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
        if line.isdecimal() and len(line) < 4:
            button = self._buttons.get(int(line))
            if button and button.action:
                return await desk.press(self.caller, button.action)
        if line.startswith("/"):
            name, _, argument = line[1:].partition(" ")
            return await desk.answer(self.caller, name, argument)
        return await desk.answer(self.caller, "", line)

    def render(self, reply: Reply) -> tuple[Message, ...]:
        return (Message(reply.text.encode(), tuple(block.paper for block in reply.blocks if block.paper)),)

    async def ready(self, address: Address) -> None: ...

    async def send(self, address: Address, payload: bytes, nonce: str) -> str:
        self._terminal.print(Text(printable(payload.decode())))
        return nonce

    def follows(self, address: Address, first: str) -> Address:
        return address

    def marked(self, payload: bytes, note: str) -> bytes:
        return f"{note}\n\n".encode() + payload

    def silent(self, payload: bytes) -> bytes:
        return payload

    async def find(self, address: Address, payload: bytes, since: datetime) -> str:
        raise Hidden("what was printed is not kept")

    async def private_chat(self, user: str) -> Address:
        return HERE

    async def start(self, desk: Desk) -> None:
        await asyncio.sleep(0)

    async def stop(self) -> None:
        await asyncio.sleep(0)

    @property
    def listening(self) -> bool:
        return True

    async def examine(self) -> Sequence[Finding]:
        return ()
