"""Own-made feeds and collections in the ACL Anthology's formats, for tests of every layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from xml.sax.saxutils import escape

VOLUME = "Proceedings of the First Conference on Patient Gardening in Public Places"


@dataclass(frozen=True, slots=True)
class Published:
    """A paper as the Anthology has it; ``name`` is its id, ``2025.garden-main.7``."""

    name: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ("Ada Ash", "Bo Birch")
    on: date = date(2025, 4, 8)
    doi: str = ""


def feed(papers: Iterable[Published], volume: str = VOLUME) -> bytes:
    """The feed of new papers: RSS 2.0 without abstracts."""
    items = "".join(
        f"""
    <item>
      <title>{escape(one.title)}</title>
      <link>https://aclanthology.org/{one.name}/</link>
      <pubDate>{format_datetime(datetime.combine(one.on, time(), UTC))}</pubDate>
      <guid>{one.name}</guid>
      <description>{escape(_people(one.authors))} in {escape(volume)}</description>
    </item>
    """
        for one in papers
    )
    return f"""<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
  <channel>
    <title>Papers on ACL Anthology</title>
    <link>https://aclanthology.org/papers/</link>
    <description>Recent content in Papers on ACL Anthology</description>
    <generator>Hugo -- gohugo.io</generator>
    <language>en-us</language>\
<atom:link href="https://aclanthology.org/papers/index.xml" rel="self" type="application/rss+xml" />
    {items}
  </channel>
</rss>
""".encode()


def collections(papers: Iterable[Published]) -> Mapping[str, bytes]:
    """The collections' files by name; titles and abstracts may hold the Anthology's markup and stand as they are."""
    volumes: dict[str, dict[str, list[str]]] = {}
    for one in papers:
        collection, _, rest = one.name.partition("-")
        volume, _, number = rest.partition(".")
        people = "".join(
            f"<author><first>{escape(name.rpartition(' ')[0])}</first><last>{escape(name.split()[-1])}</last></author>"
            for name in one.authors
        )
        abstract = f"<abstract>{one.abstract}</abstract>" if one.abstract else ""
        doi = f"<doi>{one.doi}</doi>" if one.doi else ""
        volumes.setdefault(collection, {}).setdefault(volume, []).append(
            f'<paper id="{number}"><title>{one.title}</title>{people}{abstract}'
            f'<url hash="0">{one.name}</url>{doi}</paper>'
        )
    return {
        name: (
            f"<?xml version='1.0' encoding='UTF-8'?>\n<collection id=\"{name}\">"
            + "".join(
                f'<volume id="{volume}" ingest-date="2025-04-01"><meta><booktitle>{VOLUME}</booktitle></meta>'
                f"<frontmatter><url>{name}-{volume}.0</url></frontmatter>{''.join(found)}</volume>"
                for volume, found in inner.items()
            )
            + "</collection>"
        ).encode()
        for name, inner in volumes.items()
    }


def _people(names: tuple[str, ...]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
