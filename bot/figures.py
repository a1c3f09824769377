"""What is counted while the program works, for whoever reads it: an adapter that shows it, or a test.

A figure counts by the values of its labels, which are few: a platform, a state, a result; never a chat. Safe to use
from several threads.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from time import perf_counter

Labels = tuple[str, ...]


class Counter:
    """A number that only grows, for each combination of its labels' values."""

    def __init__(self, name: str, help: str, *labels: str) -> None:
        self.name, self.help, self.labels = name, help, labels
        self._values: dict[Labels, float] = {}
        self._lock = Lock()

    def add(self, amount: float = 1, *values: str) -> None:
        with self._lock:
            self._values[values] = self._values.get(values, 0) + amount

    def read(self) -> Mapping[Labels, float]:
        with self._lock:
            return dict(self._values)


class Durations:
    """How often something took up to how long, in seconds: ``bounds`` are the upper ones."""

    def __init__(self, name: str, help: str, *labels: str, bounds: tuple[float, ...]) -> None:
        self.name, self.help, self.labels, self.bounds = name, help, labels, bounds
        self._values: dict[Labels, list[float]] = {}
        self._lock = Lock()

    def add(self, seconds: float, *values: str) -> None:
        with self._lock:
            # One number for each bound, one for what is longer, and the sum.
            kept = self._values.setdefault(values, [0.0] * (len(self.bounds) + 2))
            kept[bisect_left(self.bounds, seconds)] += 1
            kept[-1] += seconds

    def read(self) -> Mapping[Labels, tuple[tuple[float, ...], float]]:
        """(How many fell below each bound and, last, above all; their sum), not cumulated."""
        with self._lock:
            return {values: (tuple(kept[:-1]), kept[-1]) for values, kept in self._values.items()}

    @contextmanager
    def measured(self, *values: str) -> Iterator[None]:
        begun = perf_counter()
        try:
            yield
        finally:
            self.add(perf_counter() - begun, *values)


POLLS = Counter("paperround_polls", "Polls of a category, by the state that they found it in.", "state")
ITEMS = Counter("paperround_items", "Items of feeds and documents, by what they did to what is known.", "result")
PLANS = Durations(
    "paperround_plan_seconds", "How long a plan took in which a chat was due.",
    bounds=(0.01, 0.1, 0.5, 1, 5, 15, 60, 300),
)  # fmt: skip
PLANNED = Counter("paperround_planned_deliveries", "Deliveries that were planned.")
ATTEMPTS = Counter(
    "paperround_message_attempts", "Messages handed to a platform, by what came of it.", "platform", "result"
)
SENDING = Durations(
    "paperround_message_seconds", "How long a platform took to take or refuse a message, our own pace included.",
    "platform", bounds=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
CARRIED = Counter(
    "paperround_carried_deliveries", "Deliveries that were taken up, by the state they came to.", "platform", "state"
)
SUMMARIES = Counter("paperround_summaries", "Summaries asked of a model, by what came of it.", "result")
SUMMARY_TOKENS = Counter("paperround_summary_tokens", "Tokens that answers of a model cost.")

COUNTERS = (POLLS, ITEMS, PLANNED, ATTEMPTS, CARRIED, SUMMARIES, SUMMARY_TOKENS)
DURATIONS = (PLANS, SENDING)
