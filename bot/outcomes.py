"""What a platform did with a message, in the words that a delivery is settled by."""

from __future__ import annotations

from collections.abc import Awaitable

from bot.delivery import Busy, Faulty, Gone, Moved, Outcome, Sent, Unsure
from bot.errors import ChatGone, ChatMoved, Refused, TryLater, Uncertain
from bot.figures import ATTEMPTS
from bot.logbook import ROUTINE, about
from bot.model import Address, Delivery, Part
from bot.ports import ChatPlatform


async def outcome_of(call: Awaitable[str], part: Part) -> Outcome:
    """What the platform did, in the words that ``settle`` takes; Hidden goes on to the caller."""
    try:
        return Sent(part, await call)
    except TryLater as error:
        return Busy(str(error), error.after, error.everywhere)
    except Uncertain as error:
        return Unsure(str(error))
    except ChatMoved as error:
        return Moved(error.chat)
    except ChatGone as error:
        return Gone(str(error))
    except Refused as error:
        return Faulty(str(error))


def count(platform: str, part: Part, outcome: Outcome) -> None:
    """For the figures, and for who follows a digest by its ids."""
    result = type(outcome).__name__.lower()
    if isinstance(outcome, Busy) and outcome.after is not None:
        result = "limited"  # the platform named a time: its 429
    ATTEMPTS.add(1, platform, result)
    with about(part=part.number, message=outcome.message_id if isinstance(outcome, Sent) else ""):
        ROUTINE.info("message %d: %s", part.number, result)


def place_of(platform: ChatPlatform, delivery: Delivery) -> Address:
    """Where its next message goes: with the first, where that began a place of its own."""
    sent = delivery.sent_parts
    return platform.follows(delivery.address, sent[0].message_id) if sent else delivery.address


async def sent_to(platform: ChatPlatform, delivery: Delivery, part: Part) -> Outcome:
    """Send its next message. Where somebody took away what the first one began, the chat itself is still there."""
    to = place_of(platform, delivery)
    outcome = await outcome_of(platform.send(to, part.payload, part.nonce), part)
    if isinstance(outcome, Gone) and to != delivery.address:
        outcome = await outcome_of(platform.send(delivery.address, part.payload, part.nonce), part)
    return outcome
