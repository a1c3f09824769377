"""Updates that a platform handed over: each known by its number, its text kept until it was served."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from storage import tables as t
from storage.rows import Work


class Inbox(Work):
    """What a Transaction can do with them."""

    def keep_update(self, door: str, number: int, text: str, owner: str, now: datetime, until: datetime) -> bool:
        row = {"door": door, "number": number, "content": text, "owner": owner, "came_at": now, "until_at": until}
        return self._insert_once(t.inbox, row | {"tries": 1})

    def update_served(self, door: str, number: int) -> None:
        """Its number stays known, its text does not."""
        done = {"content": "", "until_at": None}
        self._run(update(t.inbox).where(self._is(t.inbox, door=door, number=number)).values(done))

    def take_updates(
        self, door: str, owner: str, now: datetime, until: datetime, limit: int, tries: int
    ) -> dict[int, str]:
        i = t.inbox.c
        late = (i.door == door) & (i.until_at <= now)
        self._run(update(t.inbox).where(late, i.tries >= tries).values(content="", until_at=None))
        statement = select(i.number, i.content).where(late).order_by(i.number).limit(max(0, limit))
        rows = self._all(statement.with_for_update(skip_locked=True) if self._locks else statement)
        found = {row.number: row.content for row in rows}
        taken = update(t.inbox).where(i.door == door, i.number.in_(found))
        if found:
            self._run(taken.values(owner=owner, until_at=until, tries=i.tries + 1))
        return found

    def forget_updates(self, before: datetime) -> int:
        return self._run(t.inbox.delete().where(t.inbox.c.came_at < before)).rowcount
