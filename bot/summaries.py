"""Which words about a paper a reader sees, and the sentence that stands in where nobody wrote any. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from bot.model import LANGUAGES, Paper, Summary
from bot.text import readable

LIMIT = 300
"""Characters of a headline made here, at most; Chinese says the same in half of them."""

_CJK = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")
_LATIN = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_OTHER = {"zh-Hans": "zh-Hant", "zh-Hant": "zh-Hans"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What one reader is shown of a paper, TeX made readable.

    ``headline_language`` differs from the one asked for where only another language had words; ``title`` is the
    translated title, empty for English; ``made_here``: the headline is a sentence taken out of an abstract.
    Languages are empty where their text is.
    """

    headline: str = ""
    title: str = ""
    headline_language: str = ""
    title_language: str = ""
    made_here: bool = False


def best_summary(summaries: Sequence[Summary], language: str, paper: Paper) -> Shown:
    """The words for a reader of ``language``, chosen field by field.

    First that language, then for Chinese the other script converted, then any other language, then a sentence of
    the paper's own abstract.
    """
    stored = {summary.language: summary for summary in summaries}
    title, title_language = "", ""
    if language != "en":
        title = next(_in_script(stored, language, "title"), "")
        title_language = language if title else ""
    others = [other for other in _reading_order(stored) if other not in (language, _OTHER.get(language))]
    for wanted in (language, *others):
        for headline in _in_script(stored, wanted, "headline"):
            return Shown(headline, title, wanted, title_language)
        for abstract in _in_script(stored, wanted, "abstract"):
            if headline := telling_sentence(abstract):
                return Shown(headline, title, wanted, title_language, made_here=True)
    headline = telling_sentence(paper.abstract)
    headline_language = language_of(paper.abstract) if headline else ""
    if headline and headline_language == _OTHER.get(language):
        headline, headline_language = convert(headline, language), language
    return Shown(headline, title, headline_language, title_language, made_here=bool(headline))


def abstract_in(summaries: Sequence[Summary], language: str) -> str:
    """The stored abstract for a reader of ``language``, for Chinese also the other script's converted, TeX made
    readable; empty where there is none."""
    stored = {summary.language: summary for summary in summaries}
    return readable(next(_in_script(stored, language, "abstract"), ""))


def _reading_order(languages: dict[str, Summary]) -> list[str]:
    return sorted(languages, key=lambda name: (LANGUAGES.index(name) if name in LANGUAGES else len(LANGUAGES), name))


def _in_script(stored: dict[str, Summary], language: str, field: str) -> Iterator[str]:
    """A field as stored in ``language``, then as converted from the other Chinese script."""
    for source in (language, _OTHER.get(language, "")):
        text = getattr(stored[source], field) if source in stored else ""
        if text and field != "abstract":
            text = readable(text)
        if text:
            yield text if source == language else convert(text, language)


def convert(text: str, language: str) -> str:
    """Chinese ``text`` in the script of ``language``; Taiwan's words for zh-Hant (OpenCC s2twp), t2s for zh-Hans."""
    converted: str = _converter("s2twp" if language == "zh-Hant" else "t2s").convert(text)
    return converted


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
    traditional, simplified = len(set(only_traditional.findall(text))), len(set(only_simplified.findall(text)))
    if traditional == simplified:
        return unsure
    return "zh-Hant" if traditional > simplified else "zh-Hans"


def is_chinese(text: str) -> bool:
    """Whether ``language_of`` says one of the Chinese scripts; quicker where it does not matter which."""
    text = text[:400]
    return not text.isascii() and _is_chinese(text)


def _is_chinese(text: str) -> bool:
    ideographs = sum(map(len, _CJK.findall(text)))
    if 4 * ideographs > len(text):  # there is no room for words that would outweigh them
        return True
    return ideographs > 0 and ideographs * 1.5 >= len(_LATIN.findall(text))


_MATH = re.compile(r"\$[^$]*\$|\\\([^)]*\\\)")
_END = re.compile(r"""[.!?]["'”’)\]]*\s+(?=["'“‘(\[]?[A-Z0-9\x00#\\])""")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[~])(?:e\.g|i\.e|et al|etc|cf|vs|viz|resp|approx|ca|figs?|eqs?|refs?|secs?|tabs?|no|nos|vol|dr|mr|mrs|"
    r"ms|prof|st|jr|sr|inc|ltd|dept|u\.s|u\.k|w\.r\.t|a\.k\.a|i\.i\.d|s\.t|[A-Za-z])\.$",
    re.IGNORECASE,
)
_END_HAN = re.compile(r"[。！？][”’」』）)]*|[!?]\s|(?<![0-9A-Za-z])\.\s+")

