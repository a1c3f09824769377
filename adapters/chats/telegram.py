"""Telegram, by long polling or a webhook: https://core.telegram.org/bots/api"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from telegram import Bot, Update
from telegram import error as tg

from adapters.chats.telegram_commands import list_commands
from adapters.chats.telegram_files import send_file
from adapters.chats.telegram_findings import examine
from adapters.chats.telegram_inline import offer
from adapters.chats.telegram_pace import A_SECOND, PAID_A_SECOND, Pace
from adapters.chats.telegram_polling import TOKEN_KEY, TOKEN_MEND, Poll, always
from adapters.chats.telegram_presses import NOTICE_SECONDS, RIGHTS_SECONDS
from adapters.chats.telegram_presses import notice as notice_of
from adapters.chats.telegram_render import marked, render, silent
from adapters.chats.telegram_requests import AiohttpRequest, patiently, telegram_errors
from adapters.chats.telegram_rich import Forms
from adapters.chats.telegram_standing import administers, meant, standing
from adapters.chats.telegram_updates import (
    PLATFORM,
    Back,
    Event,
    Joined,
    Left,
    Moved,
    Pressed,
    Rights,
    Sought,
    Stray,
    Written,
    chat_of,
    read_update,
)
from adapters.chats.telegram_webhook import Door, Webhook
from bot.errors import ChatGone, ChatMoved, ConfigError, Hidden, PaperroundError, Problem, Refused, TryLater
from bot.model import Address, Place
from bot.ports import Caller, Desk, Finding, Haste, Inbox, Message, Standing
from bot.replies import Reply, say

log = logging.getLogger(__name__)

LOG_IN_SECONDS = 10.0
DRAIN_SECONDS = 3.0
MAX_WAITING = 40
"""Unserved events of one chat before more are dropped: nobody's flood holds up the others."""
MAX_TASKS = 500

_OOPS = say("Something went wrong here. It stands in the bot's log; please try again later.")


