from __future__ import annotations

import pytest

from bot.quantities import claimed, han_value, known, supported


@pytest.mark.parametrize(
    ("numeral", "value"),
    [("三千二百", 3200), ("二〇二三", 2023), ("十五", 15), ("两万", 20_000), ("一亿二千万", 120_000_000), ("七", 7)],
)
def test_chinese_numerals_are_numbers(numeral: str, value: float) -> None:
    assert han_value(numeral) == value


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("20%", "twenty percent"),
        ("20%", "a share of 0.2"),
        ("７０％", "70\\%"),
        ("百分之二十五", "25 %"),
        ("50%", "half of them"),
        ("2倍", "twice as fast"),
        ("1.2亿", "120 million"),
        ("1.2 billion", "1,200,000,000"),
        ("7B parameters", "7 billion parameters"),
        ("70亿", "7B"),
        ("30%", "29.7%"),
        ("30年", "three decades"),
        ("7月", "in July"),
        ("10,000", "$10{,}000$"),
        ("10,000", "10 000 cups"),
        ("3-6倍", "3 to 6 times"),
        ("21", "twenty-one"),
        ("35", "三十五"),
        ("10的-3次方", "10⁻³"),
        ("3900万", "from 39 to 42 million"),
        ("4400万", "a 44-million atom structure"),
        ("4450-6050万", "of $44.5-60.5 million"),
        ("3 to 5 million", "3 cups, 5 million pots"),
        ("10亿", "$10^{9}$"),
        ("29%", "29.7%"),
    ],
)
def test_one_number_has_many_forms(said: str, source: str) -> None:
    claims = list(claimed(said))
    assert claims
    assert all(supported(one, known(source)) for one in claims)


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("21%", "20%"),
        ("12万", "12 thousand"),
        ("5.1", "5"),
        ("2,023", "2024"),
        ("三十五", "thirty"),
        ("40", "29.7"),
        ("80亿", "80 billion"),
        ("141亿", "141 million"),
    ],
)
def test_another_number_is_another(said: str, source: str) -> None:
    assert not all(supported(one, known(source)) for one in claimed(said))


@pytest.mark.parametrize(
    "text", ["GPT-4", "ResNet50", "COVID-19", "Task 2", "$x_2$", "二十面体", "数十万", "一种", "十分", "两两"]
)
def test_what_belongs_to_a_name_or_a_phrase_is_no_claim(text: str) -> None:
    assert list(claimed(text)) == []
