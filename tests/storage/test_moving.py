"""A store that goes to another database and back: every row, and the numbers that come next."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.errors import BadInput, ConfigError, NotAllowed, TryLater
from bot.model import Subscription
from storage import copying
from storage.backups import move
from storage.engine import connect
from storage.store import open_store
from storage.tables import METADATA
from tests.databases import PostgresServer, sqlite_url
from tests.storage.filled import rows
from tests.storage.samples import NOW, item


def silent(what: str, done: int, whole: int) -> None: ...


def test_there_and_back_every_row_is_as_it_was(filled: str, postgres_server: PostgresServer, tmp_path: Path) -> None:
    before, there, back = rows(filled), postgres_server.empty(), sqlite_url(tmp_path, "back.db")
    assert all(before.values()), "a table without a row proves nothing"
    copied = move(filled, there, keep=True, progress=silent)
    assert copied.rows == {name: len(found) for name, found in before.items()}
    assert rows(there) == before
    assert move(there, back, keep=True, progress=silent).rows == copied.rows
    assert rows(back) == before == rows(filled)


def test_what_comes_next_gets_a_number_that_nothing_had(filled: str, postgres_server: PostgresServer) -> None:
    there = postgres_server.empty()
    move(filled, there, keep=True, progress=silent)
    made = []
    for url in (filled, there):
        store = open_store(url)
        with store.transaction() as tx:
            chat = tx.chat_by_id(1)
            assert chat is not None
            subscription = tx.subscribe(Subscription(0, chat.id, "new"))
            assert tx.add([item("arxiv:2504.00099")], NOW).new == 1
            paper = tx.paper_by_key("arxiv:2504.00099")
            assert paper is not None
            made.append((subscription.id, tx.last_announcement(), paper.id))
        store.close()
    assert made[0] == made[1], "a number of a removed subscription is not given again on either"


def test_a_page_that_is_smaller_than_a_table_changes_nothing(
    filled: str, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PAGE", 2)
    there, told = postgres_server.empty(), []
    move(filled, there, keep=True, progress=lambda *step: told.append(step))
    assert rows(there) == rows(filled)
    papers = [step for step in told if step[0] == "paper"]
    assert papers == [("paper", done, papers[-1][2]) for done in (0, 2, 4, 6, 8, 9)]


def test_a_store_that_was_moved_is_not_gone_on_with_by_mistake(filled: str, postgres_server: PostgresServer) -> None:
    there = postgres_server.empty()
    move(filled, there, keep=False, progress=silent)
    with pytest.raises(ConfigError, match="moved to another"):
        open_store(filled)
    store = open_store(there)
    with store.reading() as tx:
        assert tx.counts()["chats"] == 5
    store.close()


def test_what_holds_something_is_never_overwritten(filled: str, postgres_server: PostgresServer) -> None:
    there = postgres_server.empty()
    other = open_store(there)
    with other.transaction() as tx:
        tx.put_setting("mine", "yes")
    other.close()
    with pytest.raises(NotAllowed, match="not empty: there are rows in setting"):
        move(filled, there, keep=False, progress=silent)
    with pytest.raises(BadInput, match="same database"):
        move(filled, filled, keep=False, progress=silent)
    open_store(filled).close()


def test_a_store_in_use_is_not_moved_under_its_users_feet(filled: str, tmp_path: Path) -> None:
    store, there = open_store(filled), sqlite_url(tmp_path, "there.db")
    with store.reading() as tx:
        tx.counts()
    with pytest.raises(TryLater, match="stop it first"):
        move(filled, there, keep=False, progress=silent)
    store.close()
    move(filled, there, keep=False, progress=silent)


def test_a_program_connected_to_postgresql_is_noticed(filled: str, postgres_server: PostgresServer) -> None:
    there = postgres_server.empty()
    engine = connect(there)
    with engine.connect() as other:
        other.execute(text("SET application_name = 'paperround 1@elsewhere'"))
        with pytest.raises(TryLater, match="stop it first"):
            move(filled, there, keep=False, progress=silent)
    engine.dispose()


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_what_does_not_arrive_whole_leaves_both_stores_as_they_were(
    filled: str, to: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = sqlite_url(tmp_path, "x.db") if to == "sqlite" else request.getfixturevalue("postgres_server").empty()
    before, honest = rows(filled), copying.tally

    def lossy(*asked: object) -> copying.Tallied:
        found = honest(*asked)  # type: ignore[arg-type]
        return copying.Tallied(found.rows, found.sum + 1) if asked[1] is METADATA.tables["delivery_part"] else found

    monkeypatch.setattr(copying, "tally", lossy)
    with pytest.raises(BadInput, match="delivery_part"):
        move(filled, there, keep=False, progress=silent)
    monkeypatch.setattr(copying, "tally", honest)
    assert rows(filled) == before
    assert {name: len(found) for name, found in rows(there).items() if found} == {"fence": 1}
    move(filled, there, keep=False, progress=silent)
    assert rows(there) == before


def test_references_hold_after_the_move(filled: str, postgres_server: PostgresServer) -> None:
    """They are taken off while rows come in any order, and must be there again."""
    there = postgres_server.empty()
    engine = connect(there)
    open_store(there).close()
    rules = text("SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2")
    with engine.connect() as connection:
        before = connection.execute(rules).all()
    engine.dispose()
    move(filled, there, keep=True, progress=silent)
    with engine.connect() as connection:
        assert connection.execute(rules).all() == before
    engine.dispose()


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_rows_that_refer_to_nothing_are_not_moved(
    filled: str, to: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    there = sqlite_url(tmp_path, "x.db") if to == "sqlite" else request.getfixturevalue("postgres_server").empty()
    with sqlite3.connect(filled.removeprefix("sqlite:///")) as broken:
        broken.execute("UPDATE subscription SET chat_id = 999 WHERE id = (SELECT min(id) FROM subscription)")
    broken.close()
    with pytest.raises(BadInput, match="rules of the database"):
        move(filled, there, keep=False, progress=silent)
    open_store(filled).close()
