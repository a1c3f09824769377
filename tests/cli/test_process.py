"""What only a whole process shows: pipes, signals, streams without a terminal, encodings, a token that is refused."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.platforms import add_reader, discord_in_thread, for_discord, for_telegram
from tests.cli.shell import ON, papers
from tests.documents import write_documents
from tests.feeds_text import EASTERN, paper, rss
from tests.feeds_text import papers as many_papers
from tests.program import command, environment
from tests.servers.feeds import Answer, FeedServer, in_thread
from tests.servers.telegram import FakeTelegram

PATIENCE = 60
"""Seconds after which something that does not end never will."""


def run(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, encoding: str = "utf-8"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command(), *arguments], cwd=folder, env={**environment(folder), **(env or {})}, stdin=subprocess.DEVNULL,
        capture_output=True, encoding=encoding, timeout=PATIENCE,
    )  # fmt: skip


class Running:
    """`paperround run` without a terminal, until the block ends."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder, self._env = folder, {**environment(folder), **env}

    def __enter__(self) -> Running:
        self._process = subprocess.Popen(
            [*command(), "run"], cwd=self._folder, env=self._env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate(timeout=10)

    def signal(self, name: int) -> None:
        self._process.send_signal(name)

    def end(self) -> tuple[int, str]:
        """(exit status, all that it said)."""
        out, _ = self._process.communicate(timeout=PATIENCE)
        return self._process.returncode, out


@pytest.fixture
def feeds() -> Iterator[FeedServer]:
    """A feed of today."""
    with in_thread() as server:
        server.put("/rss/cs.CL", rss(papers(), datetime.now(EASTERN).date()))
        yield server


def reading(server: FeedServer) -> dict[str, str]:
    return {"PAPERROUND_ARXIV__FEED_URL": f"{server.url}/rss", "PAPERROUND_ARXIV__CATEGORIES": "cs.CL"}


def test_without_terminal_and_token_it_prints_the_digest_plainly_and_ends(tmp_path: Path, feeds: FeedServer) -> None:
    env = {**reading(feeds), "TERM": "xterm-256color", "LANG": "C", "LC_ALL": "C"}
    first = run(tmp_path, "run", env=env)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("Paperround ")
    assert "new papers for PEFT" in first.stdout and "p<q tea" in first.stdout
    assert "\x1b" not in first.stdout and "\r" not in first.stdout
    assert "Ctrl-D" not in first.stdout
    again = run(tmp_path, "run", env={**env, "LC_ALL": "zh_CN.UTF-8"})
    assert again.returncode == 0
    assert "高效微调" in again.stdout or "PEFT" in again.stdout
    assert len(feeds.requests) == 1, "what is fresh is not asked for again"


def test_without_network_it_says_so_in_one_line_and_ends_with_75_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        said = run(tmp_path, "run")
        assert said.returncode == 75
        (line,) = [line for line in said.stdout.splitlines() if "No feed" in line]
        assert "cannot be reached" in line and "again" in line
        assert said.stderr == ""


def test_a_reader_who_has_enough_ends_it_in_silence(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_bytes(rss(many_papers(600), ON))
    assert run(tmp_path, "poll", "feed.xml").returncode == 0
    call = " ".join([*command(), "search", "number", "--limit", "600", "--json"])
    piped = subprocess.run(
        ["bash", "-c", f"{call} | head -1; echo ${{PIPESTATUS[0]}}"], cwd=tmp_path, env=environment(tmp_path),
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert piped.stdout.splitlines() == ["[", "0"]
    assert piped.stderr == ""
    full = subprocess.run(
        ["bash", "-c", f"{call} > /dev/full"], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True,
        timeout=PATIENCE,
    )  # fmt: skip
    assert full.returncode == 1
    assert "No space left" in full.stderr and "Traceback" not in full.stderr


def test_streams_that_the_caller_closed_change_nothing_else(tmp_path: Path, feeds: FeedServer) -> None:
    env = {**environment(tmp_path), **reading(feeds)}
    for closed, expected in (("<&-", "new papers for PEFT"), (">&-", ""), ("2>&-", "new papers for PEFT")):
        done = subprocess.run(
            ["bash", "-c", f"{' '.join(command())} run {closed}"], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL,
            capture_output=True, encoding="utf-8", timeout=PATIENCE,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert expected in done.stdout


def test_progress_bars_and_colours_are_for_terminals_alone(tmp_path: Path) -> None:
    paths = [str(path) for path in write_documents(tmp_path).values()]
    said = run(tmp_path, "import", *paths, "--json", env={"TERM": "xterm-256color", "COLORTERM": "truecolor"})
    assert json.loads(said.stdout)["read"] == 10
    assert "\x1b" not in said.stderr and "\r" not in said.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_stream_that_is_not_utf_8_gets_what_it_can_show(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "feed.xml").write_bytes(rss([paper("2504.00001", "Tea für 茶 \U0001d4aa")], ON))
    run(tmp_path, "poll", "feed.xml")
    env = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    plain = run(tmp_path, "search", "tea", env=env, encoding=encoding)
    assert (plain.returncode, plain.stderr) == (0, "")
    assert "\\u8336" in plain.stdout
    found = json.loads(run(tmp_path, "search", "tea", "--json", env=env, encoding=encoding).stdout)
    assert found[0]["title"] == "Tea für 茶 \U0001d4aa"


def test_a_refused_token_ends_the_run_with_2_and_says_whose(tmp_path: Path, feeds: FeedServer) -> None:
    with FakeTelegram() as telegram, discord_in_thread() as discord:
        env = {**reading(feeds), **for_telegram(telegram), **for_discord(discord)}
        telegram.token, discord.token = "1:changed", "changed"
        said = run(tmp_path, "run", env=env)
    assert said.returncode == 2
    assert "Traceback" not in said.stderr
    assert "2 problem(s)" in said.stderr
    assert "PAPERROUND_TELEGRAM__TOKEN: Telegram does not know this token" in said.stderr
    assert "PAPERROUND_DISCORD__TOKEN" in said.stderr


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_running_bot_cleanly_even_while_a_feed_hangs(
    tmp_path: Path, feeds: FeedServer, name: int
) -> None:
    feeds.put("/rss/cs.CL", Answer(b"", delay=120))
    with FakeTelegram() as telegram, Running(tmp_path, {**reading(feeds), **for_telegram(telegram)}) as program:
        telegram.wait(lambda t: any(method == "getUpdates" for method, _ in t.calls), PATIENCE)
        telegram.wait(lambda t: feeds.requests, PATIENCE)
        program.signal(name)
        began = datetime.now(UTC)
        status, said = program.end()
    assert status == 0, said
    assert "stopped" in said and "Traceback" not in said
    # The feed would have been waited for 60 s; a service manager kills after 10 at the earliest.
    assert (datetime.now(UTC) - began).total_seconds() < 30


def test_a_second_signal_ends_it_at_once(tmp_path: Path, feeds: FeedServer) -> None:
    """A message hangs on its way, so the orderly end takes a few seconds; who asks twice does not wait for it."""
    with FakeTelegram() as telegram:
        assert run(tmp_path, "topics", "list").returncode == 0
        add_reader(tmp_path, "501", "LoRA", datetime(2025, 1, 1, tzinfo=UTC))
        telegram.delay_next("sendMessage", 120)
        with Running(tmp_path, {**reading(feeds), **for_telegram(telegram)}) as program:
            telegram.wait(lambda t: any(method == "sendMessage" for method, _ in t.calls), PATIENCE)
            program.signal(signal.SIGTERM)
            program.signal(signal.SIGINT)
            status, said = program.end()
    assert status in (128 + signal.SIGINT, 128 + signal.SIGTERM), said
    assert "Traceback" not in said
