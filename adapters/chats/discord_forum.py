"""Posts in forum channels: a message there is a new thread with a title and tags.

Discord makes no post unique by a nonce
(https://discord.com/developers/docs/resources/channel#start-thread-in-forum-or-media-channel), so one is looked for
among the forum's threads before it is made: no digest says the same twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
from discord.http import Route

from adapters.chats.discord_history import SKEW, mark
from bot.errors import Refused, Uncertain

TITLE, TAGS = 100, 5
LOOKED_BACK = timedelta(days=7)
"""How old a post may be that is taken for the one that is to be made; later the same title may come again."""
FORUMS = frozenset({15, 16})
"""Kinds of channels that take posts alone: forum and media
(https://discord.com/developers/docs/resources/channel#channel-object-channel-types)."""
_REQUIRES_TAG = 1 << 4
_ARCHIVED = 50
_MARKUP = re.compile(r"\\(.)|[*_~`#|]|\[([^\]]*)\]\([^)]*\)")

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Post:
    """What is to be made in a forum, or the id of what stands there already."""

    forum: str
    body: Body
    there: str = ""


async def prepare(client: discord.Client, forum: str, message: Body, now: datetime) -> Post:
    """The post that begins with ``message``, where it does not stand there yet. Raises what discord.py raises, and
    Refused where that is no forum."""
    channel = await client.http.request(Route("GET", "/channels/{channel_id}", channel_id=forum))
    if not isinstance(channel, dict) or channel.get("type") not in FORUMS:
        raise Refused("that channel takes no posts")
    found = await _standing(client, forum, str(channel["guild_id"]), message, now - LOOKED_BACK)
    title = title_of(message)
    tags = tags_for(title, channel.get("available_tags") or (), bool(int(channel.get("flags") or 0) & _REQUIRES_TAG))
    return Post(forum, {"name": title, "applied_tags": tags, "message": message}, found)


async def begin(client: discord.Client, post: Post) -> str:
    """Make it; the id of the thread, which its first message has as well."""
    route = Route("POST", "/channels/{channel_id}/threads", channel_id=post.forum)
    made = await client.http.request(route, json=dict(post.body))
    if not isinstance(made, dict) or "id" not in made:
        raise Uncertain("Discord's answer to a post was no thread")
    return str(made["id"])


async def find_post(client: discord.Client, forum: str, payload: bytes, since: datetime) -> str:
    """The id of the post that begins with this message, empty where it is not there. Raises as ``prepare``."""
    channel = await client.http.request(Route("GET", "/channels/{channel_id}", channel_id=forum))
    return await _standing(client, forum, str(channel["guild_id"]), json.loads(payload), since - SKEW)


async def _standing(client: discord.Client, forum: str, guild: str, message: Body, since: datetime) -> str:
    """Among the active threads, and the last of the archived ones: members may close a post at once."""
    active = await client.http.request(Route("GET", "/guilds/{guild_id}/threads/active", guild_id=guild))
    archived = await client.http.request(
        Route("GET", "/channels/{channel_id}/threads/archived/public", channel_id=forum), params={"limit": _ARCHIVED}
    )
    title, wanted = title_of(message), mark(message)
    for thread in (*_threads(active), *_threads(archived)):
        own = client.user is not None and thread.get("owner_id") == str(client.user.id)
        late = discord.utils.snowflake_time(int(thread["id"])) >= since.astimezone(UTC)
        if not (own and late and thread.get("parent_id") == forum and thread.get("name") == title):
            continue
        first = Route("GET", "/channels/{channel_id}/messages/{message_id}", channel_id=thread["id"],
                      message_id=thread["id"])  # fmt: skip
        try:
            said = await client.http.request(first)
        except discord.NotFound:
            continue  # somebody took the message away and left the thread
        if isinstance(said, dict) and mark(said) == wanted:
            return str(thread["id"])
    return ""


def _threads(found: object) -> Sequence[dict[str, Any]]:
    return found.get("threads") or () if isinstance(found, dict) else ()


def title_of(message: Body) -> str:
    """The first line of what a message says, without markup; of a long one both ends, for the day stands last."""
    said = next((text for text in _texts(message) if text.strip()), "")
    line = _MARKUP.sub(lambda found: found[1] or found[2] or "", said.strip().partition("\n")[0])
    line = " ".join(line.split()) or "…"
    return line if len(line) <= TITLE else f"{line[:69].rstrip()} … {line[-28:].lstrip()}"


def _texts(part: Body) -> Iterator[str]:
    """Everything that a message shows, in order, whichever kind of components it is made of."""
    yield str(part.get("content") or "")
    for embed in part.get("embeds") or ():
        yield str(embed.get("title") or "")
        yield str(embed.get("description") or "")
    for inner in part.get("components") or ():
        yield from _texts(inner)


def tags_for(title: str, available: Sequence[Body], required: bool) -> list[str]:
    """The ids of the tags whose names stand in the title as words of their own. Where the forum wants one and none
    does, its first."""
    usable = [tag for tag in available if not tag.get("moderated")]
    named = [
        str(tag["id"])
        for tag in usable
        if re.search(rf"(?<![^\W_]){re.escape(str(tag.get('name')))}(?![^\W_])", title, re.IGNORECASE | re.ASCII)
    ]
    return named[:TAGS] or ([str(usable[0]["id"])] if required and usable else [])
