"""The state machine of one delivery: promise, act, settle.

A delivery is written down before anything leaves; each message is a part, stored with its bytes and nonce
before its first attempt and again with its message id after it. ``settle`` decides, without acting, what
comes of an attempt. MOVES is the whole table of states, and the store records no other move.

=========== =================================================================================
planned     written down, nothing left yet
leased      somebody works on it and has promised no message since; given back, it is what it was
sending     messages leave; a promised one without an outcome may have arrived, whoever died over it
sent        every paper arrived, but for those named as left out
uncertain   an attempt may have arrived: see ``resolve``
postponed   not now: the same bytes again at ``due_at``
unreachable the chat is gone; postponed again when it comes back
failed      the platform refused it for good, even in the plainest layout
=========== =================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any

from bot.model import Address, Delivery, DeliveryState, Layout, Part

_S = DeliveryState
MOVES: Mapping[DeliveryState, frozenset[DeliveryState]] = MappingProxyType({
    _S.PLANNED: frozenset({_S.LEASED, _S.UNREACHABLE}),
    _S.LEASED: frozenset({_S.LEASED, _S.SENDING, _S.SENT, _S.UNCERTAIN, _S.POSTPONED, _S.UNREACHABLE, _S.FAILED}),
    _S.SENDING: frozenset({_S.LEASED, _S.SENDING, _S.SENT, _S.UNCERTAIN, _S.POSTPONED, _S.UNREACHABLE, _S.FAILED}),
    _S.UNCERTAIN: frozenset({_S.LEASED, _S.UNREACHABLE}),
    _S.POSTPONED: frozenset({_S.LEASED, _S.UNREACHABLE}),
    _S.UNREACHABLE: frozenset({_S.POSTPONED}),
    _S.SENT: frozenset(),
    _S.FAILED: frozenset(),
})  # fmt: skip
"""What may follow each state. Whatever waits becomes unreachable with its chat; what has ended stays as it is, but
that a chat may come back."""

SKIPPED = "?"
"""The message id of a part that may have arrived and is not sent again."""
REFUSED = "!"
"""The message id of a part that the platform refused even in the plainest layout."""
EVERYWHERE = 3
"""Attempts up to which the waits grow while the platform takes nothing from this bot: four minutes at most."""
MOST_TRIES = 6
"""Attempts in a row after which a message that may have arrived is not repeated any more: a network that loses
every answer must not fill a chat with one message."""


@dataclass(frozen=True, slots=True)
class Sent:
    part: Part
    message_id: str


@dataclass(frozen=True, slots=True)
class Busy:
    """``after`` in seconds; ``everywhere``: the platform takes nothing from this bot, whichever the chat."""

    why: str
    after: float | None = None
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Unsure:
    why: str


@dataclass(frozen=True, slots=True)
class Moved:
    chat: str


@dataclass(frozen=True, slots=True)
class Gone:
    why: str


@dataclass(frozen=True, slots=True)
class Faulty:
    why: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing is left to send."""


Outcome = Sent | Busy | Unsure | Moved | Gone | Faulty | Finished


def backoff(attempts: int) -> timedelta:
    """Half a minute, doubled with each attempt, an hour at most."""
    return timedelta(seconds=min(30 * 2 ** min(attempts, 10), 3600))


def remaining(delivery: Delivery) -> tuple[int, ...]:
    """Ids of papers to be pushed that are in no part yet."""
    told = {paper for part in delivery.parts for paper in part.papers}
    return tuple(m.paper_id for m in delivery.digest.matches[: delivery.digest.pushed] if m.paper_id not in told)


def moved(delivery: Delivery, state: DeliveryState, **changes: Any) -> Delivery:
    """The delivery in another state. Raises ValueError for a move that is not in the table."""
    if state not in MOVES[delivery.state]:
        raise ValueError(f"delivery {delivery.id} cannot go from {delivery.state} to {state}")
    return replace(delivery, state=state, **changes)


def promised(delivery: Delivery, part: Part, now: datetime, lease_until: datetime | None = None) -> Delivery:
    """The delivery as it is stored before ``part`` is tried: from now on it may have arrived."""
    parts = delivery.parts_with(replace(part, doubts=part.doubts + 1, tried_at=part.tried_at or now))
    return moved(delivery, DeliveryState.SENDING, parts=parts, lease_until=lease_until or delivery.lease_until)


