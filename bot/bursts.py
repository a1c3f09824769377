"""What is left of a burst: papers that came late or thousands at once are pushed by the digests of a week, after each
day's own; what is left of an ordinary day stays behind More."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from bot.model import Asked, Chat, Digest, DigestKind, Match, News, Rest
from bot.query import Query

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Followed:
    """A subscription ready to be asked: ``label`` is what the reader calls it, ``name`` its topic or text, whatever
    the reader's language. ``muted``: what it finds is kept away."""

    label: str
    query: Query
    name: str = ""
    muted: bool = False


def wanted(followed: Iterable[Followed]) -> tuple[Followed, ...]:
    """Those that are not muted."""
    return tuple(one for one in followed if not one.muted)


def waits(match: Match, today: date) -> bool:
    """Whether it may still be pushed on ``today``."""
    return match.since is not None and today - match.since <= WEEK


def composed(
    on: date,
    matches: Sequence[Match],
    carried: int,
    followed: Sequence[Followed],
    size: int,
    upto: int,
    today: date,
    since_on: date | None = None,
) -> Digest:
    """A digest of ``matches``, the last ``carried`` of them from earlier ones; what is not pushed and may still be
    tomorrow is left for the next."""
    pushed, tomorrow = min(size, len(matches)), today + timedelta(days=1)
    kept = tuple(
        match if match.since is None or (n >= pushed and waits(match, tomorrow)) else replace(match, since=None)
        for n, match in enumerate(matches)
    )
    hit = {label for match in kept for label in match.labels}
    mine = [one for one in followed if one.label in hit and not one.muted]
    left = any(match.since is not None for match in kept)
    asked = tuple(Asked(one.label, one.name, str(one.query)) for one in mine) if left else ()
    labels = tuple(dict.fromkeys(one.label for one in mine))
    return Digest(DigestKind.PAPERS, on, kept, pushed, labels, upto, carried=carried, asked=asked, since_on=since_on)


class Leftover:
    """What one digest left, for all chats that got it; each way to go on is composed once for all of them."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self._digests: dict[tuple[object, ...], tuple[object, Digest | None]] = {}

    def matches(self, followed: Sequence[Followed], wants: frozenset[News], today: date) -> list[Match]:
        """What may still be pushed to a chat that follows this now, under its present labels: what it no longer
        follows, or does not ask for any more, stays behind the old digest's More."""
        now: dict[str, str] = {}
        mine = wanted(followed)
        for one in reversed(mine):
            now[str(one.query)] = one.label
        now |= {one.name: one.label for one in reversed(mine) if one.name}
        labels = {a.label: label for a in self.rest.asked if (label := now.get(a.name) or now.get(a.query))}
        found = []
        for match in self.rest.matches:
            its = tuple(dict.fromkeys(labels[label] for label in match.labels if label in labels))
            if its and match.news in wants and waits(match, today):
                found.append(replace(match, labels=its))
        return found

    def without(self, papers: frozenset[int]) -> Leftover:
        """The same for chats that mute these papers."""
        kept = tuple(match for match in self.rest.matches if match.paper_id not in papers)
        return self if len(kept) == len(self.rest.matches) else Leftover(replace(self.rest, matches=kept))

    def digest(
        self, own: Digest | None, followed: Sequence[Followed], chat: Chat, upto: int, on: date, now: datetime
    ) -> Digest | None:
        """The day's ``own`` digest with what is left behind it; one of ``on`` where the day has none of its own. None
        where nothing is left of either."""
        today = now.astimezone(UTC).date()
        key = (id(own), tuple(map(id, followed)), chat.wants, chat.size, upto, on if own is None else None, today)
        known = self._digests.get(key)
        if known is None:
            made = self._digest(own, self.matches(followed, chat.wants, today), followed, chat.size, upto, on, today)
            # What the key names by its id is kept beside it, so that the id stays its own.
            known = self._digests[key] = (own, followed), made
        return known[1]

    @staticmethod
    def _digest(
        own: Digest | None,
        carried: Sequence[Match],
        followed: Sequence[Followed],
        size: int,
        upto: int,
        on: date,
        today: date,
    ) -> Digest | None:
        if own is None:
            return composed(on, carried, len(carried), followed, size, upto, today) if carried else None
        if not carried:
            return own
        since = {match.paper_id: match.since for match in carried}
        mine = {match.paper_id for match in own.matches}
        first = [_waiting(match, since) for match in own.matches]
        behind = [match for match in carried if match.paper_id not in mine]
        return composed(own.on, first + behind, len(behind), followed, size, upto, today, own.since_on)

    def may_come_alone(self, upto: int, today: date) -> bool:
        """Whether a digest of this alone can be told from the one that left it: deliveries are known by their day and
        the last announcement."""
        return self.rest.upto != upto or self.rest.on < today

    def spent(self, today: date) -> bool:
        """Whether nothing of it will ever be pushed."""
        return not any(waits(match, today) for match in self.rest.matches)


def _waiting(match: Match, since: Mapping[int, date | None]) -> Match:
    """What waited already waits on from the day it was first offered, though it is news once more."""
    days = [day for day in (match.since, since.get(match.paper_id)) if day is not None]
    return replace(match, since=min(days)) if days else match


def living(matches: Iterable[Match], joined: Mapping[int, int]) -> tuple[Match, ...]:
    """Matches of papers that became one with others since: ``joined`` says which; each paper once."""
    found: dict[int, Match] = {}
    for match in matches:
        paper_id = joined.get(match.paper_id, match.paper_id)
        found.setdefault(paper_id, match if paper_id == match.paper_id else replace(match, paper_id=paper_id))
    return tuple(found.values())
