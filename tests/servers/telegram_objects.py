"""Telegram's objects, as its server would fill them in."""

from __future__ import annotations

from typing import Any

ANONYMOUS_ADMIN = 1087968824
BOT = {
    "id": 123456, "is_bot": True, "first_name": "Paperround", "username": "paperround_bot", "can_join_groups": True,
    "can_read_all_group_messages": False, "supports_inline_queries": False, "can_connect_to_business": False,
    "has_main_web_app": False, "has_topics_enabled": False, "allows_users_to_create_topics": False,
    "can_manage_bots": False, "supports_guest_queries": False, "supports_join_request_queries": False,
}  # fmt: skip
_RIGHTS = (
    "can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats",
    "can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories",
    "can_edit_stories", "can_delete_stories",
)  # fmt: skip


def make_chat(chat: int) -> dict[str, Any]:
    """Positive ids are private chats, negative ones supergroups."""
    if chat > 0:
        return {"id": chat, "type": "private", "first_name": f"User {chat}"}
    return {"id": chat, "type": "supergroup", "title": "Readers"}


def make_user(user: int, language: str | None = "en") -> dict[str, Any]:
    made: dict[str, Any] = {"id": user, "is_bot": False, "first_name": f"User {user}"}
    return made | ({"language_code": language} if language else {})


def make_member(status: str, user: dict[str, Any]) -> dict[str, Any]:
    member: dict[str, Any] = {"status": status, "user": user}
    if status == "administrator":
        member |= dict.fromkeys(_RIGHTS, False)
    elif status == "creator":
        member |= {"is_anonymous": False}
    elif status == "kicked":
        member |= {"until_date": 0}
    return member
