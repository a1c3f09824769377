"""Chats, what they follow, the topics and the invitations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, Select, Text, and_, bindparam, cast, func, select, update

from bot.errors import BadInput
from bot.model import Address, Chat, ChatState, Place, Standing, Subscription, Topic
from storage import tables as t
from storage.chat_rows import chat_of, row_of_address, row_of_chat, subscription_of
from storage.deliveries import Deliveries
from storage.prepared import once
from storage.reading import Reading
from storage.rows import CHUNK, EDITED, Values, chunks
from storage.statements import SOME

_PAUSED, _MUTED = Standing.PAUSED.value, Standing.MUTED.value

_BY_ID = select(t.chat).where(t.chat.c.id == bindparam("chat_id"))
_AT = select(t.chat).where(and_(*(t.chat.c[name] == bindparam(name) for name in ("platform", "chat", "thread"))))
_FOLLOWED = select(t.subscription).where(t.subscription.c.chat_id.in_(SOME)).order_by(t.subscription.c.id)
_TOPICS = once(select(t.topic).order_by(t.topic.c.proposed, t.topic.c.slug))


class Chats(Deliveries, Reading):
    """What a Transaction can do with chats, subscriptions and topics."""

    def topics(self) -> list[Topic]:
        return list(self._remembered("topics", lambda: [_topic(row) for row in self._all(_TOPICS)]))

    def topic(self, slug: str) -> Topic | None:
        row = self._one(select(t.topic).where(t.topic.c.slug == slug))
        return _topic(row) if row else None

    def put_topic(self, topic: Topic) -> None:
        self._put(t.topic, _row_of_topic(topic))

    def propose_topic(self, topic: Topic) -> bool:
        return self._insert_once(t.topic, _row_of_topic(topic))

    def remove_topic(self, slug: str) -> bool:
        """False where there is none."""
        topic = self.topic(slug)
        if topic is None:
            return False
        s = t.subscription
        have = select(s.c.chat_id).where(s.c.topic.is_(None), s.c.query == topic.query)
        self._run(s.delete().where(s.c.topic == slug, s.c.chat_id.in_(have)))
        self._run(update(s).where(s.c.topic == slug).values(topic=None, query=topic.query))
        self._run(t.topic.delete().where(t.topic.c.slug == slug))
        return True

    def chat(self, address: Address) -> Chat | None:
        return self._remembered(address, lambda: self._chat(_AT, **row_of_address(address)))

    def chat_by_id(self, chat_id: int) -> Chat | None:
        return self._chat(_BY_ID, chat_id=chat_id)

    def _chat(self, statement: Select[Any], **values: object) -> Chat | None:
        """Locked where this transaction writes: it is read to be changed and put back whole."""
        row = self._one(statement.with_for_update() if self._locks else statement, **values)
        return chat_of(row) if row else None

    def open_chat(self, chat: Chat) -> Chat:
        self._insert_once(t.chat, row_of_chat(chat))
        stored = self.chat(chat.address)
        if stored is None:
            raise RuntimeError(f"{chat.address} was neither inserted nor there")
        return stored

    def put_chat(self, chat: Chat) -> None:
        """Overwrite the chat with this id; nothing where it is gone."""
        self._run(update(t.chat).where(t.chat.c.id == chat.id).values(row_of_chat(chat)))

    def due_chats(self, now: datetime, limit: int, after_id: int = 0) -> list[Chat]:
        c = t.chat.c
        statement = (
            select(t.chat)
            .where(c.state == ChatState.ACTIVE.value, c.admitted, ~c.banned, c.due_at <= now, c.id > after_id)
            .order_by(c.id)
            .limit(limit)
        )
        if self._locks:
            statement = statement.with_for_update(skip_locked=True)
        return [chat_of(row) for row in self._all(statement)]

    def chats_to_try(self, now: datetime, limit: int) -> list[Chat]:
        c = t.chat.c
        due = c.try_at <= now, c.state == ChatState.UNREACHABLE.value, ~c.banned
        statement = select(t.chat).where(*due).order_by(c.try_at).limit(limit)
        if self._locks:
            statement = statement.with_for_update(skip_locked=True)
        return [chat_of(row) for row in self._all(statement)]

    def move_on(self, chat_ids: Sequence[int], seen: int, due_at: datetime) -> None:
        for some in chunks(chat_ids, CHUNK):
            self._run(update(t.chat).where(t.chat.c.id.in_(some)).values(seen=seen, due_at=due_at))

    def private_chats(self, platform: str, after_id: int, limit: int) -> list[Chat]:
        mine = self._is(t.chat, platform=platform, place=Place.PRIVATE.value)
        rows = self._all(select(t.chat).where(mine, t.chat.c.id > after_id).order_by(t.chat.c.id).limit(limit))
        return [chat_of(row) for row in rows]

    def languages_read(self) -> dict[str, int]:
        c = t.chat.c
        number = func.count().label("number")
        served = c.state == ChatState.ACTIVE.value, c.admitted, ~c.banned
        asked = select(c.language, number).where(*served).group_by(c.language).order_by(number.desc(), c.language)
        return {row.language: row.number for row in self._all(asked)}

    def chats_under(self, address: Address) -> list[Chat]:
        c = t.chat.c
        where = [c.platform == address.platform, c.chat == address.chat]
        if address.thread:
            where.append(c.thread == address.thread)
        statement = select(t.chat).where(*where).order_by(c.id)
        return [chat_of(row) for row in self._all(statement.with_for_update() if self._locks else statement)]

    def move_chats(self, old: Address, new: Address) -> int:
        """A chat that is at the new address already and has neither subscriptions nor deliveries gives way."""
        moving = self.chats_under(old) if old != new else []
        for chat in moving:
            address = new if old.thread or new.thread else replace(new, thread=chat.address.thread)
            there = self.chat(address)
            if chat.target is not None and chat.target.chat == old.chat:
                chat = replace(chat, target=replace(chat.target, chat=new.chat))
            if there is None or self._gives_way(there):
                self.put_chat(replace(chat, address=address))
            else:
                self._join(chat, there)
            d = t.delivery
            held = [chat.id] if there is None else [chat.id, there.id]
            self._run(update(d).where(d.c.chat_id.in_(held), self._open()).values(row_of_address(address)))
        return len(moving)

    def _gives_way(self, chat: Chat) -> bool:
        held = [select(table.c.id).where(table.c.chat_id == chat.id) for table in (t.subscription, t.delivery)]
        if any(self._one(statement.limit(1)) for statement in held):
            return False
        self._remove(chat)
        return True

    def _join(self, chat: Chat, there: Chat) -> None:
        """What ``chat`` follows and was sent becomes ``there``'s, but for what that one has already."""
        s, d = t.subscription, t.delivery
        for subscription in self.subscriptions([chat.id]).get(chat.id, ()):
            self.unsubscribe(chat.id, subscription.id)
            self.subscribe(replace(subscription, chat_id=there.id))
        mine = d.alias()
        twice = select(d.c.id).where(
            d.c.chat_id == chat.id,
            select(mine.c.id)
            .where(
                mine.c.chat_id == there.id,
                mine.c.kind == d.c.kind,
                mine.c.digest_on == d.c.digest_on,
                mine.c.upto == d.c.upto,
            )
            .exists(),
        )
        self.drop([row.id for row in self._all(twice)])
        self._run(update(d).where(d.c.chat_id == chat.id).values(chat_id=there.id))
        self._run(update(t.invite).where(t.invite.c.used_by == chat.id).values(used_by=there.id))
        f = t.topic_follower
        self._run(update(f).where(f.c.chat_id == chat.id).values(chat_id=there.id))
        self._run(s.delete().where(s.c.chat_id == chat.id))
        self.move_votes(chat.id, there.id)
        self._remove(chat)
        active = ChatState.ACTIVE in (chat.state, there.state)
        self.put_chat(
            replace(
                there,
                admitted=chat.admitted or there.admitted,
                state=ChatState.ACTIVE if active else there.state,
                due_at=there.due_at or chat.due_at,
                away_at=None if active else there.away_at,
                try_at=None if active else there.try_at,
                rest=there.rest or chat.rest,
                banned=chat.banned or there.banned,
                open_to_all=chat.open_to_all and there.open_to_all,
                target=there.target or chat.target,
            )
        )

    def _remove(self, chat: Chat) -> None:
        self.drop_votes(chat.id)
        self._run(t.topic_follower.delete().where(t.topic_follower.c.chat_id == chat.id))
        self._run(update(t.invite).where(t.invite.c.used_by == chat.id).values(used_by=None))
        self._run(t.chat.delete().where(t.chat.c.id == chat.id))

    def subscriptions(self, chat_ids: Iterable[int]) -> dict[int, tuple[Subscription, ...]]:
        found: dict[int, tuple[Subscription, ...]] = {}
        for some in chunks(set(chat_ids), CHUNK):
            for row in self._all(_FOLLOWED, some=some):
                found[row.chat_id] = (*found.get(row.chat_id, ()), subscription_of(row))
        return found

    def followed(self, chat_ids: Iterable[int]) -> dict[int, list[tuple[str, str, bool]]]:
        found: dict[int, list[tuple[str, str, bool]]] = {}
        s = t.subscription
        columns = s.c.chat_id, s.c.topic, s.c.query, s.c.standing
        for some in chunks(set(chat_ids), CHUNK):
            for row in self._all(select(*columns).where(s.c.chat_id.in_(some)).order_by(s.c.id)):
                chat_id, topic, query, standing = tuple(row)
                if standing != _PAUSED:
                    found.setdefault(chat_id, []).append((topic or "", query, standing == _MUTED))
        return found

    def subscribe(self, subscription: Subscription) -> Subscription:
        """BadInput for a topic that is not there, or neither topic nor query."""
        s = t.subscription
        if bool(subscription.query) == bool(subscription.topic):
            raise BadInput("a subscription is to a topic or to a query")
        row = {
            "chat_id": subscription.chat_id,
            "query": subscription.query,
            "topic": subscription.topic or None,
            "made_at": subscription.made_at,
            "standing": subscription.standing.value,
        }
        if subscription.topic and self.topic(subscription.topic) is None:
            raise BadInput(f"there is no topic {subscription.topic}")
        self._insert_once(s, row)
        same = s.c.topic == subscription.topic if subscription.topic else s.c.query == subscription.query
        stored = self._one(select(s).where(s.c.chat_id == subscription.chat_id, same))
        if stored is None:
            raise RuntimeError("the subscription was neither inserted nor there")
        return subscription_of(stored)

    def subscriptions_naming_topics(self) -> list[Subscription]:
        s = t.subscription
        named = s.c.topic.is_(None), s.c.query.ilike("%topic:%")
        return [subscription_of(row) for row in self._all(select(s).where(*named).order_by(s.c.id))]

    def rewrite_subscription(self, subscription_id: int, query: str) -> None:
        s = t.subscription
        mine = self._one(select(s.c.chat_id).where(s.c.id == subscription_id))
        if mine is None:
            return
        same = self._is(s, chat_id=mine.chat_id, query=query)
        if self._one(select(s.c.id).where(same, s.c.id != subscription_id)):
            self._run(s.delete().where(s.c.id == subscription_id))
        else:
            self._run(update(s).where(s.c.id == subscription_id).values(query=query))

    def put_subscription(self, subscription: Subscription) -> bool:
        s = t.subscription
        asked = {"query": subscription.query, "topic": subscription.topic or None}
        same = s.c.topic == subscription.topic if subscription.topic else self._is(s, topic=None, query=asked["query"])
        its = self._is(s, id=subscription.id, chat_id=subscription.chat_id)
        if self._one(select(s.c.id).where(s.c.chat_id == subscription.chat_id, same, s.c.id != subscription.id)):
            return False
        changed = update(s).where(its).values(**asked, standing=subscription.standing.value)
        if not self._run(changed).rowcount:
            return False
        self._count_an_edit()
        return True

    def _count_an_edit(self) -> None:
        """So that whoever looks for summaries sees that something else is followed (`wishes_mark`)."""
        s = t.setting
        one_more = cast(cast(s.c.value, Integer) + 1, Text)
        if not self._run(update(s).where(s.c.name == EDITED).values(value=one_more)).rowcount:
            self._put(s, {"name": EDITED, "value": "1"})

    def wake_announced(self, now: datetime) -> int:
        c = t.chat.c
        waiting = c.as_announced, c.state == ChatState.ACTIVE.value, c.due_at > now
        return self._run(update(t.chat).where(*waiting).values(due_at=now)).rowcount

    def unsubscribe(self, chat_id: int, subscription_id: int) -> bool:
        """False where the chat has no such subscription."""
        its = self._is(t.subscription, id=subscription_id, chat_id=chat_id)
        return self._run(t.subscription.delete().where(its)).rowcount > 0

    def add_invite(self, code: str, made_by: str, now: datetime) -> None:
        """BadInput for a code that is there already."""
        if not self._insert_once(t.invite, {"code": code, "made_by": made_by, "made_at": now}):
            raise BadInput("there is such an invitation already")

    def use_invite(self, code: str, chat_id: int, now: datetime) -> bool:
        i = t.invite
        unused = (i.c.code == code, i.c.used_by.is_(None), i.c.used_at.is_(None))
        if not self._run(update(i).where(*unused).values(used_by=chat_id, used_at=now)).rowcount:
            return False
        self._run(update(t.chat).where(t.chat.c.id == chat_id).values(admitted=True))
        return True


def _topic(row: Row[Any]) -> Topic:
    return Topic(row.slug, tuple((language, name) for language, name in row.names), row.query, row.proposed)


def _row_of_topic(topic: Topic) -> Values:
    return {"slug": topic.slug, "names": topic.names, "query": topic.query, "proposed": topic.proposed}
