"""What cannot be run here (containers, systemd) is at least read, and held against the keys there are."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.__main__ import parser
from bot.config import load
from bot.model import EVERY_ROLE
from bot.settings import keys
from tests.paths import ROOT

DEPLOY = ROOT / "deploy"
COMPOSES = ["compose.yaml", "compose.postgres.yaml"]
VARIABLES = {"PAPERROUND_" + "__".join(key).upper() for key in keys()} | {"PAPERROUND_CONFIG"}
SECRETS = {
    "PAPERROUND_DATABASE_URL", "PAPERROUND_TELEGRAM__TOKEN", "PAPERROUND_TELEGRAM__WEBHOOK_SECRET",
    "PAPERROUND_DISCORD__TOKEN",
}  # fmt: skip


def services(name: str) -> dict[str, Any]:
    found: dict[str, Any] = read_compose(name)["services"]
    return found


def read_compose(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    return found


def variables(path: Path) -> Iterator[str]:
    yield from re.findall(r"PAPERROUND_[A-Z_]+", path.read_text(encoding="utf-8"))


def with_examples(toml: str) -> str:
    """The file with its commented examples switched on, each in the place of the value before it."""
    toml = re.sub(r'(?m)^(\w+) = .*\n((?:#.*\n)*?)# (?=\1 = ")', r"\2", toml)
    toml = re.sub(r"(?m)^(\w+) = \[\]\n# (?=\1 = )", "", toml)
    toml = re.sub(r"(?m)^# (token|database_url|webhook_secret) = .*\n", "", toml)
    return re.sub(r"(?m)^# (\w+_file = )", r"\1", toml)


def test_the_example_configuration_states_the_defaults(tmp_path: Path) -> None:
    example = DEPLOY / "paperround.example.toml"
    assert load(tmp_path, {}, example) == load(tmp_path, {})


def test_the_example_configuration_names_every_key() -> None:
    text = (DEPLOY / "paperround.example.toml").read_text(encoding="utf-8")
    without_marks = re.sub(r"(?m)^# (\w+ = )", r"\1", text)
    top, *sections = re.split(r"(?m)^\[(\w+)\]$", without_marks)
    named: set[tuple[str, ...]] = {(key,) for key in re.findall(r"(?m)^(\w+) = ", top)}
    for section, body in zip(sections[::2], sections[1::2], strict=True):
        named |= {(section, key) for key in re.findall(r"(?m)^(\w+) = ", body)}
    assert {key for key in named if not key[-1].endswith("_file")} == set(keys())


def test_the_examples_in_it_are_right_as_well(tmp_path: Path) -> None:
    text = (DEPLOY / "paperround.example.toml").read_text(encoding="utf-8")
    (tmp_path / "telegram_token").write_text("1:abc")
    (tmp_path / "discord_token").write_text("abc")
    (tmp_path / "database_url").write_text("sqlite:////srv/paperround.db")
    (tmp_path / "webhook_secret").write_text("s" * 32)
    (tmp_path / "summaries_key").write_text("sk-abc")
    text = with_examples(text)
    text = re.sub(r'"/run/secrets/(\w+)"', rf'"{tmp_path}/\1"', text)
    (tmp_path / "paperround.toml").write_text(text)
    config = load(tmp_path, {})
    assert config.admins == ("telegram:123", "discord:456")
    assert len(config.chats) == 3
    assert config.contact == "you@example.org"
    assert config.telegram.token and config.discord.token
    assert config.summaries.key and config.summaries.url and config.summaries.model


@pytest.mark.parametrize("name", [*COMPOSES, "paperround.service", "Dockerfile", "paperround.example.toml"])
def test_every_variable_that_a_file_names_exists(name: str) -> None:
    known = VARIABLES | {f"{secret}_FILE" for secret in SECRETS}
    assert {variable for variable in variables(DEPLOY / name) if variable not in known} == set()


@pytest.mark.parametrize("name", COMPOSES)
def test_compose_declares_what_its_services_use(name: str) -> None:
    compose = read_compose(name)
    for service in services(name).values():
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(compose["volumes"])
        assert set(service.get("depends_on", {})) <= set(services(name))
        for variable, value in service["environment"].items():
            assert variable not in SECRETS, "a secret belongs into a file"
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    used = {secret for service in services(name).values() for secret in service.get("secrets", [])}
    assert used == set(compose["secrets"])
    assert all(secret["file"] == f"secrets/{at}" for at, secret in compose["secrets"].items())


@pytest.mark.parametrize("name", COMPOSES)
def test_the_bot_runs_with_as_little_as_it_needs(name: str) -> None:
    bots = [service for service in services(name).values() if service["image"] == "paperround"]
    assert bots
    for bot in bots:
        assert (bot["read_only"], bot["cap_drop"]) == (True, ["ALL"])
        assert bot["security_opt"] == ["no-new-privileges:true"]
        assert bot["volumes"][0].endswith(":/data")
        assert "ports" not in bot
    dockerfile = (ROOT / "deploy" / bots[0]["build"]["dockerfile"].removeprefix("deploy/")).read_text(encoding="utf-8")
    assert re.search(r"(?m)^USER paperround$", dockerfile)
    assert "--require-hashes -r requirements/run.txt" in dockerfile


def test_every_role_is_played_and_has_the_tokens_that_it_needs() -> None:
    played: set[str] = set()
    for service in services("compose.postgres.yaml").values():
        if service["image"] != "paperround":
            continue
        command, option, roles = service["command"]
        assert (command, option) == ("run", "--roles")
        tokens = {secret.removesuffix("_token") for secret in service["secrets"] if secret.endswith("_token")}
        needed = {"telegram", "discord"} if roles == "deliver" else set(roles.split(",")) & {"telegram", "discord"}
        assert tokens == needed
        played |= set(roles.split(","))
    assert played == set(EVERY_ROLE)


SERVICE_KEYS = frozenset({
    "build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "init", "logging", "read_only",
    "restart", "secrets", "security_opt", "stop_grace_period", "tmpfs", "volumes",
})  # fmt: skip
"""Those of https://github.com/compose-spec/compose-spec/blob/main/05-services.md that are used here."""


