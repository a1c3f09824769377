"""The one analyzer: TeX to readable text, text to terms at positions, a typed word or phrase to its readings.

What splits or joins a word depends on that word alone, so the matcher and the search index cannot disagree.
The document side is generous (several terms at one position), the query side is exact:

=====================  ==================================================================================
``fine-tuning``        ``fine`` + ``tune``, and ``finetun`` at both positions; a query reads as either
``LLMs``, ``papers``   the acronym's plural goes first, then English endings (Porter2)
``real time``           also ``realtim``, for compounds of a list; ``realtime`` also ``real`` and ``time``
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
from itertools import chain, pairwise, product
from operator import add
from typing import Any

from bot.tex import readable

__all__ = ["beginning", "forms", "names_inside", "phrases", "positions", "readable", "surfaces"]

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
_LETTERS: dict[int, Any] = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "Þ": "Th", "æ": "ae", "Æ": "Ae",
     "œ": "oe", "Œ": "Oe", "ı": "i", "™": " ", "®": " ", "©": " ", "℠": " "}
    | dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF])
)  # fmt: skip
# After it: combining accents go (kana's voicing marks are others and stay), kinds of hyphen and apostrophe are one.
_MARKS: dict[int, Any] = str.maketrans(
    dict.fromkeys(range(0x300, 0x370)) | dict.fromkeys("‐‑‒–", "-") | dict.fromkeys("’‘ʼ`", "'")
)
# Most texts have none of them, and looking is a tenth of translating.
_HAS_LETTERS, _HAS_MARKS = (re.compile(f"[{''.join(map(chr, table))}]") for table in (_LETTERS, _MARKS))

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

_WRITTEN_APART = """
fine+tuning pre+training pre+trained real+time time+step time+series trade+off common+sense key+frame key+point
key+word feed+forward back+propagation multi+task multi+modal multi+lingual multi+view multi+stage multi+step
multi+agent multi+hop cross+lingual cross+modal zero+shot few+shot one+shot self+supervised semi+supervised
self+attention open+source large+scale light+weight low+rank low+resource super+resolution hyper+parameter meta+learning
data+set chat+bot code+base post+processing audio+visual speed+up under+explored
"""
"""Words that are written apart, with a hyphen and as one, all meaning the same: a list, never a rule, for "a cross-…"
is not "across". Their endings do not matter."""


def positions(text: str, names: bool = False) -> list[tuple[str, ...]]:
    """A document's terms, one tuple a position. ``names``: of people, so without endings and names inside."""
    found: list[tuple[str, ...]] = []
    analyze = _name_word if names else _document_word
    for han, piece in _cut(text):
        if han:
            found += map(_PAIRS.__getitem__, map(add, piece, (*piece[1:], "")))
        else:
            start = len(found)
            found += chain.from_iterable(map(analyze, piece))
            if not names:
                _join(found, start)
    return found


def phrases(text: str, names: bool = False) -> tuple[tuple[str, ...], ...]:
    """What a typed word or phrase reads as: alternatives, each a row of consecutive terms.

    Empty where there is nothing to search for. At most 16 alternatives.
    """
    if not names and (plain := _plain_phrase(text)):
        return (plain,)
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
    if not names:
        parts = _joined_parts(parts)
    count = 1
    for part in parts:
        count *= len(part)
    rows = product(*parts) if count <= _READINGS else ([p[0] for p in parts], [p[min(1, len(p) - 1)] for p in parts])
    return tuple(dict.fromkeys(tuple(term for row in choice for term in row) for choice in rows))


def _plain_phrase(text: str) -> tuple[str, ...]:
    """The one reading of English words that are no compound and make none; else empty."""
    words = text.split()
    if not text.isascii() or not "".join(words).isalpha():
        return ()
    terms = tuple(map(_term, words))
    pairs, apart, _ = _compounds()
    if not apart.keys().isdisjoint(terms) or not pairs.keys().isdisjoint(pairwise(terms)):
        return ()
    return terms


def surfaces(text: str) -> list[tuple[int, str]]:
    """What a document's text says at each of the `positions`: (number of the word, the word as it is written, whole
    where it is hyphenated), or one CJK character."""
    found: list[tuple[int, str]] = []
    for han, piece in _cut(text):
        for word in piece:
            number = found[-1][0] + 1 if found else 0
            found += [(number, word)] * (1 if han else len(_parts(word)))
    return found


def forms(text: str) -> set[str]:
    """Every word of a text as it is written, folded: what ``quant*`` looks through, for a stem is not always the
    beginning of its word. Hyphenated words stand whole, in parts and joined; the names inside a word count too."""
    words = set(chain.from_iterable(piece for han, piece in _cut(text) if not han))
    return set(chain.from_iterable(map(_word_forms, words)))


