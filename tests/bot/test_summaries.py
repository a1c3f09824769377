from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import Paper, Summary
from bot.summaries import LIMIT, Passage, Shown, best_abstract, best_summary, convert, language_of, telling_sentence

ABSTRACT = (
    "Making tea takes time. Existing pots, e.g. those of Smith et al. (2019), need 3.5 minutes. However, nobody knows "
    "why. In this paper, we propose Kettle, a low-rank method that makes tea in two seconds. Experiments on Fig. 3 "
    "show that Kettle improves over pots by 4.2 points. Our code is available at https://example.org."
)
TOLD = "We propose Kettle, a low-rank method that makes tea in two seconds."
PAPER = Paper(1, ("arxiv:2402.10001",), "Kettle", ABSTRACT)


def summary(language: str, headline: str = "", title: str = "", abstract: str = "") -> Summary:
    return Summary(1, language, headline, title, abstract)


def test_the_sentence_that_says_what_is_new_becomes_the_headline() -> None:
    assert telling_sentence(ABSTRACT) == TOLD


@pytest.mark.parametrize(
    ("abstract", "told"),
    [
        ("", ""),
        ("  \n ", ""),
        ("One sentence without an end", "One sentence without an end"),
        (
            "Tea is hot. This work introduces COLD, an iced kind of tea. It wins.",
            "This work introduces COLD, an iced kind of tea.",
        ),
        (
            "To address this issue, we present a new cup that never leaks. It is blue.",
            "We present a new cup that never leaks.",
        ),
        (
            "Tea is old. Here we show that tea (Camellia sp. variety no. 5) is 2.5 times older. So it goes.",
            "We show that tea (Camellia sp. variety no. 5) is 2.5 times older.",
        ),
        (
            "We present U.S. tea prices vs. U.K. ones, i.e. a study by J. Smith. Prices rose.",
            "We present U.S. tea prices vs. U.K. ones, i.e. a study by J. Smith.",
        ),
        ("Tea is a drink of many people. Its taste is bitter to most of them.", "Tea is a drink of many people."),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(abstract: str, told: str) -> None:
    assert telling_sentence(abstract) == told


def test_a_full_stop_inside_a_formula_ends_no_sentence() -> None:
    told = telling_sentence("A bound is known for tea. We prove one of $O(n. N)$ for all cups of tea. It is tight.")
    assert told.startswith("We prove one of ") and told.endswith(" for all cups of tea.")


def test_a_sentence_that_was_cut_off_with_its_abstract_is_not_told() -> None:
    cut = "Tea is bitter and nobody has ever explained this to us. In this paper, we propose a novel framework th"
    assert telling_sentence(cut) == "Tea is bitter and nobody has ever explained this to us."


def test_tex_reads_as_text() -> None:
    told = telling_sentence(r"We propose \textbf{Kettle}, which runs in $\mathcal{O}(n^2)$ time on every stove we own.")
    assert told.startswith("We propose Kettle, which runs in ")
    assert "\\" not in told and "$" not in told


@pytest.mark.parametrize(
    ("abstract", "told"),
    [
        (
            "泡茶需要时间。在本文中，我们提出了一种低秩泡茶方法，只需两秒。实验结果表明它更快。",
            "我们提出了一种低秩泡茶方法，只需两秒。",
        ),
        (
            "泡茶需要時間。為了解決這個問題，本文介紹了一種新穎的茶壺，只需兩秒。代碼已公開。",
            "本文介紹了一種新穎的茶壺，只需兩秒。",
        ),
        ("茶很苦。然而，没有人知道原因！我们研究了3.5万杯茶的苦味来源。", "我们研究了3.5万杯茶的苦味来源。"),
    ],
)
def test_chinese_abstracts_have_a_telling_sentence_too(abstract: str, told: str) -> None:
    assert telling_sentence(abstract) == told


def test_a_long_sentence_is_cut_at_a_clause_or_a_word() -> None:
    clauses = "We propose a kettle, " + "which has a lid and a spout and a handle, " * 12 + "and more."
    assert telling_sentence(clauses).endswith("a handle…")
    words = "We propose a kettle with " + "very " * 100 + "much tea."
    assert telling_sentence(words).endswith("very…")
    assert LIMIT * 0.6 < len(telling_sentence(clauses)) <= LIMIT
    assert LIMIT * 0.6 < len(telling_sentence(words)) <= LIMIT


@given(st.text(max_size=600))
def test_a_headline_is_one_line_within_the_limit_and_empty_only_for_nothing(abstract: str) -> None:
    told = telling_sentence(abstract)
    assert len(told) <= LIMIT
    assert told == " ".join(told.split())


@given(st.lists(st.sampled_from(ABSTRACT.split()), min_size=1, max_size=120).map(" ".join))
def test_words_always_give_a_headline(abstract: str) -> None:
    assert 0 < len(telling_sentence(abstract)) <= LIMIT


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", ""),
        ("Tea for two", "en"),
        ("Thé pour deux", "en"),
        ("本文提出了一种泡茶的方法", "zh-Hans"),
        ("本文提出了一種泡茶的方法", "zh-Hant"),
        ("LoRA 與 QLoRA 的比較", "zh-Hant"),
        ("在 a long English text with only very few of the other 字", "en"),
    ],
)
def test_the_language_is_read_from_the_characters(text: str, language: str) -> None:
    assert language_of(text) == language


