"""The rows of summaries that models make: what is asked of them, what it costs, what it lets be found later."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from bot.model import JobKind, JobState
from storage.columns import Moment, Text


def _text() -> Any:
    return Field(default="", sa_type=Text)


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"ck_{column}")


class SummaryJobRow(SQLModel, table=True):
    """A paper to be summarised in a language, kept when it is, so that what was refused is not asked again."""

    __tablename__ = "summary_job"
    __table_args__ = (
        _one_of("kind", JobKind),
        _one_of("state", JobState),
        Index("ix_summary_job_state", "state", "wanted"),
    )
    paper_id: int = Field(primary_key=True, foreign_key="paper.id")
    language: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    wanted: int = 0
    refusals: int = 0
    tries: int = 0
    why: str = _text()
    made_of: str = _text()
    owner: str = _text()
    until_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    due_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    wanted_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    ended_at: dt.datetime | None = Field(default=None, sa_type=Moment)


class SpendingRow(SQLModel, table=True):
    """What the requests of a day cost, those under way and in doubt at their most."""

    __tablename__ = "spending"
    spent_on: dt.date = Field(primary_key=True)
    tokens: int = Field(default=0, sa_type=BigInteger)
    micros: int = Field(default=0, sa_type=BigInteger)
    requests: int = 0
    doubtful: int = 0


class LateWordsRow(SQLModel, table=True):
    """An announcement told once more, for words in ``language`` by which more queries find its paper. Ids are of one
    row with those of announcements."""

    __tablename__ = "late_words"
    __table_args__ = (Index("ix_late_words_announcement_id", "announcement_id"),)
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    announcement_id: int = Field(foreign_key="announcement.id")
    language: str = Field(sa_type=Text)
