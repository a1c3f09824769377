"""Starting, following, and no longer following."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.commands.subscriptions import MOST
from bot.model import Address, Announcement, Place, Subscription, Topic
from bot.replies import BlockKind
from tests.desks import CONSOLE, MANAGER, MEMBER, OWNER, Front, NewFront, buttons, item, later, titles
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front


def test_start_says_what_it_is_when_the_digest_comes_and_offers_topics(front: Front) -> None:
    told = front.ask(OWNER, "/start")
    assert told.text.startswith("Paperround brings the day's new papers to your door.")
    assert "The digest comes at 08:00 (UTC)." in told.text
    assert "Some topics to begin with:" in told.text
    offered = buttons(told)
    assert len(offered) == 9 and offered["+ RAG"] == "follow:rag"
    assert "Subscribed to RAG." in front.press(OWNER, offered["+ RAG"]).text


def test_a_second_start_changes_nothing_and_says_where_things_stand(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    before = front.rows()
    told = front.ask(OWNER, "/start")
    assert "This chat has 1 subscription. /subscriptions lists them; /help shows the rest." in told.text
    assert not told.buttons
    assert front.rows() == before


def test_a_new_chat_starts_before_the_latest_batch_with_what_is_configured(new_front: NewFront) -> None:
    front = new_front(timezone="Asia/Shanghai", digest_size=7)
    front.announce([item(1, "LoRA", on=date(2025, 4, 7)), item(2, "LoRA", on=date(2025, 4, 7))])
    front.announce([item(3, "LoRA again")])
    front.ask(MANAGER, "/start")
    chat = front.chat(MANAGER)
    with front.store.reading() as tx:
        yet_to_come: list[Announcement] = tx.announcements(chat.seen)
    assert [a.paper_id for a in yet_to_come] == [3]
    assert (chat.place, chat.title, chat.timezone, chat.size) == (Place.GROUP, "Reading group", "Asia/Shanghai", 7)
    assert chat.due_at == datetime(2025, 4, 9, 0, 0, tzinfo=UTC)


def test_a_subscription_shows_what_the_latest_batch_has_for_it_at_once(front: Front) -> None:
    told = front.ask(OWNER, "/subscribe LoRA")
    assert told.text.startswith("Subscribed to LoRA.\nThe digest comes at 08:00 (UTC).")
    assert "The latest batch (Tuesday 8 April) has 2 papers for it:" in told.text
    assert sorted(titles(told)) == ["LoRA at Noon", "QLoRA in the Evening"], "nothing of yesterday"
    assert list(buttons(told)) == ["Today's digest", "Unsubscribe"]
    assert "2 new papers for LoRA" in front.press(OWNER, buttons(told)["Today's digest"]).text
    assert "No longer following LoRA." in front.press(OWNER, buttons(told)["Unsubscribe"]).text


def test_more_matches_than_shown_are_counted_and_reachable(new_front: NewFront) -> None:
    front = new_front()
    front.announce([item(n, f"LoRA {n}") for n in range(1, 31)])
    told = front.ask(OWNER, "/subscribe LoRA")
    assert "has 30 papers for it:" in told.text and len(titles(told)) == 3
    assert told.blocks[-1].text == "And 27 more. /digest shows all."


def test_a_subscription_without_a_match_or_a_batch_says_so(new_front: NewFront) -> None:
    front = new_front()
    assert front.ask(OWNER, "/subscribe LoRA").text == "Subscribed to LoRA.\nThe digest comes at 08:00 (UTC)."
    front.announce([item(1, "Tea")])
    told = front.ask(OWNER, "/subscribe RAG").text
    assert told.endswith("The latest batch has nothing for it; /paper searches all that is stored.")


@pytest.mark.parametrize("name", ["rag", "RAG", "检索增强生成", "檢索增強生成", "  rag "])
def test_a_topic_is_followed_by_its_short_name_or_a_name_in_any_language(front: Front, name: str) -> None:
    assert "Subscribed to RAG." in front.ask(OWNER, f"/subscribe {name}").text
    assert front.follows(OWNER) == ["#rag"]


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("LoRA", "LoRA"),
        ("LoRA", "lora"),
        ("LoRA", " ( LoRA ) "),
        ('ti:"low rank" OR LoRA', 'title:"Low Rank" OR lora'),
        ("fine-tuning", "Fine-Tuning"),
        ("微调", "微調"),
        ("rag", "RAG"),
        ("rag", 'RAG OR "retrieval-augmented"'),
    ],
)
def test_an_equal_query_is_followed_already(front: Front, first: str, again: str) -> None:
    front.ask(OWNER, f"/subscribe {first}")
    before = front.rows()
    told = front.ask(OWNER, f"/subscribe {again}").text
    label = "RAG" if first == "rag" else first
    assert told.startswith(f"This chat follows {label} already.")
    assert front.rows() == before


def test_a_topic_may_be_followed_beside_an_equal_query_for_its_query_can_change(front: Front) -> None:
    front.ask(OWNER, '/subscribe RAG OR "retrieval-augmented"')
    assert "Subscribed to RAG." in front.ask(OWNER, "/subscribe rag").text
    assert len(front.follows(OWNER)) == 2


def test_another_query_is_another_subscription(front: Front) -> None:
    for query in ("LoRA", "LoRA RAG", "LoRA OR RAG", "ti:LoRA", '"LoRA RAG"'):
        assert "Subscribed to" in front.ask(OWNER, f"/subscribe {query}").text
    assert len(front.follows(OWNER)) == 5


def test_a_chat_follows_a_hundred_things_and_is_told_kindly_that_it_is_full(front: Front) -> None:
    front.ask(OWNER, "/start")
    chat = front.chat(OWNER)
    with front.store.transaction() as tx:
        for n in range(MOST - 1):
            tx.subscribe(Subscription(0, chat.id, f"word{n}"))
    assert "Subscribed to LoRA." in front.ask(OWNER, "/subscribe LoRA").text
    before = front.rows()
    full = "This chat has 100 subscriptions already, the most there can be. /unsubscribe makes room."
    assert front.ask(OWNER, "/subscribe RAG").text == full
    assert front.press(OWNER, "follow:speech").text == full
    assert front.rows() == before
    assert "already" in front.ask(OWNER, "/subscribe lora").text, "what it follows is still said"
    front.ask(OWNER, "/unsubscribe 1")
    assert "Subscribed to RAG." in front.ask(OWNER, "/subscribe RAG").text


LONG = "learning " * 100


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("LoRA " + "a" * 500, "The query has 505 characters; at most 500 are possible."),
        (LONG, "The query has 899 characters; at most 500 are possible."),
        (" OR ".join(f"w{n}" for n in range(51)), "The query has more than 50 words and phrases."),
        ("-survey", "The query says only what to leave out: add what to look for."),
        ("NOT (survey OR review)", "The query says only what to leave out: add what to look for."),
        ("LoRA OR -survey", "The query says only what to leave out: add what to look for."),
        ("x " * 13, "This looks like a sentence; every one of its words would have to occur. Try: "),
        ("what is new about training large language models on graphs with few labels",
         'This looks like a sentence; every one of its words would have to occur. Try: "training large language" '),
        ("foo:bar", "There is no field foo: use title:, abstract:, author:, subject:, category:, date:, is:, "),
        ("https://arxiv.org/list/cs.CL/new", "This is a link, not a query: send it alone, or search for words."),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_followed_is_refused_with_the_mend(front: Front, query: str, told: str) -> None:
    before = front.rows()
    answer = front.ask(OWNER, f"/subscribe {query}")
    assert answer.text.startswith(told) and answer.private
    assert front.rows() == before


def caret_column(text: str) -> tuple[str, int]:
    shown, _, mark = text.partition("\n")
    return shown, mark.index("^")


@pytest.mark.parametrize(
    ("query", "shown", "column"),
    [
        ("LoRA AND", "LoRA AND", 8),
        ("LoRA (RAG", "LoRA (RAG", 5),
        ("微调 (方法", "微调 (方法", 5),
        ("a🙂🙂 (x", "a🙂🙂 (x", 6),
        ("e\u0301te\u0301 (x", "e\u0301te\u0301 (x", 4),
        ("a❤\ufe0f (x", "a❤\ufe0f (x", 3),
        ("（微调", "（微调", 0),
        ("a\t\n (b", "a (b", 2),
    ],
)
def test_a_fault_is_pointed_at_by_display_columns(front: Front, query: str, shown: str, column: int) -> None:
    for locale, told in (("en", ("Something", "This parenthesis")), ("zh-CN", ("AND 后面", "括号没有闭合"))):
        answer = front.ask(replace(OWNER, locale=locale), f"/subscribe {query}")
        assert answer.text.startswith(told)
        (block,) = [b for b in answer.blocks if b.kind is BlockKind.CODE]
        assert caret_column(block.text) == (shown, column)


def test_a_fault_far_into_a_long_query_is_shown_with_what_stands_around_it(front: Front) -> None:
    answer = front.ask(OWNER, "/subscribe " + " OR ".join(f"微调{n}" for n in range(20)) + " OR (x")
    shown, column = caret_column(answer.blocks[-1].text)
    assert shown.startswith("…") and shown.endswith("OR (x") and len(shown) < 70
    wide = sum(ord(c) > 0x2FFF for c in shown)
    assert column == len(shown) + wide - 2


def test_what_is_followed_is_listed_with_numbers_and_a_topics_query(front: Front) -> None:
    assert front.ask(OWNER, "/subscriptions").text == (
        "This chat follows nothing yet. Try /subscribe LoRA, or pick from /topics."
    )
    front.ask(OWNER, "/subscribe LoRA")
    front.ask(OWNER, "/subscribe rag")
    told = front.ask(OWNER, "/subscriptions")
    assert told.blocks[0].text == "This chat has 2 subscriptions"
    assert told.blocks[1].text == '1. LoRA · 3\n2. RAG  (RAG OR "retrieval-augmented") · 0'
    assert told.blocks[2].text == "Behind each stands how many papers it found in the last week."
    assert told.blocks[3].text == (
        "Press a number to pause, edit or end one; /subscribe adds one. The digest comes at 08:00 (UTC)."
    )
    first, second = front.subscriptions(OWNER)
    assert buttons(told) == {"1": f"sub:{first.id}", "2": f"sub:{second.id}", "Today's digest": "digest"}


def test_a_hundred_long_subscriptions_are_all_listed(front: Front) -> None:
    front.ask(OWNER, "/start")
    with front.store.transaction() as tx:
        for n in range(MOST):
            tx.subscribe(Subscription(0, front.chat(OWNER).id, f"word{n} " + "x" * 480))
    told = front.ask(OWNER, "/subscriptions")
    shown = told.text
    while onward := buttons(told).get("Next ›"):
        told = front.press(OWNER, onward)
        assert told.edits
        shown += "\n" + told.text
    assert all(f"\n{n}. word{n - 1} " in "\n" + shown for n in range(1, 101))
    assert "(91-100)" in front.ask(OWNER, "/subscriptions 10").text
    which = front.ask(OWNER, "/unsubscribe")
    assert len(buttons(which)) == 20
    assert all(f"\n{n}. word{n - 1} " in "\n" + which.text for n in range(21, 101))


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ("1", ["#rag", "2024"]),
        ("2", ["LoRA", "2024"]),
        ("2024", ["LoRA", "#rag"]),
        ("lora", ["#rag", "2024"]),
        ("(LoRA)", ["#rag", "2024"]),
        ("RAG", ["LoRA", "2024"]),
        ("检索增强生成", ["LoRA", "2024"]),
        ('RAG OR "retrieval-augmented"', ["LoRA", "2024"]),
        ("ALL", []),
    ],
)
def test_a_subscription_ends_by_number_words_or_topic(front: Front, wanted: str, left: list[str]) -> None:
    for query in ("LoRA", "rag", "2024"):
        front.ask(OWNER, f"/subscribe {query}")
    told = front.ask(OWNER, f"/unsubscribe {wanted}").text
    assert told.startswith("No longer following ")
    assert front.follows(OWNER) == left
    assert told.endswith(
        "2 subscriptions are left."
        if left
        else "Nothing is left to follow, so no digest will come. /subscribe begins again."
    )


@pytest.mark.parametrize("wanted", ["0", "4", "99999", "-1", "LoRA RAG", "(", "no such topic", "٣"])
def test_what_is_not_followed_cannot_end(front: Front, wanted: str) -> None:
    for query in ("LoRA", "rag"):
        front.ask(OWNER, f"/subscribe {query}")
    before = front.rows()
    told = front.ask(OWNER, f"/unsubscribe {wanted}").text
    assert told == f"This chat does not follow {wanted}. /subscriptions shows what it follows."
    assert front.rows() == before


def test_ending_all_of_many_names_some_and_counts_the_rest(front: Front) -> None:
    for n in range(8):
        front.ask(OWNER, f"/subscribe word{n}")
    told = front.ask(OWNER, "/unsubscribe all").text
    assert told.startswith("No longer following word0, word1, word2 and 5 more.")


def test_an_unsubscribe_button_works_once(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    front.ask(OWNER, "/subscribe RAG papers")
    pressed = buttons(front.ask(OWNER, "/unsubscribe"))["✕ LoRA"]
    assert front.press(OWNER, pressed).text == "No longer following LoRA.\n\n1 subscription is left."
    assert front.press(OWNER, pressed).text == "That subscription has ended already."
    assert front.follows(OWNER) == ["RAG papers"]


def test_threads_of_a_group_follow_for_themselves(front: Front) -> None:
    thread = replace(MANAGER, address=Address("telegram", "-100", "45"))
    front.ask(thread, "/subscribe LoRA")
    assert front.follows(MANAGER) == [] and front.follows(thread) == ["LoRA"]
    assert "nothing to end" in front.ask(MANAGER, "/unsubscribe LoRA").text


def test_a_topic_that_is_gone_cannot_be_followed_by_its_old_button(front: Front) -> None:
    before = front.rows()
    assert front.press(OWNER, "follow:gone").text == "This topic is gone. /topics shows those there are."
    assert front.rows() == before


def test_a_topic_whose_name_is_too_long_for_a_button_is_offered_without_one(front: Front) -> None:
    slug = "主" * 21
    with front.store.transaction() as tx:
        tx.put_topic(Topic(slug, (("en", "Long"),), "LoRA"))
    told = front.ask(OWNER, "/topics")
    assert slug in told.text and "+ Long" not in buttons(told)
    assert "Subscribed to Long." in front.ask(OWNER, f"/subscribe {slug}").text


def test_the_console_is_shown_digests_and_is_never_due(front: Front) -> None:
    view = "/digest shows the day's papers whenever you ask."
    for line in ("/start", "/subscribe LoRA", "/subscriptions", "/time", "/time 09:30", "/language zh-Hans", "/start"):
        told = front.ask(CONSOLE, line).text
        if line != "/language zh-Hans" and front.chat(CONSOLE).language == "en":
            assert view in told and "comes at" not in told, line
        assert front.chat(CONSOLE).due_at is None, line
    with front.store.reading() as tx:
        assert tx.due_chats(front.now + timedelta(days=400), 10) == []


def test_following_in_a_chat_that_was_out_of_reach_makes_it_due_again(front: Front) -> None:
    front.ask(MANAGER, "/subscribe LoRA")
    with front.store.transaction() as tx:
        chat = front.chat(MANAGER)
        tx.put_chat(replace(chat, state=type(chat.state).UNREACHABLE, due_at=None, why="blocked"))
    later(front, days=1)
    front.ask(MANAGER, "/subscribe RAG")
    back = front.chat(MANAGER)
    assert back.state == "active" and back.due_at == datetime(2025, 4, 9, 8, 0, tzinfo=UTC)
    assert front.ask(MEMBER, "/subscriptions").text.startswith("This chat has 2 subscriptions")
