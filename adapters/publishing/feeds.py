"""Listings as feeds of headlines: RSS 2.0, Atom and JSON Feed. The same papers give the same bytes.

https://www.rssboard.org/rss-specification, https://www.rfc-editor.org/rfc/rfc4287, https://www.jsonfeed.org/version/1.1/
"""

from __future__ import annotations

import html
import json
import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime

from bot.model import Listed
from bot.pages import address_of, authors_line
from bot.summaries import best_abstract, best_summary
from bot.text import readable
from bot.words import Words

ATOM, CONTENT, DC = (
    "http://www.w3.org/2005/Atom",
    "http://purl.org/rss/1.0/modules/content/",
    "http://purl.org/dc/elements/1.1/",
)
ENTRIES = 50
"""Papers of a feed at most: readers poll it daily."""

_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for (https://www.w3.org/TR/xml/#charsets)."""
_HOME = "https://arxiv.org/"
"""Where a feed leads whose own address nobody knows."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed's head and papers. ``page`` and ``address`` are absolute addresses, of the page it is of and of itself, or
    empty; ``name`` tells it from the others of an instance; ``as_of`` is the day of its latest change."""

    name: str
    title: str
    words: Words
    papers: Sequence[Listed]
    as_of: date
    page: str = ""
    address: str = ""


def rss(feed: Feed) -> bytes:
    """RSS 2.0, each paper's page as its guid."""
    for prefix, uri in (("atom", ATOM), ("content", CONTENT), ("dc", DC)):
        ET.register_namespace(prefix, uri)
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    _put(channel, "title", feed.title)
    _put(channel, "link", feed.page or _HOME)
    _put(channel, "description", feed.words.say("New papers, a sentence each"))
    _put(channel, "language", feed.words.language)
    _put(channel, "lastBuildDate", _rfc822(feed.as_of))
    if feed.address:
        ET.SubElement(channel, f"{{{ATOM}}}link", rel="self", type="application/rss+xml", href=feed.address)
    for one in _fit(feed.papers):
        item = ET.SubElement(channel, "item")
        _put(item, "title", title_of(one))
        _put(item, "link", address_of(one.paper))
        _put(item, "guid", address_of(one.paper)).set("isPermaLink", "true")
        if one.on:
            _put(item, "pubDate", _rfc822(one.on))
        for author in _authors(one):
            _put(item, f"{{{DC}}}creator", author)
        for category in one.paper.categories:
            _put(item, "category", category)
        # A description is HTML, in which its own signs are escaped once more.
        _put(item, "description", html.escape(sentence_of(one, feed.words), quote=False))
        _put(item, f"{{{CONTENT}}}encoded", content_of(one, feed.words))
    return _bytes(root)


def atom(feed: Feed) -> bytes:
    """Atom 1.0 (RFC 4287), each paper's page as its id."""
    ET.register_namespace("", ATOM)
    root = ET.Element(f"{{{ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": feed.words.language})

    def put(parent: ET.Element, name: str, text: str, **more: str) -> None:
        _put(parent, f"{{{ATOM}}}{name}", text).attrib.update(more)

    put(root, "title", feed.title)
    put(root, "id", feed.address or uuid.uuid5(uuid.NAMESPACE_URL, f"paperround:{feed.name}").urn)
    put(root, "updated", _rfc3339(feed.as_of))
    # Required where an entry has no author of its own (RFC 4287, 4.1.1).
    ET.SubElement(ET.SubElement(root, f"{{{ATOM}}}author"), f"{{{ATOM}}}name").text = "Paperround"
    if feed.address:
        ET.SubElement(root, f"{{{ATOM}}}link", rel="self", type="application/atom+xml", href=feed.address)
    ET.SubElement(root, f"{{{ATOM}}}link", rel="alternate", href=feed.page or _HOME)
    for one in _fit(feed.papers):
        entry = ET.SubElement(root, f"{{{ATOM}}}entry")
        put(entry, "title", title_of(one))
        put(entry, "id", address_of(one.paper))
        ET.SubElement(entry, f"{{{ATOM}}}link", rel="alternate", href=address_of(one.paper))
        put(entry, "updated", _rfc3339(one.on or feed.as_of))
        if one.on:
            put(entry, "published", _rfc3339(one.on))
        for author in _authors(one):
            put(ET.SubElement(entry, f"{{{ATOM}}}author"), "name", author)
        for category in one.paper.categories:
            ET.SubElement(entry, f"{{{ATOM}}}category", term=_clean(category))
        put(entry, "summary", sentence_of(one, feed.words), type="text")
        put(entry, "content", content_of(one, feed.words), type="html")
    return _bytes(root)


