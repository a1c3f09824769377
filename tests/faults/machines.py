"""Four processes on one PostgreSQL, killed and frozen past their leases, and the database restarted under them."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections import Counter
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from sqlalchemy import update

from bot.config import Config
from bot.model import Address, DeliveryState, FeedItem
from storage import tables as t
from tests.databases import running_postgres
from tests.faults.town import Town, counted, lora, town_in
from tests.feeds_text import rss
from tests.program import Program
from tests.servers.feeds import Answer

PROCESSES, CHATS, SEED = 4, 120, 4
SECONDS, EVERY = 420.0, 4.0
MORNING = 20.0
"""Seconds between two mornings, each with papers of its own."""
FROZEN = (125.0, 160.0)
"""Seconds that a process is stopped: longer than its lease, shorter than Discord remembers a nonce."""
CHATS_SHORT, PROCESSES_SHORT = 24, 3
PAPERS = 3
ROLES = any(field.name == "roles" for field in fields(Config))
NINE = datetime(2025, 4, 8, 9, tzinfo=UTC)


@dataclass(slots=True)
class Seen:
    """What befell the processes."""

    kills: int = 0
    freezes: int = 0
    restarts: int = 0
    mornings: int = 0
    starts: int = 0


def run(short: bool) -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="paperround-machines-") as folder, running_postgres() as server:
        return asyncio.run(_machines(Path(folder), server, short))


async def _machines(folder: Path, server: Any, short: bool) -> list[tuple[str, str]]:
    count = CHATS_SHORT if short else CHATS
    async with town_in(folder) as town:
        town.url = town.env["PAPERROUND_DATABASE_URL"] = server.get_uri()
        town.env["PAPERROUND_LOG_LEVEL"] = "info"
        channels = town.discord.add_guild("Lab of many", tuple(f"c{n}" for n in range(count // 2)))
        chats = [Address("discord", channel) for channel in channels]
        chats += [Address("telegram", str(n)) for n in range(1, count - count // 2 + 1)]
        with town.opened():
            pass
        seen = Seen()
        began = monotonic()
        papers = await (_short(town, server, chats, seen) if short else _long(town, server, chats, seen))
        figures = _judged(town, chats, papers, seen)
        return [*figures, ("machines: ran", f"{monotonic() - began:.0f} s")]


async def _short(town: Town, server: Any, chats: list[Address], seen: Seen) -> int:
    """Rounds at a time of our own: one is frozen and one killed in the middle of their messages, and what is started
    two minutes later in that time takes over; meanwhile the database restarts, and the frozen one goes on."""
    town.chats(dict.fromkeys(chats, "LoRA"), NINE)
    town.feeds.put("/rss/cs.CL", Answer(rss(_papers(0), NINE.date()), etag='"today"'))
    await town.round(NINE - timedelta(minutes=1))
    asked = Counter[str]()

    def at_message(which: int, number: signal.Signals, program: Program) -> None:
        asked["messages"] += 1
        if asked["messages"] == which:
            program.signal(number)

    later = NINE + timedelta(seconds=125)
    async with town.program("round", "--at", NINE.isoformat()) as frozen:
        town.discord.arrived = lambda message: at_message(3, signal.SIGSTOP, frozen)
        async with asyncio.timeout(60):
            while asked["messages"] < 3:
                await asyncio.sleep(0.01)
        seen.freezes += 1
        async with town.program("round", "--at", later.isoformat()) as killed:
            asked.clear()
            town.discord.arrived = lambda message: at_message(2, signal.SIGKILL, killed)
            await killed.ended()
            seen.kills += 1
        town.discord.arrived = lambda message: None
        await _restart(server)
        seen.restarts += 1
        last = asyncio.create_task(town.round(later + timedelta(seconds=125), status=None))
        await asyncio.sleep(1.0)
        frozen.signal(signal.SIGCONT)
        await frozen.ended()
        await last
    seen.starts, seen.mornings = 4, 1
    await _drained(town, later + timedelta(minutes=10))
    return PAPERS


async def _long(town: Town, server: Any, chats: list[Address], seen: Seen) -> int:
    """Whole programs by the true clock."""
    random = Random(SEED)
    town.feeds.put("/rss/cs.CL", Answer(rss([], datetime.now(UTC).date()), etag='"nothing"'))
    town.chats(dict.fromkeys(chats, "LoRA"), datetime.now(UTC) + timedelta(days=1))
    running: list[Program] = []
    frozen: dict[Program, float] = {}
    end, next_morning, next_fault = monotonic() + SECONDS, monotonic() + 8.0, monotonic() + 10.0
    restarts = [monotonic() + SECONDS / 3, monotonic() + SECONDS * 2 / 3]

    async def start() -> None:
        roles = {"PAPERROUND_ROLES": "ingest,plan,deliver"} if ROLES else {}
        program = town.program("run", **roles)
        running.append(await program.__aenter__())
        seen.starts += 1

    try:
        for _ in range(PROCESSES):
            await start()
        while monotonic() < end:
            await asyncio.sleep(0.2)
            now = monotonic()
            for program, until in list(frozen.items()):
                if now >= until:
                    program.signal(signal.SIGCONT)
                    del frozen[program]
            if restarts and now >= restarts[0]:
                restarts.pop(0)
                await _restart(server)
                seen.restarts += 1
            if now >= next_morning and now < end - MORNING:
                await _morning(town, seen.mornings)
                seen.mornings += 1
                next_morning = now + MORNING
            if now >= next_fault:
                next_fault = now + random.uniform(EVERY / 2, EVERY * 3 / 2)
                at_work = [program for program in running if program not in frozen]
                victim = random.choice(at_work)
                if len(at_work) > 2 and random.random() < 0.4:
                    victim.signal(signal.SIGSTOP)
                    frozen[victim] = now + random.uniform(*FROZEN)
                    seen.freezes += 1
                else:
                    await victim.kill()
                    running.remove(victim)
                    seen.kills += 1
                    await start()
    finally:
        for program in frozen:
            program.signal(signal.SIGCONT)
        for program in running:
            await program.kill()
    await _drained(town, datetime.now(UTC) + timedelta(minutes=3))
    return PAPERS * seen.mornings


async def _restart(server: Any) -> None:
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)


def _papers(morning: int) -> list[FeedItem]:
    return [lora(morning * 10 + n) for n in range(1, PAPERS + 1)]


async def _morning(town: Town, number: int) -> None:
    """New papers, and every chat is due."""

    def write() -> None:
        now = datetime.now(UTC)
        with town.opened() as store, store.transaction() as tx:
            tx.add(_dated(_papers(number), now.date()), now)
            tx._run(update(t.chat).values(due_at=now))

    for tries in range(5):
        try:
            await asyncio.to_thread(write)
            return
        except Exception:
            if tries == 4:
                raise
            await asyncio.sleep(1.0)


def _dated(items: list[FeedItem], on: date) -> list[FeedItem]:
    return [replace(item, announced_on=on) for item in items]


async def _drained(town: Town, at: datetime) -> None:
    """Rounds until nothing is open."""
    for _ in range(12):
        await town.round(at, status=None)
        with town.opened() as store, store.reading() as tx:
            counts = tx.counts()
        if not any(counts[f"deliveries.{state.value}"] for state in DeliveryState if state.open):
            return
        at += timedelta(minutes=5)
    raise AssertionError(f"something stays open: {counts}")


def _judged(town: Town, chats: list[Address], papers: int, seen: Seen) -> list[tuple[str, str]]:
    lost, doubled, messages = 0, Counter[str](), 0
    wanted = [morning * 10 + n for morning in range(seen.mornings) for n in range(1, PAPERS + 1)]
    assert len(wanted) == papers
    for chat in chats:
        texts = town.texts(chat)
        messages += len(texts)
        found = counted(texts)
        lost += sum(not found[paper] for paper in wanted)
        doubled[chat.platform] += sum(max(0, found[paper] - 1) for paper in wanted)
    figures = [
        (
            "machines: what befell them",
            f"{seen.starts} starts, {seen.kills} kills, {seen.freezes} freezes past the lease, {seen.restarts}"
            f" restarts of PostgreSQL, {seen.mornings} mornings of {len(chats)} chats, {messages:,} messages",
        ),
        (
            "machines: delivered",
            f"{lost} of {len(chats) * papers:,} papers lost, {doubled['discord']} doubled on Discord,"
            f" {doubled['telegram']} on Telegram",
        ),
    ]
    assert not lost and not doubled["discord"], figures
    return figures
