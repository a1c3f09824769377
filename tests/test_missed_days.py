"""The real program as a process, off for ten days: what it missed comes late, of its real days, once, at arXiv's pace.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

from bot.model import Address, Arrival, Chat, FeedState, Subscription
from storage.store import open_store
from tests.databases import sqlite_url
from tests.program import environment, of_platforms, round_at
from tests.servers.arxiv import Arxiv, weekdays
from tests.servers.feeds import FeedServer
from tests.servers.telegram import FakeTelegram

DAYS = weekdays(date(2025, 3, 31), 12)
FIRST, LAST = DAYS[0], DAYS[-1]
READER = 501
PAUSE = 0.05
"""Seconds between two requests, where the real arXiv asks for three."""


async def test_a_machine_off_for_ten_days_catches_up_on_all_of_them(tmp_path: Path) -> None:
    arxiv = Arxiv(FIRST, page=20)
    for day in DAYS:
        arxiv.announce(day, 4, ("cs.CL",), "LoRA paper")
        arxiv.announce(day, 6, ("cs.LG",), "Other paper")
    async with FeedServer() as server:
        arxiv.put_on(server)
        with FakeTelegram() as telegram:
            more = arxiv.environment(server.url) | {"PAPERROUND_ARXIV__INTERVAL": str(PAUSE)}
            env = environment(tmp_path, **of_platforms(telegram), **more, PAPERROUND_ARXIV__CATEGORIES="cs.CL,cs.LG")
            await off_and_back(tmp_path, env, arxiv, telegram)
    assert telegram.violations == []
    pauses = [begin - end for (_, end), (begin, _) in zip(arxiv.spans, arxiv.spans[1:], strict=False)]
    assert all(pause >= PAUSE * 0.9 for pause in pauses), "one request at a time, spaced, over all processes"


async def off_and_back(folder: Path, env: dict[str, str], arxiv: Arxiv, telegram: FakeTelegram) -> None:
    (folder / "data").mkdir()
    store = open_store(sqlite_url(folder / "data"))
    due = datetime(FIRST.year, FIRST.month, FIRST.day, 8, tzinfo=UTC)
    with store.transaction() as tx:
        chat = tx.open_chat(Chat(0, Address("telegram", str(READER)), size=100, due_at=due))
        tx.subscribe(Subscription(0, chat.id, "LoRA"))
    telegram.push_message(READER, READER, "/start")  # a chat that the server knows
    first = await round_at(folder, env, due)
    assert (first["polled"]["new"], first["sent"]) == (10, 1)
    arxiv.modify("2503.00001", DAYS[4])
    arxiv.today = LAST
    back = await round_at(folder, env, due.replace(month=LAST.month, day=LAST.day))
    assert back["feeds"] == {"cs.CL": FeedState.FRESH, "cs.LG": FeedState.FRESH} and back["sent"] == 1
    with store.reading() as tx:
        told = tx.announcements(0)
        assert {gap.state for gap in tx.gaps()} == {"filled"}
    assert Counter(one.announced_on for one in told) == dict.fromkeys(DAYS, 10)
    assert {one.announced_on for one in told if one.arrival is Arrival.LATE} == set(DAYS[1:-1])
    store.close()
    text = "\n".join(m["visible"] for m in telegram.sent if m["chat_id"] == READER)
    assert text.count("papers announced earlier, found now") == 1
    numbers = re.findall(r"LoRA paper (\d+)", text)
    assert len(set(numbers)) == 4 * 12, "each paper of each day reached its reader"
