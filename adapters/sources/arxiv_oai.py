"""arXiv over OAI-PMH: https://info.arxiv.org/help/oa/index.html. An Archive.

It is asked for every missed day that the listing page does not hold: it gives whole records of any time. A record's
datestamp is that of its last modification, so the format with the history of versions is asked for, and which papers
are new is decided by id (``bot.gaps``). No end is given to the span: who was modified since has moved there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode
from xml.etree import ElementTree

from adapters.sources.arxiv import SAMPLE, read_authors
from adapters.sources.http import Fetcher
from bot.errors import FetchFailed
from bot.keys import link_from_key
from bot.model import FeedItem, Kind, Leaf, Rejected, Sighting

_PHYSICS = frozenset({
    "astro-ph", "cond-mat", "gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th", "math-ph", "nlin", "nucl-ex", "nucl-th",
    "physics", "quant-ph",
})  # fmt: skip
_NO_RECORDS = "noRecordsMatch"


class ArxivOai:
    """``url`` is the base address; a resumption token holds for a day."""

    name = "oai"

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        self._url, self._fetcher = url, fetcher

    async def leaf(self, category: str, since: date, token: str) -> Leaf:
        """Records modified since the day before ``since``, which is US Eastern."""
        if token:
            asked = {"verb": "ListRecords", "resumptionToken": token}
        else:
            start = (since - timedelta(days=1)).isoformat()
            asked = {"verb": "ListRecords", "metadataPrefix": "arXivRaw", "from": start, "set": set_of(category)}
        response = await self._fetcher.fetch(f"{self._url}?{urlencode(asked)}")
        leaf = await asyncio.to_thread(parse_records, response.body)
        if leaf.token and leaf.token == token:
            raise FetchFailed("the resumption token leads back to itself")
        return leaf

    async def close(self) -> None:
        await self._fetcher.close()


def set_of(category: str) -> str:
    """``cs.CL`` -> ``cs:cs:CL``, ``hep-th`` -> ``physics:hep-th``, ``cs`` -> ``cs``."""
    archive, dot, subject = category.partition(".")
    if archive in _PHYSICS:
        return f"physics:{archive}:{subject}" if dot else f"physics:{archive}"
    return f"{archive}:{archive}:{subject}" if dot else archive


def parse_records(data: bytes) -> Leaf:
    """A ListRecords or GetRecord answer in the formats arXiv or arXivRaw.

    Raises FetchFailed for any error that OAI-PMH knows but "no records", and where the XML is broken.
    """
    sample = data[:SAMPLE].decode("utf-8", "replace")
    if b"<!ENTITY" in data or b"<!DOCTYPE" in data:
        raise FetchFailed("the answer is no OAI-PMH", sample=sample)
    try:
        root = ElementTree.fromstring(data)  # noqa: S314  (what defines entities was refused above)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise FetchFailed(f"the OAI-PMH answer cannot be parsed: {error}"[:200], sample=sample) from error
    if _name(root) != "OAI-PMH":
        raise FetchFailed("the answer is no OAI-PMH", sample=sample)
    for said in _children(root, "error"):
        if said.get("code") == _NO_RECORDS:
            return Leaf()
        raise FetchFailed(f"OAI-PMH: {said.get('code', '')}: {(said.text or '').strip()}"[:300])
    listing = next((one for one in root if _name(one) in ("ListRecords", "GetRecord")), None)
    if listing is None:
        raise FetchFailed("the OAI-PMH answer holds no records", sample=sample)
    sightings: list[Sighting] = []
    rejected: list[Rejected] = []
    for number, record in enumerate(_children(listing, "record"), 1):
        header = next(_children(record, "header"), None)
        if header is not None and header.get("status") == "deleted":
            continue
        try:
            sightings.append(_sighting(record))
        except ValueError as error:
            raw = ElementTree.tostring(record, "unicode")[:SAMPLE]
            rejected.append(Rejected(f"record {number}", str(error), raw))
    token = next((one.text or "" for one in _children(listing, "resumptionToken")), "")
    return Leaf(tuple(sightings), tuple(rejected), token.strip())


def _sighting(record: ElementTree.Element) -> Sighting:
    """Raises ValueError where it cannot be used."""
    metadata = next(_children(record, "metadata"), None)
    about = next((one for one in metadata or () if _name(one) in ("arXiv", "arXivRaw")), None)
    if about is None:
        raise ValueError("no metadata of arXiv's own format")
    fields = {_name(child): child for child in reversed(about)}
    texts = {name: " ".join((child.text or "").split()) for name, child in fields.items()}
    if not texts.get("id") or not texts.get("title"):
        raise ValueError("no title" if texts.get("id") else "no arXiv id")
    dated = ((_number(one.get("version")), _moment(one)) for one in _children(about, "version"))
    history = sorted((number, at) for number, at in dated if number and at)
    submitted_at = history[0][1] if history else _noon(texts.get("created"))
    revised_at = history[-1][1] if history else _noon(texts.get("updated")) or submitted_at
    key = "arxiv:" + texts["id"]
    item = FeedItem(
        key=key,
        kind=Kind.KNOWN,
        title=texts["title"],
        abstract=(fields["abstract"].text or "").strip() if "abstract" in fields else "",
        version=history[-1][0] if history else None,
        authors=_authors(fields.get("authors")),
        categories=tuple(dict.fromkeys(texts.get("categories", "").split())),
        doi=texts.get("doi", "").replace(";", ",").partition(",")[0].split(" ")[0],
        journal=texts.get("journal-ref", ""),
        links=(link_from_key(key),),
    )
    return Sighting(item, submitted_at, revised_at)


def _authors(field: ElementTree.Element | None) -> tuple[str, ...]:
    if field is None:
        return ()
    people = list(_children(field, "author"))
    if not people:
        return read_authors(" ".join((field.text or "").split()).replace(" and ", ", "))
    names: list[str] = []
    for person in people:
        parts = {_name(part): " ".join((part.text or "").split()) for part in person}
        name = " ".join(filter(None, (parts.get("forenames"), parts.get("keyname"), parts.get("suffix"))))
        names += read_authors(name) if name else ()
    return tuple(names)


def _moment(version: ElementTree.Element) -> datetime | None:
    text = next((child.text or "" for child in version if _name(child) == "date"), "").strip()
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _noon(day: str | None) -> datetime | None:
    """The format ``arXiv`` gives days alone. Noon in UTC is before the day's submissions close in Ithaca."""
    try:
        return datetime.combine(date.fromisoformat(day), time(12), UTC) if day else None
    except ValueError:
        return None


def _number(version: str | None) -> int | None:
    digits = (version or "").removeprefix("v")
    return int(digits) if digits.isdecimal() and len(digits) < 5 else None


def _children(parent: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (child for child in parent if _name(child) == name)


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
