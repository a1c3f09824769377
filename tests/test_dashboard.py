"""The dashboard for Grafana: panels in the form that it reads, and figures that there are."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

from adapters.monitor import Monitor, ask
from bot import assembly
from bot.config import Config
from bot.figures import COUNTERS, DURATIONS
from bot.gauges import read_gauges
from tests.adapters.test_monitor import free_port
from tests.paths import ROOT

FILE = ROOT / "deploy" / "grafana" / "paperround.json"
SOURCE = {"const": {"type": "prometheus", "uid": "${source}"}}
PANEL = {
    "type": "object",
    "required": ["id", "title", "type", "datasource", "gridPos", "targets", "fieldConfig", "options"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "title": {"type": "string", "minLength": 1},
        "description": {"type": "string"},
        "type": {"enum": ["timeseries", "stat"]},
        "datasource": SOURCE,
        "gridPos": {
            "type": "object", "required": ["h", "w", "x", "y"], "additionalProperties": False,
            "properties": {
                "h": {"type": "integer", "minimum": 1}, "w": {"type": "integer", "minimum": 1, "maximum": 24},
                "x": {"type": "integer", "minimum": 0, "maximum": 23}, "y": {"type": "integer", "minimum": 0},
            },
        },
        "targets": {
            "type": "array", "minItems": 1,
            "items": {
                "type": "object", "required": ["datasource", "expr", "legendFormat", "refId"],
                "additionalProperties": False,
                "properties": {
                    "datasource": SOURCE, "expr": {"type": "string", "minLength": 1},
                    "legendFormat": {"type": "string"}, "refId": {"type": "string", "pattern": "^[A-Z]$"},
                },
            },
        },
        "fieldConfig": {
            "type": "object", "required": ["defaults", "overrides"],
            "properties": {"defaults": {"type": "object", "required": ["unit"]}, "overrides": {"const": []}},
        },
        "options": {"type": "object"},
    },
}  # fmt: skip
"""https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/"""


@pytest.fixture(scope="module")
def board() -> Any:
    return json.loads(FILE.read_text(encoding="utf-8"))


def expressions(board: Any) -> list[str]:
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


async def shown(folder: Path) -> tuple[set[str], dict[str, set[str]]]:
    """The names of every series that a bot shows, and the labels of each."""
    config = Config(data_dir=folder, http_listen=("127.0.0.1", free_port()))
    store = assembly.open_store(config)
    index = assembly.open_index(config, store)
    monitor: Monitor = assembly.make_monitor(config, store, index, {})
    await monitor.start()
    try:
        assert config.http_listen
        _, text = await asyncio.to_thread(ask, config.http_listen, "/metrics")
        gauges = read_gauges(store, index, config.arxiv.categories, assembly.utc_now)
    finally:
        await monitor.stop()
        index.close()
        store.close()
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    labels.update({gauge.name: set(gauge.labels) for gauge in gauges})
    # What was not counted yet has no series; its name and labels are known all the same.
    for counter in COUNTERS:
        labels[f"{counter.name}_total"] = set(counter.labels)
    for durations in DURATIONS:
        for end, more in (("bucket", {"le"}), ("sum", set()), ("count", set())):
            labels[f"{durations.name}_{end}"] = {*durations.labels, *more}
    return set(labels), labels


async def test_every_figure_that_it_names_is_shown_with_the_labels_that_it_asks_for(board: Any, tmp_path: Path) -> None:
    names, labels = await shown(tmp_path)
    used = set()
    for expression in expressions(board):
        found = re.findall(r"\b((?:paperround|process)_\w+)(?:\{([^}]*)\})?", expression)
        assert found, expression
        for name, matchers in found:
            assert name in names, f"{name} is shown by nobody"
            asked = set(re.findall(r"(\w+)\s*[=!]~?", matchers))
            grouped = {label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")}
            # Those that Prometheus itself adds to whatever it reads.
            assert asked | grouped <= labels[name] | {"job", "instance"}, expression
            used.add(name)
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names if name.startswith("paperround_")}
    assert ours - {re.sub(r"_(bucket|sum|count)$", "", name) for name in used} == {"paperround_feed_asked_seconds"}, (
        "what is counted is worth a look"
    )


def test_panels_are_in_the_form_that_grafana_reads(board: Any) -> None:
    assert board["schemaVersion"] >= 39 and board["uid"] == "paperround"
    assert {variable["name"] for variable in board["templating"]["list"]} == {"source", "job"}
    judge = Draft202012Validator(PANEL)
    for panel in board["panels"]:
        assert [f"{panel['title']}: {error.message}" for error in judge.iter_errors(panel)] == []
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert max(Counter(panel["id"] for panel in board["panels"]).values()) == 1


def test_no_panel_lies_on_another(board: Any) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for at in (panel["gridPos"] for panel in board["panels"]):
        assert at["x"] + at["w"] <= 24
        taken.update((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"]))
    assert max(taken.values()) == 1


def test_brackets_and_quotes_are_closed(board: Any) -> None:
    for expression in expressions(board):
        bare = re.sub(r'"[^"]*"', "", expression)
        assert '"' not in bare
        for opened, closed in ("()", "{}", "[]"):
            assert bare.count(opened) == bare.count(closed), expression
