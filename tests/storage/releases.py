"""Databases as released versions left them, kept as SQL: schema and rows, made when the version was released.

``python -m tests.storage.releases VERSION`` writes those of the present revision, before it is released.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import event

from storage.engine import connect, prepare
from storage.store import open_store
from storage.tables import METADATA
from tests.databases import running_postgres, sqlite_url
from tests.storage.filled import fill

FOLDER = Path(__file__).parent / "released"


def snapshots(kind: str) -> list[Path]:
    return sorted(FOLDER.glob(f"*.{kind}.sql"))


def load(file: Path, url: str) -> None:
    """Put the snapshot into an empty database."""
    script = file.read_text(encoding="utf-8")
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(script)
        return
    with psycopg.connect(url) as postgres:
        for statement in statements(script):
            postgres.execute(statement.encode())


def statements(script: str) -> Iterator[str]:
    """Those of a dump, in which a semicolon at a line's end ends one."""
    for statement in re.split(r"(?m);$", script):
        if statement.strip():
            yield statement


def dump_postgres(url: str) -> Iterator[str]:
    """Make a filled store, and say by which statements another becomes the same."""
    engine, made = connect(url), []

    @event.listens_for(engine, "before_cursor_execute")
    def _keep(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().startswith(("CREATE", "ALTER", "DROP")):
            made.append(statement.strip())

    prepare(engine, migrate=True)
    engine.dispose()
    yield from made
    store = open_store(url)
    fill(store, url)
    store.close()
    with psycopg.connect(url) as connection:
        for table in ["alembic_version", *(table.name for table in METADATA.sorted_tables)]:
            for row in connection.execute(sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(table))):
                yield f"INSERT INTO {table} SELECT ({sql.Literal(row[0]).as_string(connection)}::{table}).*"
        for name, last in connection.execute("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"):
            if last is not None:
                yield f"SELECT setval('{name}', {last})"


def write(version: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        url = sqlite_url(Path(name))
        store = open_store(url)
        fill(store, url)
        store.close()
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            script = "\n".join(connection.iterdump()) + "\n"
    (FOLDER / f"{version}.sqlite.sql").write_text(script, encoding="utf-8")
    with running_postgres() as server:
        script = "".join(f"{statement};\n" for statement in dump_postgres(str(server.get_uri())))
    (FOLDER / f"{version}.postgresql.sql").write_text(script, encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1])
