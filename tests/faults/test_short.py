"""The fault bench in its short form, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults import __main__ as bench

SPEEDS = {"costs", "mornings", "rates"}
"""What measures speed tells nothing in short."""


@pytest.mark.parametrize("name", sorted(bench.faults().keys() - SPEEDS))
def test_in_short_every_promise_is_kept(name: str) -> None:
    assert bench.faults()[name](True)


def test_a_broken_promise_gives_1_and_is_named_and_the_others_are_still_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lossy(short: bool) -> bench.Figures:
        raise AssertionError("3 papers are lost")

    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "faults", lambda: {"lossy": lossy, "sound": lambda short: [("lost", f"{not short}")]})
    assert bench.main(["--short"]) == 1
    out, err = capsys.readouterr()
    assert "lossy: BROKEN  3 papers are lost" in out and "lost           False" in out
    assert err.splitlines()[-1] == "broken: lossy"
    (file,) = (tmp_path / "bench-results").glob("faults-*.json")
    kept = json.loads(file.read_text())
    assert (kept["broken"], kept["figures"]["lost"]) == (["lossy"], "False")


def test_a_fault_that_is_unknown_breaks_nothing() -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(["tea"])
    assert ended.value.code == 2
