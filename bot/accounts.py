"""Which bot account this instance uses on each platform, and what becomes of chats when it is another one.

A Telegram bot may write to a person only after that person wrote to it (https://core.telegram.org/bots/features#commands:
"users must start a conversation first"): private chats wait, with all they have, for /start with the new bot. Groups,
channels and Discord's channels go on once the new bot was added there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot import absences
from bot.digests import next_due
from bot.model import Chat, ChatState
from bot.ports import Store, Transaction

log = logging.getLogger(__name__)

PAGE = 1_000
SHOWN = 10
"""Chats that are named; the others are counted."""
MUST_START = {"telegram"}
"""Platforms on which a bot cannot write first."""


@dataclass(frozen=True, slots=True)
class Change:
    """``before`` and ``now`` are the ids of bots; ``chats`` is how many private chats wait for /start."""

    platform: str
    before: str
    now: str
    chats: int


def known_account(tx: Transaction, platform: str) -> str:
    """The bot's id when the program last ran; empty where it never did."""
    return tx.setting(_setting(platform))


def follow_accounts(store: Store, accounts: Mapping[str, str], now: datetime) -> list[Change]:
    """Remember the bots' ids by platform, before anything is sent. Where one is another than before, private chats that
    it cannot write to are paused; those of an account that is back go on. Interrupted, it is begun anew."""
    changes = []
    for platform, account in accounts.items():
        with store.reading() as tx:
            before = known_account(tx, platform)
        if before and before != account:
            waiting = _hand_over(store, platform, before, account, now) if platform in MUST_START else 0
            changes.append(Change(platform, before, account, waiting))
            log.warning(
                "%s: the bot is another one (%s, before %s); groups and channels go on once it was added there%s",
                platform, account, before,
                f"; {waiting} private chats wait for /start, and paperround doctor names them" if waiting else "",
            )  # fmt: skip
        if before != account:
            with store.transaction() as tx:
                tx.put_setting(_setting(platform), account)
    return changes


def _hand_over(store: Store, platform: str, before: str, account: str, now: datetime) -> int:
    """Page by page; returns how many were paused."""
    paused, after, more = 0, 0, True
    while more:
        with store.transaction() as tx:
            page = tx.private_chats(platform, after, PAGE)
            for chat in page:
                if chat.state is ChatState.ACTIVE:
                    # Nobody can be written to before they write: no try would help.
                    tx.put_chat(replace(absences.paused(chat, _why(before), now), try_at=None))
                    paused += 1
                elif chat.state is ChatState.UNREACHABLE and chat.why == _why(account):
                    tx.put_chat(absences.returned(chat, now, next_due(chat, now)))
                    tx.reopen_deliveries(chat.id, now)
        more = len(page) == PAGE
        after = page[-1].id if page else after
    return paused


def waiting_chats(tx: Transaction, platform: str) -> tuple[int, Sequence[Chat]]:
    """How many private chats wait for /start with the new bot, and the first SHOWN of them."""
    count, first = 0, []
    for chat in _private(tx, platform):
        if chat.state is ChatState.UNREACHABLE and chat.why.startswith(_why("")):
            count += 1
            if count <= SHOWN:
                first.append(chat)
    return count, first


def _setting(platform: str) -> str:
    return f"account.{platform}"


def _why(account: str) -> str:
    return f"waits for /start: the chat was begun with another bot, {account}"


def _private(tx: Transaction, platform: str) -> Iterator[Chat]:
    after = 0
    while page := tx.private_chats(platform, after, PAGE):
        yield from page
        after = page[-1].id
