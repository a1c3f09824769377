"""Connections: SQLite and PostgreSQL as this house wants them, and the schema brought up to date."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from bot.errors import ConfigError, Problem, TryLater

KEY = "PAPERROUND_DATABASE_URL"
HEAD = "0014"
"""The revision this program works with; a test holds it equal to the newest migration."""

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 30
FROZEN_SECONDS = 120
"""A PostgreSQL transaction in which its holder did nothing for so long is ended, so that its locks are free again."""

MOVED = "moved"
"""The revision of a store whose rows are in another one now: nobody shall go on writing to it by mistake."""

_MIGRATION_LOCK = 7_205_759_403
_OURS = f"paperround {os.getpid()}@{socket.gethostname()}"[:63]
"""What PostgreSQL is told of who is connected; it cuts names at 63 bytes."""
_SQLITE_TROUBLE = {5, 6, 10, 13}
"""SQLITE_BUSY, LOCKED, IOERR, FULL: https://www.sqlite.org/rescode.html"""


def connect(url: str) -> Engine:
    """An engine for ``sqlite:////path`` or ``postgresql://…``. Raises ConfigError where the URL cannot be used."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    asked = parsed.query.get("options", "")
    ours = f"-c timezone=UTC -c idle_in_transaction_session_timeout={FROZEN_SECONDS}s"
    return create_engine(
        parsed.difference_update_query(["options"]),
        pool_size=8,
        max_overflow=24,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 10,
            "application_name": _OURS,
            "options": f"{asked if isinstance(asked, str) else ' '.join(asked)} {ours}",
        },
    )


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        mend = "write sqlite:////path/to/file.db or postgresql://user@host/name"
        raise _problem("not a database URL", mend) from None
    match parsed.get_backend_name():
        case "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise _problem("SQLite needs a file", "write sqlite:////path/to/file.db")
            return parsed.set(drivername="sqlite+pysqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise _problem(f"no such kind of database: {other}", "use sqlite or postgresql")


def _sqlite(url: URL) -> Engine:
    folder = Path(str(url.database)).resolve().parent
    if not folder.is_dir():
        raise _problem(f"the folder {folder} is not there", "make it, or name a file in a folder that is there")
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=8,
        max_overflow=24,
        json_serializer=_encoded,
        json_deserializer=_decoded,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        # The driver's own BEGIN is late and never IMMEDIATE: transactions are begun in _begin below.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {BUSY_SECONDS * 1000}",
            "journal_mode = WAL",
            # FULL: a delivery noted as sent must outlast a power cut, or it is sent twice.
            "synchronous = FULL",
            "foreign_keys = ON",
            # Kilobytes, where the default is 2,000: a plan of many chats touches several indexes at once.
            "cache_size = -16000",
            # Bytes that are read as memory, where every page would be a system call.
            f"mmap_size = {1 << 28}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"))

    return engine


def _encoded(value: Any) -> str:
    """JSON of a value; most lists are empty."""
    return json.dumps(value) if value else "[]" if isinstance(value, list | tuple) else json.dumps(value)


def _decoded(text: str) -> Any:
    """JSON as a value. The short ones (weekdays, kinds of news) are alike in every row, and nobody changes them."""
    return _decoded_once(text) if len(text) < 40 else json.loads(text)


_decoded_once = lru_cache(4096)(json.loads)


@contextmanager
def writing(engine: Engine, turn: Lock, durable: bool = True) -> Iterator[Connection]:
    """A transaction for writing. ``turn`` lines up this process's writers on SQLite, which would else poll. What is not
    ``durable`` is not waited for until it is on the disk: a power cut may take it, and it alone
    (https://www.sqlite.org/pragma.html#pragma_synchronous)."""
    queue = engine.dialect.name == "sqlite"
    if queue and not turn.acquire(timeout=BUSY_SECONDS):
        raise TryLater("the database is busy")
    try:
        with translated(), engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            if queue and not durable:
                driver.execute("PRAGMA synchronous = NORMAL").close()
            try:
                with connection.begin():
                    if not durable and not queue:
                        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                    yield connection
            finally:
                if queue and not durable:
                    driver.execute("PRAGMA synchronous = FULL").close()
    finally:
        if queue:
            turn.release()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction in which everything is seen as of one moment and nothing can be written."""
    with translated(), engine.connect() as plain:
        if engine.dialect.name == "sqlite":
            connection = plain.execution_options(begin="BEGIN")
            with connection.begin():
                # By the driver itself: a command reads several times, and SQLAlchemy takes longer than SQLite.
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.execute("PRAGMA query_only = ON").close()
                try:
                    yield connection
                finally:
                    driver.execute("PRAGMA query_only = OFF").close()
        else:
            with plain.begin():
                plain.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                yield plain


@contextmanager
def translated() -> Iterator[None]:
    """A fault of the surroundings becomes TryLater; a mistake in a statement stays what it is."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", None)
        ended = getattr(error, "connection_invalidated", False)
        trouble = code & 0xFF in _SQLITE_TROUBLE if code is not None else ended
        # 40P01 deadlock, 53 out of resources, 57 ended by the server: postgresql.org/docs/current/errcodes-appendix
        state = getattr(cause, "sqlstate", None) or ""
        if trouble or state == "40P01" or state[:2] in ("53", "57", "08"):
            raise TryLater(f"the database did not do it: {str(cause).splitlines()[0]}") from error
        raise


