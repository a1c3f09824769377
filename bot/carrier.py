"""Carries deliveries to their chats: promise, act, settle, message by message."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from bot import delivery as deliveries
from bot.delivery import Busy, Faulty, Finished, Gone, Moved, Outcome, Sent, Unsure
from bot.errors import ChatGone, ChatMoved, Refused, TryLater, Uncertain
from bot.model import Address, ChatState, Delivery, DeliveryState, DigestKind, Part
from bot.pages import digest_page
from bot.ports import ChatPlatform, Message, Now, Store
from bot.words import words_for

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
AT_ONCE = 32
"""Deliveries on their way at the same time."""


@dataclass(slots=True)
class Carried:
    """How many deliveries came to which end."""

    sent: int = 0
    postponed: int = 0
    failed: int = 0


class Carrier:
    """Leases what is due and sends it. ``repeat``: send an uncertain message again where the platform cannot
    tell a repeat itself."""

    def __init__(self, store: Store, platforms: Mapping[str, ChatPlatform], repeat: bool, now: Now) -> None:
        self._store, self._platforms, self._repeat, self._now = store, dict(platforms), repeat, now
        self._owner = secrets.token_hex(8)
        self._delivering = asyncio.Lock()

    async def deliver(self) -> Carried:
        """Send what is due until nothing is; each delivery at its own pace, many at once."""
        done = Carried()
        async with self._delivering:
            while True:
                leased = await asyncio.to_thread(self._lease)
                if not leased:
                    return done
                for state in await asyncio.gather(*(self._deliver_one(one) for one in leased)):
                    if state is DeliveryState.SENT:
                        done.sent += 1
                    elif state.open:
                        done.postponed += 1
                    else:
                        done.failed += 1

    def _lease(self) -> list[Delivery]:
        now = self._now()
        with self._store.transaction() as tx:
            return tx.lease(now, now + LEASE, self._owner, AT_ONCE, list(self._platforms))

    async def _deliver_one(self, delivery: Delivery) -> DeliveryState:
        try:
            return await self._carry(delivery)
        except Exception:
            log.exception("delivery %d to %s stopped; it is tried again", delivery.id, delivery.address)
            return DeliveryState.POSTPONED

    async def _carry(self, delivery: Delivery) -> DeliveryState:
        platform = self._platforms[delivery.address.platform]
        delivery = deliveries.resolve(delivery, deduplicates=platform.platform == "discord", repeat=self._repeat)
        waiting: list[Message] = []
        layout = None
        while delivery.state.open:
            part = delivery.current_part
            if part is None:
                if layout != delivery.layout:
                    layout, waiting = delivery.layout, await asyncio.to_thread(self._render, platform, delivery)
                if not waiting:
                    delivery = deliveries.settle(delivery, Finished(), self._now())
                    await self._keep(delivery)
                    break
                message = waiting.pop(0)
                part = Part(len(delivery.parts) + 1, message.papers, secrets.token_hex(8), message.payload)
            delivery = replace(deliveries.promised(delivery, part), lease_until=self._now() + LEASE)
            if not await self._keep(delivery):
                return DeliveryState.POSTPONED
            outcome = await self._attempt(platform, delivery.address, part)
            delivery = deliveries.settle(delivery, outcome, self._now())
            await self._after(delivery, outcome)
            if delivery.state is not DeliveryState.SENDING:
                break
        return delivery.state

    def _render(self, platform: ChatPlatform, delivery: Delivery) -> list[Message]:
        """The messages that are still to come. A digest without papers is told once."""
        left = deliveries.remaining(delivery)
        if delivery.parts and not left:
            return []
        with self._store.reading() as tx:
            papers, summaries = tx.papers(left), tx.summaries(left)
        page = digest_page(
            words_for(delivery.language),
            delivery.digest,
            papers,
            summaries,
            only=left if delivery.digest.kind is DigestKind.PAPERS else None,
            layout=delivery.layout,
            delivery_id=delivery.id,
        )
        return list(platform.render(page))

    async def _attempt(self, platform: ChatPlatform, address: Address, part: Part) -> Outcome:
        try:
            return Sent(part, await platform.send(address, part.payload, part.nonce))
        except TryLater as error:
            return Busy(str(error), error.after)
        except Uncertain as error:
            return Unsure(str(error))
        except ChatMoved as error:
            return Moved(error.chat)
        except ChatGone as error:
            return Gone(str(error))
        except Refused as error:
            return Faulty(str(error))

    async def _after(self, delivery: Delivery, outcome: Outcome) -> None:
        await self._keep(delivery)
        match outcome:
            case Gone(why):
                await asyncio.to_thread(self._pause, delivery.chat_id, why)
                log.warning("%s cannot be reached and is paused with all it has: %s", delivery.address, why)
            case Moved(chat):
                await asyncio.to_thread(self._move, delivery, chat)
            case Busy(why, after):
                log.info("%s: not now (%s); again at %s", delivery.address, why or after, f"{delivery.due_at:%H:%M:%S}")
            case Unsure(why):
                log.warning("%s: a message may or may not have arrived (%s)", delivery.address, why)
            case Faulty(why):
                log.warning("%s: refused (%s); going on in a plainer way", delivery.address, why)

    async def _keep(self, delivery: Delivery) -> bool:
        return await asyncio.to_thread(self._record, delivery)

    def _record(self, delivery: Delivery) -> bool:
        with self._store.transaction() as tx:
            return tx.record(delivery)

    def _pause(self, chat_id: int, why: str) -> None:
        with self._store.transaction() as tx:
            chat = tx.chat_by_id(chat_id)
            if chat:
                tx.put_chat(replace(chat, state=ChatState.UNREACHABLE, why=why))

    def _move(self, delivery: Delivery, chat: str) -> None:
        with self._store.transaction() as tx:
            held = tx.chat_by_id(delivery.chat_id)
            if held:
                tx.move_chats(Address(held.address.platform, held.address.chat), Address(held.address.platform, chat))
