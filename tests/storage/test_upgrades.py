"""Databases of released versions brought forward with all they hold, and two versions at work beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, Table, inspect, select

from storage.engine import HEAD, alembic_config, connect
from storage.store import SqlStore, open_store
from storage.tables import METADATA
from tests.databases import NewDatabase
from tests.storage.releases import FOLDER, load, snapshots
from tests.storage.samples import NOW, chat_at, delivery_for, item

RELEASED = {"0.1.0": "0002"}
"""The revision that each released version works with; the last is what may run beside this one."""
FORMER = list(RELEASED)[-1]

Held = dict[str, list[dict[str, Any]]]


def held(connection: Connection, tables: list[Table]) -> Held:
    """Every row of these tables, of these columns."""
    return {
        table.name: sorted((dict(row._mapping) for row in connection.execute(select(table))), key=repr)
        for table in tables
    }


def reflected(connection: Connection) -> list[Table]:
    """The tables as the database has them: what a program of that version knows."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


@pytest.fixture
def engine(empty_database: str) -> Iterator[Engine]:
    made = connect(empty_database)
    yield made
    made.dispose()


def snapshot(version: str, kind: str) -> Path:
    return FOLDER / f"{version}.{kind}.sql"


def test_every_released_version_has_its_snapshots() -> None:
    for kind in ("sqlite", "postgresql"):
        assert [file.name for file in snapshots(kind)] == [snapshot(version, kind).name for version in RELEASED]


@pytest.mark.parametrize("version", RELEASED)
def test_a_released_database_comes_forward_with_every_row(
    version: str, kind: str, empty_database: str, engine: Engine
) -> None:
    load(snapshot(version, kind), empty_database)
    with engine.connect() as connection:
        old = reflected(connection)
        before = held(connection, old)
        assert all(before.values()), "a table without a row proves nothing"
        assert MigrationContext.configure(connection).get_current_revision() == RELEASED[version]
    store = open_store(empty_database)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert held(connection, old) == before
    goes_on(store)
    store.close()


def goes_on(store: SqlStore) -> None:
    """The day after: what was under way is carried on, what is new gets numbers that nothing had."""
    with store.transaction() as tx:
        counts = tx.counts()
        assert (counts["chats"], counts["papers"], counts["deliveries.planned"]) == (5, 8, 8)
        waiting = tx.lease(NOW + timedelta(hours=1), NOW + timedelta(hours=2), "me", 99, ["telegram"])
        assert [one.chat_id for one in waiting] == [1, 2, 3, 4, 5]
        assert [part.message_id for part in waiting[0].parts] == ["17"]
        assert waiting[0].digest.matches
        assert tx.add([item("arxiv:2504.00001"), item("arxiv:2504.00050")], NOW).new == 1
        assert chat_at(tx, "later").id == 6
        assert tx.plan(delivery_for(tx.chat_by_id(6) or chat_at(tx))).id == 9
        assert sum(map(len, tx.subscriptions(range(1, 6)).values())) == 10


def test_the_former_version_goes_on_reading_and_writing_beside_this_one(
    kind: str, empty_database: str, new_database: NewDatabase, engine: Engine
) -> None:
    """Its statements name its own columns: with them alone its rows go into, and come out of, this version's tables."""
    load(snapshot(FORMER, kind), empty_database)
    with engine.connect() as connection:
        old = reflected(connection)
        rows = held(connection, old)
    beside = connect(new_database())
    with beside.begin() as connection:
        for table in old:
            if table.name != "fence":  # a migration put its row there
                connection.execute(table.insert(), rows[table.name])
        assert held(connection, old) == rows
    beside.dispose()


def test_this_version_reads_what_the_former_writes_meanwhile(kind: str, empty_database: str, engine: Engine) -> None:
    load(snapshot(FORMER, kind), empty_database)
    with engine.connect() as connection:
        old = {table.name: table for table in reflected(connection)}
        rows = held(connection, list(old.values()))
    store = open_store(empty_database)
    with engine.begin() as connection:
        connection.execute(old["chat"].insert(), {**rows["chat"][0], "id": 6, "chat": "99"})
        connection.execute(old["paper"].insert(), {**rows["paper"][0], "id": 50, "seq": 99})
        told = {**rows["announcement"][0], "id": 50, "paper_id": 50}
        connection.execute(old["announcement"].insert(), told)
    with store.reading() as tx:
        (announced,) = tx.announcements(49)
        assert announced.paper_id == 50 and tx.papers([50])[50].title == rows["paper"][0]["title"]
        assert tx.chat_by_id(6) in tx.due_chats(NOW + timedelta(days=1), 9)
    store.close()


