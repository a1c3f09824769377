"""Who may subscribe, where digests go, and speaking for a channel from a private chat."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import time

import pytest

from bot.carrier import Carrier
from bot.desk import FrontDesk
from bot.errors import ChatGone, Refused, TryLater
from bot.model import Address, Change, Place
from bot.planning import Planner
from bot.ports import Standing
from tests.desks import ADMIN, MANAGER, MEMBER, OWNER, Front, buttons, item, later
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front
from tests.wire import Wire

CHANNEL = Address("telegram", "-1002")
TOPIC = replace(MANAGER, address=Address("telegram", "-100", "7"))


class World:
    """Platforms on which ``admins`` administer the channel @lab."""

    def __init__(self) -> None:
        self.admins = {"telegram:1"}
        self.writes, self.away = True, False

    def standing(self, platform: str, user: str, wanted: str) -> Standing:
        if self.away:
            raise TryLater("no answer")
        if wanted == "?":
            raise Refused("no name")
        if wanted not in ("@lab", CHANNEL.chat):
            raise ChatGone("the chat does not exist")
        return Standing(CHANNEL, Place.CHANNEL, "Lab news", user in self.admins, self.writes)

    def private_chat(self, user: str) -> Address | None:
        return Address("telegram", user.partition(":")[2])


@pytest.fixture
def world(front: Front) -> World:
    made = World()
    front.context = replace(front.context, outside=made)
    front.desk = FrontDesk(front.context)
    return made


def restart(front: Front) -> None:
    front.desk = FrontDesk(front.context)


def channel_follows(front: Front) -> list[str]:
    return front.follows(replace(OWNER, address=CHANNEL))


def test_everybody_may_subscribe_where_the_managers_say_so(front: Front) -> None:
    assert front.ask(MEMBER, "/subscribe LoRA").text.startswith("Only this chat's administrators")
    assert front.ask(MEMBER, "/access all").text.startswith("Only this chat's administrators")
    page = front.ask(MANAGER, "/access")
    assert page.text.startswith("Only this chat's administrators may subscribe and unsubscribe.")
    assert front.press(MEMBER, buttons(page)["Everybody"]).text.startswith("Only this chat's administrators can change")
    changed = front.press(MANAGER, buttons(page)["Everybody"])
    assert changed.edits and changed.text.startswith("Everybody here may subscribe")
    assert front.ask(MEMBER, "/subscribe LoRA").text.startswith("Subscribed to LoRA.")
    assert front.ask(MEMBER, "/time 9:00").text.startswith("Only this chat's administrators")
    assert front.ask(replace(MEMBER, user=""), "/subscribe tea").text.startswith("Only this chat's administrators")
    front.ask(MANAGER, "/access admins")
    assert front.ask(MEMBER, "/unsubscribe 1").text.startswith("Only this chat's administrators")


def delivered(front: Front, wire: Wire) -> list[str]:
    """A day later, with a new paper: where its digests arrived."""
    later(front, days=1)
    number = int(front.now.timestamp()) % 90_000
    front.announce([item(number, "LoRA again", on=front.now.date())])
    Planner(front.store, (), time(0), lambda: front.now).plan()
    before = len(wire.arrived)
    asyncio.run(Carrier(front.store, {"telegram": wire}, True, lambda: front.now).deliver())
    return list(dict.fromkeys(str(address) for address, *_ in wire.arrived[before:]))


def test_digests_of_a_group_go_to_the_topic_that_was_chosen(front: Front) -> None:
    front.ask(MANAGER, "/subscribe LoRA")
    wire = Wire()
    assert delivered(front, wire) == ["telegram:-100"]
    assert front.ask(replace(TOPIC, manages=False), "/here").text.startswith("Only this chat's administrators")
    told = front.ask(TOPIC, "/here")
    assert told.text.startswith("Digests of the group itself come here from now on.")
    assert delivered(front, wire) == ["telegram:-100/7"]
    assert front.ask(ADMIN, "/chats telegram:-100").text.count("telegram:-100/7") == 1
    front.press(TOPIC, buttons(told)["Send them back"])
    assert delivered(front, wire) == ["telegram:-100"]


def test_digests_come_home_when_their_place_is_gone_and_none_is_lost(front: Front) -> None:
    front.ask(MANAGER, "/subscribe LoRA")
    front.ask(TOPIC, "/here")
    wire = Wire()
    wire.answers = lambda address, text: ChatGone("the topic does not exist any more") if address.thread else None
    assert delivered(front, wire) == ["telegram:-100"]
    assert front.chat(MANAGER).target is None


def test_a_group_with_several_places_is_asked_which(front: Front) -> None:
    front.ask(MANAGER, "/subscribe LoRA")
    front.ask(TOPIC, "/subscribe tea")
    third = replace(MANAGER, address=Address("telegram", "-100", "8"))
    asked = front.ask(third, "/here")
    assert list(buttons(asked)) == ["the group itself", "topic 7"]
    elsewhere = replace(third, address=Address("telegram", "-555", "8"))
    assert "follows nothing any more" in front.press(elsewhere, buttons(asked)["topic 7"]).text
    assert front.press(third, buttons(asked)["topic 7"]).edits
    assert front.chat(TOPIC).target == third.address
    assert "The digests of 1 place go back" in front.ask(third, "/here off").text
    assert front.chat(TOPIC).target is None


def test_a_more_button_works_where_the_digest_went(front: Front) -> None:
    front.ask(MANAGER, "/subscribe LoRA")
    front.ask(TOPIC, "/here")
    delivered(front, Wire())
    with front.store.reading() as tx:
        last = tx.last_delivery(front.chat(MANAGER).id)
    assert last
    assert "LoRA" in front.press(TOPIC, f"more:{last.id}:0").text
    assert "not kept here" in front.press(OWNER, f"more:{last.id}:0").text


def test_a_channel_is_set_up_from_its_admins_private_chat_over_restarts(front: Front, world: World) -> None:
    assert "/channel @my_channel" in front.ask(OWNER, "/channel").text
    front.ask(OWNER, "/subscribe tea")
    begun = front.ask(OWNER, "/channel @lab")
    assert begun.text.startswith("What you write here is meant for Lab news from now on.")
    restart(front)
    told = front.ask(OWNER, "/subscribe LoRA")
    assert told.blocks[0].text == "For Lab news:"
    assert "Subscribed to LoRA." in told.text
    assert (channel_follows(front), front.follows(OWNER)) == (["LoRA"], ["tea"])
    assert front.ask(OWNER, "/subscriptions").blocks[0].text == "For Lab news:"
    with front.store.reading() as tx:
        chat = tx.chat(CHANNEL)
    assert chat and (chat.place, chat.title) == (Place.CHANNEL, "Lab news")
    assert "no longer for Lab news" in front.ask(OWNER, "/channel").text
    assert front.ask(OWNER, "/subscriptions").blocks[0].text != "For Lab news:"
    front.press(OWNER, buttons(told)["Unsubscribe"])
    assert channel_follows(front) == [], "a button is for the chat that its message was for"
    lines = [(line.chat, str(line.what)) for line in _audit(front)]
    assert lines == [(str(CHANNEL), "subscribe"), (str(CHANNEL), "unsubscribe")]


def _audit(front: Front) -> list[Change]:
    with front.store.reading() as tx:
        return tx.audit(99)


def test_rights_are_asked_again_at_every_command_and_press(front: Front, world: World) -> None:
    front.ask(OWNER, "/channel @lab")
    told = front.ask(OWNER, "/subscribe LoRA")
    world.away = True
    assert "does not answer just now" in front.ask(OWNER, "/subscribe tea").text
    world.away = False
    world.admins.clear()
    assert "You no longer administer Lab news" in front.press(OWNER, buttons(told)["Unsubscribe"]).text
    assert "You no longer administer Lab news" in front.ask(OWNER, "/subscribe tea").text
    assert channel_follows(front) == ["LoRA"]
    front.ask(OWNER, "/subscribe tea")
    assert front.follows(OWNER) == ["tea"], "it was said, and is meant for themselves again"


def test_a_mistyped_command_and_a_search_are_for_the_channel_as_well(front: Front, world: World) -> None:
    front.ask(OWNER, "/channel @lab")
    told = front.ask(OWNER, "/subscrbe LoRA")
    found = front.ask(OWNER, "tea")
    front.ask(OWNER, "/channel")
    assert told.blocks[0].text == found.blocks[0].text == "For Lab news:"
    proposed = front.press(OWNER, buttons(told)["/subscribe LoRA"])
    assert proposed.blocks[0].text == "For Lab news:"
    front.press(OWNER, buttons(proposed)["Follow"])
    front.press(OWNER, buttons(found)["Follow this search"])
    assert (channel_follows(front), front.follows(OWNER)) == (["LoRA", "tea"], [])


def test_nobody_speaks_for_a_channel_by_a_button_of_their_own_making(front: Front, world: World) -> None:
    front.ask(OWNER, "/channel @lab")
    front.ask(OWNER, "/subscribe LoRA")
    number = front.subscriptions(replace(OWNER, address=CHANNEL))[0].id
    stranger = replace(OWNER, address=Address("telegram", "66"), user="telegram:66")
    for action in (f"^{CHANNEL.chat}^drop:{number}", f"drop:{number}", "^^^^", f"^{CHANNEL.chat}^^x"):
        front.press(stranger, action)
    group = replace(MEMBER, user="telegram:1")
    front.press(group, f"^{CHANNEL.chat}^drop:{number}")
    assert channel_follows(front) == ["LoRA"]


@pytest.mark.parametrize(
    ("line", "said"),
    [("/channel ?", "names no channel or group"), ("/channel @nothere", "I cannot see @nothere")],
)
def test_a_channel_that_cannot_be_says_why(front: Front, world: World, line: str, said: str) -> None:
    assert said in front.ask(OWNER, line).text
    world.writes = False
    assert "I may not post in Lab news" in front.ask(OWNER, "/channel @lab").text
    world.admins.clear()
    assert "You do not administer Lab news" in front.ask(OWNER, "/channel @lab").text
    assert "to me in private" in front.ask(MANAGER, "/channel @lab").text


def test_an_admins_own_commands_stay_the_instances(front: Front, world: World) -> None:
    world.admins.add("telegram:9")
    front.ask(ADMIN, "/channel @lab")
    for line in ("/status", "/chats", "/topic", "/help"):
        assert not front.ask(ADMIN, line).text.startswith("For Lab news:"), line
    assert front.ask(ADMIN, "/audit").text.startswith("For Lab news:")


def test_an_erasure_takes_who_speaks_for_whom_and_what_undoing_would_bring_back(front: Front, world: World) -> None:
    front.ask(OWNER, "/subscribe rag")
    front.ask(OWNER, "/channel @lab")
    front.carry_out(ADMIN, "/topic merge peft rag")
    front.ask(ADMIN, "/announce We move.")
    with front.store.transaction() as tx:
        assert {"proxy", "topic_follower"} <= tx.kept_about(OWNER.address, OWNER.user).keys()
        assert {"bulletin", "topic_change"} <= tx.kept_about(ADMIN.address, ADMIN.user).keys()
        for caller in (OWNER, ADMIN):
            tx.erase(caller.address, caller.user, front.now)
        assert tx.kept_about(OWNER.address, OWNER.user) == tx.kept_about(ADMIN.address, ADMIN.user) == {}
    assert front.ask(ADMIN, "/topic undo").text.startswith("Taken back:")
    assert front.follows(OWNER) == []
