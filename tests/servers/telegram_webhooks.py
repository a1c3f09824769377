"""The tests' Bot API calling a bot's webhook, as Telegram does: several calls at a time, again until it is answered."""

from __future__ import annotations

import asyncio
import itertools
import threading
from typing import Any

import aiohttp

AGAIN_SECONDS = 0.1


class Webhooks:
    """``webhook`` is the address that was set; ``fronts``: addresses that a balancer in front of the bot shares its
    calls among, in turn. ``called`` are the calls that were answered, as (address, update id, status)."""

    _updates: list[dict[str, Any]]
    _lock: threading.RLock

    def __init__(self) -> None:
        self.webhook = ""
        self.webhook_secret = ""
        self.webhooks_set: list[dict[str, Any]] = []
        self.fronts: list[str] = []
        self.called: list[tuple[str, int, int]] = []
        self.lose_answers = 0
        """Of so many calls the answer gets lost: the bot is called again."""
        self._turn = itertools.count()
        self._under_way: set[int] = set()
        self._last_error: dict[str, Any] = {}

    def _on_setWebhook(self, parameters: dict[str, Any]) -> Any:
        self.webhook, self.webhook_secret = parameters["url"], parameters.get("secret_token", "")
        self.webhooks_set.append(parameters)
        return True

    def _on_deleteWebhook(self, _: dict[str, Any]) -> Any:
        self.webhook = ""
        return True

    def _on_getWebhookInfo(self, _: dict[str, Any]) -> Any:
        waiting = {"has_custom_certificate": False, "pending_update_count": len(self._updates)}
        return {"url": self.webhook} | waiting | self._last_error

    async def call_webhooks(self) -> None:
        """Until cancelled."""
        patience = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(timeout=patience) as session, asyncio.TaskGroup() as tasks:
            while True:
                await asyncio.sleep(0.01)
                if not self.webhook:
                    continue
                allowed, most = self.webhooks_set[-1].get("allowed_updates"), self.webhooks_set[-1]["max_connections"]
                with self._lock:
                    self._updates = [u for u in self._updates if not allowed or set(u) & set(allowed)]
                    waiting = [u for u in self._updates if u["update_id"] not in self._under_way]
                for update in waiting[: most - len(self._under_way)]:
                    self._under_way.add(update["update_id"])
                    tasks.create_task(self._call(session, update))

    async def _call(self, session: aiohttp.ClientSession, update: dict[str, Any]) -> None:
        number = update["update_id"]
        front = self.fronts[next(self._turn) % len(self.fronts)] if self.fronts else self.webhook
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook_secret} if self.webhook_secret else {}
        taken = False
        try:
            async with session.post(front, json=update, headers=headers) as response:
                self.called.append((front, number, response.status))
                taken = response.ok
                if not taken:
                    self._last_error = {"last_error_date": 1, "last_error_message": f"HTTP {response.status}"}
        except (aiohttp.ClientError, TimeoutError):
            self._last_error = {"last_error_date": 1, "last_error_message": "Connection refused"}
        if taken and self.lose_answers:
            self.lose_answers -= 1
            taken = False
        if taken:
            with self._lock:
                self._updates = [other for other in self._updates if other["update_id"] != number]
        else:
            await asyncio.sleep(AGAIN_SECONDS)
        self._under_way.discard(number)
