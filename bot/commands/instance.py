"""Help, settings of a chat, invitations, and how the instance is doing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, time, timedelta

from bot.anthology import NAME as ANTHOLOGY
from bot.commands import announcing
from bot.commands.context import (
    Context,
    digest_comes,
    language_named,
    note,
    require_admin,
    require_manager,
    zone_named,
)
from bot.errors import BadInput
from bot.feeds import REASONS, eastern_day
from bot.holidays import KNOWN_UNTIL, runs_out
from bot.model import BulletinState, Deed, DeliveryState, Feed, FeedState, Gap, GapState, Place
from bot.notices import notice_lines
from bot.ports import Caller, CommandInfo
from bot.replies import Reply, bold, code, heading, paragraph, plain, say
from bot.words import NAMES, Words, words_for

WARNED_DAYS, REACHLESS_DAYS = 150, 180
"""A chat that could not be reached for so long is warned of, and erased."""
_MOST_LOST = 1_000
_NAMED = 5
"""Missed days that are named."""


def help_page(context: Context, caller: Caller, commands: Sequence[CommandInfo]) -> Reply:
    """Every command in a line, then the query language in a few more."""
    words = context.words(caller)
    lines: list[str] = []
    spans = []
    for one in commands:
        spans += [code(f"/{one.name} {one.argument.upper()}".rstrip()), plain(f"  {one.description}\n")]
    lines = [
        words.say('"two words" in this order · OR, NOT, -, ( ) · all other words must occur'),
        words.say("ti: title · abs: abstract · au: author · cat:cs.CL or cat:cs.* category"),
        words.say("quant* words that begin so · date:2025-04..2025-05 · is:cross · id:2403.17919 · topic:NAME"),
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
        chat = context.open_chat(tx, caller)
        note(context, tx, caller, Deed.LANGUAGE, chat.language, wanted)
        tx.put_chat(replace(chat, language=wanted))
    return say(words_for(wanted).say("From now on I write in English here."))


def when(context: Context, caller: Caller, argument: str) -> Reply:
    """``08:30`` or ``08:30 Europe/Berlin``: when the digest comes."""
    words = context.words(caller)
    with context.store.reading() as tx:
        chat = tx.chat(caller.address) or context.fresh_chat(tx, caller)
    if caller.address.platform == "console":
        return say(words.say("No digest comes here by itself, so there is no time to set."), digest_comes(words, chat))
    if not argument:
        return say(
            digest_comes(words, chat),
            words.say("To change it: /time 08:30 or /time 08:30 Asia/Shanghai"),
        )
    require_manager(words, caller)
    found = _CLOCK.fullmatch(unicodedata.normalize("NFKC", argument))
    if found is None:
        raise BadInput(
            words.say("Write the time as hours and minutes, and the zone by its city: /time 08:30 Asia/Shanghai")
        )
    zone = zone_named(found["zone"]) if found["zone"] else chat.timezone
    if zone is None:
        raise BadInput(
            words.say(
                "I know no time zone {zone}; name one by its city: /time 08:30 Asia/Shanghai", zone=found["zone"][:40]
            )
        )
    with context.store.transaction() as tx:
        before = context.open_chat(tx, caller)
        chat = replace(before, time=time(int(found["hour"]), int(found["minute"])), timezone=zone)
        note(context, tx, caller, Deed.TIME, *(f"{one.time:%H:%M} {one.timezone}" for one in (before, chat)))
        tx.put_chat(replace(chat, due_at=context.due_at(chat)))
    return say(digest_comes(words, chat))


_CLOCK = re.compile(r"(?P<hour>[01]?[0-9]|2[0-3])[:.h](?P<minute>[0-5][0-9])(?: +(?P<zone>.+))?")


def invite(context: Context, caller: Caller, argument: str, code_text: str) -> Reply:
    """A code that admits one chat; ``code_text`` is fresh and unguessable."""
    words = context.words(caller)
    require_admin(words, caller)
    if context.config.access == "open":
        return say(words.say("This bot is open to all: no code is needed, /start is enough."), private=True)
    if context.config.access == "list":
        raise BadInput(words.say("This bot serves a fixed list of chats: add one to PAPERROUND_CHATS and restart it."))
    # Discord shows the code to the asking person alone; Telegram cannot.
    if caller.place is not Place.PRIVATE and caller.address.platform == "telegram":
        raise BadInput(words.say("Everybody here could read the code: ask me for it in private."))
    with context.store.transaction() as tx:
        tx.add_invite(code_text, caller.user, context.now())
        note(context, tx, caller, Deed.INVITE, after=recognisable(code_text))
    return Reply(
        (paragraph(words.say("This admits one chat. Send there:"), "\n", code(f"/start {code_text}")),), private=True
    )


def recognisable(code_text: str) -> str:
    """Enough of an invitation's code to know it by, and too little to use it."""
    return code_text[:4] + "…"


MOST_NOTICES = 50
"""Troubles of the last days that /status shows."""


