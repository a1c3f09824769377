"""Dry runs before anything is followed, what is kept away, paused, changed, stopped, carried elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from bot.model import Address, ChatState, Standing
from tests.desks import MANAGER, MEMBER, OWNER, STRANGER, Front, NewFront, buttons, item, later, titles
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front


def standings(front: Front) -> list[tuple[str, Standing]]:
    return [(one.query or "#" + one.topic, one.standing) for one in front.subscriptions(OWNER)]


def test_the_catalogue_counts_each_topics_papers_of_the_last_week(front: Front) -> None:
    told = front.ask(OWNER, "/subscribe")
    assert "+ PEFT · 3" in buttons(told) and "+ Diffusion models · 1" in buttons(told)


def test_a_dry_run_shows_what_would_have_come_and_writes_nothing(front: Front) -> None:
    before = front.rows()
    told = front.propose(OWNER, "/subscribe LoRA")
    assert "It would have brought 3 papers in the last week." in told.text and len(titles(told)) == 3
    assert list(buttons(told)) == ["Follow", "Narrow", "Cancel"]
    cancelled = front.press(OWNER, buttons(told)["Cancel"])
    assert cancelled.edits and cancelled.text == "Nothing was changed."
    assert front.rows() == before
    done = front.press(OWNER, buttons(told)["Follow"])
    assert done.edits and "Subscribed to LoRA." in done.text and front.follows(OWNER) == ["LoRA"]


def test_papers_of_other_weeks_and_imported_ones_are_not_counted(new_front: NewFront) -> None:
    front = new_front()
    front.announce([item(1, "LoRA long ago", on=date(2025, 3, 1)), item(2, "LoRA")])
    assert "brought 1 paper in" in front.propose(OWNER, "/subscribe LoRA").text


def test_what_matches_far_too_much_is_said_with_a_narrower_one(new_front: NewFront) -> None:
    front = new_front(digest_size=2)
    front.announce([
        item(n, "A Benchmark" if n < 4 else "Tea", "We run a benchmark.", categories=("cs.CL",)) for n in range(1, 21)
    ])  # fmt: skip
    told = front.propose(OWNER, "/subscribe benchmark")
    assert "That is 100 % of all papers, and more than a digest of 2 a day holds." in told.text
    assert "Narrower, with 3 papers:\nti:benchmark" in told.text
    narrow = front.press(OWNER, buttons(told)["Narrow"])
    assert narrow.edits and "ti:benchmark · 3" in buttons(narrow)
    tried = front.press(OWNER, buttons(narrow)["ti:benchmark · 3"])
    front.press(OWNER, buttons(tried)["Follow"])
    assert front.follows(OWNER) == ["ti:benchmark"]


def test_a_query_too_long_for_a_button_is_kept_for_its_chat_alone(front: Front) -> None:
    query = " OR ".join(f"parrots{n}" for n in range(20))
    told = front.propose(OWNER, f"/subscribe {query}")
    follow = buttons(told)["Follow"]
    assert len(follow) < 64 and "too old" in front.press(STRANGER, follow).text
    assert "Subscribed" in front.press(OWNER, follow).text and front.follows(OWNER) == [query]


@pytest.mark.parametrize(
    ("written", "followed"), [("cs.CL", "cat:cs.CL"), ("cs.*", "cat:cs.*"), ('au:"A. B"', 'au:"A. B"')]
)
def test_a_category_and_an_author_are_followed(front: Front, written: str, followed: str) -> None:
    front.ask(OWNER, f"/subscribe {written}")
    assert front.follows(OWNER) == [followed]


def test_what_is_muted_is_kept_out_of_the_view_and_told_by_why(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    told = front.ask(OWNER, "/mute noon")
    assert "Of the 3 papers that came in the last week it would have kept away 1." in told.text
    assert front.press(OWNER, buttons(told)["Mute"]).edits
    assert titles(front.ask(OWNER, "/digest")) == ["QLoRA in the Evening"]
    why = front.ask(OWNER, "/why 2504.00011").text
    assert "this chat mutes it" in why and "Kept away by your mute: “Noon” in the title" in why
    assert "It would have brought 2 papers" in front.propose(OWNER, "/subscribe QLoRA OR noon OR yesterday lora").text
    listed = front.ask(OWNER, "/mute")
    front.press(OWNER, buttons(listed)["✕ noon"])
    assert len(titles(front.ask(OWNER, "/digest"))) == 2
    assert "Nothing is muted here." in front.ask(OWNER, "/mute").text


def test_to_mute_what_is_followed_and_to_follow_what_is_muted_changes_the_one_there_is(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    front.press(OWNER, "mute:=lora")
    assert standings(front) == [("LoRA", Standing.MUTED)]
    assert "It is muted here now" in front.propose(OWNER, "/subscribe LoRA").text
    front.ask(OWNER, "/subscribe LoRA")
    assert standings(front) == [("LoRA", Standing.FOLLOWED)]
    front.press(OWNER, "mute:=topic:rag")
    assert "No longer muted: RAG." in front.ask(OWNER, "/unmute rag").text


def test_a_subscription_is_paused_resumed_and_changed_by_its_buttons(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    card = front.press(OWNER, buttons(front.ask(OWNER, "/subscriptions"))["1"])
    paused = front.press(OWNER, buttons(card)["Pause"])
    assert "paused" in paused.text and standings(front) == [("LoRA", Standing.PAUSED)]
    assert "follows nothing" in front.ask(OWNER, "/digest").text
    assert "1 is paused." in front.ask(OWNER, "/subscriptions").text
    front.press(OWNER, buttons(paused)["Resume"])
    how = front.press(OWNER, buttons(card)["Edit"])
    assert "/edit 1 LoRA" in how.text
    tried = front.ask(OWNER, "/edit 1 LoRA -evening")
    assert "It would have brought 2 papers" in tried.text
    front.press(OWNER, buttons(tried)["Change"])
    assert standings(front) == [("LoRA -evening", Standing.FOLLOWED)]


@pytest.mark.parametrize(
    "verb", ["pause", "resume", "hush", "change", "drop", "take", "narrower", "mute", "away", "less"]
)
def test_what_changes_asks_for_the_right_again_and_for_ones_own(front: Front, verb: str) -> None:
    front.ask(MANAGER, "/subscribe LoRA")
    (one,) = front.subscriptions(MANAGER)
    before = front.rows()
    assert front.desk.press_needs_rights(f"{verb}:1")
    carried = f"{verb}:=x" if verb in ("take", "narrower", "mute", "away") else f"{verb}:{one.id}:=x"
    assert "administrators" in front.press(MEMBER, carried).text
    if verb in ("pause", "resume", "hush", "change", "drop"):
        assert "ended already" in front.press(STRANGER, carried if verb == "change" else f"{verb}:{one.id}").text
    for odd in ("", ":", ":x", ":-1", ":" + "9" * 40, ":=", ":#0", ":1:#"):
        assert front.press(OWNER, verb + odd).text
    assert front.rows() == before


def test_stop_ends_everything_keeps_it_and_start_begins_again_with_today(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    told = front.ask(OWNER, "/stop")
    assert "nothing comes here any more" in told.text and "Its settings and 1 subscription are kept." in told.text
    assert front.chat(OWNER).state is ChatState.STOPPED
    with front.store.reading() as tx:
        assert tx.due_chats(front.now + timedelta(days=400), 9) == []
    assert "It is stopped" in front.ask(OWNER, "/subscriptions").text
    later(front, days=30)
    front.announce([item(77, "LoRA after a month", on=date(2025, 5, 8))])
    assert "This chat has 1 subscription." in front.ask(OWNER, "/start").text
    chat = front.chat(OWNER)
    with front.store.reading() as tx:
        assert chat.state is ChatState.ACTIVE and len(tx.announcements(chat.seen)) == 1, "the month is not caught up"
    assert "administrators" in front.ask(MEMBER, "/stop").text


def paper_id(front: Front, key: str) -> int:
    with front.store.reading() as tx:
        found = tx.paper_by_key(key)
    assert found is not None
    return found.id


def test_less_of_a_paper_and_more_like_it_lead_to_dry_runs(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    number = paper_id(front, "arxiv:2504.00012")
    told = front.press(OWNER, f"less:{number}")
    shown = buttons(told)
    author = next(action for label, action in shown.items() if label.startswith('🔇 au:"Ada Lovelace"'))
    assert "Mute au:" in front.press(OWNER, author).text
    narrowed = next(action for label, action in shown.items() if label.startswith("→ LoRA -"))
    front.press(OWNER, narrowed)
    assert front.follows(OWNER)[0].startswith("LoRA -")
    more = front.press(OWNER, f"follow-like:{number}")
    follow = next(action for label, action in buttons(more).items() if "au:" in label)
    assert "Follow" in buttons(front.press(OWNER, follow))
    assert "too old" in front.press(OWNER, "less:999999").text


def test_subscriptions_are_carried_into_another_chat_by_a_code(front: Front) -> None:
    for query in ("LoRA", "rag"):
        front.ask(OWNER, f"/subscribe {query}")
    front.press(OWNER, "mute:=survey")
    told = front.ask(OWNER, "/export")
    assert told.file is not None and told.private
    code = told.text.rpartition("/import ")[2]
    there = front.ask(MANAGER, f"/import {code}")
    assert "3 subscriptions are new here" in there.text
    assert front.press(MANAGER, buttons(there)["Follow them"]).edits
    assert front.follows(MANAGER) == ["LoRA", "#rag", "survey"]
    assert front.subscriptions(MANAGER)[2].standing is Standing.MUTED
    assert "has all of that already" in front.ask(MANAGER, f"/import {code}").text
    for wrong in (code[:-1] + ("0" if code[-1] != "0" else "1"), "1-2-3", "{}", "[]", '{"kind":1}', "[" * 5000):
        assert front.ask(STRANGER, f"/import {wrong}").private
    later(front, days=9)
    assert "too old" in front.ask(STRANGER, f"/import {code}").text


def test_a_file_carries_them_to_another_instance(front: Front, new_front: NewFront) -> None:
    for query in ("LoRA -survey", "rag"):
        front.ask(OWNER, f"/subscribe {query}")
    file = front.ask(OWNER, "/export").file
    assert file is not None
    other = new_front()
    assert "2 subscriptions were added." in other.ask(OWNER, f"/import {file.content.decode()}").text
    assert other.follows(OWNER) == ["LoRA -survey", 'RAG OR "retrieval-augmented"'], "a topic that is not there"
    bad = json.dumps({"kind": "paperround subscriptions", "subscriptions": [{"query": "((("}]})
    assert "cannot be followed" in other.ask(OWNER, f"/import {bad}").text


def test_feed_readers_get_opml_of_what_arxiv_can_be_asked(front: Front) -> None:
    for query in ('ti:"low rank" "a < b"', "quant*", 'LoRA OR ("language model" -survey)'):
        front.ask(OWNER, f"/subscribe {query}")
    told = front.ask(OWNER, "/export opml")
    assert told.file is not None and "arXiv's search cannot ask this: quant*." in told.text
    found = ElementTree.fromstring(told.file.content).findall("./body/outline")
    addresses = [one.get("xmlUrl", "") for one in found]
    assert len(found) == 2 and all(one.startswith("https://export.arxiv.org/api/query?") for one in addresses)
    assert "all%3ALoRA+OR+%28all%3A%22language+model%22+ANDNOT+all%3Asurvey%29" in addresses[1]


def test_threads_have_mutes_of_their_own(front: Front) -> None:
    thread = replace(MANAGER, address=Address("telegram", "-100", "45"))
    front.press(thread, "mute:=LoRA")
    assert "Nothing is muted here." in front.ask(MANAGER, "/mute").text
