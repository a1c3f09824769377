"""What came of many deliveries, written at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.model import Delivery, DeliveryState
from storage import tables as t
from storage.chat_rows import row_of_delivery, row_of_part
from storage.rows import Values, Work

HELD = (DeliveryState.PLANNED, DeliveryState.SENDING)
"""Whoever records another state has done what can be done now, and holds it no longer."""
FREE: Values = {"lease_owner": "", "lease_until": None}

_IDS: Any = bindparam("ids", expanding=True)
_OWNERS = select(t.delivery.c.id, t.delivery.c.lease_owner).where(t.delivery.c.id.in_(_IDS))
_MARKS = select(
    *(t.delivery_part.c[name] for name in ("delivery_id", "number", "nonce", "message_id", "tried")),
    func.length(t.delivery_part.c.payload),
).where(t.delivery_part.c.delivery_id.in_(_IDS))
_ITS_ROW = update(t.delivery).where(t.delivery.c.id == bindparam("its_id"))


class Recording(Work):
    """What a Transaction can do with deliveries that somebody works on."""

    def record_all(self, deliveries: Sequence[Delivery]) -> set[int]:
        asked = _OWNERS.with_for_update() if self._locks else _OWNERS
        found = self._connection.execute(asked, {"ids": [one.id for one in deliveries]})
        owners = {row.id: row.lease_owner for row in found}
        kept = [one for one in deliveries if one.lease_owner and owners.get(one.id) == one.lease_owner]
        if not kept:
            return set()
        rows = [row_of_delivery(one) | ({} if one.state in HELD else FREE) | {"its_id": one.id} for one in kept]
        self._run(_ITS_ROW, rows)
        self._record_parts(kept)
        return {one.id for one in kept}

    def _record_parts(self, deliveries: Sequence[Delivery]) -> None:
        """Only what changed: a part's bytes are as they were where its nonce, its marks and its length are."""
        p = t.delivery_part.c
        found = map(tuple, self._connection.execute(_MARKS, {"ids": [one.id for one in deliveries]}))
        there: dict[tuple[int, int], list[Any]] = {(own, number): rest for own, number, *rest in found}
        changed = [
            row_of_part(one.id, part)
            for one in deliveries
            for part in one.parts
            if there.pop((one.id, part.number), None) != [part.nonce, part.message_id, part.tried, len(part.payload)]
        ]
        if changed:
            self._run(_put(self._connection.dialect.name, tuple(changed[0])), changed)
        for delivery_id, number in there:
            self._run(t.delivery_part.delete().where(p.delivery_id == delivery_id, p.number == number))


@cache
def _put(dialect: str, columns: tuple[str, ...]) -> Executable:
    """Insert a part, or overwrite the one with its number. Made once, for that takes longer than to run it."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement: Any = insert(t.delivery_part)
    names = [column.name for column in t.delivery_part.primary_key]
    rest = {name: statement.excluded[name] for name in columns if name not in names}
    upsert: Executable = statement.on_conflict_do_update(index_elements=names, set_=rest)
    return upsert
