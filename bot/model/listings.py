"""Papers as they are handed out: in files, feeds and pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bot.model.chats import Topic
from bot.model.papers import Paper, Summary


@dataclass(frozen=True, slots=True)
class Listed:
    """A paper with all stored words about it. ``on``: the day it was announced, else the day it is dated; ``topics``:
    the slugs of those of the catalogue that it matches, and ``subjects`` what it is about, where somebody asked."""

    paper: Paper
    summaries: tuple[Summary, ...] = ()
    on: date | None = None
    topics: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """Papers under a title, the newest first. ``name`` is fit for a file; ``left_out`` counts the older ones that are
    not there."""

    name: str
    title: str
    papers: tuple[Listed, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Site:
    """What a site shows of an instance: each topic's latest papers, and of each of ``days`` those that any topic
    matches. ``announced``: how many papers were announced on each day that is known, the latest first."""

    topics: tuple[tuple[Topic, tuple[Listed, ...]], ...]
    days: tuple[tuple[date, tuple[Listed, ...]], ...]
    announced: tuple[tuple[date, int], ...]
