"""Numbers in a text, however they are written: digits, words, Chinese numerals, separators and powers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.text import readable

_WIDE = str.maketrans("０１２３４５６７８９，．％＋－", "0123456789,.%+-")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉]+")
_LOWERED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")
_TEX_COMMA = re.compile(r"(?<=\d)(?:\{,\}|\\,|[\u2009\u202f\u00a0']| (?=\d{3}\b(?! ?\d)))(?=\d{3})")
_DIGITS = re.compile(
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?P<power>[\s-]*(?:thousand|million|billion|trillion|hundred|[百千万萬亿億兆]+)|[kKMBT](?![A-Za-z])|"
    r" [MBT](?![\w-]))?"
)
_RANGE = re.compile(rf"(\d+(?:\.\d+)?)\s*(?:to|and|or|-|–|—|~|～|至|到)\s*{_DIGITS.pattern}")
_TEN_TO = re.compile(r"10\s*\^\s*\{?(\d{1,2})")
_POWERS = {
    "decade": 10.0, "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12,
    "k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12,
    "百": 1e2, "千": 1e3, "万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8, "兆": 1e12,
}  # fmt: skip
_LETTERS = frozenset("kKMBT")
_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_MONTHS = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
]  # fmt: skip
_SMALL = (
    {word: float(value) for value, word in enumerate(_ONES)}
    | {word: 20.0 + 10 * value for value, word in enumerate(_TENS)}
)  # fmt: skip
_SAID: dict[str, tuple[float, ...]] = {
    "half": (0.5, 2), "halves": (0.5,), "halve": (0.5, 2), "halved": (0.5, 2), "halving": (0.5, 2),
    "third": (3, 1 / 3), "thirds": (3, 2 / 3), "quarter": (4, 0.25), "quarters": (4, 0.75), "fourth": (4, 0.25),
    "fifth": (5, 0.2), "sixth": (6,), "seventh": (7,), "eighth": (8,), "ninth": (9,), "tenth": (10, 0.1),
    "twice": (2,), "double": (2,), "doubles": (2,), "doubled": (2,), "doubling": (2,), "twofold": (2,),
    "triple": (3,), "thrice": (3,), "tenfold": (10,), "dozen": (12,), "dozens": (12,), "first": (1,), "second": (2,),
    "single": (1,), "unit": (1,), "dual": (2,), "pair": (2,), "pairwise": (2,), "binary": (2,), "bilateral": (2,),
    "century": (100,), "decade": (10,), "decades": (10,), "hundred": (100,), "hundreds": (100,), "thousand": (1e3,),
    "thousands": (1e3,), "million": (1e6,), "millions": (1e6,), "billion": (1e9,), "billions": (1e9,),
    "trillion": (1e12,),
} | {month: (float(number),) for number, month in enumerate(_MONTHS, 1)}  # fmt: skip
_ENGLISH = re.compile(
    rf"\b(?P<small>{'|'.join(sorted(_SMALL, key=len, reverse=True))})(?:[- ](?P<unit>{'|'.join(_ONES[1:10])}))?\b"
    r"(?:[ -](?P<power>decade|hundred|thousand|million|billion|trillion)s?)?"
    rf"|\b(?P<said>{'|'.join(sorted(_SAID, key=len, reverse=True))})\b",
    re.IGNORECASE,
)
_HAN_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {
    "〇": 0, "两": 2, "兩": 2, "壹": 1, "贰": 2, "叁": 3,
}  # fmt: skip
_HAN_STEPS = {"十": 10, "百": 100, "千": 1000}
_HAN_BLOCKS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_HAN = re.compile("[零〇一二三四五六七八九两兩十百千万萬亿億]+")
_HAN_LOOSE = re.compile(
    "百分|千米|千克|十分|一一|万一|两两|兩兩|[数數几幾上成][十百千万萬亿億]+|[一二三四五六七八九十]+[面边邊]"
)
"""Where numerals stand in other words, or count nothing exactly."""
_NAMED = re.compile(r"(?:[A-Za-z_^]|[A-Za-z]\w*[-–]|[A-Za-z_]\.|\b[A-Z][A-Za-z]+ |\d[./])$")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that is claimed: as ``written``, its ``value`` with its power (million, 万) and without (``bare``), and
    what its last digit is worth (``step``). ``open``: the power is that of the number after it, and may not be its own.
    """

    written: str
    value: float
    bare: float
    step: float
    open: bool = False


