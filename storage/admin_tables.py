"""The rows of what admins of the instance keep."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Index
from sqlalchemy.types import JSON
from sqlmodel import Field, SQLModel

from storage.columns import Moment, Text

_NEVER_AGAIN = {"sqlite_autoincrement": True}


def _list() -> Any:
    return Field(default_factory=list, sa_type=JSON)


class BanRow(SQLModel, table=True):
    """``whom``: ``telegram:123``, a person or a chat; a pseudonym never, for a ban outlives an erasure."""

    __tablename__ = "ban"
    whom: str = Field(primary_key=True, sa_type=Text)
    made_by: str = Field(sa_type=Text)
    made_at: dt.datetime = Field(sa_type=Moment)
    why: str = Field(default="", sa_type=Text)


class BulletinRow(SQLModel, table=True):
    """What an admin announces; its deliveries are of kind ``bulletin``, with its id as ``upto``."""

    __tablename__ = "bulletin"
    __table_args__ = (Index("ix_bulletin_state", "state"), _NEVER_AGAIN)
    id: int | None = Field(default=None, primary_key=True)
    texts: list[list[str]] = _list()
    made_by: str = Field(sa_type=Text)
    made_at: dt.datetime = Field(sa_type=Moment)
    state: str = Field(sa_type=Text)
    after_id: int
    upto_id: int


class ProxyRow(SQLModel, table=True):
    """For which chat the commands of a private chat are meant; both are written as addresses, for neither need be
    known to the bot yet."""

    __tablename__ = "proxy"
    __table_args__ = (Index("ix_proxy_chat", "chat"),)
    here: str = Field(primary_key=True, sa_type=Text)
    who: str = Field(sa_type=Text)
    chat: str = Field(sa_type=Text)
    place: str = Field(sa_type=Text)
    title: str = Field(default="", sa_type=Text)
    made_at: dt.datetime = Field(sa_type=Moment)


class TopicChangeRow(SQLModel, table=True):
    __tablename__ = "topic_change"
    __table_args__ = (_NEVER_AGAIN,)
    id: int | None = Field(default=None, primary_key=True)
    verb: str = Field(sa_type=Text)
    made_by: str = Field(sa_type=Text)
    before: list[Any] = _list()
    after: list[Any] = _list()
    made_at: dt.datetime = Field(sa_type=Moment)
    done_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    undone_at: dt.datetime | None = Field(default=None, sa_type=Moment)


class TopicFollowerRow(SQLModel, table=True):
    """A subscription as it was before a change of topics; ``dropped``: the change ended it, for the chat had the same
    already."""

    __tablename__ = "topic_follower"
    __table_args__ = (Index("ix_topic_follower_chat_id", "chat_id"),)
    change_id: int = Field(primary_key=True, foreign_key="topic_change.id", sa_column_kwargs={"autoincrement": False})
    subscription_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    chat_id: int = Field(foreign_key="chat.id")
    topic: str | None = Field(default=None, sa_type=Text)
    query: str = Field(default="", sa_type=Text)
    made_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    dropped: bool = False
