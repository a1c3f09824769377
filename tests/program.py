"""The program as whole processes: where it is, what it is told by its environment, and an address nobody answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.paths import ROOT

if TYPE_CHECKING:
    from tests import warm
    from tests.servers.discord import FakeDiscord
    from tests.servers.telegram import FakeTelegram


def command() -> list[str]:
    """The installed command beside this Python, or the module where it is not installed."""
    script = Path(sys.executable).with_name("paperround")
    return [str(script)] if script.exists() else [sys.executable, "-m", "bot"]


def environment(folder: Path, feed_url: str = "", **more: str) -> dict[str, str]:
    """Variables for a program whose data lie in ``folder``/data and who reads feeds at ``feed_url`` (nowhere)."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PAPERROUND_DATA_DIR": str(folder / "data"),
        "PAPERROUND_ARXIV__FEED_URL": feed_url or refused_url(),
        "PAPERROUND_ARXIV__INTERVAL": "0",
        **more,
    }


def refused_url() -> str:
    """An address on loopback that refuses every connection: the port was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/rss"


class Program:
    """One run of the program as a process: ``async with Program(folder, env, "run") as program``.

    ``out`` and ``log`` (standard error) are what it wrote so far. At the end of the block a program that still runs
    is asked to stop and must, within 10 seconds and with status 0; one that was killed or has ended is let be.
    ``before``: a command that runs it, as ``nice`` would. ``warm``: it is forked with its imports done.
    """

    before: Sequence[str] = ()
    warm = False

    def __init__(self, folder: Path, env: Mapping[str, str], *arguments: str) -> None:
        self.folder, self.env, self.arguments = folder, dict(env), arguments
        self._written: dict[str, bytearray] = {"out": bytearray(), "log": bytearray()}
        self._readers: list[asyncio.Task[None]] = []

    @property
    def out(self) -> str:
        return self._written["out"].decode()

    @property
    def log(self) -> str:
        return self._written["log"].decode()

    async def __aenter__(self) -> Self:
        if self.warm and not self.before:
            from tests import warm

            forked = warm.Process(self.folder, self.env, self.arguments)
            self._process: asyncio.subprocess.Process | warm.Process = forked
            out, log = await forked.streams()
        else:
            made = self._process = await asyncio.create_subprocess_exec(
                *self.before, *command(), *self.arguments, cwd=self.folder, env=self.env | {"PYTHONUNBUFFERED": "1"},
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert made.stdout is not None and made.stderr is not None
            out, log = made.stdout, made.stderr
        for name, stream in (("out", out), ("log", log)):
            self._readers.append(asyncio.create_task(self._read(stream, self._written[name])))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            # The test has failed already; what the program does now tells nothing.
            await self.kill()
        elif self._process.returncode is None:
            await self.stop()

    async def _read(self, stream: asyncio.StreamReader, into: bytearray) -> None:
        while some := await stream.read(1 << 16):
            into += some

    async def ended(self, within: float = 60.0) -> int:
        """Its exit status, when it ends by itself; it is killed where it does not, and TimeoutError raised."""
        try:
            async with asyncio.timeout(within):
                await asyncio.gather(self._process.wait(), *self._readers)
        except TimeoutError as error:
            await self.kill()
            raise TimeoutError(f"it does not end; the end of its log:\n{self.log[-4000:]}") from error
        assert self._process.returncode is not None
        return self._process.returncode

    async def stop(self, within: float = 10.0, status: int = 0) -> None:
        """SIGTERM, as service managers send it."""
        self._process.send_signal(signal.SIGTERM)
        assert await self.ended(within) == status, self.log

    def signal(self, number: signal.Signals) -> None:
        """From any thread, at this very moment; nothing where it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def freeze(self) -> None:
        """SIGSTOP: it does nothing more until `thaw`, and notices neither."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """SIGKILL: no word and no clean-up."""
        if self._process.returncode is None:
            self.signal(signal.SIGKILL)
        await asyncio.gather(self._process.wait(), *self._readers)


async def round_at(folder: Path, env: Mapping[str, str], at: datetime, status: int = 0) -> dict[str, Any]:
    """``paperround round`` at a time, and what it printed."""
    async with Program(folder, env, "round", "--json", "--at", at.isoformat()) as program:
        assert await program.ended() == status, program.log
    found: dict[str, Any] = json.loads(program.out)
    return found


def of_platforms(telegram: FakeTelegram | None = None, discord: FakeDiscord | None = None) -> dict[str, str]:
    """Variables for a program that talks to these."""
    found = {"PAPERROUND_ACCESS": "open"}
    if telegram is not None:
        found |= {"PAPERROUND_TELEGRAM__TOKEN": telegram.token, "PAPERROUND_TELEGRAM__API_URL": telegram.url}
    if discord is not None:
        found |= {
            "PAPERROUND_DISCORD__TOKEN": discord.token,
            "PAPERROUND_DISCORD__API_URL": discord.api_url,
            "PAPERROUND_DISCORD__GATEWAY_URL": discord.gateway_url,
        }
    return found
