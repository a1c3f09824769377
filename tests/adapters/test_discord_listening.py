"""What people do on Discord comes to the desk, and its answers come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from bot.model import Address, Place
from bot.ports import Haste, Suggestion
from bot.replies import Reply, say
from tests.adapters.discord_desk import NotingDesk, hello, listening, long_list, soon
from tests.servers.discord import ADMINISTRATOR, MANAGE_GUILD, FakeDiscord, text_of
from tests.servers.discord_objects import APPLICATION, buttons_in

POST = "POST /channels/*/messages"


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake


async def test_a_command_is_answered_in_its_channel(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild("Lab", ("papers",))
    desk = NotingDesk(say("found *it*"))
    async with listening(fake, desk):
        exchange = await fake.push_command(
            channel, "1", "topic", {"action": "add", "name_and_query": "LoRA"}, MANAGE_GUILD, "zh-TW"
        )
        await exchange.answered()
    assert exchange.text == "found \\*it\\*"
    assert exchange.callback is not None and exchange.callback["type"] == 4
    ((caller, name, argument),) = desk.asked
    assert (name, argument) == ("topic", "add LoRA")
    assert caller.address == Address("discord", channel)
    assert (caller.user, caller.name, caller.place) == ("discord:1", "User 1", Place.GROUP)
    assert (caller.title, caller.locale) == ("Lab #papers", "zh-TW")
    assert caller.manages and caller.admin


async def test_a_thread_asks_for_itself(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    thread = fake.add_thread(channel, "LoRA")
    desk = NotingDesk()
    async with listening(fake, desk):
        await (await fake.push_command(thread, "2", "help")).answered()
    assert desk.asked[0][0].address == Address("discord", thread)


@pytest.mark.parametrize(
    ("permissions", "needed", "manages"),
    [(0, True, False), (1 << 11, True, False), (ADMINISTRATOR, True, True), (MANAGE_GUILD, False, False)],
)
async def test_who_manages_a_server_is_read_from_each_interaction(
    fake: FakeDiscord, permissions: int, needed: bool, manages: bool
) -> None:
    (channel,) = fake.add_guild()
    desk = NotingDesk()
    desk.rights_needed = needed
    async with listening(fake, desk):
        await (await fake.push_command(channel, "2", "help", permissions=permissions)).answered()
    assert desk.asked[0][0].manages is manages


async def test_in_private_everybody_manages(fake: FakeDiscord) -> None:
    channel = fake.add_dm("2")
    desk = NotingDesk()
    async with listening(fake, desk):
        await (await fake.push_command(channel, "2", "help")).answered()
    caller = desk.asked[0][0]
    assert caller.manages
    assert caller.place is Place.PRIVATE
    assert caller.title == "User 2"


async def test_a_private_answer_is_for_one_person_and_a_long_one_goes_on(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    desk = NotingDesk(say("no", private=True))
    async with listening(fake, desk):
        small = await (await fake.push_command(channel, "2", "help")).answered()
        desk.reply = long_list()
        long = await (await fake.push_command(channel, "2", "paper", {"q": "x"})).answered(4)
    assert [message["flags"] & 64 for message in small.messages] == [64]
    assert [message["flags"] & 64 for message in long.messages] == [0] * 4
    assert [bool(buttons_in(message["components"])) for message in long.messages] == [False, False, False, True]


async def test_a_slow_answer_is_deferred_first(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    desk = NotingDesk(long_list())
    desk.delay = 0.2
    async with listening(fake, desk, patience=0.05):
        exchange = await (await fake.push_command(channel, "2", "paper", {"q": "x"})).answered(4)
    assert exchange.callback is not None and exchange.callback["type"] == 5
    assert exchange.callback_after < 0.2
    assert exchange.text.count("t" * 900) == 16


async def test_a_button_turns_its_message(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    desk = NotingDesk()
    async with listening(fake, desk) as platform:
        sent = await platform.send(Address("discord", channel), platform.render(long_list(1))[0].payload, "n")
        desk.reply = Reply(say("page 2").blocks, edits=True)
        exchange = await (await fake.push_component(sent, "more:1", "2", MANAGE_GUILD)).answered()
    assert exchange.callback is not None and exchange.callback["type"] == 7
    (message,) = fake.messages(channel)
    assert text_of(message) == "page 2"
    assert message["embeds"] == [] and not buttons_in(message["components"])
    assert message["flags"] & 1 << 15, "a message that is of components stays so"
    caller, action = desk.pressed[0]
    assert (caller.user, caller.manages, action) == ("discord:2", True, "more:1")


@pytest.mark.parametrize("slow", [False, True])
async def test_what_is_opened_out_of_a_servers_message_is_seen_by_the_presser_alone_and_turns_in_place(
    fake: FakeDiscord, slow: bool
) -> None:
    (channel,) = fake.add_guild()
    card = Reply(long_list(1).blocks, aside=True)
    desk = NotingDesk(card)
    async with listening(fake, desk, patience=0.05 if slow else 2) as platform:
        sent = await platform.send(Address("discord", channel), platform.render(long_list(1))[0].payload, "n")
        before = text_of(fake.messages(channel)[0])
        desk.delay = 0.2 if slow else 0
        exchange = await (await fake.push_component(sent, "card:1::", "2")).answered()
        (message,) = exchange.messages
        assert message["flags"] & 64 and text_of(fake.messages(channel)[0]) == before
        desk.reply = Reply(say("saved").blocks, aside=True)
        again = await (await fake.push_component(message["id"], "save:1::", "2")).answered()
        assert again.callback is not None and again.callback["type"] == (6 if slow else 7)
    assert [text_of(one) for one in (*again.edits, *again.messages)] == ["saved"]


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("edits", [False, True])
async def test_a_press_is_answered_fast_or_slow(fake: FakeDiscord, slow: bool, edits: bool) -> None:
    (channel,) = fake.add_guild()
    desk = NotingDesk(Reply(long_list().blocks, private=not edits, edits=edits))
    async with listening(fake, desk, patience=0.05 if slow else 2) as platform:
        sent = await platform.send(Address("discord", channel), hello(), "n")
        desk.delay = 0.2 if slow else 0
        exchange = await fake.push_component(sent, "more:1", "2")
        await exchange.until(lambda e: len(e.edits) + len(e.messages) == 3)
    assert exchange.callback is not None
    assert exchange.callback["type"] == (6 if slow else 7 if edits else 4)
    assert len(exchange.edits) == edits
    assert exchange.text.count("t" * 900) == 16
    assert all(bool(message["flags"] & 64) is not edits for message in exchange.messages)


async def test_a_button_of_before_the_restart_still_works(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    async with listening(fake, NotingDesk()) as platform:
        sent = await platform.send(Address("discord", channel), platform.render(long_list(1))[0].payload, "n")
    desk = NotingDesk(say("here"))
    async with listening(fake, desk):
        exchange = await (await fake.push_component(sent, "more:1", "2")).answered()
    assert exchange.text == "here"


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "fr"])
async def test_a_desk_that_breaks_is_logged_and_answered_politely(
    fake: FakeDiscord, locale: str, caplog: pytest.LogCaptureFixture
) -> None:
    (channel,) = fake.add_guild()
    async with listening(fake, NotingDesk(ZeroDivisionError("oops"))):
        exchange = await (await fake.push_command(channel, "2", "help", locale=locale)).answered()
    assert ("稍后再试" if locale == "zh-CN" else "try again later") in exchange.text
    assert exchange.messages[0]["flags"] & 64
    assert "ZeroDivisionError" in caplog.text


async def test_an_answer_that_discord_refuses_is_not_silence(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    async with listening(fake, NotingDesk()):
        fake.fail_next("POST /interactions/*", 400, {"message": "Invalid Form Body", "code": 50035})
        exchange = await (await fake.push_command(channel, "2", "help")).answered()
    assert "try again later" in exchange.text


async def test_a_lost_interaction_costs_one_log_line(fake: FakeDiscord, caplog: pytest.LogCaptureFixture) -> None:
    (channel,) = fake.add_guild()
    async with listening(fake, NotingDesk()):
        fake.fail_next("POST /interactions/*", 404, {"message": "Unknown interaction", "code": 10062})
        await fake.push_command(channel, "2", "help")
        await (await fake.push_command(channel, "2", "help")).answered()
    (record,) = [r for r in caplog.records if "could not be answered" in r.getMessage()]
    assert record.levelno == logging.WARNING and record.exc_info is None


async def test_arguments_are_completed_while_typing(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    desk = NotingDesk()
    found = ("LoRA", "LoRA", "x" * 101, "", *(f"topic {n}" for n in range(40)))
    desk.found = [*map(Suggestion, found[:4]), Suggestion("2106.09685", "A title " * 20), *map(Suggestion, found[4:])]
    async with listening(fake, desk):
        exchange = await (await fake.push_autocomplete(channel, "2", "paper", "query-or-arxiv-id", "Lo")).answered()
        desk.found = [Suggestion("remove rag"), Suggestion("lora")]
        second = await fake.push_autocomplete(channel, "2", "topic", "name_and_query", "r", {"action": "remove"})
        await second.answered()
        desk.reply = ZeroDivisionError("oops")
        third = await (await fake.push_autocomplete(channel, "2", "paper", "q", "Lo")).answered()
    assert desk.typed == [("paper", "Lo"), ("topic", "remove r"), ("paper", "Lo")]
    assert [choice["value"] for choice in exchange.suggestions[:2]] == ["LoRA", "2106.09685"]
    assert exchange.suggestions[1]["name"] == ("A title " * 20)[:100]
    assert len(exchange.suggestions) == 25
    assert [choice["value"] for choice in second.suggestions] == ["rag", "lora"]
    assert third.suggestions == []


async def test_a_private_text_is_answered_and_a_servers_talk_is_not(fake: FakeDiscord) -> None:
    private, (channel,) = fake.add_dm("2"), fake.add_guild()
    desk = NotingDesk(long_list())
    async with listening(fake, desk):
        await fake.push_message(channel, "2", "hello all")
        await fake.push_message(private, "2", "LoRA")
        sent = await fake.wait_sent(private, 4)
    assert [(c.user, c.place, name, text) for c, name, text in desk.asked] == [("discord:2", Place.PRIVATE, "", "LoRA")]
    assert desk.asked[0][0].manages
    assert len({message["nonce"] for message in sent}) == 4


async def test_a_private_answer_lost_on_the_way_is_sent_once(fake: FakeDiscord) -> None:
    private = fake.add_dm("2")
    async with listening(fake, NotingDesk()):
        fake.drop_next(POST, deliver=True)
        await fake.push_message(private, "2", "LoRA")
        async with asyncio.timeout(5):
            while fake.requests.count(("POST", f"/channels/{private}/messages")) < 2:
                await asyncio.sleep(0.01)
    assert len(fake.messages(private)) == 1


async def test_being_removed_says_goodbye_to_every_place(fake: FakeDiscord) -> None:
    one, two = fake.add_guild("A", ("one", "two"))
    thread = fake.add_thread(one)
    (other,) = fake.add_guild("B", ("other",))
    loose = fake.add_thread(other)
    desk = NotingDesk()
    async with listening(fake, desk):
        await (await fake.push_command(two, "2", "help")).answered()
        await fake.push_channel_delete(loose)
        await soon(lambda: len(desk.farewells) == 1)
        await fake.push_guild_remove(one)
        await soon(lambda: len(desk.farewells) == 4)
        await fake.push_channel_delete(other)
        await soon(lambda: len(desk.farewells) == 5)
    assert desk.farewells[0][0].chat == loose
    assert {address.chat for address, _ in desk.farewells} == {one, two, thread, other, loose}


async def test_the_desk_hears_where_it_may_write_again(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild("A", ("one",))
    thread = fake.add_thread(channel)
    guild = fake.guild_of(channel)
    assert guild is not None
    desk = NotingDesk()
    async with listening(fake, desk) as platform:
        assert platform._client is not None
        await platform._client.wait_until_ready()
        await fake.push("CHANNEL_UPDATE", {**guild["channels"][0], "guild_id": guild["id"], "topic": "anew"})
        await soon(lambda: len(desk.returns) == 2)
        await fake.push("THREAD_UPDATE", {**guild["threads"][0], "guild_id": guild["id"]})
        await soon(lambda: len(desk.returns) == 3)
        again = await fake.push_guild_join("B")
        await soon(lambda: len(desk.returns) == 4)
    assert [address.chat for address in desk.returns] == [channel, thread, thread, again]


async def test_a_new_server_is_greeted_where_it_takes_system_messages(fake: FakeDiscord) -> None:
    desk = NotingDesk()
    desk.greeting = say("hi")
    async with listening(fake, desk) as platform:
        assert platform._client is not None
        await platform._client.wait_until_ready()
        channel = await fake.push_guild_join("New")
        await fake.wait_sent(channel)
    assert fake.text(channel) == "hi"
    assert [(c.address.chat, c.user, c.place, c.manages) for c in desk.joins] == [(channel, "", Place.GROUP, False)]


async def test_who_asks_for_too_much_is_told_so_alone_and_then_no_more_than_discord_needs(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    desk = NotingDesk()
    async with listening(fake, desk):
        shown = await (await fake.push_command(channel, "1", "help")).answered()
        desk.hastes["discord:2"] = Haste.TOLD
        told = await (await fake.push_command(channel, "2", "help")).answered()
        desk.hastes["discord:2"] = Haste.SILENT
        asked = await (await fake.push_command(channel, "2", "help")).answered()
        pressed = await fake.push_component(shown.messages[0]["id"], "more:1", "2")
        await pressed.until(lambda exchange: exchange.callback is not None)
        await fake.push_message(channel, "2", f"<@{APPLICATION}> LoRA")
        await (await fake.push_command(channel, "3", "help")).answered()
    assert (told.text, told.messages[0]["flags"] & 64) == ("You are quick!", 64)
    assert (asked.text, asked.messages[0]["flags"] & 64) == ("⏳", 64)
    assert pressed.callback == {"type": 6}
    assert [caller.user for caller, _, _ in desk.asked] == ["discord:1", "discord:3"] and not desk.pressed
    assert fake.messages(channel) == []
