"""The town of the fault tests: platforms and a feed on loopback, a database, and every program that ran in it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from bot.model import Address, Chat, ChatState, Delivery, FeedItem, Place, Subscription
from storage.store import SqlStore, open_store
from tests.feeds_text import paper, rss
from tests.program import Program, environment, of_platforms
from tests.servers.discord import FakeDiscord, text_of
from tests.servers.feeds import Answer, FeedServer
from tests.servers.telegram import FakeTelegram

DAY = date(2025, 4, 8)
NINE = datetime(2025, 4, 8, 9, tzinfo=UTC)
READER, OTHER = 501, 502
MANY = 16
"""Papers that make three messages on either platform."""


def lora(number: int, long: bool = False) -> FeedItem:
    """A paper with a number to count it by; a ``long`` one fills a quarter of a message."""
    more = " and of its many relatives in the field" * (5 if long else 0)
    abstract = ("We tune " + "very " * 70 + "much." if long else "We tune.") + " It works."
    return paper(f"2504.{number:05d}", f"LoRA paper <{number}>{more}", abstract, categories=("cs.CL",))


def counted(texts: Sequence[str]) -> Counter[int]:
    """How often each paper was told of."""
    return Counter(int(n) for text in texts for n in re.findall(r"LoRA paper \\?<(\d+)\\?>", text))


def unmarked(texts: Sequence[str]) -> int:
    """How many messages are repeats and do not say so."""
    bare = [text for text in texts if "Perhaps a repeat" not in text]
    return len(bare) - len(set(bare))


class Town:
    """The servers, a database, and every program that ran."""

    def __init__(self, folder: Path, telegram: FakeTelegram, discord: FakeDiscord, feeds: FeedServer) -> None:
        self.folder, self.telegram, self.discord, self.feeds = folder, telegram, discord, feeds
        (self.channel, self.second) = discord.add_guild(channels=("papers", "more"))
        self.env = environment(folder, f"{feeds.url}/rss", **of_platforms(telegram, discord)) | {
            "PAPERROUND_ARXIV__CATEGORIES": "cs.CL",
            "PAPERROUND_LOG_LEVEL": "debug",
            "PAPERROUND_ADMINS": "telegram:1",
        }
        self.secrets = [telegram.token, telegram.token.partition(":")[2], discord.token]
        self.url = f"sqlite:///{folder}/data/paperround.db"
        self.programs: list[Program] = []
        (folder / "data").mkdir()

    def program(self, *arguments: str, **env: str) -> Program:
        self.programs.append(Program(self.folder, self.env | env, *arguments))
        return self.programs[-1]

    async def round(self, at: datetime = NINE, status: int | None = 0, **env: str) -> Program:
        async with self.program("round", "--json", "--at", at.isoformat(), **env) as program:
            ended = await program.ended()
        assert status is None or ended == status, program.log
        return program

    def give(self, count: int, on: date = DAY, long: bool = False) -> None:
        items = [lora(n, long) for n in range(1, count + 1)]
        self.feeds.put("/rss/cs.CL", Answer(rss(items, on), etag='"today"'))

    def chat(self, *addresses: Address, due_at: datetime = NINE) -> None:
        self.chats(dict.fromkeys(addresses, "LoRA"), due_at)

    def chats(self, followed: Mapping[Address, str], due_at: datetime) -> None:
        """A chat at each address, following that query."""
        with self.opened() as store, store.transaction() as tx:
            for address, query in followed.items():
                place = Place.GROUP if address.chat.startswith("-") else Place.PRIVATE
                chat = tx.open_chat(Chat(0, address, place, due_at=due_at))
                tx.subscribe(Subscription(0, chat.id, query))

    @contextmanager
    def opened(self) -> Iterator[SqlStore]:
        store = open_store(self.url)
        try:
            yield store
        finally:
            store.close()

    def delivery(self, address: Address) -> Delivery:
        """The chat's last one."""
        with self.opened() as store, store.reading() as tx:
            chat = tx.chat(address)
            assert chat is not None, address
            found = tx.last_delivery(chat.id)
        assert found is not None, address
        return found

    def state(self, address: Address) -> ChatState:
        with self.opened() as store, store.reading() as tx:
            chat = tx.chat(address)
        assert chat is not None, address
        return chat.state

    def texts(self, address: Address) -> list[str]:
        """What a chat was sent, in order."""
        if address.platform == "telegram":
            return [m["visible"] for m in self.telegram.sent if str(m["chat_id"]) == address.chat]
        return [text_of(m) for m in self.discord.messages(address.chat)]

    def on_telegram(self, chat: int = READER) -> Counter[int]:
        return counted(self.texts(here(chat)))

    def on_discord(self, channel: str = "") -> Counter[int]:
        return counted(self.texts(Address("discord", channel or self.channel)))

    async def posts(self, count: int, seconds: float = 60) -> None:
        """Wait until Discord was asked to post so many messages."""
        async with asyncio.timeout(seconds):
            while sum(path.endswith("/messages") for _, path in self.discord.requests) < count:
                await asyncio.sleep(0.005)

    def told_no_secret(self) -> None:
        for program in self.programs:
            for secret in self.secrets:
                assert secret not in program.out + program.log
        assert any(program.log for program in self.programs)


@asynccontextmanager
async def town_in(folder: Path) -> AsyncIterator[Town]:
    with FakeTelegram() as telegram:
        async with FakeDiscord() as discord, FeedServer() as feeds:
            town = Town(folder, telegram, discord, feeds)
            yield town
            assert (telegram.violations, discord.violations) == ([], [])
    town.told_no_secret()


def here(chat: int | str = READER, thread: str = "") -> Address:
    return Address("telegram", str(chat), thread)


def once(count: int) -> dict[int, int]:
    return dict.fromkeys(range(1, count + 1), 1)
