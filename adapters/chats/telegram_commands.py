"""The lists of commands that Telegram shows: by language, and by who looks.

https://core.telegram.org/bots/api#setmycommands, https://core.telegram.org/bots/api#botcommandscope
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from telegram import (
    Bot,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
)
from telegram import error as tg

from bot.model import LANGUAGES
from bot.ports import CommandInfo, Desk

log = logging.getLogger(__name__)

MOST, DESCRIPTION = 100, 256
FIRST = "en"
"""What those read whose language has no list of its own."""


async def list_commands(bot: Bot, desk: Desk, safe: Callable[[BaseException], str]) -> None:
    """Tell Telegram all lists; what it does not take is logged, and nothing is raised."""
    for scope, mine in _audiences(desk):
        for language, code in _languages():
            commands = [command for command in desk.commands(language) if mine(command)]
            listed = [(command.name, command.description[:DESCRIPTION]) for command in commands[:MOST]]
            try:
                await bot.set_my_commands(listed, scope=scope, language_code=code)
            except tg.BadRequest as error:
                if not isinstance(scope, BotCommandScopeChat):
                    log.warning("Telegram: a list of commands was not taken (%s)", safe(error))
                break  # an admin who never wrote to the bot has no chat with it
            except tg.TelegramError as error:
                log.warning("Telegram: the lists of commands were not taken (%s)", safe(error))
                return
            except Exception:
                log.exception("Telegram: the lists of commands could not be made")
                return


def _languages() -> Iterator[tuple[str, str | None]]:
    """A language and Telegram's code for it: two letters (https://core.telegram.org/bots/api#setmycommands), so that
    the first script of a language stands for all of them."""
    yield FIRST, None
    told = {FIRST}
    for language in LANGUAGES:
        code = language.partition("-")[0]
        if code not in told and len(code) == 2:
            told.add(code)
            yield language, code


def _audiences(desk: Desk) -> Sequence[tuple[BotCommandScope, Callable[[CommandInfo], bool]]]:
    """Who sees which commands; Telegram shows the list of the narrowest scope."""

    def reading(command: CommandInfo) -> bool:
        return managing(command) and not command.changes

    def managing(command: CommandInfo) -> bool:
        return not command.admin and command.platform in ("", "telegram")

    def ruling(command: CommandInfo) -> bool:
        return command.platform in ("", "telegram")

    admins = [user.partition(":")[2] for user in desk.admins("telegram")]
    return (
        (BotCommandScopeDefault(), managing),
        (BotCommandScopeAllPrivateChats(), managing),
        (BotCommandScopeAllGroupChats(), reading),
        (BotCommandScopeAllChatAdministrators(), managing),
        *((BotCommandScopeChat(int(admin)), ruling) for admin in admins if admin.isdecimal()),
    )
