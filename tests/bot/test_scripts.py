from __future__ import annotations

import pytest

from bot.scripts import convert, language_of


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
    assert convert("参数高效的适配器", "zh-Hant") == "參數高效的適配器"
    assert convert("接口卡", "zh-Hant") == "介面卡"
    assert convert("循环神经网络的激活函数：局部与全局", "zh-Hant") == "循環神經網路的激活函數：局部與全域"
    assert convert("軟體裡的網路", "zh-Hans") == "软体里的网路"
    assert convert("隨著時間，相對於著作，序列要整合", "zh-Hans") == "随着时间，相对于著作，序列要整合"
