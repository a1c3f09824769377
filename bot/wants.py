"""Which papers are to be summarised in which languages, and how much each is wanted. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.documents import Document
from bot.matching import Batch
from bot.model import Announcement, JobKind, JobState, Paper, Summary, SummaryJob, is_by_model
from bot.orders import Made, mark_of
from bot.query import Field, Query, positive_leaves

NEWS = timedelta(days=3)
"""A job that nobody got to for so long is of no news any more."""
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_TEXTS = frozenset({Field.ANY, Field.TITLE, Field.ABSTRACT})

Key = tuple[int, str]
"""A paper's id and a language."""


@dataclass(frozen=True, slots=True)
class Reader:
    """``chats`` chats that follow ``query`` and read ``language``; ``wants``: the news (`News`) they ask for."""

    query: Query
    language: str
    wants: frozenset[str]
    chats: int


def has_chinese(query: Query) -> bool:
    """Whether it asks for Chinese words, which no English text has."""
    return any(chinese_words(query))


def chinese_words(query: Query) -> list[str]:
    """The Chinese words and phrases that it asks texts for, as they were typed."""
    return [leaf.text for leaf in positive_leaves(query) if leaf.field in _TEXTS and _HAN.search(leaf.text)]


def wanted(
    announcements: Sequence[Announcement], documents: Mapping[int, Document], readers: Sequence[Reader]
) -> Counter[Key]:
    """How many chats each announced paper will be shown to, by language."""
    from bot.filters import answered  # NumPy

    batch = Batch(documents.items())
    queries = list(dict.fromkeys(reader.query for reader in readers))
    masks = dict(zip(queries, answered(queries, batch), strict=True))
    told: dict[str, set[int]] = {}
    for announcement in announcements:
        told.setdefault(announcement.news.value, set()).add(announcement.paper_id)
    asked: Counter[tuple[Query, str, frozenset[str]]] = Counter()
    for reader in readers:
        asked[reader.query, reader.language, reader.wants] += reader.chats
    found: Counter[Key] = Counter()
    for (query, language, wants), chats in asked.items():
        if not masks[query]:
            continue
        shown = set().union(*(told.get(news, set()) for news in wants))
        for paper_id in batch.ids(masks[query]):
            if paper_id in shown:
                found[paper_id, language] += chats
    return found


def headline_language(readers: Iterable[Reader]) -> str:
    """In which Chinese every paper of the day needs a headline, so that Chinese words can find it: the one that most
    of those chats read; empty where nobody asks for Chinese words. Either script finds what the other writes."""
    asking: Counter[str] = Counter()
    for reader in readers:
        if has_chinese(reader.query):
            asking[reader.language if reader.language.startswith("zh") else "zh-Hans"] += reader.chats
    return max(asking, key=lambda language: (asking[language], language), default="")


def is_covered(paper: Paper, summary: Summary | None, kind: JobKind) -> bool:
    """Whether what is stored needs no model: a person's or a document's words, or a model's of this very text."""
    if summary is None:
        return False
    if not is_by_model(summary.origin):
        return bool(summary.headline or summary.abstract) or summary.origin == "curated"
    if summary.made_of != mark_of(paper):
        return False
    return kind is JobKind.HEADLINE or is_full(summary)


def is_full(summary: Summary) -> bool:
    """In English title and abstract are the paper's own, and subjects tell it from a headline alone."""
    return bool(summary.abstract or (summary.language == "en" and summary.headline))


def jobs_for(
    asked: Mapping[Key, tuple[JobKind, int]],
    papers: Mapping[int, Paper],
    summaries: Mapping[int, Sequence[Summary]],
    known: Mapping[Key, SummaryJob],
    now: datetime,
) -> list[SummaryJob]:
    """The jobs that are new or other than those known. What was refused is asked again when the paper's text is
    another; a paper without an abstract waits until it has one."""
    found = []
    for (paper_id, language), (kind, chats) in asked.items():
        paper, old = papers.get(paper_id), known.get((paper_id, language))
        if paper is None or not paper.abstract.strip():
            continue
        summary = next((s for s in summaries.get(paper_id, ()) if s.language == language), None)
        if summary is not None and is_by_model(summary.origin) and is_full(summary):
            kind = JobKind.FULL  # a full one is not made into a headline
        if is_covered(paper, summary, kind):
            continue
        mark = mark_of(paper)
        if old is None or (old.made_of != mark and old.state is not JobState.ASKED):
            found.append(SummaryJob(paper_id, language, kind, wanted=chats, made_of=mark, wanted_at=now))
            continue
        grown = JobKind.FULL if JobKind.FULL in (kind, old.kind) else kind
        same = replace(old, wanted=max(chats, old.wanted) if not old.state.open else chats, kind=grown)
        if old.state.open:
            found += [same] if same != old else []
        elif old.state is JobState.PASSED or grown is not old.kind or old.state is JobState.MADE:
            anew = SummaryJob(paper_id, language, grown, wanted=chats, made_of=mark, wanted_at=now)
            found.append(anew)
    return found


def ended_already(
    job: SummaryJob, paper: Paper | None, summaries: Sequence[Summary], most_tries: int, now: datetime
) -> SummaryJob | None:
    """The job as it ends where no request is needed; None where one is."""
    free = replace(job, owner="", until_at=None, ended_at=now)
    if paper is None or paper.id != job.paper_id or not paper.abstract.strip():
        return replace(free, state=JobState.PASSED, why="there is no such paper, or it has no abstract")
    summary = next((s for s in summaries if s.language == job.language), None)
    if is_covered(paper, summary, job.kind):
        return replace(free, state=JobState.MADE, why="")
    if job.tries >= most_tries:
        return replace(free, state=JobState.REFUSED, why=f"no answer came: {job.why}")
    return None


def overlaid(old: Summary | None, job: SummaryJob, made: Made, now: datetime) -> Summary | None:
    """What is to be stored of a model's words; None for nothing. Where a document or a person gave words, only what
    they left empty is filled, and nothing at all of what a person put right."""
    if made.text is None:
        return None
    text = made.text
    new = Summary(
        job.paper_id, job.language, text.headline, text.title, text.abstract, text.origin, now, job.made_of,
        made.subjects,
    )  # fmt: skip
    if old is None:
        return new
    if is_by_model(old.origin):
        if old.made_of != new.made_of or job.kind is JobKind.FULL:
            return new
        return None if is_full(old) else new
    if old.origin == "curated":
        return None
    filled = replace(
        old,
        headline=old.headline or new.headline,
        title=old.title or new.title,
        abstract=old.abstract or new.abstract,
        subjects=old.subjects or new.subjects,
    )
    return filled if filled != old else None
