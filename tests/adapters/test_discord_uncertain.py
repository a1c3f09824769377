"""What may have arrived on Discord: the nonce while it is remembered, then a look at the channel."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.chats.discord_chat import Discord
from adapters.chats.discord_history import MOST_PAGES, PAGE, mark
from adapters.chats.discord_pace import A_SECOND, REFUSED_SECONDS, DiscordPace
from adapters.chats.discord_render import CONTENT, render
from bot.carrier import LEASE, Carrier
from bot.errors import ChatGone, Hidden, TryLater, Uncertain
from bot.model import Address, Chat, Delivery, DeliveryState, Digest, DigestKind, Layout, Match, News, Subscription
from bot.ports import NOTE
from bot.replies import Reply, paragraph, say
from storage.store import SqlStore, open_store
from tests.adapters.discord_desk import NotingDesk, hello, listening, long_list, platform_for, soon
from tests.adapters.test_telegram_pace import Clock
from tests.databases import sqlite_url
from tests.feeds_text import paper
from tests.servers.discord import FakeDiscord, text_of
from tests.servers.discord_rules import message_faults
from tests.servers.limits import DiscordLimits
from tests.wire import NOW, Wall

POST = "POST /channels/*/messages"
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as made:
        yield made
        assert made.violations == []


class Post:
    """A digest of one message on its way to a channel, in whoever's hands; ``fake`` forgets nonces by ``wall``."""

    def __init__(self, fake: FakeDiscord, store: SqlStore) -> None:
        self.fake, self.store, self.wall = fake, store, Wall()
        self.platform = platform_for(fake)
        (self.channel,) = fake.add_guild()
        fake.clock = lambda: self.wall.at.timestamp()
        with store.transaction() as tx:
            tx.add([paper("2504.00001", "LoRA paper <1>", categories=("cs.CL",))], NOW)
            found = tx.paper_by_key("arxiv:2504.00001")
            assert found is not None
            chat = tx.open_chat(Chat(0, Address("discord", self.channel)))
            tx.subscribe(Subscription(0, chat.id, "LoRA"))
            digest = Digest(DigestKind.PAPERS, NOW.date(), (Match(found.id, News.NEW, ("LoRA",)),), 1, ("LoRA",), 1)
            made = Delivery(0, chat.id, chat.address, digest, "en", Layout.BRIEF, due_at=NOW, made_at=NOW)
            self.id = tx.plan(made).id

    async def deliver(self, repeat: bool = True) -> DeliveryState:
        await Carrier(self.store, {"discord": self.platform}, repeat, self.wall).deliver()
        with self.store.reading() as tx:
            found = tx.delivery(self.id)
        assert found is not None
        return found.state

    @property
    def texts(self) -> list[str]:
        return [text_of(message) for message in self.fake.messages(self.channel)]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, to be copied."""
    folder = tmp_path_factory.mktemp("uncertain")
    open_store(sqlite_url(folder)).close()
    return folder / "paperround.db"


@pytest.fixture
async def post(fake: FakeDiscord, ready: Path, tmp_path: Path) -> AsyncIterator[Post]:
    shutil.copy(ready, tmp_path / "paperround.db")
    store = open_store(sqlite_url(tmp_path))
    made = Post(fake, store)
    yield made
    await made.platform.stop()
    store.close()


LOOK = ("GET", "/channels/{}/messages")


@pytest.mark.parametrize("arrived", [True, False], ids=["it had arrived", "it had not"])
@pytest.mark.parametrize(("later", "looks"), [(LEASE, 0), (timedelta(hours=1), 1), (timedelta(days=1), 1)])
async def test_an_answer_that_was_lost_doubles_and_loses_nothing_however_late_it_is_taken_up(
    post: Post, arrived: bool, later: timedelta, looks: int
) -> None:
    await post.platform.send(Address("discord", post.channel), hello(), "earlier")
    post.fake.drop_next(POST, deliver=arrived)
    assert await post.deliver() is DeliveryState.UNCERTAIN
    assert len(post.texts) == 1 + arrived
    post.wall.at += later
    assert await post.deliver() is DeliveryState.SENT
    (_, text) = post.texts
    assert "LoRA paper" in text and "Perhaps" not in text
    asked = post.fake.requests.count((LOOK[0], LOOK[1].format(post.channel)))
    assert asked >= looks and (asked > 0) is (looks > 0)


@pytest.mark.parametrize(("repeat", "texts"), [(True, 2), (False, 1)])
async def test_where_the_history_cannot_be_read_the_rule_holds_and_a_repeat_says_so(
    post: Post, repeat: bool, texts: int
) -> None:
    post.fake.unreadable.add(post.channel)
    post.fake.drop_next(POST, deliver=True)
    await post.deliver(repeat)
    post.wall.at += timedelta(hours=1)
    assert await post.deliver(repeat) is DeliveryState.SENT
    assert len(post.texts) == texts
    assert [text.startswith("*Perhaps a repeat") for text in post.texts] == [False, True][:texts]


async def test_a_fault_of_the_server_may_have_come_after_the_message_did(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(_: float) -> None: ...

    monkeypatch.setattr("discord.http.asyncio.sleep", at_once)
    post.fake.fail_next(POST, 502, times=5)
    assert await post.deliver() is DeliveryState.UNCERTAIN


async def test_what_a_busy_discord_cannot_say_yet_is_asked_later_and_stays_in_doubt(post: Post) -> None:
    post.fake.drop_next(POST, deliver=True)
    await post.deliver()
    post.wall.at += timedelta(hours=1)
    post.fake.fail_next("GET /channels/*/messages", 503)
    assert await post.deliver() is DeliveryState.POSTPONED
    post.wall.at += timedelta(hours=1)
    assert await post.deliver() is DeliveryState.SENT
    assert len(post.texts) == 1


async def test_a_message_is_found_by_what_it_says_among_many_others(fake: FakeDiscord) -> None:
    platform, (channel,) = platform_for(fake), fake.add_guild()
    here = Address("discord", channel)
    wanted = render(long_list())[1].payload
    with pytest.raises(Hidden):
        await platform.find(here, wanted, LONG_AGO)  # an empty channel shows as much as a hidden one
    for n in range(PAGE):
        fake.sent.setdefault(channel, []).append(fake._new_message(channel, {"content": f"other {n}"}, {"id": "5"}))
    assert await platform.find(here, wanted, LONG_AGO) == ""
    number = await platform.send(here, wanted, "n1")
    fake.messages(channel)[-1]["components"][0]["components"][0]["content"] += "  \n"
    assert await platform.find(here, wanted, LONG_AGO) == number
    assert await platform.find(here, wanted, datetime.now(UTC) + timedelta(hours=3)) == "", "not so late"
    fake.messages(channel)[-1]["interaction_metadata"] = {"id": "1"}
    assert await platform.find(here, wanted, LONG_AGO) == "", "an answer that somebody asked for"
    del fake.messages(channel)[-1]["interaction_metadata"]
    fake.messages(channel)[-1]["author"] = {"id": "5"}
    assert await platform.find(here, wanted, LONG_AGO) == "", "what others wrote"
    for n in range(PAGE * MOST_PAGES):
        fake.messages(channel).append(fake._new_message(channel, {"content": f"more {n}"}, {"id": "5"}))
    with pytest.raises(Hidden, match="too much"):
        await platform.find(here, wanted, LONG_AGO)
    fake.remove_channel(channel, 403, 50001, "Missing Access")
    with pytest.raises(Hidden, match="50001"):
        await platform.find(here, wanted, LONG_AGO)
    await platform.stop()


def test_what_was_sent_is_known_again_in_what_discord_gives_back() -> None:
    for message in (*render(long_list()), *render(say("# one\n\n  two  ", "three"))):
        sent = json.loads(message.payload)
        numbered = [{**one, "id": number} for number, one in enumerate(sent.get("components", []), 1)]
        back = {**sent, "id": "1", "content": sent.get("content", "").strip(), "embeds": [], "components": numbered}
        assert mark(sent) == mark(back)
    assert len({mark(json.loads(message.payload)) for message in render(long_list())}) == len(render(long_list()))


@pytest.mark.parametrize("reply", [Reply((paragraph("x" * 9_000),), spare=NOTE), replace(long_list(), spare=NOTE)])
def test_a_marked_message_stays_within_the_limits_and_is_marked_once(reply: Reply) -> None:
    platform = Discord("x")
    for message in render(reply):
        once = platform.marked(message.payload, "n" * NOTE)
        body = json.loads(once)
        assert text_of(body).startswith("*" + "n" * NOTE + "*")
        assert message_faults(body, "MessageCreateRequest") == []
        assert platform.marked(once, "n" * NOTE) == once
    (full, *_) = render(Reply((paragraph("x" * CONTENT),)))
    assert platform.marked(full.payload, "n" * NOTE) == full.payload, "rendered without room for it"


async def test_long_before_discord_shuts_the_address_out_nothing_more_is_asked(fake: FakeDiscord) -> None:
    now = [0.0]
    pace = DiscordPace(a_second=10**6, refused=10, clock=lambda: now[0])
    platform = Discord(fake.token, fake.api_url.removesuffix("/api/v10"), fake.gateway_url, pace=pace)
    channels = fake.add_guild(channels=tuple(f"c{n}" for n in range(30)))
    for channel in channels[:-1]:
        fake.remove_channel(channel, 403, 50013, "Missing Permissions")

    async def tried(channel: str) -> type[Exception]:
        with pytest.raises((ChatGone, TryLater)) as caught:
            await platform.send(Address("discord", channel), hello(), "n")
        assert isinstance(caught.value, ChatGone) or (isinstance(caught.value, TryLater) and caught.value.everywhere)
        return caught.type

    assert [await tried(channel) for channel in channels[:-1]] == [ChatGone] * 10 + [TryLater] * 19
    posts = sum(path.endswith("/messages") for _, path in fake.requests)
    assert posts == 10
    now[0] += REFUSED_SECONDS
    await platform.send(Address("discord", channels[-1]), hello(), "n")
    await platform.stop()


async def test_a_lost_answer_is_uncertain_and_an_unread_history_is_not(fake: FakeDiscord) -> None:
    platform, (channel,) = platform_for(fake), fake.add_guild()
    fake.drop_next(POST)
    with pytest.raises(Uncertain):
        await platform.send(Address("discord", channel), hello(), "n")
    fake.fail_next("GET /channels/*/messages", 503)
    with pytest.raises(TryLater):
        await platform.find(Address("discord", channel), hello(), LONG_AGO)
    await platform.stop()


async def test_an_empty_channel_is_known_from_a_hidden_one_where_the_gateway_tells_the_rights(
    fake: FakeDiscord,
) -> None:
    (channel,) = fake.add_guild()
    async with listening(fake, NotingDesk()) as platform:
        await soon(lambda: platform._client and platform._client.get_channel(int(channel)))
        assert await platform.find(Address("discord", channel), hello(), LONG_AGO) == ""


async def test_an_admin_is_found_in_private(fake: FakeDiscord) -> None:
    platform = platform_for(fake)
    address = await platform.private_chat("discord:42")
    assert await platform.private_chat("discord:42") == address
    await platform.send(address, hello(), "n")
    assert fake.text(address.chat) == "hello"
    await platform.stop()


@pytest.mark.parametrize(
    ("channels", "messages", "speed"), [(6, 12, 20.0), (90, 1, 1.0)], ids=["a channel's limit", "the bot's limit"]
)
async def test_not_one_refusal_for_a_limit_is_earned(
    fake: FakeDiscord, channels: int, messages: int, speed: float
) -> None:
    fake.limits = DiscordLimits(speed)
    platform, places = platform_for(fake), fake.add_guild(channels=tuple(f"c{n}" for n in range(channels)))

    async def deliver(channel: str) -> None:
        for n in range(messages):
            await platform.send(Address("discord", channel), hello(str(n)), f"n{n}")

    await asyncio.gather(*map(deliver, places))
    assert (dict(fake.limits.earned), fake.limits.taken) == ({}, channels * messages)
    await platform.stop()


async def test_a_refusal_for_the_limit_of_the_bot_earns_no_other(fake: FakeDiscord) -> None:
    fake.limits = DiscordLimits(1.0, 10)
    pace = DiscordPace(10)
    platform = Discord(fake.token, fake.api_url.removesuffix("/api/v10"), fake.gateway_url, pace=pace)
    places = fake.add_guild(channels=tuple(f"c{n}" for n in range(16)))
    told = {"message": "slow", "retry_after": 1.2, "global": True}
    fake.fail_next(POST, 429, told, {"X-RateLimit-Global": "true", "Retry-After": "1.2"}, times=3)
    await asyncio.gather(*(platform.send(Address("discord", place), hello(), "n") for place in places))
    assert (dict(fake.limits.earned), fake.limits.taken) == ({}, 16)
    await platform.stop()


async def test_an_answer_in_private_overtakes_the_digests_that_wait() -> None:
    clock = Clock()
    pace = DiscordPace(clock=clock, sleep=clock.sleep)
    left: dict[str, float] = {}

    async def one(name: str, urgent: bool) -> None:
        await pace.turn("1", urgent)
        left[name] = clock.now - 1000

    digests = [asyncio.create_task(one(str(n), False)) for n in range(3 * A_SECOND)]
    await clock.run(*digests[:A_SECOND])
    await clock.run(asyncio.create_task(one("answer", True)), *digests)
    assert left["answer"] == pytest.approx(1.0, abs=0.05)
    at = sorted(left.values())
    assert all(at[n + A_SECOND] - at[n] >= 1 for n in range(len(at) - A_SECOND)), "in any second"
