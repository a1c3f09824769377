"""``--help``, as somebody who waits for it sees it."""

from __future__ import annotations

from pathlib import Path

from tests.bench.measure import Measured, collect, timed
from tests.program import environment

RUNS = 9


def measure(folder: Path) -> list[Measured]:
    env = environment(folder)
    timed(["--help"], folder, env)
    return [collect("--help", (timed(["--help"], folder, env).end for _ in range(RUNS)), goal=0.3)]
