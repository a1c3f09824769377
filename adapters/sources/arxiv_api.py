"""arXiv's API: https://info.arxiv.org/help/api/user-manual.html. An Archive.

It is asked last for missed days: it lags behind the announcements by up to a day, is the first to answer 429, and
knows when a paper was submitted but not when it was announced.
"""

from __future__ import annotations

import asyncio
import io
from calendar import timegm
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

import feedparser

from adapters.sources.arxiv import SAMPLE, item_named
from adapters.sources.http import Fetcher
from bot.errors import FetchFailed
from bot.model import FeedItem, Leaf, Rejected, Sighting

SLICE, MOST = 1000, 30_000
"""Entries a request, where 2,000 are allowed; and all that a query gives."""
_HELD_UP = timedelta(days=7)
"""Papers of a day were submitted up to so long before, where a weekend and moderation came between."""
_ARCHIVES = frozenset({
    "astro-ph", "cond-mat", "cs", "econ", "eess", "math", "nlin", "physics", "q-bio", "q-fin", "stat",
})  # fmt: skip


class ArxivApi:
    """``url`` is the address of the query interface."""

    name = "api"

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        self._url, self._fetcher = url, fetcher

    async def leaf(self, category: str, since: date, token: str) -> Leaf:
        """Papers submitted from a week before ``since`` on, the earliest first; ``token`` is where to start."""
        start = int(token or 0)
        begin = datetime.combine(since, time(), UTC) - _HELD_UP
        subject = f"{category}.*" if category in _ARCHIVES else category
        query = f"cat:{subject} AND submittedDate:[{begin:%Y%m%d%H%M} TO 209912312359]"
        asked = {"search_query": query, "start": start, "max_results": SLICE}
        order = {"sortBy": "submittedDate", "sortOrder": "ascending"}
        response = await self._fetcher.fetch(f"{self._url}?{urlencode(asked | order)}")
        leaf, total = await asyncio.to_thread(parse_answer, response.body)
        got = len(leaf.sightings) + len(leaf.rejected)
        if not got and start < min(total, MOST):
            raise FetchFailed(f"the API has {total} entries and gave none from {start} on")
        more = start + got < min(total, MOST)
        return Leaf(leaf.sightings, leaf.rejected, str(start + got) if more else "")

    async def close(self) -> None:
        await self._fetcher.close()


def parse_answer(data: bytes) -> tuple[Leaf, int]:
    """The entries of an answer, and how many the query has in all.

    Raises FetchFailed where it is no feed or holds the entry titled Error that the API answers mistakes with.
    """
    sample = data[:SAMPLE].decode("utf-8", "replace")
    if b"<!ENTITY" in data or not data.rstrip().endswith(b"</feed>"):
        raise FetchFailed("the API's answer is no whole feed", sample=sample)
    try:
        parsed = feedparser.parse(io.BytesIO(data), sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:  # a parser of arbitrary input may raise anything
        raise FetchFailed(f"the API's answer cannot be parsed: {type(error).__name__}", sample=sample) from error
    if not parsed.version.startswith("atom"):
        raise FetchFailed("the API's answer is no feed", sample=sample)
    sightings: list[Sighting] = []
    rejected: list[Rejected] = []
    for number, entry in enumerate(parsed.entries, 1):
        if "/api/errors" in str(entry.get("id")):
            raise FetchFailed(f"the API refused the query: {' '.join(str(entry.get('summary', '')).split())[:200]}")
        item = item_named(entry)
        if isinstance(item, FeedItem):
            # feedparser's own get gives the one where the other is missing.
            first, last = (_at(dict.get(entry, f"{name}_parsed")) for name in ("published", "updated"))
            sightings.append(Sighting(item, first, last or first))
        else:
            rejected.append(Rejected(f"entry {number}", item, str(entry.get("id"))[:SAMPLE]))
    total = str(parsed.feed.get("opensearch_totalresults", ""))
    return Leaf(tuple(sightings), tuple(rejected)), int(total) if total.isdecimal() else len(parsed.entries)


def _at(parsed: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
    except (ValueError, TypeError, OverflowError, OSError):
        return None
