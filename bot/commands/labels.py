"""Texts that somebody writes in several languages at once: ``en: Hello zh-Hans: 你好``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.commands.context import language_named

_LABEL = re.compile(r"(?:(?<=\s)|^)([A-Za-z]{2,3}(?:-[A-Za-z]{2,8})*) ?[:：]\s*")


def texts_of(written: str, languages: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """``en: Hello zh-Hans: 你好`` as texts by language; where it begins with none of these, one text for all, under "".
    Later texts of a language replace earlier ones; empty ones are left out."""
    marks = [(found, language_named(found[1], languages)) for found in _LABEL.finditer(written)]
    known = [(found, language) for found, language in marks if language]
    if not known or written[: known[0][0].start()].strip():
        return (("", written.strip()),) if written.strip() else ()
    ends = [found.start() for found, _ in known[1:]] + [len(written)]
    texts = {language: written[found.end() : end].strip() for (found, language), end in zip(known, ends, strict=True)}
    return tuple((language, text) for language, text in texts.items() if text)