def beginning(text: str) -> str | None:
    """The start of a typed word, folded as `forms` are; None where it holds CJK characters."""
    pieces = list(_pieces(text))
    if any(han for han, _ in pieces):
        return None
    return _name("".join(piece for _, piece in pieces))


@lru_cache(131072)
def _word_forms(word: str) -> tuple[str, ...]:
    parts = _parts(word)
    found = [_name("-".join(parts)), *(form for row in _rows(parts, names=True) for form in row)]
    for part in parts:
        found += names_inside(part.rstrip("+#"))
    return tuple(dict.fromkeys(found))


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


@lru_cache(64)
def _cut(text: str) -> tuple[tuple[bool, Sequence[str]], ...]:
    """CJK runs, and the words between them; kept for a while, for a text is looked at more than once in a row."""
    return tuple((han, piece if han else _WORDS.findall(piece)) for han, piece in _pieces(text))


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """(is a CJK run, piece) of the normalised text, case kept."""
    if text.isascii():
        yield False, text.replace("`", "'")
        return
    text = unicodedata.normalize("NFKD", text.translate(_LETTERS) if _HAS_LETTERS.search(text) else text)
    text = unicodedata.normalize("NFC", text.translate(_MARKS) if _HAS_MARKS.search(text) else text)
    for number, piece in enumerate(_HAN_RUNS.split(text)):
        if number % 2:
            yield True, piece.translate(_simplified()) if _traditional().search(piece) else piece
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
def _traditional() -> re.Pattern[str]:
    """A character that may not be its own simplified one: most texts have none."""
    import opencc

    common = [chr(code) for code in range(0x2E80, 0xD7B0)]
    simple = opencc.OpenCC("t2s").convert("\n".join(common)).split("\n")
    changed = (one for one, other in zip(common, simple, strict=True) if one != other)
    return re.compile(f"[{''.join(changed)}\U00020000-\U0003ffff]")


@cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")


@lru_cache(131072)
def _term(part: str) -> str:
    """One part of a word as a term."""
    return _stem(part)


def _stem(part: str) -> str:
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


class _Pairs(dict[str, tuple[str, ...]]):
    """Two neighbouring CJK characters, or a last one, to the terms where the first of them stands; held once."""

    def __missing__(self, pair: str) -> tuple[str, ...]:
        terms = (pair[0], pair) if len(pair) == 2 else (pair,)
        if len(self) < 65536:  # the common ones come first
            self[pair] = terms
        return terms


_PAIRS = _Pairs()


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


@cache
def _compounds() -> tuple[dict[tuple[str, str], str], dict[str, tuple[str, str]], frozenset[str]]:
    """(two terms to the one they are together, that one to the two, the terms that begin one)."""
    pairs = {}
    for compound in _WRITTEN_APART.split():
        first, second = compound.split("+")
        pairs[_stem(first), _stem(second)] = _stem(first + second)
    return pairs, {joined: pair for pair, joined in pairs.items()}, frozenset(first for first, _ in pairs)


def _join(found: list[tuple[str, ...]], start: int) -> None:
    """Compounds written apart from position ``start`` on stand there as one word too."""
    pairs, _, firsts = _compounds()
    for at in [n for n in range(start, len(found) - 1) if found[n][0] in firsts]:
        joined = pairs.get((found[at][0], found[at + 1][0]))
        if joined is not None:
            for place in (at, at + 1):
                if joined not in found[place]:
                    found[place] = (*found[place], joined)


def _joined_parts(parts: list[tuple[tuple[str, ...], ...]]) -> list[tuple[tuple[str, ...], ...]]:
    """Two words of a phrase that make a compound read apart or as one, as with a hyphen between them."""
    pairs = _compounds()[0]
    found: list[tuple[tuple[str, ...], ...]] = []
    for part in parts:
        before = found[-1] if found else ()
        if len(part) == len(before) == 1 and len(part[0]) == len(before[0]) == 1:
            joined = pairs.get((before[0][0], part[0][0]))
            if joined is not None:
                found[-1] = ((before[0][0], part[0][0]), (joined,))
                continue
        found.append(part)
    return found


@lru_cache(131072)
def _document_word(word: str) -> tuple[tuple[str, ...], ...]:
    parts = _parts(word)
    rows = _rows(parts, names=False)
    apart = _compounds()[1]
    for part, row in zip(parts, rows, strict=True):
        row += apart.get(row[0], ())
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
        apart = None if names else _compounds()[1].get(split[0])
        return (apart, split) if apart else (split,)
    readings = [split, (term("".join(parts)),)]
    if len(parts) == 3:
        readings += [(term(parts[0] + parts[1]), split[2]), (split[0], term(parts[1] + parts[2]))]
    return tuple(dict.fromkeys(readings))
