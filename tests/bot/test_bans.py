"""Who is not served, the list of chats, and the audit log as people see it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from bot.model import LANGUAGES, Address, Change, ChatState, Deed, DeliveryState, Place
from bot.planning import Planner
from bot.replies import Reply
from tests.desks import ADMIN, MANAGER, MEMBER, OWNER, STRANGER, Front, buttons, later
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

POLITE = "This bot does not serve you here any more. Please turn to whoever runs it."


def planned(front: Front) -> int:
    later(front, days=1)
    front.announce([])
    return Planner(front.store, (), front.now.time(), lambda: front.now).plan()


def test_a_banned_person_reads_one_polite_line_and_gets_no_digest(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    front.ask(MANAGER, "/subscribe LoRA")
    told = front.ask(ADMIN, "/ban telegram:1 too much")
    assert "telegram:1 is banned" in told.text and "1 chat is silent" in told.text
    for line in ("/paper LoRA", "/subscribe tea", "/nonsense", "LoRA", "/start", "/help"):
        answer = front.ask(OWNER, line)
        assert (answer.text, answer.private) == (POLITE, True)
    assert front.press(OWNER, "digest").text == POLITE
    assert not front.offers(OWNER, "LoRA").offers and not front.complete(OWNER, "subscribe", "Lo"), (
        "nor while they type"
    )
    assert front.ask(replace(MEMBER, user="telegram:1"), "/paper LoRA").text == POLITE, "in a group as well"
    assert front.ask(MEMBER, "/paper LoRA").text != POLITE, "the others there are served"
    assert planned(front) == 1
    with front.store.reading() as tx:
        assert [wish.chats for wish in tx.wishes()] == [1], "no model writes for who is not served"
    assert front.follows(OWNER) == ["LoRA"], "nothing is lost"
    front.press(ADMIN, buttons(told)["Undo"])
    assert front.ask(OWNER, "/paper LoRA").text != POLITE
    assert not front.chat(OWNER).banned


def test_a_banned_chat_is_silent_for_all_in_it(front: Front) -> None:
    front.ask(MANAGER, "/subscribe LoRA")
    topic = replace(MANAGER, address=Address("telegram", "-100", "7"))
    front.ask(topic, "/subscribe tea")
    front.ask(ADMIN, "/ban telegram:-100")
    assert [front.ask(one, "/paper LoRA").text for one in (MANAGER, MEMBER, topic)] == [POLITE] * 3
    assert planned(front) == 0
    assert "banned" in front.ask(ADMIN, "/chats").text
    front.ask(ADMIN, "/unban telegram:-100")
    assert planned(front) == 2


def test_what_is_kept_stays_theirs_and_an_erasure_lifts_no_ban(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    front.ask(ADMIN, "/ban telegram:1")
    asked = front.ask(OWNER, "/forget")
    front.press(OWNER, buttons(asked)["Erase everything"])
    listed = front.ask(ADMIN, "/ban list").text
    assert "telegram:1" not in listed and "erased-" in listed
    assert front.ask(OWNER, "/start").text == POLITE
    front.ask(ADMIN, "/unban telegram:1")
    assert front.ask(OWNER, "/start").text != POLITE


def test_what_was_under_way_to_a_banned_chat_is_held_and_goes_on(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    assert planned(front) == 1
    front.ask(ADMIN, "/ban telegram:1")
    with front.store.transaction() as tx:
        assert not tx.lease(front.now, front.now, "me", 9, ["telegram"])
    asyncio.run(front.desk.back([OWNER.address]))
    front.ask(ADMIN, "/unban telegram:1")
    with front.store.reading() as tx:
        last = tx.last_delivery(front.chat(OWNER).id)
        assert last and last.state is DeliveryState.POSTPONED


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/ban telegram:9", "is an admin of this bot"),
        ("/ban somebody", "Name a person or a chat"),
        ("/unban telegram:5", "is not banned"),
        ("/ban list", "Nobody is banned"),
    ],
)
def test_a_ban_that_cannot_be_says_why(front: Front, line: str, said: str) -> None:
    before = front.rows()
    assert said in front.ask(ADMIN, line).text
    assert front.rows() == before


def shown(reply: Reply) -> list[str]:
    return [block.text.partition("  ")[0] for block in reply.blocks[1:]]


def test_the_chats_are_listed_by_the_page_each_with_a_card(front: Front) -> None:
    for number in range(11):
        someone = replace(OWNER, address=Address("telegram", str(100 + number)), title=f"chat {number}")
        front.ask(someone, "/subscribe LoRA")
    first = front.ask(ADMIN, "/chats")
    assert first.blocks[0].text == "11 chats"
    assert shown(first) == [f"{n + 1}. chat {n}" for n in range(8)]
    assert "active · 1 subscription · no digest yet" in first.blocks[1].text
    second = front.press(ADMIN, buttons(first)["▶"])
    assert second.edits and shown(second) == ["9. chat 8", "10. chat 9", "11. chat 10"]
    card = front.press(ADMIN, buttons(second)["10"])
    assert "chat 9" in card.text and "· LoRA" in card.text and "English · 08:00 UTC" in card.text
    assert front.press(ADMIN, buttons(card)["Ban"]).text.startswith("telegram:109 is banned")
    assert "telegram:105" in front.ask(ADMIN, "/chats telegram:105").text
    assert front.press(OWNER, "chats:page:0").text.startswith("Only this bot's admins")


def test_an_audit_log_is_a_chats_own_for_its_admins_and_all_for_the_instances(front: Front) -> None:
    for line in ("/subscribe LoRA", "/time 9:30", "/access all"):
        front.ask(MANAGER, line)
    front.carry_out(ADMIN, "/topic edit rag tea")
    own = front.ask(MANAGER, "/audit").text
    assert "subscribed: – → LoRA" in own and "who may subscribe: admins → all" in own
    assert "rag" not in own
    assert front.ask(MEMBER, "/audit").text.startswith("Only this chat's administrators")
    every = front.ask(ADMIN, "/audit").text
    assert "telegram:3 · telegram:-100\nsubscribed" in every and "topic: rag" in every
    for number in range(20):
        front.ask(MANAGER, f"/time {number % 24}:15")
    first = front.ask(MANAGER, "/audit")
    older = front.press(MANAGER, buttons(first)["Earlier"])
    assert older.edits and "subscribed: – → LoRA" in older.text
    assert front.press(MANAGER, "audit:all:0").text.startswith("Only this bot's admins")
    assert front.press(replace(OWNER, manages=False, place=Place.GROUP), "audit:here:0").text.startswith("Only")


def test_the_status_counts_chats_by_their_state(front: Front) -> None:
    for caller in (OWNER, STRANGER):
        front.ask(caller, "/start")
    asyncio.run(front.desk.gone(OWNER.address, "the bot was blocked"))
    front.ask(ADMIN, "/ban telegram:66")
    assert front.chat(OWNER).state is ChatState.UNREACHABLE
    assert "Of all chats: 1 out of reach · 0 stopped · 1 banned" in front.ask(ADMIN, "/status").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_deed_has_a_word_of_its_own_in_each_language(front: Front, language: str) -> None:
    with front.store.transaction() as tx:
        for number, deed in enumerate(Deed):
            tx.note(Change(front.now, f"telegram:{number}", str(MANAGER.address), deed, "a", "b"))
    front.ask(MANAGER, f"/language {language}")
    front.ask(ADMIN, f"/language {language}")
    told = ""
    page = front.ask(ADMIN, "/audit all")
    while page.text not in told:
        told += page.text
        older = [action for label, action in buttons(page).items() if label in ("Earlier", "更早")]
        page = front.press(ADMIN, older[0]) if older else page
    words = {re.sub(r": a → b.*", "", line) for line in told.splitlines() if ": a → b" in line}
    assert len(words) == len(Deed)
    assert language == "en" or not any(word.isascii() for word in words)
