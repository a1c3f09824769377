"""The program in a terminal of the test's own (a pty): what it shows, and what is typed."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.program import command

PATIENCE = 30.0
"""Seconds after which something that does not come never will; nothing is judged by less."""

_ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][A-Z0-9]|[=>78])")


class Terminal:
    """``with Terminal(folder, env) as terminal``: `paperround run` on a terminal of ``columns``."""

    def __init__(
        self, folder: Path, env: Mapping[str, str], arguments: Sequence[str] = ("run",), columns: int = 80
    ) -> None:
        self._place, self._env, self._arguments = folder, {"TERM": "xterm", **env}, arguments
        self._columns = columns
        self.raw = ""
        self._read = 0

    def __enter__(self) -> Self:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, self._columns, 0, 0))
        self._process = subprocess.Popen(
            [*command(), *self._arguments], cwd=self._place, env=self._env,
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(theirs)
        self._fd = ours
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        os.close(self._fd)

    @property
    def shown(self) -> str:
        """All so far, without colours and cursor movements."""
        return _ANSI.sub("", self.raw).replace("\r\n", "\n")

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def signal(self, name: int) -> None:
        self._process.send_signal(name)

    def expect(self, *texts: str) -> str:
        """Wait until each text was shown, one after the other, since the last call; returns what was shown since."""
        end = time.monotonic() + PATIENCE
        begun = self._read
        for text in texts:
            while (at := self.shown.find(text, self._read)) < 0:
                if not self._more(end):
                    raise AssertionError(f"{text!r} was not shown after:\n{self.shown[begun:]}")
            self._read = at + len(text)
        return self.shown[begun : self._read]

    def silent(self, seconds: float) -> bool:
        """Read on for so long; whether it has not ended by then."""
        end = time.monotonic() + seconds
        while self._more(end):
            pass
        return self._process.poll() is None and time.monotonic() >= end

    def end(self) -> int:
        """Wait for the program's end; returns its exit status."""
        end = time.monotonic() + PATIENCE
        while self._more(end):
            pass
        try:
            return self._process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end; it showed:\n{self.shown}") from None

    def _more(self, end: float) -> bool:
        """Read on; False at the end of output, or when patience is."""
        while (left := end - time.monotonic()) > 0:
            if not select.select([self._fd], [], [], min(left, 1.0))[0]:
                continue
            try:
                found = os.read(self._fd, 65536)
            except OSError as error:  # how Linux says that the other side is closed
                if error.errno != errno.EIO:
                    raise
                return False
            self.raw += found.decode(errors="replace")
            if "\x1b[6n" in found.decode(errors="replace"):
                self.type("\x1b[1;1R")  # where the cursor is, which a terminal answers
            return bool(found)
        return False
