"""arXiv's feeds: own-made ones of every format, broken ones, and real ones where the shared data is at hand."""

from __future__ import annotations

import gzip
import tarfile
import time
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.arxiv import CAP, NEAR, ArxivFeed, parse_feed, read_authors
from bot.errors import FetchFailed
from bot.model import FeedItem, Kind, Validators
from tests.feeds_text import atom, bad_query, paper, papers, rdf, rss
from tests.paths import SHARED
from tests.servers.feeds import Answer, FeedServer

DAY = date(2025, 4, 4)
URL = "https://rss.arxiv.org/rss/cs.CL"
FEEDS = SHARED / "data" / "arxiv-feeds"
BAD_FEEDS = SHARED / "data" / "bad-feeds"


def _only(data: bytes) -> FeedItem:
    fetched = parse_feed(data, URL)
    assert not fetched.rejected
    (item,) = fetched.items
    return item


def _why(data: bytes) -> str:
    with pytest.raises(FetchFailed) as caught:
        parse_feed(data, URL)
    return str(caught.value)


# The formats


def test_todays_format_reads_to_every_field() -> None:
    given = paper(
        "2504.00123", "Reading $p<q$ & <think>", "We show $p<q$ and $r>s$ in <think> &amp; more.\nSecond line.",
        Kind.REPLACE_CROSS, 3, ("Ada Lovelace", "Alan Turing"), ("cs.CL", "cs.LG", "q-bio.NC", "math-ph"),
        doi="10.1000/x.1", journal="J. of Things, 3 (2024)",
    )  # fmt: skip
    fetched = parse_feed(rss([given], DAY), URL)
    assert fetched.url == URL and not fetched.unchanged and fetched.validators == Validators()
    assert fetched.batch_on == DAY
    (item,) = fetched.items
    assert item.announced_on == DAY
    for name in ("key", "kind", "title", "abstract", "version", "authors", "categories", "doi", "journal", "links"):
        assert getattr(item, name) == getattr(given, name), name


@pytest.mark.parametrize("kind", [Kind.NEW, Kind.CROSS, Kind.REPLACE, Kind.REPLACE_CROSS])
@pytest.mark.parametrize("make", [rss, atom])
def test_every_announce_type_is_read(make: type, kind: Kind) -> None:
    given = paper("hep-th/9901001", kind=kind, version=12, abstract="On $p<q$ and <think>.")
    item = _only(make([given], DAY))
    assert (item.key, item.version, item.kind) == ("arxiv:hep-th/9901001", 12, kind)
    assert item.links == ("https://arxiv.org/abs/hep-th/9901001",)
    assert (item.abstract, item.authors, item.announced_on) == (given.abstract, given.authors, DAY)


def test_no_category_given_stays_unknown() -> None:
    assert _only(rss([paper("2504.00001", categories=())], DAY)).categories == ()


def test_the_old_format_tells_kind_version_and_category_in_the_title() -> None:
    items = [
        paper("1805.00001", "About $2<\\eta<4$", "We measure $2<\\eta<4$ & more.", Kind.NEW, categories=("hep-ex",)),
        paper("1805.00002", "Seen Elsewhere", kind=Kind.CROSS, categories=("nucl-th",)),
        paper("hep-th/9901001", "Made Better", kind=Kind.REPLACE, version=4, categories=("hep-th",)),
    ]
    fetched = parse_feed(rdf(items, date(2018, 5, 23)), URL)
    assert not fetched.rejected and fetched.batch_on == date(2018, 5, 23)
    for read, made in zip(fetched.items, items, strict=True):
        assert read.announced_on == date(2018, 5, 23)
        for name in ("key", "kind", "title", "abstract", "version", "authors", "categories"):
            assert getattr(read, name) == getattr(made, name), name


def test_a_title_that_ends_in_another_papers_id_keeps_it() -> None:
    title = "Comment on Something (arXiv:2301.00001)"
    assert _only(rss([paper("2504.00001", title)], DAY)).title == title


def test_an_old_id_loses_its_subject_class() -> None:
    assert _only(rss([paper("math.GT/0309136")], DAY)).key == "arxiv:math/0309136"


def test_the_date_is_the_eastern_one() -> None:
    data = rss([paper("2504.00001")], DAY).replace(b"00:00:00 -0400", b"03:59:00 +0000")
    fetched = parse_feed(data, URL)
    assert fetched.batch_on == fetched.items[0].announced_on == date(2025, 4, 3)


def test_what_an_items_own_date_does_not_say_the_feeds_date_does() -> None:
    head, tail = rss([paper("2504.00001")], DAY).split(b"<item>")
    tail = tail.replace(b"<pubDate>Fri, 04 Apr 2025 00:00:00 -0400</pubDate>", b"")
    fetched = parse_feed(head + b"<item>" + tail, URL)
    assert fetched.items[0].announced_on == DAY
    head = head.replace(b"<pubDate>Fri, 04 Apr 2025 00:00:00 -0400</pubDate>", b"")
    assert parse_feed(head + b"<item>" + tail, URL).batch_on == DAY  # from lastBuildDate


