"""``paperround doctor``: each part looked at, what is wrong with it, and the mend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.model import Gap, GapState
from storage.store import open_store
from tests.cli.platforms import discord_in_thread, for_discord, for_telegram
from tests.cli.shell import Said, Shell, papers
from tests.databases import sqlite_url
from tests.feeds_text import EASTERN, rss
from tests.servers.feeds import FeedServer, in_thread
from tests.servers.telegram import FakeTelegram


@pytest.fixture
def feeds(shell: Shell) -> Iterator[FeedServer]:
    """A feed of today, which the shell is configured to read."""
    with in_thread() as server:
        server.put("/rss/cs.CL", rss(papers(), datetime.now(EASTERN).date()))
        shell.env(PAPERROUND_ARXIV__FEED_URL=f"{server.url}/rss", PAPERROUND_ARXIV__CATEGORIES="cs.CL")
        yield server


def by_subject(said: Said) -> dict[str, Any]:
    for finding in said.json:
        assert finding.keys() == {"subject", "ok", "what", "mend"}
    return {finding["subject"]: finding for finding in said.json}


def test_a_fresh_instance_is_well_and_is_told_what_else_it_could_have(shell: Shell, feeds: FeedServer) -> None:
    said = shell("doctor")
    assert said.status == 0
    assert "WRONG" not in said.out
    assert "PAPERROUND_TELEGRAM__TOKEN" in said.out and "PAPERROUND_CONTACT" in said.out
    found = by_subject(shell("doctor", "--json"))
    assert found["feed cs.CL"]["ok"] and "papers: 3" in found["database"]["what"]


def test_a_feed_that_is_down_is_wrong_with_the_reason(shell: Shell) -> None:
    said = shell("doctor", "--json")
    assert said.status == 1
    wrong = [finding for finding in said.json if not finding["ok"]]
    assert [finding["subject"] for finding in wrong] == ["feed cs.CL", "feed cs.LG", "feed cs.AI"]
    assert all("127.0.0.1" in finding["what"] and finding["mend"] for finding in wrong)


def test_a_database_that_is_down_does_not_hide_the_feeds_and_tokens(shell: Shell, feeds: FeedServer) -> None:
    with FakeTelegram() as telegram:
        shell.env(
            **for_telegram(telegram),
            PAPERROUND_ADMINS="telegram:1",
            PAPERROUND_DATABASE_URL="postgresql://me:kept-secret@127.0.0.1:1/papers",
        )
        said = shell("doctor", "--json")
    assert said.status == 1
    found = by_subject(said)
    assert not found["database"]["ok"] and "PAPERROUND_DATABASE_URL" in found["database"]["what"]
    assert found["feed"]["ok"] and "3 items" in found["feed"]["what"]
    assert found["Telegram token"]["ok"]
    assert "kept-secret" not in said.out + said.err


def test_good_tokens_are_named_and_nothing_is_sent(shell: Shell, feeds: FeedServer) -> None:
    with FakeTelegram() as telegram, discord_in_thread() as discord:
        discord.add_guild()
        shell.env(**for_telegram(telegram), **for_discord(discord), PAPERROUND_ADMINS="telegram:1")
        said = shell("doctor", "--json")
        assert not telegram.sent and not discord.sent
        assert telegram.violations == [] and discord.violations == []
    assert said.status == 0, said.out
    found = by_subject(said)
    assert "@" in found["Telegram token"]["what"]
    assert "in 1 server" in found["discord servers"]["what"]
    assert said.err == ""
    assert telegram.token not in said.out + said.err


def test_bad_tokens_say_where_to_get_good_ones_and_are_not_shown(shell: Shell, feeds: FeedServer) -> None:
    with FakeTelegram() as telegram, discord_in_thread() as discord:
        shell.env(**for_telegram(telegram), **for_discord(discord), PAPERROUND_ADMINS="telegram:1")
        telegram.token, discord.token = "1:changed", "changed"
        said = shell("doctor", "--json")
    assert said.status == 1
    wrong = [finding for finding in said.json if not finding["ok"]]
    assert [finding["subject"].lower() for finding in wrong] == ["telegram token", "discord token"]
    assert "@BotFather" in wrong[0]["mend"]
    assert "discord.com/developers" in wrong[1]["mend"]
    assert "fake" not in said.out + said.err


def test_missing_rights_are_told_with_the_mend(shell: Shell, feeds: FeedServer) -> None:
    with FakeTelegram() as telegram, discord_in_thread() as discord:
        telegram.me["can_join_groups"] = False
        telegram.webhook = "https://elsewhere.example/hook"
        discord.interactions_endpoint_url = "https://elsewhere.example/interactions"
        shell.env(**for_telegram(telegram), **for_discord(discord))
        said = shell("doctor", "--json")
    assert said.status == 1
    found = by_subject(said)
    wrong = {subject for subject, finding in found.items() if not finding["ok"]}
    assert wrong == {"admins", "Telegram groups", "Telegram webhook", "discord commands", "discord servers"}
    assert all(found[subject]["mend"] for subject in wrong)
    assert "oauth2/authorize" in found["discord servers"]["mend"]


def test_a_platform_that_is_down_does_not_hide_the_other(shell: Shell, feeds: FeedServer) -> None:
    with FakeTelegram() as telegram:
        variables = for_telegram(telegram)
    with discord_in_thread() as discord:
        discord.add_guild()
        shell.env(**variables, **for_discord(discord), PAPERROUND_ADMINS="telegram:1")
        said = shell("doctor", "--json")
    assert said.status == 1
    found = by_subject(said)
    assert "cannot be reached" in found["Telegram"]["what"]
    assert found["discord token"]["ok"]


def test_what_a_feed_sent_wrong_and_which_days_are_missed_is_told(shell: Shell, feeds: FeedServer) -> None:
    today = datetime.now(EASTERN).date()
    assert shell("doctor").status == 0
    broken = rss(papers(), today).replace(b"<arxiv:announce_type>new", b"<arxiv:announce_type>rumour", 1)
    feeds.put("/rss/cs.CL", broken)
    store = open_store(sqlite_url(shell.folder / "data"))
    with store.transaction() as tx:
        gaps = [Gap("cs.CL", today - timedelta(days=n), why="the feed was down") for n in range(7, 0, -1)]
        assert tx.open_gaps(gaps) == 7
        tx.put_gap(replace(gaps[0], state=GapState.GIVEN_UP, why="nobody answers"))
    store.close()
    found = by_subject(shell("doctor", "--json"))
    assert found["quarantine"]["ok"] and "unknown announce type 'rumour'" in found["quarantine"]["what"]
    assert "1 things" in found["quarantine"]["what"] and "item 1" in found["quarantine"]["what"]
    assert found["missed days"]["what"].startswith(f"6 (cs.CL {today - timedelta(days=6)}, ")
    assert not found["missed days"]["ok"] and "oai_url" in found["missed days"]["mend"], "feeds are from elsewhere"
    assert not found["lost days"]["ok"] and "nobody answers" in found["lost days"]["what"]
