"""Chats that cannot be reached: paused with all they have, tried again, caught up when they are back."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.digests import next_due
from bot.model import Chat, ChatState, Delivery, Digest, DigestKind, Match, Notice, NoticeKind
from bot.ports import Transaction

log = logging.getLogger(__name__)

TRIES = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""How long after a chat was found unreachable it is tried again."""
LONG = timedelta(days=7)
"""After more than this, what was missed comes as one digest of the usual size that counts the rest."""
SAME = timedelta(days=7)
"""A chat that is gone again so soon after it was tried was never back."""
AT_ONCE = 500
"""Chats tried in one transaction."""


def next_try(away_at: datetime, now: datetime) -> datetime | None:
    """When a chat that is away since ``away_at`` is tried next; None: not by itself any more."""
    return next((away_at + after for after in TRIES if away_at + after > now), None)


def away_for_long(chat: Chat, now: datetime) -> bool:
    return chat.away_at is not None and now - chat.away_at > LONG


def paused(chat: Chat, why: str, now: datetime) -> Chat:
    """The chat as it is kept while it cannot be reached."""
    still = chat.away_at is not None and chat.try_at is not None and now - chat.try_at < SAME
    away_at = chat.away_at if still and chat.away_at is not None else now
    return replace(chat, state=ChatState.UNREACHABLE, why=why, away_at=away_at, try_at=next_try(away_at, now))


def returned(chat: Chat, now: datetime, due_at: datetime | None) -> Chat:
    """The chat active again. Until it has caught up after a long absence, it is remembered since when."""
    away_at = chat.away_at if away_for_long(chat, now) else None
    return replace(chat, state=ChatState.ACTIVE, why="", due_at=due_at, away_at=away_at, try_at=None)


def caught_up(fresh: Digest, held: Sequence[Delivery], size: int) -> Digest:
    """``fresh`` and behind its own papers what the chat's ``held`` deliveries (the latest first) did not tell, each
    paper once: the newest ``size`` are pushed, the rest counted. What ``fresh`` carries from earlier days is last."""
    own = len(fresh.matches) - fresh.carried
    there = {match.paper_id for match in fresh.matches}
    missed = _untold(held, there)
    matches = (*fresh.matches[:own], *missed, *fresh.matches[own:])
    labels = tuple(dict.fromkeys([*fresh.labels, *(label for match in missed for label in match.labels)]))
    return replace(fresh, matches=matches, pushed=min(size, len(matches)), labels=labels, id=0)


def untold(delivery: Delivery) -> list[Match]:
    """The matches of which no message is known to have arrived."""
    told = {paper for part in delivery.sent_parts for paper in part.papers}
    return [match for match in delivery.digest.matches if match.paper_id not in told]


def _untold(held: Sequence[Delivery], there: set[int]) -> list[Match]:
    """What none of ``held`` told and is not ``there``, each paper once; it waits for no later digest."""
    missed = {match.paper_id: match for one in reversed(held) for match in reversed(untold(one))}
    return [replace(match, since=None) for paper, match in reversed(missed.items()) if paper not in there]


def pause(tx: Transaction, chat: Chat, why: str, now: datetime) -> None:
    """Pause an active chat and whatever is on its way to it; admins are told, once an absence."""
    if chat.state is not ChatState.ACTIVE:
        return
    away = paused(chat, why, now)
    tx.put_chat(away)
    tx.hold_deliveries(chat.id, why)
    if away.away_at == now:
        tx.warn(Notice(NoticeKind.GONE, str(chat.address), why), now)


def come_home(tx: Transaction, chat: Chat, why: str, now: datetime) -> None:
    """The place that the chat's digests went to is gone: they come to the chat itself again, what was held at once."""
    tx.put_chat(replace(chat, target=None))
    tx.readdress(chat.id, chat.address)
    tx.reopen_deliveries(chat.id, now)
    tx.warn(Notice(NoticeKind.GONE, str(chat.target), why), now)


def reopen(tx: Transaction, chat: Chat, now: datetime, due_at: datetime | None) -> Chat:
    """Somebody opened the chat again: what was under way is due now, after a long absence with its next digest."""
    back = returned(chat, now, due_at)
    tx.put_chat(back)
    tx.drop_notice(NoticeKind.GONE, str(chat.address))
    if back.away_at is None and not chat.banned:
        tx.reopen_deliveries(chat.id, now)
    return back


def try_again(tx: Transaction, now: datetime) -> int:
    """Treat chats whose day has come as if they were back; the first message tells. Returns how many."""
    chats = tx.chats_to_try(now, AT_ONCE)
    for chat in chats:
        tx.put_chat(replace(chat, state=ChatState.ACTIVE, due_at=next_due(chat, now), try_at=now))
        if not away_for_long(chat, now):
            tx.reopen_deliveries(chat.id, now)
        log.info("%s, out of reach since %s, is tried again", chat.address, f"{chat.away_at:%Y-%m-%d}")
    return len(chats)


def catch_up(tx: Transaction, chat: Chat, digest: Digest | None, now: datetime) -> Digest | None:
    """What a chat that was away for long gets in place of ``digest``: all it missed in one, and what was held for it
    never comes by itself."""
    held = tx.held_deliveries(chat.id)
    if not held:
        return digest
    if digest is not None and digest.kind is DigestKind.PAPERS:
        tx.join_deliveries([one.id for one in held])
        return caught_up(digest, held, chat.size)
    # Nothing is newer than what is held: the latest of it brings all.
    latest, *others = held
    if others:
        own = latest.digest.matches
        missed = _untold(others, {match.paper_id for match in own})
        tx.put_digest(latest.id, replace(latest.digest, matches=(*own, *missed), id=0))
        tx.join_deliveries([one.id for one in others])
    tx.reopen_deliveries(chat.id, now)
    return None