def test_unusable_items_are_told_of_and_the_others_kept() -> None:
    data = rss([paper(f"2504.0000{n}", f"Title {n}") for n in range(1, 6)], DAY)
    data = data.replace(b"oai:arXiv.org:2504.00001v1", b"nothing").replace(b"abs/2504.00001", b"abs/nothing")
    data = data.replace(b"<title>Title 2</title>", b"<title> </title>")
    fetched = parse_feed(data, URL)
    assert [item.key for item in fetched.items] == [f"arxiv:2504.0000{n}" for n in (3, 4, 5)]
    assert [(r.where, r.why) for r in fetched.rejected] == [
        ("item 1 (nothing)", "no arXiv id"),
        ("item 2 (oai:arXiv.org:2504.00002v1)", "no title"),
    ]


def test_an_item_without_a_known_announce_type_is_refused() -> None:
    data = rss([paper("2504.00001")], DAY)
    odd = data.replace(b"<arxiv:announce_type>new<", b"<arxiv:announce_type>retold<")
    assert parse_feed(odd, URL).rejected[0].why == "unknown announce type 'retold'"
    silent = data.replace(b"<arxiv:announce_type>new</arxiv:announce_type>", b"")
    assert _only(silent).kind is Kind.NEW  # the description's head says it too
    silent = silent.replace(b"arXiv:2504.00001v1 Announce Type: new \nAbstract: ", b"")
    assert parse_feed(silent, URL).items == () and "announce type" in parse_feed(silent, URL).rejected[0].why


# Authors


@pytest.mark.parametrize(
    ("creators", "names"),
    [
        ("Ada Lovelace", ("Ada Lovelace",)),
        ("A. B. (MIT, Cambridge (USA)), C. D. (1), E F", ("A. B.", "C. D.", "E F")),
        (r"Kurt G\"odel, Petar Veli\v{c}kovi\'c, H{\aa}kon N{\ae}ss", ("Kurt Gödel", "Petar Veličković", "Håkon Næss")),
        (r"Jo\~ao L. Vila\c{c}a, Szymon P{\l}otka", ("João L. Vilaça", "Szymon Płotka")),
        (r"\c{C}a\u{g}atay Y{\i}ld{\i}z, Ji\v{r}\'i Dv\v{o}\'r", ("Çağatay Yıldız", "Jiří Dvǒŕ")),
        ("Yan-Ann~Chen", ("Yan-Ann Chen",)),
        ("Acme AI,  :, A. Aarts,  Deepti,", ("Acme AI", "A. Aarts", "Deepti")),
        ("J. Doe, Jr., M. Roe, III, Iva", ("J. Doe Jr.", "M. Roe III", "Iva")),
        ("A (one, B (two", ("A", "B")),
        ("A) one, B", ("A) one", "B")),
        ("张三, Ōe", ("张三", "Ōe")),
        ("", ()),
    ],
)
def test_authors_are_a_list_of_names(creators: str, names: tuple[str, ...]) -> None:
    assert read_authors(creators) == names


def test_a_mail_address_in_an_affiliation_does_no_harm() -> None:
    item = _only(rss([paper("2504.00001", authors=("A. Bee (a.bee@example.org)", "C. Dee"))], DAY))
    assert item.authors == ("A. Bee", "C. Dee")


def test_a_list_of_76000_characters_is_read_whole_and_at_once() -> None:
    authors = [rf"N\"ame{n} B. Collaborator (Place, {n})" for n in range(2000)]
    started = time.perf_counter()
    item = _only(rss([paper("2504.00001", authors=authors)], DAY))
    assert len(", ".join(authors)) > 76_000 and len(item.authors) == 2000
    assert item.authors[1999] == "Näme1999 B. Collaborator"
    read_authors("(" * 76_000 + ")" * 75_000)
    assert time.perf_counter() - started < 5


@given(st.text(alphabet="ab,() \\{}$'~é", max_size=60))
def test_no_list_of_authors_raises_or_holds_a_nameless_one(creators: str) -> None:
    assert all(any(char.isalpha() for char in name) for name in read_authors(creators))


