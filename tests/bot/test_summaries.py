from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import Paper, Summary
from bot.summaries import Passage, Shown, best_abstract, best_summary

ABSTRACT = (
    "Making tea takes time. Existing pots, e.g. those of Smith et al. (2019), need 3.5 minutes. However, nobody knows "
    "why. In this paper, we propose Kettle, a low-rank method that makes tea in two seconds. Experiments on Fig. 3 "
    "show that Kettle improves over pots by 4.2 points. Our code is available at https://example.org."
)
TOLD = "We propose Kettle, a low-rank method that makes tea in two seconds."
PAPER = Paper(1, ("arxiv:2402.10001",), "Kettle", ABSTRACT)


def summary(language: str, headline: str = "", title: str = "", abstract: str = "") -> Summary:
    return Summary(1, language, headline, title, abstract)


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
