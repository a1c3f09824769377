from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checking import COLUMNS, Fault, refusals, width
from bot.model import Paper, SummaryText
from bot.telling import LIMIT

ABSTRACT = (
    "Making tea takes time. We propose Kettle, a low-rank adaptation (LoRA) of pots that was trained on 1,200,000 cups "
    "in 12 countries, halves the time, and gains 4.2% on TeaBench since July. Large language models with $10^{9}$ "
    "parameters agree, as three decades of Schrödinger's cups did."
)
PAPER = Paper(1, ("arxiv:2402.10001",), "Kettle: Low-Rank Tea for Everybody at Home", ABSTRACT)
ZH = "提出了一种泡茶方法，时间减半。"


def faults(
    headline: str, language: str = "en", title: str = "", abstract: str = "", paper: Paper = PAPER
) -> set[Fault]:
    return {refusal.kind for refusal in refusals(paper, SummaryText(language, headline, title, abstract))}


@pytest.mark.parametrize(
    ("language", "headline"),
    [
        ("en", "Kettle is a low-rank way to make tea faster than any pot does."),
        ("en", "Kettle gains 4.2 percent with 1.2 million cups from twelve countries."),
        ("en", "Kettle, a LoRA-based pot, helps LLMs."),
        ("en", "A cup of tea"),
        ("zh-Hans", ZH),
        ("zh-Hans", "Kettle 用 120万杯茶训练，７月起耗时减少50%，在 TeaBench 上提升４．２％。"),
        ("zh-Hans", "三十年来的薛定谔（Schrodinger）之杯：大语言模型（LLM）有10亿参数。"),
        ("zh-Hans", "综述了泡茶方法，并提出未来研究方向"),
        ("zh-Hans", "研究了用户的参与行为"),
        ("zh-Hant", "提出了一種泡茶方法，時間減半。"),
        ("zh-TW", "提出了一種泡茶方法，時間減半。"),
        ("ja", "Kettleは低ランクのお茶を入れる方法である"),
        ("ko", "Kettle는 차를 더 빨리 만드는 방법입니다."),
        ("ru", "Kettle делает чай быстрее."),
        ("de", "Kettle ist ein Verfahren der Künstlichen Intelligenz (KI), das Tee in 12 Ländern kocht."),
        ("fr", "Kettle, une méthode de rang faible qui divise le temps par deux"),
    ],
)
def test_good_words_pass(language: str, headline: str) -> None:
    assert refusals(PAPER, SummaryText(language, headline)) == ()


@pytest.mark.parametrize(
    ("language", "headline", "fault"),
    [
        ("en", "", Fault.EMPTY),
        ("zh-Hans", "无。", Fault.EMPTY),
        ("zh-Hans", "这里是中文总结出的一句话要点", Fault.EMPTY),
        ("en", "I'm sorry, but I cannot summarise this paper.", Fault.REFUSAL),
        ("zh-Hans", "抱歉，我无法翻译这篇论文。", Fault.REFUSAL),
        ("en", "tldr: Kettle makes tea.", Fault.LABEL),
        ("zh-Hans", "translated_title：一种泡茶方法", Fault.LABEL),
        ("zh-Hans", "提出了一种泡茶方法。英文总结：A way to make tea.", Fault.LABEL),
        ("zh-Hans", "arXiv:2402.10001v1 公告类型：新 摘要：提出了一种泡茶方法。", Fault.HEAD),
        ("en", "Kettle makes tea (arXiv:2402.10001v1 [cs.CL])", Fault.HEAD),
        ("en", "提出了一种泡茶方法，时间减半。", Fault.LANGUAGE),
        ("en", "Kettle est une méthode de rang faible qui fait du thé plus vite.", Fault.LANGUAGE),
        ("zh-Hans", "A low-rank way to make tea in half of the time.", Fault.LANGUAGE),
        ("zh-Hans", "提出了一种泡茶方法，and it makes tea faster than any of the pots do。", Fault.LANGUAGE),
        ("zh-Hans", "提出了一種泡茶軟體，時間減半。", Fault.LANGUAGE),
        ("ja", "提出了一种泡茶方法，只需一半的时间即可完成。", Fault.LANGUAGE),
        ("ru", "Kettle makes tea.", Fault.LANGUAGE),
        ("fr", "Kettle is a way to make tea that is faster than all of the pots.", Fault.LANGUAGE),
        ("en", "Kettle makes tea faster than…", Fault.CUT),
        ("en", "Kettle is a way to make tea with the", Fault.CUT),
        ("en", "Kettle is a way to make tea with few parame", Fault.CUT),
        ("zh-Hans", "提出了一种泡茶方法，", Fault.CUT),
        ("zh-Hans", "提出了一种泡茶方法（例如...）。", Fault.CUT),
        ("zh-Hans", "提出了一种泡茶方法，并将其用于水和", Fault.CUT),
        ("fr", "Kettle, une méthode de...", Fault.CUT),
        ("en", "Kettle makes tea " + "very " * 60 + "fast.", Fault.LONG),
        ("zh-Hans", "茶" * 151, Fault.LONG),
        ("en", "Kettle gains 7.9% over pots.", Fault.NUMBER),
        ("en", "Kettle was trained on 12 million cups.", Fault.NUMBER),
        ("zh-Hans", "提出了一种泡茶方法，用了13万杯茶。", Fault.NUMBER),
        ("zh-Hans", "提出了一种泡茶方法，覆盖二十五个国家。", Fault.NUMBER),
        ("en", "Kettle makes better tea than ChatGPT.", Fault.NAME),
        ("en", "Kettle makes tea in Poland.", Fault.NAME),
        ("zh-Hans", "Ketle 是一种泡茶方法，优于 BERT。", Fault.NAME),
        ("de", "Kettle kocht besser als TeaGPT und spart Zeit.", Fault.NAME),
        (
            "en",
            "We propose Kettle, a low-rank adaptation (LoRA) of pots that was trained on 1,200,000 cups.",
            Fault.COPIED,
        ),
        ("en", "Kettle: Low-Rank Tea for Everybody at Home", Fault.COPIED),
    ],
)
def test_bad_words_are_refused_for_what_they_are(language: str, headline: str, fault: Fault) -> None:
    assert fault in faults(headline, language)


