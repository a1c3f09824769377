"""The id of the bot that a token belongs to, as the token itself says it: no platform need be asked."""

from __future__ import annotations

import base64
import binascii


def telegram_id(token: str) -> str:
    """``123456789`` of ``123456789:AAHdqT…`` (https://core.telegram.org/bots/features#botfather); empty where it
    says none."""
    number = token.partition(":")[0]
    return number if number.isascii() and number.isdecimal() else ""


def discord_id(token: str) -> str:
    """The first of the token's three parts is the bot's id in base64
    (https://discord.com/developers/docs/reference#authentication); empty where it is none."""
    first = token.partition(".")[0]
    try:
        number = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
    return number if number.isascii() and number.isdecimal() else ""
