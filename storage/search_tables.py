"""The rows of what people looked for."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Field, SQLModel

from storage.columns import Moment, Text


class SearchRow(SQLModel, table=True):
    """What somebody looked for lately; ``who`` is ``telegram:123``."""

    __tablename__ = "search"
    who: str = Field(primary_key=True, sa_type=Text)
    query: str = Field(primary_key=True, sa_type=Text)
    at: dt.datetime = Field(sa_type=Moment)
