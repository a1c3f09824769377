"""The plan: a delivery for every chat that is due, many thousand a second."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter

from bot import absences
from bot.budgets import PAUSED
from bot.bursts import Followed, Leftover, wanted
from bot.commands.context import label_of, query_of
from bot.commands.views import documents_of
from bot.digests import Day, Decision, decide, last_due, next_due
from bot.documents import document
from bot.feeds import heard, settled
from bot.figures import PLANNED, PLANS
from bot.logbook import ROUTINE, about
from bot.matching import Batch
from bot.model import Chat, Digest, DigestKind, Feed, FeedState, Rest, Subscription, Topic
from bot.ports import Store, Transaction
from bot.query import Query
from bot.tastes import NO_TASTE, Taste
from bot.wishes import UPTO

log = logging.getLogger(__name__)

PAGE = 2_000
"""Chats planned in one transaction."""
MOST_DECIDED = 100_000
"""Decisions remembered for chats that are alike."""
WOKEN = "announced.upto"
"""The setting that holds the last announcement of which chats that wait for one were woken."""
ANOTHER_LOOK = timedelta(minutes=1)
"""Between two looks at a chat whose papers wait for their summaries."""
MOST_LEFT = 10_000
"""Digests remembered for what they left; more are read again where chats still need them."""


@dataclass(slots=True)
class _Known:
    """What the chats of one plan share. It is made anew when something was announced meanwhile."""

    now: datetime
    upto: int
    topics: list[Topic]
    days: dict[int, Day | None] = field(default_factory=dict)
    followed: dict[tuple[str, str, str, bool], Followed | None] = field(default_factory=dict)
    left: dict[int, Leftover] = field(default_factory=dict)
    unmuted: dict[tuple[int, tuple[Query, ...]], Leftover] = field(default_factory=dict)
    """What of a digest's rest some muted queries leave."""
    kept: dict[int, tuple[Digest, Digest]] = field(default_factory=dict)
    """By the id of a digest's object: that object, so that the id stays its own, and as it is kept."""
    awaited: dict[str, dict[int, datetime | None]] = field(default_factory=dict)
    """Papers whose summary is still to be made, with since when, by language."""
    unseen_at: datetime | None = None
    """When papers came of which nobody has looked yet whether they want a summary."""
    decided: dict[tuple[object, ...], Decision] = field(default_factory=dict)
    """What became of chats with papers, for those that are alike in all that counts."""

    def follow(self, held: Iterable[tuple[str, str, bool]], language: str) -> tuple[Followed, ...]:
        """As `commands.context.followed_by`, for (topic, query, muted); equal ones are one object, whoever holds them.
        """
        found = []
        for topic, text, muted in held:
            key = (topic, text, language if topic else "", muted)
            if key not in self.followed:
                one = Subscription(0, 0, text, topic)
                query = query_of(one, self.topics)
                label = label_of(one, self.topics, language)
                name = f"topic:{topic}" if topic else text
                self.followed[key] = Followed(label, query, name, muted) if query else None
            followed = self.followed[key]
            if followed is not None:
                found.append(followed)
        return tuple(found)

    def alike(self, chat: Chat, followed: Sequence[Followed]) -> tuple[object, ...] | None:
        """What a decision depends on where the day has papers; None where the chat's own past counts too."""
        day = self.days[chat.seen]
        if chat.rest or day is None:
            return None
        return (
            chat.seen, chat.timezone, chat.time, chat.days, chat.wants, day.since(chat.since_on), chat.size,
            *map(id, followed),
        )  # fmt: skip

    def rest_of(self, chat: Chat, decision: Decision, today: date) -> int:
        """What the chat's row is to say of it: its new digest where that left papers, or the one before while they
        may still come."""
        if decision.digest is not None and decision.digest.kind is DigestKind.PAPERS:
            return self.kept[id(decision.digest)][1].id if decision.digest.asked else 0
        left = self.left.get(chat.rest)
        return 0 if left is None or left.spent(today) else chat.rest


