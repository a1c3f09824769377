"""Statements about papers that every command asks, put together once: that costs SQLAlchemy more than SQLite takes to
answer them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BindParameter, bindparam, func, or_, select, union_all

from storage import tables as t
from storage.prepared import once

living_id = func.coalesce(t.paper.c.joined_id, t.paper.c.id)
"""The paper that a row of ``paper`` is by now."""

SOME: BindParameter[Any] = bindparam("some", expanding=True)
"""Values of which a column has one."""

_asked = t.paper.alias("asked")
FOUND = (
    select(t.paper, _asked.c.id.label("asked"))
    .join(_asked, t.paper.c.id == func.coalesce(_asked.c.joined_id, _asked.c.id))
    .where(_asked.c.id.in_(SOME))
)
"""Papers as ``ROWS``, each beside the id by which it was asked for."""
ROWS = select(t.paper).where(t.paper.c.id.in_(SOME))
KEYS = select(t.paper_key).where(t.paper_key.c.paper_id.in_(SOME)).order_by(t.paper_key.c.place)
BY_KEY = select(t.paper_key.c.paper_id).where(t.paper_key.c.key == bindparam("key"))
NEWS = (
    select(living_id.label("living"), t.announcement.c.news)
    .join(t.paper, t.paper.c.id == t.announcement.c.paper_id)
    .where(or_(t.paper.c.id.in_(SOME), t.paper.c.joined_id.in_(SOME)))
    .distinct()
    .order_by(t.announcement.c.news)
)
SUMMARIES = (
    select(t.summary, t.paper.c.id.label("asked"))
    .join(t.paper, t.summary.c.paper_id == living_id)
    .where(t.paper.c.id.in_(SOME))
    .order_by(t.summary.c.language)
)
CHANGES = (
    select(t.paper.c.seq, t.paper.c.id)
    .where(t.paper.c.seq > bindparam("after"))
    .order_by(t.paper.c.seq)
    .limit(bindparam("most"))
)
REVISION = once(select(func.max(t.paper.c.seq)))
# Words that came later are told by numbers of the same row.
_TOLD = union_all(*(select(func.max(table.c.id).label("last")) for table in (t.announcement, t.late_words))).subquery()
LAST = once(select(func.max(_TOLD.c.last)))
