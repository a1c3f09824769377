"""Speaking for a channel: what an administrator writes to the bot in private is meant for a chat they administer.

The mode is stored, for a restart must not change for whom a command is meant. The platform is asked for the person's
rights at every command and press.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.commands.asking import standing_of
from bot.commands.context import Context
from bot.errors import BadInput, NotAllowed
from bot.model import Place, Proxy
from bot.pages import MOST_CARRIED
from bot.ports import Caller
from bot.replies import Button, Reply, code, italic, paragraph, say
from bot.words import Words

OWN = frozenset({
    "help", "channel", "here", "topic", "summary", "invite", "status", "announce", "ban", "unban", "chats", "privacy",
})  # fmt: skip
"""Commands that are meant for the person or the instance, whoever they speak for."""
_MARK = "^"


@dataclass(frozen=True, slots=True)
class Meant:
    """For whom something is meant: ``caller`` as they would be there, ``title`` what the chat is called."""

    caller: Caller
    title: str


def channel(context: Context, caller: Caller, argument: str) -> Reply:
    """``@name``, a number or a link: from now on commands here are meant for that chat. Alone it ends that, or says
    how to begin."""
    words = context.words(caller)
    if caller.place is not Place.PRIVATE or caller.address.platform == "console":
        raise BadInput(words.say("Write /channel to me in private, on the platform where the channel is."))
    with context.store.reading() as tx:
        proxy = tx.proxy(caller.address)
    if not argument:
        return _left(context, caller, words) if proxy else _explained(words, caller)
    standing = standing_of(context, words, caller, argument)
    if not standing.manages:
        raise NotAllowed(words.say("You do not administer {chat}, so you cannot speak for it.", chat=standing.title))
    if not standing.writes:
        raise NotAllowed(
            words.say("I may not post in {chat}. Give me the right to post there, then try again.", chat=standing.title)
        )
    with context.store.transaction() as tx:
        tx.put_proxy(
            Proxy(caller.address, caller.user, standing.address, standing.place, standing.title, context.now())
        )
    return Reply(
        (
            paragraph(words.say("What you write here is meant for {chat} from now on.", chat=standing.title)),
            paragraph(code("/subscribe LoRA"), " · ", code("/subscriptions"), " · ", code("/time 08:30"), " · ",
                      code("/language")),
            paragraph(words.say("/channel alone ends this.")),
        ),
        ((Button(words.say("Speak for myself again"), "channel:leave"),),),
    )  # fmt: skip


def press(context: Context, caller: Caller, argument: str) -> Reply:
    """``leave``."""
    return replace(_left(context, caller, context.words(caller)), edits=True)


def _left(context: Context, caller: Caller, words: Words) -> Reply:
    with context.store.transaction() as tx:
        proxy = tx.proxy(caller.address)
        tx.drop_proxy(caller.address)
    if proxy is None:
        return say(words.say("What you write here is meant for yourself already."), private=True)
    return say(words.say("What you write here is meant for yourself again, no longer for {chat}.", chat=proxy.title))


def _explained(words: Words, caller: Caller) -> Reply:
    telegram = caller.address.platform == "telegram"
    ways = (
        words.say("Add me to your channel as an administrator who may post. Then write its name here, or forward one of"
                  " its posts to me:")
        if telegram
        else words.say("Add me to your server. Then write the channel's number here, or a link to it:")
    )  # fmt: skip
    example = "/channel @my_channel" if telegram else "/channel https://discord.com/channels/1/2"
    return Reply(
        (
            paragraph(
                words.say("You can set up a channel from here: what you write is meant for it until you say so.")
            ),
            paragraph(ways, "\n", code(example)),
        )
    )


def meant(context: Context, caller: Caller, name: str, argument: str) -> Meant | None:
    """For whom a command is meant; None for the caller. Raises NotAllowed where they may not speak for it any more."""
    if caller.place is not Place.PRIVATE or name in OWN or (name == "start" and not argument) or not caller.user:
        return None
    with context.store.reading() as tx:
        proxy = tx.proxy(caller.address)
    if proxy is None or proxy.user != caller.user:
        return None
    return _represented(context, caller, proxy.chat.chat, proxy)


def meant_by_press(context: Context, caller: Caller, action: str) -> tuple[Meant | None, str]:
    """For whom a press is meant, by what the button carries, and the action itself. Raises as ``meant``."""
    if not action.startswith(_MARK) or caller.place is not Place.PRIVATE:
        return None, action
    chat, _, rest = action[1:].partition(_MARK)
    return _represented(context, caller, chat[:40]), rest


def _represented(context: Context, caller: Caller, chat: str, proxy: Proxy | None = None) -> Meant:
    words = context.words(caller)
    standing = standing_of(context, words, caller, chat)
    if not standing.manages:
        if proxy is not None:
            with context.store.transaction() as tx:
                tx.drop_proxy(caller.address)
        raise NotAllowed(
            words.say("You no longer administer {chat}: what you write is meant for yourself again.",
                      chat=standing.title)
        )  # fmt: skip
    there = replace(caller, address=standing.address, place=standing.place, title=standing.title, manages=True)
    return Meant(there, standing.title)


def told_for(context: Context, reply: Reply, who: Meant, changes: Mapping[str, bool]) -> Reply:
    """The reply with a line above it that says for whom it is, and buttons that say so too: one pressed when somebody
    speaks for another chat is still for this. ``changes``: whether what a button's word does changes a chat."""
    words = context.words(who.caller)
    rows = []
    for row in reply.buttons:
        made = []
        for button in row:
            action = f"{_MARK}{who.caller.address.chat}{_MARK}{button.action}"
            fits = len(action.encode()) <= MOST_CARRIED
            own = button.action.partition(":")[0] in OWN
            if not button.action or own:
                made.append(button)
            elif fits:
                made.append(replace(button, action=action))
            elif not changes.get(button.action.partition(":")[0]):
                made.append(button)  # it shows the same to whoever asks
        if made:
            rows.append(tuple(made))
    line = paragraph(italic(words.say("For {chat}:", chat=who.title)))
    return replace(reply, blocks=(line, *reply.blocks), buttons=tuple(rows))
