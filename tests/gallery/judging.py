"""What is wrong with what was played, beyond what the platforms' servers find: pings, places left unfilled, another
language, and lines that look broken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.bot.test_desk_words import words_of
from tests.bot.test_words import MESSAGES
from tests.desks import OOPS
from tests.gallery.stage import Shot, Stage
from tests.servers.discord_objects import buttons_in, text_of
from tests.servers.discord_rules import units
from tests.servers.telegram_rules import utf16

_MENTION = re.compile(r"(?<![\w/.])@\w{3,}")
_PINGS = re.compile(r"(?<!\\)(?:@(?:everyone|here)\b|<(?:@[!&]?|#)\d+>)")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_NAMES = re.compile(r"(?:简体中文|繁體中文|繁体中文)")
_CHINESE = re.compile("[\u3000-\u9fff\uff00-\uffef]")


def faults(stage: Stage) -> list[str]:
    """All of a stage's, each once, with where it was."""
    found = [f"the server: {one}" for one in stage.violations]
    for shot in stage.shots:
        found += [f"{shot.spot}, {shot.asked[:60] or shot.scene}: {why}" for why in oddities(shot, stage.language)]
    for said in stage.said:
        if "[set:language" not in said.what:
            found += [f"{said.what[:90]}: {why}" for why in _unsaid(words_of(said.reply), stage.language)]
        if said.reply.text.startswith(OOPS):
            found.append(f"{said.what[:200]}: it went wrong")
    return list(dict.fromkeys(found))


def shown(shot: Shot) -> str:
    """What a message says, without its buttons."""
    if shot.kind != "message":
        return str(shot.body.get("text") or shot.body.get("name") or "")
    return str(shot.body["visible"]) if shot.spot.platform == "telegram" else text_of(shot.body)


def labels(shot: Shot) -> list[str]:
    if shot.kind != "message":
        return []
    if shot.spot.platform == "telegram":
        rows = shot.body.get("reply_markup", {}).get("inline_keyboard", [])
        return [button["text"] for row in rows for button in row]
    return [one.get("label", "") for one in buttons_in(shot.body.get("components") or [])]


def oddities(shot: Shot, language: str) -> Iterator[str]:
    """What a reader would stumble over in it."""
    text = shown(shot)
    if shot.spot.platform == "telegram" and shot.kind == "message" and "rich_message" not in shot.body:
        if found := _MENTION.search(_plain(shot.body)):
            yield f"it may ping {found[0]}"
    elif shot.spot.platform == "discord" and shot.kind == "message" and (found := _PINGS.search(_CODE.sub("", text))):
        yield f"it looks as if it pinged {found[0]}"
    if "rich_message" not in shot.body and ("\n\n\n" in text or text != text.strip()):
        yield f"empty lines: {text[:200]!r}"
    for label in labels(shot):
        if not label.strip() or label != label.strip() or "\n" in label:
            yield f"a button's label is {label!r}"
        if max(units(label), utf16(label)) > 64:
            yield f"a button nobody can read: {label!r}"
        chosen = _CHINESE.search(_NAMES.sub("", text)) or _CHINESE.search(shot.asked)  # a card shown in Chinese
        if language == "en" and not chosen and _CHINESE.search(_NAMES.sub("", label)):
            yield f"a button in another language: {label!r}"


def _plain(message: dict[str, Any]) -> str:
    """What Telegram would look into for names: all that is neither code nor a link."""
    raw = message["visible"].encode("utf-16-le")
    for entity in message["entities"]:
        if entity["type"] in ("code", "pre", "a"):
            start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
            raw = raw[:start] + " ".encode("utf-16-le") * entity["length"] + raw[end:]
    return str(raw.decode("utf-16-le"))


@cache
def _unsaid(text: str, language: str) -> tuple[str, ...]:
    """Places that nothing was put into, and what was said in English to who reads Chinese."""
    found = [f"a place left unfilled: {place}" for place in re.findall(r"\{\w*\}", text) if place[1:-1] in _places()]
    if language.startswith("zh"):
        for longest, pattern in _sayings():
            if longest in text and pattern.search(text):
                found.append(f"in English: {pattern.pattern!r}")
    return tuple(found)


@cache
def _places() -> frozenset[str]:
    return frozenset(name for pair in MESSAGES for text in pair if text for name in re.findall(r"\{(\w+)\}", text))


@cache
def _sayings() -> list[tuple[str, re.Pattern[str]]]:
    """English messages of three words or more: the longest part that is always said, and the whole."""
    found = []
    for text in {text for pair in MESSAGES for text in pair if text}:
        parts = re.split(r"\{\w+\}", text)
        if len(re.findall("[A-Za-z]{2,}", "".join(parts))) >= 3:
            pattern = re.compile(".{0,400}?".join(map(re.escape, parts)), re.DOTALL)
            found.append((max(parts, key=len), pattern))
    return found
