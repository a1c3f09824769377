"""The file of erasures: it lies outside of the database, so that what was erased stays so after a restore.

A line each, JSON: when, an id of its own, which key its marks were made with, and the marks (keyed hashes) of what
was erased. Who has the file alone learns from it neither a chat nor a person.
"""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import TryLater

LONGEST_LINE = 4096


@dataclass(frozen=True, slots=True)
class Erasure:
    """``key`` tells which key made the ``marks``."""

    id: str
    at: datetime
    key: str
    marks: frozenset[str]


def mark_of(key: str, about: str) -> str:
    """What stands for an address or a user in the file."""
    return hmac.digest(key.encode(), b"erased " + about.encode(), "sha256").hex()[:32]


def key_mark(key: str) -> str:
    return hmac.digest(key.encode(), b"key", "sha256").hex()[:12]


class ErasureLog:
    """Only ever grows. Files of several machines may be put together, in any order."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, erasure: Erasure) -> None:
        """On disk when it returns. Raises TryLater where it cannot be written."""
        line = {
            "at": erasure.at.isoformat(), "id": erasure.id, "key": erasure.key, "marks": sorted(erasure.marks),
        }  # fmt: skip
        try:
            # After a line that a fault cut short, an empty one ends it.
            start = b"" if self._ends_well() else b"\n"
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, start + json.dumps(line).encode() + b"\n")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise TryLater(f"{self._path.name} cannot be written: {error.strerror}") from error

    def _ends_well(self) -> bool:
        try:
            with self._path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                return file.read(1) == b"\n"
        except OSError:  # not there, or empty
            return True

    def read(self) -> tuple[list[Erasure], int]:
        """Every erasure once, and how many lines could not be read. Raises OSError but where there is no file."""
        found: dict[str, Erasure] = {}
        unreadable = 0
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return [], 0
        with file:
            while line := file.readline(LONGEST_LINE):
                if not line.strip():
                    continue
                erasure = _read(line)
                if erasure is None:
                    unreadable += 1
                else:
                    found[erasure.id] = erasure
        return list(found.values()), unreadable


def _read(line: bytes) -> Erasure | None:
    try:
        values = json.loads(line)
        marks = frozenset(map(str, values["marks"]))
        at = datetime.fromisoformat(values["at"])
        return Erasure(str(values["id"]), at, str(values["key"]), marks) if at.tzinfo else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
