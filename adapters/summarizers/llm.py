"""Any server that speaks OpenAI's chat completions: hosted ones, Ollama, vLLM, llama.cpp.

Retries are the caller's: the library's own are off, since one that nobody counted would pass a budget. What a server
turns out not to know (a schema, JSON mode, the newer name of the limit) is left out from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from email.utils import parsedate_to_datetime
from importlib import import_module
from time import time
from typing import TYPE_CHECKING, Any

from bot.errors import NotAllowed, Refused, TryLater, Uncertain
from bot.ports import Answer, Finding, Request

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LARGEST = 4 * 1024 * 1024
"""Bytes of an answer, unpacked; what is longer is no answer."""
_FORMS = ("schema", "object", "text")
"""How JSON is asked for: by its schema, as JSON of any kind, in words alone."""
_FORM_WORDS = ("response_format", "json_schema", "json_object", "grammar", "structured output")
_KEY = "PAPERROUND_SUMMARIES__KEY"


class Llm:
    """``url`` ends in ``/v1`` mostly; ``timeout``: seconds for one request, its answer included."""

    def __init__(self, url: str, model: str, key: str = "", timeout: float = 120.0) -> None:
        self._url, self._model, self._key, self._timeout = url, model, key, timeout
        self._client: AsyncOpenAI | None = None
        self._form = 0
        self._limit = "max_tokens"

    @property
    def model(self) -> str:
        return self._model

    async def ask(self, request: Request) -> Answer:
        """See ``ports.Summarizer.ask``."""
        client = await self._opened()
        while True:
            form, limit = self._form, self._limit
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._once(client, request, form, limit)
            except TimeoutError as error:
                raise Uncertain(f"no answer within {self._timeout:g} s") from error
            except _Unknown as unknown:
                # Nothing was made of such a request, so it may be sent once more.
                if not self._learn(unknown.what, form, limit):
                    raise Refused(str(unknown)) from unknown

    def _learn(self, what: str, form: int, limit: str) -> bool:
        """Do without what the server does not know; False where there is nothing left to do without."""
        if what == "limit":
            self._limit = "max_completion_tokens" if limit == "max_tokens" else limit
            return limit == "max_tokens"
        if form + 1 >= len(_FORMS):
            return False
        self._form = max(self._form, form + 1)
        return True

    async def _once(self, client: AsyncOpenAI, request: Request, form: int, limit: str) -> Answer:
        openai = import_module("openai")
        try:
            # Its types know no limit whose name is given here.
            create: Any = client.chat.completions.with_raw_response.create
            told = await create(
                model=self._model,
                messages=[
                    {"role": "system", "content": request.system},
                    {"role": "user", "content": request.user},
                ],
                **_format(_FORMS[form], request),
                **{limit: request.most_tokens},
            )
            return _answer(told.content)
        except openai.APITimeoutError as error:
            raise Uncertain(f"no answer within {self._timeout:g} s") from error
        except openai.APIConnectionError as error:
            raise _unreachable(error) from error
        except openai.APIStatusError as error:
            raise _refusal(error) from error
        except openai.OpenAIError as error:
            raise Uncertain(_short(error)) from error

    async def _opened(self) -> AsyncOpenAI:
        if self._client is None:
            # Imported late and apart: it takes a second, and nobody else needs it.
            client = await asyncio.to_thread(_make_client, self._url, self._key, self._timeout)
            if self._client is None:
                self._client = client
        return self._client

    async def examine(self) -> Sequence[Finding]:
        """Asks for the list of models, which costs nothing."""
        openai = import_module("openai")
        client = await self._opened()
        mend = "set summaries.url to where the server answers, mostly an address that ends in /v1"
        try:
            async with asyncio.timeout(15):
                page = await client.models.list()
            known = {one.id for one in page.data}
        except (TimeoutError, openai.APIConnectionError) as error:
            what = f"{self._url} cannot be reached: {_short(error) or 'no answer within 15 s'}"
            return [Finding("summaries", False, what, mend)]
        except openai.APIStatusError as error:
            if error.status_code in (401, 403):
                return [Finding("summaries", False, "the server refuses the key", f"set {_KEY} to a key of its own")]
            return [Finding("summaries", True, f"{self._url} answers, and does not list its models")]
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            return [Finding("summaries", False, f"{self._url} answers, but not as it should: {_short(error)}", mend)]
        if known and self._model not in known and f"{self._model}:latest" not in known:
            few = ", ".join(sorted(known)[:5])
            what = f"the server has no model {self._model}"
            return [Finding("summaries", False, what, f"set summaries.model to one of its own, as {few}")]
        return [Finding("summaries", True, f"{self._model} at {self._url} is there")]

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None


class _Unknown(Exception):
    """The server does not know part of the request: ``form`` or ``limit``."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(why)
        self.what = what


