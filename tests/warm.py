"""The program as a process that begins with its imports done: most of what a test's program does is to import.

A server of ``multiprocessing`` has imported it, and forks. Such a process has its own pid, streams, folder, environment
and signals, and can be killed and frozen as any other. That the command itself starts is shown by tests/cli.
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from pathlib import Path

from tests.paths import ROOT

IMPORTED = (
    "tests.warm", "bot.cli", "bot.serving", "bot.assembly", "storage.store", "storage.searching", "adapters.monitor",
    "adapters.clock", "adapters.sources.arxiv", "adapters.chats.telegram", "adapters.chats.discord_chat",
    "alembic.command", "babel.dates", "opencc", "psycopg",
)  # fmt: skip

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(list(IMPORTED))


class Process:
    """What `asyncio.subprocess.Process` is to a program, for one that was forked."""

    def __init__(self, folder: Path, env: Mapping[str, str], arguments: Sequence[str]) -> None:
        """Start it, in a running loop."""
        _serve()
        pipes = [_CONTEXT.Pipe(duplex=False) for _ in range(2)]
        ends = [ours for ours, _ in pipes], [theirs for _, theirs in pipes]
        self._forked = _CONTEXT.Process(target=_become, args=(str(folder), dict(env), tuple(arguments), *ends[1]))
        self._forked.start()
        for end in ends[1]:
            end.close()
        self._ends, self.pid = ends[0], self._forked.pid or 0
        self.returncode: int | None = None
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(self._forked.sentinel, self._end)

    async def streams(self) -> list[asyncio.StreamReader]:
        """(standard output, standard error)."""
        found = []
        for end in self._ends:
            found.append(asyncio.StreamReader())
            protocol = asyncio.StreamReaderProtocol(found[-1])
            await self._loop.connect_read_pipe(lambda made=protocol: made, os.fdopen(os.dup(end.fileno()), "rb", 0))  # type: ignore[misc]
            end.close()
        return found

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    async def wait(self) -> int:
        return await asyncio.shield(self._done)

    def _end(self) -> None:
        self._loop.remove_reader(self._forked.sentinel)
        self._forked.join()
        self.returncode = self._forked.exitcode
        assert self.returncode is not None
        self._done.set_result(self.returncode)


def _serve() -> None:
    """Have the server: it finds the modules of this tree, wherever the test is just now."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _opened(number: int, mode: str) -> io.TextIOWrapper:
    """A stream as PYTHONUNBUFFERED makes it."""
    return io.TextIOWrapper(io.FileIO(number, mode), "utf-8", "backslashreplace", write_through=True)


def _become(folder: str, env: dict[str, str], arguments: Sequence[str], out: Connection, err: Connection) -> None:
    """The program, as its command would begin it."""
    from bot.__main__ import main
    from storage import engine

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    out.close()
    err.close()
    sys.stdin = _opened(0, "r")
    sys.stdout, sys.stderr = _opened(1, "w"), _opened(2, "w")
    sys.argv = ["paperround", *arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The one thing that is found out while importing.
    engine._OURS = engine._OURS.replace(f"paperround {os.getppid()}@", f"paperround {os.getpid()}@")
    sys.exit(main(arguments))
