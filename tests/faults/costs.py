"""What a message costs on its way (lease, render, promise, send, record), beside a bare POST of the same bytes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from datetime import time as clock_time
from typing import Any

import aiohttp

from bot.model import Address, Chat, EmptyDay, Subscription
from storage import tables as t
from storage.chat_rows import row_of_chat
from storage.store import open_store
from tests.faults.town import lora
from tests.paths import ROOT

MESSAGES, MESSAGES_SHORT = 2_000, 300
WARM = 50
"""Messages of another store that go first: a bot that runs has its imports and connections behind it."""
PAPERS = 6
AT_ONCE = 32
GOAL = 5.0
"""Times the CPU of a bare POST."""
PLATFORMS = ("telegram", "discord")
NOW = datetime(2025, 4, 8, 9, tzinfo=UTC)


def run(short: bool) -> list[tuple[str, str]]:
    count = MESSAGES_SHORT if short else MESSAGES
    figures: list[tuple[str, str]] = []
    ratios = []
    with tempfile.TemporaryDirectory(prefix="paperround-costs-") as folder, sink() as url:
        for platform in PLATFORMS:
            path = f"sqlite:///{folder}/{platform}.db"
            fill(path, platform, count)
            fill(warm_beside(path), platform, WARM)
            whole = measured("whole", platform, url, path, count)
            bare = measured("bare", platform, url, path, count)
            ratio = whole["cpu"] / bare["cpu"]
            ratios.append(ratio)
            parts = ", ".join(f"{name} {micro / count * 1e6:,.0f}" for name, micro in whole["parts"].items())
            figures += [
                (f"costs: {platform}, whole path", f"{whole['cpu'] / count * 1e6:,.0f} µs of CPU a message,"
                 f" {count / whole['seconds']:,.0f} a second"),
                (f"costs: {platform}, where it goes", f"{parts} µs"),
                (f"costs: {platform}, bare POST", f"{bare['cpu'] / count * 1e6:,.0f} µs, "
                 f"{count / bare['seconds']:,.0f} a second"),
                (f"costs: {platform}, ratio", f"{ratio:.1f} (goal: at most {GOAL:g})"),
            ]  # fmt: skip
    return figures


@contextmanager
def sink(delay: float = 0.0) -> Iterator[str]:
    """The address of a platform in a process of its own, which answers after so many seconds."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.sink", str(delay)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None and process.stdin is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()
        process.wait(10)
    finally:
        process.kill()
        process.wait()


def measured(what: str, platform: str, url: str, database: str, count: int) -> dict[str, Any]:
    """``cpu`` and ``seconds`` of a process of its own, which does nothing else."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.faults.costs", what, platform, url, database, str(count)],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=600,
    ).stdout  # fmt: skip
    found: dict[str, Any] = json.loads(told)
    return found


def fill(url: str, platform: str, count: int, names: Sequence[str] = ()) -> None:
    """So many chats (``names``, else 1, 2, 3 …), each with a planned delivery of one message."""
    from bot.planning import Planner

    store = open_store(url)
    try:
        with store.transaction() as tx:
            tx.add([lora(n) for n in range(1, PAPERS + 1)], NOW)
            rows = [
                {
                    "id": n,
                    **row_of_chat(
                        Chat(
                            0,
                            Address(platform, names[n - 1] if names else str(n)),
                            due_at=NOW,
                            empty_day=EmptyDay.SILENT,
                        )
                    ),
                }
                for n in range(1, count + 1)
            ]
            tx._bulk(t.chat.insert(), rows)
            held = [Subscription(0, n, "LoRA") for n in range(1, count + 1)]
            tx._bulk(t.subscription.insert(), [{"chat_id": s.chat_id, "query": s.query, "topic": None} for s in held])
        planned = Planner(store, ("cs.CL",), clock_time(14, 0), lambda: NOW).plan()
        assert planned == count, planned
    finally:
        store.close()


async def whole(platform: str, url: str, database: str, count: int) -> dict[str, Any]:
    """Deliver all that is planned, with no limit but the machine's."""
    from adapters.chats.discord_chat import Discord
    from adapters.chats.discord_pace import DiscordPace
    from adapters.chats.telegram import Telegram
    from adapters.chats.telegram_pace import Pace
    from bot.carrier import Carrier
    from bot.ports import ChatPlatform
    from bot.serving import collect_rarely

    endless = 10**9
    chats: ChatPlatform = Discord("a.b.c", url, pace=DiscordPace(endless))
    if platform == "telegram":
        chats = Telegram("123456:a-token", url, Pace(endless, endless))
    warm = open_store(warm_beside(database))
    await Carrier(warm, {platform: chats}, True, lambda: NOW).deliver()
    warm.close()
    store = open_store(database)
    parts: Counter[str] = Counter()
    carrier = Carrier(store, {platform: chats}, True, lambda: NOW)
    for owner, name in ((carrier, "_lease"), (carrier._editions, "drafts"), (carrier._ledger, "_record")):
        setattr(owner, name, timed(getattr(owner, name), parts, name.strip("_")))
    collect_rarely()
    began, cpu, loop = time.perf_counter(), time.process_time(), time.thread_time()
    done = await carrier.deliver()
    found = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    parts["send and the loop"] = time.thread_time() - loop  # type: ignore[assignment]
    parts["threads' rest"] = found["cpu"] - sum(parts.values())  # type: ignore[assignment]
    await chats.stop()
    store.close()
    assert done.sent == count, done
    return {**found, "parts": dict(parts)}


def warm_beside(database: str) -> str:
    return f"{database}.warm"


def timed(call: Callable[..., Any], into: Counter[str], name: str) -> Callable[..., Any]:
    def measured(*arguments: Any) -> Any:
        began = time.thread_time()
        try:
            return call(*arguments)
        finally:
            into[name] += time.thread_time() - began  # type: ignore[assignment]

    return measured


async def bare(platform: str, url: str, count: int) -> dict[str, Any]:
    """The same bytes by aiohttp alone, as many at once."""
    from bot.serving import collect_rarely

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        async with session.get(f"{url}/last") as response:
            path, _, body = (await response.read()).partition(b"\0")
        form = "application/json" if platform == "discord" else "application/x-www-form-urlencoded"
        address, headers = url + path.decode(), {"Content-Type": form}

        async def some(left: Iterator[int]) -> None:
            for _ in left:
                async with session.post(address, data=body, headers=headers) as response:
                    assert response.status == 200
                    json.loads(await response.read())

        collect_rarely()
        await some(iter(range(WARM)))
        began, cpu = time.perf_counter(), time.process_time()
        left = iter(range(count))
        await asyncio.gather(*(some(left) for _ in range(AT_ONCE)))
        return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


def main(what: str, platform: str, url: str, database: str, count: str) -> None:
    work = whole(platform, url, database, int(count)) if what == "whole" else bare(platform, url, int(count))
    print(json.dumps(asyncio.run(work)))


if __name__ == "__main__":
    main(*sys.argv[1:])
