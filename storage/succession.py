"""What a restored store must know of the time after its backup: what was announced and what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Column, Connection, Integer, MetaData, Row, Table, bindparam, case, delete, func, select, update
from sqlalchemy.dialects import sqlite

from bot.digests import next_due
from bot.model import BulletinState, DeliveryState
from storage import tables as t
from storage.chat_rows import chat_of
from storage.copying import count, last_numbers, set_last_numbers, stream
from storage.rows import CHUNK, chunks

INSTANCE = "instance"
"""The setting that tells this instance's store from every other."""
UNKNOWN = "may have been sent after the backup that this store was restored from"

WORLD = ("paper", "announcement", "summary", "summary_job", "late_words", "paper_key")
"""What the world brought, a paper before what refers to it: rows that the backup does not have come along."""
ASKED = ("feed", "validators", "gap", "inbox", "spending", "bulletin")
"""How far this instance is with its sources, its platforms and what admins announced: as it was at last."""
LEDGER = ("paper_merge", "chat", "digest", "delivery", "delivery_part")
"""What has a way of its own below; of a chat, how far it is."""
AS_BACKED_UP = (
    "fence", "lease", "topic", "subscription", "invite", "setting", "audit", "erasure", "quarantine", "notice",
    "ban", "proxy", "topic_change", "topic_follower", "saved", "vote", "search",
)  # fmt: skip
"""What people set, and what may be lost. A new table is named in one of these, or a test fails."""

_carried = Table("carried", MetaData(), Column("id", Integer, primary_key=True), prefixes=["TEMPORARY"])
"""The chats that both stores know: too many to be held in memory."""


def instance(connection: Connection) -> str:
    """Empty where it has no name yet."""
    return str(connection.execute(select(t.setting.c.value).where(t.setting.c.name == INSTANCE)).scalar() or "")


def name_instance(connection: Connection, anew: bool = False) -> None:
    """``anew``: its history parts from the one that it had until now."""
    if anew or not instance(connection):
        connection.execute(delete(t.setting).where(t.setting.c.name == INSTANCE))
        connection.execute(t.setting.insert().values(name=INSTANCE, value=uuid4().hex))


def carry_on(old: Connection, new: Connection) -> dict[str, int]:
    """What the store that is put aside did since the backup, into the restored one (SQLite): papers and announcements,
    how far each chat is, deliveries and what became of them. What people set stays as the backup has it. Returns how
    many rows of each came along."""
    new.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    before = {name: count(new, t.METADATA.tables[name]) for name in (*WORLD, "delivery")}
    newest = int(new.execute(select(func.max(t.paper.c.id))).scalar() or 0)
    for table in (t.METADATA.tables[name] for name in WORLD):
        for page in stream(old, table):
            _add(new, table, page)
    for page in stream(old, t.paper_merge):
        later = [row for row in page if row.other_id > newest]
        _add(new, t.paper_merge, later)
    for table in (t.METADATA.tables[name] for name in ASKED if name in t.METADATA.tables):
        for page in stream(old, table):
            _overwrite(new, table, page)
    chats = _carry_chats(old, new)
    settled = _carry_deliveries(old, new)
    here, there = last_numbers(new), last_numbers(old)
    set_last_numbers(new, {name: max(here.get(name, 0), there.get(name, 0)) for name in here | there})
    came = {table.name: count(new, table) - before[table.name] for table in (t.paper, t.announcement, t.delivery)}
    return {**came, "chat": chats, "settled": settled}


