"""Bans, announcements by admins, undone changes of topics, and who speaks for which chat."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, exists, func, literal, or_, select, update

from bot.model import (
    Address,
    Ban,
    Bulletin,
    BulletinState,
    Chat,
    ChatState,
    DeliveryState,
    DigestKind,
    Place,
    Proxy,
    Topic,
    TopicChange,
    TopicVerb,
)
from storage import tables as t
from storage.chat_rows import chat_of
from storage.deliveries import Deliveries
from storage.erasing import KEY, pseudonym
from storage.prepared import once

_ANY_BAN = once(select(t.ban.c.whom).limit(1))
_PROXY = select(t.proxy).where(t.proxy.c.here == bindparam("here"))


class Admins(Deliveries):
    """What a Transaction can do with what admins of the instance keep."""

    def ban(self, ban: Ban) -> None:
        self._put(t.ban, {"whom": ban.whom, "made_by": ban.by, "made_at": ban.at, "why": ban.why})

    def unban(self, whom: str) -> bool:
        return self._run(t.ban.delete().where(t.ban.c.whom.in_(self._known_as([whom])))).rowcount > 0

    def bans(self, among: Collection[str] | None = None) -> list[Ban]:
        if among is not None and self._one(_ANY_BAN) is None:
            return []
        statement = select(t.ban).order_by(t.ban.c.made_at.desc(), t.ban.c.whom)
        if among is not None:
            statement = statement.where(t.ban.c.whom.in_(self._known_as(among)))
        return [Ban(row.whom, row.made_by, row.made_at, row.why) for row in self._all(statement)]

    def _known_as(self, whom: Collection[str]) -> list[str]:
        """Them, and what an erasure made of them."""
        key = self._one(select(t.setting.c.value).where(t.setting.c.name == KEY))
        return [*whom, *(pseudonym(str(key.value), one) for one in whom if key)]

    def chats_page(self, offset: int, limit: int) -> list[Chat]:
        page = select(t.chat).order_by(t.chat.c.id).offset(offset).limit(limit)
        return [chat_of(row) for row in self._all(page)]

    def chat_count(self) -> int:
        return self._number(select(func.count()).select_from(t.chat))

    def last_digests(self, chat_ids: Sequence[int]) -> dict[int, tuple[DeliveryState, datetime | None]]:
        d = t.delivery
        digests = d.c.chat_id.in_(list(chat_ids)), d.c.kind != DigestKind.BULLETIN.value
        last = select(func.max(d.c.id)).where(*digests).group_by(d.c.chat_id)
        rows = self._all(select(d.c.chat_id, d.c.state, d.c.made_at).where(d.c.id.in_(last)))
        return {row.chat_id: (DeliveryState(row.state), row.made_at) for row in rows}

    def readdress(self, chat_id: int, address: Address) -> None:
        """Where what is still on its way to the chat, or held for it, goes from now on."""
        waits = or_(self._open(), t.delivery.c.state == DeliveryState.UNREACHABLE.value)
        where = {"platform": address.platform, "chat": address.chat, "thread": address.thread}
        self._run(update(t.delivery).where(t.delivery.c.chat_id == chat_id, waits).values(where))

    def chats_aimed_at(self, address: Address) -> list[Chat]:
        c = t.chat.c
        its = c.platform == address.platform, c.target_chat == address.chat, c.target_thread == address.thread
        return [chat_of(row) for row in self._all(select(t.chat).where(*its).order_by(c.id))]

    # bulletins
    def add_bulletin(self, bulletin: Bulletin) -> Bulletin:
        statement = t.bulletin.insert().values(_row_of_bulletin(bulletin)).returning(t.bulletin.c.id)
        return self.bulletin(self._number(statement)) or bulletin

    def put_bulletin(self, bulletin: Bulletin) -> None:
        self._run(update(t.bulletin).where(t.bulletin.c.id == bulletin.id).values(_row_of_bulletin(bulletin)))

    def bulletin(self, number: int) -> Bulletin | None:
        statement = select(t.bulletin).where(t.bulletin.c.id == number)
        row = self._one(statement.with_for_update() if self._locks else statement)
        return _bulletin(row) if row else None

    def bulletins(self, limit: int, *states: BulletinState) -> list[Bulletin]:
        b = t.bulletin.c
        statement = select(t.bulletin).order_by(b.id.desc()).limit(limit)
        if states:
            statement = statement.where(b.state.in_([state.value for state in states]))
        return [_bulletin(row) for row in self._all(statement)]

    def bulletin_chats(self, bulletin: Bulletin, limit: int) -> list[Chat]:
        c = t.chat.c
        page = select(t.chat).where(c.id > bulletin.after, c.id <= bulletin.upto, _hears()).order_by(c.id).limit(limit)
        return [chat_of(row) for row in self._all(page)]

    def listeners(self) -> tuple[dict[str, int], int]:
        c = t.chat.c
        rows = self._all(select(c.language, func.count().label("n")).where(_hears()).group_by(c.language))
        return {row.language: row.n for row in rows}, self._number(select(func.max(c.id)))

    def bulletin_left(self, bulletin: Bulletin) -> int:
        c = t.chat.c
        left = c.id > bulletin.after, c.id <= bulletin.upto, _hears()
        return self._number(select(func.count()).select_from(t.chat).where(*left))

    def underway(self, since: datetime, now: datetime) -> bool:
        d = t.delivery.c
        due = d.state.in_(t.OPEN_STATES), d.due_at > since, d.due_at <= now
        return self._one(select(d.id).where(*due).limit(1)) is not None

    def bulletin_counts(self, number: int) -> Mapping[DeliveryState, int]:
        d = t.delivery.c
        its = and_(d.kind == DigestKind.BULLETIN.value, d.upto == number)
        rows = self._all(select(d.state, func.count().label("n")).where(its).group_by(d.state))
        return {DeliveryState(row.state): row.n for row in rows}

    def drop_bulletin(self, number: int) -> int:
        d, p = t.delivery.c, t.delivery_part.c
        waiting = [state.value for state in DeliveryState if state.open]
        begun = exists().where(p.delivery_id == d.id)
        its = d.kind == DigestKind.BULLETIN.value, d.upto == number, d.state.in_(waiting), d.lease_owner == "", ~begun
        statement = select(d.id).where(*its).order_by(d.id)
        # Whoever leases one meanwhile has it, and it is let be.
        ids = [row.id for row in self._all(statement.with_for_update(skip_locked=True) if self._locks else statement)]
        self.drop(ids)
        return len(ids)

    # proxies
    def proxy(self, here: Address) -> Proxy | None:
        row = self._one(_PROXY, here=str(here))
        if row is None:
            return None
        return Proxy(here, row.who, Address.parse(row.chat), Place(row.place), row.title, row.made_at)

    def put_proxy(self, proxy: Proxy) -> None:
        self._put(
            t.proxy,
            {"here": str(proxy.here), "who": proxy.user, "chat": str(proxy.chat), "place": proxy.place.value,
             "title": proxy.title, "made_at": proxy.at},
        )  # fmt: skip

    def drop_proxy(self, here: Address) -> bool:
        return self._run(t.proxy.delete().where(t.proxy.c.here == str(here))).rowcount > 0

    # changes of topics
    def follower_counts(self, slugs: Iterable[str]) -> int:
        s = t.subscription.c
        its = s.topic.in_(list(slugs))
        return self._number(select(func.count(s.chat_id.distinct())).where(its))

    def add_topic_change(self, change: TopicChange) -> TopicChange:
        statement = t.topic_change.insert().values(_row_of_change(change)).returning(t.topic_change.c.id)
        return self.topic_change(self._number(statement)) or change

    def topic_change(self, number: int) -> TopicChange | None:
        statement = select(t.topic_change).where(t.topic_change.c.id == number)
        row = self._one(statement.with_for_update() if self._locks else statement)
        return _change(row) if row else None

    def put_topic_change(self, change: TopicChange) -> None:
        its = t.topic_change.c.id == change.id
        self._run(update(t.topic_change).where(its).values(_row_of_change(change)))

    def last_topic_change(self) -> TopicChange | None:
        c = t.topic_change.c
        done = c.done_at.is_not(None), c.undone_at.is_(None)
        row = self._one(select(t.topic_change).where(*done).order_by(c.done_at.desc(), c.id.desc()).limit(1))
        return _change(row) if row else None

    def drop_topic_changes(self, before: datetime, limit: int) -> int:
        c = t.topic_change
        old = [row.id for row in self._all(select(c.c.id).where(c.c.made_at < before).order_by(c.c.id).limit(limit))]
        self._run(t.topic_follower.delete().where(t.topic_follower.c.change_id.in_(old)))
        self._run(c.delete().where(c.c.id.in_(old)))
        return len(old)

    def remember_followers(self, change_id: int, slugs: Collection[str], subscriptions: Collection[int]) -> None:
        s, f = t.subscription.c, t.topic_follower
        its = or_(s.topic.in_(list(slugs)), s.id.in_(list(subscriptions)))
        kept = select(literal(change_id), s.id, s.chat_id, s.topic, s.query, s.made_at, literal(False)).where(its)
        names = ["change_id", "subscription_id", "chat_id", "topic", "query", "made_at", "dropped"]
        self._run(f.insert().from_select(names, kept))

    def note_dropped(self, change_id: int) -> None:
        f, s = t.topic_follower, t.subscription.c
        gone = ~exists().where(s.id == f.c.subscription_id)
        self._run(update(f).where(f.c.change_id == change_id, gone).values(dropped=True))

    def follow_instead(self, slug: str, other: str) -> None:
        s, mine = t.subscription, t.subscription.alias()
        twice = select(mine.c.id).where(mine.c.chat_id == s.c.chat_id, mine.c.topic == other).exists()
        self._run(s.delete().where(s.c.topic == slug, twice))
        self._run(update(s).where(s.c.topic == slug).values(topic=other))

    def bring_followers_back(self, change_id: int) -> None:
        f, s = t.topic_follower.c, t.subscription
        mine = f.change_id == change_id
        for (topic,) in self._all(select(f.topic).where(mine, f.topic.is_not(None)).distinct()):
            other = s.alias()
            has = select(other.c.id).where(other.c.chat_id == s.c.chat_id, other.c.topic == topic).exists()
            theirs = s.c.id.in_(select(f.subscription_id).where(mine, f.topic == topic, ~f.dropped))
            self._run(s.delete().where(theirs, has, or_(s.c.topic.is_(None), s.c.topic != topic)))
            self._run(update(s).where(theirs).values(topic=topic, query=""))
        rest = select(t.topic_follower).where(mine, or_(f.topic.is_(None), f.dropped)).order_by(f.subscription_id)
        for row in self._all(rest):
            there = self._one(select(s.c.id).where(s.c.id == row.subscription_id))
            if there is None and not (row.dropped and self._one(select(s.c.id).where(s.c.chat_id == row.chat_id))):
                continue  # the chat ended it itself since
            same = s.c.topic == row.topic if row.topic else and_(s.c.topic.is_(None), s.c.query == row.query)
            if self._one(select(s.c.id).where(s.c.chat_id == row.chat_id, same)):
                self._run(s.delete().where(s.c.id == row.subscription_id, ~same))
            elif there is not None:
                self._run(update(s).where(s.c.id == row.subscription_id).values(topic=row.topic, query=row.query))
            else:
                kept = {"id": row.subscription_id, "chat_id": row.chat_id, "topic": row.topic, "query": row.query}
                self._run(s.insert().values(**kept, made_at=row.made_at))


def _hears() -> Any:
    """Chats that an announcement goes to."""
    c = t.chat.c
    return and_(c.state == ChatState.ACTIVE.value, c.admitted, ~c.banned, c.platform != "console")


def _bulletin(row: Row[Any]) -> Bulletin:
    texts = tuple((language, text) for language, text in row.texts)
    state = BulletinState(row.state)
    return Bulletin(row.id, texts, row.made_by, row.made_at, state, row.after_id, row.upto_id)


def _row_of_bulletin(bulletin: Bulletin) -> dict[str, Any]:
    return {
        "texts": [list(one) for one in bulletin.texts], "made_by": bulletin.by, "made_at": bulletin.made_at,
        "state": bulletin.state.value, "after_id": bulletin.after, "upto_id": bulletin.upto,
    }  # fmt: skip


def _change(row: Row[Any]) -> TopicChange:
    return TopicChange(
        row.id, TopicVerb(row.verb), row.made_by, _topics(row.before), _topics(row.after), row.made_at, row.done_at,
        row.undone_at,
    )  # fmt: skip


def _topics(kept: Sequence[Sequence[Any]]) -> tuple[Topic, ...]:
    return tuple(
        Topic(slug, tuple((language, name) for language, name in names), query, proposed)
        for slug, names, query, proposed in kept
    )


def _row_of_change(change: TopicChange) -> dict[str, Any]:
    def kept(topics: Iterable[Topic]) -> list[list[Any]]:
        return [[one.slug, [list(name) for name in one.names], one.query, one.proposed] for one in topics]

    return {
        "verb": change.verb.value, "made_by": change.by, "before": kept(change.before), "after": kept(change.after),
        "made_at": change.made_at, "done_at": change.done_at, "undone_at": change.undone_at,
    }  # fmt: skip
