"""A morning: very many chats due in the same minute, planned on SQLite; and the morning after a burst, when what is
left of it is pushed."""

from __future__ import annotations

import resource
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random
from time import perf_counter

from sqlalchemy import func, select

from bot.model import Address, Arrival, Chat, EmptyDay, FeedItem, Kind, Subscription
from bot.planning import Planner
from bot.serving import collect_rarely
from storage import tables as t
from storage.chat_rows import row_of_chat
from storage.store import SqlStore, open_store
from tests.bench.library import filters, texts
from tests.bench.measure import Measured, collect
from tests.paths import ROOT

CHATS, QUERIES, PAPERS = 1_000_000, 50_000, 1_500
NOW = datetime(2025, 4, 8, 8, tzinfo=UTC)


def measure(folder: Path, scale: float) -> list[Measured]:
    chats, queries = max(5_000, int(CHATS * scale)), max(250, int(QUERIES * scale))
    store_url = f"sqlite:///{folder / 'papers.db'}"
    store = open_store(store_url)
    try:
        expected = fill(store, chats, queries)
        seconds, memory, planned = planned_apart(store_url, NOW)
        with store.reading() as tx:
            stored = tx.counts()["deliveries.planned"]
    finally:
        store.close()
    if not planned == stored == expected:
        raise RuntimeError(f"{expected} chats have matches, {planned} were planned, {stored} are stored")
    return [
        collect(f"planning: a chat of {chats:,}, {queries:,} different queries", [seconds / chats], goal=1 / 20_000),
        collect(f"planning: all, {planned:,} deliveries", [seconds]),
        Measured("planning: memory at its peak", (memory,), 1_024, "MB"),
        *after_a_burst(folder, chats // 5, queries // 5),
    ]


def after_a_burst(folder: Path, chats: int, queries: int) -> list[Measured]:
    """Every paper of the day came in a burst and one a chat is pushed: the next day all the others wait."""
    store_url = f"sqlite:///{folder / 'burst.db'}"
    store = open_store(store_url)
    try:
        fill(store, chats, queries, Arrival.BURST, size=1)
        planned_apart(store_url, NOW)
        with store.reading() as tx:
            waiting = tx._number(select(func.count()).where(t.chat.c.rest_id.is_not(None)))
        # Of no feed was heard, so what is left comes when arXiv's time is up.
        seconds, memory, planned = planned_apart(store_url, NOW + timedelta(days=1, hours=7))
    finally:
        store.close()
    if planned != waiting:
        raise RuntimeError(f"papers wait for {waiting} chats, {planned} were planned")
    return [
        collect(f"planning after a burst: a chat of {chats:,}, {planned:,} deliveries", [seconds / chats], 1 / 5_000),
        Measured("planning after a burst: memory at its peak", (memory,), 1_024, "MB"),
    ]


def planned_apart(url: str, at: datetime) -> tuple[float, float, int]:
    """Seconds, megabytes and deliveries of a plan in a process of its own, whose memory is the plan's alone."""
    command = [sys.executable, "-m", "tests.bench.planning", url, at.isoformat()]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.split()
    return float(told[0]), float(told[1]), int(told[2])


def fill(store: SqlStore, chats: int, queries: int, arrival: Arrival = Arrival.DAILY, size: int = 20) -> int:
    """Papers of a day, and chats that follow one query each; returns how many have a match."""
    from bot.filters import Filters
    from bot.query import parse
    from tests.bench.matching import batch_of

    day = texts()[:PAPERS]
    items = [
        FeedItem(f"arxiv:2504.{n:05d}", Kind.NEW, x.title, x.abstract, 1, x.authors, x.categories, NOW.date())
        for n, x in enumerate(day, 1)
    ]
    items = [replace(item, arrival=arrival) for item in items]
    with store.transaction() as tx:
        tx.add(items, NOW)
    asked = filters(queries, seed=7)
    hits = set(Filters(map(parse, asked)).match(batch_of(day)).any().tolist())
    random, matched = Random(5), 0
    for first in range(0, chats, 20_000):
        rows, held = [], []
        for number in range(first + 1, min(first + 20_000, chats) + 1):
            chat = Chat(0, Address("telegram", str(number)), due_at=NOW, empty_day=EmptyDay.SILENT, size=size)
            choice = random.randrange(len(asked))
            matched += choice in hits
            rows.append({"id": number, **row_of_chat(chat)})
            held.append(Subscription(0, number, asked[choice]))
        with store.transaction() as tx:
            tx._bulk(t.chat.insert(), rows)
            tx._bulk(t.subscription.insert(), [{"chat_id": s.chat_id, "query": s.query, "topic": None} for s in held])
    return matched


def plan(url: str, at: datetime) -> None:
    """Plan, and print seconds, megabytes at the peak, and deliveries."""
    collect_rarely()
    store = open_store(url)
    planner = Planner(store, ("cs.CL",), time(14, 0), lambda: at)
    began = perf_counter()
    planned = planner.plan()
    seconds = perf_counter() - began
    store.close()
    print(seconds, peak(), planned)


def peak() -> float:
    """Megabytes that this process held at most. On Linux ``ru_maxrss`` begins with those of the process before."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    plan(sys.argv[1], datetime.fromisoformat(sys.argv[2]))
