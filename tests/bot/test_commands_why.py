"""Why a paper came, or did not: which words, which subscriptions, and what became of it in this chat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.delivery import REFUSED, SKIPPED
from bot.model import (
    Address,
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
    Subscription,
    SummaryText,
)
from bot.planning import Planner
from bot.ports import Caller
from bot.replies import BlockKind
from tests.desks import CONSOLE, MANAGER, MEMBER, OWNER, TUESDAY, Front, NewFront, all_buttons, item, later, with_words
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

NOON, MONDAYS = "2504.00011", "2504.00001"


def told(front: Front, line: str, caller: Caller = OWNER) -> list[str]:
    """The paragraphs of an answer, without the paper's title."""
    answer = front.ask(caller, line)
    assert answer.blocks[0].kind is BlockKind.ENTRY
    return [block.text for block in answer.blocks[1:]]


def plan(front: Front) -> int:
    """What the clock does: a delivery for every chat that is due."""
    return Planner(front.store, (), front.now.time(), lambda: front.now).plan()


def test_without_a_paper_it_says_what_it_takes(front: Front) -> None:
    assert front.ask(OWNER, "/why").text == (
        "Name a paper, and I tell why it came or did not: /why 2403.17919\n\n"
        "With a query behind it I try that one: /why 2403.17919 LoRA -survey"
    )


@pytest.mark.parametrize("name", ["LoRA", "99", "https://example.com/2504.00011", "(", "x" * 3_000])
def test_what_names_no_paper_is_said_so(front: Front, name: str) -> None:
    answer = front.ask(OWNER, f"/why {name} LoRA")
    assert "names no paper: write an id like 2403.17919, or a link to it." in answer.text
    assert answer.private and len(answer.text) < 200


def test_a_paper_never_seen_is_said_and_linked(front: Front) -> None:
    before = front.rows()
    answer = front.ask(OWNER, "/why https://arxiv.org/pdf/2504.99999v2 LoRA")
    assert answer.text == (
        "2504.99999 never came in here: its feed is not polled, or it was announced before this bot ran."
    )
    assert [(b.label, b.link) for b in all_buttons(answer)] == [("Open it", "https://arxiv.org/abs/2504.99999")]
    assert front.rows() == before


@pytest.mark.parametrize(
    "name", [NOON, f"{NOON}v3", f"arXiv:{NOON}v1 [cs.CL]", f"https://arxiv.org/abs/{NOON}", f"10.48550/arXiv.{NOON}"]
)
def test_a_paper_is_explained_by_any_of_its_names(front: Front, name: str) -> None:
    answer = front.ask(OWNER, f"/why {name}")
    assert answer.blocks[0].text == "LoRA at Noon"
    assert answer.blocks[0].spans[0].link == f"https://arxiv.org/abs/{NOON}"
    assert told(front, f"/why {name}") == [
        "Announced on Tuesday 8 April.",
        "This chat follows nothing yet, so nothing can match.",
    ]
    assert front.rows()["chat"] == [], "looking makes no chat"


def test_each_subscription_says_which_words_matched_where_or_what_kept_the_paper_away(new_front: NewFront) -> None:
    front = new_front()
    front.topics()
    words = SummaryText("zh-Hans", "微调鹦鹉。", "正午的微调", "")
    front.announce(
        [
            with_words(
                item(11, "QLoRA at Noon", "Trans-LoRA and LoRAs. A survey.", categories=("cs.CL", "stat.ML")), words
            )
        ]
    )
    expected = {
        "LoRA": "✓ LoRA\n“QLoRA” in the title · “Trans-LoRA” and “LoRAs” in the abstract or a summary",
        "微調": "✓ 微調\n“微调” in the title · “微调” in the abstract or a summary",
        "au:turing cat:stat.*": "✓ au:turing cat:stat.*\n“Turing” among the authors · cat:stat.*",
        "noon is:new": "✓ noon is:new\n“Noon” in the title · is:new",
        "qlor*": "✓ qlor*\n“qlora” in the title",
        "rag": "✗ RAG\nit has none of these: “RAG” · “retrieval-augmented”",
        "LoRA tea": "✗ LoRA tea\nit lacks “tea”",
        "LoRA ti:survey": "✗ LoRA ti:survey\nit lacks “survey” in the title",
        "LoRA -survey": "✗ LoRA -survey\nit has “survey” in the abstract or a summary, which the query excludes",
        "LoRA is:cross": "✗ LoRA is:cross\nis:cross is not true of it",
        "tea -au:ada": "✗ tea -au:ada\nit lacks “tea”\nit has “Ada” among the authors, which the query excludes",
        "tea OR (LoRA au:knuth)": "✗ tea OR (LoRA au:knuth)\nit has none of these: “tea” · “knuth” among the authors",
    }
    for query in expected:
        front.ask(OWNER, f"/subscribe {query}")
    answered = told(front, f"/why {NOON}")
    assert answered[0].startswith("Announced on Tuesday 8 April.")
    assert sorted(answered[1:]) == sorted(expected.values())
    assert [line[0] for line in answered[1:]] == ["✓"] * 5 + ["✗"] * 7, "what matched stands first"