def begin_anew(new: Connection, now: datetime) -> None:
    """Where nobody knows what was sent since the backup and nothing may come twice: open deliveries end, and who is due
    is due on the next day of theirs."""
    failed = {"state": DeliveryState.FAILED.value, "due_at": None, "why": UNKNOWN}
    new.execute(update(t.delivery).where(t.delivery.c.state.in_(t.OPEN_STATES)).values(failed))
    sending = t.bulletin.c.state == BulletinState.SENDING.value
    new.execute(update(t.bulletin).where(sending).values(state=BulletinState.STOPPED.value))
    after: int | None = 0
    while after is not None:
        due = select(t.chat).where(t.chat.c.id > after, t.chat.c.due_at <= now).order_by(t.chat.c.id).limit(CHUNK)
        rows = new.execute(due).all()
        for row in rows:
            new.execute(update(t.chat).where(t.chat.c.id == row.id).values(due_at=next_due(chat_of(row), now)))
        after = rows[-1].id if rows else None


def forget_leases(new: Connection) -> None:
    """Nobody of then is at work now, what was asked then was answered, and the search index shall be built from what is
    restored. To be called before anything is carried on."""
    new.execute(update(t.inbox).values(until_at=None))
    new.execute(update(t.delivery).values(lease_owner="", lease_until=None))
    new.execute(delete(t.lease))
    new.execute(delete(t.setting).where(t.setting.c.name == "search.store"))


def _carry_chats(old: Connection, new: Connection) -> int:
    """Chats that both know, under the same number and address, are as far as the later of the two."""
    _carried.create(new)
    c = t.chat.c
    due_at = case((c.due_at.is_(None), None), else_=func.coalesce(bindparam("due", type_=c.due_at.type), c.due_at))
    moved = (
        update(t.chat).where(c.id == bindparam("chat_id"))
        .values(seen=func.max(c.seen, bindparam("upto")), due_at=due_at, rest_id=bindparam("rest"))
    )  # fmt: skip
    carried = 0
    for page in stream(old, t.chat):
        where = select(c.id, c.platform, c.chat, c.thread).where(c.id.in_([row.id for row in page]))
        known = {row.id: tuple(row[1:]) for row in new.execute(where)}
        both = [row for row in page if known.get(row.id) == (row.platform, row.chat, row.thread)]
        if both:
            far = [{"chat_id": row.id, "upto": row.seen, "due": row.due_at, "rest": row.rest_id} for row in both]
            new.execute(moved, far)
            new.execute(_carried.insert(), [{"id": row.id} for row in both])
        carried += len(both)
    return carried


def _carry_deliveries(old: Connection, new: Connection) -> int:
    """New ones, and what became of those that were open at the backup; returns how many of the latter."""
    d, p = t.delivery.c, t.delivery_part.c
    last = int(new.execute(select(func.max(d.id))).scalar() or 0)
    settled = 0
    for page in stream(old, t.delivery):
        chats = select(_carried.c.id).where(_carried.c.id.in_({row.chat_id for row in page}))
        carried = set(new.execute(chats).scalars())
        still = select(d.id, d.chat_id).where(d.id.in_([row.id for row in page]), d.state.in_(t.OPEN_STATES))
        unsettled = {row.id: row.chat_id for row in new.execute(still)}
        rows = [r for r in page if r.chat_id in carried and (r.id > last or unsettled.get(r.id) == r.chat_id)]
        settled += sum(row.id <= last for row in rows)
        for some in chunks(rows, CHUNK // 4):
            ids = [row.id for row in some]
            digests = select(t.digest).where(t.digest.c.id.in_({row.digest_id for row in some}))
            _add(new, t.digest, old.execute(digests).all())
            _overwrite(new, t.delivery, some, lease_owner="", lease_until=None)
            new.execute(delete(t.delivery_part).where(p.delivery_id.in_(ids)))
            _add(new, t.delivery_part, old.execute(select(t.delivery_part).where(p.delivery_id.in_(ids))).all())
    return settled


def _values(rows: Iterable[Row[Any]]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in rows]


def _add(new: Connection, table: Table, rows: Sequence[Row[Any]]) -> None:
    if rows:
        new.execute(sqlite.insert(table).on_conflict_do_nothing(), _values(rows))


def _overwrite(new: Connection, table: Table, rows: Sequence[Row[Any]], **instead: object) -> None:
    statement = sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    values = [{**row, **instead} for row in _values(rows)]
    new.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest), values)
