"""Backups, restores and moves. A backup is an SQLite database of the whole store, whichever database that is on: it is
opened by any tool, restored to either database, and could be used in the store's place."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from urllib.parse import quote

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from bot.errors import BadInput, ConfigError, NotAllowed, TryLater
from bot.ports import Copied, Progress, Repeated
from storage import tables as t
from storage.copying import copy_rows, count, tables
from storage.engine import HEAD, MOVED, connect, knows, opened_by_others, prepare, reading, revision, writing
from storage.repeating import repeat_erasures
from storage.store import SqlStore
from storage.succession import begin_anew, carry_on, forget_leases, instance, name_instance

_STEP = 1_024
"""Pages of an SQLite file copied at a time: 4 MiB."""
_FROM_MIGRATIONS = {"fence"}
"""Tables with rows that a migration wrote."""
_IN_USE = "another paperround has this database open: stop it first"


def back_up(url: str, file: Path, progress: Progress) -> Copied:
    """The store as it is at one moment into ``file``, while others go on reading and writing.

    Raises BadInput where there is no store or ``file`` is there already, TryLater where the disk or the database does
    not do it; then no file is left behind.
    """
    if file.exists():
        raise BadInput(f"{file} is there already: name another file, or move that one away")
    with _opened(url) as engine:
        on_sqlite = engine.dialect.name == "sqlite"
        if on_sqlite and not Path(str(engine.url.database)).exists():
            raise BadInput(f"{engine.url.database} is not there: there is nothing to back up")
        if not on_sqlite:
            prepare(engine, migrate=False)
        with writing(engine, Lock()) as connection:
            if not revision(connection):
                raise BadInput("there is no store of paperround in this database: there is nothing to back up")
            name_instance(connection)
        part = file.with_name(file.name + ".part")
        try:
            # For its owner alone: it holds all that the store holds.
            os.close(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
            with _told():
                rows = _copy_file(engine, part, progress) if on_sqlite else _copy_out(engine, part, progress)
                _settle(part)
            part.replace(file)
            _sync(file.parent)
        finally:
            for suffix in ("", "-wal", "-shm", "-journal"):
                part.with_name(part.name + suffix).unlink(missing_ok=True)
    return Copied(rows)


def _copy_file(engine: Engine, part: Path, progress: Progress) -> dict[str, int]:
    """By SQLite's own means (https://www.sqlite.org/backup.html), as of the moment at which it begins."""
    with engine.connect() as held, closing(sqlite3.connect(part)) as target:
        source = held.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        # A reader's view: pages that others write meanwhile neither come along nor begin the copy anew.
        source.execute("BEGIN")
        try:
            source.execute("SELECT 1 FROM alembic_version").fetchone()
            source.backup(target, pages=_STEP, progress=lambda _, left, whole: progress("pages", whole - left, whole))
        finally:
            source.execute("ROLLBACK")
    return check(part)


def _copy_out(engine: Engine, part: Path, progress: Progress) -> dict[str, int]:
    with _opened(_url(part)) as target:
        prepare(target, migrate=True)
        with reading(engine) as source, target.begin() as connection:
            return copy_rows(source, connection, progress)


