"""The one analyzer: TeX to readable text, text to terms at positions, a typed word or phrase to its readings.

What splits or joins a word depends on that word alone, so the matcher and the search index cannot disagree.
The document side is generous (several terms at one position), the query side is exact:

=====================  ==================================================================================
``fine-tuning``        ``fine`` + ``tune``, and ``finetun`` at both positions; a query reads as either
``LLMs``, ``papers``   the acronym's plural goes first, then English endings (Porter2)
``QLoRA``, ``Llama2``  in documents also the names inside: see `names_inside`
``微调方法``             characters and overlapping pairs; a query of two or more is a phrase of pairs
``é``, ``Ł``, ``ﬁ``    ``e``, ``l``, ``fi``; Traditional Chinese as Simplified, character by character
=====================  ==================================================================================
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import pairwise, product
from typing import Any

from bot.tex import readable

__all__ = ["names_inside", "phrases", "positions", "readable", "tokens"]

_LONGEST = 64
"""Characters of a term; the rest is cut, on both sides alike."""
_READINGS = 16

_HAN = "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]"  # noqa: E501
_HAN_RUNS = re.compile(f"({_HAN}+)")
_PART = r"[^\W_]+(?:(?:'(?=[^\W\d_])|(?<=\d)\.(?=\d))[^\W_]+)*"
_WORDS = re.compile(rf"{_PART}(?:-{_PART})*(?:(?:\+\+?|#)(?![\w+#]))?")
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ACRONYMS = re.compile(r"(?=.*[A-Z].*[A-Z])(.*[A-Z0-9])s", re.DOTALL)
_NO_VOWEL_PLURAL = re.compile(r"[b-df-hj-np-tv-xz]{2,}[b-df-hj-np-rtv-xz]s")

# Before decomposition: letters that do not decompose, and marks that would decompose into letters.
_LETTERS = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "Þ": "Th", "æ": "ae", "Æ": "Ae",
     "œ": "oe", "Œ": "Oe", "ı": "i", "™": " ", "®": " ", "©": " ", "℠": " "}
    | dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF])
)  # fmt: skip
# After it: combining accents go (kana's voicing marks are others and stay), kinds of hyphen and apostrophe are one.
_MARKS = str.maketrans(dict.fromkeys(range(0x300, 0x370)) | dict.fromkeys("‐‑‒–", "-") | dict.fromkeys("’‘ʼ`", "'"))

_STEMS = {
    stem: words.split()
    for stem, words in {
        "experiment": "experiment experiments experimental experimentally experimentation",
        "animal": "animal animals",
        "conversat": "conversation conversations conversational",
        "important": "important importantly importance",
        "emergency": "emergency emergencies",
        "generaliz": "generalization generalizations generalize generalizes generalized generalizing generalizable "
        "generalisation generalise generalises generalised generalising generalizability",
        "positive": "positive positives positively",
        "objective": "objective objectives",
        "authoriz": "authorization authorizations authorize authorized authorisation authority authorities",
        "relativity": "relativity relativistic",
        "informal": "informal informally",
        "negation": "negation negations",
        "transformer": "transformer transformers",
        "operator": "operator operators",
        "analysi": "analysis analyses",
    }.items()
}
"""Where Porter2 would let words meet that readers keep apart (experience and experiment), or part what is one."""
_EXCEPTIONS = {word: stem for stem, words in _STEMS.items() for word in words}


def tokens(text: str) -> list[tuple[int, str]]:
    """A document's (position, term), positions from 0; several terms may stand at one position."""
    return [(place, term) for place, terms in enumerate(positions(text)) for term in terms]


def positions(text: str, names: bool = False) -> list[tuple[str, ...]]:
    """A document's terms, one tuple a position. ``names``: of people, so without endings and names inside."""
    found: list[tuple[str, ...]] = []
    analyze = _name_word if names else _document_word
    for han, piece in _pieces(text):
        if han:
            found += [_pair(piece[at : at + 2]) for at in range(len(piece))]
        else:
            for word in _WORDS.findall(piece):
                found += analyze(word)
    return found


def phrases(text: str, names: bool = False) -> tuple[tuple[str, ...], ...]:
    """What a typed word or phrase reads as: alternatives, each a row of consecutive terms.

    Empty where there is nothing to search for. At most 16 alternatives.
    """
    parts: list[tuple[tuple[str, ...], ...]] = []
    pieces = [
        (han, piece) for han, run in _pieces(text) for piece in ([run] if han else _WORDS.findall(run))
    ]  # words and runs, in order
    for number, (han, piece) in enumerate(pieces):
        if not han:
            parts.append(_query_word(piece, names))
            continue
        pairs = tuple(map("".join, pairwise(piece)))
        # What follows stands right after the run's last character, which begins no pair.
        parts.append((pairs if pairs and number == len(pieces) - 1 else (*pairs, piece[-1]),))
    if not parts:
        return ()
    count = 1
    for part in parts:
        count *= len(part)
    rows = product(*parts) if count <= _READINGS else ([p[0] for p in parts], [p[min(1, len(p) - 1)] for p in parts])
    return tuple(dict.fromkeys(tuple(term for row in choice for term in row) for choice in rows))


