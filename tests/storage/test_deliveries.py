from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from bot.delivery import MOVES
from bot.model import Address, ChatState, Delivery, DeliveryState, DigestKind, Layout, Notice, NoticeKind
from storage.store import SqlStore
from tests.storage.samples import HOUR, NEXT, NOW, chat_at, delivery_for, part

HERE = ["telegram"]


def planned(store: SqlStore, chat: str = "1", **more: object) -> Delivery:
    with store.transaction() as tx:
        made = delivery_for(chat_at(tx, chat))
        on = more.pop("on", made.digest.on)
        return tx.plan(replace(made, digest=replace(made.digest, on=on), **more))  # type: ignore[arg-type]


def lease(store: SqlStore, owner: str = "a", limit: int = 10, later: int = 0) -> list[Delivery]:
    now = NOW + later * HOUR
    with store.transaction() as tx:
        return tx.lease(now, now + HOUR, owner, limit, HERE)


def record(store: SqlStore, delivery: Delivery) -> bool:
    with store.transaction() as tx:
        return tx.record(delivery)


def stored(store: SqlStore, delivery: Delivery) -> Delivery:
    with store.reading() as tx:
        found = tx.delivery(delivery.id)
    assert found is not None
    return found


def test_a_planned_delivery_comes_back_and_is_planned_once(store: SqlStore) -> None:
    first = planned(store)
    assert first.id
    assert first == replace(delivery_for_chat_of(first), id=first.id)
    assert planned(store, language="zh-Hans") == first
    assert planned(store, on=NEXT).id != first.id


def delivery_for_chat_of(delivery: Delivery) -> Delivery:
    with_chat = replace(delivery, id=0)
    assert with_chat.digest.matches[0].labels == ("LoRA",)
    return with_chat


def test_a_lease_takes_what_is_due_here_oldest_first_and_one_a_chat(store: SqlStore) -> None:
    young = planned(store, "1", due_at=NOW)
    old = planned(store, "1", due_at=NOW - HOUR, on=NEXT)
    oldest = planned(store, "2", due_at=NOW - 2 * HOUR)
    planned(store, "3", due_at=NOW + HOUR)
    planned(store, "4", state=DeliveryState.SENT)
    planned(store, "5", address=Address("discord", "5"))
    taken = lease(store)
    assert [d.id for d in taken] == [oldest.id, old.id]
    assert all((d.lease_owner, d.lease_until) == ("a", NOW + HOUR) for d in taken)
    assert lease(store, "b") == []
    assert record(store, replace(taken[1], state=DeliveryState.SENT))
    assert [d.id for d in lease(store, "b")] == [young.id]


def test_a_lease_takes_no_more_than_asked(store: SqlStore) -> None:
    for n in range(3):
        planned(store, str(n))
    assert len(lease(store, limit=2)) == 2
    assert len(lease(store, "b", limit=2)) == 1


def test_a_dead_owners_lease_ends_and_it_can_write_no_more(store: SqlStore) -> None:
    planned(store)
    (mine,) = lease(store, "dead")
    (theirs,) = lease(store, "living", later=2)
    assert theirs.id == mine.id
    assert not record(store, replace(mine, state=DeliveryState.SENT))
    assert stored(store, theirs) == theirs


def test_a_lease_that_ran_out_but_passed_to_nobody_still_writes(store: SqlStore) -> None:
    planned(store)
    (mine,) = lease(store)
    assert record(store, replace(mine, state=DeliveryState.SENT, due_at=None))
    assert stored(store, mine).state is DeliveryState.SENT


def test_a_delivery_never_leased_cannot_be_recorded(store: SqlStore) -> None:
    assert not record(store, replace(planned(store), state=DeliveryState.SENT))


