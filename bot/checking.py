"""What is wrong with words about a paper before they are kept: made by a model, or read from a document. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bot.model import Paper, SummaryText
from bot.names import SCRIPTS, unsupported_name
from bot.quantities import unsupported_number
from bot.scripts import HAN, language_of

COLUMNS = 300
"""The longest headline: two lines of a wide chat window, 150 columns each. A letter takes one column, a Chinese
character two, so that is 300 letters of English or 150 characters of Chinese."""


class Fault(StrEnum):
    """What a summary is refused for."""

    EMPTY = "empty"
    REFUSAL = "a model's refusal"
    LABEL = "a label in front"
    HEAD = "the feed's head"
    COPIED = "copied"
    LANGUAGE = "wrong language"
    CUT = "cut off"
    LONG = "too long"
    NUMBER = "a number the paper does not have"
    NAME = "a name the paper does not have"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One fault; ``why`` is a sentence that tells who wrote the words what to do better."""

    kind: Fault
    why: str


_ID = r"(?:\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})"
# https://info.arxiv.org/help/rss_specifications.html; the brackets were in titles until 2024.
TITLE_END = re.compile(
    rf"[（(]\s*arxiv\s*[:：]\s*({_ID})v(\d+)\s*(?:\[([^\]]*)\])?\s*"
    r"(?:UPDATED|CROSS LISTED|已?更新|交叉列表|交叉发布)?\s*[)）]",
    re.IGNORECASE,
)
"""arXiv's old ending of titles: id, version, category."""
_ANNOUNCE = r"(?:announce(?:ment)? type|(?:公告|宣布|发布|公布|通告)[类類]型)\s*[:：]"
HEAD = re.compile(
    rf"\s*arxiv\s*[:：]\s*({_ID})v(\d+)\s+{_ANNOUNCE}.{{0,30}}?(?:abstract|摘要)\s*[:：]\s*",
    re.IGNORECASE,
)
"""What arXiv's feeds put before an abstract, also where it was translated: id, version."""
_HEADS = re.compile(rf"{_ANNOUNCE}|arxiv\s*[:：]\s*{_ID}v\d", re.IGNORECASE)
LABEL = re.compile(
    r"""["'“\s*#]*(?:translated[_ ](?:title|abstract)|en[_ ]t[ld]{2,3}r|tl;?dr|title|abstract|summary|headline|"""
    r"(?:论文|論文|中文|翻译)?(?:标题|標題|题目|題目)|(?:中文)?摘要|译文|譯文|中文翻译|翻译|一句话(?:总结|要点|概括)|"
    r"(?:这里是)?(?:[中英]文总结(?:出的一句话要点)?|翻译过的论文(?:标题|摘要))|要点|總結|总结)"
    r"""["'”*]*\s*[:：]\s*""",
    re.IGNORECASE,
)
SECOND_SUMMARY = re.compile(r"(?:英文总结|英文摘要|English [Ss]ummary)\s*[:：].*")
TEMPLATE = re.compile(r"这里是(?:[中英]文总结出的一句话要点|翻译过的论文(?:标题|題目|题目|摘要))[。.]?")
"""A form that was never filled in."""
_NOTHING = re.compile(r"(?:n/?a|none|null|nil|无|無|暂无|暫無|空)?[\W_]*", re.IGNORECASE)
REFUSAL = re.compile(
    r"(?:i['’]m|i am) (?:sorry|unable|not able|afraid)|(?:i )?apologi[sz]e|sorry[,.]|"
    r"i (?:cannot|can['’]t|do not have)\b|"
    r"as an? (?:ai|artificial intelligence|large language|language)(?: language)? (?:model|assistant)\s*,|"
    r"(?:非常|很|十分|真的)?(?:抱歉|对不起|對不起)|"
    r"(?:作为|作為)(?:一个|一個|一名|一款)?(?:AI|人工智能|人工智慧|大型?|自然)*(?:语言|語言)?(?:模型|助手|助理)[，,].{0,12}"
    r"(?:我|无法|無法|不能)|我(?:无法|無法|不能)(?:翻译|翻譯|提供|总结|總結|回答|访问|完成|处理)|请(?:您)?提供(?:论文|原文|摘要|更多)",
    re.IGNORECASE,
)
CUT = re.compile(r"(?:…|\.{3,}|。{3,})[”\"」)）]*[。.]?$")
_OPEN_END = re.compile(r"[,，、;；:：(（\[「《“&+-]$")
_ENDED = re.compile(r"""[.!?。！？…][\s"'”’)\]）」』》]*$|[)\]）$}]$|https?://\S+$""")
_INNER_END = re.compile(r"[。！？]|[a-z)][.!?] ")
_UNENDING = frozenset([
    "a", "an", "and", "are", "as", "at", "be", "between", "by", "for", "from", "in", "into", "is", "its", "it",
    "of", "on", "or", "than", "that", "the", "their", "these", "this", "to", "using", "via", "was", "were",
    "when", "where", "which", "while", "whose", "with", "without",
])  # fmt: skip
_UNENDING_HAN = re.compile(
    "(?:(?<![饱总缓温平])和|(?<![参给赋])[与與]|及|(?<![存潜内外现所实旨正])在|[将將把被]|(?<![行人作认成])[为為]|"
    "(?<!服)[从從]|(?<![自理缘])由|并且|通过|通過|例如|比如|包括|基于|基於)$"
)

