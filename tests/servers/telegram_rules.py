"""What the Bot API takes: the published types, and the rules that stand only in its prose."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from html import unescape
from typing import Any

from aiohttp.web import FileField

from tests.paths import SHARED

SPEC = SHARED / "specs" / "telegram-api.json"

_TOKEN = re.compile(r"<(?P<close>/)?(?P<tag>[a-zA-Z][\w-]*)(?P<rest>[^<>]*)>|<|[^<]+", re.DOTALL)
_ATTRIBUTE = re.compile(r"""\s*([a-zA-Z-]+)(?:=(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?""")
_BARE_AMPERSAND = re.compile(r"&(?!(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);)")
_SAME = {"strong": "b", "em": "i", "ins": "u", "strike": "s", "del": "s"}
_ALONE = {"code", "pre"}
_KNOWN = {"b", "i", "u", "s", "a", "code", "pre", "blockquote", "tg-spoiler"}


@cache
def spec() -> Mapping[str, Any]:
    """Empty where the specification is not at hand."""
    if not SPEC.exists():
        return {}
    loaded: Mapping[str, Any] = json.loads(SPEC.read_text("utf-8"))
    return loaded


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parse_html(html: str) -> tuple[str, list[dict[str, Any]], list[str]]:
    """The visible text, its entities (``type``, ``offset``, ``length``, ``url``), and what is wrong."""
    text, entities, wrong = "", [], []
    stack: list[tuple[str, dict[str, Any]]] = []
    for token in _TOKEN.finditer(html):
        tag = token["tag"]
        if tag is None:
            piece = token[0]
            if piece == "<":
                wrong.append("a bare <")
            if _BARE_AMPERSAND.search(piece):
                wrong.append("a bare & or an entity that Telegram does not know")
            text += unescape(piece)
            continue
        name = _SAME.get(tag, tag)
        if name not in _KNOWN:
            wrong.append(f'unsupported start tag "{tag}"')
        elif token["close"]:
            if not stack or stack[-1][0] != name:
                wrong.append(f"unmatched end tag {tag}")
                continue
            entity = stack.pop()[1]
            entity["length"] = utf16(text) - entity["offset"]
            if entity["length"]:
                entities.append(entity)
            else:
                wrong.append(f"empty {name}")
        else:
            around = {outer for outer, _ in stack}
            if around & _ALONE or (name in _ALONE and around - {"blockquote"}):
                wrong.append(f"{name} inside {sorted(around)}")
            if name in around:
                wrong.append(f"{name} inside {name}")
            attributes = {m[1]: unescape(m[2] or m[3] or m[4] or "") for m in _ATTRIBUTE.finditer(token["rest"])}
            if extra := set(attributes) - {"a": {"href"}, "blockquote": {"expandable"}}.get(name, set()):
                wrong.append(f"{name} with {sorted(extra)}")
            entity = {"type": name, "offset": utf16(text)}
            if name == "a":
                entity["url"] = attributes.get("href", "")
                if not entity["url"].startswith(("http://", "https://")):
                    wrong.append(f"a link to {entity['url']!r}")
            elif "expandable" in attributes:
                entity["expandable"] = True
            stack.append((name, entity))
    wrong += [f'no end tag for "{name}"' for name, _ in stack]
    return text, entities, wrong


def check_text(parameters: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]], list[str]]:
    """The visible text of a message, its entities, and what is wrong with it."""
    raw = str(parameters.get("text", ""))
    mode = parameters.get("parse_mode")
    if mode not in (None, "HTML"):
        return raw, [], [f"parse mode {mode!r}"]
    text, entities, wrong = parse_html(raw) if mode else (raw, [], [])
    size = utf16(text.strip())
    if not 1 <= size <= 4096 or utf16(text) > 4096:
        wrong.append(f"the text has {size} characters, not 1 to 4096")
    if len(entities) > 100:
        wrong.append(f"{len(entities)} entities, more than 100")
    if re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff]", text):
        wrong.append("control characters or lone surrogates")
    return text, entities, wrong


_RICH = {"b", "i", "a", "code", "pre", "p", "h4", "blockquote", "details", "summary", "tg-math"}
_BLOCKS = {"pre", "p", "h4", "blockquote", "details", "summary"}


def check_rich(html: str) -> list[str]:
    """What is wrong with a rich message's HTML: https://core.telegram.org/bots/api#rich-message-formatting-options"""
    wrong, stack, blocks, size = [], list[str](), 0, 0
    for token in _TOKEN.finditer(html):
        tag = token["tag"]
        if tag is None:
            if token[0] == "<" or _BARE_AMPERSAND.search(token[0]):
                wrong.append("a bare < or &")
            if not stack:
                wrong.append("text outside of every block")
            size += utf16(unescape(token[0]))
        elif tag == "hr":
            blocks += 1
            if stack or token["rest"] != "/":
                wrong.append("a divider inside something, or not written <hr/>")
        elif tag not in _RICH:
            wrong.append(f"unsupported tag {tag}")
        elif token["close"]:
            if not stack or stack.pop() != tag:
                wrong.append(f"unmatched end tag {tag}")
        else:
            if tag in _BLOCKS and set(stack) - {"details"}:
                wrong.append(f"{tag} inside {stack}")
            if "tg-math" in stack:
                wrong.append("a tag inside a formula")
            blocks += tag in _BLOCKS
            stack.append(tag)
    wrong += [f"no end tag for {tag}" for tag in stack]
    if not 1 <= size <= 32_768 or not 1 <= blocks <= 500:
        wrong.append(f"{size} characters and {blocks} blocks")
    return wrong


def check_keyboard(markup: Mapping[str, Any]) -> list[str]:
    wrong = []
    rows = markup.get("inline_keyboard", [])
    if sum(len(row) for row in rows) > 100:
        wrong.append("more than 100 buttons")
    for row in rows:
        if not 1 <= len(row) <= 8:
            wrong.append(f"a row of {len(row)} buttons, not 1 to 8")
        for button in row:
            if not button.get("text", "").strip():
                wrong.append("a button without text")
            kinds = [name for name in ("url", "callback_data", "copy_text") if name in button]
            if len(kinds) != 1:
                wrong.append(f"a button with {kinds}, not exactly one kind")
            if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
                wrong.append("BUTTON_DATA_INVALID: callback_data of 1 to 64 bytes")
            if "copy_text" in button and not 1 <= utf16(button["copy_text"]["text"]) <= 256:
                wrong.append("BUTTON_COPY_TEXT_INVALID: 1 to 256 characters")
            if "url" in button and not re.match(r"https?://[^\s/]+", button["url"]):
                wrong.append(f"BUTTON_URL_INVALID: {button['url']!r}")
    return wrong


def check_commands(commands: list[Mapping[str, str]]) -> list[str]:
    wrong = ["more than 100 commands"] if len(commands) > 100 else []
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
            wrong.append(f"BOT_COMMAND_INVALID: {command['command']!r}")
        if not 1 <= len(command["description"]) <= 256:
            wrong.append(f"the description of {command['command']!r} is not of 1 to 256 characters")
    return wrong


def check_offers(answer: Mapping[str, Any]) -> list[str]:
    """What is wrong with an answer to an inline query, of what stands in prose."""
    results = answer["results"]
    ids = [one["id"] for one in results]
    wrong = ["RESULT_ID_DUPLICATE"] if len(set(ids)) < len(ids) else []
    if len(results) > 50:
        wrong.append(f"RESULTS_TOO_MUCH: {len(results)}")
    if len(answer.get("next_offset", "").encode()) > 64:
        wrong.append("NEXT_OFFSET_INVALID")
    for one in results:
        if not 1 <= len(one["id"].encode()) <= 64 or not one["title"]:
            wrong.append("RESULT_ID_INVALID, or no title")
        content = one["input_message_content"]
        wrong += check_text({"text": content["message_text"], "parse_mode": content.get("parse_mode")})[2]
        markup = one.get("reply_markup", {})
        wrong += check_keyboard(markup)
        if any("callback_data" in button for row in markup.get("inline_keyboard", []) for button in row):
            wrong.append("a button that would be pressed in a chat the bot is not in")
    if (button := answer.get("button")) and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", button["start_parameter"]):
        wrong.append("START_PARAM_INVALID")
    return wrong


def decode(method: str, raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Form fields (or a JSON body) as values, and where they do not fit the method's published fields."""
    if not spec():
        return {name: _guess(value) for name, value in raw.items()}, []
    described = spec()["methods"].get(method)
    if described is None:
        return dict(raw), [f"{method}: no such method"]
    fields = {field["name"]: field for field in described.get("fields", [])}
    values: dict[str, Any] = {}
    wrong = [f"{method}: {name} is missing" for name, field in fields.items() if field["required"] and name not in raw]
    for name, value in raw.items():
        if name not in fields:
            wrong.append(f"{method}: unknown parameter {name}")
            values[name] = value
            continue
        values[name] = _from_form(value, fields[name]["types"])
        wrong += _misfits(values[name], fields[name]["types"], f"{method}.{name}")
    return values, wrong


def check_object(name: str, value: Any) -> list[str]:
    """Where ``value`` is not of the published type ``name``."""
    return _misfits(value, [name], name) if spec() else []


def _guess(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and re.match(r"[\[{]|-?\d+$|true$|false$", value) else value
    except ValueError:
        return value


def _from_form(value: Any, types: list[str]) -> Any:
    if not isinstance(value, str):
        return value
    if "Integer" in types and re.fullmatch(r"-?\d+", value):
        return int(value)
    if types == ["Boolean"] and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if "String" in types:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _misfits(value: Any, types: list[str], where: str) -> list[str]:
    """Empty if ``value`` is of one of ``types``, else what is wrong with the likeliest one."""
    found = [_misfit(value, type_, where) for type_ in types]
    return min(found, key=len) if all(found) else []


def _misfit(value: Any, type_: str, where: str) -> list[str]:
    if type_.startswith("Array of "):
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no array"]
        return [bad for i, item in enumerate(value) for bad in _misfit(item, type_[9:], f"{where}[{i}]")]
    simples: dict[str, type | tuple[type, ...]] = {
        "Integer": int,
        "String": str,
        "Boolean": bool,
        "True": bool,
        "Float": (int, float),
    }
    simple = simples.get(type_)
    if simple is not None:
        good = isinstance(value, simple) and (type_ not in ("Integer", "Float") or not isinstance(value, bool))
        return [] if good else [f"{where}: {value!r} is no {type_}"]
    if type_ == "InputFile":
        return [] if isinstance(value, FileField) else [f"{where}: {value!r} is no file"]
    described = spec()["types"][type_]
    if subtypes := described.get("subtypes"):
        return _misfits(value, subtypes, where)
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no {type_}"]
    fields = {field["name"]: field for field in described.get("fields", [])}
    wrong = [f"{where}: {name} is missing" for name, f in fields.items() if f["required"] and name not in value]
    for name, item in value.items():
        if name not in fields:
            wrong.append(f"{where}: {type_} has no {name}")
        else:
            wrong += _misfits(item, fields[name]["types"], f"{where}.{name}")
    return wrong
