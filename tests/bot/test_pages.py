"""Digests, entries and cards as readers see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards import card
from bot.model import Digest, DigestKind, Layout, Match, News, Paper, Summary
from bot.pages import digest_heading, digest_page, empty_page, entry, label_list, shorten
from bot.replies import BlockKind, Reply, Style
from bot.words import Words, words_for

EN, HANS, HANT = (words_for(language) for language in ("en", "zh-Hans", "zh-Hant"))
TUESDAY = date(2025, 4, 8)


def paper(number: int, title: str = "", **more: object) -> Paper:
    made = {
        "abstract": "We tune what is there.",
        "authors": ("Ada Lovelace",),
        "categories": ("cs.CL", "cs.LG"),
        **more,
    }
    return Paper(number, (f"arxiv:2504.{number:05d}",), title or f"Paper {number}", **made)  # type: ignore[arg-type]


def digest(count: int, pushed: int = 20, labels: Sequence[str] = ("LoRA",), on: date = TUESDAY) -> Digest:
    matches = tuple(Match(n, News.NEW, tuple(labels[:1])) for n in range(1, count + 1))
    return Digest(DigestKind.PAPERS, on, matches, min(pushed, count), tuple(labels), count)


def page(count: int, pushed: int = 20, only: Sequence[int] | None = None, kept: int = 7, words: object = EN) -> Reply:
    papers = {n: paper(n) for n in range(1, count + 1)}
    return digest_page(words, replace(digest(count, pushed), id=kept), papers, {}, only=only)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "labels", "english", "simplified", "traditional"),
    [
        (
            7, ("LoRA", "RAG"),
            "7 new papers for LoRA and RAG, Tuesday 8 April",
            "4月8日星期二 · LoRA、RAG：7 篇新论文",
            "4月8日星期二 · LoRA、RAG：7 篇新論文",
        ),
        (
            1, ("LoRA",),
            "1 new paper for LoRA, Tuesday 8 April",
            "4月8日星期二 · LoRA：1 篇新论文",
            "4月8日星期二 · LoRA：1 篇新論文",
        ),
        (
            1234, ("a", "b", "c", "d"),
            "1,234 new papers for a, b, c and d, Tuesday 8 April",
            "4月8日星期二 · a、b、c、d：1,234 篇新论文",
            "4月8日星期二 · a、b、c、d：1,234 篇新論文",
        ),
        (
            2, ("a", "b", "c", "d", "e"),
            "2 new papers for a, b, c and 2 more, Tuesday 8 April",
            "4月8日星期二 · a、b、c、其他 2 项：2 篇新论文",
            "4月8日星期二 · a、b、c、其他 2 項：2 篇新論文",
        ),
    ],
)  # fmt: skip
def test_a_headline_counts_in_the_readers_grammar(
    count: int, labels: tuple[str, ...], english: str, simplified: str, traditional: str
) -> None:
    for words, expected in ((EN, english), (HANS, simplified), (HANT, traditional)):
        assert digest_heading(words, digest(count, labels=labels)).text == expected


@given(st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=100))
def test_a_headline_stays_short_and_counts_every_label(labels: list[str]) -> None:
    text = label_list(EN, labels)
    assert len(text) <= 4 * 60 + 20
    if len(labels) > 4:
        assert text.endswith(f" and {len(labels) - 3} more")


@given(st.text(max_size=300), st.integers(2, 80))
def test_shortening_keeps_a_beginning_and_marks_the_cut(text: str, most: int) -> None:
    short = shorten(text, most)
    assert len(short) <= most
    assert short == text if len(text) <= most else short.endswith("…") and text.startswith(short[:-1])


@pytest.mark.parametrize(("count", "shown", "rest"), [(1, 1, 0), (20, 20, 0), (21, 20, 1), (200, 20, 180)])
def test_a_digest_lists_at_most_its_size_and_counts_the_rest(count: int, shown: int, rest: int) -> None:
    made = page(count)
    entries = [b for b in made.blocks if b.kind is BlockKind.ENTRY]
    assert [b.paper for b in entries] == list(range(1, shown + 1))
    assert [b.text.partition(".")[0] for b in entries] == [str(n) for n in range(1, shown + 1)]
    assert made.blocks[0].kind is BlockKind.HEADING
    told = [(button.label, button.action) for row in made.buttons for button in row]
    if rest:
        assert made.blocks[-1].text == f"And {rest} more."
        assert told == [(f"{rest} more paper" + "s" * (rest > 1), "turn:7:20")]
        assert page(count, words=HANS).buttons[0][0].label == f"还有 {rest} 篇论文"
    else:
        assert "more" not in made.blocks[-1].text and told == []


def test_each_paper_of_a_digest_has_a_button_that_opens_it_and_knows_the_way_back() -> None:
    opened = [block.button for block in page(3).blocks if block.paper]
    assert [(one.label, one.action) for one in opened if one] == [
        ("1", "card:1::turn:7:0"), ("2", "card:2::turn:7:1"), ("3", "card:3::turn:7:2"),
    ]  # fmt: skip


def test_a_digest_that_is_not_kept_has_no_button_that_leads_nowhere() -> None:
    made = page(30, kept=0)
    assert made.blocks[-1].text == "And 10 more." and made.buttons == ()
    assert not any(block.button for block in made.blocks)


def test_a_digest_taken_up_again_goes_on_with_its_numbers_and_without_its_heading() -> None:
    made = page(6, only=[4, 6])
    assert [b.text.partition(" ")[0] for b in made.blocks] == ["4.", "6."]


def test_a_paper_that_is_gone_leaves_its_number_out() -> None:
    made = digest_page(EN, digest(3), {1: paper(1), 3: paper(3)}, {})
    assert [b.text.partition(" ")[0] for b in made.blocks[1:]] == ["1.", "3."]


def test_an_entry_has_title_headline_people_category_and_labels() -> None:
    summaries = [Summary(1, "en", "LoRA is tuned.")]
    made = entry(EN, paper(1, "LoRA"), summaries, 3, ["PEFT", "tuning"])
    assert made.text == "3. LoRA\nLoRA is tuned.\nAda Lovelace · cs.CL · PEFT and tuning"
    (title,) = [span for span in made.spans if span.link]
    assert (title.text, title.link) == ("LoRA", "https://arxiv.org/abs/2504.00001")


@pytest.mark.parametrize(
    ("news", "told"),
    [(News.CROSS, "cross-list"), (News.UPDATE, "new version"), (News.PUBLISHED, "published"), (News.NEW, "")],
)
def test_an_entry_says_what_kind_of_news_it_is(news: News, told: str) -> None:
    facts = entry(EN, paper(1), [], 1, [], news).text.rpartition("\n")[2].split(" · ")
    assert facts == ["Ada Lovelace", "cs.CL", *([told] if told else [])]


def test_an_entry_without_authors_category_and_abstract_is_a_title() -> None:
    bare = Paper(1, ("arxiv:2504.00001",), "Bare")
    assert entry(EN, bare, [], 1).text == "1. Bare"
    assert entry(HANT, bare, [], 1, ["LoRA"]).text == "1. Bare\nLoRA"
    assert card(EN, bare, []).text == "Bare" and not card(EN, bare, []).blocks[-1].folds


def test_many_labels_of_an_entry_are_counted() -> None:
    assert entry(EN, paper(1), [], 1, list("abcdef")).text.endswith(" · a, b, c and 3 more")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (EN, "A 0, A 1, A 2 and 6 more"),
        (HANS, "A 0, A 1, A 2 及另外 6 人"),
        (HANT, "A 0, A 1, A 2 及另外 6 人"),
    ],
)
def test_many_authors_are_counted(words: object, line: str) -> None:
    made = entry(words, paper(1, authors=tuple(f"A {n}" for n in range(9))), [], 1)  # type: ignore[arg-type]
    assert line in made.text


@pytest.mark.parametrize(
    ("language", "stored", "shown"),
    [
        ("en", {"en": "Tuned.", "zh-Hans": "微调。"}, "Tuned."),
        ("en", {"zh-Hans": "微调。"}, "We tune what is there."),
        ("en", {}, "We tune what is there."),
        ("zh-Hans", {"en": "Tuned.", "zh-Hans": "微调。"}, "微调。"),
        ("zh-Hans", {"zh-Hant": "論文。"}, "论文。 [由繁体转换]"),
        ("zh-Hant", {"zh-Hans": "论文。"}, "論文。 [由簡體轉換]"),
        ("zh-Hant", {"en": "Tuned."}, "Tuned. [English]"),
        ("zh-Hans", {}, "We tune what is there. [English]"),
    ],
)
def test_a_headline_in_another_language_than_the_readers_is_marked(
    language: str, stored: dict[str, str], shown: str
) -> None:
    summaries = [Summary(1, kept, headline) for kept, headline in stored.items()]
    assert entry(words_for(language), paper(1), summaries, 1).text.splitlines()[1] == shown


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ["We tune what is there."]),
        ("zh-Hans", ["我们打 n² 个结。", "We tune what is there. [English]"]),
        ("zh-Hant", ["我們打 n² 個結。 [由簡體轉換]", "We tune what is there. [English]"]),
        ("ja", ["We tune what is there. [English]"]),
    ],
)
def test_a_card_gives_the_abstract_in_the_readers_script_before_the_original(language: str, shown: list[str]) -> None:
    made = card(words_for(language), paper(1), [Summary(1, "zh-Hans", abstract="我们打 $n^2$ 个结。")])
    assert [fold.text for fold in made.blocks[-1].folds] == shown


def test_what_a_reader_accepts_is_marked_once_with_title_and_headline_and_with_the_abstract() -> None:
    words = words_for("ja", ("zh-Hant",))
    stored = [Summary(1, "zh-Hans", "微调软件。", "微调", "我们微调。")]
    mark = " [converted from Simplified Chinese]"
    assert entry(words, paper(1), stored, 1).text.splitlines()[1:3] == ["微調", f"微調軟體。{mark}"]
    assert (
        entry(words, paper(1), [replace(stored[0], headline="", abstract="")], 1).text.splitlines()[1] == f"微調{mark}"
    )
    made = card(words, paper(1), stored)
    assert [line for line in made.text.splitlines() if mark in line] == [f"微調軟體。{mark}"]
    assert made.blocks[-1].folds[0].text == f"我們微調。{mark}"


def test_tex_reads_as_text_in_titles_and_headlines() -> None:
    made = entry(EN, paper(1, r"Knots in $\mathcal{O}(n^2)$ by Erd\H{o}s"), [Summary(1, "en", "In $n^2$.")], 1)
    assert made.text.startswith("1. Knots in 𝒪(n²) by Erdős\nIn n².")


def test_what_is_too_long_is_cut_and_marked() -> None:
    long = paper(1, "word " * 400, authors=("x" * 500,) * 5, abstract="Long. " * 2000)
    made = entry(EN, long, [Summary(1, "en", "word " * 400)], 1, ["y" * 500] * 9)
    assert len(made.text) < 1300 and made.text.count("…") >= 5
    whole = card(EN, long, [])
    shown = whole.text + "".join(fold.text for block in whole.blocks for fold in block.folds)
    assert len(shown) < 3_600


def test_a_plain_entry_is_title_and_address() -> None:
    made = entry(EN, paper(1, "LoRA"), [], 2, ["x"], layout=Layout.PLAIN)
    assert made.text == "2. LoRA\nhttps://arxiv.org/abs/2504.00001"
    assert {span.style for span in made.spans} == {Style.PLAIN}


def test_a_title_whose_paper_has_no_page_is_not_a_link() -> None:
    strange = Paper(1, ("other:1",), "Strange", links=("javascript:alert(1)",))
    assert not any(span.link for span in entry(EN, strange, [], 1).spans)
    assert not any(b.link for row in card(EN, strange, []).buttons for b in row)


@pytest.mark.parametrize(
    ("kind", "on", "quiet", "english", "simplified", "traditional"),
    [
        (
            DigestKind.NOTHING, TUESDAY, False,
            "Nothing new for LoRA and RAG, Tuesday 8 April.",
            "4月8日星期二，LoRA、RAG 没有新论文。",
            "4月8日星期二，LoRA、RAG 沒有新論文。",
        ),
        (
            DigestKind.NOTHING, date(2025, 4, 12), False,
            "Nothing new for LoRA and RAG, Saturday 12 April.",
            "4月12日星期六，LoRA、RAG 没有新论文。",
            "4月12日星期六，LoRA、RAG 沒有新論文。",
        ),
        (
            DigestKind.NOTHING, date(2025, 4, 14), True,
            "Nothing new for LoRA and RAG, Monday 14 April. "
            "arXiv announced nothing: a holiday, or still the weekend there.",
            "4月14日星期一，LoRA、RAG 没有新论文。arXiv 没有发布论文：当地是假日，或仍是周末。",
            "4月14日星期一，LoRA、RAG 沒有新論文。arXiv 沒有發布論文：當地是假日，或仍是週末。",
        ),
        (
            DigestKind.NOTHING, date(2025, 4, 12), True,
            "Nothing new for LoRA and RAG, Saturday 12 April. arXiv announces nothing at weekends.",
            "4月12日星期六，LoRA、RAG 没有新论文。arXiv 周末不发布论文。",
            "4月12日星期六，LoRA、RAG 沒有新論文。arXiv 週末不發布論文。",
        ),
        (
            DigestKind.NOT_IN_YET, TUESDAY, False,
            "arXiv is not in yet, Tuesday 8 April. Nothing is lost: what it announces comes with your next digest.",
            "4月8日星期二，arXiv 尚未更新。不会遗漏：更新后的论文会随下一份日报送达。",
            "4月8日星期二，arXiv 尚未更新。不會遺漏：更新後的論文會隨下一份日報送達。",
        ),
    ],
)  # fmt: skip
def test_an_empty_day_is_said_the_readers_way(
    kind: DigestKind, on: date, quiet: bool, english: str, simplified: str, traditional: str
) -> None:
    empty = Digest(kind, on, labels=("LoRA", "RAG"), quiet=quiet)
    for words, expected in ((EN, english), (HANS, simplified), (HANT, traditional)):
        assert digest_page(words, empty, {}, {}).text == empty_page(words, empty).text == expected


def test_an_empty_day_of_many_subscriptions_counts_them() -> None:
    empty = Digest(DigestKind.NOTHING, TUESDAY, labels=tuple("abcdefg"))
    assert empty_page(EN, empty).text == "Nothing new for a, b, c and 4 more, Tuesday 8 April."


def with_late(count: int, late: int, pushed: int = 100) -> tuple[Digest, dict[int, Paper]]:
    """A digest whose last papers are of two days that were missed."""
    missed = (date(2025, 4, 4), date(2025, 4, 3))
    matches = tuple(
        Match(n, News.NEW, ("LoRA",), late_on=missed[n % 2] if n > count - late else None) for n in range(1, count + 1)
    )
    made = Digest(DigestKind.PAPERS, TUESDAY, matches, min(pushed, count), ("LoRA",), count)
    return made, {n: paper(n) for n in range(1, count + 1)}


@pytest.mark.parametrize(
    ("words", "head", "late"),
    [
        (EN, "3 new papers for LoRA, Tuesday 8 April", "Late: 2 papers announced earlier, found now"),
        (HANS, "4月8日星期二 · LoRA：3 篇新论文", "补发 2 篇：此前公布、现在才找到"),
        (HANT, "4月8日星期二 · LoRA：3 篇新論文", "補發 2 篇：先前公布、現在才找到"),
    ],
)
def test_papers_of_missed_days_stand_under_a_heading_of_their_own_with_their_day(
    words: Words, head: str, late: str
) -> None:
    made, papers = with_late(5, 2)
    texts = [block.text for block in digest_page(words, made, papers, {}).blocks]
    assert texts[0] == head and len(texts) == 6
    assert texts[4].startswith(f"{late}\n4. ") and texts[5].startswith("5. ")
    assert words.day(date(2025, 4, 4)) in texts[4] and words.day(date(2025, 4, 3)) in texts[5]
    assert words.day(TUESDAY) not in "".join(texts[1:])


def test_the_heading_of_late_papers_comes_once_and_with_the_first_of_them() -> None:
    made, papers = with_late(30, 25)
    assert "Late: 25 papers" in digest_page(EN, made, papers, {}).text
    rest = digest_page(EN, made, papers, {}, only=[10, 11, 12])
    assert "Late:" not in rest.text


def test_a_digest_of_late_papers_alone_does_not_call_them_new() -> None:
    made, papers = with_late(2, 2)
    assert digest_page(EN, made, papers, {}).blocks[0].text == "2 late papers for LoRA"
