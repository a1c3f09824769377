"""Very many queries, compiled once and asked together of one batch after another.

Queries of one shape (``x AND (x OR x) NOT x``) are answered together, a few thousand at a time: each distinct word or
phrase is a row of bits, one bit a paper, and NumPy takes AND, OR and NOT of whole blocks of rows. What a day does not
hold costs nothing: the words of the filters and those of the day are intersected, the rest is one empty row.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bot.matching import Batch
from bot.query import And, Field, Leaf, Not, Query

_BLOCK = 4096
"""Queries answered at once: their rows stay in the processor's cache."""
_FEW = 16
"""Fewer queries than this are asked one by one: making blocks of them would take longer."""
_DIRECT = (Field.ANY, Field.TITLE, Field.ABSTRACT, Field.AUTHOR, Field.SUBJECT, Field.CATEGORY)

Words = np.ndarray[Any, np.dtype[np.uint64]]
Numbers = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(slots=True)
class _Shape:
    """``leaves``: those of one query after another, ``width`` each. ``numbers``: which queries they are."""

    width: int
    sample: Query
    numbers: array[int] = field(default_factory=lambda: array("i"))
    leaves: array[int] = field(default_factory=lambda: array("i"))


class Filters:
    """Queries by number, from 0, in the order in which they were added."""

    def __init__(self, queries: Iterable[Query] = ()) -> None:
        self._size = 0
        self._leaves = 0
        self._keys: dict[Field, dict[str, int]] = {one: {} for one in _DIRECT}
        self._looked_up: dict[Leaf, int] = {}
        self._shapes: dict[str, _Shape] = {}
        for query in queries:
            self.add(query)

    def __len__(self) -> int:
        return self._size

    def add(self, query: Query) -> int:
        """Take in a query; returns its number."""
        leaves: list[int] = []
        written = self._write(query, leaves)
        shape = self._shapes.get(written)
        if shape is None:
            shape = self._shapes[written] = _Shape(len(leaves), query)
        shape.numbers.append(self._size)
        shape.leaves.extend(leaves)
        self._size += 1
        return self._size - 1

    def _write(self, query: Query, leaves: list[int]) -> str:
        """The query's shape in Polish notation (``&2x!x``); its leaves go to ``leaves`` in the shape's order."""
        if isinstance(query, Leaf):
            return self._write_leaf(query, leaves)
        if isinstance(query, Not):
            return "!" + self._write(query.part, leaves)
        sign = "&" if isinstance(query, And) else "|"
        start = len(leaves)
        shapes = [self._write(part, leaves) for part in query.parts]
        if shapes.count("x") < len(shapes):
            self._sort(shapes, leaves, start)
        return f"{sign}{chr(48 + len(shapes))}{''.join(shapes)}"

    def _sort(self, shapes: list[str], leaves: list[int], start: int) -> None:
        """Put the parts of one query in `_shape_order`; their leaves begin at ``start``."""
        parts = []
        for shape in shapes:
            width = shape.count("x")
            parts.append((shape, leaves[start : start + width]))
            start += width
        parts.sort(key=_shape_order)
        del leaves[start - sum(len(own) for _, own in parts) :]
        for at, (shape, own) in enumerate(parts):
            shapes[at] = shape
            leaves += own

    def _write_leaf(self, leaf: Leaf, leaves: list[int]) -> str:
        keys = self._keys.get(leaf.field)
        if keys is None or leaf.prefix or max(map(len, leaf.phrases)) > 2:
            leaves.append(self._number(self._looked_up, leaf))
            return "x"
        for phrase in leaf.phrases:
            leaves.append(self._number(keys, phrase[0] if len(phrase) == 1 else f"{phrase[0]} {phrase[1]}"))
        count = len(leaf.phrases)
        return "x" if count == 1 else f"|{chr(48 + count)}" + "x" * count

    def _number(self, known: dict[Any, int], key: Any) -> int:
        number = known.get(key)
        if number is None:
            self._leaves += 1  # 0 is the row of what no paper has
            number = known[key] = self._leaves
        return number

    def match(self, batch: Batch) -> Answers:
        """Ask every query of ``batch``."""
        rows, matrix = self._rows(batch)
        answers = _Collected(self._size)
        whole = _row(batch.every, matrix.shape[1])
        for written, shape in self._shapes.items():
            numbers = np.frombuffer(shape.numbers, np.int32)
            leaves = rows[np.frombuffer(shape.leaves, np.int32)].reshape(-1, shape.width)
            asking = _Asking(written, matrix, whole)
            for start in range(0, len(numbers), _BLOCK):
                answers.take(numbers[start : start + _BLOCK], *asking.ask(leaves[start : start + _BLOCK]))
        return answers.done()

    def _rows(self, batch: Batch) -> tuple[Numbers, Words]:
        """The row of each leaf, and the rows: words of 64 papers."""
        width = max(1, (len(batch) + 63) // 64)
        size = width * 8
        rows = np.zeros(self._leaves + 1, np.int32)
        found = [bytes(size)]
        for scope, keys in self._keys.items():
            for key in batch.known(scope, keys):
                rows[keys[key]] = len(found)
                found.append(batch.having(scope, key).to_bytes(size, "little"))
        for leaf, number in self._looked_up.items():
            mask = batch.mask(leaf)
            if mask:
                rows[number] = len(found)
                found.append(mask.to_bytes(size, "little"))
        return rows, np.frombuffer(b"".join(found), np.uint64).reshape(-1, width)


class Answers:
    """Which papers each query found, by the papers' places in the batch."""

    def __init__(self, starts: Any, counts: Any, places: Any, words: Words) -> None:
        self._starts, self._counts, self._places, self._words = starts, counts, places, words

    def mask(self, number: int) -> int:
        """As `Batch.mask` of the query."""
        start = int(self._starts[number])
        found = 0
        for at in range(start, start + int(self._counts[number])):
            found |= int(self._words[at]) << (64 * int(self._places[at]))
        return found

    def any(self) -> Any:
        """The numbers of the queries that found something, ascending."""
        return np.flatnonzero(self._counts)

    @property
    def total(self) -> int:
        """Papers found, those of each query counted."""
        return int(np.bitwise_count(self._words).sum())


class _Collected:
    """Answers as they come, block by block: only words that are not zero are kept."""

    def __init__(self, size: int) -> None:
        self._starts = np.zeros(size, np.int64)
        self._counts = np.zeros(size, np.int32)
        self._places: list[Any] = []
        self._words: list[Words] = []
        self._length = 0

    def take(self, numbers: Numbers, alive: Any, block: Words) -> None:
        """``block``: a row for each of ``numbers[alive]``."""
        if not len(block):
            return
        row, place = np.nonzero(block)
        counts = np.bincount(row, minlength=len(block))
        mine = numbers[alive]
        self._counts[mine] = counts
        self._starts[mine] = self._length + np.cumsum(counts) - counts
        self._places.append(place.astype(np.uint16))
        self._words.append(block[row, place])
        self._length += len(row)

    def done(self) -> Answers:
        none = np.zeros(0, np.uint64)
        return Answers(
            self._starts,
            self._counts,
            np.concatenate(self._places) if self._places else none,
            np.concatenate(self._words) if self._words else none,
        )


class _Asking:
    """One shape, asked of a matrix of rows."""

    def __init__(self, written: str, matrix: Words, whole: Words) -> None:
        self._written, self._matrix, self._whole = written, matrix, whole
        # Leaves that stand right in an AND at the top: where one is in no paper, so is the query.
        self._musts = _musts(written)
        self._open = "!" in written

    def ask(self, leaves: Numbers) -> tuple[Any, Words]:
        """(which queries may hold, a row for each of those); ``leaves``: rows of the matrix, a line a query."""
        alive: Any = slice(None)
        if self._musts:
            alive = np.flatnonzero((leaves[:, : self._musts] != 0).all(axis=1))
            leaves = leaves[alive]
        self._at = self._column = 0
        found = self._read(leaves)
        if self._open:
            np.bitwise_and(found, self._whole, out=found)
        return alive, found

    def _read(self, leaves: Numbers) -> Words:
        sign = self._written[self._at]
        self._at += 1
        if sign == "x":
            self._column += 1
            return self._matrix.take(leaves[:, self._column - 1], axis=0)
        if sign == "!":
            inner = self._read(leaves)
            return np.bitwise_not(inner, out=inner)
        count = ord(self._written[self._at]) - 48
        self._at += 1
        act = np.bitwise_and if sign == "&" else np.bitwise_or
        found = self._read(leaves)
        for _ in range(count - 1):
            act(found, self._read(leaves), out=found)
        return found


def _shape_order(part: tuple[str, list[int]]) -> tuple[int, str]:
    """Plain leaves first, negatives last: equal shapes, however they were typed."""
    shape = part[0]
    return ("x", "|", "&", "!").index(shape[0]), shape


def _musts(written: str) -> int:
    if written == "x":
        return 1
    if written[0] != "&":
        return 0
    return len(written[2:]) - len(written[2:].lstrip("x"))


def _row(mask: int, width: int) -> Words:
    return np.frombuffer(mask.to_bytes(width * 8, "little"), np.uint64)


def answered(queries: Sequence[Query], batch: Batch) -> list[int]:
    """The mask of each query: few are asked one by one, many together."""
    if len(queries) < _FEW:
        return [batch.mask(query) for query in queries]
    answers = Filters(queries).match(batch)
    return [answers.mask(number) for number in range(len(queries))]
