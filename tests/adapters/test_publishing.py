"""Feeds and pages: valid by feedparser and by the rules of their formats, and harmless whatever a paper says."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.publishing.feeds import ATOM, FEEDS, Feed, atom, json_feed, rss
from adapters.publishing.forms import ENDINGS, written
from adapters.publishing.html_pages import page_of
from adapters.publishing.site import Press
from bot.errors import BadInput
from bot.model import Listed, Listing, Paper, Site, Summary, Topic
from bot.words import words_for

ON = date(2025, 5, 2)
EVIL = 'Tea <script>alert(1)</script> & "knots" ]]> \x00\x0b\ufffe\u202e $a<b$'


def one(number: int = 1, on: date | None = ON, **more: Any) -> Listed:
    paper = Paper(number, (f"arxiv:2505.{number:05}",), f"Paper {number}", "We make tea. It is hot.", ("Ada Löffel",),
                  ("cs.CL", "cs.LG"), first_announced_on=on)  # fmt: skip
    return Listed(replace(paper, **more), (Summary(number, "zh-Hans", "我们泡茶。", "论文"),), on)


def feed(*papers: Listed, language: str = "en", address: str = "https://x.example/feeds/tea.xml") -> Feed:
    return Feed("tea", "Tea & cups", words_for(language), papers, ON, "https://x.example/tea.html", address)


def absolute(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def check_rss(data: bytes) -> list[ET.Element]:
    """https://www.rssboard.org/rss-specification and what the W3C's validator asks beyond it."""
    root = ET.fromstring(data)
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    (channel,) = root
    for name in ("title", "link", "description"):
        assert len(channel.findall(name)) == 1 and channel.findtext(name)
    assert absolute(channel.findtext("link", ""))
    assert parsedate_to_datetime(channel.findtext("lastBuildDate", "")).tzinfo
    for link in channel.findall(f"{{{ATOM}}}link"):
        assert (
            link.get("rel") == "self" and absolute(link.get("href", "")) and link.get("type") == "application/rss+xml"
        )
    items = channel.findall("item")
    guids = [item.findtext("guid", "") for item in items]
    assert len(set(guids)) == len(guids) and all(map(absolute, guids))
    for item in items:
        assert item.findtext("title") and absolute(item.findtext("link", ""))
        if item.find("pubDate") is not None:
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} 00:00:00 \+0000", item.findtext("pubDate", ""))
        assert not item.findall("author"), "an author is an address of mail; dc:creator is a name"
    return items


def check_atom(data: bytes) -> list[ET.Element]:
    """RFC 4287: 4.1.1 and 4.1.2."""
    root = ET.fromstring(data)
    name = f"{{{ATOM}}}".__add__
    assert root.tag == name("feed")
    for part in (root, *root.findall(name("entry"))):
        for required in ("id", "title", "updated"):
            assert len(part.findall(name(required))) == 1 and part.findtext(name(required))
        assert urlsplit(part.findtext(name("id"), "")).scheme, "an id is an absolute IRI"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", part.findtext(name("updated"), ""))
        links = [(link.get("rel"), link.get("type"), link.get("hreflang")) for link in part.findall(name("link"))]
        assert len(set(links)) == len(links)
        assert all(absolute(link.get("href", "")) for link in part.findall(name("link")))
        for author in part.findall(name("author")):
            assert author.findtext(name("name"))
    entries = root.findall(name("entry"))
    ids = [entry.findtext(name("id")) for entry in entries]
    assert len(set(ids)) == len(ids)
    assert root.find(name("author")) is not None or all(e.find(name("author")) is not None for e in entries)
    for entry in entries:
        assert entry.find(name("content")).get("type") == "html"  # type: ignore[union-attr]
    return entries


def check_json(data: bytes) -> list[dict[str, Any]]:
    found = json.loads(data)
    assert found["version"] == "https://jsonfeed.org/version/1.1" and found["title"]
    items: list[dict[str, Any]] = found["items"]
    assert len({item["id"] for item in items}) == len(items)
    assert all(absolute(item["url"]) and item["content_html"] is not None for item in items)
    return items


def test_a_feed_is_what_feedparser_reads_and_the_formats_ask() -> None:
    some = (one(1), one(2, None), one(1, title="again"))
    assert (
        len(check_rss(rss(feed(*some))))
        == len(check_atom(atom(feed(*some))))
        == len(check_json(json_feed(feed(*some))))
        == 2
    )
    for write, version in ((rss, "rss20"), (atom, "atom10")):
        found = feedparser.parse(write(feed(*some, language="zh-Hans")))
        assert (found.bozo, found.version) == (False, version)
        assert found.feed.title == "Tea & cups" and found.feed.language == "zh-Hans"
        entry = found.entries[0]
        assert (entry.title, entry.link, entry.id) == ("Paper 1", *["https://arxiv.org/abs/2505.00001"] * 2)
        assert entry.summary == "我们泡茶。" and entry.published_parsed[:3] == (2025, 5, 2)
        assert "<strong>论文</strong>" in entry.content[0].value and [t.term for t in entry.tags] == ["cs.CL", "cs.LG"]


def test_a_feed_without_papers_and_without_an_address_is_still_valid() -> None:
    alone = Feed("tea", "Tea", words_for("en"), (), ON)
    assert not (check_rss(rss(alone)) or check_atom(atom(alone)) or check_json(json_feed(alone)))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.just(EVIL), st.text(max_size=60) | st.just(EVIL))