def test_parts_are_kept_byte_for_byte_changed_and_dropped(store: SqlStore) -> None:
    planned(store)
    (mine,) = lease(store)
    tried = replace(mine, state=DeliveryState.SENDING, parts=(part(1), part(2, doubts=1, tried_at=NOW)))
    assert record(store, tried)
    assert stored(store, tried) == tried
    arrived = replace(tried.with_part(part(1, message_id="77")), lease_until=NOW + 2 * HOUR)
    assert record(store, arrived)
    assert stored(store, arrived) == arrived
    plainer = replace(arrived, layout=Layout.PLAIN, parts=arrived.sent_parts)
    assert record(store, plainer)
    assert [p.number for p in stored(store, plainer).parts] == [1]


def test_what_is_postponed_is_held_by_nobody_and_comes_again_when_due(store: SqlStore) -> None:
    planned(store)
    (mine,) = lease(store)
    put_off = replace(
        mine, state=DeliveryState.POSTPONED, due_at=NOW + HOUR, attempts=3, why="busy", address=Address("telegram", "9")
    )
    assert record(store, put_off)
    assert stored(store, mine) == replace(put_off, lease_owner="", lease_until=None)
    assert lease(store, "b") == []
    assert [d.attempts for d in lease(store, "b", later=1)] == [3]


def test_the_last_delivery_is_the_latest_planned(store: SqlStore) -> None:
    first = planned(store)
    second = planned(store, on=NEXT)
    with store.reading() as tx:
        assert tx.last_delivery(first.chat_id) == second
        assert tx.last_delivery(99) is None
        assert tx.delivery(99) is None


def test_unreachable_deliveries_are_due_again_when_the_chat_is_back(store: SqlStore) -> None:
    gone = planned(store, state=DeliveryState.UNREACHABLE, due_at=None, attempts=5)
    planned(store, on=NEXT, state=DeliveryState.FAILED)
    assert lease(store) == []
    with store.transaction() as tx:
        assert tx.reopen_deliveries(gone.chat_id, NOW) == 1
        assert tx.reopen_deliveries(gone.chat_id, NOW) == 0
    assert [(d.id, d.attempts) for d in lease(store)] == [(gone.id, 0)]


def test_of_what_was_unreachable_a_day_without_papers_is_not_told_later(store: SqlStore) -> None:
    gone = planned(store, state=DeliveryState.UNREACHABLE, due_at=None)
    with store.transaction() as tx:
        empty = replace(gone, digest=replace(gone.digest, kind=DigestKind.NOTHING, matches=(), pushed=0))
        tx.plan(empty)
        assert tx.reopen_deliveries(gone.chat_id, NOW) == 1
    assert [d.id for d in lease(store)] == [gone.id]


def test_who_gives_back_its_leases_frees_them_at_once_and_writes_no_more(store: SqlStore) -> None:
    for n in range(3):
        planned(store, str(n))
    (mine, *_), (others,) = lease(store, limit=2), lease(store, "b", limit=1)
    with store.transaction() as tx:
        assert tx.give_back("a") == 2
        assert tx.give_back("") == 0, "what nobody holds is nobody's to give"
    assert not record(store, replace(mine, state=DeliveryState.SENT))
    assert record(store, replace(others, state=DeliveryState.SENT, due_at=None))
    assert len(lease(store, "c")) == 2


def in_state(store: SqlStore, state: DeliveryState, n: int) -> Delivery:
    """A delivery in that state, whatever it is, held by "a"."""
    return planned(store, f"{state}{n}", state=state, lease_owner="a", lease_until=NOW + HOUR)


def test_a_move_that_is_not_in_the_table_cannot_be_recorded(store: SqlStore) -> None:
    states = list(DeliveryState)
    rows = {(old, new): in_state(store, old, n) for old in states for n, new in enumerate(states)}
    with store.transaction() as tx:
        for (old, new), one in rows.items():
            if new in MOVES[old]:
                assert tx.record(replace(one, state=new)), (old, new)
            else:
                with pytest.raises(ValueError, match=f"cannot go from {old} to {new}"):
                    tx.record(replace(one, state=new))
    with store.reading() as tx:
        for (old, new), one in rows.items():
            found = tx.delivery(one.id)
            assert found is not None and found.state is (new if new in MOVES[old] else old)


