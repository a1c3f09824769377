"""Statements that are put together once and then asked of SQLite's driver itself.

SQLAlchemy takes longer to hand a short question on, and its rows back, than SQLite takes to answer it, and a command
asks some fifteen. What a column is stored as, and how a value is written, stays SQLAlchemy's to say.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import ClauseElement, Executable, Select
from sqlalchemy.engine import Dialect

Process = Callable[[Any], Any] | None
S = TypeVar("S", bound=Executable)


_ONCE = {"once": True}


def once(statement: S) -> S:
    """Say of a statement without bound parameters that it is one for ``rows``."""
    return statement.execution_options(**_ONCE)


def is_once(statement: Executable) -> bool:
    return "once" in statement.get_execution_options()


def rows(
    driver: sqlite3.Connection, dialect: Dialect, statement: Select[*tuple[Any, ...]], values: Mapping[str, Any]
) -> Sequence[Any]:
    """What ``statement`` finds with ``values`` for its bound parameters, as named tuples; a list, which must not be
    empty, stands for an expanding one."""
    sizes = tuple((name, len(value) if isinstance(value, list) else 0) for name, value in values.items())
    return _prepared(dialect, statement, sizes).ask(driver, values)


@lru_cache(1024)
def _prepared(dialect: Dialect, statement: Select[*tuple[Any, ...]], sizes: tuple[tuple[str, int], ...]) -> _Prepared:
    return _Prepared(dialect, statement, dict(sizes))


def run_many(
    driver: sqlite3.Connection, dialect: Dialect, statement: Executable, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Run ``statement``, which changes something, for each of ``rows``, which all name what the first does."""
    text, given = _many(dialect, statement, tuple(rows[0]))
    driver.executemany(
        text,
        [
            [row.get(name, own) if process is None else process(row.get(name, own)) for name, process, own in given]
            for row in rows
        ],
    )


@lru_cache(256)
def _many(
    dialect: Dialect, statement: ClauseElement, names: tuple[str, ...]
) -> tuple[str, list[tuple[str, Process, Any]]]:
    """The text; of each of its parameters the name, what makes it a value for the driver, and the statement's own."""
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    own = {**compiled.params, **{column.key: column.default.arg for column in compiled.insert_prefetch}}
    given = []
    for name in compiled.positiontup or ():
        value = None if name in names else own[name]
        # SQLAlchemy hands what makes a default its context; ours make empty lists.
        given.append((name, _process_of(compiled, name, dialect), value(None) if callable(value) else value))
    return str(compiled), given


def _process_of(compiled: Any, name: str, dialect: Dialect) -> Process:
    """What makes a value of that parameter one for the driver."""
    made: Process = compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
    return made


class _Prepared:
    def __init__(self, dialect: Dialect, statement: Select[*tuple[Any, ...]], sizes: Mapping[str, int]) -> None:
        compiled = statement.compile(dialect=dialect)
        state = compiled.construct_expanded_state({name: [None] * size or None for name, size in sizes.items()})
        self._text = state.statement
        whose = {one: name for name, several in state.parameter_expansion.items() for one in several}
        self._given: list[tuple[str, bool, Process, Any]] = []
        names = iter(state.positiontup or ())
        for first in names:
            name = whose.get(first, first)
            default = None if sizes.get(name) else compiled.params[name]
            for _ in range(len(state.parameter_expansion.get(name, ())) - 1):
                next(names)
            self._given.append((name, first in whose, _process_of(compiled, name, dialect), default))
        columns = statement.selected_columns
        self._row = _row_of(columns.keys())
        reading = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._read = [(place, process) for place, process in enumerate(reading) if process is not None]

    def ask(self, driver: sqlite3.Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        parameters: list[Any] = []
        for name, many, process, default in self._given:
            value = values.get(name, default)
            if many:
                parameters += value if process is None else map(process, value)
            else:
                parameters.append(value if process is None else process(value))
        found: Iterable[Sequence[Any]] = driver.execute(self._text, parameters).fetchall()
        return list(map(self._row._make, map(self._processed, found) if self._read else found))

    def _processed(self, row: Sequence[Any]) -> Sequence[Any]:
        made = list(row)
        for place, process in self._read:
            made[place] = process(made[place])
        return made


def _row_of(names: Sequence[str]) -> Any:
    return namedtuple("Row", names, rename=True)
