"""The sentence of an abstract that stands in for a headline where nobody wrote one. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from bot.scripts import HAN, language_of
from bot.text import readable

LIMIT = 300
"""Characters of a headline made here, at most; Chinese says the same in half of them."""

_KEPT = 32_768
"""Sentences, of some half a kilobyte each: some weeks' papers, and those that people search for."""

_MATH = re.compile(r"\$[^$]*\$|\\\([^)]*\\\)")
_END = re.compile(r"""[.!?]["'”’)\]]*\s+(?=["'“‘(\[]?[A-Z0-9\x00#\\])""")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[~])(?:e\.g|i\.e|et al|etc|cf|vs|viz|resp|approx|ca|figs?|eqs?|refs?|secs?|tabs?|no|nos|vol|dr|mr|mrs|"
    r"ms|prof|st|jr|sr|inc|ltd|dept|u\.s|u\.k|w\.r\.t|a\.k\.a|i\.i\.d|s\.t|[A-Za-z])\.$",
    re.IGNORECASE,
)
_END_HAN = re.compile(r"[。！？][”’」』）)]*|[!?]\s|(?<![0-9A-Za-z])\.\s+")

_WORK = "paper work study article"
_GAINS = ("outperform", "state-of-the-art", "improv", "achiev")
_CUES = (
    (
        4.8,
        f"we i {_WORK}",
        r"\b(?:we|paper|work|study|article|i)\b[^,;]{0,40}\b(?:propos|introduc|present|develop|design|devis|describ|"
        r"releas|formulat|construct|creat)\w*",
    ),
    (1.8, "we i", r"\b(?:we|i) (?:\w+ly )?(?:propose|present|introduce|develop|design|describe)\b"),
    (
        1.1,
        f"we i {_WORK}",
        r"\b(?:we|paper|work|study|article|i)\b[^,;]{0,40}\b(?:show|prov[ei]|demonstrat|establish|deriv|find|argu|"
        r"review|survey|reveal|provid|offer|investigat|stud(?:y|ies)|explor|examin|address|analy[sz]|evaluat|consider|"
        r"aim|extend|compar|report|characteri|us(?:e|es|ing)\b)\w*",
    ),
    (
        3.0,
        "we",
        r"\bwe (?:\w+ly )?(?:show|prove|demonstrate|find|establish|derive|argue|study|investigate|explore|examine|"
        r"analy[sz]e|consider|evaluate|compare|address)\b",
    ),
    (
        6.4,
        f"{_WORK} survey thesis report research review",
        r"\b(?:this|our|the present) (?:paper|work|study|article|survey|thesis|report|research|review)\b",
    ),
    (2.2, "novel new first called named dubbed termed", ""),
    (
        5.7,
        "is",
        r"\bis (?:a|an) (?:novel|new|framework|method|dataset|benchmark|library|toolkit)\b|\bis proposed\b",
    ),
    (
        1.4,
        "framework method approach model algorithm architecture system technique dataset benchmark frameworks methods"
        " models algorithms architectures systems techniques datasets benchmarks",
        "",
    ),
    (3.6, "...", rf"\b(?:{'|'.join(_GAINS)})"),
    (
        -6.0,
        "code source data dataset demo project http https",
        r"\b(?:code|source|data|dataset|demo|project page)\b.{0,60}\b(?:available|released at|found at)\b|\bhttps?://",
    ),
    (-1.1, f"we {_WORK}", r"\b(?:we|paper|work|study) (?:also|further|additionally|then)\b"),
    (
        -2.6,
        "",
        r"^(?:however|although|though|despite|while|yet|unfortunately|existing|previous|prior|current|traditional|"
        r"most)\b",
    ),
    (-1.1, "", r"^(?:recent|nowadays|in recent|over the past|with the)\b"),
    (
        -2.4,
        "",
        r"^(?:finally|moreover|further|additionally|in addition|then|first(?:ly)?,|second|third|next|subsequently|"
        r"also)\b",
    ),
    (
        -4.0,
        "",
        r"^(?:(?:extensive|our|the|comprehensive|numerical|empirical) )*(?:experiment|evaluation|result|ablation|"
        r"simulation)",
    ),
    (
        -5.0,
        "it its they their these those such this",
        r"^(?:its?|they|their|these|those|such|this (?!(?:paper|work|study|article|survey|thesis|report|research|"
        r"review)))\b",
    ),
    (-5.0, "?", ""),
)
"""Cues of a contribution: a weight, words of which a sentence has one where it has the cue (all do, where there are
none; ``...``: one of ``_GAINS``), and the cue as lower-case text has it (the words alone, where it is empty). The
weights, and those below, were fitted to 2,500 English one-liners of real papers: a point is a hundredth of the mean of
ROUGE-1 and ROUGE-L (``python -m tests.bench telling``). The last three are set by hand: they cost nothing there, and a
headline says what is new and stands alone."""
_TITLE, _CENTRE, _LENGTH, _LENGTH_SQUARED, _PLACE, _PLACE_OF = 14.0, 15.0, 15.4, -2.9, 2.9, -0.21
"""A sentence that has all words of the title; that has those of the others (centrality 1); for each 100 characters,
and their square; for each sentence before it, and that times the number of sentences."""
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
_CUES_EN_COMPILED = tuple(
    # What begins a sentence is looked for there alone.
    (weight, frozenset(words.split()), re.compile(cue).match if cue.startswith("^") else re.compile(cue).search)
    for weight, words, cue in _CUES
)
_CUES_HAN_COMPILED = tuple((weight, re.compile(cue)) for weight, cue in _CUES_HAN)

