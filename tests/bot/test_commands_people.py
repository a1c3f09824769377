"""What is kept is said, handed over and erased; what admins change is written down."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.commands.people import DELIVERIES_DAYS, MESSAGES_DAYS
from bot.model import (
    Address,
    Change,
    Chat,
    ChatState,
    Deed,
    Delivery,
    Digest,
    DigestKind,
    Layout,
    Match,
    News,
    Part,
    Place,
)
from bot.ports import Caller
from tests.desks import ADMIN, CONSOLE, MANAGER, MEMBER, OWNER, TUESDAY, Front, NewFront, buttons, later
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

ON_DISCORD = replace(MANAGER, address=Address("discord", "55"), user="discord:3")
NO_NAME = replace(MANAGER, user="", name="")
SECRET = "zebra finch song"


def living(front: Front, caller: Caller = MANAGER) -> Chat:
    """A chat with a subscription, a long search and a digest that was delivered."""
    front.ask(caller, f"/subscribe {SECRET}")
    chat = front.chat(caller)
    with front.store.transaction() as tx:
        tx.put_setting(f"asked.{chat.address}", f"{SECRET} OR parrots")
        numbers = [tx.paper_by_key(f"arxiv:2504.000{n}").id for n in (11, 12, 13)]  # type: ignore[union-attr]
        matches = tuple(Match(number, News.NEW, (SECRET,)) for number in numbers)
        digest = Digest(DigestKind.PAPERS, TUESDAY, matches, 2, (SECRET,), 8)
        made = Delivery(0, chat.id, chat.address, digest, "en", Layout.BRIEF, made_at=front.now, due_at=front.now)
        tx.plan(made)
        (leased,) = tx.lease(front.now, front.now + timedelta(hours=1), "a", 1, [chat.address.platform])
        tx.record(replace(leased, parts=(Part(1, tuple(numbers[:2]), "n", b"0123456789", "7"),)))
    return chat


def handed(front: Front, caller: Caller = MANAGER) -> dict[str, Any]:
    told = front.ask(caller, "/mydata")
    assert told.private and told.file is not None
    found: dict[str, Any] = json.loads(told.file.content)
    return found


def test_privacy_says_what_is_kept_how_long_and_what_to_do(front: Front) -> None:
    told = front.ask(OWNER, "/privacy")
    assert told.private
    assert told.blocks[0].text == "What is kept about this chat"
    assert "number and name on Telegram" in told.text
    assert f"{DELIVERIES_DAYS} days (the last one as long as the chat); the text of the messages {MESSAGES_DAYS}" in (
        told.text
    )
    assert "/mydata" in told.text and "/forget" in told.text
    assert "administrators" not in told.text
    assert "365 days. Of members nothing else." in front.ask(MEMBER, "/privacy").text
    assert "with your number" in front.ask(ADMIN, "/privacy").text
    assert "on this machine" in front.ask(CONSOLE, "/privacy").text
    assert "Discord" in front.ask(ON_DISCORD, "/privacy").text
    front.configure(audit_days=0, access="invite")
    assert "without an end" in front.ask(MEMBER, "/privacy").text, "whether it is admitted or not"


@pytest.mark.parametrize("language", ["en", "zh-Hans", "zh-Hant"])
def test_what_is_kept_is_said_on_one_screen(front: Front, language: str) -> None:
    told = front.ask(replace(MANAGER, locale=language), "/privacy").text
    assert len(told) < 1_000


def test_a_manager_is_handed_all_of_the_chat_as_a_document(front: Front) -> None:
    chat = living(front)
    found = handed(front)
    assert list(found) == [
        "about", "user", "made_at", "chat", "subscription", "delivery_part", "delivery", "setting", "digest", "audit",
    ]  # fmt: skip
    assert (found["about"], found["user"], found["made_at"]) == ("telegram:-100", "", front.now.isoformat())
    assert [row["title"] for row in found["chat"]] == [chat.title]
    assert [row["query"] for row in found["subscription"]] == [SECRET]
    (digest,) = found["digest"]
    assert digest["content"] == {
        "pushed": 2, "labels": [SECRET], "quiet": False, "more": 1,
        "papers": [{"paper": f"arxiv:2504.000{n}", "news": "new", "for": [SECRET]} for n in (11, 12)],
    }  # fmt: skip
    (part,) = found["delivery_part"]
    assert part["papers"] == ["arxiv:2504.00011", "arxiv:2504.00012"]
    assert part["payload"] == "10 bytes"


def test_in_private_what_one_did_as_an_admin_elsewhere_is_ones_own_too(front: Front) -> None:
    front.ask(ADMIN, "/start")
    front.ask(replace(ADMIN, address=MANAGER.address, place=Place.GROUP), "/subscribe LoRA")
    front.carry_out(ADMIN, "/topic add tea tea")
    found = handed(front, ADMIN)
    assert [(row["what"], row["chat"]) for row in found["audit"]] == [
        ("subscribe", "telegram:-100"), ("topic", ""),
    ]  # fmt: skip


def test_data_are_for_those_who_manage_the_chat(front: Front) -> None:
    living(front)
    before = front.rows()
    for line in ("/mydata", "/forget"):
        told = front.ask(MEMBER, line)
        assert told.text == "Only this chat's administrators may have what is kept about it, or erase it."
        assert told.file is None and not told.buttons
    now = int(front.now.timestamp())
    assert front.press(MEMBER, f"forget:{now}").text.startswith("Only this chat's administrators")
    assert "manage this server" in front.ask(replace(ON_DISCORD, manages=False), "/mydata").text
    assert front.rows() == before


def test_platforms_are_asked_for_rights_before_data_are_handed_over_or_erased(front: Front) -> None:
    assert front.desk.needs_rights("mydata") and front.desk.needs_rights("forget")
    assert front.desk.press_needs_rights("forget:1")
    assert not front.desk.needs_rights("privacy")


def test_who_writes_without_a_name_is_handed_nothing(front: Front) -> None:
    living(front)
    told = front.ask(NO_NAME, "/mydata")
    assert told.file is None
    assert told.text.endswith("\npaperround mydata telegram:-100")


@pytest.mark.parametrize("line", ["/mydata", "/forget"])
def test_where_nothing_is_kept_it_is_said(front: Front, line: str) -> None:
    told = front.ask(OWNER, line)
    assert told.text == "Nothing is kept about this chat."
    assert told.file is None and not told.buttons


def test_a_chat_is_erased_only_when_the_button_is_pressed(front: Front) -> None:
    living(front)
    before = front.rows()
    told = front.ask(MANAGER, "/forget")
    assert told.private
    assert "Its settings, 1 subscription, its digests and searches go." in told.text
    assert front.rows() == before
    gone = front.press(MANAGER, buttons(told)["Erase everything"])
    assert gone.edits and not gone.buttons
    assert gone.text == (
        "Erased. Nothing in the database leads to this chat any more, and nothing will come by itself."
        " /start begins anew."
    )
    for table, rows in front.rows().items():
        for row in rows:
            text = repr(row)
            assert not re.search(r"-100\b|Reading group|zebra|telegram:3\b", text), (table, row)
    assert [(line.what, line.chat[:7], line.who[:7]) for line in _audit(front)] == [
        (Deed.SUBSCRIBE, "erased-", "erased-"), (Deed.FORGET, "erased-", "erased-"),
    ]  # fmt: skip
    assert front.press(MANAGER, buttons(told)["Erase everything"]).text == "Nothing is kept about this chat."


def test_after_that_the_chat_may_begin_anew(new_front: NewFront) -> None:
    front = new_front(access="invite")
    with front.store.transaction() as tx:
        tx.add_invite("first", "console:local", front.now)
        tx.add_invite("second", "console:local", front.now)
    front.ask(MANAGER, "/start first")
    told = front.press(MANAGER, buttons(front.ask(MANAGER, "/forget"))["Erase everything"])
    assert told.text.endswith("/start with a new invitation begins anew.")
    assert "by invitation" in front.ask(MANAGER, "/subscribe LoRA").text
    assert "unknown or has been used" in front.ask(MANAGER, "/start first").text
    assert "to your door" in front.ask(MANAGER, "/start second").text
    assert front.follows(MANAGER) == []


@pytest.mark.parametrize("mark", ["", "x", "-5", "99999999999", "９", "0", "1e9", "1" * 60])
def test_a_button_that_is_not_the_questions_erases_nothing(front: Front, mark: str) -> None:
    living(front)
    before = front.rows()
    assert front.press(MANAGER, f"forget:{mark}").text == "This button is too old. /forget asks again."
    assert front.rows() == before


def test_the_question_waits_ten_minutes_for_its_answer(front: Front) -> None:
    living(front)
    action = buttons(front.ask(MANAGER, "/forget"))["Erase everything"]
    later(front, minutes=10, seconds=1)
    assert front.press(MANAGER, action).text == "This button is too old. /forget asks again."
    later(front, minutes=-1)
    assert front.press(MANAGER, action).text.startswith("Erased.")


def test_what_a_person_did_in_groups_is_a_pseudonyms_after_they_are_erased(front: Front) -> None:
    person = replace(MANAGER, address=Address("telegram", "3"), place=Place.PRIVATE, title="Max")
    living(front)
    front.ask(person, "/subscribe tea")
    front.press(person, buttons(front.ask(person, "/forget"))["Erase everything"])
    assert front.follows(MANAGER) == [SECRET], "the group keeps what it has"
    assert {line.who[:7] for line in _audit(front)} == {"erased-"}
    assert len({line.who for line in _audit(front)}) == 1


def test_a_chat_that_is_out_of_reach_for_long_is_announced_to_admins(front: Front) -> None:
    chat = living(front)
    with front.store.transaction() as tx:
        tx.put_chat(replace(chat, state=ChatState.UNREACHABLE))
    assert "could not be reached" not in front.ask(ADMIN, "/status").text
    later(front, days=151)
    assert front.ask(ADMIN, "/status").blocks[-1].text == (
        "1 chat could not be reached for 150 days; after 180 it is erased."
    )


def _audit(front: Front) -> list[Change]:
    with front.store.reading() as tx:
        return tx.audit(100)


def test_changes_by_admins_are_written_down_with_what_was_and_what_is(front: Front) -> None:
    front.configure(access="invite")
    group = replace(MANAGER, user="telegram:3")
    front.ask(ADMIN, "/invite")
    with front.store.transaction() as tx:
        tx.add_invite("abcdefgh", "telegram:9", front.now)
    for line in ("/start abcdefgh", "/subscribe LoRA", "/subscribe rag", "/subscribe LoRA", "/language zh",
                 "/language zh", "/time 9:30 Berlin", "/unsubscribe all"):  # fmt: skip
        front.ask(group, line)
    for line in ("/topic add tea tea OR teapot", "/topic edit tea teapot", "/topic remove tea"):
        front.carry_out(ADMIN, line)
    lines = [(line.who, line.chat, str(line.what), line.before, line.after) for line in _audit(front)]
    here = ("telegram:3", "telegram:-100")
    assert lines[0][:4] == ("telegram:9", "", "invite", "")
    assert re.fullmatch(r"\S{4}…", lines[0][4])
    assert lines[1:] == [
        (*here, "admit", "", "abcd…"),
        (*here, "subscribe", "", "LoRA"),
        (*here, "subscribe", "", "topic:rag"),
        (*here, "language", "en", "zh-Hans"),
        (*here, "time", "08:00 UTC", "09:30 Europe/Berlin"),
        (*here, "unsubscribe", "LoRA", ""),
        (*here, "unsubscribe", "topic:rag", ""),
        ("telegram:9", "", "topic", "", "tea: tea OR teapot (tea)"),
        ("telegram:9", "", "topic", "tea: tea OR teapot (tea)", "tea: teapot (tea)"),
        ("telegram:9", "", "topic", "tea: teapot (tea)", ""),
    ]


def test_what_is_refused_or_set_in_ones_own_chat_is_not_written_down(front: Front) -> None:
    for line in ("/subscribe LoRA", "/language zh", "/time 9:00", "/unsubscribe 1"):
        front.ask(OWNER, line)
        front.ask(MEMBER, line)
    front.carry_out(OWNER, "/topic add tea tea")
    front.carry_out(ADMIN, "/topic add rag tea")
    assert _audit(front) == []
