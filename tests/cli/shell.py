"""The command line inside the test's own process: arguments in; status, output and complaints out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.model import FeedItem, SummaryText
from tests.feeds_text import paper, rss
from tests.program import environment

ON = date(2025, 4, 8)


@dataclass(frozen=True, slots=True)
class Said:
    """What one command line did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Command lines in a folder of their own, without any configuration but a feed's address on loopback."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._patch, self._capsys = folder, patch, capsys
        patch.chdir(folder)
        for name, value in environment(folder).items():
            if name.startswith("PAPERROUND_"):
                patch.setenv(name, value)

    def env(self, **variables: str) -> None:
        for name, value in variables.items():
            self._patch.setenv(name, value)

    def __call__(self, *arguments: str) -> Said:
        self._capsys.readouterr()
        try:
            status = main(arguments)
        except SystemExit as ended:  # argparse ends that way
            status = ended.code if isinstance(ended.code, int) else 1
        out, err = self._capsys.readouterr()
        return Said(status, out, err)

    def feed(self, *items: FeedItem, name: str = "feed.xml", on: date = ON) -> str:
        """A feed's file; returns its name."""
        (self.folder / name).write_bytes(rss(items, on))
        return name


def papers() -> list[FeedItem]:
    """Three: two about LoRA, one of them about tea too."""
    return [
        paper("2504.00001", "Kettle: LoRA for Tea", "We propose Kettle, which brews $p<q$ tea.", categories=("cs.CL",)),
        paper(
            "2504.00002", "QLoRA on a Boat", "We row a boat.", authors=("Kurt Gödel",), categories=("cs.LG", "cs.CL")
        ),
        paper("2504.00003", "Parrots *Count* [Again]", "Parrots count to ten.", categories=("cs.CL",)),
    ]


def with_summary(item: FeedItem, *summaries: SummaryText) -> FeedItem:
    return FeedItem(**{name: getattr(item, name) for name in item.__slots__} | {"summaries": summaries})
