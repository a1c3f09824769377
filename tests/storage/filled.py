"""A store with something in each of its tables, those included that a later release brings."""

from __future__ import annotations

import datetime as dt
from datetime import timedelta
from typing import Any

from sqlalchemy import Boolean, Connection, Date, Integer, LargeBinary, Table, Time, insert, select
from sqlalchemy.types import JSON

from bot.model import (
    DeliveryState,
    Digest,
    DigestKind,
    Gap,
    JobKind,
    JobState,
    Kind,
    Match,
    News,
    Rejected,
    Subscription,
    Topic,
)
from storage import tables as t
from storage.columns import Moment
from storage.engine import connect
from storage.store import SqlStore
from storage.tables import METADATA
from tests.storage.samples import DAY, HOUR, NEXT, NOW, chat_at, delivery_for, item, part, words

Rows = dict[str, list[tuple[Any, ...]]]


def fill(store: SqlStore, url: str, chats: int = 5) -> None:
    """Papers, one merged and one updated, chats with what they follow, deliveries in several states; in every other
    table a row of plain values."""
    with store.transaction() as tx:
        tx.add([item(f"arxiv:2504.{n:05d}", abstract="$p<q$ 茶 \U0001f375") for n in range(1, 8)], NOW)
        twin: dict[str, Any] = {"title": "The same matter, told in two places at once", "authors": ("Kurt Gödel",)}
        tx.add([item("arxiv:2504.00020", **twin), item("acl:2025.tea-1.1", Kind.KNOWN, **twin)], NOW)
        tx.add([item("arxiv:2504.00001", Kind.REPLACE, version=2, announced_on=NEXT, summaries=(words(),))], NOW)
        tx.put_topic(Topic("peft", (("zh-Hans", "高效微调"),), "LoRA OR QLoRA"))
        made = [chat_at(tx, str(n), "7" if n % 2 else "", title=f"chat {n}", due_at=NOW + HOUR) for n in range(chats)]
        gone = tx.subscribe(Subscription(0, made[-1].id, "gone"))
        for chat in made:
            tx.subscribe(Subscription(0, chat.id, "LoRA -video", made_at=NOW))
            tx.subscribe(Subscription(0, chat.id, "", "peft"))
        tx.unsubscribe(made[-1].id, tx.subscribe(Subscription(0, made[-1].id, "the last one")).id)
        tx.unsubscribe(made[-1].id, gone.id)
        tx.add_invite("code", "console:local", NOW)
        tx.put_setting("a", "b")
        tx.open_gaps([Gap("cs.CL", DAY, due_at=NOW, why="茶")])
        tx.quarantine("a feed", [Rejected("item 1", "no title", "茶")], NOW)
        for chat in made[:3]:
            tx.plan(delivery_for(chat))
        open_ones = tx.lease(NOW, NOW + timedelta(minutes=2), "me", 2, ["telegram"])
        tx.record(open_ones[0].with_part(part(1, message_id="17")))
        (shared,) = tx.keep_digests([Digest(DigestKind.PAPERS, NEXT, (Match(2, News.NEW, ("茶",)),), 1, ("茶",), 9)])
        kept = Digest(DigestKind.PAPERS, NEXT, (Match(2, News.NEW, ("茶",)),), 1, ("茶",), 9, id=shared)
        tx.plan_all({chat.id: kept for chat in made}, NOW)
    engine = connect(url)
    with engine.begin() as connection:
        for table in METADATA.sorted_tables:
            if connection.execute(select(table)).first() is None:
                connection.execute(insert(table), plain(connection, table))
    engine.dispose()


def plain(connection: Connection, table: Table) -> dict[str, Any]:
    """A row that the table takes: each reference to some row that is there."""
    row: dict[str, Any] = {}
    for column in table.c:
        if column.foreign_keys:
            (key,) = column.foreign_keys
            row[column.name] = connection.execute(select(key.column)).scalars().first()
        elif column is not table.autoincrement_column:
            row[column.name] = _value(column.type)
    if table is t.delivery:
        row["state"] = DeliveryState.SENT.value
    if table is t.summary_job:
        row |= {"kind": JobKind.FULL.value, "state": JobState.REFUSED.value}
    return row


def _value(kind: Any) -> Any:
    match kind:
        case Boolean():
            return True
        case Integer():
            return 7
        case Moment():
            return NOW
        case Date():
            return DAY
        case Time():
            return dt.time(8, 30)
        case JSON():
            return {"tea": ["茶", 1, None]}
        case LargeBinary():
            return b"\x00 caf\xc3\xa9 \xff"
    return "plain"


def rows(url: str, *without: str) -> Rows:
    """Everything that is stored, in an order that does not depend on the database."""
    engine = connect(url)
    with engine.connect() as connection:
        found = {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in METADATA.sorted_tables
            if table.name not in without
        }
    engine.dispose()
    return found
