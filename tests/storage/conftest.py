from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from storage.store import SqlStore, open_store
from tests.databases import NewDatabase, sqlite_url
from tests.databases import postgres_server as postgres_server
from tests.storage.filled import fill

BOTH = ("sqlite", "postgresql")


@pytest.fixture(scope="session", autouse=True)
def rehearsed() -> None:
    """Here the migrations themselves run, each time."""


@pytest.fixture(scope="session")
def ready_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with its tables, to be copied: migrating takes longer than most tests."""
    folder = tmp_path_factory.mktemp("ready")
    open_store(sqlite_url(folder)).close()
    return folder / "paperround.db"


@pytest.fixture(scope="session")
def filled_file(ready_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store on SQLite with something in each table, to be copied."""
    file = tmp_path_factory.mktemp("filled") / "paperround.db"
    shutil.copy(ready_file, file)
    store = open_store(sqlite_url(file.parent))
    fill(store, sqlite_url(file.parent))
    store.close()
    return file


@pytest.fixture
def filled(filled_file: Path, tmp_path: Path) -> str:
    """The URL of a store on SQLite with something in each table."""
    shutil.copy(filled_file, tmp_path / "paperround.db")
    return sqlite_url(tmp_path)


@pytest.fixture(params=BOTH)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_database(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> NewDatabase:
    if kind == "postgresql":
        made: NewDatabase = request.getfixturevalue("postgres_server").database
        return made
    ready: Path = request.getfixturevalue("ready_file")
    names = (f"{n}.db" for n in count())

    def copy() -> str:
        name = next(names)
        shutil.copy(ready, tmp_path / name)
        return sqlite_url(tmp_path, name)

    return copy


@pytest.fixture
def empty_database(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "postgresql":
        return str(request.getfixturevalue("postgres_server").empty())
    return sqlite_url(tmp_path)


@pytest.fixture
def opened() -> Iterator[Callable[[str], SqlStore]]:
    """Opens stores and closes them after the test."""
    stores: list[SqlStore] = []

    def open_(url: str) -> SqlStore:
        stores.append(open_store(url))
        return stores[-1]

    yield open_
    for store in stores:
        store.close()


@pytest.fixture
def store(new_database: NewDatabase, opened: Callable[[str], SqlStore]) -> SqlStore:
    return opened(new_database())
