"""What chats set, in the plan: mutes and pauses, digests as announced and of a week, without a sound."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.chats import discord_render, telegram_render
from bot.bursts import Followed, Leftover
from bot.digests import Day
from bot.documents import document
from bot.matching import Batch
from bot.model import WANTED, Address, Announcement, Chat, EmptyDay, Layout, Match, News, Paper, Rest, Standing
from bot.model import Subscription as Sub
from bot.query import parse
from bot.replies import say
from tests.test_round import HERE, House, lora

TUESDAY, WEDNESDAY = date(2025, 4, 8), date(2025, 4, 9)
WORDS = ("tea", "boat", "parrot", "lora")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def hold(house: House, chat: Chat, query: str, standing: Standing) -> None:
    with house.store.transaction() as tx:
        tx.subscribe(Sub(0, chat.id, query, standing=standing))


def day_of(titles: list[str]) -> Day:
    papers = {n: Paper(n, (f"arxiv:2504.{n:05}",), title) for n, title in enumerate(titles, 1)}
    told = [Announcement(n, n, News.NEW, TUESDAY) for n in papers]
    return Day(told, papers, {n: document(one) for n, one in papers.items()})


TITLES = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join), min_size=1, max_size=8)
SOME = st.sets(st.sampled_from(WORDS), max_size=3)


@given(TITLES, SOME, SOME)
def test_a_digest_has_what_is_followed_and_nothing_that_is_muted(
    titles: list[str], followed: set[str], muted: set[str]
) -> None:
    held = [Followed(word, parse(word)) for word in sorted(followed)]
    held += [Followed(word, parse(word), muted=True) for word in sorted(muted)]
    found = {match.paper_id for match in day_of(titles).matches(held, WANTED)}
    said = [set(title.split()) for title in titles]
    wanted = {n for n, words in enumerate(said, 1) if followed & words and not muted & words}
    assert found == wanted


@given(SOME)
def test_what_a_burst_left_loses_what_was_muted_since(muted: set[str]) -> None:
    papers = [Paper(n, (), word) for n, word in enumerate(WORDS, 1)]
    left = Leftover(Rest(1, tuple(Match(one.id, News.NEW, ("x",), TUESDAY) for one in papers)))
    batch = Batch((one.id, document(one)) for one in papers)
    gone = frozenset(n for word in muted for n in batch.match(parse(word)))
    kept = {match.paper_id for match in left.without(gone).rest.matches}
    assert kept == {n for n, word in enumerate(WORDS, 1) if word not in muted}


async def test_what_is_muted_or_paused_comes_in_no_digest_and_chats_beside_get_theirs(house: House) -> None:
    mine = house.chat("LoRA")
    hold(house, mine, "parrots", Standing.MUTED)
    hold(house, mine, "tea", Standing.PAUSED)
    other = house.chat("LoRA", address=Address(HERE.platform, "6"))
    await house.day([lora(1), lora(2, title="LoRA for Parrots"), lora(3, title="Tea alone")], TUESDAY)
    with house.store.reading() as tx:
        told = {
            chat.id: [match.paper_id for match in one.digest.matches]
            for chat in (mine, other)
            if (one := tx.last_delivery(chat.id))
        }
    assert told == {mine.id: [1], other.id: [1, 2]}


async def test_a_burst_s_rest_comes_without_what_was_muted_meanwhile(house: House) -> None:
    chat = house.chat("LoRA", size=1)
    with house.store.transaction() as tx:
        tx.add([lora(1), lora(2, title="LoRA for Parrots"), lora(3, title="LoRA for Tea")], house.wall.at)
    with house.store.transaction() as tx:
        papers = tx.papers([1, 2, 3])
    left = Rest(7, tuple(Match(n, News.NEW, ("LoRA",), TUESDAY) for n in papers), (), TUESDAY, 3)
    planner = house.pipeline._planner
    hold(house, chat, "parrots", Standing.MUTED)
    with house.store.reading() as tx:
        known = planner._read(tx, [], None)
        known.left[7] = Leftover(left)
        followed = known.follow(tx.followed([chat.id])[chat.id], "en")
        found = planner._left(tx, known, 7, followed)
    assert found is not None and [match.paper_id for match in found.rest.matches] == [1, 3]


async def test_a_chat_that_wants_it_as_announced_is_told_when_a_batch_is_in_and_on_no_other_day(house: House) -> None:
    chat = house.chat("LoRA", as_announced=True, due_at=datetime(2025, 4, 9, 8, tzinfo=UTC))
    later = house.chat("LoRA", address=Address(HERE.platform, "6"), due_at=datetime(2025, 4, 8, 20, tzinfo=UTC))
    await house.day([lora(1)], TUESDAY, hour=6)
    assert house.wire.titles() == ["LoRA of kind 1"], "two hours before its time, and to it alone"
    assert house.state_of(later).due_at == datetime(2025, 4, 8, 20, tzinfo=UTC)
    house.wire.arrived.clear()
    for hours in range(1, 60):
        house.wall.at = datetime(2025, 4, 8, 6, tzinfo=UTC) + timedelta(hours=hours)
        await house.pipeline.plan()
    await house.pipeline.deliver()
    assert not [text for where, text, _ in house.wire.arrived if where == chat.address], "nothing was announced since"
    await house.day([lora(2)], date(2025, 4, 10), hour=6)
    assert "LoRA of kind 2" in house.wire.titles()


@pytest.mark.parametrize("wish", [EmptyDay.SAY, EmptyDay.SILENT])
async def test_a_batch_without_a_match_is_said_to_it_where_it_wants_that(house: House, wish: EmptyDay) -> None:
    house.chat("parrots", as_announced=True, empty_day=wish, due_at=datetime(2025, 4, 9, 8, tzinfo=UTC))
    await house.day([lora(1)], TUESDAY, hour=6)
    said = house.wire.texts()
    assert said == (["Nothing new for parrots, Tuesday 8 April."] if wish is EmptyDay.SAY else [])


async def test_a_weekly_digest_brings_the_whole_week(house: House) -> None:
    house.chat("LoRA", days=frozenset({5}), due_at=datetime(2025, 4, 11, 8, tzinfo=UTC))
    for n, day in enumerate((8, 9, 10), 1):
        await house.day([lora(n)], date(2025, 4, day))
    assert house.wire.titles() == []
    await house.day([lora(4)], date(2025, 4, 11))
    assert sorted(house.wire.titles()) == [f"LoRA of kind {n}" for n in range(1, 5)]
    told = house.wire.arrived[0][1]
    assert "4 new papers for LoRA, Tuesday 8 April to Friday 11 April" in told


async def test_a_quiet_chats_wish_and_its_layout_go_with_its_delivery(house: House) -> None:
    chat = house.chat("LoRA", quiet=True, layout=Layout.BILINGUAL)
    assert (house.state_of(chat).quiet, house.state_of(chat).layout) == (True, Layout.BILINGUAL)
    await house.day([lora(1)], TUESDAY)
    with house.store.reading() as tx:
        told = tx.last_delivery(chat.id)
    assert told is not None and (told.quiet, told.layout) == (True, Layout.BILINGUAL)


async def test_only_the_first_message_of_a_digest_sounds_and_none_of_a_quiet_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.wire, "silent", lambda payload: json.dumps(["(still)", *json.loads(payload)]).encode())
    house.chat("LoRA", size=50)
    house.chat("LoRA", size=50, quiet=True, address=Address(HERE.platform, "6"))
    await house.day([lora(n) for n in range(1, 40)], TUESDAY)
    sounds: dict[Address, list[bool]] = {}
    for where, payload, _ in house.wire.arrived:
        sounds.setdefault(where, []).append("(still)" not in json.loads(payload))
    loud, still = sounds[HERE], sounds[Address(HERE.platform, "6")]
    assert len(loud) > 1 and loud == [True] + [False] * (len(loud) - 1)
    assert not any(still)


def test_a_message_without_a_sound_says_so_the_platforms_way() -> None:
    (telegram,), (discord,) = telegram_render.render(say("x")), discord_render.render(say("x"))
    quiet = json.loads(telegram_render.silent(telegram.payload))
    assert quiet == json.loads(telegram.payload) | {"disable_notification": True}
    flags = json.loads(discord_render.silent(discord.payload))["flags"]
    assert flags == json.loads(discord.payload)["flags"] | 1 << 12


def test_a_layout_that_the_version_before_does_not_know_is_brief_to_it(house: House) -> None:
    chat = house.chat(layout=Layout.FULL)
    with house.store.transaction() as tx:
        row = tx.kept_about(HERE)["chat"][0]
        assert (row["layout"], row["rich_layout"]) == ("brief", "full")
        tx.put_chat(replace(chat, layout=Layout.PLAIN))
        assert tx.kept_about(HERE)["chat"][0]["rich_layout"] == ""
    assert house.state_of(chat).layout is Layout.PLAIN
