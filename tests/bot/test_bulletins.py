"""Announcements to all chats: shown, confirmed twice, carried behind the digests, never twice, stopped."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot import bulletins
from bot.bulletins import Herald
from bot.carrier import Carrier
from bot.commands.labels import texts_of
from bot.errors import ChatGone
from bot.model import Address, BulletinState, DeliveryState
from tests.desks import ADMIN, MANAGER, OWNER, STRANGER, Front, buttons, later
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front
from tests.wire import Wire


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        ("We move.", (("", "We move."),)),
        ("en: We move. zh-Hans: 今晚搬家。", (("en", "We move."), ("zh-Hans", "今晚搬家。"))),
        ("zh: 今晚\n搬家\nen: We\nmove", (("zh-Hans", "今晚\n搬家"), ("en", "We\nmove"))),
        ("EN：We move", (("en", "We move"),)),
        ("We say en: hello", (("", "We say en: hello"),)),
        ("fr: on y va", (("", "fr: on y va"),)),
        ("en: zh:", ()),
        ("", ()),
    ],
)
def test_texts_are_told_apart_by_their_languages(written: str, texts: tuple[tuple[str, str], ...]) -> None:
    assert texts_of(written, ("en", "zh-Hans", "zh-Hant")) == texts


def follow(front: Front) -> None:
    """Three chats, one of them Chinese; due tomorrow."""
    for caller in (OWNER, MANAGER, replace(STRANGER, locale="zh")):
        front.ask(caller, "/subscribe LoRA")


def confirmed(front: Front, text: str) -> str:
    """Written, confirmed twice; what the last answer says."""
    first = front.ask(ADMIN, f"/announce {text}")
    second = front.press(ADMIN, buttons(first)["Send it …"])
    (yes,) = (action for label, action in buttons(second).items() if label.startswith("Yes"))
    return front.press(ADMIN, yes).text


def carried(front: Front, platform: Wire) -> int:
    """Rounds until nothing is left; returns how many deliveries were planned."""
    herald = Herald(front.store, lambda: front.now)
    carrier = Carrier(front.store, {"telegram": platform}, True, lambda: front.now)
    planned = 0
    for _ in range(9):
        planned += herald.proceed()
        asyncio.run(carrier.deliver())
    return planned


def test_nothing_is_sent_before_it_was_confirmed_twice(front: Front) -> None:
    follow(front)
    platform = Wire()
    first = front.ask(ADMIN, "/announce en: We <b>move</b>. zh-Hans: 今晚搬家。")
    assert first.private
    assert "2 chats (English and 繁體中文) get:" in first.text
    assert "1 chat (简体中文) gets:" in first.text
    assert "We <b>move</b>." in first.text and "今晚搬家。" in first.text
    second = front.press(ADMIN, buttons(first)["Send it …"])
    assert second.edits and "Really send it to 3 chats?" in second.text
    assert carried(front, platform) == 0
    assert front.press(OWNER, buttons(second)["Yes, to 3 chats"]).text.startswith("Only this bot's admins")
    front.press(ADMIN, buttons(second)["Yes, to 3 chats"])
    assert carried(front, platform) == 3
    assert sorted((address.chat, text.splitlines()[-1]) for address, text, _ in platform.arrived) == [
        ("-100", "We <b>move</b>."), ("1", "We <b>move</b>."), ("66", "今晚搬家。"),
    ]  # fmt: skip
    assert front.press(ADMIN, buttons(second)["Yes, to 3 chats"]).text.startswith("Announcement 1, done: 3 of 3 chats")
    assert carried(front, platform) == 0, "never twice"
    assert len(platform.arrived) == 3


def test_an_announcement_goes_on_after_a_restart_and_only_behind_digests(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulletins, "PAGE", 2)
    follow(front)
    confirmed(front, "We move.")
    herald = Herald(front.store, lambda: front.now)
    assert herald.proceed() == 2
    assert herald.proceed() == 0, "those are on their way"
    assert "Announcement 1, on its way: 0 of 3 chats have it · 3 wait" in front.ask(ADMIN, "/status").text
    platform = Wire()
    assert carried(front, platform) == 1
    assert sorted(address.chat for address, *_ in platform.arrived) == ["-100", "1", "66"]


def test_an_announcement_can_be_stopped(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulletins, "PAGE", 2)
    follow(front)
    confirmed(front, "We move.")
    platform = Wire()
    Herald(front.store, lambda: front.now).proceed()
    assert "Announcement 1, stopped: 0 of 0 chats have it" in front.ask(ADMIN, "/announce stop").text
    assert carried(front, platform) == 0
    assert platform.arrived == []
    assert front.ask(ADMIN, "/announce stop").text == "No announcement is on its way."


def test_banned_and_lost_chats_hear_nothing_and_new_ones_neither(front: Front) -> None:
    follow(front)
    front.ask(ADMIN, "/ban telegram:66 spam")
    asyncio.run(front.desk.gone(Address("telegram", "-100"), "the bot was removed"))
    confirmed(front, "We move.")
    front.ask(replace(OWNER, address=Address("telegram", "5"), user="telegram:5"), "/subscribe LoRA")
    platform = Wire()
    carried(front, platform)
    assert [address.chat for address, *_ in platform.arrived] == ["1"]


def test_a_chat_that_blocked_the_bot_is_counted_and_the_digest_is_not_taken_for_it(front: Front) -> None:
    follow(front)
    confirmed(front, "We move.")
    platform = Wire()
    platform.answers = lambda address, text: ChatGone("the bot was blocked") if address.chat == "1" else None
    carried(front, platform)
    told = front.ask(ADMIN, "/announce").text
    assert "done: 2 of 3 chats have it · 0 wait · 1 out of reach · 0 failed" in told
    with front.store.reading() as tx:
        assert tx.last_delivery(front.chat(OWNER).id) is None
        assert tx.bulletin_counts(1) == {DeliveryState.SENT: 2, DeliveryState.UNREACHABLE: 1}


def test_a_draft_is_sent_within_the_hour_or_thrown_away(front: Front) -> None:
    follow(front)
    second = front.press(ADMIN, buttons(front.ask(ADMIN, "/announce We move."))["Send it …"])
    later(front, hours=1.1)
    assert "too old" in front.press(ADMIN, buttons(second)["Yes, to 3 chats"]).text
    assert front.press(ADMIN, buttons(second)["No, throw it away"]).text == "It is thrown away; nobody was told."
    with front.store.reading() as tx:
        assert [one.state for one in tx.bulletins(9)] == [BulletinState.STOPPED]


def test_what_stays_due_for_long_holds_no_announcement_up(front: Front) -> None:
    """A platform whose token was taken away keeps its digests due for ever."""
    follow(front)
    confirmed(front, "We move.")
    Herald(front.store, lambda: front.now).proceed()
    assert Herald(front.store, lambda: front.now).proceed() == 0
    confirmed(front, "Again.")
    front.now += timedelta(hours=2)
    assert Herald(front.store, lambda: front.now).proceed() == 0, "the first is complete"
    assert Herald(front.store, lambda: front.now).proceed() == 3


def test_one_that_is_too_long_is_refused(front: Front) -> None:
    assert "1,500 characters at most, and this has 1,501 (en)." in front.ask(ADMIN, "/announce en: " + "x" * 1501).text
