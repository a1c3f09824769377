from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from bot.errors import ConfigError, TryLater
from bot.model import Digest, DigestKind, Match, News, Tally
from storage import engine as engines
from storage.engine import HEAD, alembic_config, connect
from storage.store import SqlStore, open_store
from storage.tables import METADATA
from tests.databases import sqlite_url
from tests.paths import ROOT
from tests.storage.samples import NOW, item


def problem(url: str, *, migrate: bool = True) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        open_store(url, migrate=migrate)
    (found,) = caught.value.problems
    assert found.key == "PAPERROUND_DATABASE_URL"
    assert found.mend
    return found.wrong, found.mend


def test_the_program_knows_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


def test_a_database_built_by_migrations_is_the_one_the_tables_describe(
    empty_database: str, opened: Callable[[str], SqlStore]
) -> None:
    opened(empty_database)
    engine = connect(empty_database)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_what_was_stored_is_there_when_opened_again_without_alembic(
    empty_database: str, opened: Callable[[str], SqlStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(empty_database).transaction() as tx:
        tx.add([item()], NOW)
    monkeypatch.setattr(engines, "upgrade", lambda _: pytest.fail("nothing to migrate"))
    with open_store(empty_database, migrate=False).transaction() as tx:
        assert tx.add([item()], NOW) == Tally(unchanged=1)


def test_many_who_start_at_once_migrate_once(empty_database: str, opened: Callable[[str], SqlStore]) -> None:
    start, failed = threading.Barrier(3), []

    def begin() -> None:
        start.wait()
        try:
            opened(empty_database)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=begin) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_database_of_a_newer_program_is_left_alone(
    empty_database: str, opened: Callable[[str], SqlStore]
) -> None:
    opened(empty_database).close()
    engine = connect(empty_database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    wrong, _ = problem(empty_database)
    assert "newer" in wrong and "9999" in wrong


def test_an_old_database_that_may_not_be_migrated_says_so(empty_database: str) -> None:
    wrong, _ = problem(empty_database, migrate=False)
    assert "not up to date" in wrong


def test_a_url_that_cannot_be_used_says_why_and_never_the_password(tmp_path: Path) -> None:
    assert "not a database URL" in problem("paperround.db")[0]
    assert "mysql" in problem("mysql://u:hunter2@host/db")[0]
    assert "SQLite needs a file" in problem("sqlite://")[0]
    assert str(tmp_path / "none") in problem(sqlite_url(tmp_path / "none"))[0]
    (tmp_path / "text.db").write_text("this is no database, only a text long enough to be read as a header " * 9)
    assert "cannot be opened" in problem(sqlite_url(tmp_path, "text.db"))[0]
    (tmp_path / "folder.db").mkdir()
    assert "cannot be opened" in problem(sqlite_url(tmp_path, "folder.db"))[0]
    wrong, mend = problem("postgresql://u:hunter2@127.0.0.1:1/db")
    assert "hunter2" not in wrong + mend
    assert "127.0.0.1" in mend


def test_a_wrong_password_is_not_repeated(tmp_path: Path) -> None:
    for url in ("nobody:hunter2@/none?host={}", "/none?user=nobody&password=hunter2&host={}"):
        wrong, mend = problem("postgresql://" + url.format(tmp_path))
        assert "hunter2" not in wrong + mend


def test_sqlite_is_safe_against_power_cuts_and_keeps_its_foreign_keys(tmp_path: Path) -> None:
    engine = connect(sqlite_url(tmp_path))
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_busy_database_says_to_try_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.05)
    one, other = open_store(sqlite_url(tmp_path)), open_store(sqlite_url(tmp_path))
    with one.transaction() as tx:
        tx.put_setting("a", "b")
        with pytest.raises(TryLater), other.transaction():
            pass
        with pytest.raises(TryLater), one.transaction():
            pass
        with other.reading() as reader:
            assert reader.setting("a") == ""
    one.close()
    other.close()


def test_opening_a_database_that_is_up_to_date_loads_no_alembic(tmp_path: Path) -> None:
    open_store(sqlite_url(tmp_path)).close()
    program = (
        "import sys; from storage.store import open_store; open_store(sys.argv[1]).close(); "
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in ('alembic', 'psycopg')))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, sqlite_url(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_database_that_went_away_says_to_try_later(store: SqlStore) -> None:
    with pytest.raises(TryLater), store.transaction() as tx:
        tx._connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    with store.transaction() as tx:
        tx.put_setting("a", "b")


def test_deliveries_of_the_first_version_keep_their_digests(
    empty_database: str, opened: Callable[[str], SqlStore]
) -> None:
    engine = connect(empty_database)
    digest = {"matches": [[5, "new", ["LoRA"]]], "pushed": 1, "labels": ["LoRA"]}
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
        connection.execute(
            text(
                "INSERT INTO chat (id, platform, chat, thread, place, title, language, timezone, time, days, layout,"
                " size, wants, empty_day, seen, state, why, admitted) VALUES (3, 'telegram', '1', '', 'private', '',"
                " 'en', 'UTC', '08:00:00', '[1]', 'brief', 20, '[]', 'say', 0, 'active', '', TRUE)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO delivery (id, chat_id, platform, chat, thread, kind, digest_on, upto, digest, language,"
                " layout, state, attempts, lease_owner, why) VALUES (7, 3, 'telegram', '1', '', 'papers', '2025-04-08',"
                " 9, :digest, 'en', 'brief', 'planned', 0, '', '')"
            ),
            {"digest": json.dumps(digest)},
        )
    engine.dispose()
    with opened(empty_database).transaction() as tx:
        kept = tx.delivery(7)
        assert kept is not None
        assert kept.digest == Digest(
            DigestKind.PAPERS, date(2025, 4, 8), (Match(5, News.NEW, ("LoRA",)),), 1, ("LoRA",), 9
        )
        (number,) = tx.keep_digests([kept.digest])
        assert number > kept.digest.id, "a new one takes no number that is taken"


def test_what_was_on_its_way_before_deliveries_were_leased_goes_on_after_and_back_again(
    empty_database: str, opened: Callable[[str], SqlStore]
) -> None:
    engine = connect(empty_database)
    part = "INSERT INTO delivery_part (delivery_id, number, papers, nonce, payload, message_id, tried) VALUES"
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0004")
        connection.execute(
            text(
                "INSERT INTO chat (id, platform, chat, thread, place, title, language, timezone, time, days, layout,"
                " size, wants, empty_day, seen, state, why, admitted) VALUES (3, 'telegram', '1', '', 'private', '',"
                " 'en', 'UTC', '08:00:00', '[1]', 'brief', 20, '[]', 'say', 0, 'unreachable', 'blocked', TRUE)"
            )
        )
        connection.execute(text("INSERT INTO digest (id, content) VALUES (1, '{\"matches\": [], \"pushed\": 0,"
                                " \"labels\": []}')"))  # fmt: skip
        connection.execute(
            text(
                "INSERT INTO delivery (id, chat_id, platform, chat, thread, kind, digest_on, upto, digest_id, language,"
                " layout, state, attempts, lease_owner, why) VALUES (7, 3, 'telegram', '1', '', 'papers', '2025-04-08',"
                " 9, 1, 'en', 'brief', 'sending', 0, '', '')"
            )
        )
        connection.execute(text(f"{part} (7, 1, '[5]', 'a', :b, '17', TRUE), (7, 2, '[6]', 'b', :b, '', TRUE)"),
                           {"b": b"x"})  # fmt: skip
    with opened(empty_database).transaction() as tx:
        kept, chat = tx.delivery(7), tx.chat_by_id(3)
        assert kept is not None and chat is not None
        assert [(one.doubts, one.tried_at) for one in kept.parts] == [(0, None), (1, None)]
        assert chat.away_at is not None and chat.try_at == chat.away_at, "it is tried at once"
        tx._connection.execute(text("UPDATE delivery SET state = 'leased' WHERE id = 7"))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'nonsense' WHERE id = 7"))
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0004")
        assert connection.execute(text("SELECT state FROM delivery")).scalar() == "postponed"
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'leased' WHERE id = 7"))
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    engine.dispose()


def test_what_is_held_is_read_as_of_one_moment_until_the_same_thread_writes(store: SqlStore) -> None:
    def write(value: str) -> None:
        with store.transaction() as tx:
            tx.put_setting("colour", value)

    def read() -> str:
        with store.reading() as tx:
            return tx.setting("colour")

    write("red")
    with store.held():
        assert read() == "red"
        elsewhere = threading.Thread(target=write, args=["green"])
        elsewhere.start()
        elsewhere.join()
        assert read() == "red", "one view"
        with store.reading() as outer:
            assert outer.setting("colour") == "red"
            write("blue")
            assert read() == "blue"
            assert outer.setting("colour") == "red", "a block keeps the view it began with"
        assert read() == "blue"
        with pytest.raises(ZeroDivisionError), store.reading():
            raise ZeroDivisionError
        assert read() == "blue"
    write("white")
    assert read() == "white"
