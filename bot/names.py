"""Latin names and acronyms in a text, and whether another text has them in some form. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from bot.text import readable

SCRIPTS = {
    "ja": "\u3041-\u30ff\u3400-\u9fff", "ko": "\uac00-\ud7af\u1100-\u11ff", "el": "\u0370-\u03ff",
    "he": "\u0590-\u05ff", "ru": "\u0400-\u04ff", "uk": "\u0400-\u04ff", "bg": "\u0400-\u04ff",
    "sr": "\u0400-\u04ffA-Za-z", "ar": "\u0600-\u06ff", "fa": "\u0600-\u06ff", "ur": "\u0600-\u06ff",
    "hi": "\u0900-\u097f", "bn": "\u0980-\u09ff", "th": "\u0e00-\u0e7f",
}  # fmt: skip
"""The letters of languages that are written in other than Latin ones; a language that is not here and not Chinese is
taken to be written in Latin letters."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-'’.+/&][A-Za-z0-9]+)*")
_SPELLED = re.compile(r"[A-Z][a-z]+(?:[ -][A-Z][a-z]+)+")
_ACRONYM = re.compile(r"\b[A-Z]{2,}s?\b")
_CAPITALISED = re.compile(r"[A-Z][a-z'’]+")
_BEGINNING = re.compile(r"""[.!?:;—–"'“‘(（《「\[-]\s*$""")
_WORD = re.compile(r"[^\W_]+")
_PASSING = frozenset(["ai", "ml", "dl", "nlp", "f1", "usd", "eur", "vs"])
"""What goes by a name that papers spell otherwise (``$``), and what anybody calls the field."""


_SMALL = frozenset(["a", "an", "and", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with", "via"])


def unsupported_name(text: str, language: str, source: str) -> str:
    """The first Latin name or acronym that ``text`` has and ``source`` has in no form; empty without one.

    A name is found in any case and number, as part of a longer one, and as the first letters of words.
    """
    names = [name for name in _names(text, language.partition("-")[0]) if name.removesuffix("s") not in source]
    if not names:
        return ""
    words = _words(source)
    names = [name for name in names if not _has_name(name, words)]
    if names and ("\\" in source or "$" in source or not source.isascii()):
        words = _words(_folded(readable(source)))
        names = [name for name in names if not _has_name(_folded(name), words)]
    # "Key Performance Indicators" of a paper that has KPI alone.
    if names and (acronyms := _ACRONYM.findall(source)):
        initials = {run: "".join(re.findall("[A-Z]", run)) for run in _SPELLED.findall(text)}
        names = [
            name
            for name in names
            if not any(name in run and _within(initials[run], one) for run in initials for one in acronyms)
        ]
    return names[0][:40] if names else ""


def _names(text: str, base: str) -> Iterator[str]:
    latin = base != "zh" and base not in SCRIPTS
    title_case = latin and sum(word[:1].isupper() for word in text.split()) * 2 > len(text.split())
    for match in _NAME.finditer(text):
        name = match.group().removesuffix("'s").removesuffix("’s")
        if name.islower() or len(name) < 2 or name.lower() in _PASSING:
            continue
        if match.start() and (text[match.start() - 1].isdigit() or text[match.start() - 1] in "\\^_"):
            continue  # a unit: 5GB
        if latin:
            plain = all(_CAPITALISED.fullmatch(part) or part.islower() for part in re.split(r"[-/&.]", name))
            if base != "en" and (plain or name.isupper()):
                continue  # nouns of German; acronyms that are translated
            if plain and (
                title_case or not match.start() or _BEGINNING.search(text, max(0, match.start() - 4), match.start())
            ):
                continue
        yield name


def _within(letters: str, acronym: str) -> bool:
    rest = iter(acronym)
    return all(letter in rest for letter in letters)


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _words(source: str) -> list[str]:
    return _WORD.findall(source.lower())


def _has_name(name: str, words: list[str]) -> bool:
    # Of "PQC-based" the name is PQC.
    parts = [part.lower() for part in _WORD.findall(name) if not part.islower()]
    squeezed = "".join(parts)
    if len(squeezed) >= 4 and any(
        "".join(words[at : at + 6]).startswith(squeezed) for at, word in enumerate(words) if squeezed[0] == word[0]
    ):
        return True
    return all(_has_part(part, words) for part in parts)


def _has_part(part: str, words: list[str]) -> bool:
    if part.isdigit() or len(part) < 2:
        return True
    stem = part[:-1] if part.endswith("s") and len(part) > 2 else part
    # Bayes and Bayesian, Fourier's and Fourier; not RNN and RNA.
    beginning = stem[: max(4, len(stem) - 3)]
    if any(word.startswith(beginning) for word in words):
        return True
    return _abbreviates(stem, words)


def _abbreviates(acronym: str, words: list[str]) -> bool:
    """Whether neighbouring words begin with the letters of ``acronym``; small words between them count for nothing, and
    less than half of the letters may stand inside of a word (``XML``: extensible markup language)."""
    letters = re.sub(r"\d", "", acronym)
    if not 2 <= len(letters) <= 8:
        return not letters
    inside = (len(letters) - 1) // 2
    return any(
        (word[0] == letters[0] or (letters[0] == "x" and word.startswith("ex")))
        and _goes_on(letters[1:], words, at, 1, inside)
        for at, word in enumerate(words)
    )


def _goes_on(letters: str, words: list[str], at: int, offset: int, inside: int) -> bool:
    if not letters:
        return True
    for following in range(at + 1, min(at + 4, len(words))):
        if words[following][0] == letters[0] and _goes_on(letters[1:], words, following, 1, inside):
            return True
        if words[following] not in _SMALL:
            break
    step = words[at].find(letters[0], offset) if inside else -1
    return step >= 0 and _goes_on(letters[1:], words, at, step + 1, inside - 1)
