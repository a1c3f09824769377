"""What is asked of SQLite's driver itself reads as what SQLAlchemy asks."""

import sqlite3
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Select, bindparam, select

from bot.errors import TryLater
from bot.model import Address, Chat, FeedItem, Kind, SummaryText
from storage import statements
from storage import tables as t
from storage.store import SqlStore

NOW = datetime(2025, 4, 8, 6, 0, tzinfo=UTC)
LATEST = select(t.paper.c.id, t.paper.c.first_announced_on.label("on")).where(
    t.paper.c.first_announced_on >= bindparam("since"), t.paper.c.id.in_([1, 2, 3])
)
DUE = select(t.chat).where(
    t.chat.c.due_at <= bindparam("now"), t.chat.c.language.in_(bindparam("spoken", expanding=True))
)


def filled(store: SqlStore) -> None:
    items = [
        FeedItem(
            f"arxiv:2504.0000{n}", Kind.NEW, f"Title {n} \N{SNAKE}", "An abstract.", 1, ("Ada", "Łuk"), ("cs.CL",),
            date(2025, 4, 8), summaries=(SummaryText("zh-Hans", "一句话。"),) if n % 2 else (),
        )
        for n in range(1, 5)
    ]  # fmt: skip
    with store.transaction() as tx:
        tx.add(items, NOW)
        for n in range(3):
            tx.open_chat(Chat(0, Address("telegram", str(n)), language="en", due_at=NOW + timedelta(hours=n)))


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (statements.FOUND, {"some": [4, 1, 99]}),
        (statements.KEYS, {"some": [1]}),
        (statements.NEWS, {"some": [1, 2, 3]}),
        (statements.SUMMARIES, {"some": [1, 2, 3]}),
        (statements.BY_KEY, {"key": "arxiv:2504.00002"}),
        (statements.CHANGES, {"after": 0, "most": 2}),
        (statements.REVISION, {}),
        (LATEST, {"since": date(2025, 4, 8)}),
        (LATEST, {"since": date(2025, 4, 9)}),
        (DUE, {"now": NOW + timedelta(hours=1), "spoken": ["en", "zh-Hans"]}),
    ],
)
def test_rows_are_those_that_sqlalchemy_gives(
    store: SqlStore, statement: Select[*tuple[object, ...]], values: dict[str, object]
) -> None:
    filled(store)
    with store.reading() as tx:
        asked = tx._connection.execute(statement, values or None).all()
        found = tx._all(statement, **values)
    assert sorted(map(tuple, found), key=str) == sorted(map(tuple, asked), key=str)
    if values:  # what SQLAlchemy itself names has no name that anybody uses
        assert [row._fields for row in found] == [row._fields for row in asked]


def test_a_row_that_names_a_part_of_its_columns_has_the_others_defaults(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx._put(t.topic, {"slug": "lora", "query": "LoRA"})
        (row,) = tx._connection.execute(select(t.topic)).all()
        tx._connection.execute(t.topic.delete())
        tx._connection.execute(t.topic.insert(), {"slug": "lora", "query": "LoRA"})
        assert tuple(row) == tuple(tx._connection.execute(select(t.topic)).one())
        tx._put(t.topic, {"slug": "lora", "query": "low rank"})
        assert [one.query for one in tx.topics()] == ["low rank"]


def test_a_mistake_in_a_statement_stays_what_it_is(store: SqlStore) -> None:
    if store._engine.dialect.name != "sqlite":
        pytest.skip("SQLite's driver alone is asked past SQLAlchemy")
    with store.transaction() as tx:
        tx._connection.exec_driver_sql("DROP TABLE search")
    asked = select(t.search).where(t.search.c.who == bindparam("who"))
    with pytest.raises(sqlite3.OperationalError, match="no such table"), store.reading() as tx:
        tx._all(asked, who="telegram:1")


def test_what_the_driver_says_of_its_surroundings_is_to_try_later(store: SqlStore) -> None:
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    with pytest.raises(TryLater), store.reading():
        raise busy
