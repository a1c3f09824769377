"""kill -9 at random moments of rounds: nothing is lost, and what is doubled was in flight at a kill."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import select

from bot.model import Address, DeliveryState, FeedItem
from storage import tables as t
from tests.faults.town import Town, counted, lora, town_in, unmarked
from tests.feeds_text import rss
from tests.program import Program
from tests.servers.feeds import Answer

KILLS, CHATS, SEEDS = 500, 200, (1, 2)
KILLS_SHORT, CHATS_SHORT = 5, 40
FIRST = datetime(2025, 4, 7, 9, tzinfo=UTC)
SHORT_PAPERS, LONG_PAPERS = 2, 9
LEASE = timedelta(seconds=125)
GAPS = (timedelta(seconds=5), LEASE, timedelta(hours=1))
"""Between a kill and the next start: with the leases of the dead still held, within the nonce's window, after it."""

Key = tuple[str, int]
"""A chat and a paper."""


@dataclass(slots=True)
class Told:
    """What a town saw of its killed programs."""

    kills: int = 0
    rounds: int = 0
    messages: int = 0
    papers: int = 0
    lost: int = 0
    doubled: Counter[str] = field(default_factory=Counter)
    beyond: int = 0
    """Copies on Telegram of papers that were not in flight at so many kills."""
    unmarked: int = 0
    """Repeats on Telegram that say the same as the first, with no word of being a repeat."""


