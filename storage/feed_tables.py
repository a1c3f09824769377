"""The rows of what is known of feeds."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from bot.model import GapState
from storage.columns import Moment, Text

_STATES = ", ".join(f"'{state.value}'" for state in GapState)


def _text() -> Any:
    return Field(default="", sa_type=Text)


class FeedRow(SQLModel, table=True):
    __tablename__ = "feed"
    category: str = Field(primary_key=True, sa_type=Text)
    state: str = Field(sa_type=Text)
    since_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    checked_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    fresh_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    batch_on: dt.date | None = None
    why: str = _text()
    upto_on: dt.date | None = None


class GapRow(SQLModel, table=True):
    """A day of a category that was missed, kept when it is filled too, so that it is not missed twice."""

    __tablename__ = "gap"
    __table_args__ = (CheckConstraint(f"state IN ({_STATES})", name="ck_state"), Index("ix_gap_state", "state"))
    category: str = Field(primary_key=True, sa_type=Text)
    missed_on: dt.date = Field(primary_key=True)
    state: str = Field(sa_type=Text)
    tries: int = 0
    due_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    via: str = _text()
    token: str = _text()
    found: int = 0
    why: str = _text()


class QuarantineRow(SQLModel, table=True):
    """What a source sent that could not be used, once each (``mark`` is a digest of it)."""

    __tablename__ = "quarantine"
    # SQLite would give a removed row's id to the next one.
    __table_args__ = (Index("ix_quarantine_last_at", "last_at"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    mark: str = Field(sa_type=Text, unique=True)
    source: str = Field(sa_type=Text)
    place: str = _text()
    why: str = _text()
    sample: str = _text()
    times: int = 1
    first_at: dt.datetime = Field(sa_type=Moment)
    last_at: dt.datetime = Field(sa_type=Moment)


class ValidatorsRow(SQLModel, table=True):
    __tablename__ = "validators"
    url: str = Field(primary_key=True, sa_type=Text)
    etag: str = _text()
    last_modified: str = _text()
