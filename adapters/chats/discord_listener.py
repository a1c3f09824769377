"""What people do on Discord, brought to the desk, and its answers brought back.

Buttons are answered from what they carry alone (no views are kept), so they outlive a restart.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import discord
from discord import InteractionType

from adapters.chats import discord_wire as wire
from adapters.chats.discord_commands import LOCALES, read_autocomplete, read_command, suggestions
from adapters.chats.discord_components import OF_COMPONENTS
from adapters.chats.discord_render import EPHEMERAL, render
from bot.errors import PaperroundError, TryLater, Uncertain
from bot.model import POSTS, Address, Cause, Place
from bot.ports import Caller, Desk, Haste
from bot.replies import File, Reply, say

log = logging.getLogger(__name__)

Send = Callable[[Address, bytes, str], Awaitable[str]]
Body = dict[str, Any]

_SLASH = 1
_MESSAGE, _DEFER, _DEFER_UPDATE, _UPDATE, _SUGGEST = 4, 5, 6, 7, 8
_LONGEST_WORK = 14 * 60.0
"""Seconds; an interaction's token is good for 15 minutes."""
_SUGGEST_WITHIN = 2.0
_TRIES = 3
_TYPED = re.compile(r"/([A-Za-z0-9_]{1,32})(?:\s+(.*))?\Z", re.DOTALL)
"""A command that was sent as a text."""

_WAIT = "⏳"
"""All that is said to a command that comes too soon after others."""
_SORRY = {
    "en": "Something went wrong here. It has been logged; please try again later.",
    "zh-Hans": "这里出了点问题，已记入日志，请稍后再试。",
    "zh-Hant": "這裡出了點問題，已記入日誌，請稍後再試。",
}


@dataclass(frozen=True, slots=True)
class _Answer:
    """A reply as bodies. ``private``: for the asking person's eyes, as a ``file`` always is; ``edits``: takes its
    message's place. ``formed``: the same in the form of components."""

    bodies: tuple[Body, ...]
    private: bool = False
    edits: bool = False
    file: File | None = None
    formed: tuple[Body, ...] = ()
    aside: bool = False


