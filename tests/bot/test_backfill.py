"""Missed days filled from a small arXiv over sockets, by the real adapters into a real database."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from adapters.sources.arxiv import ArxivFeed
from adapters.sources.arxiv_api import ArxivApi
from adapters.sources.arxiv_listing import ArxivListing
from adapters.sources.arxiv_oai import ArxivOai
from adapters.sources.http import Fetcher
from bot.feeds import settled
from bot.gaps import MOST_TRIES
from bot.model import Address, Announcement, Arrival, Chat, GapState, News, Subscription
from bot.pipeline import Pipeline, Settings
from bot.turns import HELD, NAME
from storage.searching import TantivyIndex
from storage.store import open_store
from tests.databases import sqlite_url
from tests.servers.arxiv import Arxiv, weekdays
from tests.servers.feeds import FeedServer
from tests.wire import Wall, Wire

CATEGORIES = ("cs.CL", "cs.LG")
DAYS = weekdays(date(2025, 3, 31), 12)
"""Monday 31 March to Tuesday 15 April."""
FIRST, LAST = DAYS[0], DAYS[-1]
DAILY, LORA = 10, 5


def at(on: date, hour: int = 6) -> datetime:
    return datetime(on.year, on.month, on.day, hour, tzinfo=UTC)


class Mill:
    """The program in one process, over the small arXiv."""

    def __init__(self, folder: Path, server: FeedServer, arxiv: Arxiv) -> None:
        self.server, self.arxiv, self.wall, self.wire = server, arxiv, Wall(), Wire()
        self.store = open_store(sqlite_url(folder))
        self.index = TantivyIndex(folder / "index", self.store)
        self.fetcher = Fetcher(interval=0, timeout=10)
        self.pipeline = self.start()

    def start(self) -> Pipeline:
        """As after a restart: nothing is remembered but what is stored."""
        url = self.server.url
        archives = (
            ArxivListing(f"{url}/list", self.fetcher),
            ArxivOai(f"{url}/oai", self.fetcher),
            ArxivApi(f"{url}/api/query", self.fetcher),
        )
        source = ArxivFeed(f"{url}/rss", fetcher=self.fetcher)
        settings = Settings(CATEGORIES, time(14, 0))
        return Pipeline(
            self.store, self.index, source, {"telegram": self.wire}, settings, self.wall, archives=archives
        )

    async def poll(self, on: date, hour: int = 6) -> None:
        self.arxiv.today, self.wall.at = on, at(on, hour)
        await self.pipeline.poll()

    async def return_on(self, on: date) -> int:
        """Off since the first day; back, polled, and looked for what was missed."""
        await self.poll(on)
        return await self.pipeline.fill(most=1000)

    def told(self) -> list[Announcement]:
        with self.store.reading() as tx:
            return tx.announcements(0)

    def days(self) -> dict[str, tuple[date, Arrival, News]]:
        """By key: when it was announced, how it came, as what."""
        with self.store.reading() as tx:
            papers = tx.papers({one.paper_id for one in tx.announcements(0)})
        return {papers[one.paper_id].key: (one.announced_on, one.arrival, one.news) for one in self.told()}

    def gaps(self) -> Counter[GapState]:
        with self.store.reading() as tx:
            return Counter(gap.state for gap in tx.gaps())

    def asked(self) -> Counter[str]:
        return Counter(path.split("/")[1].split("?")[0] for path in self.server.paths())


@pytest.fixture
async def mill(tmp_path: Path) -> AsyncIterator[Mill]:
    arxiv = Arxiv(FIRST, page=25)
    for day in DAYS:
        arxiv.announce(day, LORA, ("cs.CL",), "LoRA paper")
        arxiv.announce(day, 3, ("cs.LG", "cs.CL"))
        arxiv.announce(day, DAILY - LORA - 3, ("stat.ML", "cs.LG"))
    async with FeedServer() as server:
        arxiv.put_on(server)
        made = Mill(tmp_path, server, arxiv)
        await made.poll(FIRST)
        yield made
        await made.fetcher.close()
        made.index.close()
        made.store.close()


def expected(arxiv: Arxiv, upto: date) -> dict[str, tuple[date, Arrival, News]]:
    """Everything, each on its day; late but for the first day and the last."""
    return {
        work.item.key: (
            work.on,
            Arrival.DAILY if work.on in (FIRST, upto) else Arrival.LATE,
            News.CROSS if work.item.categories[0] == "stat.ML" else News.NEW,
        )
        for work in arxiv.works
        if work.on <= upto
    }


async def test_ten_missed_days_are_all_caught_up_on_their_real_days(mill: Mill) -> None:
    assert await mill.return_on(LAST) == 10 * DAILY
    assert mill.days() == expected(mill.arxiv, LAST)
    assert mill.gaps() == {GapState.FILLED: 20}
    assert len(mill.told()) == len(mill.days()), "nothing is told of twice"
    asked = len(mill.server.requests)
    assert await mill.pipeline.fill() == 0 and len(mill.server.requests) == asked, "what is filled is let be"


async def test_requests_follow_each_other_and_never_overlap(mill: Mill) -> None:
    await mill.return_on(LAST)
    ends = [end for _, end in mill.arxiv.spans]
    begins = [begin for begin, _ in mill.arxiv.spans]
    assert all(end <= begin for end, begin in zip(ends, begins[1:], strict=False))


async def test_the_latest_day_is_found_on_the_listing_page_alone(mill: Mill) -> None:
    friday = DAYS[4]
    for day in DAYS[1:4]:
        await mill.poll(day)
    saturday = friday + timedelta(days=1)
    assert await mill.return_on(saturday) == DAILY
    assert mill.asked()["oai"] == mill.asked()["api"] == 0
    days = mill.days()
    assert {on for on, arrival, _ in days.values() if arrival is Arrival.LATE} == {friday}
    assert days == {
        key: (on, Arrival.LATE if on == friday else Arrival.DAILY, news)
        for key, (on, _, news) in expected(mill.arxiv, friday).items()
    }


@pytest.mark.parametrize("broken", [{"listing"}, {"oai"}, {"listing", "oai"}])
async def test_whichever_archive_answers_fills_the_days(mill: Mill, broken: set[str]) -> None:
    mill.arxiv.broken = broken
    await mill.return_on(LAST)
    found = mill.days()
    want = expected(mill.arxiv, LAST)
    assert found.keys() == want.keys()
    assert found == want
    if "oai" in broken:  # the API lags, so the day before is asked for again
        assert mill.gaps() == {GapState.FILLED: 18, GapState.OPEN: 2}
        mill.arxiv.broken = set()
        mill.wall.at += timedelta(hours=1)
        await mill.pipeline.fill(most=1000)
    assert mill.gaps() == {GapState.FILLED: 20}
    assert mill.days() == want


async def test_while_nobody_answers_it_is_tried_less_and_less_often_and_in_the_end_given_up(mill: Mill) -> None:
    mill.arxiv.broken = {"listing", "oai", "api"}
    await mill.return_on(DAYS[2])
    first = len(mill.server.requests)
    assert await mill.pipeline.fill() == 0 and len(mill.server.requests) == first, "not before it is due"
    for _ in range(MOST_TRIES + 3):
        mill.wall.at += timedelta(hours=7)
        await mill.pipeline.fill(most=1000)
    assert mill.gaps() == {GapState.GIVEN_UP: 2}
    with mill.store.reading() as tx:
        assert all("HTTP 503" in gap.why for gap in tx.gaps())
    asked = len(mill.server.requests)
    mill.wall.at += timedelta(days=1)
    await mill.pipeline.fill()
    assert len(mill.server.requests) == asked


async def test_after_an_interruption_it_goes_on_at_the_page_where_it_was(mill: Mill) -> None:
    await mill.poll(LAST)
    for _ in range(40):
        mill.pipeline = mill.start()
        await mill.pipeline.fill(most=1)  # and then the machine is off again
    assert mill.days() == expected(mill.arxiv, LAST) and mill.gaps() == {GapState.FILLED: 20}
    paths = mill.server.paths()
    assert len(paths) == len(set(paths)) + 1, "no page is asked for twice (but the feed)"


async def test_an_archive_that_fails_in_the_middle_is_begun_anew_and_nothing_is_told_of_twice(mill: Mill) -> None:
    mill.arxiv.oai_fails_after = 2
    await mill.poll(LAST)
    await mill.pipeline.fill(most=4)
    mill.arxiv.oai_fails_after = None
    await mill.pipeline.fill(most=1000)
    assert mill.asked()["api"] == 0
    assert mill.days() == expected(mill.arxiv, LAST)
    assert len(mill.told()) == len(mill.days())


async def test_what_was_only_modified_meanwhile_is_not_announced(mill: Mill) -> None:
    old = [work.item.key.removeprefix("arxiv:") for work in mill.arxiv.works if work.on == FIRST]
    before = mill.arxiv.announce(date(2025, 2, 3), 30, ("cs.CL",))  # never seen here, and of before
    for at_, name in enumerate([*old, *before]):
        mill.arxiv.modify(name, DAYS[5], revised=at_ % 2 == 0)
    await mill.return_on(LAST)
    news = mill.days()
    assert not {f"arxiv:{name}" for name in before} & news.keys()
    again = [one for one in mill.told() if one.news is News.UPDATE]
    assert len(again) == (len(old) + 1) // 2 and {one.announced_on for one in again} == {DAYS[5]}
    assert all(one.arrival is Arrival.LATE for one in again)
    assert len([one for one in mill.told() if one.news is not News.UPDATE]) == 12 * DAILY


async def test_readers_get_late_papers_apart_and_who_came_after_the_gap_gets_none(mill: Mill) -> None:
    with mill.store.transaction() as tx:
        old = tx.open_chat(Chat(0, Address("telegram", "1"), size=100, due_at=at(LAST, 8)))
        tx.move_on([old.id], tx.last_announcement(), at(LAST, 8))
        tx.subscribe(Subscription(0, old.id, "LoRA"))
    await mill.poll(LAST)
    with mill.store.transaction() as tx:
        new = Chat(0, Address("telegram", "2"), size=100, due_at=at(LAST, 8), since_on=tx.latest_day())
        new = tx.open_chat(new)
        tx.move_on([new.id], tx.before_latest_batch(), at(LAST, 8))
        tx.subscribe(Subscription(0, new.id, "LoRA"))
    await mill.pipeline.fill(most=1000)
    mill.wall.at = at(LAST, 8)
    assert await mill.pipeline.plan() == 2
    with mill.store.reading() as tx:
        mine, theirs = (tx.last_delivery(chat.id) for chat in (old, new))
    assert mine is not None and theirs is not None
    assert [match.late_on for match in theirs.digest.matches] == [None] * LORA
    late = [match.late_on for match in mine.digest.matches]
    assert late[:LORA] == [None] * LORA and Counter(late[LORA:]) == Counter(dict.fromkeys(DAYS[1:-1], LORA))
    assert late[LORA:] == sorted(late[LORA:], reverse=True) and mine.digest.on == LAST  # type: ignore[type-var]
    await mill.pipeline.deliver()
    text = "\n".join(text for _, text, _ in mill.wire.arrived)
    assert text.count("papers announced earlier, found now") == 1


async def test_who_stalled_while_it_asked_an_archive_stores_nothing(
    mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    await mill.poll(LAST)
    backfill = mill.pipeline._backfill
    take_in = backfill._take_in

    def stalled(*of: object) -> int:
        with mill.store.transaction() as tx:
            assert tx.take_lease(NAME, "another", mill.wall.at + HELD, mill.wall.at + 2 * HELD)
        return take_in(*of)  # type: ignore[arg-type]

    monkeypatch.setattr(backfill, "_take_in", stalled)
    assert await mill.pipeline.fill(most=1) == 0
    assert all(one.arrival is Arrival.DAILY for one in mill.told())
    with mill.store.reading() as tx:
        assert all(gap.via == "" for gap in tx.gaps())


async def test_a_day_whose_feed_is_broken_for_hours_is_read_from_the_listing_the_same_day(mill: Mill) -> None:
    tuesday = DAYS[1]
    mill.arxiv.broken = {"feed"}
    await mill.poll(tuesday, 9)  # five o'clock in Ithaca
    assert mill.gaps() == {} and await mill.pipeline.fill() == 0
    await mill.poll(tuesday, 11)
    assert await mill.pipeline.fill() == DAILY
    assert mill.asked()["oai"] == 0 and mill.gaps() == {GapState.FILLED: 2}
    days = {key: found for key, found in mill.days().items() if found[0] == tuesday}
    assert len(days) == DAILY and all(arrival is Arrival.DAILY for _, arrival, _ in days.values()), "it is not late"
    with mill.store.reading() as tx:
        assert all(settled(feed, mill.wall.at) for feed in tx.feeds().values()), "nobody waits for the feed any longer"
    mill.arxiv.broken = set()
    await mill.poll(tuesday, 12)
    await mill.poll(DAYS[2])
    assert len(mill.told()) == len(mill.days()) == 3 * DAILY and mill.gaps() == {GapState.FILLED: 2}


async def test_a_listing_that_is_not_in_either_is_asked_again_and_the_day_comes_by_its_feed(mill: Mill) -> None:
    mill.arxiv.works = [work for work in mill.arxiv.works if work.on != DAYS[1]]
    mill.arxiv.broken = {"feed"}
    await mill.poll(DAYS[1], 11)
    assert await mill.pipeline.fill() == 0 and mill.gaps() == {GapState.OPEN: 2}
    asked = len(mill.server.requests)
    assert await mill.pipeline.fill() == 0 and len(mill.server.requests) == asked, "not at once"
    mill.arxiv.announce(DAYS[1], 4, ("cs.CL", "cs.LG"))
    mill.arxiv.broken = set()
    await mill.poll(DAYS[1], 12)
    assert mill.gaps() == {GapState.FILLED: 2} and all(one.arrival is Arrival.DAILY for one in mill.told())
