"""What a plan reads and writes in bulk."""

from __future__ import annotations

from datetime import date, timedelta

from bot.model import (
    Address,
    Asked,
    Chat,
    Delivery,
    DeliveryState,
    Digest,
    DigestKind,
    Kind,
    Layout,
    Match,
    News,
    Rest,
    Standing,
    Subscription,
    Topic,
)
from storage.store import SqlStore
from tests.storage.samples import NOW, item

DAY = date(2025, 4, 8)
MATCHES = (Match(1, News.NEW, ("LoRA",)), Match(2, News.CROSS, ("LoRA",)))
PAPERS = Digest(DigestKind.PAPERS, DAY, MATCHES, 1, ("LoRA",), 7)
NOTHING = Digest(DigestKind.NOTHING, DAY, labels=("LoRA",), upto=7, quiet=True)


def chats(store: SqlStore, count: int) -> list[Chat]:
    with store.transaction() as tx:
        return [
            tx.open_chat(Chat(0, Address("telegram", str(n), "5" * (n % 2)), accepts=("ja", "en")[: n % 3]))
            for n in range(count)
        ]


def test_many_chats_are_planned_at_once_and_share_their_digest(store: SqlStore) -> None:
    some = chats(store, 1_203)
    with store.transaction() as tx:
        kept = [
            Digest(d.kind, d.on, d.matches, d.pushed, d.labels, d.upto, d.quiet, number)
            for d, number in zip((PAPERS, NOTHING), tx.keep_digests([PAPERS, NOTHING]), strict=True)
        ]
        wanted = {chat.id: kept[chat.id % 2] for chat in some}
        assert tx.plan_all(wanted, NOW) == 1_203
        assert tx.plan_all(wanted, NOW) == 0, "what is planned stays as it is"
    with store.transaction() as tx:
        leased = tx.lease(NOW, NOW + timedelta(minutes=2), "me", 2_000, ["telegram"])
        assert len(leased) == 1_203
        for chat in (some[0], some[-1]):
            delivery = next(one for one in leased if one.chat_id == chat.id)
            assert delivery.digest == (PAPERS, NOTHING)[chat.id % 2]
            assert (delivery.address, delivery.language, delivery.layout) == (chat.address, chat.language, chat.layout)
            assert delivery.accepts == chat.accepts
            assert (delivery.state, delivery.due_at, delivery.made_at) == (DeliveryState.LEASED, NOW, NOW)
        assert len({one.digest.id for one in leased}) == 2


def test_nothing_to_plan_is_no_mistake(store: SqlStore) -> None:
    with store.transaction() as tx:
        assert (tx.keep_digests([]), tx.plan_all({}, NOW), tx.last_told([]), tx.followed([])) == ([], 0, {}, {})
        tx.move_on([], 3, NOW)


def test_planned_chats_move_on_and_no_others(store: SqlStore) -> None:
    first, second, third = chats(store, 3)
    with store.transaction() as tx:
        tx.move_on([first.id, third.id], 9, NOW + timedelta(days=1))
    with store.reading() as tx:
        again = [tx.chat_by_id(one.id) for one in (first, second, third)]
    assert [(one.seen, one.due_at) for one in again if one] == [
        (9, NOW + timedelta(days=1)),
        (second.seen, second.due_at),
        (9, NOW + timedelta(days=1)),
    ]


def test_the_last_that_a_chat_was_told_is_found_for_many(store: SqlStore) -> None:
    first, second, third = chats(store, 3)
    later = NOW + timedelta(days=1)
    with store.transaction() as tx:
        for chat, digest, at in ((first, PAPERS, NOW), (first, NOTHING, later), (second, PAPERS, NOW)):
            tx.plan(Delivery(0, chat.id, chat.address, digest, "en", Layout.BRIEF, due_at=at, made_at=at))
        found = tx.last_told([first.id, second.id, third.id])
    assert found == {first.id: (DigestKind.NOTHING, later), second.id: (DigestKind.PAPERS, NOW)}


