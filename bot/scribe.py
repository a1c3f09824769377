"""Asks a model for the summaries that are wanted: looks what is, sets aside what a request may cost, asks, stores."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from time import perf_counter

from bot.budgets import PAUSED, Budget, Cost, day_of_spending, next_day
from bot.carrier import whole
from bot.errors import NotAllowed, Refused, TryLater, Uncertain
from bot.figures import SUMMARIES, SUMMARY_TOKENS
from bot.model import JobState, Summary, SummaryJob, Topic
from bot.orders import Made, Order, mark_of, read_answer, request_of
from bot.ports import Now, Request, SearchIndex, Store, Summarizer, Transaction
from bot.tenure import name_of
from bot.wants import ended_already, overlaid
from bot.wishes import Wishes

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)
"""Longer than a request can take: its end means that nobody waits for the answer any more."""
MOST_REFUSALS = 2
"""Answers that could not be used before a paper is left to the fallback: asked once, and once more with the reason."""
MOST_TRIES = 4
"""Requests without an answer before a paper is given up."""
SHORT = 5.0
"""Seconds that a worker waits for the server itself; longer ones are left to the next tick."""
LONGEST_PAUSE = 300.0
AT_ONCE = 1.0
"""Seconds of a look that is worth nobody's waiting; a longer one is not repeated for ten times as long."""
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a model is asked: ``parallel`` requests at once at most, ``batch`` papers of a language in one;
    ``thinking_tokens``: what the model may write before its answer; ``longest``: how long one request may take."""

    parallel: int = 4
    batch: int = 4
    thinking_tokens: int = 0
    budget: Budget = field(default_factory=Budget)
    longest: timedelta = timedelta(minutes=2)


@dataclass(slots=True)
class Written:
    """What one turn came to: papers by what became of them, requests, and what was spent."""

    made: int = 0
    again: int = 0
    refused: int = 0
    requests: int = 0
    doubtful: int = 0
    tokens: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class _Task:
    """One request on its way: what it is about, what was set aside for it, and of which day."""

    jobs: tuple[SummaryJob, ...]
    order: Order
    request: Request
    most: Cost
    at: datetime


class Scribe:
    """Any number of processes may have one: jobs are leased, and the day's spending is one row."""

    def __init__(
        self,
        store: Store,
        index: SearchIndex | None,
        summarizer: Summarizer,
        terms: Terms,
        now: Now,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store, self._index, self._summarizer = store, index, summarizer
        self._terms, self._now, self._sleep = terms, now, sleep
        self._owner = name_of("summaries")
        self._wishes = Wishes()
        self._width = float(terms.parallel)
        self._under_way = 0
        self._in_a_row = 0
        self._paused_until: datetime | None = None
        self._topics: dict[str, dict[str, str]] = {}
        self._mark, self._look_after = "", 0.0
        self._turn = asyncio.Lock()
        self._stopping, self._until = False, math.inf

    async def write(self, within: timedelta | None = None) -> Written:
        """One turn: look what is wanted, and ask until nothing is left, the budget is spent, the server wants a
        pause, or the last answers would come later than ``within``."""
        async with self._turn:
            self._until = math.inf
            if within is not None:
                now = asyncio.get_running_loop().time()
                self._until = now + (within - self._terms.longest).total_seconds()
            await whole(asyncio.to_thread(self.look))
            done = Written()
            if self._stopping or (self._paused_until is not None and self._now() < self._paused_until):
                return done
            self._paused_until = None
            workers = [self._work(number, done) for number in range(self._terms.parallel)]
            ended = await asyncio.gather(*workers, return_exceptions=True)
            for error in ended:
                if error is not None:
                    raise error
            if done.requests:
                log.info(
                    "summaries: %d made, %d asked again, %d left out; %d requests, %d tokens",
                    done.made, done.again, done.refused, done.requests, done.tokens,
                )  # fmt: skip
                if self._index is not None and done.made:
                    await asyncio.to_thread(self._index.follow)
            return done

    def stop(self) -> None:
        """No further request is sent; those under way are waited for, or cancelled, by whoever runs ``write``."""
        self._stopping = True

    def look(self, force: bool = False) -> int:
        """Note which papers are wanted in which languages, where that may have changed; returns how many were noted."""
        begun = perf_counter()
        if begun < self._look_after and not force:
            return 0
        with self._store.reading() as tx:
            mark = tx.wishes_mark()
            changed = mark != self._mark or force
            found = self._wishes.look(tx, self._now(), changed)
            topics = tx.topics()
        if found.jobs or found.is_further:
            with self._store.transaction() as tx:
                self._wishes.note(tx, found, self._now())
        self._mark = mark
        self._topics = _names_of(topics)
        # Where very many follow something, each new subscription must not mean another look at all of them.
        took = perf_counter() - begun
        self._look_after = perf_counter() + (10 * took if took > AT_ONCE else 0)
        return len(found.jobs)

    async def _work(self, number: int, done: Written) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping and self._paused_until is None and number < max(1, int(self._width)):
            if loop.time() >= self._until:
                return
            mine: list[_Task] = []
            try:
                await whole(asyncio.to_thread(self._take, mine))
            except asyncio.CancelledError:
                for task in mine:  # it never left
                    await whole(asyncio.to_thread(self._postpone, task, "", Cost() - task.most, Written()))
                raise
            except TryLater as error:
                log.warning("summaries wait: %s", error)
                return
            if not mine:
                return
            (task,) = mine
            self._under_way += 1
            try:
                await self._carry_out(task, done)
            finally:
                self._under_way -= 1

    def _take(self, taken: list[_Task]) -> None:
        """Put the next request into ``taken``, its most set aside; none where there is none or the budget does not
        allow it."""
        now = self._now()
        for limit in dict.fromkeys((self._terms.batch, 1)):
            fits = False
            with self._store.transaction() as tx:
                jobs = tx.take_summary_jobs(now, now + LEASE, self._owner, limit)
                if not jobs:
                    return
                task, rest = self._task(tx, jobs, now)
                tx.record_summary_jobs(rest, self._owner)
                if task is None:
                    continue
                budget, most = self._terms.budget, task.most
                fits = tx.spend(day_of_spending(now), most.tokens, most.micros, budget.tokens, budget.micros)
                if not fits:
                    back = [replace(job, state=JobState.WAITING, owner="", until_at=None) for job in task.jobs]
                    if len(task.jobs) == 1 and not budget.can_ever_hold(most):
                        why = "one request may cost more than the whole day's budget"
                        back = [replace(job, state=JobState.REFUSED, why=why, ended_at=now) for job in back]
                    tx.record_summary_jobs(back, self._owner)
            if fits:
                taken.append(task)
                return
        if not self._under_way:
            # What others have under way may cost less than was set aside for it.
            self._pause(min(next_day(now), now + timedelta(minutes=5)), "the day's budget is spent")

    def _task(
        self, tx: Transaction, jobs: Sequence[SummaryJob], now: datetime
    ) -> tuple[_Task | None, list[SummaryJob]]:
        """The request for these jobs, and those that need none after all."""
        ids = [job.paper_id for job in jobs]
        papers, summaries = tx.papers(ids), tx.summaries(ids)
        rest, asked = [], []
        for job in jobs:
            paper = papers.get(job.paper_id)
            ended = ended_already(job, paper, summaries.get(job.paper_id, ()), MOST_TRIES, now)
            if ended is not None or paper is None:
                rest += [ended] if ended else []
            else:
                asked.append(replace(job, made_of=mark_of(paper)))
        if not asked:
            return None, rest
        first = asked[0]
        reasons = {job.paper_id: job.why for job in asked if job.refusals and job.why}
        names = tuple(dict.fromkeys(self._topics.get(first.language, {}).values()))
        order = Order(first.language, first.kind, tuple(papers[job.paper_id] for job in asked), reasons, names)
        request = request_of(order, self._terms.thinking_tokens)
        return _Task(tuple(asked), order, request, self._terms.budget.most(request), now), rest

    async def _carry_out(self, task: _Task, done: Written) -> None:
        done.requests += 1
        try:
            answer = await self._summarizer.ask(task.request)
        except TryLater as error:
            self._slow_down()
            await self._put_off(task, done, error, Cost() - task.most)
            await self._wait(error.after, str(error))
        except Uncertain as error:
            done.doubtful += 1
            done.tokens += task.most.tokens
            await self._put_off(task, done, error, None)
            await self._wait(None, str(error))
        except NotAllowed as error:
            await self._put_off(task, done, error, Cost() - task.most)
            self._pause(self._now() + timedelta(seconds=LONGEST_PAUSE), str(error))
        except Refused as error:
            whys = {paper.id: Made(why=f"The server refused the request: {error}") for paper in task.order.papers}
            # It will refuse the same again: alone it may pass, for it is shorter.
            final = len(task.jobs) == 1
            await self._kept(self._record, task, whys, Cost() - task.most, done, final)
        except asyncio.CancelledError:
            # It left, and what it cost will never be known: the most stays set aside.
            await whole(asyncio.to_thread(self._give_back, task))
            raise
        else:
            self._in_a_row = 0
            self._width = min(float(self._terms.parallel), self._width + 1 / self._width / 8)
            names = self._topics.get(task.order.language, {})
            model = self._summarizer.model
            cost = self._terms.budget.told(answer, task.most)
            done.doubtful += cost is None
            done.tokens += (cost or task.most).tokens
            SUMMARY_TOKENS.add((cost or task.most).tokens)
            made = await asyncio.to_thread(read_answer, task.order, answer, model, names)
            change = None if cost is None else cost - task.most
            await self._kept(self._record, task, made, change, done)

    def _record(
        self, task: _Task, made: Mapping[int, Made], change: Cost | None, done: Written, final: bool = False
    ) -> None:
        """Store what came of a request. ``change``: None where nobody knows what it cost."""
        now, on = self._now(), day_of_spending(task.at)
        ended = {job.key: _ended(job, made[job.paper_id], now, final) for job in task.jobs}
        with self._store.transaction() as tx:
            self._settle(tx, on, change)
            kept = tx.record_summary_jobs(list(ended.values()), self._owner)
            whole_ones = {job.key for job in kept if job.state is JobState.MADE}
            if whole_ones:
                self._store_words(tx, task, made, whole_ones, now)
        done.made += sum(job.state is JobState.MADE for job in kept)
        done.refused += sum(job.state is JobState.REFUSED for job in kept)
        done.again += sum(job.state is JobState.WAITING for job in kept)
        for job in kept:
            SUMMARIES.add(1, job.state.value if job.state is not JobState.WAITING else "again")
            if job.state is JobState.REFUSED:
                log.info("no summary of paper %d in %s: %s", job.paper_id, job.language, job.why)

    def _store_words(
        self, tx: Transaction, task: _Task, made: Mapping[int, Made], keys: set[tuple[int, str]], now: datetime
    ) -> None:
        mine = [job for job in task.jobs if job.key in keys]
        ids = [job.paper_id for job in mine]
        papers, before = tx.papers(ids), tx.summaries(ids)
        after = [
            summary
            for job in mine
            if job.paper_id in papers and (summary := overlaid(_old(job, before), job, made[job.paper_id], now))
        ]
        if after:
            tx.put_summaries(after, self._wishes.newly_found(papers, before, after, now))

    def _settle(self, tx: Transaction, on: date, change: Cost | None) -> None:
        if change is None:
            tx.settle_spending(on, 0, 0, doubtful=1)
        else:
            tx.settle_spending(on, change.tokens, change.micros)

    async def _put_off(self, task: _Task, done: Written, error: Exception, change: Cost | None) -> None:
        await self._kept(self._postpone, task, str(error), change, done)

    def _postpone(self, task: _Task, why: str, change: Cost | None, done: Written) -> None:
        """No answer: the papers wait. Only where the request may have been carried out it counts as a try."""
        now = self._now()
        jobs = [
            replace(
                job, state=JobState.WAITING, owner="", until_at=None, tries=job.tries + (change is None),
                why=why if change is None and not job.refusals else job.why,
            )
            for job in task.jobs
        ]  # fmt: skip
        given_up = [
            replace(job, state=JobState.REFUSED, why=f"no answer came: {why}", ended_at=now)
            for job in jobs
            if job.tries >= MOST_TRIES
        ]
        lost = {job.key for job in given_up}
        with self._store.transaction() as tx:
            self._settle(tx, day_of_spending(task.at), change)
            tx.record_summary_jobs([job for job in jobs if job.key not in lost] + given_up, self._owner)
        done.refused += len(given_up)
        SUMMARIES.add(len(jobs), "no answer")

    def _give_back(self, task: _Task) -> None:
        """The program stops: whoever goes on asks again."""
        self._postpone(task, "the program was stopped", None, Written())

    async def _kept(self, write: Callable[..., None], *what: object) -> None:
        """Written down, even where the database is busy for a while: it was paid for."""
        for pause in (0.2, 1.0, 3.0, 10.0):
            try:
                return await whole(asyncio.to_thread(write, *what))
            except TryLater as error:
                log.warning("what came of a request is stored a little later: %s", error)
                await asyncio.sleep(pause)
        try:
            await whole(asyncio.to_thread(write, *what))
        except TryLater as error:
            log.error("what came of a request is not stored, and it is asked again: %s", error)

    async def _wait(self, after: float | None, why: str) -> None:
        self._in_a_row += 1
        seconds = after if after is not None else min(LONGEST_PAUSE, 0.5 * 2 ** min(self._in_a_row, 12))
        if seconds > SHORT:
            self._pause(self._now() + timedelta(seconds=min(seconds, 86_400)), why)
        elif not self._stopping:
            await self._sleep(seconds)

    def _slow_down(self) -> None:
        self._width = max(1.0, self._width / 2)

    def _pause(self, until: datetime, why: str) -> None:
        known, self._paused_until = self._paused_until, until
        if known is not None:
            return  # another worker has just heard the same
        log.warning("no summaries until %s: %s", f"{until:%H:%M} UTC", why)
        with self._store.transaction() as tx:
            tx.put_setting(PAUSED, f"{until.isoformat()} {why[:300]}")


def _names_of(topics: Sequence[Topic]) -> dict[str, dict[str, str]]:
    """By language, a topic's name by every casefolded name of it."""
    found: dict[str, dict[str, str]] = {}
    for topic in topics:
        for language in dict(topic.names):
            mine = found.setdefault(language, {})
            for _, name in topic.names:
                mine.setdefault(name.casefold(), topic.name(language))
            mine.setdefault(topic.slug, topic.name(language))
    return found


def _ended(job: SummaryJob, made: Made, now: datetime, final: bool) -> SummaryJob:
    """What becomes of a job after an answer."""
    free = replace(job, owner="", until_at=None)
    if made.text is not None:
        return replace(free, state=JobState.MADE, why="", ended_at=now)
    refusals = job.refusals + 1
    if final or refusals >= MOST_REFUSALS:
        return replace(free, state=JobState.REFUSED, refusals=refusals, why=made.why, ended_at=now)
    return replace(free, state=JobState.WAITING, refusals=refusals, why=made.why)


def _old(job: SummaryJob, before: Mapping[int, Sequence[Summary]]) -> Summary | None:
    return next((s for s in before.get(job.paper_id, ()) if s.language == job.language), None)
