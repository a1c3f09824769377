"""What came of many deliveries, written at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.delivery import MOVES
from bot.model import ChatState, Delivery, DeliveryState, Part
from storage import tables as t
from storage.chat_rows import row_of_delivery, row_of_part
from storage.rows import Values, Work

HELD = (DeliveryState.LEASED, DeliveryState.SENDING)
"""Whoever records another state has done what can be done now, and holds it no longer."""
FREE: Values = {"lease_owner": "", "lease_until": None}

_IDS: Any = bindparam("ids", expanding=True)
_OWNERS = select(t.delivery.c.id, t.delivery.c.lease_owner, t.delivery.c.state).where(t.delivery.c.id.in_(_IDS))
_MARKS = select(
    *(t.delivery_part.c[name] for name in ("delivery_id", "number", "nonce", "message_id", "doubts", "tried_at")),
    func.length(t.delivery_part.c.payload),
).where(t.delivery_part.c.delivery_id.in_(_IDS))
_BACK = update(t.chat).where(
    t.chat.c.id.in_(_IDS), t.chat.c.state == ChatState.ACTIVE.value, t.chat.c.away_at.is_not(None)
)
_ITS_ROW = update(t.delivery).where(t.delivery.c.id == bindparam("its_id"))


class Recording(Work):
    """What a Transaction can do with deliveries that somebody works on."""

    def record_all(self, deliveries: Sequence[Delivery]) -> set[int]:
        """Also gives leases back, where the state says that nothing more can be done now; a chat that got its digest is
        not away any more. Raises ValueError for a move that is not in ``bot.delivery.MOVES``."""
        asked = _OWNERS.with_for_update() if self._locks else _OWNERS
        there = {row.id: row for row in self._all(asked, ids=[one.id for one in deliveries])}
        kept = [
            one
            for one in deliveries
            if one.lease_owner and one.id in there and there[one.id].lease_owner == one.lease_owner
        ]
        if not kept:
            return set()
        for one in kept:
            stored = DeliveryState(there[one.id].state)
            # Who holds an open one has it on lease, whatever it waited for. The word itself is not written yet, for
            # the version before this one cannot read it.
            before = DeliveryState.LEASED if stored.open else stored
            if one.state not in MOVES[before]:
                raise ValueError(f"delivery {one.id} cannot go from {stored} to {one.state}")
        rows = [
            row_of_delivery(one)
            | ({} if one.state in HELD else FREE)
            | ({"state": there[one.id].state} if one.state is DeliveryState.LEASED else {})
            | {"its_id": one.id}
            for one in kept
        ]
        self._run_many(_ITS_ROW, rows)
        self._record_parts(kept)
        if sent := [one.chat_id for one in kept if one.state is DeliveryState.SENT]:
            self._connection.execute(_BACK.values(away_at=None, try_at=None, why=""), {"ids": sent})
        return {one.id for one in kept}

    def _record_parts(self, deliveries: Sequence[Delivery]) -> None:
        """Only what changed: a part's bytes are as they were where its nonce, its marks and its length are."""
        p = t.delivery_part.c
        found = self._all(_MARKS, ids=[one.id for one in deliveries])
        there: dict[tuple[int, int], list[Any]] = {(own, number): rest for own, number, *rest in found}
        changed = [
            row_of_part(one.id, part)
            for one in deliveries
            for part in one.parts
            if there.pop((one.id, part.number), None) != _marks(part)
        ]
        if changed:
            self._run_many(_put(self._connection.dialect.name, tuple(changed[0])), changed)
        for delivery_id, number in there:
            self._run(t.delivery_part.delete().where(p.delivery_id == delivery_id, p.number == number))


def _marks(part: Part) -> list[Any]:
    return [part.nonce, part.message_id, part.doubts, part.tried_at, len(part.payload)]


@cache
def _put(dialect: str, columns: tuple[str, ...]) -> Executable:
    """Insert a part, or overwrite the one with its number. Made once, for that takes longer than to run it."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement: Any = insert(t.delivery_part)
    names = [column.name for column in t.delivery_part.primary_key]
    rest = {name: statement.excluded[name] for name in columns if name not in names}
    upsert: Executable = statement.on_conflict_do_update(index_elements=names, set_=rest)
    return upsert