def claimed(text: str) -> Iterator[Quantity]:
    """The numbers of a text that claim something: those in digits, but for the ones that end a name (``GPT-4``,
    ``ResNet50``), and Chinese numerals from 13 on; smaller ones are often counted or idiom."""
    text = _plain(text)
    for match in _DIGITS.finditer(text):
        # "GPT-4", "COVID-19", "$x_2$", "Task 2", "v1.5", "1/3": the number is another's.
        if _NAMED.search(text, max(0, match.start() - 20), match.start()):
            continue
        one = _read(match)
        ranged = None if match["power"] else _RANGE.match(text, match.start())
        if ranged and (last := _read(ranged)).bare:
            # "44.5-60.5 million"; or else 3 and 5 million.
            power = last.value / last.bare
            one = replace(one, value=one.value * power, step=one.step * power, open=True)
        yield one
    if not text.isascii():
        for match in _HAN.finditer(_HAN_LOOSE.sub("、", text)):
            value = han_value(match.group())
            if value is not None and value >= 13 and not set(match.group()) <= set("十百千万萬亿億"):
                yield Quantity(match.group(), value, value, 1.0)


def known(text: str) -> set[float]:
    """Every number that a text has, read generously: those inside names and words too, each with and without its
    power, and what ``half`` or ``twice`` may stand for."""
    text = _plain(text)
    found: set[float] = set()
    for match in _DIGITS.finditer(text):
        one = _read(match)
        found.add(one.value)
        if (match["power"] or "").strip() in _LETTERS:
            found.add(one.bare)  # 10 T may be a field, 5 K a temperature
        if "," in match["digits"] or "." in match["digits"]:
            # Of 1,024 and of 3.5 each part by itself, and the other way of writing decimals.
            found.update(float(part) for part in re.split("[,.]", match["digits"]) if part)
            found.add(float(match["digits"].replace(",", "").replace(".", "")))
    for match in _RANGE.finditer(text):
        # The first number of "39 to 42 million" has the power of the second.
        found.add(float(match[1]) * _read(match).value / _read(match).bare if _read(match).bare else 0.0)
    found.update(10.0 ** int(match[1]) for match in _TEN_TO.finditer(text))
    for match in _ENGLISH.finditer(text):
        if match["said"]:
            found.update(_SAID[match["said"].lower()])
            continue
        value = _SMALL[match["small"].lower()]
        found.add(value)
        if match["unit"]:
            value += _SMALL[match["unit"].lower()]
        found |= {value, value * _POWERS.get((match["power"] or "").lower(), 1.0)}
    if not text.isascii():
        for match in _HAN.finditer(text):
            if (counted := han_value(match.group())) is not None:
                found.add(counted)
    return found


def supported(one: Quantity, values: set[float]) -> bool:
    """Whether a claimed number is one of ``values``: the same, as a share for a percentage or what is left of 100, or
    rounded or cut to its own digits by less than 3 %."""
    value = one.value
    if (
        value in values
        or (one.open and one.bare in values)
        or (value <= 1000 and not values.isdisjoint((value / 100, value * 100, 100 - value)))
    ):
        return True
    return any(
        -one.step / 2 <= near - value < one.step and abs(near - value) <= 0.03 * abs(near)
        for known_value in values
        for near in ((known_value, known_value * 100) if known_value < 10 else (known_value,))
    )


def han_value(numeral: str) -> float | None:
    """``三千二百`` is 3200, ``二〇二三`` is 2023; None for what is no number (``百千``)."""
    if all(character in _HAN_DIGITS for character in numeral):
        return float("".join(str(_HAN_DIGITS[character]) for character in numeral))
    total, block, digit = 0, 0, None
    for character in numeral:
        if character in _HAN_DIGITS:
            digit = _HAN_DIGITS[character]
        elif character in _HAN_STEPS:
            block += (1 if digit is None else digit) * _HAN_STEPS[character]
            digit = None
        else:
            section, power = block + (digit or 0), _HAN_BLOCKS[character]
            total = total + section * power if total >= power and section else (total + section or 1) * power
            block, digit = 0, None
    return float(total + block + (digit or 0))


def _plain(text: str) -> str:
    text = _TEX_COMMA.sub(",", text.translate(_WIDE))
    if not text.isascii():
        text = _RAISED.sub(lambda match: f"^{match.group().translate(_LOWERED)} ", text)
    return text


def _read(match: re.Match[str]) -> Quantity:
    digits = match["digits"].replace(",", "")
    bare = float(digits)
    power = 1.0
    word = (match["power"] or "").strip(" -\u00a0\n")
    if word in _POWERS:
        power = _POWERS[word]
    else:
        for character in word:
            power *= _POWERS[character]
    decimals = len(digits.partition(".")[2])
    step = 10.0**-decimals
    if not decimals:
        step = 10.0 ** (len(digits) - len(digits.rstrip("0") or "0"))
    return Quantity(match.group().strip(), bare * power, bare, step * power)


def unsupported_number(text: str, source: str) -> str:
    """The first number that ``text`` claims and ``source`` does not have, as it is written; empty without one."""
    claims = list(claimed(text))
    if not claims:
        return ""
    values = known(source)
    missing = [one for one in claims if not supported(one, values)]
    if missing and ("\\" in source or "$" in source):
        values |= known(readable(source))
        missing = [one for one in missing if not supported(one, values)]
    return missing[0].written if missing else ""
