"""A listing in each form that an export gives it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from adapters.digest_files.writing import WRITERS, abstract_of
from adapters.publishing.feeds import FEEDS, Feed
from adapters.publishing.html_pages import page_of
from bot.citing import citations
from bot.exports import markdown
from bot.listings import item_of
from bot.model import Listing
from bot.pages import results_page
from bot.words import words_for

ENDINGS = {
    "reference": "md", "list": "md", "monthly": "md", "jsonl": "jsonl", "rss": "xml", "atom": "atom",
    "jsonfeed": "json", "bibtex": "bib", "ris": "ris", "html": "html", "markdown": "md",
}  # fmt: skip
"""Every form, and how its files end."""


def left_out(form: str, listing: Listing, language: str = "") -> int:
    """How many papers ``written`` leaves out: a list has nothing to show of those without any text."""
    return sum(not abstract_of(item_of(one, language), language) for one in listing.papers) if form == "list" else 0


def written(form: str, listing: Listing, language: str = "") -> str:
    """``listing`` as ``form``, one of ENDINGS. ``language``: of the words; documents keep all stored ones unless it is
    given."""
    if form in WRITERS:
        items = [item_of(one, language) for one in listing.papers]
        if form in ("list", "monthly"):  # whose titles stand alone, without what a feed had behind them
            items = [replace(item, version=None, categories=()) for item in items]
        return WRITERS[form](items, language)
    if form in ("bibtex", "ris"):
        return citations((one.paper for one in listing.papers), form)
    words = words_for(language or "en")
    if form == "html":
        return page_of(listing, words)
    if form == "markdown":
        summaries = {one.paper.id: one.summaries for one in listing.papers}
        return markdown(results_page(words, listing.title, [one.paper for one in listing.papers], summaries)) + "\n"
    as_of = max((one.on for one in listing.papers if one.on), default=date(1991, 8, 14))
    feed = Feed(f"{words.language}/{listing.name}", listing.title, words, listing.papers, as_of)
    return FEEDS[form][0](feed).decode()
