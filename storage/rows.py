"""Rows to the words of this house and back, and the statements that every subject shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Insert, Row, Select, Table, and_
from sqlalchemy.dialects import postgresql, sqlite

from bot.ingest import are_storable, title_mark
from bot.merging import Record, Told
from bot.model import (
    Arrival,
    Kind,
    News,
    Paper,
    Summary,
)
from storage.columns import Text
from storage.prepared import is_once, rows, run_many

CHUNK = 1000
"""Rows a statement: SQLite takes 32,766 variables in one, PostgreSQL 65,535."""

EDITED = "subscriptions.edited"
"""The setting that counts changes of what is followed that add and remove no subscription."""

T = TypeVar("T")
Values = dict[str, Any]


class Work:
    """Statements on one connection, in one transaction."""

    def __init__(self, connection: Connection, writes: bool) -> None:
        self._connection = connection
        self._writes = writes
        self._asked: dict[Any, Any] = {}
        self._driver = connection.connection.driver_connection if connection.dialect.name == "sqlite" else None
        self.when_kept: list[Callable[[], None]] = []
        """Called when what was written is committed."""

    @property
    def _locks(self) -> bool:
        """Whether rows can be locked: PostgreSQL only; a writer on SQLite is alone anyway."""
        return self._writes and self._connection.dialect.name == "postgresql"

    def _run(self, statement: Executable, rows: Sequence[Values] | None = None) -> CursorResult[Any]:
        return self._connection.execute(statement, rows)

    # What is asked very often is put together once: with ``values`` of its bound parameters, or ``once`` where it has
    # none. See ``statements``.
    def _all(self, statement: Select[*tuple[Any, ...]], **values: Any) -> Sequence[Any]:
        if self._driver is not None and (values or is_once(statement)):
            return rows(self._driver, self._connection.dialect, statement, values)
        return self._connection.execute(statement, values or None).all()

    def _one(self, statement: Executable, **values: Any) -> Any:
        """The first row, or None."""
        if self._driver is not None and isinstance(statement, Select) and (values or is_once(statement)):
            return next(iter(rows(self._driver, self._connection.dialect, statement, values)), None)
        return self._connection.execute(statement, values or None).first()

    def _remembered(self, question: Any, ask: Callable[[], T]) -> T:
        """What ``ask`` found: a transaction that only reads asks the same question once."""
        if self._writes:
            return ask()
        if question not in self._asked:
            self._asked[question] = ask()
        found: T = self._asked[question]
        return found

    def _number(self, statement: Executable, **values: Any) -> int:
        row = self._one(statement, **values)
        return int(row[0] or 0) if row else 0

    def _bulk(self, statement: Executable, rows: Iterable[Values]) -> None:
        for some in chunks(rows, CHUNK):
            self._connection.execute(statement, some)

    def _run_many(self, statement: Executable, rows: Sequence[Values]) -> None:
        """What changes something, put together once, for each of some rows, which all name the same columns."""
        if self._driver is not None and rows:
            run_many(self._driver, self._connection.dialect, statement, rows)
        else:
            self._bulk(statement, rows)

    def _insert_many(self, statement: Insert, rows: Sequence[Values]) -> None:
        """As ``_bulk``, for rows that all give the same columns. On SQLite the driver is handed tuples: preparing a
        dictionary a row costs SQLAlchemy as much as SQLite takes to write it."""
        dialect = self._connection.dialect
        if not rows or dialect.name != "sqlite":
            self._bulk(statement, rows)
            return
        names = list(rows[0])
        compiled = statement.compile(dialect=dialect, column_keys=names)
        columns = []
        for name in names:
            kind = compiled.binds[name].type
            process = kind.dialect_impl(dialect).bind_processor(dialect)
            values = [row[name] for row in rows]
            # Texts are looked at together: nearly always there is nothing to take out of any.
            fit = process is None or (isinstance(kind, Text) and None not in values and are_storable(values))
            columns.append(values if fit or process is None else [process(value) for value in values])
        # The statement names its columns in the table's order.
        order = [names.index(name) for name in compiled.positiontup or names]
        self._connection.exec_driver_sql(str(compiled), list(zip(*(columns[at] for at in order), strict=True)))

    def _insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An insert that can say what to do where the row is there."""
        return _insert(table, self._connection.dialect.name)

    def _put(self, table: Table, row: Values) -> None:
        """Insert, or overwrite the row with the same primary key."""
        self._run_many(_upsert(table, tuple(row), self._connection.dialect.name), [row])

    def _insert_once(self, table: Table, row: Values) -> bool:
        """Insert; False, and nothing written, where a rule of uniqueness forbids it."""
        statement = _insertion(table, self._connection.dialect.name)
        return self._connection.execute(statement, row).first() is not None

    def _is(self, table: Table, **values: object) -> Any:
        return and_(*(table.c[name] == value for name, value in values.items()))


