"""The state machine of one delivery: promise, act, settle.

A delivery is written down before anything leaves; each message is a part, stored with its bytes and nonce
before its first attempt and again with its message id after it. ``settle`` decides, without acting, what
comes of an attempt.

========== ==================================================================================
planned    written down, nothing left yet
sending    some of its parts may have left
postponed  the platform was busy: the same bytes again at ``due_at``
uncertain  an attempt may have arrived: see ``resolve``
sent       every paper arrived
unreachable the chat is gone; opened again when it comes back
failed     the platform refused it for good, even in the plainest layout
========== ==================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.model import Address, Delivery, DeliveryState, Layout, Part

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


def promised(delivery: Delivery, part: Part) -> Delivery:
    """The delivery as it is stored before ``part`` is tried."""
    return replace(delivery.with_part(replace(part, tried=True)), state=DeliveryState.SENDING)


def settle(delivery: Delivery, outcome: Outcome, now: datetime) -> Delivery:
    """What becomes of a delivery after one message was tried."""
    match outcome:
        case Sent(part, message_id):
            return replace(delivery.with_part(replace(part, tried=True, message_id=message_id)), attempts=0, why="")
        case Busy(why, after, everywhere):
            # Where nothing gets through, one message asks for all: often enough to notice when it does again.
            longest = EVERYWHERE if everywhere else delivery.attempts
            wait = timedelta(seconds=after) if after is not None else backoff(min(delivery.attempts, longest))
            return replace(
                _untried(delivery),
                state=DeliveryState.POSTPONED,
                due_at=now + wait,
                attempts=delivery.attempts + 1,
                why=why,
            )
        case Unsure(why):
            return replace(
                delivery,
                state=DeliveryState.UNCERTAIN,
                due_at=now + min(backoff(delivery.attempts), timedelta(minutes=2)),
                attempts=delivery.attempts + 1,
                why=why,
            )
        case Moved(chat):
            address = Address(delivery.address.platform, chat, delivery.address.thread)
            return replace(_untried(delivery), address=address, state=DeliveryState.POSTPONED, due_at=now)
        case Gone(why):
            return replace(_untried(delivery), state=DeliveryState.UNREACHABLE, due_at=None, why=why)
        case Faulty(why) if delivery.layout is not Layout.PLAIN:
            kept = tuple(part for part in delivery.parts if part.message_id)
            return replace(delivery, layout=Layout.PLAIN, parts=kept, state=DeliveryState.SENDING, why=why)
        case Faulty(why):
            refused = delivery.current_part
            if refused is None:
                return replace(delivery, state=DeliveryState.FAILED, due_at=None, why=why)
            if len(refused.papers) > 1:
                # Told again in smaller messages, until the paper at fault stands alone.
                others = tuple(part for part in delivery.parts if part.message_id)
                return replace(delivery, parts=others, state=DeliveryState.SENDING, why=why)
            return replace(delivery.with_part(replace(refused, message_id=REFUSED)), why=why)
        case Finished():
            arrived = any(part.message_id != REFUSED for part in delivery.parts)
            state = DeliveryState.SENT if arrived else DeliveryState.FAILED
            return replace(delivery, state=state, due_at=None)


def _untried(delivery: Delivery) -> Delivery:
    """The current part is known not to have arrived."""
    part = delivery.current_part
    return delivery.with_part(replace(part, tried=False)) if part else delivery


def resolve(delivery: Delivery, *, deduplicates: bool, repeat: bool) -> Delivery:
    """Settle a part that was tried and never confirmed, before it is tried again.

    ``deduplicates``: the platform drops a second message with the same nonce, so it is simply sent again.
    ``repeat``: elsewhere, send it again (perhaps twice) rather than take it for delivered (perhaps never), but not
    after MOST_TRIES.
    """
    part = delivery.current_part
    if part is None or not part.tried or deduplicates or (repeat and delivery.attempts < MOST_TRIES):
        return delivery
    return delivery.with_part(replace(part, message_id=SKIPPED))
