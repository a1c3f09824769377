"""A bot on the fake Bot API, and a desk that writes down what it is asked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from adapters.chats.telegram import Telegram
from adapters.chats.telegram_pace import Pace
from bot.model import Address
from bot.ports import Caller, ChatPlatform, CommandInfo, Desk, Haste, Offers, Suggestion
from bot.replies import Reply, say
from tests.servers.telegram import TOKEN, FakeTelegram

READER, ADMIN, GROUP, CHANNEL = 7, 8, -1001, -1002
HERE = Address("telegram", str(READER))


class Notebook:
    """A desk that writes down what it is asked, and says it back."""

    def __init__(self) -> None:
        self.asked: list[tuple[Caller, str, str]] = []
        self.hastes: dict[str, Haste] = {}
        self.presses: list[tuple[Caller, str]] = []
        self.came: list[Caller] = []
        self.left: list[tuple[Address, str]] = []
        self.returns: list[Address] = []
        self.moves: list[tuple[Address, Address]] = []
        self.reply: Callable[[str], Reply] = lambda asked: say(f"You said {asked}")
        self.slow = 0.0
        self.sought: list[tuple[Caller, str, str]] = []
        self.found: Callable[[str, str], Offers] = lambda text, offset: Offers()

    def commands(self, language: str) -> Sequence[CommandInfo]:
        words = {"en": "Find papers", "zh-Hans": "查找论文"}
        return [
            CommandInfo("paper", words[language], "query"),
            CommandInfo("subscribe", words[language], "query", changes=True),
            CommandInfo("status", words[language], admin=True),
            CommandInfo("forum", words[language], platform="discord"),
        ]

    def is_admin(self, user: str) -> bool:
        return user == f"telegram:{ADMIN}"

    def admins(self, platform: str) -> Sequence[str]:
        return [f"{platform}:{ADMIN}"]

    def needs_rights(self, name: str, argument: str = "") -> bool:
        return name == "subscribe"

    def press_needs_rights(self, action: str) -> bool:
        return action.startswith("drop")

    def haste(self, caller: Caller) -> Haste:
        return self.hastes.get(caller.user, Haste.SERVED)

    async def slowed(self, caller: Caller) -> Reply:
        return say("You are quick!", private=True)

    async def answer(self, caller: Caller, name: str, argument: str) -> Reply:
        self.asked.append((caller, name, argument))
        await asyncio.sleep(self.slow)
        return self.reply(f"{name} {argument}".strip())

    async def press(self, caller: Caller, action: str) -> Reply:
        self.presses.append((caller, action))
        await asyncio.sleep(self.slow)
        return self.reply(action)

    async def complete(self, caller: Caller, name: str, prefix: str) -> Sequence[Suggestion]:
        return ()

    async def offers(self, caller: Caller, text: str, offset: str) -> Offers:
        self.sought.append((caller, text, offset))
        await asyncio.sleep(self.slow)
        return self.found(text, offset)

    async def joined(self, caller: Caller, places: Sequence[Address] = ()) -> Reply | None:
        self.came.append(caller)
        return say("Hello")

    async def gone(self, address: Address, why: str) -> None:
        self.left.append((address, why))

    async def back(self, addresses: Sequence[Address]) -> None:
        self.returns += addresses

    async def moved(self, old: Address, new: Address) -> None:
        self.moves.append((old, new))


def unpaced() -> Pace:
    return Pace(per_second=10**6, per_chat_second=10**6, per_group_minute=10**6)


@asynccontextmanager
async def bot_on(server: FakeTelegram, desk: Desk | None = None) -> AsyncIterator[Telegram]:
    """A bot that listens if there is a ``desk``."""
    telegram: Telegram = Telegram(TOKEN, server.url, unpaced())
    platform: ChatPlatform = telegram
    try:
        if desk is not None:
            await platform.start(desk)
        yield telegram
    finally:
        await platform.stop()


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def payload(text: str = "Hello") -> bytes:
    return Telegram(TOKEN).render(say(text))[0].payload
