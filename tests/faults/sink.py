"""A platform that takes every message and answers as briefly as it can, so that the sender's own work is measured.

``python -m tests.faults.sink`` is a process of its own: it prints its port and serves until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys

TELEGRAM = json.dumps(
    {"ok": True, "result": {"message_id": 7, "date": 1744102800, "chat": {"id": 1, "type": "private"}, "text": "x"}}
).encode()
DISCORD = json.dumps({"id": "1359000000000000000", "channel_id": "1", "content": "", "type": 0}).encode()
ME = json.dumps({
    "id": "900000000000000001", "username": "paperround", "discriminator": "0", "global_name": None, "avatar": None,
    "bot": True, "verified": True, "mfa_enabled": False,
}).encode()  # fmt: skip
APPLICATION = json.dumps({
    "id": "900000000000000001", "name": "paperround", "icon": None, "description": "", "summary": "", "flags": 0,
    "bot_public": True, "bot_require_code_grant": False, "verify_key": "00", "team": None,
    "owner": {"id": "1", "username": "owner", "discriminator": "0", "global_name": None, "avatar": None},
}).encode()  # fmt: skip


class Sink(asyncio.Protocol):
    """One connection of HTTP/1.1. ``GET /last`` gives path, a zero byte and body of the last message."""

    last = b""
    taken = 0
    delay = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._data = transport, b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end]
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._data) < end + 4 + length:
                return
            body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
            method, path, _ = head.split(b" ", 2)
            answer = self._answer(method, path, body)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-RateLimit-Limit: 1000\r\n"
            head += b"X-RateLimit-Remaining: 999\r\nX-RateLimit-Reset-After: 1.0\r\n"
            whole = head + b"Content-Length: %d\r\n\r\n" % len(answer) + answer
            if Sink.delay and method == b"POST":
                asyncio.get_running_loop().call_later(Sink.delay, self._transport.write, whole)
            else:
                self._transport.write(whole)

    def _answer(self, method: bytes, path: bytes, body: bytes) -> bytes:
        if method == b"POST":
            Sink.last = path + b"\0" + body
            Sink.taken += 1
            return DISCORD if path.startswith(b"/api/") else TELEGRAM
        if path == b"/last":
            return Sink.last
        return ME if path.endswith(b"/users/@me") else APPLICATION


async def main() -> None:
    loop = asyncio.get_running_loop()
    Sink.delay = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    server = await loop.create_server(Sink, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
