"""Faults, on the real program as a process over real sockets: killed, stopped, refused, run twice, talked nonsense to.

Each test ends by looking for secrets in all that its programs wrote, at the debug level.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.carrier import AT_ONCE
from bot.model import Address, ChatState, DeliveryState
from tests.databases import PostgresServer
from tests.databases import postgres_server as postgres_server
from tests.faults.town import MANY, NINE, OTHER, READER, counted, here, once, town_in

ADMIN = 1
"""Who is admin, in private on Telegram."""


@pytest.mark.parametrize("moment", ["before it arrives", "before it is answered", "before it is noted"])
async def test_a_program_killed_in_the_middle_of_a_digest_is_followed_by_one_that_ends_it(
    tmp_path: Path, moment: str
) -> None:
    async with town_in(tmp_path) as town:
        town.give(MANY, long=True)
        town.chat(here(), Address("discord", town.channel))
        arrives = moment != "before it arrives"
        locks: list[sqlite3.Connection] = []

        def lock(message: dict[str, Any]) -> None:
            # Who has the writer's lock keeps the program from noting the answer that it gets.
            if len(town.telegram.sent) == 2:
                held = sqlite3.connect(town.folder / "data" / "paperround.db", timeout=30, check_same_thread=False)
                held.execute("BEGIN IMMEDIATE")
                locks.append(held)

        if moment == "before it is noted":
            town.telegram.before_answer = lock
        else:
            town.telegram.stall_next("sendMessage", arrives, after=1)
            town.discord.stall_next("POST /channels/*/messages", deliver=arrives, after=1)
        async with town.program("round", "--at", NINE.isoformat()) as program:
            await town.telegram.until(lambda t: sum(call == "sendMessage" for call, _ in t.calls) == 2, 60)
            await town.telegram.until(lambda t: len(t.sent) == 1 + arrives, 60)
            if moment != "before it is noted":
                await town.posts(2)
            else:
                await town.telegram.until(lambda _: bool(locks), 60)
            await program.kill()
        for connection in locks:
            connection.rollback()
            connection.close()
        before = town.on_telegram()
        assert 0 < len(before) < MANY
        under_way = counted([town.telegram.sent[1]["visible"]]) if arrives else Counter[int]()
        await town.round(NINE + timedelta(minutes=10))
        assert town.on_discord() == once(MANY)
        assert town.on_telegram() == Counter(once(MANY)) + under_way
        for address in (here(), Address("discord", town.channel)):
            assert town.delivery(address).state is DeliveryState.SENT


async def test_a_stopped_program_gives_back_what_it_had_begun_and_its_successor_goes_on_at_once(
    tmp_path: Path,
) -> None:
    async with town_in(tmp_path) as town:
        town.give(MANY, datetime.now(UTC).date(), long=True)
        town.chat(here(), Address("discord", town.channel), due_at=datetime.now(UTC) - timedelta(minutes=1))
        # One platform answers in time for the stop, the other never does.
        town.telegram.answer_late("sendMessage", 0.5, after=1)
        town.discord.stall_next("POST /channels/*/messages", after=1)
        async with town.program("run") as program:
            await town.telegram.until(lambda t: len(t.sent) == 2, 60)
            await town.posts(2)
            await program.stop(10)
        for address in (here(), Address("discord", town.channel)):
            assert town.delivery(address).lease_owner == ""
        assert len(town.delivery(here()).sent_parts) == 2, "the answer that came in time was noted"
        async with town.program("run"):
            async with asyncio.timeout(90):
                while len(town.on_telegram()) < MANY or len(town.on_discord()) < MANY:
                    await asyncio.sleep(0.05)
        assert (town.on_telegram(), town.on_discord()) == (once(MANY), once(MANY))


async def test_a_round_that_is_stopped_gives_back_what_it_had_begun(tmp_path: Path) -> None:
    async with town_in(tmp_path) as town:
        town.give(MANY, long=True)
        town.chat(here())
        town.telegram.stall_next("sendMessage", delivered=False, after=1)
        async with town.program("round", "--at", NINE.isoformat()) as program:
            await town.telegram.until(lambda t: sum(call == "sendMessage" for call, _ in t.calls) == 2, 60)
            await program.stop(status=75)
        assert "stopped in the middle" in program.log and "Traceback" not in program.log
        assert town.delivery(here()).lease_owner == ""
        await town.round(NINE + timedelta(seconds=30))
        assert town.on_telegram() == once(MANY)


async def test_a_program_that_still_logs_in_can_be_stopped(tmp_path: Path) -> None:
    async with town_in(tmp_path) as town:
        town.telegram.stall_next("getMe")
        town.discord.stall_next("GET /users/@me")
        async with town.program("run") as program:
            await town.telegram.until(lambda t: t.calls, 60)
            await program.stop(10)
        assert "Traceback" not in program.log


async def test_a_limit_on_the_whole_bot_leaves_every_chat_alone_until_it_ends(tmp_path: Path) -> None:
    chats = range(1, 61)
    async with town_in(tmp_path) as town:
        town.give(1)
        town.chat(*(here(chat) for chat in chats))
        for chat in chats:
            town.telegram.fail_next(
                "sendMessage", 429, "Too Many Requests: retry after 600", chat=chat, retry_after=600
            )
        first = await town.round(status=75)
        tried = [call for call, _ in town.telegram.calls].count("sendMessage")
        assert tried <= AT_ONCE
        assert first.log.count("telegram: nothing is sent to any chat before 09:1") == 1
        town.telegram.trouble_ends()
        await town.round(NINE + timedelta(minutes=11))
        assert [town.on_telegram(chat) for chat in chats] == [{1: 1}] * len(chats)


async def test_each_refusal_of_telegram_costs_its_own_chat_alone(tmp_path: Path) -> None:
    group, moved = -700, -100700
    async with town_in(tmp_path) as town:
        town.give(3)
        server = town.telegram
        server.add_chat(-800, is_forum=True)
        chats = {
            "healthy": here(101), "blocked": here(102), "unknown": here(103), "moved": here(group),
            "soon": here(104), "late": here(105), "500": here(106), "502": here(107), "lost": here(108),
            "dropped": here(109), "closed": here(-800, "7"), "open": here(-800, "8"), "paper": here(110),
        }  # fmt: skip
        town.chat(*chats.values())
        server.refused[102] = 403, "Forbidden: bot was blocked by the user"
        server.refused[103] = 400, "Bad Request: chat not found"
        server.moved[group] = moved
        server.fail_next("sendMessage", 429, "Too Many Requests: retry after 30", chat=104, retry_after=30)
        server.fail_next("sendMessage", 429, "Too Many Requests: retry after 7200", chat=105, retry_after=7200)
        server.fail_next("sendMessage", 500, "Internal Server Error", chat=106)
        server.fail_next("sendMessage", 502, b"<html>Bad Gateway</html>", chat=107)
        server.drop_next("sendMessage", True, chat=108)
        server.drop_next("sendMessage", False, chat=109)

        def judge(message: dict[str, Any]) -> str:
            if message.get("message_thread_id") == 7:
                return "TOPIC_CLOSED"
            at_fault = message["chat_id"] == 110 and "paper <2>" in message["visible"]
            return "can't parse entities: unexpected end tag at byte offset 5" if at_fault else ""

        server.judge = judge
        first = await town.round(status=None)
        chats["moved"] = here(moved)
        states = {name: town.delivery(address).state for name, address in chats.items()}
        gone = {"blocked", "unknown", "closed"}
        later = {"soon", "late", "500", "502"}
        assert {name for name, state in states.items() if state is DeliveryState.UNREACHABLE} == gone
        assert {name for name, state in states.items() if state is DeliveryState.POSTPONED} == later
        assert {name for name, state in states.items() if state is DeliveryState.UNCERTAIN} == {"lost", "dropped"}
        assert {name for name, address in chats.items() if town.state(address) is ChatState.UNREACHABLE} == gone
        assert town.on_telegram(101) == town.on_telegram(moved) == once(3)
        assert town.on_telegram(110) == {1: 1, 3: 1}
        assert {m["message_thread_id"] for m in server.sent if m["chat_id"] == -800} == {8}
        due_at = town.delivery(chats["late"]).due_at
        assert due_at is not None and due_at > NINE + timedelta(hours=2)
        for line in (
            "telegram:102 cannot be reached and is paused with all it has: the bot was blocked",
            "telegram:103 cannot be reached and is paused with all it has: the chat does not exist",
            "telegram:-800/7 cannot be reached and is paused with all it has: the topic is closed",
            "arxiv:2504.00002 is left out, for it was refused alone: Can't parse entities",
            "telegram:108: a message may or may not have arrived",
        ):
            assert line in first.log
        await town.round(NINE + timedelta(hours=2, minutes=5))
        assert town.delivery(chats["late"]).state is DeliveryState.SENT
        for chat in (104, 105, 106, 107, 109):
            assert town.on_telegram(chat) == once(3)
        assert town.on_telegram(108) == dict.fromkeys((1, 2, 3), 2), "the rule for uncertain ones is to repeat"
        marked = [m["chat_id"] for m in server.sent if m["visible"].startswith("Perhaps a repeat")]
        assert set(marked) == {108, 109}, "whether its only message arrived or not"
        (told,) = [m["visible"] for m in server.sent if m["chat_id"] == ADMIN]
        for line in (
            "telegram:102: the bot was blocked.",
            "telegram:103: the chat does not exist, or the bot was never in it. Add it again to go on.",
            "telegram:-800/7: the topic is closed. Open the topic again, or let the bot manage topics.",
            "telegram:-700 is telegram:-100700 now; everything moved along.",
            "telegram:105: the platform lets me write there again at 2025-04-08 11:0",
            "arxiv:2504.00002 was refused in every form and left out of 1 digest: Can't parse entities",
        ):
            assert line in told
        assert town.on_telegram(101) == town.on_telegram(moved) == once(3)
        assert "Traceback" not in first.log


async def test_each_refusal_of_discord_costs_its_own_channel_alone(tmp_path: Path) -> None:
    async with town_in(tmp_path) as town:
        town.give(3)
        names = ("healthy", "forbidden", "unknown", "503", "slow", "late", "lost", "dropped", "archived")
        places = dict(zip(names, town.discord.add_guild("Other Lab", names), strict=True))
        town.chat(*(Address("discord", place) for place in places.values()))
        town.discord.remove_channel(places["forbidden"], 403, 50001, "Missing Access")
        town.discord.remove_channel(places["unknown"])
        town.discord.remove_channel(places["archived"], 400, 50083, "Thread is archived")
        route = {name: f"POST /channels/{place}/messages" for name, place in places.items()}
        late = {"message": "You are being rate limited.", "retry_after": 7200.0, "global": False}
        town.discord.fail_next(route["503"], 503)
        town.discord.fail_next(route["slow"], 429, times=2)
        town.discord.fail_next(route["late"], 429, late)
        town.discord.drop_next(route["lost"], deliver=True)
        town.discord.drop_next(route["dropped"])
        first = await town.round(status=None)
        deliveries = {name: town.delivery(Address("discord", place)) for name, place in places.items()}
        found = {name: delivery.state for name, delivery in deliveries.items()}
        assert found == {
            "healthy": DeliveryState.SENT, "slow": DeliveryState.SENT,
            "forbidden": DeliveryState.UNREACHABLE, "unknown": DeliveryState.UNREACHABLE,
            "archived": DeliveryState.UNREACHABLE, "503": DeliveryState.POSTPONED, "late": DeliveryState.POSTPONED,
            "lost": DeliveryState.UNCERTAIN, "dropped": DeliveryState.UNCERTAIN,
        }  # fmt: skip
        due_at = deliveries["late"].due_at
        assert due_at is not None and due_at >= NINE + timedelta(hours=2)
        (told,) = [m["visible"] for m in town.telegram.sent if m["chat_id"] == ADMIN]
        for name, what in (
            ("forbidden", "the bot cannot see the channel. Give it View Channel and Send Messages there."),
            ("unknown", "the channel or thread does not exist any more."),
            ("archived", "the thread is archived. Open the thread again."),
            ("late", "the platform lets me write there again at 2025-04-08 11:0"),
        ):
            assert f"discord:{places[name]}: {what}" in told
        for what in ("Missing Access", "Unknown Channel", "the thread is archived"):
            assert re.search(f"cannot be reached and is paused with all it has: .*{what}", first.log)
        await town.round(NINE + timedelta(hours=2, minutes=5))
        for name in ("healthy", "slow", "503", "late", "lost", "dropped"):
            assert town.on_discord(places[name]) == once(3), name
        assert "Traceback" not in first.log


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_two_rounds_at_the_same_time_double_nothing_and_neither_ends_in_an_error(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    async with town_in(tmp_path) as town:
        if kind == "postgresql":
            server: PostgresServer = request.getfixturevalue("postgres_server")
            url = server.database().replace("postgres:@", "postgres:hunter2-secret@")
            assert "hunter2-secret" in url
            town.url, town.env["PAPERROUND_DATABASE_URL"] = url, url
            town.secrets.append("hunter2-secret")
        town.give(4)
        chats = [here(n) for n in range(1, 21)] + [Address("discord", town.channel), Address("discord", town.second)]
        town.chat(*chats)
        rounds = await asyncio.gather(town.round(), town.round())
        for address in chats:
            assert town.delivery(address).state is DeliveryState.SENT
        for n in range(1, 21):
            assert town.on_telegram(n) == once(4)
        assert town.on_discord() == town.on_discord(town.second) == once(4)
        assert not any("Traceback" in program.log for program in rounds)


async def test_whatever_people_send_the_listeners_go_on(tmp_path: Path) -> None:
    channel, group = -100900, -100901
    async with town_in(tmp_path) as town:
        server = town.telegram
        server.add_chat(channel, "channel", "Papers")
        server.add_chat(group, "supergroup", "Readers")
        async with town.program("run") as program:
            await town.discord.connected(30)
            odd = [
                "/paper " + "x" * 10_000, "/paper " + "((" * 5_000, "/subscribe " + "LoRA " * 2_000,
                "/paper \u202e\u0000\ud83e\uddd1\u200d\U0001f52c\ufeff", "/páper LoRA", "/paper\u00a0LoRA", "/",
                "//paper", "/paper@someone_else LoRA", "/start@" + "x" * 300, "\u200b", "/subscribe -a", "?" * 5_000,
            ]  # fmt: skip
            for n, text in enumerate(odd):
                server.push_message(1000 + n, 1000 + n, text)
            robot = {"id": 999, "is_bot": True, "first_name": "Another bot"}
            server.push({"message": server._message(999) | {"from": robot, "text": "/help"}})
            server.push_message(channel, None, "/subscribe LoRA")
            server.push_message(group, None, "/subscribe RAG", sender_chat=group)
            server.push_message(group, None, "/subscribe agents", sender_chat=channel)
            server.push({"edited_message": server._message(READER) | {"text": "/subscribe edited"}})
            server.push({"message": {"message_id": 5, "chat": None}}, checked=False)
            server.refused[OTHER] = 400, "Bad Request: chat not found"
            server.push_message(OTHER, OTHER, "/help")
            stale = await town.discord.push_command(town.channel, "88", "help")
            stale.token = "expired"
            await town.discord.push("INTERACTION_CREATE", {"id": "1", "nonsense": True})
            await town.discord.push_message(town.discord.add_dm("78"), "78", "/help", author={"id": "9", "bot": True})
            server.push_message(READER, READER, "/paper 2504.99999")
            await server.until(lambda t: any("2504.99999" in m["visible"] for m in t.sent), 60)
            for break_off in (town.discord.drop_gateway, town.discord.invalidate_session):
                asked = await town.discord.push_command(town.channel, "88", "paper", {"query": "y" * 5_000})
                await asked.answered(timeout=20)
                await break_off()
                await town.discord.connected(30)
            asked = await town.discord.push_command(town.channel, "88", "help")
            await asked.answered(timeout=20)
            assert len(town.discord.resumes) == 1
            assert len(town.discord.identifies) == 3, "at first, after the nonsense, and when it was told to"
        answered = {m["chat_id"] - 1000 for m in server.sent if m["chat_id"] >= 1000}
        silent = {odd.index(text) for text in ("/paper@someone_else LoRA", "/start@" + "x" * 300)}
        assert answered == set(range(len(odd))) - silent
        assert not any(m["chat_id"] in (999, READER) and "2504.99999" not in m["visible"] for m in server.sent)
        assert any("take:=LoRA" in str(m.get("reply_markup")) for m in server.sent if m["chat_id"] == channel)
        (said, refused) = [m["visible"] for m in server.sent if m["chat_id"] == group]
        assert "retrieval" not in refused and "administrators" in refused
        assert said.startswith("RAG")
        assert "no answer reached chat 502 (ChatGone: the chat does not exist" in program.log
        assert "an interaction could not be answered: NotFound: 404 Not Found (error code: 10062)" in program.log
        town.discord.violations = [v for v in town.discord.violations if "unknown, or answered after" not in v]