def test_a_query_or_topic_behind_the_paper_is_tried_alone(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    assert told(front, f"/why {NOON} tea OR noon") == ["✓ tea OR noon\n“Noon” in the title"]
    assert told(front, f"/why {NOON} tea") == ["✗ tea\nit lacks “tea”"]
    assert told(front, f"/why {NOON} peft")[0].startswith("✓ PEFT\n“LoRA” in the title")
    assert told(front, f"/why {NOON} topic:peft -noon") == [
        "✗ topic:peft -noon\nit has “Noon” in the title, which the query excludes"
    ]


def test_a_wrong_query_behind_the_paper_is_pointed_at(front: Front) -> None:
    answer = front.ask(OWNER, f"/why {NOON} LoRA topic:nothere")
    assert answer.text == (
        "There is no topic “nothere”: /topics shows those there are.\n\nLoRA topic:nothere\n           ^"
    )


def test_of_a_hundred_subscriptions_twenty_are_shown_matches_first_and_the_rest_counted(front: Front) -> None:
    front.ask(OWNER, "/start")
    with front.store.transaction() as tx:
        for n in range(99):
            tx.subscribe(Subscription(0, front.chat(OWNER).id, f"word{n}"))
    front.ask(OWNER, "/subscribe noon")
    answered = told(front, f"/why {NOON}")
    assert answered[1].startswith("✓ noon") and answered[-1] == "And 80 others."
    assert len(answered) == 1 + 20 + 1


def test_what_is_still_to_come_is_said_with_its_time(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    front.ask(OWNER, "/time 09:30 Asia/Shanghai")
    assert told(front, f"/why {NOON}")[0] == (
        "Announced on Tuesday 8 April. It comes with this chat's next digest, at 09:30 (Asia/Shanghai)."
    )


def test_what_has_come_is_said_with_its_digest_its_place_and_the_subscriptions_of_that_day(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    front.ask(OWNER, "/subscribe noon")
    later(front, days=1)
    assert plan(front) == 1
    with front.store.transaction() as tx:
        (taken,) = tx.lease(front.now, front.now + timedelta(minutes=2), "one", 9, ["telegram"])
        ids = tuple(match.paper_id for match in taken.digest.matches)
        tx.record(replace(taken, state=DeliveryState.SENT, parts=(Part(0, ids, "n", b"x", "17"),)))
    first = "In this chat's digest of Tuesday 8 April, number 1, for LoRA and noon."
    assert told(front, f"/why {NOON}")[0] == first
    front.ask(OWNER, "/unsubscribe all")
    assert told(front, f"/why {NOON}") == [first, "This chat follows nothing yet, so nothing can match."]


def test_what_came_before_the_chat_followed_it_is_said(front: Front) -> None:
    front.ask(OWNER, "/subscribe tea")
    later(front, days=1)
    plan(front)
    front.ask(OWNER, "/subscribe LoRA")
    for paper, day in ((NOON, "Tuesday 8 April"), (MONDAYS, "Monday 7 April")):
        assert told(front, f"/why {paper}")[0] == (
            f"Announced on {day}. It was not sent: when it was announced, nothing that this chat followed matched it."
        )


def test_what_nothing_matches_is_said_to_be_announced_and_no_more(front: Front) -> None:
    front.ask(OWNER, "/subscribe parrots")
    assert told(front, f"/why {NOON}") == ["Announced on Tuesday 8 April.", "✗ parrots\nit lacks “parrots”"]


def test_a_day_of_another_year_is_told_with_its_year(new_front: NewFront) -> None:
    front = new_front()
    front.announce([item(1, "LoRA of old", on=date(2024, 4, 8))])
    assert told(front, f"/why {MONDAYS}")[0] == "Announced on Monday 8 April 2024."
    chinese = replace(OWNER, locale="zh-CN")
    assert told(front, f"/why {MONDAYS}", chinese)[0] == "发布于2024年4月8日星期一。"


def test_what_is_only_known_was_never_announced(new_front: NewFront) -> None:
    front = new_front()
    front.announce([FeedItem("arxiv:2504.00001", Kind.KNOWN, "LoRA"), item(2, "LoRA", kind=Kind.REPLACE, version=2)])
    front.ask(OWNER, "/subscribe LoRA")
    for paper in ("2504.00001", "2504.00002"):
        assert told(front, f"/why {paper}") == [
            "It was never announced while this bot ran; it is only known, by an import or a new version.",
            "✓ LoRA\n“LoRA” in the title",
        ]


def test_a_new_version_does_not_come_to_a_chat_that_asks_for_none(new_front: NewFront) -> None:
    front = new_front()
    front.announce([item(1, "Tea")])
    front.announce([item(1, "LoRA tea", kind=Kind.REPLACE, version=2, on=date(2025, 4, 9))])
    front.ask(OWNER, "/subscribe LoRA")
    front.now += timedelta(days=1)
    first = told(front, f"/why {MONDAYS}")[0]
    assert first == (
        "Announced on Wednesday 9 April. "
        "It was not sent: when it was announced, nothing that this chat followed matched it."
    )
    with front.store.transaction() as tx:
        tx.put_chat(replace(front.chat(OWNER), wants=frozenset({News.PUBLISHED})))
    such = "It was not sent: this chat does not ask for such news. /news changes that."
    assert told(front, f"/why {MONDAYS}")[0].endswith(such)


def test_a_later_cross_list_comes_to_those_only_whom_it_newly_concerns(new_front: NewFront) -> None:
    front = new_front()
    front.announce([item(1, "LoRA", on=date(2025, 4, 7))])
    front.announce([item(1, "LoRA", kind=Kind.CROSS, categories=("cs.CL", "cs.LG")), item(2, "Tea")])
    other = replace(OWNER, address=Address("telegram", "2"))
    third = replace(OWNER, address=Address("telegram", "3"))
    front.ask(OWNER, "/subscribe LoRA")
    front.ask(other, "/subscribe LoRA cat:cs.LG")
    front.ask(third, "/subscribe LoRA is:cross")
    assert told(front, f"/why {MONDAYS}")[0] == (
        "Announced on Tuesday 8 April. It was not sent: the cross-list brings nothing new to what this chat follows."
    )
    coming = "Announced on Tuesday 8 April. It comes with this chat's next digest, at 08:00 (UTC)."
    assert told(front, f"/why {MONDAYS}", other)[0] == coming
    assert told(front, f"/why {MONDAYS}", third)[0] == coming
    later(front, days=1)
    plan(front)
    with front.store.reading() as tx:
        found = tx.paper_by_key(f"arxiv:{MONDAYS}")
        assert found is not None
        sent = [bool(tx.deliveries_with(front.chat(one).id, found.id)) for one in (OWNER, other, third)]
    assert sent == [False, True, True], "what was said is what came"


def test_a_cross_list_that_came_once_does_not_come_again_with_one_category_more(new_front: NewFront) -> None:
    front = new_front()
    front.announce([item(1, "LoRA", kind=Kind.CROSS, categories=("cs.CV", "cs.CL"))])
    front.ask(OWNER, "/subscribe LoRA is:cross")
    later(front, days=1)
    plan(front)
    front.announce([item(1, "LoRA", kind=Kind.CROSS, categories=("cs.CV", "cs.LG"), on=date(2025, 4, 9))])
    later(front, days=1)
    plan(front)
    with front.store.reading() as tx:
        found = tx.paper_by_key(f"arxiv:{MONDAYS}")
        assert found is not None and len(tx.announcements_of(found.id)) == 2
        assert len(tx.deliveries_with(front.chat(OWNER).id, found.id)) == 1


def delivered(front: Front, state: DeliveryState, parts: Sequence[Part] = (), pushed: int = 2) -> None:
    """A digest of three papers to the reading group."""
    front.ask(MANAGER, "/start")
    chat = front.chat(MANAGER)
    with front.store.transaction() as tx:
        ids = [found.id for n in (11, 12, 13) if (found := tx.paper_by_key(f"arxiv:2504.000{n}"))]
        matches = tuple(Match(one, News.NEW, ("Tuning",)) for one in ids)
        digest = Digest(DigestKind.PAPERS, TUESDAY, matches, pushed, ("Tuning",), tx.last_announcement())
        tx.plan(Delivery(0, chat.id, chat.address, digest, "en", Layout.BRIEF, due_at=front.now, made_at=front.now))
        (taken,) = tx.lease(front.now, front.now + timedelta(minutes=2), "one", 9, ["telegram"])
        told_of = [replace(part, papers=tuple(ids[i] for i in part.papers)) for part in parts]
        tx.record(replace(taken, state=state, parts=tuple(told_of)))


FIRST = Part(0, (0,), "a", b"x", "17")
REFUSED_PART, SKIPPED_PART = (Part(1, (1,), "b", b"x", mark) for mark in (REFUSED, SKIPPED))
WAITING_PART = Part(1, (1,), "b", b"x", "", 1)
IT = "of Tuesday 8 April, for Tuning"


@pytest.mark.parametrize(
    ("state", "parts", "lines"),
    [
        (DeliveryState.LEASED, (), [f"It is in the digest {IT}, which is on its way."] * 3),
        (DeliveryState.UNREACHABLE, (), [f"It is in the digest {IT}, kept until this chat can be reached."] * 3),
        (DeliveryState.FAILED, (), [f"It was in the digest {IT}, but the platform refused it."] * 3),
        (
            DeliveryState.POSTPONED,
            (FIRST, WAITING_PART),
            [
                "In this chat's digest of Tuesday 8 April, number 1, for Tuning.",
                *[f"It is in the digest {IT}, which is on its way."] * 2,
            ],
        ),
        (
            DeliveryState.SENT,
            (FIRST, REFUSED_PART),
            [
                "In this chat's digest of Tuesday 8 April, number 1, for Tuning.",
                f"It was in the digest {IT}, but the platform refused it.",
                "In this chat's digest of Tuesday 8 April, number 3, for Tuning. "
                "It stands behind that digest's More button.",
            ],
        ),
        (
            DeliveryState.SENT,
            (FIRST, SKIPPED_PART),
            [
                "In this chat's digest of Tuesday 8 April, number 1, for Tuning.",
                f"It was in the digest {IT}; whether that message arrived is not known.",
                "In this chat's digest of Tuesday 8 April, number 3, for Tuning. "
                "It stands behind that digest's More button.",
            ],
        ),
    ],
)
def test_what_became_of_each_paper_of_a_digest_is_told(
    front: Front, state: DeliveryState, parts: tuple[Part, ...], lines: list[str]
) -> None:
    delivered(front, state, parts)
    assert [told(front, f"/why 2504.000{n}", MEMBER)[0] for n in (11, 12, 13)] == lines


def test_what_was_sent_before_a_paper_became_one_with_its_twin_is_still_told(new_front: NewFront) -> None:
    front = new_front()
    twin = FeedItem("acl:2024.teapot-1.7", Kind.KNOWN, "Kettles of Old", doi="10.1000/kettle")
    front.announce([twin, item(1, "LoRA kettles"), item(2, "Other LoRA")])
    front.ask(OWNER, "/subscribe LoRA")
    later(front, days=1)
    plan(front)
    sending = "It is in the digest of Tuesday 8 April, for LoRA, which is on its way."
    assert told(front, f"/why {MONDAYS}")[0] == sending
    front.announce([item(1, "LoRA kettles", kind=Kind.REPLACE, version=2, doi="10.1000/kettle")])
    assert front.ask(OWNER, "/why 2024.teapot-1.7").text == front.ask(OWNER, f"/why {MONDAYS}").text
    assert told(front, "/why 2024.teapot-1.7")[0] == sending


def test_what_another_chat_follows_and_got_is_nobody_elses_business(front: Front) -> None:
    delivered(front, DeliveryState.SENT, (FIRST,))
    front.ask(MANAGER, "/subscribe LoRA Secret")
    front.ask(OWNER, "/start")
    thread = replace(MEMBER, address=Address("telegram", "-100", "45"))
    for other in (OWNER, thread, replace(OWNER, address=Address("telegram", "77"))):
        assert told(front, f"/why {NOON}", other) == [
            "Announced on Tuesday 8 April.",
            "This chat follows nothing yet, so nothing can match.",
        ]
    assert "number 1, for Tuning" in front.ask(MEMBER, f"/why {NOON}").text, "a member sees what the chat got"


def test_the_console_is_told_of_words_and_days_and_of_no_delivery(front: Front) -> None:
    front.ask(CONSOLE, "/subscribe LoRA")
    assert told(front, f"/why {NOON}", CONSOLE) == ["Announced on Tuesday 8 April.", "✓ LoRA\n“LoRA” in the title"]


def test_the_answer_reads_as_the_readers_own_language(front: Front) -> None:
    for locale, lines in {
        "zh-CN": ["✓ LoRA\n标题中的“LoRA”", "✗ 检索增强生成\n以下各项都没有：“RAG” · “retrieval-augmented”",
                  "✗ LoRA -noon\n含有查询要排除的内容：标题中的“Noon”"],
        "zh-TW": ["✓ LoRA\n標題中的「LoRA」", "✗ 檢索增強生成\n以下各項都沒有：「RAG」 · 「retrieval-augmented」",
                  "✗ LoRA -noon\n含有查詢要排除的內容：標題中的「Noon」"],
    }.items():  # fmt: skip
        caller = replace(OWNER, address=Address("telegram", locale), locale=locale)
        for query in ("LoRA", "rag", "LoRA -noon"):
            front.ask(caller, f"/subscribe {query}")
        assert told(front, f"/why {NOON}", caller)[1:] == lines
