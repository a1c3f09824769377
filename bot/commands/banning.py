"""Who is not served: a chat or a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from bot.commands.context import Context, note, require_admin, require_unheard
from bot.errors import BadInput
from bot.model import Address, Ban, Chat, ChatState, Deed, Place
from bot.pages import shorten
from bot.ports import Caller, Transaction
from bot.replies import Button, Reply, code, heading, paragraph, say
from bot.words import Words

RIGHTS = frozenset({"privacy", "mydata", "forget"})
"""What is kept about somebody is theirs, banned or not."""
WHY = "banned"
_WHOM = re.compile(r"(?:(telegram|discord):)?(-?\d{1,20})(?:/\d+)?|erased-[0-9a-f]{12}")
_SHOWN = 40


def ban(context: Context, caller: Caller, argument: str) -> Reply:
    """``telegram:123 why``, a chat or a person; ``list`` or nothing shows who is banned."""
    words = context.words(caller)
    require_admin(words, caller)
    if argument.casefold() in ("", "list"):
        require_unheard(words, caller)
        return _list(context, words)
    name, _, why = argument.partition(" ")
    whom = _named(words, caller, name)
    if context.config.admins and whom in context.config.admins:
        raise BadInput(
            words.say("{whom} is an admin of this bot; take that away in PAPERROUND_ADMINS first.", whom=whom)
        )
    private = context.outside.private_chat(whom) if context.outside else None
    with context.store.transaction() as tx:
        known = bool(tx.bans([whom]))
        tx.ban(Ban(whom, caller.user, context.now(), shorten(why, 200)))
        chats = list(_chats(tx, whom, private))
        for chat in chats:
            shut(tx, chat)
        note(context, tx, caller, Deed.BAN, whom if known else "", f"{whom} {why}".strip())
    return say(
        words.say("{whom} is banned: no command is answered there, and no digest comes.", whom=whom),
        words.count("{n} chat is silent from now on.", "{n} chats are silent from now on.", len(chats))
        if chats
        else "",
        buttons=[[Button(words.say("Undo"), f"unban:{whom}")]],
        private=True,
    )


def unban(context: Context, caller: Caller, argument: str) -> Reply:
    """``telegram:123``: served again, with what it followed."""
    words = context.words(caller)
    require_admin(words, caller)
    if not argument:
        require_unheard(words, caller)
        return _list(context, words)
    whom = _named(words, caller, argument.partition(" ")[0])
    private = context.outside.private_chat(whom) if context.outside and ":" in whom else None
    with context.store.transaction() as tx:
        if not tx.unban(whom):
            raise BadInput(words.say("{whom} is not banned. /ban list shows who is.", whom=whom))
        for chat in _chats(tx, whom, private):
            _open(context, tx, chat)
        note(context, tx, caller, Deed.BAN, whom, "")
    return say(words.say("{whom} is served again, and follows what it followed.", whom=whom), private=True)


def _named(words: Words, caller: Caller, name: str) -> str:
    found = _WHOM.fullmatch(name.strip().casefold())
    if found is None:
        raise BadInput(
            words.say(
                "Name a person or a chat by platform and number, as /chats shows them: /ban telegram:-100123 spam"
            )
        )
    if found[2] is None:
        return found[0]
    platform = found[1] or caller.address.platform
    return f"{platform}:{found[2]}"


def _chats(tx: Transaction, whom: str, private: Address | None) -> Iterator[Chat]:
    """Those that a ban silences: the chat with its threads, or the person's private one."""
    if ":" not in whom:
        return
    addresses = dict.fromkeys([Address.parse(whom), *([private] if private else [])])
    for address in addresses:
        yield from tx.chats_under(address)


def shut(tx: Transaction, chat: Chat) -> None:
    """Nothing is sent there any more; what was on its way is kept."""
    tx.put_chat(replace(chat, banned=True))
    tx.hold_deliveries(chat.id, WHY)


def _open(context: Context, tx: Transaction, chat: Chat) -> None:
    if not chat.banned:
        return
    active = chat.state is ChatState.ACTIVE
    tx.put_chat(replace(chat, banned=False, due_at=context.due_at(chat) if active else chat.due_at))
    if active:
        tx.reopen_deliveries(chat.id, context.now())


def refusal_of(context: Context, caller: Caller, name: str) -> Reply | None:
    """The one line that somebody who is banned reads, whatever they ask; None for all others."""
    if caller.admin or caller.address.platform == "console" or name in RIGHTS:
        return None
    here = str(replace(caller.address, thread=""))
    with context.store.reading() as tx:
        if not tx.bans([one for one in (caller.user, here) if one]):
            return None
        chat = tx.chat(caller.address)
    if chat is not None and not chat.banned and caller.place is Place.PRIVATE:
        with context.store.transaction() as tx:
            chat = tx.chat(caller.address)
            if chat is not None:
                shut(tx, chat)
    words = context.words(caller, chat)
    return say(words.say("This bot does not serve you here any more. Please turn to whoever runs it."), private=True)


def _list(context: Context, words: Words) -> Reply:
    with context.store.reading() as tx:
        bans = tx.bans()
    if not bans:
        return Reply(
            (
                paragraph(
                    words.say("Nobody is banned. To ban a chat or a person:"), "\n", code("/ban telegram:-100123")
                ),
            ),
            private=True,
        )
    lines = [
        f"{one.whom} · {one.at:%Y-%m-%d} · {one.by}" + (f" · {shorten(one.why, 80)}" if one.why else "")
        for one in bans[:_SHOWN]
    ]
    if rest := len(bans) - len(lines):
        lines.append(words.count("And {n} other.", "And {n} others.", rest))
    return Reply(
        (
            heading(words.count("{n} is banned", "{n} are banned", len(bans))),
            paragraph("\n".join(lines)),
            paragraph(words.say("To serve one again:"), " ", code(f"/unban {bans[0].whom}")),
        ),
        private=True,
    )