@pytest.mark.parametrize("name", COMPOSES)
def test_compose_uses_keys_that_there_are(name: str) -> None:
    compose = read_compose(name)
    assert {key for key in compose if not key.startswith("x-")} == {"services", "volumes", "secrets"}
    for service in services(name).values():
        assert service.keys() <= SERVICE_KEYS
        assert re.fullmatch(r"\d+s", service.get("stop_grace_period", "10s"))
        assert service["restart"] == "unless-stopped"
        for value in service["environment"].values():
            assert isinstance(value, str), "YAML would make a number or a truth of it"


def test_the_containers_health_is_what_the_bot_says_of_itself() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    (check,) = re.findall(r"(?m)^HEALTHCHECK .*CMD (\[.*\])$", dockerfile)
    assert json.loads(check) == ["paperround", "health"]
    assert parser().parse_args(json.loads(check)[1:]).command == "health"
    (listen,) = re.findall(r"PAPERROUND_HTTP_LISTEN=(\S+)", dockerfile)
    assert load(ROOT / "deploy", {"PAPERROUND_HTTP_LISTEN": listen}).http_listen == ("127.0.0.1", 9464)


def test_what_the_image_holds_runs_where_nothing_can_be_written(tmp_path: Path) -> None:
    """Its steps in a plain folder: the files it is given, the project built of them, the program started."""
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    source, image, data = tmp_path / "src", tmp_path / "image", tmp_path / "data"
    source.mkdir()
    for given in (ROOT / line[1:] for line in ignore if line.startswith("!")):
        target = source / given.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if given.is_dir():
            shutil.copytree(given, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(given, target)
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=source,
        capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(image)
        (entry,) = [name for name in packed.namelist() if name.endswith("entry_points.txt")]
        assert "paperround = bot.__main__:main" in packed.read(entry).decode()
    for path in image.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    data.mkdir()
    (tmp_path / "elsewhere").mkdir()
    env = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(image), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8",
        "PAPERROUND_DATA_DIR": str(data),
    }  # fmt: skip
    for command in (["topics", "list"], ["backup"]):
        ran = subprocess.run(
            [sys.executable, "-m", "bot", *command], cwd=tmp_path / "elsewhere", env=env, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
    assert list((data / "backups").iterdir())
    for path in (image, *image.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)


def test_the_image_is_made_of_files_that_its_build_is_given() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        source
        for line in re.findall(r"(?m)^COPY (?!--from)(.+)$", dockerfile)
        for source in line.split()[:-1]
    }  # fmt: skip
    assert copied == {line[1:] for line in ignore if line.startswith("!")}
    with (ROOT / "pyproject.toml").open("rb") as stream:
        project = tomllib.load(stream)
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= copied
    assert project["project"]["readme"] in copied


def test_the_unit_is_hardened_and_gets_its_secrets_as_credentials() -> None:
    settings: dict[str, list[str]] = {}
    section = ""
    for line in (DEPLOY / "paperround.service").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            settings.setdefault(f"{section}.{key}", []).append(value)
    assert settings["Service.ExecStart"] == ["/opt/paperround/.venv/bin/paperround run"]
    assert settings["Install.WantedBy"] == ["multi-user.target"]
    yes = ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictSUIDSGID")
    assert {key: settings[f"Service.{key}"] for key in yes} == {key: ["yes"] for key in yes}
    assert settings["Service.ProtectSystem"] == ["strict"]
    assert settings["Service.CapabilityBoundingSet"] == [""]
    credentials = {value.split(":")[0] for value in settings["Service.LoadCredential"]}
    environment = dict(value.split("=", 1) for value in settings["Service.Environment"])
    named = {value.removeprefix("%d/") for key, value in environment.items() if key.endswith("_FILE")}
    assert named == credentials
    assert not SECRETS & environment.keys()
