from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from bot.errors import BadInput
from bot.ingest import title_mark
from bot.model import CURATED, FeedItem, Kind, News, Paper, Summary, Tally
from storage.store import SqlStore
from tests.databases import NewDatabase
from tests.storage.samples import (
    DAY,
    HOUR,
    NEXT,
    NOW,
    TITLE,
    announcements,
    chat_at,
    item,
    paper,
    summaries,
    words,
)


def add(store: SqlStore, *items: FeedItem) -> Tally:
    with store.transaction() as tx:
        return tx.add(items, NOW)


def test_an_item_comes_back_as_the_paper_it_was(store: SqlStore) -> None:
    full = item(
        title="On $p<q$ & <think> — 數學 🙂",
        abstract="a\nb",
        version=2,
        authors=("Ada Ash", "Bo Birch"),
        categories=("cs.LG", "cs.CL"),
        doi="10.1000/ABC",
        journal="J. Gardens 1",
        links=("https://arxiv.org/abs/2504.00001", "https://example.org/x"),
        subjects=("plants",),
        summaries=(words(headline="一句", title="題", abstract="摘要"),),
    )
    assert add(store, full) == Tally(new=1)
    kept = paper(store, full.key)
    assert kept == Paper(
        kept.id,
        ("arxiv:2504.00001", "doi:10.1000/abc"),
        full.title,
        full.abstract,
        full.authors,
        full.categories,
        full.links,
        full.subjects,
        DAY,
        DAY,
        2,
        "J. Gardens 1",
        ("new",),
    )
    assert paper(store, "doi:10.1000/abc") == kept
    assert summaries(store, full.key) == (Summary(kept.id, "zh-Hans", "一句", "題", "摘要", "document", NOW),)
    (told,) = announcements(store)
    assert (told.paper_id, told.news, told.announced_on, told.categories, told.version) == (
        kept.id,
        News.NEW,
        DAY,
        full.categories,
        2,
    )


def test_the_second_time_nothing_changes(store: SqlStore) -> None:
    items = [item(f"arxiv:2504.0000{n}", kind, categories=("cs.CL",)) for n, kind in enumerate(Kind)]
    twin = item("acl:2025.garden-1.7", Kind.KNOWN, items[0].title, summaries=(words(headline="一"),))
    first = add(store, *items, twin)
    assert (first.new, first.merged) == (5, 1)
    before, revision = announcements(store), store.revision()
    assert add(store, *items, twin) == Tally(unchanged=6)
    assert announcements(store) == before
    assert store.revision() == revision


def test_only_a_paper_that_changed_is_listed_as_changed(store: SqlStore) -> None:
    add(store, item(), item("arxiv:2504.00002"))
    revision = store.revision()
    add(store, item(), item("arxiv:2504.00002", Kind.KNOWN, summaries=(words(headline="一"),)))
    with store.reading() as tx:
        changed = tx.changes(revision, 10)
        assert [id_ for _, id_ in changed] == [paper(store, "arxiv:2504.00002").id]
        assert tx.changes(changed[-1][0], 10) == []
        assert len(tx.changes(0, 1)) == 1
        assert changed[-1][0] == store.revision()


def test_a_cross_list_of_the_same_day_becomes_new_in_its_place(store: SqlStore) -> None:
    assert add(store, item(kind=Kind.CROSS, categories=("cs.CL",))) == Tally(new=1)
    assert add(store, item(categories=("cs.LG", "cs.CL"))) == Tally(merged=1)
    (told,) = announcements(store)
    assert (told.news, told.categories) == (News.NEW, ("cs.CL", "cs.LG"))


def test_an_unusable_item_is_refused_with_its_reason_and_the_rest_is_kept(store: SqlStore) -> None:
    tally = add(store, item(), item("arxiv:2504.00009", title="\x00 "), item("", title="No name"))
    assert (tally.new, [(r.where, r.why) for r in tally.refused]) == (
        1,
        [("arxiv:2504.00009", "no title"), ("No name", "no key")],
    )
    assert tally.read == 3


def test_text_that_a_database_refuses_is_kept_without_the_offending_characters(store: SqlStore) -> None:
    dirty = item(title="half \ud83d of a \x00 pair here", abstract="\x00", authors=("A\ud800",), subjects=("\x00s",))
    assert add(store, dirty) == Tally(new=1)
    assert paper(store, dirty.key).title == "half  of a  pair here"
    assert add(store, dirty) == Tally(unchanged=1)