@contextmanager
def uncollected() -> Iterator[None]:
    """Rows, chats and digests are no rings: the collector would walk all of them over and over, a third of the time."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


class Planner:
    """Plans page by page. Papers are read and analyzed outside of the transaction that writes a page."""

    def __init__(
        self,
        store: Store,
        categories: Sequence[str],
        wait_until: time,
        now: Callable[[], datetime],
        wait: timedelta | None = None,
    ) -> None:
        """``wait``: how long a digest waits for its papers' summaries; None where no model makes any."""
        self._store, self._categories, self._wait_until, self._now = store, categories, wait_until, now
        self._wait = wait

    def plan(self) -> int:
        """Write a delivery for every chat that is due; returns how many. Before it, chats out of reach whose day has
        come are taken for reachable."""
        begun = perf_counter()
        self._try_again()
        self._wake_announced()
        planned, upto, looked = self._plan()
        if looked:
            PLANS.add(perf_counter() - begun)
            PLANNED.add(planned)
            with about(batch=upto):
                ROUTINE.info("plan: %d deliveries for %d chats that were due", planned, looked)
        return planned

    def _plan(self) -> tuple[int, int, int]:
        """(How many were planned, the last announcement looked at, how many chats were due)."""
        known: _Known | None = None
        planned, looked, after, more = 0, 0, 0, True
        while more:
            now = known.now if known else self._now()
            with uncollected(), self._store.transaction() as tx:
                due = tx.due_chats(now, PAGE, after)
                ready = self._ready(tx, due, known)
                if ready is not None:
                    planned += self._write(tx, self._decide(tx, due, now, ready), now, ready)
            if ready is None:
                with self._store.reading() as tx:
                    known = self._read(tx, due, known)
                continue
            known = ready
            looked += len(due)
            more = len(due) == PAGE
            after = due[-1].id if due else after
        return planned, known.upto if known else 0, looked

    def _try_again(self) -> None:
        now = self._now()
        with self._store.reading() as tx:
            if not tx.chats_to_try(now, 1):
                return
        with self._store.transaction() as tx:
            absences.try_again(tx, now)

    def _wake_announced(self) -> None:
        """Who wants digests as announced is due when something was announced since the last look."""
        with self._store.reading() as tx:
            if tx.setting(WOKEN) == str(tx.last_announcement()):
                return
        with self._store.transaction() as tx:
            self._wake(tx, self._now())

    @staticmethod
    def _wake(tx: Transaction, now: datetime) -> None:
        upto = str(tx.last_announcement())
        if tx.setting(WOKEN) != upto:
            tx.wake_announced(now)
            tx.put_setting(WOKEN, upto)

    def would_plan(self, tx: Transaction) -> int:
        """How many deliveries a plan would write now, as ``tx`` sees the store; nothing is written."""
        now, planned, after = self._now(), 0, 0
        known: _Known | None = None
        self._wake(tx, now)
        while due := tx.due_chats(now, PAGE, after):
            known = self._read(tx, due, known)
            planned += sum(decision.digest is not None for _, decision in self._decide(tx, due, now, known))
            after = due[-1].id
        return planned

    def _ready(self, tx: Transaction, due: Sequence[Chat], known: _Known | None) -> _Known | None:
        """What is known, where it is enough for these chats."""
        if not due:
            return known or _Known(self._now(), 0, [])
        if known is None or known.upto != tx.last_announcement() or known.topics != tx.topics():
            return None
        there = all(chat.seen in known.days and (not chat.rest or chat.rest in known.left) for chat in due)
        return known if there else None

    def _read(self, tx: Transaction, due: Sequence[Chat], known: _Known | None) -> _Known:
        upto, topics = tx.last_announcement(), tx.topics()
        if known is None or (known.upto, known.topics) != (upto, topics):
            known = _Known(self._now(), upto, topics)
            if self._wait:
                self._see_what_is_awaited(tx, known)
        for seen in {chat.seen for chat in due} - known.days.keys():
            known.days[seen] = self._day(tx, seen, upto)
        rests = {chat.rest for chat in due} - {0}
        if len(known.left) > MOST_LEFT:
            known.left = {rest: known.left[rest] for rest in rests & known.left.keys()}
            known.unmuted.clear()
        new = rests - known.left.keys()
        known.left |= {id_: Leftover(Rest(id_)) for id_ in new}  # of a digest that is gone nothing is left
        known.left |= {rest.id: Leftover(rest) for rest in tx.rests(new)}
        return known

    def _day(self, tx: Transaction, after: int, upto: int) -> Day | None:
        late = tx.late_words(after, upto)
        announcements = sorted([*tx.announcements(after, upto), *late], key=lambda a: a.id)
        if not announcements:
            return None
        ids = {a.paper_id for a in announcements}
        papers, summaries = tx.papers(ids), tx.summaries(ids)
        today = self._now().astimezone(UTC).date()
        new_words = {(a.paper_id, a.words) for a in late}
        lacking = {
            id_: document(papers[id_], [s for s in summaries.get(id_, ()) if (id_, s.language) not in new_words])
            for id_, _ in new_words
            if id_ in papers
        }
        return Day(announcements, papers, documents_of(papers.values(), summaries), today, lacking)

    def _see_what_is_awaited(self, tx: Transaction, known: _Known) -> None:
        until = tx.setting(PAUSED).partition(" ")[0]
        if until and known.now < datetime.fromisoformat(until):
            return  # nothing is made at the moment, so there is nothing to wait for
        known.awaited = tx.awaited()
        if int(tx.setting(UPTO) or 0) < known.upto:
            came = [feed.fresh_at for feed in tx.feeds().values() if feed.fresh_at]
            known.unseen_at = max(came, default=None)

    def _in_time(self, chat: Chat, decision: Decision, now: datetime, known: _Known) -> Decision:
        """The decision, or to look again in a minute: a digest whose papers wait for their summaries waits for them,
        counted from its time, if it has one, or from when they were wanted, whichever is later."""
        digest = decision.digest
        if digest is None or digest.kind is not DigestKind.PAPERS or self._wait is None:
            return decision
        mine = known.awaited.get(chat.language, {})
        since = [mine[match.paper_id] for match in digest.matches[: digest.pushed] if match.paper_id in mine]
        begun = min((at for at in since if at), default=None) or known.unseen_at
        if begun is None:
            return decision
        until = (begun if chat.as_announced else max(begun, last_due(chat, now))) + self._wait
        return decision if now >= until else Decision(None, chat.seen, min(until, now + ANOTHER_LOOK))

    def _decide(
        self, tx: Transaction, due: Sequence[Chat], now: datetime, known: _Known
    ) -> list[tuple[Chat, Decision]]:
        stored = tx.feeds()
        feeds = [stored.get(category, Feed(category)) for category in self._categories]
        all_heard = all(heard(feed, now) or settled(feed, now) for feed in feeds)
        quiet = all(feed.state is FeedState.QUIET for feed in feeds)
        held = tx.followed([chat.id for chat in due])
        followed = {chat.id: known.follow(held.get(chat.id, ()), chat.language) for chat in due}
        tastes = {chat_id: Taste(votes) for chat_id, votes in tx.votes(chat.id for chat in due).items()}
        alike = {chat.id: None if chat.id in tastes else known.alike(chat, followed[chat.id]) for chat in due}
        anew = [chat for chat in due if alike[chat.id] not in known.decided]
        for seen in {chat.seen for chat in anew}:
            day = known.days[seen]
            if day is not None:
                day.ask_all(one.query for chat in anew if chat.seen == seen for one in followed[chat.id])
        empty = [
            chat.id
            for chat in anew
            if wanted(followed[chat.id])
            and not ((day := known.days[chat.seen]) and day.matches(followed[chat.id], chat.wants, chat.since_on))
        ]
        last = tx.last_told(empty)
        if len(known.decided) > MOST_DECIDED:
            known.decided.clear()
        decisions = []
        waits = bool(known.awaited or known.unseen_at)
        for chat in due:
            key = alike[chat.id]
            if key is not None and (shared := known.decided.get(key)):
                decisions.append((chat, self._in_time(chat, shared, now, known) if waits else shared))
                continue
            kind, at = last.get(chat.id, (None, None))
            try:
                decision = decide(
                    chat,
                    followed[chat.id],
                    known.days[chat.seen],
                    known.upto,
                    settled=all_heard,
                    quiet=quiet,
                    last_kind=kind,
                    last_at=at,
                    wait_until=self._wait_until,
                    now=now,
                    left=self._left(tx, known, chat.rest, followed[chat.id]),
                    taste=tastes.get(chat.id, NO_TASTE),
                )
            except Exception:
                # One chat that makes no sense must not keep the others from their digests.
                log.exception("%s could not be planned; it is tried again in an hour", chat.address)
                decision = Decision(None, chat.seen, now + timedelta(hours=1))
            if key is not None and decision.digest and decision.digest.kind is DigestKind.PAPERS:
                known.decided[key] = decision
            decisions.append((chat, self._in_time(chat, decision, now, known) if waits else decision))
        return decisions

    @staticmethod
    def _left(tx: Transaction, known: _Known, rest: int, followed: Sequence[Followed]) -> Leftover | None:
        """What the chat's last digest left, without what it muted since."""
        left = known.left.get(rest)
        muted = tuple(one.query for one in followed if one.muted)
        if left is None or not muted or not left.rest.matches:
            return left
        if (rest, muted) not in known.unmuted:
            ids = {match.paper_id for match in left.rest.matches}
            batch = Batch(documents_of(tx.papers(ids).values(), tx.summaries(ids)).items())
            gone = frozenset(paper_id for query in muted for paper_id in batch.match(query))
            known.unmuted[rest, muted] = left.without(gone)
        return known.unmuted[rest, muted]

    def _caught_up(self, tx: Transaction, chat: Chat, decision: Decision, now: datetime) -> Decision:
        if decision.digest is None and decision.due_at != next_due(chat, now):
            return decision  # it waits for arXiv or for summaries
        return replace(decision, digest=absences.catch_up(tx, chat, decision.digest, now))

    def _write(self, tx: Transaction, decisions: Sequence[tuple[Chat, Decision]], now: datetime, known: _Known) -> int:
        decisions = [
            (chat, self._caught_up(tx, chat, decision, now)) if absences.away_for_long(chat, now) else (chat, decision)
            for chat, decision in decisions
        ]
        made = [(chat, decision.digest) for chat, decision in decisions if decision.digest is not None]
        used = {mark: known.kept[mark][1].id for mark in {id(digest) for _, digest in made} if mark in known.kept}
        there = tx.digests_there(used.values())
        for mark in (mark for mark, number in used.items() if number not in there):
            del known.kept[mark]  # the chats that got it were all erased since
        new = list({id(digest): digest for _, digest in made if id(digest) not in known.kept}.values())
        for digest, number in zip(new, tx.keep_digests(new), strict=True):
            known.kept[id(digest)] = (digest, replace(digest, id=number))
        planned = tx.plan_all({chat.id: known.kept[id(digest)][1] for chat, digest in made}, now)
        today = now.astimezone(UTC).date()
        rests = {chat.id: known.rest_of(chat, decision, today) for chat, decision in decisions}
        tx.leave({chat.id: rests[chat.id] for chat, _ in decisions if rests[chat.id] != chat.rest})
        moved: dict[tuple[int, datetime], list[int]] = {}
        for chat, decision in decisions:
            moved.setdefault((decision.seen, decision.due_at), []).append(chat.id)
        for (seen, due_at), ids in moved.items():
            tx.move_on(ids, seen, due_at)
        return planned
