"""What admins are told of troubles: in their words, together, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot import absences
from bot.errors import ChatGone, TryLater
from bot.model import Address, Cause, Chat, Notice, NoticeKind
from bot.notices import cause_in, notice_lines
from bot.reports import EVERY, Reporter
from bot.words import words_for
from storage.store import SqlStore, open_store
from tests.databases import sqlite_url
from tests.wire import NOW, Wall, Wire

ADMIN = Address("telegram", "9")


class Office:
    def __init__(self, store: SqlStore) -> None:
        self.store, self.wire, self.wall = store, Wire(), Wall()

    async def report(self, *admins: str) -> int:
        wanted = admins or (f"telegram:{ADMIN.chat}", "discord:8")
        return await Reporter(self.store, {"telegram": self.wire}, wanted, "en", self.wall).report()

    def gone(self, *chats: str, why: str = Cause.BLOCKED) -> None:
        with self.store.transaction() as tx:
            for name in chats:
                absences.pause(tx, tx.open_chat(Chat(0, Address("telegram", name))), why, self.wall.at)

    @property
    def said(self) -> list[tuple[Address, str]]:
        return [(address, text) for address, text, _ in self.wire.arrived]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    store = open_store(sqlite_url(tmp_path))
    yield Office(store)
    store.close()


async def test_many_troubles_make_one_message_in_which_each_cause_is_said_once(office: Office) -> None:
    office.gone(*(str(n) for n in range(1, 9)))
    office.gone("-100/7", why=f"{Cause.CLOSED}")
    with office.store.transaction() as tx:
        for _ in range(3):
            tx.warn(Notice(NoticeKind.LEFT_OUT, "arxiv:2504.00001", "can't parse"), NOW)
    assert await office.report() == 10
    ((address, text),) = office.said
    assert address == ADMIN
    assert text.count("the bot was blocked") == 1 and "and 5 more chats" in text
    assert "the topic is closed. Open the topic again, or let the bot manage topics." in text
    assert "arxiv:2504.00001 was refused in every form and left out of 3 digests: can't parse" in text


async def test_each_trouble_is_told_once_and_new_ones_wait_for_each_other(office: Office) -> None:
    office.gone("1")
    assert await office.report() == 1
    assert await office.report() == 0
    office.wall.at += timedelta(hours=1)
    office.gone("2", "1")
    assert await office.report() == 0, "not a message for each"
    office.gone("3")
    office.wall.at += EVERY
    assert await office.report() == 2
    assert ["telegram:1" in text for _, text in office.said] == [True, False]


async def test_a_chat_that_is_gone_again_after_it_was_back_is_told_of_again(office: Office) -> None:
    office.gone("1")
    await office.report()
    with office.store.transaction() as tx:
        chat = tx.chat(Address("telegram", "1"))
        assert chat is not None
        absences.reopen(tx, chat, NOW, None)
    office.wall.at += EVERY
    office.gone("1")
    assert await office.report() == 1
    assert len(office.said) == 2


@pytest.mark.parametrize("trouble", [ChatGone("the bot was blocked"), TryLater("flood", 3600)])
async def test_an_admin_who_cannot_be_told_keeps_nobody_from_anything(office: Office, trouble: Exception) -> None:
    office.gone("1")
    office.wire.answers = lambda address, text: trouble
    assert await office.report() == 1
    assert await office.report() == 0
    with office.store.reading() as tx:
        assert len(tx.notices(9)) == 1, "for /status"


async def test_without_an_admin_here_it_waits(office: Office) -> None:
    office.gone("1")
    assert await office.report("discord:8") == 0
    assert await office.report() == 1


async def test_an_admin_is_told_in_the_language_of_their_chat(office: Office) -> None:
    with office.store.transaction() as tx:
        tx.open_chat(Chat(0, ADMIN, language="zh-Hans"))
    office.gone("1")
    await office.report()
    assert "机器人被屏蔽" in office.said[0][1]


@pytest.mark.parametrize("language", ["en", "zh-Hans", "zh-Hant"])
def test_every_cause_and_every_kind_has_words_of_its_own(language: str) -> None:
    words = words_for(language)
    assert len({cause_in(words, cause) for cause in Cause}) == len(Cause)
    for kind in NoticeKind:
        (line,) = notice_lines(words, [Notice(kind, "telegram:-100", "the bot was blocked")])
        assert "telegram:-100" in line
