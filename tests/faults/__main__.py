"""``python -m tests.faults [NAME ...] [--short]``: break things, print what came of it, keep it in bench-results/."""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import perf_counter

from tests.paths import ROOT

Figures = list[tuple[str, str]]
"""What, and how much: ``("kills: lost", "0 of 13,104 papers")``."""


def faults() -> dict[str, Callable[[bool], Figures]]:
    """Every module here that has a ``run(short)``, by its name. It raises AssertionError where a promise is broken."""
    found = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if not module.name.startswith(("_", "test_")):
            run = getattr(import_module(f"tests.faults.{module.name}"), "run", None)
            if run is not None:
                found[module.name] = run
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a promise was broken."""
    known = faults()
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)} (all)")
    parser.add_argument("--short", action="store_true", help="as the tests do it, in seconds")
    options = parser.parse_args(arguments)
    names = options.names or list(known)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no fault {', '.join(unknown)}; there are {', '.join(known)}")
    load, figures, broken = os.getloadavg()[0], [], []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        began = perf_counter()
        try:
            found = known[name](options.short)
        except AssertionError as error:
            traceback.print_exc()
            found = [(f"{name}: BROKEN", str(error))]
            broken.append(name)
        figures += [*found, (f"{name}: took", f"{perf_counter() - began:.0f} s")]
    width = max(len(what) for what, _ in figures)
    print("\n".join(f"{what:<{width}}  {figure}" for what, figure in figures))
    now = datetime.now(UTC)
    path = ROOT / "bench-results" / f"faults-{now:%Y-%m-%dT%H%M%S}.json"
    path.parent.mkdir(exist_ok=True)
    kept = {"at": now.isoformat(timespec="seconds"), "load": load, "short": options.short, "broken": broken}
    path.write_text(json.dumps(kept | {"figures": dict(figures)}, indent=2) + "\n", encoding="utf-8")
    print(f"kept in {path.relative_to(ROOT)}")
    if broken:
        print(f"broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
