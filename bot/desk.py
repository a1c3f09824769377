"""The desk: where the platforms' listeners bring what people do, and get a Reply for everything."""

from __future__ import annotations

import asyncio
import logging
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil

from bot import absences
from bot.commands import COMMANDS, OPEN_TO_ALL, PRESSES, Command, banning, forum, proxies
from bot.commands.context import Context, digest_comes, refusal
from bot.commands.proposing import nearest, offers, suggestions
from bot.commands.texts import written
from bot.errors import BadInput, NotAllowed, QueryError
from bot.lanes import Lanes
from bot.model import Address, ChatState
from bot.pages import MOST_CARRIED, shorten
from bot.ports import HINTED, Caller, CommandInfo, Haste, Offers, Suggestion
from bot.query import Said, caret
from bot.quotas import Quota
from bot.replies import Block, BlockKind, Button, Reply, Span, code, paragraph, say
from bot.words import Words, language_for, words_for

log = logging.getLogger(__name__)

RUN = "run"
"""The verb of a button that does what a command does: ``run:name argument``."""

_TEXT = "paper"
"""The command that a text without one is nearest to."""
_CHANGES = {RUN: True} | {verb: press.changes for verb, press in PRESSES.items()}
_FOLLOWS = frozenset({"follow", "take", "track"})
"""Presses that make a place one where digests come."""
_TYPED = 6
"""Completions and offers for each command that a person may send: they come while somebody types."""
_NOTHING_YET = Offers(seconds=5)
_DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def _tidied(text: str) -> str:
    """What somebody typed or a button sent, without what no database keeps (NUL, half a character) or what would
    turn the text around it (marks of direction that stay in force)."""
    text = text.translate(_DIRECTIONS).encode(errors="replace").decode()
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)


def _person(caller: Caller) -> str:
    return caller.user or str(replace(caller.address, thread=""))