_CUES = (
    (2.0, r"\bin this (?:paper|work|study|article|letter|report|survey|thesis|manuscript|chapter)\b"),
    (2.0, r"\b(?:this|our|the present) (?:paper|work|study|article|survey|thesis|report|research|review) \w+"),
    (
        3.0,
        r"\b(?:we|paper|work|study|article|i)\b[^,;]{0,40}\b(?:propos|introduc|present|develop|design|devis|describ|"
        r"releas|formulat|construct|creat)\w*",
    ),
    (
        2.0,
        r"\b(?:we|paper|work|study|article|i)\b[^,;]{0,40}\b(?:show|prov[ei]|demonstrat|establish|deriv|find|argu|"
        r"review|survey|reveal|provid|offer|investigat|stud(?:y|ies)|explor|examin|address|analy[sz]|evaluat|consider|"
        r"aim|extend|compar|report|characteri|us(?:e|es|ing)\b)\w*",
    ),
    (1.0, r"\b(?:to (?:this end|address|tackle|solve|overcome|mitigate|bridge|fill|resolve|alleviate|remedy))\b"),
    (0.7, r"\b(?:novel|new|first|called|named|dubbed|termed)\b"),
    (0.5, r"\bis (?:a|an) (?:novel|new|framework|method|dataset|benchmark|library|toolkit)\b|\bis proposed\b"),
    (-4.0, r"\b(?:code|source|data|dataset|demo|project page)\b.{0,60}\b(?:available|released at|found at)\b"),
    (-4.0, r"https?://"),
    (-1.0, r"\b(?:we|paper|work|study) (?:also|further|additionally|then)\b"),
    (-1.5, r"^(?:however|although|though|despite|while|yet|unfortunately|existing|previous|prior|current)\b"),
    (-1.0, r"^(?:recent|nowadays|in recent|over the past|with the)\b"),
    (-1.0, r"^(?:extensive |our |the |we )?(?:experiment|evaluation|result|ablation|simulation)"),
    (
        -1.5,
        r"^(?:finally|moreover|further|additionally|in addition|then|first(?:ly)?,|second|third|next|subsequently|also|"
        r"for example|conversely|these|such|it|"
        r"this (?!(?:paper|work|study|article|survey|thesis|report|research|review)))\b",
    ),
    (-1.0, r"\?$"),
    (-0.5, r"\b(?:outperform|state-of-the-art|improv|achiev)\w*"),
)
_CUES_HAN = (
    (2.0, r"本(?:文|研究|论文|論文|工作|综述|綜述)|[这這]篇|[该該][论論]?(?:文|研究)"),
    (
        3.0,
        r"(?:本文|研究|[论論]文|工作|我[们們]|作者).{0,30}?(?:提出|介[绍紹]|引入|[设設][计計]|[开開][发發]|[构構]建|[创創]建|"
        r"[发發]布|推出)|^提出",
    ),
    (
        2.0,
        r"(?:本文|研究|[论論]文|工作|我[们們]|作者).{0,30}?(?:展示|[证證]明|表明|[发發][现現]|探[讨討索]|研究|分析|[评評]估|"
        r"[调調]查|揭示|[提提]供|[综綜]述)",
    ),
    (1.0, r"[为為]了?(?:此|解[决決]|克服|[应應][对對])"),
    (0.7, r"新[颖穎的型]|首次|一[种種个個]"),
    (-4.0, r"代[码碼].{0,30}(?:可[用在从從]|[开開]源|公[开開])|https?://"),
    (-1.5, r"^(?:然而|但是?|[尽儘]管|[虽雖]然|[现現]有|目前|[当當]前|[传傳][统統])"),
    (-1.0, r"^(?:近年|最近|[随隨][着著])"),
    (-1.0, r"^(?:大量的?)?[实實][验驗]|^(?:我[们們]的)?[结結]果|^[此另]外|^最[后後]|[？?]$"),
)
_CUES_EN_COMPILED = tuple((weight, re.compile(cue, re.IGNORECASE)) for weight, cue in _CUES)
_CUES_HAN_COMPILED = tuple((weight, re.compile(cue)) for weight, cue in _CUES_HAN)

