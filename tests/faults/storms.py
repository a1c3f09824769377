"""A platform that answers every fifth request with an error, a reset, a stall or half an answer: all is delivered."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from bot.model import Address, DeliveryState
from tests.faults.town import Town, counted, lora, town_in, unmarked
from tests.feeds_text import rss
from tests.servers.discord_rest import Failure
from tests.servers.feeds import Answer
from tests.servers.limits import DiscordLimits, TelegramLimits
from tests.servers.telegram_troubles import Trouble

CHATS, PAPERS, SEED = 200, 9, 3
CHATS_SHORT, PAPERS_SHORT = 40, 2
SHARE = 0.2
STALL = 30.0
"""Seconds; in the short form so few that nobody waits for them."""
STALL_SHORT = 0.3
NINE = datetime(2025, 4, 8, 9, tzinfo=UTC)

KINDS = ("429", "500", "502", "reset before", "reset after", "stall before", "stall after", "cut")
"""Before: not carried out. After: carried out, and the answer is lost."""
LOST = frozenset({"reset after", "stall after", "cut"})


@dataclass(slots=True)
class Weather:
    """What befell the requests to one platform. ``lost``: answers that never came to messages that arrived, by chat."""

    random: Random
    stall: float
    first: int = 0
    share: float = SHARE
    asked: int = 0
    befell: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def drawn(self, chat: str) -> str:
        """One of KINDS, mostly nothing."""
        self.asked += 1
        if self.random.random() >= self.share:
            return ""
        # Each in turn, so that a few troubles are of many kinds.
        kind = KINDS[(self.first + sum(self.befell.values())) % len(KINDS)]
        self.befell[kind] += 1
        if kind in LOST:
            self.lost[chat] += 1
        return kind

    def telegram(self, method: str, parameters: dict[str, Any]) -> Trouble | None:
        if method != "sendMessage":
            return None
        match self.drawn(str(parameters["chat_id"])):
            case "429":
                body = {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 5"}
                return Trouble(status=429, body=body | {"parameters": {"retry_after": 5}})
            case "500" | "502" as status:
                return Trouble(status=int(status), body=b"<html>Bad Gateway</html>")
            case "reset before" | "reset after" as kind:
                return Trouble(carry_out=kind == "reset after", hang_up=True)
            case "stall before" | "stall after" as kind:
                return Trouble(carry_out=kind == "stall after", stall=self.stall, hang_up=True)
            case "cut":
                return Trouble(carry_out=True, cut=True)
        return None

    def discord(self, shown: str) -> Failure | None:
        if not shown.endswith("/messages"):
            return None
        match self.drawn(shown.split("/")[2]):
            case "429":
                return Failure(shown, 429)
            case "500" | "502" as status:
                return Failure(shown, int(status))
            case "reset before" | "reset after" as kind:
                return Failure(shown, drop=True, deliver=kind == "reset after")
            case "stall before" | "stall after" as kind:
                return Failure(shown, drop=True, deliver=kind == "stall after", stall=self.stall)
            case "cut":
                return Failure(shown, cut=True)
        return None


def run(short: bool) -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="paperround-storm-") as folder:
        return asyncio.run(_storm(Path(folder), short))


async def _storm(folder: Path, short: bool) -> list[tuple[str, str]]:
    chats, papers = (CHATS_SHORT, PAPERS_SHORT) if short else (CHATS, PAPERS)
    async with town_in(folder) as town:
        town.env["PAPERROUND_LOG_LEVEL"] = "info"
        items = [lora(n, long=not short) for n in range(1, papers + 1)]
        town.feeds.put("/rss/cs.CL", Answer(rss(items, NINE.date()), etag='"today"'))
        channels = town.discord.add_guild("Lab of many", tuple(f"c{n}" for n in range(chats // 2)))
        there = [Address("discord", channel) for channel in channels]
        there += [Address("telegram", str(n)) for n in range(1, chats - chats // 2 + 1)]
        town.chats(dict.fromkeys(there, "LoRA"), NINE)
        stall = STALL_SHORT if short else STALL
        telegram, discord = Weather(Random(SEED), stall), Weather(Random(SEED + 1), stall, len(KINDS) // 2)
        town.telegram.by_chance, town.discord.by_chance = telegram.telegram, discord.discord
        town.telegram.limits, town.discord.limits = TelegramLimits(grace=0.02), DiscordLimits(grace=0.02)
        now, rounds = NINE, 0
        while rounds == 0 or _open(town):
            assert rounds < 30, "the storm does not end"
            await town.round(now, status=None)
            now += timedelta(minutes=5)
            rounds += 1
        return _judged(town, there, range(1, papers + 1), telegram, discord, rounds)


def _open(town: Town) -> int:
    with town.opened() as store, store.reading() as tx:
        counts = tx.counts()
    assert not counts["deliveries.failed"] and not counts["deliveries.unreachable"], counts
    return sum(counts[f"deliveries.{state.value}"] for state in DeliveryState if state.open)


def _judged(
    town: Town, there: list[Address], papers: range, telegram: Weather, discord: Weather, rounds: int
) -> list[tuple[str, str]]:
    missing, doubled, beyond, bare = 0, Counter[str](), 0, 0
    for chat in there:
        texts = town.texts(chat)
        found = counted(texts)
        missing += sum(not found[paper] for paper in papers)
        doubled[chat.platform] += sum(max(0, found[paper] - 1) for paper in papers)
        if chat.platform == "telegram":
            most = max(found[paper] for paper in papers)
            beyond += max(0, most - 1 - telegram.lost[chat.chat])
            bare += unmarked(texts)
    figures = []
    for name, weather, limits in (
        ("telegram", telegram, town.telegram.limits), ("discord", discord, town.discord.limits),
    ):  # fmt: skip
        assert limits is not None
        befell = ", ".join(f"{count} {kind}" for kind, count in sorted(weather.befell.items()))
        figures += [
            (f"storms: {name}", f"{weather.asked:,} messages tried in {rounds} rounds, {befell}"),
            (f"storms: {name}, limits broken", f"{sum(limits.earned.values())} {dict(limits.earned) or ''}".strip()),
        ]
    told = f"{missing} of {len(there) * len(papers):,} papers missing, {doubled['discord']} doubled on Discord,"
    told += f" {doubled['telegram']} on Telegram ({beyond} without a lost answer, {bare} messages not marked)"
    figures.append(("storms: delivered", told))
    assert not missing and not doubled["discord"] and not beyond and not bare, figures
    for limits in (town.telegram.limits, town.discord.limits):
        assert limits is not None and not limits.earned, figures
    return figures
