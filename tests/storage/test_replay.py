"""The days of 2025-04-04 to 2025-05-02 as arXiv's feeds told them."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import pytest

from adapters.sources.arxiv import parse_feed
from bot.model import Fetched, News, Tally
from storage.store import SqlStore
from tests.paths import SHARED

FEEDS = SHARED / "data" / "arxiv-feeds"


@pytest.fixture(scope="module")
def feeds() -> list[Fetched]:
    if not FEEDS.is_dir():
        pytest.skip(f"needs the real feeds of {FEEDS.name}, a folder beside the repository")
    return [parse_feed(path.read_bytes(), path.name) for path in sorted(FEEDS.glob("2025-0[45]-*.xml"))]


def test_twenty_real_days_leave_the_right_papers_and_again_nothing(store: SqlStore, feeds: list[Fetched]) -> None:
    assert sum(len(feed.items) for feed in feeds) == 9_857
    now = datetime(2025, 5, 3, tzinfo=UTC)
    tallies = [Tally(), Tally()]
    for turn in (0, 1):
        for feed in feeds:
            with store.transaction() as tx:
                tallies[turn] += tx.add(feed.items, now)
    first, second = tallies
    assert (first.new, first.merged, first.read, first.refused) == (8_857, 70, 9_857, ())
    assert second == Tally(unchanged=9_857)
    with store.reading() as tx:
        told = tx.announcements(0)
        papers = tx.papers(range(1, 8_858))
        assert tx.counts()["papers"] == len(papers) == 8_857
    announced = {a.paper_id for a in told if a.news in (News.NEW, News.CROSS)}
    assert len(announced) == 5_853
    assert {p.id for p in papers.values() if p.first_announced_on} == announced
    by_day = defaultdict(list)
    for a in told:
        by_day[a.paper_id, a.announced_on].append(a.news)
    assert all(not {News.NEW, News.CROSS} <= set(news) for news in by_day.values())
