"""What the one who pressed a button is told beside it: https://core.telegram.org/bots/api#answercallbackquery"""

from __future__ import annotations

from adapters.chats.telegram_render import clean, units
from bot.model import Place
from bot.replies import Reply

NOTICE_SECONDS = 1.0
"""How long a press may take to be answered beside its button; Telegram shows a spinner meanwhile."""
RIGHTS_SECONDS = 5.0
"""The same of a press that asks for rights first."""
MAX_NOTICE_UNITS = 200


def notice(reply: Reply, place: Place) -> str:
    """What can be shown to the one who pressed alone, and is nobody else's in a group; of much the beginning."""
    fits = reply.private and not reply.buttons and place is not Place.PRIVATE
    text = clean(reply.text).strip() if fits else ""
    if units(text) <= MAX_NOTICE_UNITS:
        return text
    return text.encode("utf-16-le")[: 2 * MAX_NOTICE_UNITS - 2].decode("utf-16-le", "ignore").rstrip() + "…"
