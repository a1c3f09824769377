"""``paperround backup``, ``restore`` and ``migrate-store`` as people call them."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import assembly
from bot.config import load
from tests.cli.platforms import add_reader, for_telegram
from tests.cli.shell import ON, Shell, papers
from tests.databases import PostgresServer
from tests.databases import postgres_server as postgres_server
from tests.feeds_text import rss
from tests.servers.feeds import in_thread
from tests.servers.telegram import FakeTelegram


@pytest.fixture
def store_file(shell: Shell) -> Path:
    """A store with three papers, and a topic of its own."""
    shell("poll", shell.feed(*papers()))
    shell("topics", "add", "tea", "tea OR kettle")
    return shell.folder / "data" / "paperround.db"


def titles(shell: Shell, query: str) -> list[str]:
    return [found["title"] for found in shell("search", query, "--json").json]


def test_what_was_lost_is_there_again_and_can_be_searched(shell: Shell, store_file: Path) -> None:
    said = shell("backup")
    assert said.status == 0, said.err
    (file,) = (store_file.parent / "backups").iterdir()
    assert str(file) in said.out and "papers: 3" in said.out
    store_file.unlink()
    assert titles(shell, "LoRA") == []
    said = shell("restore", str(file))
    assert said.status == 0, said.err
    assert "what was sent since the backup is not known" in said.out
    assert sorted(titles(shell, "LoRA")) == ["Kettle: LoRA for Tea", "QLoRA on a Boat"]
    assert "tea " in shell("topics", "list").out


def test_a_store_that_is_not_empty_needs_force_and_is_kept_aside(shell: Shell, store_file: Path) -> None:
    assert shell("backup", "saved.db").status == 0
    shell("topics", "remove", "tea")
    said = shell("restore", "saved.db")
    assert said.status == 2
    assert "--force" in said.err and "tea " not in shell("topics", "list").out
    said = shell("restore", "saved.db", "--force")
    assert said.status == 0, said.err
    (aside,) = store_file.parent.glob("paperround.db.before-*")
    assert str(aside) in said.out
    assert "carried on from it: 0 papers" in said.out
    assert "tea " in shell("topics", "list").out


def test_while_the_bot_has_the_store_open_it_is_backed_up_but_not_replaced(shell: Shell, store_file: Path) -> None:
    store = assembly.open_store(load())
    with store.reading() as tx:
        tx.counts()
    assert shell("backup", "saved.db").status == 0
    said = shell("restore", "saved.db", "--force")
    assert said.status == 75
    assert "stop it first" in said.err
    store.close()


def test_scripts_get_figures(shell: Shell, store_file: Path) -> None:
    said = shell("backup", ".", "--json").json
    assert Path(said["file"]).parent == Path() and said["bytes"] == Path(said["file"]).stat().st_size
    assert said["rows"]["paper"] == 3
    assert shell("restore", said["file"], "--force", "--json").json["carried"]["chat"] == 0


def test_everything_moves_to_postgresql_and_back_home(
    shell: Shell, store_file: Path, postgres_server: PostgresServer
) -> None:
    there = postgres_server.empty()
    said = shell("migrate-store", "--to", there)
    assert said.status == 0, said.err
    assert "papers: 3" in said.out and "set PAPERROUND_DATABASE_URL" in said.out
    again = shell("topics", "list")
    assert again.status == 2 and "moved to another" in again.err
    shell.env(PAPERROUND_DATABASE_URL=there)
    assert "tea " in shell("topics", "list").out
    assert sorted(titles(shell, "LoRA")) == ["Kettle: LoRA for Tea", "QLoRA on a Boat"]
    said = shell("migrate-store", "--to", f"sqlite:///{shell.folder}/home.db", "--keep")
    assert said.status == 0, said.err
    shell.env(PAPERROUND_DATABASE_URL=f"sqlite:///{shell.folder}/home.db")
    assert "tea " in shell("topics", "list").out


def test_a_disk_without_room_is_said_and_leaves_nothing(
    shell: Shell, store_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("storage.backups._settle", full)
    said = shell("backup", "saved.db")
    assert said.status == 75
    assert "disk is full" in said.err and "Traceback" not in said.err
    assert list(shell.folder.glob("saved.db*")) == []


def test_a_digest_that_was_sent_after_the_backup_does_not_come_again(shell: Shell) -> None:
    with in_thread() as feeds, FakeTelegram() as telegram:
        feeds.put("/rss/cs.CL", rss(papers(), ON))
        shell.env(PAPERROUND_ARXIV__FEED_URL=f"{feeds.url}/rss", PAPERROUND_ARXIV__CATEGORIES="cs.CL")
        shell("topics", "list")
        add_reader(shell.folder, "501", "LoRA", datetime(2025, 4, 8, 8, 0, tzinfo=UTC))
        shell.env(**for_telegram(telegram))
        assert shell("backup", "saved.db").status == 0
        assert shell("round", "--json", "--at", "2025-04-08T08:00").json["sent"] == 1
        said = shell("restore", "saved.db", "--force")
        assert said.status == 0, said.err
        assert "3 papers and 3 announcements since the backup, 1 deliveries, how far 1 chats are" in said.out
        for at in ("2025-04-08T08:05", "2025-04-08T12:00"):
            again = shell("round", "--json", "--at", at).json
            assert (again["polled"]["new"], again["planned"], again["sent"]) == (0, 0, 0)
        assert len(telegram.sent) == 1
        assert sorted(titles(shell, "LoRA")) == ["Kettle: LoRA for Tea", "QLoRA on a Boat"]
