"""Being told Telegram's updates: a small server that many processes may run behind one address.

What is promised: an update is answered by 200 only when it stands in the inbox that all these processes share. There
it is known by its number, so that one that Telegram sends again is served once; and what a process that died had begun,
another begins anew, so that a command can be carried out twice, and is not lost.
https://core.telegram.org/bots/api#setwebhook
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from telegram import Bot, Update, WebhookInfo
from telegram import error as tg

from adapters.chats.telegram_polling import LONGEST_PAUSE
from adapters.chats.telegram_updates import ALLOWED_UPDATES
from bot.errors import ConfigError, Problem, TryLater
from bot.ports import Finding, Inbox

log = logging.getLogger(__name__)

URL_KEY, LISTEN_KEY = "PAPERROUND_TELEGRAM__WEBHOOK_URL", "PAPERROUND_TELEGRAM__WEBHOOK_LISTEN"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105
MAX_BYTES = 2**20
"""Of one update: those of the longest messages are a tenth of it."""
READ_SECONDS = 10.0
MAX_WORKING = 500
"""Updates being served before more are put off; Telegram sends them again."""
MAX_CONNECTIONS = 40
LOOK_SECONDS = 20.0
"""Between two looks for what others left behind."""
CHECK_LOOKS = 30
"""Looks between two questions whether the webhook is still ours."""
CLOSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, repr=False)
class Door:
    """Where Telegram calls (``url``), and where this process hears it; whatever ends TLS stands between."""

    url: str
    host: str
    port: int
    secret: str

    @property
    def path(self) -> str:
        return urlsplit(self.url).path or "/"


def about_webhook(known: WebhookInfo, door: Door | None) -> Finding:
    """What Telegram knows of a webhook, held against what is configured. Its address is not shown: people put
    secrets into paths."""
    waiting = f"{known.pending_update_count} updates wait"
    if door is None and known.url:
        mend = "the bot removes it when it starts; if another program set it, give that one a token of its own"
        return Finding("Telegram webhook", False, "a webhook is set, so updates go elsewhere", mend)
    if door is None:
        return Finding("Telegram webhook", True, f"none is set; {waiting}")
    if known.url != door.url:
        which = "another one is set" if known.url else "none is set"
        mend = "run a process with the role telegram: it sets ours when it starts, and looks after it"
        return Finding("Telegram webhook", False, f"{which}; {waiting}", mend)
    if known.last_error_date is not None and known.pending_update_count:
        when = f"{known.last_error_date:%Y-%m-%d %H:%M} UTC"
        mend = f"does {URL_KEY} lead to {LISTEN_KEY} ({door.host}:{door.port})?"
        return Finding(
            "Telegram webhook", False, f"Telegram could not call at {when}: {known.last_error_message}; {waiting}", mend
        )
    return Finding("Telegram webhook", True, f"it is ours; {waiting}")


class Webhook:
    """As ``Poll``: hands each update to ``take`` once, calls ``greet`` when Telegram knows the address. ``take``
    returns the task that serves the update, or None where there is nothing to serve."""

    def __init__(
        self,
        bot: Bot,
        door: Door,
        inbox: Inbox,
        take: Callable[[Update], Awaitable[asyncio.Task[None] | None]],
        greet: Callable[[], None],
        safe: Callable[[BaseException], str],
    ) -> None:
        self._bot, self._door, self._inbox = bot, door, inbox
        self._take, self._greet, self._safe = take, greet, safe
        self._runner: web.AppRunner | None = None
        self._logged_in = False
        self._taking = asyncio.Lock()
        self._working: dict[int, asyncio.Task[None]] = {}

    @property
    def reached(self) -> bool:
        return self._logged_in

    async def log_in(self) -> None:
        """Raises ConfigError where nobody can listen there or Telegram does not take the address, and
        telegram.error.TelegramError."""
        await self._open()
        await self._bot.initialize()
        await self._set()
        self._logged_in = True
        log.info("Telegram: listening as @%s at port %d", self._bot.username, self._door.port)
        self._greet()

    async def run(self) -> None:
        """Until cancelled."""
        failures, looks = 0, 1
        try:
            while True:
                pause = LOOK_SECONDS
                try:
                    if not self._logged_in:
                        await self.log_in()
                    elif looks % CHECK_LOOKS == 0 and (await self._bot.get_webhook_info()).url != self._door.url:
                        log.warning("Telegram: the webhook was not ours any more; it is set again")
                        await self._set()
                    failures, looks = 0, looks + 1
                except (tg.TelegramError, ConfigError) as error:
                    pause = min(LONGEST_PAUSE, 2.0**failures) * random.uniform(0.5, 1.0)  # noqa: S311
                    if not failures:
                        log.warning("Telegram cannot be told where to call (%s); trying on", self._safe(error))
                    failures = min(failures + 1, 10)
                except Exception:
                    log.exception("Telegram: the webhook failed; going on")
                await self._take_over()
                await asyncio.sleep(pause)
        finally:
            await self._close()

    async def confirm(self) -> None:
        """What was served is noted, so that nobody serves it again. Takes 1 s at most."""
        if self._working:
            await asyncio.wait(self._working.values(), timeout=CLOSE_SECONDS)
        for task in self._working.values():
            task.cancel()

    async def _set(self) -> None:
        door = self._door
        try:
            await self._bot.set_webhook(
                door.url, secret_token=door.secret, allowed_updates=ALLOWED_UPDATES, max_connections=MAX_CONNECTIONS
            )
        except tg.BadRequest as error:
            mend = "write the https address under which Telegram reaches this bot"
            raise ConfigError((Problem(URL_KEY, f"Telegram does not take it: {self._safe(error)}", mend),)) from None

    async def _open(self) -> None:
        if self._runner is not None:
            return
        app = web.Application(client_max_size=MAX_BYTES)
        app.router.add_post(self._door.path, self._receive)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_SECONDS, keepalive_timeout=75)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._door.host, self._door.port).start()
        except OSError as error:
            await runner.cleanup()
            wrong = f"cannot be listened at: {error.strerror or error}"
            raise ConfigError((Problem(LISTEN_KEY, wrong, "name a free port of this machine"),)) from None
        self._runner = runner

    async def _close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._door.secret.encode()):
            return web.Response(status=403)
        if len(self._working) >= MAX_WORKING:
            return web.Response(status=503)
        try:
            async with asyncio.timeout(READ_SECONDS):
                text = (await request.read()).decode()
            data = json.loads(text)
            number = data["update_id"]
            if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**63:
                raise ValueError("no update_id")
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        except TimeoutError:
            return web.Response(status=408)
        except (ValueError, KeyError, TypeError, RecursionError):
            return web.Response(status=400)
        try:
            # One after the other, as they came: a chat's commands should not overtake each other here.
            async with self._taking:
                if await self._inbox.keep(number, text):
                    self._begin(number, data)
        except TryLater as error:
            log.warning("Telegram: an update is put off: %s", error)
            return web.Response(status=503)
        return web.Response()

    def _begin(self, number: int, data: dict[str, Any]) -> None:
        task = asyncio.create_task(self._work(number, data))
        self._working[number] = task
        task.add_done_callback(lambda _: self._working.pop(number, None))

    async def _work(self, number: int, data: dict[str, Any]) -> None:
        try:
            update = Update.de_json(data, self._bot)
        except Exception as error:
            log.error("Telegram: an update could not be read and is left out (%s)", type(error).__name__)
        else:
            serving = await self._take(update)
            if serving is not None:
                await asyncio.wait({serving})
                if serving.cancelled():
                    return  # another process begins it anew
        with suppress(TryLater):
            await self._inbox.served(number)

    async def _take_over(self) -> None:
        try:
            left = await self._inbox.left(MAX_WORKING - len(self._working))
        except TryLater as error:
            log.warning("Telegram: what others left behind cannot be looked for: %s", error)
            return
        for number, text in left.items():
            log.info("Telegram: update %d, which another process began, is begun anew", number)
            self._begin(number, json.loads(text))
