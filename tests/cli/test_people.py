"""The audit log, and what is kept about people, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from bot.assembly import utc_now
from bot.model import Address, Chat, Subscription
from storage.store import open_store
from tests.cli.shell import Shell, papers
from tests.databases import sqlite_url

GROUP = "telegram:-100123/45"


def living(folder: Path, address: str = GROUP) -> None:
    """A chat that follows something, in the database of the folder."""
    store = open_store(sqlite_url(folder / "data"))
    with store.transaction() as tx:
        chat = tx.open_chat(Chat(0, Address.parse(address), title="Zebrafinken"))
        tx.subscribe(Subscription(0, chat.id, "zebra finch song", "", utc_now()))
        tx.add_invite(f"code of {address}", address, utc_now())
    store.close()


def test_changes_made_here_are_in_the_audit_log(shell: Shell) -> None:
    assert shell("audit").out == ""
    assert shell("audit", "--json").json == []
    shell("topics", "add", "tea", "tea OR teapot", "--name", "zh-Hans=茶")
    shell("topics", "edit", "tea", "--name", "en=Tea time")
    shell("topics", "remove", "tea")
    code = shell("invite").out.split()[-1]
    said = shell("audit")
    assert code not in said.out
    lines = [line[25:] for line in said.out.splitlines()]
    assert lines == [
        "console:local  topic: - -> tea: tea OR teapot (tea, 茶)",
        "console:local  topic: tea: tea OR teapot (tea, 茶) -> tea: tea OR teapot (Tea time, 茶)",
        "console:local  topic: tea: tea OR teapot (Tea time, 茶) -> -",
        f"console:local  invite: - -> {code[:4]}…",
    ]
    found = shell("audit", "--json", "--limit", "2").json
    assert [(one["what"], one["who"], one["chat"]) for one in found] == [
        ("topic", "console:local", ""), ("invite", "console:local", ""),
    ]  # fmt: skip
    assert shell("audit", "--about", "telegram:1", "--json").json == []


def test_a_chats_data_are_printed_and_erased_when_that_is_confirmed(shell: Shell) -> None:
    shell("poll", shell.feed(*papers()))
    living(shell.folder)
    found = json.loads(shell("mydata", GROUP).out)
    assert found["about"] == GROUP
    assert found["chat"][0]["title"] == "Zebrafinken"
    assert shell("forget", GROUP).out == f"{GROUP} would be erased (subscription: 1, chat: 1); with --yes it is\n"
    assert shell("mydata", GROUP).status == 0
    assert shell("forget", GROUP, "--yes").out == f"{GROUP} is erased (subscription: 1, chat: 1)\n"
    for call in (("mydata", GROUP), ("forget", GROUP, "--yes")):
        said = shell(*call)
        assert (said.status, said.err) == (1, f"nothing is kept about {GROUP}\n")
    (line,) = shell("audit", "--json").json
    assert line["what"] == "forget" and line["chat"].startswith("erased-")
    log = (shell.folder / "data" / "erasures.log").read_text()
    assert len(log.splitlines()) == 1 and "123" not in json.loads(log)["marks"][0]


def test_a_private_chat_on_telegram_is_its_persons(shell: Shell) -> None:
    shell("topics", "list")
    living(shell.folder, "telegram:20406080")
    assert len(json.loads(shell("mydata", "telegram:20406080").out)["invite"]) == 1
    assert shell("forget", "telegram:20406080", "--yes").status == 0
    living(shell.folder, "discord:5")
    assert "invite" not in json.loads(shell("mydata", "discord:5").out)
    assert "invite" in json.loads(shell("mydata", "discord:5", "--user", "discord:5").out)


def test_a_restored_backup_forgets_again(shell: Shell) -> None:
    shell("poll", shell.feed(*papers()))
    living(shell.folder)
    living(shell.folder, "telegram:5")
    assert shell("backup", "saved.db").status == 0
    assert shell("forget", GROUP, "--yes").status == 0
    said = shell("restore", "saved.db", "--force")
    assert said.status == 0, said.err
    assert "erased since the backup, and erased again: chats: 1, users: 0" in said.out
    assert shell("mydata", GROUP).status == 1
    assert shell("mydata", "telegram:5").status == 0
    again = shell("restore", "saved.db", "--force", "--json").json
    assert again["repeated"] == {"chats": 1, "users": 0, "strange": 0, "unreadable": 0}


def test_a_database_put_back_by_hand_forgets_again_before_it_is_used(shell: Shell) -> None:
    shell("topics", "list")
    living(shell.folder)
    file = shell.folder / "data" / "paperround.db"
    assert shell("backup", "saved.db").status == 0
    assert shell("forget", GROUP, "--yes").status == 0
    (shell.folder / "saved.db").replace(file)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    assert shell("mydata", GROUP).status == 0
    shell("round", "--dry-run")
    assert shell("mydata", GROUP).status == 0, "a dry run changes nothing"
    shell("round")
    assert shell("mydata", GROUP).status == 1
    (shell.folder / "data" / "erasures.log").write_text("{}")
    assert "erasures.log" not in shell("round").err
    (shell.folder / "data" / "erasures.log").unlink()
    (shell.folder / "data" / "erasures.log").mkdir()
    said = shell("round")
    assert said.status == 2 and "what was erased would come back" in said.err


def test_a_round_at_another_time_drops_nothing(shell: Shell) -> None:
    shell("topics", "add", "tea", "tea")
    shell("round", "--at", "2190-01-01T08:00")
    assert len(shell("audit", "--json").json) == 1
    shell("round")
    assert len(shell("audit", "--json").json) == 1
