"""What admins should know and are told once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from bot.model import Notice, NoticeKind
from storage import tables as t
from storage.rows import Work


class Notices(Work):
    """What a Transaction can do with notices."""

    def warn(self, notice: Notice, now: datetime) -> None:
        row = {"kind": notice.kind.value, "subject": notice.subject, "detail": notice.detail, "made_at": now}
        if not self._insert_once(t.notice, {**row, "times": notice.times}):
            its = self._is(t.notice, kind=notice.kind.value, subject=notice.subject)
            self._run(update(t.notice).where(its).values(times=t.notice.c.times + 1, detail=notice.detail))

    def drop_notice(self, kind: NoticeKind, subject: str) -> None:
        self._run(t.notice.delete().where(self._is(t.notice, kind=kind.value, subject=subject)))

    def notices(self, limit: int, untold: bool = False) -> list[Notice]:
        n = t.notice.c
        statement = select(t.notice).order_by(n.id.desc()).limit(limit)
        if untold:
            statement = statement.where(n.told_at.is_(None))
        rows = self._all(statement)
        return [Notice(NoticeKind(row.kind), row.subject, row.detail, row.times, row.id) for row in rows]

    def told(self, ids: list[int], now: datetime, forget_before: datetime) -> None:
        n = t.notice.c
        self._run(update(t.notice).where(n.id.in_(ids)).values(told_at=now))
        self._run(t.notice.delete().where(n.told_at < forget_before))
