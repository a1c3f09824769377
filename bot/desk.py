"""The desk: where the platforms' listeners bring what people do, and get a Reply for everything."""

from __future__ import annotations

import asyncio
import logging
import unicodedata
from collections.abc import Callable, Sequence

from bot import absences
from bot.commands import COMMANDS, OPEN_TO_ALL, PRESSES, banning, proxies
from bot.commands.context import Context, label_of, refusal
from bot.errors import BadInput, NotAllowed, QueryError
from bot.model import Address, ChatState
from bot.ports import Caller, CommandInfo
from bot.query import Said, caret
from bot.replies import Block, BlockKind, Reply, Span, paragraph, say
from bot.words import Words, language_for, words_for

log = logging.getLogger(__name__)


_CHANGES = {verb: press.changes for verb, press in PRESSES.items()}
_DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def _tidied(text: str) -> str:
    """What somebody typed or a button sent, without what no database keeps (NUL, half a character) or what would
    turn the text around it (marks of direction that stay in force)."""
    text = text.translate(_DIRECTIONS).encode(errors="replace").decode()
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)


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
        command = COMMANDS.get(name.casefold())
        return bool(command and (command.guarded or (command.changes and argument.strip())))

    def press_needs_rights(self, action: str) -> bool:
        press = PRESSES.get(action.partition(":")[0])
        return bool(press and press.changes)

    async def answer(self, caller: Caller, name: str, argument: str) -> Reply:
        command = COMMANDS.get(name.casefold())
        lines = argument.splitlines() if command is not None and command.lines else [argument]
        argument = "\n".join(filter(None, (" ".join(_tidied(line).split()) for line in lines)))
        return await asyncio.to_thread(self._guarded, caller, lambda: self._answer(caller, name, argument))

    async def press(self, caller: Caller, action: str) -> Reply:
        return await asyncio.to_thread(self._guarded, caller, lambda: self._press(caller, _tidied(action)))

    async def complete(self, caller: Caller, name: str, prefix: str) -> Sequence[str]:
        return await asyncio.to_thread(self._complete, caller, name, prefix)

    async def joined(self, caller: Caller) -> Reply | None:
        """Greets; a chat that was here before is active again. Not admitted: says how to be."""
        return await asyncio.to_thread(self._guarded, caller, lambda: self._answer(caller, "start", ""))

    async def gone(self, address: Address, why: str) -> None:
        await asyncio.to_thread(self._gone, address, why)

    async def back(self, addresses: Sequence[Address]) -> None:
        await asyncio.to_thread(self._back, addresses)

    async def moved(self, old: Address, new: Address) -> None:
        await asyncio.to_thread(self._moved, old, new)

    def _answer(self, caller: Caller, name: str, argument: str) -> Reply:
        context = self._context
        command = COMMANDS.get(name.casefold() or "paper")
        if refused := banning.refusal_of(context, caller, command.name if command else ""):
            return refused
        if command is None:
            words = context.words(caller)
            return say(
                words.say("There is no command /{name}. /help shows those there are.", name=_tidied(name)[:40]),
                private=True,
            )
        who = proxies.meant(context, caller, command.name, argument)
        asking = who.caller if who else caller
        if who and (refused := banning.refusal_of(context, asking, command.name)):
            return refused
        if command.name not in OPEN_TO_ALL:
            self._require_admitted(asking)
        reply = command.run(context, asking, argument)
        return proxies.told_for(context, reply, who, _CHANGES) if who else reply

    def _press(self, caller: Caller, action: str) -> Reply:
        context = self._context
        if refused := banning.refusal_of(context, caller, action.partition(":")[0]):
            return refused
        who, action = proxies.meant_by_press(context, caller, action)
        asking = who.caller if who else caller
        if who and (refused := banning.refusal_of(context, asking, action.partition(":")[0])):
            return refused
        verb, _, rest = action.partition(":")
        press = PRESSES.get(verb)
        if press is None:
            words = context.words(caller)
            return say(words.say("This button is too old. /help shows what there is."), private=True)
        if verb not in OPEN_TO_ALL:
            self._require_admitted(asking)
        reply = press.run(context, asking, rest)
        return proxies.told_for(context, reply, who, _CHANGES) if who else reply

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
            words = self._any_words(caller)
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
            words = self._any_words(caller)
            return say(
                words.say("Something went wrong here; nothing stored is lost. Please try again in a minute."),
                private=True,
            )

    def _any_words(self, caller: Caller) -> Words:
        """The caller's, as far as the store still says which they are."""
        try:
            return self._context.words(caller)
        except Exception:
            config = self._context.config
            return words_for(language_for(caller.locale, config.language, config.languages))

    def _complete(self, caller: Caller, name: str, prefix: str) -> Sequence[str]:
        context = self._context
        with context.store.reading() as tx:
            chat = tx.chat(caller.address)
            topics = tx.topics()
            held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
        if not (context.may_start(caller) or (chat and chat.admitted)):
            return []
        language = context.words(caller, chat).language
        match name:
            case "unsubscribe":
                names = [label_of(one, topics, language) for one in held]
            case "subscribe" | "digest":
                names = [topic.name(language) for topic in topics if not topic.proposed]
            case _:
                return []
        wanted = prefix.casefold()
        return [name for name in names if wanted in name.casefold()][:25]

    def _gone(self, address: Address, why: str) -> None:
        with self._context.store.transaction() as tx:
            for chat in tx.chats_under(address):
                absences.pause(tx, chat, why, self._context.now())
        log.info("%s is paused: %s", address, why)

    def _back(self, addresses: Sequence[Address]) -> None:
        with self._context.store.reading() as tx:
            paused = [
                chat.id
                for address in addresses
                for chat in tx.chats_under(address)
                if chat.state is ChatState.UNREACHABLE
            ]
        if not paused:
            return
        with self._context.store.transaction() as tx:
            for chat_id in paused:
                chat = tx.chat_by_id(chat_id)
                if chat is not None and chat.state is ChatState.UNREACHABLE:
                    log.info("%s may be reached again and goes on", self._context.reopen(tx, chat).address)

    def _moved(self, old: Address, new: Address) -> None:
        with self._context.store.transaction() as tx:
            moved = tx.move_chats(old, new)
        log.info("%s is %s now; %d chats moved along", old, new, moved)
