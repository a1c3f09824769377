"""Papers offered in any chat while somebody types the bot's name: https://core.telegram.org/bots/inline"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from adapters.chats.telegram_render import clean, render
from adapters.chats.telegram_updates import Sought
from bot.ports import HINTED, Desk, Offer, Offers

Call = Callable[[str, Mapping[str, Any]], Awaitable[Any]]

MOST = 50
"""Results an answer: https://core.telegram.org/bots/api#answerinlinequery"""
TITLE, LINE, HINT = 256, 512, 64
"""Characters that are of use in a list; the interface cuts what is longer."""


async def offer(call: Call, desk: Desk, event: Sought) -> None:
    """Ask the desk, and answer. Raises what ``call`` raises, who gets a method and its parameters."""
    found = await desk.offers(event.caller, event.text, event.offset)
    await call("answerInlineQuery", answer(event.query_id, found))


def answer(query_id: str, found: Offers) -> dict[str, Any]:
    """Parameters of answerInlineQuery. What is offered depends on who asks, so it is kept for that person alone."""
    made: dict[str, Any] = {
        "inline_query_id": query_id,
        "results": [_result(one) for one in found.offers[:MOST]],
        "cache_time": found.seconds,
        "is_personal": True,
        "next_offset": found.next_offset,
    }
    if found.hint:
        made["button"] = {"text": clean(found.hint)[:HINT], "start_parameter": HINTED}
    return made


def _result(one: Offer) -> dict[str, Any]:
    """An article whose message is the reply's; a reply is short enough to be one message."""
    message = json.loads(render(one.reply)[0].payload)
    result: dict[str, Any] = {
        "type": "article",
        "id": one.id,
        "title": " ".join(clean(one.title).split())[:TITLE] or "…",
        "input_message_content": {
            "message_text": message["text"],
            "parse_mode": message["parse_mode"],
            "link_preview_options": message["link_preview_options"],
        },
    }
    if line := clean(one.line).strip()[:LINE]:
        result["description"] = line
    if keyboard := message.get("reply_markup"):
        result["reply_markup"] = keyboard
    return result