def test_a_batch_of_announcements_is_asked_for_by_ids_or_by_day(store: SqlStore) -> None:
    with store.reading() as tx:
        assert (tx.last_announcement(), tx.before_latest_batch()) == (0, 0)
    add(store, item(), item("arxiv:2504.00002"), item("arxiv:2504.00003", announced_on=NEXT))
    with store.reading() as tx:
        assert [a.id for a in tx.announcements(0)] == [1, 2, 3]
        assert [a.id for a in tx.announcements(1, 2)] == [2]
        assert [a.id for a in tx.announcements_on(DAY)] == [1, 2]
        assert (tx.last_announcement(), tx.before_latest_batch()) == (3, 2)


def test_what_is_not_there_is_not_there(store: SqlStore) -> None:
    with store.reading() as tx:
        assert tx.papers([1, 2]) == {}
        assert tx.papers([]) == {}
        assert tx.summaries([1]) == {}
        assert tx.paper_by_key("arxiv:2504.00001") is None


def test_a_failure_inside_a_transaction_leaves_nothing(store: SqlStore) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        tx.add([item(summaries=(words(headline="一"),))], NOW)
        chat_at(tx)
        raise ZeroDivisionError
    with store.reading() as tx:
        counts = tx.counts()
        assert not any(counts.values())
        assert tx.changes(0, 10) == []
    assert add(store, item()) == Tally(new=1)


def test_reading_sees_one_moment_and_writing_in_it_raises(store: SqlStore) -> None:
    add(store, item())
    with store.reading() as tx:
        assert tx.counts()["papers"] == 1
        add(store, item("arxiv:2504.00002"))
        assert tx.counts()["papers"] == 1
    with pytest.raises((DBAPIError, sqlite3.OperationalError)), store.reading() as tx:
        tx.put_setting("a", "b")
    with store.transaction() as tx:
        tx.put_setting("a", "b")


def test_two_writers_add_the_same_papers_once_and_ids_grow_in_the_order_they_are_seen(store: SqlStore) -> None:
    many = [item(f"arxiv:2504.{n:05}") for n in range(300)]
    start = threading.Barrier(3)
    seen: list[int] = []
    done = threading.Event()

    def write() -> None:
        start.wait()
        for n in range(0, 300, 50):
            add(store, *many[n : n + 50])

    def watch() -> None:
        start.wait()
        while not done.is_set():
            with store.reading() as tx:
                new = [a.id for a in tx.announcements(seen[-1] if seen else 0)]
                assert len(tx.announcements(0)) == tx.last_announcement()
            seen.extend(new)

    threads = [threading.Thread(target=write) for _ in range(2)]
    watcher = threading.Thread(target=watch)
    for thread in (*threads, watcher):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    watcher.join()
    assert len(announcements(store)) == 300
    assert seen == list(range(1, len(seen) + 1))


# Two known papers, then an item that names both; and a twin found when it first came.
ARXIV, ACL = "arxiv:2504.00001", "acl:2025.garden-1.7"
LATE = [
    item(ARXIV, title="A first title for it", authors=("Ada Ash",), summaries=(words("en", headline="A"),)),
    item(ACL, Kind.KNOWN, title="Quite another title here", journal="Gardens", summaries=(words("en", title="B"),)),
    item(ARXIV, Kind.REPLACE, "A first title for it", version=2, links=("https://aclanthology.org/2025.garden-1.7/",)),
]
EARLY = [
    item(ARXIV, title=TITLE, authors=("Ada Ash",), summaries=(words("en", headline="A"),)),
    item(ACL, title=TITLE, journal="Gardens", announced_on=NEXT, summaries=(words("en", title="B"),)),
]


