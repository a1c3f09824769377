"""Buttons that ask a query again: what is too long for one is kept, and the button carries its mark."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from bot.commands.context import Context
from bot.pages import MOST_CARRIED
from bot.ports import Caller
from bot.replies import Button
from bot.words import Words

Ways = list[tuple[str, str, int]]
"""Of buttons: label, verb, offset."""
_MOST_BACK = 40
"""Bytes of a way back that a card's buttons have room for beside their own."""
MOST_KEPT = 20
"""Long queries of a chat whose buttons still work."""


def turns(words: Words, verb: str, offset: int, total: int, size: int) -> Ways:
    """Back and Next, where there is somewhere to go."""
    ways = [("‹ " + words.say("Back"), verb, max(0, offset - size))] if offset > 0 else []
    if offset + size < total:
        ways.append((words.say("Next") + " ›", verb, offset + size))
    return ways


def way(context: Context, caller: Caller, text: str, verb: str, at: int) -> str:
    """The action of a page, as the cards opened from it carry it: ``verb:at:text``, or ``recall:verb:at:mark``."""
    action = f"{verb}:{at}:{text}"
    if len(action.encode()) <= _MOST_BACK:
        return action
    return f"recall:{verb}:{at}:{keep(context, caller, text)}"


def buttons(context: Context, caller: Caller, text: str, ways: Sequence[tuple[str, str, int]]) -> tuple[Button, ...]:
    """Buttons that ask ``text`` again, of (label, verb, offset): they carry ``verb:offset:text``, or where one of them
    is too long, all of them ``recall:verb:offset:mark``."""
    actions = [f"{verb}:{at}:{text}" for _, verb, at in ways]
    if any(len(action.encode()) > MOST_CARRIED for action in actions):
        mark = keep(context, caller, text)
        actions = [f"recall:{verb}:{at}:{mark}" for _, verb, at in ways]
    return tuple(Button(label, action) for (label, _, _), action in zip(ways, actions, strict=True))


def keep(context: Context, caller: Caller, text: str) -> str:
    """Its mark, by which ``recalled`` finds it again in this chat, until MOST_KEPT others came after it."""
    with context.store.reading() as tx:
        kept = tx.setting(_name(caller)).split("\n")
    if kept[0] != text:
        with context.store.transaction() as tx:
            kept = tx.setting(_name(caller)).split("\n")
            later = [text, *(one for one in kept if one and one != text)]
            tx.put_setting(_name(caller), "\n".join(later[:MOST_KEPT]))
    return _mark(text)


def recalled(context: Context, caller: Caller, mark: str) -> str:
    """The query of this chat with that mark; empty where it is not kept any more."""
    with context.store.reading() as tx:
        kept = tx.setting(_name(caller)).split("\n")
    return next((text for text in kept if text and _mark(text) == mark), "")


def carried(context: Context, caller: Caller, text: str, verb: str) -> str:
    """The action of a button that brings ``text`` to ``verb``: ``verb:=text``, or where that is too long,
    ``verb:#mark``."""
    action = f"{verb}:={text}"
    return action if len(action.encode()) <= MOST_CARRIED else f"{verb}:#{keep(context, caller, text)}"


def brought(context: Context, caller: Caller, argument: str) -> str:
    """What such a button brings; empty where that is kept no more, or the argument is none of ours."""
    if argument.startswith("#"):
        return recalled(context, caller, argument[1:])
    return argument[1:] if argument.startswith("=") else ""


def _name(caller: Caller) -> str:
    return f"asked.{caller.address}"


def _mark(text: str) -> str:
    return f"{crc32(text.encode()):08x}"
