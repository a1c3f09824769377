"""The desk: where the platforms' listeners bring what people do, and get a Reply for everything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.commands import COMMANDS, OPEN_TO_ALL, PRESSES
from bot.commands.context import Context, refusal
from bot.errors import BadInput, NotAllowed, QueryError
from bot.model import Address, ChatState
from bot.ports import Caller, CommandInfo
from bot.query import Said, caret
from bot.replies import Block, BlockKind, Reply, Span, paragraph, say
from bot.words import words_for

log = logging.getLogger(__name__)


class FrontDesk:
    """Implements ``ports.Desk`` over a ``Context``; every command runs in a worker thread."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def commands(self, language: str) -> Sequence[CommandInfo]:
        words = words_for(language)
        return [command.info(words) for command in COMMANDS.values()]

    def is_admin(self, user: str) -> bool:
        return bool(user) and user in self._context.config.admins

    def needs_rights(self, name: str, argument: str = "") -> bool:
        command = COMMANDS.get(name)
        return bool(command and command.changes and argument.strip())

    def press_needs_rights(self, action: str) -> bool:
        press = PRESSES.get(action.partition(":")[0])
        return bool(press and press.changes)

    async def answer(self, caller: Caller, name: str, argument: str) -> Reply:
        return await asyncio.to_thread(self._guarded, caller, lambda: self._answer(caller, name, argument.strip()))

    async def press(self, caller: Caller, action: str) -> Reply:
        return await asyncio.to_thread(self._guarded, caller, lambda: self._press(caller, action))

    async def complete(self, caller: Caller, name: str, prefix: str) -> Sequence[str]:
        return await asyncio.to_thread(self._complete, caller, name, prefix)

    async def joined(self, caller: Caller) -> Reply | None:
        """Greets; a chat that was here before is active again. Not admitted: says how to be."""
        return await asyncio.to_thread(self._guarded, caller, lambda: self._answer(caller, "start", ""))

    async def gone(self, address: Address, why: str) -> None:
        await asyncio.to_thread(self._gone, address, why)

    async def moved(self, old: Address, new: Address) -> None:
        await asyncio.to_thread(self._moved, old, new)

    def _answer(self, caller: Caller, name: str, argument: str) -> Reply:
        words = self._context.words(caller)
        command = COMMANDS.get(name or "paper")
        if command is None:
            return say(
                words.say("There is no command /{name}. /help shows those there are.", name=name[:40]), private=True
            )
        if command.name not in OPEN_TO_ALL:
            self._require_admitted(caller)
        return command.run(self._context, caller, argument)

    def _press(self, caller: Caller, action: str) -> Reply:
        verb, _, rest = action.partition(":")
        press = PRESSES.get(verb)
        if press is None:
            words = self._context.words(caller)
            return say(words.say("This button is too old. /help shows what there is."), private=True)
        self._require_admitted(caller)
        return press.run(self._context, caller, rest)

    def _require_admitted(self, caller: Caller) -> None:
        context = self._context
        if context.may_start(caller):
            return
        with context.store.reading() as tx:
            chat = tx.chat(caller.address)
        if chat is None or not chat.admitted:
            raise NotAllowed(refusal(context.words(caller, chat), context.config, caller))

    def _guarded(self, caller: Caller, act: Callable[[], Reply]) -> Reply:
        try:
            return act()
        except QueryError as error:
            words = self._context.words(caller)
            said = error.message
            blocks = (
                paragraph(words.say(said.template, **said.values) if isinstance(said, Said) else said),
                Block((Span(caret(error)),), BlockKind.CODE),
            )
            return Reply(blocks if error.query.strip() else blocks[:1], private=True)
        except (BadInput, NotAllowed) as error:
            return say(str(error), private=True)
        except Exception:
            log.exception("an answer for %s failed", caller.address)
            words = words_for("en")
            return say(
                words.say("Something went wrong here; nothing stored is lost. Please try again in a minute."),
                private=True,
            )

    def _complete(self, caller: Caller, name: str, prefix: str) -> Sequence[str]:
        if name not in ("subscribe", "paper", "digest", "unsubscribe"):
            return []
        context = self._context
        if not context.may_start(caller):
            return []
        words = context.words(caller)
        with context.store.reading() as tx:
            names = [topic.name(words.language) for topic in tx.topics()]
        wanted = prefix.casefold()
        return [name for name in names if wanted in name.casefold()][:25]

    def _gone(self, address: Address, why: str) -> None:
        with self._context.store.transaction() as tx:
            for chat in tx.chats_under(address):
                tx.put_chat(replace(chat, state=ChatState.UNREACHABLE, why=why))
        log.info("%s is paused: %s", address, why)

    def _moved(self, old: Address, new: Address) -> None:
        with self._context.store.transaction() as tx:
            moved = tx.move_chats(old, new)
        log.info("%s is %s now; %d chats moved along", old, new, moved)
