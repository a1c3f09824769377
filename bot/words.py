"""The bot's own words in the reader's language: gettext catalogues with plurals, dates and lists the reader's way.

English message ids stand in the code; ``locales/<language>.po`` holds the others, read when first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Any

from bot.model import LANGUAGES

LOCALES = Path(__file__).parent / "locales"
NAMES = {"en": "English", "zh-Hans": "简体中文", "zh-Hant": "繁體中文"}


def language_for(locale: str, default: str = "en") -> str:
    """The language of ours nearest to a platform's hint (``zh-TW``, ``en-US``, ``zh``); ``default`` if none."""
    tag = locale.replace("_", "-").casefold()
    if tag.startswith("zh"):
        return "zh-Hant" if any(part in tag for part in ("hant", "tw", "hk", "mo")) else "zh-Hans"
    return "en" if tag.startswith("en") else default


class Words:
    """One language's words. Placeholders are ``{name}``."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._catalogue: Any = None
        self._plural: Callable[[int], int] = lambda n: int(n != 1)
        if self.language != "en":
            from babel.messages.pofile import read_po

            with (LOCALES / f"{self.language.replace('-', '_')}.po").open("rb") as file:
                self._catalogue = read_po(file, locale=self._locale)
            self._plural = c2py(self._catalogue.plural_expr)

    @property
    def _locale(self) -> str:
        return self.language.replace("-", "_")

    def say(self, message: str, /, **values: object) -> str:
        """``message`` in this language, its placeholders filled."""
        text = message
        if self._catalogue is not None:
            found = self._catalogue.get(message)
            if found is not None and isinstance(found.string, str) and found.string:
                text = found.string
        return text.format(**values) if values else text

    def count(self, one: str, many: str, n: int, /, **values: object) -> str:
        """The right plural for ``n``, which fills ``{n}``."""
        text = one if n == 1 else many
        if self._catalogue is not None:
            found = self._catalogue.get(one)
            if found is not None:
                forms = (found.string,) if isinstance(found.string, str) else found.string
                text = forms[min(self._plural(n), len(forms) - 1)] or text
        return text.format(n=self.number(n), **values)

    def number(self, n: int) -> str:
        return f"{n:,}"

    def day(self, on: date, *, year: bool = False) -> str:
        """``Tuesday 8 April``, ``4月8日星期二``; with ``year``, ``Tuesday 8 April 2025``."""
        if self.language == "en":
            return f"{on:%A} {on.day} {on:%B}" + (f" {on.year}" if year else "")
        from babel.dates import format_date

        return format_date(on, ("y年" if year else "") + "M月d日EEEE", locale=self._locale)

    def weekday(self, number: int, *, short: bool = False) -> str:
        """An ISO weekday: ``Monday``, ``Mon``, ``星期一``, ``周一``."""
        from babel.dates import get_day_names

        return str(get_day_names("abbreviated" if short else "wide", "stand-alone", locale=self._locale)[number - 1])

    def sentences(self, *texts: str) -> str:
        """One after the other, with a space between them where the language writes one."""
        return ("" if self.language.startswith("zh") else " ").join(text for text in texts if text)

    def listing(self, items: Sequence[str]) -> str:
        """``a, b and c``."""
        if self.language != "en":
            return "、".join(items)
        return " and ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)


@cache
def words_for(language: str) -> Words:
    return Words(language)
