"""What came of many deliveries, written at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, bindparam, func, select, update

from bot.model import Delivery, DeliveryState
from storage import tables as t
from storage.chat_rows import row_of_delivery, row_of_part
from storage.rows import Values, Work

HELD = (DeliveryState.PLANNED, DeliveryState.SENDING)
"""Whoever records another state has done what can be done now, and holds it no longer."""
FREE: Values = {"lease_owner": "", "lease_until": None}

_ITS_ROW = update(t.delivery).where(t.delivery.c.id == bindparam("its_id"))


class Recording(Work):
    """What a Transaction can do with deliveries that somebody works on."""

    def record_all(self, deliveries: Sequence[Delivery]) -> set[int]:
        d = t.delivery.c
        asked = select(d.id, d.lease_owner).where(d.id.in_([one.id for one in deliveries]))
        owners = {row.id: row.lease_owner for row in self._all(asked.with_for_update() if self._locks else asked)}
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
        marks = (p.nonce, p.message_id, p.tried, func.length(p.payload))
        asked = select(p.delivery_id, p.number, *marks).where(p.delivery_id.in_([one.id for one in deliveries]))
        found = map(tuple, self._all(asked))
        there: dict[tuple[int, int], list[Any]] = {(own, number): rest for own, number, *rest in found}
        changed = [
            row_of_part(one.id, part)
            for one in deliveries
            for part in one.parts
            if there.pop((one.id, part.number), None) != [part.nonce, part.message_id, part.tried, len(part.payload)]
        ]
        if changed:
            self._put_all(t.delivery_part, changed)
        for delivery_id, number in there:
            self._run(t.delivery_part.delete().where(p.delivery_id == delivery_id, p.number == number))

    def _put_all(self, table: Table, rows: Sequence[Values]) -> None:
        """As ``_put``, many alike at once."""
        statement = self._insert(table)
        names = [column.name for column in table.primary_key]
        rest = {name: statement.excluded[name] for name in rows[0] if name not in names}
        self._run(statement.on_conflict_do_update(index_elements=names, set_=rest), rows)
