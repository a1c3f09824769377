"""Photographs pages by a headless Chromium, over its DevTools: https://chromedevtools.github.io/devtools-protocol/"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = (
    "no Chromium here, so there are pages and no pictures: "
    "apt-get install chromium fonts-noto-cjk fonts-noto-color-emoji"
)
STARTS_WITHIN = 30.0


def browser() -> str:
    """Where it is; empty where there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), "")


class Camera:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._ids = socket, itertools.count(1)

    async def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """One command; its result. Raises RuntimeError for what the browser refuses."""
        number = next(self._ids)
        asked = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json(asked | ({"sessionId": session} if session else {}))
        while True:
            answer = await self._socket.receive_json(timeout=60)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    async def take(self, page: Path, picture: Path, width: int, scale: float = 1.0, of: str = "body") -> None:
        """``picture`` (PNG) of what the selector ``of`` finds in ``page``, which is laid out ``width`` pixels wide."""
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        size = {"width": width, "height": 800, "deviceScaleFactor": scale, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", session, **size)
        await self.call("Page.navigate", session, url=page.resolve().as_uri())
        box = (
            "new Promise(done => { const look = () => document.fonts.ready.then(() => { const box = document"
            f".querySelector({of!r}).getBoundingClientRect(); done([box.x, box.y, box.width, box.height]) }});"
            " document.readyState === 'complete' ? look() : addEventListener('load', look) })"
        )
        found = await self.call("Runtime.evaluate", session, expression=box, awaitPromise=True, returnByValue=True)
        x, y, wide, high = found["result"]["value"]
        clip = {"x": x, "y": y, "width": wide, "height": min(high, 16_000 / scale), "scale": 1}
        shot = await self.call("Page.captureScreenshot", session, clip=clip, captureBeyondViewport=True)
        picture.write_bytes(base64.b64decode(shot["data"]))
        await self.call("Target.closeTarget", targetId=target)


@asynccontextmanager
async def camera() -> AsyncIterator[Camera]:
    """Raises RuntimeError where the browser does not start."""
    with tempfile.TemporaryDirectory(prefix="paperround-camera-", ignore_cleanup_errors=True) as profile:
        alone = ["--no-sandbox"] if os.geteuid() == 0 else []
        process = await asyncio.create_subprocess_exec(
            browser(), "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", "--disable-gpu",
            "--hide-scrollbars", "--no-first-run", "--disable-background-networking", "--disable-component-update",
            *alone,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            address = await asyncio.wait_for(_address(process), STARTS_WITHIN)
            async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
                yield Camera(socket)
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        if found := re.search(rb"ws://\S+", line):
            return found[0].decode()
    raise RuntimeError("the browser ended before it began")
