from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from bot.errors import BadInput
from bot.model import (
    Address,
    ChatState,
    DeliveryState,
    EmptyDay,
    Feed,
    FeedState,
    Layout,
    News,
    Place,
    Subscription,
    Topic,
    Validators,
)
from storage.store import SqlStore
from tests.storage.samples import DAY, HOUR, NOW, chat_at, delivery_for, item

TOPIC = Topic("lora", (("en", "LoRA"), ("zh-Hans", "低秩")), "LoRA OR adapters")


def test_a_chat_comes_back_as_it_was_put(store: SqlStore) -> None:
    with store.transaction() as tx:
        chat = chat_at(tx, "-100", "45")
        changed = replace(
            chat,
            place=Place.GROUP,
            title="園 \x00garden",
            language="zh-Hant",
            accepts=("ja", "en"),
            timezone="Asia/Taipei",
            time=time(7, 45),
            days=frozenset({1, 5}),
            layout=Layout.PLAIN,
            size=5,
            wants=frozenset({News.UPDATE}),
            empty_day=EmptyDay.SILENT,
            seen=9,
            due_at=NOW,
            state=ChatState.STOPPED,
            why="asked to",
            admitted=False,
        )
        tx.put_chat(changed)
    expected = replace(changed, title="園 garden")
    with store.reading() as tx:
        assert tx.chat(chat.address) == tx.chat_by_id(chat.id) == expected
        assert tx.chat(Address("telegram", "-100")) is None
        assert tx.chat_by_id(chat.id + 1) is None


def test_opening_a_chat_twice_gives_the_stored_one(store: SqlStore) -> None:
    with store.transaction() as tx:
        first = chat_at(tx, title="first")
        assert chat_at(tx, title="second") == first
        assert tx.counts()["chats"] == 1


def test_due_chats_come_in_pages_in_order_of_id(store: SqlStore) -> None:
    with store.transaction() as tx:
        due = [chat_at(tx, str(n), due_at=NOW - n * HOUR) for n in range(3)]
        chat_at(tx, "later", due_at=NOW + timedelta(microseconds=1))
        chat_at(tx, "never")
        chat_at(tx, "stopped", due_at=NOW, state=ChatState.STOPPED)
        chat_at(tx, "waiting", due_at=NOW, admitted=False)
    for view in (store.transaction, store.reading):
        with view() as tx:
            assert tx.due_chats(NOW, 2) == due[:2]
            assert tx.due_chats(NOW, 2, due[1].id) == due[2:]