_LEAD = re.compile(
    r"^(?:(?:in|with|through) (?:this|the present|our|the current) (?:paper|work|study|article|letter|report|survey|"
    r"thesis|manuscript|research|review|chapter|note|position paper|technical report|preliminary work)|"
    r"here|herein|for (?:this|these) reasons?|therefore|thus|hence|however|moreover|furthermore|additionally|finally|"
    r"specifically|in particular|conversely|notably|importantly|interestingly|crucially|remarkably|surprisingly|"
    r"excitingly|encouragingly|overall|ultimately|"
    r"accordingly|consequently|motivated by (?:this|these|the)\b[^,]{0,60}|inspired by (?:this|these)\b[^,]{0,60}|"
    r"in response|as a result|to this end|to that end|in this context|in light of this|in contrast|instead|"
    r"to (?:\w+ )?\w+ (?:this|these|those|such|the above|the aforementioned)\b[^,]{0,60}|for this purpose"
    r")(?:,\s*|\s+(?=we\b))",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"^(We|This (?:paper|work|study)) (?:first|then|also|further|thus|therefore|hence|here|additionally) (?=\w)"
)
_LEAD_HAN = re.compile(
    r"^(?:在(?:本文|本研究|本[论論]文|本工作|[这這][项項篇](?:工作|研究|[论論]文|文章))(?:中|[里裡])?|[为為]此|因此|"
    r"[为為]了?(?:解[决決]|[应應][对對]|克服|填[补補])[这這上此][^，。]{0,20}|然而|此外|具[体體][来來而][说說言])[，,]\s*"
)
_TAIL = re.compile(r"\s*(?:\.\.\.|…)$")
_CLAUSE = re.compile(r"[,;:，；：、](?=\s|[^\x00-\x7f])|\s[–—]\s")
_TOKEN = re.compile(r"\w+")
_WORD = re.compile(r"[a-z][a-z-]{2,}")
_FREQUENT = """
about after also although among and approach are based been being between both can does during each existing for from
furthermore has have however into its many method methods more most much not only other our over paper propose proposed
results show some such than that the their them then there these they this those through thus under used using very well
were what when where which while will with within without work
"""
_COMMON = frozenset(word[:6] for word in _FREQUENT.split())