def settle(delivery: Delivery, outcome: Outcome, now: datetime) -> Delivery:
    """What becomes of a delivery after one message was tried, or was about to be."""
    match outcome:
        case Sent(part, message_id):
            parts = delivery.parts_with(replace(part, doubts=0, tried_at=None, message_id=message_id))
            return moved(delivery, DeliveryState.SENDING, parts=parts, attempts=0, why="")
        case Busy(why, after, everywhere):
            # Where nothing gets through, one message asks for all: often enough to notice when it does again.
            longest = EVERYWHERE if everywhere else delivery.attempts
            wait = timedelta(seconds=after) if after is not None else backoff(min(delivery.attempts, longest))
            attempts = delivery.attempts + 1
            return moved(_untried(delivery), DeliveryState.POSTPONED, due_at=now + wait, attempts=attempts, why=why)
        case Unsure(why):
            wait = min(backoff(delivery.attempts), timedelta(minutes=2))
            attempts = delivery.attempts + 1
            return moved(delivery, DeliveryState.UNCERTAIN, due_at=now + wait, attempts=attempts, why=why)
        case Moved(chat):
            address = Address(delivery.address.platform, chat, delivery.address.thread)
            return moved(_untried(delivery), DeliveryState.POSTPONED, address=address, due_at=now)
        case Gone(why):
            return moved(_untried(delivery), DeliveryState.UNREACHABLE, due_at=None, why=why)
        case Faulty(why) if delivery.layout is not Layout.PLAIN:
            kept = tuple(part for part in delivery.parts if part.message_id)
            return moved(delivery, DeliveryState.SENDING, layout=Layout.PLAIN, parts=kept, why=why)
        case Faulty(why):
            refused = delivery.current_part
            if refused is None:
                return moved(delivery, DeliveryState.FAILED, due_at=None, why=why)
            if len(refused.papers) > 1:
                # Told again in smaller messages, until the paper at fault stands alone.
                others = tuple(part for part in delivery.parts if part.message_id)
                return moved(delivery, DeliveryState.SENDING, parts=others, why=why)
            left_out = replace(refused, doubts=0, tried_at=None, message_id=REFUSED)
            return moved(delivery, DeliveryState.SENDING, parts=delivery.parts_with(left_out), why=why)
        case Finished():
            arrived_any = any(part.message_id != REFUSED for part in delivery.parts)
            return moved(delivery, DeliveryState.SENT if arrived_any else DeliveryState.FAILED, due_at=None)


def _untried(delivery: Delivery) -> Delivery:
    """The present attempt is known not to have arrived; those before it may have, all the same. None was made where
    the part was not promised since the lease began."""
    part = delivery.current_part
    if part is None or not part.doubts or delivery.state is not DeliveryState.SENDING:
        return delivery
    doubts = part.doubts - 1
    return delivery.with_part(replace(part, doubts=doubts, tried_at=part.tried_at if doubts else None))


class Sight(Enum):
    """What a look at the chat's recent messages showed."""

    THERE = "there"
    ABSENT = "absent"
    HIDDEN = "hidden"
    """They cannot be read."""


def doubtful(delivery: Delivery, window: timedelta | None, now: datetime) -> bool:
    """Whether the current part may have arrived and would be doubled by the same bytes: ``window`` is how long after
    the first attempt the platform drops a repeated nonce, None where it knows none. Of a time that is yet to come, the
    clock having been set back, nobody knows how long it was ago."""
    part = delivery.current_part
    if part is None or not part.doubts:
        return False
    return window is None or part.tried_at is None or not timedelta() <= now - part.tried_at <= window


def resolve(delivery: Delivery, sight: Sight, *, repeat: bool, message_id: str = "") -> tuple[Delivery, bool]:
    """Settle a ``doubtful`` part before anything else is sent; also whether it is sent perhaps for the second time,
    and so to be marked.

    What is THERE has arrived, what is ABSENT has not. Where that cannot be seen, ``repeat`` sends it again (perhaps
    twice), but not after MOST_TRIES; else it is taken for delivered (perhaps never).
    """
    part = delivery.current_part
    if part is None or not part.doubts:
        return delivery, False
    settled = replace(part, doubts=0, tried_at=None)
    if sight is Sight.THERE:
        return delivery.with_part(replace(settled, message_id=message_id or SKIPPED)), False
    if sight is Sight.ABSENT:
        return delivery.with_part(settled), False
    if repeat and part.doubts < MOST_TRIES:
        return delivery, True
    return delivery.with_part(replace(settled, message_id=SKIPPED)), False
