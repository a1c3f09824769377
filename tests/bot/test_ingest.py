from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ingest import Outcome, Shelf, fault, keys_of, share_a_surname, storable, tidied, title_mark
from bot.keys import source_of
from bot.merging import Record, absorb, parted, united
from bot.model import FeedItem, Kind, News, Paper, SummaryText

NOW = datetime(2025, 4, 8, 5, 30, tzinfo=UTC)
DAY = date(2025, 4, 8)
NEXT = DAY + timedelta(days=1)
TITLE = "Sparse adapters for patient gardeners"
ARXIV, ACL = "arxiv:2504.00001", "acl:2025.garden-1.7"


def item(key: str = ARXIV, kind: Kind = Kind.NEW, title: str = TITLE, **more: Any) -> FeedItem:
    return FeedItem(key, kind, title, **{"announced_on": DAY, "version": 1 if key == ARXIV else None, **more})


def shelved(*items: FeedItem, shelf: Shelf | None = None) -> tuple[Shelf, list[Outcome]]:
    shelf = shelf or Shelf((), 1, 1)
    return shelf, [shelf.take(tidied(one), NOW) for one in items]


def only(*items: FeedItem) -> Record:
    shelf, _ = shelved(*items)
    (record,) = shelf.records.values()
    return record


def news(*items: FeedItem) -> list[tuple[News, date]]:
    return [(told.news, told.on) for told in only(*items).told]


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ([Kind.NEW], [News.NEW]),
        ([Kind.CROSS], [News.CROSS]),
        ([Kind.NEW, Kind.CROSS], [News.NEW]),
        ([Kind.CROSS, Kind.NEW], [News.NEW]),
        ([Kind.CROSS, Kind.CROSS], [News.CROSS]),
        ([Kind.REPLACE], []),
        ([Kind.REPLACE_CROSS], []),
        ([Kind.KNOWN], []),
        ([Kind.KNOWN, Kind.NEW], [News.NEW]),
        ([Kind.REPLACE, Kind.CROSS], [News.CROSS]),
    ],
)
def test_what_is_told_of_one_paper_on_one_day(kinds: list[Kind], told: list[News]) -> None:
    assert [n for n, _ in news(*(item(kind=kind) for kind in kinds))] == told


def test_a_paper_only_known_is_announced_by_its_first_new_or_cross() -> None:
    record = only(item(kind=Kind.REPLACE, version=2, announced_on=DAY))
    assert record.paper.first_announced_on is None
    later = absorb(record, item(kind=Kind.CROSS, version=2, announced_on=NEXT), NOW)
    assert later.paper.first_announced_on == NEXT
    assert [told.news for told in later.told] == [News.CROSS]


def test_each_unseen_version_of_an_announced_paper_is_one_update() -> None:
    two, three = item(kind=Kind.REPLACE, version=2, announced_on=NEXT), item(kind=Kind.REPLACE_CROSS, version=3)
    record = only(item(), two, two, three, two)
    assert [(told.news, told.version) for told in record.told] == [(News.NEW, 1), (News.UPDATE, 2), (News.UPDATE, 3)]


def test_a_replacement_without_a_version_tells_nothing() -> None:
    assert news(item(), item(kind=Kind.REPLACE, version=None, announced_on=NEXT)) == [(News.NEW, DAY)]


def test_a_later_cross_list_is_told_where_it_adds_a_category_and_names_that_alone() -> None:
    first = item(categories=("cs.CL",))
    again = item(kind=Kind.CROSS, categories=("cs.CL",), announced_on=NEXT)
    wider = item(kind=Kind.CROSS, categories=("cs.CL", "cs.SD"), announced_on=NEXT)
    assert news(first, again) == [(News.NEW, DAY)]
    assert news(first, item(kind=Kind.CROSS, announced_on=NEXT)) == [(News.NEW, DAY)]
    record = only(first, wider)
    assert [(told.news, told.categories) for told in record.told] == [
        (News.NEW, ("cs.CL",)),
        (News.CROSS, ("cs.SD",)),
    ]


