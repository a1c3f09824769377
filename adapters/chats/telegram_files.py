"""Documents on Telegram: https://core.telegram.org/bots/api#senddocument"""

from __future__ import annotations

from telegram import Bot

from adapters.chats.telegram_pace import Pace
from adapters.chats.telegram_requests import telegram_errors
from bot.errors import Refused
from bot.model import Address
from bot.replies import File


async def send_file(bot: Bot, pace: Pace, address: Address, file: File) -> str:
    """The message's id. Raises Refused for a group or channel, for a file is for one person's eyes, and else what
    ``telegram_errors`` does."""
    if not address.chat.isdecimal():
        raise Refused("a file never goes into a group")
    await pace.turn(address.chat, urgent=True)
    with telegram_errors():
        message = await bot.send_document(int(address.chat), file.content, filename=file.name)
    return str(message.message_id)
