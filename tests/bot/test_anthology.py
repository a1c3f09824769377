"""Proceedings from a server of the tests' own into a real store: bursts, twins, abstracts that come later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from adapters.sources.anthology import AnthologyFeed
from adapters.sources.http import Fetcher
from bot.anthology import MANY, NAME, Anthology, begun, collections_of, dated, next_reading, turned
from bot.errors import TryLater
from bot.model import Arrival, Feed, FeedItem, FeedState, Kind, News, Paper
from bot.query import parse
from storage.searching import TantivyIndex
from storage.store import open_store
from tests.databases import sqlite_url
from tests.feeds_text import paper
from tests.proceedings_text import Published, collections, feed
from tests.servers.feeds import Answer, FeedServer
from tests.wire import Wall

TUESDAY = date(2025, 4, 8)
NOW = datetime(2025, 4, 8, 8, tzinfo=UTC)
TULIPS = Published("2025.garden-main.7", "Tulips in early Spring", "We plant quokkas.")
HEDGES = Published("2025.hedge-1.2", "Hedges and their Edges", "We cut wombats.")


class Press:
    """The Anthology's reader, over a server whose papers a test chooses."""

    def __init__(self, folder: Path, server: FeedServer) -> None:
        self.server, self.wall = server, Wall()
        self.store = open_store(sqlite_url(folder))
        self.index = TantivyIndex(folder / "index", self.store)
        fetcher = Fetcher(interval=0, timeout=30)
        self.source = AnthologyFeed(f"{server.url}/feed", f"{server.url}/xml", fetcher=fetcher)
        self.start()

    def start(self) -> None:
        self.reader = Anthology(self.store, self.index, self.source, self.wall)

    def give(self, *papers: Published, words: bool = True) -> None:
        self.server.put("/feed", Answer(feed(papers), etag=f'"{hash(papers)}"'))
        for name, data in collections(papers).items():
            self.server.put(
                f"/xml/{name}.xml", Answer(data, etag=f'"{hash(data)}"') if words else Answer(b"", 503)
            )

    async def poll(self) -> FeedState:
        _, feed = await self.reader.poll()
        return feed.state

    def paper(self, key: str) -> Paper:
        with self.store.reading() as tx:
            found = tx.paper_by_key(key)
        assert found is not None
        return found

    def told(self) -> list[tuple[News, Arrival]]:
        with self.store.reading() as tx:
            return [(one.news, one.arrival) for one in tx.announcements(0)]

    def found(self, query: str) -> int:
        self.index.follow()
        return self.index.search(parse(query))[1]

    def arxiv(self, *items: FeedItem) -> None:
        with self.store.transaction() as tx:
            tx.add([replace(item, announced_on=date(2025, 4, 1)) for item in items], self.wall.at)

    async def close(self) -> None:
        await self.source.close()
        self.index.close()
        self.store.close()


@pytest.fixture
async def press(tmp_path: Path) -> AsyncIterator[Press]:
    async with FeedServer() as server:
        made = Press(tmp_path, server)
        yield made
        await made.close()


async def test_proceedings_are_new_papers_with_their_abstracts(press: Press) -> None:
    press.give(TULIPS, HEDGES)
    assert await press.poll() is FeedState.FRESH
    assert press.told() == [(News.NEW, Arrival.DAILY)] * 2
    assert press.paper("acl:2025.garden-main.7").abstract == "We plant quokkas."
    assert (press.found("quokkas"), press.found("wombats")) == (1, 1)
    assert press.server.paths() == ["/feed", "/xml/2025.garden.xml", "/xml/2025.hedge.xml"]


async def test_what_has_not_changed_costs_one_request_and_tells_nothing(press: Press) -> None:
    press.give(TULIPS)
    await press.poll()
    press.server.requests.clear()
    assert await press.poll() is FeedState.FRESH
    assert press.server.paths() == ["/feed"] and len(press.told()) == 1


async def test_a_twin_of_an_arxiv_paper_is_published_and_no_second_paper(press: Press) -> None:
    press.arxiv(paper("2504.00001", "Tulips in Early Spring", authors=("Ada Ash",)))
    press.give(TULIPS, HEDGES)
    await press.poll()
    twin = press.paper("acl:2025.garden-main.7")
    assert twin.keys[0] == "arxiv:2504.00001" and twin.id == press.paper("arxiv:2504.00001").id
    assert [news for news, _ in press.told()] == [News.NEW, News.PUBLISHED, News.NEW]
    assert set(twin.news) == {"new", "published"}


