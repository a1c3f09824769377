"""Topics inside queries and inside other topics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Address, Topic
from bot.replies import Reply
from tests.desks import ADMIN, MANAGER, OWNER, Front, buttons, titles
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front


def pointed(answer: Reply) -> tuple[str, str]:
    """What is said, and what the caret points at."""
    query, _, mark = answer.blocks[-1].text.partition("\n")
    # Of what these tests write, the full-width colon is two columns wide.
    return answer.blocks[0].text, query.replace("：", "：+")[mark.index("^") :]


NOT_THERE = "There is no topic “{}”: /topics shows those there are."


@pytest.mark.parametrize(
    ("query", "name", "at"),
    [
        ("topic:nothere", "nothere", "nothere"),
        ("nothere topic:nothere", "nothere", "nothere"),
        ("topic:rag topic:nothere tea", "nothere", "nothere tea"),
        ("topic:rag OR (rag -topic:rags)", "rags", "rags)"),
        ('tea Topic:"No  such one" tea', "no such one", 'No such one" tea'),
        ("topic:(rag OR nothere)", "nothere", "nothere)"),
        ("tea topic：nothere", "nothere", "nothere"),
    ],
)
def test_a_topic_that_is_not_there_is_pointed_at(front: Front, query: str, name: str, at: str) -> None:
    before = front.rows()
    for line in (f"/subscribe {query}", f"/paper {query}", f"/digest {query}", f"/topic add new {query}"):
        answer = front.ask(ADMIN, line)
        assert pointed(answer) == (NOT_THERE.format(name), at), line
        assert answer.private
    assert front.rows() == before


@pytest.mark.parametrize("query", ["topic:rag", "topic:RAG", "Topic:检索增强生成", "(topic:rag)", "topic：rag"])
def test_a_topic_alone_is_followed_as_the_topic(front: Front, query: str) -> None:
    assert front.ask(OWNER, f"/subscribe {query}").text.startswith("Subscribed to RAG.")
    assert front.follows(OWNER) == ["#rag"]
    assert front.ask(OWNER, "/subscribe rag").text.startswith("This chat follows RAG already.")
    front.ask(OWNER, f"/unsubscribe {query}")
    assert front.follows(OWNER) == []


def test_a_subscription_that_names_a_topic_keeps_following_it_when_it_is_edited(front: Front) -> None:
    for query in ("topic:rag", "topic:rag -knots", "topic：rag -diffusion"):
        front.ask(OWNER, f"/subscribe {query}")
    assert front.follows(OWNER) == ["#rag", "topic:rag -knots", "topic:rag -diffusion"]
    assert "Nothing for" in front.ask(OWNER, "/digest").text
    front.carry_out(ADMIN, "/topic edit rag tea")
    told = front.ask(OWNER, "/digest")
    assert sorted(titles(told)) == ["Diffusion of Tea", "Tea Leaves"]
    assert "RAG and topic:rag -knots" in next(b.text for b in told.blocks if "Diffusion of Tea" in b.text)
    assert "RAG, topic:rag -knots and topic:rag -diffusion" in next(b.text for b in told.blocks if "Leaves" in b.text)


def test_a_query_with_a_topic_is_another_than_what_the_topic_says_today(front: Front) -> None:
    front.ask(OWNER, '/subscribe (RAG OR "retrieval-augmented") -survey')
    assert front.ask(OWNER, "/subscribe topic:rag -survey").text.startswith("Subscribed to")
    for again in ("topic:rag -survey", "topic:RAG   NOT Survey"):
        assert "already" in front.ask(OWNER, f"/subscribe {again}").text
    assert len(front.follows(OWNER)) == 2


def test_a_topic_inside_another_brings_what_both_say(front: Front) -> None:
    line = "/topic add mine topic:peft OR topic:diffusion -evening"
    assert "\n\n4 stored papers match it." in front.ask(ADMIN, line).text
    told = front.carry_out(ADMIN, line)
    assert told.text.startswith("Topic mine added: topic:peft OR topic:diffusion -evening\n\n")
    found = front.ask(OWNER, "/subscribe mine")
    assert sorted(titles(found)) == ["Diffusion of Tea", "LoRA at Noon", "QLoRA in the Evening"]
    front.carry_out(ADMIN, "/topic edit peft knots")
    assert titles(front.ask(OWNER, "/digest")) == ["Diffusion of Tea"], "however deep the edited one stands"


@pytest.mark.parametrize(
    ("line", "name", "at"),
    [
        ("/topic add a topic:a", "a", "a"),
        ("/topic edit one topic:one", "one", "one"),
        ("/topic edit one tea OR topic:three", "one", "three"),
        ("/topic edit one topic:rag OR topic:two", "one", "two"),
        ('/topic edit one LoRA -topic:three "three"', "one", 'three "three"'),
        ("/topic edit rag tea OR topic:检索增强生成", "rag", "检索增强生成"),
    ],
)
def test_topics_in_a_circle_are_refused_with_the_place(front: Front, line: str, name: str, at: str) -> None:
    for made in ("one LoRA", "two topic:one OR tea", "three topic:two -video"):
        front.carry_out(ADMIN, f"/topic add {made}")
    before = front.rows()
    told, place = pointed(front.ask(ADMIN, line))
    if line == "/topic add a topic:a":
        assert told == NOT_THERE.format("a"), "it is not there before it is added"
    else:
        assert told == f"Topic “{name}” would contain itself: a topic may stand inside another, not in a circle."
    assert place == at
    assert front.rows() == before


def test_topics_that_write_out_to_too_much_are_refused(front: Front) -> None:
    front.carry_out(ADMIN, "/topic add t0 " + " OR ".join(f"w{n}" for n in range(50)))
    front.carry_out(ADMIN, "/topic add t1 topic:t0 OR " + " OR ".join(["x topic:t0"] * 8))
    before = front.rows()
    told, place = pointed(front.ask(OWNER, "/subscribe tea topic:t1 topic:t0"))
    assert told == "With its topics written out, the query has more than 500 words and phrases."
    assert place == "t0"
    assert front.rows() == before


def test_a_topic_that_stands_inside_another_is_not_removed(front: Front) -> None:
    front.carry_out(ADMIN, "/topic add one LoRA")
    front.carry_out(ADMIN, "/topic add two topic:one OR tea")
    front.carry_out(ADMIN, '/topic add three -topic:One "tea leaves"')
    before = front.rows()
    assert front.carry_out(ADMIN, "/topic remove one").text == "Topic one stands inside three and two: edit that first."
    assert front.rows() == before
    front.carry_out(ADMIN, "/topic remove two")
    front.carry_out(ADMIN, "/topic edit three tea")
    assert front.carry_out(ADMIN, "/topic remove one").text.startswith("Topic one removed.")


def test_removing_a_topic_writes_its_query_out_in_the_subscriptions_that_name_it(front: Front) -> None:
    front.carry_out(ADMIN, "/topic add mine LoRA OR tea")
    other = replace(OWNER, address=Address("telegram", "2"))
    front.ask(OWNER, "/subscribe topic:mine -noon")
    front.ask(OWNER, "/subscribe knots OR -topic:mine knots")
    front.ask(OWNER, "/subscribe topic:rag -noon")
    front.ask(other, "/subscribe (LoRA OR tea) -noon")
    front.ask(other, "/subscribe topic:mine -noon")
    front.ask(MANAGER, "/subscribe mine")
    was = sorted(titles(front.ask(OWNER, "/digest")))
    told = front.carry_out(ADMIN, "/topic remove mine")
    assert told.blocks[0].text == "Topic mine removed. Chats that followed it now follow its query: LoRA OR tea"
    assert front.follows(OWNER) == ["(LoRA OR tea) -noon", "knots OR -(LoRA OR tea) knots", "topic:rag -noon"]
    assert front.follows(other) == ["(LoRA OR tea) -noon"], "nothing is followed twice"
    assert front.follows(MANAGER) == ["LoRA OR tea"]
    assert sorted(titles(front.ask(OWNER, "/digest"))) == was
    assert "Subscribed to mine." not in front.ask(OWNER, "/subscribe topic:mine").text


def test_removing_a_topic_keeps_a_subscription_from_becoming_too_long(front: Front) -> None:
    front.carry_out(ADMIN, "/topic add wide " + " OR ".join(f"something{n}" for n in range(30)))
    query = "topic:wide " + " OR ".join(f"parrots{n}" for n in range(20))
    front.ask(OWNER, f"/subscribe {query}")
    before = front.rows()
    told = front.carry_out(ADMIN, "/topic remove wide").text
    assert told == f"A chat follows {query}, which would become too long without the topic."
    assert front.rows() == before


def test_a_name_that_two_topics_have_means_the_first_of_them(front: Front) -> None:
    """By name, both; what is removed is the one whose name it is not."""
    with front.store.transaction() as tx:
        tx.put_topic(Topic("zzz", (("en", "peft"),), "knots"))
    front.ask(OWNER, "/subscribe topic:peft -evening")
    front.carry_out(ADMIN, "/topic remove zzz")
    assert front.follows(OWNER) == ["topic:peft -evening"]
    assert titles(front.ask(OWNER, "/digest")) == ["LoRA at Noon"]


def test_a_topic_is_looked_into_where_it_stands_and_its_button_follows_it(front: Front) -> None:
    assert sorted(titles(front.ask(OWNER, "/paper topic:peft -evening"))) == ["LoRA at Noon", "LoRA of Yesterday"]
    assert titles(front.ask(OWNER, "/digest topic:peft -evening")) == ["LoRA at Noon"]
    told = front.carry_out(ADMIN, "/topic add mine topic:peft -evening")
    assert front.press(OWNER, buttons(told)["Follow it here"]).text.startswith("Subscribed to mine.")
    assert front.ask(OWNER, "/subscriptions").blocks[1].text == "1. mine  (topic:peft -evening) · 2"