# What is no feed


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the answer is empty"),
        (b" \n ", "the answer is empty"),
        (b"<!DOCTYPE html><html><body>Down for maintenance</body></html>", "a web page"),
        (b"<html><head><title>x</title></head></html></rss>", "no feed"),
        (b"not a feed", "no feed"),
        (b"/etc/passwd", "no feed"),
        (b'{"items": []}', "no feed"),
        (bad_query("cs.XX", DAY), "Feed error for query: cs.XX"),
        (rss([paper("2504.00001")], DAY, closed=False), "cut off"),
        (atom([paper("2504.00001")], DAY, closed=False), "cut off"),
        (rss([], DAY).replace(b"</rss>", b"</rss"), "cut off"),
        (rss([paper("2504.00001")], DAY).decode().encode("utf-16"), "no feed"),
    ],
)
def test_what_is_no_whole_feed_fails_with_a_reason(data: bytes, reason: str) -> None:
    assert reason in _why(data)


def test_an_empty_feed_of_a_holiday_is_a_feed() -> None:
    fetched = parse_feed(rss([], DAY), URL)
    assert (fetched.items, fetched.rejected, fetched.batch_on) == ((), (), DAY)


def test_a_comment_after_the_closing_tag_is_no_cut() -> None:
    assert len(parse_feed(rss(papers(2), DAY) + b"<!-- served -->\n", URL).items) == 2


def test_a_control_character_costs_no_item() -> None:
    data = rss([paper("2504.00001", "A B", "Says <x> \x0b here."), paper("2504.00002")], DAY)
    assert b"\x0b" in data
    assert [item.abstract[:4] for item in parse_feed(data, URL).items] == ["Says", "We d"]


def test_a_feed_that_is_not_well_formed_gives_what_can_be_read() -> None:
    data = rss([paper("2504.00001", "A"), paper("2504.00002", "B", "On $p<q$.")], DAY).replace(b"A</title>", b"A", 1)
    assert "arxiv:2504.00002" in [item.key for item in parse_feed(data, URL).items]


def test_entities_are_refused_and_no_outside_file_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    secret = (tmp_path / "secret").as_uri()
    data = rss([paper("2504.00001", "TITLE")], DAY)
    root = b"<rss "
    for dtd in (
        f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{secret}">]>',
        '<!DOCTYPE rss [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]>',
    ):
        evil = data.replace(root, dtd.encode() + root).replace(b"TITLE", b"&x;")
        assert "entities" in _why(evil)
    harmless = data.replace(root, f'<!DOCTYPE rss SYSTEM "{secret}">'.encode() + root).replace(b"TITLE", b"T &x;")
    assert "hidden" not in _only(harmless).title


CUT_SAMPLE = [paper("2504.00001", "Réponse", authors=("É. A",)), *papers(3, first=2)]


@given(st.integers(min_value=0), st.sampled_from([rss, atom]))
def test_a_feed_cut_anywhere_before_its_end_fails(place: int, make: type) -> None:
    data: bytes = make(CUT_SAMPLE, DAY).rstrip()
    assert _why(data[: place % len(data)])


@given(st.binary(max_size=40), st.integers(min_value=0), st.sampled_from([rss, atom, rdf]))
def test_damage_in_the_middle_never_raises_anything_else_nor_makes_a_kindless_item(
    damage: bytes, place: int, make: type
) -> None:
    data: bytes = make(CUT_SAMPLE, DAY)
    place %= len(data)
    _reads_or_fails(data[:place] + damage + data[place + len(damage) :])


def _reads_or_fails(data: bytes) -> int:
    """How many items; 0 where the feed is refused. Anything but FetchFailed is a defect."""
    try:
        fetched = parse_feed(data, URL)
    except FetchFailed as error:
        assert str(error)
        return 0
    assert all(item.kind in Kind and item.kind is not Kind.KNOWN for item in fetched.items)
    assert all(item.key.startswith("arxiv:") and item.title for item in fetched.items)
    return len(fetched.items)


# Fetching


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with FeedServer() as running:
        yield running


@pytest.fixture
async def source(server: FeedServer) -> AsyncIterator[ArxivFeed]:
    source = ArxivFeed(f"{server.url}/rss/", "mailto:ops@example.org", interval=0)
    yield source
    await source.close()


async def test_a_union_of_categories_is_one_request(server: FeedServer, source: ArxivFeed) -> None:
    body = gzip.compress(rss(papers(3), DAY))
    server.put("/rss/cs.CL+cs.LG", Answer(body, headers={"Content-Encoding": "gzip"}, etag='"one"'))
    fetched = await source.fetch(["cs.CL", "cs.LG"], Validators())
    assert fetched.url == source.url(["cs.CL", "cs.LG"]) == f"{server.url}/rss/cs.CL+cs.LG"
    assert len(fetched.items) == 3 and fetched.validators.etag == '"one"' and fetched.batch_on == DAY
    again = await source.fetch(["cs.CL", "cs.LG"], fetched.validators)
    assert again.unchanged and again.items == () and again.validators == fetched.validators


async def test_a_bad_query_is_told_in_arxivs_words(server: FeedServer, source: ArxivFeed) -> None:
    server.put("/rss/cs.XX", Answer(bad_query("cs.XX", DAY), status=400))
    with pytest.raises(FetchFailed, match=r"HTTP 400: Feed error for query: cs\.XX"):
        await source.fetch(["cs.XX"], Validators())