def json_feed(feed: Feed) -> bytes:
    """JSON Feed 1.1."""
    found: dict[str, object] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.page or _HOME,
        **({"feed_url": feed.address} if feed.address else {}),
        "language": feed.words.language,
        "items": [
            {
                "id": address_of(one.paper),
                "url": address_of(one.paper),
                "title": title_of(one),
                "summary": sentence_of(one, feed.words),
                "content_html": content_of(one, feed.words),
                **({"date_published": _rfc3339(one.on)} if one.on else {}),
                "authors": [{"name": name} for name in _authors(one)],
                "tags": list(one.paper.categories),
            }
            for one in _fit(feed.papers)
        ],
    }
    return (json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def title_of(one: Listed) -> str:
    return _clean(readable(one.paper.title)).strip() or _clean(one.paper.title).strip() or one.paper.key


def _authors(one: Listed) -> list[str]:
    return [name for name in (_clean(readable(author)).strip() for author in one.paper.authors) if name]


def sentence_of(one: Listed, words: Words) -> str:
    """The paper's sentence for a reader of that language; the title where there is none."""
    return best_summary(one.summaries, words.language, one.paper).headline or title_of(one)


def content_of(one: Listed, words: Words) -> str:
    """The paper as HTML: translated title, sentence, people and categories, abstract; escaped."""
    best = best_summary(one.summaries, words.language, one.paper)
    facts = [authors_line(words, one.paper), ", ".join(one.paper.categories[:8])]
    abstract = best_abstract(one.summaries, words.language, one.paper).text or readable(one.paper.abstract)
    parts = [
        f"<p><strong>{_escaped(best.title)}</strong></p>" if best.title else "",
        f"<p>{_escaped(best.headline)}</p>" if best.headline else "",
        f"<p><em>{_escaped(' · '.join(filter(None, facts)))}</em></p>" if any(facts) else "",
        f"<p>{_escaped(abstract)}</p>" if abstract and abstract != best.headline else "",
    ]
    return "".join(parts)


FEEDS = {"rss": (rss, "xml", "application/rss+xml"), "atom": (atom, "atom", "application/atom+xml"),
         "jsonfeed": (json_feed, "json", "application/feed+json")}  # fmt: skip
"""Each kind of feed: what writes it, the ending of its file, its media type."""


def _fit(papers: Sequence[Listed]) -> list[Listed]:
    """The first ENTRIES papers that have a page, each once."""
    found: dict[str, Listed] = {}
    for one in papers:
        if address := address_of(one.paper):
            found.setdefault(address, one)
        if len(found) == ENTRIES:
            break
    return list(found.values())


def _put(parent: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = _clean(text)
    return element


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _clean(text: str) -> str:
    return _UNFIT.sub("", text)


def _escaped(text: str) -> str:
    return html.escape(_clean(text), quote=False)


def _moment(on: date) -> datetime:
    return datetime.combine(on, time(), UTC)


def _rfc822(on: date) -> str:
    return format_datetime(_moment(on))


def _rfc3339(on: date) -> str:
    return _moment(on).strftime("%Y-%m-%dT%H:%M:%SZ")
