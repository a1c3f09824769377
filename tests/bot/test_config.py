import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import config as configuration
from bot.config import Config, load
from bot.errors import ConfigError, Problem
from bot.model import Address
from bot.settings import build
from tests.paths import ROOT

TELEGRAM = "123456789:AAEhBOweik9ai2o01fMUXkMsxPaaaa-Bbb"
DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDe.s0meth1ng-long-and-secret"


def problems(root: Path, toml: str = "", **environ: str) -> tuple[Problem, ...]:
    if toml:
        (root / "paperround.toml").write_text(toml)
    with pytest.raises(ConfigError) as caught:
        load(root, environ)
    return caught.value.problems


def only(found: tuple[Problem, ...]) -> Problem:
    assert len(found) == 1, found
    return found[0]


def test_without_any_configuration_it_is_sqlite_in_a_data_folder(tmp_path: Path) -> None:
    config = load(tmp_path, {})
    assert config.data_dir == tmp_path / "data"
    assert config.database == f"sqlite:///{tmp_path}/data/paperround.db"
    assert config.access == "invite"
    assert config.arxiv.categories == ("cs.CL", "cs.LG", "cs.AI")
    assert config.arxiv.feed_url == "https://rss.arxiv.org/rss"
    assert (config.telegram.token, config.discord.token, config.admins) == (None, None, ())
    assert not (tmp_path / "data").exists()


def test_every_key_can_stand_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "paperround.toml").write_text(f"""
        data_dir = "papers"
        database_url = "postgresql://u:p%40ss@db/papers"
        admins = ["telegram:1", "discord:2"]
        access = "list"
        chats = ["telegram:-100123/45", "discord:9"]
        language = "zh_TW"
        timezone = "Asia/Taipei"
        time = 07:30:00
        wait_until = "13:00"
        digest_size = 5
        log_level = "WARNING"
        contact = "me@example.org"
        uncertain = "skip"
        [telegram]
        token = "{TELEGRAM}"
        api_url = "http://localhost:8081/"
        [discord]
        token = "{DISCORD}"
        api_url = "https://proxy.example"
        gateway_url = "wss://proxy.example/gateway"
        [arxiv]
        feed_url = "http://127.0.0.1:9000/rss"
        categories = ["hep-th", "cs", "physics.optics", "cond-mat.str-el", "q-bio.NC"]
        interval = 0
    """)
    config = load(tmp_path, {})
    assert config.data_dir == tmp_path / "papers"
    assert config.database == "postgresql+psycopg://u:p%40ss@db/papers"
    assert config.admins == ("telegram:1", "discord:2")
    assert config.chats == (Address("telegram", "-100123", "45"), Address("discord", "9"))
    assert (config.language, config.timezone) == ("zh-Hant", "Asia/Taipei")
    assert (config.time, config.wait_until) == (dt.time(7, 30), dt.time(13, 0))
    assert (config.digest_size, config.log_level, config.uncertain) == (5, "warning", "skip")
    assert config.telegram.token and config.telegram.token.get_secret_value() == TELEGRAM
    assert config.telegram.api_url == "http://localhost:8081"
    assert config.discord.gateway_url == "wss://proxy.example/gateway"
    assert config.arxiv.categories == ("hep-th", "cs", "physics.optics", "cond-mat.str-el", "q-bio.NC")
    assert config.arxiv.interval == 0


def test_the_environment_wins_over_dot_env_and_dot_env_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "paperround.toml").write_text('language = "zh-CN"\ntimezone = "Asia/Taipei"\ndigest_size = 3')
    (tmp_path / ".env").write_text("PAPERROUND_TIMEZONE=Europe/Berlin # a note\nPAPERROUND_DIGEST_SIZE=4\nOTHER=x")
    config = load(tmp_path, {"PAPERROUND_DIGEST_SIZE": "5", "HOME": "/"})
    assert (config.language, config.timezone, config.digest_size) == ("zh-Hans", "Europe/Berlin", 5)


