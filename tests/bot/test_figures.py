from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.figures import COUNTERS, DURATIONS, Counter, Durations


def test_a_counter_counts_by_its_labels_from_many_threads() -> None:
    counter = Counter("tea", "Cups.", "kind")

    def drink(number: int) -> None:
        counter.add(1, "green" if number % 2 else "black")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(drink, range(4_000)))
    counter.add(0.5, "white")
    assert counter.read() == {("green",): 2_000, ("black",): 2_000, ("white",): 0.5}


@pytest.mark.parametrize(
    ("seconds", "place"), [(0.0, 0), (0.1, 0), (0.11, 1), (1.0, 1), (1.01, 2), (60.0, 2)]
)
def test_a_duration_falls_into_the_first_bound_that_it_does_not_pass(seconds: float, place: int) -> None:
    durations = Durations("brew", "Brewing.", bounds=(0.1, 1.0))
    durations.add(seconds)
    numbers, total = durations.read()[()]
    assert [numbers.index(1.0), total] == [place, seconds]


def test_what_raises_is_measured_too() -> None:
    durations = Durations("brew", "Brewing.", "kind", bounds=(60.0,))
    with pytest.raises(ZeroDivisionError), durations.measured("black"):
        _ = 1 / 0
    assert durations.read()[("black",)][0] == (1.0, 0.0)


def test_figures_are_named_as_prometheus_wants_it() -> None:
    """https://prometheus.io/docs/practices/naming/"""
    figures: list[Counter | Durations] = [*COUNTERS, *DURATIONS]
    assert len({figure.name for figure in figures}) == len(figures)
    for figure in figures:
        assert figure.name.startswith("paperround_") and figure.help.endswith(".")
        assert not figure.name.endswith("_total"), "the adapter says that"
    assert all(durations.name.endswith("_seconds") for durations in DURATIONS)