_FREQUENT = frozenset([
    "the", "of", "and", "to", "in", "a", "is", "for", "that", "with", "on", "this", "by", "are", "we", "as",
    "from", "an", "it", "can", "which", "at", "be", "using", "via", "new", "over", "under", "into", "how",
    "not", "or", "its", "than", "through", "between", "without",
])  # fmt: skip
_ENGLISH_ALONE = frozenset(["the", "of", "and", "with", "this", "that", "from", "which", "are", "by"])
_KANA = re.compile("[\u3041-\u30ff]")
_LETTER = re.compile(r"[^\W\d_]")
_LATIN_LETTER = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_ENGLISH_RUN = re.compile(r"(?<![“\"‘'《])\b[A-Za-z][a-z'’-]* (?:[a-z'’-]+[,;]? (?:[A-Z][\w-]*[,;]? )?){6,}")
"""What is left of the source in the midst of another language; what is quoted may stay."""
_SPACES = re.compile(r"\W+")


def refusals(paper: Paper, made: SummaryText) -> tuple[Refusal, ...]:
    """What is wrong with ``made``, words about ``paper``; empty where they may be kept.

    Judges the headline, and a title and an abstract where they are given. Numbers and names of a headline are looked
    for in the paper's title and abstract; where that abstract is itself cut off, nobody knows what it had, and they are
    let pass. What only English and Chinese tell (function words, unfinished ends, capitals) is judged for those alone.
    """
    source = f"{paper.title}\n{paper.abstract}"
    found: dict[Fault, Refusal] = {}
    for field, text in (("headline", made.headline), ("title", made.title), ("abstract", made.abstract)):
        for refusal in _of_field(field, " ".join(text.split()), made.language, paper, source):
            found.setdefault(refusal.kind, refusal)
    return tuple(found.values())


def _of_field(field: str, text: str, language: str, paper: Paper, source: str) -> Iterator[Refusal]:
    if not text and field != "headline":
        return
    if _NOTHING.fullmatch(text) or TEMPLATE.fullmatch(text):
        yield Refusal(Fault.EMPTY, f"The {field} is empty; write it.")
        return
    if _HEADS.search(text, 0, 200) or TITLE_END.search(text, max(0, len(text) - 80)):
        yield Refusal(Fault.HEAD, f"The {field} repeats what the feed puts around it (arXiv id, type); leave that out.")
    if (LABEL.match(text) and not LABEL.match(paper.title)) or SECOND_SUMMARY.search(text):
        yield Refusal(Fault.LABEL, f'The {field} carries a label such as "title:"; write the words alone.')
    bare = TITLE_END.sub("", without_labels(text)).rstrip() if field == "title" else without_labels(text)
    if REFUSAL.match(bare):
        yield Refusal(Fault.REFUSAL, f"The {field} is an excuse; write it from the given title and abstract.")
        return
    if _copied(field, bare, language, paper):
        yield Refusal(Fault.COPIED, f"The {field} is the source's own text; write it anew in {language}.")
    elif not _speaks(field, bare, language):
        yield Refusal(Fault.LANGUAGE, f"The {field} is not written in {language}; write all of it in {language}.")
    if field != "title" and _cut(bare, language, field, source):
        yield Refusal(Fault.CUT, f"The {field} breaks off at its end; write it whole, and shorter if need be.")
    if field == "headline":
        yield from _of_headline(bare, language, paper, source)


