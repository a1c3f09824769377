"""arXiv's listing page, OAI-PMH and API: what is read out of them, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.arxiv_api import ArxivApi, parse_answer
from adapters.sources.arxiv_listing import ArxivListing, parse_listing
from adapters.sources.arxiv_oai import ArxivOai, parse_records, set_of
from adapters.sources.http import Fetcher
from bot.errors import FetchFailed
from bot.model import Kind, Leaf
from bot.ports import Archive
from tests.feeds_text import paper
from tests.paths import SHARED
from tests.servers.arxiv import Arxiv, Work, api_page, listing_page, oai_page, submitted, weekdays
from tests.servers.feeds import FeedServer

MONDAY, TUESDAY = date(2025, 4, 7), date(2025, 4, 8)
ODD = paper(
    "2504.00001", "P < NP & \"so on\"", "If $a<b$, then $b>a$.", authors=("Ada Lovelace", "K. Gödel"),
    categories=("cs.CL", "stat.ML", "physics.soc-ph"),
)  # fmt: skip
WORK = Work(ODD, TUESDAY, (submitted(TUESDAY), datetime(2025, 4, 9, 12, tzinfo=UTC)), TUESDAY)


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with FeedServer() as running:
        yield running


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    made = Fetcher(interval=0, timeout=10)
    yield made
    await made.close()


async def whole(archive: Archive, category: str, since: date) -> list[Leaf]:
    leaves = [await archive.leaf(category, since, "")]
    while leaves[-1].token:
        leaves.append(await archive.leaf(category, since, leaves[-1].token))
    return leaves


def test_a_listing_says_its_day_and_of_each_paper_what_it_is() -> None:
    cross = paper("2504.00002", kind=Kind.CROSS, categories=("cs.LG", "cs.CL"))
    again = paper("hep-th/9901001", kind=Kind.REPLACE, categories=("hep-th",))
    leaf, total = parse_listing(listing_page([ODD, cross, again], TUESDAY))
    items = [sighting.item for sighting in leaf.sightings]
    assert (leaf.on, total, leaf.rejected) == (TUESDAY, 3, ())
    assert [(i.key, i.kind) for i in items] == [
        ("arxiv:2504.00001", Kind.NEW), ("arxiv:2504.00002", Kind.CROSS), ("arxiv:hep-th/9901001", Kind.REPLACE),
    ]  # fmt: skip
    first = items[0]
    assert (first.title, first.abstract, first.authors) == (ODD.title, ODD.abstract, ODD.authors)
    assert (first.categories, first.announced_on) == (ODD.categories, TUESDAY)


def test_a_record_is_read_with_the_history_of_its_versions() -> None:
    leaf = parse_records(oai_page([WORK], "next"))
    (sighting,) = leaf.sightings
    item = sighting.item
    assert leaf.token == "next" and item.kind is Kind.KNOWN and item.announced_on is None
    assert (item.key, item.version, item.title, item.abstract) == (ODD.key, 2, ODD.title, ODD.abstract)
    assert (item.authors, item.categories) == (ODD.authors, ODD.categories)
    assert (sighting.submitted_at, sighting.revised_at) == WORK.versions


def test_an_entry_of_the_api_is_read_with_its_first_and_last_moment() -> None:
    leaf, total = parse_answer(api_page([WORK], 7))
    (sighting,) = leaf.sightings
    item = sighting.item
    assert total == 7 and item.kind is Kind.KNOWN and item.announced_on is None
    assert (item.key, item.version, item.title, item.abstract) == (ODD.key, 2, ODD.title, ODD.abstract)
    assert (item.authors, item.categories) == (ODD.authors, ODD.categories)
    assert (sighting.submitted_at, sighting.revised_at) == WORK.versions


LISTING = listing_page([ODD], TUESDAY)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no whole listing"),
        (LISTING[:-20], "no whole listing"),
        (b"<html><body>Maintenance</body></html>", "no whole listing"),
        (LISTING.replace(b"8 April", b"31 April"), "makes no sense"),
        (LISTING.replace(b"8 April", b"8 Avril"), "makes no sense"),
        (LISTING.replace(b"showing 1 of 1", b"showing 2 of 2"), "says 2 new entries and has 1"),
        (LISTING.replace(b"<h3>New", b"<h4>New"), "nowhere to be found"),
    ],
)
def test_a_listing_that_does_not_hold_what_it_says_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(FetchFailed, match=why):
        parse_listing(body)


RECORDS = oai_page([WORK])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "cannot be parsed"),
        (RECORDS[:-20], "cannot be parsed"),
        (b"<html><body>Maintenance</body></html>", "no OAI-PMH"),
        (b'<!DOCTYPE x [<!ENTITY a "aaaa">]><OAI-PMH>&a;</OAI-PMH>', "no OAI-PMH"),
        (b"<OAI-PMH/>", "no records"),
        (b'<OAI-PMH><error code="badResumptionToken">too old</error></OAI-PMH>', "badResumptionToken: too old"),
    ],
)
def test_an_oai_answer_that_is_none_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(FetchFailed, match=why):
        parse_records(body)


def test_no_records_and_deleted_ones_are_nothing_and_broken_ones_are_kept_apart() -> None:
    assert parse_records(oai_page([])) == Leaf()
    gone = b'<record><header status="deleted"><identifier>x</identifier></header></record>'
    assert parse_records(RECORDS.replace(b"<record>", gone + b"<record>", 1)) == parse_records(RECORDS)
    leaf = parse_records(RECORDS.replace(b"<id>2504.00001</id>", b""))
    assert leaf.sightings == () and [(r.where, r.why) for r in leaf.rejected] == [("record 1", "no arXiv id")]
    assert "Somebody" in leaf.rejected[0].sample


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no whole feed"),
        (api_page([WORK], 1)[:-9], "no whole feed"),
        (b"<html><body></feed>", "no feed"),
        (
            api_page([WORK], 1).replace(b"http://arxiv.org/abs/2504.00001v2", b"https://arxiv.org/api/errors#too_many"),
            "refused the query",
        ),
    ],
)
def test_an_api_answer_that_is_none_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(FetchFailed, match=why):
        parse_answer(body)


@given(st.sampled_from([LISTING, RECORDS, api_page([WORK], 1)]), st.data())
def test_whatever_is_cut_out_of_an_answer_is_read_or_refused(body: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(body)))
    broken = body[:start] + body[start + data.draw(st.integers(0, 40)) :]
    for parse in (parse_listing, parse_records, parse_answer):
        try:
            parse(broken)
        except FetchFailed as error:
            assert str(error)


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("cs.CL", "cs:cs:CL"), ("hep-th", "physics:hep-th"), ("physics.soc-ph", "physics:physics:soc-ph"),
        ("cs", "cs"), ("math.NA", "math:math:NA"), ("astro-ph.GA", "physics:astro-ph:GA"), ("q-bio", "q-bio"),
    ],
)  # fmt: skip
def test_a_category_is_a_set_below_its_group(category: str, expected: str) -> None:
    assert set_of(category) == expected


async def test_every_archive_is_read_to_its_last_page(server: FeedServer, fetcher: Fetcher) -> None:
    arxiv = Arxiv(TUESDAY)
    days = weekdays(date(2025, 3, 31), 7)
    for day in days:
        arxiv.announce(day, 30)
    arxiv.put_on(server)
    names = {work.item.key for work in arxiv.works}
    since = days[0]
    oai = await whole(ArxivOai(f"{server.url}/oai", fetcher), "cs.CL", since)
    assert {s.item.key for leaf in oai for s in leaf.sightings} == names and len(oai) == 6
    api = await whole(ArxivApi(f"{server.url}/api/query", fetcher), "cs.CL", since)
    assert {s.item.key for leaf in api for s in leaf.sightings} == names and len(api) == 6
    (leaf,) = await whole(ArxivListing(f"{server.url}/list", fetcher), "cs.CL", since)
    assert leaf.on == TUESDAY and len(leaf.sightings) == 30


async def test_a_long_listing_is_turned_page_by_page(
    server: FeedServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.sources.arxiv_listing.SHOWN", 20)
    arxiv = Arxiv(TUESDAY)
    arxiv.announce(TUESDAY, 45)
    arxiv.put_on(server)
    leaves = await whole(ArxivListing(f"{server.url}/list", fetcher), "cs.CL", TUESDAY)
    assert [len(leaf.sightings) for leaf in leaves] == [20, 20, 5]


async def test_a_token_that_leads_back_to_itself_ends_the_harvest(server: FeedServer, fetcher: Fetcher) -> None:
    server.put("/oai?verb=ListRecords&resumptionToken=same", oai_page([WORK], "same"))
    with pytest.raises(FetchFailed, match="back to itself"):
        await ArxivOai(f"{server.url}/oai", fetcher).leaf("cs.CL", TUESDAY, "same")


# Real answers

real = pytest.mark.skipif(not (SHARED / "data" / "oai").is_dir(), reason="the real answers are not beside the project")


@real
def test_every_real_record_is_read() -> None:
    count = 0
    for file in sorted((SHARED / "data" / "oai").glob("*.xml")):
        leaf = parse_records(file.read_bytes())
        assert leaf.rejected == ()
        for sighting in leaf.sightings:
            item = sighting.item
            assert item.authors and item.abstract and item.categories and sighting.submitted_at
        assert len(leaf.sightings) == file.read_bytes().count(b"<record>")
        count += len(leaf.sightings)
    assert count >= 30


@real
def test_every_real_answer_of_the_api_is_read() -> None:
    count = 0
    for file in sorted((SHARED / "data" / "arxiv-api").glob("*.xml")):
        if file.name.endswith("_400.xml"):
            with pytest.raises(FetchFailed, match="incorrect id format for abc"):
                parse_answer(file.read_bytes())
            continue
        leaf, total = parse_answer(file.read_bytes())
        assert leaf.rejected == () and total >= len(leaf.sightings)
        assert all(s.item.version and s.item.categories and s.submitted_at for s in leaf.sightings)
        assert len(leaf.sightings) == file.read_bytes().count(b"<entry>")
        count += len(leaf.sightings)
    assert count >= 240
