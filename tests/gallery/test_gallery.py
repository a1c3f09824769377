"""A part of the gallery, quickly; all of it, and its pictures: `make gallery`."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from bot.model import LANGUAGES
from tests.gallery.judging import faults, labels, oddities, shown
from tests.gallery.looks import drawn, inline_html, markdown_html, telegram_html
from tests.gallery.pages import different, html_of, pages_of
from tests.gallery.scenes import Plan, play
from tests.gallery.stage import Shot, Spot, stage_in
from tests.servers.telegram_rules import parse_html


@pytest.mark.parametrize(("language", "rich"), [("en", False), ("zh-Hans", True), ("zh-Hant", False)])
async def test_messages_and_buttons_with_nasty_papers_are_valid_and_in_one_language(
    tmp_path: Path, language: str, rich: bool
) -> None:
    """Of each language other places and other layouts, a few commands and buttons each."""
    logging.getLogger("bot").setLevel(logging.CRITICAL)
    plan = Plan(lines=4, presses=4, every=6, first=LANGUAGES.index(language), with_real=False)
    async with stage_in(tmp_path, language, rich) as stage:
        await play(stage, plan)
        assert faults(stage) == []
    assert len(stage.shots) > 80
    scenes = {shot.scene for shot in stage.shots}
    assert {"the first digest", "the second day", "buttons", "inline", "typing"} <= scenes
    assert {"arXiv is not in yet", "a weekend"} <= scenes
    assert all(drawn(shot) for shot in stage.shots)
    shots = different(stage.shots)
    assert sum(len(page.shots) for page in pages_of(stage)) == len(shots) < len(stage.shots)
    assert "<script>" not in "".join(html_of(page) for page in pages_of(stage))


def test_what_is_drawn_is_what_was_sent() -> None:
    text, entities, _ = parse_html('🦜 <b>a &lt;b&gt; <i>c</i></b>\n<a href="https://x.example/?a=1&amp;b">d</a>')
    html = telegram_html({"visible": text, "entities": entities}, opened=False)
    assert html == '🦜 <b>a &lt;b&gt; <i>c</i></b>\n<a href="https://x.example/?a=1&amp;b">d</a>'
    assert inline_html(r"**a** \*b\* `c*` [d\_e](<https://x.example>) *f") == (
        '<b>a</b> *b* <code>c*</code> <a href="https://x.example">d_e</a> *f'
    )
    assert (
        markdown_html("### A\n> b\n> c\n```\n<d>\n```")
        == "<h3>A</h3><blockquote>b<br>c</blockquote><pre>&lt;d&gt;</pre>"
    )


def test_what_a_reader_would_stumble_over_is_found() -> None:
    here = Spot("discord", "channel", "1")
    body = {"content": "Hello @everyone\n\n\n", "components": []}
    shot = Shot("", here, "", "message", body)
    assert shown(shot).startswith("Hello") and labels(shot) == []
    assert [why.partition(":")[0] for why in oddities(shot, "en")] == [
        "it looks as if it pinged @everyone",
        "empty lines",
    ]
