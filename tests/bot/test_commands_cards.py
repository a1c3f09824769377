"""A paper's card: what it shows, and what its buttons do."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards import View, repository_of
from bot.model import SummaryText
from bot.pages import carried
from bot.ports import Caller
from bot.replies import BlockKind, Reply
from tests.desks import (
    MANAGER,
    MEMBER,
    OWNER,
    Front,
    all_buttons,
    buttons,
    item,
    later,
    titles,
    with_words,
)
from tests.desks import NewFront as NewFront
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

ON_DISCORD = replace(MEMBER, address=replace(MEMBER.address, platform="discord"), user="discord:2")
NOBODY = replace(MEMBER, user="")
IN_GROUP = replace(MEMBER, user=OWNER.user)
"""The owner of the private chat, in the group."""


def opened(front: Front, caller: Caller = OWNER, line: str = "/paper LoRA", number: int = 0) -> Reply:
    """The card of a list's entry."""
    block = [block for block in front.ask(caller, line).blocks if block.paper][number]
    assert block.button is not None
    return front.press(caller, block.button.action)


def title(reply: Reply) -> str:
    return next(span.text for block in reply.blocks for span in block.spans if span.link)


def test_an_entry_opens_its_card_and_the_card_leads_back(front: Front) -> None:
    for line in ("/paper LoRA", "/digest LoRA", "/digest week tune"):
        page = front.ask(OWNER, line)
        for number, wanted in enumerate(titles(page)):
            card = opened(front, OWNER, line, number)
            assert card.aside and title(card) == wanted
            back = front.press(OWNER, buttons(card)["‹ Back"])
            assert (back.aside, back.text) == (True, page.text)


def test_a_paper_is_saved_and_let_go_by_the_same_button(front: Front) -> None:
    card = opened(front)
    assert front.ask(OWNER, "/saved").text.startswith("You keep no papers yet.")
    kept = front.press(OWNER, buttons(card)["Save"])
    assert kept.aside and buttons(kept)["Saved ✓"] == buttons(card)["Save"]
    listed = front.ask(OWNER, "/saved")
    assert listed.blocks[0].text == "You keep 1 paper" and titles(listed) == [title(card)]
    assert titles(front.press(OWNER, buttons(opened(front, OWNER, "/saved"))["‹ Back"])) == [title(card)]
    assert "Save" in buttons(front.press(OWNER, buttons(kept)["Saved ✓"]))
    assert front.ask(OWNER, "/saved").text.startswith("You keep no papers yet.")


def test_what_somebody_keeps_is_theirs_alone_in_a_group(front: Front) -> None:
    for caller, alone in ((MEMBER, False), (ON_DISCORD, True)):
        card = opened(front, caller)
        told = front.press(caller, buttons(card)["Save"])
        # Telegram's group sees one card, so the word goes to the presser; Discord shows each their own.
        assert told.aside is alone and told.private is not alone
        assert ("Saved ✓" in buttons(told)) is alone and "Save" in buttons(opened(front, MANAGER))
        listed = front.ask(caller, "/saved")
        assert "for you alone" in listed.text and not titles(listed)
        assert list(buttons(listed)) == (["Show me here"] if alone else [])
        page = front.press(caller, "saved:0")
        assert titles(page) == ([title(card)] if alone else []) and page.private
    private = replace(OWNER, user=MEMBER.user)
    assert len(titles(front.ask(private, "/saved"))) == 1
    assert front.ask(replace(OWNER, user="telegram:55"), "/saved").text.startswith("You keep no papers yet.")


def test_saved_papers_come_in_pages_and_as_files(new_front: NewFront) -> None:
    front = new_front()
    front.announce([item(n, f"LoRA number {n}", authors=["Ada Lovelace"]) for n in range(1, 24)])
    with front.store.transaction() as tx:
        for number in range(1, 24):
            later(front, minutes=1)
            tx.save(OWNER.user, number, front.now)
    page, found = front.ask(OWNER, "/saved"), list[str]()
    while True:
        found += titles(page)
        if "Next ›" not in buttons(page):
            break
        page = front.press(OWNER, buttons(page)["Next ›"])
    assert found == [f"LoRA number {n}" for n in range(23, 0, -1)]
    assert len(titles(front.press(OWNER, buttons(page)["‹ Back"]))) == 10
    for form, name, mark in (("bibtex", "papers.bib", b"@misc{"), ("ris", "papers.ris", b"TY  - UNPB")):
        for told in (front.press(OWNER, f"export:{form}"), front.ask(IN_GROUP, f"/saved {form}")):
            assert told.file is not None and told.file.name == name
            assert told.file.content.count(mark) == 23 and told.text == "23 papers that you keep."
    assert front.ask(OWNER, "/saved word").text == "I write bibtex and ris, for example: /saved bibtex"


