"""What Telegram tells, in our words: an update becomes one event, or None where it is none of ours. Pure.

Fields as https://core.telegram.org/bots/api#update and #message give them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from telegram import (
    Chat,
    ChatMember,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Message,
    MessageOriginChannel,
    Update,
    User,
)

from bot.model import Address, Place
from bot.ports import Caller

PLATFORM = "telegram"
ALLOWED_UPDATES = ("message", "channel_post", "callback_query", "my_chat_member", "inline_query")
"""What is asked for: edited messages are not."""

ANONYMOUS_ADMIN = 1087968824
"""The user who stands for a group's anonymous admins; senders by a chat have fake users too
(https://core.telegram.org/bots/api#message, ``from``)."""

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,64})(?:@([A-Za-z0-9_]+))?(?:\s+(.*))?\Z", re.DOTALL)


class Rights(Enum):
    """Whether the sender manages the chat, as far as the update alone tells."""

    YES = "yes"
    ASK = "ask"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Written:
    """A command, or with ``name`` empty a text in private or with the bot's name in it. ``addressed``: it can only be
    meant for this bot. ``forwarded``: the id of the channel that a text in private is a post of. ``slowed``:
    they are told that they ask for too much, and that is all."""

    caller: Caller
    name: str
    argument: str
    addressed: bool
    message_id: int
    rights: Rights
    forwarded: str = ""
    slowed: bool = False


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button under one of the bot's messages; ``message_id`` is that message. ``slowed`` as in ``Written``."""

    caller: Caller
    action: str
    query_id: str
    message_id: int
    rights: Rights
    slowed: bool = False


@dataclass(frozen=True, slots=True)
class Sought:
    """Somebody types the bot's name and a text in whatever chat; ``caller`` is of their private chat with it."""

    caller: Caller
    text: str
    offset: str
    query_id: str


@dataclass(frozen=True, slots=True)
class Joined:
    caller: Caller


@dataclass(frozen=True, slots=True)
class Left:
    address: Address
    why: str


@dataclass(frozen=True, slots=True)
class Back:
    """The bot's rights changed, or a topic was opened again: writing there may be possible now."""

    address: Address


@dataclass(frozen=True, slots=True)
class Moved:
    old: Address
    new: Address


@dataclass(frozen=True, slots=True)
class Stray:
    """A press that cannot be served; Telegram waits for its answer all the same."""

    query_id: str


Event = Written | Pressed | Sought | Joined | Left | Back | Moved | Stray


def read_update(update: Update, username: str) -> Event | None:
    """``username`` is the bot's own, without the @."""
    if message := update.message or update.channel_post:
        return _moved(message) or _reopened(message) or _written(message, username)
    if update.callback_query:
        return _pressed(update)
    if query := update.inline_query:
        return Sought(_caller_of(query.from_user), query.query.strip(), query.offset, query.id)
    if update.my_chat_member:
        return _membership(update.my_chat_member)
    return None


def chat_of(event: Event) -> str:
    """Events of one chat are served in order."""
    match event:
        case Written() | Pressed() | Joined():
            return event.caller.address.chat
        case Sought(caller):
            return f"inline {caller.address.chat}"
        case Left() | Back():
            return event.address.chat
        case Moved():
            return event.new.chat
        case Stray():
            return ""


def _moved(message: Message) -> Moved | None:
    here = Address(PLATFORM, str(message.chat.id))
    if message.migrate_to_chat_id:
        return Moved(here, Address(PLATFORM, str(message.migrate_to_chat_id)))
    if message.migrate_from_chat_id:
        return Moved(Address(PLATFORM, str(message.migrate_from_chat_id)), here)
    return None


def _reopened(message: Message) -> Back | None:
    if message.forum_topic_reopened is None:
        return None
    return Back(Address(PLATFORM, str(message.chat.id), _thread(message)))