def status(context: Context, caller: Caller, argument: str) -> Reply:
    """Feeds, papers, chats and deliveries in a few lines, for admins."""
    words = context.words(caller)
    require_admin(words, caller)
    with context.store.reading() as tx:
        counts, feeds, gaps = tx.counts(), tx.feeds(), tx.gaps(GapState.OPEN)
        notices = tx.notices(MOST_NOTICES)
        lost = tx.out_of_reach(context.now() - timedelta(days=WARNED_DAYS), _MOST_LOST)
        told = [announcing.progress(tx, words, one) for one in tx.bulletins(_NAMED, BulletinState.SENDING)]
        bans = len(tx.bans())
    again = context.config.uncertain == "repeat"
    states = {
        FeedState.UNKNOWN: words.say("not polled yet"),
        FeedState.FRESH: words.say("today's papers are in"),
        FeedState.QUIET: words.say("nothing announced today"),
        FeedState.WAITING: words.say("today's papers are not in yet"),
        FeedState.STALE: words.say("still serves an old batch"),
        FeedState.FAILED: words.say("could not be read"),
    }
    feed_lines = [
        f"{feed.category}: {_read(words, feed) if feed.category == ANTHOLOGY else states[feed.state]}"
        + _since(words, feed)
        + (f" · {feed.checked_at:%Y-%m-%d %H:%M} UTC" if feed.checked_at else "")
        + (f" ({words.say(feed.why) if feed.why in REASONS else feed.why})" if feed.why else "")
        for feed in feeds.values()
    ]
    return Reply(
        (
            heading(words.say("How this instance is doing")),
            paragraph("\n".join(feed_lines) or words.say("No feed has been polled yet.")),
            *(paragraph(line) for line in _warned(words, gaps, counts, eastern_day(context.now()))),
            paragraph("\n".join(_counted(words, counts, bans))),
            *([paragraph("\n".join(told))] if told else []),
            paragraph(
                words.say(
                    "A message that may have arrived, where nobody can look, is sent again, marked as perhaps a repeat."
                )
                if again
                else words.say("A message that may have arrived, where nobody can look, is not sent again.")
            ),
            *([paragraph("\n".join(notice_lines(words, notices)))] if notices else []),
            *([paragraph(_lost(words, len(lost)))] if lost else []),
        ),
        private=True,
    )


def _warned(words: Words, gaps: Sequence[Gap], counts: Mapping[str, int], today: date) -> Iterator[str]:
    """What is missed, what could not be used, and how far the calendar reaches."""
    if gaps:
        days = words.listing([f"{gap.category} {words.day(gap.on)}" for gap in gaps[:_NAMED]])
        yield words.count(
            "{n} missed day is still to be filled: {days}",
            "{n} missed days are still to be filled, the first: {days}",
            len(gaps),
            days=days,
        )
    if lost := counts["gaps.given-up"]:
        yield words.count("{n} missed day could not be filled.", "{n} missed days could not be filled.", lost)
    if apart := counts["quarantined"]:
        yield words.count(
            "{n} thing that a feed sent could not be used; paperround doctor shows it.",
            "{n} things that feeds sent could not be used; paperround doctor shows the latest.",
            apart,
        )
    if runs_out(today):
        yield words.say("arXiv's holidays are known until {day} only.", day=KNOWN_UNTIL)


def _lost(words: Words, chats: int) -> str:
    """The warning before chats are erased."""
    return words.count(
        "{n} chat could not be reached for {days} days; after {most} it is erased.",
        "{n} chats could not be reached for {days} days; after {most} they are erased.",
        chats,
        days=WARNED_DAYS,
        most=REACHLESS_DAYS,
    )


def _read(words: Words, feed: Feed) -> str:
    """The state of a feed that has no days of its own."""
    if feed.state is FeedState.FAILED:
        return words.say("could not be read")
    if feed.fresh_at is None:
        return words.say("read, nothing new so far")
    return words.say("read, last new papers on {day}", day=words.day(feed.fresh_at.date(), year=True))


def _since(words: Words, feed: Feed) -> str:
    """Since when something is wrong with a feed."""
    if feed.since_at is None or feed.state not in (FeedState.FAILED, FeedState.STALE):
        return ""
    return " " + words.say("since {at} UTC", at=f"{feed.since_at:%Y-%m-%d %H:%M}")


def _counted(words: Words, counts: Mapping[str, int], bans: int) -> Iterator[str]:
    """What is stored and what became of it, a line each."""
    yield words.say(
        "Papers: {papers} · announcements: {announcements} · summaries: {summaries}",
        papers=words.number(counts["papers"]),
        announcements=words.number(counts["announcements"]),
        summaries=words.number(counts["summaries"]),
    )
    yield words.say(
        "Chats: {chats} ({active} active) · subscriptions: {subscriptions} · topics: {topics}",
        active=words.number(counts["chats.active"]),
        chats=words.number(counts["chats"]),
        subscriptions=words.number(counts["subscriptions"]),
        topics=words.number(counts["topics"]),
    )
    away = [
        words.count("{n} out of reach", "{n} out of reach", counts["chats.unreachable"]),
        words.count("{n} stopped", "{n} stopped", counts["chats.stopped"]),
        words.count("{n} banned", "{n} banned", bans),
    ]
    if counts["chats.unreachable"] or counts["chats.stopped"] or bans:
        yield words.say("Of all chats: {states}", states=" · ".join(away))
    waiting = sum(counts[f"deliveries.{state}"] for state in DeliveryState if state.open)
    yield words.say(
        "Digests: {sent} sent · {waiting} on their way · {unreachable} held for chats out of reach · {failed} failed",
        sent=words.number(counts["deliveries.sent"]),
        waiting=words.number(waiting),
        unreachable=words.number(counts["deliveries.unreachable"]),
        failed=words.number(counts["deliveries.failed"]),
    )
