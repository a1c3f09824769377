"""Words about a paper: whose they are, and how admins correct them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import CURATED, FeedItem, Kind, Summary, SummaryText
from tests.desks import ADMIN, OWNER, Front, item, later, with_words
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

ID = "2504.00011"
DOCUMENT = SummaryText("zh-Hans", "研究了中午的茶。", "中午的茶", "茶很热。")


def known(*texts: SummaryText, number: int = 11) -> FeedItem:
    return replace(with_words(item(number, "LoRA at Noon"), *texts), kind=Kind.KNOWN)


def stored(front: Front, language: str = "zh-Hans", key: str = f"arxiv:{ID}") -> Summary | None:
    with front.store.reading() as tx:
        paper = tx.paper_by_key(key)
        assert paper is not None
        return next((s for s in tx.summaries([paper.id]).get(paper.id, ()) if s.language == language), None)


def text(front: Front, language: str = "zh-Hans") -> tuple[str, str, str, str] | None:
    one = stored(front, language)
    return (one.headline, one.title, one.abstract, one.origin) if one else None


def audited(front: Front) -> list[tuple[str, str, str]]:
    with front.store.reading() as tx:
        return [(one.what.value, one.before, one.after) for one in tx.audit(10)]


@pytest.fixture
def noon(front: Front) -> Front:
    front.announce([known(DOCUMENT)])
    return front


@pytest.mark.parametrize(
    "typed",
    [
        f"/summary {ID} zh-Hans headline: 改进了 午茶。 title: 午茶",
        f"/summary edit {ID} 简体中文 title: 午茶 headline：改进了 午茶。",
        f"/summary https://arxiv.org/abs/{ID}v2 zh-CN\nheadline:  改进了  午茶。 \nTitle: 午茶",
        f"/summary {ID} zh-Hans 提要：改进了 午茶。 标题：午茶",
    ],
)
def test_an_admin_corrects_what_is_named_and_nothing_else(noon: Front, typed: str) -> None:
    told = noon.ask(ADMIN, typed).text
    assert "研究了中午的茶。\n→ 改进了 午茶。" in told and f"/summary {ID} zh-Hans remove" in told
    assert text(noon) == ("改进了 午茶。", "午茶", "茶很热。", CURATED)
    what, before, after = audited(noon)[-1]
    assert what == "summary" and "研究了中午的茶。" in before and "改进了 午茶。" in after and ID in after
    later(noon, minutes=1)
    assert noon.ask(ADMIN, typed).text == "These words stand there already."
    noon.index.follow()
    assert "LoRA at Noon" in noon.ask(OWNER, "/paper 改进了").text
    noon.ask(OWNER, "/language zh-Hans")
    assert "改进了 午茶。" in noon.ask(OWNER, f"/paper {ID}").text


def test_text_on_lines_may_hold_the_words_of_a_label(noon: Front) -> None:
    noon.ask(ADMIN, f"/summary {ID} en\nheadline: What a title: is\nabstract: On headline: and abstract: too")
    assert text(noon, "en") == ("What a title: is", "", "On headline: and abstract: too", CURATED)


def test_neither_a_document_nor_a_model_takes_a_correction_away_but_both_fill_what_is_empty(noon: Front) -> None:
    noon.ask(ADMIN, f"/summary {ID} zh-Hant headline: 改進了午茶。")
    for origin in ("document", "model", "model:tea-1"):
        noon.announce([known(SummaryText("zh-Hant", "別的。", f"題 {origin}", origin=origin))])
        assert text(noon, "zh-Hant") == ("改進了午茶。", "題 document", "", CURATED)
    noon.announce([known(SummaryText("zh-Hant", "審過的。", origin=CURATED))])
    assert text(noon, "zh-Hant") == ("審過的。", "題 document", "", CURATED)


def test_taking_a_correction_back_brings_what_was_there_and_keeps_what_came_since(noon: Front) -> None:
    noon.ask(ADMIN, f"/summary {ID} zh-Hans headline: 甲")
    noon.ask(ADMIN, f"/summary {ID} zh-Hans headline: 乙 abstract: 丙")
    assert text(noon) == ("乙", "中午的茶", "丙", CURATED)
    assert noon.ask(ADMIN, f"/summary {ID} zh-Hans remove").text.startswith("Taken back.")
    assert text(noon) == ("研究了中午的茶。", "中午的茶", "茶很热。", "document")
    noon.ask(ADMIN, f"/summary {ID} zh-Hant headline: 丁")
    noon.announce([known(SummaryText("zh-Hant", "戊", "己"))])
    noon.ask(ADMIN, f"/summary {ID} zh-Hant remove")
    assert text(noon, "zh-Hant") == ("", "己", "", "document")
    noon.ask(ADMIN, f"/summary {ID} en headline: Tea.")
    noon.ask(ADMIN, f"/summary {ID} en remove")
    assert text(noon, "en") is None
    told = noon.ask(ADMIN, f"/summary {ID} en remove").text
    assert told == "Nothing of it was corrected by hand in en."


def test_a_correction_goes_with_a_paper_that_becomes_one_with_another(noon: Front) -> None:
    acl = FeedItem("acl:2025.tea-1.7", Kind.KNOWN, "Another Tea for Everybody Here", summaries=(DOCUMENT,))
    noon.announce([acl])
    noon.ask(ADMIN, "/summary 2025.tea-1.7 zh-Hans headline: 改")
    noon.announce([replace(acl, links=(f"https://arxiv.org/abs/{ID}",))])
    assert text(noon) == ("改", "中午的茶", "茶很热。", CURATED)
    noon.ask(ADMIN, f"/summary {ID} zh-Hans remove")
    assert text(noon) == ("研究了中午的茶。", "中午的茶", "茶很热。", "document")


def test_everybody_sees_whose_words_these_are(noon: Front) -> None:
    noon.announce([known(SummaryText("ja", "お茶。", origin="model:tea-1"))])
    noon.ask(ADMIN, f"/summary {ID} zh-Hant title: 午茶")
    assert noon.ask(OWNER, f"/summary {ID}").text == (
        "LoRA at Noon\n\n"
        "日本語 (ja) · made by tea-1 · 2025-04-08\nお茶。\n\n"
        "简体中文 (zh-Hans) · from a document · 2025-04-08\n中午的茶\n研究了中午的茶。\n茶很热。\n\n"
        "繁體中文 (zh-Hant) · corrected by hand · 2025-04-08\n午茶\n\n"
        "English (en) · a sentence of the abstract\nWe tune what is there."
    )
    assert "Summaries corrected by hand: 1 · subjects proposed as topics: 0" in noon.ask(ADMIN, "/status").text


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Name a paper to see what is stored"),
        ("nonsense", "nonsense names no paper"),
        ("2504.09999", "2504.09999 is not stored here"),
        (f"{ID} fr headline: Thé", "I do not speak fr; I speak en, zh-Hans and zh-Hant."),
        (f"{ID} zh-Hans", "Say which words these are"),
        (f"{ID} zh-Hans 改进了午茶。", "Say which words these are"),
        (f"{ID} zh-Hans well headline: 改", "Say which words these are"),
        (f"{ID} zh-Hans headline:", "Each of headline:, title: and abstract: stands once"),
        (f"{ID} zh-Hans headline: a headline: b", "Each of headline:, title: and abstract: stands once"),
        (f"{ID} zh-Hans title: " + "x" * 301, "title: has 301 characters; at most 300 are shown."),
        (f"{ID} zh-Hans remove", "Nothing of it was corrected by hand in zh-Hans."),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_mend(noon: Front, typed: str, says: str) -> None:
    before = noon.rows()
    assert noon.ask(ADMIN, f"/summary {typed}").text.startswith(says)
    assert noon.rows() == before


def test_only_admins_of_the_instance_correct(noon: Front) -> None:
    for typed in ("headline: 改", "remove", "title: x"):
        assert noon.ask(OWNER, f"/summary {ID} zh-Hans {typed}").text.startswith("Only this bot's admins may do that.")
    assert text(noon) == ("研究了中午的茶。", "中午的茶", "茶很热。", "document")