def _written(message: Message, username: str) -> Written | None:
    private = message.chat.type == Chat.PRIVATE
    origin = message.forward_origin if private else None
    forwarded = str(origin.chat.id) if isinstance(origin, MessageOriginChannel) else ""
    text = (message.text or (message.caption if forwarded else "") or forwarded).strip()
    if not text or (private and message.from_user and message.from_user.is_bot) or _offered(message, username):
        return None
    named = _without_name(text, username) if message.chat.type != Chat.CHANNEL and not forwarded else None
    found = None if forwarded else _COMMAND.match(text if named is None else named)
    if found is None and not private and named is None:
        return None
    text = text if named is None else named
    name, receiver, argument = found.groups() if found else ("", None, text)
    if receiver and receiver.casefold() != username.casefold():
        return None
    caller = _caller(message.chat, None if message.sender_chat else message.from_user, _thread(message))
    return Written(
        caller,
        name.lower(),
        (argument or "").strip(),
        private or bool(receiver) or named is not None,
        message.message_id,
        _sender_rights(message),
        forwarded,
    )


def _offered(message: Message, username: str) -> bool:
    """Whether the bot itself offered the text, to somebody who typed its name there."""
    return message.via_bot is not None and (message.via_bot.username or "").casefold() == username.casefold()


def _without_name(text: str, username: str) -> str | None:
    """The text without the bot's ``@name``; None where it does not name the bot. A command's ``/name@bot`` does not
    count: that is its receiver."""
    rest, times = re.subn(rf"(?<![\w/@])@{re.escape(username)}(?!\w)", " ", text, flags=re.IGNORECASE)
    return rest.strip() if times else None


def _sender_rights(message: Message) -> Rights:
    chat, sender = message.chat, message.sender_chat
    if chat.type == Chat.PRIVATE:
        return Rights.YES
    if message.is_automatic_forward:
        return Rights.NO
    if sender is not None:
        # An anonymous admin writes as the group, and only admins post as the channel in the channel.
        return Rights.YES if sender.id == chat.id else Rights.NO
    if message.from_user is None or message.from_user.id == ANONYMOUS_ADMIN:
        return Rights.NO
    return Rights.ASK


def _pressed(update: Update) -> Pressed | Stray:
    query = update.callback_query
    assert query is not None
    if query.message is None or not query.data:
        return Stray(query.id)
    chat = query.message.chat
    thread = _thread(query.message) if isinstance(query.message, Message) else ""
    rights = Rights.YES if chat.type == Chat.PRIVATE else Rights.ASK
    return Pressed(_caller(chat, query.from_user, thread), query.data, query.id, query.message.message_id, rights)


def _membership(change: ChatMemberUpdated) -> Joined | Left | Back | None:
    before, after = _is_in(change.old_chat_member), _is_in(change.new_chat_member)
    if after and not before:
        return Joined(_caller(change.chat, change.from_user, ""))
    if before and not after:
        private = change.chat.type == Chat.PRIVATE
        why = "the bot was blocked" if private else "the bot was removed from the chat"
        return Left(Address(PLATFORM, str(change.chat.id)), why)
    return Back(Address(PLATFORM, str(change.chat.id))) if after else None


def _is_in(member: ChatMember) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status in (ChatMember.OWNER, ChatMember.ADMINISTRATOR, ChatMember.MEMBER)


def _thread(message: Message) -> str:
    """The forum topic; in a group without topics ``message_thread_id`` names a mere chain of replies."""
    return str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else ""


def _caller_of(user: User) -> Caller:
    """Somebody in their private chat, which has their number."""
    return Caller(
        Address(PLATFORM, str(user.id)),
        user=f"{PLATFORM}:{user.id}",
        name=user.full_name,
        title=user.full_name,
        locale=user.language_code or "",
    )


def _caller(chat: Chat, user: User | None, thread: str) -> Caller:
    """``user`` None: the sender is a chat."""
    if user is not None and user.id == ANONYMOUS_ADMIN:
        user = None
    places = {Chat.PRIVATE: Place.PRIVATE, Chat.CHANNEL: Place.CHANNEL}
    return Caller(
        Address(PLATFORM, str(chat.id), thread),
        user=f"{PLATFORM}:{user.id}" if user else "",
        name=user.full_name if user else "",
        place=places.get(chat.type, Place.GROUP),
        title=chat.title or chat.full_name or "",
        locale=(user.language_code or "") if user else "",
    )
