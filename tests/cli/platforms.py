"""Platforms beside a command line: their servers run in threads of their own, since the program has its own loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from pathlib import Path

from bot.model import Address, Chat, Subscription
from storage.store import open_store
from tests.servers.discord import FakeDiscord
from tests.servers.telegram import FakeTelegram


@contextmanager
def discord_in_thread() -> Iterator[FakeDiscord]:
    """A running fake Discord with one server of one channel."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def made() -> FakeDiscord:
        server = FakeDiscord()
        await server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(made(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def for_telegram(server: FakeTelegram) -> dict[str, str]:
    return {"PAPERROUND_TELEGRAM__TOKEN": server.token, "PAPERROUND_TELEGRAM__API_URL": server.url}


def for_discord(server: FakeDiscord) -> dict[str, str]:
    return {
        "PAPERROUND_DISCORD__TOKEN": server.token,
        "PAPERROUND_DISCORD__API_URL": server.api_url,
        "PAPERROUND_DISCORD__GATEWAY_URL": server.gateway_url,
    }


def add_reader(folder: Path, chat: str, query: str, due_at: datetime) -> None:
    """A Telegram chat that follows ``query`` and is due at ``due_at``; it has seen nothing yet."""
    store = open_store(f"sqlite:///{folder / 'data' / 'paperround.db'}")
    try:
        with store.transaction() as tx:
            opened = tx.open_chat(Chat(0, Address("telegram", chat), time=time(8, 0), due_at=due_at))
            tx.subscribe(Subscription(0, opened.id, query, "", datetime(2025, 4, 1, tzinfo=UTC)))
    finally:
        store.close()