def _format(form: str, request: Request) -> dict[str, Any]:
    if form == "schema":
        named = {"name": "summaries", "strict": True, "schema": dict(request.schema)}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    return {"response_format": {"type": "json_object"}} if form == "object" else {}


def _make_client(url: str, key: str, timeout: float) -> AsyncOpenAI:
    import httpx2
    from openai import AsyncOpenAI

    class Limited(httpx2.AsyncByteStream):
        """An answer's bytes, as far as anybody can want them."""

        def __init__(self, inner: httpx2.AsyncByteStream) -> None:
            self._inner = inner

        async def __aiter__(self) -> AsyncIterator[bytes]:
            read = 0
            async for chunk in self._inner:
                read += len(chunk)
                if read > LARGEST:
                    raise httpx2.ReadError(f"the answer is larger than {LARGEST} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self._inner.aclose()

    class Transport(httpx2.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            response = await super().handle_async_request(request)
            if response.headers.get("content-encoding", "identity") != "identity":
                await response.aclose()
                raise httpx2.ReadError("the answer is packed, and nobody asked for that")
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            response.stream = Limited(response.stream)
            return response

    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=20)
    # A redirect would take the papers, and with some libraries the key, to somebody else.
    client = httpx2.AsyncClient(
        transport=Transport(limits=limits), follow_redirects=False, timeout=httpx2.Timeout(timeout, connect=10.0),
        headers={"Accept-Encoding": "identity"},  # so that what is counted is what it is
    )  # fmt: skip
    made = AsyncOpenAI(api_key=key or "none", base_url=url, max_retries=0, http_client=client, timeout=timeout)
    _ = made.chat.completions.with_raw_response  # imports the rest, which is not to count as the first answer's time
    return made


def _answer(content: bytes) -> Answer:
    """Raises Uncertain for what is no answer: something was made of the request, nobody knows how much."""
    import json

    try:
        told = json.loads(content)
        choice = told["choices"][0]
        message = choice["message"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Uncertain("the answer was not what a chat completion is") from error
    text = message.get("content")
    if isinstance(text, list):  # parts, as some servers give them
        text = "".join(str(part.get("text", "")) for part in text if isinstance(part, dict))
    refusal = message.get("refusal")
    finish = choice.get("finish_reason")
    if finish == "content_filter":
        refusal = refusal or "its filter stopped it"
    usage = told.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Answer(
        text if isinstance(text, str) else "",
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        cut=finish == "length",
        refusal=str(refusal)[:300] if refusal else "",
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _refusal(error: Any) -> Exception:
    """What an HTTP status asks of us (https://platform.openai.com/docs/guides/error-codes)."""
    status, why = error.status_code, f"{error.status_code}: {_short(error)}"
    said = str(error.message).lower() + str(error.body).lower()
    if status == 429:
        if "insufficient_quota" in said or "billing" in said:
            return NotAllowed(why)
        return TryLater(why, _after(error))
    if status == 503:  # overloaded or still loading its model: it did not begin
        return TryLater(why, _after(error))
    if any(word in said for word in _FORM_WORDS) and status in (400, 422, 500, 501):
        return _Unknown("form", why)
    if status >= 500 or status == 408:
        return Uncertain(why)
    if status in (401, 402, 403, 404) or 300 <= status < 400:
        return NotAllowed(why)
    if "max_completion_tokens" in said and "max_tokens" in said:
        return _Unknown("limit", why)
    return Refused(why)


def _unreachable(error: Exception) -> Exception:
    """Only what never left was surely not carried out."""
    import httpx2

    cause = error.__cause__
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.UnsupportedProtocol):
        return TryLater(f"the server cannot be reached: {_short(cause)}")
    return Uncertain(f"the connection broke: {_short(cause or error)}")


def _after(error: Any) -> float | None:
    """Seconds of ``retry-after``, which is a number of them or a date (RFC 9110, 10.2.3)."""
    headers = error.response.headers
    text = headers.get("retry-after", "")
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1000
        elif text.replace(".", "", 1).isdigit():
            seconds = float(text)
        elif text:
            seconds = parsedate_to_datetime(text).timestamp() - time()
        else:
            return None
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), 86_400.0)


def _short(error: BaseException | None) -> str:
    return " ".join(str(error or "").split())[:200]
