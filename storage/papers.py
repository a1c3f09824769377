"""Papers, their summaries and announcements: reading, adding, parting."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Table, bindparam, func, or_, select, update

from bot.errors import BadInput
from bot.figures import ITEMS
from bot.ingest import Outcome, Shelf, fault, keys_of, tidied, title_mark
from bot.logbook import ROUTINE, about
from bot.merging import Record, Told, differs, parted
from bot.model import Announcement, Arrival, FeedItem, News, Paper, Rejected, Summary, Tally
from storage import statements
from storage import tables as t
from storage.rows import (
    CHUNK,
    Values,
    Work,
    chunks,
    json_of_record,
    paper_of,
    record_of_json,
    row_of_paper,
    row_of_summary,
    row_of_told,
    summary_of,
    told_of,
)
from storage.statements import living_id


class Papers(Work):
    """What a Transaction can do with papers."""

    def papers(self, ids: Iterable[int]) -> dict[int, Paper]:
        """By the id that was asked for; one merged into another is that other, whose ``id`` then differs."""
        rows = [row for some in chunks(set(ids), CHUNK) for row in self._all(statements.FOUND, some=some)]
        living = {row.id: row for row in rows}
        keys, news = self._keys(living), self._news(living)
        made = {id_: paper_of(row, keys.get(id_, ()), news.get(id_, ())) for id_, row in living.items()}
        return {row.asked: made[row.id] for row in rows}

    def paper_by_key(self, key: str) -> Paper | None:
        paper_id = self._number(statements.BY_KEY, key=key)
        return self.papers([paper_id]).get(paper_id)

    def known_keys(self, keys: Iterable[str]) -> set[str]:
        k = t.paper_key.c.key
        return {row.key for some in chunks(keys, CHUNK) for row in self._all(select(k).where(k.in_(some)))}

    def without_abstract(self, source: str, since: date) -> list[str]:
        a = t.announcement.c
        living = t.paper.alias()
        joined = t.announcement.join(t.paper, t.paper.c.id == a.paper_id).join(living, living.c.id == living_id)
        lacking = (a.announced_on >= since, a.key.startswith(f"{source}:", autoescape=True), living.c.abstract == "")
        rows = self._all(select(a.key).select_from(joined).where(*lacking).order_by(a.key).distinct())
        return [row.key for row in rows]

    def summaries(self, paper_ids: Iterable[int]) -> dict[int, tuple[Summary, ...]]:
        found: dict[int, tuple[Summary, ...]] = {}
        for some in chunks(set(paper_ids), CHUNK):
            for row in self._all(statements.SUMMARIES, some=some):
                found[row.asked] = (*found.get(row.asked, ()), summary_of(row))
        return found

    def put_summary(self, summary: Summary) -> None:
        self._put_summaries(summary.paper_id, summary.language, (summary,))

    def drop_summary(self, paper_id: int, language: str) -> None:
        self._put_summaries(paper_id, language, ())
        self._run(t.summary.delete().where(self._is(t.summary, paper_id=paper_id, language=language)))

    def _put_summaries(self, paper_id: int, language: str, instead: tuple[Summary, ...]) -> None:
        self._fence()
        for record in self._records([paper_id]):
            others = tuple(one for one in record.summaries if one.language != language)
            changed = replace(record, summaries=(*others, *instead))
            self._write([changed], {paper_id: record}, self.last_announcement(), set())

    def announcements(self, after: int, upto: int | None = None) -> list[Announcement]:
        a = t.announcement
        where = [a.c.id > after] if upto is None else [a.c.id > after, a.c.id <= upto]
        return self._announcements(*where)

    def announcements_on(self, on: date) -> list[Announcement]:
        return self._announcements(t.announcement.c.announced_on == on)

    def announcements_of(self, paper_id: int) -> list[Announcement]:
        return self._announcements(or_(t.paper.c.id == paper_id, t.paper.c.joined_id == paper_id))

    def _announcements(self, *where: Any) -> list[Announcement]:
        a = t.announcement
        names = (a.c.news, a.c.announced_on, a.c.categories, a.c.version, a.c.arrival)
        columns = (a.c.id, living_id.label("living"), *names)
        statement = select(*columns).join(t.paper, t.paper.c.id == a.c.paper_id).where(*where).order_by(a.c.id)
        return [
            Announcement(
                r.id, r.living, News(r.news), r.announced_on, tuple(r.categories), r.version, Arrival(r.arrival)
            )
            for r in self._all(statement)
        ]

    def last_announcement(self) -> int:
        return self._number(statements.LAST)

    def before_latest_batch(self) -> int:
        a = t.announcement
        latest = select(func.max(a.c.announced_on)).scalar_subquery()
        first = self._number(select(func.min(a.c.id)).where(a.c.announced_on == latest))
        return first - 1 if first else 0

    def announced_days(self) -> list[tuple[date, int]]:
        on = t.announcement.c.announced_on
        rows = self._all(select(on, func.count().label("n")).group_by(on).order_by(on.desc()))
        return [(row.announced_on, row.n) for row in rows]

    def latest_day(self) -> date | None:
        row = self._one(select(func.max(t.announcement.c.announced_on)))
        return row[0] if row else None

    def changes(self, after: int, limit: int) -> list[tuple[int, int]]:
        """The latest change of each paper. A paper whose id ``papers`` answers with another's is gone."""
        return [(row.seq, row.id) for row in self._all(statements.CHANGES, after=after, most=limit)]

    def revision(self) -> int:
        """The greatest seq of ``changes``; 0 where there is none."""
        return self._number(statements.REVISION)

    def add(self, items: Iterable[FeedItem], now: datetime) -> Tally:
        """See ``ports.Transaction.add``. ``items`` may be long or lazy: 1,000 at a time are held."""
        self._fence()
        tally = Tally()
        apart = self._apart()
        for some in chunks(items, CHUNK):
            tally += self._add(some, now, apart)
        batch = self.last_announcement() if tally.new or tally.merged or tally.updated else 0
        self.when_kept.append(lambda: _count(tally, batch))
        return tally

    def _add(self, items: list[FeedItem], now: datetime, apart: frozenset[tuple[str, str]]) -> Tally:
        fit, refused = [], []
        for number, item in enumerate(map(tidied, items), 1):
            if why := fault(item):
                refused.append(Rejected(item.key or item.title or f"item {number}", why))
            else:
                fit.append(item)
        last_paper, last_told = self._number(select(func.max(t.paper.c.id))), self.last_announcement()
        shelf = Shelf(self._records_for(fit), last_paper + 1, last_told + 1, apart)
        outcomes = [shelf.take(item, now) for item in fit]
        self._keep(shelf, last_told, now)
        count = outcomes.count
        return Tally(
            count(Outcome.NEW),
            count(Outcome.MERGED),
            count(Outcome.UPDATED),
            count(Outcome.UNCHANGED),
            tuple(refused),
        )

    def unmerge(self, key: str, now: datetime) -> Paper:
        """See ``ports.Transaction.unmerge``: the two papers stay apart, whatever is added later."""
        self._fence()
        m, p = t.paper_merge, t.paper
        whole = self.paper_by_key(key)
        merges = self._all(
            select(m)
            .join(p, p.c.id == m.c.other_id)
            .where(p.c.joined_id == (whole.id if whole else 0), m.c.undone_at.is_(None))
            .order_by(m.c.id.desc())
        )
        merge = next((row for row in merges if key in row.other["keys"]), None)
        if whole is None or merge is None:
            raise BadInput(f"{key} was not merged into another paper" if whole else f"no paper is known as {key}")
        before, other = record_of_json(merge.before), record_of_json(merge.other)
        moving = [k for k in other.paper.keys if k not in before.paper.keys]
        record = self._records([whole.id])[0]
        inner = [row.other_id for row in merges if row.paper_id == merge.other_id]
        self._run(update(p).where(p.c.id.in_(inner)).values(joined_id=merge.other_id))
        self._run(update(p).where(p.c.id == merge.other_id).values(joined_id=None))
        self._run(update(t.paper_key).where(t.paper_key.c.key.in_(moving)).values(paper_id=merge.other_id))
        self._move_told(whole.id, merge.other_id, moving)
        self._run(update(m).where(m.c.id == merge.id).values(undone_at=now))
        one = parted(record, before, other)
        stale = {s.language for s in record.summaries} - {s.language for s in one.summaries}
        s = t.summary
        self._run(s.delete().where(s.c.paper_id == whole.id, s.c.language.in_(stale)))
        now_known = {r.paper.id: r for r in self._records([whole.id, merge.other_id])}
        left, back = now_known[whole.id], now_known[merge.other_id]
        kept = replace(one.paper, keys=left.paper.keys, first_announced_on=_first(left.told))
        again = replace(back.paper, first_announced_on=_first(back.told))
        self._write(
            [Record(kept, one.text_on, left.told, one.summaries), replace(back, paper=again)],
            # As if both were new to their readers: an index has to take them in again.
            {p.id: replace(now_known[p.id], paper=replace(p, title="")) for p in (kept, again)},
            self.last_announcement(),
            set(),
        )
        return self.papers([again.id])[again.id]

    def _move_told(self, paper_id: int, other_id: int, keys: list[str]) -> None:
        """Announcements that came by ``keys`` go with them; what was PUBLISHED beside the other is NEW alone."""
        a = t.announcement
        self._run(update(a).where(a.c.paper_id == paper_id, a.c.key.in_(keys)).values(paper_id=other_id))
        alone = self._number(select(func.count()).where(a.c.paper_id == other_id, a.c.news == News.NEW.value)) == 0
        if alone:
            published = self._is(a, paper_id=other_id, news=News.PUBLISHED.value)
            self._run(update(a).where(published).values(news=News.NEW.value))

    def _fence(self) -> None:
        """Held until the commit: whoever adds papers does so alone, so ids become visible in order."""
        statement = select(t.fence.c.name)
        self._run(statement.with_for_update() if self._locks else statement)

    def _apart(self) -> frozenset[tuple[str, str]]:
        m = t.paper_merge
        return frozenset((r.key, r.with_key) for r in self._all(select(m).where(m.c.undone_at.is_not(None))))

    def _records_for(self, items: Collection[FeedItem]) -> list[Record]:
        """Every paper that the items name, and those with a title of theirs."""
        k, p = t.paper_key, t.paper
        named: dict[str, int] = {}
        keys = dict.fromkeys(key for item in items for key in keys_of(item))
        for some in chunks(keys, CHUNK):
            named |= {r.key: r.paper_id for r in self._all(select(k.c.key, k.c.paper_id).where(k.c.key.in_(some)))}
        ids = set(named.values())
        marks = {title_mark(item.title) for item in items if item.key not in named} - {""}
        for some in chunks(marks, CHUNK):
            # Asked for those that are nobody's part, SQLite would look through all of them instead of for the titles.
            rows = self._all(select(p.c.id, p.c.joined_id).where(p.c.title_mark.in_(some)))
            ids |= {row.id for row in rows if row.joined_id is None}
        return self._records(ids)

    def _records(self, ids: Iterable[int]) -> list[Record]:
        ids = set(ids)
        keys = self._keys(ids)
        told: dict[int, list[Told]] = {}
        summaries: dict[int, list[Summary]] = {}
        a = t.announcement
        for some in chunks(ids, CHUNK):
            statement = select(a, living_id.label("living")).join(t.paper, t.paper.c.id == a.c.paper_id)
            mine = or_(t.paper.c.id.in_(some), t.paper.c.joined_id.in_(some))
            for row in self._all(statement.where(mine).order_by(a.c.id)):
                told.setdefault(row.living, []).append(told_of(row))
            for row in self._all(select(t.summary).where(t.summary.c.paper_id.in_(some))):
                summaries.setdefault(row.paper_id, []).append(summary_of(row))
        return [
            Record(
                paper_of(row, keys.get(row.id, ())),
                row.text_on,
                tuple(told.get(row.id, ())),
                tuple(summaries.get(row.id, ())),
            )
            for row in self._paper_rows(ids)
        ]

    def _paper_rows(self, ids: Iterable[int]) -> list[Row[Any]]:
        rows: list[Row[Any]] = []
        for some in chunks(ids, CHUNK):
            rows += self._all(statements.ROWS, some=some)
        return rows

    def _keys(self, ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
        found: dict[int, list[str]] = {}
        for some in chunks(ids, CHUNK):
            for row in self._all(statements.KEYS, some=some):
                found.setdefault(row.paper_id, []).append(row.key)
        return {id_: tuple(keys) for id_, keys in found.items()}

    def _news(self, ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for some in chunks(ids, CHUNK):
            for row in self._all(statements.NEWS, some=some):
                found[row.living] = (*found.get(row.living, ()), row.news)
        return found

    def _keep(self, shelf: Shelf, last_told: int, now: datetime) -> None:
        """Write what became of a shelf; merged papers first, as what they were, for other rows need theirs."""
        written: set[int] = set()
        tombs = [join.other for join in shelf.joins]
        self._write(tombs, shelf.before, last_told, written)
        self._write(shelf.records.values(), shelf.before, last_told, written)
        if not shelf.joins:
            return
        p = t.paper
        rows = []
        for join in shelf.joins:
            first, other = join.before.paper, join.other.paper
            self._run(update(p).where(or_(p.c.id == other.id, p.c.joined_id == other.id)).values(joined_id=first.id))
            rows.append(
                {
                    "key": join.key,
                    "with_key": first.key,
                    "paper_id": first.id,
                    "other_id": other.id,
                    "reason": join.reason,
                    "before": json_of_record(join.before),
                    "other": json_of_record(join.other),
                    "at": now,
                }
            )
        self._bulk(t.paper_merge.insert(), rows)

    def _write(self, records: Iterable[Record], before: dict[int, Record], last_told: int, written: set[int]) -> None:
        """Write the difference between records and what they were.

        Announcements after ``last_told`` are new, but for those ``written``, to which they are added.
        """
        seq = self.revision()
        new_papers: list[Values] = []
        papers: list[Values] = []
        days: list[Values] = []
        keys: list[Values] = []
        summaries: list[Values] = []
        told: list[Values] = []
        retold: list[Values] = []
        for record in records:
            paper_id = record.paper.id
            old = before.get(paper_id)
            if old is record:
                continue
            if old is None or differs(old, record):
                seq += 1
                (papers if old else new_papers).append(row_of_paper(record, seq))
            elif old.text_on != record.text_on:
                # No reader sees this, so it is no change that an index would have to follow.
                days.append({"its": paper_id, "text_on": record.text_on})
            if old is None or old.paper.keys != record.paper.keys:
                keys += [{"key": k, "paper_id": paper_id, "place": n} for n, k in enumerate(record.paper.keys)]
            kept = old.summaries if old else ()
            summaries += [row_of_summary(s) for s in record.summaries if s not in kept]
            known = {one.id: one for one in old.told} if old else {}
            for one in record.told:
                if one.id > last_told and one.id not in written:
                    told.append(row_of_told(one, one.id, paper_id))
                    written.add(one.id)
                elif one != known.get(one.id):
                    retold.append(row_of_told(one, one.id, paper_id))
        self._insert_many(t.paper.insert(), new_papers)
        self._change(t.paper, [{"its": row.pop("id"), **row} for row in papers])
        self._change(t.paper, days)
        self._bulk_put(t.paper_key, keys)
        self._bulk_put(t.summary, summaries)
        self._insert_many(t.announcement.insert(), told)
        changed = ("news", "categories", "heard")
        self._change(t.announcement, [{"its": r["id"], **{name: r[name] for name in changed}} for r in retold])

    def _change(self, table: Table, rows: list[Values]) -> None:
        """Overwrite what the rows give, in the rows whose id is ``its``."""
        if rows:
            self._bulk(update(table).where(table.c.id == bindparam("its")), rows)

    def _bulk_put(self, table: Table, rows: list[Values]) -> None:
        if rows:
            statement = self._insert(table)
            names = [column.name for column in table.primary_key]
            rest = {name: statement.excluded[name] for name in rows[0] if name not in names}
            self._insert_many(statement.on_conflict_do_update(index_elements=names, set_=rest), rows)


def _count(tally: Tally, batch: int) -> None:
    results = {"new": tally.new, "merged": tally.merged, "updated": tally.updated, "unchanged": tally.unchanged}
    for result, number in {**results, "refused": len(tally.refused)}.items():
        if number:
            ITEMS.add(number, result)
    if batch:
        with about(batch=batch):
            ROUTINE.info("papers: %d new, %d merged, %d updated", tally.new, tally.merged, tally.updated)


def _first(told: Iterable[Told]) -> date | None:
    return min((one.on for one in told if one.news in (News.NEW, News.CROSS)), default=None)
