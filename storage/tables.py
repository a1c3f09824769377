"""The rows, and the rules that the database itself keeps."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, false, text
from sqlalchemy.types import JSON
from sqlmodel import Field, SQLModel

from bot.model import Arrival, ChatState, DeliveryState, DigestKind, EmptyDay, News, Place, Standing
from storage import admin_tables as admin_tables  # its tables are of the same METADATA
from storage import feed_tables as feed_tables
from storage import reading_tables as reading_tables
from storage import search_tables as search_tables
from storage import summary_tables as summary_tables
from storage.columns import Moment, Text

# SQLite would give a removed row's id to the next one, and an old button would mean another subscription.
_NEVER_AGAIN = {"sqlite_autoincrement": True}

_UNSERVED = "until_at IS NOT NULL"
_OF_A_BULLETIN = text("kind = 'bulletin'")
_TO_TRY = text("try_at IS NOT NULL")
_AS_ANNOUNCED = text("as_announced")
OPEN_STATES = tuple(state.value for state in DeliveryState if state.open)


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"ck_{column}")


def _layout() -> CheckConstraint:
    """Those that every version knows; others stand in ``rich_layout``, which counts where this one is ``brief``."""
    return CheckConstraint("layout IN ('brief', 'plain')", name="ck_layout")


def _text(**more: Any) -> Any:
    return Field(default="", sa_type=Text, **more)


def _list() -> Any:
    return Field(default_factory=list, sa_type=JSON)


def _unique(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, unique=True, sqlite_where=text(where), postgresql_where=text(where))


class FenceRow(SQLModel, table=True):
    """Whoever adds papers holds this row until it commits, so that ids become visible in order."""

    __tablename__ = "fence"
    name: str = Field(primary_key=True, sa_type=Text)


class LeaseRow(SQLModel, table=True):
    """What one process alone may do, and which one until when; ``again_at``: not to be begun anew before."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True, sa_type=Text)
    owner: str = _text()
    until_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    again_at: dt.datetime | None = Field(default=None, sa_type=Moment)


