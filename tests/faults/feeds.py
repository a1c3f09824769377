"""Broken feeds by the thousand: two suites of odd ones, and arXiv's own cut off anywhere, fed in at every door.

Each is put through what the program does with an answer: read, stored in one transaction with its validators, judged.
Promised: no crash, no half-stored item, no item without its kind, no ETag that hides the tail, and the rest goes on.
"""

from __future__ import annotations

import logging
import tarfile
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from adapters.digest_files import read_documents
from adapters.sources.arxiv import parse_feed
from adapters.sources.arxiv_api import parse_answer
from adapters.sources.arxiv_listing import parse_listing
from adapters.sources.arxiv_oai import parse_records
from bot.errors import DocumentError, FetchFailed
from bot.gaps import Window, late_items
from bot.model import FeedState, Fetched, Kind, Tally, Validators
from bot.polling import Poller, Reading
from bot.ports import Source
from bot.tenure import INGEST, Tenure
from bot.turns import Turn
from storage.store import SqlStore, open_store
from tests.databases import sqlite_url
from tests.paths import SHARED

DATA = SHARED / "data"
SUITES = ("feedparser-tests.tar.gz", "feed-rs-tests.tar.gz")
NOW = datetime(2025, 4, 8, 6, tzinfo=UTC)
URL = "https://feed.example/rss/cs.CL"
ETAG = Validators('"whole"')


class _Mute:
    """A source that is never asked, and an index that has nothing to follow."""

    name = "arxiv"

    def url(self, categories: Sequence[str]) -> str:
        return URL

    async def fetch(self, categories: Sequence[str], known: Validators) -> Fetched:
        raise AssertionError("nobody asks")

    async def close(self) -> None:
        pass

    def follow(self, patience: float | None = None) -> int:
        return 0


class Mouth:
    """Takes answers in as a poll does."""

    def __init__(self, store: SqlStore) -> None:
        self.store, mute = store, _Mute()
        source: Source = mute
        self._turn = Turn(store, 0, lambda: NOW)
        self._tenure = Tenure(store, INGEST, "a poll", lambda: NOW)
        self._poller = Poller(store, mute, source, ("cs.CL",), self._turn, lambda: NOW)  # type: ignore[arg-type]

    def feed(self, body: bytes) -> tuple[Fetched | FetchFailed, Tally, FeedState]:
        """What came of an answer with an ETag."""
        outcome: Fetched | FetchFailed
        try:
            outcome = replace(parse_feed(body, URL), validators=ETAG)
        except FetchFailed as error:
            outcome = error
        assert self._turn._take() and self._tenure.take() == ""
        tally, feeds = self._poller._take_in(Reading({("cs.CL",): outcome}, (("cs.CL",),)), self._tenure)
        self._turn._end()
        return outcome, tally, feeds["cs.CL"].state

    def etag(self) -> str:
        with self.store.reading() as tx:
            return tx.validators(URL).etag

    def forget_etag(self) -> None:
        with self.store.transaction() as tx:
            tx.put_validators(URL, Validators())


def run(short: bool) -> list[tuple[str, str]]:
    """(What was done, the figures) a line; AssertionError where a promise is broken. ``short``: a sample of it all."""
    if not DATA.is_dir():
        return [("broken feeds", "skipped: the data are not beside the project")]
    logging.getLogger("adapters").setLevel(logging.ERROR)
    logging.getLogger("bot").setLevel(logging.ERROR)
    lines = []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        store = open_store(sqlite_url(Path(folder)))
        try:
            mouth = Mouth(store)
            for suite in SUITES:
                lines.append(_suite(mouth, suite, 40 if short else 1, Path(folder)))
            lines.append(_cuts(mouth, 1000, 60 if short else 1))
            lines.append(_quarantine(store))
        finally:
            store.close()
    return lines