def test_what_chats_follow_is_read_in_the_order_it_was_subscribed(store: SqlStore) -> None:
    first, second = chats(store, 2)
    with store.transaction() as tx:
        tx.put_topic(Topic("peft", (("en", "PEFT"),), "LoRA"))
        for chat, query, topic in ((first, "b", ""), (second, "x", ""), (first, "", "peft"), (first, "a", "")):
            tx.subscribe(Subscription(0, chat.id, query, topic))
        tx.subscribe(Subscription(0, first.id, "loud", standing=Standing.MUTED))
        tx.subscribe(Subscription(0, second.id, "later", standing=Standing.PAUSED))
        assert tx.followed([first.id, second.id]) == {
            first.id: [("", "b", False), ("peft", "", False), ("", "a", False), ("", "loud", True)],
            second.id: [("", "x", False)],
        }


def test_a_paper_s_deliveries_and_announcements_are_found(store: SqlStore) -> None:
    chat, other = chats(store, 2)
    with store.transaction() as tx:
        for one, digest in ((chat, PAPERS), (chat, NOTHING), (other, PAPERS)):
            tx.plan(Delivery(0, one.id, one.address, digest, "en", Layout.BRIEF, due_at=NOW, made_at=NOW))
        (found,) = tx.deliveries_with(chat.id, 2)
        assert (found.chat_id, found.digest) == (chat.id, PAPERS)
        assert tx.deliveries_with(chat.id, 3) == []


def test_subscriptions_that_name_topics_are_rewritten_without_doubles(store: SqlStore) -> None:
    (chat,) = chats(store, 1)
    with store.transaction() as tx:
        for query in ("topic:peft -survey", "about TOPIC:x", "no topics", "(LoRA) -survey"):
            tx.subscribe(Subscription(0, chat.id, query))
        named = tx.subscriptions_naming_topics()
        assert [one.query for one in named] == ["topic:peft -survey", "about TOPIC:x"]
        tx.rewrite_subscription(named[1].id, "about y")
        tx.rewrite_subscription(named[0].id, "(LoRA) -survey")
        tx.rewrite_subscription(999, "z")
        assert [query for _, query, _ in tx.followed([chat.id])[chat.id]] == ["about y", "no topics", "(LoRA) -survey"]


LEFT = Digest(
    DigestKind.PAPERS, DAY, (MATCHES[0], Match(2, News.CROSS, ("LoRA",)), Match(3, News.NEW, ("LoRA",), DAY)), 1,
    ("LoRA",), 7, carried=1, asked=(Asked("LoRA", "topic:peft", "LoRA OR QLoRA"),),
)  # fmt: skip


def test_what_a_digest_left_is_kept_with_it(store: SqlStore) -> None:
    (chat,) = chats(store, 1)
    with store.transaction() as tx:
        left, nothing = tx.keep_digests([LEFT, PAPERS])
        assert tx.rests([left, nothing, 999]) == [
            Rest(left, LEFT.matches[2:], LEFT.asked, DAY, 7),
            Rest(nothing),
        ]
        tx.plan(Delivery(0, chat.id, chat.address, LEFT, "en", Layout.BRIEF, due_at=NOW, made_at=NOW))
        found = tx.last_delivery(chat.id)
    assert found is not None and found.digest == LEFT and found.digest.left == 1


def test_what_was_left_of_papers_that_became_one_is_left_once(store: SqlStore) -> None:
    one, two = item(), item("acl:2025.garden-1.7")
    with store.transaction() as tx:
        tx.add([one, two, item("acl:2025.garden-1.8")], NOW)
        ids = [tx.paper_by_key(key).id for key in (one.key, two.key, "acl:2025.garden-1.8")]  # type: ignore[union-attr]
        matches = tuple(Match(id_, News.NEW, ("LoRA",), DAY) for id_ in ids)
        (number,) = tx.keep_digests([Digest(DigestKind.PAPERS, DAY, matches, 0, ("LoRA",), 7, asked=LEFT.asked)])
        tx.add([item(two.key, Kind.KNOWN, links=("https://arxiv.org/abs/2504.00001",))], NOW)
        (rest,) = tx.rests([number])
    assert [match.paper_id for match in rest.matches] == [ids[0], ids[2]]


def test_many_chats_are_told_what_is_left_for_them_at_once(store: SqlStore) -> None:
    some = chats(store, 1_203)
    with store.transaction() as tx:
        tx.leave({chat.id: 5 for chat in some})
        tx.leave({some[0].id: 6, some[1].id: 0})
        tx.leave({})
    with store.reading() as tx:
        assert [chat.rest for chat in (tx.chat_by_id(one.id) for one in (*some[:3], some[-1])) if chat] == [6, 0, 5, 5]
