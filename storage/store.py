"""The store on SQLite or PostgreSQL: ``bot.ports.Store`` and ``Transaction``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock, local

from sqlalchemy import Engine, bindparam, func, select

from bot.model import CURATED, ChatState, DeliveryState, GapState
from storage import tables as t
from storage.admins import Admins
from storage.auditing import Audit
from storage.chats import Chats
from storage.cleaning import Cleaning
from storage.engine import connect, prepare, reading, translated, writing
from storage.erasing import Erasing
from storage.erasures import ErasureLog
from storage.feeds import Feeds
from storage.inbox import Inbox
from storage.leases import Leases
from storage.notices import Notices
from storage.searches import Searches
from storage.summarising import Summarising


class SqlTransaction(Summarising, Chats, Feeds, Leases, Inbox, Audit, Admins, Erasing, Cleaning, Notices, Searches):
    """``bot.ports.Transaction``; its subjects stand in modules of their own."""

    def counts(self) -> Mapping[str, int]:
        p = t.paper
        found = {"papers": self._number(select(func.count()).select_from(p).where(p.c.joined_id.is_(None)))}
        merged = select(p.c.id).where(p.c.joined_id.is_not(None))
        s = t.summary
        found["summaries"] = self._number(select(func.count()).select_from(s).where(s.c.paper_id.not_in(merged)))
        curated = s.c.origin == CURATED, s.c.paper_id.not_in(merged)
        found["summaries.curated"] = self._number(select(func.count()).select_from(s).where(*curated))
        proposed = select(func.count()).select_from(t.topic).where(t.topic.c.proposed)
        found["topics.proposed"] = self._number(proposed)
        for name in ("announcement", "chat", "subscription", "topic"):
            found[f"{name}s"] = self._number(select(func.count()).select_from(t.METADATA.tables[name]))
        found |= {f"chats.{state.value}": 0 for state in ChatState}
        found |= {f"deliveries.{state.value}": 0 for state in DeliveryState}
        found |= {f"gaps.{state.value}": 0 for state in GapState}
        found["quarantined"] = self._number(select(func.count()).select_from(t.quarantine))
        for table, name in ((t.chat, "chats"), (t.delivery, "deliveries"), (t.gap, "gaps")):
            for row in self._all(select(table.c.state, func.count().label("n")).group_by(table.c.state)):
                found[f"{name}.{row.state}"] = row.n
        return found

    def queue(self, now: datetime) -> tuple[int, datetime | None]:
        d = t.delivery.c
        number, since = func.count().label("number"), func.min(d.due_at).label("since")
        due = select(number, since).where(d.state.in_(t.OPEN_STATES), d.due_at <= now)
        (found,) = self._all(due)
        return int(found.number), found.since

    def setting(self, name: str) -> str:
        """Empty where it was never put."""
        row = self._one(_SETTING, name=name)
        return str(row.value) if row else ""

    def put_setting(self, name: str, value: str) -> None:
        self._put(t.setting, {"name": name, "value": value})


_SETTING = select(t.setting.c.value).where(t.setting.c.name == bindparam("name"))


class _View:
    """One transaction for reading, which several blocks use."""

    def __init__(self, opened: AbstractContextManager[SqlTransaction]) -> None:
        self._opened, self.tx, self.users = opened, opened.__enter__(), 0

    def close(self) -> None:
        self._opened.__exit__(None, None, None)


class _Thread(local):
    """``held``: whether this thread's readings share a view; ``view``: that one, once something was read."""

    held = False
    view: _View | None = None


class SqlStore:
    """``bot.ports.Store``. Its methods may be called from any thread."""

    def __init__(self, engine: Engine, erasures: ErasureLog | None = None) -> None:
        """``erasures``: the file that remembers them outside of the database."""
        self._engine, self._erasures = engine, erasures
        self._turn = Lock()
        self._thread = _Thread()

    @contextmanager
    def transaction(self, durable: bool = True) -> Iterator[SqlTransaction]:
        """Raises TryLater where the database is busy, full or away; not to be opened inside another one."""
        self._let_go()
        with writing(self._engine, self._turn, durable) as connection:
            tx = SqlTransaction(connection, True, self._erasures)
            yield tx
        for call in tx.when_kept:
            call()

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """Raises TryLater where the database is away."""
        if not self._thread.held:
            with self._opened() as tx:
                yield tx
            return
        view = self._thread.view = self._thread.view or _View(self._opened())
        view.users += 1
        try:
            with translated():
                yield view.tx
        except BaseException:
            self._let_go()
            raise
        finally:
            view.users -= 1
            if view is not self._thread.view and not view.users:
                view.close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """What this thread reads meanwhile is as of one moment, until it writes: to begin takes longer than to ask."""
        if self._thread.held:
            yield
            return
        self._thread.held = True
        try:
            yield
        finally:
            self._thread.held = False
            self._let_go()

    @contextmanager
    def _opened(self) -> Iterator[SqlTransaction]:
        with reading(self._engine) as connection:
            yield SqlTransaction(connection, False, self._erasures)

    def _let_go(self) -> None:
        view, self._thread.view = self._thread.view, None
        if view is not None and not view.users:
            view.close()

    def revision(self) -> int:
        """The number of the last change of a paper or summary: what a full index has followed up to."""
        with self.reading() as tx:
            return tx.revision()

    def close(self) -> None:
        self._engine.dispose()


def open_store(url: str, *, migrate: bool = True, erasures: Path | None = None) -> SqlStore:
    """The store at ``sqlite:////path/to/file.db`` or ``postgresql://user@host/name``, brought up to date. Erasures are
    noted in the file ``erasures``, in none where it is None.

    Raises ConfigError where it cannot be opened, is newer than this program, or is older and ``migrate`` is False.
    """
    engine = connect(url)
    try:
        prepare(engine, migrate)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, ErasureLog(erasures) if erasures else None)