def test_chinese_that_both_scripts_write_alike_is_what_the_caller_thinks() -> None:
    assert (language_of("人工"), language_of("人工", unsure="zh-Hant")) == ("zh-Hans", "zh-Hant")


def test_taiwan_has_its_own_words() -> None:
    assert convert("软件里的网络", "zh-Hant") == "軟體裡的網路"
    assert convert("軟體裡的網路", "zh-Hans") == "软体里的网路"
    assert convert("隨著時間，相對於著作，序列要整合", "zh-Hans") == "随着时间，相对于著作，序列要整合"


HANS = summary("zh-Hans", "提出了一种泡茶软件。", "茶壶", "泡茶很难。我们提出了一种泡茶软件，它很快。")
EN = summary("en", "Kettle makes tea.")
HANT, FROM_HANS = ("zh-Hant", "zh-Hant"), ("zh-Hans", "zh-Hans")
HANT_ABSTRACT = summary("zh-Hant", abstract="泡茶很難。本文介紹了一種低秩茶壺，它很快。")


@pytest.mark.parametrize(
    ("stored", "language", "shown"),
    [
        ([HANS, EN], "zh-Hans", Shown("提出了一种泡茶软件。", "茶壶", "zh-Hans", "zh-Hans")),
        ([HANS, EN], "en", Shown("Kettle makes tea.", "", "en", "")),
        ([HANS, EN], "zh-Hant", Shown("提出了一種泡茶軟體。", "茶壺", *HANT, False, *FROM_HANS)),
        (
            [summary("zh-Hant", "提出了一種茶壺。", "茶壺")],
            "zh-Hans",
            Shown("提出了一种茶壶。", "茶壶", "zh-Hans", "zh-Hans", False, "zh-Hant", "zh-Hant"),
        ),
        ([HANS], "en", Shown(TOLD, "", "en", "", True)),
        ([EN], "zh-Hans", Shown("Kettle makes tea.", "", "en", "")),
        ([EN, summary("zh-Hans", title="茶壶")], "zh-Hans", Shown("Kettle makes tea.", "茶壶", "en", "zh-Hans")),
        ([HANT_ABSTRACT], "zh-Hant", Shown("本文介紹了一種低秩茶壺，它很快。", "", "zh-Hant", "", True)),
        ([HANT_ABSTRACT, EN], "zh-Hans", Shown("本文介绍了一种低秩茶壶，它很快。", "", "zh-Hans", "", True, "zh-Hant")),
        ([HANT_ABSTRACT, HANS], "zh-Hant", Shown("提出了一種泡茶軟體。", "茶壺", *HANT, False, *FROM_HANS)),
        (
            [summary("zh-Hans", abstract="泡茶很难。我们提出了一种泡茶软件，它很快。")],
            "en",
            Shown(TOLD, "", "en", "", True),
        ),
        ([], "zh-Hans", Shown(TOLD, "", "en", "", True)),
        ([summary("zh-Hans")], "en", Shown(TOLD, "", "en", "", True)),
    ],
)
def test_each_field_falls_back_by_itself_and_says_in_which_language(
    stored: list[Summary], language: str, shown: Shown
) -> None:
    assert best_summary(stored, language, PAPER) == shown
    assert best_summary(stored[::-1], language, PAPER) == shown


def test_a_paper_of_which_nothing_is_known_shows_nothing() -> None:
    assert best_summary([], "en", Paper(1, ("acl:2024.x-1.1",), "T")) == Shown()


