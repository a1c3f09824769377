"""The round against a real feed server and a real database: whatever the feed gives, what is stored and said."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.sources.arxiv import ArxivFeed
from adapters.sources.http import Fetcher
from bot.commands.context import Context
from bot.config import Config
from bot.desk import FrontDesk
from bot.errors import ChatGone
from bot.model import Address, Chat, ChatState, DigestKind, FeedItem, FeedState, Notice, NoticeKind, Subscription
from bot.pipeline import Pipeline, Settings
from bot.ports import Caller, Transaction
from storage.searching import TantivyIndex
from storage.store import open_store
from tests.databases import sqlite_url
from tests.feeds_text import bad_query, paper, papers, rss
from tests.servers.feeds import Answer, FeedServer, Handler
from tests.wire import Wall, Wire

MONDAY, TUESDAY, WEDNESDAY = date(2025, 4, 7), date(2025, 4, 8), date(2025, 4, 9)
PATH = "/rss/cs.CL"
HERE = Address("telegram", "5")


def lora(*numbers: int) -> list[FeedItem]:
    return [paper(f"2504.{n:05d}", f"LoRA paper <{n}>", "We tune.", categories=("cs.CL",)) for n in numbers]


def at(on: date, hour: int, minute: int = 0) -> datetime:
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=UTC)


class Station:
    """A pipeline that reads feeds from a server of the test's own."""

    def __init__(self, folder: Path, server: FeedServer, categories: tuple[str, ...] = ("cs.CL",)) -> None:
        self.server, self.wall, self.wire = server, Wall(), Wire()
        self.store = open_store(sqlite_url(folder))
        self.index = TantivyIndex(folder / "index", self.store)
        fetcher = Fetcher(interval=0, timeout=30, limit_bytes=4 * 2**20)
        self.source = ArxivFeed(f"{server.url}/rss", fetcher=fetcher)
        self.fetcher = fetcher
        settings = Settings(categories, time(14, 0))
        self.pipeline = Pipeline(self.store, self.index, self.source, {"telegram": self.wire}, settings, self.wall)

    async def close(self) -> None:
        await self.fetcher.close()
        self.index.close()
        self.store.close()

    def give(self, *answers: Answer | Handler | bytes) -> None:
        self.server.put(PATH, *answers)

    async def poll(self, when: datetime) -> FeedState:
        self.wall.at = when
        _, feeds = await self.pipeline.poll()
        return feeds["cs.CL"].state

    async def tick(self, when: datetime) -> None:
        """What the program does every few seconds."""
        self.wall.at = when
        await self.pipeline.poll_if_due()
        await self.pipeline.plan()
        await self.pipeline.deliver()

    def chat(self, due_at: datetime) -> Chat:
        with self.store.transaction() as tx:
            chat = tx.open_chat(Chat(0, HERE, due_at=due_at))
            tx.subscribe(Subscription(0, chat.id, "LoRA"))
        return chat

    def count(self) -> int:
        with self.store.reading() as tx:
            return tx.counts()["papers"]

    def conditions(self) -> list[str]:
        """The ETag that each request so far named."""
        return [seen.headers.get("if-none-match", "") for seen in self.server.requests]

    def texts(self) -> list[str]:
        return [text for _, text, _ in self.wire.arrived]


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with FeedServer() as running:
        yield running


@pytest.fixture
async def station(tmp_path: Path, server: FeedServer) -> AsyncIterator[Station]:
    made = Station(tmp_path, server)
    yield made
    await made.close()


async def drip(request: web.Request) -> web.StreamResponse:
    """A body that never ends, a byte at a time."""
    response = web.StreamResponse(headers={"ETag": '"bad"', "Content-Type": "application/rss+xml"})
    await response.prepare(request)
    for _ in range(200):
        await response.write(b"<")
        await asyncio.sleep(0.05)
    return response


async def hang_up(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"ETag": '"bad"'})
    response.content_length = len(WHOLE)
    await response.prepare(request)
    await response.write(WHOLE[:500])
    assert request.transport is not None
    request.transport.abort()
    return response