def test_a_stale_feed_under_a_fresh_date_tells_nothing_again() -> None:
    assert news(item(categories=("cs.CL",)), item(categories=("cs.CL",), announced_on=NEXT)) == [(News.NEW, DAY)]


def test_an_item_without_a_day_is_of_arxivs_own() -> None:
    before_midnight_eastern = datetime(2025, 4, 8, 3, 59, tzinfo=UTC)
    shelf = Shelf((), 1, 1)
    shelf.take(item(announced_on=None), before_midnight_eastern)
    assert shelf.records[1].paper.first_announced_on == date(2025, 4, 7)


def test_a_higher_version_brings_its_words_and_an_older_one_never_does() -> None:
    old = item(abstract="first", version=1, authors=("Ada Ash",), categories=("cs.CL",), journal="A")
    new = item(
        kind=Kind.REPLACE, title="Denser adapters", abstract="second", version=2, categories=("cs.LG", "cs.CL")
    )
    for items in ((old, new), (new, old), (old, new, old)):
        paper = only(*items).paper
        assert (paper.title, paper.abstract, paper.version) == ("Denser adapters", "second", 2)
        assert paper.authors == ("Ada Ash",)
        assert set(paper.categories) == {"cs.LG", "cs.CL"}
    assert only(old, new).paper.categories == ("cs.LG", "cs.CL")


def test_of_one_version_a_later_days_words_count_and_an_import_only_fills_gaps() -> None:
    feed = item(abstract="from the feed")
    assert only(feed, item(abstract="mended", kind=Kind.REPLACE, announced_on=NEXT)).paper.abstract == "mended"
    document = item(kind=Kind.KNOWN, version=None, abstract="cut at 1,000 chara…", authors=("Ada Ash",))
    for items in ((feed, document), (document, feed)):
        paper = only(*items).paper
        assert (paper.abstract, paper.authors) == ("from the feed", ("Ada Ash",))


def test_an_import_dates_a_paper_and_a_replacement_does_not() -> None:
    assert only(item(kind=Kind.KNOWN, announced_on=date(2020, 1, 2))).paper.dated_on == date(2020, 1, 2)
    assert only(item(kind=Kind.REPLACE)).paper.dated_on is None
    assert only(item(), item(kind=Kind.KNOWN, announced_on=date(2020, 1, 2))).paper.dated_on == date(2020, 1, 2)


def test_summaries_are_filled_never_overwritten_but_a_documents_words_come_before_a_models() -> None:
    model = item(summaries=(SummaryText("zh-Hans", headline="型", title="型题", origin="model"),))
    one = item(summaries=(SummaryText("zh-Hans", headline="甲"),))
    two = item(summaries=(SummaryText("zh-Hans", headline="乙", abstract="摘要"), SummaryText("en", headline="B")))
    first, english = only(one, two).summaries
    assert (first.headline, first.title, first.abstract, english.headline) == ("甲", "", "摘要", "B")
    for items in ((model, one), (one, model)):
        (summary,) = only(*items).summaries
        assert (summary.headline, summary.title, summary.origin) == ("甲", "型题", "document")
    assert only(item(summaries=(SummaryText("en"),))).summaries == ()


def test_curated_words_give_way_to_other_curated_words_alone() -> None:
    def said(headline: str, origin: str, abstract: str = "") -> FeedItem:
        return item(summaries=(SummaryText("zh-Hans", headline=headline, abstract=abstract, origin=origin),))

    curated, other = said("甲", "curated"), said("丁", "curated")
    for origin in ("document", "model"):
        lesser = said("乙", origin, abstract="摘要")
        for items in ((curated, lesser), (lesser, curated), (lesser, curated, lesser)):
            (summary,) = only(*items).summaries
            assert (summary.headline, summary.origin, summary.abstract) == ("甲", "curated", "摘要")
    (summary,) = only(curated, other).summaries
    assert (summary.headline, summary.origin) == ("丁", "curated")


