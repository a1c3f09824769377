"""Discord over loopback: starting, sending, reconnecting, examining."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

from adapters.chats.discord_chat import Discord
from bot.errors import ChatGone, ConfigError, Refused, TryLater, Uncertain
from bot.model import Address
from bot.replies import say
from tests.adapters.discord_desk import NotingDesk, hello, listening, platform_for, soon
from tests.servers.discord import FakeDiscord

POST = "POST /channels/*/messages"


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake


@asynccontextmanager
async def sending(fake: FakeDiscord) -> AsyncIterator[tuple[Discord, Address]]:
    """Only REST: nobody listens."""
    platform = platform_for(fake)
    (channel,) = fake.add_guild()
    try:
        yield platform, Address("discord", channel)
    finally:
        await platform.stop()


class TestSending:
    async def test_a_message_arrives_as_it_was_rendered(self, fake: FakeDiscord) -> None:
        async with sending(fake) as (platform, address):
            payload = hello("# one @everyone")
            message_id = await platform.send(address, payload, "n1")
        (message,) = fake.messages(address.chat)
        assert message["id"] == message_id
        assert message["content"] == json.loads(payload)["content"]
        assert fake.violations == []
        assert fake.identifies == []

    async def test_the_same_nonce_makes_one_message(self, fake: FakeDiscord) -> None:
        async with sending(fake) as (platform, address):
            long = "d" * 40
            ids = [await platform.send(address, hello(), nonce) for nonce in ("a", "a", "b", long, long)]
        assert ids[0] == ids[1]
        assert ids[3] == ids[4]
        assert len(fake.messages(address.chat)) == 3
        assert fake.violations == []

    async def test_a_thread_is_a_chat_of_its_own(self, fake: FakeDiscord) -> None:
        async with sending(fake) as (platform, address):
            thread = fake.add_thread(address.chat)
            await platform.send(Address("discord", thread), hello(), "n")
        assert fake.text(thread) == "hello"

    @pytest.mark.parametrize(
        ("status", "code"),
        [(404, 10003), (403, 50001), (403, 50013), (403, 50007), (400, 50083), (403, 50278), (400, 50024)],
    )
    async def test_a_place_that_cannot_be_written_to_is_gone(self, fake: FakeDiscord, status: int, code: int) -> None:
        async with sending(fake) as (platform, address):
            fake.remove_channel(address.chat, status, code, "because")
            with pytest.raises(ChatGone, match="archived" if code == 50083 else f"{code}.*because"):
                await platform.send(address, hello(), "n")

    async def test_what_discord_finds_fault_with_is_refused(self, fake: FakeDiscord) -> None:
        async with sending(fake) as (platform, address):
            with pytest.raises(Refused, match="50035"):
                await platform.send(address, b'{"content": "", "allowed_mentions": {"parse": []}}', "n")
            with pytest.raises(Refused):
                await platform.send(address, b"not JSON", "n")
            with pytest.raises(ChatGone):
                await platform.send(Address("discord", "general"), hello(), "n")

    @pytest.mark.parametrize(
        ("status", "body", "headers", "after", "everywhere"),
        [
            (503, None, None, None, False),
            (429, {"message": "slow", "retry_after": 90.5, "global": False}, None, 90.5, False),
            (
                429,
                {"message": "slow", "retry_after": 90.5, "global": True},
                {"X-RateLimit-Global": "true"},
                90.5,
                True,
            ),
            (429, {"message": "slow mode", "code": 20016, "retry_after": 120.0}, None, 120.0, False),
            (429, "<html>banned</html>", {"Retry-After": "70"}, 70.0, True),
            (400, {"message": "slow mode", "code": 20016}, {"Retry-After": "9"}, 9.0, False),
            (403, {"message": "flagged", "code": 20026}, None, 300.0, True),
            (403, "<html>blocked</html>", None, 300.0, True),
            (401, None, None, 300.0, True),
        ],
    )
    async def test_trouble_that_passes_asks_for_another_try(
        self, fake: FakeDiscord, status: int, body: Any, headers: Any, after: float | None, everywhere: bool
    ) -> None:
        async with sending(fake) as (platform, address):
            fake.fail_next(POST, status, body, headers)
            with pytest.raises(TryLater) as caught:
                await platform.send(address, hello(), "n")
            assert (caught.value.after, caught.value.everywhere) == (after, everywhere)
            await platform.send(address, hello(), "n")
        assert fake.text(address.chat) == "hello"

    async def test_a_short_rate_limit_is_waited_out(self, fake: FakeDiscord) -> None:
        async with sending(fake) as (platform, address):
            fake.fail_next(POST, 429, times=2)
            await platform.send(address, hello(), "n")
        assert len(fake.messages(address.chat)) == 1

    @pytest.mark.parametrize("delivered", [True, False])
    async def test_a_lost_answer_is_uncertain_and_a_repetition_is_harmless(
        self, fake: FakeDiscord, delivered: bool
    ) -> None:
        async with sending(fake) as (platform, address):
            await platform.send(address, hello("first"), "n0")
            fake.drop_next(POST, deliver=delivered)
            with pytest.raises(Uncertain):
                await platform.send(address, hello(), "n")
            await platform.send(address, hello(), "n")
        assert [m["content"] for m in fake.messages(address.chat)] == ["first", "hello"]

    async def test_no_answer_in_time_is_uncertain(self, fake: FakeDiscord, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("adapters.chats.discord_chat._SEND_WITHIN", 0.1)
        async with sending(fake) as (platform, address):
            fake.delay_next(POST, 0.5)
            with pytest.raises(Uncertain):
                await platform.send(address, hello(), "n")

    async def test_a_time_out_while_waiting_out_a_rate_limit_is_certain(
        self, fake: FakeDiscord, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("adapters.chats.discord_chat._SEND_WITHIN", 0.2)
        async with sending(fake) as (platform, address):
            fake.fail_next(POST, 429, {"message": "slow", "retry_after": 5.0, "global": False})
            with pytest.raises(TryLater):
                await platform.send(address, hello(), "n")

    async def test_a_server_that_cannot_be_reached_delivered_nothing(self, fake: FakeDiscord) -> None:
        async with sending(fake) as (platform, address):
            await platform.send(address, hello(), "n1")
            await fake.stop()
            await asyncio.sleep(0.05)
            with pytest.raises(TryLater):
                await platform.send(address, hello(), "n2")
            await fake.start()
            await platform.send(address, hello(), "n2")
        assert len(fake.messages(address.chat)) == 2

    async def test_a_lost_login_delivered_nothing(self, fake: FakeDiscord) -> None:
        async with sending(fake) as (platform, address):
            fake.drop_next("GET /users/@me", times=2)
            with pytest.raises(TryLater):
                await platform.send(address, hello(), "n")
            await platform.send(address, hello(), "n")

    async def test_a_refused_token_is_not_tried_again_at_once_and_never_shown(
        self, fake: FakeDiscord, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "adapters")
        platform = platform_for(fake, "wrong.token.here")
        (channel,) = fake.add_guild()
        for _ in range(3):
            with pytest.raises(TryLater) as caught:
                await platform.send(Address("discord", channel), hello(), "n")
            assert "wrong.token" not in str(caught.value)
        assert len(fake.requests) == 1
        assert "wrong.token" not in caplog.text
        assert "PAPERROUND_DISCORD__TOKEN" in caplog.text
        await platform.stop()

    async def test_nothing_is_sent_after_stop(self, fake: FakeDiscord) -> None:
        async with sending(fake) as (platform, address):
            await platform.send(address, hello(), "n")
            await platform.stop()
            with pytest.raises(TryLater):
                await platform.send(address, hello(), "m")

    async def test_many_messages_to_many_chats_all_arrive(self, fake: FakeDiscord) -> None:
        channels = fake.add_guild("Big", tuple(f"c{n}" for n in range(20)))
        platform = platform_for(fake)
        jobs = [platform.send(Address("discord", c), hello(str(n)), f"n{n}") for c in channels for n in range(5)]
        await asyncio.gather(*jobs)
        await platform.stop()
        assert all(sorted(m["content"] for m in fake.messages(c)) == list("01234") for c in channels)


class TestStarting:
    async def test_commands_are_told_once_and_again_only_when_they_change(self, fake: FakeDiscord) -> None:
        for _ in range(2):
            async with listening(fake, NotingDesk()):
                pass
        assert fake.command_puts == 1
        fake.commands[0]["description"] = "old"
        async with listening(fake, NotingDesk()):
            pass
        assert fake.command_puts == 2
        help_, paper, topic = fake.commands
        assert help_["description_localizations"] == {"zh-CN": "这个机器人能做什么", "zh-TW": "這個機器人能做什麼"}
        assert help_["options"] == []
        (option,) = paper["options"]
        assert (option["name"], option["required"]) == ("query-or-arxiv-id", True)
        assert option["description_localizations"]["zh-TW"] == "檢索式"
        action, rest = topic["options"]
        assert [choice["value"] for choice in action["choices"]] == ["add", "edit", "remove"]
        assert (action["required"], rest["name"], rest["required"]) == (True, "name_and_query", False)

    async def test_commands_that_discord_refuses_do_not_keep_the_bot_from_listening(
        self, fake: FakeDiscord, caplog: pytest.LogCaptureFixture
    ) -> None:
        (channel,) = fake.add_guild()
        fake.fail_next("PUT /applications/*", 400, {"message": "Invalid Form Body", "code": 50035})
        async with listening(fake, NotingDesk()):
            await (await fake.push_command(channel, "2", "help")).answered()
        assert "did not take the commands" in caplog.text

    async def test_an_event_that_makes_no_sense_does_not_end_the_listening(self, fake: FakeDiscord) -> None:
        (channel,) = fake.add_guild()
        async with listening(fake, NotingDesk()):
            await fake.push("MESSAGE_CREATE", {"id": "no number"})
            await soon(lambda: len(fake.identifies) == 2)
            await (await fake.push_command(channel, "2", "help")).answered()

    async def test_only_servers_and_private_messages_are_listened_to(self, fake: FakeDiscord) -> None:
        async with listening(fake, NotingDesk()):
            pass
        assert [identify["intents"] for identify in fake.identifies] == [1 << 0 | 1 << 9 | 1 << 12]

    @pytest.mark.parametrize("token", ["wrong", "new\nline", "no-ascii-ñ"])
    async def test_a_refused_token_is_a_configuration_problem(self, fake: FakeDiscord, token: str) -> None:
        platform = platform_for(fake, token)
        with pytest.raises(ConfigError) as caught:
            await platform.start(NotingDesk())
        (problem,) = caught.value.problems
        assert problem.key == "PAPERROUND_DISCORD__TOKEN"
        assert token not in str(caught.value) + problem.mend
        await platform.stop()

    async def test_without_network_it_starts_says_so_once_and_comes_back(
        self, fake: FakeDiscord, caplog: pytest.LogCaptureFixture
    ) -> None:
        await fake.stop()
        platform = platform_for(fake)
        await platform.start(NotingDesk())
        warnings = [r for r in caplog.records if r.levelno >= logging.WARNING]
        assert ["cannot be reached" in r.getMessage() for r in warnings] == [True]
        with pytest.raises(TryLater):
            await platform.send(Address("discord", "1"), hello(), "n")
        await fake.start()
        await fake.connected()
        await platform.stop()

    async def test_rest_without_gateway_still_sends(self, fake: FakeDiscord) -> None:
        with closing(socket.socket()) as taken:
            taken.bind(("127.0.0.1", 0))
            platform = Discord(fake.token, fake.api_url, f"ws://127.0.0.1:{taken.getsockname()[1]}")
            (channel,) = fake.add_guild()
            await platform.start(NotingDesk())
            await platform.send(Address("discord", channel), hello(), "n")
            await platform.stop()
        assert fake.text(channel) == "hello"

    async def test_a_broken_connection_resumes_without_losing_a_command(self, fake: FakeDiscord) -> None:
        (channel,) = fake.add_guild()
        async with listening(fake, NotingDesk()):
            await fake.drop_gateway()
            exchange = await fake.push_command(channel, "2", "help")
            await exchange.answered()
        assert len(fake.resumes) == 1
        assert len(fake.identifies) == 1

    async def test_a_reconnect_that_discord_asks_for_resumes(self, fake: FakeDiscord) -> None:
        (channel,) = fake.add_guild()
        async with listening(fake, NotingDesk()):
            await fake.ask_reconnect()
            await fake.connected()
            await (await fake.push_command(channel, "2", "help")).answered()
        assert (len(fake.identifies), len(fake.resumes)) == (1, 1)

    async def test_an_invalid_session_identifies_anew(self, fake: FakeDiscord) -> None:
        (channel,) = fake.add_guild()
        async with listening(fake, NotingDesk()):
            await fake.invalidate_session()
            await fake.connected()
            await (await fake.push_command(channel, "2", "help")).answered()
        assert (len(fake.identifies), len(fake.resumes)) == (2, 0)

    async def test_a_gateway_that_refuses_the_token_says_what_to_mend(
        self, fake: FakeDiscord, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake.refuse_identify = True
        async with listening(fake, NotingDesk()):
            await soon(lambda: "PAPERROUND_DISCORD__TOKEN" in caplog.text)
        assert len(fake.identifies) == 1
        assert fake.token not in caplog.text

    async def test_stop_waits_for_the_answer_under_way(self, fake: FakeDiscord) -> None:
        (channel,) = fake.add_guild()
        desk = NotingDesk(say("late"))
        desk.delay = 0.3
        async with listening(fake, desk):
            exchange = await fake.push_command(channel, "2", "help")
            await soon(lambda: bool(desk.asked))
        assert exchange.text == "late"


class TestExamining:
    async def test_a_healthy_bot_shows_its_servers_and_invite(self, fake: FakeDiscord) -> None:
        fake.add_guild()
        platform = platform_for(fake)
        findings = await platform.examine()
        await platform.stop()
        assert all(finding.ok for finding in findings)
        text = " ".join(finding.what for finding in findings)
        assert "in 1 server;" in text
        assert "scope=bot+applications.commands" in text
        assert "permissions=274877991936" in text
        assert {method for method, _ in fake.requests} == {"GET"}

    async def test_what_is_wrong_comes_with_its_mend(self, fake: FakeDiscord) -> None:
        fake.interactions_endpoint_url = "https://example.org"
        platform = platform_for(fake)
        wrong = [finding for finding in await platform.examine() if not finding.ok]
        await platform.stop()
        assert [finding.subject for finding in wrong] == ["discord commands", "discord servers"]
        assert all(finding.mend for finding in wrong)

    async def test_a_refused_token_and_no_network_are_findings(self, fake: FakeDiscord) -> None:
        refused = await platform_for(fake, "wrong.token").examine()
        await fake.stop()
        silent = await platform_for(fake).examine()
        assert [finding.ok for finding in (*refused, *silent)] == [False, False]
        assert refused[0].subject == "discord token"
        assert "cannot be reached" in silent[0].what
        assert fake.token not in str(silent)
        assert "wrong.token" not in str(refused)
