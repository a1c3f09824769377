"""``paperround run`` from an empty data folder, with a feed and without network: the first line, and the digest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.bench.corpus import Corpus
from tests.bench.measure import Measured, Timed, collect, timed
from tests.feeds_text import EASTERN, rss
from tests.program import environment, refused_url
from tests.servers.feeds import in_thread

RUNS = 5
PAPERS = 500
FIRST_LINE = 2.0


def measure(folder: Path) -> list[Measured]:
    on = datetime.now(UTC).astimezone(EASTERN).date()
    feed = rss(Corpus(PAPERS).items(), on)
    with in_thread() as server:
        server.put("/rss/cs.CL+cs.LG+cs.AI", feed)
        fed = _runs(folder / "fed", f"{server.url}/rss", status=0)
    alone = _runs(folder / "alone", refused_url(), status=75)
    return [
        collect("first line, empty data folder", (run.first_line for run in fed), goal=FIRST_LINE),
        collect("first line, no network", (run.first_line for run in alone), goal=FIRST_LINE),
        collect(f"digest of {PAPERS} papers polled and shown", (run.end for run in fed)),
        collect("no network: said so and ended", (run.end for run in alone)),
    ]


def _runs(folder: Path, feed_url: str, status: int) -> list[Timed]:
    """The first run only warms the file cache."""
    found = []
    for number in range(RUNS + 1):
        here = folder / str(number)
        here.mkdir(parents=True)
        run = timed(["run"], here, environment(here, feed_url))
        if run.status != status:
            raise RuntimeError(f"run ended with {run.status}, not {status}: {run.out}")
        found.append(run)
    return found[1:]
