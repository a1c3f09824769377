"""What documents say that papers are about, and the topics that these subjects are.

A subject that no topic is called becomes a proposed one, which asks for the papers that have it. Pure but for `propose`
and `dismiss`, which read and write topics.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from bot.documents import Document, holds
from bot.errors import QueryError
from bot.model import Paper, Topic
from bot.ports import Transaction
from bot.query import Lookup, parse, unfolded
from bot.scripts import convert, language_of
from bot.text import phrases, readable

MOST_PROPOSED = 500
"""Topics that nobody asked for: what is proposed beyond them waits until some were adopted or removed."""
LONGEST = 60
"""Characters of what can be a subject; what is longer is a sentence."""
MOST_SHOWN = 8
_MOST_BYTES = 56
"""Of a slug, which goes into a button."""

_SIGNS = re.compile(r"[^\w+#]+|_+")
_CLOSING = re.compile(r"(?<=\S)(?:\s*方法|\s+methods?)$", re.IGNORECASE)
"""Says nothing that the words before it do not."""
_QUOTES = str.maketrans(dict.fromkeys('"“”„‟＂«»「」『』', " "))
_DISMISSED = "subject.dismissed."


@lru_cache(8192)
def mark(subject: str) -> str:
    """Equal for names of one subject: they differ in case, width, script, Taiwan's words, signs or a closing 方法."""
    plain = unicodedata.normalize("NFKC", subject).casefold().strip()
    plain = _CLOSING.sub("", plain)
    if not plain.isascii():
        # There and back: 软件, 軟件 and 軟體 all end as 軟體.
        plain = convert(convert(plain, "zh-Hans"), "zh-Hant")
    return _SIGNS.sub("", plain)


def marks_of(topic: Topic) -> set[str]:
    """The marks of all that a topic is called."""
    return {mark(name) for name in (topic.slug, *(name for _, name in topic.names))} - {""}


def proposal(subject: str) -> Topic | None:
    """The topic that a subject becomes: its names, and a query for the papers that have it. None for what is no name
    or cannot be asked for."""
    told = " ".join(readable(subject).translate(_QUOTES).split())
    core = _CLOSING.sub("", told)
    if not 0 < len(told) <= LONGEST or not phrases(core):
        return None
    language = language_of(told)
    if language == "en":
        names = [("en", core)]
    else:
        names = [(one, told if one == language else convert(told, one)) for one in ("zh-Hans", "zh-Hant")]
        if language_of(core) == "en":
            names.insert(0, ("en", core))
    written = {phrases(text): text for text in (core, *(_CLOSING.sub("", name) for _, name in names))}
    query = " OR ".join(f'subject:"{text}"' for text in written.values())
    slug = re.sub(r"[\W_]+", "-", (core if language == "en" else convert(core, "zh-Hans")).casefold()).strip("-")[:40]
    while len(slug.encode()) > _MOST_BYTES:
        slug = slug[:-1]
    made = Topic(slug.strip("-"), tuple(names), query, proposed=True)
    return made if made.slug and _asks_for(query, subject) else None


def _asks_for(query: str, subject: str) -> bool:
    try:
        return holds(parse(query), Document(subjects=(readable(subject),)))
    except QueryError:
        return False


def propose(tx: Transaction, subjects: Iterable[str]) -> int:
    """Keep a topic for each subject that none is called yet, but for those that were dismissed; returns how many."""
    wanted: dict[str, str] = {}
    for subject in subjects:
        wanted.setdefault(mark(subject), subject)
    wanted.pop("", None)
    if not wanted:
        return 0
    topics = tx.topics()
    room = MOST_PROPOSED - sum(topic.proposed for topic in topics)
    known = set().union(*map(marks_of, topics))
    made = 0
    for its, subject in wanted.items():
        if made >= room:
            break
        if its in known or tx.setting(_DISMISSED + its):
            continue
        topic = proposal(subject)
        if topic is not None and tx.propose_topic(topic):
            known |= marks_of(topic)
            made += 1
    return made


def dismiss(tx: Transaction, topic: Topic) -> None:
    """A removed topic is not proposed again by the next document that names it."""
    for one in marks_of(topic):
        tx.put_setting(_DISMISSED + one, "1")


def subjects_of(
    paper: Paper, document: Document, topics: Sequence[Topic], lookup: Lookup, language: str
) -> tuple[str, ...]:
    """What a paper is about, in a reader's words: its stored subjects, as the topics that they are, then the topics of
    the catalogue that hold of it. ``lookup``: what a topic inside a query stands for."""
    by_mark = {one: topic for topic in reversed(topics) for one in marks_of(topic)}
    found: dict[str, str] = {}
    for subject in paper.subjects:
        topic = by_mark.get(mark(subject))
        name = topic.name(language) if topic else _in_script(subject, language)
        found.setdefault(topic.slug if topic else mark(subject), name)
    for topic in topics:
        if not topic.proposed and topic.slug not in found and _is_about(topic, document, lookup):
            found[topic.slug] = topic.name(language)
    return tuple(dict.fromkeys(found.values()))[:MOST_SHOWN]


def _is_about(topic: Topic, document: Document, lookup: Lookup) -> bool:
    try:
        return holds(unfolded(parse(topic.query), lookup), document)
    except QueryError:
        return False


def _in_script(subject: str, language: str) -> str:
    ours = language.startswith("zh") and language_of(subject, unsure=language) not in ("en", language)
    return convert(subject, language) if ours else subject
