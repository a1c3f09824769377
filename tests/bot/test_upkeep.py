"""Once a day what has had its time goes: by one process, a page at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot import upkeep
from bot.commands.instance import REACHLESS_DAYS, WARNED_DAYS
from bot.commands.people import DELIVERIES_DAYS, MESSAGES_DAYS
from bot.model import (
    Address,
    Change,
    Chat,
    ChatState,
    Deed,
    Delivery,
    DeliveryState,
    Digest,
    DigestKind,
    Layout,
    Match,
    News,
    Part,
    Subscription,
)
from bot.upkeep import LEASE, Upkeep
from tests.desks import OWNER, Front, later
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

BEGAN = datetime(2025, 4, 8, 6, 0, tzinfo=UTC)


def keeper(front: Front, audit_days: int = 365) -> Upkeep:
    return Upkeep(front.store, audit_days, lambda: front.now)


def keep(front: Front, audit_days: int = 365) -> bool:
    return asyncio.run(keeper(front, audit_days).run_if_due())


def delivered(front: Front, chat: Chat, on: date) -> Delivery:
    """Of the 11th paper of April, with one message."""
    with front.store.transaction() as tx:
        paper = tx.paper_by_key("arxiv:2504.00011")
        assert paper is not None
        digest = Digest(DigestKind.PAPERS, on, (Match(paper.id, News.NEW, ("LoRA",)),), 1, ("LoRA",), 8)
        tx.plan(Delivery(0, chat.id, chat.address, digest, "en", Layout.BRIEF, made_at=front.now, due_at=front.now))
        (leased,) = tx.lease(front.now, front.now + LEASE, "a", 1, ["telegram"])
        part = Part(1, (paper.id,), "n", b"as sent", "7")
        done = replace(leased, state=DeliveryState.SENT, due_at=None, parts=(part,))
        assert tx.record(done)
    return done


def opened(front: Front, **more: object) -> Chat:
    front.ask(OWNER, "/subscribe LoRA")
    chat = replace(front.chat(OWNER), **more)  # type: ignore[arg-type]
    with front.store.transaction() as tx:
        tx.put_chat(chat)
    return chat


def sizes(front: Front) -> dict[str, int]:
    return {name: len(rows) for name, rows in front.rows().items()}


def test_it_is_done_once_a_day_and_by_one_of_many(front: Front) -> None:
    one, other = keeper(front), keeper(front)
    assert asyncio.run(one.run_if_due())
    assert not asyncio.run(one.run_if_due()) and not asyncio.run(other.run_if_due())
    later(front, days=1)
    assert asyncio.run(other.run_if_due())
    assert not asyncio.run(one.run_if_due())


def test_who_stops_in_the_middle_is_followed_by_another_when_its_lease_ends(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bool:
        raise RuntimeError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(upkeep, "empty_parts", broken)
        with pytest.raises(RuntimeError):
            keep(front)
    assert not keep(front)
    later(front, minutes=11)
    assert keep(front)


def test_a_chat_out_of_reach_for_half_a_year_is_erased_after_it_was_warned_of(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    assert 0 < WARNED_DAYS < REACHLESS_DAYS == 180
    chat = opened(front, state=ChatState.UNREACHABLE, title="Zebrafinken")
    delivered(front, chat, date(2025, 4, 8))
    later(front, days=179)
    keep(front)
    assert front.chat(OWNER).id == chat.id
    later(front, days=1)
    with caplog.at_level(logging.INFO):
        keep(front)
    assert "1 chats" in caplog.text and str(chat.address) not in caplog.text
    rows = front.rows()
    assert [rows[name] for name in ("chat", "subscription", "delivery", "delivery_part", "digest")] == [[]] * 5
    assert "Zebrafinken" not in repr(rows)
    with front.store.reading() as tx:
        (line,) = tx.audit(10)
    assert (line.what, line.who, line.chat[:7]) == (Deed.EXPIRE, "", "erased-")


def test_chats_are_erased_page_by_page(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "CHATS", 2)
    with front.store.transaction() as tx:
        for number in range(5):
            chat = tx.open_chat(Chat(0, Address("telegram", str(number)), state=ChatState.UNREACHABLE))
            tx.subscribe(Subscription(0, chat.id, "LoRA", "", front.now))
    later(front, days=200)
    keep(front)
    assert sizes(front)["chat"] == 0
    assert sizes(front)["erasure"] == 5


def test_old_messages_lose_their_bytes_and_old_deliveries_go(front: Front) -> None:
    chat = opened(front)
    first = delivered(front, chat, date(2025, 4, 8))

    def after(days: int) -> Delivery | None:
        front.now = BEGAN + timedelta(days=days)
        keep(front)
        with front.store.reading() as tx:
            return tx.delivery(first.id)

    before = after(MESSAGES_DAYS)
    assert before is not None and before.parts[0].payload == b"as sent"
    emptied = after(MESSAGES_DAYS + 1)
    assert emptied is not None and emptied.parts[0].payload == b""
    assert front.ask(OWNER, "/why 2504.00011").text.count("In this chat's digest of Tuesday 8 April, number 1") == 1
    alone = after(DELIVERIES_DAYS + 1)
    assert alone is not None, "its last one stays"
    delivered(front, chat, date(2025, 10, 6))
    assert after(DELIVERIES_DAYS + 2) is None
    assert [sizes(front)[name] for name in ("delivery", "delivery_part", "digest")] == [1, 1, 1]


def test_what_was_sent_too_long_ago_is_not_denied_but_said_to_be_unknown(front: Front) -> None:
    opened(front)
    front.now = BEGAN + timedelta(days=DELIVERIES_DAYS + 1)
    told = front.ask(OWNER, "/why 2504.00011").text
    assert "Announced on Tuesday 8 April. What was sent here is known for the last 180 days only." in told
    assert "It was not sent" not in told


def test_digests_that_a_plan_left_behind_go_a_day_later(front: Front) -> None:
    digest = delivered(front, opened(front), date(2025, 4, 8)).digest
    with front.store.transaction() as tx:
        tx.keep_digests([digest, digest])
    keep(front)
    assert sizes(front)["digest"] == 3, "a plan may still be about to use them"
    with front.store.transaction() as tx:
        tx.keep_digests([digest])
    later(front, days=1)
    keep(front)
    assert sizes(front)["digest"] == 2


@pytest.mark.parametrize(("days", "left"), [(365, 2), (10, 1), (0, 3)])
def test_the_audit_log_ends_where_it_is_configured_to(front: Front, days: int, left: int) -> None:
    with front.store.transaction() as tx:
        for age in (400, 100, 1):
            tx.note(Change(front.now - timedelta(days=age), "telegram:9", "", Deed.TOPIC))
    keep(front, days)
    assert sizes(front)["audit"] == left


def test_every_step_asks_for_the_lease_in_its_own_transaction(front: Front) -> None:
    mine = keeper(front)
    assert mine._begin()
    step: Callable[..., bool] = lambda tx, now: True  # noqa: E731
    assert mine._do(step)
    later(front, minutes=11)
    with front.store.transaction() as tx:
        assert tx.take_lease(upkeep.NAME, "another", front.now, front.now + LEASE)
    assert not mine._do(step)
