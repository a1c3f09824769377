"""Pictures of the figures: what a filter costs beside the peers, what a search costs at growing sizes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.measure import Measured

_NAMES = {
    "warm": "ours, a million at once",
    "the day's first time": "ours, the day's first time",
}


def drawn(results: Sequence[Measured], folder: Path) -> list[Path]:
    """SVG files of what there are figures for."""
    # Not at the top: it hooks into the import system, and the tests that look at imports should not meet that.
    import pygal
    from pygal.style import Style

    colours = ("#0b6e99", "#c44e52")
    style = Style(background="white", plot_background="white", font_family="sans-serif", colors=colours)
    found = []
    costs = [
        (_NAMES.get(match[1], match[1]), one.median * 1e6)
        for one in results
        if (match := re.fullmatch(r"matching: a filter(?: of [\d,]+)?, (.*)", one.name)) and "read" not in one.name
    ]
    if costs:
        chart = pygal.HorizontalBar(
            style=style, logarithmic=True, zero=0.1, show_legend=False, print_values=True, height=360,
            range=(0.1, 10_000), y_labels=(0.1, 1, 10, 100, 1_000, 10_000),
            value_formatter=lambda value: f"{value:,.2f} µs" if value < 10 else f"{value:,.0f} µs",
            title="What one filter costs on a day of 1,500 papers (log scale)",
        )  # fmt: skip
        chart.x_labels = [name for name, _ in reversed(costs)]
        chart.add("µs a filter", [value for _, value in reversed(costs)])
        found.append(_kept(chart, folder / "matching.svg"))
    sizes: dict[int, dict[str, float]] = {}
    for one in results:
        if match := re.fullmatch(r"search: ([\d,]+) papers, (learning(?:, FTS5 by rank)?)", one.name):
            sizes.setdefault(int(match[1].replace(",", "")), {})[match[2]] = one.median * 1e3
    if sizes:
        chart = pygal.Bar(
            style=style, logarithmic=True, zero=0.1, print_values=True, height=360, legend_at_bottom=True,
            range=(0.1, 1_000), y_labels=(0.1, 1, 10, 100, 1_000),
            value_formatter=lambda value: f"{value:,.2f} ms", title="A search for a frequent word (log scale)",
        )  # fmt: skip
        chart.x_labels = [f"{size:,} papers" for size in sorted(sizes)]
        chart.add("Paperround", [sizes[size]["learning"] for size in sorted(sizes)])
        chart.add("SQLite FTS5 by rank", [sizes[size]["learning, FTS5 by rank"] for size in sorted(sizes)])
        found.append(_kept(chart, folder / "search.svg"))
    return found


def _kept(chart: Any, path: Path) -> Path:
    # No script, for a picture needs none and would fetch it from elsewhere.
    drawing = chart.render(disable_xml_declaration=True, js=())
    path.write_text(re.sub(r"<!--.*?-->|<script.*?</script>", "", drawing, flags=re.DOTALL), encoding="utf-8")
    return path