FRENCH, JAPANESE = summary("fr", "Une bouilloire."), summary("ja", "やかん。", "やかん", "お茶です。")
SILENT = Paper(1, ("acl:2024.x-1.1",), "Kettle")
"""Nothing but its title is known of it."""


@pytest.mark.parametrize(
    ("stored", "language", "accepts", "headline", "title"),
    [
        ([FRENCH, EN], "zh-Hans", (), ("Kettle makes tea.", "en"), ("", "")),
        ([FRENCH, EN], "zh-Hans", ("fr",), ("Une bouilloire.", "fr"), ("", "")),
        ([FRENCH, JAPANESE], "zh-Hant", ("ja", "fr"), ("やかん。", "ja"), ("やかん", "ja")),
        ([FRENCH, JAPANESE], "zh-Hant", ("fr", "ja"), ("Une bouilloire.", "fr"), ("やかん", "ja")),
        ([HANS, JAPANESE], "ja", ("zh-Hant",), ("やかん。", "ja"), ("やかん", "ja")),
        ([HANS], "ja", ("zh-Hant",), ("提出了一種泡茶軟體。", "zh-Hant"), ("茶壺", "zh-Hant")),
        ([HANS, EN], "ja", ("en", "zh-Hans"), ("Kettle makes tea.", "en"), ("", "")),
        ([FRENCH], "zh-Hans", (), (TOLD, "en"), ("", "")),
        ([JAPANESE], "zh-Hans", (), (TOLD, "en"), ("", "")),
    ],
)
def test_what_a_reader_accepts_comes_before_english_and_english_before_all_others(
    stored: list[Summary], language: str, accepts: tuple[str, ...], headline: tuple[str, str], title: tuple[str, str]
) -> None:
    shown = best_summary(stored, language, PAPER, accepts)
    assert (shown.headline, shown.headline_language) == headline
    assert (shown.title, shown.title_language) == title


def test_a_language_that_nobody_asked_for_is_shown_before_nothing() -> None:
    assert best_summary([FRENCH], "zh-Hans", SILENT) == Shown("Une bouilloire.", "", "fr", "")
    assert best_abstract([JAPANESE], "zh-Hans", SILENT) == Passage("お茶です。", "ja")


@pytest.mark.parametrize(
    ("language", "accepts", "found"),
    [
        ("zh-Hant", (), Passage("泡茶很難。本文介紹了一種低秩茶壺，它很快。", "zh-Hant")),
        ("zh-Hans", (), Passage("泡茶很难。本文介绍了一种低秩茶壶，它很快。", "zh-Hans", "zh-Hant")),
        ("ja", ("zh-Hant",), Passage("泡茶很難。本文介紹了一種低秩茶壺，它很快。", "zh-Hant")),
        ("ja", (), Passage()),
        ("en", ("zh-Hant",), Passage()),
    ],
)
def test_an_abstract_falls_back_the_same_way_until_the_papers_own(
    language: str, accepts: tuple[str, ...], found: Passage
) -> None:
    assert best_abstract([HANT_ABSTRACT, EN], language, PAPER, accepts) == found


LANGUAGES = st.sampled_from(["en", "zh-Hans", "zh-Hant", "ja", "fr"])


@given(
    st.lists(
        st.builds(summary, LANGUAGES, st.sampled_from(["", "茶。", "Tea."]), st.sampled_from(["", "茶"])), max_size=4
    ),
    LANGUAGES,
    st.lists(LANGUAGES, max_size=3).map(tuple),
)
def test_every_field_says_truly_where_it_is_from(
    stored: list[Summary], language: str, accepts: tuple[str, ...]
) -> None:
    shown = best_summary(stored, language, PAPER, accepts)
    words = {one.language: one for one in stored}
    for text, its, source in (
        (shown.headline, shown.headline_language, shown.headline_from),
        (shown.title, shown.title_language, shown.title_from),
    ):
        assert bool(text) is bool(its)
        assert not source or {source, its} == {"zh-Hans", "zh-Hant"}
        written = words.get(source or its)
        assert not text or text == TOLD or (written and any(written.headline + written.title))
    assert shown.headline  # the abstract has a sentence


def test_stored_words_are_shown_with_their_tex_made_readable() -> None:
    tex = summary("zh-Hans", r"复杂度是 $\alpha$ 的茶壶。", r"$\beta$ 茶壶")
    assert best_summary([tex], "zh-Hans", PAPER) == Shown("复杂度是 α 的茶壶。", "β 茶壶", "zh-Hans", "zh-Hans")
