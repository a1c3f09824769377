"""Which news a chat gets, and how it says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Deed, FeedItem, Kind, News
from bot.settings import Anthology
from tests.desks import MANAGER, MEMBER, OWNER, Front, NewFront, buttons, item, later
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front


def test_a_chat_sees_what_it_gets_and_changes_it_by_a_press(front: Front) -> None:
    page = front.ask(OWNER, "/news")
    assert "✓ new papers" in page.text and "✗ publications" in page.text
    pressed = front.press(OWNER, buttons(page)["✗ publications"])
    assert pressed.edits and "✓ publications" in pressed.text
    assert front.chat(OWNER).wants == {News.NEW, News.CROSS, News.PUBLISHED}
    assert front.press(OWNER, buttons(page)["✗ publications"]).text == pressed.text, "pressed twice it stays so"
    front.press(OWNER, buttons(pressed)["✓ publications"])
    assert front.chat(OWNER).wants == {News.NEW, News.CROSS}


@pytest.mark.parametrize(
    ("written", "wants"),
    [
        ("published on", {News.NEW, News.CROSS, News.PUBLISHED}),
        ("published", {News.NEW, News.CROSS, News.PUBLISHED}),
        ("UPDATES On", {News.NEW, News.CROSS, News.UPDATE}),
        ("update 开", {News.NEW, News.CROSS, News.UPDATE}),
        ("cross off", {News.NEW}),
        ("cross-lists off", {News.NEW}),
        ("new off", {News.CROSS}),
    ],
)
def test_it_is_written_as_well(front: Front, written: str, wants: set[News]) -> None:
    front.ask(OWNER, f"/news {written}")
    assert front.chat(OWNER).wants == wants


@pytest.mark.parametrize("written", ["weather", "weather on", "published maybe", "on", "published on off", "x" * 5000])
def test_what_is_no_kind_of_news_is_refused_with_an_example(front: Front, written: str) -> None:
    front.ask(OWNER, "/start")
    before = front.rows()
    assert front.ask(OWNER, f"/news {written}").text == (
        "Write one of new, cross, updates, published, and on or off: /news published on."
    )
    assert front.rows() == before


def test_one_kind_is_always_left(front: Front) -> None:
    front.ask(OWNER, "/news cross off")
    assert front.ask(OWNER, "/news new off").text.startswith("One kind of news has to be left.")
    assert front.chat(OWNER).wants == {News.NEW}


def test_only_who_manages_the_chat_changes_it(front: Front) -> None:
    assert "✓ new papers" in front.ask(MEMBER, "/news").text
    assert "administrators" in front.ask(MEMBER, "/news published on").text
    assert "administrators" in front.press(MEMBER, "news:published:on").text


@pytest.mark.parametrize("action", ["news:", "news:weather:on", "news:published", "news:published:maybe"])
def test_a_button_that_says_nothing_shows_the_page(front: Front, action: str) -> None:
    assert "✓ new papers" in front.press(OWNER, action).text
    front.ask(OWNER, "/start")
    assert front.chat(OWNER).wants == {News.NEW, News.CROSS}


def test_what_an_administrator_changes_stands_in_the_audit_log(front: Front) -> None:
    front.ask(MANAGER, "/news published on")
    front.ask(MANAGER, "/news published on")
    with front.store.reading() as tx:
        (line,) = tx.audit(10)
    assert (line.what, line.who) == (Deed.NEWS, MANAGER.user)
    assert (line.before, line.after) == ("cross new", "cross new published")


def test_publications_are_promised_only_where_the_anthology_is_read(front: Front) -> None:
    told = "This instance does not read the ACL Anthology"
    assert told not in front.ask(OWNER, "/news").text
    assert told in front.ask(OWNER, "/news published on").text
    front.configure(access="open", anthology=Anthology(enabled=True))
    assert told not in front.ask(OWNER, "/news").text


def test_a_published_twin_comes_to_who_asks_for_it_and_its_card_says_where(new_front: NewFront) -> None:
    front = new_front(anthology=Anthology(enabled=True))
    front.announce([item(1, "Quiet Kettles in the Kitchen")])
    front.ask(OWNER, "/subscribe kettles")
    later(front, days=2)
    journal = "Proceedings of the First Conference on Tea"
    front.announce(
        [FeedItem("acl:2025.tea-main.7", Kind.NEW, "Quiet kettles in the kitchen", authors=("Ada Lovelace",),
                  announced_on=front.now.date(), journal=journal)]
    )  # fmt: skip
    assert front.ask(OWNER, "/digest").text.startswith("Nothing for kettles")
    front.ask(OWNER, "/news published on")
    digest = front.ask(OWNER, "/digest")
    (entry,) = [block for block in digest.blocks if block.paper]
    assert "Published at TEA 2025" in entry.text
    assert {span.link for span in entry.spans} == {"", "https://aclanthology.org/2025.tea-main.7/"}
    card = front.ask(OWNER, "/paper 2504.00001")
    assert journal in card.text
    (published,) = [span for block in card.blocks for span in block.spans if span.text == "Published at TEA 2025"]
    assert published.link == "https://aclanthology.org/2025.tea-main.7/"
    assert front.ask(OWNER, "/paper acl:2025.tea-main.7").text == card.text, "one paper"


def test_why_says_that_a_chat_does_not_ask_for_such_news(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    front.ask(OWNER, "/news cross on")
    front.ask(OWNER, "/news new off")
    told = front.ask(OWNER, "/why 2504.00011").text
    assert "It was not sent: this chat does not ask for such news. /news changes that." in told


def test_a_card_of_an_old_id_names_the_anthology(front: Front) -> None:
    front.announce([replace(item(1, "x"), key="acl:P17-1001", title="Old Spoons", kind=Kind.KNOWN, links=())])
    assert "Published in the ACL Anthology" in front.ask(OWNER, "/paper acl:P17-1001").text
