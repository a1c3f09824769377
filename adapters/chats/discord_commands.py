"""Slash commands: what Discord is told of them, and what it sends back.

https://discord.com/developers/docs/interactions/application-commands
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import discord
from discord.http import Route

from bot.ports import CommandInfo, Desk, Suggestion

log = logging.getLogger(__name__)

LOCALES = {"zh-CN": "zh-Hans", "zh-TW": "zh-Hant"}
"""Discord's locale -> this bot's language; every other locale gets English."""

SUGGESTIONS, SUGGESTION = 25, 100
_ACTION = "action"
_DESCRIPTION = 100
_STRING, _CHAT_INPUT = 3, 1
_GUILD, _BOT_DM, _GUILD_INSTALL = 0, 1, 0


def command_bodies(desk: Desk) -> list[dict[str, Any]]:
    """The body of ``PUT /applications/{id}/commands``."""
    others = {locale: {c.name: c for c in desk.commands(language)} for locale, language in LOCALES.items()}
    return [
        _body(command, {locale: named[command.name] for locale, named in others.items() if command.name in named})
        for command in desk.commands("en")
        if command.platform in ("", "discord")
    ]


async def sync_commands(client: discord.Client, desk: Desk) -> bool:
    """Tell Discord the commands if it knows others; whether it had to be told. Raises what discord.py raises."""
    wanted = command_bodies(desk)
    application = client.application_id
    path = "/applications/{application_id}/commands"
    there = await client.http.request(
        Route("GET", path, application_id=application), params={"with_localizations": "true"}
    )
    if _comparable(there) == _comparable(wanted):
        return False
    await client.http.request(Route("PUT", path, application_id=application), json=wanted)
    return True


def read_command(data: Mapping[str, Any]) -> tuple[str, str]:
    """Name and argument of a slash command's ``data``: a chosen action is the argument's first word."""
    action, argument, _ = _options(data)
    return str(data.get("name", "")), f"{action} {argument}".strip()


def read_autocomplete(data: Mapping[str, Any]) -> tuple[str, str, str]:
    """Name, chosen action, and the argument as typed so far."""
    action, _, typed = _options(data)
    return str(data.get("name", "")), action, typed


def suggestions(found: Sequence[Suggestion], action: str) -> list[dict[str, str]]:
    """Autocomplete choices; a value that is too long for one is left out, for a cut one would mean something else."""
    fitting: dict[str, str] = {}
    for one in found:
        value = one.value.removeprefix(f"{action} ").strip() if action else one.value.strip()
        if 0 < len(value) <= SUGGESTION:
            fitting.setdefault(value, " ".join(one.label.split())[:SUGGESTION] or value)
    return [{"name": label, "value": value} for value, label in list(fitting.items())[:SUGGESTIONS]]


def _options(data: Mapping[str, Any]) -> tuple[str, str, str]:
    action = argument = typed = ""
    for option in data.get("options") or ():
        value = str(option.get("value", ""))
        if option.get("focused"):
            typed = value
        if option.get("name") == _ACTION:
            action = value
        else:
            argument = value
    return action, argument, typed


def _body(command: CommandInfo, others: Mapping[str, CommandInfo]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": command.name[:32],
        "type": _CHAT_INPUT,
        "description": _described(command.description, command.name),
        "description_localizations": {
            locale: _described(other.description, command.name) for locale, other in others.items()
        },
        "contexts": [_GUILD, _BOT_DM],
        "integration_types": [_GUILD_INSTALL],
        "options": [],
    }
    if command.choices:
        body["options"].append(
            {
                "type": _STRING,
                "name": _ACTION,
                "description": _described(" · ".join(command.choices), _ACTION),
                "required": command.required,
                "choices": [{"name": choice[:100], "value": choice[:100]} for choice in command.choices[:25]],
            }
        )
    if command.argument:
        body["options"].append(
            {
                "type": _STRING,
                "name": option_name(command.argument),
                "description": _described(command.argument, "argument"),
                "description_localizations": {
                    locale: _described(other.argument, command.argument) for locale, other in others.items()
                },
                "required": command.required and not command.choices,
                "autocomplete": True,
            }
        )
    return body


def option_name(text: str) -> str:
    """``QUERY-or-topic`` -> ``query-or-topic``: lower case, at most 32 of ``[a-z0-9_-]``, and not the action's name."""
    name = re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-")[:32]
    return name if name and name != _ACTION else "argument"


def _described(text: str, otherwise: str) -> str:
    text = " ".join(text.split()) or otherwise
    return text if len(text) <= _DESCRIPTION else text[: _DESCRIPTION - 1] + "…"


def _comparable(commands: object) -> object:
    """What Discord sends back of a command carries ids, versions and defaults: only what was asked for counts."""
    if not isinstance(commands, list):
        return None
    return sorted(
        (
            command.get("name"),
            command.get("type", _CHAT_INPUT),
            command.get("description"),
            sorted((command.get("description_localizations") or {}).items()),
            sorted(command.get("contexts") or ()),
            sorted(command.get("integration_types") or ()),
            [
                (
                    option.get("type"),
                    option.get("name"),
                    option.get("description"),
                    sorted((option.get("description_localizations") or {}).items()),
                    bool(option.get("required")),
                    bool(option.get("autocomplete")),
                    [(choice.get("name"), choice.get("value")) for choice in option.get("choices") or ()],
                )
                for option in command.get("options") or ()
            ],
        )
        for command in commands
    )