def prepare(engine: Engine, migrate: bool) -> None:
    """Look at the schema's revision, and bring it to HEAD where ``migrate``.

    Raises ConfigError where the database cannot be opened, is newer than the program, or is older and may not be
    migrated.
    """
    try:
        with engine.connect() as plain, plain.execution_options(begin="BEGIN").begin():
            found = revision(plain)
            listed = None if found in ("", HEAD, MOVED) else _knows(found)
    except NoSuchModuleError as error:
        raise _problem(str(error), "use sqlite or postgresql") from None
    except (SQLAlchemyError, OSError) as error:
        raise _problem(f"the database cannot be opened: {_reason(error)}", _mend(engine)) from None
    if found == HEAD:
        return
    if found == MOVED:
        raise _problem(
            "what was in this database has been moved to another one (paperround migrate-store)",
            "name the new one; or move the rows back with migrate-store --from NEW --to AN-EMPTY-ONE",
        )
    if listed is False:
        raise _problem(
            f"the database is of a newer paperround (its revision is {found}, this program knows {HEAD})",
            "install the newer version again, or name another database",
        )
    if not migrate:
        raise _problem("the database is not up to date", "start paperround once; it brings the database up to date")
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
            if revision(connection) != HEAD:
                upgrade(connection)
    except SQLAlchemyError as error:
        raise _problem(f"the database cannot be brought up to date: {_reason(error)}", _mend(engine)) from error


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, inside the connection's transaction."""
    from alembic import command

    command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: Connection | None = None) -> Any:
    """Alembic's Config for these migrations."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def revision(connection: Connection) -> str:
    """The stored revision; empty for a database without tables of ours."""
    if connection.dialect.name == "sqlite":
        there = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")).scalar()
    else:
        there = connection.execute(text("SELECT to_regclass('alembic_version')")).scalar()
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "") if there else ""


def _knows(revision: str) -> bool:
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    try:
        return ScriptDirectory.from_config(alembic_config()).get_revision(revision) is not None
    except CommandError:
        return False


def knows(found: str) -> bool:
    """Whether a database of this revision can be brought to HEAD."""
    return found == HEAD or _knows(found)


def opened_by_others(engine: Engine) -> bool:
    """Whether another process, or another engine of this one on SQLite, has this database open. Raises TryLater."""
    if engine.dialect.name == "postgresql":
        asked = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'paperround %' AND application_name <> :ours"
        )
        with translated(), engine.connect() as connection:
            return bool(connection.execute(asked, {"ours": _OURS}).scalar())
    engine.dispose()
    # Leaving WAL mode needs the file for oneself (https://www.sqlite.org/wal.html); who connects next enters it again.
    plain = sqlite3.connect(str(engine.url.database), timeout=0)
    try:
        return bool(plain.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete")
    except sqlite3.DatabaseError as error:
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (5, 6)
    finally:
        plain.close()


def _problem(wrong: str, mend: str) -> ConfigError:
    return ConfigError((Problem(KEY, wrong, mend),))


def _reason(error: Exception) -> str:
    """The driver's first line, which names host and file; drivers never put the password there."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def _mend(engine: Engine) -> str:
    if engine.dialect.name == "sqlite":
        return f"is {engine.url.database} a file that you may read and write, on a disk with room?"
    url = engine.url.difference_update_query(["password", "sslpassword"])
    return f"is the server running, and do user and password fit {url.render_as_string(hide_password=True)}?"
