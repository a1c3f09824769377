"""Own-made feeds in arXiv's formats, for tests of every layer.

``rss([paper("2504.00001", "A Title")], on=date(2025, 4, 4))`` is today's format as bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from email.utils import format_datetime
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from bot.model import FeedItem, Kind

EASTERN = ZoneInfo("America/New_York")


def paper(
    arxiv_id: str,
    title: str = "A Plain Title",
    abstract: str = "We do a thing, and measure it.",
    kind: Kind = Kind.NEW,
    version: int = 1,
    authors: Sequence[str] = ("Ada Lovelace", "Alan Turing"),
    categories: Sequence[str] = ("cs.CL",),
    doi: str = "",
    journal: str = "",
) -> FeedItem:
    """An item to put into a feed. ``authors`` are joined by ", " as they are, so TeX and affiliations may stand in."""
    return FeedItem(
        key=f"arxiv:{arxiv_id}", kind=kind, title=title, abstract=abstract, version=version, authors=tuple(authors),
        categories=tuple(categories), doi=doi, journal=journal, links=(f"https://arxiv.org/abs/{arxiv_id}",),
    )  # fmt: skip


def papers(count: int, first: int = 1, prefix: str = "2504", kind: Kind = Kind.NEW) -> list[FeedItem]:
    """``count`` items with ids counted up from ``first``."""
    return [
        paper(f"{prefix}.{number:05d}", f"Paper number {number}", kind=kind) for number in range(first, first + count)
    ]


def rss(
    items: Iterable[FeedItem], on: date, categories: Sequence[str] = ("cs.CL",), title: str = "", closed: bool = True
) -> bytes:
    """RSS 2.0 as arXiv serves it today, dated midnight US Eastern of ``on``. ``closed`` False: cut off."""
    midnight = _midnight(on)
    date_text = format_datetime(midnight)
    name = ", ".join(categories)
    body = "".join(
        f"""    <item>
      <title>{escape(item.title)}</title>
      <link>https://arxiv.org/abs/{_id(item)}</link>
      <description>{escape(_description(item))}</description>
      <guid isPermaLink="false">oai:arXiv.org:{_versioned(item)}</guid>
{"".join(f"      <category>{escape(category)}</category>{chr(10)}" for category in item.categories)}\
      <pubDate>{date_text}</pubDate>
      <arxiv:announce_type>{item.kind.value}</arxiv:announce_type>
      <dc:rights>http://creativecommons.org/licenses/by/4.0/</dc:rights>
{f"      <arxiv:DOI>{escape(item.doi)}</arxiv:DOI>{chr(10)}" if item.doi else ""}\
{f"      <arxiv:journal_reference>{escape(item.journal)}</arxiv:journal_reference>{chr(10)}" if item.journal else ""}\
      <dc:creator>{escape(", ".join(item.authors))}</dc:creator>
    </item>
"""
        for item in items
    )
    text = f"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" \
xmlns:atom="http://www.w3.org/2005/Atom" version="2.0">
  <channel>
    <title>{escape(title) or f"{name} updates on arXiv.org"}</title>
    <link>http://rss.arxiv.org/rss/{"+".join(categories)}</link>
    <description>{name} updates on the arXiv.org e-print archive.</description>
    <language>en-us</language>
    <lastBuildDate>{format_datetime(midnight.replace(minute=1))}</lastBuildDate>
    <pubDate>{date_text}</pubDate>
    <skipDays>
      <day>Saturday</day>
      <day>Sunday</day>
    </skipDays>
{body}"""
    return (text + "  </channel>\n</rss>\n").encode() if closed else text.encode()


def atom(items: Iterable[FeedItem], on: date, categories: Sequence[str] = ("cs.CL",), closed: bool = True) -> bytes:
    """Atom 1.0 as arXiv serves it."""
    midnight = _midnight(on)
    body = "".join(
        f"""  <entry>
    <id>oai:arXiv.org:{_versioned(item)}</id>
    <title>{escape(item.title)}</title>
    <updated>{midnight.replace(second=19).isoformat()}</updated>
    <link href="https://arxiv.org/abs/{_id(item)}" rel="alternate" type="text/html"/>
    <summary>{escape(_description(item))}</summary>
{"".join(f'    <category term="{escape(category)}"/>{chr(10)}' for category in item.categories)}\
    <published>{midnight.isoformat()}</published>
    <arxiv:announce_type>{item.kind.value}</arxiv:announce_type>
    <dc:creator>{escape(", ".join(item.authors))}</dc:creator>
  </entry>
"""
        for item in items
    )
    text = f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" \
xmlns="http://www.w3.org/2005/Atom" xml:lang="en-us">
  <id>http://rss.arxiv.org/atom/{"+".join(categories)}</id>
  <title>{", ".join(categories)} updates on arXiv.org</title>
  <updated>{midnight.replace(second=19).isoformat()}</updated>
{body}"""
    return (text + "</feed>\n").encode() if closed else text.encode()


def rdf(items: Iterable[FeedItem], on: date) -> bytes:
    """RDF (RSS 1.0) as arXiv served it before 2024: kind, version and category stand in the title."""
    marks = {Kind.NEW: "", Kind.CROSS: " CROSS LISTED", Kind.REPLACE: " UPDATED"}
    body = "".join(
        f"""<item rdf:about="http://arxiv.org/abs/{_id(item)}">
<title>{escape(item.title)}. (arXiv:{_versioned(item)} [{", ".join(item.categories)}]{marks[item.kind]})</title>
<link>http://arxiv.org/abs/{_id(item)}</link>
<description rdf:parseType="Literal">{escape(f"<p>{escape(item.abstract)}{chr(10)}</p>")}{chr(10)}</description>
<dc:creator> {escape(", ".join(f'<a href="http://arxiv.org/find/x">{author}</a>' for author in item.authors))}\
</dc:creator>
</item>
"""
        for item in items
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"
>
<channel rdf:about="http://arxiv.org/">
<title>hep-ex updates on arXiv.org</title>
<link>http://arxiv.org/</link>
<description rdf:parseType="Literal">updates on the arXiv.org e-print archive</description>
<dc:date>{on.isoformat()}T20:30:00-05:00</dc:date>
</channel>
{body}</rdf:RDF>
""".encode()


def bad_query(query: str, on: date) -> bytes:
    """What arXiv answers with HTTP 400 to a query it does not know: a valid feed."""
    return rss((), on, (query,), title=f"Feed error for query: {query}")


def _midnight(on: date) -> datetime:
    return datetime.combine(on, time(), EASTERN)


def _id(item: FeedItem) -> str:
    return item.key.removeprefix("arxiv:")


def _versioned(item: FeedItem) -> str:
    return _id(item) + (f"v{item.version}" if item.version else "")


def _description(item: FeedItem) -> str:
    return f"arXiv:{_versioned(item)} Announce Type: {item.kind.value} \nAbstract: {item.abstract}"
