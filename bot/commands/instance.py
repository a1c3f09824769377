"""Help, settings of a chat, invitations, and how the instance is doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from zoneinfo import ZoneInfo

from bot.commands.context import Context, language_named, require_admin, require_manager
from bot.digests import next_due
from bot.errors import BadInput
from bot.ports import Caller, CommandInfo
from bot.replies import Reply, bold, code, heading, paragraph, plain, say
from bot.words import NAMES, words_for


def help_page(context: Context, caller: Caller, commands: Sequence[CommandInfo]) -> Reply:
    """Every command in a line, then the query language in five."""
    words = context.words(caller)
    lines: list[str] = []
    spans = []
    for one in commands:
        spans += [code(f"/{one.name}" + (f" {one.argument}" if one.argument else "")), plain(f"  {one.description}\n")]
    lines = [
        words.say('"two words" in this order · OR, NOT, -, ( ) · all other words must occur'),
        words.say("ti: title · abs: abstract · au: author · cat:cs.CL or cat:cs.* category"),
        words.say("Case and accents do not matter; LoRA also finds QLoRA; Chinese works without spaces."),
    ]
    return Reply(
        (
            heading(words.say("What you can ask for")),
            paragraph(*spans),
            paragraph(bold(words.say("Queries") + "\n"), "\n".join(lines)),
        )
    )


def language(context: Context, caller: Caller, argument: str) -> Reply:
    """The language digests and answers come in."""
    words = context.words(caller)
    if not argument:
        choices = " · ".join(f"{NAMES[key]} ({key})" for key in NAMES)
        return say(words.say("Languages: {choices}. For example: /language zh-Hans", choices=choices))
    require_manager(words, caller)
    wanted = language_named(argument)
    if wanted is None:
        raise BadInput(words.say("I do not speak {language}; I speak en, zh-Hans and zh-Hant.", language=argument[:40]))
    with context.store.transaction() as tx:
        chat = replace(context.open_chat(tx, caller), language=wanted)
        tx.put_chat(chat)
    return say(words_for(wanted).say("From now on I write in English here."))


def when(context: Context, caller: Caller, argument: str) -> Reply:
    """``08:30`` or ``08:30 Europe/Berlin``: when the digest comes."""
    words = context.words(caller)
    with context.store.reading() as tx:
        chat = tx.chat(caller.address)
    if not argument:
        at, zone = (chat.time, chat.timezone) if chat else (context.config.time, context.config.timezone)
        return say(
            words.say("The digest comes at {time} ({zone}).", time=f"{at:%H:%M}", zone=zone),
            words.say("To change it: /time 08:30 or /time 08:30 Asia/Shanghai"),
        )
    require_manager(words, caller)
    clock, _, zone = argument.strip().partition(" ")
    try:
        hour, _, minute = clock.partition(":")
        at = time(int(hour), int(minute))
        if zone.strip():
            ZoneInfo(zone.strip())
    except (ValueError, KeyError, OSError) as e:
        raise BadInput(
            words.say("Write the time as hours and minutes, and the zone by its city: /time 08:30 Asia/Shanghai")
        ) from e
    with context.store.transaction() as tx:
        opened = context.open_chat(tx, caller)
        opened = replace(opened, time=at, timezone=zone.strip() or opened.timezone)
        tx.put_chat(replace(opened, due_at=next_due(opened, context.now())))
    return say(words.say("The digest comes at {time} ({zone}).", time=f"{at:%H:%M}", zone=opened.timezone))


def invite(context: Context, caller: Caller, argument: str, code_text: str) -> Reply:
    """A code that admits one chat; ``code_text`` is fresh and unguessable."""
    words = context.words(caller)
    require_admin(words, caller)
    with context.store.transaction() as tx:
        tx.add_invite(code_text, caller.user, context.now())
    return Reply(
        (
            paragraph(words.say("This admits one chat. Send there:"), " ", code(f"/start {code_text}")),
            paragraph(words.say("Access is '{access}' now.", access=context.config.access)),
        ),
        private=True,
    )


def status(context: Context, caller: Caller, argument: str) -> Reply:
    """Feeds, papers, chats and deliveries in a few lines, for admins."""
    words = context.words(caller)
    require_admin(words, caller)
    with context.store.reading() as tx:
        counts, feeds = tx.counts(), tx.feeds()
    feed_lines = [
        f"{feed.category}: {feed.state}"
        + (f", {feed.checked_at:%Y-%m-%d %H:%M} UTC" if feed.checked_at else "")
        + (f" ({feed.why})" if feed.why else "")
        for feed in feeds.values()
    ]
    count_lines = [f"{name}: {words.number(n)}" for name, n in counts.items()]
    return Reply(
        (
            heading(words.say("How this instance is doing")),
            paragraph("\n".join(feed_lines) or words.say("No feed has been polled yet.")),
            paragraph("\n".join(count_lines)),
        ),
        private=True,
    )
