"""The running program as machines see it: its log, its figures, its health; and that no secret is in any of them."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.monitor import ask
from tests.cli.platforms import add_reader, discord_in_thread, for_discord, for_telegram
from tests.cli.shell import ON, Shell, papers
from tests.cli.test_process import PATIENCE, Running, run
from tests.feeds_text import EASTERN, rss
from tests.program import environment
from tests.servers.feeds import in_thread
from tests.servers.telegram import FakeTelegram

EIGHT = datetime(2025, 4, 8, 8, 0, tzinfo=UTC)
READER = "501"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def telegram(shell: Shell) -> Iterator[FakeTelegram]:
    """A reader of LoRA on Telegram who is due at eight, and a feed of that day."""
    with in_thread() as feeds, FakeTelegram() as server:
        feeds.put("/rss/cs.CL", rss(papers(), ON))
        shell.env(PAPERROUND_ARXIV__FEED_URL=f"{feeds.url}/rss", PAPERROUND_ARXIV__CATEGORIES="cs.CL")
        assert shell("topics", "list").status == 0
        add_reader(shell.folder, READER, "LoRA", EIGHT)
        shell.env(**for_telegram(server), PAPERROUND_LOG_FORMAT="json")
        yield server


def events(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines()]


def test_one_id_leads_from_the_announcements_to_the_delivered_message(shell: Shell, telegram: FakeTelegram) -> None:
    telegram.fail_next("sendMessage", 429, "Too Many Requests: retry after 5", retry_after=5)
    first = shell("round", "--at", "2025-04-08T08:00")
    # Another process carries it on, an hour later.
    second = shell("round", "--at", "2025-04-08T09:00")
    told = events(first.err) + events(second.err)
    (batch,) = {line["batch"] for line in told if line["event"].startswith("papers: 3 new")}
    about = [line for line in told if line.get("batch") == batch]
    assert [line["event"] for line in about if line["from"] == "routine"] == [
        "papers: 3 new, 0 merged, 0 updated", "plan: 1 deliveries for 1 chats that were due", "message 1: limited",
        "delivery 1: postponed with 0 messages", "message 1: sent", "delivery 1: sent with 1 messages",
    ]  # fmt: skip
    (arrived,) = telegram.sent
    sent = next(line for line in about if line["event"] == "message 1: sent")
    assert sent["message"] == str(arrived["message_id"])
    assert (sent["chat"], sent["delivery"], sent["part"]) == (f"telegram:{READER}", 1, 1)
    assert telegram.token not in first.err + second.err


def test_as_text_the_log_says_what_it_always_said(shell: Shell, telegram: FakeTelegram) -> None:
    shell.env(PAPERROUND_LOG_FORMAT="text")
    said = shell("round", "--at", "2025-04-08T08:00")
    assert "poll: " in said.err and "3 new" in said.err
    assert "batch" not in said.err and "delivery 1" not in said.err and "{" not in said.err
    shell.env(PAPERROUND_LOG_LEVEL="debug")
    assert "plan: " in shell("round", "--at", "2025-04-09T08:00").err


def test_a_running_bot_tells_its_health_and_figures_and_no_secret(tmp_path: Path) -> None:
    listen = ("127.0.0.1", free_port())
    with in_thread() as feeds, FakeTelegram() as telegram, discord_in_thread() as discord:
        discord.add_guild()
        feeds.put("/rss/cs.CL", rss(papers(), datetime.now(EASTERN).date()))
        env = {
            **environment(tmp_path, f"{feeds.url}/rss", PAPERROUND_ARXIV__CATEGORIES="cs.CL"),
            **for_telegram(telegram), **for_discord(discord),
            "PAPERROUND_HTTP_LISTEN": f"{listen[0]}:{listen[1]}",
            "PAPERROUND_LOG_FORMAT": "json", "PAPERROUND_LOG_LEVEL": "debug",
        }  # fmt: skip
        run(tmp_path, "topics", "list", env=env)
        add_reader(tmp_path, READER, "LoRA", datetime.now(UTC) - timedelta(hours=1))
        before = run(tmp_path, "health", env=env)
        assert before.returncode == 1 and "refused" in before.stdout
        with Running(tmp_path, env) as program:
            telegram.wait(lambda t: t.sent, PATIENCE)
            while ask(listen, "/readyz")[0] != 200:
                time.sleep(0.05)
            ready = run(tmp_path, "health", "--ready", env=env)
            assert ready.returncode == 0
            assert json.loads(ready.stdout) == {"database": "ok", "telegram": "ok", "discord": "ok"}
            while "paperround_deliveries{state=\"sent\"} 1.0" not in (figures := ask(listen, "/metrics")[1]):
                time.sleep(0.5)
            program.signal(15)
            status, said = program.end()
    assert status == 0, said
    for line in (
        'paperround_message_attempts_total{platform="telegram",result="sent"} 1.0',
        'paperround_items_total{result="new"} 3.0',
        'paperround_polls_total{state="fresh"} 1.0',
        'paperround_deliveries{state="sent"} 1.0',
        "paperround_planned_deliveries_total 1.0",
        "paperround_due_deliveries 0.0",
        "paperround_index_lag 0.0",
        'paperround_feed_state{category="cs.CL",state="fresh"} 1.0',
    ):
        assert line in figures.splitlines(), figures
    assert "process_cpu_seconds_total" in figures
    assert [line for line in said.splitlines()[1:] if not line.startswith("{")] == []
    assert len(events("\n".join(said.splitlines()[1:]))) > 5
    for secret in (telegram.token, telegram.token.partition(":")[2], discord.token, discord.token.rpartition(".")[2]):
        assert secret not in figures + said + ready.stdout
