"""Did you mean, newest first, more like this, and queries of every kind, in the chat."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.model import Address, FeedItem, Kind
from tests.desks import ADMIN, OWNER, TUESDAY, Front, NewFront, all_buttons, buttons, item, titles
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

LONG = " OR ".join(f"parrot{n}" for n in range(12))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("LORRA", "lora"),
        ("retreival parrots", "retrieval parrots"),
        ("ti:retreival", "ti:retrieval"),
        ("diffusoin -video", "diffusion -video"),
        ('"of yesterday" retreival', '"of yesterday" retrieval'),
    ],
)
def test_a_word_that_nothing_has_is_answered_with_the_nearest_one(front: Front, typed: str, meant: str) -> None:
    told = front.ask(OWNER, f"/paper {typed}")
    assert told.text.startswith(f"Nothing stored matches {typed}.")
    assert told.text.endswith(f"Did you mean {meant}?")
    assert buttons(told) == {meant: f"find:0:{meant}"}
    found = front.press(OWNER, buttons(told)[meant])
    assert titles(found) == titles(front.ask(OWNER, f"/paper {meant}")) != []


@pytest.mark.parametrize(
    "typed", ["zzzzzzz", "LORRA zzzzzzz", "leaves yesterdaay", "tea knots", "cat:math.*", "date:..2020", "鹦鹉"]
)
def test_where_nothing_is_near_nothing_is_proposed(front: Front, typed: str) -> None:
    told = front.ask(OWNER, f"/paper {typed}")
    assert told.text.startswith(f"Nothing stored matches {typed}.\n\n")
    assert told.text.endswith("/subscribe brings what is yet to come.")
    assert list(buttons(told)) == ["Follow this search"]


def test_what_was_meant_by_a_long_query_has_a_button_too(front: Front) -> None:
    told = front.ask(OWNER, f"/paper ({LONG} OR LORRA) evening")
    (action,) = buttons(told).values()
    assert action.startswith("recall:find:0:") and len(action) <= 64
    assert titles(front.press(OWNER, action)) == ["QLoRA in the Evening"]
    other = replace(OWNER, address=Address("telegram", "55"))
    assert front.press(other, action).text == "This button is too old. /paper searches again."


@pytest.fixture
def ranked(new_front: NewFront) -> Front:
    """Twelve papers of twelve days: the oldest fits best, the newest least."""
    made = new_front()
    for n in range(12):
        abstract = f"LoRA and more on LoRA, number {n}." if n < 6 else "A line. " * 30 + "At last LoRA."
        title = f"LoRA {n}" if n < 6 else f"Tea {n}"
        made.announce([item(n + 1, title, abstract, on=TUESDAY + timedelta(days=n))])
    made.index.follow()
    return made


@pytest.mark.parametrize("query", ["LoRA", f"LoRA OR {LONG}"])
def test_results_turn_between_best_and_newest_first_and_keep_it_over_pages(ranked: Front, query: str) -> None:
    best = ranked.ask(OWNER, f"/paper {query}")
    assert list(buttons(best)) == ["Next ›", "Newest first", "Narrow", "Follow this search"]
    assert all(title.startswith("LoRA") for title in titles(best))
    newest = ranked.press(OWNER, buttons(best)["Newest first"])
    assert titles(newest) == [f"Tea {n}" for n in range(11, 6, -1)]
    assert list(buttons(newest)) == ["Next ›", "Best first", "Narrow", "Follow this search"]
    second = ranked.press(OWNER, buttons(newest)["Next ›"])
    last = ranked.press(OWNER, buttons(second)["Next ›"])
    assert titles(last) == ["LoRA 1", "LoRA 0"]
    assert list(buttons(last)) == ["‹ Back", "Best first", "Narrow", "Follow this search"]
    assert titles(ranked.press(OWNER, buttons(last)["‹ Back"])) == titles(second)
    again = ranked.press(OWNER, buttons(last)["Best first"])
    assert (titles(again), list(buttons(again))) == (titles(best), list(buttons(best)))


def test_one_page_of_results_needs_no_other_order(front: Front) -> None:
    assert list(buttons(front.ask(OWNER, "/paper LoRA"))) == ["Follow this search"]


@pytest.mark.parametrize("action", ["newest:", "newest:x:LoRA", "newest:-1:LoRA", "newest:0:", "newest:9999999:LoRA"])
def test_a_mangled_button_for_the_newest_says_so(front: Front, action: str) -> None:
    assert front.press(OWNER, action).text == "This button is too old. /paper searches again."


def test_a_card_leads_to_papers_like_it_and_not_to_itself(front: Front) -> None:
    card = front.ask(OWNER, "/paper 2504.00015")
    told = front.press(OWNER, buttons(card)["Similar"])
    assert told.blocks[0].text == "Papers like Diffusion of Tea"
    assert titles(told)[0] == "Tea Leaves" and "Diffusion of Tea" not in titles(told)
    assert not told.private


def test_a_paper_like_no_other_says_so(new_front: NewFront) -> None:
    front = new_front()
    front.announce([item(1, "Zebra", "Stripes."), item(2, "Quark", "Charm.", authors=("C. Other",))])
    told = front.press(OWNER, buttons(front.ask(OWNER, "/paper 2504.00001"))["Similar"])
    assert told.text == "Nothing stored is like this paper." and told.private


@pytest.mark.parametrize("argument", ["0", "99999", "9" * 18])
def test_more_like_a_paper_that_is_not_there_says_so(front: Front, argument: str) -> None:
    assert front.press(OWNER, f"like:{argument}").text == "This button is too old. /paper searches again."


@pytest.mark.parametrize("argument", ["", "x", "-1", "²", "x:2", "9" * 19, "1e3"])
def test_a_mangled_button_for_more_like_this_says_so(front: Front, argument: str) -> None:
    assert front.press(OWNER, f"like:{argument}").text == "This button is too old. /paper searches again."


@pytest.fixture
def crossed(new_front: NewFront) -> Front:
    """Two new papers, a cross-list and a paper that is only known, over two months."""
    made = new_front()
    made.topics()
    made.announce([item(1, "LoRA of March", on=date(2025, 3, 31))])
    made.announce(
        [
            item(2, "LoRA of April", "A quantum of tea."),
            item(3, "LoRA across", "Quantized tea.", kind=Kind.CROSS, categories=("cs.CV", "cs.CL")),
            FeedItem("arxiv:2401.00001", Kind.KNOWN, "LoRA known"),
        ]
    )
    made.index.follow()
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("LoRA date:2025-03", ["LoRA of March"]),
        ("LoRA date:2025-04..", ["LoRA across", "LoRA of April"]),
        ("LoRA is:cross", ["LoRA across"]),
        ("LoRA is:new", ["LoRA of April", "LoRA of March"]),
        ("LoRA -is:cross", ["LoRA known", "LoRA of April", "LoRA of March"]),
        ("quant*", ["LoRA across", "LoRA of April"]),
        ("quant* -quantum", ["LoRA across"]),
        ("id:2504.00001 OR id:2401.00001v3", ["LoRA known", "LoRA of March"]),
        ("topic:peft -known -cat:cs.CV", ["LoRA of April", "LoRA of March"]),
        ("topic:高效微调 march", ["LoRA of March"]),
    ],
)
def test_days_news_beginnings_ids_and_topics_are_searched(crossed: Front, query: str, found: list[str]) -> None:
    assert sorted(titles(crossed.ask(OWNER, f"/paper {query}"))) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("is:cross LoRA", ["LoRA across"]),
        ("LoRA -is:cross", ["LoRA of April"]),
        ("LoRA date:2025", ["LoRA across", "LoRA of April"]),
        ("quantu*", ["LoRA of April"]),
        ("topic:peft -is:new", ["LoRA across"]),
        ("topic：peft tea", ["LoRA across", "LoRA of April"]),
    ],
)
def test_the_same_queries_are_followed_and_come_with_the_day(crossed: Front, query: str, found: list[str]) -> None:
    told = crossed.ask(OWNER, f"/subscribe {query}")
    assert told.text.startswith("Subscribed to ") and "Hardly" not in told.text
    assert sorted(titles(told)) == found
    assert sorted(titles(crossed.ask(OWNER, "/digest"))) == found


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("LoRA date:..2020", "date:..2020"),
        ("LoRA date:2025-04-07", "date:2025-04-07"),
        ("LoRA is:update", "is:update"),
        ("LoRA -date:2020..", "date:2020.."),
        ("LoRA (is:update OR date:2024)", "is:update and date:2024"),
    ],
)
def test_following_what_can_hardly_come_is_done_and_said_kindly(front: Front, query: str, why: str) -> None:
    told = front.ask(OWNER, f"/subscribe {query}")
    assert told.text.startswith(f"Subscribed to {query}.")
    assert told.text.endswith(
        f"Hardly a new paper will match it, because of {why}; /paper searches all that is stored."
    )
    assert front.follows(OWNER) == [query]


@pytest.fixture
def wordy(new_front: NewFront) -> Front:
    """4,096 words that begin with qu."""
    made = new_front()
    words = [f"qu{a}{b}{c}" for a in "abcdefghijklmnop" for b in "abcdefghijklmnop" for c in "abcdefghijklmnop"]
    made.announce([item(n, f"Words {n}", " ".join(words[n * 64 : n * 64 + 64])) for n in range(64)])
    made.index.follow()
    return made


@pytest.mark.parametrize("line", ["/paper tea OR qu*", "/topic add tea tea OR qu*"])
def test_a_beginning_of_too_many_words_is_pointed_at_and_nothing_is_kept(wordy: Front, line: str) -> None:
    before = wordy.rows()
    told = wordy.ask(ADMIN, line)
    assert told.text.startswith("More than 4000 different words begin with “qu”: write one letter more.")
    assert told.blocks[-1].text == "tea OR qu*\n         ^" and told.private
    assert wordy.rows() == before


def test_a_beginning_of_too_many_words_can_be_followed_for_a_day_has_fewer(wordy: Front) -> None:
    told = wordy.ask(OWNER, "/subscribe qu* words")
    assert told.text.startswith("Subscribed to qu* words.") and "has 64 papers for it:" in told.text
    assert wordy.ask(OWNER, "/digest").blocks[0].text == "64 new papers for qu* words, Tuesday 8 April"


def test_pages_of_every_order_keep_their_buttons_within_64_bytes(ranked: Front) -> None:
    for length in range(1, 60, 7):
        query = "LoRA OR " + "微" * length
        for verb in ("find", "newest"):
            told = ranked.press(OWNER, f"{verb}:0:{query}")
            assert all(len(button.action.encode()) <= 64 for button in all_buttons(told))
            assert len(buttons(told)) == 4
