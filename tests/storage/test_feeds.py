"""What is kept of feeds: states, missed days, and what could not be used, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from bot.gaps import Known
from bot.model import Feed, FeedState, Gap, GapState, Kind, Rejected
from storage.feeds import HELD, HELD_CHARACTERS
from storage.store import SqlStore
from tests.feeds_text import paper

NOW = datetime(2025, 4, 8, 6, tzinfo=UTC)
MONDAY, TUESDAY = date(2025, 4, 7), date(2025, 4, 8)
GAP = Gap("cs.CL", MONDAY, due_at=NOW, why="down")


def test_a_feed_is_kept_with_the_day_up_to_which_nothing_is_unknown(store: SqlStore) -> None:
    feed = Feed("cs.CL", FeedState.FRESH, NOW, NOW, NOW, TUESDAY, "", TUESDAY)
    with store.transaction() as tx:
        tx.put_feed(feed)
    with store.reading() as tx:
        assert tx.feeds() == {"cs.CL": feed}


def test_a_missed_day_is_opened_once_and_kept_when_it_is_filled(store: SqlStore) -> None:
    with store.transaction() as tx:
        assert tx.open_gaps([GAP, replace(GAP, category="cs.LG")]) == 2
        tx.put_gap(replace(GAP, state=GapState.FILLED, via="oai", found=7))
    with store.transaction() as tx:
        assert tx.open_gaps([GAP]) == 0, "what was filled is not missed again"
        assert [gap.category for gap in tx.gaps(GapState.OPEN)] == ["cs.LG"]
        assert [(gap.category, gap.found) for gap in tx.gaps()] == [("cs.CL", 7), ("cs.LG", 0)]
        assert (tx.counts()["gaps.open"], tx.counts()["gaps.filled"]) == (1, 1)


def test_unseen_is_what_would_be_news(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.add([paper("2504.00001", version=2), paper("2504.00002", "Known Only So Far", kind=Kind.KNOWN)], NOW)
    with store.reading() as tx:
        items = [
            paper("2504.00001"), paper("2504.00001", version=2), paper("2504.00002"), paper("2504.00009"),
        ]  # fmt: skip
        assert tx.unseen(items[:2]) == frozenset()
        assert tx.unseen(items) == {"arxiv:2504.00002", "arxiv:2504.00009"}
        assert tx.unseen([paper("2504.00001", version=3, kind=Kind.REPLACE)]) == {"arxiv:2504.00001"}
        known = tx.known_papers(item.key for item in items)
    assert known == {
        "arxiv:2504.00001": Known(2, ("cs.CL",), told=True),
        "arxiv:2504.00002": Known(1, ("cs.CL",), told=False),
    }


def test_the_last_id_before_a_day_is_of_what_was_new(store: SqlStore) -> None:
    with store.transaction() as tx:
        for name, on, kind in (
            ("2504.00005", MONDAY, Kind.NEW), ("2504.00003", MONDAY, Kind.NEW), ("2504.00009", TUESDAY, Kind.NEW),
            ("2504.00007", MONDAY, Kind.CROSS), ("hep-th/9901001", MONDAY, Kind.NEW), ("2409.00001", MONDAY, Kind.NEW),
        ):  # fmt: skip
            tx.add([replace(paper(name, f"A paper called {name}", kind=kind), announced_on=on)], NOW)
    with store.reading() as tx:
        assert tx.last_key(TUESDAY) == "arxiv:2504.00005"
        assert tx.last_key(TUESDAY + timedelta(days=1)) == "arxiv:2504.00009"
        assert tx.last_key(MONDAY) == ""


def test_what_cannot_be_used_is_kept_once_with_its_reason_and_its_beginning(store: SqlStore) -> None:
    bad = Rejected("item 3", "no arXiv id", "title: ?" * 1000)
    with store.transaction() as tx:
        tx.quarantine("https://feed.example/rss", [bad], NOW)
    with store.transaction() as tx:
        tx.quarantine("https://feed.example/rss", [replace(bad, where="item 9")], NOW + timedelta(hours=1))
        tx.quarantine("https://feed.example/rss", [replace(bad, why="no title")], NOW)
    with store.reading() as tx:
        first, second = tx.quarantined(5)
        assert tx.counts()["quarantined"] == 2
    assert (first.where, first.why, first.times) == ("item 9", "no arXiv id", 2)
    assert (first.first_at, first.last_at) == (NOW, NOW + timedelta(hours=1))
    assert len(first.sample) == HELD_CHARACTERS and second.why == "no title"


def test_the_quarantine_is_bounded_and_the_oldest_go(store: SqlStore) -> None:
    with store.transaction() as tx:
        for batch in range(3):
            bad = [Rejected(f"item {n}", f"fault {batch}-{n}") for n in range(HELD // 2)]
            tx.quarantine("feed", bad, NOW + timedelta(hours=batch))
    with store.reading() as tx:
        kept = tx.quarantined(10 * HELD)
    assert len(kept) == HELD and {one.why.partition("-")[0] for one in kept} == {"fault 1", "fault 2"}
