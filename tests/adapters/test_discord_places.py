"""Discord: the bot called by its name, slow answers for one person, greetings, posts in forum channels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from adapters.chats.discord_chat import Discord
from adapters.chats.discord_forum import tags_for, title_of
from bot.errors import ChatGone, Hidden, Refused, TryLater, Uncertain
from bot.model import POSTS, Address, Place
from bot.replies import Block, BlockKind, File, Reply, Span, heading, say
from tests.adapters.discord_desk import NotingDesk, listening, platform_for, soon
from tests.servers.discord import MANAGE_GUILD, FakeDiscord, text_of
from tests.servers.discord_objects import APPLICATION

HEADING = "2 new papers for LoRA and *Tea*, Tuesday 8 April"
DIGEST = Reply((heading(HEADING), Block((Span("A", link="https://arxiv.org/abs/1"),), BlockKind.ENTRY, 1)))


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake


def first(platform: Discord, reply: Reply = DIGEST) -> bytes:
    return platform.render(reply)[0].payload


async def test_a_bot_that_is_called_by_its_name_in_a_server_answers_the_message(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    desk = NotingDesk(say("a card"))
    async with listening(fake, desk):
        await fake.push_message(channel, "2", "2403.17919, have you read it?")
        await fake.push_message(channel, "2", "<@12345> 2403.17919")
        asked = await fake.push_message(channel, "2", f"<@{APPLICATION}> 2403.17919")
        (sent,) = await fake.wait_sent(channel)
        await fake.push_message(channel, "2", f"<@!{APPLICATION}> /Subscribe LoRA OR\ntea")
        await fake.wait_sent(channel, 2)
    assert [(name, text) for _, name, text in desk.asked] == [("", "2403.17919"), ("subscribe", "LoRA OR\ntea")]
    caller = desk.asked[1][0]
    assert (caller.address.chat, caller.user, caller.place) == (channel, "discord:2", Place.GROUP)
    assert caller.manages, "this server's members may do everything"
    assert sent["message_reference"] == {"message_id": asked["id"], "fail_if_not_exists": False}
    assert fake.identifies[0]["intents"] & (1 << 15) == 0, "no privileged intent"


async def test_a_command_typed_as_a_text_in_private_is_one(fake: FakeDiscord) -> None:
    private = fake.add_dm("2")
    desk = NotingDesk(Reply(say("Here it is").blocks, file=File("paperround.json", b"{}", "sent", "unsent")))
    async with listening(fake, desk):
        await fake.push_message(private, "2", "/mydata")
        await fake.wait_sent(private, 2)
    assert [(name, text, caller.manages) for caller, name, text in desk.asked] == [("mydata", "", True)]
    assert fake.files == {"paperround.json": b"{}"}


async def test_a_slow_desk_is_waited_for_less_than_a_second(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    desk = NotingDesk(say("here"))
    async with listening(fake, desk, patience=Discord.patience) as platform:
        sent = await platform.send(Address("discord", channel), first(platform), "n")
        desk.delay = 1.3
        pressed = await fake.push_component(sent, "more:1", "2")
        asked = await fake.push_command(channel, "2", "paper", {"q": "x"})
        await asyncio.gather(pressed.answered(), asked.answered())
    assert pressed.callback is not None and asked.callback is not None
    assert (pressed.callback["type"], asked.callback["type"]) == (6, 5)
    assert max(pressed.callback_after, asked.callback_after) < 1.0


async def test_what_is_for_one_person_is_so_however_late_it_comes(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    desk = NotingDesk(say("Only members who may manage this server.", private=True))
    desk.delay = 0.2
    async with listening(fake, desk, patience=0.05) as platform:
        sent = await platform.send(Address("discord", channel), first(platform), "n")
        pressed = await (await fake.push_component(sent, "drop:1", "2")).answered()
        asked = await (await fake.push_command(channel, "2", "subscribe", {"q": "x"})).answered()
    assert [message["flags"] & 64 for message in (*pressed.messages, *asked.messages)] == [64, 64]
    assert asked.taken_back and not pressed.edits


async def test_a_new_server_is_greeted_in_the_first_channel_that_takes_it(fake: FakeDiscord) -> None:
    desk = NotingDesk()
    desk.greeting = say("hi")
    async with listening(fake, desk) as platform:
        assert platform._client is not None
        await platform._client.wait_until_ready()
        channel = fake.add_guild("New", ("general", "papers"))[0]
        guild = fake.guild_of(channel)
        assert guild is not None
        guild |= {"system_channel_id": None, "features": ["COMMUNITY"], "preferred_locale": "zh-TW"}
        await fake.push("GUILD_CREATE", {k: v for k, v in guild.items() if k != "unavailable"})
        await soon(lambda: desk.joins)
    ((caller),) = desk.joins
    assert (caller.address.chat, caller.locale) == (channel, "zh-TW")
    assert [place.chat for place in desk.places] == [one["id"] for one in guild["channels"]]


async def test_a_forums_post_knows_its_forum(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    forum = fake.add_forum()
    post, thread = fake.add_thread(forum), fake.add_thread(channel)
    desk = NotingDesk()
    async with listening(fake, desk) as platform:
        assert platform._client is not None
        await platform._client.wait_until_ready()
        for place in (post, thread, channel):
            await (await fake.push_command(place, "2", "help", permissions=MANAGE_GUILD)).answered()
        await fake.push_message(post, "2", f"<@{APPLICATION}> LoRA")
        await fake.wait_sent(post)
    expected = Address("discord", forum, POSTS)
    assert [caller.forum for caller, _, _ in desk.asked] == [expected, None, None, expected]


async def test_a_digest_begins_a_post_and_goes_on_in_it(fake: FakeDiscord) -> None:
    fake.add_guild()
    forum = Address("discord", fake.add_forum("digests", ("tea", "RAG", "!LoRA", "lora")), POSTS)
    platform = platform_for(fake)
    post = await platform.send(forum, first(platform), "n1")
    there = platform.follows(forum, post)
    await platform.send(there, platform.render(say("the rest"))[0].payload, "n2")
    assert there == Address("discord", post)
    assert [text_of(message) for message in fake.messages(post)][1] == "the rest"
    (thread,) = fake._threads(next(iter(fake.guilds)), archived=False)
    assert (thread["id"], thread["name"], thread["applied_tags"]) == (post, HEADING, ["1", "4"])
    assert await platform.send(forum, first(platform), "n3") == post, "the same digest is not made twice"
    other = await platform.send(forum, first(platform, say("Nothing new for LoRA, Friday 11 April.")), "n4")
    assert other != post
    await platform.stop()
    assert fake.violations == []


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("delivered", [False, True])
async def test_a_post_whose_answer_was_lost_is_looked_for_before_it_is_made_again(
    fake: FakeDiscord, delivered: bool, archived: bool
) -> None:
    fake.add_guild()
    forum = Address("discord", fake.add_forum(), POSTS)
    platform = platform_for(fake)
    payload = first(platform)
    fake.drop_next("POST /channels/*/threads", deliver=delivered)
    began = platform_now()
    with pytest.raises(Uncertain):
        await platform.send(forum, payload, "n")
    threads = fake._threads(next(iter(fake.guilds)), archived=False)
    for thread in threads:
        thread["thread_metadata"]["archived"] = archived
    assert bool(await platform.find(forum, payload, began)) is delivered
    post = await platform.send(forum, payload, "n")
    threads = [*threads, *fake._threads(next(iter(fake.guilds)), archived=False)]
    assert {thread["id"] for thread in threads} == {post}
    await platform.stop()


async def test_what_keeps_a_post_from_being_made_is_never_in_doubt(fake: FakeDiscord) -> None:
    (channel,) = fake.add_guild()
    forum = Address("discord", fake.add_forum(), POSTS)
    platform = platform_for(fake)
    fake.fail_next("GET /guilds/*/threads/active", 503)
    with pytest.raises(TryLater):
        await platform.send(forum, first(platform), "n")
    fake.fail_next("POST /channels/*/threads", 400, {"message": "Maximum number of active threads", "code": 160006})
    with pytest.raises(TryLater):
        await platform.send(forum, first(platform), "n")
    with pytest.raises(Refused):
        await platform.send(Address("discord", channel, POSTS), first(platform), "n")
    fake.remove_channel(forum.chat)
    with pytest.raises(ChatGone):
        await platform.send(forum, first(platform), "n")
    with pytest.raises(Hidden):
        await platform.find(forum, first(platform), platform_now())
    await platform.stop()
    assert not any(fake.messages(thread["id"]) for thread in fake._threads(next(iter(fake.guilds)), archived=False))


async def test_a_forum_that_wants_a_tag_gets_one(fake: FakeDiscord) -> None:
    fake.add_guild()
    forum = Address("discord", fake.add_forum("digests", ("!staff", "papers"), 1 << 4), POSTS)
    platform = platform_for(fake)
    await platform.send(forum, first(platform), "n")
    await platform.stop()
    assert fake._threads(next(iter(fake.guilds)), archived=False)[0]["applied_tags"] == ["2"]
    assert fake.violations == []


def test_a_title_is_what_a_message_begins_with_whatever_it_is_made_of() -> None:
    embed = {"embeds": [{"description": "**2 new \\*papers\\*, Tuesday**\n\nmore"}]}
    parts = {"components": [{"type": 17, "components": [{"type": 10, "content": "## 2 new \\*papers\\*, Tuesday"}]}]}
    assert title_of(embed) == title_of(parts) == "2 new *papers*, Tuesday"
    long = {"content": "7 new papers for " + "words " * 30 + "and others, Tuesday 8 April"}
    assert len(title_of(long)) <= 100 and title_of(long).endswith("Tuesday 8 April")
    assert title_of({"content": " "}) == "…"
    assert title_of(json.loads(first(Discord("x")))) == HEADING


@pytest.mark.parametrize(
    ("title", "tags", "named"),
    [
        ("2 new papers for LoRA and RAG", ("rag", "LoR", "papers for"), ["rag", "papers for"]),
        ("语言模型和高效微调：2 篇新论文", ("语言模型", "高效微调", "扩散"), ["语言模型", "高效微调"]),
        ("a b c d e f", ("a", "b", "c", "d", "e", "f"), ["a", "b", "c", "d", "e"]),
        ("C++ and .NET", ("c++", ".net", "c"), ["c++", ".net", "c"]),
    ],
)
def test_tags_are_those_that_stand_in_the_title(title: str, tags: tuple[str, ...], named: list[str]) -> None:
    available = [{"id": tag, "name": tag, "moderated": False} for tag in tags]
    assert tags_for(title, available, False) == named


def platform_now() -> datetime:
    return datetime.now(UTC)
