"""Deliveries and their parts, and who may work on one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, or_, select, update

from bot.model import Delivery, DeliveryState, DigestKind, Part
from storage import tables as t
from storage.rows import (
    Work,
    delivery_of,
    part_of,
    row_of_delivery,
    row_of_digest,
    row_of_part,
)

_HELD = (DeliveryState.PLANNED, DeliveryState.SENDING)
"""Whoever records another state has done what can be done now, and holds it no longer."""


class Deliveries(Work):
    """What a Transaction can do with deliveries."""

    def plan(self, delivery: Delivery) -> Delivery:
        d = t.delivery
        digest = row_of_digest(delivery.digest)
        self._insert_once(d, {"chat_id": delivery.chat_id, **digest, **row_of_delivery(delivery)})
        once = {name: digest[name] for name in ("kind", "digest_on", "upto")}
        return self._deliveries(self._all(select(d).where(self._is(d, chat_id=delivery.chat_id, **once))))[0]

    def lease(self, now: datetime, until: datetime, owner: str, limit: int, platforms: Sequence[str]) -> list[Delivery]:
        d, older, busy = t.delivery, t.delivery.alias(), t.delivery.alias()
        first = (
            select(older.c.id)
            .where(
                older.c.chat_id == d.c.chat_id,
                older.c.id != d.c.id,
                self._open(older),
                older.c.due_at <= now,
                or_(older.c.due_at < d.c.due_at, and_(older.c.due_at == d.c.due_at, older.c.id < d.c.id)),
            )
            .exists()
        )
        worked_on = (
            select(busy.c.id)
            .where(busy.c.chat_id == d.c.chat_id, busy.c.id != d.c.id, self._open(busy), busy.c.lease_until >= now)
            .exists()
        )
        statement = (
            select(d)
            .where(
                self._open(),
                d.c.due_at <= now,
                or_(d.c.lease_until.is_(None), d.c.lease_until < now),
                d.c.platform.in_(platforms),
                ~first,
                ~worked_on,
            )
            .order_by(d.c.due_at, d.c.id)
            .limit(limit)
        )
        rows = self._all(statement.with_for_update(of=d, skip_locked=True) if self._locks else statement)
        ids = [row.id for row in rows]
        if not ids:
            return []
        self._run(update(d).where(d.c.id.in_(ids)).values(lease_owner=owner, lease_until=until))
        return self._deliveries(self._all(select(d).where(d.c.id.in_(ids)).order_by(d.c.due_at, d.c.id)))

    def record(self, delivery: Delivery) -> bool:
        """Also gives the lease back, where the state says that nothing more can be done now."""
        d, p = t.delivery, t.delivery_part
        row = row_of_delivery(delivery)
        if delivery.state not in _HELD:
            row |= {"lease_owner": "", "lease_until": None}
        mine = self._is(d, id=delivery.id, lease_owner=delivery.lease_owner)
        if not delivery.lease_owner or not self._run(update(d).where(mine).values(row)).rowcount:
            return False
        there = {part.number: part for part in self._parts([delivery.id]).get(delivery.id, ())}
        for part in delivery.parts:
            if there.pop(part.number, None) != part:
                self._put(p, row_of_part(delivery.id, part))
        self._run(p.delete().where(p.c.delivery_id == delivery.id, p.c.number.in_(there)))
        return True

    def give_back(self, owner: str) -> int:
        if not owner:
            return 0
        free = {"lease_owner": "", "lease_until": None}
        return self._run(update(t.delivery).where(self._is(t.delivery, lease_owner=owner)).values(free)).rowcount

    def delivery(self, delivery_id: int) -> Delivery | None:
        found = self._deliveries(self._all(select(t.delivery).where(t.delivery.c.id == delivery_id)))
        return found[0] if found else None

    def last_delivery(self, chat_id: int) -> Delivery | None:
        d = t.delivery
        found = self._deliveries(self._all(select(d).where(d.c.chat_id == chat_id).order_by(d.c.id.desc()).limit(1)))
        return found[0] if found else None

    def reopen_deliveries(self, chat_id: int, now: datetime) -> int:
        d = t.delivery
        # That there was nothing on a day long past is no news.
        kind = DigestKind.PAPERS.value
        gone = self._is(d, chat_id=chat_id, state=DeliveryState.UNREACHABLE.value, kind=kind)
        again = {"state": DeliveryState.POSTPONED.value, "due_at": now, "attempts": 0}
        return self._run(update(d).where(gone).values(again)).rowcount

    def _open(self, table: Any = t.delivery) -> Any:
        return table.c.state.in_(t.OPEN_STATES)

    def _deliveries(self, rows: Sequence[Row[Any]]) -> list[Delivery]:
        parts = self._parts(row.id for row in rows)
        return [delivery_of(row, parts.get(row.id, ())) for row in rows]

    def _parts(self, ids: Iterable[int]) -> dict[int, tuple[Part, ...]]:
        p = t.delivery_part
        found: dict[int, tuple[Part, ...]] = {}
        for row in self._all(select(p).where(p.c.delivery_id.in_(list(ids))).order_by(p.c.number)):
            found[row.delivery_id] = (*found.get(row.delivery_id, ()), part_of(row))
        return found
