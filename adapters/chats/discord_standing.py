"""How a member and the bot stand in a channel on Discord, computed as Discord does:
https://discord.com/developers/docs/topics/permissions#permission-overwrites

Asked over REST, for a private message comes to the first shard, whichever one has the server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import discord
from discord import Permissions

from adapters.chats.discord_wire import discord_errors
from bot.errors import ChatGone, Refused
from bot.model import Address, Place
from bot.ports import Standing

_NAMED = re.compile(
    r"<#(\d{15,21})>|(?:https?://)?(?:\w+\.)?discord(?:app)?\.com/channels/\d+/(\d{15,21})/?.*|(\d{15,21})"
)
_THREADS = frozenset({10, 11, 12})
_WRITTEN_IN = frozenset({0, 2, 5, 13}) | _THREADS
"""Kinds of channels with messages in them (https://discord.com/developers/docs/resources/channel#channel-types)."""


def channel_named(text: str) -> str:
    """A mention, a link or a number as the channel's id. Raises Refused."""
    found = _NAMED.fullmatch(text.strip())
    if found is None:
        raise Refused("no channel's number, link or mention")
    return next(group for group in found.groups() if group)


async def standing(client: discord.Client, user: str, wanted: str) -> Standing:
    """As ``bot.ports.Places``; who may manage the server may change its channels."""
    number = channel_named(wanted)
    with discord_errors(may_deliver=False):
        channel: Mapping[str, Any] = dict(await client.http.get_channel(number))
        guild_id = channel.get("guild_id")
        if guild_id is None or channel["type"] not in _WRITTEN_IN:
            raise Refused("no channel of a server that one can write in")
        guild: Mapping[str, Any] = dict(await client.http.get_guild(guild_id, with_counts=False))
        # A thread has the overwrites of its channel.
        above = channel
        if channel["type"] in _THREADS and channel.get("parent_id"):
            above = dict(await client.http.get_channel(channel["parent_id"]))
        me = str(client.application_id if client.user is None else client.user.id)
        bot = dict(await client.http.get_member(guild_id, me))
    person = await _member(client, guild_id, user.partition(":")[2])
    theirs = permissions(guild, above, person, user.partition(":")[2]) if person else Permissions.none()
    own = permissions(guild, above, bot, me)
    speaks = own.send_messages_in_threads if channel["type"] in _THREADS else own.send_messages
    return Standing(
        Address("discord", number),
        Place.GROUP,
        " #".join(part for part in (str(guild.get("name", "")), str(channel.get("name", ""))) if part),
        manages=theirs.administrator or theirs.manage_guild,
        writes=own.administrator or (own.view_channel and speaks),
        group=str(guild_id),
    )


async def _member(client: discord.Client, guild: Any, user: str) -> Mapping[str, Any] | None:
    """None for who is not there."""
    try:
        with discord_errors(may_deliver=False):
            return dict(await client.http.get_member(guild, int(user)))
    except (ChatGone, Refused):
        return None


def permissions(
    guild: Mapping[str, Any], channel: Mapping[str, Any], member: Mapping[str, Any], user: str
) -> Permissions:
    """What a member may do in a channel, of the objects as Discord gives them."""
    if str(guild.get("owner_id")) == user:
        return Permissions.all()
    roles = {str(role["id"]): int(role["permissions"]) for role in guild["roles"]}
    everyone, held = str(guild["id"]), [str(role) for role in member.get("roles", ())]
    allowed = roles.get(everyone, 0)
    for role in held:
        allowed |= roles.get(role, 0)
    if Permissions(allowed).administrator:
        return Permissions.all()
    over = {str(one["id"]): one for one in channel.get("permission_overwrites") or ()}
    for group in ([everyone], held, [user]):
        deny = allow = 0
        for one in group:
            deny |= int(over.get(one, {}).get("deny", 0))
            allow |= int(over.get(one, {}).get("allow", 0))
        allowed = (allowed & ~deny) | allow
    return Permissions(allowed)
