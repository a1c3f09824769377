"""Help, invitations, and how the instance is doing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from bot.anthology import NAME as ANTHOLOGY
from bot.budgets import MILLION, PAUSED, day_of_spending
from bot.commands import announcing
from bot.commands.context import Context, note, require_admin
from bot.errors import BadInput
from bot.feeds import REASONS, eastern_day
from bot.holidays import KNOWN_UNTIL, runs_out
from bot.model import BulletinState, Deed, DeliveryState, Feed, FeedState, Gap, GapState, Place
from bot.notices import notice_lines
from bot.ports import Caller, CommandInfo, Transaction
from bot.replies import Reply, bold, code, heading, paragraph, plain, say
from bot.words import Words

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
        words.say("ti: title · abs: abstract · au: author · subject: subject · cat:cs.CL or cat:cs.* category"),
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
        written = list(_written(context, words, tx))
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
            *([paragraph("\n".join(written))] if written else []),
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


def _written(context: Context, words: Words, tx: Transaction) -> Iterator[str]:
    """What a model made, and what that cost today, where there is one."""
    wanted, now = context.config.summaries, context.now()
    if not wanted.url:
        return
    counts, spent = tx.summary_counts(), tx.spending(day_of_spending(now))
    yield words.say(
        "Summaries by {model}: {stored} stored · {waiting} waiting · {refused} could not be made",
        model=wanted.model,
        stored=words.number(counts["stored"]),
        waiting=words.number(counts["waiting"] + counts["asked"]),
        refused=words.number(counts["refused"]),
    )
    tokens = words.number(spent.tokens) + (f" / {words.number(wanted.tokens_a_day)}" if wanted.tokens_a_day else "")
    money = f"{spent.micros / MILLION:.4f}" + (f" / {wanted.money_a_day:g}" if wanted.money_a_day else "")
    requests = words.number(spent.requests)
    line = words.say("Today: {tokens} tokens · {requests} requests", tokens=tokens, requests=requests)
    yield line + (" · " + words.say("cost {money}", money=money) if wanted.price_in or wanted.price_out else "")
    until, _, why = tx.setting(PAUSED).partition(" ")
    if until and datetime.fromisoformat(until) > now:
        yield words.say("No more until {time} UTC: {why}", time=until[11:16], why=why)


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
        topics=words.number(counts["topics"] - counts["topics.proposed"]),
    )
    away = [
        words.count("{n} out of reach", "{n} out of reach", counts["chats.unreachable"]),
        words.count("{n} stopped", "{n} stopped", counts["chats.stopped"]),
        words.count("{n} banned", "{n} banned", bans),
    ]
    if counts["chats.unreachable"] or counts["chats.stopped"] or bans:
        yield words.say("Of all chats: {states}", states=" · ".join(away))
    if counts["summaries.curated"] or counts["topics.proposed"]:
        yield words.say(
            "Summaries corrected by hand: {curated} · subjects proposed as topics: {proposed}",
            curated=words.number(counts["summaries.curated"]),
            proposed=words.number(counts["topics.proposed"]),
        )
    waiting = sum(counts[f"deliveries.{state}"] for state in DeliveryState if state.open)
    yield words.say(
        "Digests: {sent} sent · {waiting} on their way · {unreachable} held for chats out of reach · {failed} failed",
        sent=words.number(counts["deliveries.sent"]),
        waiting=words.number(waiting),
        unreachable=words.number(counts["deliveries.unreachable"]),
        failed=words.number(counts["deliveries.failed"]),
    )