WHOLE = rss(lora(1, 2, 3), TUESDAY)
PACKED = {"Content-Encoding": "gzip"}
BAD: dict[str, tuple[Answer | Handler, str]] = {
    "a server error": (Answer(b"<html><title>Oops</title></html>", 500, etag='"bad"'), "HTTP 500: Oops"),
    "a page": (Answer(b"<!DOCTYPE html><html><body>Maintenance</body></html>", etag='"bad"'), "web page"),
    "nothing": (Answer(b"", etag='"bad"'), "empty"),
    "a feed cut off": (Answer(WHOLE[: len(WHOLE) // 2], etag='"bad"'), "cut off"),
    "a refused query": (Answer(bad_query("cs.XX", TUESDAY), 400, etag='"bad"'), "Feed error for query: cs.XX"),
    "a body without an end": (drip, "did not answer within"),
    "a bomb": (Answer(gzip.compress(b"<" * 2**24), headers=PACKED, etag='"bad"'), "sent more than"),
    "a packed body cut off": (Answer(gzip.compress(WHOLE)[:-20], headers=PACKED, etag='"bad"'), "cut off"),
    "a connection that breaks": (hang_up, "no answer from"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_answer_of_the_feed_loses_nothing_and_the_next_good_one_brings_everything(
    station: Station, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer, reason = BAD[name]
    caplog.set_level(logging.INFO)
    good = Answer(rss(lora(9), MONDAY), etag='"monday"')
    station.give(good, answer, Answer(WHOLE, etag='"tuesday"'))
    assert await station.poll(at(MONDAY, 5)) is FeedState.FRESH
    station.fetcher._timeout = 0.5 if answer is drip else 30.0
    assert await station.poll(at(TUESDAY, 5)) is FeedState.FAILED
    station.fetcher._timeout = 30.0
    assert station.count() == 1
    with station.store.reading() as tx:
        feed = tx.feeds()["cs.CL"]
        assert tx.validators(station.source.url(["cs.CL"])).etag == '"monday"'
    assert reason in feed.why
    (line,) = [line for line in caplog.messages if "what is stored stays as it is" in line]
    assert reason in line
    assert await station.poll(at(TUESDAY, 6)) is FeedState.FRESH
    assert station.count() == 4
    assert station.conditions() == ["", '"monday"', '"monday"']


async def test_a_feed_of_which_nothing_can_be_read_is_read_again(station: Station) -> None:
    nameless = WHOLE.replace(b"<arxiv:announce_type>new", b"<arxiv:announce_type>gone").replace(
        b"Announce Type: new", b"Announce Type: gone"
    )
    station.give(Answer(nameless, etag='"odd"'))
    await station.poll(at(TUESDAY, 5))
    assert await station.poll(at(TUESDAY, 6)) is FeedState.FAILED
    assert station.conditions() == ["", ""]


async def test_a_union_of_2000_items_is_warned_about_and_read_in_halves(
    tmp_path: Path, server: FeedServer, caplog: pytest.LogCaptureFixture
) -> None:
    station = Station(tmp_path, server, ("cs.CL", "cs.LG"))
    server.put("/rss/cs.CL+cs.LG", rss(papers(2000), TUESDAY))
    server.put("/rss/cs.CL", rss(papers(1100), TUESDAY))
    server.put("/rss/cs.LG", rss(papers(1100, first=1050), TUESDAY, ("cs.LG",)))
    assert await station.poll(at(TUESDAY, 5)) is FeedState.FRESH
    assert "more than arXiv gives at once" in caplog.text
    assert station.count() == 2149, "the ones that were cut off too"
    await station.close()


async def test_a_stale_batch_under_a_fresh_date_says_nothing_until_the_hour_and_then_that_arxiv_is_not_in(
    station: Station,
) -> None:
    station.give(rss(lora(1), MONDAY))
    chat = station.chat(at(MONDAY, 8))
    for hour in (5, 8):
        await station.tick(at(MONDAY, hour))
    assert station.wire.told() == {1: 1}
    station.give(rss(lora(1), TUESDAY))
    for hour in range(5, 14):
        await station.tick(at(TUESDAY, hour, 5))
    with station.store.reading() as tx:
        assert tx.feeds()["cs.CL"].state is FeedState.STALE
    assert len(station.texts()) == 1
    for minute in (2, 30):
        await station.tick(at(TUESDAY, 14, minute))
    assert len(station.texts()) == 2 and "arXiv is not in yet, Tuesday 8 April" in station.texts()[-1]
    station.give(rss(lora(2), TUESDAY))
    await station.tick(at(TUESDAY, 16))
    await station.tick(at(WEDNESDAY, 8, 1))
    assert station.wire.told() == {1: 1, 2: 1}
    with station.store.reading() as tx:
        last = tx.last_delivery(chat.id)
    assert last is not None and last.digest.kind is DigestKind.PAPERS


async def test_a_chat_that_waits_gets_its_papers_when_the_feed_comes(station: Station) -> None:
    station.chat(at(TUESDAY, 8))
    station.give(Answer(b"", 503))
    for hour in range(5, 11):
        await station.tick(at(TUESDAY, hour, 1))
    assert station.texts() == []
    station.give(WHOLE)
    for minute in range(0, 60, 5):
        await station.tick(at(TUESDAY, 11, minute))
    assert station.wire.told() == {1: 1, 2: 1, 3: 1}


async def test_an_empty_weekend_is_quiet_and_said_once(station: Station) -> None:
    saturday = date(2025, 4, 12)
    station.chat(at(saturday, 8))
    for day in (0, 1):
        on = saturday + timedelta(days=day)
        station.give(rss((), on))
        for hour in (5, 8, 14):
            await station.tick(at(on, hour, 1))
    assert len(station.texts()) == 1 and "arXiv announces nothing at weekends" in station.texts()[0]
    with station.store.reading() as tx:
        assert tx.feeds()["cs.CL"].state is FeedState.QUIET


def desk_of(station: Station, folder: Path) -> FrontDesk:
    config = Config(data_dir=folder, access="open")
    return FrontDesk(Context(station.store, station.index, config, station.wall))


@pytest.mark.parametrize("by", ["a word of its owner", "the platform's own word"])
async def test_a_chat_that_comes_back_gets_what_was_due_and_no_flood(station: Station, tmp_path: Path, by: str) -> None:
    station.chat(at(TUESDAY, 8))
    desk = desk_of(station, tmp_path)
    station.wire.answers = lambda address, text: ChatGone("the bot was blocked")
    for day in range(14):
        station.give(rss(lora(*range(5 * day + 1, 5 * day + 6)), TUESDAY + timedelta(days=day)))
        for hour in (5, 9):
            await station.tick(at(TUESDAY + timedelta(days=day), hour))
    assert len(station.wire.tried) == 3, "found gone, and tried again after a day and a week"
    station.wire.answers = lambda address, text: None
    back_at = at(TUESDAY + timedelta(days=13), 12)
    station.wall.at = back_at
    if by == "a word of its owner":
        await desk.answer(Caller(HERE, "telegram:5", manages=True), "start", "")
    else:
        await desk.back([HERE])
    for minutes in range(0, 18 * 60, 10):
        await station.tick(back_at + timedelta(minutes=minutes))
    assert station.wire.told() == {}, "all it missed comes with its next digest"
    await station.tick(at(TUESDAY + timedelta(days=14), 8, 1))
    told = station.wire.told()
    assert told == dict.fromkeys(range(51, 71), 1), "the newest, no more of them than a digest has"
    assert "And 50 more." in station.texts()[-1]
    await station.tick(at(TUESDAY + timedelta(days=15), 8, 1))
    assert station.wire.told() == told, "and what was held never comes by itself"
    assert chat_here(station).away_at is None


def chat_here(station: Station) -> Chat:
    with station.store.reading() as tx:
        chat = tx.chat(HERE)
    assert chat is not None
    return chat


@pytest.mark.parametrize("days", [1, 7, 30])
async def test_a_chat_that_is_silently_back_is_found_so_after_a_day_a_week_or_a_month(
    station: Station, days: int
) -> None:
    station.chat(at(TUESDAY, 8))
    station.give(rss(lora(1, 2), TUESDAY))
    station.wire.answers = lambda address, text: ChatGone("the bot was blocked")
    for day in range(days):
        await station.tick(at(TUESDAY + timedelta(days=day), 9))
    station.wire.answers = lambda address, text: None
    for hours in (0, 1, 24, 30):
        await station.tick(at(TUESDAY + timedelta(days=days), 9, 1) + timedelta(hours=hours))
    assert station.wire.told() == {1: 1, 2: 1}, "the digest that could not be brought"
    found = chat_here(station)
    assert (found.state, found.away_at, found.try_at) == (ChatState.ACTIVE, None, None)


async def test_a_chat_that_stays_away_is_tried_three_times_in_all_and_told_of_once(station: Station) -> None:
    station.chat(at(TUESDAY, 8))
    station.wire.answers = lambda address, text: ChatGone("the bot was blocked") if address == HERE else None
    for day in range(60):
        station.give(rss(lora(day + 1), TUESDAY + timedelta(days=day)))
        for hour in (5, 9):
            await station.tick(at(TUESDAY + timedelta(days=day), hour))
    assert station.wire.tried.count(HERE) == 4
    found = chat_here(station)
    assert (found.state, found.try_at) == (ChatState.UNREACHABLE, None)
    assert found.away_at is not None and found.away_at.date() == TUESDAY, "since when, through all the tries"
    (notice,) = read_notices(station)
    assert (notice.kind, notice.subject, notice.times) == (NoticeKind.GONE, str(HERE), 1)


def read_notices(station: Station) -> list[Notice]:
    with station.store.reading() as tx:
        return tx.notices(10)


async def test_the_topics_of_a_group_go_on_when_the_bot_is_back_in_it(station: Station, tmp_path: Path) -> None:
    desk = desk_of(station, tmp_path)
    places = [Address("telegram", "-100", thread) for thread in ("", "7", "8")]
    with station.store.transaction() as tx:
        for place in (*places, HERE):
            tx.open_chat(Chat(0, place))
    await desk.gone(replace(places[0], thread=""), "removed")
    await desk.gone(HERE, "blocked")
    await desk.back([places[0], Address("telegram", "-999")])
    with station.store.reading() as tx:
        states = [chat.state for place in (*places, HERE) if (chat := tx.chat(place))]
        assert tx.chat(Address("telegram", "-999")) is None
    assert states == [*[ChatState.ACTIVE] * 3, ChatState.UNREACHABLE]


async def test_a_chat_that_makes_no_sense_keeps_no_other_from_its_digest(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    station.chat(at(TUESDAY, 8))
    odd = Address("telegram", "4")
    with station.store.transaction() as tx:
        chat = tx.open_chat(Chat(0, odd, timezone="Mars/Olympus", due_at=at(TUESDAY, 8)))
        tx.subscribe(Subscription(0, chat.id, "LoRA"))
    station.give(WHOLE)
    for minute in range(0, 30, 10):
        await station.tick(at(TUESDAY, 8, minute))
    assert station.wire.told() == {1: 1, 2: 1, 3: 1}
    lines = [line for line in caplog.messages if "could not be planned" in line]
    assert lines == ["telegram:4 could not be planned; it is tried again in an hour"]


@pytest.fixture
def planned_meanwhile(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets another planner do all its work between this one's look and its writing."""

    def arrange(slow: Pipeline, fast: Pipeline, before: Any) -> None:
        planner = slow._planner
        read = planner._read

        def interrupted(tx: Transaction, due: Any, known: Any) -> Any:
            found = read(tx, due, known)
            before()
            asyncio.run(fast.plan())
            return found

        monkeypatch.setattr(planner, "_read", interrupted)

    return arrange


async def test_who_plans_on_what_has_changed_meanwhile_writes_nothing(station: Station, planned_meanwhile: Any) -> None:
    station.chat(at(TUESDAY, 8))
    with station.store.transaction() as tx:
        tx.add(lora(1), at(TUESDAY, 5))
    station.wall.at = at(TUESDAY, 8)
    fast = Pipeline(station.store, station.index, station.source, {}, Settings(("cs.CL",)), station.wall)

    def more() -> None:
        with station.store.transaction() as tx:
            tx.add(lora(2), at(TUESDAY, 7))

    planned_meanwhile(station.pipeline, fast, more)
    assert await station.pipeline.plan() == 0
    await station.pipeline.deliver()
    assert station.wire.told() == {1: 1, 2: 1}
    with station.store.reading() as tx:
        chat = tx.chat(HERE)
    assert chat is not None and chat.seen == 2, "not put back to what the slow one saw"