@pytest.mark.parametrize(
    ("title", "abstract", "expected"),
    [
        ("茶壶：低秩的茶", "泡茶需要时间。我们提出了茶壶。", set()),
        ("Kettle", "", set()),
        ("SAMM（Segment Any Medical Model）：用于茶的集成", "", set()),
        ("Kettle: Low-Rank Tea for Everybody at Home", "", {Fault.COPIED}),
        ("Low-Rank Tea for All of Us at Home", "", {Fault.LANGUAGE}),
        ("论文标题：低秩的茶", "", {Fault.LABEL}),
        ("低秩的茶（arXiv:2402.10001v2 [cs.CL] 更新）", "", {Fault.HEAD}),
        ("茶壶", "摘要：泡茶需要时间。", {Fault.LABEL}),
        ("茶壶", "泡茶需要时间。我们提出了...", {Fault.CUT}),
        ("茶壶", "泡茶需要时间。我们展示了茶壶的效率", {Fault.CUT}),
        ("茶壶", "我们展示了茶壶的效率", set()),
        ("茶壶", ABSTRACT, {Fault.COPIED}),
        ("茶壶", "泡茶需要时间。 We propose a pot that makes tea in half of the time.", {Fault.LANGUAGE}),
    ],
)
def test_a_title_and_an_abstract_are_judged_where_they_are_given(
    title: str, abstract: str, expected: set[Fault]
) -> None:
    assert faults(ZH, "zh-Hans", title, abstract) == expected


def test_what_a_cut_off_abstract_had_nobody_knows() -> None:
    cut = replace(PAPER, abstract=ABSTRACT[:100])
    assert faults("Kettle gains 7.9% over ChatGPT.", paper=cut) == set()
    assert faults("Kettle gains 7.9% over ChatGPT.", paper=replace(PAPER, abstract="")) == {Fault.NUMBER, Fault.NAME}


def test_every_refusal_says_in_one_line_what_to_do_and_what_is_wrong() -> None:
    (long,) = refusals(PAPER, SummaryText("zh-Hans", "茶" * 200))
    assert long.why == "The headline has 200 characters; say it in one of at most 150."
    (number,) = refusals(PAPER, SummaryText("en", "Kettle gains 7.9% over pots."))
    assert number.why == "The title and the abstract do not have the number 7.9; leave it out."


def test_a_headline_made_here_is_never_too_long() -> None:
    assert COLUMNS == LIMIT == width("茶" * (LIMIT // 2))


@given(st.text(max_size=400), st.sampled_from(["en", "zh-Hans", "zh-Hant", "ja", "fr", "ru"]), st.text(max_size=200))
def test_any_words_get_an_answer_without_a_fault_twice(text: str, language: str, abstract: str) -> None:
    found = refusals(replace(PAPER, abstract=abstract), SummaryText(language, text, text, text))
    assert len({refusal.kind for refusal in found}) == len(found)
    assert all("\n" not in refusal.why and refusal.why.endswith(".") for refusal in found)
    assert text.strip() or Fault.EMPTY in {refusal.kind for refusal in found}


@given(st.integers(13, 10**9), st.sampled_from(["{:,}", "{}", "{:_}"]))
def test_a_number_of_the_paper_may_be_written_with_or_without_separators(value: int, form: str) -> None:
    paper = replace(PAPER, abstract=f"We counted {form.format(value).replace('_', '{,}')} cups of tea in all.")
    assert faults(f"A count of {value:,} cups of tea.", paper=paper) == set()
    assert faults(f"茶共{value}杯。", "zh-Hans", paper=paper) == set()
    wrong = value * 2 + 1 + (value == 33)  # 67 is what is left of 100
    assert Fault.NUMBER in faults(f"A count of {wrong:,} cups of tea.", paper=paper)
