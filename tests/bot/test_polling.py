"""Polls by the part, one process at a time, and what is kept apart: a real feed server and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from adapters.sources.arxiv import CAP, NEAR, ArxivFeed
from adapters.sources.http import Fetcher
from bot.errors import TryLater
from bot.model import FeedState, GapState, Kind, News
from bot.polling import Poller
from bot.tenure import INGEST, Tenure, alone_async
from bot.turns import HELD, NAME, Stalled, Turn
from storage.searching import TantivyIndex
from storage.store import open_store
from tests.databases import sqlite_url
from tests.feeds_text import paper, papers, rss
from tests.servers.feeds import Answer, FeedServer
from tests.wire import Wall

MONDAY, TUESDAY, WEDNESDAY = date(2025, 4, 7), date(2025, 4, 8), date(2025, 4, 9)
CATEGORIES = ("cs.CL", "cs.LG", "cs.AI")
UNION, FIRST, SECOND = "/rss/cs.CL+cs.LG+cs.AI", "/rss/cs.CL", "/rss/cs.LG+cs.AI"


def at(on: date, hour: int = 6) -> datetime:
    return datetime(on.year, on.month, on.day, hour, tzinfo=UTC)


class Desk:
    """A poller of three categories, and another process beside it."""

    def __init__(self, folder: Path, server: FeedServer) -> None:
        self.wall, self.server = Wall(), server
        self.store = open_store(sqlite_url(folder))
        self.index = TantivyIndex(folder / "index", self.store)
        self.fetcher = Fetcher(interval=0, timeout=10)
        self.poller = self.another()

    def another(self, interval: float = 0.0, clock: Callable[[], datetime] | None = None) -> Poller:
        source = ArxivFeed(f"{self.server.url}/rss", fetcher=self.fetcher)
        turn = Turn(self.store, interval, clock or self.wall)
        return Poller(self.store, self.index, source, CATEGORIES, turn, self.wall)

    async def ask(self, poller: Poller, patience: float = 5) -> None:
        """A poll as a process makes it."""
        async with alone_async(self.store, INGEST, "a poll", self.wall, patience) as tenure:
            await poller.poll(tenure, patience=patience)

    async def poll(self, when: datetime) -> dict[str, FeedState]:
        self.wall.at = when
        await self.ask(self.poller)
        with self.store.reading() as tx:
            feeds = tx.feeds()
        return {category: feed.state for category, feed in feeds.items()}

    def news(self) -> dict[str, News]:
        with self.store.reading() as tx:
            told = tx.announcements(0)
            found = tx.papers({one.paper_id for one in told})
        return {found[one.paper_id].key: one.news for one in told}

    def gaps(self) -> list[tuple[str, date, GapState]]:
        with self.store.reading() as tx:
            return [(gap.category, gap.on, gap.state) for gap in tx.gaps()]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with FeedServer() as server:
        made = Desk(tmp_path, server)
        yield made
        await made.fetcher.close()
        made.index.close()
        made.store.close()


def etag_of(number: int, desk: Desk) -> str:
    return desk.server.requests[number].headers.get("if-none-match", "")


async def test_a_union_that_was_cut_is_asked_for_in_halves_and_from_then_on(desk: Desk) -> None:
    both = paper("2504.09999", "In Both Halves", categories=("cs.LG", "cs.CL"))
    desk.server.put(UNION, Answer(rss(papers(CAP, kind=Kind.REPLACE), TUESDAY), etag='"union"'))
    desk.server.put(FIRST, Answer(rss([*papers(5), replace(both, kind=Kind.CROSS)], TUESDAY), etag='"first"'))
    alone = [paper(f"2504.0999{n}", f"Paper {n}", categories=(f"cs.{c}",)) for n, c in ((8, "LG"), (7, "AI"))]
    lg = [both, *alone]
    desk.server.put(SECOND, Answer(rss(lg, TUESDAY), etag='"second"'))
    assert set((await desk.poll(at(TUESDAY))).values()) == {FeedState.FRESH}
    assert desk.server.paths() == [UNION, FIRST, SECOND] and etag_of(1, desk) == ""
    news = desk.news()
    assert news["arxiv:2504.09999"] is News.NEW, "new in the union, though a cross-list in one half"
    assert news["arxiv:2504.00001"] is News.NEW, "though the cut feed had it as a replacement only"
    assert set((await desk.poll(at(TUESDAY, 7))).values()) == {FeedState.FRESH}
    assert desk.server.paths()[3:] == [FIRST, SECOND], "the union is not asked for again"
    assert (etag_of(3, desk), etag_of(4, desk)) == ('"first"', '"second"'), "each part is asked by its own"


async def test_a_union_that_comes_near_is_asked_for_in_halves_before_it_is_cut(desk: Desk) -> None:
    desk.server.put(UNION, rss(papers(NEAR), MONDAY))
    desk.server.put(FIRST, rss(papers(3, first=5001), TUESDAY))
    desk.server.put(SECOND, rss([paper("2504.06001", categories=("cs.LG", "cs.AI"))], TUESDAY))
    await desk.poll(at(MONDAY))
    assert desk.server.paths() == [UNION]
    assert set((await desk.poll(at(TUESDAY))).values()) == {FeedState.FRESH}
    assert desk.server.paths()[1:] == [FIRST, SECOND]
    assert len(desk.news()) == NEAR + 4


async def test_a_half_that_fails_takes_nothing_from_the_other(desk: Desk) -> None:
    desk.server.put(UNION, rss(papers(CAP, kind=Kind.REPLACE), TUESDAY))
    desk.server.put(FIRST, Answer(rss(papers(5), TUESDAY), etag='"first"'))
    desk.server.put(SECOND, Answer(b"<html><title>Oops</title></html>", 500))
    states = await desk.poll(at(TUESDAY))
    assert states == {"cs.CL": FeedState.FRESH, "cs.LG": FeedState.FAILED, "cs.AI": FeedState.FAILED}
    assert len(desk.news()) == 5
    desk.server.put(SECOND, rss([paper("2504.06001", categories=("cs.LG", "cs.AI"))], TUESDAY))
    assert set((await desk.poll(at(TUESDAY, 7))).values()) == {FeedState.FRESH}
    assert "arxiv:2504.06001" in desk.news() and etag_of(-1, desk) == ""


async def test_one_category_that_is_cut_keeps_no_etag_and_its_day_is_missed(desk: Desk) -> None:
    for path, category in (("/rss/cs.CL", "cs.CL"), ("/rss/cs.LG", "cs.LG"), ("/rss/cs.AI", "cs.AI")):
        items = [replace(item, categories=(category,)) for item in papers(CAP if category == "cs.CL" else 2)]
        desk.server.put(path, Answer(rss(items, TUESDAY), etag='"tail"'))
    desk.server.put(SECOND, rss(papers(CAP), TUESDAY))
    desk.server.put(UNION, rss(papers(CAP), TUESDAY))
    await desk.poll(at(TUESDAY))
    assert ("cs.CL", TUESDAY, GapState.OPEN) in desk.gaps()
    await desk.poll(at(TUESDAY, 7))
    assert etag_of(desk.server.paths().index(FIRST, 3), desk) == ""


async def test_each_category_is_judged_by_its_own_unseen_papers(desk: Desk) -> None:
    mine = [paper(f"2504.0000{n}", f"Paper {n}", categories=(c,)) for n, c in enumerate(CATEGORIES, 1)]
    desk.server.put(UNION, rss(mine, MONDAY))
    await desk.poll(at(MONDAY))
    desk.server.put(UNION, rss([*mine[:2], paper("2504.00009", "New", categories=("cs.AI",))], TUESDAY))
    states = await desk.poll(at(TUESDAY))
    assert states == {"cs.CL": FeedState.STALE, "cs.LG": FeedState.STALE, "cs.AI": FeedState.FRESH}


async def test_a_day_that_was_missed_and_comes_by_the_feed_after_all_is_filled(desk: Desk) -> None:
    desk.server.put(UNION, rss([paper("2504.00001", categories=CATEGORIES)], MONDAY))
    await desk.poll(at(MONDAY))
    desk.server.put(UNION, Answer(b"", 503))
    await desk.poll(at(WEDNESDAY))
    assert desk.gaps() == [(c, TUESDAY, GapState.OPEN) for c in sorted(CATEGORIES)]
    desk.server.put(UNION, rss([paper("2504.00002", "Tuesday's", categories=CATEGORIES)], TUESDAY))
    await desk.poll(at(WEDNESDAY, 7))
    assert {state for _, _, state in desk.gaps()} == {GapState.FILLED}


async def test_what_a_feed_sends_wrong_is_kept_apart_and_the_rest_goes_on(desk: Desk) -> None:
    good, bad = paper("2504.00001", categories=CATEGORIES), paper("2504.00002", "No Kind", categories=CATEGORIES)
    body = rss([good, bad], TUESDAY)
    first, mark, rest = body.rpartition(b"<arxiv:announce_type>new")
    broken = first + b"<arxiv:announce_type>rumour" + rest
    desk.server.put(UNION, broken)
    assert mark and set((await desk.poll(at(TUESDAY))).values()) == {FeedState.FRESH}
    await desk.poll(at(TUESDAY, 7))
    with desk.store.reading() as tx:
        (held,) = tx.quarantined(9)
    assert (held.times, held.why) == (2, "unknown announce type 'rumour'")
    assert "2504.00002" in held.where and "No Kind" in held.sample and held.source.endswith(UNION)


async def test_an_answer_that_is_no_feed_is_kept_apart_with_how_it_began(desk: Desk) -> None:
    desk.server.put(UNION, b"<!DOCTYPE html><html><body>Maintenance</body></html>")
    await desk.poll(at(TUESDAY))
    with desk.store.reading() as tx:
        (held,) = tx.quarantined(9)
    assert "web page" in held.why and held.sample.startswith("<!DOCTYPE html>")


# One process at a time


async def test_while_one_process_asks_arxiv_no_other_does(desk: Desk) -> None:
    desk.server.put(UNION, Answer(rss(papers(3), TUESDAY), delay=0.3))
    desk.wall.at = at(TUESDAY)
    other = desk.another()
    first = asyncio.create_task(desk.ask(desk.poller))
    while not desk.server.requests:
        await asyncio.sleep(0.01)
    with pytest.raises(TryLater):
        await desk.ask(other, patience=0)
    with pytest.raises(TryLater, match="another process is asking arXiv"):
        await other.poll(Tenure(desk.store, INGEST, "whoever", desk.wall), patience=0)
    assert len(desk.server.requests) == 1
    await first
    await desk.ask(other, patience=5)
    assert len(desk.server.requests) == 2


async def test_between_two_processes_lie_the_seconds_that_arxiv_asks_for(desk: Desk) -> None:
    desk.server.put(UNION, rss(papers(3), TUESDAY))
    desk.wall.at = at(TUESDAY)
    first, other = desk.another(interval=3.0), desk.another(interval=3.0)
    await desk.ask(first)
    with pytest.raises(TryLater):
        await desk.ask(other, patience=0)
    desk.wall.at += timedelta(seconds=2.9)
    with pytest.raises(TryLater):
        await desk.ask(first, patience=0)
    desk.wall.at += timedelta(seconds=0.2)
    await desk.ask(other, patience=0)
    assert len(desk.server.requests) == 2


async def test_who_died_in_its_turn_keeps_the_others_waiting_for_a_while_only(desk: Desk) -> None:
    desk.server.put(UNION, rss(papers(3), TUESDAY))
    desk.wall.at = at(TUESDAY)
    with desk.store.transaction() as tx:
        assert tx.take_lease(NAME, "a process that died", desk.wall.at, desk.wall.at + HELD)
    with pytest.raises(TryLater):
        await desk.ask(desk.poller, patience=0)
    desk.wall.at += HELD
    await desk.ask(desk.poller, patience=0)
    assert len(desk.news()) == 3


async def test_who_stalled_past_its_turn_stores_nothing(desk: Desk) -> None:
    desk.server.put(UNION, Answer(rss(papers(3), TUESDAY), etag='"mine"', delay=0.2))
    desk.wall.at = at(TUESDAY)
    slow = asyncio.create_task(desk.ask(desk.poller))
    while not desk.server.requests:
        await asyncio.sleep(0.01)
    with desk.store.transaction() as tx:  # the turn ran out meanwhile, and another process has it
        assert tx.take_lease(NAME, "another", desk.wall.at + HELD, desk.wall.at + 2 * HELD)
    with pytest.raises(Stalled):
        await slow
    assert desk.news() == {}
    with desk.store.reading() as tx:
        assert tx.feeds() == {} and tx.validators(desk.server.url + UNION).etag == ""
        assert tx.leases(NAME, desk.wall.at + HELD) == {NAME: "another"}, "and leaves the other its turn"
