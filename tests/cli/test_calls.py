"""Calls: help for each subcommand, and what is said of a call that is wrong."""

from __future__ import annotations

import pytest

from tests.cli.shell import Shell

COMMANDS = (
    "run", "round", "poll", "digest", "search", "import", "topics", "doctor", "unmerge", "invite", "backup", "restore",
    "migrate-store", "audit", "mydata", "forget", "health",
)  # fmt: skip


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS), ("topics", "add"), ("topics", "remove")])
def test_every_subcommand_has_help(shell: Shell, command: tuple[str, ...]) -> None:
    said = shell(*command, "--help")
    assert said.status == 0
    assert said.out.startswith(f"usage: {' '.join(('paperround', *command))}")
    assert len(said.out.splitlines()) > 3


def test_the_help_names_every_subcommand_and_exit_status(shell: Shell) -> None:
    text = shell("--help").out
    assert all(f"\n    {name}" in text for name in COMMANDS)
    assert all(f"{status} " in text for status in (0, 1, 2, 75, 130))


@pytest.mark.parametrize(
    "call",
    [(), ("frobnicate",), ("search",), ("digest",), ("import",), ("topics",), ("search", "x", "--limit", "many"),
     ("digest", "x", "--as", "pdf"), ("round", "--on", "2025-04-08"), ("topics", "add", "only-a-slug")],
)  # fmt: skip
def test_a_wrong_call_is_refused_before_anything_is_made(shell: Shell, call: tuple[str, ...]) -> None:
    said = shell(*call)
    assert said.status == 2
    assert "usage: paperround" in said.err
    assert not (shell.folder / "data").exists()


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (("round", "--at", "tomorrow"), "--at tomorrow: write a time as"),
        (("round", "--at", "0001-01-01T00:00+08:00"), "--at"),
        (("round", "--at", "1066-10-14T09:00"), "1991"),
        (("round", "--at", "9999-12-31T23:59"), "2199"),
        (("digest", "LoRA", "--on", "yesterday"), "--on yesterday: write a date as"),
        (("digest", "LoRA", "--language", "tlh"), "zh-Hans"),
        (("search", "LoRA", "--limit", "0"), "--limit"),
        (("search", "LoRA", "--limit", "99999999999999"), "--limit"),
        (("poll", "not-there.xml"), "not-there.xml: No such file or directory"),
        (("poll", "."), "Is a directory"),
        (("unmerge", "arxiv:2504.99999"), "2504.99999"),
        (("backup",), "paperround.db is not there: there is nothing to back up"),
        (("restore", "not-there.db"), "not-there.db cannot be read as a backup"),
        (("migrate-store", "--to", "mysql://x/y"), "--to: names no database that is supported"),
        (("migrate-store", "--to", "sqlite:////tmp/x.db", "--from", "sqlite:////not/there.db"), "folder /not is not"),
        (("health",), "PAPERROUND_HTTP_LISTEN is empty"),
        (("topics", "remove", "nonsense"), "there is no topic nonsense"),
        (("topics", "edit", "nonsense", "LoRA"), "there is no topic nonsense"),
        (("topics", "add", "peft", "LoRA"), "there is a topic peft already"),
        (("topics", "add", "tea", "LoRA", "--name", "Tea"), "--name Tea"),
        (("topics", "add", "tea", "NOT LoRA"), "LoRA"),
        (("audit", "--limit", "0"), "--limit"),
        (("mydata", "nowhere"), "platform:chat"),
        (("forget", "discord:1", "--user", "Ada"), "--user Ada: write platform:number"),
    ],
)
def test_a_value_that_cannot_be_used_ends_with_2_and_a_mend(
    shell: Shell, call: tuple[str, ...], complaint: str
) -> None:
    said = shell(*call)
    assert said.status == 2
    assert said.out == ""
    assert complaint in said.err
    assert "Traceback" not in said.err


def test_a_broken_query_shows_the_place(shell: Shell) -> None:
    said = shell("search", "LoRA ((")
    assert said.status == 2
    assert said.err.splitlines()[1:] == ["LoRA ((", "      ^"]
    empty = shell("search", "  ")
    assert empty.status == 2
    assert len(empty.err.splitlines()) == 1
