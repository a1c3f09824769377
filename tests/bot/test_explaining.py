from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.documents import Document, holds
from bot.explaining import Blocked, blocked, explain, hopeless
from bot.model import WANTED
from bot.query import Field, Leaf, parse

PAPER = Document(
    titles=("Sparse QLoRA for gardens", "花园的稀疏微调"),
    texts=("We fine-tune adapters.", "Trans-LoRA and LoRAs in Gardens; C++.", "本文研究大型花园模型GPT-4。"),
    authors=("Ada Rogers", "Jean-Pierre Łuk"),
    categories=("cs.CL", "stat.ML"),
    news=("cross",),
    subjects=("微调", "parameter tuning"),
)


def said(query: str) -> list[tuple[str, Field, tuple[str, ...]]]:
    return [(found.leaf.text, found.where, found.words) for found in explain(parse(query), PAPER)]


def test_each_word_is_told_with_where_it_stands_and_how_it_is_written_there() -> None:
    assert said("lora garden") == [
        ("lora", Field.TITLE, ("QLoRA",)),
        ("lora", Field.ABSTRACT, ("Trans-LoRA", "LoRAs")),
        ("garden", Field.TITLE, ("gardens",)),
        ("garden", Field.ABSTRACT, ("Gardens",)),
    ]
    assert said('finetune "adapters" missing') == [
        ("finetune", Field.ABSTRACT, ("fine-tune",)),
        ("adapters", Field.ABSTRACT, ("adapters",)),
    ]
    assert said('"fine-tune adapters"') == [("fine-tune adapters", Field.ABSTRACT, ("fine-tune adapters",))]


def test_chinese_is_told_as_it_is_written() -> None:
    assert said("花园的") == [("花园的", Field.TITLE, ("花园的",))]
    assert said("模") == [("模", Field.ABSTRACT, ("模",))]
    assert said('"模型 gpt-4"') == [("模型 gpt-4", Field.ABSTRACT, ("模型 GPT-4",))]


def test_fields_of_one_value_and_prefixes_are_told_too() -> None:
    assert said("cat:cs.* is:cross au:rog* is:new") == [
        ("cs.*", Field.CATEGORY, ()),
        ("cross", Field.NEWS, ()),
        ("rog*", Field.AUTHOR, ("rogers",)),
    ]


LEAVES = st.sampled_from(
    ["lora", "survey", "gardens", "ti:adapters", "garden*", "quant*", '"fine-tune adapters"', "微调", "花园的",
     "au:rogers", "au:knuth", "subject:tuning", "subject:微調",
    "cat:cs.CL", "cat:math.*", "is:cross", "is:new", "date:2024..",
     "date:..2020", "id:2504.00001"]
)  # fmt: skip
QUERIES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("(lora -{})".format, inner),
        st.builds("(-(-{} OR survey) lora)".format, inner),
    ),
    max_leaves=8,
)


@given(QUERIES)
def test_whatever_keeps_a_paper_away_is_said_and_said_truly(text: str) -> None:
    query = parse(text)
    reasons = blocked(query, PAPER)
    assert bool(reasons) is not holds(query, PAPER)
    for reason in reasons:
        assert reason.missing or reason.unwanted
        assert not any(holds(leaf, PAPER) for leaf in reason.missing)
        assert all(holds(found.leaf, PAPER) for found in reason.unwanted)


@given(QUERIES)
def test_of_a_paper_that_matches_something_is_shown(text: str) -> None:
    query = parse(text)
    assert all(holds(found.leaf, PAPER) for found in explain(query, PAPER))
    assert explain(query, PAPER) or not holds(query, PAPER)


TODAY = date(2025, 4, 8)


@pytest.mark.parametrize(
    ("query", "reasons"),
    [
        ("LoRA", []),
        ("LoRA date:..2020", ["date:..2020"]),
        ("LoRA date:2025-04-07", ["date:2025-04-07"]),
        ("LoRA date:2025-04-08", []),
        ("LoRA date:2025", []),
        ("LoRA date:2025-05..", []),
        ("LoRA OR date:..2020", []),
        ("LoRA -date:..2020", []),
        ("LoRA -date:2020..", ["date:2020.."]),
        ("LoRA -date:2026..", []),
        ("LoRA is:cross", []),
        ("LoRA -is:cross", []),
        ("LoRA is:update", ["is:update"]),
        ("LoRA -is:update", []),
        ("LoRA (is:update OR date:..2020)", ["is:update", "date:..2020"]),
        ("LoRA (is:update OR is:new)", []),
        ("LoRA -(is:update date:..2020)", []),
        ("LoRA -(is:cross OR date:2020..)", ["date:2020.."]),
    ],
)
def test_a_query_for_days_that_are_past_or_news_that_does_not_come_is_hopeless(query: str, reasons: list[str]) -> None:
    assert list(map(str, hopeless(parse(query), TODAY, WANTED))) == reasons


def texts(leaves: tuple[Leaf, ...]) -> list[str]:
    return [leaf.text for leaf in leaves]


def shape(reason: Blocked) -> object:
    return texts(reason.missing) if reason.missing else [(f.leaf.text, f.where, f.words) for f in reason.unwanted]


@pytest.mark.parametrize(
    ("query", "reasons"),
    [
        ("lora", []),
        ("lora survey", [["survey"]]),
        ("lora survey -ti:gardens", [["survey"], [("gardens", Field.TITLE, ("gardens",))]]),
        ("(survey OR review) lora", [["survey", "review"]]),
        ("lora -(cat:cs.CL ti:lora)", [[("cs.CL", Field.CATEGORY, ()), ("lora", Field.TITLE, ("QLoRA",))]]),
        ("ti:adapters OR (survey lora)", [["adapters", "survey"]]),
        ("lora -(-survey OR ti:adapters)", [["survey"]]),
        ("lora cat:math.* is:new", [["math.*"], ["new"]]),
        (
            "quant* -gard*",
            [["quant*"], [("gard*", Field.TITLE, ("gardens",)), ("gard*", Field.ABSTRACT, ("gardens",))]],
        ),
    ],
)
def test_what_keeps_a_paper_away_is_told(query: str, reasons: list[object]) -> None:
    assert [shape(reason) for reason in blocked(parse(query), PAPER)] == reasons