class InboxRow(SQLModel, table=True):
    """An update that a platform handed over at a ``door``; ``until_at``: whoever has it is to serve it by then, None
    once it was served."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index("ix_inbox_came_at", "came_at"),
        Index("ix_inbox_until_at", "until_at", sqlite_where=text(_UNSERVED), postgresql_where=text(_UNSERVED)),
    )
    door: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    content: str = _text()
    owner: str = _text()
    tries: int
    came_at: dt.datetime = Field(sa_type=Moment)
    until_at: dt.datetime | None = Field(default=None, sa_type=Moment)


class PaperRow(SQLModel, table=True):
    """``seq`` grows with every change; ``joined_id`` is the paper that this one was merged into."""

    __tablename__ = "paper"
    __table_args__ = (
        Index("ix_paper_title_mark", "title_mark"),
        Index("ix_paper_seq", "seq"),
        Index("ix_paper_joined_id", "joined_id"),
    )
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    title: str = _text()
    abstract: str = _text()
    authors: list[str] = _list()
    categories: list[str] = _list()
    links: list[str] = _list()
    subjects: list[str] = _list()
    journal: str = _text()
    version: int | None = None
    first_announced_on: dt.date | None = None
    dated_on: dt.date | None = None
    text_on: dt.date | None = None
    title_mark: str = _text()
    joined_id: int | None = Field(default=None, foreign_key="paper.id")
    seq: int


class PaperKeyRow(SQLModel, table=True):
    """``place`` orders the keys of one paper."""

    __tablename__ = "paper_key"
    __table_args__ = (Index("ix_paper_key_paper_id", "paper_id"),)
    key: str = Field(primary_key=True, sa_type=Text)
    paper_id: int = Field(foreign_key="paper.id")
    place: int


class PaperMergeRow(SQLModel, table=True):
    """``other_id`` was found to be ``paper_id``. ``before`` is what that one was, ``other`` what the merged one was."""

    __tablename__ = "paper_merge"
    __table_args__ = (Index("ix_paper_merge_other_id", "other_id"),)
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(sa_type=Text)
    with_key: str = Field(sa_type=Text)
    paper_id: int = Field(foreign_key="paper.id")
    other_id: int = Field(foreign_key="paper.id")
    reason: str = _text()
    before: dict[str, Any] = Field(sa_type=JSON)
    other: dict[str, Any] = Field(sa_type=JSON)
    at: dt.datetime = Field(sa_type=Moment)
    undone_at: dt.datetime | None = Field(default=None, sa_type=Moment)


class AnnouncementRow(SQLModel, table=True):
    __tablename__ = "announcement"
    __table_args__ = (
        _one_of("news", News),
        Index("ix_announcement_paper_id", "paper_id"),
        Index("ix_announcement_announced_on", "announced_on"),
        _unique("uq_announcement_new", "paper_id", where="news = 'new'"),
        _unique("uq_announcement_day", "paper_id", "announced_on", where="news IN ('new', 'cross')"),
        _unique("uq_announcement_version", "paper_id", "version", where="news = 'update'"),
        _unique("uq_announcement_published", "paper_id", where="news = 'published'"),
    )
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    paper_id: int = Field(foreign_key="paper.id")
    news: str = Field(sa_type=Text)
    announced_on: dt.date
    key: str = Field(sa_type=Text)
    categories: list[str] = _list()
    version: int | None = None
    heard: list[str] = _list()
    arrival: str = Field(default=Arrival.DAILY.value, sa_type=Text, sa_column_kwargs={"server_default": "daily"})


class SummaryRow(SQLModel, table=True):
    __tablename__ = "summary"
    paper_id: int = Field(primary_key=True, foreign_key="paper.id")
    language: str = Field(primary_key=True, sa_type=Text)
    headline: str = _text()
    title: str = _text()
    abstract: str = _text()
    origin: str = _text()
    made_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    made_of: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    subjects: list[str] = Field(default_factory=list, sa_type=JSON, sa_column_kwargs={"server_default": "[]"})


class TopicRow(SQLModel, table=True):
    __tablename__ = "topic"
    slug: str = Field(primary_key=True, sa_type=Text)
    names: list[list[str]] = _list()
    query: str = Field(sa_type=Text)
    proposed: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class ChatRow(SQLModel, table=True):
    """``rest_id`` is the last digest, where it left papers for the next ones; that may be gone by now, and no rule
    keeps it: whoever drops a digest would have to look through all chats. ``accepts``: languages, spaces between."""

    __tablename__ = "chat"
    __table_args__ = (
        UniqueConstraint("platform", "chat", "thread", name="uq_chat_address"),
        Index("ix_chat_due_at", "due_at"),
        Index("ix_chat_try_at", "try_at", sqlite_where=_TO_TRY, postgresql_where=_TO_TRY),
        Index("ix_chat_as_announced", "due_at", sqlite_where=_AS_ANNOUNCED, postgresql_where=_AS_ANNOUNCED),
        _one_of("state", ChatState),
        _one_of("place", Place),
        _layout(),
        _one_of("empty_day", EmptyDay),
        CheckConstraint("size > 0", name="ck_size"),
        _NEVER_AGAIN,
    )
    id: int | None = Field(default=None, primary_key=True)
    platform: str = Field(sa_type=Text)
    chat: str = Field(sa_type=Text)
    thread: str = _text()
    place: str = Field(sa_type=Text)
    title: str = _text()
    language: str = Field(sa_type=Text)
    timezone: str = Field(sa_type=Text)
    time: dt.time
    days: list[int] = _list()
    layout: str = Field(sa_type=Text)
    size: int
    wants: list[str] = _list()
    empty_day: str = Field(sa_type=Text)
    seen: int = 0
    due_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    state: str = Field(sa_type=Text)
    why: str = _text()
    admitted: bool = True
    since_on: dt.date | None = None
    rest_id: int | None = None
    away_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    try_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    accepts: str = _text(sa_column_kwargs={"server_default": ""})
    banned: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    open_to_all: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    target_chat: str | None = Field(default=None, sa_type=Text)
    target_thread: str | None = Field(default=None, sa_type=Text)
    as_announced: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    quiet: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    rich_layout: str = _text(sa_column_kwargs={"server_default": ""})


class SubscriptionRow(SQLModel, table=True):
    """Either a topic or a query; a chat follows each once, or pauses or mutes it."""

    __tablename__ = "subscription"
    __table_args__ = (
        CheckConstraint("(topic IS NULL) <> (query = '')", name="ck_one_of_two"),
        _unique("uq_subscription_query", "chat_id", "query", where="topic IS NULL"),
        _unique("uq_subscription_topic", "chat_id", "topic", where="topic IS NOT NULL"),
        Index("ix_subscription_topic", "topic"),
        Index("ix_subscription_chat_id", "chat_id"),
        _NEVER_AGAIN,
    )
    id: int | None = Field(default=None, primary_key=True)
    chat_id: int = Field(foreign_key="chat.id")
    query: str = _text()
    topic: str | None = Field(default=None, sa_type=Text, foreign_key="topic.slug")
    made_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    standing: str = Field(
        default=Standing.FOLLOWED.value, sa_type=Text, sa_column_kwargs={"server_default": "followed"}
    )


class DigestRow(SQLModel, table=True):
    """What deliveries bring; one that many chats get is kept once."""

    __tablename__ = "digest"
    __table_args__ = (_NEVER_AGAIN,)
    id: int | None = Field(default=None, primary_key=True)
    content: dict[str, Any] = Field(sa_type=JSON)


class DeliveryRow(SQLModel, table=True):
    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("chat_id", "kind", "digest_on", "upto", name="uq_delivery_once"),
        Index("ix_delivery_state_due_at", "state", "due_at"),
        Index("ix_delivery_digest_id", "digest_id"),
        Index(
            "ix_delivery_bulletin", "upto", "state", sqlite_where=_OF_A_BULLETIN, postgresql_where=_OF_A_BULLETIN
        ),
        _one_of("state", DeliveryState),
        _one_of("kind", DigestKind),
        _layout(),
        _NEVER_AGAIN,
    )
    id: int | None = Field(default=None, primary_key=True)
    chat_id: int = Field(foreign_key="chat.id")
    platform: str = Field(sa_type=Text)
    chat: str = Field(sa_type=Text)
    thread: str = _text()
    kind: str = Field(sa_type=Text)
    digest_on: dt.date
    upto: int = 0
    digest_id: int | None = Field(default=None, foreign_key="digest.id")
    language: str = Field(sa_type=Text)
    layout: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    attempts: int = 0
    due_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    lease_owner: str = _text()
    lease_until: dt.datetime | None = Field(default=None, sa_type=Moment)
    made_at: dt.datetime | None = Field(default=None, sa_type=Moment)
    why: str = _text()
    joined: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    accepts: str = _text(sa_column_kwargs={"server_default": ""})
    quiet: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    rich_layout: str = _text(sa_column_kwargs={"server_default": ""})


class DeliveryPartRow(SQLModel, table=True):
    """``payload`` is what was promised to the platform, byte for byte."""

    __tablename__ = "delivery_part"
    delivery_id: int = Field(primary_key=True, foreign_key="delivery.id")
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    papers: list[int] = _list()
    nonce: str = _text()
    payload: bytes
    message_id: str = _text()
    tried: bool = False
    doubts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    tried_at: dt.datetime | None = Field(default=None, sa_type=Moment)


class InviteRow(SQLModel, table=True):
    __tablename__ = "invite"
    code: str = Field(primary_key=True, sa_type=Text)
    made_by: str = _text()
    made_at: dt.datetime = Field(sa_type=Moment)
    used_by: int | None = Field(default=None, foreign_key="chat.id")
    used_at: dt.datetime | None = Field(default=None, sa_type=Moment)


class NoticeRow(SQLModel, table=True):
    """What an admin should know, once for each ``kind`` and ``subject``."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("kind", "subject", name="uq_notice_once"),
        Index("ix_notice_told_at", "told_at"),
        _NEVER_AGAIN,
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    detail: str = _text()
    times: int = 1
    made_at: dt.datetime = Field(sa_type=Moment)
    told_at: dt.datetime | None = Field(default=None, sa_type=Moment)


