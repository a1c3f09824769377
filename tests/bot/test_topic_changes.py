"""Changes of topics: tried, done, undone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Address, Topic
from tests.desks import ADMIN, MANAGER, OWNER, Front, buttons, later
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

OTHER = replace(OWNER, address=Address("telegram", "2"), user="telegram:2")
THIRD = replace(OWNER, address=Address("telegram", "4"), user="telegram:4")


def kept(front: Front) -> dict[str, object]:
    """What undoing has to bring back."""
    rows = front.rows()
    return {name: rows[name] for name in ("topic", "subscription")}


def topic(front: Front, slug: str) -> Topic | None:
    with front.store.reading() as tx:
        return tx.topic(slug)


@pytest.mark.parametrize(
    "line",
    [
        "/topic add tea tea",
        "/topic edit peft tea OR knots",
        "/topic rename peft adapters",
        "/topic rename peft en: Adapters zh-Hans: 适配器",
        "/topic merge peft rag",
        "/topic merge rag peft",
        "/topic remove peft",
    ],
)
def test_each_change_is_shown_first_and_undone_whole(front: Front, line: str) -> None:
    front.carry_out(ADMIN, "/topic add both topic:peft OR parrots") if "remove" not in line else None
    for caller, queries in {
        OWNER: ("peft", "rag", "topic:peft -noon"), OTHER: ("rag", "topic:rag -evening", "knots"), THIRD: ("peft",),
    }.items():  # fmt: skip
        for query in queries:
            front.ask(caller, f"/subscribe {query}")
    before = kept(front)
    told = front.ask(ADMIN, line)
    assert told.private
    assert "Nothing is changed yet" in told.text
    assert kept(front) == before, "it is only shown"
    (action,) = buttons(told).values()
    done = front.press(ADMIN, action)
    after = kept(front)
    assert after != before
    assert front.press(ADMIN, action).text == "That was done already."
    undo = buttons(done)["Undo"]
    assert front.press(OWNER, undo).text.startswith("Only this bot's admins")
    assert kept(front) == after
    assert front.press(ADMIN, undo).text.startswith("Taken back:")
    assert kept(front) == before
    assert front.press(ADMIN, undo).text == "That was taken back already."


def test_a_dry_run_counts_papers_of_the_last_week_and_chats(front: Front) -> None:
    front.ask(OWNER, "/subscribe peft")
    front.ask(MANAGER, "/subscribe peft")
    told = front.ask(ADMIN, "/topic edit peft tea").text
    assert "Of the 8 papers of the last week it matches 2." in told
    assert "That is 2 more and 3 fewer than now." in told
    assert "2 chats follow it." in told


def test_merging_asks_for_what_either_did_and_nobody_follows_less(front: Front) -> None:
    front.ask(OWNER, "/subscribe rag")
    front.ask(OTHER, "/subscribe topic:rag -noon")
    peft, rag = topic(front, "peft"), topic(front, "rag")
    assert peft and rag
    front.carry_out(ADMIN, "/topic merge peft rag")
    merged = topic(front, "peft")
    assert merged and merged.query == f"{peft.query} OR {rag.query}"
    assert topic(front, "rag") is None
    assert front.follows(OWNER) == ["#peft"]
    assert front.follows(OTHER) == ["topic:peft -noon"]
    front.ask(THIRD, "/subscribe peft")
    assert front.ask(ADMIN, "/topic undo").text.startswith("Taken back: peft and rag")
    assert (front.follows(OWNER), front.follows(THIRD)) == (["#rag"], ["#peft"])


def test_what_a_chat_ended_since_does_not_come_back(front: Front) -> None:
    for caller in (OWNER, OTHER):
        front.ask(caller, "/subscribe rag")
    front.carry_out(ADMIN, "/topic merge peft rag")
    front.ask(OWNER, "/unsubscribe all")
    front.ask(ADMIN, "/topic undo")
    assert (front.follows(OWNER), front.follows(OTHER)) == ([], ["#rag"])


def test_a_renamed_topic_takes_who_came_since_back_with_it(front: Front) -> None:
    front.ask(OWNER, "/subscribe peft")
    front.carry_out(ADMIN, "/topic rename peft adapters")
    front.ask(OTHER, "/subscribe adapters")
    assert front.follows(OWNER) == front.follows(OTHER) == ["#adapters"]
    front.ask(ADMIN, "/topic undo")
    assert front.follows(OWNER) == front.follows(OTHER) == ["#peft"]


def test_a_change_is_undone_for_a_day_and_the_latest_first(front: Front) -> None:
    first = front.carry_out(ADMIN, "/topic edit peft tea")
    front.carry_out(ADMIN, "/topic edit peft knots")
    assert "was changed since" in front.press(ADMIN, buttons(first)["Undo"]).text
    front.ask(ADMIN, "/topic undo")
    later(front, hours=25)
    assert "for a day" in front.ask(ADMIN, "/topic undo").text
    found = topic(front, "peft")
    assert found and found.query == "tea"


def test_what_was_shown_is_done_only_while_it_is_still_so(front: Front) -> None:
    told = front.ask(ADMIN, "/topic remove peft")
    front.carry_out(ADMIN, "/topic edit peft tea")
    assert "was changed since" in front.press(ADMIN, next(iter(buttons(told).values()))).text
    assert topic(front, "peft")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/topic rename peft rag", "There is a topic rag already"),
        ("/topic rename peft en: RAG", "There is a topic rag already"),
        ("/topic rename peft a/b", "A short name has letters"),
        ("/topic rename nothere x", "There is no topic nothere"),
        ("/topic merge peft peft", "peft is one topic"),
        ("/topic add rag tea", "There is a topic rag already"),
        ("/topic undo", "There is no change of topics to take back."),
    ],
)
def test_a_change_that_cannot_be_says_why(front: Front, line: str, said: str) -> None:
    before = front.rows()
    assert said in front.ask(ADMIN, line).text
    assert front.rows() == before
