"""arXiv's daily feeds: RSS 2.0 and Atom as served today, and the RDF of before 2024 in files.

Format: https://info.arxiv.org/help/rss_specifications.html
"""

from __future__ import annotations

import asyncio
import html
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from adapters.sources.entries import add_name, line, moment, parse
from adapters.sources.http import Fetcher
from bot.errors import FetchFailed
from bot.feeds import EASTERN
from bot.keys import link_from_key
from bot.model import FeedItem, Fetched, Kind, Rejected, Validators
from bot.text import readable

log = logging.getLogger(__name__)

SAMPLE = 1000
"""Characters kept of what cannot be used."""
CAP = 2000
"""arXiv cuts a feed at so many items, and the *new* ones are cut first."""
NEAR = 1700
"""The largest days bear a quarter more papers than the usual large ones."""

_ID = r"\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7}"
_PLACE = re.compile(
    rf"^(?:oai:arxiv\.org:|https?://(?:[a-z.-]+\.)?arxiv\.org/abs/)?(?P<id>(?-i:{_ID}))(?:v(?P<version>\d{{1,4}}))?$",
    re.IGNORECASE,
)
_SUBJECT_CLASS = re.compile(r"\.[A-Z]{2}(?=/)")
_HEAD = re.compile(
    rf"\s*arXiv:(?:{_ID})v(?P<version>\d{{1,4}})\s+Announce Type:\s*(?P<kind>[a-z-]+)\s*(?:Abstract:\s*)?"
)
_OLD_TITLE = re.compile(
    rf"\.?\s*\(arXiv:(?P<id>{_ID})(?:v(?P<version>\d{{1,4}}))?\s*"
    r"(?:\[(?P<categories>[^\]]*)\])?\s*(?P<mark>[A-Z ]*)\)\s*$"
)
_OLD_KINDS = {"": Kind.NEW, "CROSS LISTED": Kind.CROSS, "UPDATED": Kind.REPLACE}
_KINDS = {kind.value: kind for kind in Kind if kind is not Kind.KNOWN}
_CATEGORY = re.compile(r"[a-z][a-z-]*(?:\.[A-Za-z][A-Za-z-]*)?")
_CLOSED = re.compile(rb"</(?:rss|(?:\w+:)?feed|(?:\w+:)?RDF)\s*>\s*(?:<!--(?:(?!-->).)*-->\s*)*\Z", re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


class ArxivFeed:
    """The daily feed of a union of categories. A Source; raises FetchFailed.

    ``feed_url`` is followed by ``/cs.CL+cs.LG``. ``interval``, ``contact``: see Fetcher; give ``fetcher`` to
    share one with other sources (it is then not closed here).
    """

    name = "arxiv"

    def __init__(
        self,
        feed_url: str = "https://rss.arxiv.org/rss",
        contact: str = "",
        interval: float = 3.0,
        fetcher: Fetcher | None = None,
    ) -> None:
        self._feed_url = feed_url.rstrip("/")
        self._fetcher = fetcher or Fetcher(contact, interval)
        self._owns_fetcher = fetcher is None

    def url(self, categories: Sequence[str]) -> str:
        return f"{self._feed_url}/{'+'.join(categories)}"

    async def fetch(self, categories: Sequence[str], known: Validators) -> Fetched:
        """The union's items; ``cut`` where arXiv left some out, ``near`` where it is about to."""
        url = self.url(categories)
        response = await self._fetcher.fetch(url, known)
        if response.unchanged:
            return Fetched(url, unchanged=True, validators=response.validators)
        fetched = await asyncio.to_thread(parse_feed, response.body, url)
        count = len(fetched.items) + len(fetched.rejected)
        return replace(fetched, validators=response.validators, cut=count >= CAP, near=count >= NEAR)

    async def close(self) -> None:
        if self._owns_fetcher:
            await self._fetcher.close()


def parse_feed(data: bytes, url: str) -> Fetched:
    """The items of a feed, of one file or response; ``url`` only names it.

    ``batch_on`` is the feed's own date in US Eastern time. Items that cannot be used are in ``rejected``.
    Raises FetchFailed where the whole is no feed, is arXiv's answer to a bad query, or is cut off.
    """
    if not _CLOSED.search(data[-4096:].rstrip()):
        raise FetchFailed(_why_unclosed(data), sample=_sample(data))
    if b"<!ENTITY" in data:
        raise FetchFailed("the feed defines entities, which no feed of arXiv does", sample=_sample(data))
    try:
        parsed = parse(data)
    except Exception as error:  # a parser of arbitrary input may raise anything
        raise FetchFailed(f"the feed cannot be parsed: {type(error).__name__}", sample=_sample(data)) from error
    if not parsed.version.startswith(("rss", "atom")):
        raise FetchFailed("the answer is no feed", sample=_sample(data))
    feed = parsed.feed
    title = line(feed.get("title"))
    if title.startswith("Feed error"):
        raise FetchFailed(f"arXiv refused the query: {title[:200]}")
    if parsed.bozo:
        log.warning("%s is not well-formed (%s); reading what can be read", url, parsed.get("bozo_exception"))
    built_at = moment(dict.get(feed, "updated_parsed"))  # feedparser's own get gives pubDate where it is missing
    batch_on = _eastern(moment(feed.get("published_parsed")) or built_at)
    items: list[FeedItem] = []
    rejected: list[Rejected] = []
    for number, entry in enumerate(parsed.entries, 1):
        read = _item(entry, batch_on)
        if isinstance(read, FeedItem):
            items.append(read)
        else:
            where = line(entry.get("id") or entry.get("link") or entry.get("title"))[:100]
            rejected.append(Rejected(f"item {number}" + (f" ({where})" if where else ""), read, _shown(entry)))
    return Fetched(url, items=tuple(items), rejected=tuple(rejected), batch_on=batch_on)


def _item(entry: Any, batch_on: date | None) -> FeedItem | str:
    """The item, or why there is none."""
    name = next(filter(None, (_PLACE.match(str(entry.get(key) or "").strip()) for key in ("id", "link"))), None)
    if name is None:
        return "no arXiv id"
    title, abstract = line(entry.get("title")), str(entry.get("summary") or "")
    old, head = _OLD_TITLE.search(title), _HEAD.match(abstract)
    if old and old["id"] != name["id"]:  # a title may end in the id of the paper it answers
        old = None
    if old:
        title = title[: old.start()].rstrip()
    if not title:
        return "no title"
    word = line(entry.get("arxiv_announce_type")) or (head["kind"] if head else "")
    kind = _KINDS.get(word) if word or not old else _OLD_KINDS.get(old["mark"].strip())
    if kind is None:
        return f"unknown announce type {(word or (old['mark'] if old else ''))[:40]!r}"
    version = next((m["version"] for m in (name, head, old) if m and m["version"]), None)
    key = "arxiv:" + _SUBJECT_CLASS.sub("", name["id"])
    given = [str(tag.get("term") or "") for tag in entry.get("tags", ())] or _split(old["categories"] if old else "")
    doi = line(entry.get("arxiv_doi"))
    return FeedItem(
        key=key,
        kind=kind,
        title=title,
        abstract=_abstract(abstract[head.end() :] if head else abstract),
        version=int(version) if version else None,
        authors=read_authors(_creators(entry)),
        categories=tuple(dict.fromkeys(c.strip() for c in given if _CATEGORY.fullmatch(c.strip()))),
        announced_on=_eastern(moment(entry.get("published_parsed"))) or batch_on,
        doi=doi,
        journal=line(entry.get("arxiv_journal_reference")),
        links=(link_from_key(key),),
    )


def item_named(entry: Any) -> FeedItem | str:
    """What an entry says of its paper alone, as KNOWN; or why it says nothing. For entries without a kind."""
    entry["arxiv_announce_type"] = Kind.NEW.value
    read = _item(entry, None)
    if isinstance(read, str):
        return read
    journal = read.journal or line(entry.get("arxiv_journal_ref"))
    return replace(read, kind=Kind.KNOWN, announced_on=None, journal=journal, abstract=" ".join(read.abstract.split()))


def read_authors(creators: str) -> tuple[str, ...]:
    r"""Names out of a comma-joined list: affiliations in parentheses dropped, TeX accents made letters.

    >>> read_authors(r'K. G\"odel (IAS, Princeton),  :, A. Tarski, Jr.')
    ('K. Gödel', 'A. Tarski Jr.')
    """
    names: list[str] = []
    for piece in _split(_without_parentheses(creators)):
        name = piece.partition("(")[0]  # one that nothing closes
        if any(mark in name for mark in "\\${"):
            name = readable(name)
        name = " ".join(name.replace("~", " ").split())  # a tie; the accent is a letter by now
        add_name(names, name)
    return tuple(names)


def _without_parentheses(text: str) -> str:
    """``text`` without its balanced parentheses and what they hold, in one pass."""
    kept: list[str] = []
    opened: list[int] = []
    for char in text:
        if char == ")" and opened:
            del kept[opened.pop() :]
            continue
        if char == "(":
            opened.append(len(kept))
        kept.append(char)
    return "".join(kept)


def _creators(entry: Any) -> str:
    names = [str(author.get("name") or "") for author in entry.get("authors", ())]
    text = ", ".join(names) if len(names) > 1 else str(entry.get("author") or "")
    return html.unescape(_TAG.sub("", text)) if "</a>" in text else text


def _abstract(text: str) -> str:
    """The abstract; the old format wrapped it in ``<p>`` and escaped it twice."""
    text = text.strip()
    if text.startswith("<p>") and text.endswith("</p>"):
        return html.unescape(text[3:-4]).strip()
    return text


def _split(text: str | None) -> list[str]:
    return [piece.strip() for piece in (text or "").split(",")]


def _eastern(at: datetime | None) -> date | None:
    try:
        return at.astimezone(EASTERN).date() if at else None
    except OverflowError:
        return None


def _sample(data: bytes) -> str:
    return data[:SAMPLE].decode("utf-8", "replace").strip()


def _shown(entry: Any) -> str:
    """The parts of an entry that are looked at, for a person who wonders what was wrong with it."""
    names = ("id", "link", "title", "arxiv_announce_type", "summary")
    return "\n".join(f"{name}: {line(entry.get(name))[:300]}" for name in names if entry.get(name))[:SAMPLE]


def _why_unclosed(data: bytes) -> str:
    if not data.strip():
        return "the answer is empty"
    if re.search(rb"<(?:!doctype html|html)\b", data[:4096], re.IGNORECASE):
        return "the answer is a web page, not a feed"
    if re.search(rb"<(?:rss|(?:\w+:)?feed|(?:\w+:)?RDF)\b", data[:4096]):
        return "the feed is cut off: its closing tag is missing"
    return "the answer is no feed"


__all__ = ["CAP", "NEAR", "SAMPLE", "ArxivFeed", "item_named", "parse_feed", "read_authors"]
