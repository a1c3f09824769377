"""Another bot account with the same store: who goes on, who must press /start, and how they are named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.chats.accounts import discord_id, telegram_id
from bot import accounts
from bot.accounts import Change, follow_accounts, waiting_chats
from bot.commands.context import Context
from bot.config import Config
from bot.desk import FrontDesk
from bot.doctor import about_accounts
from bot.model import Address, Chat, ChatState, Place, Subscription
from bot.ports import Caller
from storage.searching import TantivyIndex
from storage.store import SqlStore, open_store
from tests.databases import sqlite_url

NOW = datetime(2025, 4, 8, 9, 0, tzinfo=UTC)
OLD, NEW = {"telegram": "111", "discord": "5"}, {"telegram": "222", "discord": "5"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """Twelve people, a group and a channel on Telegram, and somebody on Discord."""
    opened = open_store(sqlite_url(tmp_path))
    with opened.transaction() as tx:
        for n in range(1, 13):
            chat = tx.open_chat(Chat(0, Address("telegram", str(n)), title=f"Reader {n}", due_at=NOW))
            tx.subscribe(Subscription(0, chat.id, "LoRA"))
        tx.open_chat(Chat(0, Address("telegram", "-100"), place=Place.GROUP, due_at=NOW))
        tx.open_chat(Chat(0, Address("telegram", "-200"), place=Place.CHANNEL, due_at=NOW))
        tx.open_chat(Chat(0, Address("discord", "9"), due_at=NOW))
    yield opened
    opened.close()


def states(store: SqlStore) -> dict[str, ChatState]:
    with store.reading() as tx:
        chats = [tx.chat_by_id(n) for n in range(1, 16)]
    return {str(chat.address): chat.state for chat in chats if chat}


def test_the_first_account_and_the_same_one_change_nothing(store: SqlStore) -> None:
    assert follow_accounts(store, OLD, NOW) == follow_accounts(store, OLD, NOW) == []
    assert set(states(store).values()) == {ChatState.ACTIVE}
    with store.reading() as tx:
        assert about_accounts(tx, OLD) == []


def test_another_bot_leaves_groups_and_discord_as_they_are_and_private_chats_waiting(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accounts, "PAGE", 5)
    follow_accounts(store, OLD, NOW)
    with store.reading() as tx:
        (foreseen,) = about_accounts(tx, NEW)
    assert "another bot (222) than the chats know (111)" in foreseen.what
    assert follow_accounts(store, NEW, NOW) == [Change("telegram", "111", "222", 12)]
    assert "12 private chats wait for /start" in caplog.text
    found = states(store)
    assert {name for name, state in found.items() if state is ChatState.ACTIVE} == {
        "telegram:-100", "telegram:-200", "discord:9",
    }  # fmt: skip
    assert follow_accounts(store, NEW, NOW) == []
    with store.reading() as tx:
        assert len(tx.subscriptions(range(1, 13))) == 12, "they keep all they had"
        count, first = waiting_chats(tx, "telegram")
        assert (count, len(first)) == (12, accounts.SHOWN)
        (finding,) = about_accounts(tx, NEW)
    assert not finding.ok and "telegram:1 (Reader 1), " in finding.what and "and 2 more" in finding.what


def test_the_old_bot_may_come_back(store: SqlStore) -> None:
    follow_accounts(store, OLD, NOW)
    with store.transaction() as tx:
        blocked = tx.chat_by_id(1)
        assert blocked is not None
        tx.put_chat(Chat(1, blocked.address, state=ChatState.UNREACHABLE, why="the bot was blocked"))
    follow_accounts(store, NEW, NOW)
    later = NOW + timedelta(days=2)
    assert follow_accounts(store, OLD, later) == [Change("telegram", "222", "111", 0)]
    found = states(store)
    assert found.pop("telegram:1") is ChatState.UNREACHABLE, "it was gone before"
    assert set(found.values()) == {ChatState.ACTIVE}
    with store.reading() as tx:
        chat = tx.chat_by_id(2)
        assert chat is not None and chat.due_at is not None and chat.due_at > later, "nothing of then is sent at once"
        assert waiting_chats(tx, "telegram") == (0, [])


@pytest.mark.parametrize(
    ("token", "id_"),
    [("123456789:AAHdq", "123456789"), ("abc:def", ""), ("", ""), ("１２３:abc", "")],
)
def test_a_telegram_token_says_whose_it_is(token: str, id_: str) -> None:
    assert telegram_id(token) == id_


@pytest.mark.parametrize(
    ("token", "id_"),
    [("MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.secret", "123456789012345678"), ("MTIz.a.b", "123"), ("no.base.64", ""),
     ("", ""), ("töken.a.b", ""), ("YWJj.a.b", "")],
)  # fmt: skip
def test_a_discord_token_says_whose_it_is(token: str, id_: str) -> None:
    assert discord_id(token) == id_


async def test_who_presses_start_with_the_new_bot_goes_on_with_all_they_had(store: SqlStore, tmp_path: Path) -> None:
    follow_accounts(store, OLD, NOW)
    follow_accounts(store, NEW, NOW)
    index = TantivyIndex(tmp_path / "index", store)
    desk = FrontDesk(Context(store, index, Config(data_dir=tmp_path, access="open"), lambda: NOW))
    await desk.answer(Caller(Address("telegram", "3"), "telegram:3"), "start", "")
    index.close()
    assert states(store)["telegram:3"] is ChatState.ACTIVE
    with store.reading() as tx:
        chat = tx.chat(Address("telegram", "3"))
        assert chat is not None and chat.why == ""
        assert [one.query for one in tx.subscriptions([chat.id])[chat.id]] == ["LoRA"]
        assert waiting_chats(tx, "telegram")[0] == 11