def test_twins_of_two_sources_are_one_paper_with_both_keys_and_both_links() -> None:
    arxiv = item(links=("http://arxiv.org/pdf/2504.00001v1",), authors=("Ada Ash", "Bo Birch"))
    page = "https://aclanthology.org/2025.garden-1.7/"
    acl = item(ACL, Kind.KNOWN, TITLE.upper() + ".", links=(page,), authors=("Birch, Bo",))
    for items in ((arxiv, acl), (acl, arxiv)):
        shelf, outcomes = shelved(*items)
        (record,) = shelf.records.values()
        assert outcomes == [Outcome.NEW, Outcome.MERGED]
        assert set(record.paper.keys) == {ARXIV, ACL}
        assert set(record.paper.links) == {"https://arxiv.org/abs/2504.00001", page}
        assert [told.news for told in record.told] == [News.NEW]


@pytest.mark.parametrize(
    "acl",
    [
        item(ACL, title="Other words altogether", doi="10.1000/XYZ"),
        item(ACL, title="Other words altogether", links=("https://doi.org/10.1000/xyz",)),
        item(ACL, title="Other words altogether", links=("https://arxiv.org/pdf/2504.00001v3",)),
    ],
)
def test_a_shared_doi_or_a_link_makes_twins_whatever_their_titles(acl: FeedItem) -> None:
    shelf, outcomes = shelved(item(doi="https://doi.org/10.1000/xyz"), acl)
    assert outcomes[1] is Outcome.MERGED
    assert len(shelf.records) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (item(), item("arxiv:2504.00002")),
        (item(doi="10.1000/xyz"), item("arxiv:2504.00002", title="Something else", doi="10.1000/xyz")),
        (item(authors=("Ada Ash",)), item(ACL, authors=("Cy Cedar",))),
        (item(title="Attention again"), item(ACL, title="Attention again")),
        (item(title="學習 注意 力"), item(ACL, title="學習 注意 力")),
    ],
    ids=["one source", "one source, one DOI", "no shared surname", "two words", "few letters"],
)
def test_what_only_looks_alike_stays_two_papers(one: FeedItem, other: FeedItem) -> None:
    shelf, outcomes = shelved(one, other)
    assert outcomes == [Outcome.NEW, Outcome.NEW]
    assert len(shelf.records) == 2


def test_a_paper_new_in_the_anthology_after_arxiv_is_published_once() -> None:
    published = item(ACL, announced_on=NEXT)
    assert news(item(), published, published) == [(News.NEW, DAY), (News.PUBLISHED, NEXT)]
    assert news(published, item(announced_on=NEXT + timedelta(days=1))) == [(News.NEW, NEXT)]


def test_two_known_papers_become_one_when_an_item_names_both() -> None:
    apart = [item(title="A first title for it"), item(ACL, title="Quite another title here", announced_on=NEXT)]
    shelf, outcomes = shelved(*apart, item(kind=Kind.REPLACE, version=2, links=("https://aclanthology.org/2025.garden-1.7",)))
    (record,) = shelf.records.values()
    assert outcomes == [Outcome.NEW, Outcome.NEW, Outcome.MERGED]
    assert record.paper.id == 1
    assert record.paper.keys == (ARXIV, ACL)
    assert record.paper.first_announced_on == DAY
    (join,) = shelf.joins
    assert (join.key, join.other.paper.id) == (ACL, 2)


def test_keys_held_apart_do_not_meet_again() -> None:
    shelf, outcomes = shelved(
        item(), item(ACL, links=("https://arxiv.org/abs/2504.00001",)), shelf=Shelf((), 1, 1, frozenset({(ACL, ARXIV)}))
    )
    assert outcomes == [Outcome.NEW, Outcome.NEW]
    assert [r.paper.keys for r in shelf.records.values()] == [(ARXIV,), (ACL,)]


def test_parting_gives_back_what_each_had_alone() -> None:
    a = only(item(authors=("Ada Ash",), categories=("cs.CL",), summaries=(SummaryText("en", headline="A"),)))
    b = only(
        item(ACL, abstract="B's", journal="B", subjects=("plants",), summaries=(SummaryText("en", "B", title="B's"),))
    )
    b = replace(b, paper=replace(b.paper, id=2))
    whole = united(a, b)
    assert (whole.paper.abstract, whole.paper.journal, whole.paper.subjects) == ("B's", "B", ("plants",))
    back = parted(whole, a, b)
    assert replace(back.paper, keys=a.paper.keys) == a.paper
    assert back.summaries == a.summaries


