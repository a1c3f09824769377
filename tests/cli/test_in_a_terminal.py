"""The console chat as somebody in front of it has it: a real process on a terminal of its own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.cli.platforms import for_telegram
from tests.cli.shell import papers
from tests.cli.terminal import Terminal
from tests.feeds_text import EASTERN, rss
from tests.program import environment
from tests.servers.feeds import Answer, FeedServer, in_thread
from tests.servers.telegram import FakeTelegram

PROMPT = "paperround>"


@pytest.fixture
def feeds() -> Iterator[FeedServer]:
    with in_thread() as server:
        server.put("/rss/cs.CL", rss(papers(), datetime.now(EASTERN).date()))
        yield server


def variables(folder: Path, server: FeedServer | None, **more: str) -> dict[str, str]:
    """cs.CL is read from ``server``; without one nobody answers."""
    return {
        **environment(folder, f"{server.url}/rss" if server else ""),
        "PAPERROUND_ARXIV__CATEGORIES": "cs.CL",
        **more,
    }


def test_the_first_digest_is_shown_and_every_command_works_until_ctrl_d(tmp_path: Path, feeds: FeedServer) -> None:
    with Terminal(tmp_path, variables(tmp_path, feeds)) as terminal:
        first = terminal.expect("Paperround ", "2 new papers for PEFT", "/help", PROMPT)
        assert "Kettle: LoRA for Tea" in first
        assert "\x1b[1;32m" in terminal.raw, "a heading is in colour on a terminal"
        terminal.type("/paper LoRA\r")
        assert "QLoRA on a Boat" in terminal.expect("2 papers for LoRA", PROMPT)
        terminal.type("/frobnicate\r")
        terminal.expect("There is no command /frobnicate. /help shows", PROMPT)
        terminal.type("/subscribe parrots\r")
        terminal.expect("in the last week", "[1] Follow", PROMPT)
        terminal.type("1\r")
        terminal.expect("Subscribed to parrots", PROMPT)
        terminal.type("/help\r")
        terminal.expect("/subscriptions", "/topic", PROMPT)
        terminal.type("2504.00003\r")
        terminal.expect("Parrots *Count* [Again]", "[1] Save", "[9] arXiv", PROMPT)
        terminal.type("\x04")
        assert terminal.end() == 0
    assert "Traceback" not in terminal.shown


@pytest.mark.parametrize("keys", ["\x03", "/quit\r"])
def test_ctrl_c_and_quit_end_it_cleanly(tmp_path: Path, feeds: FeedServer, keys: str) -> None:
    with Terminal(tmp_path, variables(tmp_path, feeds)) as terminal:
        terminal.expect(PROMPT)
        terminal.type(keys)
        assert terminal.end() == 0
    assert "Traceback" not in terminal.shown


def test_ctrl_c_during_a_slow_first_poll_ends_with_130(tmp_path: Path, feeds: FeedServer) -> None:
    feeds.put("/rss/cs.CL", Answer(b"", delay=60))
    with Terminal(tmp_path, variables(tmp_path, feeds)) as terminal:
        terminal.expect("Reading cs.CL")
        while not feeds.requests:
            terminal._more(0)
        terminal.type("\x03")
        ends = {130}
        if terminal.silent(15):  # on a machine so busy that the prompt came in between, it is asked again
            terminal.type("\x03")
            ends = {0, 130}  # at the prompt it is an orderly end
        assert terminal.end() in ends
    assert "Traceback" not in terminal.shown


def test_without_network_it_says_so_in_a_line_and_stored_papers_are_searched(tmp_path: Path, feeds: FeedServer) -> None:
    with Terminal(tmp_path, variables(tmp_path, feeds)) as terminal:
        terminal.expect(PROMPT)
        terminal.type("\x04")
        assert terminal.end() == 0
    with Terminal(tmp_path, variables(tmp_path, None, PAPERROUND_ARXIV__CATEGORIES="cs.CL,cs.LG")) as terminal:
        said = " ".join(terminal.expect("No feed", "searched.").split())
        assert "cannot be reached" in said and "trying again at " in said
        terminal.type("/paper boat\r")
        terminal.expect("1 paper for boat", "QLoRA on a Boat", PROMPT)
        terminal.signal(signal.SIGTERM)
        assert terminal.end() == 0


def test_log_lines_pass_above_what_is_being_typed(tmp_path: Path, feeds: FeedServer) -> None:
    with FakeTelegram() as telegram:
        env = variables(tmp_path, feeds, **for_telegram(telegram))
        with Terminal(tmp_path, env) as terminal:
            terminal.expect("telegram is listening", PROMPT)
            terminal.type("/paper bo")
            terminal.expect("/paper bo")
            telegram.close()
            line = terminal.expect("Telegram", "\n", f"{PROMPT} /paper bo")
            assert "WARNING" in line or "INFO" in line
            terminal.type("at\r")
            terminal.expect("1 paper for boat", "QLoRA on a Boat", PROMPT)
            terminal.type("\x04")
            assert terminal.end() == 0
    assert telegram.token not in terminal.shown


@pytest.mark.parametrize("columns", [40, 80])
def test_no_line_of_a_digest_is_wider_than_the_terminal(tmp_path: Path, feeds: FeedServer, columns: int) -> None:
    with Terminal(tmp_path, variables(tmp_path, feeds, LANG="zh_CN.UTF-8"), columns=columns) as terminal:
        said = terminal.expect("Kettle", PROMPT)
        terminal.type("/help\r")
        said += terminal.expect("/topics", PROMPT)
        terminal.type("\x04")
        assert terminal.end() == 0
    lines = [line for line in said.split("\n") if "http" not in line]
    assert max(map(cell_len, lines)) <= columns


def test_a_dumb_terminal_gets_plain_text(tmp_path: Path, feeds: FeedServer) -> None:
    with Terminal(tmp_path, variables(tmp_path, feeds, TERM="dumb")) as terminal:
        terminal.expect("Kettle: LoRA for Tea", PROMPT)
        terminal.type("/paper boat\r")
        terminal.expect("QLoRA on a Boat", PROMPT)
        terminal.type("/quit\r")
        assert terminal.end() == 0
    assert "\x1b[1;32m" not in terminal.raw and "\x1b[3" not in terminal.raw
