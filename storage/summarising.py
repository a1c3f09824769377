"""What is asked of models, what it costs, and the words that come of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Row, Text, case, cast, func, or_, select, update

from bot.model import (
    Announcement,
    Arrival,
    ChatState,
    JobKind,
    JobState,
    News,
    Spending,
    Standing,
    Summary,
    SummaryJob,
    Wish,
)
from storage import tables as t
from storage.papers import Papers
from storage.rows import CHUNK, EDITED, Values, chunks, row_of_summary
from storage.statements import living_id

_FULL_FIRST = case((t.summary_job.c.kind == JobKind.FULL.value, 0), else_=1)


class Summarising(Papers):
    """What a Transaction can do with summaries that models make."""

    def wishes(self) -> list[Wish]:
        s, c = t.subscription.c, t.chat.c
        wants = cast(c.wants, Text)
        grouped = (s.topic, s.query, c.language, wants)
        statement = (
            select(*grouped, func.count().label("chats"))
            .join(t.chat, c.id == s.chat_id)
            .where(c.state == ChatState.ACTIVE.value, c.admitted, ~c.banned, s.standing == Standing.FOLLOWED.value)
            .group_by(*grouped)
        )
        return [
            Wish(row.topic or "", row.query, row.language, frozenset(json.loads(row.wants)), row.chats)
            for row in self._all(statement)
        ]

    def wishes_mark(self) -> str:
        """Another one when somebody follows something else, reads another language, or something was announced."""
        s, c = t.subscription.c, t.chat.c
        held = self._all(select(func.count(), func.max(s.id)).select_from(t.subscription))
        edited = [row.value for row in self._all(select(t.setting.c.value).where(t.setting.c.name == EDITED))]
        served = c.state == ChatState.ACTIVE.value, c.admitted, ~c.banned
        chats = self._all(select(c.language, func.count()).where(*served).group_by(c.language))
        topics = self._all(select(t.topic.c.slug, t.topic.c.query).order_by(t.topic.c.slug))
        return repr((self.last_announcement(), held, edited, sorted(map(tuple, chats)), topics))

    def summary_jobs(self, paper_ids: Iterable[int]) -> dict[tuple[int, str], SummaryJob]:
        j = t.summary_job
        found = {}
        for some in chunks(set(paper_ids), CHUNK):
            for row in self._all(select(j).where(j.c.paper_id.in_(some))):
                found[row.paper_id, row.language] = _job_of(row)
        return found

    def put_summary_jobs(self, jobs: Sequence[SummaryJob]) -> None:
        """Who asks for one meanwhile goes on: of that only how much it is wanted is written."""
        j = t.summary_job
        rows = [_row_of_job(one) for one in jobs]
        if not rows:
            return
        statement = self._insert(j)
        names = [column.name for column in j.primary_key]
        rest = {name: statement.excluded[name] for name in rows[0] if name not in names}
        asked = j.c.state == JobState.ASKED.value
        kept = {name: case((asked, j.c[name]), else_=new) for name, new in rest.items()} | {"wanted": rest["wanted"]}
        self._bulk(statement.on_conflict_do_update(index_elements=names, set_=kept), rows)

    def take_summary_jobs(self, now: datetime, until: datetime, owner: str, limit: int) -> list[SummaryJob]:
        """The most wanted one that may be asked now, and, where it is asked for the first time, as many like it as
        make up ``limit``. One whose owner has not been heard of in time was tried."""
        j = t.summary_job
        free = or_(
            (j.c.state == JobState.WAITING.value) & or_(j.c.due_at.is_(None), j.c.due_at <= now),
            (j.c.state == JobState.ASKED.value) & (j.c.until_at <= now),
        )
        order = (_FULL_FIRST, j.c.wanted.desc(), j.c.paper_id.desc(), j.c.language)
        first_one = select(j).where(free).order_by(*order).limit(1)
        rows = list(self._all(first_one.with_for_update(skip_locked=True) if self._locks else first_one))
        if rows and _is_fresh(rows[0]) and limit > 1:
            first = rows[0]
            alike = select(j).where(
                j.c.state == JobState.WAITING.value, j.c.due_at.is_(None), j.c.refusals == 0, j.c.tries == 0,
                j.c.language == first.language, j.c.kind == first.kind, j.c.paper_id != first.paper_id,
            )  # fmt: skip
            alike = alike.order_by(*order).limit(limit - 1)
            rows += self._all(alike.with_for_update(skip_locked=True) if self._locks else alike)
        taken = []
        for row in rows:
            job = _job_of(row)
            lost = job.state is JobState.ASKED
            why = "the process that asked for it ended before the answer came" if lost else job.why
            taken.append(
                replace(
                    job, state=JobState.ASKED, owner=owner, until_at=until, tries=job.tries + lost, why=why, due_at=None
                )
            )
        for job in taken:
            self._put(j, _row_of_job(job))
        return taken

    def record_summary_jobs(self, jobs: Sequence[SummaryJob], owner: str) -> list[SummaryJob]:
        """Keep what became of them; returns those that were still ``owner``'s, the others are left alone."""
        j = t.summary_job
        kept = []
        for job in jobs:
            row = _row_of_job(job)
            its = self._is(j, paper_id=row.pop("paper_id"), language=row.pop("language"), owner=owner)
            # How much it is wanted may have been written meanwhile, and what it shall be.
            row.pop("wanted")
            row.pop("kind")
            if self._run(update(j).where(its, j.c.state == JobState.ASKED.value).values(row)).rowcount:
                kept.append(job)
        return kept

    def pass_summary_jobs(self, before: datetime, why: str, now: datetime) -> int:
        """Waiting ones that were wanted before then are not asked any more; returns how many."""
        j = t.summary_job
        old = (j.c.state == JobState.WAITING.value, j.c.wanted_at < before)
        return self._run(update(j).where(*old).values(state=JobState.PASSED.value, why=why, ended_at=now)).rowcount

    def awaited(self) -> dict[str, dict[int, datetime | None]]:
        """Papers whose full summary is still to be made, with since when, by language."""
        j = t.summary_job.c
        still = j.state.in_([state.value for state in JobState if state.open])
        found: dict[str, dict[int, datetime | None]] = {}
        asked = select(j.language, j.paper_id, j.wanted_at).where(still, j.kind == JobKind.FULL.value)
        for row in self._all(asked):
            found.setdefault(row.language, {})[row.paper_id] = row.wanted_at
        return found

    def put_summaries(self, made: Sequence[Summary], later: Collection[tuple[int, str]]) -> None:
        """Store words about papers, as they are to stand from now on. ``later``: the (paper, language) of those by
        which more queries find a paper that was announced: its first announcement is told once more."""
        self._fence()
        seq = self.revision()
        self._bulk_put(t.summary, [row_of_summary(one) for one in made])
        papers = list(dict.fromkeys(one.paper_id for one in made))
        self._change(t.paper, [{"its": paper_id, "seq": seq + n} for n, paper_id in enumerate(papers, 1)])
        first = self._first_announcements({paper_id for paper_id, _ in later})
        told = [(first[paper_id], language) for paper_id, language in later if paper_id in first]
        last = self.last_announcement()
        rows = [{"id": last + n, "announcement_id": a, "language": one} for n, (a, one) in enumerate(told, 1)]
        self._bulk(t.late_words.insert(), rows)

    def _first_announcements(self, paper_ids: Collection[int]) -> dict[int, int]:
        a, p = t.announcement.c, t.paper
        main = (News.NEW.value, News.CROSS.value)
        found: dict[int, int] = {}
        for some in chunks(set(paper_ids), CHUNK):
            statement = select(living_id.label("living"), func.min(a.id).label("first")).join(p, p.c.id == a.paper_id)
            for row in self._all(statement.where(living_id.in_(some), a.news.in_(main)).group_by(living_id)):
                found[row.living] = row.first
        return found

    def late_words(self, after: int, upto: int) -> list[Announcement]:
        """Announcements told once more, with ``after < id <= upto``, in order of id."""
        a, w = t.announcement.c, t.late_words
        columns = (w.c.id, living_id.label("living"), a.news, a.announced_on, a.categories, a.version, w.c.language)
        joined = w.join(t.announcement, a.id == w.c.announcement_id).join(t.paper, t.paper.c.id == a.paper_id)
        statement = select(*columns).select_from(joined).where(w.c.id > after, w.c.id <= upto).order_by(w.c.id)
        return [
            Announcement(
                r.id, r.living, News(r.news), r.announced_on, tuple(r.categories), r.version, Arrival.LATE, r.language
            )
            for r in self._all(statement)
        ]

    # spending
    def spend(self, on: date, tokens: int, micros: int, most_tokens: int = 0, most_micros: int = 0) -> bool:
        """Set a request's most aside; False, and nothing written, where that would pass the day's budget. 0: none."""
        s = t.spending
        self._insert_once(s, {"spent_on": on, "tokens": 0, "micros": 0, "requests": 0, "doubtful": 0})
        fits = [s.c.spent_on == on]
        if most_tokens:
            fits.append(s.c.tokens + tokens <= most_tokens)
        if most_micros:
            fits.append(s.c.micros + micros <= most_micros)
        more = {"tokens": s.c.tokens + tokens, "micros": s.c.micros + micros, "requests": s.c.requests + 1}
        return self._run(update(s).where(*fits).values(more)).rowcount > 0

    def settle_spending(self, on: date, tokens: int, micros: int, *, requests: int = 0, doubtful: int = 0) -> None:
        """What was set aside becomes what it was: the difference, mostly negative."""
        s = t.spending
        more = {"tokens": s.c.tokens + tokens, "micros": s.c.micros + micros}
        more |= {"requests": s.c.requests + requests, "doubtful": s.c.doubtful + doubtful}
        self._run(update(s).where(s.c.spent_on == on).values(more))

    def spending(self, on: date) -> Spending:
        row = self._one(select(t.spending).where(t.spending.c.spent_on == on))
        return Spending(on, row.tokens, row.micros, row.requests, row.doubtful) if row else Spending(on)

    def summary_counts(self) -> Mapping[str, int]:
        """``made`` summaries that stand in the store by a model's words, and jobs by their state."""
        j, s = t.summary_job.c, t.summary.c
        found = {state.value: 0 for state in JobState}
        for row in self._all(select(j.state, func.count().label("n")).group_by(j.state)):
            found[row.state] = row.n
        found["stored"] = self._number(select(func.count()).where(s.made_of != ""))
        return found


def _is_fresh(row: Row[tuple[object, ...]]) -> bool:
    return bool(row.state == JobState.WAITING.value and row.refusals == 0 and row.tries == 0)


def _job_of(row: Row[tuple[object, ...]]) -> SummaryJob:
    return SummaryJob(
        row.paper_id, row.language, JobKind(row.kind), JobState(row.state), row.wanted, row.refusals, row.tries,
        row.why, row.made_of, row.owner, row.until_at, row.due_at, row.wanted_at, row.ended_at,
    )  # fmt: skip


def _row_of_job(job: SummaryJob) -> Values:
    return {
        "paper_id": job.paper_id,
        "language": job.language,
        "kind": job.kind.value,
        "state": job.state.value,
        "wanted": job.wanted,
        "refusals": job.refusals,
        "tries": job.tries,
        "why": job.why[:500],
        "made_of": job.made_of,
        "owner": job.owner,
        "until_at": job.until_at,
        "due_at": job.due_at,
        "wanted_at": job.wanted_at,
        "ended_at": job.ended_at,
    }
