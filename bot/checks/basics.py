"""Checks of plain values: texts, lists, numbers, switches, and what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

_T = TypeVar("_T")


class Wrong(ValueError):
    """A value that cannot be used: what is wrong with it, without the value where that is secret, and the mend.
    ``more``: what else is wrong with the same value."""

    def __init__(self, wrong: str, mend: str, more: tuple[Wrong, ...] = ()) -> None:
        super().__init__(wrong)
        self.wrong, self.mend, self.more = wrong, mend, more


def text_of(value: object, mend: str = "write a text in quotes") -> str:
    if not isinstance(value, str):
        raise Wrong(f"{value!r} is not a text", mend)
    return value.strip()


def listed(value: object, example: str) -> list[str]:
    if isinstance(value, str):
        return [part for part in (p.strip() for p in value.split(",")) if part]
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return [part.strip() for part in value]
    raise Wrong("is not a list of texts", f'write "{example}", or a list of texts in quotes')


def each(parts: Iterable[str], check: Callable[[str], _T]) -> tuple[_T, ...]:
    """Every part checked, each kept once. Raises Wrong with all that is wrong, not the first alone."""
    found: dict[_T, None] = {}
    faults: list[Wrong] = []
    for part in parts:
        try:
            found[check(part)] = None
        except Wrong as fault:
            faults.append(fault)
    if faults:
        raise Wrong(faults[0].wrong, faults[0].mend, tuple(faults[1:]))
    return tuple(found)


def one_of(*choices: str) -> Callable[[object], str]:
    def chosen(value: object) -> str:
        mend = "write one of " + ", ".join(choices)
        text = text_of(value, mend).lower()
        if text not in choices:
            raise Wrong(f"{value!r} is not known", mend)
        return text

    return chosen


def flag(value: object) -> bool:
    mend = "write true or false"
    if isinstance(value, bool):
        return value
    text = text_of(value, mend).lower()
    if text not in ("true", "false", "yes", "no", "on", "off", "1", "0"):
        raise Wrong(f"{text!r} is neither true nor false", mend)
    return text in ("true", "yes", "on", "1")


def number(least: int, most: int) -> Callable[[object], int]:
    mend = f"write a number from {least} to {most}"

    def checked(value: object) -> int:
        text = str(value).strip().replace("_", "")
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,13}", text, re.ASCII) or not least <= int(text) <= most:
            raise Wrong(f"{value!r} is not a number from {least} to {most}", mend)
        return int(text)

    return checked


def amount(value: object) -> float:
    """Of money, in whatever unit."""
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,7}(\.\d{1,6})?", text, re.ASCII):
        raise Wrong(f"{value!r} is not an amount of money", "write a number, as 0.5")
    return float(text)


def seconds(value: object) -> float:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text, re.ASCII):
        raise Wrong(f"{value!r} is not a number of seconds", "write a number, as 3")
    return float(text)


def name(value: object) -> str:
    text = text_of(value, "write a name in quotes")
    if len(text) > 200 or not text.isprintable():
        raise Wrong("is not a name", "write at most 200 characters in one line")
    return text
