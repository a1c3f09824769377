"""Deliveries and their parts, and who may work on one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    case,
    column,
    func,
    literal,
    or_,
    select,
    text,
    true,
    update,
)

from bot.bursts import living
from bot.model import Address, Delivery, DeliveryState, Digest, DigestKind, Part, Rest
from storage import tables as t
from storage.chat_rows import content_of, delivery_of, part_of, rest_of, row_of_delivery, row_of_digest
from storage.recording import FREE, HELD, Recording
from storage.rows import CHUNK, chunks
from storage.statements import SOME

OF_DIGESTS = tuple(
    key.parent for table in t.METADATA.tables.values() for key in table.foreign_keys if key.references(t.digest)
)
"""The columns that refer to a digest."""


_DIGESTS = select(t.digest).where(t.digest.c.id.in_(SOME))
_PARTS = select(t.delivery_part).where(t.delivery_part.c.delivery_id.in_(SOME)).order_by(t.delivery_part.c.number)


@cache
def _due(locks: bool) -> Select[*tuple[Any, ...]]:
    """What can be leased at ``now``, ``most`` of it: the oldest of each chat, where nobody works on another of its own.
    Made once, for that takes longer than asking it."""
    d, older, busy = t.delivery, t.delivery.alias(), t.delivery.alias()
    now = bindparam("now", type_=d.c.due_at.type)
    first = (
        select(older.c.id)
        .where(
            older.c.chat_id == d.c.chat_id,
            older.c.id != d.c.id,
            older.c.state.in_(t.OPEN_STATES),
            older.c.due_at <= now,
            or_(older.c.due_at < d.c.due_at, and_(older.c.due_at == d.c.due_at, older.c.id < d.c.id)),
        )
        .exists()
    )
    worked_on = (
        select(busy.c.id)
        .where(
            busy.c.chat_id == d.c.chat_id,
            busy.c.id != d.c.id,
            busy.c.state.in_(t.OPEN_STATES),
            busy.c.lease_until >= now,
        )
        .exists()
    )
    statement = (
        select(d)
        .where(
            d.c.state.in_(t.OPEN_STATES),
            d.c.due_at <= now,
            or_(d.c.lease_until.is_(None), d.c.lease_until < now),
            d.c.platform.in_(bindparam("platforms", expanding=True)),
            ~first,
            ~worked_on,
        )
        .order_by(d.c.due_at, d.c.id)
        .limit(bindparam("most", type_=Integer))
    )
    return statement.with_for_update(of=d, skip_locked=True) if locks else statement


class Deliveries(Recording):
    """What a Transaction can do with deliveries."""

    def plan(self, delivery: Delivery) -> Delivery:
        d = t.delivery
        once = {"kind": delivery.digest.kind.value, "digest_on": delivery.digest.on, "upto": delivery.digest.upto}
        its = self._is(d, chat_id=delivery.chat_id, **once)
        if self._one(select(d.c.id).where(its)) is None:
            (number,) = self.keep_digests([delivery.digest])
            digest = replace(delivery.digest, id=number)
            self._insert_once(d, {"chat_id": delivery.chat_id, **row_of_digest(digest), **row_of_delivery(delivery)})
        return self._deliveries(self._all(select(d).where(its)))[0]

    def keep_digests(self, digests: Sequence[Digest]) -> list[int]:
        insert = t.digest.insert().returning(t.digest.c.id, sort_by_parameter_order=True)
        rows = [{"content": content_of(digest)} for digest in digests]
        return [row.id for some in chunks(rows, CHUNK) for row in self._connection.execute(insert, some)]

    def rests(self, digest_ids: Iterable[int]) -> list[Rest]:
        found = []
        for some in chunks(digest_ids, CHUNK):
            found += [rest_of(r.id, r.content) for r in self._all(select(t.digest).where(t.digest.c.id.in_(some)))]
        p = t.paper.c
        joined: dict[int, int] = {}
        for some in chunks({match.paper_id for rest in found for match in rest.matches}, CHUNK):
            rows = self._all(select(p.id, p.joined_id).where(p.id.in_(some), p.joined_id.is_not(None)))
            joined |= {row.id: row.joined_id for row in rows}
        return [replace(rest, matches=living(rest.matches, joined)) for rest in found] if joined else found

    def leave(self, rests: Mapping[int, int]) -> None:
        c = t.chat.c
        columns = column("column1", Integer), column("column2", Integer)
        for some in chunks(rests.items(), CHUNK):
            pairs = ", ".join(f"({int(chat)}, {int(rest)})" for chat, rest in some)
            wanted = text(f"(VALUES {pairs})").columns(*columns).alias("wanted")
            left = func.nullif(wanted.c.column2, 0)
            self._run(update(t.chat).where(c.id == wanted.c.column1).values(rest_id=left))

    def plan_all(self, digests: Mapping[int, Digest], now: datetime) -> int:
        alike: dict[tuple[DigestKind, date, int], list[tuple[int, int]]] = {}
        for chat_id, digest in digests.items():
            alike.setdefault((digest.kind, digest.on, digest.upto), []).append((chat_id, digest.id))
        return sum(self._plan_alike(once, some, now) for once, rows in alike.items() for some in chunks(rows, CHUNK))

    def _plan_alike(self, once: tuple[DigestKind, date, int], rows: Sequence[tuple[int, int]], now: datetime) -> int:
        """A delivery for each (chat, digest): what a chat's row says is copied inside the database."""
        d, c = t.delivery.c, t.chat.c
        pairs = ", ".join(f"({int(chat)}, {int(digest)})" for chat, digest in rows)
        # Both databases call the columns of VALUES column1 and column2; so many bound parameters would cost more
        # than all the rest.
        columns = column("column1", Integer), column("column2", Integer)
        wanted = text(f"(VALUES {pairs})").columns(*columns).alias("wanted")
        kind, on, upto = once
        values: dict[Any, Any] = {
            d.chat_id: c.id, d.platform: c.platform, d.chat: func.coalesce(c.target_chat, c.chat),
            d.thread: case((c.target_chat.is_(None), c.thread), else_=func.coalesce(c.target_thread, "")),
            d.language: c.language,
            d.layout: c.layout, d.rich_layout: c.rich_layout, d.quiet: c.quiet,
            d.digest_id: wanted.c.column2, d.kind: literal(kind.value), d.digest_on: literal(on),
            d.upto: literal(upto), d.state: literal(DeliveryState.PLANNED.value), d.attempts: literal(0),
            d.due_at: literal(now, d.due_at.type), d.made_at: literal(now, d.made_at.type), d.lease_owner: literal(""),
            d.why: literal(""), d.accepts: c.accepts,
        }  # fmt: skip
        found = select(*values.values()).select_from(t.chat.join(wanted, wanted.c.column1 == c.id)).where(true())
        statement = self._insert(t.delivery).from_select([one.name for one in values], found)
        return self._run(statement.on_conflict_do_nothing().execution_options(preserve_rowcount=True)).rowcount

    def lease(self, now: datetime, until: datetime, owner: str, limit: int, platforms: Sequence[str]) -> list[Delivery]:
        rows = self._all(_due(self._locks), now=now, platforms=list(platforms), most=limit)
        ids = [row.id for row in rows]
        if not ids:
            return []
        d = t.delivery
        taken: dict[str, Any] = {"lease_owner": owner, "lease_until": until}
        self._run(update(d).where(d.c.id.in_(ids)).values(**taken))
        return [replace(one, state=DeliveryState.LEASED, **taken) for one in self._deliveries(rows)]

    def record(self, delivery: Delivery) -> bool:
        """``record_all`` of one."""
        return bool(self.record_all([delivery]))

    def give_back(self, owner: str) -> int:
        if not owner:
            return 0
        return self._run(update(t.delivery).where(self._is(t.delivery, lease_owner=owner)).values(FREE)).rowcount

    def delivery(self, delivery_id: int) -> Delivery | None:
        found = self._deliveries(self._all(select(t.delivery).where(t.delivery.c.id == delivery_id)))
        return found[0] if found else None

    def delivery_at(self, address: Address, digest_id: int) -> Delivery | None:
        place = {"platform": address.platform, "chat": address.chat, "thread": address.thread}
        return self._last_of(self._is(t.delivery, digest_id=digest_id, **place))

    def delivery_of(self, chat_id: int, digest_id: int) -> Delivery | None:
        return self._last_of(self._is(t.delivery, chat_id=chat_id, digest_id=digest_id))

    def _last_of(self, its: ColumnElement[bool]) -> Delivery | None:
        found = self._deliveries(self._all(select(t.delivery).where(its).order_by(t.delivery.c.id.desc()).limit(1)))
        return found[0] if found else None

    def last_delivery(self, chat_id: int) -> Delivery | None:
        d = t.delivery
        its = d.c.chat_id == chat_id, d.c.kind != DigestKind.BULLETIN.value
        found = self._deliveries(self._all(select(d).where(*its).order_by(d.c.id.desc()).limit(1)))
        return found[0] if found else None

    def last_told(self, chat_ids: Sequence[int]) -> dict[int, tuple[DigestKind, datetime | None]]:
        d = t.delivery
        found: dict[int, tuple[DigestKind, datetime | None]] = {}
        for some in chunks(chat_ids, CHUNK):
            its = d.c.chat_id.in_(some), d.c.kind != DigestKind.BULLETIN.value
            last = select(func.max(d.c.id)).where(*its).group_by(d.c.chat_id)
            for row in self._all(select(d.c.chat_id, d.c.kind, d.c.made_at).where(d.c.id.in_(last))):
                found[row.chat_id] = (DigestKind(row.kind), row.made_at)
        return found

    def deliveries_with(self, chat_id: int, paper_id: int) -> list[Delivery]:
        d = t.delivery
        papers = self._is(d, chat_id=chat_id, kind=DigestKind.PAPERS.value)
        statement = select(d.c.id, t.digest.c.content).join(t.digest, t.digest.c.id == d.c.digest_id).where(papers)
        rows = self._all(statement.order_by(d.c.id.desc()).limit(1_000))
        # It may have been sent while it was two.
        own = {paper_id, *(row.id for row in self._all(select(t.paper.c.id).where(t.paper.c.joined_id == paper_id)))}
        ids = [row.id for row in rows if any(match[0] in own for match in row.content["matches"])]
        return self._deliveries(self._all(select(d).where(d.c.id.in_(ids)).order_by(d.c.id.desc())))

    def reopen_deliveries(self, chat_id: int, now: datetime) -> int:
        d = t.delivery
        # That there was nothing on a day long past is no news.
        kind = DigestKind.PAPERS.value
        gone = self._is(d, chat_id=chat_id, state=DeliveryState.UNREACHABLE.value, kind=kind, joined=False)
        again = {"state": DeliveryState.POSTPONED.value, "due_at": now, "attempts": 0}
        return self._run(update(d).where(gone).values(again)).rowcount

    def hold_deliveries(self, chat_id: int, why: str) -> int:
        d = t.delivery
        waiting = [state.value for state in DeliveryState if state.open and state not in HELD]
        its = d.c.chat_id == chat_id, d.c.state.in_(waiting), d.c.lease_owner == ""
        held = {"state": DeliveryState.UNREACHABLE.value, "due_at": None, "why": why}
        return self._run(update(d).where(*its).values(held)).rowcount

    def held_deliveries(self, chat_id: int) -> list[Delivery]:
        d = t.delivery
        kind, state = DigestKind.PAPERS.value, DeliveryState.UNREACHABLE.value
        its = self._is(d, chat_id=chat_id, state=state, kind=kind, joined=False)
        return self._deliveries(self._all(select(d).where(its).order_by(d.c.id.desc())))

    def join_deliveries(self, ids: Sequence[int]) -> None:
        self._run(update(t.delivery).where(t.delivery.c.id.in_(ids)).values(joined=True))

    def put_digest(self, delivery_id: int, digest: Digest) -> None:
        (number,) = self.keep_digests([digest])
        self._run(update(t.delivery).where(t.delivery.c.id == delivery_id).values(digest_id=number))

    def drop(self, ids: Sequence[int]) -> None:
        """Deliveries with their parts, and the digests that were theirs alone."""
        d, p = t.delivery, t.delivery_part
        for some in chunks(ids, CHUNK):
            mine = d.c.id.in_(some)
            digests = {row.digest_id for row in self._all(select(d.c.digest_id).where(mine))}
            self._run(p.delete().where(p.c.delivery_id.in_(some)))
            self._run(d.delete().where(mine))
            self.drop_unused(digests)

    def drop_unused(self, digest_ids: Iterable[int]) -> int:
        """Of these digests, those that nothing refers to; returns how many."""
        g = t.digest
        unused = [~select(column).where(column == g.c.id).exists() for column in OF_DIGESTS]
        dropped = 0
        for some in chunks(sorted(digest_ids), CHUNK):
            if self._locks:
                # Whoever is about to refer to one has done so when the next statement looks.
                self._run(select(g.c.id).where(g.c.id.in_(some)).order_by(g.c.id).with_for_update())
            dropped += self._run(g.delete().where(g.c.id.in_(some), *unused)).rowcount
        return dropped

    def digests_there(self, ids: Iterable[int]) -> set[int]:
        g = t.digest.c
        asked = (select(g.id).where(g.id.in_(some)) for some in chunks(ids, CHUNK))
        # On PostgreSQL nobody drops one meanwhile; on SQLite nobody else writes.
        return {
            row.id
            for statement in asked
            for row in self._all(statement.with_for_update(read=True, key_share=True) if self._locks else statement)
        }

    def _open(self, table: Any = t.delivery) -> Any:
        return table.c.state.in_(t.OPEN_STATES)

    def _deliveries(self, rows: Sequence[Row[Any]]) -> list[Delivery]:
        parts = self._parts(row.id for row in rows)
        digests = list({row.digest_id for row in rows})
        contents = {row.id: row.content for row in self._all(_DIGESTS, some=digests)} if rows else {}
        return [delivery_of(row, contents[row.digest_id], parts.get(row.id, ())) for row in rows]

    def _parts(self, ids: Iterable[int]) -> dict[int, tuple[Part, ...]]:
        found: dict[int, tuple[Part, ...]] = {}
        asked = list(ids)
        for row in self._all(_PARTS, some=asked) if asked else ():
            found[row.delivery_id] = (*found.get(row.delivery_id, ()), part_of(row))
        return found
