"""What admins are told, in words: chats out of reach, papers that were refused, digests that failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.model import Cause, Notice, NoticeKind
from bot.words import Words

EXAMPLES = 3
"""Chats named of those that share a trouble; the others are counted."""


def notice_lines(words: Words, notices: Sequence[Notice]) -> list[str]:
    """A line for each trouble, however many chats share it."""
    lines = []
    gone: dict[Cause, list[str]] = {}
    for notice in notices:
        if notice.kind is NoticeKind.GONE:
            gone.setdefault(Cause.of(notice.detail), []).append(notice.subject)
    for cause, subjects in gone.items():
        lines.append(" ".join((_named(words, subjects) + ":", cause_in(words, cause), *_mend(words, cause))))
    lines += [_line(words, notice) for notice in notices if notice.kind is not NoticeKind.GONE]
    return lines


def _named(words: Words, subjects: Sequence[str]) -> str:
    shown = list(subjects[:EXAMPLES])
    if rest := len(subjects) - len(shown):
        shown.append(words.count("{n} more chat", "{n} more chats", rest))
    return words.listing(shown)


def _line(words: Words, notice: Notice) -> str:
    subject, detail = notice.subject, notice.detail[:200]
    match notice.kind:
        case NoticeKind.MOVED:
            return words.say("{chat} is {new} now; everything moved along.", chat=subject, new=detail)
        case NoticeKind.SLOWED:
            return words.say(
                "{chat}: the platform lets me write there again at {time} UTC (slow mode, or too many messages). "
                "The digest comes then.",
                chat=subject,
                time=detail,
            )
        case NoticeKind.LEFT_OUT:
            return words.count(
                "{papers} was refused in every form and left out of {n} digest: {why}",
                "{papers} was refused in every form and left out of {n} digests: {why}",
                notice.times,
                papers=subject,
                why=detail,
            )
        case _:
            return words.say("{chat}: nothing of a digest arrived: {why}", chat=subject, why=detail)


def cause_in(words: Words, cause: Cause) -> str:
    """Why a chat cannot be reached, in the reader's language."""
    said = {
        Cause.BLOCKED: words.say("the bot was blocked."),
        Cause.REMOVED: words.say("the bot was removed."),
        Cause.NO_CHAT: words.say("the chat does not exist, or the bot was never in it."),
        Cause.DEACTIVATED: words.say("the chat or the account was deleted."),
        Cause.DELETED: words.say("the channel or thread does not exist any more."),
        Cause.UNSEEN: words.say("the bot cannot see the channel."),
        Cause.NO_RIGHT: words.say("the bot has no right to write there."),
        Cause.NO_TOPIC: words.say("the topic does not exist any more."),
        Cause.CLOSED: words.say("the topic is closed."),
        Cause.ARCHIVED: words.say("the thread is archived."),
        Cause.LOCKED: words.say("the thread is locked."),
        Cause.RESTRICTED: words.say("the chat is restricted."),
    }
    return said.get(cause) or words.say("it cannot be reached.")


def _mend(words: Words, cause: Cause) -> Iterator[str]:
    """What an admin can do about it, where there is something."""
    match cause:
        case Cause.REMOVED | Cause.NO_CHAT:
            yield words.say("Add it again to go on.")
        case Cause.UNSEEN:
            yield words.say("Give it View Channel and Send Messages there.")
        case Cause.NO_RIGHT:
            yield words.say("Give it the right to send messages there.")
        case Cause.CLOSED:
            yield words.say("Open the topic again, or let the bot manage topics.")
        case Cause.ARCHIVED | Cause.LOCKED:
            yield words.say("Open the thread again.")
