"""Rich messages: headings, folds that open in place and formulas that are drawn, for instances that ask for them.

A message carries both forms; the classic one goes where a server does not know or does not take the rich one.
https://core.telegram.org/bots/api#sendrichmessage, since Bot API 10.1: 32,768 characters, 500 blocks.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any

from telegram import Bot
from telegram import error as tg

from adapters.chats.telegram_requests import AiohttpRequest
from bot.replies import Block, BlockKind, Span, Style
from bot.text import readable

log = logging.getLogger(__name__)

MAX_FORMULA = 400
_TAGS = {Style.BOLD: "b", Style.ITALIC: "i", Style.CODE: "code"}
_FORMULA = re.compile(r"(?<!\\)\$\$?([^$]+?)(?<!\\)\$\$?")
_SUMMARY = 60
_CLASSIC = ("text", "parse_mode", "link_preview_options")


def rich_html(blocks: Iterable[Block]) -> str:
    """The blocks as the HTML of a rich message: a paragraph for each line, folds that open in place, a line between two
    papers."""
    out, after_paper = [], False
    for block in blocks:
        out += ["<hr/>"] if after_paper and block.paper else []
        out += _parts(block)
        after_paper = bool(block.paper)
    return "".join(out)


def _parts(block: Block) -> Iterator[str]:
    match block.kind:
        case BlockKind.HEADING:
            yield f"<h4>{_inner(block.spans)}</h4>"
        case BlockKind.CODE:
            yield f"<pre>{_escape(block.text)}</pre>"
        case BlockKind.QUOTE:
            yield f"<blockquote>{_inner(block.spans)}</blockquote>"
        case _:
            yield from (f"<p>{line}</p>" for line in _lines(block.spans))
    for fold in block.folds:
        label = block.unfold.label if block.unfold else fold.text[:_SUMMARY].rstrip() + "…"
        yield f"<details><summary>{_escape(label)}</summary><p>{_inner([fold])}</p></details>"


def _lines(spans: Iterable[Span]) -> list[str]:
    lines = [""]
    for span in spans:
        # A formula that goes over a line's end is drawn in one.
        texts = [span.text] if span.tex else span.text.split("\n")
        for number, text in enumerate(texts):
            if number:
                lines.append("")
            if text:
                lines[-1] += _inner([Span(text, span.style, span.link, span.tex)])
    return [line for line in lines if line]


def _inner(spans: Iterable[Span]) -> str:
    out = []
    for span in spans:
        text = _drawn(span.tex) or _escape(span.text)
        if tag := _TAGS.get(span.style):
            text = f"<{tag}>{text}</{tag}>"
        out.append(f'<a href="{_escape(span.link)}">{text}</a>' if span.link else text)
    return "".join(out)


def _drawn(tex: str) -> str:
    """TeX with its formulas to be drawn; empty where one of them is no formula that can be trusted to be."""
    pieces = _FORMULA.split(tex)
    if len(pieces) < 2 or any("$" in text.replace(r"\$", "") for text in pieces[::2]):
        return ""
    out = []
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            core = piece.strip()
            before, after = piece[: len(piece) - len(piece.lstrip())], piece[len(piece.rstrip()) :]
            out.append(_escape(f"{before}{readable(core)}{after}" if core else piece))
        elif _sound(piece):
            out.append(f"<tg-math>{_escape(piece.strip())}</tg-math>")
        else:
            return ""
    return " ".join("".join(out).split())


def _sound(formula: str) -> bool:
    depth = 0
    for c in re.sub(r"\\.", "", formula):
        depth += (c == "{") - (c == "}")
        if depth < 0:
            return False
    return depth == 0 and 0 < len(formula.strip()) <= MAX_FORMULA


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


class Forms:
    """Sends and edits in the rich form where a message has it, and in the classic one where that was not taken: a
    refusal posts nothing, so nothing comes twice. A server that does not know rich messages is not asked again."""

    def __init__(self, bot: Bot, request: AiohttpRequest, rich: bool) -> None:
        self._bot, self._request, self._rich = bot, request, rich

    @property
    def rich(self) -> bool:
        return self._rich

    async def send(self, parameters: dict[str, Any]) -> Any:
        """The message as the Bot API gives it back. Raises what the library raises."""
        return await self._call("sendRichMessage", "sendMessage", parameters)

    async def edit(self, parameters: dict[str, Any]) -> Any:
        return await self._call("editMessageText", "editMessageText", parameters)

    async def _call(self, richly: str, classically: str, parameters: dict[str, Any]) -> Any:
        classic = {name: value for name, value in parameters.items() if name != "rich_message"}
        unknown = False
        if "rich_message" in parameters and self._rich:
            rich = {name: value for name, value in parameters.items() if name not in _CLASSIC}
            try:
                return await self._post(richly, rich)
            except (tg.InvalidToken, tg.EndPointNotFound):
                unknown = True  # both are HTTP 404: which it is, the classic form shows
            except tg.BadRequest as error:
                if "not modified" in error.message.lower():
                    raise
                log.info("Telegram takes a message in the classic form alone: %s", error.message)
        answer = await self._post(classically, classic)
        if unknown:
            log.warning("this Bot API server does not know rich messages; the classic ones go on")
            self._rich = False
        return answer

    async def _post(self, method: str, parameters: dict[str, Any]) -> Any:
        return await self._request.call(f"{self._bot.base_url}/{method}", parameters)
