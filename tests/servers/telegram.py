"""A Bot API server on loopback, in a thread of its own, for bots in this process or another.

It judges every request by the published specification (where that is at hand) and by the rules of its prose,
answers a bad one as Telegram does and keeps what was wrong in ``violations``.
"""

from __future__ import annotations

import asyncio
import math
import re
import threading
import time
from collections.abc import Callable
from html import unescape
from typing import Any, Self

from aiohttp import web

from tests.servers.limits import TelegramLimits
from tests.servers.telegram_objects import ANONYMOUS_ADMIN, BOT, make_chat, make_member, make_user
from tests.servers.telegram_rules import (
    check_commands,
    check_keyboard,
    check_object,
    check_offers,
    check_rich,
    check_text,
    decode,
    utf16,
)
from tests.servers.telegram_troubles import Refusal, Troubles, cut_off, refusal
from tests.servers.telegram_webhooks import Webhooks

TOKEN = "123456:a-token-of-the-tests"


class FakeTelegram(Webhooks, Troubles):
    """``sent`` are the messages that arrived, as dicts of sendMessage's parameters with ``message_id``, the
    ``visible`` text and its ``entities``; ``calls`` every request as (method, parameters). Use as a context
    manager, or ``start`` and ``close``."""

    def __init__(self, token: str = TOKEN, port: int = 0) -> None:
        Webhooks.__init__(self)
        Troubles.__init__(self)
        self.token, self.port = token, port
        self.me: dict[str, Any] = dict(BOT)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.sent: list[dict[str, Any]] = []
        self.edited: list[dict[str, Any]] = []
        self.documents: list[tuple[int, str, bytes]] = []
        """Chat, name and content of files that arrived."""
        self.pressed: list[dict[str, Any]] = []
        """The answers to callback queries."""
        self.commands: dict[str, list[dict[str, str]]] = {}
        """By language, for whom no narrower list is meant."""
        self.scoped: dict[tuple[str, str], list[str]] = {}
        """The names of the commands, by scope (``chat 8``: of that chat) and language."""
        self.offered: list[dict[str, Any]] = []
        """The answers to inline queries."""
        self.violations: list[str] = []
        self.admins: set[tuple[int, int]] = set()
        self.chats: dict[int, dict[str, Any]] = {}
        self.may_post = True
        """Whether the bot, where it is an administrator of a channel, may post there."""
        self.refused: dict[int, tuple[int, str]] = {}
        self.knows_rich, self.refuses_rich = True, ""
        """Chats that take no message: status and description."""
        self.moved: dict[int, int] = {}
        """Groups that became supergroups: their new ids."""
        self.judge: Callable[[dict[str, Any]], str] = lambda message: ""
        """What Telegram finds wrong with a message, else nothing: gets it as in ``sent``."""
        self.before_answer: Callable[[dict[str, Any]], None] = lambda message: None
        """Called when a message has arrived and before that is answered, in the server's thread."""
        self.limits: TelegramLimits | None = None
        """What may be sent; more is refused with 429 and counted there. None: as much as one likes."""
        self.confirmed = 0
        """Updates below this id were acknowledged."""
        self._updates: list[dict[str, Any]] = []
        self._next_update, self._next_message = 1000, 1
        self._poll = 0
        self._lock = threading.RLock()
        self._loop = asyncio.new_event_loop()
        self._news = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it listens."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="fake telegram", daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("the fake Bot API did not start")

    def close(self) -> None:
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._thread = None

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        ready.set()
        self._loop.run_forever()
        assert self._runner is not None
        self._loop.run_until_complete(self._runner.cleanup())
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
            self._loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        self._loop.close()

    async def _listen(self) -> None:
        app = web.Application(client_max_size=50 * 2**20)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._caller = asyncio.create_task(self.call_webhooks())

    def push_message(
        self,
        chat: int,
        user: int | None,
        text: str | None,
        thread: int | None = None,
        *,
        sender_chat: int | None = None,
        language: str | None = "en",
        topic: bool = True,
        automatic_forward: bool = False,
        **more: Any,
    ) -> int:
        """Somebody writes; in a channel a post, from nobody. Returns the message's id. Chats that were not
        added are private for positive ids and supergroups for negative ones."""
        kind = self._chat(chat)["type"]
        message = self._message(chat, thread, topic)
        if text is not None:
            message["text"] = text
            if text.startswith("/"):
                length = len(text.split(maxsplit=1)[0])
                message["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
        if kind == "channel":
            message["sender_chat"] = self._chat(sender_chat or chat)
        elif sender_chat is not None:
            message["sender_chat"] = self._chat(sender_chat)
            fake = ANONYMOUS_ADMIN if sender_chat == chat else 777000 if automatic_forward else 136817688
            message["from"] = {"id": fake, "is_bot": fake != 777000, "first_name": "Group"}
        elif user is not None:
            message["from"] = make_user(user, language)
        if automatic_forward:
            message["is_automatic_forward"] = True
        message |= more
        self.push({"channel_post" if kind == "channel" else "message": message})
        return int(message["message_id"])

    def push_callback(
        self, message_id: int, data: str, user: int, accessible: bool = True, language: str | None = "en"
    ) -> str:
        """``user`` presses a button under one of the ``sent`` messages. Returns the query's id."""
        under = next(message for message in self.sent if message["message_id"] == message_id)
        message = self._message(int(under["chat_id"]), under.get("message_thread_id"))
        message |= {"message_id": message_id, "from": self._public_me(), "text": under["visible"]}
        if not accessible:
            message = {"chat": message["chat"], "message_id": message_id, "date": 0}
        query: dict[str, Any] = {
            "id": f"q{self._next_update}",
            "from": make_user(user, language),
            "message": message,
            "chat_instance": "1",
        }
        self.push({"callback_query": query | {"data": data}})
        return f"q{self._next_update - 1}"

    def push_inline(self, user: int, text: str, offset: str = "", language: str | None = "en") -> None:
        """``user`` types the bot's name and ``text`` in some chat."""
        query = {"id": f"i{self._next_update}", "from": make_user(user, language), "query": text, "offset": offset}
        self.push({"inline_query": query | {"chat_type": "supergroup"}})

    def push_membership(self, chat: int, user: int, old: str = "left", new: str = "member") -> None:
        """The bot's own membership changes by ``user``'s hand."""
        change = {"chat": self._chat(chat), "from": make_user(user), "date": int(time.time())}
        change["old_chat_member"] = make_member(old, self._public_me())
        change["new_chat_member"] = make_member(new, self._public_me())
        self.push({"my_chat_member": change})

    def push_migration(self, old: int, new: int) -> None:
        """Group ``old`` becomes supergroup ``new``: both chats are told, and ``old`` takes no more messages."""
        self.chats.setdefault(old, {"id": old, "type": "group", "title": "Readers"})
        self.push({"message": self._message(old) | {"from": make_user(1), "migrate_to_chat_id": new}})
        self.push({"message": self._message(new) | {"from": make_user(1), "migrate_from_chat_id": old}})

    def push(self, update: dict[str, Any], checked: bool = True) -> None:
        """Any update; without its id it gets one."""
        with self._lock:
            update = {"update_id": self._next_update} | update
            self._next_update += 1
            if checked:
                self.violations += [f"the test's own update: {bad}" for bad in check_object("Update", update)]
            self._updates.append(update)
        self._loop.call_soon_threadsafe(self._news.set)

    def add_chat(self, chat: int, type: str = "supergroup", title: str = "Readers", **more: Any) -> None:
        self.chats[chat] = {"id": chat, "type": type, "title": title} | more

    async def until(self, happened: Callable[[Self], object], seconds: float = 5.0) -> None:
        """Wait for something to come true; raises AssertionError after ``seconds``."""
        end = time.monotonic() + seconds
        while not happened(self):
            if time.monotonic() > end:
                raise AssertionError(f"did not happen; sent: {self.sent!r}; calls: {[c[0] for c in self.calls]!r}")
            await asyncio.sleep(0.005)

    def wait(self, happened: Callable[[Self], object], seconds: float = 5.0) -> None:
        """As ``until``, for a test without a loop."""
        asyncio.run(self.until(happened, seconds))

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if request.match_info["token"] != self.token:
            return refusal(401, "Unauthorized")
        raw = await request.json() if request.content_type == "application/json" else dict(await request.post())
        parameters, wrong = decode(method, raw)
        handler = getattr(self, f"_on_{method}", None)
        if handler is None:
            self.violations += wrong or [f"{method}: not served here"]
            return refusal(404, "Not Found")
        with self._lock:
            self.calls.append((method, parameters))
        if wrong:
            self.violations += wrong
            return refusal(400, f"Bad Request: {wrong[0]}")
        trouble = self.trouble_of(method, parameters)
        if trouble is None:
            return await self._answer(handler, parameters)
        await asyncio.sleep(trouble.wait)
        answer = await self._answer(handler, parameters) if trouble.carry_out else None
        await asyncio.sleep(trouble.stall)
        if trouble.hang_up:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if answer is not None:
            return await cut_off(request, answer) if trouble.cut else answer
        if isinstance(trouble.body, bytes):
            elsewhere = {"Location": f"/bot{self.token}/getMe"} if 300 <= trouble.status < 400 else None
            return web.Response(body=trouble.body, status=trouble.status, headers=elsewhere, content_type="text/html")
        return web.json_response(trouble.body, status=trouble.status)

    async def _answer(self, handler: Callable[[dict[str, Any]], Any], parameters: dict[str, Any]) -> web.Response:
        try:
            result = handler(parameters)
            return web.json_response({"ok": True, "result": await result if asyncio.iscoroutine(result) else result})
        except Refusal as why:
            return refusal(*why.args)

    def _on_getMe(self, _: dict[str, Any]) -> Any:
        return self.me

    async def _on_getUpdates(self, parameters: dict[str, Any]) -> Any:
        if self.webhook:
            raise Refusal(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to"
                           " delete the webhook first")  # fmt: skip
        self._poll += 1
        mine = self._poll
        self._news.set()
        offset = parameters.get("offset", 0)
        allowed = parameters.get("allowed_updates")
        end = time.monotonic() + parameters.get("timeout", 0)
        while True:
            with self._lock:
                self.confirmed = max(self.confirmed, offset)
                self._updates = [
                    update
                    for update in self._updates
                    if update["update_id"] >= offset and (not allowed or set(update) & set(allowed))
                ]
                waiting = self._updates[: parameters.get("limit", 100)]
                self._news.clear()
            if waiting or time.monotonic() >= end:
                return waiting
            try:
                await asyncio.wait_for(self._news.wait(), end - time.monotonic())
            except TimeoutError:
                continue
            if mine != self._poll:
                raise Refusal(409, "Conflict: terminated by other getUpdates request; make sure that only one bot"
                               " instance is running")  # fmt: skip

    def _on_sendMessage(self, parameters: dict[str, Any]) -> Any:
        if self.limits and (wait := self.limits.wait(str(parameters["chat_id"]))):
            seconds = math.ceil(wait)
            raise Refusal(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})
        message = self._judged("sendMessage", parameters)
        with self._lock:
            answer = self._message(int(parameters["chat_id"]), parameters.get("message_thread_id"))
            self.sent.append(message | {"message_id": answer["message_id"]})
        self.before_answer(self.sent[-1])
        return answer | {"from": self._public_me(), "text": message["visible"]}

    def _on_sendRichMessage(self, parameters: dict[str, Any]) -> Any:
        if not self.knows_rich:
            raise Refusal(404, "Not Found")
        return self._on_sendMessage(self._richly(parameters))

    def _richly(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """As the message that the rest judges: its words are those of its HTML."""
        html = parameters["rich_message"]["html"]
        if wrong := check_rich(html):
            self.violations += [f"rich message: {bad}" for bad in wrong]
            raise Refusal(400, f"Bad Request: {wrong[0]}")
        if self.refuses_rich and self.refuses_rich in html:
            raise Refusal(400, "Bad Request: RICH_VALIDATE_CTOR_NOT_ALLOWED")
        text = unescape(re.sub("<[^>]*>", " ", html)).encode("utf-16-le")[: 2 * 4096].decode("utf-16-le", "ignore")
        return {**parameters, "text": text, "link_preview_options": {"is_disabled": True}}

    def _on_sendDocument(self, parameters: dict[str, Any]) -> Any:
        if (chat := int(parameters["chat_id"])) in self.refused:
            raise Refusal(*self.refused[chat])
        if utf16(parameters.get("caption", "")) > 1024 or not 1 <= len(parameters["document"].filename) <= 255:
            self.violations.append("sendDocument: a caption or a name that is too long")
            raise Refusal(400, "Bad Request: message caption is too long")
        file = parameters["document"]
        with self._lock:
            answer = self._message(chat, parameters.get("message_thread_id"))
            self.documents.append((chat, file.filename, file.file.read()))
        named = {"file_id": "f", "file_unique_id": "f", "file_name": file.filename}
        return answer | {"from": self._public_me(), "document": named}

    def _on_editMessageText(self, parameters: dict[str, Any]) -> Any:
        if "rich_message" in parameters:
            if not self.knows_rich:
                raise Refusal(400, "Bad Request: message text is empty")
            parameters = self._richly(parameters)
        message = self._judged("editMessageText", parameters)
        old = next((m for m in reversed(self.sent) if m["message_id"] == parameters.get("message_id")), None)
        if old is None:
            raise Refusal(400, "Bad Request: message to edit not found")
        changed = ("visible", "entities", "reply_markup")
        if all(old.get(name) == message.get(name) for name in changed):
            raise Refusal(400, "Bad Request: message is not modified: specified new message content and reply markup"
                           " are exactly the same as a current content and reply markup of the message")  # fmt: skip
        with self._lock:
            old.pop("reply_markup", None)
            old.update(message)
            self.edited.append(message)
        chat = self._message(int(parameters["chat_id"]))
        return chat | {"message_id": old["message_id"], "from": self._public_me(), "text": message["visible"]}

    def _judged(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        visible, entities, wrong = check_text(parameters)
        wrong += check_keyboard(parameters.get("reply_markup", {}))
        if not parameters.get("link_preview_options", {}).get("is_disabled"):
            wrong.append("link previews are on")
        if wrong:
            self.violations += [f"{method}: {bad}" for bad in wrong]
            raise Refusal(400, f"Bad Request: {wrong[0]}")
        if (chat := int(parameters["chat_id"])) in self.refused:
            raise Refusal(*self.refused[chat])
        if chat in self.moved:
            described = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refusal(400, described, {"migrate_to_chat_id": self.moved[chat]})
        message = parameters | {"visible": visible, "entities": entities}
        if fault := self.judge(message):
            raise Refusal(400, f"Bad Request: {fault}")
        return message

    def _on_answerCallbackQuery(self, parameters: dict[str, Any]) -> Any:
        if utf16(parameters.get("text", "")) > 200:
            self.violations.append("answerCallbackQuery: more than 200 characters")
            raise Refusal(400, "Bad Request: MESSAGE_TOO_LONG")
        self.pressed.append(parameters)
        return True

    def _on_setMyCommands(self, parameters: dict[str, Any]) -> Any:
        if wrong := check_commands(parameters["commands"]):
            self.violations += wrong
            raise Refusal(400, f"Bad Request: {wrong[0]}")
        scope, language = parameters.get("scope", {"type": "default"}), parameters.get("language_code", "")
        if len(language) not in (0, 2):
            self.violations.append(f"setMyCommands: {language!r} is no two-letter code")
            raise Refusal(400, "Bad Request: language code is invalid")
        if scope["type"] == "chat" and int(scope["chat_id"]) not in self.chats and int(scope["chat_id"]) < 0:
            raise Refusal(400, "Bad Request: chat not found")
        if scope["type"] == "default":
            self.commands[language] = parameters["commands"]
        name = f"{scope['type']} {scope['chat_id']}" if "chat_id" in scope else scope["type"]
        self.scoped[name, language] = [command["command"] for command in parameters["commands"]]
        return True

    def _on_answerInlineQuery(self, parameters: dict[str, Any]) -> Any:
        if wrong := check_offers(parameters):
            self.violations += [f"answerInlineQuery: {bad}" for bad in wrong]
            raise Refusal(400, f"Bad Request: {wrong[0]}")
        self.offered.append(parameters)
        return True

    def _on_deleteMyCommands(self, parameters: dict[str, Any]) -> Any:
        self.commands.pop(parameters.get("language_code", ""), None)
        return True

    def _on_getChatMember(self, parameters: dict[str, Any]) -> Any:
        user = parameters["user_id"]
        status = "administrator" if (int(parameters["chat_id"]), user) in self.admins else "member"
        member = make_member(status, make_user(user))
        if status == "administrator" and self._chat(int(parameters["chat_id"]))["type"] == "channel":
            member["can_post_messages"] = user != self.me["id"] or self.may_post
        return member

    def _on_getChatAdministrators(self, parameters: dict[str, Any]) -> Any:
        users = [user for chat, user in sorted(self.admins) if chat == int(parameters["chat_id"])]
        return [make_member("administrator", make_user(user)) for user in users]

    def _on_getChat(self, parameters: dict[str, Any]) -> Any:
        kinds = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        gifts = dict.fromkeys(kinds, True)
        more = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}
        wanted = str(parameters["chat_id"])
        if wanted.startswith("@"):
            named = (chat for chat in self.chats.values() if f"@{chat.get('username', '')}" == wanted)
            if (found := next(named, None)) is None:
                raise Refusal(400, "Bad Request: chat not found")
            return found | more
        return self._chat(int(wanted)) | more

    def _chat(self, chat: int) -> dict[str, Any]:
        return self.chats.get(chat) or make_chat(chat)

    def _public_me(self) -> dict[str, Any]:
        return {name: self.me[name] for name in ("id", "is_bot", "first_name", "username")}

    def _message(self, chat: int, thread: int | None = None, topic: bool = True) -> dict[str, Any]:
        with self._lock:
            number, self._next_message = self._next_message, self._next_message + 1
        message = {"message_id": number, "date": int(time.time()), "chat": self._chat(chat)}
        if thread is not None:
            message |= {"message_thread_id": thread} | ({"is_topic_message": True} if topic else {})
        return message