def revisions() -> list[str]:
    """From the former version's to this one's, in order."""
    script = ScriptDirectory.from_config(alembic_config())
    return [step.revision for step in script.walk_revisions(RELEASED[FORMER], HEAD)][::-1]


def test_a_migration_takes_nothing_away_from_the_version_before(engine: Engine) -> None:
    """Expand first, contract a version later. What is added may be left out by who does not know it; nothing is
    dropped, renamed, narrowed, or bound by a new rule."""
    wrong = []
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), RELEASED[FORMER])
        before = described(connection)
        for revision in revisions()[1:]:
            command.upgrade(alembic_config(connection), revision)
            after = described(connection)
            wrong += [f"{revision}: {fault}" for fault in taken_away(before, after)]
            before = after
    assert wrong == []


Description = dict[str, tuple[dict[str, Any], list[tuple[str, ...]]]]


def described(connection: Connection) -> Description:
    """Of each table its columns by name, and the columns of each rule of uniqueness."""
    there = inspect(connection)
    there.clear_cache()
    found: Description = {}
    for table in there.get_table_names():
        columns = {column["name"]: column for column in there.get_columns(table)}
        unique = [tuple(map(str, rule["column_names"])) for rule in there.get_unique_constraints(table)]
        unique += [tuple(map(str, index["column_names"])) for index in there.get_indexes(table) if index["unique"]]
        found[table] = columns, sorted(set(unique))
    return found


def taken_away(before: Description, after: Description) -> Iterator[str]:
    for table, (columns, rules) in before.items():
        if table not in after:
            yield f"{table} is gone"
            continue
        now, rules_now = after[table]
        for name, column in columns.items():
            if name not in now:
                yield f"{table}.{name} is gone"
            elif str(now[name]["type"]) != str(column["type"]):
                yield f"{table}.{name} was {column['type']} and is {now[name]['type']}"
            elif column["nullable"] and not now[name]["nullable"]:
                yield f"{table}.{name} may not be left out any more"
        for name in now.keys() - columns.keys():
            if not now[name]["nullable"] and now[name]["default"] is None:
                yield f"{table}.{name} is new, must be given, and has no server_default"
        for rule in set(rules_now) - set(rules):
            if set(rule) <= columns.keys():
                yield f"{table} has a new rule: {', '.join(rule)} must be unique"


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("DROP TABLE invite", "invite is gone"),
        ("ALTER TABLE topic DROP COLUMN names", "topic.names is gone"),
        ("ALTER TABLE chat RENAME COLUMN due_at TO again_at", "chat.due_at is gone"),
        ("CREATE UNIQUE INDEX u ON feed (state)", "feed has a new rule: state must be unique"),
        ("CREATE TABLE brought (id INTEGER PRIMARY KEY NOT NULL)", ""),
        ("ALTER TABLE topic ADD COLUMN kind TEXT NOT NULL DEFAULT ''", ""),
        ("ALTER TABLE topic ADD COLUMN kind TEXT", ""),
    ],
)
def test_what_a_migration_takes_away_is_found(engine: Engine, statement: str, complaint: str) -> None:
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "head")
        before = described(connection)
        connection.exec_driver_sql(statement)
        after = described(connection)
    found = list(taken_away(before, after))
    assert len(found) == bool(complaint)
    assert all(complaint in fault for fault in found)


def test_a_new_column_that_must_be_given_is_found() -> None:
    before: Description = {"topic": ({}, [])}
    column = {"name": "kind", "type": "TEXT", "nullable": False, "default": None}
    assert list(taken_away(before, {"topic": ({"kind": column}, [])})) == [
        "topic.kind is new, must be given, and has no server_default"
    ]
