"""The bot on Telegram sends, starts, stops and looks itself over; a Bot API server on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from adapters.chats.telegram import Telegram
from bot.errors import ChatGone, ChatMoved, ConfigError, PaperroundError, Refused, TryLater, Uncertain
from bot.model import Address, Cause
from bot.ports import NOTE
from bot.replies import Block, BlockKind, Reply, Span
from tests.servers.telegram import TOKEN, FakeTelegram
from tests.servers.telegram_bot import (
    GROUP,
    HERE,
    READER,
    Notebook,
    bot_on,
    closed_port,
    payload,
    unpaced,
)
from tests.servers.telegram_rules import check_text


@pytest.fixture
def server() -> Iterator[FakeTelegram]:
    with FakeTelegram() as fake:
        yield fake
    assert fake.violations == []


async def test_a_rendered_message_arrives_as_it_was_rendered(server: FakeTelegram) -> None:
    reply = Reply((Block((Span("LoRA & <b>", link="https://arxiv.org/abs/1"),), BlockKind.ENTRY, 3),))
    async with bot_on(server) as telegram:
        (message,) = telegram.render(reply)
        number = await telegram.send(HERE, message.payload, "nonce")
    (sent,) = server.sent
    assert (sent["chat_id"], sent["visible"], str(sent["message_id"])) == (READER, "LoRA & <b>", number)
    assert json.loads(message.payload) == {k: sent[k] for k in ("text", "parse_mode", "link_preview_options")}
    assert message.papers == (3,)


async def test_a_forum_topic_is_an_address_of_its_own(server: FakeTelegram) -> None:
    async with bot_on(server) as telegram:
        await telegram.send(Address("telegram", str(GROUP), "45"), payload(), "")
    assert (server.sent[0]["chat_id"], server.sent[0]["message_thread_id"]) == (GROUP, 45)


@pytest.mark.parametrize(
    ("status", "description", "parameters", "error", "says"),
    [
        (429, "Too Many Requests: retry after 5", {"retry_after": 5}, TryLater, "wait"),
        (400, "Bad Request: group chat was upgraded", {"migrate_to_chat_id": -100200}, ChatMoved, "-100200"),
        (403, "Forbidden: bot was blocked by the user", {}, ChatGone, "blocked"),
        (403, "Forbidden: bot was kicked from the supergroup chat", {}, ChatGone, "removed"),
        (403, "Forbidden: bot can't initiate conversation with a user", {}, ChatGone, "initiate"),
        (400, "Bad Request: chat not found", {}, ChatGone, "does not exist"),
        (400, "Bad Request: message thread not found", {}, ChatGone, "topic"),
        (400, "Bad Request: TOPIC_CLOSED", {}, ChatGone, "closed"),
        (400, "Bad Request: not enough rights to send text messages to the chat", {}, ChatGone, "no right"),
        (400, "Bad Request: have no rights to send a message", {}, ChatGone, "no right"),
        (400, "Bad Request: message is too long", {}, Refused, "too long"),
        (400, "Bad Request: SLOWMODE_WAIT_90", {}, TryLater, "slow mode"),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN", {}, ChatGone, Cause.NO_RIGHT),
        (400, "Bad Request: TOPIC_DELETED", {}, ChatGone, Cause.NO_TOPIC),
        (500, "Internal Server Error", {}, TryLater, "500"),
        (502, "Bad Gateway", {}, TryLater, "502"),
        (504, "Gateway Timeout", {}, Uncertain, "504"),
        (401, "Unauthorized", {}, TryLater, "token"),
        (409, "Conflict: something", {}, TryLater, "something"),
        (413, "Request Entity Too Large", {}, TryLater, "413"),
        (502, b"<html>Bad Gateway</html>", {}, TryLater, "502"),
        (403, b"<html>Blocked by the firewall</html>", {}, TryLater, "403"),
        (200, b"<html>Log in to the hotel</html>", {}, Uncertain, "200"),
        (200, b'{"ok": true', {}, Uncertain, "nvalid"),
        (200, b'{"hello": "world"}', {}, Uncertain, "KeyError"),
        (200, b'{"ok": true, "result": {}}', {}, Uncertain, "read"),
        (302, b"", {}, TryLater, "302"),
    ],
)
async def test_each_refusal_becomes_what_the_sender_must_do(
    server: FakeTelegram,
    status: int,
    description: str | bytes,
    parameters: dict[str, int],
    error: type[PaperroundError],
    says: str,
) -> None:
    server.fail_next("sendMessage", status, description, **parameters)
    async with bot_on(server) as telegram:
        with pytest.raises(error, match=says) as raised:
            await telegram.send(HERE, payload(), "")
    assert server.sent == []
    if isinstance(raised.value, TryLater) and parameters:
        assert raised.value.after == 5
    if isinstance(raised.value, ChatMoved):
        assert raised.value.chat == "-100200"


async def test_no_connection_is_surely_not_delivered() -> None:
    telegram = Telegram(TOKEN, f"http://127.0.0.1:{closed_port()}", unpaced())
    with pytest.raises(TryLater, match="ConnectionRefused") as raised:
        await telegram.send(HERE, payload(), "")
    assert raised.value.everywhere, "no chat can be reached then"
    await telegram.stop()


@pytest.mark.parametrize("delivered", [True, False])
async def test_a_connection_that_drops_after_the_request_left_is_uncertain(
    server: FakeTelegram, delivered: bool
) -> None:
    server.drop_next("sendMessage", delivered)
    async with bot_on(server) as telegram:
        with pytest.raises(Uncertain):
            await telegram.send(HERE, payload(), "")
    assert [method for method, _ in server.calls] == ["sendMessage"]
    assert len(server.sent) == delivered


async def test_an_answer_that_does_not_come_in_time_is_uncertain(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.chats.telegram_requests.READ_SECONDS", 0.1)
    server.delay_next("sendMessage", 1.0)
    async with bot_on(server) as telegram:
        with pytest.raises(Uncertain, match="in time"):
            await telegram.send(HERE, payload(), "")


async def test_an_endless_answer_is_not_read_to_its_end(server: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.chats.telegram_requests.MAX_RESPONSE", 1000)
    server.fail_next("sendMessage", 200, b"{" + b" " * 10_000)
    async with bot_on(server) as telegram:
        with pytest.raises(Uncertain, match="longer"):
            await telegram.send(HERE, payload(), "")


async def test_a_chat_that_must_wait_is_left_alone_until_then(server: FakeTelegram) -> None:
    server.fail_next("sendMessage", 429, "Too Many Requests", retry_after=3600)
    async with bot_on(server) as telegram:
        with pytest.raises(TryLater) as first:
            await telegram.send(HERE, payload(), "")
        with pytest.raises(TryLater) as second:
            await telegram.send(HERE, payload(), "")
        await telegram.send(Address("telegram", "99"), payload(), "")
    assert first.value.everywhere is False
    assert second.value.after == pytest.approx(3600, abs=5)
    assert [sent["chat_id"] for sent in server.sent] == [99]


async def test_no_error_tells_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "adapters")
    texts = []
    for url in (f"http://127.0.0.1:{closed_port()}", "http://no host/", "nonsense", "http://127.0.0.1:99999"):
        telegram = Telegram(TOKEN, url, unpaced())
        with pytest.raises(TryLater) as raised:
            await telegram.send(HERE, payload(), "")
        texts += [str(raised.value), str(await telegram.examine())]
        await telegram.start(Notebook())
        await telegram.stop()
    assert TOKEN not in " ".join([*texts, caplog.text])
    assert "cannot be reached" in caplog.text


async def test_a_refused_token_is_a_fault_of_the_configuration(server: FakeTelegram) -> None:
    telegram = Telegram("123:wrong", server.url)
    with pytest.raises(ConfigError) as raised:
        await telegram.start(Notebook())
    await telegram.stop()
    (problem,) = raised.value.problems
    assert problem.key == "PAPERROUND_TELEGRAM__TOKEN"
    assert "BotFather" in problem.mend
    assert "123:wrong" not in str(raised.value)


async def test_commands_are_listed_in_english_and_chinese(server: FakeTelegram) -> None:
    async with bot_on(server, Notebook()):
        await server.until(lambda s: len(s.commands) == 2)
    assert server.commands[""][0] == {"command": "paper", "description": "Find papers"}
    assert server.commands["zh"][0] == {"command": "paper", "description": "查找论文"}


async def test_without_network_it_starts_and_listens_when_the_network_comes(caplog: pytest.LogCaptureFixture) -> None:
    port = closed_port()
    desk = Notebook()
    telegram = Telegram(TOKEN, f"http://127.0.0.1:{port}", unpaced())
    await telegram.start(desk)
    with FakeTelegram(port=port) as server:
        server.push_message(READER, READER, "/paper LoRA")
        await server.until(lambda s: s.sent)
        await server.until(lambda s: s.commands)
        await telegram.stop()
    assert "Telegram cannot be reached" in caplog.records[0].getMessage()
    assert desk.asked[0][1:] == ("paper", "LoRA")


async def test_a_webhook_left_behind_is_removed_and_what_waited_is_served(server: FakeTelegram) -> None:
    server.webhook = "https://example.org/hook"
    server.push_message(READER, READER, "/paper LoRA")
    async with bot_on(server, Notebook()):
        await server.until(lambda s: s.sent)


async def test_a_second_reader_of_the_updates_is_told_of_with_a_mend(
    server: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    server.fail_next("getUpdates", 409, "Conflict: terminated by other getUpdates request")
    async with bot_on(server, Notebook()):
        await server.until(lambda _: "Stop the other copy" in caplog.text)


async def test_stopping_is_quick_and_what_was_served_is_not_served_again(server: FakeTelegram) -> None:
    desk = Notebook()
    server.push_message(READER, READER, "/paper LoRA")
    async with bot_on(server, desk):
        await server.until(lambda s: s.sent)
        began = time.monotonic()
    assert time.monotonic() - began < 1.0
    async with bot_on(server, desk):
        server.push_message(READER, READER, "/paper RAG")
        await server.until(lambda s: len(s.sent) == 2)
    assert [argument for _, _, argument in desk.asked] == ["LoRA", "RAG"]


async def test_what_was_served_is_confirmed_even_where_the_next_poll_failed(server: FakeTelegram) -> None:
    telegram = Telegram(TOKEN, server.url, unpaced())
    server.push_message(READER, READER, "/paper LoRA")
    server.delay_next("getUpdates", 0)
    server.fail_next("getUpdates", 502, b"")
    await telegram.start(Notebook())
    await server.until(lambda s: s.sent and [method for method, _ in s.calls].count("getUpdates") == 2)
    assert server.confirmed == 0
    await telegram.stop()
    assert server.confirmed == 1001


async def test_stopping_does_not_wait_for_ever_for_an_answer(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.chats.telegram.DRAIN_SECONDS", 0.2)
    desk = Notebook()
    desk.slow = 60
    server.push_message(READER, READER, "/paper LoRA")
    async with bot_on(server, desk):
        while not desk.asked:
            await asyncio.sleep(0.01)
        began = time.monotonic()
    assert time.monotonic() - began < 2.0


async def test_an_update_that_cannot_be_read_is_stepped_over(
    server: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Notebook()
    server.push_message(READER, READER, "/paper LoRA")
    server.push({"message": {"message_id": "none of the rest"}}, checked=False)
    server.push_message(READER, READER, "/paper RAG")
    async with bot_on(server, desk):
        await server.until(lambda s: len(s.sent) == 2)
    assert [argument for _, _, argument in desk.asked] == ["LoRA", "RAG"]
    assert "left out" in caplog.text


async def test_the_doctor_hears_what_the_token_may_do(server: FakeTelegram) -> None:
    async with bot_on(server) as telegram:
        findings = await telegram.examine()
    assert all(finding.ok for finding in findings)
    assert "@paperround_bot" in findings[0].what
    assert server.sent == []


async def test_the_doctor_hears_what_is_wrong_and_the_mend(server: FakeTelegram) -> None:
    server.me["can_join_groups"] = False
    server.webhook = "https://example.org/secret-hook"
    async with bot_on(server) as telegram:
        findings: Sequence[Any] = await telegram.examine()
    wrong = [finding for finding in findings if not finding.ok]
    assert [finding.subject for finding in wrong] == ["Telegram groups", "Telegram webhook"]
    assert all(finding.mend for finding in wrong)
    assert "secret-hook" not in str(findings)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"ok": true, "result": 7}'])
async def test_the_doctor_can_tell_that_something_else_answers(server: FakeTelegram, body: bytes) -> None:
    server.fail_next("getMe", 200, body)
    async with bot_on(server) as telegram:
        (finding,) = await telegram.examine()
    assert not finding.ok
    assert "API_URL" in finding.mend


async def test_the_doctor_can_tell_a_wrong_token_from_no_network(server: FakeTelegram) -> None:
    wrong = Telegram("123:wrong", server.url)
    (finding,) = await wrong.examine()
    await wrong.stop()
    assert (finding.ok, "123:wrong" in str(finding)) == (False, False)
    assert "TOKEN" in finding.mend
    offline = Telegram(TOKEN, f"http://127.0.0.1:{closed_port()}")
    (finding,) = await offline.examine()
    await offline.stop()
    assert "cannot be reached" in finding.what


def test_a_missing_token_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigError):
        Telegram("")


async def test_only_digests_are_paid_broadcasts_and_only_where_that_was_asked_for(server: FakeTelegram) -> None:
    for paid in (False, True):
        telegram = Telegram(TOKEN, server.url, unpaced(), paid=paid)
        await telegram.send(HERE, payload(), "")
        await telegram._send_urgently(HERE, json.loads(payload()))
        await telegram.stop()
    assert [message.get("allow_paid_broadcast") for message in server.sent] == [None, None, True, None]


def test_a_marked_message_stays_within_the_limits_and_is_marked_once() -> None:
    telegram = Telegram(TOKEN)
    reply = Reply((Block((Span("x < & 😀" * 3_000),)),), spare=NOTE)
    for message in telegram.render(reply):
        once = telegram.marked(message.payload, "n" * (NOTE - 1) + "<")
        visible, entities, wrong = check_text(json.loads(once) | {"parse_mode": "HTML"})
        assert wrong == [] and visible.startswith("n" * (NOTE - 1) + "<\n\n") and len(entities) == 1
        assert telegram.marked(once, "n" * (NOTE - 1) + "<") == once
    (full, *_) = telegram.render(Reply((Block((Span("x" * 4096),)),)))
    assert telegram.marked(full.payload, "n" * NOTE) == full.payload, "rendered without room for it"