class _Asked:
    """An abstract and its title, known again by a digest: what is kept of a paper is its sentence, not its texts."""

    __slots__ = ("abstract", "digest", "title")

    def __init__(self, abstract: str, title: str) -> None:
        self.abstract, self.title = abstract, title
        self.digest = blake2b(f"{title}\0{abstract}".encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.digest == other.digest


def telling_sentence(abstract: str, title: str = "") -> str:
    """The sentence of an abstract that says best what the paper brings, as a headline; empty for an empty abstract.

    Reads TeX and both scripts of Chinese. ``title``: the paper's, whose words an English sentence is the better for.
    At most LIMIT characters, ending in ``…`` only where it had to be cut. Kept for a while: a morning's digests show
    the same papers to many chats.
    """
    return _told(_Asked(abstract, title)) if abstract else ""


@lru_cache(_KEPT)
def _told(asked: _Asked) -> str:
    abstract, title = asked.abstract, asked.title
    asked.abstract = asked.title = ""
    return choose(abstract, title)


def choose(abstract: str, title: str) -> str:
    """``telling_sentence``, found anew."""
    text = " ".join(abstract.split())
    if not text:
        return ""
    chinese = language_of(text) != "en"
    sentences = _split(text, chinese)
    if len(sentences) > 1 and not re.search(r"[.!?。！？][\"'”’)\]」』）]*$|\\\)$|\$$", sentences[-1]):
        # Stored abstracts are often cut in the middle of the last sentence.
        sentences.pop()
    best = _choose_han(sentences) if chinese else _choose(sentences, title)
    return _as_headline(best, chinese)


def sentences_of(abstract: str) -> list[str]:
    """The sentences of an abstract in reading order, TeX as it is; the last one may be cut off."""
    text = " ".join(abstract.split())
    return _split(text, language_of(text) != "en")


def _split(text: str, chinese: bool) -> list[str]:
    # A full stop inside a formula ends nothing; the mask keeps every offset.
    masked = _MATH.sub(lambda match: "\x00" * len(match.group()), text) if "$" in text or "\\(" in text else text
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


def _choose(sentences: Sequence[str], title: str) -> str:
    bags = [_words(sentence) for sentence in sentences]
    about = _words(title)
    everywhere = Counter(word for bag in bags for word in bag)
    best, most = sentences[0], float("-inf")
    for place, (sentence, bag) in enumerate(zip(sentences, bags, strict=True)):
        score = _contributes(sentence) + _TITLE * len(bag & about) / max(1, len(about))
        score += _CENTRE * _centrality(bag, everywhere, len(sentences))
        length = min(len(sentence), LIMIT) / 100
        score += _LENGTH * length + _LENGTH_SQUARED * length * length
        score += (_PLACE + _PLACE_OF * len(sentences)) * place
        if score > most:
            best, most = sentence, score
    return best


def _contributes(sentence: str) -> float:
    """What the cues say. That most of them lack their words is seen at once."""
    text = sentence.lower()
    there = set(_TOKEN.findall(text))
    if text.endswith("?"):
        there.add("?")
    if any(gain in text for gain in _GAINS):
        there.add("...")
    return sum(
        [
            weight
            for weight, words, found in _CUES_EN_COMPILED
            if not (words and words.isdisjoint(there)) and found(text)
        ]
    )


def _choose_han(sentences: Sequence[str]) -> str:
    bags = [_pairs(sentence) for sentence in sentences]
    everywhere = Counter(pair for bag in bags for pair in bag)
    best, most = sentences[0], float("-inf")
    for place, (sentence, bag) in enumerate(zip(sentences, bags, strict=True)):
        score = sum(weight for weight, cue in _CUES_HAN_COMPILED if cue.search(sentence))
        score += 2.0 * _centrality(bag, everywhere, len(sentences))
        score -= 0.25 * place
        score -= 2.0 if len(sentence) < 25 else 0.0
        score -= max(0, 2 * len(sentence) - LIMIT) / 150
        if score > most:
            best, most = sentence, score
    return best


def _centrality(bag: set[str], everywhere: Counter[str], count: int) -> float:
    """How much of the other sentences' words this one has; few words are not enough."""
    return 3 * sum(everywhere[word] - 1 for word in bag) / (len(bag) + 4) / max(1, count - 1)


def _words(text: str) -> set[str]:
    """What a text is about: its words but for those of every abstract, without their endings."""
    return {word[:6] for word in _WORD.findall(text.lower())} - _COMMON


def _pairs(text: str) -> set[str]:
    characters = "".join(HAN.findall(text))
    return {characters[at : at + 2] for at in range(len(characters) - 1)}


def _as_headline(sentence: str, chinese: bool) -> str:
    text = " ".join(readable(sentence).split())
    trimmed = (_LEAD_HAN if chinese else _LEAD).sub("", text)
    if not chinese:
        trimmed = _LINK.sub(r"\1 ", trimmed[:1].upper() + trimmed[1:])
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
