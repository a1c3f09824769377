"""The README's pictures: a digest on Telegram in two languages, a card and the settings on Discord."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.gallery.camera import Camera, camera
from tests.gallery.pages import picture_html
from tests.gallery.papers import MONDAY, fine
from tests.gallery.scenes import buttons_of
from tests.gallery.stage import Shot, Spot, Stage, stage_in

SCALE = 1.3
"""Pixels a point: sharp on most screens, and small files."""


async def portraits(folder: Path) -> list[Path]:
    """Writes them; their paths."""
    digests = [await _digest(language) for language in ("en", "zh-Hans")]
    on_discord = await _on_discord("en")
    chinese = await _on_discord("zh-Hant")
    async with camera() as taken:
        return [
            await _taken(taken, folder / "digest.png", digests),
            await _taken(taken, folder / "discord.png", [on_discord[0], on_discord[1]]),
            await _taken(taken, folder / "discord-zh.png", [chinese[1], chinese[2]]),
        ]


async def _taken(taken: Camera, picture: Path, shots: Sequence[Shot]) -> Path:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "picture.html"
        page.write_text(picture_html(*shots), encoding="utf-8")
        await taken.take(page, picture, 420 * len(shots), SCALE, ".picture")
    return picture


async def _digest(language: str) -> Shot:
    with tempfile.TemporaryDirectory() as folder:
        async with stage_in(Path(folder), language) as stage:
            await stage.announce(fine(), MONDAY)
            spot = Spot("telegram", "private", "2001")
            stage.follow(spot, "LoRA", "#rag", size=3)
            stage.now = stage.now.replace(hour=8)
            return (await stage.push("the first digest", [spot]))[0]


async def _on_discord(language: str) -> tuple[Shot, Shot, Shot]:
    """A digest in a channel, a card that is opened from it, the settings."""
    with tempfile.TemporaryDirectory() as folder:
        async with stage_in(Path(folder), language) as stage:
            await stage.announce(fine(), MONDAY)
            spot = Spot("discord", "channel", stage.channel)
            stage.follow(spot, "LoRA", "#rag", size=3)
            stage.now = stage.now.replace(hour=8)
            digest = (await stage.push("the first digest", [spot]))[0]
            card = await _pressed(stage, digest, "1")
            settings = (await stage.write(spot, "/settings"))[0]
            return digest, card, settings


async def _pressed(stage: Stage, shot: Shot, label: str) -> Shot:
    action = next(action for shown, action in buttons_of(shot) if shown == label)
    return (await stage.press(shot, label, action))[0]
