"""One bot in several processes: each does its part of a whole round, and one may die of it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, text

from bot.model import Address, Chat, DeliveryState, FeedItem, Subscription
from storage.store import open_store
from tests.databases import PostgresServer, sqlite_url
from tests.databases import postgres_server as postgres_server
from tests.feeds_text import paper, rss
from tests.program import Program, environment, of_platforms
from tests.servers.discord import FakeDiscord, text_of
from tests.servers.feeds import FeedServer
from tests.servers.telegram import FakeTelegram
from tests.servers.telegram_bot import closed_port

READER = 501
SENT = DeliveryState.SENT
SECRET = "a-secret-of-the-tests-0123456789"


def lora(number: int) -> FeedItem:
    """A paper with a number to count it by."""
    return paper(f"2504.{number:05d}", f"LoRA paper <{number}>", "We tune. It works.", categories=("cs.CL",))


def counted(texts: Iterable[str]) -> Counter[int]:
    return Counter(int(n) for text in texts for n in re.findall(r"LoRA paper \\?<(\d+)\\?>", text))


class Instance:
    """A database with chats that are due, the servers around it, and processes that each have a folder."""

    def __init__(self, folder: Path, url: str, papers: int, chats: Iterable[Address]) -> None:
        self.folder, self.url, self.papers, self.chats = folder, url, papers, list(chats)

    def begin(self, telegram: FakeTelegram, discord: FakeDiscord, feeds: FeedServer) -> None:
        self.telegram, self.discord = telegram, discord
        now = datetime.now(UTC)
        feeds.put("/rss/cs.CL", rss([lora(n) for n in range(1, self.papers + 1)], now.date()))
        self.env = of_platforms(telegram, discord) | {
            "PAPERROUND_ARXIV__CATEGORIES": "cs.CL", "PAPERROUND_DATABASE_URL": self.url,
        }  # fmt: skip
        self.feed_url = f"{feeds.url}/rss"
        (self.channel,) = discord.add_guild()
        self.chats.insert(0, Address("discord", self.channel))
        self.store = open_store(self.url)
        with self.store.transaction() as tx:
            for address in self.chats:
                chat = tx.open_chat(Chat(0, address, due_at=now - timedelta(minutes=1)))
                tx.subscribe(Subscription(0, chat.id, "LoRA"))

    def program(self, name: str, roles: str, **env: str) -> Program:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return Program(folder, environment(folder, self.feed_url) | self.env | env, "run", "--roles", roles)

    def states(self) -> Counter[DeliveryState]:
        with self.store.reading() as tx:
            counts = tx.counts()
        return Counter({state: n for state in DeliveryState if (n := counts[f"deliveries.{state.value}"])})

    def announced(self) -> int:
        with self.store.reading() as tx:
            return tx.last_announcement()

    async def until(self, happened: Callable[[], object], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not happened():
                await asyncio.sleep(0.1)

    def lease_passes(self, deliveries: int) -> None:
        """The two minutes in which nobody else touches the first so many that a process had begun."""
        engine = create_engine(self.url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            past = datetime.now(UTC) - timedelta(seconds=1)
            begun = text("UPDATE delivery SET lease_until = :past WHERE lease_owner <> '' AND id <= :last")
            connection.execute(begun, {"past": past, "last": deliveries})
        engine.dispose()

    def on_telegram(self, chat: str) -> Counter[int]:
        return counted(m["visible"] for m in self.telegram.sent if str(m["chat_id"]) == chat)


@asynccontextmanager
async def instance(folder: Path, url: str, papers: int, chats: int) -> AsyncIterator[Instance]:
    made = Instance(folder, url, papers, [Address("telegram", str(n)) for n in range(1, chats + 1)])
    with FakeTelegram() as telegram:
        async with FakeDiscord() as discord, FeedServer() as feeds:
            made.begin(telegram, discord, feeds)
            yield made
            made.store.close()
            assert (telegram.violations, discord.violations) == ([], [])


def ask(telegram: FakeTelegram) -> None:
    telegram.push_message(READER, READER, "/start")


def answered(telegram: FakeTelegram) -> bool:
    return any(m["chat_id"] == READER for m in telegram.sent)


async def test_four_processes_on_postgresql_do_a_round_and_one_dies_of_it(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    stuck = range(1, 21)
    async with (
        instance(tmp_path, postgres_server.database(), papers=2, chats=40) as here,
        AsyncExitStack() as running,
    ):
        # Of some the message arrives, and its answer never.
        for chat in stuck:
            here.telegram.stall_next("sendMessage", delivered=True, chat=chat)
        here.discord.stall_next("POST /channels/*/messages", deliver=True)
        plans = await running.enter_async_context(here.program("plans", "ingest,plan"))
        await here.until(lambda: here.states()[DeliveryState.PLANNED] == 41)
        dying = await running.enter_async_context(here.program("one", "deliver"))
        await here.until(lambda: here.states() == {SENT: 20, DeliveryState.SENDING: 21})
        living = await running.enter_async_context(here.program("two", "deliver"))
        talks = await running.enter_async_context(here.program("talks", "telegram"))
        ask(here.telegram)
        await dying.kill()
        here.lease_passes(21)
        await here.until(lambda: here.states() == {SENT: 41})
        await here.until(lambda: answered(here.telegram))
        every = {1, 2}
        for chat in range(1, 41):
            told = here.on_telegram(str(chat))
            assert set(told) == every, "nothing is lost"
            assert sum(told.values()) == (4 if chat in stuck else 2), "what was on its way comes again"
        assert counted(text_of(m) for m in here.discord.messages(here.channel)) == dict.fromkeys(every, 1)
    for program in (plans, living, talks):
        assert "Traceback" not in program.log
    assert "sendMessage" not in plans.log
    assert not here.discord.identifies, "nobody listens on Discord"


async def test_processes_share_one_sqlite_file_and_each_ends_when_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    url = sqlite_url(tmp_path / "data")
    async with instance(tmp_path, url, papers=2, chats=2) as here, AsyncExitStack() as running:
        programs = {}
        hook = {
            "PAPERROUND_TELEGRAM__WEBHOOK_URL": f"http://127.0.0.1:{(port := closed_port())}/hook",
            "PAPERROUND_TELEGRAM__WEBHOOK_LISTEN": f"127.0.0.1:{port}",
            "PAPERROUND_TELEGRAM__WEBHOOK_SECRET": SECRET,
        }
        for roles in ("ingest", "plan,telegram", "deliver,discord"):
            programs[roles] = await running.enter_async_context(here.program(roles, roles, **hook))
            # Before anything is polled a plan would say that arXiv is not in yet.
            await here.until(lambda: here.announced())
        await here.until(lambda: here.states() == {SENT: 3})
        ask(here.telegram)
        await here.until(lambda: answered(here.telegram))
        asked = await here.discord.push_command(here.channel, "88", "help")
        await asked.answered(timeout=30)
        assert {status for _, _, status in here.telegram.called} == {200}
        assert not any(call == "getUpdates" for call, _ in here.telegram.calls)
    for roles, program in programs.items():
        assert SECRET not in program.log
        assert program.log.rstrip().endswith("stopped"), roles
        assert "Traceback" not in program.log
    for chat in ("1", "2"):
        assert here.on_telegram(chat) == {1: 1, 2: 1}
    indexed = [roles for roles in programs if (tmp_path / roles / "data" / "index").exists()]
    assert indexed == ["plan,telegram", "deliver,discord"], "who answers keeps an index"
