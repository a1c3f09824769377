"""The real program over sockets: a conference appears in the Anthology, and a reader on Telegram gets it over days."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import pytest

from bot.anthology import MANY
from bot.model import Address, Chat, FeedItem, News, Subscription
from storage.store import open_store
from tests.databases import sqlite_url
from tests.feeds_text import paper, rss
from tests.paths import SHARED
from tests.proceedings_text import Published, collections, feed
from tests.program import environment, of_platforms, round_at
from tests.servers.feeds import Answer, FeedServer
from tests.servers.telegram import FakeTelegram

READER = 501
REAL = SHARED / "data" / "anthology" / "papers-index-2024-06.xml"
FIRST = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(9), UTC)
"""After the digest's hour of the first day that the reader is due."""


def settings(folder: Path, feeds: FeedServer, telegram: FakeTelegram) -> dict[str, str]:
    return environment(
        folder, f"{feeds.url}/rss", **of_platforms(telegram), PAPERROUND_ARXIV__CATEGORIES="cs.CL",
        PAPERROUND_DIGEST_SIZE="5", PAPERROUND_ANTHOLOGY__ENABLED="yes", PAPERROUND_ANTHOLOGY__INTERVAL="0",
        PAPERROUND_ANTHOLOGY__FEED_URL=f"{feeds.url}/papers", PAPERROUND_ANTHOLOGY__DATA_URL=f"{feeds.url}/xml",
    )  # fmt: skip


def arxiv(feeds: FeedServer, days: int, *titles: str) -> None:
    items = [paper(f"2504.{days}{n:04d}", title) for n, title in enumerate(titles)]
    feeds.put("/rss/cs.CL", Answer(rss(items, FIRST.date() + timedelta(days=days)), etag=f'"{days}"'))


def read(telegram: FakeTelegram) -> tuple[str, list[str]]:
    """What the reader sees, and the titles in it."""
    text = "\n".join(m["visible"] for m in telegram.sent if m["chat_id"] == READER)
    return text, re.findall(r"^\d+\. (.+)$", text, re.MULTILINE)


def reader(folder: Path, query: str, *known: FeedItem) -> None:
    """A chat that has seen what is known, asks for publications too, and is due on the first day."""
    (folder / "data").mkdir()
    store = open_store(sqlite_url(folder / "data"))
    with store.transaction() as tx:
        tx.add(known, FIRST - timedelta(days=2))
        chat = Chat(0, Address("telegram", str(READER)), size=5, wants=frozenset(News), seen=tx.last_announcement())
        chat = tx.open_chat(replace(chat, due_at=FIRST - timedelta(hours=1)))
        tx.subscribe(Subscription(0, chat.id, query))
    store.close()


async def test_a_conference_comes_over_days_behind_each_day_s_own_and_its_twins_as_published(tmp_path: Path) -> None:
    tulips = [
        Published(f"2025.garden-main.{n}", f"Tulip number {n} of the garden", on=FIRST.date()) for n in range(1, 9)
    ]
    named_inside = Published("2025.garden-main.9", "A garden without names", "We plant <b>tulips</b>.", on=FIRST.date())
    others = [Published(f"2025.hedge-1.{n}", f"Hedge number {n} of the garden", on=FIRST.date()) for n in range(MANY)]
    papers = [*tulips, named_inside, *others]
    with FakeTelegram() as telegram:
        async with FeedServer() as feeds:
            env = settings(tmp_path, feeds, telegram)
            feeds.put("/papers", Answer(feed(papers), etag='"p"'))
            for name, data in collections(papers).items():
                feeds.put(f"/xml/{name}.xml", data)
            twin = paper("2504.99999", "Tulip number 1 of the Garden", authors=("Ada Ash",))
            reader(tmp_path, "tulip", replace(twin, announced_on=FIRST.date() - timedelta(days=2)))

            arxiv(feeds, 0, "An arXiv tulip")
            done = await round_at(tmp_path, env, FIRST)
            assert done["feeds"] == {"cs.CL": "fresh", "anthology": "fresh"} and done["sent"] == 1
            text, one = read(telegram)
            assert one[0] == "An arXiv tulip" and len(one) == 5
            seen = text
            assert "5 wait for the next digests, for up to a week." in text

            telegram.sent.clear()
            arxiv(feeds, 1, "Another arXiv tulip")
            await round_at(tmp_path, env, FIRST + timedelta(days=1))
            text, two = read(telegram)
            seen += text
            assert two[0] == "Another arXiv tulip" and "Left from earlier days:\n2. " in text

            telegram.sent.clear()
            arxiv(feeds, 2)
            await round_at(tmp_path, env, FIRST + timedelta(days=2))
            text, three = read(telegram)
            assert "1 paper left from earlier days for tulip" in text and "wait" not in text
            assert "Published at GARDEN 2025" in seen + text
            told = one + two + three
            assert len(told) == len(set(told)) == 11
            assert {"A garden without names", "Tulip number 1 of the Garden"} < set(told)
            assert {tulip.title for tulip in tulips[1:]} < set(told)
    assert telegram.violations == []


@pytest.mark.skipif(not REAL.is_file(), reason="the real feed is not beside the project")
async def test_the_real_feed_of_two_thousand_is_read_stored_and_told(tmp_path: Path) -> None:
    shift = timedelta(days=(FIRST.date() - datetime(2024, 5, 21, tzinfo=UTC).date()).days)
    moved = re.sub(
        rb"(?<=<pubDate>)[^<]+",
        lambda day: format_datetime(parsedate_to_datetime(day[0].decode()) + shift).encode(),
        REAL.read_bytes(),
    )
    with FakeTelegram() as telegram:
        async with FeedServer() as feeds:
            env = settings(tmp_path, feeds, telegram)
            arxiv(feeds, 0)
            reader(tmp_path, "translation")
            feeds.put("/papers", moved)
            done = await round_at(tmp_path, env, FIRST)
            assert (done["polled"]["new"], done["polled"]["refused"], done["sent"]) == (2070, [], 1)
            text, titles = read(telegram)
            assert len(titles) == 5 and re.search(r"\d\d wait for the next digests", text)
            assert feeds.paths().count("/papers") == 1
    assert telegram.violations == []
