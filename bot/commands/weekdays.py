"""Weekdays as people write them: ``mon-fri``, ``Monday and Thursday``, ``周一至周五``, ``weekends``."""

from __future__ import annotations

import re
from itertools import pairwise

EVERY_DAY = frozenset(range(1, 8))
WORKING_DAYS = frozenset(range(1, 6))

_ENGLISH = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SETS = {
    "all": EVERY_DAY, "daily": EVERY_DAY, "every day": EVERY_DAY, "everyday": EVERY_DAY, "每天": EVERY_DAY,
    "weekdays": WORKING_DAYS, "workdays": WORKING_DAYS, "working days": WORKING_DAYS, "工作日": WORKING_DAYS,
    "weekend": frozenset({6, 7}), "weekends": frozenset({6, 7}), "周末": frozenset({6, 7}), "週末": frozenset({6, 7}),
}  # fmt: skip
_CHINESE = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "日": 7, "天": 7}
_BETWEEN = r"\s*(?:-|–|—|\.\.|~|\bto\b|到|至)\s*"
_APART = re.compile(r"\s*(?:,|;|/|\+|、|，|\band\b|和|\s)\s*")
_RANGE = re.compile(_BETWEEN)


def days_named(text: str) -> frozenset[int]:
    """The ISO weekdays (1 is Monday) that ``text`` names; a range may go over Sunday. Empty where any of it is not a
    weekday."""
    text = " ".join(text.casefold().replace("every day", "all").replace("working days", "workdays").split())
    found: set[int] = set()
    for part in _APART.split(_RANGE.sub("-", text).strip()):
        if not part:
            continue
        ends = [_days(name) for name in part.split("-")]
        if len(ends) > 2 or not all(ends):
            return frozenset()
        for first, last in pairwise(ends):
            if len(first) > 1 or len(last) > 1:
                return frozenset()
            begin, end = min(first), min(last)
            found.update((begin - 1 + n) % 7 + 1 for n in range((end - begin) % 7 + 1))
        found |= ends[0]
    return frozenset(found)


def _days(name: str) -> frozenset[int]:
    name = name.strip(".")
    if name in _SETS:
        return _SETS[name]
    if re.fullmatch("[1-7]", name):
        return frozenset({int(name)})
    chinese = re.fullmatch(r"(?:周|週|星期|礼拜|禮拜)?([一二三四五六日天]+)", name)
    if chinese:
        return frozenset(_CHINESE[one] for one in chinese[1])
    if len(name) >= 2 and name.isascii() and name.isalpha():
        near = [n for n, day in enumerate(_ENGLISH, 1) if day.startswith(name.removesuffix("s") or name)]
        if len(near) == 1:
            return frozenset(near)
    return frozenset()
