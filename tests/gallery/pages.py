"""The gallery's pages: every different message once, as its platform shows it, in columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tests.gallery.looks import drawn, folds
from tests.gallery.stage import Shot, Stage

A_PAGE, COLUMNS, WIDE = 24, 4, 420
STYLE = (Path(__file__).parent / "gallery.css").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Page:
    """``name`` is a file's, without its ending."""

    name: str
    title: str
    shots: Sequence[Shot]


def different(shots: Iterable[Shot]) -> list[Shot]:
    """One of each, in order: what looks the same in several places stands here once."""
    found: dict[tuple[str, str], Shot] = {}
    for shot in shots:
        if (
            shot.kind != "message"
            or shot.spot.platform == "telegram"
            or shot.body.get("components")
            or shot.body["content"]
        ):
            found.setdefault((shot.spot.platform, drawn(Shot(shot.scene, shot.spot, "", shot.kind, shot.body))), shot)
    return list(found.values())


def pages_of(stage: Stage) -> list[Page]:
    """By platform, then by what they are about."""
    pages = []
    form = "-rich" if stage.rich else ""
    for platform in ("telegram", "discord"):
        shots = different(shot for shot in stage.shots if shot.spot.platform == platform)
        shots.sort(key=lambda shot: shot.scene in ("buttons", "old buttons"))  # what comes by itself and commands first
        for n, start in enumerate(range(0, len(shots), A_PAGE), 1):
            name = f"{stage.language}-{platform}{form}-{n:02}"
            title = f"{platform.title()}{' (rich)' if form else ''}, {stage.language}, page {n}"
            pages.append(Page(name, title, shots[start : start + A_PAGE]))
    return pages


def html_of(page: Page) -> str:
    """The page; what opens stands there twice, folded and opened."""
    cards = []
    for shot in page.shots:
        where = f'<div class="where">{escape(f"{shot.spot}: {shot.scene}")}</div>'
        cards.append(f"<section>{where}{drawn(shot)}</section>")
        if folds(shot):
            cards.append(f"<section>{where}{drawn(shot, opened=True)}</section>")
    return _html(page.title, f'<h1>{escape(page.title)}</h1><main class="wall">{"".join(cards)}</main>')


def picture_html(*shots: Shot, opened: bool = False) -> str:
    """Messages side by side, for a picture of their own."""
    cards = "".join(f"<section>{drawn(shot, opened)}</section>" for shot in shots)
    return _html("Paperround", f'<main class="picture">{cards}</main>')


def index_html(pages: Sequence[Page], faults: Sequence[str], pictures: bool) -> str:
    """What leads to all of them, and what is wrong."""
    rows = "".join(
        f'<li><a href="{page.name}.html">{escape(page.title)}</a>'
        + (f' <a href="{page.name}.png">picture</a>' if pictures else "")
        + f" {len(page.shots)} messages</li>"
        for page in pages
    )
    wrong = "".join(f"<li>{escape(fault)}</li>" for fault in faults) or "<li>nothing</li>"
    return _html(
        "The gallery", f'<div class="index"><h1>The gallery</h1><ul>{rows}</ul><h2>Wrong</h2><ul>{wrong}</ul></div>'
    )


def _html(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><body>{body}</body></html>"
    )
