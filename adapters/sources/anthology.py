"""The ACL Anthology: its feed of new papers, and the collections of its data that have their abstracts.

The feed (https://aclanthology.org/papers/index.xml) has the latest 1,000 papers and all others of the last one's day,
with authors and volume but no abstract. Abstracts stand in one XML file a collection, ``2024.lrec.xml``, of the
Anthology's own data (https://github.com/acl-org/acl-anthology/tree/master/data/xml): one request for a whole
conference, where pages would take one a paper, and the package that reads them clones the whole repository.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
from collections.abc import Iterator
from datetime import date
from typing import Any
from xml.etree import ElementTree

from adapters.sources.entries import add_name, line, moment, parse
from adapters.sources.http import Fetcher
from bot.errors import FetchFailed
from bot.keys import link_from_key, parse_reference
from bot.model import FeedItem, Fetched, Kind, Rejected, Validators

log = logging.getLogger(__name__)

_COLLECTION = re.compile(r"[0-9]{4}\.[a-z0-9_]{1,40}|[A-Z][0-9]{2}")
_LONGEST = 20_000
"""Characters of an abstract that are kept."""


class AnthologyFeed:
    """Proceedings as they appear. ``data_url`` is followed by ``/2024.lrec.xml``; ``interval``, ``contact``: see
    Fetcher. Raises FetchFailed."""

    name = "anthology"

    def __init__(
        self,
        feed_url: str = "https://aclanthology.org/papers/index.xml",
        data_url: str = "https://raw.githubusercontent.com/acl-org/acl-anthology/master/data/xml",
        contact: str = "",
        interval: float = 3.0,
        fetcher: Fetcher | None = None,
    ) -> None:
        self.url = feed_url
        self._data_url = data_url.rstrip("/")
        self._fetcher = fetcher or Fetcher(contact, interval)

    def collection_url(self, name: str) -> str:
        return f"{self._data_url}/{name}.xml"

    async def fetch(self, known: Validators) -> Fetched:
        """New papers, without abstracts."""
        response = await self._fetcher.fetch(self.url, known)
        if response.unchanged:
            return Fetched(self.url, unchanged=True, validators=response.validators)
        items, rejected, batch_on = await asyncio.to_thread(parse_feed, response.body)
        return Fetched(self.url, False, items, rejected, batch_on, response.validators)

    async def collection(self, name: str, known: Validators) -> Fetched:
        """Every paper of a collection that has an abstract, as KNOWN."""
        url = self.collection_url(name)
        if not _COLLECTION.fullmatch(name):
            raise FetchFailed(f"{name[:60]!r} is no collection of the Anthology")
        response = await self._fetcher.fetch(url, known)
        if response.unchanged:
            return Fetched(url, unchanged=True, validators=response.validators)
        items = await asyncio.to_thread(parse_collection, response.body)
        return Fetched(url, items=items, validators=response.validators)

    async def close(self) -> None:
        await self._fetcher.close()


def parse_feed(data: bytes) -> tuple[tuple[FeedItem, ...], tuple[Rejected, ...], date | None]:
    """The feed's papers as NEW, what cannot be used, and the newest day. Raises FetchFailed."""
    if not data.rstrip().endswith(b"</rss>"):
        raise FetchFailed("the Anthology's feed is cut off, or no feed" if data.strip() else "the answer is empty")
    if b"<!ENTITY" in data:
        raise FetchFailed("the feed defines entities, which the Anthology's never does")
    try:
        parsed = parse(data)
    except Exception as error:  # a parser of arbitrary input may raise anything
        raise FetchFailed(f"the feed cannot be parsed: {type(error).__name__}") from error
    if not parsed.version.startswith("rss"):
        raise FetchFailed("the answer is no feed")
    items: list[FeedItem] = []
    rejected: list[Rejected] = []
    for number, entry in enumerate(parsed.entries, 1):
        name, title = line(entry.get("id")), line(entry.get("title"))
        key = parse_reference(f"acl:{name}") or ""
        if name.endswith(".0"):  # a volume's front matter
            continue
        if key.startswith("acl:") and title:
            items.append(_item(key, title, entry))
        else:
            where = f"item {number}" + (f" ({name[:100]})" if name else "")
            rejected.append(Rejected(where, "no title" if key else "no Anthology id"))
    days = [item.announced_on for item in items if item.announced_on]
    return tuple(items), tuple(rejected), max(days, default=None)


