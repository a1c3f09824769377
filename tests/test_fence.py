"""Who stalled past its lease writes nothing: real processes, frozen in the middle of their work."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from aiohttp import web

from bot.model import Kind
from bot.turns import HELD, NAME
from storage.store import SqlStore, open_store
from tests.databases import PostgresServer, sqlite_url
from tests.databases import postgres_server as postgres_server
from tests.feeds_text import paper, papers, rss
from tests.program import Program, environment
from tests.servers.feeds import FeedServer

MANY = 6_000


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.database()
    (tmp_path / "data").mkdir()
    return sqlite_url(tmp_path / "data")


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    made = open_store(url)
    yield made
    made.close()


def stored(store: SqlStore) -> int:
    with store.reading() as tx:
        return tx.counts()["papers"]


def leases_end(store: SqlStore) -> None:
    """As time does it: what a frozen process holds is free for the next one."""
    later = datetime.now(UTC) + timedelta(hours=1)
    with store.transaction() as tx:
        for name in tx.leases("", datetime.now(UTC)):
            assert tx.take_lease(name, "time", later, later)
            tx.end_lease(name, "time")


def turn_is_over(store: SqlStore) -> None:
    """As minutes later: pretended times move a tenure, but not the turn at arXiv, which is every process's."""
    later = datetime.now(UTC) + HELD
    with store.transaction() as tx:
        assert tx.take_lease(NAME, "the next one", later, later)
        tx.end_lease(NAME, "the next one")


async def test_a_poll_that_stalls_until_another_took_over_writes_nothing(
    url: str, store: SqlStore, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    asked, answer = asyncio.Event(), asyncio.Event()

    async def late(_: web.Request) -> web.StreamResponse:
        asked.set()
        await answer.wait()
        return web.Response(body=rss(papers(5), now.date()), content_type="application/rss+xml")

    async with FeedServer() as feeds:
        env = environment(tmp_path, f"{feeds.url}/rss", PAPERROUND_DATABASE_URL=url) | {
            "PAPERROUND_ARXIV__CATEGORIES": "cs.CL"
        }
        feeds.put("/rss/cs.CL", late, rss([paper("2504.09999", "The other's", kind=Kind.NEW)], now.date()))
        async with Program(tmp_path, env, "poll") as stalled:
            await asyncio.wait_for(asked.wait(), 30)
            stalled.freeze()
            answer.set()
            leases_end(store)
            async with Program(tmp_path, env, "round", "--json") as other:
                assert await other.ended() == 0, other.log
            assert json.loads(other.out)["polled"]["new"] == 1
            stalled.thaw()
            assert await stalled.ended() == 75
        assert "this process stalled" in stalled.log and "Traceback" not in stalled.log
        assert stored(store) == 1


def _between_transactions(url: str) -> bool:
    """Whether nobody writes papers at this moment."""
    try:
        if url.startswith("sqlite"):
            plain = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0, isolation_level=None)
            plain.execute("BEGIN IMMEDIATE").close()
            plain.close()
        else:
            with psycopg.connect(url) as connection:
                connection.execute("SELECT name FROM lease WHERE name = 'ingest' FOR UPDATE NOWAIT")
    except (sqlite3.OperationalError, psycopg.errors.LockNotAvailable):
        return False
    return True


async def test_an_import_that_stalls_until_another_took_over_writes_no_more(
    url: str, store: SqlStore, tmp_path: Path
) -> None:
    lines = (json.dumps({"id": f"2504.{n:05d}", "title": f"Paper {n}", "summary": "It works."}) for n in range(MANY))
    (tmp_path / "many.jsonl").write_text("\n".join(lines))
    env = environment(tmp_path, PAPERROUND_DATABASE_URL=url)
    async with Program(tmp_path, env, "import", "many.jsonl") as stalled:
        async with asyncio.timeout(60):
            while not stored(store):
                await asyncio.sleep(0.01)
            stalled.freeze()
            while not _between_transactions(url):
                stalled.thaw()
                await asyncio.sleep(0.005)
                stalled.freeze()
        before = stored(store)
        assert 0 < before < MANY
        with store.reading() as tx:
            (holder,) = tx.leases("ingest", datetime.now(UTC)).values()
        leases_end(store)
        stalled.thaw()
        assert await stalled.ended() == 75, stalled.log
    assert holder.startswith("paperround import on ")
    assert "this process stalled" in stalled.log and "Traceback" not in stalled.log
    assert stored(store) == before
