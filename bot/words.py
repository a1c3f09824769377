"""The bot's own words in the reader's language: gettext catalogues with plurals, dates and lists the reader's way.

English message ids stand in the code; ``locales/<language>.po`` holds the others, read when first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache, lru_cache
from gettext import c2py
from pathlib import Path
from typing import Any

from bot.model import LANGUAGES

LOCALES = Path(__file__).parent / "locales"
NAMES = {"en": "English", "zh-Hans": "简体中文", "zh-Hant": "繁體中文"}


def language_for(locale: str, default: str = "en", among: Sequence[str] = LANGUAGES) -> str:
    """The one of ``among`` (BCP 47) nearest to a platform's hint (``zh-TW``, ``en-US``, ``pt_BR``); ``default`` if
    none."""
    tag = locale.partition(".")[0].replace("_", "-").casefold()
    if tag.startswith("zh"):
        wanted = "zh-hant" if any(part in tag for part in ("hant", "tw", "hk", "mo")) else "zh-hans"
    else:
        wanted = tag
    for shorter in (wanted, wanted.partition("-")[0]):
        for one in among:
            if shorter and one.casefold() == shorter:
                return one
    return default


def language_name(language: str) -> str:
    """What a language is called in itself: ``日本語``; its tag where nobody knows."""
    if language in NAMES:
        return NAMES[language]
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(language, sep="-").display_name or language
    except (UnknownLocaleError, ValueError):
        return language


class Words:
    """One reader's words: ``language`` and the others that they ``accept``, in order. Placeholders are ``{name}``.

    Where there is no catalogue of a language, the bot's own words are English, its days those of the language.
    """

    def __init__(self, language: str, accepts: Sequence[str] = ()) -> None:
        self.language = language
        self.accepts = tuple(accepts)
        self.spoken = language if language in LANGUAGES else "en"
        self._catalogue, self._plural = _catalogue_of(self.spoken)

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
        from babel import UnknownLocaleError
        from babel.dates import format_date, format_skeleton

        if self.spoken != "en":
            return format_date(on, ("y年" if year else "") + "M月d日EEEE", locale=self._locale)
        try:
            return format_skeleton("yMMMMEEEEd" if year else "MMMMEEEEd", on, locale=self._locale)
        except (UnknownLocaleError, ValueError, KeyError):
            return words_for("en").day(on, year=year)

    def weekday(self, number: int, *, short: bool = False) -> str:
        """An ISO weekday: ``Monday``, ``Mon``, ``星期一``, ``周一``."""
        from babel.dates import get_day_names

        return str(get_day_names("abbreviated" if short else "wide", "stand-alone", locale=self._locale)[number - 1])

    def sentences(self, *texts: str) -> str:
        """One after the other, with a space between them where the language writes one."""
        return ("" if self.spoken.startswith("zh") else " ").join(text for text in texts if text)

    def listing(self, items: Sequence[str]) -> str:
        """``a, b and c``."""
        if self.spoken != "en":
            return "、".join(items)
        return " and ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)


@cache
def _catalogue_of(language: str) -> tuple[Any, Callable[[int], int]]:
    """The catalogue (None for English) and which plural form a number takes."""
    if language == "en":
        return None, lambda n: int(n != 1)
    from babel.messages.pofile import read_po

    locale = language.replace("-", "_")
    with (LOCALES / f"{locale}.po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    return catalogue, c2py(catalogue.plural_expr)


@lru_cache(512)
def words_for(language: str, accepts: tuple[str, ...] = ()) -> Words:
    return Words(language, accepts)
