"""Carries deliveries to their chats: promise, act, settle, message by message."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot import absences
from bot import delivery as deliveries
from bot.delivery import REFUSED, Busy, Faulty, Finished, Gone, Moved, Outcome, Sent, Sight, Unsure
from bot.drafts import Draft, names
from bot.editions import Editions
from bot.errors import Hidden, TryLater
from bot.figures import CARRIED, SENDING
from bot.ledger import Ledger
from bot.logbook import ROUTINE, about
from bot.model import Address, Delivery, DeliveryState, Layout, Notice, NoticeKind, Part
from bot.outcomes import count, outcome_of, place_of, sent_to
from bot.ports import ChatPlatform, Now, Store
from bot.words import words_for

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
AT_ONCE = 128
"""Deliveries on their way at the same time."""
MOST_STUMBLES = 8
"""Attempts after which a delivery that a fault of this program stops is given up, so that later ones may go."""
SLOW = 600.0
"""Seconds of waiting for one chat that an admin hears of."""
_RECORD_TRIES, _RECORD_PAUSE = 3, 1.0

T = TypeVar("T")


@dataclass(slots=True)
class Carried:
    """How many deliveries came to which end."""

    sent: int = 0
    postponed: int = 0
    failed: int = 0

    def count(self, state: DeliveryState) -> None:
        if state is DeliveryState.SENT:
            self.sent += 1
        elif state.open:
            self.postponed += 1
        else:
            self.failed += 1


@dataclass(slots=True)
class _Way:
    """One leased delivery on its way. ``drafts`` is None before it is rendered; of ``suspects``, papers of a message
    that was refused, at most ``most`` go into one message."""

    delivery: Delivery
    drafts: list[Draft] | None = None
    suspects: frozenset[int] = frozenset()
    most: int = 0

    def refused(self, part: Part, layout: Layout) -> None:
        """Render what is left anew where ``part`` was refused in ``layout`` and can still be told otherwise."""
        if layout is not Layout.PLAIN:
            self.drafts, self.suspects, self.most = None, frozenset(), 0
        elif len(part.papers) > 1:
            self.drafts, self.suspects, self.most = None, frozenset(part.papers), (len(part.papers) + 1) // 2


class Carrier:
    """Leases what is due and sends it. ``repeat``: send an uncertain message again where the platform cannot
    tell a repeat itself."""

    def __init__(self, store: Store, platforms: Mapping[str, ChatPlatform], repeat: bool, now: Now) -> None:
        self._store, self._platforms, self._repeat, self._now = store, dict(platforms), repeat, now
        self._ledger, self._editions = Ledger(store), Editions(store)
        self._owner = secrets.token_hex(8)
        self._delivering = asyncio.Lock()
        self._running: set[asyncio.Task[DeliveryState]] = set()
        self._waiting: set[asyncio.Task[Any]] = set()
        self._paused: dict[str, datetime] = {}
        self._stopping = False

    async def deliver(self) -> Carried:
        """Send what is due until nothing is; each delivery at its own pace, many at once. Where it is cancelled or
        stopped, what is under way is given back for another to go on with."""
        done = Carried()
        async with self._delivering:
            try:
                await self._deliver_all(done)
            except asyncio.CancelledError:
                self._stopping = True
                for task in self._running:
                    task.cancel()
                raise
            finally:
                if self._running:
                    await asyncio.wait(self._running)
                self._running.clear()
                if self._stopping:
                    await whole(asyncio.to_thread(self._give_back))
        return done

    @property
    def stopping(self) -> bool:
        return self._stopping

    async def stop(self, within: float) -> None:
        """For good: no other message is begun, those on their way get ``within`` seconds."""
        self._stopping = True
        for task in self._waiting:
            task.cancel()
        try:
            async with asyncio.timeout(within), self._delivering:
                return
        except TimeoutError:
            log.warning("%d deliveries are left in the middle of a message", len(self._running))
        for task in self._running:
            task.cancel()
        async with self._delivering:
            return

    async def _deliver_all(self, done: Carried) -> None:
        some_ended = asyncio.Event()
        while True:
            # Half of the places free: one that waits for its platform holds up nobody else.
            if not self._stopping and len(self._running) <= AT_ONCE // 2:
                leased = await whole(asyncio.to_thread(self._lease, AT_ONCE - len(self._running)))
                for one in leased:
                    task = asyncio.create_task(self._followed(_Way(one)))
                    task.add_done_callback(lambda _: some_ended.set())
                    self._running.add(task)
            if not self._running:
                return
            # asyncio.wait would walk all of them for each that ends.
            await some_ended.wait()
            some_ended.clear()
            for task in [task for task in self._running if task.done()]:
                self._running.discard(task)
                done.count(DeliveryState.POSTPONED if task.cancelled() else task.result())

    def _lease(self, limit: int) -> list[Delivery]:
        now = self._now()
        open_ones = [platform for platform in self._platforms if not self._pause_left(platform)]
        if not open_ones:
            return []
        with self._store.transaction() as tx:
            self._editions.as_of(tx.revision())
            return tx.lease(now, now + LEASE, self._owner, limit, open_ones)

    def _give_back(self) -> None:
        try:
            with self._store.transaction() as tx:
                tx.give_back(self._owner)
        except TryLater as error:
            log.warning("what was under way goes on when its lease ends, in %s: %s", LEASE, error)

    async def _followed(self, way: _Way) -> DeliveryState:
        """What is logged on the way names the delivery, and its end is counted."""
        delivery = way.delivery
        batch, digest = delivery.digest.upto, delivery.digest.id
        with about(batch=batch, digest=digest, delivery=delivery.id, chat=str(delivery.address)):
            state = await self._deliver_one(way)
            CARRIED.add(1, delivery.address.platform, state.value)
            ROUTINE.info("delivery %d: %s with %d messages", delivery.id, state, len(way.delivery.sent_parts))
            return state

    async def _deliver_one(self, way: _Way) -> DeliveryState:
        try:
            return await self._carry(way)
        except TryLater as error:
            log.warning("delivery %d to %s is tried again: %s", way.delivery.id, way.delivery.address, error)
            return await self._stumbled(way.delivery, str(error))
        except Exception as error:
            log.exception("delivery %d to %s stopped; it is tried again", way.delivery.id, way.delivery.address)
            why = f"a fault of the program ({type(error).__name__})"
            return await self._stumbled(way.delivery, why, final=way.delivery.attempts >= MOST_STUMBLES)

    async def _stumbled(self, delivery: Delivery, why: str, final: bool = False) -> DeliveryState:
        """Later again, less and less often; where even that cannot be noted, when the lease ends."""
        after = delivery
        if delivery.state in (DeliveryState.LEASED, DeliveryState.SENDING):
            part = delivery.current_part
            outcome = Unsure(why) if part is not None and part.doubts else Busy(why)
            after = deliveries.settle(delivery, outcome, self._now())
            if final:
                after = deliveries.moved(delivery, DeliveryState.FAILED, due_at=None, why=why)
        try:
            if await self._keep(after) and final:
                await self._note(Notice(NoticeKind.FAILED, str(delivery.address), why))
        except Exception as error:
            log.warning("delivery %d goes on when its lease ends (%s)", delivery.id, type(error).__name__)
        return after.state

    async def _carry(self, way: _Way) -> DeliveryState:
        platform = self._platforms[way.delivery.address.platform]
        if deliveries.doubtful(way.delivery, platform.nonce_window, self._now()) and not self._stopping:
            trouble = await self._settle_doubt(platform, way)
            if trouble is not None:
                return await self._put_off(way, trouble)
        while way.delivery.state.open and not self._stopping:
            if self._pause_left(platform.platform):
                due_at = self._paused[platform.platform]
                way.delivery = deliveries.moved(way.delivery, DeliveryState.POSTPONED, due_at=due_at)
                await self._keep(way.delivery)
                break
            part, fault = way.delivery.current_part, ""
            if part is None:
                if way.drafts is None and not way.suspects:
                    way.drafts = self._editions.known(platform, way.delivery)
                if way.drafts is None:
                    render = self._editions.drafts
                    way.drafts = await asyncio.to_thread(render, platform, way.delivery, way.suspects, way.most)
                if not way.drafts:
                    await self._end(way)
                    break
                draft = way.drafts.pop(0)
                message, fault = draft.message, draft.fault
                sounds = not way.delivery.quiet and all(part.message_id == REFUSED for part in way.delivery.parts)
                payload = message.payload if sounds or fault else platform.silent(message.payload)
                part = Part(len(way.delivery.parts) + 1, message.papers, secrets.token_hex(8), payload)
            # Before it is promised: what waits for its turn when the program dies is in no doubt.
            late = await self._turn(platform, place_of(platform, way.delivery))
            if late is not None:
                return await self._put_off(way, late)
            if self._stopping:
                break
            now = self._now()
            way.delivery = deliveries.promised(way.delivery, part, now, now + LEASE)
            if fault:
                outcome: Outcome = Faulty(fault)
            elif await self._keep(way.delivery):
                with SENDING.measured(platform.platform):
                    outcome = await sent_to(platform, way.delivery, part)
                count(platform.platform, part, outcome)
            else:
                return DeliveryState.POSTPONED
            layout = way.delivery.layout
            way.delivery = deliveries.settle(way.delivery, outcome, self._now())
            if isinstance(outcome, Sent) and way.drafts == []:
                way.delivery = deliveries.settle(way.delivery, Finished(), self._now())
            if not await self._keep(way.delivery):
                return DeliveryState.POSTPONED
            await self._after(way.delivery, outcome, part, layout)
            if isinstance(outcome, Faulty):
                way.refused(part, layout)
            if way.delivery.state is not DeliveryState.SENDING:
                break
        return way.delivery.state

    async def _turn(self, platform: ChatPlatform, address: Address) -> Busy | None:
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            await platform.ready(address)
        except TryLater as error:
            return Busy(str(error), error.after, error.everywhere)
        finally:
            self._waiting.discard(task)
        return None

    async def _put_off(self, way: _Way, trouble: Outcome) -> DeliveryState:
        """Nothing left meanwhile."""
        way.delivery = deliveries.settle(way.delivery, trouble, self._now())
        if await self._keep(way.delivery):
            await self._after(way.delivery, trouble, None, way.delivery.layout)
        return way.delivery.state

    async def _end(self, way: _Way) -> None:
        way.delivery = deliveries.settle(way.delivery, Finished(), self._now())
        if await self._keep(way.delivery) and way.delivery.state is DeliveryState.FAILED:
            await self._note(Notice(NoticeKind.FAILED, str(way.delivery.address), way.delivery.why))

    async def _settle_doubt(self, platform: ChatPlatform, way: _Way) -> Outcome | None:
        """Look whether the message in doubt is there, and go by the rule where that cannot be seen; what keeps the
        platform from answering is returned."""
        part = way.delivery.current_part
        assert part is not None
        message_id, sight = "", Sight.HIDDEN
        try:
            since = min(part.tried_at or way.delivery.made_at or self._now(), self._now())
            there = place_of(platform, way.delivery)
            seen = await outcome_of(platform.find(there, part.payload, since), part)
        except Hidden:
            pass
        else:
            if not isinstance(seen, Sent):
                return seen
            message_id = seen.message_id
            sight = Sight.THERE if message_id else Sight.ABSENT
        way.delivery, again = deliveries.resolve(way.delivery, sight, repeat=self._repeat, message_id=message_id)
        if again:
            note = words_for(way.delivery.language).say("Perhaps a repeat: this may have arrived before.")
            marked = await asyncio.to_thread(platform.marked, part.payload, note)
            way.delivery = way.delivery.with_part(replace(part, payload=marked))
        said = "it is there" if message_id else "it is not there" if sight is Sight.ABSENT else "nobody can look"
        done = "sent again" if way.delivery.current_part is not None else "left so"
        log.info("%s: a message may have arrived: %s; %s", way.delivery.address, said, done)
        return None

    async def _after(self, delivery: Delivery, outcome: Outcome, part: Part | None, layout: Layout) -> None:
        address = delivery.address
        match outcome:
            case Gone(why):
                await asyncio.to_thread(self._pause, delivery, why)
                log.warning("%s cannot be reached and is paused with all it has: %s", address, why)
            case Moved(chat):
                await asyncio.to_thread(self._move, delivery, chat)
                log.info("the chat of delivery %d is %s now", delivery.id, address)
            case Busy(why, after, everywhere):
                if everywhere and delivery.due_at is not None:
                    self._pause_platform(address.platform, delivery.due_at, why)
                elif after is not None and after >= SLOW:
                    await self._note(Notice(NoticeKind.SLOWED, str(address), f"{delivery.due_at:%Y-%m-%d %H:%M}"))
                log.info("%s: not now (%s); again at %s", address, why or after, f"{delivery.due_at:%H:%M:%S}")
            case Unsure(why):
                log.warning("%s: a message may or may not have arrived (%s)", address, why)
            case Faulty(why) if layout is not Layout.PLAIN:
                log.warning("%s: refused (%s); going on in a plainer way", address, why)
            case Faulty(why) if part is not None and len(part.papers) > 1:
                log.warning("%s: refused (%s); looking for the paper at fault", address, why)
            case Faulty(why) if part is not None:
                told = await asyncio.to_thread(self._left_out, part.papers, why)
                log.warning("%s: %s is left out, for it was refused alone: %s", address, told, why)

    def _pause_platform(self, platform: str, until: datetime, why: str) -> None:
        if not self._pause_left(platform):
            log.warning("%s: nothing is sent to any chat before %s: %s", platform, f"{until:%H:%M:%S} UTC", why)
        self._paused[platform] = max(until, self._paused.get(platform, until))

    def _pause_left(self, platform: str) -> bool:
        until = self._paused.get(platform)
        return until is not None and until > self._now()

    async def _keep(self, delivery: Delivery) -> bool:
        """Record it, whoever cancels meanwhile. False: the lease has passed to another, who decides from now on.
        Raises TryLater where the database cannot be written to for a while."""
        for tries_left in reversed(range(_RECORD_TRIES)):
            try:
                kept = await whole(self._ledger.keep(delivery))
            except TryLater:
                if not tries_left:
                    raise
                await asyncio.sleep(_RECORD_PAUSE)
                continue
            if not kept:
                log.warning("delivery %d to %s is another's now; leaving it", delivery.id, delivery.address)
            return kept
        raise AssertionError("not reached")

    def _left_out(self, papers: Sequence[int], why: str) -> str:
        with self._store.transaction() as tx:
            told = names(papers, tx.papers(papers))
            if papers:
                tx.warn(Notice(NoticeKind.LEFT_OUT, told, why), self._now())
        return told

    async def _note(self, notice: Notice) -> None:
        await asyncio.to_thread(self._noted, notice)

    def _noted(self, notice: Notice) -> None:
        with self._store.transaction() as tx:
            tx.warn(notice, self._now())

    def _pause(self, delivery: Delivery, why: str) -> None:
        with self._store.transaction() as tx:
            chat = tx.chat_by_id(delivery.chat_id)
            if chat and chat.target == delivery.address:
                absences.come_home(tx, chat, why, self._now())
            elif chat:
                absences.pause(tx, chat, why, self._now())

    def _move(self, delivery: Delivery, chat: str) -> None:
        with self._store.transaction() as tx:
            held = tx.chat_by_id(delivery.chat_id)
            if held:
                old, new = Address(held.address.platform, held.address.chat), Address(held.address.platform, chat)
                tx.move_chats(old, new)
                tx.warn(Notice(NoticeKind.MOVED, str(old), str(new)), self._now())


async def whole(work: Awaitable[T]) -> T:
    """What was begun ends before a cancellation goes on: a write in a thread cannot be called back."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
