"""What Discord's objects look like, as far as a client reads them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

Body = dict[str, Any]

APPLICATION = "900000000000000001"
TEXT, DM, THREAD, FORUM = 0, 1, 11, 15
_ALL_PERMISSIONS = str((1 << 50) - 1)


def text_of(message: Body) -> str:
    """All that a message says."""
    embeds = (e.get("description") or "" for e in message.get("embeds") or [])
    return "\n".join(filter(None, [message.get("content"), *embeds, *shown_in(message.get("components") or [])]))


def shown_in(components: list[Body]) -> Iterator[str]:
    """The texts of components (type 10), in order."""
    for one in components:
        if one["type"] == 10:
            yield one["content"]
        yield from shown_in(one.get("components") or [])


def buttons_in(components: list[Body]) -> list[Body]:
    """The buttons (type 2) of a message's components, in order, those beside sections among them."""
    found = []
    for one in components:
        inner = [*(one.get("components") or []), *([one["accessory"]] if "accessory" in one else [])]
        found += [one] if one["type"] == 2 else buttons_in(inner)
    return found


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00", time.gmtime())


def user_object(user: str, name: str = "") -> Body:
    return {
        "id": user, "username": name or f"user{user}", "discriminator": "0", "global_name": name or f"User {user}",
        "avatar": None, "bot": False, "public_flags": 0,
    }  # fmt: skip


def member_object(user: str, permissions: int) -> Body:
    return {
        "user": user_object(user), "roles": [], "joined_at": now(), "deaf": False, "mute": False, "flags": 0,
        "permissions": str(permissions), "avatar": None, "nick": None, "pending": False,
    }  # fmt: skip


def bot_object() -> Body:
    return {**user_object(APPLICATION, "paperround"), "bot": True, "mfa_enabled": False, "verified": True}


def application_object(interactions_endpoint_url: str | None) -> Body:
    return {
        "id": APPLICATION, "name": "paperround", "icon": None, "description": "", "summary": "",
        "bot_public": True, "bot_require_code_grant": False, "verify_key": "00", "flags": 0, "team": None,
        "owner": user_object("1", "owner"), "interactions_endpoint_url": interactions_endpoint_url,
    }  # fmt: skip


def message_object(id: str, channel: str, body: Body, author: Body) -> Body:
    return {
        "id": id, "channel_id": channel, "author": author, "timestamp": now(),
        "edited_timestamp": None, "tts": False, "mention_everyone": False, "mentions": [], "mention_roles": [],
        "attachments": [], "pinned": False, "type": 0, "content": body.get("content") or "",
        "embeds": [{"type": "rich", **embed} for embed in body.get("embeds") or []],
        "components": body.get("components") or [], "flags": body.get("flags") or 0,
    }  # fmt: skip


def channel_object(id: str, name: str, position: int) -> Body:
    return {"id": id, "type": TEXT, "name": name, "position": position, "permission_overwrites": []}


def forum_object(id: str, name: str, position: int, tags: tuple[str, ...], flags: int) -> Body:
    """``tags`` get ids of their own, from 1 on; one that begins with ! is for moderators."""
    made = [
        {"id": str(n), "name": tag.lstrip("!"), "moderated": tag[0] == "!", "emoji_id": None, "emoji_name": None}
        for n, tag in enumerate(tags, 1)
    ]
    return channel_object(id, name, position) | {"type": FORUM, "available_tags": made, "flags": flags, "topic": None}


def thread_object(id: str, name: str, guild: str, parent: str) -> Body:
    return {
        "id": id, "type": THREAD, "name": name, "guild_id": guild, "parent_id": parent,
        "owner_id": "1", "message_count": 0, "member_count": 1, "rate_limit_per_user": 0, "flags": 0,
        "thread_metadata": {
            "archived": False, "auto_archive_duration": 1440, "archive_timestamp": now(), "locked": False,
        },
    }  # fmt: skip


def guild_object(id: str, name: str, channels: list[Body]) -> Body:
    role = {
        "id": id, "name": "@everyone", "permissions": _ALL_PERMISSIONS, "position": 0, "color": 0,
        "colors": {"primary_color": 0}, "hoist": False, "managed": False, "mentionable": False, "flags": 0,
    }  # fmt: skip
    me = {"user": bot_object(), "roles": [], "joined_at": now(), "deaf": False, "mute": False, "flags": 0}
    return {
        "id": id, "name": name, "owner_id": "1", "channels": channels, "threads": [], "roles": [role],
        "members": [me], "member_count": 2, "emojis": [], "stickers": [], "features": [], "large": False,
        "unavailable": False, "system_channel_id": channels[0]["id"], "preferred_locale": "en-US",
        "verification_level": 0, "default_message_notifications": 0, "explicit_content_filter": 0, "mfa_level": 0,
        "nsfw_level": 0, "premium_tier": 0, "system_channel_flags": 0, "afk_timeout": 0, "presences": [],
        "voice_states": [], "stage_instances": [], "guild_scheduled_events": [], "soundboard_sounds": [],
        "premium_progress_bar_enabled": False, "joined_at": now(), "vanity_url_code": None, "description": None,
    }  # fmt: skip