async def test_a_doi_in_the_collection_joins_what_titles_do_not(press: Press) -> None:
    named = paper("2504.00001", "An older title", doi="10.18653/v1/2025.garden-main.7")
    press.arxiv(named)
    press.give(TULIPS)
    await press.poll()
    assert press.paper("acl:2025.garden-main.7").key == "arxiv:2504.00001"
    assert [news for news, _ in press.told()] == [News.NEW, News.PUBLISHED]


async def test_abstracts_that_fail_come_later_and_are_found_by_search(press: Press) -> None:
    press.give(TULIPS, HEDGES, words=False)
    assert await press.poll() is FeedState.FRESH
    with press.store.reading() as tx:
        assert tx.feeds()[NAME].why.startswith("abstracts: 127.0.0.1 answered HTTP 503")
    assert press.found("quokkas") == 0 and press.found("Tulips") == 1
    press.give(TULIPS, HEDGES)
    assert await press.reader.poll_if_due() is None, "it is asked again soon, not at once"
    press.wall.at += timedelta(minutes=31)
    assert await press.reader.poll_if_due()
    assert (press.found("quokkas"), press.found("wombats")) == (1, 1)
    assert len(press.told()) == 2, "an abstract is no news"


async def test_a_collection_that_has_no_abstract_yet_is_asked_again_only_for_changes(press: Press) -> None:
    bare = replace(TULIPS, abstract="")
    press.give(bare)
    await press.poll()
    await press.poll()
    conditions = [s.headers.get("if-none-match", "") for s in press.server.requests if s.path.startswith("/xml")]
    assert conditions[0] == "" and conditions[1], "the second time it is asked whether it changed"
    press.server.put("/xml/2025.garden.xml", *collections([TULIPS]).values())
    await press.poll()
    assert press.found("quokkas") == 1


async def test_a_paper_that_the_feed_lists_late_gets_the_abstract_of_an_unchanged_file(press: Press) -> None:
    press.give(TULIPS, replace(TULIPS, name="2025.garden-main.8", title="Roses in late Summer", abstract="A numbat."))
    press.server.put("/feed", feed([TULIPS]))
    await press.poll()
    press.give(TULIPS, replace(TULIPS, name="2025.garden-main.8", title="Roses in late Summer", abstract="A numbat."))
    await press.poll()
    assert press.found("numbat") == 1


async def test_hundreds_at_once_are_a_burst_and_stay_one(press: Press) -> None:
    many = [Published(f"2025.garden-main.{n}", f"On the garden bed number {n}") for n in range(1, MANY + 1)]
    press.give(*many)
    await press.poll()
    press.give(*many, HEDGES)
    await press.poll()
    assert press.told() == [(News.NEW, Arrival.BURST)] * MANY + [(News.NEW, Arrival.DAILY)]


async def test_what_was_old_when_the_anthology_was_first_read_is_known_and_never_news(press: Press) -> None:
    old = replace(HEDGES, on=TUESDAY - timedelta(days=30))
    press.give(TULIPS, old)
    await press.poll()
    press.wall.at += timedelta(days=1)
    press.give(TULIPS, old, Published("2025.garden-main.9", "A third one of the garden"))
    await press.poll()
    assert len(press.told()) == 2
    assert press.found("wombats") == 1


async def test_a_feed_that_fails_leaves_what_is_stored_and_is_asked_again_soon(press: Press) -> None:
    press.give(TULIPS)
    await press.poll()
    press.server.put("/feed", Answer(b"", 500))
    assert await press.poll() is FeedState.FAILED
    press.server.put("/feed", feed([TULIPS])[:-60])
    assert await press.poll() is FeedState.FAILED
    assert len(press.told()) == 1
    press.give(TULIPS, HEDGES)
    assert await press.poll() is FeedState.FRESH
    assert len(press.told()) == 2


