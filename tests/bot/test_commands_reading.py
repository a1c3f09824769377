"""Finding papers, opening one, and reading digests as views."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import date

import pytest

from bot import delivery as deliveries
from bot.model import (
    Address,
    Arrival,
    Chat,
    Delivery,
    DeliveryState,
    Digest,
    DigestKind,
    FeedItem,
    Kind,
    Layout,
    Match,
    News,
    Part,
    Summary,
    SummaryText,
)
from bot.replies import BlockKind, Reply
from tests.desks import (
    MANAGER,
    MEMBER,
    OWNER,
    TUESDAY,
    Front,
    NewFront,
    all_buttons,
    buttons,
    item,
    later,
    titles,
    with_words,
)
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front


def through(front: Front, first: Reply, label: str = "Next ›") -> list[Reply]:
    """The pages from ``first`` on, turned by the button whose label begins so."""
    pages = [first]
    while action := next((a for text, a in buttons(pages[-1]).items() if text == label), ""):
        pages.append(front.press(OWNER, action))
    return pages


def test_paper_alone_shows_what_it_takes(front: Front) -> None:
    told = front.ask(OWNER, "/paper").text
    assert told.startswith("What are you looking for?") and "/paper LoRA" in told and "/paper 2106.09685" in told


@pytest.fixture
def shelf(new_front: NewFront) -> Front:
    """Papers of three sources, one of them known by two names."""
    made = new_front()
    made.announce(
        [
            FeedItem("arxiv:2504.00011", Kind.NEW, "Kettles", "Tea.", 2, announced_on=TUESDAY, doi="10.1000/kettle"),
            FeedItem("arxiv:hep-th/9901001", Kind.KNOWN, "Knots", "Ropes.", 3),
            FeedItem("arxiv:math/0309136", Kind.KNOWN, "Sums", "Adding."),
            FeedItem("acl:2024.teapot-1.7", Kind.KNOWN, "Teapots", "Pouring.", authors=("Ada Löffel",)),
            FeedItem("acl:P17-1001", Kind.KNOWN, "Spoons", "Stirring."),
        ]
    )
    made.index.follow()
    return made


@pytest.mark.parametrize(
    ("named", "title"),
    [
        ("2504.00011", "Kettles"),
        ("2504.00011v7", "Kettles"),
        ("arXiv:2504.00011v1 [cs.CL]", "Kettles"),
        ("https://arxiv.org/abs/2504.00011", "Kettles"),
        ("https://arxiv.org/pdf/2504.00011v2.pdf", "Kettles"),
        ("http://rss.arxiv.org/abs/2504.00011", "Kettles"),
        ("<https://arxiv.org/html/2504.00011v1>", "Kettles"),
        ("https://huggingface.co/papers/2504.00011", "Kettles"),
        ("10.48550/arXiv.2504.00011", "Kettles"),
        ("10.1000/kettle", "Kettles"),
        ("https://doi.org/10.1000/KETTLE", "Kettles"),
        ("hep-th/9901001", "Knots"),
        ("arXiv:hep-th/9901001v2", "Knots"),
        ("https://arxiv.org/pdf/hep-th/9901001v3", "Knots"),
        ("math.GT/0309136", "Sums"),
        ("2024.teapot-1.7", "Teapots"),
        ("https://aclanthology.org/2024.teapot-1.7/", "Teapots"),
        ("https://aclanthology.org/2024.teapot-1.7.pdf", "Teapots"),
        ("acl:P17-1001", "Spoons"),
        ("https://www.aclweb.org/anthology/P17-1001", "Spoons"),
        ("10.18653/v1/P17-1001", "Spoons"),
    ],
)
def test_a_paper_opens_by_any_of_its_names_and_links(shelf: Front, named: str, title: str) -> None:
    for answer in (shelf.ask(OWNER, f"/paper {named}"), shelf.ask(OWNER, named)):
        assert answer.blocks[0].text == title
        assert answer.blocks[0].paper
        assert all(b.link.startswith("https://") for b in all_buttons(answer) if not b.action)


@pytest.mark.parametrize(
    ("named", "name", "link"),
    [
        ("2504.99999v3", "2504.99999", "https://arxiv.org/abs/2504.99999"),
        ("hep-th/9912999", "hep-th/9912999", "https://arxiv.org/abs/hep-th/9912999"),
        ("2023.acl-long.1", "2023.acl-long.1", "https://aclanthology.org/2023.acl-long.1/"),
        ("10.1234/none", "10.1234/none", "https://doi.org/10.1234/none"),
    ],
)
def test_a_paper_that_is_not_stored_is_said_and_linked(shelf: Front, named: str, name: str, link: str) -> None:
    before = shelf.rows()
    told = shelf.ask(OWNER, f"/paper {named}")
    assert told.text == f"{name} is not stored here: this bot knows what its feeds and imports brought."
    assert [(b.label, b.link) for b in all_buttons(told)] == [("Open it", link)]
    assert shelf.rows() == before, "a link is read, never fetched"


@pytest.mark.parametrize(
    "pasted", ["https://example.com/2504.00011", "javascript:alert(1)", "https://arxiv.org/list/x"]
)
def test_a_strange_link_is_not_followed(shelf: Front, pasted: str) -> None:
    told = shelf.ask(OWNER, f"/paper {pasted}")
    assert not titles(told) and not all_buttons(told)


def test_a_search_that_finds_nothing_says_how_to_find_more(front: Front) -> None:
    assert front.ask(OWNER, "/paper zebra finch").text == (
        "Nothing stored matches zebra finch.\n\n"
        "All words must occur: try fewer, or OR between them. /subscribe brings what is yet to come."
    )


def test_a_search_finds_all_days_and_counts_in_the_readers_grammar(front: Front) -> None:
    told = front.ask(OWNER, "/paper LoRA")
    assert told.blocks[0].text == "3 papers for LoRA"
    assert sorted(titles(told)) == ["LoRA at Noon", "LoRA of Yesterday", "QLoRA in the Evening"]
    assert front.ask(OWNER, "/paper parrots").blocks[0].text == "1 paper for parrots"
    assert front.ask(replace(OWNER, locale="zh-CN"), "/paper LoRA").blocks[0].text == "LoRA：3 篇论文"


LONG = " OR ".join(f"parrot{n}" for n in range(12)) + " OR LoRA"


@pytest.mark.parametrize("query", ["LoRA", "ti:LoRA AND 2504", "微调", LONG, "微调方法 OR " * 8 + "LoRA"])
def test_every_page_of_a_search_is_reachable_however_long_the_query(new_front: NewFront, query: str) -> None:
    front = new_front()
    front.announce([item(n, f"LoRA 微调 2504 number {n}") for n in range(1, 36)])
    pages = through(front, front.ask(OWNER, f"/paper {query}"))
    assert [len(titles(page)) for page in pages] == [5] * 7
    found = [title for page in pages for title in titles(page)]
    assert len(set(found)) == 35
    assert [page.blocks[0].text.rpartition("(")[2] for page in pages[:3]] == ["1-5)", "6-10)", "11-15)"]
    assert pages[2].blocks[1].text.startswith("11. ")
    assert [page.aside for page in pages] == [False] + [True] * 6
    back = front.press(OWNER, buttons(pages[2])["‹ Back"])
    assert titles(back) == titles(pages[1])


def test_the_button_of_a_long_query_that_twenty_others_replaced_says_it_is_old(new_front: NewFront) -> None:
    front = new_front()
    front.announce([item(n, f"LoRA number {n}") for n in range(1, 36)])
    old = buttons(front.ask(OWNER, f"/paper {LONG}"))["Next ›"]
    assert all(front.ask(OWNER, f"/paper {LONG} OR more{n}").buttons for n in range(9))
    assert len(titles(front.press(OWNER, old))) == 5
    assert all(front.ask(OWNER, f"/paper {LONG} OR less{n}").buttons for n in range(19))
    new = buttons(front.ask(OWNER, f"/paper {LONG} OR more"))["Next ›"]
    assert front.press(OWNER, old).text == "This button is too old. /paper searches again."
    assert len(titles(front.press(OWNER, new))) == 5
    elsewhere = replace(OWNER, address=Address("telegram", "55"))
    assert front.press(elsewhere, new).text == "This button is too old. /paper searches again."


def test_a_page_past_the_end_says_that_was_all(front: Front) -> None:
    for action in ("find:500:LoRA", "page:500:LoRA"):
        assert front.press(OWNER, action).text == "That was all of it."


@pytest.mark.parametrize("action", ["find:", "find:x:LoRA", "find:-1:LoRA", "find:10:", "find:9999999:LoRA"])
def test_a_mangled_search_button_says_so(front: Front, action: str) -> None:
    assert front.press(OWNER, action).text == "This button is too old. /paper searches again."


def test_a_wrong_query_in_a_button_is_explained_like_a_typed_one(front: Front) -> None:
    told = front.press(OWNER, "find:0:(LoRA")
    assert told.text.startswith("This parenthesis is never closed") and told.blocks[-1].kind is BlockKind.CODE


def test_a_card_shows_the_whole_paper(new_front: NewFront) -> None:
    front = new_front()
    front.announce(
        [
            with_words(
                item(
                    11, r"On $\mathcal{O}(n^2)$ Knots", "We tie $n^2$ knots.", authors=["A. One", "B. Two"],
                    categories=("cs.DS", "cs.CL"), journal="Knots 7 (2025)", doi="10.1000/knots",
                ),
                SummaryText("zh-Hans", "证明了绳结。", "平方绳结", "我们打结。"),
            )
        ]
    )  # fmt: skip
    told = front.ask(OWNER, "/paper 2504.00011")
    assert told.blocks[0].text == "On 𝒪(n²) Knots"
    assert "证明了绳结。" not in told.text, "English words stand before those of another language"
    assert "A. One, B. Two\ncs.DS, cs.CL\n2025-04-08 · v1 · Knots 7 (2025)" in told.text
    assert [(fold.text, fold.tex) for fold in told.blocks[-1].folds] == [("We tie n² knots.", "We tie $n^2$ knots.")]
    assert [(b.label, b.link) for b in all_buttons(told) if b.link] == [
        ("arXiv", "https://arxiv.org/abs/2504.00011"),
        ("HTML", "https://arxiv.org/html/2504.00011"),
        ("DOI", "https://doi.org/10.1000/knots"),
    ]
    number = told.blocks[0].paper
    assert buttons(told) == {
        "Save": f"save:{number}::", "👍": f"up:{number}::", "👎": f"down:{number}::", "BibTeX": f"cite:{number}::",
        "Similar": f"like:{number}::", "🔇 Less": f"less:{number}",
        "+ Follow": f"follow-like:{number}", "Why": f"reasons:{number}::", "简体中文": f"card:{number}:zh-Hans:",
    }  # fmt: skip
    chinese = front.ask(replace(OWNER, locale="zh-TW"), "/paper 2504.00011")
    assert "平方繩結" in chinese.text and "證明了繩結。 [由簡體轉換]" in chinese.text
    folds = [fold.text for fold in chinese.blocks[-1].folds]
    assert folds == ["我們打結。 [由簡體轉換]", "We tie n² knots. [English]"]
    assert chinese.blocks[0].text.endswith("\nOn 𝒪(n²) Knots"), "the translated title stands over the original"


def test_a_card_of_a_bare_paper_has_no_empty_lines_and_says_nothing_twice(shelf: Front) -> None:
    told = shelf.ask(OWNER, "/paper hep-th/9901001")
    assert told.text == "Knots\n\nv3"
    assert [fold.text for block in told.blocks for fold in block.folds] == ["Ropes."]
    assert all(block.text.strip() for block in told.blocks)


def test_a_digest_of_nothing_followed_says_where_to_begin(front: Front) -> None:
    told = front.ask(OWNER, "/digest").text
    assert told.startswith("This chat follows nothing yet") and "/subscribe LoRA" in told and "/topics" in told
    assert front.rows()["chat"] == [], "looking makes no chat"


def test_a_digest_shows_the_latest_day_for_what_is_followed(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    front.ask(OWNER, "/subscribe rag")
    told = front.ask(OWNER, "/digest")
    assert told.blocks[0].text == "2 new papers for LoRA, Tuesday 8 April"
    assert sorted(titles(told)) == ["LoRA at Noon", "QLoRA in the Evening"]
    assert all(" · LoRA" in block.text for block in told.blocks[1:])
    front.ask(OWNER, "/subscribe parrots")
    assert front.ask(OWNER, "/digest").blocks[0].text == "3 new papers for LoRA and parrots, Tuesday 8 April"


def test_what_is_read_ahead_changes_no_digest_and_what_changed_since_is_read_anew(front: Front) -> None:
    front.announce([item(30, "Kettles of LoRA"), item(31, "Teapots")])
    front.ask(OWNER, "/subscribe LoRA")
    asyncio.run(front.desk.read_ahead())
    told = front.ask(OWNER, "/digest")
    asyncio.run(front.desk.read_ahead())
    assert front.ask(OWNER, "/digest").text == told.text and "Kettles of LoRA" in told.text

    with front.store.transaction() as tx:
        teapots = tx.paper_by_key("arxiv:2504.00031")
        assert teapots is not None
        tx.put_summary(Summary(teapots.id, "en", "LoRA brews tea."))
    front.index.follow()
    after = front.ask(OWNER, "/digest")
    assert sorted(titles(after)) == sorted([*titles(told), "Teapots"])
    asyncio.run(front.desk.read_ahead())
    assert front.ask(OWNER, "/digest").text == after.text
    assert titles(front.ask(OWNER, "/digest brews")) == ["Teapots"]


def test_a_digest_shows_what_came_late_under_a_heading_of_its_own(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    missed = [item(90 + n, f"LoRA of {on:%A}", on=on) for n, on in enumerate((date(2025, 4, 4), date(2025, 4, 7)))]
    front.announce(replace(one, arrival=Arrival.LATE) for one in missed)
    with front.store.transaction() as tx:
        chat = tx.chat(OWNER.address)
        assert chat is not None and chat.since_on == TUESDAY
        tx.put_chat(replace(chat, since_on=None))  # one that was there before the gap
    told = front.ask(OWNER, "/digest")
    assert told.blocks[0].text == "2 new papers for LoRA, Tuesday 8 April"
    assert told.blocks[3].text.startswith("Late: 2 papers announced earlier, found now\n3. LoRA of Monday")
    assert "LoRA of Friday" in told.blocks[4].text and "Friday 4 April" in told.blocks[4].text


def test_a_chat_that_began_after_the_missed_days_is_not_shown_them(front: Front) -> None:
    front.announce([replace(item(90, "LoRA of Friday", on=date(2025, 4, 4)), arrival=Arrival.LATE)])
    told = front.ask(OWNER, "/subscribe LoRA")
    assert "The latest batch (Tuesday 8 April) has 2 papers for it" in told.text
    assert "Late:" not in front.ask(OWNER, "/digest").text


def test_a_digest_of_a_query_or_topic_is_a_look_that_changes_nothing(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    before = front.rows()
    assert front.ask(OWNER, "/digest tea").blocks[0].text == "2 new papers for tea, Tuesday 8 April"
    assert front.ask(OWNER, "/digest diffusion").blocks[0].text == ("1 new paper for Diffusion models, Tuesday 8 April")
    nothing = front.ask(OWNER, "/digest knots").text
    assert nothing == ("Nothing for knots in the latest batch, Tuesday 8 April.\n\n/paper searches all that is stored.")
    assert front.rows() == before


def test_before_any_batch_a_digest_says_so(new_front: NewFront) -> None:
    front = new_front()
    assert front.ask(OWNER, "/digest LoRA").text == "No batch has come in yet. /paper searches what is stored."
    front.announce([FeedItem("arxiv:2504.00001", Kind.KNOWN, "LoRA")])
    assert front.ask(OWNER, "/digest LoRA").text == "No batch has come in yet. /paper searches what is stored."


def test_a_late_part_of_an_older_day_does_not_pass_for_today(front: Front) -> None:
    front.announce([item(20, "LoRA that came late", on=date(2025, 4, 7))])
    told = front.ask(OWNER, "/digest LoRA")
    assert told.blocks[0].text == "2 new papers for LoRA, Tuesday 8 April"
    assert "LoRA that came late" not in told.text


@pytest.mark.parametrize("query", ["", "LoRA", LONG])
def test_every_paper_of_a_long_digest_is_reachable(new_front: NewFront, query: str) -> None:
    front = new_front(digest_size=20)
    front.announce([item(n, f"LoRA number {n}") for n in range(1, 51)])
    front.ask(OWNER, f"/subscribe {query or 'LoRA'}")
    pages = through(front, front.ask(OWNER, f"/digest {query}"))
    assert [len(titles(page)) for page in pages] == [10] * 5
    assert len({title for page in pages for title in titles(page)}) == 50
    assert all(page.blocks[0].text.startswith("50 new papers for ") for page in pages)
    assert [page.blocks[-1].text for page in pages[:4]] == [f"And {n} more." for n in (40, 30, 20, 10)]
    assert all(page.aside for page in pages[1:]), "it turns in place"
    assert titles(front.press(OWNER, buttons(pages[1])["‹ Back"])) == titles(pages[0])


def test_a_mangled_page_button_shows_the_first_page(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    first = front.ask(OWNER, "/digest")
    for action in ("page:", "page:x", "page:-20", "page:9999999", "digest", "digest:"):
        assert titles(front.press(OWNER, action)) == titles(first), action


def delivered(front: Front, count: int, pushed: int) -> Delivery:
    """A delivery to the reading group of ``count`` papers."""
    front.announce([item(100 + n, f"Pushed number {n}") for n in range(count)])
    with front.store.transaction() as tx:
        chat = tx.open_chat(Chat(0, MANAGER.address))
        known = tx.announcements(0)[-count:]
        digest = Digest(
            DigestKind.PAPERS, TUESDAY, tuple(Match(a.paper_id, News.NEW, ("LoRA",)) for a in known), pushed,
            ("LoRA",), known[-1].id,
        )  # fmt: skip
        made = Delivery(0, chat.id, chat.address, digest, "en", Layout.BRIEF, due_at=front.now, made_at=front.now)
        return tx.plan(made)


def test_more_shows_the_rest_of_a_pushed_digest_page_by_page(front: Front) -> None:
    delivery = delivered(front, 43, 20)
    page = front.press(MEMBER, f"more:{delivery.id}:20")
    assert page.blocks[0].text == "Tuesday 8 April: 21 to 30 of 43"
    assert titles(page) == [f"Pushed number {n}" for n in range(20, 30)]
    assert page.blocks[1].text.startswith("21. ") and page.blocks[1].text.endswith(" · LoRA")
    kept = delivery.digest.id
    assert page.aside and buttons(page) == {"‹ Back": f"turn:{kept}:19", "Next ›": f"turn:{kept}:30"}
    page = front.press(MEMBER, buttons(page)["Next ›"])
    assert buttons(page) == {"‹ Back": f"turn:{kept}:29", "Next ›": f"turn:{kept}:40"}
    page = front.press(MEMBER, buttons(page)["Next ›"])
    assert page.blocks[0].text == "Tuesday 8 April: 41 to 43 of 43" and list(buttons(page)) == ["‹ Back"]
    assert front.press(MEMBER, f"turn:{kept}:20").text == front.press(MEMBER, f"more:{delivery.id}:20").text
    assert front.press(MEMBER, f"more:{delivery.id}:43").text == "That was all of it."


def test_a_card_out_of_a_digest_leads_back_to_the_message_it_was_opened_in(front: Front) -> None:
    delivery = delivered(front, 23, 20)
    ids = [match.paper_id for match in delivery.digest.matches]
    with front.store.transaction() as tx:
        (one,) = tx.lease(front.now, front.now, "me", 1, ["telegram"])
        sent = tuple(Part(n + 1, tuple(ids[n * 10 : n * 10 + 10]), str(n), b"bytes", str(n)) for n in range(2))
        tx.record(deliveries.moved(one, DeliveryState.SENDING, parts=sent))
    first, second = (front.press(MEMBER, f"turn:{delivery.digest.id}:{index}") for index in (3, 12))
    assert titles(first) == [f"Pushed number {n}" for n in range(10)] and not first.buttons
    assert first.blocks[0].text == "23 new papers for LoRA, Tuesday 8 April"
    assert titles(second) == [f"Pushed number {n}" for n in range(10, 20)]
    assert second.blocks[-1].text == "And 3 more." and list(buttons(second)) == ["3 more papers"]
    assert second.blocks[0].paper, "the heading stands over the first of its messages alone"
    for page in (first, second):
        for block in page.blocks:
            if block.button:
                card = front.press(MEMBER, block.button.action)
                assert card.aside and front.press(MEMBER, buttons(card)["‹ Back"]).text == page.text


def test_a_digest_of_weeks_ago_still_opens(front: Front) -> None:
    delivery = delivered(front, 30, 20)
    later(front, days=60)
    front.announce([item(900, "Something newer", on=date(2025, 6, 7))])
    assert len(titles(front.press(MEMBER, f"turn:{delivery.digest.id}:20"))) == 10


@pytest.mark.parametrize("other", [OWNER, replace(MANAGER, address=Address("telegram", "-100", "45"))])
def test_a_digest_of_another_chat_stays_closed(front: Front, other: object) -> None:
    delivery = delivered(front, 30, 20)
    for chat_is_known in (False, True):
        for action in (f"more:{delivery.id}:20", f"turn:{delivery.digest.id}:0", f"turn:{delivery.digest.id}:20"):
            told = front.press(other, action)  # type: ignore[arg-type]
            assert told.text == "This digest is not kept here any more. /digest shows the latest.", chat_is_known
            assert not told.buttons
        front.ask(other, "/start")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "argument", ["", "x", "1", "1:", ":1", "1:x", "-1:0", "9" * 30 + ":0", "1:" + "9" * 30, "1:0:0"]
)
def test_a_mangled_more_button_says_so(front: Front, argument: str) -> None:
    for verb in ("more", "turn"):
        told = front.press(MEMBER, f"{verb}:{argument}").text
        assert told == "This button is too old. /digest shows the latest."


def test_every_button_of_every_page_fits_telegrams_64_bytes(new_front: NewFront) -> None:
    front = new_front()
    front.announce([item(n, f"LoRA 微调 number {n}") for n in range(1, 36)])
    for length in range(1, 80):
        query = "微" * length + " OR LoRA"
        for line in (f"/paper {query}", f"/digest {query}"):
            told = front.ask(OWNER, line)
            opened = [block.button for block in told.blocks if block.button]
            assert all(len(b.action.encode()) <= 64 for b in (*all_buttons(told), *opened)), json.dumps(line)
            assert all(":page:" in b.action or ":find:" in b.action for b in opened), json.dumps(line)
            labels = ["Next ›", "Newest first", "Narrow", "Follow this search"] if line[1] == "p" else ["Next ›"]
            assert list(buttons(told)) == labels, json.dumps(line)
