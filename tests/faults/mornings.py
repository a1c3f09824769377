"""A million chats due in the same minute, planned on PostgreSQL: how long, and whether the memory stays flat.

``python -m tests.faults.mornings CHATS`` measures another number.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from storage.store import open_store
from tests.bench import planning
from tests.databases import running_postgres
from tests.paths import ROOT

CHATS, CHATS_SHORT = 1_000_000, 4_000
SECONDS = 300.0
"""For a million, on two cores."""
FLAT = 1.25
"""The most that the last quarter's peak may be of the second quarter's."""
QUERIES = 20
"""Chats that follow the same."""


def run(short: bool) -> list[tuple[str, str]]:
    return measured(CHATS_SHORT if short else CHATS)


def measured(chats: int) -> list[tuple[str, str]]:
    with running_postgres() as server:
        return _measured(server, chats)


def _measured(server: Any, chats: int) -> list[tuple[str, str]]:
    url = server.get_uri()
    store = open_store(url)
    try:
        expected = planning.fill(store, chats, max(250, chats // QUERIES))
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.planning", url, planning.NOW.isoformat()],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        sampled = []
        began = monotonic()
        try:
            while child.poll() is None:
                sampled.append((monotonic() - began, _resident(child.pid)))
                sleep(0.05)
                assert monotonic() - began < 3_600
        finally:
            child.kill()
        told, _ = child.communicate()
        assert child.returncode == 0
        seconds, peak, planned = (float(word) for word in told.split())
        with store.reading() as tx:
            stored = tx.counts()["deliveries.planned"]
    finally:
        store.close()
    end = sampled[-1][0]
    second = max(memory for at, memory in sampled if end / 4 <= at < end / 2)
    last = max(memory for at, memory in sampled if at >= end * 3 / 4)
    figures = [
        (f"mornings: {chats:,} chats", f"planned in {seconds:,.1f} s, {chats / seconds:,.0f} a second"),
        ("mornings: deliveries", f"{stored:,} of {expected:,} chats with a match"),
        (
            "mornings: memory",
            f"{peak:,.0f} MB at its peak; {second:,.0f} in the second quarter, {last:,.0f} in the last",
        ),
    ]
    assert stored == expected == planned, figures
    if chats == CHATS:
        assert seconds <= SECONDS, figures
        assert last <= second * FLAT, figures
    return figures


def _resident(pid: int) -> float:
    """Megabytes that the process holds now; 0 where that cannot be seen."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


if __name__ == "__main__":
    print("\n".join(f"{what}  {figure}" for what, figure in measured(int(sys.argv[1]))))
