"""Command to reply: the whole program between two platforms, asked by a thousand chats at a steady pace.

The platforms and those who ask are in this process, the program in its own. People ask at given moments whether or not
others were answered (an open loop), and a reply's time is from the moment its command is given to the platform until
the platform gets the reply.

Telegram takes 30 messages a second from a bot, so no bot answers a hundred there: the program is told that it may send
a thousand, as paid broadcasts, and what is measured is what it makes of that.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from shutil import which
from time import monotonic
from typing import Any

from aiohttp import web

from bot.catalogue import TOPICS
from bot.model import Address, Chat, FeedItem, Kind, Place, Subscription, SummaryText
from storage import tables as t
from storage.chat_rows import row_of_chat
from storage.searching import TantivyIndex
from storage.store import SqlStore, open_store
from tests.bench.library import filters, kept_by_people, many
from tests.bench.measure import Measured
from tests.program import Program, environment, of_platforms
from tests.servers.discord import MANAGE_GUILD, FakeDiscord
from tests.servers.discord_objects import buttons_in
from tests.servers.discord_rest import Exchange
from tests.servers.telegram import FakeTelegram

PAPERS, CHATS, A_SECOND = 65_000, 1_000, 200
SECONDS, WARM_UP = 25.0, 10.0
"""For so long they ask at that pace; before, beginning slowly, while caches fill and the day's papers are read."""
SETTLED = 20.0
"""Seconds after its start, in which it reads the day's papers ahead."""
PROCESSES = ("ingest,plan,deliver,telegram", "discord")
"""The roles of each: what is asked of one platform waits for nothing that is asked of the other."""
PATIENCE = 10.0
"""Seconds after the last command when a reply that has not come is lost."""
TODAY = 1_500
"""Papers of the latest announcement."""
FIRST_CHANNEL = 12 * 10**17
GUILD = 50
"""Channels of a server."""
LANGUAGES = ("en", "zh-Hans", "zh-Hant")
MIX = {
    "words": 30, "card": 20, "press": 20, "digest": 10, "subscriptions": 7, "help": 5, "settings": 5, "topics": 3
}  # fmt: skip
"""What is asked, and of a hundred how often."""

_came: ContextVar[float] = ContextVar("came")
"""When the request that is being served came to its platform."""


def measure(folder: Path, scale: float) -> list[Measured]:
    papers = max(3_000, int(PAPERS * scale))
    fill(folder, papers)
    took = asyncio.run(asked(folder, papers))
    return figures(took, papers)