class Telegram:
    """A bot on Telegram. ``send`` and ``examine`` work without ``start``; ``stop`` closes either way."""

    platform = PLATFORM
    nonce_window = None

    def __init__(
        self,
        token: str,
        api_url: str = "https://api.telegram.org",
        pace: Pace | None = None,
        turn: Callable[[str], Awaitable[bool]] = always,
        door: Door | None = None,
        inbox: Inbox | None = None,
        paid: bool = False,
        rich: bool = False,
    ) -> None:
        """``api_url`` is of the Bot API server; ``paid``: digests are paid broadcasts; ``rich``: papers are rich
        messages where the server knows them; ``turn`` says whether this process polls; with a ``door`` Telegram calls
        there and ``inbox`` holds what it brings. Raises ConfigError for an empty token."""
        self._token, self._paid = token, paid
        self._pace = pace or Pace(per_second=PAID_A_SECOND if paid else A_SECOND)
        self._polling, self._sending = AiohttpRequest(connections=2), AiohttpRequest()
        base = api_url.rstrip("/")
        try:
            self._bot = Bot(
                token,
                base_url=f"{base}/bot",
                base_file_url=f"{base}/file/bot",
                request=self._sending,
                get_updates_request=self._polling,
            )
        except tg.InvalidToken:
            raise ConfigError((Problem(TOKEN_KEY, "is empty", TOKEN_MEND),)) from None
        self._forms = Forms(self._bot, self._sending, rich)
        self._desk: Desk | None = None
        self._known: frozenset[str] = frozenset()
        self._door = door
        if door is not None and inbox is not None:
            self._ear: Poll | Webhook = Webhook(self._bot, door, inbox, self._dispatch, self._greet, self._safe)
        else:
            self._ear = Poll(self._bot, self._polling, self._dispatch, self._greet, self._safe, turn)
        self._listener: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()
        self._latest: dict[str, str] = {}
        """By who types the bot's name somewhere: their last query; those before it nobody waits for any more."""

    def render(self, reply: Reply) -> tuple[Message, ...]:
        """See :func:`adapters.chats.telegram_render.render`."""
        return render(reply, self._forms.rich)

    async def ready(self, address: Address) -> None:
        await self._pace.ready(address.chat)

    async def send(self, address: Address, payload: bytes, nonce: str) -> str:
        """As the port says. Telegram knows no nonce: a lost answer is Uncertain."""
        parameters = json.loads(payload)
        if self._paid:
            parameters["allow_paid_broadcast"] = True
        return await self._send(address, parameters)

    marked = staticmethod(marked)
    silent = staticmethod(silent)

    def follows(self, address: Address, first: str) -> Address:
        return address

    async def find(self, address: Address, payload: bytes, since: datetime) -> str:
        raise Hidden("a bot on Telegram cannot read what was sent")

    async def private_chat(self, user: str) -> Address:
        """A private chat has its user's id."""
        return Address(PLATFORM, user.partition(":")[2])

    async def standing(self, user: str, wanted: str) -> Standing:
        return await standing(self._bot, user, wanted)

    async def start(self, desk: Desk) -> None:
        """Without network it returns as well and goes on trying. Raises ConfigError for a refused token."""
        self._desk = desk
        self._known = frozenset({"start", *(command.name for command in desk.commands("en"))})
        try:
            async with asyncio.timeout(LOG_IN_SECONDS):
                await self._ear.log_in()
        except tg.InvalidToken:
            problem = Problem(TOKEN_KEY, "Telegram does not know this token", TOKEN_MEND)
            raise ConfigError((problem,)) from None
        except (tg.TelegramError, TimeoutError) as error:
            log.warning("Telegram cannot be reached (%s); trying on in the background", self._safe(error))
        self._listener = asyncio.create_task(self._ear.run(), name="telegram")

    @property
    def listening(self) -> bool:
        return self._listener is not None and self._ear.reached

    async def stop(self) -> None:
        """Takes 5 s at most: what is being answered gets 3 of them."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            await asyncio.wait({listener})
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=0.5)
        if listener is not None:
            await self._ear.confirm()
        await asyncio.gather(self._polling.shutdown(), self._sending.shutdown())

    async def examine(self) -> Sequence[Finding]:
        return await examine(self._bot, self._door, self._safe)

    def _greet(self) -> None:
        if self._desk is not None:
            self._spawn(list_commands(self._bot, self._desk, self._safe))

    async def _dispatch(self, update: Update) -> asyncio.Task[None] | None:
        """Returns when more can be taken; the task that serves it, where there is something to serve."""
        event, desk = read_update(update, self._bot.username), self._desk
        if event is None or desk is None:
            return None
        if isinstance(event, Written) and not event.addressed and event.name not in self._known:
            return None
        chat = chat_of(event)
        if isinstance(event, Written | Pressed):
            haste, full = desk.haste(event.caller), self._waiting[chat] >= MAX_WAITING
            if full:
                log.warning("Telegram: chat %s writes faster than it can be answered; left something out", chat)
            if full or haste is Haste.SILENT:
                return self._spawn(self._answer_query(event.query_id)) if isinstance(event, Pressed) else None
            event = replace(event, slowed=haste is Haste.TOLD)
        if isinstance(event, Sought):
            self._latest[chat] = event.query_id
        self._waiting[chat] += 1
        serving = self._spawn(self._serve(desk, event, chat))
        if len(self._tasks) > MAX_TASKS:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        return serving

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _serve(self, desk: Desk, event: Event, chat: str) -> None:
        turn = self._turns.setdefault(chat, asyncio.Lock())
        try:
            if isinstance(event, Pressed) and turn.locked():
                # A press must be acknowledged at once even if its chat is busy.
                await self._answer_query(event.query_id)
                event = replace(event, query_id="")
            async with turn:
                await self._act(desk, event)
        except PaperroundError as error:
            log.warning("Telegram: no answer reached chat %s (%s: %s)", chat, type(error).__name__, self._safe(error))
        except Exception:
            log.exception("Telegram: serving chat %s failed", chat)
        finally:
            self._waiting[chat] -= 1
            if not self._waiting[chat]:
                del self._waiting[chat], self._turns[chat]
                self._latest.pop(chat, None)

    async def _act(self, desk: Desk, event: Event) -> None:
        match event:
            case Written(caller):
                reply = await self._confided(desk, caller, await _asked(self._answered(desk, event)))
                answers = event.message_id if caller.place is Place.GROUP else 0
                await self._post(desk, caller.address, reply, answers)
            case Pressed():
                await self._pressed(desk, event)
            case Sought(query_id=query_id):
                if self._latest.get(chat_of(event)) == query_id:
                    with telegram_errors():
                        await offer(self._call, desk, event)
            case Joined(caller):
                admin = bool(caller.user) and desk.is_admin(caller.user)
                await desk.back((replace(caller.address, thread=""),))
                greeting = await desk.joined(replace(caller, admin=admin))
                # Who unblocks the bot in private presses Start as well, and is greeted for that.
                if greeting is not None and caller.place is not Place.PRIVATE:
                    await self._post(desk, caller.address, greeting)
            case Left(address, why):
                await desk.gone(address, why)
            case Back(address):
                await desk.back((address,))
            case Moved(old, new):
                await desk.moved(old, new)
            case Stray(query_id):
                await self._answer_query(query_id)

    async def _answered(self, desk: Desk, event: Written) -> Reply:
        if event.slowed:
            return await desk.slowed(event.caller)
        event = await meant(self._bot, event)
        needed = desk.needs_rights(event.name, event.argument)
        caller = await self._with_rights(desk, event.caller, event.rights, needed)
        return await desk.answer(caller, event.name, event.argument)

    async def _press(self, desk: Desk, event: Pressed) -> Reply:
        if event.slowed:
            return await desk.slowed(event.caller)
        needed = desk.press_needs_rights(event.action)
        return await desk.press(await self._with_rights(desk, event.caller, event.rights, needed), event.action)

    async def _with_rights(self, desk: Desk, caller: Caller, rights: Rights, needed: bool) -> Caller:
        manages = needed and (rights is Rights.YES or (rights is Rights.ASK and await administers(self._bot, caller)))
        return replace(caller, manages=manages, admin=bool(caller.user) and desk.is_admin(caller.user))

    async def _pressed(self, desk: Desk, event: Pressed) -> None:
        """The press is answered beside its button where that is enough, else the button is let go at once; where it
        may be refused, a moment later, for that is said to one person alone."""
        patience = RIGHTS_SECONDS if desk.press_needs_rights(event.action) else NOTICE_SECONDS
        work = asyncio.create_task(_asked(self._press(desk, event)))
        try:
            await asyncio.wait({work}, timeout=patience)
            notice = notice_of(work.result(), event.caller.place) if work.done() and event.query_id else ""
            if event.query_id:
                await self._answer_query(event.query_id, notice)
            if notice:
                return
            reply = await self._confided(desk, event.caller, await work)
        finally:
            work.cancel()
        if reply.private and event.caller.place is not Place.PRIVATE:
            await self._whisper(desk, event.caller, reply)
            return
        await self._post(desk, event.caller.address, reply, edits=event.message_id if reply.edits or reply.aside else 0)

    async def _call(self, method: str, parameters: Mapping[str, Any]) -> Any:
        return await self._sending.call(f"{self._bot.base_url}/{method}", parameters)

    async def _answer_query(self, query_id: str, notice: str = "") -> None:
        try:
            await self._bot.answer_callback_query(query_id, text=notice or None, show_alert=bool(notice) or None)
        except tg.TelegramError as error:
            log.debug("Telegram: a press was not acknowledged (%s)", self._safe(error))

    async def _whisper(self, desk: Desk, caller: Caller, reply: Reply) -> None:
        """Too late or too long to be shown beside the button: into the private chat, or nowhere."""
        try:
            await self._post(desk, Address(PLATFORM, caller.user.partition(":")[2]), reply)
        except (ChatGone, Refused) as error:
            log.info("Telegram: %s may not be written to in private (%s)", caller.user, self._safe(error))

    async def _confided(self, desk: Desk, caller: Caller, reply: Reply) -> Reply:
        """A file for one of a group goes to their private chat; what the group reads instead."""
        if reply.file is None or caller.place is Place.PRIVATE:
            return reply
        if not caller.user:
            return say(reply.file.unsent)
        try:
            await self._post(desk, Address(PLATFORM, caller.user.partition(":")[2]), reply)
        except (ChatGone, Refused) as error:
            log.info("Telegram: %s may not be written to in private (%s)", caller.user, self._safe(error))
            return say(reply.file.unsent)
        return say(reply.file.sent)

    async def _post(self, desk: Desk, address: Address, reply: Reply, answers: int = 0, edits: int = 0) -> None:
        """Bring a person an answer: as an answer to a message, or in the place of one."""
        try:
            messages = self.render(reply)
        except ValueError:
            log.exception("Telegram: an answer could not be rendered")
            messages = render(_OOPS)
        for message in messages:
            parameters = json.loads(message.payload)
            if edits:
                edited, edits = edits, 0
                if await self._edited(address, edited, dict(parameters)):
                    continue
            if answers:
                parameters["reply_parameters"] = {"message_id": answers, "allow_sending_without_reply": True}
                answers = 0
            try:
                await self._send_urgently(address, parameters)
            except ChatMoved as moved:
                await desk.moved(replace(address, thread=""), Address(address.platform, moved.chat))
                address = replace(address, chat=moved.chat)
                parameters.pop("reply_parameters", None)
                await self._send_urgently(address, parameters)
        if (file := reply.file) is not None:
            await patiently(lambda: send_file(self._bot, self._pace, address, file))

    async def _send_urgently(self, address: Address, parameters: dict[str, Any]) -> str:
        return await patiently(lambda: self._send(address, dict(parameters), urgent=True))

    async def _edited(self, address: Address, message_id: int, parameters: dict[str, Any]) -> bool:
        """False where the message cannot be edited any more."""

        async def edit() -> str:
            await self._pace.turn(address.chat, urgent=True)
            with telegram_errors():
                await self._forms.edit({"chat_id": _chat_id(address), "message_id": message_id, **parameters})
            return str(message_id)

        try:
            await patiently(edit)
        except Refused as error:
            return "not modified" in str(error).lower()
        return True

    async def _send(self, address: Address, parameters: dict[str, Any], urgent: bool = False) -> str:
        places = await self._pace.leave(address.chat, urgent)
        to: dict[str, Any] = {"chat_id": _chat_id(address)}
        if address.thread:
            to["message_thread_id"] = int(address.thread)
        try:
            with telegram_errors():
                message = await self._forms.send(to | parameters)
                return str(message["message_id"])
        except TryLater as error:
            if error.after and not error.everywhere:
                error.everywhere = self._pace.hold(address.chat, error.after)
            raise
        finally:
            self._pace.answered(places)

    def _safe(self, error: BaseException) -> str:
        """The error's text, never with the token."""
        return (str(error) or type(error).__name__).replace(self._token, "***")


async def _asked(work: Coroutine[Any, Any, Reply]) -> Reply:
    """What the desk says; a desk that raises has a bug, and the person hears that much."""
    try:
        return await work
    except Exception:
        log.exception("Telegram: a request could not be answered")
        return _OOPS


def _chat_id(address: Address) -> int | str:
    return int(address.chat) if address.chat.lstrip("-").isdecimal() else address.chat