def _insert(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache
def _upsert(table: Table, names: tuple[str, ...], dialect: str) -> Executable:
    """Put together once, as those in ``statements`` are."""
    statement = _insert(table, dialect)
    keys = [column.name for column in table.primary_key]
    rest = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


@cache
def _insertion(table: Table, dialect: str) -> Executable:
    return _insert(table, dialect).on_conflict_do_nothing().returning(*table.primary_key)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def paper_of(row: Row[Any], keys: tuple[str, ...], news: tuple[str, ...] = ()) -> Paper:
    return Paper(
        id=row.id,
        keys=keys,
        title=row.title,
        abstract=row.abstract,
        authors=tuple(row.authors),
        categories=tuple(row.categories),
        links=tuple(row.links),
        subjects=tuple(row.subjects),
        first_announced_on=row.first_announced_on,
        dated_on=row.dated_on,
        version=row.version,
        journal=row.journal,
        news=news,
    )


def row_of_paper(record: Record, seq: int) -> Values:
    paper = record.paper
    return {
        "id": paper.id,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": paper.authors,
        "categories": paper.categories,
        "links": paper.links,
        "subjects": paper.subjects,
        "journal": paper.journal,
        "version": paper.version,
        "first_announced_on": paper.first_announced_on,
        "dated_on": paper.dated_on,
        "text_on": record.text_on,
        "title_mark": title_mark(paper.title),
        "seq": seq,
    }


def told_of(row: Row[Any]) -> Told:
    return Told(
        news=News(row.news),
        on=row.announced_on,
        key=row.key,
        categories=tuple(row.categories),
        version=row.version,
        heard=frozenset(map(Kind, row.heard)),
        id=row.id,
        arrival=Arrival(row.arrival),
    )


def row_of_told(told: Told, id_: int, paper_id: int) -> Values:
    return {
        "id": id_,
        "paper_id": paper_id,
        "news": told.news.value,
        "announced_on": told.on,
        "key": told.key,
        "categories": told.categories,
        "version": told.version,
        "heard": sorted(told.heard),
        "arrival": told.arrival.value,
    }


def summary_of(row: Row[Any]) -> Summary:
    return Summary(
        row.paper_id, row.language, row.headline, row.title, row.abstract, row.origin, row.made_at, row.made_of,
        tuple(row.subjects),
    )  # fmt: skip


def row_of_summary(summary: Summary) -> Values:
    return {
        "paper_id": summary.paper_id,
        "language": summary.language,
        "headline": summary.headline,
        "title": summary.title,
        "abstract": summary.abstract,
        "origin": summary.origin,
        "made_at": summary.made_at,
        "made_of": summary.made_of,
        "subjects": summary.subjects,
    }


def json_of_record(record: Record) -> Values:
    """A paper as a merge remembers it; announcements are rows of their own and stay out."""
    paper = row_of_paper(record, 0)
    for name in ("first_announced_on", "dated_on", "text_on"):
        paper[name] = paper[name] and paper[name].isoformat()
    summaries = [row_of_summary(s) for s in record.summaries]
    for summary in summaries:
        summary["made_at"] = summary["made_at"] and summary["made_at"].isoformat()
    return {"keys": record.paper.keys, "paper": paper, "summaries": summaries}


def record_of_json(kept: Mapping[str, Any]) -> Record:
    paper = kept["paper"]
    return Record(
        Paper(
            id=paper["id"],
            keys=tuple(kept["keys"]),
            title=paper["title"],
            abstract=paper["abstract"],
            authors=tuple(paper["authors"]),
            categories=tuple(paper["categories"]),
            links=tuple(paper["links"]),
            subjects=tuple(paper["subjects"]),
            first_announced_on=_day(paper["first_announced_on"]),
            dated_on=_day(paper["dated_on"]),
            version=paper["version"],
            journal=paper["journal"],
        ),
        _day(paper["text_on"]),
        (),
        tuple(
            Summary(
                **{
                    **s,
                    "made_at": datetime.fromisoformat(s["made_at"]) if s["made_at"] else None,
                    "subjects": tuple(s.get("subjects", ())),
                }
            )
            for s in kept["summaries"]
        ),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
