"""What can go wrong with a request to the tests' Bot API, told beforehand."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

CUT_AT = 0.5
"""Where an answer that is cut breaks off."""


@dataclass(frozen=True)
class Trouble:
    """What happens to one request: it waits, is carried out or not, and is answered, hung up on or left open
    (``stall`` seconds after it was carried out or not); ``cut``: the answer breaks off in its middle. ``after``
    requests are let through first."""

    after: int = 0
    wait: float = 0.0
    stall: float = 0.0
    carry_out: bool = False
    hang_up: bool = False
    cut: bool = False
    status: int = 0
    body: Any = None


class Troubles:
    """Troubles to come, by method and chat (0: whichever), in order, and those of ``by_chance``: what happens to a
    request that nothing else was told for, given its method and parameters."""

    def __init__(self) -> None:
        self._troubles: dict[tuple[str, int], deque[Trouble]] = defaultdict(deque)
        self.by_chance: Callable[[str, dict[str, Any]], Trouble | None] = lambda method, parameters: None

    def trouble_of(self, method: str, parameters: dict[str, Any]) -> Trouble | None:
        """What happens to this request."""
        chat = parameters.get("chat_id")
        waiting = self._troubles[method, chat if isinstance(chat, int) else 0] or self._troubles[method, 0]
        trouble = waiting.popleft() if waiting else None
        if trouble is not None and trouble.after:
            waiting.appendleft(replace(trouble, after=trouble.after - 1))
            return None
        return trouble or self.by_chance(method, parameters)

    def trouble_ends(self) -> None:
        """Whatever was to come does not."""
        self._troubles.clear()
        self.by_chance = lambda method, parameters: None

    def fail_next(self, method: str, status: int, description: Any = "", chat: int = 0, **parameters: Any) -> None:
        """Refuse the next ``method`` (to ``chat``). ``parameters`` are the response's (``retry_after=5``); a
        ``description`` of bytes is the whole body, as a proxy in between might answer."""
        body: Any = description
        if isinstance(description, str):
            body = {"ok": False, "error_code": status, "description": description}
            if parameters:
                body["parameters"] = parameters
        self._troubles[method, chat].append(Trouble(status=status, body=body))

    def drop_next(self, method: str, delivered: bool = True, chat: int = 0) -> None:
        """Take the next ``method``, carry it out or not, and close the connection without an answer."""
        self._troubles[method, chat].append(Trouble(carry_out=delivered, hang_up=True))

    def delay_next(self, method: str, seconds: float) -> None:
        self._troubles[method, 0].append(Trouble(wait=seconds, carry_out=True))

    def stall_next(
        self, method: str, delivered: bool = True, chat: int = 0, after: int = 0, seconds: float = 300.0
    ) -> None:
        """Take the next ``method``, carry it out or not, and keep the connection open for so long, then close it
        without an answer. ``after`` of them are let through first."""
        self._troubles[method, chat].append(Trouble(after, carry_out=delivered, stall=seconds, hang_up=True))

    def answer_late(self, method: str, seconds: float, chat: int = 0, after: int = 0) -> None:
        """Carry the next ``method`` out at once and answer after so long."""
        self._troubles[method, chat].append(Trouble(after, carry_out=True, stall=seconds))


class Refusal(Exception):
    """Status, description, and perhaps the response's parameters."""


def refusal(status: int, description: str, parameters: dict[str, Any] | None = None) -> web.Response:
    """As Telegram words it."""
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    return web.json_response(body, status=status)


async def cut_off(request: web.Request, answer: web.Response) -> web.StreamResponse:
    """The beginning of ``answer``, whose length was promised, and then nothing."""
    whole = answer.body if isinstance(answer.body, bytes) else b""
    half = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.headers["Content-Type"]})
    half.content_length = len(whole)
    await half.prepare(request)
    await half.write(whole[: int(len(whole) * CUT_AT)])
    if request.transport is not None:
        request.transport.close()
    return half
