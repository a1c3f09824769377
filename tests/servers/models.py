"""A server that speaks OpenAI's chat completions over loopback, with every fault that such servers have.

It "translates" by a phrase book, so that what it says is about the paper that it was given.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.model import FeedItem
from tests.feeds_text import paper

MODEL = "kettle-7b"
KEY = "sk-tests-0123456789abcdef"

PHRASES = {
    "Making tea with a language model takes time.": ("用语言模型泡茶需要时间。", "用語言模型泡茶需要時間。"),
    "We factor the temperature of the water into two small matrices.": (
        "我们把水温分解为两个小矩阵。", "我們把水溫分解為兩個小矩陣。",
    ),
    "In experiments on 12 kettles it is three times as fast as a pot.": (
        "在 12 个水壶上的实验表明，它的速度是茶壶的三倍。", "在 12 個水壺上的實驗表明，它的速度是茶壺的三倍。",
    ),
    "Quantizing the leaves keeps the taste.": ("量化茶叶可以保留味道。", "量化茶葉可以保留味道。"),
    "Code and leaves are free for everybody.": ("代码和茶叶对所有人免费开放。", "程式碼和茶葉對所有人免費開放。"),
}  # fmt: skip
FAULTS = (
    "429", "429 later", "429 date", "500", "503", "slow", "reset", "html", "cut", "language", "refusal", "long",
    "nothing", "no usage",
)  # fmt: skip
"""What may befall a request; see `ModelServer._answer`."""


def tea(number: int, quantized: bool = False, more: str = "") -> FeedItem:
    """A paper of cs.CL that the phrase book knows."""
    said = [text for text in PHRASES if quantized or not text.startswith("Quant")]
    return paper(f"2504.{number:05d}", f"Kettle-{number}: Low-Rank Tea", " ".join(said) + more, categories=("cs.CL",))


@dataclass(slots=True)
class Asked:
    """One request as it came, and what befell it."""

    body: dict[str, Any]
    fault: str = ""
    papers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def titles(self) -> list[str]:
        return [str(one["title"]) for one in self.papers]


class ModelServer:
    """``async with ModelServer() as server``. ``fault`` says what befalls the n-th request (one of FAULTS, or "");
    ``obeys``: a gullible model, which does what an abstract tells it; ``knows``: the forms of ``response_format`` that
    it takes; ``limit``: the only name of the answer's limit that it takes, empty for either. ``spent``: tokens that it
    worked for, whoever was told."""

    def __init__(self, fault: Callable[[int, Asked], str] = lambda n, asked: "") -> None:
        self.fault = fault
        self.asked: list[Asked] = []
        self.befell: Counter[str] = Counter()
        self.spent = self.under_way = self.most_at_once = 0
        self.knows = {"json_schema", "json_object", "text"}
        self.limit = ""
        self.book: dict[tuple[str, str], dict[str, Any]] = {}
        """What it says of a paper of that title in that language, in place of the phrase book."""
        self.obeys = False
        self.delay, self.stall = 0.0, 30.0
        self.parallel = 1_000
        """Requests at once; more are answered by 429."""
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def papers(self) -> Counter[str]:
        """How often each paper was asked about, by its title."""
        return Counter(title for asked in self.asked for title in asked.titles)

    async def _models(self, request: web.Request) -> web.StreamResponse:
        if self._refused(request):
            return _error(401, "Incorrect API key provided")
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    @staticmethod
    def _refused(request: web.Request) -> bool:
        return request.headers.get("Authorization") != f"Bearer {KEY}"

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if self._refused(request):
            return _error(401, "Incorrect API key provided")
        if body.get("model") != MODEL:
            return _error(404, f"The model {body.get('model')!r} does not exist")
        form = body.get("response_format", {}).get("type", "text")
        if form not in self.knows:
            return _error(400, f"'response_format.type' {form} is not supported by this model")
        limit = "max_tokens" if "max_tokens" in body else "max_completion_tokens"
        if self.limit and limit != self.limit:
            return _error(400, f"Unsupported parameter: '{limit}'. Use '{self.limit}' instead of max_tokens.")
        asked = Asked(body, papers=json.loads(body["messages"][-1]["content"])["papers"])
        self.asked.append(asked)
        asked.fault = self.fault(len(self.asked), asked)
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            if self.under_way > self.parallel:
                asked.fault = "429"
            self.befell[asked.fault or "well"] += 1
            return await self._answer(request, asked)
        finally:
            self.under_way -= 1

    async def _answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        match asked.fault:
            case "429":
                return _error(429, "Rate limit reached")
            case "429 later":
                return _error(429, "Rate limit reached", {"Retry-After": "1"})
            case "429 date":
                return _error(429, "Rate limit reached", {"Retry-After": formatdate(time() + 2, usegmt=True)})
            case "503":
                return _error(503, "The engine is currently overloaded")
        text = self._text(asked)
        most = int(asked.body.get("max_tokens") or asked.body["max_completion_tokens"])
        read = sum(len(message["content"].encode()) for message in asked.body["messages"]) // 4
        written = min(len(text.encode()) // 3, most)
        self.spent += read + written
        cut = asked.fault == "cut" or written == most
        if self.delay:
            await asyncio.sleep(self.delay)
        match asked.fault:
            case "500":
                return _error(500, "The server had an error")
            case "slow":
                await asyncio.sleep(self.stall)
            case "html":
                return web.Response(text="<html>It works!</html>", content_type="text/html")
        message: dict[str, Any] = {"role": "assistant", "content": text[: len(text) // 2] if cut else text}
        if asked.fault == "refusal":
            message = {"role": "assistant", "content": None, "refusal": "I'm sorry, I can't help with that."}
        told = {
            "id": "chatcmpl-1", "object": "chat.completion", "created": int(time()), "model": MODEL,
            "choices": [{"index": 0, "message": message, "finish_reason": "length" if cut else "stop"}],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        }  # fmt: skip
        if asked.fault == "no usage":
            del told["usage"]
        if asked.fault == "reset":
            response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100000"})
            await response.prepare(request)
            await response.write(json.dumps(told).encode()[:40])
            if request.transport is not None:
                request.transport.abort()
            return response
        return web.json_response(told)

    def _text(self, asked: Asked) -> str:
        system = asked.body["messages"][0]["content"]
        script = 1 if "zh-Hant" in system else 0 if "zh-Hans" in system else None
        fields = re.findall(r'^- "(\w+)":', system, re.MULTILINE)
        told = []
        for one in asked.papers:
            language = "en" if script is None else ("zh-Hans", "zh-Hant")[script]
            words = self.book.get((str(one["title"]), language)) or _words(one, script, asked.fault)
            if self.obeys and (order := re.search(r"say (\{.*\})", one["abstract"])):
                words |= json.loads(order[1])
            told.append({"paper": one["paper"]} | {name: words[name] for name in fields if name in words})
            if self.obeys and "every other paper" in one["abstract"]:
                told += [{"paper": n, **words} for n in range(-1, 9) if n != one["paper"]]
        text = json.dumps({"papers": told if asked.fault != "nothing" else []}, ensure_ascii=False)
        form = asked.body.get("response_format", {}).get("type", "text")
        # Without a form asked for, models talk.
        return text if form != "text" else f"<think>{{hm}}</think>Here you are:\n```json\n{text}\n```"


def _words(one: dict[str, Any], script: int | None, fault: str) -> dict[str, Any]:
    """What an able model says of a paper; ``script``: 0 and 1 for Chinese, None for English."""
    name = str(one["title"]).partition(":")[0]
    english = fault == "language" if script is not None else fault != "language"
    said = [
        phrase if english else both[script or 0] for phrase, both in PHRASES.items() if phrase in str(one["abstract"])
    ]
    if english:
        headline = f"{name} makes tea three times as fast by factoring the temperature of the water."
        title, subjects = str(one["title"]), ["tea", "low-rank methods"]
    elif script:
        headline = f"{name} 把水溫分解為兩個小矩陣，泡茶速度是茶壺的三倍。"
        title, subjects = f"{name}：低秩泡茶法", ["茶", "低秩方法"]
    else:
        headline = f"{name} 把水温分解为两个小矩阵，泡茶速度是茶壶的三倍。"
        title, subjects = f"{name}：低秩泡茶法", ["茶", "低秩方法"]
    if "Quantizing" in str(one["abstract"]) and not english:
        headline = headline.removesuffix("。") + ("，並量化茶葉。" if script else "，并量化茶叶。")
    if fault == "long":
        headline *= 60
    return {"headline": headline, "title": title, "abstract": "".join(said) or headline, "subjects": subjects}


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"error": {"message": message, "type": "error", "param": None, "code": None}}
    return web.json_response(body, status=status, headers=headers)