@pytest.mark.parametrize("items", [LATE, EARLY], ids=["known apart first", "twin at first sight"])
def test_a_merge_is_undone_into_two_papers_that_stay_apart(store: SqlStore, items: list[FeedItem]) -> None:
    add(store, *items)
    whole = paper(store, ACL)
    assert whole.keys == (ARXIV, ACL)
    assert (whole.journal, whole.authors) == ("Gardens", ("Ada Ash",))
    assert [(s.headline, s.title) for s in summaries(store, ACL)] == [("A", "B")]
    with store.reading() as tx:
        assert tx.counts()["papers"] == 1
        assert tx.counts()["summaries"] == 1

    revision = store.revision()
    with store.transaction() as tx:
        back = tx.unmerge(ACL, NOW)
    assert (back.keys, back.journal, back.title) == ((ACL,), "Gardens", items[1].title)
    assert back == paper(store, ACL)
    left = paper(store, ARXIV)
    assert (left.id, left.keys, left.journal, left.authors) == (whole.id, (ARXIV,), "", ("Ada Ash",))
    assert [(s.headline, s.title) for s in summaries(store, ARXIV)] == [("A", "")]
    assert [(s.headline, s.title) for s in summaries(store, ACL)] == [("", "B")]
    with store.reading() as tx:
        assert {id_ for _, id_ in tx.changes(revision, 10)} == {left.id, back.id}
    by_paper = {a.paper_id: a.news for a in announcements(store) if a.news is not News.UPDATE}
    assert by_paper == ({left.id: News.NEW} if items is LATE else {left.id: News.NEW, back.id: News.NEW})

    assert add(store, *items, *reversed(items)).merged == 0
    assert paper(store, ACL).id == back.id
    assert paper(store, ARXIV).keys == (ARXIV,)


def test_what_was_not_merged_cannot_be_undone(store: SqlStore) -> None:
    add(store, *EARLY)
    with store.transaction() as tx:
        with pytest.raises(BadInput, match="no paper"):
            tx.unmerge("arxiv:1111.11111", NOW)
        with pytest.raises(BadInput, match="not merged"):
            tx.unmerge(ARXIV, NOW)
        tx.unmerge(ACL, NOW)
        with pytest.raises(BadInput, match="not merged"):
            tx.unmerge(ACL, NOW)


def test_a_paper_merged_into_another_answers_with_it(store: SqlStore) -> None:
    add(store, *LATE[:2])
    old = paper(store, ACL).id
    add(store, LATE[2])
    with store.reading() as tx:
        found = tx.papers([old])[old]
        assert found == paper(store, ARXIV)
        assert tx.summaries([old])[old] == tx.summaries([found.id])[found.id]
        assert {a.paper_id for a in tx.announcements(0)} == {found.id}


def test_announcements_of_a_merged_paper_are_its_own_and_come_back_with_it(store: SqlStore) -> None:
    announced = [LATE[0], replace(LATE[1], kind=Kind.NEW, announced_on=NEXT), LATE[2]]
    add(store, *announced)
    assert {a.paper_id for a in announcements(store)} == {paper(store, ARXIV).id}
    assert paper(store, ARXIV).first_announced_on == DAY
    with store.transaction() as tx:
        back = tx.unmerge(ACL, NOW)
    assert back.first_announced_on == NEXT
    assert {a.announced_on for a in announcements(store) if a.paper_id == back.id} == {NEXT}


def test_three_names_merged_one_after_another_come_apart_again_from_the_last(store: SqlStore) -> None:
    one = item("x:1", title="A first title for it")
    two = item(ACL, title="Quite another title here")
    three = item(ARXIV, title="And a third one follows", links=("https://aclanthology.org/2025.garden-1.7/",))
    add(store, one, two, replace(three, links=()))
    # two and three first, then one, the oldest, takes both.
    add(store, replace(three, kind=Kind.REPLACE, version=2))
    add(store, replace(one, links=("https://aclanthology.org/2025.garden-1.7/",)))
    assert set(paper(store, ARXIV).keys) == {"x:1", ACL, ARXIV}
    with store.transaction() as tx:
        pair = tx.unmerge(ACL, NOW)
    assert set(pair.keys) == {ACL, ARXIV}
    assert paper(store, ARXIV).id == pair.id
    with store.transaction() as tx:
        tx.unmerge(ARXIV, NOW)
    assert [paper(store, key).keys for key in ("x:1", ACL, ARXIV)] == [("x:1",), (ACL,), (ARXIV,)]


