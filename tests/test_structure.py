"""Imports run one way: adapters -> bot <- storage, and inside bot from the higher layer to the lower."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

HOUSE = ("bot", "adapters", "storage")
LONGEST = 400
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({
        "catalogue", "checks", "config", "errors", "feeds", "figures", "gaps", "holidays", "keys", "locales", "logbook",
        "model", "redaction", "replies", "scripts", "settings", "tex", "text", "words", "zones",
    }),
    frozenset({"query"}),
    frozenset({
        "absences", "announced", "budgets", "bursts", "checking", "citing", "delivery", "digests", "documents",
        "explaining", "exports", "filters", "ingest", "matching", "merging", "names", "orders", "ports", "quantities",
        "quotas", "subjects", "summaries", "tastes", "telling", "wants",
    }),
    frozenset({
        "accounts", "anthology", "backfill", "bulletins", "cards", "carrier", "commands", "crew", "desk", "drafts",
        "editions", "gauges", "inbox", "lanes", "ledger", "listings", "notices", "outcomes", "outside", "pages",
        "pipeline", "planning", "polling", "publishing", "reports", "scribe", "tenure", "turns", "upkeep", "wishes",
    }),
    frozenset({"__main__", "assembly", "cli", "doctor", "serving"}),
)  # fmt: skip
"""The rooms of bot, lowest first. A module imports from its own layer and those below."""

JOINERS = frozenset({"__main__", "assembly", "serving"})
"""What of the highest layer may know adapters and storage: __main__ and what it hands the joining to."""

STRANGERS = frozenset({
    "aiohttp", "alembic", "apscheduler", "discord", "feedparser", "httpx", "httpx2", "openai", "prometheus_client",
    "psycopg", "requests", "sqlalchemy", "sqlite3", "sqlmodel", "tantivy", "telegram",
})  # fmt: skip
"""Libraries of platforms, databases and HTTP: not for bot."""


def modules(root: Path) -> dict[str, Path]:
    """Every module of the house by its dotted name; a package by its own."""
    found = {}
    for path in sorted(path for part in HOUSE for path in (root / part).rglob("*.py")):
        names = path.relative_to(root).with_suffix("").parts
        found[".".join(names[:-1] if names[-1] == "__init__" else names)] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """What a module imports anywhere in it, by dotted name; ``from bot import model`` is bot.model."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
                above = package[: len(package) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in known else base


def layer(room: str) -> int | None:
    return next((n for n, rooms in enumerate(LAYERS) if room in rooms), None)


def faults(root: Path) -> Iterator[str]:
    """All that is wrong with the imports of the house at ``root``, a line each."""
    known = modules(root)
    edges: dict[str, set[str]] = {}
    for name, path in known.items():
        wanted = set(imports(name, path, known))
        edges[name] = wanted & known.keys()
        top, _, rest = name.partition(".")
        room = rest.split(".")[0]
        if top == "bot" and room and layer(room) is None:
            yield f"{name}: no layer; put {room!r} into LAYERS of tests/test_structure.py"
        for other in sorted(wanted):
            other_top, _, other_rest = other.partition(".")
            other_room = other_rest.split(".")[0]
            if {top, other_top} == {"adapters", "storage"}:
                yield f"{name} imports {other}: adapters and storage never meet"
            elif top == "bot" and other_top in ("adapters", "storage") and room not in JOINERS:
                yield f"{name} imports {other}: only {', '.join(sorted(JOINERS))} join the three"
            elif top == "bot" and other_top in STRANGERS:
                yield f"{name} imports {other}: bot knows no platform, database or HTTP library"
            elif top != "bot" and other_top == "bot" and layer(other_room) == len(LAYERS) - 1:
                yield f"{name} imports {other}: nobody imports the command line"
            elif top == other_top == "bot" and room and other_room:
                here, there = layer(room), layer(other_room)
                if here is not None and there is not None and there > here:
                    yield f"{name} imports {other}: that is a higher layer"
    yield from (" -> ".join(ring) + ": a ring of imports" for ring in rings(edges))


def rings(edges: dict[str, set[str]]) -> Iterator[list[str]]:
    """One ring for each way back that a walk in depth finds."""
    done: set[str] = set()
    trail: list[str] = []

    def walk(name: str) -> Iterator[list[str]]:
        if name in trail:
            yield [*trail[trail.index(name) :], name]
        elif name not in done:
            trail.append(name)
            for other in sorted(edges.get(name, ())):
                yield from walk(other)
            trail.pop()
            done.add(name)

    for name in sorted(edges):
        yield from walk(name)


def test_imports_run_one_way() -> None:
    assert "bot.model" in modules(ROOT)
    assert "\n".join(faults(ROOT)) == ""


def test_a_module_has_one_subject_and_at_most_400_lines() -> None:
    long = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules(ROOT).items()}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}


def test_each_room_stands_in_one_layer() -> None:
    rooms = [room for rooms in LAYERS for room in rooms]
    assert len(rooms) == len(set(rooms))
    assert LAYERS[-1] >= JOINERS
    assert not STRANGERS & sys.stdlib_module_names - {"sqlite3"}


@pytest.mark.parametrize(
    ("path", "code", "complaint"),
    [
        ("adapters/chats/x.py", "from storage.store import Store", "never meet"),
        ("storage/x.py", "def f():\n    import adapters.clock", "never meet"),
        ("bot/digests.py", "from storage import store", "join the three"),
        ("bot/cli.py", "from adapters.chats import telegram", "join the three"),
        ("bot/pipeline.py", "def f():\n    import sqlalchemy.orm", "no platform, database or HTTP"),
        ("bot/commands/topics.py", "if True:\n    from discord import Client", "no platform, database or HTTP"),
        ("bot/text.py", "from bot.query import parse", "higher layer"),
        ("bot/digests.py", "from .commands import topics", "higher layer"),
        ("bot/commands/papers.py", "from ..cli import main", "higher layer"),
        ("storage/x.py", "from bot import cli", "nobody imports the command line"),
        ("bot/keys.py", "from bot import model", "ring"),
        ("bot/newcomer.py", "", "no layer"),
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, path: str, code: str, complaint: str) -> None:
    house = {
        "bot/__init__.py": "", "bot/model.py": "from bot.keys import parse", "bot/keys.py": "", "bot/query.py": "",
        "bot/cli.py": "", "bot/commands/__init__.py": "", "bot/commands/topics.py": "",
        "bot/assembly.py": "from adapters.clock import Clock\nfrom storage.store import Store",
        "adapters/__init__.py": "", "adapters/clock.py": "from bot import model",
        "storage/__init__.py": "", "storage/store.py": "from bot.ports import Store\nimport sqlalchemy",
    }  # fmt: skip
    for name, content in house.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert list(faults(tmp_path)) == []
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(code)
    found = list(faults(tmp_path))
    assert len(found) == 1, found
    assert complaint in found[0]
