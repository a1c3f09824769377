"""Getting Telegram's updates: one long-polling loop that outlives whatever the network does."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from telegram import Bot, Update
from telegram import error as tg

from adapters.chats.telegram_requests import AiohttpRequest, wait_seconds
from adapters.chats.telegram_updates import ALLOWED_UPDATES

log = logging.getLogger(__name__)

TOKEN_KEY = "PAPERROUND_TELEGRAM__TOKEN"  # noqa: S105
TOKEN_MEND = "copy the whole token from @BotFather (its /token command shows it again)"  # noqa: S105

POLL_SECONDS = 25
MAX_UPDATES = 100
LONGEST_PAUSE = 30.0
STANDBY_SECONDS = 3.0
CROWDED_SECONDS, GATHERING_SECONDS = 0.05, 0.02


async def always(_: str = "") -> bool:
    return True


class Poll:
    """Hands each update to ``take`` once; calls ``greet`` when logged in. ``safe`` gives an error's text without
    the token. ``turn``: whether this process is the bot's one reader; another stands by."""

    def __init__(
        self,
        bot: Bot,
        transport: AiohttpRequest,
        take: Callable[[Update], Awaitable[object]],
        greet: Callable[[], None],
        safe: Callable[[BaseException], str],
        turn: Callable[[str], Awaitable[bool]] = always,
    ) -> None:
        self._bot, self._transport = bot, transport
        self._take, self._greet, self._safe, self._turn = take, greet, safe, turn
        self._logged_in = self._standing_by = False
        self.reached = False
        """Whether the last that was asked of Telegram was answered."""
        self._offset = self._confirmed = 0
        self._brought_at = float("-inf")
        self._limit = MAX_UPDATES

    async def log_in(self) -> None:
        """Raises telegram.error.TelegramError."""
        await self._bot.initialize()
        # A webhook left behind would make every getUpdates a conflict; what waits is kept.
        await self._bot.delete_webhook()
        self._logged_in = self.reached = True
        log.info("Telegram: listening as @%s", self._bot.username)
        self._greet()

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            try:
                if not self._logged_in:
                    await self.log_in()
                updates = await self._updates() if await self._mine() else ()
                # Whoever reads now gets those again that came in while this process stalled.
                for update in updates if updates and await self._mine() else ():
                    await self._take(update)
                if updates:
                    await self._gather()
                if self._standing_by:
                    await asyncio.sleep(STANDBY_SECONDS)
                if failures:
                    log.info("Telegram: reached again")
                failures, self.reached = 0, True
                continue
            except tg.RetryAfter as error:
                pause = wait_seconds(error)
            except tg.InvalidToken:
                pause = 300.0
                log.error("Telegram refuses the token (%s): %s; trying again in 5 minutes", TOKEN_KEY, TOKEN_MEND)
            except tg.Conflict as error:
                pause = min(LONGEST_PAUSE, 2.0 ** (failures + 1))
                log.error(
                    "Telegram: somebody else takes this bot's updates (%s). Stop the other copy or remove its webhook,"
                    " or give this one a bot of its own; trying again in %.0f s", self._safe(error), pause,
                )  # fmt: skip
            except tg.TelegramError as error:
                pause = min(LONGEST_PAUSE, 2.0**failures) * random.uniform(0.5, 1.0)  # noqa: S311
                if not failures:
                    log.warning("Telegram cannot be reached (%s); trying on", self._safe(error))
            except Exception:
                pause = 5.0
                log.exception("Telegram: listening failed; going on in 5 s")
            failures, self.reached = min(failures + 1, 10), False
            await asyncio.sleep(pause)

    async def _mine(self) -> bool:
        if await self._turn(""):
            if self._standing_by:
                log.info("Telegram: this process reads the updates now")
            self._standing_by = False
            return True
        if not self._standing_by:
            log.info("Telegram: another process reads the updates; this one stands by")
        self._standing_by, self._offset, self._confirmed = True, 0, 0
        return False

    async def _gather(self) -> None:
        """Where one comes upon the other, those of a moment are fetched together: to ask takes longer than to read."""
        now = asyncio.get_running_loop().time()
        crowded, self._brought_at = now - self._brought_at < CROWDED_SECONDS, now
        if crowded:
            await asyncio.sleep(GATHERING_SECONDS)

    async def confirm(self) -> None:
        """Tell Telegram what was taken, so that a restart does not take it again. Takes 1 s at most."""
        if self._offset == self._confirmed:
            return
        with suppress(tg.TelegramError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._bot.get_updates(offset=self._offset, limit=1, timeout=0)
                self._confirmed = self._offset

    async def _updates(self) -> Sequence[Update]:
        offset = self._offset
        try:
            updates = await self._bot.get_updates(
                offset=offset, limit=self._limit, timeout=POLL_SECONDS, allowed_updates=ALLOWED_UPDATES
            )
        except tg.TelegramError:
            raise
        except Exception as error:
            # One update that the library cannot read must not stop the others: find it, step over it.
            if self._limit > 1:
                self._limit = 1
            else:
                log.error("Telegram: an update could not be read and is left out (%s)", type(error).__name__)
                self._limit = MAX_UPDATES
                self._offset = max(offset, self._transport.newest_update + 1)
            return ()
        self._confirmed = offset
        if updates:
            self._offset = updates[-1].update_id + 1
        else:
            self._limit = MAX_UPDATES
        return updates