class AuditRow(SQLModel, table=True):
    """What an admin changed. ``who`` and ``chat`` are pseudonyms once they were erased."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_at", "at"),
        Index("ix_audit_chat", "chat"),
        Index("ix_audit_who", "who"),
        _NEVER_AGAIN,
    )
    id: int | None = Field(default=None, primary_key=True)
    at: dt.datetime = Field(sa_type=Moment)
    who: str = _text()
    chat: str = _text()
    what: str = Field(sa_type=Text)
    before: str = _text()
    after: str = _text()


class ErasureRow(SQLModel, table=True):
    """An erasure that this database knows of: that there was one, not of what."""

    __tablename__ = "erasure"
    id: str = Field(primary_key=True, sa_type=Text)
    at: dt.datetime = Field(sa_type=Moment)


class SettingRow(SQLModel, table=True):
    __tablename__ = "setting"
    name: str = Field(primary_key=True, sa_type=Text)
    value: str = _text()


METADATA = SQLModel.metadata


# Bulk work goes through Core: the ORM is five to ten times slower here.
_core = METADATA.tables
fence, paper, paper_key, paper_merge = (_core[name] for name in ("fence", "paper", "paper_key", "paper_merge"))
announcement, summary, feed = (_core[name] for name in ("announcement", "summary", "feed"))
validators, topic, chat, subscription = (_core[name] for name in ("validators", "topic", "chat", "subscription"))
digest, delivery, delivery_part = (_core[name] for name in ("digest", "delivery", "delivery_part"))
invite, lease, inbox, notice = (_core[name] for name in ("invite", "lease", "inbox", "notice"))
gap, quarantine = _core["gap"], _core["quarantine"]
saved, vote = _core["saved"], _core["vote"]
audit, erasure, setting = _core["audit"], _core["erasure"], _core["setting"]
ban, bulletin, proxy = _core["ban"], _core["bulletin"], _core["proxy"]
topic_change, topic_follower = _core["topic_change"], _core["topic_follower"]
search = _core["search"]
summary_job, spending, late_words = (_core[name] for name in ("summary_job", "spending", "late_words"))
