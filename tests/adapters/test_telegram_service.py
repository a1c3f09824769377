"""The bot on Telegram serves what people do; a Bot API server on loopback."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from bot.model import Address, Place
from bot.ports import Caller, Haste
from bot.replies import Button, Reply, say
from tests.servers.telegram import FakeTelegram
from tests.servers.telegram_bot import (
    ADMIN,
    CHANNEL,
    GROUP,
    HERE,
    READER,
    Notebook,
    bot_on,
)


@pytest.fixture
def server() -> Iterator[FakeTelegram]:
    with FakeTelegram() as fake:
        yield fake
    assert fake.violations == []


async def asked(server: FakeTelegram, count: int = 1) -> Notebook:
    """A desk after the bot has served ``count`` of the updates that wait."""
    desk = Notebook()
    async with bot_on(server, desk):
        await server.until(lambda s: len(desk.asked) >= count and len(s.sent) >= count)
    return desk


async def test_a_command_in_private_is_answered_by_its_owner(server: FakeTelegram) -> None:
    server.push_message(READER, READER, "/subscribe  LoRA OR\nRAG ", language="zh-CN")
    desk = await asked(server)
    caller = Caller(HERE, f"telegram:{READER}", "User 7", Place.PRIVATE, "User 7", "zh-CN", manages=True)
    assert desk.asked == [(caller, "subscribe", "LoRA OR\nRAG")]
    assert server.sent[0]["visible"] == "You said subscribe LoRA OR\nRAG"
    assert "reply_parameters" not in server.sent[0]


async def test_text_in_private_is_a_question_and_unknown_commands_are_answered(server: FakeTelegram) -> None:
    server.push_message(READER, READER, "https://arxiv.org/abs/2106.09685")
    server.push_message(READER, READER, "/frobnicate now")
    server.push_message(READER, READER, "/Paper@PaperRound_Bot LoRA")
    desk = await asked(server, 3)
    assert [(name, argument) for _, name, argument in desk.asked] == [
        ("", "https://arxiv.org/abs/2106.09685"),
        ("frobnicate", "now"),
        ("paper", "LoRA"),
    ]


async def test_in_a_group_only_commands_for_this_bot_are_answered(server: FakeTelegram) -> None:
    for text in ("good morning", "/paper@another_bot LoRA", "/ban somebody", "/start@another_bot"):
        server.push_message(GROUP, READER, text)
    served = server.push_message(GROUP, READER, "/paper LoRA")
    server.push_message(GROUP, READER, "/ban@paperround_bot somebody")
    desk = await asked(server, 2)
    assert [(name, argument) for _, name, argument in desk.asked] == [("paper", "LoRA"), ("ban", "somebody")]
    assert desk.asked[0][0].place is Place.GROUP
    assert desk.asked[0][0].title == "Readers"
    expected = {"message_id": served, "allow_sending_without_reply": True}
    assert server.sent[0]["reply_parameters"] == expected


async def test_a_forum_topic_is_answered_in_the_topic_and_a_chain_of_replies_in_the_group(server: FakeTelegram) -> None:
    server.push_message(GROUP, READER, "/paper LoRA", thread=45)
    server.push_message(GROUP, READER, "/paper RAG", thread=46, topic=False)
    desk = await asked(server, 2)
    assert [caller.address.thread for caller, _, _ in desk.asked] == ["45", ""]
    assert [sent.get("message_thread_id") for sent in server.sent] == [45, None]


async def test_messages_without_text_are_let_be(server: FakeTelegram) -> None:
    server.push_message(READER, READER, None)
    server.push_message(READER, READER, "/paper LoRA")
    assert len((await asked(server)).asked) == 1


async def test_only_an_administrator_manages_a_group_and_each_time_it_is_asked_afresh(server: FakeTelegram) -> None:
    server.admins = {(GROUP, ADMIN)}
    server.push_message(GROUP, READER, "/subscribe LoRA")
    server.push_message(GROUP, ADMIN, "/subscribe LoRA")
    server.push_message(GROUP, ADMIN, "/subscribe RAG")
    server.push_message(GROUP, ADMIN, "/paper RAG")
    desk = await asked(server, 4)
    assert [caller.manages for caller, _, _ in desk.asked] == [False, True, True, False]
    assert [caller.admin for caller, _, _ in desk.asked] == [False, True, True, True]
    assert [method for method, _ in server.calls].count("getChatMember") == 3


async def test_rights_that_cannot_be_asked_are_none(server: FakeTelegram) -> None:
    server.admins = {(GROUP, ADMIN)}
    server.fail_next("getChatMember", 400, "Bad Request: CHAT_ADMIN_REQUIRED")
    server.push_message(GROUP, ADMIN, "/subscribe LoRA")
    assert [caller.manages for caller, _, _ in (await asked(server)).asked] == [False]


@pytest.mark.parametrize(
    ("sender_chat", "forwarded", "manages"),
    [(GROUP, False, True), (CHANNEL, False, False), (CHANNEL, True, False), (GROUP, True, False)],
)
async def test_who_writes_as_a_chat_manages_only_that_chat_and_is_nobody(
    server: FakeTelegram, sender_chat: int, forwarded: bool, manages: bool
) -> None:
    server.add_chat(CHANNEL, "channel", "News")
    server.push_message(GROUP, None, "/subscribe LoRA", sender_chat=sender_chat, automatic_forward=forwarded)
    ((caller, _, _),) = (await asked(server)).asked
    assert (caller.manages, caller.user, caller.admin) == (manages, "", False)


async def test_a_post_in_a_channel_has_no_sender_and_is_an_administrators(server: FakeTelegram) -> None:
    server.add_chat(CHANNEL, "channel", "News")
    server.push_message(CHANNEL, None, "/subscribe LoRA")
    ((caller, _, _),) = (await asked(server)).asked
    assert caller == Caller(
        Address("telegram", str(CHANNEL)), "", "", Place.CHANNEL, "News", "", manages=True, admin=False
    )
    assert server.sent[0]["chat_id"] == CHANNEL


async def test_one_chats_messages_are_answered_in_their_order_and_other_chats_do_not_wait(
    server: FakeTelegram,
) -> None:
    desk = Notebook()
    gate = asyncio.Event()
    answer = desk.answer

    async def answer_when_open(caller: Caller, name: str, argument: str) -> Reply:
        if argument == "first":
            await gate.wait()
        return await answer(caller, name, argument)

    desk.answer = answer_when_open  # type: ignore[method-assign]
    server.push_message(1, 1, "/paper first")
    server.push_message(1, 1, "/paper second")
    server.push_message(2, 2, "/paper other")
    async with bot_on(server, desk):
        await server.until(lambda s: s.sent)
        gate.set()
        await server.until(lambda s: len(s.sent) == 3)
    assert [argument for _, _, argument in desk.asked] == ["other", "first", "second"]


async def test_a_flood_from_one_chat_is_cut_off(server: FakeTelegram, caplog: pytest.LogCaptureFixture) -> None:
    desk = Notebook()
    desk.slow = 0.01
    for number in range(50):
        server.push_message(READER, READER, f"/paper {number}")
    async with bot_on(server, desk):
        await server.until(lambda s: len(s.sent) == 40)
    assert len(desk.asked) == 40
    assert "faster" in caplog.text


async def test_who_asks_for_too_much_is_told_so_without_a_question_about_rights(server: FakeTelegram) -> None:
    desk = Notebook()
    desk.hastes[f"telegram:{READER}"] = Haste.TOLD
    server.push_message(GROUP, READER, "/subscribe LoRA")
    async with bot_on(server, desk):
        await server.until(lambda s: s.sent)
        pressed = server.push_callback(server.sent[0]["message_id"], "drop:1", READER)
        await server.until(lambda s: s.pressed)
    assert [message["visible"] for message in server.sent] == ["You are quick!"]
    ((query, told),) = [(one["callback_query_id"], one["text"]) for one in server.pressed]
    assert (query, told) == (pressed, "You are quick!")
    assert not desk.asked and not desk.presses
    assert "getChatMember" not in [method for method, _ in server.calls]


async def test_a_flood_is_silence_but_its_presses_let_their_buttons_go_and_others_are_served(
    server: FakeTelegram,
) -> None:
    desk = Notebook()
    server.push_message(GROUP, 2, "/paper first")
    async with bot_on(server, desk):
        await server.until(lambda s: s.sent)
        desk.hastes[f"telegram:{READER}"] = Haste.SILENT
        for number in range(100):
            server.push_message(GROUP, READER, f"/paper {number}")
        server.push_callback(server.sent[0]["message_id"], "drop:1", READER)
        server.push_message(GROUP, 2, "/paper second")
        await server.until(lambda s: s.pressed and len(s.sent) > 1)
    assert [argument for _, _, argument in desk.asked] == ["first", "second"]
    assert len(server.sent) == 2 and not server.pressed[0].get("text")


async def test_a_desk_that_fails_is_logged_and_the_person_hears_of_it(
    server: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Notebook()

    def fail(asked: str) -> Reply:
        raise RuntimeError("a bug")

    desk.reply = fail
    server.push_message(READER, READER, "/paper LoRA")
    async with bot_on(server, desk):
        await server.until(lambda s: s.sent)
    assert server.sent[0]["visible"].startswith("Something went wrong here")
    assert "a bug" in caplog.text


async def test_an_answer_that_cannot_be_brought_is_one_line_in_the_log(
    server: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    server.refused[READER] = (403, "Forbidden: bot was blocked by the user")
    server.push_message(READER, READER, "/paper LoRA")
    server.push_message(2, 2, "/paper LoRA")
    async with bot_on(server, Notebook()):
        await server.until(lambda s: s.sent)
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "no answer reached chat 7 (ChatGone: the bot was blocked)" in record.getMessage()
    assert record.exc_info is None


async def test_an_answer_waits_where_telegram_asks_for_a_moment(server: FakeTelegram) -> None:
    server.fail_next("sendMessage", 429, "Too Many Requests", retry_after=1)
    server.push_message(READER, READER, "/paper LoRA")
    await asked(server)


@asynccontextmanager
async def with_buttons(server: FakeTelegram, desk: Notebook, chat: int = READER) -> AsyncIterator[int]:
    """A listening bot and a message of its with buttons under it."""
    async with bot_on(server, desk) as telegram:
        (message,) = telegram.render(say("Page 1", buttons=[[Button("More", "more:2"), Button("Drop", "drop:1")]]))
        yield int(await telegram.send(Address("telegram", str(chat)), message.payload, ""))


async def test_a_press_is_let_go_and_answered_with_a_message(server: FakeTelegram) -> None:
    desk = Notebook()
    async with with_buttons(server, desk) as under:
        query = server.push_callback(under, "more:2", READER)
        await server.until(lambda s: len(s.sent) == 2)
    assert server.pressed == [{"callback_query_id": query}]
    assert server.sent[1]["visible"] == "You said more:2"
    ((caller, action),) = desk.presses
    assert (caller.address, caller.user, caller.manages, action) == (HERE, "telegram:7", False, "more:2")


async def test_an_answer_that_edits_takes_the_place_of_its_message(server: FakeTelegram) -> None:
    desk = Notebook()
    desk.reply = lambda action: Reply(say("Page 2").blocks, ((Button("Back", "more:1"),),), edits=True)
    async with with_buttons(server, desk) as under:
        server.push_callback(under, "more:2", READER)
        await server.until(lambda s: s.edited)
        server.push_callback(under, "more:2", READER)
        await server.until(lambda s: len(s.pressed) == 2)
    assert [sent["visible"] for sent in server.sent] == ["Page 2"]


async def test_a_message_that_cannot_be_edited_any_more_is_followed_by_a_new_one(server: FakeTelegram) -> None:
    desk = Notebook()
    desk.reply = lambda action: Reply(say("Page 2").blocks, edits=True)
    server.fail_next("editMessageText", 400, "Bad Request: message can't be edited")
    async with with_buttons(server, desk) as under:
        server.push_callback(under, "more:2", READER, accessible=False)
        await server.until(lambda s: len(s.sent) == 2)
    assert server.sent[1]["visible"] == "Page 2"


async def test_a_slow_answer_does_not_keep_the_button_waiting(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.chats.telegram.NOTICE_SECONDS", 0.05)
    desk = Notebook()
    desk.slow = 0.5
    async with with_buttons(server, desk) as under:
        server.push_callback(under, "more:2", READER)
        await server.until(lambda s: s.pressed)
        assert len(server.sent) == 1
        server.push_callback(under, "more:3", READER)
        await server.until(lambda s: len(s.pressed) == 2)
        assert len(server.sent) == 1
        await server.until(lambda s: len(s.sent) == 3)


async def test_in_a_group_what_is_for_one_person_is_shown_beside_the_button(server: FakeTelegram) -> None:
    desk = Notebook()
    desk.reply = lambda action: say("Only administrators may do that.", private=True)
    async with with_buttons(server, desk, GROUP) as under:
        server.push_callback(under, "drop:1", READER)
        await server.until(lambda s: s.pressed)
        desk.reply = lambda action: say("x" * 201, private=True)
        server.push_callback(under, "drop:1", READER)
        await server.until(lambda s: len(s.pressed) == 2)
    assert server.pressed[0]["text"] == "Only administrators may do that."
    assert server.pressed[0]["show_alert"] is True
    assert server.pressed[1]["text"] == "x" * 199 + "…"
    assert len(server.sent) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_a_refusal_that_comes_late_is_told_to_that_person_alone(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr("adapters.chats.telegram.RIGHTS_SECONDS", 0.05)
    desk = Notebook()
    desk.slow = 0.3
    desk.reply = lambda action: say("Only administrators may do that.", private=True)
    if not known:
        server.refused[READER] = (403, "Forbidden: bot can't initiate conversation with a user")
    async with with_buttons(server, desk, GROUP) as under:
        server.push_callback(under, "drop:1", READER)
        await server.until(lambda s: s.pressed and len([m for m, _ in s.calls if m == "sendMessage"]) == 2)
    assert "text" not in server.pressed[0]
    assert [sent["chat_id"] for sent in server.sent[1:]] == ([READER] if known else [])


async def test_a_press_waits_at_most_a_second_for_a_slow_desk(server: FakeTelegram) -> None:
    desk = Notebook()
    desk.slow = 2.0
    async with with_buttons(server, desk) as under:
        began = asyncio.get_running_loop().time()
        server.push_callback(under, "more:2", READER)
        await server.until(lambda s: s.pressed)
        assert asyncio.get_running_loop().time() - began < 1.5
        await server.until(lambda s: len(s.sent) == 2)


async def test_who_may_press_what_changes_a_group_is_asked_afresh(server: FakeTelegram) -> None:
    server.admins = {(GROUP, ADMIN)}
    desk = Notebook()
    async with with_buttons(server, desk, GROUP) as under:
        for user, action in ((READER, "drop:1"), (ADMIN, "drop:1"), (ADMIN, "more:2")):
            server.push_callback(under, action, user)
        await server.until(lambda s: len(s.sent) == 4)
    assert [caller.manages for caller, _ in desk.presses] == [False, True, False]


async def test_a_press_that_is_too_old_to_acknowledge_is_served(server: FakeTelegram) -> None:
    server.fail_next("answerCallbackQuery", 400, "Bad Request: query is too old and response timeout expired")
    async with with_buttons(server, Notebook()) as under:
        server.push_callback(under, "more:2", READER)
        await server.until(lambda s: len(s.sent) == 2)


async def test_the_bot_greets_a_group_it_is_added_to(server: FakeTelegram) -> None:
    desk = Notebook()
    server.push_membership(GROUP, ADMIN, "left", "member")
    server.push_membership(GROUP, ADMIN, "member", "administrator")
    async with bot_on(server, desk):
        await server.until(lambda s: s.sent)
    (caller,) = desk.came
    assert (caller.address, caller.user, caller.admin, caller.manages) == (
        Address("telegram", str(GROUP)),
        "telegram:8",
        True,
        False,
    )
    assert [sent["visible"] for sent in server.sent] == ["Hello"]


@pytest.mark.parametrize(
    ("chat", "new", "why"), [(GROUP, "kicked", "removed"), (GROUP, "left", "removed"), (7, "kicked", "blocked")]
)
async def test_the_desk_hears_where_the_bot_was_removed_or_blocked(
    server: FakeTelegram, chat: int, new: str, why: str
) -> None:
    desk = Notebook()
    server.push_membership(chat, READER, "member", new)
    async with bot_on(server, desk):
        await server.until(lambda _: desk.left)
    assert desk.left[0][0] == Address("telegram", str(chat))
    assert why in desk.left[0][1]


async def test_the_desk_hears_that_it_may_write_again_where_it_could_not(server: FakeTelegram) -> None:
    desk = Notebook()
    server.add_chat(-1003, is_forum=True)
    server.push_membership(GROUP, ADMIN, "kicked", "member")
    server.push_membership(-1004, ADMIN, "member", "administrator")
    server.push_message(-1003, ADMIN, None, thread=9, forum_topic_reopened={})
    async with bot_on(server, desk):
        await server.until(lambda _: len(desk.returns) == 3)
    assert set(desk.returns) == {
        Address("telegram", str(GROUP)),
        Address("telegram", "-1004"),
        Address("telegram", "-1003", "9"),
    }
    assert [caller.address.chat for caller in desk.came] == [str(GROUP)]


async def test_the_desk_hears_that_a_group_became_a_supergroup(server: FakeTelegram) -> None:
    desk = Notebook()
    server.push_migration(-5, -1005)
    async with bot_on(server, desk):
        await server.until(lambda _: len(desk.moves) == 2)
    assert set(desk.moves) == {(Address("telegram", "-5"), Address("telegram", "-1005"))}


async def test_an_answer_follows_its_group_to_the_new_address(server: FakeTelegram) -> None:
    desk = Notebook()
    server.fail_next("sendMessage", 400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1005)
    server.push_message(-5, READER, "/paper LoRA")
    async with bot_on(server, desk):
        await server.until(lambda s: s.sent)
    assert server.sent[0]["chat_id"] == -1005
    assert desk.moves == [(Address("telegram", "-5"), Address("telegram", "-1005"))]
