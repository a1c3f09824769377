"""Who may subscribe in a chat, and which place of its group its digests go to."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.asking import standing_of
from bot.commands.context import Context, note, require_manager
from bot.errors import BadInput, NotAllowed
from bot.model import Address, Chat, Deed, Place
from bot.pages import shorten
from bot.ports import Caller, Transaction
from bot.replies import Button, Reply, bold, paragraph, plain, say
from bot.words import Words

_ACCESS = {"all": True, "admins": False}


def access(context: Context, caller: Caller, argument: str) -> Reply:
    """``all`` or ``admins``: who may subscribe and unsubscribe here; alone, who may now."""
    words = context.words(caller)
    if caller.place is Place.PRIVATE:
        return say(words.say("This chat is yours alone: nobody else can subscribe here."), private=True)
    if not argument:
        with context.store.reading() as tx:
            chat = tx.chat(caller.address)
        return _access_page(words, chat is not None and chat.open_to_all)
    require_manager(words, caller)
    wanted = _ACCESS.get(argument.strip().casefold())
    if wanted is None:
        raise BadInput(words.say("Write /access all or /access admins."))
    with context.store.transaction() as tx:
        chat = context.open_chat(tx, caller)
        note(context, tx, caller, Deed.ACCESS, *("all" if one else "admins" for one in (chat.open_to_all, wanted)))
        tx.put_chat(replace(chat, open_to_all=wanted))
    return _access_page(words, wanted)


def press_access(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button: ``all`` or ``admins``."""
    require_manager(context.words(caller), caller)
    return replace(access(context, caller, argument if argument in _ACCESS else ""), edits=True)


def _access_page(words: Words, open_to_all: bool) -> Reply:
    told = (
        words.say("Everybody here may subscribe and unsubscribe.")
        if open_to_all
        else words.say("Only this chat's administrators may subscribe and unsubscribe.")
    )
    rest = words.say("Language, time and the other settings are always its administrators'.")
    buttons = (
        Button(("✓ " if open_to_all else "") + words.say("Everybody"), "access:all"),
        Button(("" if open_to_all else "✓ ") + words.say("Administrators"), "access:admins"),
    )
    return Reply((paragraph(bold(told), plain("\n" + rest)),), (buttons,))


def here(context: Context, caller: Caller, argument: str) -> Reply:
    """Digests of this group come here: those of its one other chat that follows something, or of the one that is
    named; ``off`` sends them back."""
    words = context.words(caller)
    require_manager(words, caller)
    if caller.place is Place.PRIVATE:
        raise BadInput(words.say("Write /here in the topic, thread or channel that digests should go to."))
    if argument.casefold() == "off":
        return _sent_back(context, caller, words)
    if argument:
        standing = standing_of(context, words, caller, argument)
        if not standing.manages:
            raise NotAllowed(words.say("Only who administers {chat} may send its digests here.", chat=standing.title))
        with context.store.reading() as tx:
            chat = tx.chat(standing.address)
        if chat is None:
            raise BadInput(words.say("{chat} follows nothing that could come here.", chat=standing.title))
        return _brought(context, caller, words, chat.id)
    with context.store.reading() as tx:
        others = [] if caller.address.platform == "discord" else _others(tx, caller.address)
        own = tx.chat(caller.address)
    if len(others) == 1:
        return _brought(context, caller, words, others[0].id)
    if others:
        buttons = [(Button(shorten(_called(words, one), 50), f"here:{one.id}"),) for one in others[:20]]
        return Reply((paragraph(words.say("Whose digests should come here?")),), tuple(buttons))
    if own is not None and own.target is not None:
        return _sent_back(context, caller, words)
    return say(
        words.say(
            "What this place follows comes here anyway. To bring the digests of another channel here, name it:"
            " /here #channel"
        )
        if caller.address.platform == "discord"
        else words.say("No other place of this group follows anything; what this one follows comes here anyway.")
    )


def press_here(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button: a chat of this group by its number, or ``off``."""
    words = context.words(caller)
    require_manager(words, caller)
    if argument == "off":
        return replace(_sent_back(context, caller, words), edits=True)
    with context.store.reading() as tx:
        theirs = [one for one in _others(tx, caller.address) if str(one.id) == argument]
    if not theirs:
        return say(words.say("That place follows nothing any more. /here shows what there is."), private=True)
    return replace(_brought(context, caller, words, theirs[0].id), edits=True)


def _others(tx: Transaction, address: Address) -> list[Chat]:
    """Chats of the same group that follow something, but for this one."""
    chats = [one for one in tx.chats_under(replace(address, thread="")) if one.address != address]
    held = tx.subscriptions([one.id for one in chats])
    return [one for one in chats if held.get(one.id)]


def _called(words: Words, chat: Chat) -> str:
    """A place of a group, as its people know it."""
    if chat.address.thread:
        return words.say("topic {number}", number=chat.address.thread)
    return words.say("the group itself") if chat.address.platform == "telegram" else chat.title


def _brought(context: Context, caller: Caller, words: Words, chat_id: int) -> Reply:
    with context.store.transaction() as tx:
        chat = tx.chat_by_id(chat_id)
        if chat is None:
            raise BadInput(words.say("That place follows nothing any more. /here shows what there is."))
        if chat.target != caller.address:
            _moved(context, tx, caller, chat, caller.address)
    return Reply(
        (
            paragraph(bold(words.say("Digests of {place} come here from now on.", place=_called(words, chat)))),
            paragraph(words.say("What it follows, and when they come, is still set there; /here off sends them back.")),
        ),
        ((Button(words.say("Send them back"), "here:off"),),),
    )


def _sent_back(context: Context, caller: Caller, words: Words) -> Reply:
    """Chats whose digests come here, and this chat's own that go elsewhere, have them where they are."""
    with context.store.transaction() as tx:
        away = tx.chats_aimed_at(caller.address)
        own = tx.chat(caller.address)
        if own is not None and own.target is not None:
            away.append(own)
        for chat in away:
            _moved(context, tx, caller, chat, None)
    if not away:
        return say(words.say("No other place's digests come here."), private=True)
    return say(words.count("The digests of {n} place go back to it.", "The digests of {n} places go back to them.",
                           len(away)))  # fmt: skip


def _moved(context: Context, tx: Transaction, caller: Caller, chat: Chat, target: Address | None) -> None:
    tx.put_chat(replace(chat, target=target))
    told = (f"{chat.address} → {place or chat.address}" for place in (chat.target, target))
    note(context, tx, caller, Deed.HERE, *told)
