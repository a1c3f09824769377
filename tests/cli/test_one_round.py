"""``paperround round``: one round as if it were that time, for cron and for trying things."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.cli.platforms import add_reader, for_telegram
from tests.cli.shell import ON, Shell, papers
from tests.feeds_text import rss
from tests.program import refused_url
from tests.servers.feeds import in_thread
from tests.servers.telegram import FakeTelegram

EIGHT = datetime(2025, 4, 8, 8, 0, tzinfo=UTC)
AT = "2025-04-08T10:00+02:00"
READER = "501"


@pytest.fixture
def telegram(shell: Shell) -> Iterator[FakeTelegram]:
    """A reader of LoRA on Telegram who is due at eight, and a feed of that day."""
    with in_thread() as feeds, FakeTelegram() as server:
        feeds.put("/rss/cs.CL", rss(papers(), ON))
        shell.env(PAPERROUND_ARXIV__FEED_URL=f"{feeds.url}/rss", PAPERROUND_ARXIV__CATEGORIES="cs.CL")
        assert shell("topics", "list").status == 0
        add_reader(shell.folder, READER, "LoRA", EIGHT)
        shell.env(**for_telegram(server))
        yield server


def test_a_round_polls_plans_and_delivers_to_who_is_due(shell: Shell, telegram: FakeTelegram) -> None:
    early = shell("round", "--json", "--at", "2025-04-08T07:59").json
    assert (early["polled"]["new"], early["planned"], early["sent"]) == (3, 0, 0)
    done = shell("round", "--json", "--at", AT)
    assert done.status == 0
    assert {"polled", "planned", "sent", "postponed", "failed"} <= done.json.keys()
    assert list(done.json["polled"]) == ["read", "new", "merged", "updated", "unchanged", "refused"]
    assert [done.json[key] for key in ("planned", "sent", "postponed", "failed")] == [1, 1, 0, 0]
    (message,) = telegram.sent
    assert "Kettle: LoRA for Tea" in message["visible"] and "QLoRA on a Boat" in message["visible"]
    again = shell("round", "--at", "2025-04-08T08:05")
    assert again.status == 0
    assert "0 planned, 0 sent, 0 postponed, 0 failed" in again.out


def test_a_dry_run_says_what_would_happen_and_does_nothing(shell: Shell, telegram: FakeTelegram) -> None:
    for _ in range(2):
        dry = shell("round", "--dry-run", "--json", "--at", AT)
        assert dry.status == 0
        assert (dry.json["polled"]["new"], dry.json["planned"], dry.json["sent"]) == (3, 1, 0)
    assert "1 would be planned, 0 sent" in shell("round", "--dry-run", "--at", AT).out
    assert telegram.calls == []
    assert shell("search", "LoRA", "--json").json == []


def test_a_busy_platform_postpones_and_asks_to_be_tried_later(shell: Shell, telegram: FakeTelegram) -> None:
    telegram.fail_next("sendMessage", 429, "Too Many Requests: retry after 60", retry_after=60)
    busy = shell("round", "--json", "--at", AT)
    assert busy.status == 75
    assert (busy.json["sent"], busy.json["postponed"]) == (0, 1)
    done = shell("round", "--json", "--at", "2025-04-08T08:30")
    assert (done.status, done.json["sent"]) == (0, 1)


def test_a_reader_who_blocked_the_bot_makes_the_round_fail_in_part(shell: Shell, telegram: FakeTelegram) -> None:
    telegram.refused[int(READER)] = (403, "Forbidden: bot was blocked by the user")
    gone = shell("round", "--json", "--at", AT)
    assert gone.status == 1
    assert (gone.json["sent"], gone.json["failed"]) == (0, 1)


def test_a_feed_that_is_down_is_said_and_asks_to_be_tried_later(shell: Shell, telegram: FakeTelegram) -> None:
    shell.env(PAPERROUND_ARXIV__FEED_URL=refused_url())
    for call in (("round",), ("round", "--dry-run")):
        said = shell(*call, "--json", "--at", AT)
        assert said.status == 75
        assert said.json["polled"]["read"] == 0
        assert said.json["feeds"] == {"cs.CL": "failed"}
        assert said.err.count("\n") == 1
