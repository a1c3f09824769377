"""``python -m tests.bench [NAME ...]``: measure, print goal and measured, keep the figures in bench-results/."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import digest, help, matcher, start
from tests.bench.measure import Measured
from tests.paths import ROOT

MEASUREMENTS: dict[str, Callable[[Path], list[Measured]]] = {
    "help": help.measure, "start": start.measure, "digest": digest.measure, "matcher": matcher.measure,
}  # fmt: skip


def shown(seconds: float) -> str:
    """``0.31 s``, ``12 ms``, ``2.4 µs``."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= (0.1 if unit == "s" else 1):
            return f"{seconds * factor:.2f} {unit}"
    return f"{seconds * 1e6:.1f} µs"


def table(results: Sequence[Measured]) -> str:
    """A line a measurement: what, goal, median, its runs' spread, and whether the goal is met."""
    width = max(len(one.name) for one in results)
    lines = [f"{'median of several runs':<{width}}  {'goal':>8}  {'measured':>9}  {'from - to':>19}"]
    for one in results:
        goal = "" if one.goal is None else shown(one.goal)
        spread = f"{shown(min(one.runs))} - {shown(max(one.runs))}" if len(one.runs) > 1 else ""
        verdict = "" if one.goal is None else "ok" if one.ok else "MISSED"
        lines.append(f"{one.name:<{width}}  {goal:>8}  {shown(one.seconds):>9}  {spread:>19}  {verdict}".rstrip())
    return "\n".join(lines)


def kept(results: Sequence[Measured], at: datetime) -> dict[str, object]:
    """The figures for a file; times in seconds."""
    return {
        "at": at.isoformat(timespec="seconds"),
        "machine": f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "results": [
            {"name": one.name, "goal": one.goal, "median": one.seconds, "runs": list(one.runs), "ok": one.ok}
            for one in results
        ],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)} (all)")
    names = parser.parse_args(arguments).names or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    results: list[Measured] = []
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="paperround-bench-") as folder:
            results += MEASUREMENTS[name](Path(folder))
    print(table(results))
    if load > cores / 2:
        print(f"the machine was busy when this began: load {load:.1f} on {cores} cores")
    now = datetime.now(UTC)
    path = ROOT / "bench-results" / f"{now:%Y-%m-%dT%H%M%S}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"load": load, **kept(results, now)}, indent=2) + "\n", encoding="utf-8")
    print(f"kept in {path.relative_to(ROOT)}")
    missed = [one.name for one in results if not one.ok]
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
