"""A platform and a clock in the tests' hands: what arrives is kept, what goes wrong is told beforehand."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from bot.errors import Hidden, TryLater, Uncertain
from bot.model import Address
from bot.ports import Desk, Finding, Message
from bot.replies import Reply

NOW = datetime(2025, 4, 8, 8, tzinfo=UTC)


class Wall:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


class Wire:
    """A platform that keeps what arrives, two papers a message. ``answers`` decides what comes of a message, by what
    it says; a trouble that it gives is raised, after the arrival where it is Uncertain. ``hold`` keeps messages on
    their way until it is set; ``held`` says that one is."""

    def __init__(self, platform: str = "telegram") -> None:
        self.platform = platform
        self.arrived: list[tuple[Address, str, str]] = []
        self.tried: list[Address] = []
        self.answers: Callable[[Address, str], Exception | None] = lambda address, text: None
        self.hold: asyncio.Event | None = None
        self.held = asyncio.Event()
        self.broken = ""
        """Text that cannot be rendered."""
        self.nonce_window = timedelta(minutes=3) if platform == "discord" else None
        self.clock: Callable[[], datetime] = lambda: NOW
        """For the nonces, of which each is forgotten two minutes after the window that is told."""
        self.legible = platform == "discord"
        """Whether what was sent can be read again."""
        self.looked = 0
        self._nonces: dict[str, datetime] = {}

    def render(self, reply: Reply) -> tuple[Message, ...]:
        blocks = [block for block in reply.blocks if block.text]
        if self.broken and any(self.broken in block.text for block in blocks):
            raise RuntimeError("no such glyph")
        pages = [""]
        papers: list[list[int]] = [[]]
        for block in blocks:
            if block.paper and len(papers[-1]) == 2:
                pages.append("")
                papers.append([])
            pages[-1] += block.text + "\n"
            papers[-1] += [block.paper] if block.paper else []
        return tuple(Message(text.encode(), tuple(ids)) for text, ids in zip(pages, papers, strict=True) if text)

    async def ready(self, address: Address) -> None: ...

    async def send(self, address: Address, payload: bytes, nonce: str) -> str:
        self.tried.append(address)
        if self.hold is not None:
            self.held.set()
            await self.hold.wait()
        trouble = self.answers(address, payload.decode())
        kept = self.nonce_window and self.nonce_window + timedelta(minutes=2)
        new = not (kept and nonce in self._nonces and self.clock() - self._nonces[nonce] <= kept)
        if not new and not isinstance(trouble, TryLater | Uncertain):
            # Discord finds the first message by its nonce, and nothing wrong with it.
            return nonce
        if new and (trouble is None or isinstance(trouble, Uncertain)):
            self.arrived.append((address, payload.decode(), nonce))
            self._nonces[nonce] = self.clock()
        if trouble is not None:
            raise trouble
        return nonce

    def follows(self, address: Address, first: str) -> Address:
        return address

    def marked(self, payload: bytes, note: str) -> bytes:
        return payload if payload.startswith(note.encode()) else f"{note}\n".encode() + payload

    def silent(self, payload: bytes) -> bytes:
        return payload

    async def find(self, address: Address, payload: bytes, since: datetime) -> str:
        self.looked += 1
        if not self.legible:
            raise Hidden("no right to read")
        return next((nonce for where, text, nonce in self.arrived if (where, text) == (address, payload.decode())), "")

    async def private_chat(self, user: str) -> Address:
        return Address(self.platform, user.partition(":")[2])

    def told(self) -> Counter[int]:
        """How often each paper of the samples arrived."""
        return Counter(n for _, text, _ in self.arrived for n in range(1, 100) if f"paper <{n}>" in text)

    async def start(self, desk: Desk) -> None: ...
    async def stop(self) -> None: ...
    @property
    def listening(self) -> bool:
        return True

    async def examine(self) -> Sequence[Finding]:
        return ()
