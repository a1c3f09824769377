"""How much one person may ask for in a minute: counted by the quota, told by the desk."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import quotas
from bot.model import Address, Place
from bot.ports import Caller, Haste
from bot.quotas import MINUTE, Quota
from tests.desks import ADMIN, CONSOLE, MEMBER, OWNER, STRANGER, Front, later
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

NOON = datetime(2025, 4, 8, 12, 0, tzinfo=UTC)
STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 40)), max_size=80)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@given(STEPS, st.integers(1, 5))
def test_no_minute_holds_more_and_less_is_always_served(steps: list[tuple[str, float]], most: int) -> None:
    quota, now = Quota(most), NOON
    served: dict[str, list[datetime]] = {}
    told: dict[str, list[datetime]] = {}
    for who, pause in steps:
        now += timedelta(seconds=pause)
        lately = [one for one in served.setdefault(who, []) if now - one < MINUTE]
        haste = quota.take(who, now)
        assert (haste is Haste.SERVED) == (len(lately) < most)
        if haste is Haste.SERVED:
            served[who].append(now)
        if haste is Haste.TOLD:
            assert all(now - one >= MINUTE for one in told.setdefault(who, []))
            told[who].append(now)
            assert quota.wait(who, now) == lately[0] + MINUTE - now > timedelta(0)
        if haste is Haste.SILENT:
            assert now - told[who][-1] < MINUTE


def test_who_is_over_is_told_once_and_served_again_when_they_were_told() -> None:
    quota = Quota(2)
    asked = [quota.take("a", at(second)) for second in (0, 10, 20, 21, 59.9, 60, 61, 70)]
    served, told, silent = Haste.SERVED, Haste.TOLD, Haste.SILENT
    assert asked == [served, served, told, silent, silent, served, silent, served]
    assert quota.wait("a", at(70)) == timedelta(seconds=50)
    assert quota.take("b", at(21)) is Haste.SERVED


def test_people_are_forgotten_after_a_minute_and_never_more_are_kept_than_memory_is_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quota = Quota(2)
    for number in range(1_000):
        quota.take(str(number), at(number / 10))
    assert len(quota) == 600
    quota.take("late", at(1_000))
    assert len(quota) == 1
    monkeypatch.setattr(quotas, "MOST_PEOPLE", 50)
    for number in range(1_000):
        quota.take(str(number), at(1_000))
    assert len(quota) == 50


def test_a_clock_that_is_put_back_keeps_nobody_waiting() -> None:
    quota = Quota(1)
    quota.take("a", at(3_600))
    assert quota.take("a", at(0)) is Haste.SERVED
    assert quota.take("a", at(1)) is Haste.TOLD


def test_no_limit_is_no_limit() -> None:
    quota = Quota(0)
    assert {quota.take("a", NOON) for _ in range(1_000)} == {Haste.SERVED}
    assert len(quota) == 0


def hastes(front: Front, caller: Caller, times: int) -> list[Haste]:
    return [front.desk.haste(caller) for _ in range(times)]


def test_a_person_is_one_in_every_chat_and_a_post_counts_for_its_channel(front: Front) -> None:
    front.configure(access="open", admins=("telegram:9",), commands_a_minute=3)
    elsewhere = replace(OWNER, address=Address("telegram", "-5"), place=Place.GROUP)
    assert hastes(front, OWNER, 2) + hastes(front, elsewhere, 2) == [Haste.SERVED] * 3 + [Haste.TOLD]
    assert hastes(front, MEMBER, 1) == [Haste.SERVED]
    post = Caller(Address("telegram", "-200", "7"), place=Place.CHANNEL)
    other = replace(post, address=Address("telegram", "-200", "8"))
    assert (hastes(front, post, 2) + hastes(front, other, 2))[-1] is Haste.TOLD
    later(front, seconds=60)
    assert hastes(front, OWNER, 1) == [Haste.SERVED]


def test_admins_and_the_console_are_not_counted(front: Front) -> None:
    front.configure(access="open", admins=("telegram:9",), commands_a_minute=1)
    for caller in (ADMIN, replace(ADMIN, admin=False), CONSOLE):
        assert set(hastes(front, caller, 50)) == {Haste.SERVED}
    assert hastes(front, STRANGER, 2)[-1] is Haste.TOLD


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("en", "You are quick! I answer 2 requests of each person a minute. Please go on in 45 seconds."),
        ("zh-TW", "您問得真快！我每分鐘最多回應每個人 2 次。請過 45 秒再繼續。"),
    ],
)
def test_who_is_over_reads_so_in_their_language_and_alone(front: Front, locale: str, told: str) -> None:
    front.configure(access="open", commands_a_minute=2)
    caller = replace(STRANGER, locale=locale)
    hastes(front, caller, 2)
    later(front, seconds=15)
    assert hastes(front, caller, 1) == [Haste.TOLD]
    reply = asyncio.run(front.desk.slowed(caller))
    assert (reply.text, reply.private) == (told, True)


def test_completions_and_offers_have_a_larger_share_of_their_own(front: Front) -> None:
    front.configure(access="open", commands_a_minute=1)
    assert hastes(front, OWNER, 2)[-1] is Haste.TOLD
    assert front.complete(OWNER, "paper", "lo")
    for _ in range(5):
        assert front.offers(OWNER, "LoRA").offers
    assert not front.complete(OWNER, "paper", "lo") and not front.offers(OWNER, "LoRA").offers
    later(front, seconds=60)
    assert front.complete(OWNER, "paper", "lo") and front.offers(OWNER, "LoRA").offers
