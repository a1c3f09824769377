"""As fast as the platforms allow: how much of it is used, and whether a limit was ever broken."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from typing import Any

from tests.faults.costs import NOW, fill, sink
from tests.paths import ROOT
from tests.servers.discord import FakeDiscord
from tests.servers.limits import DiscordLimits, TelegramLimits
from tests.servers.telegram import FakeTelegram

PER_SECOND = {"telegram": 30, "discord": 50}
SECONDS, SECONDS_SHORT = 600, 10
"""Of platform time."""
SPEED = 1.0
"""How much faster platform time runs than ours."""
GRACE = 0.02
"""Seconds of ours that one message may gain on another on its way."""
LEAST = 0.97
PAID = 1_000
PAID_SECONDS = 20
PAID_DELAY = 0.02
"""Seconds that a paid broadcast's answer takes."""


def run(short: bool) -> list[tuple[str, str]]:
    seconds = SECONDS_SHORT if short else SECONDS
    both = asyncio.run(_both(seconds))
    figures = [(f"rates: {platform} at {PER_SECOND[platform]} a second", told) for platform, _, _, told in both]
    if not short:
        figures.append(("rates: telegram, paid broadcast", _paid()))
    for _, share, earned, _ in both:
        assert share >= LEAST and not earned, figures
    return figures


async def _both(seconds: int) -> list[tuple[str, float, int, str]]:
    return await asyncio.gather(*(_at_the_limit(platform, rate, seconds) for platform, rate in PER_SECOND.items()))


async def _at_the_limit(platform: str, per_second: int, seconds: int) -> tuple[str, float, int, str]:
    """The platform, the share of the allowed messages that were sent, the 429s that were earned, and both in words."""
    count = per_second * seconds
    with tempfile.TemporaryDirectory(prefix="paperround-rates-") as folder:
        path = f"sqlite:///{folder}/{platform}.db"
        limits: TelegramLimits | DiscordLimits
        if platform == "telegram":
            fill(path, platform, count)
            limits = TelegramLimits(SPEED, per_second, GRACE * SPEED)
            with FakeTelegram() as telegram:
                telegram.limits = limits
                began = time.monotonic()
                sent = await _sender(platform, telegram.url, telegram.token, path, count)
        else:
            limits = DiscordLimits(SPEED, per_second, GRACE * SPEED)
            async with FakeDiscord() as discord:
                discord.limits = limits
                channels = discord.add_guild("Lab of many", tuple(f"c{n}" for n in range(count)))
                fill(path, platform, count, channels)
                began = time.monotonic()
                sent = await _sender(platform, discord.api_url, discord.token, path, count)
    took = sent["seconds"] * SPEED
    # A window's worth may leave at once in the beginning.
    allowed = per_second * (took + 1)
    share, earned = limits.taken / allowed, sum(limits.earned.values())
    assert limits.taken >= count, (limits.taken, count, began)
    told = f"{limits.taken:,} in {took:,.0f} s of platform time, {share:.1%} of what is allowed, {earned} times refused"
    return platform, share, earned, told


async def _sender(platform: str, url: str, token: str, database: str, count: int) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.rates", platform, url, token, database, str(count),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(1_200):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    found: dict[str, Any] = json.loads(out)
    return found


def _paid() -> str:
    """Paid broadcast: one process at a thousand a second, against a platform that answers after a while."""
    count = PAID * PAID_SECONDS
    with tempfile.TemporaryDirectory(prefix="paperround-paid-") as folder, sink(PAID_DELAY) as url:
        path = f"sqlite:///{folder}/paid.db"
        fill(path, "telegram", count)
        told = subprocess.run(
            [sys.executable, "-m", "tests.faults.rates", "paid", url, "123456:a-token", path, str(count)],
            cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=900,
        ).stdout  # fmt: skip
    found = json.loads(told)
    return f"{count / found['seconds']:,.0f} of {PAID:,} a second, {found['cpu'] / found['seconds']:.0%} of a core"


async def send(platform: str, url: str, token: str, database: str, count: str) -> dict[str, float]:
    """Deliver all that is planned, in a process of its own."""
    from adapters.chats.discord_chat import Discord
    from adapters.chats.discord_pace import DiscordPace
    from adapters.chats.telegram import Telegram
    from adapters.chats.telegram_pace import Pace
    from bot.carrier import Carrier
    from bot.ports import ChatPlatform
    from bot.serving import collect_rarely
    from storage.store import open_store

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)

    chats: ChatPlatform
    if platform == "discord":
        chats = Discord(token, url, pace=DiscordPace(clock=lambda: time.monotonic() * SPEED, sleep=sleep))
    elif platform == "paid":
        chats = Telegram(token, url, Pace(per_second=PAID))
    else:
        chats = Telegram(token, url, Pace(clock=lambda: time.monotonic() * SPEED, sleep=sleep))
    store = open_store(database)
    collect_rarely()
    await chats.examine()  # connected, as a program that has logged in
    began, cpu, sent = time.perf_counter(), time.process_time(), 0
    carrier = Carrier(
        store, {chats.platform: chats}, True, lambda: NOW + timedelta(seconds=(time.perf_counter() - began) * SPEED)
    )
    while sent < int(count):
        # Who was asked to wait is sent to later.
        sent += (await carrier.deliver()).sent
        await asyncio.sleep(0.05)
    found = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "sent": sent}
    await chats.stop()
    store.close()
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(send(*sys.argv[1:]))))