async def test_a_cut_feed_fails_and_gives_no_etag(server: FeedServer, source: ArxivFeed) -> None:
    whole = rss(papers(3), DAY)
    server.put("/rss/cs.CL", Answer(whole[:-30], etag='"bad"'), Answer(whole, etag='"good"'))
    with pytest.raises(FetchFailed, match="cut off"):
        await source.fetch(["cs.CL"], Validators())
    fetched = await source.fetch(["cs.CL"], Validators())
    assert len(fetched.items) == 3 and fetched.validators.etag == '"good"'


@pytest.mark.parametrize(("count", "cut", "near"), [(3, False, False), (NEAR, False, True), (CAP, True, True)])
async def test_a_feed_near_arxivs_limit_says_so(
    server: FeedServer, source: ArxivFeed, count: int, cut: bool, near: bool
) -> None:
    server.put("/rss/cs.CL", rss(papers(count), DAY))
    fetched = await source.fetch(["cs.CL"], Validators())
    assert (len(fetched.items), fetched.cut, fetched.near) == (count, cut, near)


# Real files


def _feeds(pattern: str) -> list[Path]:
    if not FEEDS.is_dir():
        pytest.skip(f"the shared data is not at hand: {FEEDS} is missing")
    return sorted(FEEDS.glob(pattern))


def test_the_forty_snapshots_read_to_9857_items_of_8857_papers() -> None:
    files = _feeds("2025-*.xml")
    items: list[FeedItem] = []
    for file in files:
        fetched = parse_feed(file.read_bytes(), file.name)
        assert not fetched.rejected and fetched.batch_on == date.fromisoformat(file.name[:10]), file.name
        items += fetched.items
        for item in fetched.items:
            assert item.announced_on == fetched.batch_on and item.version and item.authors and item.abstract, item
            assert "Announce Type" not in item.abstract and not item.abstract.startswith(("Abstract:", "arXiv:")), item
            assert not any(set("(){}\\") & set(author) for author in item.authors), item.authors
    assert (len(files), len(items), len({item.key for item in items})) == (40, 9857, 8857)
    announced = {item.key for item in items if item.kind in (Kind.NEW, Kind.CROSS)}
    assert len(announced) == 5853
    assert sum(not item.categories for item in items) == 5559


def test_the_captures_of_other_formats_read_to_the_right_items() -> None:
    (old,) = _feeds("old-rdf*.xml")
    fetched = parse_feed(old.read_bytes(), old.name)
    assert [(i.key, i.version, i.kind, i.categories) for i in fetched.items] == [
        ("arxiv:1805.08875", 1, Kind.NEW, ("hep-ex",)),
        ("arxiv:1805.09166", 1, Kind.CROSS, ("hep-ex",)),
        ("arxiv:1805.06430", 2, Kind.REPLACE, ("nucl-th",)),
    ]
    assert fetched.items[0].authors == ("Christopher Dilks",) and len(fetched.items[2].authors) == 6
    assert r"$2.6<\eta<4$" in fetched.items[0].abstract and "<p>" not in fetched.items[0].abstract
    assert fetched.batch_on == date(2018, 5, 23)
    for file in _feeds("rss-2026*.xml"):
        assert len(parse_feed(file.read_bytes(), file.name).items) == 3
    (whole,) = _feeds("atom-*cs.AI.xml")
    assert len(parse_feed(whole.read_bytes(), whole.name).items) == 7
    (cut,) = _feeds("atom-*cut-off.xml")
    assert "cut off" in _why(cut.read_bytes())


def test_real_feeds_cut_anywhere_fail() -> None:
    for file in _feeds("*.xml"):
        data = file.read_bytes().rstrip()
        if "cut-off" in file.name:
            continue
        for place in (*range(1, 12), *range(20, len(data), max(1, len(data) // 25))):
            assert _why(data[:-place])


def test_the_test_suites_of_feed_parsers_raise_nothing_else() -> None:
    """All files of both suites as they are, and each tenth XML file with an item of arXiv's put into it."""
    if not BAD_FEEDS.is_dir():
        pytest.skip(f"the shared data is not at hand: {BAD_FEEDS} is missing")
    read = 0
    for archive in ("feedparser-tests.tar.gz", "feed-rs-tests.tar.gz"):
        with tarfile.open(BAD_FEEDS / archive) as files:
            for number, member in enumerate(m for m in files if m.name.endswith((".xml", ".json"))):
                content = files.extractfile(member)
                assert content is not None
                data = content.read()
                _reads_or_fails(data)
                read += 1
                if number % 10 == 0:
                    _reads_or_fails(data + rss(CUT_SAMPLE, DAY))
    assert read >= 2106 + 65