def run(short: bool) -> list[tuple[str, str]]:
    seeds = SEEDS[:1] if short else SEEDS
    kills, chats = (KILLS_SHORT, CHATS_SHORT) if short else (KILLS // len(SEEDS), CHATS)
    told = asyncio.run(_towns(seeds, kills, chats))
    figures = [(f"kills: seed {seed}", _line(one)) for seed, one in zip(seeds, told, strict=True)]
    for one in told:
        assert one.kills >= kills, figures
        assert not one.lost, figures
        assert not one.doubled["discord"], figures
        assert not one.beyond, figures
        assert not one.unmarked, figures
    return figures


def _line(told: Told) -> str:
    return (
        f"{told.kills} kills in {told.rounds} rounds of {told.messages:,} messages with {told.papers:,} papers:"
        f" {told.lost} lost, {told.doubled['discord']} doubled on Discord, {told.doubled['telegram']} on Telegram"
        f" ({told.beyond} of them not in flight at a kill, {told.unmarked} not marked)"
    )


async def _towns(seeds: tuple[int, ...], kills: int, chats: int) -> list[Told]:
    async def one(seed: int) -> Told:
        with tempfile.TemporaryDirectory(prefix="paperround-kills-") as folder:
            async with town_in(Path(folder)) as town:
                return await _Killing(town, Random(seed), chats).until(kills)

    return await asyncio.gather(*map(one, seeds))


class _Killing:
    """Rounds of one town, a day each."""

    def __init__(self, town: Town, random: Random, chats: int) -> None:
        self.town, self.random, self.told = town, random, Told()
        self.now = FIRST
        town.env["PAPERROUND_LOG_LEVEL"] = "info"
        town.discord.clock = lambda: self.now.timestamp()
        channels = town.discord.add_guild("Lab of many", tuple(f"c{n}" for n in range(chats * 7 // 10)))
        self.chats = [Address("discord", channel) for channel in channels]
        self.chats += [Address("telegram", str(n)) for n in range(1, chats - len(self.chats) + 1)]
        random.shuffle(self.chats)
        self.long = set(random.sample(self.chats, chats // 10))
        town.chats({chat: "LoRA" if chat in self.long else "swift" for chat in self.chats}, FIRST)
        self.in_flight: Counter[Key] = Counter()

    async def until(self, kills: int) -> Told:
        while self.told.kills < kills:
            await self._round(kills)
        return self.told

    async def _round(self, kills: int) -> None:
        """One day: killed again and again until everything has arrived, and judged."""
        day, first = self.told.rounds, self.told.rounds * 100
        self.now = FIRST + timedelta(days=day)
        short = [_swift(first + n) for n in range(1, SHORT_PAPERS + 1)]
        long = [lora(first + SHORT_PAPERS + n, long=True) for n in range(1, LONG_PAPERS + 1)]
        self.town.feeds.put("/rss/cs.CL", Answer(rss([*short, *long], self.now.date()), etag=f'"{day}"'))
        tries = 0
        while True:
            if self.told.kills < kills and tries < 14:
                ended = await self._killed()
            else:
                ended = not await self._left_alone()
            if ended and not self._open():
                break
            tries += 1
            assert tries < 40, "the round does not come to its end"
            gap = self.random.choice(GAPS)
            if self.told.kills >= kills or tries > 14:
                gap = max(gap, LEASE)
            self.now += gap
        self._judge(range(first + 1, first + SHORT_PAPERS + 1), range(first + 1, first + len(short) + len(long) + 1))

    async def _left_alone(self) -> int:
        async with self.town.program("round", "--at", self.now.isoformat()) as program:
            await program.ended()
        return self._open()

    async def _killed(self) -> bool:
        """Whether the program ended before it was killed."""
        town, random = self.town, self.random
        async with town.program("round", "--at", self.now.isoformat()) as program:
            if random.random() < 0.15:
                moment = _at_time(program, random.uniform(0.2, 1.5))
            else:
                after = random.choice((0.0, 0.0, random.uniform(0, 0.02)))
                moment = _at_message(program, random.randint(1, len(self.chats) // 4), after)
            town.telegram.before_answer = lambda message: moment()
            town.discord.arrived = lambda message: moment()
            status = await program.ended()
        town.telegram.before_answer = lambda message: None
        town.discord.arrived = lambda message: None
        if status != -signal.SIGKILL:
            return True
        self.told.kills += 1
        self._note_in_flight()
        return False

    def _note_in_flight(self) -> None:
        p, d = t.delivery_part.c, t.delivery.c
        under_way = select(d.platform, d.chat, p.papers).where(
            p.delivery_id == d.id, p.tried, p.message_id == "", d.platform == "telegram"
        )
        with self.town.opened() as store, store.reading() as tx:
            for row in tx._all(under_way):
                for paper in tx.papers(row.papers).values():
                    self.in_flight[row.chat, _number(paper.key)] += 1

    def _open(self) -> int:
        with self.town.opened() as store, store.reading() as tx:
            counts = tx.counts()
        return sum(counts[f"deliveries.{state.value}"] for state in DeliveryState if state.open)

    def _judge(self, short: range, every: range) -> None:
        telegram, discord = self.town.telegram, self.town.discord
        self.told.rounds += 1
        self.told.messages += len(telegram.sent) + sum(map(len, discord.sent.values()))
        for chat in self.chats:
            texts = self.town.texts(chat)
            if chat.platform == "telegram":
                self.told.unmarked += unmarked(texts)
            found = counted(texts)
            for paper in every if chat in self.long else short:
                copies = found[paper]
                self.told.papers += 1
                self.told.lost += not copies
                self.told.doubled[chat.platform] += max(0, copies - 1)
                if chat.platform == "telegram":
                    self.told.beyond += max(0, copies - 1 - self.in_flight[chat.chat, paper])
        telegram.sent.clear()
        telegram.calls.clear()
        discord.sent.clear()
        self.in_flight.clear()


def _swift(number: int) -> FeedItem:
    """A paper that every chat gets."""
    paper = lora(number)
    return replace(paper, abstract=f"{paper.abstract} It is swift.")


def _number(key: str) -> int:
    return int(key.rpartition(".")[2])


def _at_time(program: Program, seconds: float) -> Callable[[], None]:
    threading.Timer(seconds, program.signal, (signal.SIGKILL,)).start()
    return lambda: None


def _at_message(program: Program, which: int, after: float) -> Callable[[], None]:
    """To be called at each message: at the given one the program is killed, ``after`` so many seconds."""
    seen = 0
    lock = threading.Lock()

    def one_more() -> None:
        nonlocal seen
        with lock:
            seen += 1
            if seen != which:
                return
        if after:
            threading.Timer(after, program.signal, (signal.SIGKILL,)).start()
        else:
            program.signal(signal.SIGKILL)

    return one_more
