"""Digests as posts of a forum channel: each one a new post, with the tags that have its topics' names."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.context import Context, digest_comes, note, require_manager
from bot.model import Address, Deed, EmptyDay
from bot.ports import Caller
from bot.replies import Button, Reply, say
from bot.words import Words

_HERE, _FORUM = "thread", "forum"


def placed(context: Context, caller: Caller) -> Caller:
    """For whom it is: in a post that follows nothing of its own, the forum that does."""
    if caller.forum is None:
        return caller
    with context.store.reading() as tx:
        for_forum = tx.chat(caller.address) is None and tx.chat(caller.forum) is not None
    return replace(caller, address=caller.forum) if for_forum else caller


def forum(context: Context, caller: Caller, argument: str) -> Reply:
    """``on``: each digest is a new post of this forum; ``off``: digests come in this post, as messages."""
    words = context.words(caller)
    if caller.forum is None:
        return say(words.say("This is no post of a forum channel. Write /forum in one of its posts."), private=True)
    with context.store.reading() as tx:
        there = tx.chat(caller.forum) is not None
    if argument.casefold() not in ("on", "off"):
        told = (
            words.say("Each digest is a new post of this forum. /forum off brings them into this post.")
            if there
            else words.say("Digests come in this post. /forum on makes each one a new post of the forum.")
        )
        return say(told, buttons=[(_button(words, not there),)])
    require_manager(words, caller)
    return _begin(context, caller, caller.forum) if argument.casefold() == "on" else _end(context, caller, caller.forum)


def offered(words: Words, caller: Caller, reply: Reply) -> Reply:
    """An answer in a forum's post with a button that makes the forum the place of its digests."""
    if caller.forum is None or caller.address == caller.forum or reply.private:
        return reply
    return replace(reply, buttons=(*reply.buttons, (_button(words, True),)))


def _button(words: Words, on: bool) -> Button:
    if on:
        return Button(words.say("A new post for each digest"), "forum:on")
    return Button(words.say("Digests in this post"), "forum:off")


def _begin(context: Context, caller: Caller, address: Address) -> Reply:
    with context.store.transaction() as tx:
        if tx.chat(caller.address) is not None:
            tx.move_chats(caller.address, address)
        chat = context.open_chat(tx, replace(caller, address=address))
        tx.put_chat(replace(chat, empty_day=EmptyDay.SILENT))
        note(context, tx, replace(caller, address=address), Deed.PLACE, _HERE, _FORUM)
    words = context.words(caller, chat)
    return say(
        words.say("From now on each digest is a new post of this forum, with the tags that are called as its topics."),
        words.sentences(digest_comes(words, chat), words.say("Commands work in each of its posts.")),
    )


def _end(context: Context, caller: Caller, address: Address) -> Reply:
    with context.store.transaction() as tx:
        if tx.chat(address) is not None:
            tx.move_chats(address, caller.address)
            note(context, tx, caller, Deed.PLACE, _FORUM, _HERE)
        chat = context.open_chat(tx, caller)
    words = context.words(caller, chat)
    return say(words.say("From now on digests come in this post."), digest_comes(words, chat))
