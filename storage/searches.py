"""What people looked for lately."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, select

from bot.ports import MOST_SEARCHES
from storage import tables as t
from storage.rows import Work

_SEARCH = t.search.c
_LATEST = select(_SEARCH.query).where(_SEARCH.who == bindparam("who")).order_by(_SEARCH.at.desc(), _SEARCH.query)
_FORGOTTEN = delete(t.search).where(
    _SEARCH.who == bindparam("who"), _SEARCH.query.not_in(_LATEST.limit(MOST_SEARCHES).correlate(None))
)


class Searches(Work):
    """What a Transaction can do with the searches of people."""

    def note_search(self, who: str, query: str, now: datetime) -> None:
        """The latest of somebody's searches; asked before, it is the latest again."""
        self._put(t.search, {"who": who, "query": query, "at": now})
        self._run_many(_FORGOTTEN, [{"who": who}])

    def searches(self, who: str) -> list[str]:
        """The latest first."""
        return [row.query for row in self._all(_LATEST, who=who)]
