"""The Anthology's feed and collections, as they are and as they should not be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from adapters.sources.anthology import AnthologyFeed, parse_collection, parse_feed
from adapters.sources.http import Fetcher
from bot.errors import FetchFailed
from bot.keys import source_of
from bot.model import FeedItem, Kind, Validators
from tests.paths import SHARED
from tests.proceedings_text import VOLUME, Published, collections, feed
from tests.servers.feeds import Answer, FeedServer

TULIPS = Published("2025.garden-main.7", "Tulips in Spring", "We plant tulips.", on=date(2025, 4, 7))
HEDGES = Published("2025.hedge-1.2", "Hedges & Edges", "We cut <i>hedges</i>.", ("Cy Cress", "Di Dill, Jr."))
REAL = SHARED / "data" / "anthology" / "papers-index-2024-06.xml"


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with FeedServer() as running:
        yield running


@pytest.fixture
async def source(server: FeedServer) -> AsyncIterator[AnthologyFeed]:
    fetcher = Fetcher(interval=0, timeout=30)
    made = AnthologyFeed(f"{server.url}/papers/index.xml", f"{server.url}/xml/", fetcher=fetcher)
    yield made
    await made.close()


def test_a_feed_s_papers_are_new_with_people_venue_and_day() -> None:
    items, rejected, on = parse_feed(feed([HEDGES, TULIPS]))
    assert (rejected, on) == ((), date(2025, 4, 8))
    hedges, tulips = items
    assert tulips == FeedItem(
        "acl:2025.garden-main.7", Kind.NEW, "Tulips in Spring", authors=("Ada Ash", "Bo Birch"),
        announced_on=date(2025, 4, 7), journal=VOLUME, links=("https://aclanthology.org/2025.garden-main.7/",),
    )  # fmt: skip
    assert (hedges.title, hedges.authors) == ("Hedges & Edges", ("Cy Cress", "Di Dill Jr."))


def test_a_paper_without_people_keeps_its_venue() -> None:
    (item,), _, _ = parse_feed(feed([Published("2025.garden-main.1", "Anonymous Roses", authors=())]))
    assert (item.authors, item.journal) == ((), VOLUME)


def test_what_has_no_id_or_no_title_is_left_out_and_front_matter_passed_over() -> None:
    odd = [Published("nonsense", "A"), Published("2025.garden-main.9", " "), Published("2025.garden-main.0", "Front")]
    items, rejected, _ = parse_feed(feed([*odd, TULIPS]))
    assert [item.title for item in items] == ["Tulips in Spring"]
    assert [(r.where, r.why) for r in rejected] == [
        ("item 1 (nonsense)", "no Anthology id"),
        ("item 2 (2025.garden-main.9)", "no title"),
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"<html><body>Maintenance</body></html>", "no feed"),
        (feed([TULIPS])[:-40], "cut off"),
        (b'<!DOCTYPE rss [<!ENTITY a "b">]>' + feed([TULIPS]), "entities"),
        (b"<p>x</p></rss>", "no feed"),
    ],
)
def test_what_is_no_whole_feed_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(FetchFailed, match=why):
        parse_feed(data)


def test_a_collection_gives_abstracts_without_markup_and_formulas_as_tex() -> None:
    marked = Published(
        "2025.garden-main.8",
        "On <fixed-case>R</fixed-case>oses of <tex-math>O(\\log n)</tex-math> petals",
        "We <b>prove</b> that <tex-math>p &lt; 0.05</tex-math>,\n see <url>http://x.example</url> &amp; more.",
        doi="10.18653/v1/2025.garden-main.8",
    )
    (data,) = collections([marked, Published("2025.garden-main.9", "Without words")]).values()
    (item,) = parse_collection(data)
    assert (item.key, item.kind, item.doi) == ("acl:2025.garden-main.8", Kind.KNOWN, "10.18653/v1/2025.garden-main.8")
    assert item.title == "On Roses of $O(\\log n)$ petals"
    assert item.abstract == "We prove that $p < 0.05$, see http://x.example & more."
    assert item.authors == ("Ada Ash", "Bo Birch") and item.announced_on is None


@pytest.mark.parametrize(
    ("collection", "volume", "number", "key"),
    [
        ("2025.garden", "main", "7", "acl:2025.garden-main.7"),
        ("P17", "1", "7", "acl:P17-1007"),
        ("W17", "1", "7", "acl:W17-0107"),
        ("D19", "52", "7", "acl:D19-5207"),
        ("D19", "1", "7", "acl:D19-1007"),
    ],
)
def test_ids_of_every_age_are_put_together(collection: str, volume: str, number: str, key: str) -> None:
    data = (
        f'<collection id="{collection}"><volume id="{volume}"><paper id="{number}"><title>T</title>'
        "<abstract>A.</abstract></paper></volume></collection>"
    )
    assert [item.key for item in parse_collection(data.encode())] == [key]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>no",
        b"<collection id='2025.x'><volume id='1'>",
        b'<!DOCTYPE c [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><collection>&b;</collection>',
    ],
)
def test_a_collection_that_cannot_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(FetchFailed):
        parse_collection(data)


def test_markup_however_deep_breaks_nothing() -> None:
    deep = "<b>" * 50_000 + "x" + "</b>" * 50_000
    (data,) = collections([Published("2025.garden-main.1", "T", deep)]).values()
    assert [item.abstract for item in parse_collection(data)] == ["x"]


async def test_what_has_not_changed_is_not_sent_again(server: FeedServer, source: AnthologyFeed) -> None:
    server.put("/papers/index.xml", Answer(feed([TULIPS]), etag='"f"'))
    server.put("/xml/2025.garden.xml", Answer(collections([TULIPS])["2025.garden"], etag='"c"'))
    first = await source.fetch(Validators())
    words = await source.collection("2025.garden", Validators())
    assert [item.abstract for item in words.items] == ["We plant tulips."]
    assert (await source.fetch(first.validators)).unchanged
    assert (await source.collection("2025.garden", words.validators)).unchanged
    with pytest.raises(FetchFailed, match="404"):
        await source.collection("2025.weeds", Validators())
    with pytest.raises(FetchFailed, match="no collection"):
        await source.collection("../../etc", Validators())


@pytest.mark.skipif(not REAL.is_file(), reason="the real feed is not beside the project")
def test_every_paper_of_the_real_feed_is_read() -> None:
    items, rejected, on = parse_feed(REAL.read_bytes())
    assert (len(items), rejected, on) == (2070, (), date(2024, 5, 21))
    assert len({item.key for item in items}) == 2070 and {source_of(item.key) for item in items} == {"acl"}
    assert all(item.journal and item.announced_on for item in items)
    assert sum(not item.authors for item in items) == 0


def test_a_feed_s_file_is_known_by_what_it_says(tmp_path: Path) -> None:
    from bot import assembly

    fetched = assembly.read_feed(feed([TULIPS]), "index.xml")
    assert [item.key for item in fetched.items] == ["acl:2025.garden-main.7"]
