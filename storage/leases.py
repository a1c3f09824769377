"""What one process alone may do at a time: it holds a named lease, and whoever writes on its strength checks it in
the same transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select, update

from storage import tables as t
from storage.rows import Work


class Leases(Work):
    """What a Transaction can do with leases."""

    def take_lease(self, name: str, owner: str, now: datetime, until: datetime) -> bool:
        le = t.lease.c
        self._insert_once(t.lease, {"name": name})
        free = or_(
            le.owner == owner,
            (or_(le.until_at.is_(None), le.until_at <= now) & or_(le.again_at.is_(None), le.again_at <= now)),
        )
        taken = update(t.lease).where(le.name == name, free).values(owner=owner, until_at=until)
        return self._run(taken).rowcount > 0

    def holds_lease(self, name: str, owner: str) -> bool:
        statement = select(t.lease.c.name).where(self._is(t.lease, name=name, owner=owner))
        return self._one(statement.with_for_update() if self._locks else statement) is not None

    def end_lease(self, name: str, owner: str, again_at: datetime | None = None) -> None:
        mine = self._is(t.lease, name=name, owner=owner)
        self._run(update(t.lease).where(mine).values(owner="", until_at=None, again_at=again_at))

    def leases(self, prefix: str, now: datetime) -> dict[str, str]:
        le = t.lease.c
        living = select(le.name, le.owner).where(le.name.startswith(prefix, autoescape=True), le.until_at > now)
        return {row.name: row.owner for row in self._all(living.order_by(le.name))}
