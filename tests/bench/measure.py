"""What every measurement shares: its result, and the program as a whole process under a stopwatch."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.program import command

LIMIT = 60
"""Seconds after which a process that does not end is a fault."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The runs of one measurement in ``unit``; ``goal`` is the most that their median may be (``least``: the least
    that it must be), None without one."""

    name: str
    runs: tuple[float, ...]
    goal: float | None = None
    unit: str = "s"
    least: bool = False

    @property
    def median(self) -> float:
        return median(self.runs)

    @property
    def ok(self) -> bool:
        return self.goal is None or (self.median >= self.goal if self.least else self.median <= self.goal)


@dataclass(frozen=True, slots=True)
class Timed:
    """One process: seconds to its first line of output and to its end."""

    first_line: float
    end: float
    out: str
    status: int


def timed(arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> Timed:
    """Run the program in ``folder`` with nothing to read. Raises RuntimeError where it prints nothing."""
    began = perf_counter()
    process = subprocess.Popen(
        [*command(), *arguments],
        cwd=folder, env=dict(env), bufsize=0,  # communicate() would not see what a buffer read ahead
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        first = perf_counter() - began
        rest, _ = process.communicate(timeout=LIMIT)
        end = perf_counter() - began
    except BaseException:
        process.kill()
        process.communicate()
        raise
    if not line:
        raise RuntimeError(f"{' '.join(arguments)} printed nothing and ended with {process.returncode}")
    return Timed(first, end, (line + rest).decode(), process.returncode)


def collect(name: str, runs: Iterable[float], goal: float | None = None) -> Measured:
    return Measured(name, tuple(runs), goal)
