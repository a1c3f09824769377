"""Whether a message stands in a channel already: what the bot sent there, read back.

The mark that a message is known by is the message itself, what it says and what its buttons carry: no digest says the
same twice, and an answer that a person asked for names the interaction it answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import discord
from discord.http import Route

from adapters.chats.discord_components import buttons_of, texts_of
from bot.errors import Hidden

PAGE, MOST_PAGES = 100, 10
"""Messages a request, and requests: where more than a thousand were written since, nobody looks on."""
SKEW = timedelta(hours=2)
"""How far this machine's clock may have gone before Discord's, an hour that it was set wrong included."""

Body = Mapping[str, Any]


def mark(body: Body) -> tuple[str, ...]:
    """What a message is known by, of a body that was sent or a message that was read. Discord trims white space."""
    embeds, components = body.get("embeds") or [], body.get("components") or []
    texts = [body.get("content") or "", *(embed.get("description") or "" for embed in embeds), *texts_of(components)]
    carried = [button.get("custom_id") or button.get("url") or "" for button in buttons_of(components)]
    return tuple(" ".join(text.split()) for text in texts) + tuple(carried)


async def find_message(client: discord.Client, channel: str, payload: bytes, since: datetime) -> str:
    """The id of the message, empty where it is not there. Raises Hidden where Discord shows nothing, and what
    discord.py raises.

    Without the right to read a channel's history Discord answers with no messages at all
    (https://discord.com/developers/docs/resources/message#get-channel-messages).
    """
    wanted, after = mark(json.loads(payload)), discord.utils.time_snowflake(since - SKEW)
    for _ in range(MOST_PAGES):
        page = await _messages(client, channel, after=after, limit=PAGE)
        for message in page:
            if _own(client, message) and mark(message) == wanted:
                return str(message["id"])
        if len(page) < PAGE:
            if page or _may_read(client, channel) or await _messages(client, channel, limit=1):
                return ""
            raise Hidden("Discord shows no message there at all")
        after = max(int(message["id"]) for message in page)
    raise Hidden("too much was written there since")


def _may_read(client: discord.Client, channel: str) -> bool:
    """Whether the gateway told as much; it tells nothing where nobody listens."""
    place = client.get_channel(int(channel))
    if not isinstance(place, discord.abc.GuildChannel | discord.Thread) or place.guild.me is None:
        return False
    return place.permissions_for(place.guild.me).read_message_history


def _own(client: discord.Client, message: Body) -> bool:
    """Sent by this bot of itself."""
    author = str((message.get("author") or {}).get("id"))
    asked = message.get("interaction_metadata") or message.get("interaction")
    return client.user is not None and author == str(client.user.id) and not asked


async def _messages(client: discord.Client, channel: str, **parameters: int) -> list[Body]:
    route = Route("GET", "/channels/{channel_id}/messages", channel_id=channel)
    found = await client.http.request(route, params=parameters)
    if not isinstance(found, list):
        raise Hidden("Discord's answer is no list of messages")
    return [message for message in found if isinstance(message, dict) and "id" in message]