@lru_cache(65536)
def names_inside(word: str) -> tuple[str, ...]:
    """The names inside a word of mixed case, casefolded: ``lora`` in QLoRA and LoRAMoE, ``bert`` in SciBERT.

    A word is cut into humps (Lo-RA-Mo-E, Multi-Modal-BERT). Every row of neighbouring humps that has at least
    three letters, two of them capitals, is a name; so is the capitalised word before a final number (Llama2).
    A word without a capital (exploration) has none, and one all in capitals is whole.
    """
    if not word.isascii() or word.islower() or (word.isupper() and word.isalpha()) or word[1:].islower():
        numbered = re.fullmatch(r"([A-Z][a-z]{2,})\d+", word)
        return (numbered[1].lower(),) if numbered else ()
    humps = _HUMPS.findall(word[:_LONGEST])[:12]
    found: dict[str, None] = {}
    for start in range(len(humps)):
        run = ""
        for hump in humps[start:]:
            if hump.isdigit():
                break
            run += hump
            if len(run) >= 3 and sum(map(str.isupper, run)) >= 2:
                found[run.lower()] = None
    return tuple(found)


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """(is a CJK run, piece) of the normalised text, case kept."""
    if text.isascii():
        yield False, text.replace("`", "'")
        return
    text = unicodedata.normalize("NFKD", text.translate(_LETTERS)).translate(_MARKS)
    text = unicodedata.normalize("NFC", text)
    for number, piece in enumerate(_HAN_RUNS.split(text)):
        if number % 2:
            yield True, piece.translate(_simplified())
        elif piece:
            yield False, piece


class _Simplified(dict[int, str]):
    """Character to simplified character. One by one, so a part of a text reads as it does in the whole."""

    def __init__(self) -> None:
        import opencc

        super().__init__()
        self._convert: Any = opencc.OpenCC("t2s").convert

    def __missing__(self, code: int) -> str:
        simple = self._convert(chr(code))
        self[code] = simple = simple if len(simple) == 1 else chr(code)
        return simple


@cache
def _simplified() -> _Simplified:
    return _Simplified()


@cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")


@lru_cache(131072)
def _term(part: str) -> str:
    """One part of a word as a term."""
    acronym = _ACRONYMS.fullmatch(part)
    word = (acronym[1] if acronym else part).casefold()
    word = word.removesuffix("'s").replace("'", "")[:_LONGEST]
    if known := _EXCEPTIONS.get(word):
        return known
    if not (word.isascii() and word.isalpha()):
        return word
    if _NO_VOWEL_PLURAL.fullmatch(word):  # llms, gnns: Porter2 wants a vowel before it takes the s
        return word[:-1]
    stem: str = _stemmer().stemWord(word)
    return stem or word


@lru_cache(65536)
def _pair(pair: str) -> tuple[str, ...]:
    """The terms where a CJK character stands; cached so that they are held once."""
    return (pair[0], pair) if len(pair) == 2 else (pair,)


def _name(part: str) -> str:
    return part.casefold().replace("'", "")[:_LONGEST]


def _parts(word: str) -> list[str]:
    """A word's parts between hyphens; ``c++`` and ``LoRA+`` keep their sign only where it makes a name."""
    parts = word.split("-")
    base = parts[-1].rstrip("+#")
    if base != parts[-1] and base.isdigit():
        parts[-1] = base
    return parts


def _rows(parts: Sequence[str], names: bool) -> list[list[str]]:
    """Terms by position: each part, each two neighbours as one word, and the whole as one word."""
    term = _name if names else _term
    rows = [[term(part)] for part in parts]
    for place in range(len(parts) - 1):
        joined = term(parts[place] + parts[place + 1])
        rows[place].append(joined)
        rows[place + 1].append(joined)
    if len(parts) > 2:
        whole = term("".join(parts))
        for row in rows:
            row.append(whole)
    return rows


@lru_cache(131072)
def _document_word(word: str) -> tuple[tuple[str, ...], ...]:
    parts = _parts(word)
    rows = _rows(parts, names=False)
    for part, row in zip(parts, rows, strict=True):
        base = part.rstrip("+#")
        if base != part and len(base) > 1:
            row.append(_term(base))
        acronym = _ACRONYMS.fullmatch(base)
        row += map(_term, names_inside(acronym[1] if acronym else base))
    return tuple(tuple(dict.fromkeys(row)) for row in rows)


@lru_cache(16384)
def _name_word(word: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(dict.fromkeys(row)) for row in _rows(_parts(word), names=True))


def _query_word(word: str, names: bool) -> tuple[tuple[str, ...], ...]:
    term = _name if names else _term
    parts = _parts(word)
    split = tuple(term(part) for part in parts)
    if len(parts) == 1:
        return (split,)
    readings = [split, (term("".join(parts)),)]
    if len(parts) == 3:
        readings += [(term(parts[0] + parts[1]), split[2]), (split[0], term(parts[1] + parts[2]))]
    return tuple(dict.fromkeys(readings))
