"""Every row of one store into another, whatever databases the two are on, and the proof that all came over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, Table, func, insert, select, text

from bot.errors import BadInput
from bot.ports import Progress
from storage.tables import METADATA

PAGE = 2_000
"""Rows that are in memory at a time."""


@dataclass(slots=True)
class Tallied:
    """The rows of a table and the sum of their hashes, in whatever order they come: the order of texts differs from
    database to database."""

    rows: int = 0
    sum: int = 0

    def take(self, row: Row[Any]) -> None:
        self.rows += 1
        hashed = int.from_bytes(blake2b(repr(tuple(row)).encode("utf-8", "backslashreplace"), digest_size=16).digest())
        self.sum = (self.sum + hashed) % 2**128


def tables() -> Sequence[Table]:
    """In an order in which each refers only to those before it, and to itself."""
    return METADATA.sorted_tables


def count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar() or 0)


def stream(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    """The table's rows a page at a time; never all of them in memory."""
    result = connection.execute(select(table), execution_options={"yield_per": PAGE})
    with result:
        yield from result.partitions()


def tally(connection: Connection, table: Table) -> Tallied:
    found = Tallied()
    for page in stream(connection, table):
        for row in page:
            found.take(row)
    return found


def copy_rows(source: Connection, target: Connection, progress: Progress) -> dict[str, int]:
    """All rows of ``source`` in the place of all rows of ``target``, in the transaction that each has begun; returns
    how many by table. Raises BadInput where what can be read of the target afterwards is not what was read of the
    source: then nothing may be committed."""
    copied: dict[str, int] = {}
    for connection in (source, target):
        if connection.dialect.name == "postgresql":
            # One waits while the other works.
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    with _unbound(target):
        empty(target)
        for table in tables():
            copied[table.name] = _copy(source, target, table, progress)
    set_last_numbers(target, last_numbers(source))
    return copied


def empty(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("TRUNCATE " + ", ".join(table.name for table in tables()))
        return
    for table in reversed(tables()):
        connection.execute(table.delete())


def _copy(source: Connection, target: Connection, table: Table, progress: Progress) -> int:
    expected, whole = Tallied(), count(source, table)
    progress(table.name, 0, whole)
    for page in stream(source, table):
        for row in page:
            expected.take(row)
        target.execute(insert(table), [dict(row._mapping) for row in page])
        progress(table.name, expected.rows, whole)
    found = tally(target, table)
    if found != expected or found.rows != whole:
        raise BadInput(
            f"{table.name}: {found.rows:,} of {whole:,} rows arrived, or not as they were; nothing was changed"
        )
    return found.rows


@contextmanager
def _unbound(target: Connection) -> Iterator[None]:
    """Rows may refer to others that come after them; at the end every reference is checked."""
    if target.dialect.name == "sqlite":
        target.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        yield
        return
    keys = target.execute(
        text(
            "SELECT conrelid::regclass::text AS name, quote_ident(conname) AS rule, pg_get_constraintdef(oid) AS says"
            " FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
        )
    ).all()
    # Without them each row would leave a check in memory until the end.
    for name, rule, _ in keys:
        target.exec_driver_sql(f"ALTER TABLE {name} DROP CONSTRAINT {rule}")
    yield
    for name, rule, says in keys:
        target.exec_driver_sql(f"ALTER TABLE {name} ADD CONSTRAINT {rule} {says}")


def last_numbers(connection: Connection) -> dict[str, int]:
    """The last id that each table gave out, of a removed row too: it is never given again."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, seq FROM sqlite_sequence")).all()
        return {str(name): int(number) for name, number in rows}
    found = {}
    for table, sequence in _sequences(connection):
        state = f"SELECT last_value, is_called FROM {sequence}"  # noqa: S608  (PostgreSQL's own name of it)
        last, called = connection.exec_driver_sql(state).one()
        found[table.name] = int(last) if called else 0
    return found


def set_last_numbers(connection: Connection, numbers: Mapping[str, int]) -> None:
    """Go on after ``numbers``, and after every id that is there."""
    if connection.dialect.name == "sqlite":
        for name in (table.name for table in tables() if table.dialect_options["sqlite"]["autoincrement"]):
            values = {"name": name, "number": numbers.get(name, 0)}
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
            newest = f"SELECT :name, max(:number, coalesce(max(id), 0)) FROM {name}"  # noqa: S608  (a table of ours)
            connection.execute(text(f"INSERT INTO sqlite_sequence (name, seq) {newest}"), values)
        return
    for table, sequence in _sequences(connection):
        key = next(iter(table.primary_key))
        newest_id = int(connection.execute(select(func.max(key))).scalar() or 0)
        last = max(numbers.get(table.name, 0), newest_id)
        connection.execute(
            text("SELECT setval(CAST(:sequence AS regclass), :last, :called)"),
            {"sequence": sequence, "last": max(last, 1), "called": last > 0},
        )


def _sequences(connection: Connection) -> list[tuple[Table, str]]:
    found = []
    for table in tables():
        if len(table.primary_key) == 1:
            names = {"table": table.name, "column": next(iter(table.primary_key)).name}
            of = text("SELECT pg_get_serial_sequence(quote_ident(:table), :column)")
            sequence = connection.execute(of, names).scalar()
            if sequence:
                found.append((table, str(sequence)))
    return found
