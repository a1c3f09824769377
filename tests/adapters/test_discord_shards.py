"""Several connections to Discord: the same events at the same desk, whoever holds which."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.chats import discord_chat, discord_shards
from adapters.chats.discord_shards import Shards
from bot.model import Address
from bot.replies import say
from tests.adapters.discord_desk import NotingDesk, hello, listening, platform_for, soon
from tests.servers.discord import FakeDiscord


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord_shards, "IDENTIFY_SECONDS", 0.05)
    monkeypatch.setattr(discord_shards, "STANDBY_SECONDS", 0.02)


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake


async def channels_of(fake: FakeDiscord, shards: int) -> list[str]:
    """A channel of a server for each shard: which one a server belongs to is in its id."""
    found: dict[int, str] = {}
    while len(found) < shards:
        (channel,) = fake.add_guild()
        guild = fake.guild_of(channel)
        assert guild is not None
        found.setdefault((int(guild["id"]) >> 22) % shards, channel)
        await asyncio.sleep(0.001)
    return [found[shard] for shard in range(shards)]


def shards_of(fake: FakeDiscord) -> list[tuple[int, int]]:
    return [tuple(data["shard"]) for data in fake.identifies]


async def test_every_shard_brings_its_servers_commands_and_the_first_the_private_ones(fake: FakeDiscord) -> None:
    channels = await channels_of(fake, 3)
    private = fake.add_dm("2")
    desk = NotingDesk(say("found"))
    async with listening(fake, desk, shards=Shards(3)) as platform:
        await fake.connected()
        assert sorted(shards_of(fake)) == [(0, 3), (1, 3), (2, 3)]
        for channel in (*channels, private):
            exchange = await fake.push_command(channel, "2", "help")
            await exchange.answered()
            assert exchange.text == "found"
        assert [caller.address.chat for caller, _, _ in desk.asked] == [*channels, private]
        await platform.send(Address("discord", channels[2]), hello("a digest"), "1")
        assert fake.text(channels[2]) == "a digest"
        assert platform._client is not None
        await platform._client.wait_until_ready()
        new = await fake.push_guild_join()
        await soon(lambda: desk.joins)
        assert desk.joins[0].address == Address("discord", new)
        await fake.push_guild_remove(channels[1])
        await soon(lambda: desk.farewells)
        await fake.push_channel_delete(channels[2])
        await soon(lambda: Address("discord", channels[2]) in [address for address, _ in desk.farewells])
    assert fake.command_puts == 1


async def test_one_shard_that_breaks_goes_on_where_it_was_and_leaves_the_others_alone(fake: FakeDiscord) -> None:
    channels = await channels_of(fake, 2)
    desk = NotingDesk()
    async with listening(fake, desk, shards=Shards(2)):
        await fake.connected()
        await fake.drop_gateway(shard=1)
        await (await fake.push_command(channels[0], "2", "help")).answered()
        await fake.connected()
        assert (len(fake.identifies), len(fake.resumes)) == (2, 1)
        await (await fake.push_command(channels[1], "2", "help")).answered()
        await fake.invalidate_session(shard=1)
        await fake.connected()
        assert shards_of(fake)[2:] == [(1, 2)]
        await (await fake.push_command(channels[1], "2", "help")).answered()


async def test_as_many_as_discord_advises_and_no_faster_than_it_allows(fake: FakeDiscord) -> None:
    fake.advised, fake.max_concurrency = 4, 2
    async with listening(fake, NotingDesk(), shards=Shards(0)):
        await fake.connected()
        assert sorted(shards_of(fake)) == [(n, 4) for n in range(4)]
    fake.identifies.clear()
    async with listening(fake, NotingDesk(), shards=Shards(4, (0, 2, 1, 3))):
        await soon(lambda: len(fake.identifies) == 4)
        assert sorted(shards_of(fake)[:2]) == [(0, 4), (1, 4)], "0 and 2 may not begin together"


async def test_processes_share_the_shards_and_take_over_from_each_other(fake: FakeDiscord) -> None:
    channels = await channels_of(fake, 2)
    holders: dict[str, int] = {"0/2": 1, "1/2": 2}

    def turn_of(me: int) -> discord_shards.Turn:
        async def turn(door: str) -> bool:
            return holders[door] == me

        return turn

    desks = [NotingDesk(), NotingDesk()]
    async with (
        listening(fake, desks[0], shards=Shards(2, (), turn_of(1))),
        listening(fake, desks[1], shards=Shards(2, (), turn_of(2))),
    ):
        await fake.connected()
        for channel in channels:
            await (await fake.push_command(channel, "2", "help")).answered()
        assert [desk.asked[0][0].address.chat for desk in desks] == channels
        holders["0/2"] = 2
        await fake.push("RESUMED", {})  # whatever comes next, the first one notices
        await soon(lambda: len(fake.identifies) == 3)
        await fake.connected()
        await (await fake.push_command(channels[0], "2", "help")).answered()
        assert [len(desk.asked) for desk in desks] == [1, 2]


async def test_one_connection_is_a_door_too_and_who_stands_by_has_started(fake: FakeDiscord) -> None:
    mine = False

    async def turn(door: str) -> bool:
        assert door == "0/1"
        return mine

    async with listening(fake, NotingDesk(), shards=Shards(1, (), turn)):
        assert not fake.identifies
        mine = True
        await fake.connected()
    assert len(fake.identifies) == 1
    assert "shard" not in fake.identifies[0]


async def test_doctor_says_when_there_are_too_few(fake: FakeDiscord) -> None:
    fake.add_guild()

    async def found(shards: Shards) -> tuple[bool, str]:
        platform = platform_for(fake, shards=shards)
        try:
            (finding,) = [one for one in await platform.examine() if one.subject == "discord shards"]
        finally:
            await platform.stop()
        return finding.ok, finding.what

    assert await found(Shards()) == (True, "1, and Discord advises 1")
    fake.advised = 3
    assert await found(Shards(2)) == (False, "2, and Discord advises 3")
    assert await found(Shards(0)) == (True, "as many as Discord advises: 3")


async def test_all_shards_end_when_one_is_refused_for_good(
    fake: FakeDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord_chat, "pause_after", lambda failures: 0.05)
    async with listening(fake, NotingDesk(), shards=Shards(2)):
        await fake.connected()
        await fake.drop_gateway(4013, shard=1)
        await soon(lambda: len(fake.identifies) >= 4, 10)
        assert sorted(shards_of(fake)[2:4]) == [(0, 2), (1, 2)], "both begin anew"
