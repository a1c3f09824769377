"""What the Discord tests share: a desk that answers what the test put there and notes what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from adapters.chats.discord_chat import Discord
from adapters.chats.discord_shards import Shards
from bot.model import Address
from bot.ports import Caller, CommandInfo, Haste, Offers, Suggestion
from bot.replies import Block, BlockKind, Button, Reply, Span, bold, say
from tests.servers.discord import FakeDiscord

_COMMANDS = {
    "en": (
        CommandInfo("help", "What this bot can do"),
        CommandInfo("paper", "Find papers", "QUERY-or-arXiv-id", required=True),
        CommandInfo("topic", "Keep the topics", "name and query", required=True, choices=("add", "edit", "remove")),
    ),
    "zh-Hans": (CommandInfo("help", "这个机器人能做什么"), CommandInfo("paper", "查找论文", "检索式", required=True)),
    "zh-Hant": (CommandInfo("help", "這個機器人能做什麼"), CommandInfo("paper", "尋找論文", "檢索式", required=True)),
}


class NotingDesk:
    """``reply`` answers everything (an exception is raised), after ``delay`` seconds."""

    def __init__(self, reply: Reply | Exception | None = None) -> None:
        self.reply: Reply | Exception = reply or say("hello")
        self.greeting: Reply | None = None
        self.delay = 0.0
        self.rights_needed = True
        self.found: Sequence[Suggestion] = ()
        self.asked: list[tuple[Caller, str, str]] = []
        self.hastes: dict[str, Haste] = {}
        self.pressed: list[tuple[Caller, str]] = []
        self.typed: list[tuple[str, str]] = []
        self.joins: list[Caller] = []
        self.places: Sequence[Address] = ()
        self.farewells: list[tuple[Address, str]] = []
        self.returns: list[Address] = []

    def commands(self, language: str) -> Sequence[CommandInfo]:
        return _COMMANDS[language]

    def is_admin(self, user: str) -> bool:
        return user == "discord:1"

    def admins(self, platform: str) -> Sequence[str]:
        return ["discord:1"]

    def needs_rights(self, name: str, argument: str = "") -> bool:
        return self.rights_needed

    def press_needs_rights(self, action: str) -> bool:
        return self.rights_needed

    def haste(self, caller: Caller) -> Haste:
        return self.hastes.get(caller.user, Haste.SERVED)

    async def slowed(self, caller: Caller) -> Reply:
        return say("You are quick!", private=True)

    async def answer(self, caller: Caller, name: str, argument: str) -> Reply:
        self.asked.append((caller, name, argument))
        return await self._answer()

    async def press(self, caller: Caller, action: str) -> Reply:
        self.pressed.append((caller, action))
        return await self._answer()

    async def complete(self, caller: Caller, name: str, prefix: str) -> Sequence[Suggestion]:
        self.typed.append((name, prefix))
        await self._answer()
        return self.found

    async def offers(self, caller: Caller, text: str, offset: str) -> Offers:
        raise AssertionError("nothing is offered on Discord")

    async def joined(self, caller: Caller, places: Sequence[Address] = ()) -> Reply | None:
        self.joins.append(caller)
        self.places = places
        return self.greeting

    async def gone(self, address: Address, why: str) -> None:
        self.farewells.append((address, why))

    async def back(self, addresses: Sequence[Address]) -> None:
        self.returns += addresses

    async def moved(self, old: Address, new: Address) -> None:
        raise AssertionError("nothing moves on Discord")

    async def _answer(self) -> Reply:
        await asyncio.sleep(self.delay)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def platform_for(fake: FakeDiscord, token: str = "", shards: Shards | None = None) -> Discord:
    api = fake.api_url.removesuffix("/api/v10")
    return Discord(token or fake.token, api, fake.gateway_url, shards=shards or Shards())


@asynccontextmanager
async def listening(
    fake: FakeDiscord, desk: NotingDesk, patience: float = 1.5, shards: Shards | None = None
) -> AsyncIterator[Discord]:
    platform = platform_for(fake, shards=shards)
    platform.patience = patience
    await platform.start(desk)
    try:
        yield platform
    finally:
        await platform.stop()
        assert fake.violations == []


def hello(text: str = "hello") -> bytes:
    return Discord("x").render(say(text))[0].payload


def long_list(papers: int = 16) -> Reply:
    entries = [
        Block((bold(f"{n}. "), Span("t" * 900, link="https://arxiv.org/abs/1")), BlockKind.ENTRY, n)
        for n in range(1, papers + 1)
    ]
    return Reply(tuple(entries), ((Button("More", "more:1"),),))


async def soon(ready: Callable[[], object], timeout: float = 5.0) -> None:
    async with asyncio.timeout(timeout):
        while not ready():
            await asyncio.sleep(0.005)
