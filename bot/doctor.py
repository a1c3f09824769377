"""``paperround doctor``: what is right, what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.accounts import known_account, waiting_chats
from bot.config import Config
from bot.errors import FetchFailed
from bot.feeds import eastern_day
from bot.holidays import runs_out
from bot.model import Feed, FeedState, Gap, GapState, Notice, NoticeKind, Quarantined, Validators
from bot.notices import notice_lines
from bot.ports import Finding, Source, Transaction
from bot.words import words_for

_MENDS = {
    FeedState.FAILED: "look at the reason; the bot tries again by itself, with growing pauses",
    FeedState.STALE: "arXiv serves an old batch under a new date; the bot keeps asking",
}


def about_config(config: Config) -> list[Finding]:
    """What the configuration leaves open."""
    findings = [
        Finding("configuration", True, f"data in {config.data_dir}, categories {', '.join(config.arxiv.categories)}")
    ]
    if not (config.telegram.token or config.discord.token):
        findings.append(
            Finding(
                "chats",
                True,
                "no token: only the console chat",
                "set PAPERROUND_TELEGRAM__TOKEN or PAPERROUND_DISCORD__TOKEN",
            )
        )
    elif not config.admins:
        findings.append(
            Finding(
                "admins", False, "nobody is admin, so nobody can manage topics or invite from a chat",
                "set PAPERROUND_ADMINS=telegram:YOUR-NUMBER; a refusal to /topic shows your number",
            )
        )  # fmt: skip
    if config.access == "list" and not config.chats:
        findings.append(
            Finding(
                "access",
                False,
                "access is 'list' and the list is empty",
                "set PAPERROUND_CHATS, or PAPERROUND_ACCESS=invite",
            )
        )
    if not config.contact:
        findings.append(
            Finding("contact", True, "arXiv likes to know whom to write to", "set PAPERROUND_CONTACT=you@example.org")
        )
    return findings


def about_store(counts: Mapping[str, int]) -> list[Finding]:
    """What the database holds, and deliveries that failed."""
    failed = counts.get("deliveries.failed", 0)
    findings = [
        Finding(
            "database", True,
            ", ".join(f"{name}: {counts.get(name, 0):,}" for name in ("papers", "summaries", "chats", "subscriptions")),
        )
    ]  # fmt: skip
    if failed:
        findings.append(
            Finding("deliveries", False, f"{failed} failed for good", "the log names each and the platform's reason")
        )
    return findings


def about_processes(leases: Mapping[str, str]) -> list[Finding]:
    """Who holds what one alone may do, where anybody does."""
    held: dict[str, list[str]] = {}
    for name, owner in leases.items():
        held.setdefault(owner.partition(" (")[0], []).append(name)
    told = "; ".join(f"{owner}: {', '.join(sorted(names))}" for owner, names in sorted(held.items()))
    return [Finding("processes", True, told)] if told else []


def about_accounts(tx: Transaction, accounts: Mapping[str, str]) -> list[Finding]:
    """Whether the bots are those that the chats know, and which chats must be begun anew."""
    findings = []
    for platform, account in accounts.items():
        before = known_account(tx, platform)
        if before and before != account:
            mend = "it is followed when paperround runs; add the new bot to groups, channels and servers"
            what = f"the token is of another bot ({account}) than the chats know ({before})"
            findings.append(Finding(f"{platform} account", True, what, mend))
        count, first = waiting_chats(tx, platform)
        if count:
            named = ", ".join(f"{chat.address}{f' ({chat.title})' if chat.title else ''}" for chat in first)
            more = f" and {count - len(first):,} more" if count > len(first) else ""
            mend = "let their people write /start to the new bot; they keep all they had"
            what = f"{count:,} private chats wait for /start with the new bot: {named}{more}"
            findings.append(Finding(f"{platform} private chats", False, what, mend))
    return findings


def about_notices(notices: Sequence[Notice]) -> list[Finding]:
    """What went wrong with deliveries lately: chats out of reach are no fault of the instance."""
    words, findings = words_for("en"), []
    for kind in NoticeKind:
        lines = notice_lines(words, [notice for notice in notices if notice.kind is kind])
        ok = kind not in (NoticeKind.LEFT_OUT, NoticeKind.FAILED)
        findings += [Finding(f"deliveries, {kind}", ok, line, "" if ok else "the log has more") for line in lines]
    return findings


async def about_address(source: Source, categories: Sequence[str]) -> Finding:
    """Whether the feed answers, where there is no database to remember what it said."""
    try:
        fetched = await source.fetch(categories, Validators())
    except FetchFailed as error:
        return Finding("feed", False, str(error), _MENDS[FeedState.FAILED])
    return Finding("feed", True, f"{fetched.url} answers with {len(fetched.items)} items")


def about_feeds(feeds: Mapping[str, Feed], categories: Sequence[str], now: datetime) -> list[Finding]:
    """The last known state of every category; polling is the caller's."""
    findings = []
    for category in categories:
        feed = feeds.get(category, Feed(category))
        since = f" since {feed.since_at:%Y-%m-%d %H:%M} UTC" if feed.since_at else ""
        why = f": {feed.why}" if feed.why else ""
        findings.append(
            Finding(
                f"feed {category}", feed.state not in _MENDS, f"{feed.state}{since}{why}", _MENDS.get(feed.state, "")
            )
        )
    return findings


def about_calendar(now: datetime) -> list[Finding]:
    """Whether the program knows arXiv's holidays of the days to come."""
    if not (said := runs_out(eastern_day(now))):
        return []
    mend = "a later version knows more; till then a holiday is called late, and nothing is lost"
    return [Finding("calendar", True, said, mend)]


def about_gaps(gaps: Sequence[Gap], archives: bool) -> list[Finding]:
    """Missed days that are to be filled yet, and those that nobody could fill. ``archives``: there is where to ask."""
    findings = []
    waiting = [gap for gap in gaps if gap.state is GapState.OPEN]
    lost = [gap for gap in gaps if gap.state is GapState.GIVEN_UP]
    if waiting:
        mend = "they are looked for by themselves" if archives else "set oai_url under [arxiv], for where to look"
        findings.append(Finding("missed days", archives, f"{_days(waiting)}; last: {waiting[-1].why}", mend))
    if lost:
        mend = "paperround poll ADDRESS reads a feed of those days, where somebody has one"
        findings.append(Finding("lost days", False, f"{_days(lost)}; last: {lost[-1].why}", mend))
    return findings


def _days(gaps: Sequence[Gap]) -> str:
    named = ", ".join(f"{gap.category} {gap.on}" for gap in gaps[:5])
    return f"{len(gaps)} ({named}{', …' if len(gaps) > 5 else ''})"


def about_quarantine(count: int, latest: Sequence[Quarantined]) -> list[Finding]:
    """What sources sent that could not be used: how many, and the latest few with where they stood."""
    if not count:
        return []
    shown = "; ".join(
        f"{one.last_at:%Y-%m-%d %H:%M} UTC {one.source}, {one.where}: {one.why}"
        + (f" ({one.times} times)" if one.times > 1 else "")
        for one in latest
    )
    mend = "the rest of those feeds was taken in; where papers are among them, tell the program's makers"
    return [Finding("quarantine", True, f"{count} things could not be used; the latest: {shown}", mend)]
