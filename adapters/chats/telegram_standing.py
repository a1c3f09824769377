"""How a person and the bot stand in a chat on Telegram: https://core.telegram.org/bots/api#getchatmember"""

from __future__ import annotations

import logging
import re
from dataclasses import replace

from telegram import Bot, Chat, ChatMember, ChatMemberAdministrator, ChatMemberRestricted

from adapters.chats.telegram_requests import telegram_errors
from adapters.chats.telegram_updates import PLATFORM, Written
from bot.errors import ChatGone, PaperroundError, Refused, TryLater, Uncertain
from bot.model import Address, Place
from bot.ports import Caller, Standing

log = logging.getLogger(__name__)

_NAME = re.compile(r"(?:(?:https?://)?t\.me/|@)?([A-Za-z]\w{3,31})/?(?:/\d+)?")
_LINK = re.compile(r"(?:https?://)?t\.me/c/(\d{1,15})(?:/\d+)*/?")
_MANAGES = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)


def chat_named(text: str) -> str | int:
    """``@name``, ``-100123``, ``https://t.me/name/5``, ``https://t.me/c/123/5`` as the Bot API takes a chat. Raises
    Refused for anything else, a person's number too."""
    text = text.strip()
    if re.fullmatch(r"-\d{1,19}", text):
        return int(text)
    if found := _LINK.fullmatch(text):
        return int(f"-100{found[1]}")
    if (found := _NAME.fullmatch(text)) and found[1].casefold() != "c":
        return f"@{found[1]}"
    raise Refused("no chat's name")


async def standing(bot: Bot, user: str, wanted: str) -> Standing:
    """As ``bot.ports.Places``."""
    named = chat_named(wanted)
    try:
        with telegram_errors():
            chat = await bot.get_chat(named)
    except Uncertain as error:  # nothing was sent that could have arrived
        raise TryLater(str(error)) from error
    if chat.type == Chat.PRIVATE:
        raise Refused("a private chat")
    person = await _member(bot, chat.id, int(user.partition(":")[2]))
    me = await _member(bot, chat.id, int(bot.token.partition(":")[0]))
    return Standing(
        Address(PLATFORM, str(chat.id)),
        Place.CHANNEL if chat.type == Chat.CHANNEL else Place.GROUP,
        chat.title or (f"@{chat.username}" if chat.username else str(chat.id)),
        manages=person is not None and person.status in _MANAGES,
        writes=me is not None and _writes(me, chat.type),
    )


async def administers(bot: Bot, caller: Caller) -> bool:
    """Whether the caller may change the chat they write in, asked afresh; without an answer: no."""
    try:
        member = await _member(bot, int(caller.address.chat), int(caller.user.partition(":")[2]))
    except (PaperroundError, ValueError) as error:
        log.warning("Telegram: rights in chat %s could not be asked (%s)", caller.address.chat, type(error).__name__)
        return False
    return member is not None and member.status in _MANAGES


async def meant(bot: Bot, event: Written) -> Written:
    """A post that somebody forwards in private from a channel they administer names that channel; every other is text
    like any."""
    if event.forwarded:
        try:
            if (await standing(bot, event.caller.user, event.forwarded)).manages:
                return replace(event, name="channel", argument=event.forwarded)
        except PaperroundError:
            return event
    return event


async def _member(bot: Bot, chat: int, user: int) -> ChatMember | None:
    """None where Telegram does not say: of a channel it tells its administrators alone."""
    try:
        with telegram_errors():
            return await bot.get_chat_member(chat, user)
    except (Refused, ChatGone):
        return None
    except Uncertain as error:
        raise TryLater(str(error)) from error


def _writes(me: ChatMember, kind: str) -> bool:
    if kind == Chat.CHANNEL:
        return isinstance(me, ChatMemberAdministrator) and bool(me.can_post_messages)
    if isinstance(me, ChatMemberRestricted):
        return me.is_member and me.can_send_messages
    return me.status in (*_MANAGES, ChatMember.MEMBER)
