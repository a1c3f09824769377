"""The keys for more than one process: roles, the webhook, shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import load
from bot.errors import ConfigError
from bot.model import EVERY_ROLE, Role

TELEGRAM = {"PAPERROUND_TELEGRAM__TOKEN": "1:abc"}
DISCORD = {"PAPERROUND_DISCORD__TOKEN": "abc"}
SECRET = "s" * 32


def problems(folder: Path, **variables: str) -> dict[str, str]:
    """What is wrong, by key."""
    with pytest.raises(ConfigError) as raised:
        load(folder, {f"PAPERROUND_{name}": value for name, value in variables.items()})
    return {problem.key: problem.wrong for problem in raised.value.problems}


def test_a_process_does_everything_unless_it_is_told_what(tmp_path: Path) -> None:
    assert load(tmp_path, {}).roles == EVERY_ROLE
    (tmp_path / "paperround.toml").write_text('roles = ["deliver", "ingest"]')
    assert load(tmp_path, TELEGRAM).roles == (Role.INGEST, Role.DELIVER)
    assert load(tmp_path, TELEGRAM | {"PAPERROUND_ROLES": "Plan, ingest,plan"}).roles == (Role.INGEST, Role.PLAN)
    assert load(tmp_path, TELEGRAM, options={"roles": "telegram"}).roles == (Role.TELEGRAM,), "the command line wins"


@pytest.mark.parametrize(
    ("roles", "environment", "wrong"),
    [
        ("ingest,deliverer", TELEGRAM, "'deliverer' is not a role"),
        ("", TELEGRAM, "names no role"),
        ("telegram", DISCORD, "telegram needs a token, and there is none"),
        ("ingest,discord", TELEGRAM, "discord needs a token, and there is none"),
        ("deliver", {}, "deliver needs a token, and there is none"),
    ],
)
def test_a_role_that_cannot_be_played_is_told(
    tmp_path: Path, roles: str, environment: dict[str, str], wrong: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, environment, options={"roles": roles})
    (problem,) = raised.value.problems
    assert (problem.key, problem.wrong) == ("--roles", wrong)
    assert problem.mend


def test_one_process_for_everything_needs_no_token(tmp_path: Path) -> None:
    assert load(tmp_path, {}, options={"roles": ",".join(EVERY_ROLE)}).roles == EVERY_ROLE
    assert load(tmp_path, DISCORD, options={"roles": "deliver"}).roles == (Role.DELIVER,)


def test_a_webhook_needs_https_and_a_secret_that_is_kept(tmp_path: Path) -> None:
    hook = {"TELEGRAM__WEBHOOK_URL": "https://bot.example.org/t", "TELEGRAM__WEBHOOK_LISTEN": "[::1]:443"}
    assert problems(tmp_path, **hook) == {"telegram.webhook_secret": "is missing beside webhook_url"}
    wrong = problems(tmp_path, **hook, TELEGRAM__WEBHOOK_SECRET="hunter2!")
    assert wrong == {"PAPERROUND_TELEGRAM__WEBHOOK_SECRET": "is not a secret that can be used"}
    plain = hook | {"TELEGRAM__WEBHOOK_URL": "http://bot.example.org/t", "TELEGRAM__WEBHOOK_SECRET": SECRET}
    assert problems(tmp_path, **plain) == {"PAPERROUND_TELEGRAM__WEBHOOK_URL": "Telegram calls https only"}
    variables = {f"PAPERROUND_{name}": value for name, value in plain.items()}
    config = load(tmp_path, variables | {"PAPERROUND_TELEGRAM__API_URL": "http://127.0.0.1:8081"})
    assert config.telegram.webhook_listen == ("::1", 443)
    assert SECRET in config.secrets()
    assert SECRET not in repr(config)
    (tmp_path / "secret").write_text(SECRET + "\n")
    del variables["PAPERROUND_TELEGRAM__WEBHOOK_SECRET"]
    variables["PAPERROUND_TELEGRAM__WEBHOOK_URL"] = "https://bot.example.org/t"
    config = load(tmp_path, variables | {"PAPERROUND_TELEGRAM__WEBHOOK_SECRET_FILE": "secret"})
    assert config.telegram.webhook_secret is not None
    assert config.telegram.webhook_secret.get_secret_value() == SECRET


@pytest.mark.parametrize("listen", ["8443", ":8443", "host:", "host:0", "host:65536", "host:http"])
def test_where_to_listen_is_a_host_and_a_port(tmp_path: Path, listen: str) -> None:
    wrong = problems(tmp_path, TELEGRAM__WEBHOOK_LISTEN=listen)
    assert wrong == {"PAPERROUND_TELEGRAM__WEBHOOK_LISTEN": f"{listen!r} is not a host and a port"}


@pytest.mark.parametrize(
    ("shards", "ids", "meant"),
    [("1", "", (1, ())), ("auto", "", (0, ())), ("4", "0,3", (4, (0, 3))), ("1", "0", (1, (0,)))],
)
def test_shards_are_counted_and_named(tmp_path: Path, shards: str, ids: str, meant: tuple[int, tuple[int]]) -> None:
    config = load(tmp_path, {"PAPERROUND_DISCORD__SHARDS": shards, "PAPERROUND_DISCORD__SHARD_IDS": ids})
    assert (config.discord.shards, config.discord.shard_ids) == meant


@pytest.mark.parametrize(
    ("toml", "wrong"),
    [
        ("shards = 0", "there is at least one"),
        ("shards = -1", "-1 is not a number from 0 to 10000"),
        ("shards = true", "True is not a number from 0 to 10000"),
        ("shard_ids = [1]", "names shards that there are not"),
        ('shards = "auto"\nshard_ids = [0]', "cannot be chosen while shards is auto"),
        ('shard_ids = ["x"]', "'x' is not a number from 0 to 9999"),
    ],
)
def test_shards_that_cannot_be_are_told(tmp_path: Path, toml: str, wrong: str) -> None:
    (tmp_path / "paperround.toml").write_text(f"[discord]\n{toml}\n")
    assert list(problems(tmp_path).values()) == [wrong]
