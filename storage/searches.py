"""What people looked for lately."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from bot.ports import MOST_SEARCHES
from storage import tables as t
from storage.rows import Work


class Searches(Work):
    """What a Transaction can do with the searches of people."""

    def note_search(self, who: str, query: str, now: datetime) -> None:
        """The latest of somebody's searches; asked before, it is the latest again."""
        self._put(t.search, {"who": who, "query": query, "at": now})
        s = t.search.c
        kept = select(s.query).where(s.who == who).order_by(s.at.desc(), s.query).limit(MOST_SEARCHES)
        self._run(delete(t.search).where(s.who == who, s.query.not_in([row.query for row in self._all(kept)])))

    def searches(self, who: str) -> list[str]:
        """The latest first."""
        s = t.search.c
        return [row.query for row in self._all(select(s.query).where(s.who == who).order_by(s.at.desc(), s.query))]