def check(file: Path) -> dict[str, int]:
    """Rows by table of a backup. Raises BadInput where it is none, is damaged, or is of a newer paperround."""
    try:
        with closing(_read_only(file)) as connection:
            (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if sound != "ok":
                raise BadInput(f"{file} is damaged: {sound}")
            ours = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            names = [str(name) for (name,) in connection.execute(ours)]
            if "alembic_version" not in names:
                raise BadInput(f"{file} is no backup of paperround")
            (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
            counted = {
                name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608  (its own)
                for name in names
                if name != "alembic_version"
            }
    except sqlite3.Error as error:
        raise BadInput(f"{file} cannot be read as a backup: {error}") from error
    if found != MOVED and not knows(found):
        raise BadInput(f"{file} is of a newer paperround (its revision is {found}, this program knows {HEAD})")
    return counted


def restore(
    url: str,
    file: Path,
    folder: Path,
    now: datetime,
    *,
    over: bool,
    repeat: bool,
    progress: Progress,
    erasures: Path | None = None,
) -> Copied:
    """The store as it was in ``file``, brought up to date; what this instance sent since then stays sent where the
    store that is there can be read, and who is erased in ``erasures`` stays erased. What is there is kept: SQLite's
    file beside the new one, PostgreSQL's rows as a backup in ``folder``.

    ``over``: in the place of a store that holds something. ``repeat``: where nothing is known of the time after the
    backup, what was due then is sent (perhaps again); else it is not (perhaps never).
    Raises BadInput for a file that is no backup, NotAllowed where something is there, TryLater where it is in use.
    """
    check(file)
    stamp = f"before-{now:%Y%m%dT%H%M%SZ}"
    with _opened(url) as engine:
        on_sqlite = engine.dialect.name == "sqlite"
        there = Path(str(engine.url.database)) if on_sqlite else None
        holds, readable = _look(engine, there)
        if holds and not over:
            raise NotAllowed(f"{holds}; --force puts the backup in its place and keeps what is there aside")
        if (there is None or there.exists()) and opened_by_others(engine):
            raise TryLater(_IN_USE)
        work = Path(mkdtemp(prefix=".restore-", dir=there.parent if there else folder))
        try:
            with _told():
                prepared = _prepared(file, work / "store.db")
                carried = _join(engine if readable else None, prepared, now, repeat)
                again = _erase_again(prepared, erasures)
                if there is not None:
                    engine.dispose()  # the file is let go, and SQLite puts its log back into it
                    aside = _put(prepared, there, stamp)
                else:
                    aside = _pour(prepared, engine, folder / "backups" / f"{stamp}.db" if holds else None, progress)
            rows = check(prepared if there is None else there)
            return Copied(rows, aside, carried, again)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _look(engine: Engine, there: Path | None) -> tuple[str, bool]:
    """What the store holds that a restore would replace, in words, and whether it can be read."""
    if there is not None and not there.exists():
        return "", False
    try:
        prepare(engine, migrate=True)
    except ConfigError as error:
        if there is None:
            raise
        return f"what is in {there} cannot be read ({error.problems[0].wrong})", False
    with reading(engine) as connection:
        chats, papers = count(connection, t.chat), count(connection, t.paper)
    return (f"the database holds {chats:,} chats and {papers:,} papers" if chats or papers else ""), True


def _prepared(file: Path, copy: Path) -> Path:
    """A copy of the backup, brought up to date."""
    with closing(_read_only(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        # A store that was moved away is as good a backup as any.
        target.execute("UPDATE alembic_version SET version_num = ? WHERE version_num = ?", (HEAD, MOVED))
        target.commit()
    with _opened(_url(copy)) as engine:
        prepare(engine, migrate=True)
    return copy


def _join(old: Engine | None, prepared: Path, now: datetime, repeat: bool) -> dict[str, int] | None:
    """Carry on what ``old`` knows of the time after the backup; None where it knows nothing of this instance."""
    carried = None
    with _opened(_url(prepared)) as engine, engine.begin() as new:
        forget_leases(new)
        if old is not None:
            with reading(old) as connection:
                if instance(connection) and instance(connection) == instance(new):
                    carried = carry_on(connection, new)
        if carried is None:
            name_instance(new, anew=True)
            if not repeat:
                begin_anew(new, now)
    return carried


def _erase_again(prepared: Path, erasures: Path | None) -> Repeated:
    """Before anybody opens the store."""
    if erasures is None:
        return Repeated()
    with _opened(_url(prepared)) as engine:
        try:
            return repeat_erasures(SqlStore(engine), erasures)
        except OSError as error:
            raise BadInput(f"{erasures} cannot be read: {error.strerror}; what was erased would come back") from error


def _put(prepared: Path, there: Path, stamp: str) -> str:
    """In one step: there is a store at every moment."""
    _settle(prepared)
    prepared.chmod(there.stat().st_mode & 0o777 if there.exists() else 0o600)
    aside = there.with_name(f"{there.name}.{stamp}")
    if there.exists():
        try:
            os.link(there, aside)
        except OSError:
            shutil.copy2(there, aside)
    prepared.replace(there)
    for suffix in ("-wal", "-shm"):
        rest = there.with_name(there.name + suffix)
        if rest.exists():
            rest.replace(aside.with_name(aside.name + suffix))
    _sync(there.parent)
    return str(aside) if aside.exists() else ""


def _pour(prepared: Path, engine: Engine, aside: Path | None, progress: Progress) -> str:
    """All or nothing: in one transaction."""
    if aside is not None:
        aside.parent.mkdir(parents=True, exist_ok=True)
        back_up(engine.url.render_as_string(hide_password=False), aside, progress)
    with _opened(_url(prepared)) as source, reading(source) as rows, writing(engine, Lock()) as connection:
        copy_rows(rows, connection, progress)
    return str(aside or "")


def move(source_url: str, target_url: str, *, keep: bool, progress: Progress) -> Copied:
    """Every row of one store into another, empty one, in one transaction. The old store is then marked as moved, so
    that nobody goes on with it by mistake, unless ``keep``.

    Raises NotAllowed where the target holds anything, TryLater where either is in use, BadInput where what arrived is
    not what was there; then nothing has changed.
    """
    with _opened(source_url) as source, _opened(target_url) as target:
        if source.url == target.url:
            raise BadInput("both names are of the same database")
        if source.dialect.name == "sqlite" and not Path(str(source.url.database)).exists():
            raise BadInput(f"{source.url.database} is not there: there is nothing to move")
        prepare(source, migrate=True)
        prepare(target, migrate=True)
        with reading(target) as connection:
            held = [table.name for table in tables() if table.name not in _FROM_MIGRATIONS and count(connection, table)]
        if held:
            raise NotAllowed(f"the new database is not empty: there are rows in {', '.join(held)}; name an empty one")
        for engine in (source, target):
            if opened_by_others(engine):
                raise TryLater(_IN_USE)
        with _told(), writing(source, Lock()) as rows:
            _hold_still(rows)
            with writing(target, Lock()) as connection:
                copied = copy_rows(rows, connection, progress)
            if not keep:
                rows.execute(text("UPDATE alembic_version SET version_num = :moved"), {"moved": MOVED})
    return Copied(copied)


def _hold_still(connection: Connection) -> None:
    """Who starts meanwhile waits; on SQLite a writer is alone anyway."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in tables())
        connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE MODE")


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)


def _url(file: Path) -> str:
    return f"sqlite:///{quote(str(file))}"


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise TryLater(f"the file could not be written: {error}") from error
    except IntegrityError as error:
        broken = str(error.orig).partition("\n")[0]
        raise BadInput(f"these rows break the rules of the database ({broken}); nothing was changed") from error


def _settle(file: Path) -> None:
    """One file that stands by itself and outlasts a power cut."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    _sync(file)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
