"""What a platform says of another chat than the one that a command comes from, in words where it says no."""

from __future__ import annotations

from bot.commands.context import Context
from bot.errors import BadInput, ChatGone, NotAllowed, PaperroundError, Refused
from bot.pages import shorten
from bot.ports import Caller, Standing
from bot.words import Words


def standing_of(context: Context, words: Words, caller: Caller, wanted: str) -> Standing:
    """How the caller and the bot stand in a chat that is named. Raises BadInput or NotAllowed, saying what to do."""
    if not caller.user:
        raise NotAllowed(words.say("Who writes as a group or channel cannot be asked for: write under your own name."))
    if context.outside is None:
        raise BadInput(words.say("No platform can be asked from here; do this in the bot's private chat."))
    named = shorten(wanted, 60)
    try:
        return context.outside.standing(caller.address.platform, caller.user, wanted)
    except ChatGone:
        raise BadInput(
            words.say("I cannot see {chat}. Add me there first, as an administrator who may post.", chat=named)
        ) from None
    except Refused:
        raise BadInput(
            words.say("{chat} names no channel or group. Write its @name, its number or a link to it.", chat=named)
        ) from None
    except PaperroundError:
        raise BadInput(words.say("The platform does not answer just now. Please try again in a minute.")) from None