def _item(key: str, title: str, entry: Any) -> FeedItem:
    people, _, volume = f" {line(entry.get('summary'))}".partition(" in ")
    return FeedItem(
        key=key,
        kind=Kind.NEW,
        title=title,
        authors=read_authors(people),
        announced_on=_day(entry.get("published_parsed")),
        journal=volume[:500],
        links=(link_from_key(key),),
    )


def read_authors(text: str) -> tuple[str, ...]:
    """Names out of ``A, B and C``.

    >>> read_authors("Eujene Boquio, Jose Naval, Jr. and Ada Ash")
    ('Eujene Boquio', 'Jose Naval Jr.', 'Ada Ash')
    """
    head, _, last = text.rpartition(" and ")
    names: list[str] = []
    for piece in [*head.split(","), *last.split(",")]:
        name = " ".join(piece.split())
        add_name(names, name[:200])
    return tuple(names)


def parse_collection(data: bytes) -> tuple[FeedItem, ...]:
    """The papers of a collection's file that have an abstract, as KNOWN; formulas are TeX between dollar signs.
    Raises FetchFailed.

    Format: https://github.com/acl-org/acl-anthology/blob/master/data/xml/schema.rnc
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise FetchFailed("the collection defines entities, which the Anthology's data never do")
    try:
        return tuple(_papers(data))
    except ElementTree.ParseError as error:
        raise FetchFailed(f"the collection cannot be read: {error}") from error


def _papers(data: bytes) -> Iterator[FeedItem]:
    collection = volume = ""
    # Without a document type there are no entities to blow up.
    for event, element in ElementTree.iterparse(io.BytesIO(data), ("start", "end")):  # noqa: S314
        if event == "start" and element.tag == "collection":
            collection = element.get("id", "")
        elif event == "start" and element.tag == "volume":
            volume = element.get("id", "")
        elif event == "end" and element.tag == "paper":
            key = parse_reference(f"acl:{_name(collection, volume, element.get('id', ''))}")
            title, abstract = _text(element.find("title")), _text(element.find("abstract"))[:_LONGEST]
            if key and title and abstract:
                doi = line(element.findtext("doi"))
                yield FeedItem(
                    key, Kind.KNOWN, title, abstract, authors=tuple(_people(element)), doi=doi[:300],
                    links=(link_from_key(key),),
                )  # fmt: skip
            element.clear()  # a conference has megabytes


def _name(collection: str, volume: str, number: str) -> str:
    """The id of a paper (https://aclanthology.org/info/ids/): ``2024.lrec-main.7``; before 2020 ``P17-1007``, and where
    volumes are many, as with workshops, ``W17-0107``."""
    if "." in collection:
        return f"{collection}-{volume}.{number}"
    if not (volume.isdecimal() and number.isdecimal()):
        return ""
    many = collection[:1] == "W" or collection == "C69" or (collection == "D19" and int(volume) >= 5)
    return f"{collection}-{int(volume):02d}{int(number):02d}" if many else f"{collection}-{volume}{int(number):03d}"


def _people(paper: ElementTree.Element) -> Iterator[str]:
    for author in paper.findall("author"):
        name = " ".join(line(author.findtext(part)) for part in ("first", "last")).strip()
        if name:
            yield name[:200]


def _text(element: ElementTree.Element | None) -> str:
    """An element's text, whatever its markup (``fixed-case``, ``b``, ``i``, ``url``); ``tex-math`` as TeX."""
    if element is None:
        return ""
    for formula in element.iter("tex-math"):
        if (formula.text or "").strip():
            formula.text = f"${(formula.text or '').strip()}$"
    return line("".join(element.itertext()))


def _day(parsed: Any) -> date | None:
    """The feed's days are dates at midnight UTC."""
    at = moment(parsed)
    return at.date() if at else None