def test_lists_in_the_environment_are_parted_by_commas(tmp_path: Path) -> None:
    environ = {"PAPERROUND_ADMINS": "telegram:123, discord:456", "PAPERROUND_ARXIV__CATEGORIES": "cs.CL,cs.LG,cs.CL"}
    config = load(tmp_path, environ)
    assert config.admins == ("telegram:123", "discord:456")
    assert config.arxiv.categories == ("cs.CL", "cs.LG")


def test_all_problems_of_all_sources_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PAPERROUND_LANGUAGE=tlh\n")
    found = problems(
        tmp_path,
        'langauge = "en"\nadmins = ["@me", "telegram:-5"]\n[arxiv]\ncategories = ["cs.cl"]\n[discrod]\ntoken = "x"',
        PAPERROUND_TELEGRAM_TOKEN=TELEGRAM,
        PAPERROUND_TIME="25:00",
        PAPERROUND_DISCORD__TOKEN="a b",
    )
    assert [p.key for p in found] == [
        "langauge in paperround.toml",
        "discrod in paperround.toml",
        "PAPERROUND_TELEGRAM_TOKEN",
        "admins in paperround.toml",
        "admins in paperround.toml",
        "PAPERROUND_LANGUAGE in .env",
        "PAPERROUND_TIME",
        "PAPERROUND_DISCORD__TOKEN",
        "arxiv.categories in paperround.toml",
    ]
    assert found[0].mend == "did you mean language in paperround.toml?"
    assert found[2].mend == "did you mean PAPERROUND_TELEGRAM__TOKEN?"
    assert found[8].mend.startswith("write cs.CL")
    assert all(p.wrong and p.mend for p in found)
    assert TELEGRAM not in repr(found)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DATA_DIR", ""),
        ("DATABASE_URL", "mysql://u@h/d"),
        ("DATABASE_URL", "postgresql://u:p@host"),
        ("DATABASE_URL", "postgresql://u:p[x@host/d"),
        ("DATABASE_URL", "sqlite:///"),
        ("ADMINS", "telegram:-100123"),
        ("ADMINS", "telegram:@me"),
        ("ADMINS", "telegram:0123"),
        ("ADMINS", "123"),
        ("ADMINS", "telegram:1087968824"),
        ("ACCESS", "everyone"),
        ("CHATS", "telegram:@channel"),
        ("CHATS", "discord:-5"),
        ("LANGUAGE", "de"),
        ("TIMEZONE", "Mars/Olympus"),
        ("TIMEZONE", "../../etc/passwd"),
        ("TIME", "8"),
        ("WAIT_UNTIL", "24:00"),
        ("DIGEST_SIZE", "0"),
        ("DIGEST_SIZE", "101"),
        ("DIGEST_SIZE", "ten"),
        ("LOG_LEVEL", "loud"),
        ("CONTACT", "me\nX-Evil: 1"),
        ("UNCERTAIN", "maybe"),
        ("TELEGRAM__TOKEN", ""),
        ("TELEGRAM__TOKEN", "no-colon"),
        ("TELEGRAM__TOKEN", "1:a b"),
        ("TELEGRAM__API_URL", "api.telegram.org"),
        ("TELEGRAM__API_URL", "http://host/?a=b"),
        ("TELEGRAM__API_URL", "http://host:99999"),
        ("DISCORD__TOKEN", "a\tb"),
        ("DISCORD__GATEWAY_URL", "https://gateway.discord.gg"),
        ("ARXIV__FEED_URL", "file:///etc/passwd"),
        ("ARXIV__CATEGORIES", ""),
        ("ARXIV__CATEGORIES", "cs.CL cs.LG"),
        ("ARXIV__CATEGORIES", "cs.CL+cs.LG"),
        ("ARXIV__INTERVAL", "1"),
        ("ARXIV__INTERVAL", "nan"),
    ],
)
def test_a_wrong_value_is_a_problem_with_its_key_and_a_mend(tmp_path: Path, key: str, value: str) -> None:
    problem = only(problems(tmp_path, **{f"PAPERROUND_{key}": value}))
    assert problem.key == f"PAPERROUND_{key}"
    assert problem.wrong
    assert problem.mend


