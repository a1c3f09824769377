"""What holds for every test."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings
from sqlalchemy import create_engine

from storage import engine
from tests.databases import Rehearsed, Spoken
from tests.program import Program

# How long an example takes is the machine's affair; `make bench` measures.
settings.register_profile("quick", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=400)
settings.load_profile(os.environ.get("PAPERROUND_EXAMPLES", "quick"))


def pytest_collection_finish() -> None:
    """What was imported and collected stays: a sixth of the time went into looking it through for garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def warm() -> None:
    """Whole programs begin with their imports done; tests/cli starts the command itself, and so does `make faults`."""
    Program.warm = sys.platform != "win32"  # which cannot fork


@pytest.fixture(scope="session", autouse=True)
def spoken() -> Iterator[None]:
    """A statement is compiled once a process, not once a store."""
    patch = pytest.MonkeyPatch()
    patch.setattr(engine, "create_engine", Spoken(create_engine))
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def rehearsed() -> Iterator[None]:
    """The migrations run once a process; what comes of them is what other SQLite databases begin with."""
    patch = pytest.MonkeyPatch()
    patch.setattr(engine, "upgrade", Rehearsed(engine.upgrade))
    yield
    patch.undo()
