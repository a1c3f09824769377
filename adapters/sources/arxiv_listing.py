"""arXiv's listing page of the latest announcement: https://arxiv.org/list/cs.CL/new. An Archive.

It is asked first for missed days: it alone says which day it is of, what was new and what a cross-list, and it has
the abstracts. It is of one day only, the latest. What it says of numbers is checked: ``showing 25 of 120 entries``.
"""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from adapters.sources.arxiv import SAMPLE
from adapters.sources.entries import line
from adapters.sources.http import Fetcher
from bot.errors import FetchFailed
from bot.keys import link_from_key
from bot.model import FeedItem, Kind, Leaf, Rejected, Sighting

SHOWN = 2000
"""arXiv shows no more on a page."""

_DAY = re.compile(r"Showing new listings for \w+, (\d{1,2}) (\w+) (\d{4})")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_TOTAL = re.compile(r"Total of (\d{1,6}) entries")
_SECTION = re.compile(
    r"<h3>\s*(?P<kind>New|Cross|Replacement) submissions \((?:continued, )?showing (?:first |last )?"
    r"(?P<shown>\d{1,5}) of \d{1,5} entries\s*\)"
)
_ENTRY = re.compile(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", re.DOTALL)
_ID = re.compile(r"href\s*=\s*\"/abs/(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?\"")
_TITLE = re.compile(r"<div class='list-title[^>]*>\s*<span[^>]*>Title:</span>(.*?)</div>", re.DOTALL)
_AUTHORS = re.compile(r"<div class='list-authors'>(.*?)</div>", re.DOTALL)
_SUBJECTS = re.compile(r"<div class='list-subjects'>(.*?)</div>", re.DOTALL)
_ABSTRACT = re.compile(r"<p class='mathjax'>(.*?)</p>", re.DOTALL)
_LINK = re.compile(r"<a [^>]*>(.*?)</a>", re.DOTALL)
_IN_BRACKETS = re.compile(r"\(([a-z-]+(?:\.[A-Za-z-]+)?)\)")
_TAG = re.compile(r"<[^<>]*>")
_KINDS = {"New": Kind.NEW, "Cross": Kind.CROSS, "Replacement": Kind.REPLACE}


class ArxivListing:
    """``url`` is followed by ``/cs.CL/new``."""

    name = "listing"

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        self._url, self._fetcher = url.rstrip("/"), fetcher

    async def leaf(self, category: str, since: date, token: str) -> Leaf:
        """A page of the latest listing, whatever day it is of; ``token`` is how many were skipped."""
        skip = int(token or 0)
        response = await self._fetcher.fetch(f"{self._url}/{category}/new?skip={skip}&show={SHOWN}")
        leaf, total = await asyncio.to_thread(parse_listing, response.body)
        seen = skip + len(leaf.sightings) + len(leaf.rejected)
        if seen < total and not (leaf.sightings or leaf.rejected):
            raise FetchFailed(f"the listing has {total} entries and shows none of them")
        return replace(leaf, token=str(seen) if seen < total else "")

    async def close(self) -> None:
        await self._fetcher.close()


def parse_listing(data: bytes) -> tuple[Leaf, int]:
    """The page's papers with their day and kind, and how many the whole listing has.

    Raises FetchFailed where it is no such page, does not say its day, or shows fewer papers than it says.
    """
    text = data.decode("utf-8", "replace")
    sample = text[:SAMPLE]
    day = _DAY.search(text)
    if day is None or "</html>" not in text[-2000:].lower():
        raise FetchFailed("the answer is no whole listing page", sample=sample)
    try:
        on = date(int(day[3]), _MONTHS.index(day[2]) + 1, int(day[1]))
    except ValueError as error:
        raise FetchFailed(f"the listing's day makes no sense: {day[0][-40:]}", sample=sample) from error
    total = _TOTAL.search(text)
    sightings: list[Sighting] = []
    rejected: list[Rejected] = []
    heads = list(_SECTION.finditer(text))
    if bool(heads) != bool(total and int(total[1])):
        raise FetchFailed("the listing's papers, or their number, are nowhere to be found", sample=sample)
    for number, head in enumerate(heads, 1):
        end = heads[number].start() if number < len(heads) else len(text)
        found = list(_entries(text[head.end() : end], _KINDS[head["kind"]], on))
        if len(found) != int(head["shown"]):
            raise FetchFailed(f"the listing says {head['shown']} {head['kind'].lower()} entries and has {len(found)}")
        sightings += [one for one in found if isinstance(one, Sighting)]
        rejected += [one for one in found if isinstance(one, Rejected)]
    return Leaf(tuple(sightings), tuple(rejected), on=on), int(total[1]) if total else 0


def _entries(section: str, kind: Kind, on: date) -> Iterator[Sighting | Rejected]:
    for number, (head, body) in enumerate(_ENTRY.findall(section), 1):
        name, title = _ID.search(head), _plain(_TITLE, body)
        if name is None or not title:
            yield Rejected(f"entry {number}", "no title" if name else "no arXiv id", line(head + body)[:SAMPLE])
            continue
        subjects = _SUBJECTS.search(body)
        authors = _AUTHORS.search(body)
        key = "arxiv:" + re.sub(r"\.[A-Z]{2}(?=/)", "", name[1])
        yield Sighting(
            FeedItem(
                key=key,
                kind=kind,
                title=title,
                abstract=_plain(_ABSTRACT, body),
                authors=tuple(line(_bare(one)) for one in _LINK.findall(authors[1])) if authors else (),
                categories=tuple(_IN_BRACKETS.findall(_bare(subjects[1]))) if subjects else (),
                announced_on=on,
                links=(link_from_key(key),),
            )
        )


def _plain(pattern: re.Pattern[str], body: str) -> str:
    found = pattern.search(body)
    return line(_bare(found[1])) if found else ""


def _bare(markup: str) -> str:
    return html.unescape(_TAG.sub("", markup))
