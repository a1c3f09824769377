"""HTML pages of papers: no scripts, nothing from elsewhere; text from outside is escaped, links are http(s)."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.exports import is_web
from bot.keys import link_from_key, venue_of
from bot.model import Listed, Listing
from bot.pages import address_of, authors_line, proceedings_of
from bot.summaries import best_abstract, best_summary
from bot.text import readable
from bot.words import NAMES, Words

STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a page. ``root``: how to get from it to the folder of its language (``../`` or empty);
    ``style``: where the style sheet is, empty to have it inside; ``others``: the same page in other languages, by
    language; ``feeds``: (title, address, media type); ``menu``: (name, address)."""

    words: Words
    title: str
    site: str = ""
    root: str = ""
    style: str = ""
    others: tuple[tuple[str, str], ...] = ()
    feeds: tuple[tuple[str, str, str], ...] = ()
    menu: tuple[tuple[str, str], ...] = field(default=())


def page_of(listing: Listing, words: Words) -> str:
    """One listing as one page that needs no other file."""
    body = [f"<h1>{esc(listing.title)}</h1>", *papers(listing.papers, words)]
    if listing.left_out:
        body.append(f"<p class=note>{esc(words.count('And {n} more.', 'And {n} more.', listing.left_out))}</p>")
    return page(Frame(words, listing.title), body)


def page(frame: Frame, body: Iterable[str]) -> str:
    """A whole page. Its policy allows a style sheet and nothing else."""
    if frame.style:
        style, allowed = f'<link rel="stylesheet" href="{esc(frame.style)}">', "'self'"
    else:
        style = f"<style>{STYLE}</style>"
        allowed = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
    policy = f"default-src 'none'; style-src {allowed}; base-uri 'none'; form-action 'none'"
    words = frame.words
    title = frame.title if frame.site in ("", frame.title) else f"{frame.title} · {frame.site}"
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{esc(title)}</title>",
        style,
        *(f'<link rel="alternate" hreflang="{language}" href="{esc(at)}">' for language, at in frame.others),
        *(
            f'<link rel="alternate" type="{kind}" title="{esc(title)}" href="{esc(at)}">'
            for title, at, kind in frame.feeds
        ),
    ]
    menu = [f'<a href="{esc(at)}">{esc(name)}</a>' for name, at in frame.menu]
    menu += [
        f'<a lang="{language}" hreflang="{language}" href="{esc(at)}">{NAMES[language]}</a>'
        for language, at in frame.others
    ]
    home = f'<a class=site href="{esc(frame.root)}index.html">{esc(frame.site)}</a>'
    header = f"<header>{home}<nav>{' '.join(menu)}</nav></header>"
    footer = esc(words.say("Titles lead to the papers' own pages. Metadata of arXiv is CC0. Not endorsed by arXiv."))
    lines = [
        "<!doctype html>", f'<html lang="{words.language}">', "<head>", *head, "</head>", "<body>",
        *([header] if frame.site else []), "<main>", *filter(None, body), "</main>",
        f"<footer>{footer}</footer>", "</body>", "</html>",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def papers(
    listed: Sequence[Listed], words: Words, *, dated: bool = True, names: dict[str, str] | None = None
) -> list[str]:
    """Papers as articles. ``dated``: with their days; ``names``: of topics by slug, shown as marks."""
    return [_article(one, words, dated, names or {}) for one in listed]


def _article(one: Listed, words: Words, dated: bool, names: dict[str, str]) -> str:
    paper = one.paper
    best = best_summary(one.summaries, words.language, paper)
    title = esc(readable(paper.title) or paper.title)
    at = address_of(paper)
    linked = f'<a href="{esc(at)}">{title}</a>' if is_web(at) else title
    foreign = best.headline_language if best.headline_language != words.language else ""
    facts = [esc(authors_line(words, paper)), esc(paper.primary_category)]
    if key := proceedings_of(paper):
        facts.append(f'<a href="{esc(link_from_key(key))}">{esc(venue_of(key) or "ACL Anthology")}</a>')
    if dated and one.on:
        facts.append(f'<time datetime="{one.on}">{one.on}</time>')
    facts += [f"<span class=mark>{esc(names[slug])}</span>" for slug in one.topics if slug in names]
    parts = [
        "<article>",
        f"<h3 lang=en>{linked}</h3>",
        f"<p class=translated>{esc(best.title)}</p>" if best.title else "",
        f"<p class=told{f' lang={foreign}' if foreign else ''}>{esc(best.headline)}</p>" if best.headline else "",
        f"<p class=facts>{' · '.join(filter(None, facts))}</p>",
        _abstract(one, words, best.headline),
        "</article>",
    ]
    return "\n".join(part for part in parts if part)


def _abstract(one: Listed, words: Words, headline: str) -> str:
    translated, original = best_abstract(one.summaries, words.language, one.paper).text, readable(one.paper.abstract)
    texts = [f"<p>{esc(translated)}</p>" if translated else ""]
    if original and original != translated:
        texts.append(f"<p{'' if words.language == 'en' else ' lang=en'}>{esc(original)}</p>")
    inner = "".join(texts)
    return f"<details><summary>{esc(words.say('Abstract'))}</summary>{inner}</details>" if inner else ""


def esc(text: str) -> str:
    """Text for HTML, without what steers a terminal or turns the text around it."""
    return html.escape("".join(c for c in text if c.isprintable() or c in "\n\u200c\u200d"), quote=True)