def test_no_title_and_no_abstract_breaks_a_feed_or_a_page(title: str, words: str) -> None:
    paper = one(1, title=title or "x", abstract=words, authors=(words or "y", title))
    check_rss(rss(feed(paper)))
    check_atom(atom(feed(paper)))
    check_json(json_feed(feed(paper)))
    check_page(page_of(Listing("tea", title or "x", (paper,)), words_for("en")))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def check_page(text: str) -> list[tuple[str, dict[str, str | None]]]:
    """Nothing that runs, nothing from elsewhere, a policy that says so, and a language."""
    parser = _Page()
    parser.feed(text)
    tags = parser.tags
    assert text.startswith("<!doctype html>\n<html lang=")
    assert not {tag for tag, _ in tags} & {"script", "img", "iframe", "object", "form", "base", "video", "embed"}
    assert not any(name.startswith("on") or name == "style" for _, attributes in tags for name in attributes)
    (policy,) = [a["content"] for tag, a in tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert policy and re.match(
        r"default-src 'none'; style-src '(self|sha256-[^']+)'; base-uri 'none'; form-action 'none'$", policy
    )
    for tag, attributes in tags:
        href = attributes.get("href") or ""
        if tag == "link" and attributes.get("rel") == "stylesheet":
            assert not urlsplit(href).scheme
        assert urlsplit(href).scheme in ("", "http", "https")
    return tags


TOPIC = Topic("tea", (("en", "Tea"), ("zh-Hans", "茶")), "tea OR cup")


def site(*papers: Listed, on: date = ON) -> Site:
    marked = tuple(replace(paper, topics=("tea",)) for paper in papers)
    return Site(((TOPIC, marked),), ((on, marked),), ((on, 7), (date(2025, 4, 1), 3)))


def press(folder: Path, **more: Any) -> Press:
    wanted: dict[str, Any] = {
        "languages": ("en", "zh-Hans", "zh-Hant"),
        "formats": ("rss", "atom", "jsonfeed", "bibtex", "reference"),
    }
    return Press(folder, **{**wanted, "address": "https://x.example/a", "title": "Cups", **more})


def pages(folder: Path) -> Iterator[Path]:
    yield from folder.rglob("*.html")


def test_every_link_of_a_site_leads_to_a_page_or_file_of_it(tmp_path: Path) -> None:
    press(tmp_path).publish(site(one(1), one(2)))
    found = list(pages(tmp_path))
    assert len(found) == 3 * 4
    for path in found:
        for tag, attributes in check_page(path.read_text(encoding="utf-8")):
            href = attributes.get("href")
            if href and not urlsplit(href).scheme and tag in ("a", "link"):
                target = (path.parent / urlsplit(href).path).resolve() if urlsplit(href).path else path
                assert target.is_file(), (path, href)
                if fragment := urlsplit(href).fragment:
                    assert f'id="{fragment}"' in target.read_text(encoding="utf-8")
    assert '<html lang="zh-Hant">' in (tmp_path / "zh-Hant" / "topics" / "tea.html").read_text(encoding="utf-8")
    assert "我们泡茶。" in (tmp_path / "zh-Hans" / "days" / "2025-05-02.html").read_text(encoding="utf-8")
    (own,) = ET.parse(tmp_path / "zh-Hans/feeds/tea.xml").iter(f"{{{ATOM}}}link")
    assert own.get("href") == "https://x.example/a/zh-Hans/feeds/tea.xml"
    check_rss((tmp_path / "feeds" / "latest.xml").read_bytes())
    assert urljoin("https://x.example/a/", "feeds/tea.atom") in (tmp_path / "feeds/tea.atom").read_text(
        encoding="utf-8"
    )


def test_a_second_time_only_what_changed_is_written_and_nothing_half(tmp_path: Path) -> None:
    assert press(tmp_path).publish(site(one(1))) > 10
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert press(tmp_path).publish(site(one(1))) == 0
    newer = date(2025, 5, 5)
    assert (
        0
        < press(tmp_path).publish(Site(((TOPIC, (one(1),)),), ((newer, (one(1),)),), ((newer, 1), (ON, 7))))
        < len(before)
    )
    assert before.keys() <= set(tmp_path.rglob("*"))
    assert (tmp_path / "days" / f"{ON}.html").read_bytes() == before[tmp_path / "days" / f"{ON}.html"]
    assert f"days/{ON}.html" in (tmp_path / "days.html").read_text(encoding="utf-8"), "an older page is still led to"
    assert not list(tmp_path.rglob("*.new"))


def test_a_folder_that_cannot_be_written_is_told_with_a_mend(tmp_path: Path) -> None:
    (tmp_path / "days").write_text("in the way")
    with pytest.raises(BadInput, match="can be written"):
        press(tmp_path).publish(site(one(1)))


def test_a_topic_whose_name_is_no_name_for_a_file_gets_no_page(tmp_path: Path) -> None:
    odd = Topic("../up", (("en", "Up"),), "up")
    press(tmp_path / "in").publish(Site(((odd, (one(1),)),), (), ()))
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("form", ENDINGS)
@pytest.mark.parametrize("language", ["", "en", "zh-Hant"])
def test_every_form_is_written_in_every_language_also_of_nothing(form: str, language: str) -> None:
    assert "2505.00001" in written(form, Listing("tea", "Tea", (one(1, title=EVIL),)), language)
    written(form, Listing("tea", "Tea"), language)


def test_each_kind_of_feed_says_what_it_is() -> None:
    assert {kind: media for kind, (_, _, media) in FEEDS.items()} == {
        "rss": "application/rss+xml", "atom": "application/atom+xml", "jsonfeed": "application/feed+json",
    }  # fmt: skip