def test_a_short_interval_is_for_a_server_on_this_machine_only(tmp_path: Path) -> None:
    short = {"PAPERROUND_ARXIV__INTERVAL": "0.5"}
    for host in ("localhost:80", "127.0.0.1:80", "[::1]:80"):
        assert load(tmp_path, short | {"PAPERROUND_ARXIV__FEED_URL": f"http://{host}/rss"}).arxiv.interval == 0.5
    for host in ("rss.arxiv.org", "127.0.0.1.example", "10.0.0.1"):
        with pytest.raises(ConfigError, match="shorter than arXiv allows"):
            load(tmp_path, short | {"PAPERROUND_ARXIV__FEED_URL": f"http://{host}/rss"})


def test_a_secret_may_be_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(TELEGRAM + "\n")
    (tmp_path / "paperround.toml").write_text('[telegram]\ntoken_file = "secret"')
    (tmp_path / "url").write_text("postgresql://u:pw@h/d\n")
    config = load(tmp_path, {"PAPERROUND_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert config.telegram.token and config.telegram.token.get_secret_value() == TELEGRAM
    assert config.database == "postgresql+psycopg://u:pw@h/d"
    config = load(tmp_path, {"PAPERROUND_TELEGRAM__TOKEN": "1:from-the-environment"})
    assert config.telegram.token and config.telegram.token.get_secret_value() == "1:from-the-environment"


def test_a_secret_given_twice_in_one_source_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(TELEGRAM)
    found = problems(tmp_path, PAPERROUND_TELEGRAM__TOKEN=TELEGRAM, PAPERROUND_TELEGRAM__TOKEN_FILE="secret")
    assert only(found).mend == "keep one of the two"


def test_an_unreadable_secret_file_is_a_problem_that_does_not_show_its_name(tmp_path: Path) -> None:
    problem = only(problems(tmp_path, PAPERROUND_TELEGRAM__TOKEN_FILE=TELEGRAM))
    assert problem.key == "PAPERROUND_TELEGRAM__TOKEN_FILE"
    assert "no such file" in problem.wrong
    assert TELEGRAM not in repr(problem)
    (tmp_path / "empty").write_text(" \n")
    assert "empty" in only(problems(tmp_path, PAPERROUND_DISCORD__TOKEN_FILE="empty")).wrong
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "UTF-8" in only(problems(tmp_path, PAPERROUND_DISCORD__TOKEN_FILE="binary")).wrong
    assert only(problems(tmp_path, PAPERROUND_DISCORD__TOKEN_FILE=str(tmp_path))).wrong


def test_a_broken_file_is_told_with_its_line_and_the_environment_is_still_checked(tmp_path: Path) -> None:
    found = problems(tmp_path, 'language = "en"\naccess = open\n', PAPERROUND_TIME="noon")
    assert [p.key for p in found] == ["paperround.toml", "PAPERROUND_TIME"]
    assert "line 2" in found[0].wrong


def test_a_broken_line_of_dot_env_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PAPERROUND_LANGUAGE=en\n'oops\n")
    assert only(problems(tmp_path)) == Problem(
        ".env", "line 2 cannot be read", "write NAME=value, or a # in front of the line"
    )


def test_another_file_can_be_named_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('language = "zh-Hans"')
    assert load(tmp_path, {"PAPERROUND_CONFIG": "other.toml"}).language == "zh-Hans"
    assert load(tmp_path, {}, tmp_path / "other.toml").language == "zh-Hans"
    assert only(problems(tmp_path, PAPERROUND_CONFIG="gone.toml")).wrong == "is not there"


def test_a_section_and_a_value_are_not_taken_for_each_other(tmp_path: Path) -> None:
    assert "section" in only(problems(tmp_path, 'telegram = "1:x"')).wrong
    assert only(problems(tmp_path, "[language]\nen = true")).key == "language in paperround.toml"
    assert only(problems(tmp_path, "digest_size = true")).key == "digest_size in paperround.toml"
    assert only(problems(tmp_path, "admins = [123]")).key == "admins in paperround.toml"


def test_a_data_folder_that_is_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert only(problems(tmp_path)).key == "data_dir"


def test_the_configuration_does_not_print_its_secrets(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        {
            "PAPERROUND_TELEGRAM__TOKEN": TELEGRAM,
            "PAPERROUND_TELEGRAM__API_URL": "http://me:proxy-pass@127.0.0.1:8081",
            "PAPERROUND_DISCORD__TOKEN": DISCORD,
            "PAPERROUND_DATABASE_URL": "postgresql://u:p%40ss-word@h/d?sslpassword=k%65y-pass",
        },
    )
    shown = f"{config!r} {config} {config.telegram!r} {config.telegram.token}"
    secrets = config.secrets()
    assert not [secret for secret in secrets if secret in shown]
    assert {TELEGRAM, DISCORD, "p%40ss-word", "p@ss-word", "proxy-pass", "key-pass", "k%65y-pass"} <= set(secrets)
    assert {"AAEhBOweik9ai2o01fMUXkMsxPaaaa-Bbb", "s0meth1ng-long-and-secret"} <= set(secrets)
    assert f"http://me:proxy-pass@127.0.0.1:8081/bot{TELEGRAM}" in secrets
    assert list(secrets) == sorted(secrets, key=len, reverse=True)


def test_the_database_is_found_in_a_folder_with_an_odd_name(tmp_path: Path) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    config = load(tmp_path, {"PAPERROUND_DATA_DIR": "a b?c%20d#é"})
    assert sqlalchemy.make_url(config.database).database == str(tmp_path / "a b?c%20d#é" / "paperround.db")


_KEYS = st.sampled_from(sorted(configuration._KNOWN))
_LETTERS = "019:,./-@?#[]%aZ \n\0é٣"
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(_LETTERS, max_size=8) | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(_LETTERS, max_size=3), inner, max_size=2),
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_whatever_is_written_it_is_a_configuration_or_a_problem(values: dict[tuple[str, ...], object]) -> None:
    config, faults = build(values)
    assert isinstance(config, Config)
    assert all(key in values and fault.wrong and fault.mend for key, fault in faults)


def test_reading_the_configuration_loads_neither_a_platform_nor_pydantic() -> None:
    code = "import sys, bot.config; print(*sorted({'pydantic', 'sqlmodel', 'telegram', 'discord'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("written", "meant"), [("yes", True), ("ON", True), ("1", True), ("false", False), ("no", False)]
)
def test_a_switch_is_written_as_people_write_it(tmp_path: Path, written: str, meant: bool) -> None:
    assert load(tmp_path, {"PAPERROUND_ANTHOLOGY__ENABLED": written}).anthology.enabled is meant