def test_votes_order_the_next_digest_and_why_says_so(front: Front) -> None:
    front.ask(OWNER, "/subscribe tune")
    usual = titles(front.ask(OWNER, "/digest"))
    wanted = usual[-1]
    number = usual.index(wanted)
    card = opened(front, OWNER, "/digest", number)
    voted = front.press(OWNER, buttons(card)["👍"])
    assert "👍 ✓" in buttons(voted) and "👎" in buttons(voted)
    assert titles(front.ask(OWNER, "/digest"))[0] == wanted
    told = front.press(OWNER, buttons(voted)["Why"])
    assert "It stands higher by this chat's votes: " in told.text and "+2" in told.text
    assert front.press(OWNER, buttons(told)["‹ Back"]).text == voted.text
    down = front.press(OWNER, buttons(voted)["👎"])
    assert "👎 ✓" in buttons(down) and "👍" in buttons(down)
    assert titles(front.ask(OWNER, "/digest"))[-1] == wanted
    front.press(OWNER, buttons(down)["👎 ✓"])
    assert titles(front.ask(OWNER, "/digest")) == usual and front.rows()["vote"] == []


def test_a_groups_votes_are_counted_by_person_and_told_to_nobody_else(front: Front) -> None:
    front.ask(MANAGER, "/subscribe LoRA")
    card = opened(front, MEMBER, "/digest")
    for caller in (MEMBER, MANAGER, MEMBER):
        told = front.press(caller, buttons(card)["👍"])
        assert told.private and not told.buttons
    assert told.text == "Taken back."
    assert [row[0] for row in front.rows()["vote"]] == [MANAGER.user]
    document = front.ask(MANAGER, "/mydata").file
    assert document is not None
    (vote,) = json.loads(document.content)["vote"]
    assert (vote["who"], vote["value"]) == ("", 1) and vote["paper"].startswith("arxiv:")