def test_a_subscription_is_made_once(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.put_topic(TOPIC)
        chat = chat_at(tx)
        query = tx.subscribe(Subscription(0, chat.id, query="RAG", made_at=NOW))
        topic = tx.subscribe(Subscription(0, chat.id, topic="lora", made_at=NOW))
        assert tx.subscribe(Subscription(0, chat.id, query="RAG")) == query
        assert tx.subscribe(Subscription(0, chat.id, topic="lora")) == topic
        assert tx.subscriptions([chat.id, 99]) == {chat.id: (query, topic)}
        assert (query.query, query.topic, query.made_at) == ("RAG", "", NOW)


def test_a_subscription_to_nothing_or_to_an_unknown_topic_is_refused(store: SqlStore) -> None:
    with store.transaction() as tx:
        chat = chat_at(tx)
        for query, topic in (("", ""), ("q", "t"), ("", "t")):
            with pytest.raises(BadInput):
                tx.subscribe(Subscription(0, chat.id, query, topic))


def test_only_the_chats_own_subscription_is_removed_and_its_id_never_comes_again(store: SqlStore) -> None:
    with store.transaction() as tx:
        one, other = chat_at(tx, "1"), chat_at(tx, "2")
        mine = tx.subscribe(Subscription(0, one.id, query="RAG"))
        assert not tx.unsubscribe(other.id, mine.id)
        assert tx.unsubscribe(one.id, mine.id)
        assert not tx.unsubscribe(one.id, mine.id)
        assert tx.subscribe(Subscription(0, one.id, query="LoRA")).id > mine.id


def test_a_topic_comes_back_and_is_overwritten(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.put_topic(TOPIC)
        tx.put_topic(Topic("agents", (("en", "Agents"),), "agents"))
        tx.put_topic(replace(TOPIC, query="LoRA"))
    with store.reading() as tx:
        assert tx.topic("lora") == replace(TOPIC, query="LoRA")
        assert [t.slug for t in tx.topics()] == ["agents", "lora"]
        assert tx.topic("none") is None


def test_a_proposed_topic_takes_nobodys_place_and_stands_behind_the_others(store: SqlStore) -> None:
    with store.transaction() as tx:
        assert tx.propose_topic(Topic("apples", (("en", "Apples"),), 'subject:"apples"', proposed=True))
        tx.put_topic(TOPIC)
        assert not tx.propose_topic(replace(TOPIC, query="else", proposed=True))
        assert [(one.slug, one.query, one.proposed) for one in tx.topics()] == [
            ("lora", TOPIC.query, False),
            ("apples", 'subject:"apples"', True),
        ]
        assert (tx.counts()["topics"], tx.counts()["topics.proposed"]) == (2, 1)


def test_the_languages_that_chats_read_are_counted_where_digests_go(store: SqlStore) -> None:
    with store.transaction() as tx:
        for number, language in enumerate(["en", "ja", "ja", "zh-Hant", "fr", "fr", "fr"]):
            chat_at(tx, f"1{number}", language=language, admitted=language != "fr", accepts=("de",))
        chat_at(tx, "9", language="en", state=ChatState.STOPPED)
        chat_at(tx, "99", language="en", banned=True)
        assert list(tx.languages_read().items()) == [("ja", 2), ("en", 1), ("zh-Hant", 1)]


def test_who_followed_a_removed_topic_follows_its_query(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.put_topic(TOPIC)
        one, both = chat_at(tx, "1"), chat_at(tx, "2")
        follows = tx.subscribe(Subscription(0, one.id, topic="lora"))
        had = tx.subscribe(Subscription(0, both.id, query=TOPIC.query))
        tx.subscribe(Subscription(0, both.id, topic="lora"))
        assert tx.remove_topic("lora")
        assert not tx.remove_topic("lora")
        assert tx.topics() == []
        assert tx.subscriptions([one.id, both.id]) == {
            one.id: (replace(follows, topic="", query=TOPIC.query),),
            both.id: (had,),
        }


OLD, NEW = Address("telegram", "-5"), Address("telegram", "-1005")


def test_a_moved_group_takes_its_threads_subscriptions_and_open_deliveries_along(store: SqlStore) -> None:
    with store.transaction() as tx:
        group, thread, other = chat_at(tx, "-5"), chat_at(tx, "-5", "45"), chat_at(tx, "-6")
        tx.subscribe(Subscription(0, group.id, query="RAG"))
        waiting = tx.plan(delivery_for(thread))
        sent = tx.plan(delivery_for(group, state=DeliveryState.SENT))
        assert tx.chats_under(OLD) == [group, thread]
        assert tx.chats_under(Address("telegram", "-5", "45")) == [thread]
        assert tx.move_chats(OLD, NEW) == 2
        assert tx.move_chats(OLD, NEW) == 0
        assert tx.chats_under(NEW) == [replace(group, address=NEW), replace(thread, address=replace(NEW, thread="45"))]
        assert tx.chat_by_id(other.id) == other
        assert len(tx.subscriptions([group.id])[group.id]) == 1
        moved, stayed = tx.delivery(waiting.id), tx.delivery(sent.id)
    assert moved is not None and stayed is not None
    assert str(moved.address) == "telegram:-1005/45"
    assert stayed.address == OLD


def test_a_chat_that_is_there_already_gives_way_while_it_has_nothing(store: SqlStore) -> None:
    with store.transaction() as tx:
        group = chat_at(tx, "-5", language="zh-Hant", due_at=NOW)
        chat_at(tx, "-1005", admitted=False)
        assert tx.move_chats(OLD, NEW) == 1
        assert tx.chat(NEW) == replace(group, address=NEW)
        assert tx.counts()["chats"] == 1


def test_where_both_follow_something_their_subscriptions_are_joined(store: SqlStore) -> None:
    with store.transaction() as tx:
        group, there = chat_at(tx, "-5", due_at=NOW), chat_at(tx, "-1005", admitted=False, state=ChatState.UNREACHABLE)
        for chat, query in ((group, "RAG"), (group, "LoRA"), (there, "RAG")):
            tx.subscribe(Subscription(0, chat.id, query=query))
        tx.add_invite("c", "telegram:1", NOW)
        assert tx.use_invite("c", group.id, NOW)
        twice = tx.plan(delivery_for(group))
        more = tx.plan(replace(delivery_for(group), digest=replace(twice.digest, upto=99)))
        kept = tx.plan(delivery_for(there))
        assert tx.move_chats(OLD, NEW) == 1
        joined = tx.chat(NEW)
        assert joined == replace(there, admitted=True, state=ChatState.ACTIVE, due_at=NOW)
        assert {s.query for s in tx.subscriptions([there.id])[there.id]} == {"RAG", "LoRA"}
        assert tx.chat(OLD) is None
        assert tx.delivery(twice.id) is None
        assert tx.delivery(kept.id) is not None
        moved = tx.delivery(more.id)
    assert moved is not None
    assert (moved.chat_id, moved.address) == (there.id, NEW)


def test_an_invitation_admits_one_chat(store: SqlStore) -> None:
    with store.transaction() as tx:
        one, other = chat_at(tx, "1", admitted=False), chat_at(tx, "2", admitted=False)
        tx.add_invite("abc", "telegram:1", NOW)
        with pytest.raises(BadInput):
            tx.add_invite("abc", "telegram:2", NOW)
        assert not tx.use_invite("abd", one.id, NOW)
        assert tx.use_invite("abc", one.id, NOW)
        assert not tx.use_invite("abc", other.id, NOW)
        assert tx.chat_by_id(one.id) == replace(one, admitted=True)
        assert tx.chat_by_id(other.id) == other


def test_feeds_validators_and_settings_come_back(store: SqlStore) -> None:
    feed = Feed("cs.CL", FeedState.STALE, NOW, NOW + HOUR, NOW - HOUR, DAY, "old batch")
    with store.transaction() as tx:
        assert tx.validators("u") == Validators()
        assert tx.setting("s") == ""
        for state in (FeedState.FRESH, FeedState.STALE):
            tx.put_feed(replace(feed, state=state))
        tx.put_feed(Feed("cs.AI"))
        tx.put_validators("u", Validators("a"))
        tx.put_validators("u", Validators('W/"b"', "Tue, 08 Apr 2025 04:00:00 GMT"))
        tx.put_setting("s", "1")
        tx.put_setting("s", "2")
    with store.reading() as tx:
        assert tx.feeds() == {"cs.AI": Feed("cs.AI"), "cs.CL": feed}
        assert tx.validators("u") == Validators('W/"b"', "Tue, 08 Apr 2025 04:00:00 GMT")
        assert tx.setting("s") == "2"


def test_the_instance_is_counted(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.add([item(), item("arxiv:2504.00002")], NOW)
        chat = chat_at(tx)
        chat_at(tx, "2", state=ChatState.STOPPED)
        tx.plan(delivery_for(chat))
        counts = tx.counts()
    assert {name: n for name, n in counts.items() if n} == {
        "papers": 2,
        "announcements": 2,
        "chats": 2,
        "chats.active": 1,
        "chats.stopped": 1,
        "deliveries.planned": 1,
    }
    assert {f"deliveries.{state}" for state in DeliveryState} <= counts.keys()
    assert {"summaries", "subscriptions", "topics"} <= counts.keys()


def test_what_is_left_for_a_chat_goes_where_it_is_joined(store: SqlStore) -> None:
    with store.transaction() as tx:
        there, old = chat_at(tx, "-1005", state=ChatState.STOPPED), chat_at(tx, "-5")
        for chat in (there, old):
            tx.subscribe(Subscription(0, chat.id, f"q{chat.id}"))
        tx.leave({old.id: 9})
        tx.move_chats(old.address, there.address)
        joined = tx.chat(there.address)
    assert joined is not None and (joined.id, joined.rest) == (there.id, 9)
