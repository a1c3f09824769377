"""One language in one form, played and judged."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from tests.gallery.judging import faults
from tests.gallery.pages import Page, pages_of
from tests.gallery.scenes import Plan, play
from tests.gallery.stage import stage_in


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one language in one form."""

    name: str
    messages: int
    judged: int
    wrong: tuple[str, ...]
    pages: tuple[Page, ...]
    seconds: float

    @property
    def told(self) -> str:
        """A line about it."""
        found = f"{self.messages:,} messages sent, {self.judged:,} answers read, {len(self.wrong)} faults"
        return f"{self.name}: {found}, {self.seconds:.0f} s"


def played(language: str, rich: bool, plan: Plan) -> Played:
    """In a process of its own: discord.py keeps its addresses by the process."""
    logging.disable(logging.WARNING)  # troubles are part of the play

    async def act() -> Played:
        with tempfile.TemporaryDirectory(prefix="paperround-gallery-") as folder:
            began = perf_counter()
            async with stage_in(Path(folder), language, rich) as stage:
                await play(stage, plan)
                name = f"{language}{', rich' if rich else ''}"
                return Played(
                    name,
                    len(stage.shots),
                    len(stage.said),
                    tuple(faults(stage)),
                    tuple(pages_of(stage)),
                    perf_counter() - began,
                )

    return asyncio.run(act())
