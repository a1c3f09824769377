"""What has had its time goes, page by page: a transaction never holds more than one page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import Row, and_, func, or_, select, update

from bot.model import DeliveryState, DigestKind
from storage import tables as t
from storage.deliveries import Deliveries


class Cleaning(Deliveries):
    """What a Transaction can do with what is old."""

    def empty_parts(self, before: datetime, after: int, limit: int) -> int | None:
        p = t.delivery_part
        old = self._older(before, after, limit)
        if not old:
            return None
        ids = [row.id for row in old if DeliveryState(row.state) is not DeliveryState.UNREACHABLE]
        done = and_(p.c.delivery_id.in_(ids), p.c.message_id != "", func.length(p.c.payload) > 0)
        self._run(update(p).where(done).values(payload=b""))
        return int(old[-1].id)

    def drop_deliveries(self, before: datetime, after: int, limit: int) -> int | None:
        d, newer = t.delivery, t.delivery.alias()
        old = self._older(before, after, limit)
        if not old:
            return None
        # What was held for a chat out of reach goes with the chat.
        ended = or_(
            d.c.state.in_((DeliveryState.SENT.value, DeliveryState.FAILED.value)),
            and_(d.c.state == DeliveryState.UNREACHABLE.value, d.c.kind != DigestKind.PAPERS.value),
        )
        last = ~select(newer.c.id).where(newer.c.chat_id == d.c.chat_id, newer.c.id > d.c.id).exists()
        gone = select(d.c.id).where(d.c.id.in_([row.id for row in old]), ended, ~last).order_by(d.c.id)
        self.drop([row.id for row in self._all(gone.with_for_update(of=d) if self._locks else gone)])
        return int(old[-1].id)

    def drop_digests(self, after: int, upto: int, limit: int) -> int | None:
        g = t.digest.c
        page = select(g.id).where(g.id > after, g.id <= upto).order_by(g.id).limit(limit)
        ids = [row.id for row in self._all(page)]
        self.drop_unused(ids)
        return ids[-1] if ids else None

    def last_digest(self) -> int:
        return self._number(select(func.max(t.digest.c.id)))

    def _older(self, before: datetime, after: int, limit: int) -> Sequence[Row[Any]]:
        """A page of deliveries in order of id, which is that of their making, up to the first that is not so old."""
        d = t.delivery.c
        page = select(d.id, d.state, d.made_at, d.digest_on).where(d.id > after).order_by(d.id).limit(limit)
        rows = self._all(page)
        young = (n for n, row in enumerate(rows) if _made_at(row) >= before)
        return rows[: next(young, len(rows))]


def _made_at(row: Row[Any]) -> datetime:
    made: datetime | None = row.made_at
    return made or datetime.combine(row.digest_on, time(), UTC)
