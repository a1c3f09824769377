"""What ``doctor`` says of a bot on Telegram whose token is right."""

from __future__ import annotations

from collections.abc import Sequence

from telegram import User

from bot.ports import Finding


def about(me: User) -> Sequence[Finding]:
    findings = [Finding("Telegram token", True, f"the bot is @{me.username} ({me.full_name}), id {me.id}")]
    if me.can_join_groups:
        findings.append(Finding("Telegram groups", True, "the bot can be added to groups"))
    else:
        mend = "@BotFather: /setjoingroups, Enable"
        findings.append(Finding("Telegram groups", False, "the bot cannot be added to groups", mend))
    reads = "reads every message of its groups, more than it needs" if me.can_read_all_group_messages else ""
    findings.append(Finding("Telegram privacy", True, reads or "reads only commands in groups, as it should"))
    return findings
