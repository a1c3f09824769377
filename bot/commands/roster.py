"""The chats of an instance for its admins, and the audit log for admins of the instance and of a chat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from bot.commands.context import Context, label_of, require_admin, require_manager, require_unheard
from bot.errors import BadInput
from bot.model import Address, Change, Chat, ChatState, Deed, DeliveryState, Place
from bot.pages import shorten
from bot.ports import Caller
from bot.replies import Button, Reply, bold, heading, paragraph, plain, say
from bot.words import Words, language_name

PAGE = 8
"""Chats on a page: a button each."""
LINES = 15
"""Lines of the audit log on a page."""
_SHOWN = 10


def chats(context: Context, caller: Caller, argument: str) -> Reply:
    """Every chat with its state, what it follows and its last digest, a page at a time; with an address its card."""
    words = context.words(caller)
    require_admin(words, caller)
    require_unheard(words, caller)
    if not argument:
        return _page(context, words, 0)
    try:
        address = Address.parse(argument)
    except ValueError:
        raise BadInput(words.say("Name a chat as the list does: /chats telegram:-100123")) from None
    with context.store.reading() as tx:
        chat = tx.chat(address)
    if chat is None:
        raise BadInput(words.say("No chat of this address is known: {chat}", chat=shorten(argument, 60)))
    return _card(context, words, chat)


def press_chats(context: Context, caller: Caller, argument: str) -> Reply:
    """``page:OFFSET`` or ``card:NUMBER``."""
    words = context.words(caller)
    require_admin(words, caller)
    verb, _, number = argument.partition(":")
    if not (number.isdecimal() and len(number) < 12):
        return say(words.say("This button is too old. /chats shows the list."), private=True)
    if verb == "page":
        return replace(_page(context, words, int(number)), edits=True)
    with context.store.reading() as tx:
        chat = tx.chat_by_id(int(number))
    if chat is None:
        return say(words.say("This chat is not known any more."), private=True)
    return replace(_card(context, words, chat), edits=True)


def _page(context: Context, words: Words, offset: int) -> Reply:
    with context.store.reading() as tx:
        total = tx.chat_count()
        shown = tx.chats_page(offset, PAGE)
        ids = [chat.id for chat in shown]
        held, last = tx.subscriptions(ids), tx.last_digests(ids)
    if not shown:
        return say(words.say("No chat is known yet.") if not offset else words.say("That was all of it."), private=True)
    blocks = []
    for number, chat in enumerate(shown, offset + 1):
        follows = words.count("{n} subscription", "{n} subscriptions", len(held.get(chat.id, ())))
        facts = [_state(words, chat), follows, _last(words, last.get(chat.id))]
        blocks.append(
            paragraph(
                bold(f"{number}. {_title(chat)}"), plain(f"  {chat.address}\n" + " · ".join(f for f in facts if f))
            )
        )
    cards = [Button(f"{n}", f"chats:card:{chat.id}") for n, chat in enumerate(shown, offset + 1)]
    rows = [tuple(cards[i : i + 4]) for i in range(0, len(cards), 4)]
    ways = []
    if offset:
        ways.append(Button("◀", f"chats:page:{max(0, offset - PAGE)}"))
    if offset + len(shown) < total:
        ways.append(Button("▶", f"chats:page:{offset + PAGE}"))
    first = words.count("{n} chat", "{n} chats", total)
    return Reply((heading(first), *blocks), (*rows, *([tuple(ways)] if ways else [])), private=True)


def _title(chat: Chat) -> str:
    return shorten(chat.title, 60) or "…"


def _state(words: Words, chat: Chat) -> str:
    if chat.banned:
        return words.say("banned")
    if not chat.admitted:
        return words.say("not admitted")
    return {
        ChatState.ACTIVE: words.say("active"),
        ChatState.STOPPED: words.say("stopped"),
        ChatState.UNREACHABLE: words.say("out of reach"),
    }[chat.state]


def _last(words: Words, last: tuple[DeliveryState, datetime | None] | None) -> str:
    if last is None:
        return words.say("no digest yet")
    state, at = last
    said = {
        DeliveryState.SENT: words.say("sent"),
        DeliveryState.UNREACHABLE: words.say("held"),
        DeliveryState.FAILED: words.say("failed"),
    }.get(state, words.say("on its way"))
    return words.say("last digest {at}: {state}", at=f"{at:%Y-%m-%d %H:%M} UTC" if at else "?", state=said)


def _card(context: Context, words: Words, chat: Chat) -> Reply:
    with context.store.reading() as tx:
        held = tx.subscriptions([chat.id]).get(chat.id, ())
        topics = tx.topics()
        last = tx.last_digests([chat.id]).get(chat.id)
    lines = [
        f"{_state(words, chat)}" + (f" ({shorten(chat.why, 120)})" if chat.why else ""),
        f"{language_name(chat.language)} · {chat.time:%H:%M} {chat.timezone}",
        _last(words, last),
    ]
    if chat.target:
        lines.append(words.say("Its digests go to {place}.", place=chat.target))
    if chat.open_to_all:
        lines.append(words.say("Everybody there may subscribe."))
    followed = [f"· {shorten(label_of(one, topics, words.language), 100)}" for one in held[:_SHOWN]]
    if rest := len(held) - len(followed):
        followed.append(words.count("And {n} other.", "And {n} others.", rest))
    blocks = [
        paragraph(bold(_title(chat)), plain(f"  {chat.address}")),
        paragraph("\n".join(lines)),
        paragraph("\n".join([words.count("{n} subscription", "{n} subscriptions", len(held)), *followed])),
    ]
    whom = f"{chat.address.platform}:{chat.address.chat}"
    switch = (
        Button(words.say("Lift the ban"), f"unban:{whom}") if chat.banned else Button(words.say("Ban"), f"ban:{whom}")
    )
    buttons = [switch] if chat.address.platform != "console" else []
    return Reply(tuple(blocks), ((*buttons, Button(words.say("All chats"), "chats:page:0")),), private=True)


def audit(context: Context, caller: Caller, argument: str) -> Reply:
    """What admins changed, the latest first: of this chat for its managers, of all for the instance's admins (in their
    private chat, or with ``all``)."""
    words = context.words(caller)
    everything = caller.admin and (argument.casefold() == "all" or caller.place is Place.PRIVATE)
    if everything:
        require_unheard(words, caller)
    else:
        require_manager(words, caller)
    return _log(context, caller, words, 0, everything)


def press_audit(context: Context, caller: Caller, argument: str) -> Reply:
    """``all:OFFSET`` or ``here:OFFSET``."""
    words = context.words(caller)
    which, _, number = argument.partition(":")
    if which not in ("all", "here") or not (number.isdecimal() and len(number) < 10):
        return say(words.say("This button is too old. /audit shows the latest."), private=True)
    if which == "all":
        require_admin(words, caller)
    else:
        require_manager(words, caller)
    return replace(_log(context, caller, words, int(number), which == "all"), edits=True)


def _log(context: Context, caller: Caller, words: Words, offset: int, everything: bool) -> Reply:
    with context.store.reading() as tx:
        lines = tx.audit_page(offset, LINES + 1, None if everything else str(caller.address))
    if not lines:
        return say(words.say("Nothing was changed yet.") if not offset else words.say("That was all of it."),
                   private=True)  # fmt: skip
    which = "all" if everything else "here"
    ways = []
    if offset:
        ways.append(Button(words.say("Later"), f"audit:{which}:{max(0, offset - LINES)}"))
    if len(lines) > LINES:
        ways.append(Button(words.say("Earlier"), f"audit:{which}:{offset + LINES}"))
    title = words.say("What admins changed") if everything else words.say("What was changed in this chat")
    return Reply(
        (heading(title), *(paragraph(line) for line in _told(words, lines[:LINES], everything))),
        (tuple(ways),) if ways else (),
        private=True,
    )


def _told(words: Words, lines: Sequence[Change], everything: bool) -> Iterator[str]:
    for one in lines:
        who = one.who or words.say("nobody named")
        where = f" · {one.chat}" if everything and one.chat else ""
        changed = f": {shorten(one.before, 150) or '–'} → {shorten(one.after, 150) or '–'}"
        told = _deed(words, one.what) + (changed if one.before or one.after else "")
        yield f"{one.at:%Y-%m-%d %H:%M} UTC · {who}{where}\n{told}"


def _deed(words: Words, what: Deed) -> str:
    return {
        Deed.TOPIC: words.say("topic"),
        Deed.INVITE: words.say("invitation made"),
        Deed.ADMIT: words.say("admitted"),
        Deed.UNMERGE: words.say("papers parted"),
        Deed.SUBSCRIBE: words.say("subscribed"),
        Deed.UNSUBSCRIBE: words.say("unsubscribed"),
        Deed.LANGUAGE: words.say("language"),
        Deed.TIME: words.say("time"),
        Deed.NEWS: words.say("news"),
        Deed.ACCESS: words.say("who may subscribe"),
        Deed.HERE: words.say("where digests go"),
        Deed.PLACE: words.say("place"),
        Deed.SETTING: words.say("setting"),
        Deed.MUTE: words.say("muted"),
        Deed.PAUSE: words.say("paused"),
        Deed.STOP: words.say("stopped"),
        Deed.SUMMARY: words.say("summary"),
        Deed.BAN: words.say("ban"),
        Deed.ANNOUNCE: words.say("announcement"),
        Deed.FORGET: words.say("erased"),
        Deed.EXPIRE: words.say("erased, out of reach for long"),
    }[what]
