"""A thousand papers through a model's server of which a fifth of the requests go wrong, with a budget that does not
reach at first, two processes, and kills: each paper ends with a summary or a reason, and no budget is passed."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from time import perf_counter

from adapters.summarizers.llm import Llm
from bot.budgets import Budget
from bot.model import Address, Chat, JobState, Subscription
from bot.scribe import Scribe, Terms
from storage.store import SqlStore, open_store
from tests.servers.models import FAULTS, KEY, MODEL, Asked, ModelServer, tea
from tests.wire import NOW, Wall

PAPERS, PAPERS_SHORT, SHARE, SEED = 1_000, 40, 0.2, 5
A_PAPER = 250
"""Tokens of a day's budget for each paper: two or three days' work."""


def run(short: bool) -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="paperround-models-") as folder:
        return asyncio.run(_through(Path(folder), PAPERS_SHORT if short else PAPERS))


async def _through(folder: Path, papers: int) -> list[tuple[str, str]]:
    random = Random(SEED)

    def fault(n: int, asked: Asked) -> str:
        return random.choice(FAULTS) if random.random() < SHARE else ""

    store, wall = open_store(f"sqlite:///{folder / 'papers.db'}"), Wall()
    budget = Budget(tokens=papers * A_PAPER, money=papers * 0.001, price_in=0.5, price_out=2.0)
    terms = Terms(parallel=8, batch=4, budget=budget, longest=timedelta(seconds=2))
    async with ModelServer(fault) as server:
        server.stall = 3.0
        llm = Llm(server.url, MODEL, KEY, timeout=2)
        try:
            _fill(store, papers)
            began, days, killed, worked = perf_counter(), Counter[str](), 0, 0
            while _open(store):
                assert sum(days.values()) < 200, "it does not end"
                on = wall.at.date().isoformat()
                days[on] += 1
                before = server.spent
                pair = [Scribe(store, None, llm, terms, wall, _no_sleep) for _ in range(2)]
                turns = [asyncio.create_task(one.write()) for one in pair]
                if not killed or random.random() < 0.3:  # one of them is stopped in the middle
                    await asyncio.sleep(0.2)
                    killed += turns[0].cancel()
                ended = await asyncio.gather(*turns, return_exceptions=True)
                assert all(not isinstance(one, Exception) for one in ended), ended
                worked += server.spent - before
                with store.reading() as tx:
                    spent = tx.spending(wall.at.date())
                assert spent.tokens <= budget.tokens and spent.micros <= budget.micros, spent
                wall.at += timedelta(minutes=11) if days[on] < 5 else timedelta(hours=23)
            return _judged(store, server, papers, len(days), killed, perf_counter() - began)
        finally:
            await llm.close()
            store.close()


async def _no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


def _fill(store: SqlStore, papers: int) -> None:
    with store.transaction() as tx:
        chat = tx.open_chat(Chat(0, Address("telegram", "1"), language="zh-Hans", due_at=NOW))
        tx.subscribe(Subscription(0, chat.id, "Kettle"))
        tx.add([replace(tea(n), announced_on=NOW.date()) for n in range(1, papers + 1)], NOW)


def _open(store: SqlStore) -> int:
    with store.reading() as tx:
        counts = tx.summary_counts()
    # Before the first look there is nothing yet.
    return counts["waiting"] + counts["asked"] or not sum(counts[state.value] for state in JobState)


def _judged(
    store: SqlStore, server: ModelServer, papers: int, days: int, killed: int, seconds: float
) -> list[tuple[str, str]]:
    with store.reading() as tx:
        ids = range(1, papers + 1)
        jobs, summaries = tx.summary_jobs(ids), tx.summaries(ids)
        spent = [tx.spending(NOW.date() + timedelta(days=n)) for n in range(days + 2)]
    states = Counter(job.state for job in jobs.values())
    told = [job for job in jobs.values() if job.state is JobState.MADE or job.why]
    assert len(jobs) == papers and len(told) == papers, states
    assert all(summaries.get(job.paper_id) for job in jobs.values() if job.state is JobState.MADE)
    asked = server.papers()
    answered = Counter(title for one in server.asked if one.fault in ("", "no usage") for title in one.titles)
    booked = sum(one.tokens for one in spent)
    assert booked >= server.spent, (booked, server.spent)
    wrong = server.befell.total() - server.befell["well"]
    return [
        ("models: papers with a summary", f"{states[JobState.MADE]:,} of {papers:,}"),
        ("models: papers with a reason instead", f"{papers - states[JobState.MADE]:,}"),
        ("models: requests, and those that went wrong", f"{len(server.asked):,}, {wrong:,}"),
        ("models: papers whose good answer was paid for twice", f"{sum(n > 1 for n in answered.values()):,}"),
        ("models: times a paper was asked about, at most", f"{max(asked.values())}"),
        ("models: tokens booked, and those the server worked for", f"{booked:,}, {server.spent:,}"),
        ("models: requests of which nobody knows the cost", f"{sum(one.doubtful for one in spent):,}"),
        ("models: stopped in the middle", f"{killed}"),
        ("models: days of the budget, none passed", f"{days}"),
        ("models: seconds", f"{seconds:.1f}"),
    ]  # fmt: skip
