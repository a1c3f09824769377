"""A site of files: pages of days and topics, feeds and documents, written only where they changed, so that what keeps
the folder (git, rsync) sees small differences."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from adapters.digest_files.writing import WRITERS
from adapters.publishing.feeds import FEEDS, Feed
from adapters.publishing.forms import ENDINGS, written
from adapters.publishing.html_pages import STYLE, Frame, esc, page, papers
from bot.errors import BadInput
from bot.listings import with_subjects
from bot.model import Listed, Listing, Site, Topic
from bot.words import Words, words_for

_SAFE = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")


@dataclass(frozen=True, slots=True)
class Press:
    """Writes a site into ``folder``; the first of ``languages`` stands at its root, the others in folders of their own.
    ``formats``: which feeds and documents stand beside the pages; ``address``: where the folder is on the web,
    without a slash at its end, or empty; ``title``: of the site."""

    folder: Path
    languages: tuple[str, ...]
    formats: tuple[str, ...]
    address: str = ""
    title: str = "Paperround"

    @property
    def new(self) -> bool:
        """See ``ports.Press.new``."""
        return not (self.folder / "index.html").is_file()

    def publish(self, site: Site) -> int:
        """Write what changed; how many files that were. Raises BadInput where the folder cannot be written."""
        try:
            return sum(_write(self.folder / name, data) for name, data in self.files(site))
        except OSError as error:
            raise BadInput(
                f"{error.filename or self.folder}: {error.strerror}; name a folder that can be written"
            ) from error

    def files(self, site: Site) -> Iterator[tuple[str, bytes]]:
        """Every file of the site: (path within the folder, content)."""
        yield "style.css", STYLE.encode()
        yield ".nojekyll", b""
        for language in self.languages:
            words = words_for(language)
            own = self._own(language)
            yield from ((own + name, data) for name, data in self._of_language(site, words))

    def _own(self, language: str) -> str:
        return "" if language == self.languages[0] else f"{language}/"

    def _of_language(self, site: Site, words: Words) -> Iterator[tuple[str, bytes]]:
        topics = [(topic, found) for topic, found in site.topics if _SAFE.fullmatch(topic.slug)]
        as_of = site.announced[0][0] if site.announced else date(1991, 8, 14)
        yield "index.html", self._index(site, topics, words)
        yield "days.html", self._all_days(site, words)
        for at, (on, found) in enumerate(site.days):
            newer = site.days[at - 1][0] if at else None
            older = site.days[at + 1][0] if at + 1 < len(site.days) else None
            yield f"days/{on}.html", self._day(on, found, topics, words, newer, older)
        for topic, found in topics:
            yield f"topics/{topic.slug}.html", self._topic(topic, found, words)
            listing = Listing(topic.slug, topic.name(words.language), found)
            for form in self.formats:
                if form in FEEDS:
                    yield self._feed(form, listing, as_of, words)
                else:
                    shown = listing
                    if form == "monthly":
                        catalogue = [one for one, _ in topics]
                        shown = replace(listing, papers=with_subjects(found, catalogue, words.language))
                    text = written(form, shown, words.language)
                    yield (
                        f"topics/{topic.slug}.{form}.{ENDINGS[form]}"
                        if form in WRITERS
                        else (f"topics/{topic.slug}.{ENDINGS[form]}"),
                        text.encode("utf-8", "replace"),
                    )
        latest = Listing("latest", self.title, site.days[0][1] if site.days else ())
        for form in self.formats:
            if form in FEEDS:
                yield self._feed(form, latest, as_of, words)

    def _feed(self, form: str, listing: Listing, as_of: date, words: Words) -> tuple[str, bytes]:
        write, ending, _ = FEEDS[form]
        name, own = f"feeds/{listing.name}.{ending}", self._own(words.language)
        title = listing.title if listing.title == self.title else f"{listing.title} · {self.title}"
        page = "index.html" if listing.name == "latest" else f"topics/{listing.name}.html"
        changed = max((one.on for one in listing.papers if one.on), default=as_of)
        at = f"{self.address}/{own}" if self.address else ""
        feed = Feed(
            f"{self.title}/{words.language}/{listing.name}", title, words, listing.papers, changed,
            at and at + page, at and at + name,
        )  # fmt: skip
        return name, write(feed)

    def _frame(self, words: Words, title: str, path: str, feeds: str = "") -> Frame:
        """``path`` within the language's folder; ``feeds``: the name of those that go with the page."""
        root = "../" * path.count("/")
        own = "" if not self._own(words.language) else "../"
        others = tuple(
            (language, f"{root}{own}{self._own(language)}{path}")
            for language in self.languages
            if language != words.language
        )
        links = tuple(
            (f"{title} ({form})", f"{root}feeds/{feeds}.{FEEDS[form][1]}", FEEDS[form][2])
            for form in self.formats if feeds and form in FEEDS
        )  # fmt: skip
        menu = ((words.say("Topics"), f"{root}index.html#topics"), (words.say("Days"), f"{root}days.html"))
        return Frame(words, title, self.title, root, f"{root}{own}style.css", others, links, menu)

    def _index(self, site: Site, topics: Sequence[tuple[Topic, Sequence[Listed]]], words: Words) -> bytes:
        frame = self._frame(words, self.title, "index.html", "latest")
        body = [
            f"<h1>{esc(self.title)}</h1>",
            *_feed_line(frame, words),
            f'<h2 id="topics">{esc(words.say("Topics"))}</h2>',
            "<ul class=topics>",
        ]
        body += [f'<li><a href="topics/{t.slug}.html">{esc(t.name(words.language))}</a></li>' for t, _ in topics]
        body.append("</ul>")
        if not site.days:
            body.append(f"<p class=note>{esc(words.say('Nothing has been announced yet.'))}</p>")
        names = {topic.slug: topic.name(words.language) for topic, _ in topics}
        for on, found in site.days[:1]:
            day = esc(words.day(on, year=True))
            body.append(
                f'<h2><a href="days/{on}.html">{day}</a> <small>{self._counted(words, len(found))}</small></h2>'
            )
            body += papers(found, words, dated=False, names=names)
        return page(frame, body).encode()

    def _all_days(self, site: Site, words: Words) -> bytes:
        pages = {on for on, _ in site.days}
        folder = self.folder / self._own(words.language) / "days"
        shown = [(on, n) for on, n in site.announced if on in pages or (folder / f"{on}.html").is_file()]
        lines = (
            f'<li><a href="days/{on}.html">{esc(words.day(on, year=True))}</a> <small>{words.number(n)}</small></li>'
            for on, n in shown
        )
        title = words.say("Days")
        body = [f"<h1>{esc(title)}</h1>", "<ul class=days>", *lines, "</ul>"]
        return page(self._frame(words, title, "days.html"), body).encode()

    def _day(
        self, on: date, found: Sequence[Listed], topics: Sequence[tuple[Topic, Sequence[Listed]]], words: Words,
        newer: date | None, older: date | None,
    ) -> bytes:  # fmt: skip
        """Each paper once, under the first topic of the catalogue that it matches."""
        names = {topic.slug: topic.name(words.language) for topic, _ in topics}
        title = words.day(on, year=True)
        body = [f"<h1>{esc(title)}</h1>", f"<p class=note>{self._counted(words, len(found))}</p>"]
        groups = {slug: [one for one in found if one.topics[:1] == (slug,)] for slug in names}
        jumps = [f'<a href="#{slug}">{esc(names[slug])}</a>&nbsp;{len(some)}' for slug, some in groups.items() if some]
        body.append(f"<p>{' · '.join(jumps)}</p>")
        for slug, some in groups.items():
            if some:
                body.append(f'<h2 id="{slug}">{esc(names[slug])} <small>{len(some)}</small></h2>')
                marks = {other: name for other, name in names.items() if other != slug}
                body += papers(some, words, dated=False, names=marks)
        frame = self._frame(words, title, f"days/{on}.html")
        ways = [f'<a href="{day}.html">{esc(words.day(day))}</a>' for day in (older, newer) if day]
        return page(frame, [*body, f"<p>{' · '.join(ways)}</p>" if ways else ""]).encode()

    def _topic(self, topic: Topic, found: Sequence[Listed], words: Words) -> bytes:
        name = topic.name(words.language)
        frame = self._frame(words, name, f"topics/{topic.slug}.html", topic.slug)
        documents = [
            f'<a href="{topic.slug}.{f"{form}." if form in WRITERS else ""}{ENDINGS[form]}">{form}</a>'
            for form in self.formats if form not in FEEDS
        ]  # fmt: skip
        body = [f"<h1>{esc(name)}</h1>", f"<p class=note><code>{esc(topic.query)}</code></p>"]
        body += [*_feed_line(frame, words), f"<p class=note>{' · '.join(documents)}</p>" if documents else ""]
        return page(frame, [*body, *papers(found, words)]).encode()

    @staticmethod
    def _counted(words: Words, n: int) -> str:
        return esc(words.count("{n} paper for the topics here", "{n} papers for the topics here", n))


def _feed_line(frame: Frame, words: Words) -> list[str]:
    names = {kind: name for name, (_, _, kind) in zip(("RSS", "Atom", "JSON Feed"), FEEDS.values(), strict=True)}
    links = [f'<a type="{kind}" href="{esc(at)}">{names[kind]}</a>' for _, at, kind in frame.feeds]
    return [f"<p class=note>{esc(words.say('Feeds'))}: {' · '.join(links)}</p>"] if links else []


def _write(path: Path, data: bytes) -> bool:
    """Whether it had to be written: whole or not at all, for somebody may be reading."""
    try:
        if path.read_bytes() == data:
            return False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return True
