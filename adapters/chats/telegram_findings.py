"""What ``doctor`` says of a bot on Telegram."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from telegram import Bot, User
from telegram import error as tg

from adapters.chats.telegram_polling import TOKEN_KEY, TOKEN_MEND
from adapters.chats.telegram_webhook import Door, about_webhook
from bot.ports import Finding


async def examine(bot: Bot, door: Door | None, safe: Callable[[BaseException], str]) -> Sequence[Finding]:
    """One finding on the token, and where it is right, on groups, privacy, inline mode and the webhook."""
    try:
        me = await bot.get_me()
        webhook = await bot.get_webhook_info()
    except tg.InvalidToken:
        return (Finding("Telegram token", False, "Telegram does not know it", f"{TOKEN_KEY}: {TOKEN_MEND}"),)
    except tg.TelegramError as error:
        mend = "check the network, the proxy and PAPERROUND_TELEGRAM__API_URL"
        return (Finding("Telegram", False, f"cannot be reached: {safe(error)}", mend),)
    except Exception as error:
        mend = "check PAPERROUND_TELEGRAM__API_URL"
        return (Finding("Telegram", False, f"what answers is no Bot API ({type(error).__name__})", mend),)
    return (*_about(me), about_webhook(webhook, door))


def _about(me: User) -> Sequence[Finding]:
    findings = [Finding("Telegram token", True, f"the bot is @{me.username} ({me.full_name}), id {me.id}")]
    if me.can_join_groups:
        findings.append(Finding("Telegram groups", True, "the bot can be added to groups"))
    else:
        mend = "@BotFather: /setjoingroups, Enable"
        findings.append(Finding("Telegram groups", False, "the bot cannot be added to groups", mend))
    reads = "reads every message of its groups, more than it needs" if me.can_read_all_group_messages else ""
    findings.append(Finding("Telegram privacy", True, reads or "reads only commands in groups, as it should"))
    off = "off; @BotFather, /setinline lets people send papers to any chat"
    inline = f"papers can be sent to any chat with @{me.username}" if me.supports_inline_queries else off
    findings.append(Finding("Telegram inline mode", True, inline))
    return findings
