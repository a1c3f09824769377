"""The rows of what people do with papers."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.types import JSON
from sqlmodel import Field, SQLModel

from storage.columns import Moment, Text


class SavedRow(SQLModel, table=True):
    """A paper that somebody keeps; ``who`` is ``telegram:123``."""

    __tablename__ = "saved"
    who: str = Field(primary_key=True, sa_type=Text)
    paper_id: int = Field(primary_key=True, foreign_key="paper.id", sa_column_kwargs={"autoincrement": False})
    at: dt.datetime = Field(sa_type=Moment)


class VoteRow(SQLModel, table=True):
    """How somebody voted on a paper in a chat: 1 or -1; ``marks`` is what the paper had to like or dislike then."""

    __tablename__ = "vote"
    __table_args__ = (CheckConstraint("value <> 0", name="ck_value"), Index("ix_vote_chat_id", "chat_id"))
    who: str = Field(primary_key=True, sa_type=Text)
    chat_id: int = Field(primary_key=True, foreign_key="chat.id", sa_column_kwargs={"autoincrement": False})
    paper_id: int = Field(primary_key=True, foreign_key="paper.id", sa_column_kwargs={"autoincrement": False})
    value: int
    marks: list[str] = Field(default_factory=list, sa_type=JSON)
    at: dt.datetime = Field(sa_type=Moment)