def _of_headline(text: str, language: str, paper: Paper, source: str) -> Iterator[Refusal]:
    if (wide := width(text)) > COLUMNS:
        limit = COLUMNS // 2 if wide > len(text) * 1.5 else COLUMNS
        yield Refusal(Fault.LONG, f"The headline has {len(text)} characters; say it in one of at most {limit}.")
        if wide > 10 * COLUMNS:
            return
    if not paper.abstract or _ENDED.search(paper.abstract.rstrip()[-100:]):
        if number := unsupported_number(text, source):
            yield Refusal(Fault.NUMBER, f"The title and the abstract do not have the number {number}; leave it out.")
        if name := unsupported_name(text, language, source):
            yield Refusal(Fault.NAME, f"The title and the abstract do not have the name {name}; leave it out.")


def without_labels(text: str) -> str:
    """``text`` without the feed's head and labels (``translated_title:``, ``摘要：``) in front of it."""
    while mark := HEAD.match(text) or LABEL.match(text):
        text = text[mark.end() :]
    return text


def width(text: str) -> int:
    """Columns on a screen: a wide character (Chinese, Japanese, Korean) takes two."""
    if text.isascii():
        return len(text)
    return len(text) + sum(unicodedata.east_asian_width(character) in "WF" for character in text)


def _copied(field: str, text: str, language: str, paper: Paper) -> bool:
    if len(text) < 30:
        return False  # a title that is a name stays what it is
    if field == "title":
        return not language.startswith("en") and _squeezed(text) == _squeezed(TITLE_END.sub("", paper.title))
    source = f"{paper.title} {paper.abstract}"
    # Quick to see where it is another language's.
    if not any(text[at : at + 12] in source for at in (4, len(text) // 2)):
        return False
    if field == "abstract" and language_of(paper.abstract) == language:
        return False
    return _squeezed(text) in _squeezed(source)


def _squeezed(text: str) -> str:
    return _SPACES.sub(" ", text).strip().lower()


def _speaks(field: str, text: str, language: str) -> bool:
    base = language.partition("-")[0].lower()
    words = _LATIN_WORD.findall(text)
    if len(text) < 4 or (field == "title" and len(words) < 5 and not HAN.search(text)):
        return True  # the name of a thing is a title in every language
    if base == "zh":
        if field == "title" and len("".join(HAN.findall(text))) * 2 >= len(words):
            text = "".join(HAN.findall(text))  # names may outweigh the words between them
        if language not in ("zh-Hans", "zh-Hant"):
            language = language_of(text) if language_of(text) != "en" else language
        kana = len(_KANA.findall(text))
        return language_of(text, unsure=language) == language and kana * 8 < len(text) and not _ENGLISH_RUN.search(text)
    if base in SCRIPTS:
        letters = len(_LETTER.findall(text))
        own = len(re.findall(f"[{SCRIPTS[base]}]", text))
        # Japanese without kana is Chinese.
        return own * 3 > letters - own and (base != "ja" or len(text) < 12 or bool(_KANA.search(text)))
    if len(_LATIN_LETTER.findall(text)) * 2 < len(_LETTER.findall(text)):
        return False
    lower = [word.lower() for word in words]
    if base == "en":
        return len(words) < 8 or any(word in _FREQUENT for word in lower)
    return sum(word in _ENGLISH_ALONE for word in lower) * 7 < max(len(words), 8)


def _cut(text: str, language: str, field: str, source: str) -> bool:
    tail = text[-100:]
    if CUT.search(tail) or _OPEN_END.search(tail):
        return True
    if _ENDED.search(tail):
        return False
    if field == "abstract" and _INNER_END.search(text):
        return True  # its sentences end, but for the last
    base = language.partition("-")[0]
    if base == "zh":
        return bool(_UNENDING_HAN.search(text)) or (field == "abstract" and bool(re.search(r"[a-z]$", text)))
    if base != "en":
        return False
    last = text.rpartition(" ")[2].lower()
    if last in _UNENDING:
        return True
    words = set(re.findall(r"[a-z]+", source.lower()))
    return last.isalpha() and last not in words and any(word.startswith(last) for word in words)
