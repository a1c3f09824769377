"""A backup while others work, and what a store is after it was restored from one."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import BadInput, NotAllowed, TryLater
from bot.model import ChatState, Delivery, DeliveryState, Kind, Subscription
from storage import backups
from storage.backups import back_up, check, restore
from storage.store import SqlStore, open_store
from storage.succession import AS_BACKED_UP, ASKED, LEDGER, WORLD
from storage.tables import METADATA
from tests.databases import NewDatabase, sqlite_url
from tests.storage.filled import fill, rows
from tests.storage.samples import NOW, chat_at, delivery_for, item, part

LATER = NOW + timedelta(hours=30)
CHANGED = ("setting", "lease", "delivery", "inbox")
"""Tables in which a restore changes what it must: whose store it is, and that nobody is at work."""


def silent(what: str, done: int, whole: int) -> None: ...


def put_back(url: str, file: Path, *, over: bool = False, repeat: bool = True) -> dict[str, int] | None:
    found = restore(url, file, file.parent, LATER, over=over, repeat=repeat, progress=silent).carried
    return None if found is None else dict(found)


@pytest.fixture
def full(store: SqlStore, url: str) -> SqlStore:
    fill(store, url)
    return store


@pytest.fixture
def url(store: SqlStore) -> str:
    return store._engine.url.render_as_string(hide_password=False)


def test_a_backup_holds_every_row_and_is_made_while_the_store_is_open(full: SqlStore, url: str, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    with full.reading() as tx:
        tx.counts()
        made = back_up(url, file, silent)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("backup")] == ["backup.db"]
    found = rows(sqlite_url(tmp_path, "backup.db"))
    assert found == rows(url)
    assert made.rows == {name: len(there) for name, there in found.items()} == check(file)
    with pytest.raises(BadInput, match="there already"):
        back_up(url, file, silent)


def test_a_backup_is_of_one_moment_however_much_is_written_meanwhile(
    full: SqlStore, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "_STEP", 1)
    before, file = rows(url, "setting"), tmp_path / "backup.db"
    steps: list[int] = []

    def write(what: str, done: int, whole: int) -> None:
        if len(steps) < 20:
            with full.transaction() as tx:
                chat_at(tx, f"late{len(steps)}")
        steps.append(done)

    back_up(url, file, write)
    assert len(steps) >= 20
    assert rows(sqlite_url(tmp_path, "backup.db"), "setting") == before
    assert len(rows(url)["chat"]) == len(before["chat"]) + 20


def test_a_backup_restored_into_nothing_is_the_store_again(
    full: SqlStore, url: str, empty_database: str, tmp_path: Path
) -> None:
    back_up(url, tmp_path / "backup.db", silent)
    before = rows(url, *CHANGED)
    full.close()
    if "sqlite" in empty_database:
        empty_database = sqlite_url(tmp_path, "new.db")
    assert put_back(empty_database, tmp_path / "backup.db") is None
    assert rows(empty_database, *CHANGED) == before
    again = open_store(empty_database)
    with again.transaction() as tx:
        assert len(tx.lease(NOW, LATER, "me", 9, ["telegram"])) > 0, "nobody holds what was leased at the backup"
    again.close()


def test_a_store_that_holds_something_is_replaced_only_when_asked_and_kept_aside(
    full: SqlStore, url: str, tmp_path: Path
) -> None:
    back_up(url, tmp_path / "backup.db", silent)
    with full.transaction() as tx:
        tx.subscribe(Subscription(0, 1, "made by mistake"))
    with pytest.raises(NotAllowed, match="holds 5 chats and 9 papers; --force"):
        put_back(url, tmp_path / "backup.db")
    full.close()
    there = rows(url)
    made = restore(url, tmp_path / "backup.db", tmp_path, LATER, over=True, repeat=True, progress=silent)
    assert rows(url, *CHANGED) == rows(sqlite_url(tmp_path, "backup.db"), *CHANGED)
    assert rows(f"sqlite:///{made.aside}") == there


def test_a_restore_leaves_nothing_half_done_where_it_fails(
    full: SqlStore, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(url, tmp_path / "backup.db", silent)
    full.close()
    before, files = rows(url), sorted(path.name for path in tmp_path.iterdir())

    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    for step in ("_put", "_pour"):
        monkeypatch.setattr(backups, step, broken)
    with pytest.raises(TryLater, match="disk is full"):
        put_back(url, tmp_path / "backup.db", over=True)
    assert rows(url) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == files


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_store_in_use_is_not_replaced(full: SqlStore, url: str, tmp_path: Path) -> None:
    back_up(url, tmp_path / "backup.db", silent)
    with full.reading() as tx, pytest.raises(TryLater, match="stop it first"):
        tx.counts()
        put_back(url, tmp_path / "backup.db", over=True)


def carry(store: SqlStore, delivery: Delivery) -> None:
    """Send a leased delivery to its end."""
    with store.transaction() as tx:
        assert tx.record(delivery.with_part(part(2, message_id="18")))
        assert tx.record(replace(delivery.with_part(part(2, message_id="18")), state=DeliveryState.SENT, due_at=None))


def test_what_was_sent_after_the_backup_stays_sent(store: SqlStore, url: str, tmp_path: Path) -> None:
    with store.transaction() as tx:
        tx.add([item()], NOW)
        kept, both = chat_at(tx, "1", due_at=NOW), chat_at(tx, "2", due_at=NOW)
        begun = tx.plan(delivery_for(both))
    back_up(url, tmp_path / "backup.db", silent)
    with store.transaction() as tx:
        (leased,) = tx.lease(NOW, LATER, "me", 9, ["telegram"])
    carry(store, leased)
    with store.transaction() as tx:
        assert tx.add([item("arxiv:2504.00002"), item("acl:2025.tea-1.1", Kind.KNOWN)], NOW).new == 2
        later = tx.plan(delivery_for(kept, digest=replace(delivery_for(kept).digest, upto=2)))
        waiting = tx.plan(delivery_for(both, digest=replace(delivery_for(both).digest, upto=2)))
        fresh = chat_at(tx, "3", due_at=NOW)
        tx.plan(delivery_for(fresh))
        tx.move_on([kept.id, both.id], 2, LATER)
        tx.put_chat(replace(tx.chat_by_id(kept.id) or kept, title="renamed", language="zh-Hans"))
        tx.subscribe(Subscription(0, kept.id, "made by mistake"))
        for one in tx.lease(NOW, LATER, "me", 9, ["telegram"]):
            if one.id == later.id:
                tx.record(replace(one.with_part(part(1, message_id="5")), state=DeliveryState.SENT, due_at=None))
    store.close()
    carried = put_back(url, tmp_path / "backup.db", over=True)
    assert carried == {"paper": 2, "announcement": 1, "delivery": 2, "chat": 2, "settled": 1}
    again = open_store(url)
    with again.transaction() as tx:
        assert [one.id for one in tx.lease(NOW, LATER, "you", 9, ["telegram"])] == [waiting.id]
        settled, sent = tx.delivery(begun.id), tx.delivery(later.id)
        assert settled is not None and sent is not None
        assert (settled.state, [p.message_id for p in settled.parts]) == (DeliveryState.SENT, ["18"])
        assert (sent.state, sent.digest.upto) == (DeliveryState.SENT, 2)
        assert [(chat.id, chat.seen) for chat in tx.due_chats(LATER, 9)] == [(kept.id, 2), (both.id, 2)]
        assert tx.due_chats(NOW, 9) == []
        assert tx.add([item(), item("arxiv:2504.00002")], LATER).new == 0, "announced is announced"
        restored = tx.chat_by_id(kept.id)
        assert restored is not None and (restored.title, restored.language) == ("", "en"), (
            "people's own is the backup's"
        )
        assert tx.subscriptions([kept.id]) in ({}, {kept.id: ()})
        assert tx.chat_by_id(fresh.id) is None
        assert chat_at(tx, "4").id > fresh.id, "a number that was given is not given again"
    again.close()


def begin(store: SqlStore, url: str, file: Path) -> tuple[int, int]:
    """A chat that is due and one with a delivery under way, at a backup of which the store is then lost."""
    with store.transaction() as tx:
        due, waiting = chat_at(tx, "1", due_at=NOW), chat_at(tx, "2", due_at=LATER + timedelta(days=1))
        tx.plan(delivery_for(waiting))
    back_up(url, file, silent)
    store.close()
    return due.id, waiting.id


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("repeat", [True, False])
def test_where_nothing_is_known_of_the_time_since_the_instance_says_what_is_done(
    store: SqlStore, url: str, empty_database: str, tmp_path: Path, repeat: bool
) -> None:
    due, waiting = begin(store, url, tmp_path / "backup.db")
    lost = sqlite_url(tmp_path, "lost.db") if "sqlite" in empty_database else empty_database
    assert put_back(lost, tmp_path / "backup.db", repeat=repeat) is None
    again = open_store(lost)
    with again.transaction() as tx:
        assert [chat.id for chat in tx.due_chats(LATER, 9)] == ([due] if repeat else [])
        leased = tx.lease(LATER, LATER, "me", 9, ["telegram"])
        assert [one.chat_id for one in leased] == ([waiting] if repeat else [])
        chat = tx.chat_by_id(due)
        assert chat is not None and chat.state is ChatState.ACTIVE and chat.due_at is not None
        assert (chat.due_at > LATER) is not repeat
        if not repeat:
            ended = tx.last_delivery(waiting)
            assert ended is not None and "backup" in ended.why
    again.close()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_another_instances_store_tells_nothing_and_is_kept_as_well(
    store: SqlStore, url: str, tmp_path: Path, opened: Callable[[str], SqlStore]
) -> None:
    begin(store, url, tmp_path / "backup.db")
    (tmp_path / "other").mkdir()
    other = sqlite_url(tmp_path / "other")
    stranger_store = open_store(other)
    with stranger_store.transaction() as tx:
        stranger = chat_at(tx, "1", due_at=LATER)
        tx.move_on([stranger.id], 99, LATER)
    stranger_store.close()
    made = restore(other, tmp_path / "backup.db", tmp_path, LATER, over=True, repeat=True, progress=silent)
    assert made.carried is None and Path(made.aside).exists()
    with opened(other).reading() as tx:
        assert [chat.seen for chat in tx.due_chats(LATER, 9)] == [0]


@pytest.mark.parametrize("kind", ["sqlite"])
def test_an_unreadable_store_is_replaced_when_asked_and_kept(store: SqlStore, url: str, tmp_path: Path) -> None:
    begin(store, url, tmp_path / "backup.db")
    broken = tmp_path / "broken.db"
    broken.write_text("Dear diary, today I walked the round. " * 40)
    with pytest.raises(NotAllowed, match="cannot be read"):
        put_back(sqlite_url(tmp_path, "broken.db"), tmp_path / "backup.db")
    assert put_back(sqlite_url(tmp_path, "broken.db"), tmp_path / "backup.db", over=True) is None
    (aside,) = tmp_path.glob("broken.db.before-*")
    assert aside.read_text().startswith("Dear diary")
    open_store(sqlite_url(tmp_path, "broken.db"), migrate=False).close()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_is_no_backup_is_refused_before_anything_is_touched(store: SqlStore, url: str, tmp_path: Path) -> None:
    back_up(url, good := tmp_path / "good.db", silent)
    (tmp_path / "text.db").write_text("Dear diary, today I walked the round. " * 40)
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE tea (id)").connection.close()
    shutil.copy(good, tmp_path / "newer.db")
    with sqlite3.connect(tmp_path / "newer.db") as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    (tmp_path / "cut.db").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    told = {"missing": "cannot be read", "text": "cannot be read", "empty": "no backup", "newer": "newer", "cut": "."}
    for name, words in told.items():
        with pytest.raises(BadInput, match=words):
            put_back(url, tmp_path / f"{name}.db", over=True)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_there_is_nothing_to_back_up_where_no_store_is(store: SqlStore, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing to back up"):
        back_up(sqlite_url(tmp_path, "none.db"), tmp_path / "backup.db", silent)
    assert not (tmp_path / "none.db").exists()
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE tea (id)").connection.close()
    with pytest.raises(BadInput, match="nothing to back up"):
        back_up(sqlite_url(tmp_path, "other.db"), tmp_path / "backup.db", silent)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_backup_that_fails_leaves_no_file(
    store: SqlStore, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(backups, "_settle", full)
    with pytest.raises(TryLater):
        back_up(url, tmp_path / "backup.db", silent)
    assert list(tmp_path.glob("backup*")) == []


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("kept", [True, False])
def test_who_was_erased_after_the_backup_stays_erased(
    new_database: NewDatabase, tmp_path: Path, kept: bool, empty_database: str
) -> None:
    url, log, file = new_database(), tmp_path / "erasures.log", tmp_path / "backup.db"
    store = open_store(url, erasures=log)
    with store.transaction() as tx:
        tx.key()
        gone, stays = chat_at(tx, "1", due_at=NOW), chat_at(tx, "2", due_at=NOW)
        tx.subscribe(Subscription(0, gone.id, "zebra finch song"))
    back_up(url, file, silent)
    with store.transaction() as tx:
        tx.erase(gone.address, "telegram:1", NOW)
    store.close()
    there = url if kept else empty_database
    if not kept and "sqlite" in there:
        there = sqlite_url(tmp_path, "lost.db")
    made = restore(there, file, tmp_path, LATER, over=True, repeat=True, progress=silent, erasures=log)
    assert (made.repeated.chats > 0, made.repeated.strange) == (True, 0)
    assert "zebra" not in str(rows(there))
    again = open_store(there, migrate=False)
    with again.reading() as tx:
        assert tx.chat(gone.address) is None and tx.chat(stays.address) is not None
    again.close()


def test_each_table_is_named_by_what_a_restore_does_with_it() -> None:
    """A new table fails here: say in storage/succession.py whether it goes on after a restore."""
    named = [*WORLD, *ASKED, *LEDGER, *AS_BACKED_UP]
    assert METADATA.tables.keys() <= set(named)
    assert len(named) == len(set(named))


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("kept", [True, False])
def test_what_somebody_asked_before_the_backup_is_not_answered_again(
    store: SqlStore, url: str, empty_database: str, tmp_path: Path, kept: bool
) -> None:
    with store.transaction() as tx:
        assert tx.keep_update("telegram 1", 5, "/paper LoRA", "me", NOW, NOW)
    back_up(url, tmp_path / "backup.db", silent)
    with store.transaction() as tx:
        tx.update_served("telegram 1", 5)
        assert tx.keep_update("telegram 1", 6, "/paper tea", "me", NOW, NOW)
    store.close()
    lost = sqlite_url(tmp_path, "lost.db") if "sqlite" in empty_database else empty_database
    there = url if kept else lost
    put_back(there, tmp_path / "backup.db", over=True)
    again = open_store(there)
    with again.transaction() as tx:
        assert list(tx.take_updates("telegram 1", "you", LATER, LATER, 9, 9)) == ([6] if kept else [])
    again.close()
