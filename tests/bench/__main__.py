"""``python -m tests.bench [NAME ...]``: measure, print goal and measured, keep the figures in bench-results/."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench import (
    answering,
    checking,
    digest,
    help,
    importing,
    ingest,
    matching,
    planning,
    plots,
    queries,
    searching,
    start,
    telling,
    trials,
)
from tests.bench.measure import Measured
from tests.paths import ROOT

MEASUREMENTS: dict[str, Callable[[Path, float], list[Measured]]] = {
    "help": lambda folder, _: help.measure(folder),
    "start": lambda folder, _: start.measure(folder),
    "digest": lambda folder, _: digest.measure(folder),
    "ingest": ingest.measure,
    "import": importing.measure,
    "matching": matching.measure,
    "planning": planning.measure,
    "search": searching.measure,
    "queries": queries.measure,
    "trials": trials.measure,
    "checking": checking.measure,
    "telling": telling.measure,
    "answers": answering.measure,
}
SCALE = 0.05
"""The part of the full sizes (a million filters and chats, 650,000 papers) that is measured unless told otherwise."""
SIZED = frozenset({"answers", "matching", "planning", "search", "trials"})
"""What has goals for the full sizes alone."""
LIBRARIES = ("tantivy", "numpy", "sqlalchemy", "feedparser", "PyStemmer", "rapidfuzz")


def shown(seconds: float, unit: str = "s") -> str:
    """``0.31 s``, ``12 ms``, ``2.4 µs``; other units as they are."""
    if unit != "s":
        return f"{seconds:,.1f} {unit}" if seconds < 100 else f"{seconds:,.0f} {unit}"
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= (0.1 if unit == "s" else 1):
            return f"{seconds * factor:.2f} {unit}"
    return f"{seconds * 1e6:.1f} µs"


def table(results: Sequence[Measured]) -> str:
    """A line a measurement: what, goal, median, its runs' spread, and whether the goal is met."""
    width = max(len(one.name) for one in results)
    lines = [f"{'median of several runs':<{width}}  {'goal':>9}  {'measured':>9}  {'from - to':>19}"]
    for one in results:
        goal = "" if one.goal is None else f"{'≥ ' if one.least else ''}{shown(one.goal, one.unit)}"
        spread = f"{shown(min(one.runs), one.unit)} - {shown(max(one.runs), one.unit)}" if len(one.runs) > 1 else ""
        verdict = "" if one.goal is None else "ok" if one.ok else "MISSED"
        middle = shown(one.median, one.unit)
        lines.append(f"{one.name:<{width}}  {goal:>9}  {middle:>9}  {spread:>19}  {verdict}".rstrip())
    return "\n".join(lines)


def kept(results: Sequence[Measured], at: datetime) -> dict[str, object]:
    """The figures for a file; times in seconds."""
    return {
        "at": at.isoformat(timespec="seconds"),
        "libraries": {name: version(name) for name in LIBRARIES},
        "machine": f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "results": [
            {
                "name": one.name,
                "goal": one.goal,
                "unit": one.unit,
                "median": one.median,
                "runs": list(one.runs),
                "ok": one.ok,
            }
            for one in results
        ],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)} (all)")
    parser.add_argument("--scale", type=float, default=SCALE, help=f"part of the full sizes, 1 is all ({SCALE})")
    options = parser.parse_args(arguments)
    names = options.names or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    results: list[Measured] = []
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="paperround-bench-") as folder:
            found = MEASUREMENTS[name](Path(folder), options.scale)
        small = options.scale < 1 and name in SIZED
        results += [replace(one, goal=None) for one in found] if small else found
    print(table(results))
    if options.scale < 1 and not SIZED.isdisjoint(names):
        print(f"{', '.join(sorted(SIZED))}: at {options.scale:g} of the sizes that their goals are for (--scale 1)")
    if load > cores / 2:
        print(f"the machine was busy when this began: load {load:.1f} on {cores} cores")
    now = datetime.now(UTC)
    path = ROOT / "bench-results" / f"{now:%Y-%m-%dT%H%M%S}.json"
    path.parent.mkdir(exist_ok=True)
    figures = {"load": load, "scale": options.scale, **kept(results, now)}
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    files = [path, *plots.drawn(results, path.parent)]
    print(f"kept in {', '.join(str(file.relative_to(ROOT)) for file in files)}")
    missed = [one.name for one in results if not one.ok]
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
