"""What Discord would find wrong with a request body: its OpenAPI document where that is there, and by hand what the
document leaves out."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

from jsonschema_rs import Draft202012Validator, Registry

from tests.paths import SHARED

SPEC = SHARED / "specs" / "discord-openapi.json"
Body = dict[str, Any]

_WEBHOOK_KEYS = frozenset({"content", "embeds", "allowed_mentions", "components", "flags", "tts", "attachments"})
_CREATE_KEYS = _WEBHOOK_KEYS | {"nonce", "enforce_nonce", "message_reference"}
_NAMED_KEYS = frozenset({"name", "type", "description", "name_localizations", "description_localizations", "options"})
_COMMAND_KEYS = _NAMED_KEYS | {"contexts", "integration_types", "default_member_permissions", "dm_permission", "nsfw"}
_OPTION_KEYS = _NAMED_KEYS | {"required", "autocomplete", "choices", "min_length", "max_length"}
_NAME = re.compile(r"[-_'\w]{1,32}")


@functools.cache
def _registry() -> Registry | None:
    if not SPEC.exists():
        return None
    return Registry([("urn:discord", json.loads(SPEC.read_text("utf-8")))])


@functools.cache
def _validator(schema: str) -> Draft202012Validator | None:
    registry = _registry()
    if registry is None:
        return None
    return Draft202012Validator({"$ref": f"urn:discord#/components/schemas/{schema}"}, registry=registry)


def schema_faults(schema: str, body: object) -> list[str]:
    validator = _validator(schema)
    if validator is None:
        return []
    return [
        f"{schema}.{'.'.join(map(str, error.instance_path))}: {error.message[:200]}"
        for error in validator.iter_errors(body)
    ]


def message_faults(body: Body, schema: str, *, partial: bool = False) -> list[str]:
    """Of a message to be created (or, ``partial``, to be changed)."""
    known = _CREATE_KEYS if schema == "MessageCreateRequest" else _WEBHOOK_KEYS
    return schema_faults(schema, body) + list(_message_faults(body, known, partial))


def post_faults(body: Body, forum: Body) -> list[str]:
    """Of a new post in a forum channel."""
    faults = schema_faults("CreateForumThreadRequest", body)
    faults += _message_faults(body.get("message") or {}, _WEBHOOK_KEYS - {"tts"}, partial=False)
    if not 1 <= units(body.get("name") or "") <= 100 or len(body.get("applied_tags") or []) > 5:
        faults.append(f"a post's name or tags: {body.get('name')!r}, {body.get('applied_tags')}")
    known = {tag["id"]: tag["moderated"] for tag in forum["available_tags"]}
    applied = body.get("applied_tags") or []
    if not set(applied) <= set(known) or any(known[tag] for tag in applied):
        faults.append(f"tags {applied}")
    if forum["flags"] & 1 << 4 and not applied:
        faults.append("a tag is required to create a forum post in this channel")
    return faults


def commands_faults(body: object) -> list[str]:
    """Of a whole list of global commands."""
    if not isinstance(body, list):
        return ["commands: not a list"]
    faults = [fault for command in body for fault in schema_faults("ApplicationCommandUpdateRequest", command)]
    if len(body) > 100:
        faults.append(f"{len(body)} commands of at most 100")
    names = [command.get("name") for command in body]
    if len(set(names)) < len(names):
        faults.append("two commands of one name")
    return faults + [fault for command in body for fault in _command_faults(command)]


def suggestion_faults(choices: list[Body]) -> Iterator[str]:
    if len(choices) > 25:
        yield f"{len(choices)} suggestions of at most 25"
    for choice in choices:
        if not 1 <= len(choice.get("name", "")) <= 100 or not 1 <= len(choice.get("value", "")) <= 100:
            yield f"a suggestion's length: {choice!r}"


def units(text: str) -> int:
    """UTF-16 units, the stricter way to count."""
    return len(text.encode("utf-16-le")) // 2


def _message_faults(body: Body, known: frozenset[str], partial: bool) -> Iterator[str]:
    if unknown := body.keys() - known:
        yield f"unknown keys {sorted(unknown)}"
    content, embeds = body.get("content") or "", body.get("embeds") or []
    if units(content) > 2000:
        yield f"content of {units(content)} characters"
    flags = body.get("flags") or 0
    if flags & _OF_COMPONENTS:
        yield from _layout_faults(body)
    elif not partial and not content.strip() and not embeds:
        yield "an empty message"
    if body.get("allowed_mentions") != {"parse": []}:
        yield "allowed_mentions could ping somebody"
    if sum(map(_embed_size, embeds)) > 6000:
        yield "embeds of more than 6000 characters together"
    for embed in embeds:
        if not any(embed.get(key) for key in ("title", "description", "fields", "image", "footer", "author")):
            yield "an empty embed"
        if units(embed.get("description") or "") > 4096 or units(embed.get("title") or "") > 256:
            yield "an embed's text is too long"
    if flags & ~(1 << 2 | 1 << 6 | 1 << 12 | _OF_COMPONENTS) or (flags & 1 << 6 and "enforce_nonce" in known):
        yield f"flags {flags}"
    if not flags & _OF_COMPONENTS:
        yield from _component_faults(body.get("components") or [])


_OF_COMPONENTS = 1 << 15
_INSIDE = {None: {1, 9, 10, 14, 17}, 17: {1, 9, 10, 14}, 9: {10}, 1: {2}}
"""Which components may stand in which (https://discord.com/developers/docs/components/reference): rows 1, buttons 2,
sections 9, texts 10, separators 14, containers 17."""


def _layout_faults(body: Body) -> Iterator[str]:
    """Of a message that is of components: 40 of them, 4000 characters of text, nothing else beside."""
    if body.get("content") or body.get("embeds"):
        yield "content or embeds beside components"
    components: list[tuple[int | None, Body]] = []
    waiting: list[tuple[int | None, Body]] = [(None, one) for one in body.get("components") or []]
    while waiting:
        outer, one = waiting.pop(0)
        components.append((outer, one))
        waiting += [(one["type"], inner) for inner in one.get("components") or []]
        if (beside := one.get("accessory")) is not None:
            components.append((1, beside))
    if not 1 <= len(components) <= 40:
        yield f"{len(components)} components of 1 to 40"
    yield from (f"a {one['type']} in {outer}" for outer, one in components if one["type"] not in _INSIDE[outer])
    texts = [one.get("content", "") for _, one in components if one["type"] == 10]
    if not texts or not all(text.strip() for text in texts):
        yield "a text without words"
    if sum(map(units, texts)) > 4000:
        yield f"texts of {sum(map(units, texts))} characters together"
    for _, one in components:
        if one["type"] == 9 and (not 1 <= len(one["components"]) <= 3 or one.get("accessory", {}).get("type") != 2):
            yield "a section has 1 to 3 texts and a button beside them"
    rows = [one for _, one in components if one["type"] == 1]
    for start in range(0, len(rows), 5):
        yield from _component_faults(rows[start : start + 5])
    buttons = [one for _, one in components if one["type"] == 2]
    yield from _component_faults([{"type": 1, "components": [one]} for one in buttons if one.get("style") == 5][:5])
    ids = [one["custom_id"] for one in buttons if "custom_id" in one]
    if len(set(ids)) < len(ids):
        yield "a custom_id twice"


def _embed_size(embed: Body) -> int:
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    texts.append((embed.get("author") or {}).get("name"))
    for field in embed.get("fields") or []:
        texts += [field.get("name"), field.get("value")]
    return sum(units(text or "") for text in texts)


def _component_faults(rows: list[Body]) -> Iterator[str]:
    if len(rows) > 5:
        yield f"{len(rows)} rows of at most 5"
    ids: list[str] = []
    for row in rows:
        buttons = row.get("components") or []
        if row.get("type") != 1 or not 1 <= len(buttons) <= 5:
            yield "a row holds 1 to 5 buttons"
        for button in buttons:
            if button.get("style") == 5:
                if not str(button.get("url", "")).startswith(("http://", "https://")) or len(button["url"]) > 512:
                    yield f"a link button's address: {button.get('url')!r}"
                if "custom_id" in button:
                    yield "a link button has no custom_id"
            elif not 1 <= units(button.get("custom_id") or "") <= 100 or "url" in button:
                yield "a button needs a custom_id of 1 to 100 characters and no url"
            else:
                ids.append(button["custom_id"])
            if not 1 <= units(button.get("label") or "") <= 80:
                yield f"a button's label: {button.get('label')!r}"
    if len(set(ids)) < len(ids):
        yield "a custom_id twice"


def _command_faults(command: Body) -> Iterator[str]:
    name = command.get("name", "")
    if unknown := command.keys() - _COMMAND_KEYS:
        yield f"/{name}: unknown keys {sorted(unknown)}"
    if not _NAME.fullmatch(name) or name != name.lower():
        yield f"a command's name: {name!r}"
    if command.get("type", 1) == 1 and not command.get("description"):
        yield f"/{name}: no description"
    size = len(name) + len(command.get("description") or "")
    optional = False
    for option in command.get("options") or []:
        if unknown := option.keys() - _OPTION_KEYS:
            yield f"/{name}: an option's unknown keys {sorted(unknown)}"
        if not _NAME.fullmatch(option["name"]) or option["name"] != option["name"].lower():
            yield f"/{name}: an option's name {option['name']!r}"
        if option.get("required") and optional:
            yield f"/{name}: required options come first"
        if option.get("autocomplete") and option.get("choices"):
            yield f"/{name}: choices and autocomplete exclude each other"
        optional = optional or not option.get("required")
        size += len(option["name"]) + len(option["description"])
        size += sum(len(choice["name"]) + len(choice["value"]) for choice in option.get("choices") or [])
    if size > 8000:
        yield f"/{name}: more than 8000 characters"