_LEAD = re.compile(
    r"^(?:(?:in|with|through) (?:this|the present|our|the current) (?:paper|work|study|article|letter|report|survey|"
    r"thesis|manuscript|research|review|chapter|note|position paper|technical report|preliminary work)|"
    r"here|therefore|thus|hence|however|moreover|furthermore|additionally|finally|specifically|in particular|"
    r"accordingly|consequently|motivated by (?:this|these|the)\b[^,]{0,60}|inspired by (?:this|these)\b[^,]{0,60}|"
    r"in response|as a result|to this end|to that end|in this context|in light of this|in contrast|instead|"
    r"to (?:\w+ )?\w+ (?:this|these|those|such|the above|the aforementioned)\b[^,]{0,60}|for this purpose"
    r")(?:,\s*|\s+(?=we\b))",
    re.IGNORECASE,
)
_LEAD_HAN = re.compile(
    r"^(?:在(?:本文|本研究|本[论論]文|本工作|[这這][项項篇](?:工作|研究|[论論]文|文章))(?:中|[里裡])?|[为為]此|因此|"
    r"[为為]了?(?:解[决決]|[应應][对對]|克服|填[补補])[这這上此][^，。]{0,20}|然而|此外|具[体體][来來而][说說言])[，,]\s*"
)
_TAIL = re.compile(r"\s*(?:\.\.\.|…)$")
_CLAUSE = re.compile(r"[,;:，；：、](?=\s|[^\x00-\x7f])|\s[–—]\s")
_WORD = re.compile(r"[a-z][a-z-]{3,}")


def telling_sentence(abstract: str) -> str:
    """The sentence of an abstract that says best what the paper brings, as a headline; empty for an empty abstract.

    Reads TeX and both scripts of Chinese. At most LIMIT characters, ending in ``…`` only where it had to be cut.
    """
    text = " ".join(abstract.split())
    if not text:
        return ""
    chinese = language_of(text) != "en"
    sentences = _split(text, chinese)
    if len(sentences) > 1 and not re.search(r"[.!?。！？][\"'”’)\]」』）]*$|\\\)$|\$$", sentences[-1]):
        # Stored abstracts are often cut in the middle of the last sentence.
        sentences.pop()
    best = sentences[0] if len(sentences) == 1 else _choose(sentences, chinese)
    return _as_headline(best, chinese)


def _split(text: str, chinese: bool) -> list[str]:
    # A full stop inside a formula ends nothing; the mask keeps every offset.
    masked = _MATH.sub(lambda match: "\x00" * len(match.group()), text)
    pieces, start = [], 0
    for match in (_END_HAN if chinese else _END).finditer(masked):
        end = match.end()
        if not chinese and _ABBREVIATION.search(masked[max(start, match.start() - 12) : match.start() + 1]):
            continue
        if piece := text[start:end].strip():
            pieces.append(piece)
        start = end
    if rest := text[start:].strip():
        pieces.append(rest)
    return pieces


def _choose(sentences: Sequence[str], chinese: bool) -> str:
    cues = _CUES_HAN_COMPILED if chinese else _CUES_EN_COMPILED
    bags = [_content(sentence, chinese) for sentence in sentences]
    everywhere = Counter(word for bag in bags for word in bag)
    best, most = sentences[0], float("-inf")
    for place, (sentence, bag) in enumerate(zip(sentences, bags, strict=True)):
        score = sum(weight for weight, cue in cues if cue.search(sentence))
        score += 2.0 * sum(everywhere[word] - 1 for word in bag) / (len(bag) + 4) / max(1, len(sentences) - 1) * 3
        score -= 0.25 * place
        length = len(sentence) * (2 if chinese else 1)
        score -= 2.0 if length < 50 else 0.0
        score -= max(0, length - LIMIT) / 150
        if score > most:
            best, most = sentence, score
    return best


def _content(sentence: str, chinese: bool) -> set[str]:
    if chinese:
        characters = "".join(_CJK.findall(sentence))
        return {characters[i : i + 2] for i in range(len(characters) - 1)}
    return set(_WORD.findall(sentence.lower()))


def _as_headline(sentence: str, chinese: bool) -> str:
    text = " ".join(readable(sentence).split())
    trimmed = (_LEAD_HAN if chinese else _LEAD).sub("", text)
    if len(trimmed) > 20 or (chinese and len(trimmed) > 8):
        text = trimmed[:1].upper() + trimmed[1:]
    return _shorten(text, LIMIT // 2 if chinese else LIMIT)


def _shorten(text: str, limit: int) -> str:
    """``text``, or as many whole clauses of it as fill more than half of ``limit``, or as many whole words."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    clauses = [match.start() for match in _CLAUSE.finditer(head) if match.start() > limit * 0.6]
    if clauses:
        head = head[: clauses[-1]]
    elif " " in head[limit // 2 :]:
        head = head[: head.rindex(" ")]
    return _TAIL.sub("", head).rstrip(" ,;:，；：、(（") + "…"
