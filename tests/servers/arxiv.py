"""An arXiv in small: what it announced day by day, in its feeds, its listing, over OAI-PMH and by its API.

Each way of asking has the real one's habits: the feed holds ``today`` alone, the listing the latest announcement, OAI
whole records by their last modification in pages with tokens, the API what was submitted, in slices.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from html import escape
from xml.sax.saxutils import escape as xml

from aiohttp import web

from bot.feeds import covers
from bot.model import FeedItem, Kind
from tests.feeds_text import EASTERN, paper, rss
from tests.servers.feeds import FeedServer, Handler


@dataclass(frozen=True, slots=True)
class Work:
    """A paper: announced as new on ``on``; ``versions`` are submitted then; ``modified_on`` is OAI's datestamp."""

    item: FeedItem
    on: date
    versions: tuple[datetime, ...]
    modified_on: date


@dataclass(slots=True)
class Arxiv:
    """``put_on(server)`` gives it its addresses: /rss, /list, /oai, /api/query."""

    today: date
    works: list[Work] = field(default_factory=list)
    page: int = 40
    broken: set[str] = field(default_factory=set)
    """Which of feed, listing, oai, api answer 503 now."""
    oai_fails_after: int | None = None
    """So many pages more are given before one fails."""
    spans: list[tuple[float, float]] = field(default_factory=list)
    """When each request came and was answered."""
    _number: int = 0

    def announce(self, on: date, count: int, categories: Sequence[str] = ("cs.CL",), title: str = "Paper") -> list[str]:
        """``count`` new papers of a day; returns their ids, which go on from those of earlier days."""
        made = []
        for _ in range(count):
            self._number += 1
            name = f"{on:%y%m}.{self._number:05d}"
            item = paper(name, f"{title} {self._number}", f"What {title} {self._number} does.", categories=categories)
            self.works.append(Work(item, on, (submitted(on),), on))
            made.append(name)
        return made

    def modify(self, name: str, on: date, revised: bool = False) -> None:
        """Something about it changed on a day; ``revised``: a new version came."""
        for at, work in enumerate(self.works):
            if work.item.key == f"arxiv:{name}":
                versions = (*work.versions, submitted(on)) if revised else work.versions
                self.works[at] = replace(work, versions=versions, modified_on=on)

    def put_on(self, server: FeedServer) -> None:
        for path, handler in (("/rss", self.feed), ("/list", self.listing), ("/oai", self.oai), ("/api", self.api)):
            server.route(path, self._timed(path.strip("/").replace("rss", "feed").replace("list", "listing"), handler))

    @property
    def asked(self) -> int:
        return len(self.spans)

    def environment(self, url: str) -> dict[str, str]:
        """What a program is told to find it all at ``url``."""
        named = {"FEED_URL": "/rss", "LISTING_URL": "/list", "OAI_URL": "/oai", "API_URL": "/api/query"}
        return {f"PAPERROUND_ARXIV__{name}": url + path for name, path in named.items()}

    def _timed(self, name: str, handler: Handler) -> Handler:
        async def timed(request: web.Request) -> web.StreamResponse:
            came = time.monotonic()
            try:
                if name in self.broken:
                    return web.Response(status=503, text="<html><title>Down</title></html>", content_type="text/html")
                return await handler(request)
            finally:
                await asyncio.sleep(0)
                self.spans.append((came, time.monotonic()))

        return timed

    def _of(self, union: Sequence[str]) -> Iterator[Work]:
        return (w for w in self.works if any(covers(u, c) for u in union for c in w.item.categories))

    async def feed(self, request: web.Request) -> web.Response:
        union = request.path.rpartition("/")[2].split("+")
        items = [self._in(work, union) for work in self._of(union) if work.on == self.today]
        return web.Response(body=rss(items, self.today, union), content_type="application/rss+xml")

    def _in(self, work: Work, union: Sequence[str]) -> FeedItem:
        own = any(covers(one, work.item.categories[0]) for one in union)
        return replace(work.item, kind=Kind.NEW if own else Kind.CROSS)

    async def listing(self, request: web.Request) -> web.Response:
        category = request.path.split("/")[2]
        mine = [work for work in self._of([category]) if work.on <= self.today]
        latest = max((work.on for work in mine), default=self.today)
        items = [self._in(work, [category]) for work in mine if work.on == latest]
        skip, show = int(request.query.get("skip", 0)), int(request.query.get("show", 2000))
        return web.Response(body=listing_page(items, latest, skip, show), content_type="text/html")

    async def oai(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        if self.oai_fails_after is not None:
            self.oai_fails_after -= 1
            if self.oai_fails_after < 0:
                return web.Response(status=503, text="busy")
        if token := asked.get("resumptionToken"):
            start, category, skip = token.split("|")
        else:
            start, category, skip = asked["from"], asked["set"], "0"
            assert asked["metadataPrefix"] == "arXivRaw", asked
        wanted = category.split(":")[-2:]
        name = f"{wanted[-2]}.{wanted[-1]}" if len(category.split(":")) == 3 else wanted[-1]
        since = date.fromisoformat(start)
        found = [w for w in self._of([name]) if since <= w.modified_on <= self.today and w.on <= self.today]
        found.sort(key=lambda w: (w.modified_on, w.item.key))
        page = found[int(skip) : int(skip) + self.page]
        more = len(found) > int(skip) + self.page
        rest = f"{start}|{category}|{int(skip) + self.page}" if more else ""
        return web.Response(body=oai_page(page, rest), content_type="text/xml")

    async def api(self, request: web.Request) -> web.Response:
        query = re.fullmatch(r"cat:(\S+) AND submittedDate:\[(\d{12}) TO \d{12}\]", request.query["search_query"])
        assert query is not None, request.query
        begin = datetime.strptime(query[2], "%Y%m%d%H%M").replace(tzinfo=UTC)
        start, most = int(request.query["start"]), min(int(request.query["max_results"]), self.page)
        found = [w for w in self._of([query[1].removesuffix(".*")]) if w.versions[0] >= begin and w.on <= self.today]
        found.sort(key=lambda w: w.versions[0])
        return web.Response(body=api_page(found[start : start + most], len(found)), content_type="application/atom+xml")


def submitted(on: date) -> datetime:
    """When a paper of that day's feed came in: ten in the morning in Ithaca, of the weekday before the last one."""
    day = on - timedelta(days=1)
    while day.isoweekday() > 5:
        day -= timedelta(days=1)
    return datetime(day.year, day.month, day.day, 10, tzinfo=EASTERN).astimezone(UTC)


def weekdays(first: date, count: int) -> list[date]:
    days = (first + timedelta(days=n) for n in range(count * 2 + 5))
    return [day for day in days if day.isoweekday() <= 5][:count]


def listing_page(items: Sequence[FeedItem], on: date, skip: int = 0, show: int = 2000) -> bytes:
    """``/list/cs.CL/new``, in arXiv's markup."""
    sections = []
    shown = list(enumerate(items, 1))[skip : skip + show]
    for name, kind in (("New", Kind.NEW), ("Cross", Kind.CROSS), ("Replacement", Kind.REPLACE)):
        mine = [(number, item) for number, item in shown if item.kind is kind]
        total = sum(item.kind is kind for item in items)
        if mine:
            entries = "\n".join(_listed(number, item) for number, item in mine)
            head = f"<h3>{name} submissions (showing {len(mine)} of {total} entries)</h3>"
            sections.append(f"<dl id='articles'>\n{head}\n{entries}\n</dl>")
    none = "" if sections else "<p>No updates today.</p>"
    return f"""<!DOCTYPE html>
<html lang="en"><head><title>Computation and Language</title></head><body>
<h3>Showing new listings for {on:%A}, {on.day} {on:%B %Y}</h3>
<div class='paging'>Total of {len(items)} entries</div>
{"".join(sections)}{none}
</body></html>
""".encode()


def _listed(number: int, item: FeedItem) -> str:
    name = item.key.removeprefix("arxiv:")
    subjects = "; ".join(f"A Subject ({category})" for category in item.categories)
    first, _, rest = subjects.partition("; ")
    authors = ",".join(f'<a href="https://arxiv.org/search/cs?query=x">{escape(author)}</a>' for author in item.authors)
    return f"""<dt>
  <a name='item{number}'>[{number}]</a>
  <a href ="/abs/{name}" title="Abstract" id="{name}">
    arXiv:{name}
  </a>
  [<a href="/pdf/{name}" title="Download PDF" id="pdf-{name}">pdf</a>]
</dt>
<dd>
  <div class='meta'>
    <div class='list-title mathjax'><span class='descriptor'>Title:</span>
      {escape(item.title)}
    </div>
    <div class='list-authors'>{authors}</div>
    <div class='list-comments mathjax'><span class='descriptor'>Comments:</span>
      9 pages
    </div>
    <div class='list-subjects'><span class='descriptor'>Subjects:</span>
      <span class="primary-subject">{first}</span>{"; " + rest if rest else ""}
    </div>
    <p class='mathjax'>
      {escape(item.abstract)}
    </p>
  </div>
</dd>"""


def oai_page(works: Sequence[Work], token: str = "") -> bytes:
    """A ListRecords answer in the format arXivRaw."""
    if not works:
        inner = '<error code="noRecordsMatch">nothing has these values</error>'
    else:
        records = "\n".join(map(_record, works))
        inner = f"<ListRecords>\n{records}\n<resumptionToken>{xml(token)}</resumptionToken></ListRecords>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">
<responseDate>2025-04-14T09:00:00Z</responseDate>
<request verb="ListRecords">http://oaipmh.arxiv.org/oai</request>
{inner}
</OAI-PMH>
""".encode()


def _record(work: Work) -> str:
    item, name = work.item, work.item.key.removeprefix("arxiv:")
    versions = "".join(
        f'<version version="v{number}"><date>{format_datetime(at)}</date><size>9kb</size></version>'
        for number, at in enumerate(work.versions, 1)
    )
    return f"""<record>
<header><identifier>oai:arXiv.org:{name}</identifier><datestamp>{work.modified_on}</datestamp></header>
<metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/">
<id>{name}</id><submitter>Somebody</submitter>{versions}
<title>{xml(item.title)}</title><authors>{xml(", ".join(item.authors))}</authors>
<categories>{" ".join(item.categories)}</categories><abstract>  {xml(item.abstract)}
</abstract></arXivRaw></metadata>
</record>"""


def api_page(works: Sequence[Work], total: int) -> bytes:
    """An answer of the query interface."""
    entries = "\n".join(_entry(work) for work in works)
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" xmlns:arxiv="http://arxiv.org/schemas/atom" \
xmlns="http://www.w3.org/2005/Atom">
  <id>https://arxiv.org/api/x</id>
  <title>arXiv Query</title>
  <opensearch:totalResults>{total}</opensearch:totalResults>
{entries}
</feed>
""".encode()


def _entry(work: Work) -> str:
    item, name = work.item, work.item.key.removeprefix("arxiv:")
    categories = "".join(f'<category term="{one}" scheme="http://arxiv.org/schemas/atom"/>' for one in item.categories)
    authors = "".join(f"<author><name>{xml(one)}</name></author>" for one in item.authors)
    return f"""  <entry>
    <id>http://arxiv.org/abs/{name}v{len(work.versions)}</id>
    <title>{xml(item.title)}</title>
    <updated>{work.versions[-1]:%Y-%m-%dT%H:%M:%SZ}</updated>
    <link href="https://arxiv.org/abs/{name}v{len(work.versions)}" rel="alternate" type="text/html"/>
    <summary>{xml(item.abstract)}</summary>{categories}
    <published>{work.versions[0]:%Y-%m-%dT%H:%M:%SZ}</published>
    <arxiv:primary_category term="{item.categories[0]}"/>{authors}
  </entry>"""