def test_what_waits_is_held_with_its_chat_and_what_somebody_works_on_is_left_to_them(store: SqlStore) -> None:
    waiting = planned(store, "1")
    doubtful = planned(store, "1", on=NEXT, state=DeliveryState.UNCERTAIN, parts=(part(1, doubts=1, tried_at=NOW),))
    busy = planned(store, "2")
    with store.transaction() as tx:
        (leased,) = tx.lease(NOW, NOW + HOUR, "a", 1, HERE)
    other = busy if leased.id == waiting.id else waiting
    with store.transaction() as tx:
        held = {tx.hold_deliveries(chat_id, "blocked") for chat_id in (leased.chat_id, other.chat_id)}
        assert [one.id for one in tx.held_deliveries(doubtful.chat_id)][:1] == [doubtful.id]
        tx.join_deliveries([doubtful.id])
        assert doubtful.id not in {one.id for one in tx.held_deliveries(doubtful.chat_id)}
        tx.reopen_deliveries(doubtful.chat_id, NOW)
    assert held == {1} or held == {0, 2}
    assert stored(store, leased).state is DeliveryState.LEASED
    assert stored(store, doubtful).state is DeliveryState.UNREACHABLE, "its papers went into another"
    assert record(store, replace(leased, state=DeliveryState.UNREACHABLE, due_at=None))


def test_a_chat_that_got_its_digest_is_not_away_any_more(store: SqlStore) -> None:
    planned(store)
    with store.transaction() as tx:
        chat = tx.chat(Address("telegram", "1"))
        assert chat is not None
        tx.put_chat(replace(chat, away_at=NOW, try_at=NOW, why="blocked"))
    (mine,) = lease(store)
    assert record(store, replace(mine, state=DeliveryState.SENT, due_at=None))
    with store.reading() as tx:
        found = tx.chat(Address("telegram", "1"))
    assert found == chat


def test_chats_out_of_reach_are_due_for_a_try_and_others_are_not(store: SqlStore) -> None:
    away = ChatState.UNREACHABLE
    with store.transaction() as tx:
        for name, state, try_at in (
            ("due", away, NOW - HOUR), ("now", away, NOW), ("later", away, NOW + HOUR), ("never", away, None),
            ("active", ChatState.ACTIVE, NOW - HOUR),
        ):  # fmt: skip
            chat_at(tx, name, state=state, away_at=NOW - HOUR, try_at=try_at)
    with store.reading() as tx:
        assert [chat.address.chat for chat in tx.chats_to_try(NOW, 9)] == ["due", "now"]
        assert len(tx.chats_to_try(NOW, 1)) == 1


def test_a_notice_is_kept_once_however_often_it_happens_and_told_once(store: SqlStore) -> None:
    gone, paper = Notice(NoticeKind.GONE, "telegram:1", "blocked"), Notice(NoticeKind.LEFT_OUT, "arxiv:1", "no")
    with store.transaction() as tx:
        for notice in (gone, paper, paper, paper):
            tx.warn(notice, NOW)
        (latest, first) = tx.notices(9, untold=True)
        assert (latest.subject, latest.times, first.subject, first.times) == ("arxiv:1", 3, "telegram:1", 1)
        tx.told([latest.id], NOW, NOW - HOUR)
        assert [one.id for one in tx.notices(9, untold=True)] == [first.id]
        tx.warn(paper, NOW)
        assert [one.id for one in tx.notices(9, untold=True)] == [first.id], "known already"
        tx.drop_notice(gone.kind, gone.subject)
        assert [one.times for one in tx.notices(9)] == [4]
        tx.told([], NOW, NOW + HOUR)
        assert tx.notices(9) == [], "what was told long ago may be told again"


def test_many_workers_never_lease_the_same_delivery(store: SqlStore) -> None:
    for n in range(40):
        planned(store, str(n))
    taken: list[int] = []
    chats: list[int] = []
    start = threading.Barrier(4)

    def work(owner: str) -> None:
        start.wait()
        while leased := lease(store, owner, limit=3):
            taken.extend(d.id for d in leased)
            chats.extend(d.chat_id for d in leased)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == len(set(chats)) == 40
