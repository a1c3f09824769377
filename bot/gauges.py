"""What is so at the moment, as numbers: read from the store when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.budgets import MILLION, day_of_spending
from bot.model import Feed, FeedState, JobState
from bot.ports import Now, SearchIndex, Store

Labels = tuple[str, ...]
Values = dict[Labels, float]


@dataclass(frozen=True, slots=True)
class Gauge:
    """Numbers that go up and down, by the values of ``labels``."""

    name: str
    help: str
    labels: tuple[str, ...]
    values: Mapping[Labels, float]


def read_gauges(store: Store, index: SearchIndex | None, categories: Sequence[str], now: Now) -> list[Gauge]:
    """Every gauge there is. Raises TryLater where the database does not answer."""
    at = now()
    with store.reading() as tx:
        counts, known, (due, since) = tx.counts(), tx.feeds(), tx.queue(at)
        jobs, spent = tx.summary_counts(), tx.spending(day_of_spending(at))
    feeds = [known.get(category, Feed(category)) for category in categories]
    heard: Values = {(f.category,): (at - f.fresh_at).total_seconds() for f in feeds if f.fresh_at}
    polled: Values = {(f.category,): (at - f.checked_at).total_seconds() for f in feeds if f.checked_at}
    states: Values = {(f.category, state.value): float(f.state is state) for f in feeds for state in FeedState}
    waited = max(0.0, (at - since).total_seconds()) if since else 0.0
    asked: Values = {(state.value,): float(jobs[state.value]) for state in JobState}
    kept = ("papers", "announcements", "summaries", "subscriptions")
    stored: Values = {(name,): float(counts[name]) for name in kept}
    gauges = [
        Gauge("paperround_feed_state", "1 for the state that a category is in.", ("category", "state"), states),
        Gauge("paperround_feed_age_seconds", "Since a category last brought something new.", ("category",), heard),
        Gauge("paperround_feed_asked_seconds", "Since a category was last asked for.", ("category",), polled),
        Gauge("paperround_deliveries", "Deliveries by state.", ("state",), _by_state(counts, "deliveries.")),
        Gauge("paperround_chats", "Chats by state.", ("state",), _by_state(counts, "chats.")),
        Gauge("paperround_stored", "What the store holds.", ("what",), stored),
        _number("paperround_due_deliveries", "Open deliveries whose time has come.", due),
        _number("paperround_oldest_due_seconds", "How long the oldest of them has been due.", waited),
        Gauge("paperround_summary_jobs", "Papers to be summarised by a model, by state.", ("state",), asked),
        _number("paperround_summary_tokens_today", "Tokens of the day's budget that are spent.", spent.tokens),
        _number("paperround_summary_cost_today", "What they cost, in the prices' unit.", spent.micros / MILLION),
    ]
    if index is not None:
        gauges.append(_number("paperround_index_lag", "Changes that cannot be searched yet, up to 1,000.", index.lag()))
    return gauges


def _number(name: str, help: str, value: float) -> Gauge:
    return Gauge(name, help, (), {(): float(value)})


def _by_state(counts: Mapping[str, int], start: str) -> Values:
    return {(name.removeprefix(start),): float(n) for name, n in counts.items() if name.startswith(start)}