def test_who_is_forgotten_keeps_and_likes_nothing_anywhere(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    for caller in (OWNER, IN_GROUP, MEMBER):
        card = opened(front, caller, "/paper LoRA")
        for label in ("Save", "👍"):
            front.press(caller, buttons(card)[label])
    front.press(OWNER, buttons(front.ask(OWNER, "/forget"))["Erase everything"])
    assert {row[0] for name in ("saved", "vote") for row in front.rows()[name]} == {MEMBER.user}


def test_who_writes_as_a_channel_can_keep_nothing(front: Front) -> None:
    card = opened(front)
    for label in ("Save", "👍", "👎"):
        told = front.press(NOBODY, buttons(card)[label])
        assert told.text == "That is for people; a group or channel cannot do it." and told.private
    assert "for people" in front.ask(NOBODY, "/saved").text
    assert not front.rows()["saved"] and not front.rows()["vote"]


def test_bibtex_is_shown_to_be_copied_with_a_way_back(front: Front) -> None:
    card = opened(front)
    told = front.press(OWNER, buttons(card)["BibTeX"])
    assert told.aside and told.blocks[-1].kind is BlockKind.CODE and told.blocks[-1].text.startswith("@misc{")
    assert front.press(OWNER, buttons(told)["‹ Back"]) == card


def test_likes_of_likes_still_lead_back_to_where_it_began(front: Front) -> None:
    page = front.ask(OWNER, "/digest LoRA")
    card = opened(front, OWNER, "/digest LoRA")
    for _ in range(5):
        listed = front.press(OWNER, buttons(card)["Similar"])
        assert listed.text.startswith("Papers like ") and listed.aside
        first = next(block.button for block in listed.blocks if block.button)
        card = front.press(OWNER, first.action)
        assert all(len(button.action.encode()) <= 64 for button in (*all_buttons(card), *all_buttons(listed)))
    steps = 0
    while card.text != page.text:
        card, steps = front.press(OWNER, buttons(card)["‹ Back"]), steps + 1
        assert steps < 12


def test_a_card_turns_to_the_other_language_as_a_whole_and_back(new_front: NewFront) -> None:
    front = new_front()
    words = SummaryText("zh-Hans", "微调了已有的东西。", "正午的 LoRA", "我们微调已有的东西。")
    front.announce([with_words(item(11, "LoRA at Noon"), words, SummaryText("en", "LoRA is tuned at noon."))])
    caller = replace(OWNER, locale="zh-CN")
    card = opened(front, caller)
    assert card.blocks[0].text == "正午的 LoRA\nLoRA at Noon" and "收藏" in buttons(card)
    assert card.blocks[-1].unfold is not None and card.blocks[-1].unfold.label == "摘要"
    english = front.press(caller, buttons(card)["English"])
    assert english.blocks[0].text == "LoRA at Noon" and "Save" in buttons(english)
    assert not any("\u4e00" <= c <= "\u9fff" for c in english.text), "no answer is of two languages"
    assert "Saved ✓" in buttons(front.press(caller, buttons(english)["Save"])), "it stays in that language"
    assert front.press(caller, buttons(front.press(caller, buttons(english)["简体中文"]))["已收藏 ✓"]) == card


def test_abstracts_open_where_a_platform_cannot_fold_them(front: Front) -> None:
    card = opened(front)
    assert [fold.text for fold in card.blocks[-1].folds] == ["We tune what is there."]
    assert card.blocks[-1].unfold is not None
    whole = front.press(OWNER, card.blocks[-1].unfold.action)
    assert [block.text for block in whole.blocks if block.kind is BlockKind.QUOTE] == ["We tune what is there."]
    assert front.press(OWNER, buttons(whole)["Fold"]) == card


@pytest.mark.parametrize("argument", ["", "x", "-1", "9" * 30, "999999", "999999::turn:1:1", "1x:en:"])
def test_a_button_of_no_stored_paper_says_so(front: Front, argument: str) -> None:
    for verb in ("card", "save", "up", "down", "cite", "like", "reasons"):
        told = front.press(OWNER, f"{verb}:{argument}")
        assert told.text == "This button is too old. /paper searches again." and told.private


def test_a_forged_way_back_opens_nothing_of_another_chat(front: Front) -> None:
    card = front.press(OWNER, "card:1:../..:turn:1:0")
    assert front.press(OWNER, buttons(card)["‹ Back"]).text.startswith("This digest is not kept here any more.")


@given(st.integers(1, 10**9), st.sampled_from(["", "zh-Hant+"]), st.integers(1, 10**9), st.integers(0, 9999))
def test_what_a_cards_button_carries_always_fits(paper: int, view: str, digest: int, index: int) -> None:
    back = f"turn:{digest}:{index}"
    for _ in range(4):
        action = carried("reasons", paper, view, back)
        assert len(action.encode()) <= 64 and f":turn:{digest}:{index}" in action
        back = carried("like", paper, view, back)


@pytest.mark.parametrize("text", ["", "en", "zh-Hant+", "+"])
def test_a_view_is_read_as_it_is_written(text: str) -> None:
    assert str(View.parse(text)) == text


@pytest.mark.parametrize(
    ("abstract", "address"),
    [
        ("Code is at https://github.com/example/lora.", "https://github.com/example/lora"),
        ("Code: github.com/example/lora_2, data", "https://github.com/example/lora_2"),
        (r"See \url{https://www.github.com/example/a\_b}.", "https://github.com/example/a_b"),
        ("Data at https://huggingface.co/datasets/example/tea (2 GB)", "https://huggingface.co/datasets/example/tea"),
        ("See gitlab.com/group/project/-/tree", "https://gitlab.com/group/project"),
        ("https://example.com/github.commons/x", ""),
        ("We tune.", ""),
    ],
)
def test_code_is_found_where_an_abstract_names_a_repository(abstract: str, address: str) -> None:
    assert repository_of(abstract) == address
