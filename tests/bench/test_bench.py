"""The bench itself: what it prints and returns, without measuring anything for long."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.documents import Document
from bot.matching import Batch
from bot.query import parse
from tests.bench import __main__ as bench
from tests.bench.corpus import Corpus
from tests.bench.measure import Measured


def measured(*results: Measured) -> dict[str, object]:
    return {"fake": lambda folder, scale: list(results)}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr("tests.bench.plots.drawn", lambda results, folder: [])
    return tmp_path / "bench-results"


def test_goals_that_are_met_give_0_and_the_figures_are_kept(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = (Measured("first line", (0.3, 0.1, 9.0), goal=2.0), Measured("a filter", (2.4e-6,)))
    monkeypatch.setattr(bench, "MEASUREMENTS", measured(*results))
    assert bench.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["first", "line", "2.00", "s", "0.30", "s", "0.10", "s", "-", "9.00", "s", "ok"]
    assert lines[2].split() == ["a", "filter", "2.4", "µs"]
    (file,) = kept.glob("*.json")
    found = json.loads(file.read_text())
    assert [one["median"] for one in found["results"]] == [0.3, 2.4e-6]
    assert found["results"][0]["ok"] is True


def test_one_goal_that_is_missed_gives_1_and_is_named(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = (Measured("fast", (0.1,), goal=1.0), Measured("slow", (0.1, 1.2, 1.3), goal=1.0))
    monkeypatch.setattr(bench, "MEASUREMENTS", measured(*results))
    assert bench.main(["fake"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[2].endswith("MISSED")
    assert err.splitlines()[-1] == "missed: slow"


def test_a_name_that_is_unknown_measures_nothing(kept: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(["tea"])
    assert ended.value.code == 2
    assert not kept.exists()


def test_every_module_of_a_measurement_is_run() -> None:
    modules = {path.stem for path in Path(bench.__file__).parent.glob("[!_]*.py")}
    shared = {"corpus", "library", "measure", "peers", "plots", "test_bench"}
    names = {"searching": "search", "importing": "import", "answering": "answers"}
    named = {names.get(module, module) for module in modules - shared}
    assert named == set(bench.MEASUREMENTS)


def test_the_same_seed_gives_the_same_papers_and_filters_that_find_the_same_as_substrings() -> None:
    one, other = Corpus(60, words=400), Corpus(60, words=400)
    asks = one.asks(200)
    assert one.texts == other.texts and asks == other.asks(200)
    batch = Batch((n, Document((title,), (text,))) for n, (title, text) in enumerate(one.texts))
    found = {ask: batch.match(parse(ask.ours)) for ask in asks}
    spaced = [f" {title} | {text} " for title, text in one.texts]
    assert found == {ask: [n for n, text in enumerate(spaced) if ask.holds(text)] for ask in asks}
    assert any(found.values()) and {ask.shape for ask in asks if found[ask]} >= {"word", "phrase", "but"}