KEYS = [f"arxiv:2504.0000{n}" for n in range(4)] + ["acl:2025.garden-1.1", "acl:2025.garden-1.2"]
some_items = st.builds(
    FeedItem,
    key=st.sampled_from(KEYS),
    kind=st.sampled_from(Kind),
    title=st.sampled_from([TITLE, "A quiet study of loud machines"]),
    abstract=st.sampled_from(["", "one", "two"]),
    version=st.sampled_from([None, 1, 2]),
    authors=st.sampled_from([(), ("Ada Ash",), ("Bo Birch",)]),
    categories=st.sampled_from([(), ("cs.CL",), ("cs.LG", "cs.CL")]),
    announced_on=st.sampled_from([DAY, NEXT]),
    links=st.sampled_from([(), ("https://arxiv.org/abs/2504.00001",), ("https://aclanthology.org/2025.garden-1.2/",)]),
    summaries=st.sampled_from([(), (words(headline="一"),), (words(headline="二", title="題"),)]),
)


def everything(store: SqlStore) -> object:
    with store.reading() as tx:
        ids = [id_ for _, id_ in tx.changes(0, 1000)]
        return tx.papers(ids), tx.summaries(ids), tx.announcements(0), tx.counts()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(some_items, max_size=14), cuts=st.lists(st.integers(0, 14), max_size=4))
def test_items_in_any_split_of_batches_give_the_same_papers(
    new_database: NewDatabase, opened: Callable[[str], SqlStore], items: list[FeedItem], cuts: list[int]
) -> None:
    whole, split = opened(new_database()), opened(new_database())
    add(whole, *items)
    edges = [0, *sorted(cuts), len(items)]
    for start, end in pairwise(edges):
        add(split, *items[start:end])
    assert everything(whole) == everything(split)
    revision = split.revision()
    assert add(split, *items) == Tally(unchanged=len(items))
    assert split.revision() == revision
    whole.close()
    split.close()


def test_more_items_than_a_statement_takes_are_taken_lazily(store: SqlStore) -> None:
    with store.transaction() as tx:
        assert tx.add((item(f"arxiv:2504.{n:05}") for n in range(2_500)), NOW) == Tally(new=2_500)
        assert len(tx.papers(range(1, 2_501))) == 2_500


def test_summaries_tell_when_they_were_made_or_changed(store: SqlStore) -> None:
    later = NOW + HOUR + timedelta(microseconds=1)
    with store.transaction() as tx:
        tx.add([item(summaries=(words(headline="一"), words("en", headline="A")))], NOW)
        tx.add([item(summaries=(words(title="題"), words("en", headline="B")))], later)
    assert [(s.language, s.made_at) for s in summaries(store, item().key)] == [("en", NOW), ("zh-Hans", later)]


def test_a_title_mark_is_short_whatever_the_title() -> None:
    assert len(title_mark("many words " * 10_000)) == 32


def test_papers_that_lack_an_abstract_are_found_by_their_source_and_day(store: SqlStore) -> None:
    bare, later = item("acl:2025.garden-1.7"), item("acl:2025.garden-1.8", announced_on=DAY - timedelta(days=90))
    full = item("acl:2025.garden-1.9", abstract="Here.")
    with store.transaction() as tx:
        tx.add([bare, later, full, item(), item("acl:2025.garden-1.10", Kind.KNOWN)], NOW)
        assert tx.without_abstract("acl", DAY - timedelta(days=60)) == ["acl:2025.garden-1.7"]
        assert tx.known_keys([bare.key, full.key, "acl:2025.garden-1.11"]) == {bare.key, full.key}
        twin = item("arxiv:2504.00009", title=bare.title, abstract="From arXiv.")
        tx.add([twin], NOW)
        assert tx.without_abstract("acl", DAY - timedelta(days=60)) == []


def test_a_summary_takes_the_place_of_another_and_its_paper_is_listed_as_changed(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.add([item(summaries=(words(headline="甲"), words("en", headline="A")))], NOW)
        id_, revision = tx.papers([1])[1].id, tx.revision()
        tx.put_summary(Summary(id_, "zh-Hans", "乙", origin=CURATED, made_at=NOW))
        assert tx.revision() == revision + 1
        assert [(s.language, s.headline) for s in tx.summaries([id_])[id_]] == [("en", "A"), ("zh-Hans", "乙")]
        assert (tx.counts()["summaries"], tx.counts()["summaries.curated"]) == (2, 1)
        tx.drop_summary(id_, "zh-Hans")
        assert tx.revision() == revision + 2
        assert [s.language for s in tx.summaries([id_])[id_]] == ["en"]
        tx.put_summary(Summary(id_, "ja", "丙", made_at=NOW))
        assert [s.language for s in tx.summaries([id_])[id_]] == ["en", "ja"]
