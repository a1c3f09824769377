"""Subjects of documents: which are one, which topics they become, what a paper is said to be about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue import TOPICS
from bot.commands.context import topics_of
from bot.documents import document, holds
from bot.model import FeedItem, Paper, Topic
from bot.query import parse
from bot.subjects import LONGEST, MOST_PROPOSED, dismiss, mark, marks_of, proposal, propose, subjects_of
from tests.desks import ADMIN, OWNER, Front, buttons, item, titles
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front


def about(number: int, *subjects: str, title: str = "Tea") -> FeedItem:
    made = item(number, title, "Of tea.")
    return FeedItem(**{name: getattr(made, name) for name in made.__slots__} | {"subjects": subjects})


@pytest.mark.parametrize(
    "same",
    [
        ("泡茶方法", "泡茶 方法", "泡茶"),
        ("Kettle 方法", "KETTLE方法", "kettle", "ｋｅｔｔｌｅ", "Kettle methods"),
        ("茶壺軟體", "茶壶软件", "茶壺軟件"),
        ("Tea Pots", "tea-pots", "TeaPots"),
    ],
)
def test_subjects_that_differ_in_case_script_signs_or_a_closing_word_are_one(same: tuple[str, ...]) -> None:
    assert len({mark(one) for one in same}) == 1


@pytest.mark.parametrize("some", [("C", "C++", "C#"), ("茶", "茶壶"), ("方法", ""), ("tea", "teas")])
def test_subjects_that_say_something_else_are_others(some: tuple[str, ...]) -> None:
    assert len({mark(one) for one in some}) == len(some)


@pytest.mark.parametrize(
    ("subject", "slug", "names", "query"),
    [
        ("泡茶", "泡茶", {"zh-Hans": "泡茶", "zh-Hant": "泡茶"}, 'subject:"泡茶"'),
        ("茶壺軟體", "茶壶软体", {"zh-Hans": "茶壶软体", "zh-Hant": "茶壺軟體"}, 'subject:"茶壺軟體"'),
        (
            "茶壶软件", "茶壶软件", {"zh-Hans": "茶壶软件", "zh-Hant": "茶壺軟體"},
            'subject:"茶壶软件" OR subject:"茶壺軟體"',
        ),
        (
            "TEA 方法", "tea", {"en": "TEA", "zh-Hans": "TEA 方法", "zh-Hant": "TEA 方法"}, 'subject:"TEA"',
        ),
        ("Tea-pot lore", "tea-pot-lore", {"en": "Tea-pot lore"}, 'subject:"Tea-pot lore"'),
    ],
)  # fmt: skip
def test_a_subject_becomes_a_topic_with_names_by_language(
    subject: str, slug: str, names: dict[str, str], query: str
) -> None:
    made = proposal(subject)
    assert made is not None and made.proposed
    assert (made.slug, dict(made.names), made.query) == (slug, names, query)


@given(st.one_of(st.text(max_size=80), st.text("茶壺壶軟软件體体方法 a-\"'()", max_size=20)))
def test_whatever_a_document_says_its_topic_asks_for_the_paper_that_says_so(subject: str) -> None:
    made = proposal(subject)
    if made is None:
        return
    paper = Paper(1, ("arxiv:2504.00001",), "Tea", subjects=(subject,))
    assert holds(parse(made.query), document(paper))
    assert 0 < len(made.slug.encode()) <= 56
    assert all(len(name) <= 2 * LONGEST for _, name in made.names)


@given(st.lists(st.text("茶壺壶軟软件體体方法Kaé", min_size=1, max_size=8), min_size=1, max_size=3).map(" ".join))
def test_every_name_of_letters_becomes_a_topic(subject: str) -> None:
    made = proposal(subject)
    assert made is not None and mark(subject) in marks_of(made)


def slugs(front: Front, proposed: bool) -> list[str]:
    with front.store.reading() as tx:
        return [topic.slug for topic in tx.topics() if topic.proposed is proposed]


def take_in(front: Front, *items: FeedItem) -> int:
    with front.store.transaction() as tx:
        tx.add(items, front.now)
        return propose(tx, (subject for one in items for subject in one.subjects))


def test_what_a_topic_is_called_already_is_not_proposed(front: Front) -> None:
    assert take_in(front, about(21, "PEFT 方法", "泡茶", "多模態模型", "rag"), about(22, "泡 茶", "RLHF")) == 2
    assert slugs(front, proposed=True) == ["rlhf", "泡茶"]
    assert take_in(front, about(23, "RLHF", "泡茶方法")) == 0


def test_a_removed_topic_does_not_come_back(front: Front) -> None:
    take_in(front, about(21, "泡茶"))
    assert front.carry_out(ADMIN, "/topic remove 泡茶").text.startswith("Topic 泡茶 removed")
    assert take_in(front, about(22, "泡茶方法")) == 0
    take_in(front, about(23, "Knots"))
    front.carry_out(ADMIN, "/topic merge rag knots")
    assert take_in(front, about(24, "knots")) == 0, "its name went with it"
    with front.store.transaction() as tx:
        dismiss(tx, Topic("x", (("en", "Kettles"),), "x"))
        assert propose(tx, ["kettles", "Spoons"]) == 1


def test_proposals_have_an_end(front: Front) -> None:
    with front.store.transaction() as tx:
        assert propose(tx, (f"subject {n}" for n in range(MOST_PROPOSED + 9))) == MOST_PROPOSED
        assert propose(tx, ["one more"]) == 0


def test_topics_shows_subjects_with_counts_and_they_can_be_followed(front: Front) -> None:
    take_in(front, about(21, "泡茶", "茶壺軟體"), about(22, "泡茶方法"), about(23, "Kettle"))
    shown = front.ask(OWNER, "/topics")
    assert shown.text.endswith("Subjects\n\n泡茶 (2) · Kettle (1) · 茶壶软体 (1)")
    assert "泡茶" not in front.ask(OWNER, "/start").text + "".join(buttons(front.ask(OWNER, "/subscribe")))
    page = front.press(OWNER, buttons(shown)["Follow a subject ›"])
    assert list(buttons(page)) == ["+ 泡茶", "+ Kettle", "+ 茶壶软体"]
    told = front.press(OWNER, buttons(page)["+ 泡茶"])
    assert "2 papers for it" in told.text and front.follows(OWNER) == ["#泡茶"]
    front.ask(OWNER, "/language zh-Hant")
    assert front.ask(OWNER, "/topics").text.endswith("論文主題\n\n泡茶 (2) · Kettle (1) · 茶壺軟體 (1)")


def test_who_types_a_subject_means_the_words(front: Front) -> None:
    take_in(front, about(21, "parrots"))
    assert titles(front.ask(OWNER, "/subscribe parrots")) == ["Retrieval for Parrots"]
    assert front.follows(OWNER) == ["parrots"]
    assert titles(front.ask(OWNER, "/digest parrots")) == ["Retrieval for Parrots"]
    assert front.complete(OWNER, "subscribe", "parrots") == []
    assert titles(front.ask(OWNER, "/subscribe topic:parrots")) == ["Tea"]
    assert front.follows(OWNER) == ["parrots", "#parrots"]
    front.ask(OWNER, "/unsubscribe all")
    front.press(OWNER, "follow:parrots")
    front.ask(OWNER, "/unsubscribe parrots")
    assert front.follows(OWNER) == []


def test_an_admin_names_a_subject_or_gives_it_a_query_and_it_is_a_topic_like_others(front: Front) -> None:
    take_in(front, about(21, "泡茶", "茶壺軟體"))
    front.press(OWNER, "follow:泡茶")
    for written in ("name 泡茶 en Tea making", "rename 泡茶 en: Tea making"):
        told = front.carry_out(ADMIN, f"/topic {written}").text
        assert "its names: zh-Hans: 泡茶, zh-Hant: 泡茶 and en: Tea making" in told
        assert slugs(front, proposed=True) == ["茶壶软体"] and "泡茶" in slugs(front, proposed=False)
        assert "1. Tea making" in front.ask(OWNER, "/subscriptions").text
        assert front.ask(ADMIN, "/topic undo").text.startswith("Taken back")
        assert "泡茶" in slugs(front, proposed=True), "it is proposed again"
    front.carry_out(ADMIN, "/topic edit 茶壺軟體 teapot software")
    assert slugs(front, proposed=True) == ["泡茶"]
    with front.store.reading() as tx:
        edited = tx.topic("茶壶软体")
    assert edited is not None and edited.query == "teapot software" and edited.name("zh-Hant") == "茶壺軟體"
    front.carry_out(ADMIN, "/topic rename 泡茶 tea")
    assert slugs(front, proposed=True) == []
    assert front.follows(OWNER) == ["#tea"]


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("rag", "Write what to do"),
        ("rag fr Thé", "A short name has letters"),
        ("nothing en Tea", "There is no topic nothing. /topics shows all."),
        ("rag en PEFT", "There is a topic peft already"),
        ("rag en " + "x" * 61, "A topic's name has 60 characters at most."),
    ],
)
def test_what_is_no_name_is_refused(front: Front, typed: str, answer: str) -> None:
    for verb in ("name", "rename"):
        assert front.ask(ADMIN, f"/topic {verb} {typed}").text.startswith(answer)


def test_a_paper_is_about_its_subjects_and_the_topics_that_hold_of_it() -> None:
    topics = (
        *TOPICS,
        Topic("steam", (("en", "Steam"),), "topic:nowhere"),
        Topic("odd", (("en", "Odd"),), 'subject:"茶"'),
    )
    proposed = proposal("茶壺軟體")
    assert proposed is not None
    paper = Paper(1, ("arxiv:2504.00001",), "LoRA for tea", subjects=("PEFT 方法", "茶壶软体", "茶壺", "茶壶"))

    def told(language: str) -> tuple[str, ...]:
        every = (*topics, proposed)
        return subjects_of(paper, document(paper), every, topics_of(every), language)

    assert told("en") == ("PEFT", "茶壶软体", "茶壺", "Odd")
    assert told("zh-Hans") == ("高效微调", "茶壶软体", "茶壶", "Odd")
    assert told("zh-Hant") == ("高效微調", "茶壺軟體", "茶壺", "Odd")


def test_a_card_says_what_its_paper_is_about(front: Front) -> None:
    front.ask(OWNER, "/language zh-Hans")
    assert "\n高效微调\n" in front.ask(OWNER, "/paper 2504.00011").text
