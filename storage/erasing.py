"""What is kept about people: where it stands, how it is handed over, how it is erased.

Every table is named here, with what becomes of its rows; a test fails for one that is not.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, false, or_, select, union, update

from bot.model import Address, Chat, ChatState
from storage import tables as t
from storage.chat_rows import chat_of
from storage.deliveries import OF_DIGESTS, Deliveries
from storage.erasures import Erasure, ErasureLog, key_mark, mark_of
from storage.rows import Values

KEY = "pseudonyms"
"""The setting that holds the key of pseudonyms and marks."""
PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Whom:
    """``chat_id`` is 0 where there is no such chat, ``user`` empty where only the chat is meant."""

    address: Address
    chat_id: int
    user: str

    @property
    def names(self) -> tuple[str, ...]:
        """What is noted of it: the chat is not its person, where both have one number."""
        return (f"chat {self.address}", *([f"user {self.user}"] if self.user else []))


Where = Callable[[Whom], Any]


def _of_chat(table: Table, column: str = "chat_id") -> Where:
    return lambda whom: table.c[column] == whom.chat_id


def _deliveries(whom: Whom) -> Any:
    return select(t.delivery.c.id).where(t.delivery.c.chat_id == whom.chat_id)


def _of_user(table: Table, user: str) -> Any:
    """What somebody did, wherever that was."""
    return table.c.who == user if user else false()


GONE: Mapping[str, Where] = {
    "delivery_part": lambda whom: t.delivery_part.c.delivery_id.in_(_deliveries(whom)),
    "delivery": _of_chat(t.delivery),
    "topic_follower": _of_chat(t.topic_follower),
    "subscription": _of_chat(t.subscription),
    "search": lambda whom: _of_user(t.search, whom.user),
    "saved": lambda whom: _of_user(t.saved, whom.user),
    "vote": lambda whom: or_(t.vote.c.chat_id == whom.chat_id, _of_user(t.vote, whom.user)),
    "proxy": lambda whom: or_(
        t.proxy.c.here == str(whom.address), t.proxy.c.chat == str(whom.address),
        t.proxy.c.who == whom.user if whom.user else false(),
    ),
    "setting": lambda whom: t.setting.c.name == f"asked.{whom.address}",
    "notice": lambda whom: or_(t.notice.c.subject == str(whom.address), t.notice.c.detail == str(whom.address)),
    "chat": lambda whom: t.chat.c.id == whom.chat_id,
}
"""Tables with rows that belong to a chat, or to its person, and go with it, in the order in which they can."""


def _digests(whom: Whom) -> Any:
    return union(*(select(column).where(GONE[column.table.name](whom)) for column in OF_DIGESTS))


SHARED: Mapping[str, Where] = {"digest": lambda whom: t.digest.c.id.in_(_digests(whom))}
"""Tables with rows that other chats may have as well: they go with the last one."""

BLURRED: Mapping[str, Where] = {
    "invite": lambda whom: or_(
        t.invite.c.used_by == whom.chat_id, t.invite.c.made_by == whom.user if whom.user else false()
    ),
    "audit": lambda whom: or_(
        t.audit.c.chat == str(whom.address), t.audit.c.who == whom.user if whom.user else false()
    ),
    "ban": lambda whom: or_(
        t.ban.c.whom.in_([str(whom.address), whom.user or str(whom.address)]),
        t.ban.c.made_by == whom.user if whom.user else false(),
    ),
    "bulletin": lambda whom: t.bulletin.c.made_by == whom.user if whom.user else false(),
    "topic_change": lambda whom: t.topic_change.c.made_by == whom.user if whom.user else false(),
}
"""Tables with rows that stay, without what leads to anybody; a ban holds for whoever has that pseudonym."""

_USERS = (
    t.audit.c.who, t.invite.c.made_by, t.saved.c.who, t.vote.c.who, t.ban.c.made_by, t.bulletin.c.made_by,
    t.topic_change.c.made_by, t.ban.c.whom, t.proxy.c.who, t.search.c.who,
)  # fmt: skip

IMPERSONAL = frozenset({
    "announcement", "erasure", "feed", "fence", "gap", "inbox", "late_words", "lease", "paper", "paper_key",
    "paper_merge", "quarantine", "spending", "summary", "summary_job", "topic", "validators",
})  # fmt: skip
"""Tables that know nothing of chats and people; the inbox holds what somebody wrote until it is answered."""


class Erasing(Deliveries):
    """What a Transaction can do with what is kept about people."""

    def __init__(self, connection: Connection, writes: bool, erasures: ErasureLog | None = None) -> None:
        super().__init__(connection, writes)
        self._erasures = erasures

    def kept_about(self, address: Address, user: str = "") -> dict[str, list[dict[str, Any]]]:
        whom = self._whom(address, user)
        found = {}
        for name, where in {**GONE, **SHARED, **BLURRED}.items():
            table = t.METADATA.tables[name]
            statement = select(table).where(where(whom)).order_by(*table.primary_key)
            if rows := [_json_row(row) for row in self._all(statement)]:
                found[name] = rows
        return found

    def erase(self, address: Address, user: str, now: dt.datetime) -> bool:
        whom = self._whom(address, user)
        if not any(self._one(select(1).where(where(whom))) for where in {**GONE, **BLURRED}.values()):
            return False
        key = self.key()
        marks = frozenset(mark_of(key, name) for name in whom.names)
        erasure = Erasure(secrets.token_hex(8), now, key_mark(key), marks)
        if self._erasures is not None:
            self._erasures.append(erasure)
        self._erase(whom)
        self.know_erasure(erasure)
        return True

    def erase_again(self, address: Address) -> None:
        """A chat whose erasure is noted outside already."""
        self._erase(self._whom(address, ""))

    def _erase(self, whom: Whom) -> None:
        if self._locks:
            # Who carries one of them adds no part from now on, and finds nothing to record afterwards.
            self._run(_deliveries(whom).order_by(t.delivery.c.id).with_for_update())
        digests = [row[0] for row in self._all(_digests(whom)) if row[0] is not None]
        with self._overwriting():
            self._blur(whom)
            for name, where in GONE.items():
                self._run(t.METADATA.tables[name].delete().where(where(whom)))
            self.drop_unused(digests)

    @contextmanager
    def _overwriting(self) -> Iterator[None]:
        """What goes leaves SQLite's file as well, not the tables alone (https://www.sqlite.org/pragma.html)."""
        if self._connection.dialect.name != "sqlite":
            yield
            return
        self._connection.exec_driver_sql("PRAGMA secure_delete = ON")
        try:
            yield
        finally:
            self._connection.exec_driver_sql("PRAGMA secure_delete = OFF")

    def know_erasure(self, erasure: Erasure) -> None:
        self._insert_once(t.erasure, {"id": erasure.id, "at": erasure.at})

    def _blur(self, whom: Whom) -> None:
        """Rows that stay: their keepers are pseudonyms, and what a chat's own say of it is gone."""
        a, i = t.audit, t.invite
        key = self.key()
        self._run(update(i).where(i.c.used_by == whom.chat_id).values(used_by=None))
        here = a.c.chat == str(whom.address)
        for row in self._all(select(a.c.who).where(here).distinct()):
            self._run(update(a).where(here, a.c.who == row.who).values(who=pseudonym(key, row.who)))
        self._run(update(a).where(here).values(chat=pseudonym(key, str(whom.address)), before="", after=""))
        self._blur_ban(str(whom.address))
        if whom.user:
            self.blur_user(whom.user)

    def blur_user(self, user: str) -> None:
        """What somebody did elsewhere was done by a pseudonym; what was kept for them alone is gone."""
        a, i = t.audit, t.invite
        nobody = pseudonym(self.key(), user)
        self._run(update(a).where(a.c.who == user).values(who=nobody))
        for made in (i, t.ban, t.bulletin, t.topic_change):
            self._run(update(made).where(made.c.made_by == user).values(made_by=nobody))

        self._blur_ban(user)
        for table in (t.saved, t.vote, t.proxy, t.search):
            self._run(table.delete().where(_of_user(table, user)))

    def _blur_ban(self, whom: str) -> None:
        nobody = pseudonym(self.key(), whom)
        if self._one(select(t.ban.c.whom).where(t.ban.c.whom == whom)) is None:
            return
        self._run(t.ban.delete().where(t.ban.c.whom == nobody))
        self._run(update(t.ban).where(t.ban.c.whom == whom).values(whom=nobody, why=""))

    def key(self) -> str:
        """Of pseudonyms and marks; made when it is first asked for."""
        s = t.setting.c
        self._insert_once(t.setting, {"name": KEY, "value": secrets.token_hex(32)})
        return str(self._connection.execute(select(s.value).where(s.name == KEY)).scalar_one())

    def out_of_reach(self, before: dt.datetime, limit: int) -> list[Chat]:
        """Counted from when it was found gone; where nobody noted that, from the last thing that was done for it: the
        last digest, or else its last subscription."""
        c = t.chat
        later = [
            select(table.c.id).where(table.c.chat_id == c.c.id, table.c.made_at > before).exists()
            for table in (t.delivery, t.subscription)
        ]
        once = [
            select(table.c.id).where(table.c.chat_id == c.c.id, table.c.made_at.is_not(None)).exists()
            for table in (t.delivery, t.subscription)
        ]
        unknown = and_(c.c.away_at.is_(None), or_(*once), *(~one for one in later))
        gone = and_(c.c.state == ChatState.UNREACHABLE.value, or_(c.c.away_at <= before, unknown))
        return [chat_of(row) for row in self._all(select(c).where(gone).order_by(c.c.id).limit(limit))]

    def known_erasures(self) -> set[str]:
        return {row.id for row in self._all(select(t.erasure.c.id))}

    def chats_marked(self, marks: Collection[str], after: int) -> tuple[list[Address], int]:
        """Of a page of chats with ids above ``after``, those that bear one of ``marks``; and the last id looked at, 0
        where there is no chat left."""
        key, c = self.key(), t.chat.c
        page = select(c.id, c.platform, c.chat, c.thread).where(c.id > after).order_by(c.id).limit(PAGE)
        rows = self._all(page)
        addresses = [Address(row.platform, row.chat, row.thread) for row in rows]
        marked = [address for address in addresses if mark_of(key, f"chat {address}") in marks]
        return marked, rows[-1].id if rows else 0

    def users_marked(self, marks: Collection[str]) -> list[str]:
        """Users that bear one of ``marks``."""
        key = self.key()
        named = [self._all(select(column).distinct()) for column in _USERS]
        users = sorted({row[0] for rows in named for row in rows})
        return [user for user in users if mark_of(key, f"user {user}") in marks]

    def _whom(self, address: Address, user: str) -> Whom:
        c = t.chat.c
        its = self._is(t.chat, platform=address.platform, chat=address.chat, thread=address.thread)
        statement = select(c.id).where(its)
        row = self._one(statement.with_for_update() if self._locks else statement)
        return Whom(address, row.id if row else 0, user)


def pseudonym(key: str, about: str) -> str:
    """The same for the same, and nobody's name; what is one already, and nothing, stay what they are."""
    if not about or about.startswith(_BEGINS):
        return about
    return _BEGINS + hmac.digest(key.encode(), b"pseudonym " + about.encode(), "sha256").hex()[:12]


_BEGINS = "erased-"


def _json_row(row: Row[Any]) -> Values:
    return {name: _json_value(value) for name, value in row._mapping.items()}


def _json_value(value: object) -> object:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value