def figures(crowd: Crowd, papers: int) -> list[Measured]:
    name = f"answers: {papers:,} papers, {A_SECOND} commands a second"
    took = sorted(one.took for one in crowd.counted if one.took)
    if not took:
        raise RuntimeError("nothing was answered")
    lost = sum(not one.took for one in crowd.counted)
    found = [
        Measured(f"{name}, half take", (took[len(took) // 2],)),
        Measured(f"{name}, 99 of 100 take", (took[int(len(took) * 0.99)],), 0.1),
        Measured(f"{name}, all take", (took[-1],), 1.0),
        Measured(f"{name}, lost of {len(crowd.counted):,}", (lost,), 0, "commands"),
        Measured(f"{name}, replies that break a rule or come too late for Discord", (len(crowd.wrong),), 0, "replies"),
        Measured(f"{name}, the program's time on a core", (crowd.share,), None, "%"),
    ]
    for what in MIX:
        mine = sorted(one.took for one in crowd.counted if one.what == what and one.took)
        if mine:
            found.append(Measured(f"answers: {what}, 99 of 100 of {len(mine):,} take", (mine[int(len(mine) * 0.99)],)))
    return found


@dataclass(slots=True)
class Asked:
    """One command; ``took`` is 0 until its reply is here."""

    what: str
    at: float
    took: float = 0.0


@dataclass(slots=True)
class Crowd:
    """Who asks, and what came of it. ``waiting``: by chat, in order; ``next``: by chat, the press that turns a page."""

    random: Random
    papers: int
    asked: list[Asked] = field(default_factory=list)
    waiting: dict[str, deque[Asked]] = field(default_factory=dict)
    next: dict[str, tuple[Any, str]] = field(default_factory=dict)
    share: float = 0.0
    wrong: list[str] = field(default_factory=list)
    words: tuple[str, ...] = kept_by_people() or ("LoRA", "retrieval", "language model")

    @property
    def counted(self) -> list[Asked]:
        """Those after the first seconds, in which caches fill."""
        return [one for one in self.asked if one.at - self.asked[0].at >= WARM_UP]

    def ask(self, chat: str) -> tuple[Asked, str, str]:
        """What this chat asks now: a command and its argument, or with an empty command a press."""
        what = self.random.choices(list(MIX), list(MIX.values()))[0]
        if what == "press" and chat not in self.next:
            what = "words"
        one = Asked(what, monotonic())
        self.asked.append(one)
        self.waiting.setdefault(chat, deque()).append(one)
        match what:
            case "words":
                return one, "paper", self.random.choice(self.words)
            case "card":
                return one, "paper", f"2504.{self.random.randrange(1, TODAY):05d}"
            case "press":
                return one, "", ""
        return one, what, ""

    def answered(self, chat: str) -> None:
        if waiting := self.waiting.get(chat):
            one = waiting.popleft()
            one.took = _came.get() - one.at

    def lacking(self) -> int:
        return sum(map(len, self.waiting.values()))


class Telegram(FakeTelegram):
    """Notes when a reply comes."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self.crowd = crowd

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        _came.set(monotonic())
        return await super()._serve(request)

    def _on_sendMessage(self, parameters: dict[str, Any]) -> Any:
        answer = super()._on_sendMessage(parameters)
        self._note(answer["message_id"], parameters)
        return answer

    def _on_editMessageText(self, parameters: dict[str, Any]) -> Any:
        answer = super()._on_editMessageText(parameters)
        self._note(answer["message_id"], parameters)
        return answer

    def _note(self, message: int, parameters: dict[str, Any]) -> None:
        chat = str(parameters["chat_id"])
        self.crowd.answered(chat)
        rows = parameters.get("reply_markup", {}).get("inline_keyboard", [])
        action = _turning([(b["text"], b.get("callback_data", "")) for row in rows for b in row])
        self.crowd.next.pop(chat, None)
        if action:
            self.crowd.next[chat] = message, action

    def ask(self, chat: str, user: int) -> None:
        _, name, argument = self.crowd.ask(chat)
        if name:
            self.push_message(int(chat), user, f"/{name} {argument}".strip())
        else:
            message, action = self.crowd.next.pop(chat)
            self.push_callback(message, action, user)

    def forget(self) -> None:
        """What was said long ago: it is looked through for every press."""
        self.calls.clear()
        self.pressed.clear()
        self.edited.clear()
        del self.sent[:-2_000]


class Discord(FakeDiscord):
    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self.crowd = crowd
        self._ids_of_places = itertools.count(FIRST_CHANNEL)

    def new_id(self) -> str:
        """Of places, which are made before it listens, always the same."""
        return super().new_id() if self._port else str(next(self._ids_of_places))

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        _came.set(monotonic())
        return await super()._rest(request)

    def _callback(self, shown: str, interaction: str, token: str, body: Any) -> web.Response:
        answer = super()._callback(shown, interaction, token, body)
        if answer.status == 200 and body["type"] in (4, 7):
            self._mark(token)
        return answer

    def _follow_up(self, shown: str, token: str, body: Any) -> web.Response:
        answer = super()._follow_up(shown, token, body)
        if answer.status == 200:
            self._mark(token)
        return answer

    def _edit(self, shown: str, token: str, which: str, body: Any) -> web.Response:
        answer = super()._edit(shown, token, which, body)
        if answer.status == 200:
            self._mark(token)
        return answer

    def _mark(self, token: str) -> None:
        exchange = next(one for one in reversed(self.exchanges) if one.token == token)
        chat = exchange.channel
        self.crowd.answered(chat)
        message = exchange.messages[0] if exchange.messages else exchange.source
        assert message is not None
        buttons = buttons_in(message.get("components", []))
        action = _turning([(one.get("label", ""), one.get("custom_id", "")) for one in buttons])
        self.crowd.next.pop(chat, None)
        if action:
            self.crowd.next[chat] = message["id"], action

    async def ask(self, chat: str, user: int) -> None:
        _, name, argument = self.crowd.ask(chat)
        if name:
            options = {"query": argument} if argument else {}
            await self.push_command(chat, str(user), name, options, MANAGE_GUILD)
        else:
            message, action = self.crowd.next.pop(chat)
            await self.push_component(message, action, str(user), MANAGE_GUILD)

    def find_message(self, message: str) -> dict[str, Any]:
        everywhere = (found for e in reversed(self.exchanges) for found in (*e.messages, e.source) if found)
        return next(one for one in everywhere if one["id"] == message)

    def forget(self) -> None:
        kept: list[Exchange] = self.exchanges[-2_000:]
        self.exchanges[:] = kept
        self.requests.clear()


def _turning(buttons: list[tuple[str, str]]) -> str:
    """What the button carries that shows more: the next page, or where there is none a paper's card."""
    turning = [action for label, action in buttons if "Next" in label or "下一" in label or "More" in label]
    opening = [action for label, action in buttons if label.isdecimal()]
    return next(iter([*turning, *opening]), "")


class _Patient(Program):
    """The platforms and the crowd, which are here, do not wait for the program: their waiting would be counted."""

    before = ("nice", "-n", "5") if which("nice") else ()


async def asked(folder: Path, papers: int) -> Crowd:
    """Let the program run, ask, and wait for the replies. Raises RuntimeError where the program fails."""
    sys.setswitchinterval(0.0005)  # the two platforms are threads of this process
    crowd = Crowd(Random(6), papers)
    discord = Discord(crowd)
    channels = channels_of(discord)
    with Telegram(crowd) as telegram:
        async with discord:
            env = environment(folder, **of_platforms(telegram, discord)) | {
                "PAPERROUND_TELEGRAM__PAID_BROADCAST": "true", "PAPERROUND_LOG_LEVEL": "warning"
            }  # fmt: skip
            async with AsyncExitStack() as stack:
                made = [_Patient(folder, env, "run", "--roles", roles) for roles in PROCESSES]
                programs = [await stack.enter_async_context(program) for program in made]
                await discord.connected(60)
                await asyncio.sleep(SETTLED)
                began, busy = monotonic(), sum(map(cpu_of, programs))
                with uncollected():
                    await ask_all(telegram, discord, channels)
                crowd.share = 100 * (sum(map(cpu_of, programs)) - busy) / (monotonic() - began)
                end = monotonic() + PATIENCE
                while crowd.lacking() and monotonic() < end:
                    await asyncio.sleep(0.05)
                for program in programs:
                    await program.kill()  # what it still does tells nothing
        for program in programs:
            if "Traceback" in program.log:
                raise RuntimeError(f"the program failed:\n{program.log[-3000:]}")
        crowd.wrong = telegram.violations + discord.violations
    return crowd


@contextmanager
def uncollected() -> Iterator[None]:
    """The collector would stop the crowd for a tenth of a second, and that would count as the program's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def ask_all(telegram: Telegram, discord: Discord, channels: list[str]) -> None:
    """One after the other at even steps: every chat in turn, on the two platforms in turn."""
    began, count = monotonic(), int(A_SECOND * (WARM_UP / 2 + SECONDS))
    for number in range(count):
        if (wait := began + moment_of(number) - monotonic()) > 0:
            await asyncio.sleep(wait)
        turn = number // 2 % (CHATS // 2)
        if number % 2:
            await discord.ask(channels[turn], 10_000 + turn)
        else:
            telegram.ask(str(telegram_chat(turn)), 10_000 + turn)
        if number % 1_000 == 0:
            telegram.forget()
            discord.forget()


def moment_of(number: int) -> float:
    """Seconds after the first when the so-manieth asks: ever faster, until as many ask in a second as shall."""
    quicker = A_SECOND * WARM_UP / 2
    return WARM_UP * (number / quicker) ** 0.5 if number < quicker else WARM_UP + (number - quicker) / A_SECOND


def telegram_chat(number: int) -> int:
    """Every fifth is a group."""
    return -(100_000 + number) if number % 5 == 0 else 10_000 + number


def channels_of(discord: FakeDiscord) -> list[str]:
    names = tuple(f"c{number}" for number in range(GUILD))
    return [one for number in range(CHATS // 2 // GUILD) for one in discord.add_guild(f"Lab {number}", names)]


def cpu_of(program: Program) -> float:
    """Seconds of a core that the program has used; 0 where the system does not say (proc_pid_stat(5))."""
    status = Path(f"/proc/{program._process.pid}/stat")
    if not status.is_file():
        return 0.0
    after_name = status.read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def items_of(papers: int, on: date) -> Iterator[FeedItem]:
    """What was imported, and the latest announcement; every third with stored words."""
    for number, text in enumerate(many(papers), 1):
        fresh = number <= TODAY
        told = SummaryText("zh-Hans", f"一种又快又省的方法，编号 {number}。", "一个题目", "一段摘要。")
        key = f"arxiv:2504.{number:05d}" if fresh else f"arxiv:{1800 + number // 90_000:04d}.{number % 90_000:05d}"
        yield FeedItem(
            key, Kind.NEW if fresh else Kind.KNOWN, text.title, text.abstract, 1, text.authors, text.categories,
            on if fresh else text.day, summaries=(told,) if number % 3 == 0 else (),
        )  # fmt: skip


def fill(folder: Path, papers: int) -> None:
    """A store of papers, topics, and a thousand chats that follow something, and its index."""
    data = folder / "data"
    data.mkdir()
    now = datetime.now(UTC)
    store = open_store(f"sqlite:///{data / 'paperround.db'}")
    try:
        batch: list[FeedItem] = []
        for item in items_of(papers, now.date()):
            batch.append(item)
            if len(batch) == 5_000:
                with store.transaction() as tx:
                    tx.add(batch, now)
                batch.clear()
        with store.transaction() as tx:
            tx.add(batch, now)
            for topic in TOPICS:
                tx.put_topic(topic)
        index = TantivyIndex(data / "index", store)
        index.follow()
        index.close()
        fill_chats(store, now)
    finally:
        store.close()


def fill_chats(store: SqlStore, now: datetime) -> None:
    addresses = [Address("telegram", str(telegram_chat(number))) for number in range(CHATS // 2)]
    addresses += [Address("discord", channel) for channel in channels_of(Discord(Crowd(Random(0), 0)))]
    followed = filters(200)
    rows, held = [], []
    for number, address in enumerate(addresses, 1):
        group = address.platform == "discord" or address.chat.startswith("-")
        chat = Chat(
            0, address, Place.GROUP if group else Place.PRIVATE, due_at=now + timedelta(days=1), admitted=True,
            language=LANGUAGES[number % 3],
        )  # fmt: skip
        rows.append({"id": number, **row_of_chat(chat)})
        held += [Subscription(0, number, followed[(number * 7 + k) % len(followed)]) for k in range(1 + number % 4)]
    with store.transaction() as tx:
        tx._bulk(t.chat.insert(), rows)
        tx._bulk(t.subscription.insert(), [{"chat_id": s.chat_id, "query": s.query, "topic": None} for s in held])
