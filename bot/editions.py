"""Editions: chats that get the same digest in the same languages and layout get the same messages, rendered once."""

from __future__ import annotations

from threading import Lock

from bot.drafts import Draft, drafts
from bot.model import Delivery
from bot.ports import ChatPlatform, Store

MOST = 512
"""Editions kept at the same time."""

_Key = tuple[str, int, str, tuple[str, ...], str]


class Editions:
    """The messages of deliveries, kept as long as no paper and no summary changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[_Key, tuple[Draft, ...]] = {}
        self._revision = 0
        self._turn = Lock()

    def as_of(self, revision: int) -> None:
        """The number of the last change of a paper or summary, as of now."""
        with self._turn:
            if revision != self._revision or len(self._kept) > MOST:
                self._kept, self._revision = {}, revision

    def known(self, platform: ChatPlatform, delivery: Delivery) -> list[Draft] | None:
        """The messages of a delivery of which nothing left yet, where others had the same; at once."""
        found = self._kept.get(_key(platform, delivery)) if _shared(delivery) else None
        return None if found is None else list(found)

    def drafts(self, platform: ChatPlatform, delivery: Delivery, suspects: frozenset[int], most: int) -> list[Draft]:
        """See ``bot.drafts.drafts``."""
        if suspects or not _shared(delivery):
            return drafts(self._store, platform, delivery, suspects, most)
        with self._turn:
            found = self.known(platform, delivery)
            if found is None:
                found = drafts(self._store, platform, delivery, suspects, most)
                self._kept[_key(platform, delivery)] = tuple(found)
        return found


def _shared(delivery: Delivery) -> bool:
    """Whether its messages are those of its digest, whose buttons name the digest and not the delivery."""
    return bool(delivery.digest.id) and not delivery.parts


def _key(platform: ChatPlatform, delivery: Delivery) -> _Key:
    return platform.platform, delivery.digest.id, delivery.language, delivery.accepts, delivery.layout.value
