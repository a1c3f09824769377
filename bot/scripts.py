"""Which language a text is in, and Chinese from one script into the other. Pure."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")
"""A run of Chinese characters."""
_LATIN = re.compile(r"[A-Za-z][A-Za-z'’-]*")


_MISTAKEN = (
    ("参数", "引數", "參數"), ("适配器", "介面卡", "適配器"), ("函数", "函式", "函數"), ("激活", "啟用", "激活"),
    ("循环", "迴圈", "循環"), ("全局", "全域性", "全域"), ("局部", "區域性", "局部"),
    ("研究对象", "研究物件", "研究對象"),
)  # fmt: skip
"""What s2twp takes for a programmer's word (an argument, a network card, a loop), and what a paper means."""


def convert(text: str, language: str) -> str:
    """Chinese ``text`` in the script of ``language``: Taiwan's words for zh-Hant (OpenCC s2twp), the characters alone
    for zh-Hans (tw2s, which knows 隨著, then t2s, which knows 相對於).

    What is written in Traditional characters often has the mainland's words already, and its 序列 (sequence) and 整合
    would become 串行 (serial) and 集成 if Taiwan's words were put back.
    """
    if language == "zh-Hant":
        converted: str = _converter("s2twp").convert(text)
        for word, wrong, right in _MISTAKEN:
            converted = converted.replace(wrong, right) if word in text else converted
        return converted
    for name in ("tw2s", "t2s"):
        text = _converter(name).convert(text)
    return text


@cache
def _converter(name: str) -> Any:
    # Imported late: loading its dictionaries would be felt in every `--help`.
    from opencc import OpenCC

    return OpenCC(name)


@cache
def _script_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """One character that only Traditional, and one that only Simplified Chinese writes."""
    han = [chr(code) for code in range(0x4E00, 0xA000)]
    simplified = _converter("t2s").convert("\n".join(han)).split("\n")
    traditional = _converter("s2t").convert("\n".join(han)).split("\n")
    only_traditional = frozenset(a for a, b in zip(han, simplified, strict=True) if a != b)
    only_simplified = frozenset(a for a, b in zip(han, traditional, strict=True) if a != b) - only_traditional
    return re.compile(f"[{''.join(only_traditional)}]"), re.compile(f"[{''.join(only_simplified)}]")


def language_of(text: str, unsure: str = "zh-Hans") -> str:
    """``en``, ``zh-Hans`` or ``zh-Hant``, whichever the text mostly is; empty for an empty text.

    ``unsure`` is said of Chinese that both scripts write alike. Any language without Chinese characters is ``en``.
    Looks at the first 400 characters.
    """
    text = text[:400]
    if text.isascii():
        return "en" if text.strip() else ""
    if not _is_chinese(text):
        return "en"
    only_traditional, only_simplified = _script_patterns()
    found = only_traditional.findall(text)
    if not found:  # nearly always so in Simplified Chinese; counting its characters would be most of the work
        return "zh-Hans" if only_simplified.search(text) else unsure
    traditional, simplified = len(set(found)), len(set(only_simplified.findall(text)))
    if traditional == simplified:
        return unsure
    return "zh-Hant" if traditional > simplified else "zh-Hans"


def is_chinese(text: str) -> bool:
    """Whether ``language_of`` says one of the Chinese scripts; quicker where it does not matter which."""
    text = text[:400]
    return not text.isascii() and _is_chinese(text)


def _is_chinese(text: str) -> bool:
    ideographs = sum(map(len, HAN.findall(text)))
    if 3 * ideographs > len(text):  # there is no room for words that would outweigh them
        return True
    return ideographs > 0 and ideographs * 1.5 >= len(_LATIN.findall(text))