class FrontDesk:
    """Implements ``ports.Desk`` over a ``Context``; every command runs in a worker thread, a few side by side."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lanes = Lanes()
        most = context.config.commands_a_minute
        self._asking, self._typing = Quota(most), Quota(most * _TYPED)

    def commands(self, language: str) -> Sequence[CommandInfo]:
        words = words_for(language)
        return [command.info(words) for command in COMMANDS.values()]

    def is_admin(self, user: str) -> bool:
        return bool(user) and user in self._context.config.admins

    def admins(self, platform: str) -> Sequence[str]:
        return [user for user in self._context.config.admins if user.partition(":")[0] == platform]

    def needs_rights(self, name: str, argument: str = "") -> bool:
        command = COMMANDS.get(name.casefold())
        return bool(command and (command.guarded or (command.changes and argument.strip())))

    def press_needs_rights(self, action: str) -> bool:
        verb, _, rest = action.partition(":")
        if verb == RUN:
            name, _, argument = rest.partition(" ")
            return self.needs_rights(name, argument)
        press = PRESSES.get(verb)
        return bool(press and press.changes)

    def haste(self, caller: Caller) -> Haste:
        return self._taken(self._asking, caller)

    async def slowed(self, caller: Caller) -> Reply:
        return await self._served(caller, lambda: self._slowed(caller))

    async def answer(self, caller: Caller, name: str, argument: str) -> Reply:
        command = COMMANDS.get(name.casefold())
        lines = argument.splitlines() if command is not None and command.lines else [argument]
        argument = "\n".join(filter(None, (" ".join(_tidied(line).split()) for line in lines)))
        return await self._served(caller, lambda: self._asked(caller, name, argument))

    async def press(self, caller: Caller, action: str) -> Reply:
        return await self._served(caller, lambda: self._pressed(caller, _tidied(action)))

    async def complete(self, caller: Caller, name: str, prefix: str) -> Sequence[Suggestion]:
        if self._taken(self._typing, caller) is not Haste.SERVED:
            return ()
        return await self._lanes.run(lambda: self._complete(caller, name, _tidied(prefix)))

    async def offers(self, caller: Caller, text: str, offset: str) -> Offers:
        if self._taken(self._typing, caller) is not Haste.SERVED:
            return _NOTHING_YET
        text = " ".join(_tidied(text).split())
        return await self._lanes.run(lambda: self._offers(caller, text, offset))

    async def joined(self, caller: Caller, places: Sequence[Address] = ()) -> Reply | None:
        """Greets; a chat that was here before is active again. Not admitted: says how to be."""
        return await self._served(caller, lambda: self._joined(caller, places))

    async def _served(self, caller: Caller, act: Callable[[], Reply]) -> Reply:
        return await self._lanes.run(lambda: self._guarded(caller, act))

    async def gone(self, address: Address, why: str) -> None:
        await asyncio.to_thread(self._gone, address, why)

    async def back(self, addresses: Sequence[Address]) -> None:
        await asyncio.to_thread(self._back, addresses)

    async def moved(self, old: Address, new: Address) -> None:
        await asyncio.to_thread(self._moved, old, new)

    async def read_ahead(self) -> None:
        """To be called now and then: some of what the next who asks for a digest would wait for."""
        await asyncio.to_thread(self._context.views.read_ahead, self._context.store, self._context.index)

    def _taken(self, quota: Quota, caller: Caller) -> Haste:
        """Of the person's share, or where nobody is named, of the chat's."""
        if caller.admin or caller.address.platform == "console" or self.is_admin(caller.user):
            return Haste.SERVED
        return quota.take(_person(caller), self._context.now())

    def _slowed(self, caller: Caller) -> Reply:
        words, most = self._context.words(caller), self._context.config.commands_a_minute
        wait = max(1, ceil(self._asking.wait(_person(caller), self._context.now()).total_seconds()))
        told = words.sentences(
            words.count(
                "You are quick! I answer {n} request of each person a minute.",
                "You are quick! I answer {n} requests of each person a minute.",
                most,
            ),
            words.count("Please go on in {n} second.", "Please go on in {n} seconds.", wait),
        )
        log.info("%s asks for more than %d things a minute", _person(caller), most)
        return say(told, private=True)

    def _asked(self, caller: Caller, name: str, argument: str) -> Reply:
        here = caller if name.casefold() == "forum" else forum.placed(self._context, caller)
        return self._answer(here, name, argument)

    def _pressed(self, caller: Caller, action: str) -> Reply:
        here = caller if action.startswith("forum:") else forum.placed(self._context, caller)
        return self._press(here, action)

    def _complete(self, caller: Caller, name: str, prefix: str) -> Sequence[Suggestion]:
        if banning.refusal_of(self._context, caller, name):
            return ()
        with self._context.store.held():
            return suggestions(self._context, forum.placed(self._context, caller), name, prefix)

    def _offers(self, caller: Caller, text: str, offset: str) -> Offers:
        if banning.refusal_of(self._context, caller, ""):
            return Offers()
        with self._context.store.held():
            return offers(self._context, caller, text, offset)

    def _answer(self, caller: Caller, name: str, argument: str) -> Reply:
        context = self._context
        command = COMMANDS.get(name.casefold() or _TEXT)
        if refused := banning.refusal_of(context, caller, command.name if command else ""):
            return refused
        if command is None:
            return self._unknown(context.words(caller), caller, _tidied(name)[:40], argument)
        if command.name == "start" and argument == HINTED:
            argument = ""
        who = proxies.meant(context, caller, command.name, argument)
        return self._run(command, caller, who, argument, bool(name))

    def _run(self, command: Command, caller: Caller, who: proxies.Meant | None, argument: str, named: bool) -> Reply:
        """What the command does for the caller, or for whom they speak; not ``named``: they wrote a text alone."""
        context = self._context
        asking = who.caller if who else caller
        if who and (refused := banning.refusal_of(context, asking, command.name)):
            return refused
        if command.name not in OPEN_TO_ALL:
            self._require_admitted(asking)
        reply = command.run(context, asking, argument) if named else written(context, asking, argument)
        return proxies.told_for(context, reply, who, _CHANGES) if who else reply

    def _unknown(self, words: Words, caller: Caller, name: str, argument: str) -> Reply:
        """What was meant, with a button that does it."""
        there = {one.name for one in COMMANDS.values() if self._has(caller, one)}
        meant = COMMANDS.get(nearest(name, there))
        if meant is None:
            told = words.say("There is no command /{name}. /help shows those there are.", name=name)
            return say(told, private=True)
        line = f"{meant.name} {argument}".strip() if meant.argument else meant.name
        action = f"{RUN}:{line}"
        fits = len(action.encode()) <= MOST_CARRIED and not (meant.required and not argument)
        told = words.say("There is no command /{name}. Did you mean this?", name=name)
        buttons = ((Button("/" + shorten(line, 50), action),),) if fits else ()
        reply = Reply((paragraph(told, "\n", code("/" + line)),), buttons, private=True)
        who = proxies.meant(self._context, caller, meant.name, argument)
        return proxies.told_for(self._context, reply, who, _CHANGES) if who else reply

    def _has(self, caller: Caller, command: Command) -> bool:
        return (caller.admin or not command.admin) and command.platform in ("", caller.address.platform)

    def _joined(self, caller: Caller, places: Sequence[Address]) -> Reply:
        """Where something is followed already nothing is explained again."""
        with self._context.store.reading() as tx:
            chats = {chat.id: chat for address in (caller.address, *places) for chat in tx.chats_under(address)}
            held = tx.subscriptions(chats)
        count = sum(map(len, held.values()))
        here = next((chat for chat in chats.values() if chat.address == caller.address), None)
        if not count or not (self._context.may_start(caller) or any(chat.admitted for chat in chats.values())):
            return self._answer(caller, "start", "")
        if here is not None:
            with self._context.store.transaction() as tx:
                self._context.open_chat(tx, caller)
        words = self._context.words(caller, here or next(iter(chats.values())))
        one = next(iter(chats.values())) if len(chats) == 1 else None
        return say(
            words.sentences(
                words.count(
                    "Thank you for having me back. {n} subscription goes on as it was.",
                    "Thank you for having me back. {n} subscriptions go on as they were.",
                    count,
                ),
                digest_comes(words, one) if one else "",
            )
        )

    def _press(self, caller: Caller, action: str) -> Reply:
        context = self._context
        if refused := banning.refusal_of(context, caller, action.partition(":")[0]):
            return refused
        who, action = proxies.meant_by_press(context, caller, action)
        asking = who.caller if who else caller
        if who and (refused := banning.refusal_of(context, asking, action.partition(":")[0])):
            return refused
        verb, _, rest = action.partition(":")
        name, _, argument = rest.partition(" ")
        if verb == RUN and (command := COMMANDS.get(name or "help")):
            return self._run(command, caller, None if command.name in proxies.OWN else who, argument.strip(), True)
        press = PRESSES.get(verb)
        if press is None:
            words = context.words(caller)
            return say(words.say("This button is too old. /help shows what there is."), private=True)
        if verb not in OPEN_TO_ALL:
            self._require_admitted(asking)
        reply = press.run(context, asking, rest)
        if verb in _FOLLOWS:
            reply = forum.offered(context.words(asking), asking, reply)
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
            with self._context.store.held():
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