class Listener:
    """Handles one client's events. ``patience``: seconds an answer may take before the interaction is deferred,
    and with it the choice between public and private is made."""

    def __init__(self, desk: Desk, send: Send, patience: float) -> None:
        self._desk, self._send, self._patience = desk, send, patience
        self._busy: set[asyncio.Task[Any]] = set()

    async def drained(self, within: float) -> None:
        """Wait for what is being answered; what takes longer than ``within`` seconds is cancelled."""
        busy = self._busy - {asyncio.current_task()}
        if not busy:
            return
        _, late = await asyncio.wait(busy, timeout=within)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=within)

    async def interaction(self, event: discord.Interaction[Any]) -> None:
        with self._at_work("an interaction"):
            if isinstance(event.user, discord.User | discord.Member) and event.channel_id is not None:
                data: Mapping[str, Any] = event.data or {}
                match event.type:
                    case InteractionType.autocomplete:
                        await self._suggest(event, *read_autocomplete(data))
                    case _ if await self._held_back(event):
                        pass
                    case InteractionType.application_command if data.get("type", _SLASH) == _SLASH:
                        await self._respond(event, self._command(event, *read_command(data)))
                    case InteractionType.component:
                        await self._respond(event, self._press(event, str(data.get("custom_id", ""))))
            else:
                log.warning("an interaction from a place Discord did not name was left unanswered")

    async def _held_back(self, event: discord.Interaction[Any]) -> bool:
        """Whoever asks for too much reads so once; then no more than what Discord needs, or it calls the bot broken."""
        haste = self._desk.haste(caller := self._caller(event, False))
        if haste is Haste.SERVED:
            return False
        if haste is Haste.TOLD:
            await self._respond(event, self._desk.slowed(caller))
        elif event.type is InteractionType.component:
            await wire.respond(event, _DEFER_UPDATE)
        else:
            await wire.respond(event, _MESSAGE, _private(_bodies(say(_WAIT))[0]))
        return True

    async def message(self, message: discord.Message, me: int) -> None:
        """A text written to the bot, whose id is ``me``: in private, or in a server with its name in it."""
        guild = message.guild
        text, named = re.subn(rf"<@!?{me}>", " ", message.content)
        if message.author.bot or (not named if guild is not None else not text.strip()):
            return
        with self._at_work("a message"):
            found = _TYPED.match(text.strip())
            name, argument = (found[1].lower(), found[2] or "") if found else ("", text.strip())
            address = Address("discord", str(message.channel.id))
            author = message.author
            caller = Caller(
                address=address,
                user=(user := f"discord:{author.id}"),
                name=author.display_name,
                place=Place.PRIVATE if guild is None else Place.GROUP,
                title=author.display_name if guild is None else _title(guild, message.channel),
                locale=_locale(guild),
                manages=self._desk.needs_rights(name, argument) and (guild is None or _manages(message)),
                admin=self._desk.is_admin(user),
                forum=_forum(message.channel),
            )
            haste = self._desk.haste(caller)
            if haste is Haste.SILENT:
                return
            work = self._desk.slowed(caller) if haste is Haste.TOLD else self._desk.answer(caller, name, argument)
            answer = await self._guarded(work, "")
            bodies = answer.bodies
            if answer.file is not None:
                bodies = await self._confided(message, answer.file, bodies)
            if guild is not None:
                answers = {"message_id": str(message.id), "fail_if_not_exists": False}
                bodies = ({**bodies[0], "message_reference": answers}, *bodies[1:])
            await self._say(address, bodies, f"m{message.id}")

    async def _confided(self, message: discord.Message, file: File, bodies: tuple[Body, ...]) -> tuple[Body, ...]:
        """Send a file where one person alone sees it; what is read where they asked."""
        private = message.guild is None
        try:
            to = message.channel if private else message.author
            await to.send(file.name, file=discord.File(io.BytesIO(file.content), file.name))
        except discord.HTTPException as error:
            log.info("a file could not be sent: %s", wire.briefly(error))
            return _bodies(say(file.unsent))
        return bodies if private else _bodies(say(file.sent))

    async def places_back(self, places: Iterable[int]) -> None:
        """Their permissions changed, or a thread was opened again."""
        with self._at_work("a return"):
            await self._desk.back([Address("discord", str(place)) for place in places])

    async def guild_joined(self, guild: discord.Guild) -> None:
        await self.places_back(place.id for place in (*guild.channels, *guild.threads))
        channels = [guild.system_channel, *guild.text_channels]
        channel = next((one for one in channels if one is not None and _may_write(one)), None)
        if channel is None:
            return
        with self._at_work("a new server"):
            address = Address("discord", str(channel.id))
            caller = Caller(address=address, place=Place.GROUP, title=_title(guild, channel), locale=_locale(guild))
            places = [Address("discord", str(place.id)) for place in (*guild.channels, *guild.threads)]
            if (reply := await self._desk.joined(caller, places)) is not None:
                await self._say(address, _bodies(reply), f"g{guild.id}")

    async def guild_left(self, guild: discord.Guild) -> None:
        await self._gone([place.id for place in (*guild.channels, *guild.threads)], f"{Cause.REMOVED} from the server")

    async def channel_deleted(self, channel: discord.abc.GuildChannel) -> None:
        threads = [thread.id for thread in channel.guild.threads if thread.parent_id == channel.id]
        await self._gone([channel.id, *threads], Cause.DELETED.value)

    async def thread_deleted(self, thread: int) -> None:
        await self._gone([thread], Cause.DELETED.value)

    async def _gone(self, places: list[int], why: str) -> None:
        with self._at_work("a farewell"):
            for place in places:
                await self._desk.gone(Address("discord", str(place)), why)

    async def _command(self, event: discord.Interaction[Any], name: str, argument: str) -> Reply:
        caller = self._caller(event, self._desk.needs_rights(name, argument))
        return await self._desk.answer(caller, name, argument)

    async def _press(self, event: discord.Interaction[Any], action: str) -> Reply:
        return await self._desk.press(self._caller(event, self._desk.press_needs_rights(action)), action)

    async def _suggest(self, event: discord.Interaction[Any], name: str, action: str, typed: str) -> None:
        prefix = f"{action} {typed}" if action else typed
        try:
            async with asyncio.timeout(_SUGGEST_WITHIN):
                found = await self._desk.complete(self._caller(event, False), name, prefix)
        except TimeoutError:
            found = ()
        except Exception:
            log.exception("suggestions for /%s failed", name)
            found = ()
        await wire.respond(event, _SUGGEST, {"choices": suggestions(found, action)})

    def _caller(self, event: discord.Interaction[Any], ask_rights: bool) -> Caller:
        """Discord computes the member's permissions in this channel anew for each interaction."""
        private = isinstance(event.channel, discord.DMChannel)
        allowed = event.permissions.manage_guild or event.permissions.administrator
        user = f"discord:{event.user.id}"
        return Caller(
            address=Address("discord", str(event.channel_id)),
            user=user,
            name=event.user.display_name,
            place=Place.PRIVATE if private else Place.GROUP,
            title=event.user.display_name if private else _title(event.guild, event.channel),
            locale=event.locale.value,
            manages=ask_rights and (private or (event.guild_id is not None and allowed)),
            admin=self._desk.is_admin(user),
            forum=_forum(event.channel),
        )

    async def _respond(self, event: discord.Interaction[Any], work: Awaitable[Reply]) -> None:
        pressed = event.type is InteractionType.component
        task = asyncio.ensure_future(self._guarded(work, event.locale.value))
        try:
            await asyncio.wait({task}, timeout=self._patience)
            deferred = not task.done()
            if deferred:
                await wire.respond(event, _DEFER_UPDATE if pressed else _DEFER)
            answer = await task
        finally:
            task.cancel()
        edits = pressed and (answer.edits or (answer.aside and _own(event)))
        if edits and answer.formed and _flags(event) & OF_COMPONENTS:
            # A message that is of components stays so.
            answer = replace(answer, bodies=answer.formed)
        private = answer.private or (pressed and answer.aside and not edits)
        bodies = [_private(body) if private else body for body in answer.bodies]
        if not bodies and not pressed:
            # A command must be answered by something.
            bodies = list(_bodies(say("…")))
        if edits and bodies:
            first = _replacing(answer.bodies[0])
            await (wire.edit_original(event, first) if deferred else wire.respond(event, _UPDATE, first))
        elif pressed and deferred:
            bodies.insert(0, {})
        elif deferred and answer.file is not None:
            # It was deferred in public: what is seen there says so, and the rest is private as it should be.
            await wire.edit_original(event, _bodies(say(answer.file.sent))[0])
            await wire.follow_up(event, bodies[0], answer.file)
        elif deferred and answer.private:
            # It was deferred in public, before anybody knew: what stands there goes, and one person reads the answer.
            await wire.delete_original(event)
            await wire.follow_up(event, bodies[0])
        elif deferred:
            await wire.edit_original(event, bodies[0])
        elif not bodies:
            await wire.respond(event, _DEFER_UPDATE)
        else:
            await self._first(event, bodies[0], answer.file)
        file = answer.file if pressed and deferred else None
        for number, body in enumerate(bodies[1:], 2):
            await wire.follow_up(event, body, file if number == len(bodies) else None)

    async def _first(self, event: discord.Interaction[Any], body: Body, file: File | None) -> None:
        try:
            await wire.respond(event, _MESSAGE, body, file)
        except discord.HTTPException as error:
            if error.status != 400 or error.code == 40060:
                raise
            log.error("Discord refuses an answer: %s", wire.briefly(error))
            await wire.respond(event, _MESSAGE, _private(_bodies(_sorry(event.locale.value))[0]))

    async def _guarded(self, work: Awaitable[Reply], locale: str) -> _Answer:
        """A desk that raises is a mistake of ours, not of the person who asked."""
        try:
            async with asyncio.timeout(_LONGEST_WORK):
                reply = await work
            formed = _bodies(reply, components=True) if reply.edits or reply.aside else ()
            private = reply.private or reply.file is not None
            return _Answer(_bodies(reply), private, reply.edits, reply.file, formed, reply.aside)
        except Exception:
            log.exception("an answer failed")
            return _Answer(_bodies(_sorry(locale)), private=True)

    async def _say(self, address: Address, bodies: tuple[Body, ...], nonce: str) -> None:
        for number, body in enumerate(bodies):
            for attempt in range(1, _TRIES + 1):
                try:
                    # The nonce makes a repetition harmless.
                    await self._send(address, json.dumps(body).encode(), f"{nonce}-{number}")
                    break
                except (TryLater, Uncertain) as error:
                    if attempt == _TRIES:
                        raise
                    after = error.after if isinstance(error, TryLater) else None
                    await asyncio.sleep(min(1.0 if after is None else after, 60.0))

    @contextmanager
    def _at_work(self, what: str) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            yield
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError, PaperroundError) as error:
            log.warning("%s could not be answered: %s", what, wire.briefly(error))
        except Exception:
            log.exception("%s could not be answered", what)
        finally:
            self._busy.discard(task)


