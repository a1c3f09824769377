from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import telling
from bot.telling import LIMIT, telling_sentence

ABSTRACT = (
    "Making tea takes time. Existing pots, e.g. those of Smith et al. (2019), need 3.5 minutes. However, nobody knows "
    "why. In this paper, we propose Kettle, a low-rank method that makes tea in two seconds. Experiments on Fig. 3 "
    "show that Kettle improves over pots by 4.2 points. Our code is available at https://example.org."
)
TOLD = "We propose Kettle, a low-rank method that makes tea in two seconds."


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
        (
            "Tea is old and cups of it break. We then present a cup that never leaks nor breaks. It is blue.",
            "We present a cup that never leaks nor breaks.",
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


def test_the_words_of_the_title_tell_what_a_paper_is_about() -> None:
    abstract = "We show that cups made of clay keep tea hot. We show that pots made of iron keep tea hot for long."
    assert telling_sentence(abstract).startswith("We show that pots")
    assert telling_sentence(abstract, "Cups of clay").startswith("We show that cups")


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


CUES = """
we i this paper our work study the code is are a new propose also show improve models data available
state-of-the-art https://x.y first, it However finally results outperforms method? In what? we'll dataset_2
we’re “this naïve
"""
CUE_WORDS = st.sampled_from(CUES.split())


@given(st.lists(CUE_WORDS, min_size=1, max_size=12).map(" ".join))
def test_a_cue_is_found_whether_or_not_its_words_are_looked_for_first(sentence: str) -> None:
    read = 0.0
    for weight, words, cue in telling._CUES:
        alone = r"\?$" if words == "?" else rf"\b(?:{words.replace(' ', '|')})\b"
        read += weight if re.search(cue or alone, sentence.lower()) else 0
    assert telling._contributes(sentence) == pytest.approx(read)
