"""A query for somebody who wrote a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.text import phrases

_COMMON_WORDS = """
a about above after all also am an and any are as at be been being between both but by can could did do does for
from had has have how i if i'm i'd i've in into interested interest interests is it its just keep know learn like
love me more most my new news not of on or other our papers paper please recent relate related research should
show so some such than that the their them then there these they this those to topic topics track us use used uses
using via very want was we were what when where which while who why will with within work works would you your
development developments insights find look looking read see studies study latest especially mainly mostly called
field area areas
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_OPERATORS = ("AND", "OR", "NOT", "ANDNOT")


def propose(words: Iterable[str]) -> str:
    """A query instead of a sentence: its two most telling runs of words, quoted; empty if none tells."""
    runs: list[list[str]] = [[]]
    for word in words:
        bare = re.sub(r"^[^\w]+|[^\w+#]+$", "", word.replace('"', ""))
        if not bare or bare.replace("’", "'").casefold() in _COMMON or not phrases(bare):
            runs.append([])
            continue
        runs[-1].append(bare)
        if len(runs[-1]) == 3 or not word.endswith(bare):  # punctuation ends a run
            runs.append([])
    told = list(dict.fromkeys(tuple(run) for run in runs if run))
    best = sorted(told, key=lambda run: (-min(len(run), 2), -sum(map(len, run))))[:2]
    shown = [f'"{" ".join(run)}"' if len(run) > 1 or run[0] in _OPERATORS else run[0] for run in told if run in best]
    return " ".join(shown)