def _suite(mouth: Mouth, suite: str, step: int, folder: Path) -> tuple[str, str]:
    began, outcomes, files = time.perf_counter(), Counter[str](), 0
    for name, body in list(_members(DATA / "bad-feeds" / suite))[::step]:
        mouth.forget_etag()
        outcome, tally, state = mouth.feed(body)
        files += 1
        if isinstance(outcome, FetchFailed):
            assert state is FeedState.FAILED and str(outcome), name
            assert mouth.etag() == "", f"{name}: an ETag of what could not be read"
            outcomes["refused whole"] += 1
        else:
            assert outcome.items or not outcome.rejected or mouth.etag() == "", f"{name}: the ETag hides it all"
            assert all(item.kind is not Kind.KNOWN and item.title and item.key for item in outcome.items), name
            assert tally.read >= len(outcome.items), name
            outcomes["items taken"] += len(outcome.items)
            outcomes["items kept apart"] += len(outcome.rejected)
            outcomes["without a paper" if not outcome.items else "with papers"] += 1
        _other_doors(name, body, folder)
    assert_whole(mouth.store)
    what = ", ".join(f"{count:,} {kind}" for kind, count in sorted(outcomes.items()))
    return f"{files:,} files of {suite}", f"{what}; {time.perf_counter() - began:.1f} s"


def _other_doors(name: str, body: bytes, folder: Path) -> None:
    """The archives and the import take none of it for their own, or read it, and do not break."""
    window = Window("cs.CL", ("cs.CL",), date(2025, 4, 7), date(2025, 4, 8))
    for parse in (parse_records, lambda data: parse_answer(data)[0], lambda data: parse_listing(data)[0]):
        try:
            leaf = parse(body)
        except FetchFailed as error:
            assert str(error), name
        else:
            assert all(item.kind is not Kind.KNOWN for item in late_items(leaf.sightings, window, {})), name
    path = folder / "document.md"
    path.write_bytes(body)
    try:
        for chunk in read_documents(path):
            assert all(item.kind is Kind.KNOWN for item in chunk.items), name
    except DocumentError:
        pass


def _cuts(mouth: Mouth, every: int, step: int) -> tuple[str, str]:
    """Every real feed, cut at every so many bytes, then whole: the cut gives nothing, the whole gives all."""
    began, cuts, files = time.perf_counter(), 0, 0
    paths = sorted((DATA / "arxiv-feeds").glob("*.xml"))
    for path in paths if step == 1 else [min(paths, key=lambda p: p.stat().st_size), paths[1], paths[-1]]:
        whole = path.read_bytes()
        mouth.forget_etag()
        for place in range(every, len(whole), every * step):
            outcome, tally, state = mouth.feed(whole[:place])
            cuts += 1
            assert isinstance(outcome, FetchFailed) and state is FeedState.FAILED, f"{path.name} cut at {place}"
            assert tally == Tally() and mouth.etag() == "", f"{path.name} cut at {place}"
        outcome, tally, state = mouth.feed(whole)
        files += 1
        if isinstance(outcome, Fetched):
            assert tally.read >= len(outcome.items) > 0 and mouth.etag() == ETAG.etag, path.name
        else:
            assert "cut-off" in path.name, path.name
    assert_whole(mouth.store)
    took = time.perf_counter() - began
    return f"{files} real feeds cut at {cuts:,} places", f"all refused, then read whole; {took:.1f} s"


def _quarantine(store: SqlStore) -> tuple[str, str]:
    with store.reading() as tx:
        held = tx.quarantined(10_000)
    assert held and len(held) <= 500 and all(one.why and len(one.sample) <= 1000 for one in held)
    return "quarantine", f"{len(held)} kept with their reasons, {sum(one.times for one in held):,} times in all"


def assert_whole(store: SqlStore) -> None:
    """Every paper that is stored has a key and a title; every announcement a paper and the kind it was heard as."""
    with store.reading() as tx:
        told = tx.announcements(0)
        ids = {one.paper_id for one in told}
        papers = tx.papers(ids)
        assert papers.keys() == ids
        assert all(paper.keys and paper.title for paper in papers.values())
        assert tx.counts()["announcements"] == len(told)


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is not None:
                yield member.name, stream.read()


if __name__ == "__main__":
    for what, figure in run(short=False):
        print(f"{what}: {figure}")
