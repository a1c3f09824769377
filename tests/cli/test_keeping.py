"""What keeps an instance: configuration, topics, merges, invitations, the database."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from tests.cli.shell import Shell, papers
from tests.documents import write_documents


def test_a_broken_configuration_names_every_problem_with_its_key_and_mend(shell: Shell) -> None:
    (shell.folder / "paperround.toml").write_text('acess = "open"\n[telegram]\ntoken = "no-colon-here"\n')
    shell.env(PAPERROUND_ADMINS="me", PAPERROUND_ARXIV__CATEGORIES="cs CL", PAPERROUND_DATABASE_URL="mysql://x")
    said = shell("search", "LoRA")
    assert said.status == 2
    for key in ("acess", "telegram.token", "PAPERROUND_ADMINS", "ARXIV__CATEGORIES", "PAPERROUND_DATABASE_URL"):
        assert key in said.err
    assert said.err.count("\n    -> ") == 5
    assert "no-colon-here" not in said.err + said.out
    found = shell("doctor", "--json")
    assert found.status == 2
    assert len(found.json) == 5
    assert all(one["ok"] is False and one["what"] and one["mend"] for one in found.json)


@pytest.mark.parametrize("text", ["x = [", 'telegram = "x"', "\xff"])
def test_a_file_that_is_no_toml_is_named(shell: Shell, text: str) -> None:
    (shell.folder / "paperround.toml").write_bytes(text.encode("latin-1"))
    said = shell("topics", "list")
    assert said.status == 2
    assert "paperround.toml" in said.err
    assert shell("--config", "elsewhere.toml", "topics", "list").status == 2


def test_a_data_folder_that_cannot_be_made_is_named_by_its_key(shell: Shell) -> None:
    (shell.folder / "file").write_text("")
    shell.env(PAPERROUND_DATA_DIR=str(shell.folder / "file" / "data"))
    said = shell("search", "LoRA")
    assert said.status == 2
    assert "PAPERROUND_DATA_DIR" in said.err and "Not a directory" in said.err


def test_a_data_folder_that_may_not_be_written_is_named_by_its_key(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shell.folder / "data").mkdir(mode=0o500)
    if os.geteuid() == 0:  # who may write everywhere: the system's answer is given for it
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "data")
    said = shell("search", "LoRA")
    assert said.status == 2
    assert "PAPERROUND_DATA_DIR" in said.err and "Permission denied" in said.err


def test_a_database_of_a_newer_program_is_left_as_it_is(shell: Shell) -> None:
    shell("poll", shell.feed(*papers()))
    file = shell.folder / "data" / "paperround.db"
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for call in (("search", "LoRA"), ("poll", "feed.xml"), ("topics", "list")):
        said = shell(*call)
        assert said.status == 2
        assert "newer" in said.err and "9999" in said.err and "Traceback" not in said.err


def test_a_database_that_is_locked_is_to_be_tried_later(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("poll", shell.feed(*papers()))
    monkeypatch.setattr("storage.engine.BUSY_SECONDS", 0)
    holder = sqlite3.connect(shell.folder / "data" / "paperround.db", isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        said = shell("poll", "feed.xml")
    finally:
        holder.close()
    assert said.status == 75
    assert "database" in said.err and "try again later" in said.err and "Traceback" not in said.err


def test_a_file_that_is_no_database_is_said_to_be_none(shell: Shell) -> None:
    (shell.folder / "data").mkdir()
    (shell.folder / "data" / "paperround.db").write_text("Dear diary, today I walked the round. " * 40)
    said = shell("search", "LoRA")
    assert said.status == 2
    assert "database" in said.err and "Traceback" not in said.err


def test_topics_are_listed_added_edited_and_removed(shell: Shell) -> None:
    before = shell("topics", "list", "--json").json
    assert {"slug", "names", "query", "proposed"} == before[0].keys() and len(before) > 5
    added = shell("topics", "add", "Tea", "tea OR kettle", "--name", "en=Hot tea", "--name", "zh-TW=茶")
    assert (added.status, added.out) == (0, "topic tea: tea OR kettle\n")
    assert shell("topics", "edit", "tea", "tea").status == 0
    assert shell("topics", "edit", "tea", "--name", "zh-Hans=茶").status == 0
    tea = next(topic for topic in shell("topics", "list", "--json").json if topic["slug"] == "tea")
    assert tea == {"slug": "tea", "names": {"en": "Hot tea", "zh-Hant": "茶", "zh-Hans": "茶"}, "query": "tea"} | {
        "proposed": False
    }
    assert "tea " in shell("topics", "list").out
    assert shell("topics", "remove", "TEA").status == 0
    assert shell("topics", "list", "--json").json == before


def test_a_merge_is_undone_by_any_of_the_ways_to_write_a_key(shell: Shell) -> None:
    shell("import", *map(str, write_documents(shell.folder).values()))
    assert len(shell("search", "Kettle", "--json").json) == 1
    said = shell("unmerge", "https://aclanthology.org/2024.teapot-1.7/")
    assert said.status == 0
    assert "acl:2024.teapot-1.7" in said.out
    assert len(shell("search", "Kettle", "--json").json) == 2


def test_each_invitation_is_a_code_of_its_own(shell: Shell) -> None:
    first, second = (shell("invite").out.rpartition("/start ")[2].strip() for _ in range(2))
    assert first != second
    assert min(len(first), len(second)) >= 12
