"""Narrowing and following a search, what is proposed while somebody types, papers for other chats, near commands."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.commands import COMMANDS
from bot.commands.proposing import OFFERED, nearest
from bot.keys import references_in
from bot.model import Address, Place, Topic
from bot.pages import MOST_CARRIED
from bot.ports import HINTED, MOST_SEARCHES, Caller, Suggestion
from bot.query import parse
from bot.settings import Summaries
from tests.desks import (
    ADMIN,
    MANAGER,
    MEMBER,
    OWNER,
    STRANGER,
    Front,
    NewFront,
    all_buttons,
    buttons,
    item,
    titles,
)
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

LONG = " OR ".join(f"parrot{n}" for n in range(12)) + " OR LoRA"


@pytest.fixture
def years(new_front: NewFront) -> Front:
    """Eight papers with LoRA: of 2024 and 2025, of cs.CL and cs.CV."""
    made = new_front()
    for n in range(8):
        on = date(2024 + n % 2, 4, 8)
        made.announce([item(n + 1, f"LoRA {n}", on=on, categories=("cs.CL",) if n < 5 else ("cs.CV",))])
    made.index.follow()
    return made


@pytest.mark.parametrize("query", ["LoRA", LONG])
@pytest.mark.parametrize("order", ["Newest first", ""])
def test_a_search_is_narrowed_by_category_and_year_and_widened_again(years: Front, query: str, order: str) -> None:
    first = years.ask(OWNER, f"/paper {query}")
    first = years.press(OWNER, buttons(first)[order]) if order else first
    other = "Best first" if order else "Newest first"
    choices = years.press(OWNER, buttons(first)["Narrow"])
    assert list(buttons(choices)) == ["cs.CL", "cs.CV", "2025", "2024", "‹ Back"]
    assert titles(choices) == titles(first) and choices.aside
    of_vision = years.press(OWNER, buttons(choices)["cs.CV"])
    assert sorted(titles(of_vision)) == ["LoRA 5", "LoRA 6", "LoRA 7"] and of_vision.aside
    again = years.press(OWNER, buttons(of_vision)["Narrow"])
    assert list(buttons(again)) == ["✕ cs.CV", "2025", "2024", "‹ Back"]
    of_2024 = years.press(OWNER, buttons(again)["2024"])
    assert titles(of_2024) == ["LoRA 6"]
    widened = years.press(OWNER, buttons(years.press(OWNER, buttons(of_2024)["Narrow"]))["✕ cs.CV"])
    assert sorted(titles(widened)) == ["LoRA 0", "LoRA 2", "LoRA 4", "LoRA 6"]
    whole = years.press(OWNER, buttons(years.press(OWNER, buttons(widened)["Narrow"]))["✕ 2024"])
    assert titles(whole) == titles(first) and other in buttons(whole)
    for page in (first, choices, of_vision, again, of_2024, widened, whole):
        assert all(len(button.action.encode()) <= MOST_CARRIED for button in all_buttons(page))


@pytest.mark.parametrize("action", ["narrow:", "narrow:x:LoRA", "narrow:0:", "track:0:", "track:1:nothing", "track:x"])
def test_a_mangled_button_of_a_search_says_so(front: Front, action: str) -> None:
    assert front.press(OWNER, action).text == "This button is too old. /paper searches again."


@pytest.mark.parametrize("query", ["LoRA", LONG])
def test_a_search_is_followed_by_its_button_and_by_nobody_without_the_right(front: Front, query: str) -> None:
    action = buttons(front.ask(MEMBER, f"/paper {query}"))["Follow this search"]
    assert front.desk.press_needs_rights(action)
    refused = front.press(MEMBER, action)
    assert refused.private and "administrators" in refused.text and front.follows(MANAGER) == []
    assert front.press(MANAGER, action).text.startswith("Subscribed to ")
    assert front.follows(MANAGER) == [query]
    if query == LONG:
        assert "too old" in front.press(OWNER, action).text, "a long query belongs to the chat that asked it"


def test_recent_searches_are_a_persons_own_in_whatever_chat(front: Front) -> None:
    asked = [f"LoRA OR tea{n}" for n in range(MOST_SEARCHES + 2)]
    for n, query in enumerate(asked):
        front.now += timedelta(seconds=1)
        front.ask(MEMBER if n % 2 else replace(OWNER, user=MEMBER.user), f"/paper {query}")
    front.ask(MEMBER, "/paper zzzzz")
    front.ask(MEMBER, "/paper (tea")
    front.ask(replace(MEMBER, user=""), "/paper leaves")
    with front.store.reading() as tx:
        assert tx.searches(MEMBER.user) == asked[:1:-1]
        assert tx.searches("") == [] == tx.searches(OWNER.user)
    assert [one.value for one in front.complete(MEMBER, "paper", "TEA2")][:2] == ["LoRA OR tea21", "LoRA OR tea20"]
    assert "LoRA OR tea21" not in [one.value for one in front.complete(MANAGER, "paper", "")]


def test_what_somebody_searched_is_handed_over_and_erased_with_their_private_chat(front: Front) -> None:
    front.ask(replace(MEMBER, user=OWNER.user), "/paper LoRA")
    front.ask(MANAGER, "/paper LoRA")
    file = front.ask(OWNER, "/mydata").file
    assert file is not None and b'"query": "LoRA"' in file.content
    front.press(OWNER, next(iter(buttons(front.ask(OWNER, "/forget")).values())))
    with front.store.reading() as tx:
        assert (tx.searches(OWNER.user), tx.searches(MANAGER.user)) == ([], ["LoRA"])


def test_while_paper_is_typed_searches_topics_and_titles_are_proposed(front: Front) -> None:
    front.ask(OWNER, "/paper retrieval parrots")
    proposed = front.complete(OWNER, "paper", "retr")
    assert proposed[0] == Suggestion("retrieval parrots")
    labels = {one.label: one.value for one in proposed if one.label}
    assert labels["Retrieval for Parrots"] == "2504.00013"
    assert titles(front.ask(OWNER, f"/paper {labels['Retrieval of Yesterday']}")) == ["Retrieval of Yesterday"]
    of_topics = [one for one in front.complete(OWNER, "paper", "model") if one.value.startswith("topic:")]
    assert of_topics and all(front.ask(OWNER, f"/paper {one.value}").text for one in of_topics)
    for command in ("why", "summary"):
        assert [one.label for one in front.complete(OWNER, command, "tea le")] == ["Tea Leaves"]
    assert not front.complete(replace(STRANGER, user=""), "status", "x")


@pytest.mark.parametrize("prefix", ["", "a", "(", '"', "-", "OR", "ti:", "*", "2403.17919", "x" * 400, "\0", "鹦", "²"])
def test_whatever_is_typed_gives_at_most_25_proposals_that_can_be_asked(front: Front, prefix: str) -> None:
    proposed = front.complete(OWNER, "paper", prefix)
    assert len(proposed) <= 25
    assert len({one.value for one in proposed}) == len(proposed)
    for one in proposed:
        parse(one.value)


def test_a_subject_that_nobody_adopted_is_not_proposed(front: Front) -> None:
    with front.store.transaction() as tx:
        assert tx.propose_topic(Topic("kettles", (("en", "Kettles"),), 'subject:"kettles"', proposed=True))
    asked = ("kett", "topic:kett")
    assert [front.complete(OWNER, name, text) for name in ("paper", "subscribe") for text in asked] == [[]] * 4
    front.carry_out(ADMIN, "/topic rename kettles en: Kettles")
    assert front.complete(OWNER, "paper", "kett") == [Suggestion("topic:kettles", "Kettles")]
    assert front.complete(OWNER, "subscribe", "kett") == [Suggestion("Kettles")]


def test_a_models_summary_is_wanted_of_the_papers_that_a_page_shows_alone(new_front: NewFront) -> None:
    front = new_front(summaries=Summaries(url="http://127.0.0.1:9/v1", model="m"))
    front.announce([item(n, f"LoRA {n}", on=date(2024 + n % 2, 4, 8)) for n in range(1, 13)])
    front.index.follow()
    front.offers(OWNER, "LoRA")

    def wanted() -> set[int]:
        with front.store.reading() as tx:
            return {paper for paper, _ in tx.summary_jobs(range(1, 20))}

    assert wanted() == set(), "who types sees a line of each for a moment"
    page = front.ask(OWNER, "/paper LoRA")
    shown = {block.paper for block in page.blocks if block.paper}
    front.press(OWNER, buttons(page)["Narrow"])
    assert wanted() == shown and len(shown) == 5
    one, other, *_ = set(range(1, 13)) - shown
    front.ask(OWNER, f"2504.{one:05d} and 2504.{other:05d}")
    assert wanted() == shown | {one, other}


def test_papers_are_offered_by_words_by_id_and_by_what_the_chat_follows(front: Front) -> None:
    found = front.offers(OWNER, "LoRA")
    assert {one.title for one in found.offers} == {"LoRA at Noon", "QLoRA in the Evening", "LoRA of Yesterday"}
    assert (found.next_offset, found.hint) == ("", "")
    for one in found.offers:
        assert one.reply.text.startswith(one.title) and not any(b.action for b in all_buttons(one.reply))
    (named,) = front.offers(OWNER, "https://arxiv.org/abs/2504.00014v1").offers
    assert (named.title, all_buttons(named.reply)[0].link) == ("Tea Leaves", "https://arxiv.org/abs/2504.00014")
    assert len(front.offers(OWNER, "").offers) == 5
    front.ask(OWNER, "/subscribe tea")
    assert {one.title for one in front.offers(OWNER, "").offers} == {"Tea Leaves", "Diffusion of Tea"}
    assert front.offers(OWNER, "diffusion models").offers[0].title == "Diffusion of Tea", "a topic by its name"


def test_offers_go_on_page_by_page_and_end(new_front: NewFront) -> None:
    front = new_front()
    front.announce([item(n, f"LoRA {n}") for n in range(1, 46)])
    front.index.follow()
    pages = [front.offers(OWNER, "LoRA")]
    while pages[-1].next_offset:
        pages.append(front.offers(OWNER, "LoRA", pages[-1].next_offset))
    assert [len(page.offers) for page in pages] == [OFFERED, OFFERED, 5]
    assert len({one.id for page in pages for one in page.offers}) == 45
    for offset in ("x", "-1", "9" * 30, "²"):
        assert len(front.offers(OWNER, "LoRA", offset).offers) == OFFERED
    assert front.offers(OWNER, "LoRA", "200").offers == ()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("(LoRA", "This query is not finished, or has a fault"),
        ("zzzzzz", "Nothing stored matches; ask me in our chat"),
        ("2511.00001", "Nothing stored matches"),
    ],
)
def test_where_there_is_nothing_to_offer_a_line_says_why(front: Front, text: str, hint: str) -> None:
    found = front.offers(OWNER, text)
    assert found.offers == () and found.hint.startswith(hint) and found.seconds < 60


def test_papers_are_offered_to_admitted_people_alone_and_others_led_to_start(new_front: NewFront) -> None:
    front = new_front(access="invite")
    front.announce([item(1, "LoRA")])
    front.index.follow()
    refused = front.offers(replace(STRANGER, locale="zh-TW"), "LoRA")
    assert refused.offers == () and refused.hint == "開啟與我的對話以開始"
    code = front.ask(ADMIN, "/invite").text.rpartition("/start ")[2]
    assert "by invitation" in front.ask(STRANGER, f"/start {HINTED}").text
    front.ask(STRANGER, f"/start {code}")
    assert len(front.offers(STRANGER, "LoRA").offers) == 1


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("subscrbe", "subscribe"), ("Papers", "paper"), ("search", "paper"), ("halp", "help"), ("lang", "language"),
        ("unsub", "unsubscribe"), ("digset", "digest"), ("xyzzy", ""), ("", ""), ("status", ""),
    ],
)  # fmt: skip
def test_a_mistyped_command_is_known_by_the_nearest_one(typed: str, meant: str) -> None:
    assert nearest(typed, [one.name for one in COMMANDS.values() if not one.admin]) == meant


def test_the_nearest_command_is_offered_with_a_button_that_asks_for_the_same_rights(front: Front) -> None:
    told = front.ask(MEMBER, "/subscrbe LoRA OR tea")
    assert told.text == "There is no command /subscrbe. Did you mean this?\n/subscribe LoRA OR tea" and told.private
    action = buttons(told)["/subscribe LoRA OR tea"]
    assert action == "run:subscribe LoRA OR tea" and front.desk.press_needs_rights(action)
    assert not front.desk.press_needs_rights("run:paper LoRA")
    assert front.press(MEMBER, action).private and front.follows(MANAGER) == []
    front.press(MANAGER, buttons(front.press(MANAGER, action))["Follow"])
    assert front.follows(MANAGER) == ["LoRA OR tea"]
    assert not front.ask(OWNER, "/subscrbe " + "x" * 80).buttons, "too long for a button: the text has it"
    assert front.press(OWNER, "run:").text == front.ask(OWNER, "/help").text
    assert "Only this bot's admins" in front.press(OWNER, "run:status").text
    assert "/statuss. /help" in front.ask(OWNER, "/statuss").text
    assert buttons(front.ask(ADMIN, "/statuss")) == {"/status": "run:status"}


def test_a_paper_that_is_named_among_other_words_is_opened(front: Front) -> None:
    card = front.ask(OWNER, "2504.00014").text
    for text in ("Have you read https://arxiv.org/abs/2504.00014v2?", "看看arxiv.org/pdf/2504.00014。", "2504.00014 !"):
        assert front.ask(OWNER, text).text == card
    told = front.ask(OWNER, "arXiv:2504.00014, arXiv:2504.00015 and arXiv:2511.00001")
    assert titles(told) == ["Tea Leaves", "Diffusion of Tea"]
    assert told.text.startswith("2 papers that you named") and told.text.endswith("Not stored here: 2511.00001")
    assert "is not stored here" in front.ask(OWNER, "so https://arxiv.org/abs/2511.00001").text


def test_names_of_papers_are_found_wherever_they_stand() -> None:
    assert references_in("no paper at all, 3.14, v2, 2024-05") == []
    assert references_in("[a](https://arxiv.org/abs/2106.09685) 2106.09685 hep-th/9901001") == [
        "arxiv:2106.09685", "arxiv:hep-th/9901001",
    ]  # fmt: skip


def test_a_server_that_has_the_bot_back_in_another_channel_is_greeted_in_a_line(
    front: Front,
) -> None:
    held = Caller(Address("discord", "11"), "discord:3", "Max", Place.GROUP, "Lab #papers", manages=True)
    for query in ("LoRA", "tea"):
        front.ask(held, f"/subscribe {query}")
    came = Caller(Address("discord", "10"), place=Place.GROUP, title="Lab #general")
    told = asyncio.run(front.desk.joined(came, [Address("discord", "10"), Address("discord", "11")]))
    assert told is not None and told.text == "Thank you for having me back. 2 subscriptions go on as they were. " \
        "The digest comes at 08:00 (UTC)."  # fmt: skip
    elsewhere = asyncio.run(front.desk.joined(replace(came, address=Address("discord", "20"))))
    assert elsewhere is not None and "Paperround brings" in elsewhere.text
