"""What is written together, and what is rendered once, on a real database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.editions import Editions
from bot.errors import TryLater
from bot.ledger import Ledger
from bot.model import Delivery, DeliveryState, Layout
from bot.replies import Reply
from tests.bot.test_carrier import Street
from tests.bot.test_carrier import ready as ready
from tests.bot.test_carrier import street as street
from tests.wire import NOW

CHATS = tuple(str(n) for n in range(1, 9))


def leased(street: Street) -> list[Delivery]:
    street.plan(*CHATS)
    with street.store.transaction() as tx:
        return tx.lease(NOW, NOW.replace(hour=20), "me", len(CHATS), ["telegram"])


def counted(street: Street, monkeypatch: pytest.MonkeyPatch, trouble: Exception | None = None) -> Counter[str]:
    """How many transactions were begun; the first ends in ``trouble``."""
    write, begun = street.store.transaction, Counter[str]()

    @contextmanager
    def noted() -> Iterator[Any]:
        begun["transactions"] += 1
        if trouble is not None and begun["transactions"] == 1:
            raise trouble
        with write() as tx:
            yield tx

    monkeypatch.setattr(street.store, "transaction", noted)
    return begun


async def test_what_is_to_be_kept_while_a_transaction_is_under_way_goes_into_the_next_together(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = leased(street)
    begun = counted(street, monkeypatch)
    ledger = Ledger(street.store)
    sending = [replace(one, state=DeliveryState.SENDING) for one in ours]
    first = ledger.keep(sending[0])
    await asyncio.sleep(0)
    assert await asyncio.gather(first, *map(ledger.keep, sending[1:])) == [True] * len(ours)
    assert begun["transactions"] == 2
    assert {street.state(one) for one in ours} == {DeliveryState.SENDING}


async def test_who_lost_its_lease_hears_it_and_the_others_of_the_transaction_are_kept(street: Street) -> None:
    ours = leased(street)
    ledger = Ledger(street.store)
    strange = replace(ours[0], lease_owner="another", state=DeliveryState.SENDING)
    rest = [replace(one, state=DeliveryState.SENDING) for one in ours[1:]]
    assert await asyncio.gather(*map(ledger.keep, [strange, *rest])) == [False] + [True] * len(rest)
    assert street.state(ours[0]) is DeliveryState.LEASED


async def test_a_delivery_that_cannot_be_written_costs_no_other(street: Street) -> None:
    ours = leased(street)
    ledger = Ledger(street.store)
    wrong = replace(ours[0], state=DeliveryState.PLANNED)
    rest = [replace(one, state=DeliveryState.SENDING) for one in ours[1:]]
    found = await asyncio.gather(*map(ledger.keep, [wrong, *rest]), return_exceptions=True)
    assert isinstance(found[0], ValueError) and found[1:] == [True] * len(rest)


async def test_a_busy_database_is_told_to_everyone_who_waits(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [replace(one, state=DeliveryState.SENDING) for one in leased(street)]
    begun = counted(street, monkeypatch, TryLater("the database is busy"))
    ledger = Ledger(street.store)
    found = await asyncio.gather(*map(ledger.keep, ours), return_exceptions=True)
    assert all(isinstance(one, TryLater) for one in found) and begun["transactions"] == 1
    assert all(await asyncio.gather(*map(ledger.keep, ours)))


def test_chats_with_the_same_digest_share_its_messages_until_a_paper_changes(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = street.plan("5", "6")
    other = replace(other, digest=replace(one.digest))
    rendered = Counter[str]()
    render = street.wire.render

    def noted(reply: Reply) -> Any:
        rendered["times"] += 1
        return render(reply)

    monkeypatch.setattr(street.wire, "render", noted)
    editions = Editions(street.store)
    editions.as_of(1)
    assert editions.known(street.wire, one) is None
    made = editions.drafts(street.wire, one, frozenset(), 0)
    assert made and editions.known(street.wire, other) == made == editions.drafts(street.wire, other, frozenset(), 0)
    assert rendered["times"] == 1
    made.pop()
    assert editions.known(street.wire, other) != made, "what one takes from its own is there for the others"
    assert editions.known(street.wire, replace(other, layout=Layout.PLAIN)) is None
    assert editions.known(street.wire, replace(other, language="zh-Hans")) is None
    more = replace(one, digest=replace(one.digest, pushed=1))
    editions = Editions(street.store)
    made = editions.drafts(street.wire, more, frozenset(), 0)
    assert editions.known(street.wire, more) == made, "a More button names the digest, which both have"
    editions.as_of(2)
    assert editions.known(street.wire, one) is None