def test_a_switch_that_is_neither_is_told(tmp_path: Path) -> None:
    assert only(problems(tmp_path, PAPERROUND_ANTHOLOGY__ENABLED="maybe")).mend == "write true or false"


def test_languages_are_tags_in_their_own_spelling_and_the_default_is_one_of_them(tmp_path: Path) -> None:
    (tmp_path / "paperround.toml").write_text('languages = ["EN", "zh", "pt_br", "ja", "zh-TW"]')
    config = load(tmp_path, {})
    assert (config.language, config.languages) == ("en", ("en", "zh-Hans", "pt-BR", "ja", "zh-Hant"))
    assert load(tmp_path, {"PAPERROUND_LANGUAGES": "ja,fr"}).language == "ja"
    assert load(tmp_path, {"PAPERROUND_LANGUAGES": "ja,fr", "PAPERROUND_LANGUAGE": "fr"}).language == "fr"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('languages = ["xx"]', "'xx' is not a language that is known"),
        ('languages = ["Japanese"]', "'Japanese' is not a language's tag"),
        ('languages = ["../en"]', "'../en' is not a language's tag"),
        ("languages = []", "names no language"),
        ('language = "ja"', "ja is not among the languages"),
        ('language = "fr"\nlanguages = ["en", "ja"]', "fr is not among the languages"),
    ],
)
def test_what_is_no_language_or_not_offered_is_told(tmp_path: Path, line: str, wrong: str) -> None:
    assert only(problems(tmp_path, line)).wrong == wrong
