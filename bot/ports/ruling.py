"""What of the store admins rule the instance with: a part of ``Transaction``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.model import (
    Address,
    Ban,
    Bulletin,
    BulletinState,
    Chat,
    DeliveryState,
    Proxy,
    TopicChange,
)


class Rule(Protocol):
    """Bans, announcements, chats by the page, proxies, and changes of topics that can be undone."""

    def ban(self, ban: Ban) -> None: ...
    def unban(self, whom: str) -> bool:
        """False where nobody of that name is banned."""

    def bans(self, among: Collection[str] | None = None) -> list[Ban]:
        """The latest first; ``among``: those of these alone, who may have been erased meanwhile."""

    def chats_page(self, offset: int, limit: int) -> list[Chat]:
        """In order of id."""

    def chat_count(self) -> int: ...
    def last_digests(self, chat_ids: Sequence[int]) -> dict[int, tuple[DeliveryState, datetime | None]]:
        """Of each chat's last digest, its state and when it was made."""

    def readdress(self, chat_id: int, address: Address) -> None:
        """Where what is on its way to the chat, or held for it, goes from now on."""

    def chats_aimed_at(self, address: Address) -> list[Chat]:
        """Those whose digests go there."""

    def add_bulletin(self, bulletin: Bulletin) -> Bulletin:
        """Insert (``bulletin.id`` is ignored)."""

    def put_bulletin(self, bulletin: Bulletin) -> None: ...
    def bulletin(self, number: int) -> Bulletin | None: ...
    def bulletins(self, limit: int, *states: BulletinState) -> list[Bulletin]:
        """The latest first, in these states or in any."""

    def bulletin_chats(self, bulletin: Bulletin, limit: int) -> list[Chat]:
        """The next chats that are to have it, in order of id: active, admitted, not banned."""

    def listeners(self) -> tuple[dict[str, int], int]:
        """How many chats by language an announcement would go to now, and the greatest id of any chat."""

    def bulletin_left(self, bulletin: Bulletin) -> int:
        """How many chats are still to have a delivery of it."""

    def underway(self, since: datetime, now: datetime) -> bool:
        """Whether an open delivery became due after ``since``."""

    def bulletin_counts(self, number: int) -> Mapping[DeliveryState, int]: ...
    def drop_bulletin(self, number: int) -> int:
        """Of its deliveries, those that nobody works on and of which nothing was tried; returns how many."""

    def proxy(self, here: Address) -> Proxy | None: ...
    def put_proxy(self, proxy: Proxy) -> None: ...
    def drop_proxy(self, here: Address) -> bool: ...

    # changes of topics
    def follower_counts(self, slugs: Iterable[str]) -> int:
        """How many chats follow one of these topics."""

    def add_topic_change(self, change: TopicChange) -> TopicChange:
        """Insert (``change.id`` is ignored)."""

    def topic_change(self, number: int) -> TopicChange | None: ...
    def put_topic_change(self, change: TopicChange) -> None: ...
    def last_topic_change(self) -> TopicChange | None:
        """The last that was done and not undone."""

    def drop_topic_changes(self, before: datetime, limit: int) -> int:
        """At most ``limit`` of those made before then, with what they remember; returns how many."""

    def remember_followers(self, change_id: int, slugs: Collection[str], subscriptions: Collection[int]) -> None:
        """Keep the subscriptions to these topics, and these by id, as they are before a change."""

    def note_dropped(self, change_id: int) -> None:
        """Mark those that the change ended."""

    def follow_instead(self, slug: str, other: str) -> None:
        """Whoever follows ``slug`` follows ``other``, once."""

    def bring_followers_back(self, change_id: int) -> None:
        """Subscriptions become what they were before the change; what chats ended since stays ended, and so does what
        the change ended of a chat that follows nothing any more."""
