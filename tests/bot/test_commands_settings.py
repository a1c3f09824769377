"""What a chat sets for itself, by buttons and by words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.settings import CHOICES
from bot.commands.weekdays import days_named
from bot.model import Chat, EmptyDay, Layout, News
from bot.words import words_for
from bot.zones import COMMON, city_of, zone_named, zones_like
from tests.desks import CONSOLE, MANAGER, MEMBER, OWNER, Front, buttons
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front


def test_settings_are_one_message_that_turns_its_pages_in_place(front: Front) -> None:
    page = front.ask(OWNER, "/settings")
    assert "Papers a digest  20" in page.text and "The digest comes at 08:00 (UTC)." in page.text
    sizes = front.press(OWNER, buttons(page)["Papers a digest"])
    assert sizes.edits and "✓ 20" in buttons(sizes)
    changed = front.press(OWNER, buttons(sizes)["10"])
    assert changed.edits and "✓ 10" in buttons(changed) and front.chat(OWNER).size == 10
    back = front.press(OWNER, buttons(changed)["‹ Settings"])
    assert back.edits and "Papers a digest  10" in back.text


def walked(front: Front) -> Iterator[str]:
    """The action of every button that leads from page to page."""
    waiting, seen = ["settings"], set()
    while waiting:
        action = waiting.pop()
        if action not in seen:
            seen.add(action)
            waiting += [a for a in buttons(front.press(OWNER, action)).values() if a.startswith("settings")]
    yield from seen


@pytest.mark.parametrize("language", ["en", "zh-Hans", "zh-Hant"])
def test_every_button_of_every_page_is_answered_within_its_64_bytes(front: Front, language: str) -> None:
    front.ask(OWNER, f"/language {language}")
    pages = set(walked(front))
    assert len(pages) > 6
    for page in sorted(pages):
        for action in buttons(front.press(OWNER, page)).values():
            assert len(action.encode()) <= 64
            answer = front.press(OWNER, action)
            assert answer.edits, action
            front.ask(OWNER, f"/language {language}")
            front.ask(OWNER, "/settings daily")


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("size 7", {"size": 7}),
        ("layout full", {"layout": Layout.FULL}),
        ("layout 双语", {"layout": Layout.BILINGUAL}),
        ("weekdays mon-fri", {"days": frozenset(range(1, 6))}),
        ("days mon, wed and fri", {"days": frozenset({1, 3, 5})}),
        ("weekly friday", {"days": frozenset({5})}),
        ("weekly", {"days": frozenset({5})}),
        ("announced", {"as_announced": True}),
        ("time 9:15 pm", {"time": time(21, 15)}),
        ("time 07:00 Munich", {"time": time(7), "timezone": "Europe/Berlin"}),
        ("zone 東京", {"timezone": "Asia/Tokyo"}),
        ("timezone UTC+8", {"timezone": "Etc/GMT-8"}),
        ("empty silent", {"empty_day": EmptyDay.SILENT}),
        ("quiet", {"quiet": True}),
        ("sound off", {"quiet": True}),
        ("updates on", {"wants": frozenset({News.NEW, News.CROSS, News.UPDATE})}),
        ("news cross off", {"wants": frozenset({News.NEW})}),
        ("语言 zh-Hans", {"language": "zh-Hans"}),
    ],
)
def test_each_setting_is_written_as_well_and_stays(front: Front, written: str, wanted: dict[str, object]) -> None:
    front.ask(OWNER, "/start")
    before = front.chat(OWNER)
    front.ask(OWNER, f"/settings {written}")
    after = front.chat(OWNER)
    assert replace(after, due_at=None) == replace(before, due_at=None, **wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "written",
    ["size 0", "size 101", "size ten", "layout loud", "days", "days someday", "weekly mon tue", "zone Mars",
     "time 25:00", "quiet maybe", "frobnicate", "language xx", "size 10 20", "layout " + "x" * 4000],
)  # fmt: skip
def test_what_cannot_be_set_is_refused_with_an_example_and_nothing_changes(front: Front, written: str) -> None:
    front.ask(OWNER, "/start")
    before = front.rows()
    told = front.ask(OWNER, f"/settings {written}")
    assert told.text and len(told.text) < 600
    assert front.rows() == before


@pytest.mark.parametrize(
    "action", ["set:size:0", "set:size", "set:", "set:days:+9", "set:zone:../etc", "set:x:y", "set"]
)
def test_what_a_button_carries_is_not_believed(front: Front, action: str) -> None:
    front.ask(OWNER, "/start")
    before = front.rows()
    assert front.press(OWNER, action).private
    assert front.rows() == before


def test_only_who_may_change_a_group_changes_it_and_others_hear_so_alone(front: Front) -> None:
    front.ask(MANAGER, "/settings size 9")
    assert front.desk.needs_rights("settings", "size 5") and front.desk.press_needs_rights("set:size:5")
    for refused in (front.ask(MEMBER, "/settings size 5"), front.press(MEMBER, "set:size:5")):
        assert refused.private and "administrators" in refused.text
    assert front.chat(MANAGER).size == 9
    assert "9" in front.ask(MEMBER, "/settings").text
    with front.store.reading() as tx:
        assert [(c.what, c.before, c.after) for c in tx.audit(9)] == [("setting", "size: 20", "size: 9")]


def test_weekdays_are_pressed_one_by_one_and_the_last_is_left(front: Front) -> None:
    front.ask(OWNER, "/start")
    for day in (7, 6, 5, 4, 3):
        front.press(OWNER, f"set:days:-{day}")
    assert front.chat(OWNER).days == {1, 2}
    page = front.press(OWNER, "set:days:-2")
    assert front.chat(OWNER).weekly and "every Monday" in page.text
    front.press(OWNER, buttons(page)["Thu"])
    assert front.chat(OWNER).days == {4}, "one day a week stays one"
    assert front.press(OWNER, "set:days:-4").text == "One weekday must stay. /stop ends the digests."
    front.press(OWNER, buttons(page)["Daily"])
    assert front.chat(OWNER).days == set(range(1, 8))


def test_another_day_moves_what_is_due_and_as_announced_says_so(front: Front) -> None:
    front.ask(OWNER, "/settings weekly mon")
    due = front.chat(OWNER).due_at
    assert due is not None and due.isoweekday() == 1
    assert "whenever arXiv has announced" in front.ask(OWNER, "/settings announced").text
    assert "whenever arXiv has announced" in front.ask(OWNER, "/subscribe LoRA").text


def test_the_console_is_not_asked_about_what_it_has_not(front: Front) -> None:
    page = front.ask(CONSOLE, "/settings")
    assert "Sound" not in page.text and not {"Time", "Days"} & buttons(page).keys()
    assert "No digest comes here by itself" in front.ask(CONSOLE, "/time").text


def test_the_choices_of_the_command_are_settings(front: Front) -> None:
    for name in CHOICES:
        assert "There is no setting" not in front.ask(OWNER, f"/settings {name}").text


@pytest.mark.parametrize(
    ("text", "days"),
    [("mon-fri", "12345"), ("Fridays", "5"), ("sat-mon", "167"), ("周一至周五", "12345"), ("一三五", "135"),
     ("星期日", "7"), ("weekends", "67"), ("every day", "1234567"), ("1, 3", "13"),
     ("thurs", "4"), ("t", ""), ("mon-", ""), ("", ""),
     ("mon-fri-sun", ""), ("mon friday x", "")],
)  # fmt: skip
def test_weekdays_are_read_as_people_write_them(text: str, days: str) -> None:
    assert days_named(text) == frozenset(map(int, days))


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_days_and_zones(text: str) -> None:
    assert days_named(text) <= frozenset(range(1, 8))
    zone = zone_named(text)
    assert zone is None or zone_named(zone) == zone


@pytest.mark.parametrize(
    ("text", "zone"),
    [("München", "Europe/Berlin"), ("san francisco", "America/Los_Angeles"), ("São Paulo", "America/Sao_Paulo"),
     ("北京", "Asia/Shanghai"), ("臺北", "Asia/Taipei"), ("紐約", "America/New_York"), ("Kolkata", "Asia/Kolkata"),
     ("utc-3", "Etc/GMT+3"), ("utc+0", "UTC"), ("+5:30", None), ("utc+15", None), ("Atlantis", None)],
)  # fmt: skip
def test_a_zone_is_found_by_its_city(text: str, zone: str | None) -> None:
    assert zone_named(text) == zone


def test_a_mistyped_city_is_guessed_and_a_zone_is_called_by_its_city(front: Front) -> None:
    assert zones_like("berln")[0] == "Europe/Berlin"
    assert "Did you mean Europe/Berlin" in front.ask(OWNER, "/settings zone Berln").text
    assert city_of("Asia/Shanghai", "zh-Hant") == "上海" and city_of("Etc/GMT-8", "en") == "UTC+8"
    assert all(city_of(zone, language) for zone in COMMON for language in ("en", "zh-Hans", "zh-Hant"))


def test_a_weekday_is_called_in_the_readers_language() -> None:
    assert [words_for(one).weekday(1, short=True) for one in ("en", "zh-Hans", "zh-Hant")] == ["Mon", "周一", "週一"]


def test_a_chat_says_by_itself_whether_it_is_weekly() -> None:
    chat = Chat(1, OWNER.address, days=frozenset({5}))
    assert chat.weekly and not replace(chat, as_announced=True).weekly
    assert not replace(chat, days=frozenset({1, 5})).weekly
