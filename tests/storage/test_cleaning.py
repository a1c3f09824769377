"""What has had its time goes, and nothing that somebody still needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot.model import Change, Deed, Delivery, DeliveryState, DigestKind
from storage import tables as t
from storage.store import SqlStore
from tests.storage.samples import DAY, NOW, chat_at, delivery_for, part

DAYS = timedelta(days=1)
SENT, OPEN = DeliveryState.SENT, DeliveryState.POSTPONED


def delivered(store: SqlStore, day: int, chat: str = "1", **more: object) -> Delivery:
    """A delivery made ``day`` days after NOW, with a message that arrived and one that did not."""
    at = NOW + day * DAYS
    with store.transaction() as tx:
        made = delivery_for(chat_at(tx, chat), made_at=at, due_at=at)
        kind = more.pop("kind", DigestKind.PAPERS)
        made = tx.plan(replace(made, digest=replace(made.digest, on=DAY + day * DAYS, kind=kind)))  # type: ignore[arg-type]
        (leased,) = tx.lease(at, at + DAYS, "a", 1, ["telegram"])
        assert leased.id == made.id
        parts = (part(1, message_id="m"), part(2))
        done = replace(leased, due_at=None, parts=parts, **{"state": SENT, **more})  # type: ignore[arg-type]
        assert tx.record(done)
    return replace(done, lease_owner="", lease_until=None)


def stored(store: SqlStore) -> list[int]:
    with store.reading() as tx:
        return [row.id for row in tx._all(select(t.delivery.c.id).order_by(t.delivery.c.id))]


def count(store: SqlStore, table: str) -> int:
    with store.reading() as tx:
        return tx._number(select(func.count()).select_from(t.METADATA.tables[table]))


def drop(store: SqlStore, before: datetime, limit: int = 100) -> int:
    """All pages; how many there were."""
    pages, after = 0, 0
    while True:
        with store.transaction() as tx:
            last = tx.drop_deliveries(before, after, limit)
        if last is None:
            return pages
        assert last > after
        pages, after = pages + 1, last


def test_the_bytes_of_old_messages_go_and_what_may_still_be_sent_stays(store: SqlStore) -> None:
    old = delivered(store, 0)
    held = delivered(store, 1, "2", state=DeliveryState.UNREACHABLE)
    young = delivered(store, 9, "3")
    with store.transaction() as tx:
        assert tx.empty_parts(NOW + 9 * DAYS, 0, 100) == held.id
        assert tx.empty_parts(NOW + 9 * DAYS, held.id, 100) is None
    with store.reading() as tx:
        emptied = tx.delivery(old.id)
        assert emptied is not None
        assert [(one.message_id, one.payload) for one in emptied.parts] == [("m", b""), ("", part(2).payload)]
        assert emptied == old.with_part(replace(old.parts[0], payload=b""))
        assert tx.delivery(held.id) == held
        assert tx.delivery(young.id) == young
        assert tx.deliveries_with(old.chat_id, 7) == [emptied], "/why knows it as before"


def test_old_deliveries_go_with_their_parts_and_digests_but_for_each_chats_last(store: SqlStore) -> None:
    gone = [delivered(store, day).id for day in range(3)]
    last = delivered(store, 3)
    only = delivered(store, 0, "2")
    assert drop(store, NOW + 100 * DAYS) == 1
    assert stored(store) == [last.id, only.id]
    assert count(store, "digest") == count(store, "delivery") == 2
    assert count(store, "delivery_part") == 4
    with store.reading() as tx:
        assert tx.last_told([last.chat_id])[last.chat_id] == (DigestKind.PAPERS, last.made_at)
        assert tx.delivery(gone[0]) is None
        assert tx.last_delivery(last.chat_id) == last
    with store.transaction() as tx:
        assert tx.plan(replace(last, state=DeliveryState.PLANNED)) == last, "what was told is not planned anew"


@pytest.mark.parametrize(
    ("state", "kind", "stays"),
    [
        (SENT, DigestKind.PAPERS, False),
        (DeliveryState.FAILED, DigestKind.PAPERS, False),
        (DeliveryState.UNREACHABLE, DigestKind.PAPERS, True),
        (DeliveryState.UNREACHABLE, DigestKind.NOTHING, False),
        (OPEN, DigestKind.PAPERS, True),
        (DeliveryState.UNCERTAIN, DigestKind.PAPERS, True),
    ],
)
def test_what_is_not_ended_stays_however_old(
    store: SqlStore, state: DeliveryState, kind: DigestKind, stays: bool
) -> None:
    first = delivered(store, 0, state=state, kind=kind)
    last = delivered(store, 1)
    drop(store, NOW + 1000 * DAYS)
    assert stored(store) == ([first.id] if stays else []) + [last.id]


def test_a_page_holds_no_more_than_asked_and_nothing_younger(store: SqlStore) -> None:
    made = [delivered(store, day).id for day in range(10)]
    assert drop(store, NOW + 7 * DAYS, limit=3) == 3
    assert stored(store) == made[7:]
    assert drop(store, NOW + 7 * DAYS, limit=3) == 0


def test_a_digest_that_another_chat_got_later_stays_with_it(store: SqlStore) -> None:
    first = delivered(store, 0)
    delivered(store, 1)
    with store.transaction() as tx:
        other = chat_at(tx, "2")
        tx.plan_all({other.id: first.digest}, NOW + 50 * DAYS)
    drop(store, NOW + 10 * DAYS)
    with store.reading() as tx:
        kept = tx.last_delivery(other.id)
    assert kept is not None and kept.digest == first.digest and kept.digest.id == first.digest.id


def test_digests_that_nobody_gets_are_found_page_by_page(store: SqlStore) -> None:
    used = delivered(store, 0).digest
    with store.transaction() as tx:
        loose = tx.keep_digests([replace(used, labels=(str(n),)) for n in range(5)])
        assert tx.last_digest() == loose[-1]
        assert tx.digests_there([used.id, *loose, 99]) == {used.id, *loose}
        assert tx.drop_digests(0, loose[3], 3) == loose[1]
        assert tx.drop_digests(loose[1], loose[3], 3) == loose[3]
        assert tx.drop_digests(loose[3], loose[3], 3) is None
    with store.transaction() as tx:
        assert tx.digests_there([used.id, *loose]) == {used.id, loose[4]}


def test_the_audit_log_is_read_in_order_by_anybody_it_names_and_ends_after_its_time(store: SqlStore) -> None:
    lines = [
        Change(NOW + n * DAYS, f"telegram:{n % 2}", f"telegram:-{n}", Deed.TIME, f"{n}:00", f"{n + 1}:00")
        for n in range(6)
    ]
    with store.transaction() as tx:
        for line in lines:
            tx.note(line)
        assert tx.audit(100) == lines
        assert tx.audit(2) == lines[-2:]
        assert tx.audit(100, "telegram:1") == lines[1::2]
        assert tx.audit(100, "telegram:-4") == [lines[4]]
        assert tx.drop_audit(NOW + 4 * DAYS, 3) == 3
        assert tx.drop_audit(NOW + 4 * DAYS, 3) == 1
        assert tx.drop_audit(NOW + 4 * DAYS, 3) == 0
        assert tx.audit(100) == lines[4:]