async def test_one_process_polls_at_a_time_and_one_that_stalled_writes_nothing(press: Press) -> None:
    press.give(TULIPS)
    with press.store.transaction() as tx:
        assert tx.take_lease(NAME, "another", press.wall.at, press.wall.at + timedelta(minutes=5))
    await press.poll()
    assert press.server.paths() == [] and press.told() == []
    press.wall.at += timedelta(minutes=6)
    fetch = press.source.collection

    async def stall(name: str, known: object) -> object:
        press.wall.at += timedelta(hours=1)
        with press.store.transaction() as tx:
            assert tx.take_lease(NAME, "another", press.wall.at, press.wall.at + timedelta(minutes=5))
        return await fetch(name, known)  # type: ignore[arg-type]

    press.source.collection = stall  # type: ignore[method-assign,assignment]
    with pytest.raises(TryLater, match="another took over"):
        await press.poll()
    assert press.told() == []


async def test_a_server_that_refuses_again_and_again_is_not_asked_for_the_rest(press: Press) -> None:
    many = [Published(f"2025.garden{n}-main.1", f"On the garden bed number {n}", "x") for n in range(9)]
    press.give(*many, words=False)
    await press.poll()
    assert len(press.server.paths()) == 1 + 3
    assert len(press.told()) == 9


@pytest.mark.parametrize(
    ("feed", "retry_after", "after"),
    [
        (Feed(NAME), None, timedelta()),
        (Feed(NAME, FeedState.FRESH, checked_at=NOW), None, timedelta(hours=6)),
        (Feed(NAME, FeedState.FAILED, checked_at=NOW), None, timedelta(minutes=30)),
        (Feed(NAME, FeedState.FRESH, checked_at=NOW, why="abstracts: HTTP 503"), None, timedelta(minutes=30)),
        (Feed(NAME, FeedState.FAILED, checked_at=NOW), 3600, timedelta(hours=1)),
        (Feed(NAME, FeedState.FAILED, checked_at=NOW), 1e9, timedelta(days=1)),
    ],
)
def test_the_anthology_has_a_pace_of_its_own(feed: Feed, retry_after: float | None, after: timedelta) -> None:
    assert next_reading(feed, NOW, retry_after) == NOW + after


def test_after_a_long_pause_it_is_read_as_if_for_the_first_time() -> None:
    lately = Feed(NAME, FeedState.FRESH, checked_at=NOW - timedelta(days=10))
    long_ago = replace(lately, checked_at=NOW - timedelta(days=100))
    assert begun(None, Feed(NAME), NOW) == TUESDAY
    assert begun(date(2025, 1, 1), lately, NOW) == date(2025, 1, 1), "ten days away are caught up on"
    assert begun(date(2025, 1, 1), long_ago, NOW) == TUESDAY


def test_a_burst_is_counted_by_what_is_news() -> None:
    items = [FeedItem(f"acl:2025.x-1.{n}", Kind.NEW, "T", announced_on=TUESDAY) for n in range(MANY)]
    keys = {item.key for item in items}
    assert {item.arrival for item in dated(items, keys, TUESDAY, TUESDAY)} == {Arrival.BURST}
    assert {item.arrival for item in dated(items, set(list(keys)[1:]), TUESDAY, TUESDAY)} == {Arrival.DAILY}
    first = dated(items, keys, TUESDAY + timedelta(days=8), TUESDAY)
    assert {(item.kind, item.arrival) for item in first} == {(Kind.KNOWN, Arrival.DAILY)}


def test_nothing_is_of_a_day_to_come() -> None:
    early = FeedItem("acl:2025.x-1.1", Kind.NEW, "T", announced_on=TUESDAY + timedelta(days=3))
    without = replace(early, announced_on=None)
    assert [item.announced_on for item in dated([early, without], {early.key}, TUESDAY, TUESDAY)] == [TUESDAY, None]


async def test_a_day_to_come_hides_nothing_of_arxiv(press: Press) -> None:
    press.give(replace(TULIPS, on=TUESDAY + timedelta(days=3)))
    await press.poll()
    await press.poll()
    with press.store.reading() as tx:
        (told,) = tx.announcements(0)
    assert told.announced_on == TUESDAY


def test_each_try_begins_with_another_collection() -> None:
    names = ["a", "b", "c"]
    firsts = {turned(names, NOW + n * timedelta(minutes=30))[0] for n in range(3)}
    assert firsts == set(names) and sorted(turned(names, NOW)) == names and turned([], NOW) == []


def test_collections_with_most_papers_come_first() -> None:
    assert collections_of(["acl:2025.a-1.1", "acl:2025.b-1.1", "acl:2025.b-2.1", "acl:P17-1001"]) == [
        "2025.b", "2025.a", "P17",
    ]  # fmt: skip
