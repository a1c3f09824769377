"""What cannot be run here (containers, systemd) is at least read, and held against the keys there are."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.config import load
from bot.settings import keys
from tests.paths import ROOT

DEPLOY = ROOT / "deploy"
COMPOSES = ["compose.yaml", "compose.postgres.yaml"]
VARIABLES = {"PAPERROUND_" + "__".join(key).upper() for key in keys()} | {"PAPERROUND_CONFIG"}
SECRETS = {
    "PAPERROUND_DATABASE_URL", "PAPERROUND_TELEGRAM__TOKEN", "PAPERROUND_TELEGRAM__WEBHOOK_SECRET",
    "PAPERROUND_DISCORD__TOKEN",
}  # fmt: skip


def read_yaml(text: str) -> Any:
    """The plain part of YAML that the compose files keep to: mappings, lists of scalars, nothing else."""
    lines = [line.split(" #")[0].rstrip() for line in text.splitlines() if not line.strip().startswith("#")]
    value, rest = _block([line for line in lines if line.strip()], 0)
    assert rest == []
    return value


def _block(lines: list[str], indent: int) -> tuple[Any, list[str]]:
    items: list[Any] = []
    mapping: dict[str, Any] = {}
    while lines and len(lines[0]) - len(lines[0].lstrip()) == indent:
        line, lines = lines[0].strip(), lines[1:]
        if line.startswith("- "):
            items.append(line[2:].strip('"'))
            continue
        found = re.fullmatch(r"([\w.-]+):(?: +(.+))?", line)
        assert found, f"not plain YAML: {line}"
        key, value = found.groups()
        assert key not in mapping, f"{key} stands there twice"
        if value is None and lines and (inner := len(lines[0]) - len(lines[0].lstrip())) > indent:
            mapping[key], lines = _block(lines, inner)
        else:
            mapping[key] = value and value.strip('"')
    assert not (items and mapping)
    return items or mapping, lines


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
    text = with_examples(text)
    text = re.sub(r'"/run/secrets/(\w+)"', rf'"{tmp_path}/\1"', text)
    (tmp_path / "paperround.toml").write_text(text)
    config = load(tmp_path, {})
    assert config.admins == ("telegram:123", "discord:456")
    assert len(config.chats) == 3
    assert config.contact == "you@example.org"
    assert config.telegram.token and config.discord.token


@pytest.mark.parametrize("name", [*COMPOSES, "paperround.service", "Dockerfile", "paperround.example.toml"])
def test_every_variable_that_a_file_names_exists(name: str) -> None:
    known = VARIABLES | {f"{secret}_FILE" for secret in SECRETS}
    assert {variable for variable in variables(DEPLOY / name) if variable not in known} == set()


@pytest.mark.parametrize("name", COMPOSES)
def test_compose_declares_what_its_services_use(name: str) -> None:
    compose = read_yaml((DEPLOY / name).read_text(encoding="utf-8"))
    services = compose["services"]
    for service in services.values():
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(compose["volumes"])
        assert set(service.get("depends_on", {})) <= set(services)
        for variable, value in service["environment"].items():
            assert variable not in SECRETS, "a secret belongs into a file"
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    used = {secret for service in services.values() for secret in service.get("secrets", [])}
    assert used == set(compose["secrets"])
    assert all(secret["file"] == f"secrets/{at}" for at, secret in compose["secrets"].items())


@pytest.mark.parametrize("name", COMPOSES)
def test_the_bot_runs_with_as_little_as_it_needs(name: str) -> None:
    services = read_yaml((DEPLOY / name).read_text(encoding="utf-8"))["services"]
    bots = [service for service in services.values() if service["image"] == "paperround"]
    assert bots
    for bot in bots:
        assert (bot["read_only"], bot["cap_drop"]) == ("true", ["ALL"])
        assert bot["security_opt"] == ["no-new-privileges:true"]
        assert bot["volumes"][0].endswith(":/data")
        assert "ports" not in bot
    dockerfile = (ROOT / "deploy" / bots[0]["build"]["dockerfile"].removeprefix("deploy/")).read_text(encoding="utf-8")
    assert re.search(r"(?m)^USER paperround$", dockerfile)
    assert "--require-hashes -r requirements/run.txt" in dockerfile


def test_a_token_runs_in_one_process_only() -> None:
    services = read_yaml((DEPLOY / "compose.postgres.yaml").read_text(encoding="utf-8"))["services"]
    tokens = [secret for service in services.values() for secret in service["secrets"] if secret.endswith("_token")]
    assert sorted(tokens) == ["discord_token", "telegram_token"]


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