def _bodies(reply: Reply, components: bool = False) -> tuple[Body, ...]:
    return tuple(json.loads(message.payload) for message in render(reply, components))


def _flags(event: discord.Interaction[Any]) -> int:
    """Of the message whose button was pressed."""
    return event.message.flags.value if event.message is not None else 0


def _own(event: discord.Interaction[Any]) -> bool:
    """Whether only the presser sees the message."""
    return isinstance(event.channel, discord.DMChannel) or bool(_flags(event) & EPHEMERAL)


def _private(body: Body) -> Body:
    return {**body, "flags": body.get("flags", 0) | EPHEMERAL}


def _replacing(body: Body) -> Body:
    """An edit keeps what it does not name; beside components there may be neither content nor embeds
    (https://discord.com/developers/docs/components/using-message-components)."""
    content = None if body.get("flags", 0) & OF_COMPONENTS else ""
    return {"content": content, "embeds": [], "components": [], "flags": 0, **body}


def _sorry(locale: str) -> Reply:
    return say(_SORRY[LOCALES.get(locale, "en")], private=True)


def _may_write(channel: discord.TextChannel) -> bool:
    me = channel.guild.me
    rights = channel.permissions_for(me) if me is not None else discord.Permissions.none()
    return rights.view_channel and rights.send_messages


def _manages(message: discord.Message) -> bool:
    """As an interaction tells of who sent it."""
    author = message.author
    if not isinstance(author, discord.Member):
        return False
    return author.guild_permissions.manage_guild or author.guild_permissions.administrator


def _locale(guild: discord.Guild | None) -> str:
    """The language of a server that chose one, as communities do; that of others is English whatever they speak."""
    return guild.preferred_locale.value if guild is not None and "COMMUNITY" in guild.features else ""


def _forum(channel: object) -> Address | None:
    """The forum that a post belongs to."""
    parent = channel.parent if isinstance(channel, discord.Thread) else None
    return Address("discord", str(parent.id), POSTS) if isinstance(parent, discord.ForumChannel) else None


def _title(guild: discord.Guild | None, channel: object) -> str:
    names = (getattr(guild, "name", ""), getattr(channel, "name", ""))
    return " #".join(str(name) for name in names if name)
