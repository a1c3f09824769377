from __future__ import annotations

import pytest

from bot.model import Paper, Summary
from bot.summaries import Shown, best_summary

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
HANT_ABSTRACT = summary("zh-Hant", abstract="泡茶很難。本文介紹了一種低秩茶壺，它很快。")


@pytest.mark.parametrize(
    ("stored", "language", "shown"),
    [
        ([HANS, EN], "zh-Hans", Shown("提出了一种泡茶软件。", "茶壶", "zh-Hans", "zh-Hans")),
        ([HANS, EN], "en", Shown("Kettle makes tea.", "", "en", "")),
        ([HANS, EN], "zh-Hant", Shown("提出了一種泡茶軟體。", "茶壺", "zh-Hant", "zh-Hant")),
        (
            [summary("zh-Hant", "提出了一種茶壺。", "茶壺")],
            "zh-Hans",
            Shown("提出了一种茶壶。", "茶壶", "zh-Hans", "zh-Hans"),
        ),
        ([HANS], "en", Shown("提出了一种泡茶软件。", "", "zh-Hans", "")),
        ([EN], "zh-Hans", Shown("Kettle makes tea.", "", "en", "")),
        ([EN, summary("zh-Hans", title="茶壶")], "zh-Hans", Shown("Kettle makes tea.", "茶壶", "en", "zh-Hans")),
        ([HANT_ABSTRACT], "zh-Hant", Shown("本文介紹了一種低秩茶壺，它很快。", "", "zh-Hant", "", True)),
        ([HANT_ABSTRACT, EN], "zh-Hans", Shown("本文介绍了一种低秩茶壶，它很快。", "", "zh-Hans", "", True)),
        ([HANT_ABSTRACT, HANS], "zh-Hant", Shown("提出了一種泡茶軟體。", "茶壺", "zh-Hant", "zh-Hant")),
        (
            [summary("zh-Hans", abstract="泡茶很难。我们提出了一种泡茶软件，它很快。")],
            "en",
            Shown("我们提出了一种泡茶软件，它很快。", "", "zh-Hans", "", True),
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


def test_a_language_that_is_not_ours_is_shown_last_but_before_nothing_stored() -> None:
    french = summary("fr", "Une bouilloire.")
    assert best_summary([french, EN], "zh-Hans", PAPER).headline == "Kettle makes tea."
    assert best_summary([french], "zh-Hans", PAPER) == Shown("Une bouilloire.", "", "fr", "")


def test_stored_words_are_shown_with_their_tex_made_readable() -> None:
    tex = summary("zh-Hans", r"复杂度是 $\alpha$ 的茶壶。", r"$\beta$ 茶壶")
    assert best_summary([tex], "zh-Hans", PAPER) == Shown("复杂度是 α 的茶壶。", "β 茶壶", "zh-Hans", "zh-Hans")
