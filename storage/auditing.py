"""The audit log: who changed what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select

from bot.model import Change, Deed
from storage import tables as t
from storage.rows import Work


class Audit(Work):
    """What a Transaction can do with the audit log."""

    def note(self, change: Change) -> None:
        self._run(
            t.audit.insert().values(
                at=change.at, who=change.who, chat=change.chat, what=change.what.value, before=change.before,
                after=change.after,
            )
        )  # fmt: skip

    def audit(self, limit: int, about: str = "") -> list[Change]:
        a = t.audit.c
        lines = select(t.audit).order_by(a.id.desc()).limit(limit)
        if about:
            lines = lines.where(or_(a.who == about, a.chat == about))
        return [
            Change(row.at, row.who, row.chat, Deed(row.what), row.before, row.after)
            for row in reversed(self._all(lines))
        ]

    def audit_page(self, offset: int, limit: int, chat: str | None = None) -> list[Change]:
        a = t.audit.c
        lines = select(t.audit).order_by(a.id.desc()).offset(offset).limit(limit)
        if chat is not None:
            lines = lines.where(a.chat == chat)
        return [
            Change(row.at, row.who, row.chat, Deed(row.what), row.before, row.after) for row in self._all(lines)
        ]

    def drop_audit(self, before: datetime, limit: int) -> int:
        a = t.audit
        old = select(a.c.id).where(a.c.at < before).order_by(a.c.at).limit(limit)
        return self._run(a.delete().where(a.c.id.in_(old))).rowcount
