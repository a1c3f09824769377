"""Papers, chats and deliveries to try the store with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.model import (
    Address,
    Announcement,
    Chat,
    Delivery,
    Digest,
    DigestKind,
    FeedItem,
    Kind,
    Layout,
    Match,
    News,
    Paper,
    Part,
    Summary,
    SummaryText,
)
from bot.ports import Transaction
from storage.store import SqlStore

NOW = datetime(2025, 4, 8, 5, 30, 0, 123456, tzinfo=UTC)
DAY = date(2025, 4, 8)
NEXT = date(2025, 4, 9)
HOUR = timedelta(hours=1)

TITLE = "Sparse adapters for patient gardeners"


def item(key: str = "arxiv:2504.00001", kind: Kind = Kind.NEW, title: str = "", **more: Any) -> FeedItem:
    """An item of DAY with a title of its own."""
    return FeedItem(key, kind, title or f"On the matter of {key}", **{"announced_on": DAY, **more})


def words(language: str = "zh-Hans", **more: str) -> SummaryText:
    return SummaryText(language, **more)


def paper(store: SqlStore, key: str) -> Paper:
    with store.reading() as tx:
        found = tx.paper_by_key(key)
    assert found is not None
    return found


def announcements(store: SqlStore) -> list[Announcement]:
    with store.reading() as tx:
        return tx.announcements(0)


def summaries(store: SqlStore, key: str) -> tuple[Summary, ...]:
    id_ = paper(store, key).id
    with store.reading() as tx:
        return tx.summaries([id_]).get(id_, ())


def chat_at(tx: Transaction, chat: str = "1", thread: str = "", **more: Any) -> Chat:
    return tx.open_chat(replace(Chat(0, Address("telegram", chat, thread)), **more))


def delivery_for(chat: Chat, **more: Any) -> Delivery:
    digest = Digest(DigestKind.PAPERS, DAY, (Match(7, News.NEW, ("LoRA",)),), 1, ("LoRA",), 12)
    made = Delivery(0, chat.id, chat.address, digest, "en", Layout.BRIEF, due_at=NOW, made_at=NOW)
    return replace(made, **more)


def part(number: int, **more: Any) -> Part:
    return replace(Part(number, (7,), f"nonce{number}", b"\x00 caf\xc3\xa9 \xff"), **more)