def test_what_cannot_be_stored_is_taken_out_and_what_cannot_be_used_is_named() -> None:
    dirty = tidied(item(title="Nul\x00 and half \ud83d a pair", authors=("", "A\x00")))
    assert (dirty.title, dirty.authors) == ("Nul and half  a pair", ("A",))
    assert fault(tidied(item(title=" \x00"))) == "no title"
    assert fault(item("")) == "no key"
    assert fault(item("arxiv:")) == fault(item("2504.1")) == fault(item("acl:" + "x" * 300)) == "not a key"
    assert fault(item()) == ""


def test_titles_are_alike_whatever_their_case_accents_signs_and_tex() -> None:
    mark = title_mark("The Rényi-Entropy of $\\alpha$ gardens")
    assert mark == title_mark("the renyi entropy of gardens!")
    assert mark != title_mark("the renyi entropy of hedges")


def test_surnames_are_last_words_or_before_the_comma() -> None:
    assert share_a_surname(["Jörg van der Müller"], ["Muller, J."])
    assert not share_a_surname(["Ada Ash"], ["Ash Birch"])
    assert share_a_surname([], ["Ada Ash"])


@given(st.text())
def test_storable_text_is_utf8_without_nul(text: str) -> None:
    assert "\x00" not in storable(text)
    storable(text).encode()


KEYS = ["arxiv:2504.0000" + n for n in "123"] + ["acl:2025.garden-1." + n for n in "12"]
LINKS = ["https://arxiv.org/abs/2504.00001", "https://aclanthology.org/2025.garden-1.2/", "https://doi.org/10.1000/1"]
items = st.builds(
    FeedItem,
    key=st.sampled_from(KEYS),
    kind=st.sampled_from(Kind),
    title=st.sampled_from([TITLE, "A quiet study of loud machines", "Two Words"]),
    abstract=st.sampled_from(["", "one", "two"]),
    version=st.sampled_from([None, 1, 2]),
    authors=st.sampled_from([(), ("Ada Ash",), ("Bo Birch",)]),
    categories=st.sampled_from([(), ("cs.CL",), ("cs.LG", "cs.CL"), ("cs.SD",)]),
    announced_on=st.sampled_from([None, DAY, NEXT]),
    doi=st.sampled_from(["", "10.1000/1"]),
    links=st.lists(st.sampled_from(LINKS), max_size=2).map(tuple),
    summaries=st.lists(
        st.builds(SummaryText, st.sampled_from(["en", "zh-Hans"]), st.sampled_from(["", "a", "b"]), st.just("")),
        max_size=1,
    ).map(tuple),
)


@given(st.lists(items, max_size=12))
def test_the_same_items_again_change_nothing_and_no_paper_has_two_ids_of_one_source(many: list[FeedItem]) -> None:
    shelf, _ = shelved(*many)
    before = dict(shelf.records)
    _, outcomes = shelved(*many, shelf=shelf)
    assert set(outcomes) <= {Outcome.UNCHANGED}
    assert shelf.records == before
    owners = [key for record in shelf.records.values() for key in record.paper.keys]
    assert len(owners) == len(set(owners))
    for record in shelf.records.values():
        sources = [source_of(key) for key in record.paper.keys if source_of(key) != "doi"]
        assert len(sources) == len(set(sources))


def test_an_items_keys_are_its_own_first_then_its_doi_and_its_links() -> None:
    both = item(doi="10.18653/v1/2025.garden-1.7", links=("https://arxiv.org/abs/2504.00001", "https://example.org/"))
    assert keys_of(both) == (ARXIV, "doi:10.18653/v1/2025.garden-1.7", ACL)
    assert Paper(1, keys_of(both), "x").key == ARXIV
