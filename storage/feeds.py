"""What is known of feeds: their state, what they said for conditional requests, missed days, and what was unusable."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import blake2b

from sqlalchemy import delete, func, select, update

from bot.figures import POLLS
from bot.gaps import Known
from bot.model import Feed, FeedItem, FeedState, Gap, GapState, Kind, News, Quarantined, Rejected, Validators
from storage import tables as t
from storage.rows import CHUNK, Work, chunks

HELD, HELD_CHARACTERS = 500, 1000
"""So many unusable things are kept, the latest, and so much of each."""
_RECENT = timedelta(days=120)


class Feeds(Work):
    """What a Transaction can do with what is known of feeds."""

    def feeds(self) -> dict[str, Feed]:
        return {
            row.category: Feed(
                row.category,
                FeedState(row.state),
                row.since_at,
                row.checked_at,
                row.fresh_at,
                row.batch_on,
                row.why,
                row.upto_on,
            )
            for row in self._all(select(t.feed).order_by(t.feed.c.category))
        }

    def put_feed(self, feed: Feed) -> None:
        self._put(
            t.feed,
            {
                "category": feed.category,
                "state": feed.state.value,
                "since_at": feed.since_at,
                "checked_at": feed.checked_at,
                "fresh_at": feed.fresh_at,
                "batch_on": feed.batch_on,
                "why": feed.why,
                "upto_on": feed.upto_on,
            },
        )
        self.when_kept.append(lambda: POLLS.add(1, feed.state.value))

    def validators(self, url: str) -> Validators:
        row = self._one(select(t.validators).where(t.validators.c.url == url))
        return Validators(row.etag, row.last_modified) if row else Validators()

    def put_validators(self, url: str, validators: Validators) -> None:
        row = {"url": url, "etag": validators.etag, "last_modified": validators.last_modified}
        self._put(t.validators, row)

    def known_papers(self, keys: Iterable[str]) -> dict[str, Known]:
        k, p = t.paper_key.c, t.paper.c
        found = {}
        for some in chunks(dict.fromkeys(keys), CHUNK):
            statement = select(k.key, p.version, p.categories, p.first_announced_on)
            for row in self._all(statement.join(t.paper, p.id == k.paper_id).where(k.key.in_(some))):
                found[row.key] = Known(row.version, tuple(row.categories), row.first_announced_on is not None)
        return found

    def unseen(self, items: Collection[FeedItem]) -> frozenset[str]:
        known = self.known_papers(item.key for item in items)
        return frozenset(item.key for item in items if _is_unseen(item, known.get(item.key)))

    def last_key(self, before: date) -> str:
        a = t.announcement.c
        # Ids of today's form sort as they were given out; a paper's own day, not a merged one's.
        newest = select(func.max(a.key)).where(
            a.news == News.NEW.value, a.announced_on < before, a.announced_on >= before - _RECENT,
            a.key.like("arxiv:____.%"),
        )  # fmt: skip
        row = self._one(newest)
        return str(row[0] or "") if row else ""

    def gaps(self, *states: GapState) -> list[Gap]:
        g = t.gap.c
        statement = select(t.gap).order_by(g.missed_on, g.category)
        if states:
            statement = statement.where(g.state.in_([state.value for state in states]))
        return [
            Gap(r.category, r.missed_on, GapState(r.state), r.tries, r.due_at, r.via, r.token, r.found, r.why)
            for r in self._all(statement)
        ]

    def open_gaps(self, gaps: Iterable[Gap]) -> int:
        return sum(self._insert_once(t.gap, _row_of_gap(gap)) for gap in gaps)

    def put_gap(self, gap: Gap) -> None:
        self._put(t.gap, _row_of_gap(gap))

    def quarantine(self, source: str, rejected: Sequence[Rejected], now: datetime) -> None:
        q = t.quarantine.c
        for one in rejected[:HELD]:
            sample, where, why = one.sample[:HELD_CHARACTERS], one.where[:200], one.why[:300]
            # Where in the feed it stood changes from poll to poll, what it is does not.
            mark = blake2b(repr((source, why, sample or where)).encode("utf-8", "replace"), digest_size=16).hexdigest()
            row = {"mark": mark, "source": source[:200], "place": where, "why": why, "sample": sample, "times": 1}
            if not self._insert_once(t.quarantine, {**row, "first_at": now, "last_at": now}):
                again = {"times": q.times + 1, "last_at": now, "place": row["place"]}
                self._run(update(t.quarantine).where(q.mark == mark).values(**again))
        if rejected:
            kept = select(q.id).order_by(q.last_at.desc(), q.id.desc()).limit(HELD)
            self._run(delete(t.quarantine).where(q.id.not_in(kept)))

    def quarantined(self, limit: int) -> list[Quarantined]:
        q = t.quarantine.c
        rows = self._all(select(t.quarantine).order_by(q.last_at.desc(), q.id.desc()).limit(limit))
        return [Quarantined(r.source, r.place, r.why, r.sample, r.times, r.first_at, r.last_at) for r in rows]


def _is_unseen(item: FeedItem, known: Known | None) -> bool:
    if known is None or (item.version or 0) > (known.version or 0):
        return True
    return item.kind in (Kind.NEW, Kind.CROSS) and not known.told


def _row_of_gap(gap: Gap) -> dict[str, object]:
    gap = replace(gap, why=gap.why[:300], token=gap.token[:2000])
    return {
        "category": gap.category,
        "missed_on": gap.on,
        "state": gap.state.value,
        "tries": gap.tries,
        "due_at": gap.due_at,
        "via": gap.via,
        "token": gap.token,
        "found": gap.found,
        "why": gap.why,
    }
