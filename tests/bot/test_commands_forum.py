"""A Discord forum as the place of digests: chosen in one of its posts, each digest a post of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.carrier import Carrier
from bot.model import (
    POSTS,
    Address,
    ChatState,
    Delivery,
    DeliveryState,
    Digest,
    DigestKind,
    EmptyDay,
    Layout,
    Match,
    News,
    Place,
)
from bot.ports import Caller
from tests.adapters.discord_desk import platform_for
from tests.desks import OWNER, TUESDAY, Front, buttons, item
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front
from tests.servers.discord import FakeDiscord, text_of

FORUM = Address("discord", "500", POSTS)
POST = Caller(Address("discord", "501"), "discord:3", "Max", Place.GROUP, "Lab #a post", manages=True, forum=FORUM)
OTHER_POST = replace(POST, address=Address("discord", "502"))
FORUMS = replace(POST, address=FORUM)


def test_who_subscribes_in_a_forums_post_is_offered_a_post_for_each_digest(front: Front) -> None:
    told = front.ask(POST, "/subscribe LoRA")
    assert buttons(told)["A new post for each digest"] == "forum:on"
    assert "A new post for each digest" not in buttons(front.ask(OWNER, "/subscribe LoRA"))
    refused = front.press(replace(POST, manages=False), "forum:on")
    assert refused.private and "manage this server" in refused.text and front.follows(FORUMS) == []
    assert front.desk.press_needs_rights("forum:on") and front.desk.needs_rights("forum", "on")
    assert front.press(POST, "forum:on").text.startswith("From now on each digest is a new post of this forum")
    assert (front.follows(POST), front.follows(FORUMS)) == ([], ["LoRA"])
    chat = front.chat(FORUMS)
    assert chat.empty_day is EmptyDay.SILENT and chat.due_at is not None


def test_every_post_of_the_forum_speaks_for_it_but_one_that_follows_something_itself(front: Front) -> None:
    front.ask(POST, "/subscribe LoRA")
    front.ask(OTHER_POST, "/subscribe tea")
    front.ask(POST, "/forum on")
    assert "1. LoRA" in front.ask(POST, "/subscriptions").text
    assert "1. tea" in front.ask(OTHER_POST, "/subscriptions").text
    new = replace(POST, address=Address("discord", "503"))
    assert "A new post" not in "".join(buttons(front.ask(new, "/subscribe rag")))
    assert front.follows(FORUMS) == ["LoRA", "#rag"]
    assert [one.value for one in front.complete(new, "unsubscribe", "")] == ["LoRA", "RAG"]
    front.ask(OTHER_POST, "/forum on")
    assert front.follows(FORUMS) == ["LoRA", "#rag", "tea"], "both follow on together"
    assert front.ask(new, "/forum off").text.startswith("From now on digests come in this post.")
    assert (front.follows(FORUMS), front.follows(new)) == ([], ["LoRA", "#rag", "tea"])


@pytest.mark.parametrize("argument", ["", "perhaps"])
def test_forum_alone_says_how_it_is_and_offers_the_other(front: Front, argument: str) -> None:
    assert buttons(front.ask(POST, f"/forum {argument}")) == {"A new post for each digest": "forum:on"}
    front.ask(POST, "/forum on")
    assert buttons(front.ask(OTHER_POST, f"/forum {argument}")) == {"Digests in this post": "forum:off"}
    assert "no post of a forum" in front.ask(OWNER, "/forum on").text


def test_other_platforms_do_not_hear_of_forums(front: Front) -> None:
    assert "/forum" not in front.ask(OWNER, "/help").text and "/forum" in front.ask(POST, "/help").text
    assert not front.ask(OWNER, "/forun").buttons
    assert {one.platform for one in front.desk.commands("en") if one.name == "forum"} == {"discord"}


async def test_a_forum_that_is_deleted_pauses_its_digests(front: Front) -> None:
    await front.desk.answer(POST, "forum", "on")
    await front.desk.gone(Address("discord", "500"), "the channel does not exist any more")
    assert front.chat(FORUMS).state is ChatState.UNREACHABLE
    await front.desk.back([Address("discord", "500")])
    assert front.chat(FORUMS).state is ChatState.ACTIVE


@pytest.mark.parametrize("trouble", ["", "lost", "removed"])
async def test_a_long_digest_is_one_post_and_its_more_button_works_in_it(front: Front, trouble: str) -> None:
    front.announce([item(100 + n, f"Pushed number {n} " + "of papers " * 26) for n in range(30)])
    async with FakeDiscord() as fake:
        fake.add_guild()
        place = Address("discord", fake.add_forum("digests", ("LoRA",)), POSTS)
        caller = replace(POST, forum=place)
        await front.desk.answer(caller, "forum", "on")
        with front.store.transaction() as tx:
            chat = tx.chat(place)
            assert chat is not None
            known = tx.announcements(0)[-30:]
            digest = Digest(
                DigestKind.PAPERS, TUESDAY, tuple(Match(a.paper_id, News.NEW, ("LoRA",)) for a in known), 25,
                ("LoRA",), known[-1].id,
            )  # fmt: skip
            made = Delivery(0, chat.id, place, digest, "en", Layout.BRIEF, due_at=front.now, made_at=front.now)
            number = tx.plan(made).id
        platform = platform_for(fake)
        if trouble == "lost":
            fake.drop_next("POST /channels/*/threads", deliver=True)
        elif trouble:
            fake.arrived = lambda message: None if fake.gone else fake.remove_channel(message["id"])
        for _ in range(3):
            await Carrier(front.store, {"discord": platform}, True, lambda: front.now).deliver()
            front.now = front.now.replace(hour=front.now.hour + 1)
        with front.store.reading() as tx:
            delivery = tx.delivery(number)
        assert delivery is not None and delivery.state is DeliveryState.SENT
        thread, *others = fake._threads(next(iter(fake.guilds)), archived=False)
        assert thread["name"] == "30 new papers for LoRA, Tuesday 8 April" and thread["applied_tags"] == ["1"]
        assert len(others) == (len(delivery.parts) - 1 if trouble == "removed" else 0)
        messages = [message for one in (thread, *others) for message in fake.messages(one["id"])]
        said = "\n".join(map(text_of, messages))
        assert len(messages) == len(delivery.parts) > 1
        assert all(said.count(f"Pushed number {n} of") == 1 for n in range(25))
        within = replace(caller, address=Address("discord", thread["id"]))
        told = await front.desk.press(within, f"more:{number}:25")
        assert told.text.startswith("Tuesday 8 April: 26 to 30 of 30")
        await platform.stop()
        assert fake.violations == []
