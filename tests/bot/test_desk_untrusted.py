"""Whatever people write and buttons carry: a proper answer, and nothing of another chat."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import COMMANDS, PRESSES
from bot.model import (
    Chat,
    Delivery,
    Digest,
    DigestKind,
    Layout,
    Match,
    News,
)
from tests.desks import (
    MANAGER,
    MEMBER,
    OOPS,
    OWNER,
    TUESDAY,
    Front,
    NewFront,
    all_buttons,
    buttons,
    item,
)
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

NASTY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.text("\x00\x07\x1b\u202e\u2066\u200d\ufeff\n\t ()\"-:*#'/\\%_AaORNDT中文🙂e\u0301", max_size=40),
    st.builds(
        lambda text: text * 2_500, st.sampled_from(["abcd", "LoRA ", "(", "中 ", "-a ", "\x00", '"a" OR ', "🙂"])
    ),
    st.from_regex(r"(ti|au|cat|abs|foo):[\w(\" ]{0,20}", fullmatch=True),
    st.from_regex(r"-?(date|is|id|topic):[\w.*(\" -]{0,20}", fullmatch=True),
)
ARGUMENTS = st.one_of(
    NASTY,
    st.builds("{} {}".format, st.sampled_from(["add", "edit", "remove", "all", "1", "08:30", "zh"]), NASTY),
    st.builds("{} {}".format, st.sampled_from(["2504.00011", "2504.99999", "arXiv:2504.00012v2"]), NASTY),
    st.builds("{}:{}".format, st.sampled_from(["topic", "is", "date", "id", "ti:topic"]), NASTY),
    st.sampled_from(["1", "0", "99999", "٣", "²", "-1", "1e3", "all", "rag", "zh-TW", "24:00", "08:30 \x00", "٠٨:٣٠"]),
)
ACTIONS = st.one_of(
    NASTY,
    st.builds("{}:{}".format, st.sampled_from(sorted(PRESSES)), NASTY),
    st.builds(
        "{}:{}:{}".format,
        st.sampled_from(sorted(PRESSES)),
        st.one_of(st.integers(-5, 10**20).map(str), NASTY),
        st.one_of(st.integers(-5, 10**20).map(str), NASTY),
    ),
)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, ready_database: Path) -> Iterator[Front]:
    """One front for many examples."""
    folder = tmp_path_factory.mktemp("lasting")
    shutil.copy(ready_database, folder / "paperround.db")
    made = furnished(Front(folder))
    yield made
    made.close()


def furnished(made: Front) -> Front:
    """The reading group follows LoRA and has had a digest of thirty papers, twenty of them pushed."""
    made.topics()
    made.announce([item(n, f"LoRA number {n}") for n in range(11, 41)])
    made.index.follow()
    made.ask(MANAGER, "/subscribe LoRA")
    with made.store.transaction() as tx:
        chat = tx.open_chat(Chat(0, MANAGER.address))
        made_known = tx.announcements(0)
        matches = tuple(Match(a.paper_id, News.NEW, ("LoRA",)) for a in made_known)
        digest = Digest(DigestKind.PAPERS, TUESDAY, matches, 20, ("LoRA",), made_known[-1].id)
        tx.plan(Delivery(0, chat.id, chat.address, digest, "en", Layout.BRIEF, made_at=made.now))
    return made


@settings(max_examples=250, deadline=None)
@given(st.sampled_from([*sorted(COMMANDS), "", "nope", "start\x00"]), ARGUMENTS)
def test_whatever_is_written_gets_a_proper_answer(lasting: Front, name: str, argument: str) -> None:
    sure = ("subscribe", "unsubscribe", "language", "time", "topic", "invite", "status")
    for caller in (OWNER, MEMBER):
        before = lasting.rows("setting") if name in sure else {}
        answer = lasting.ask(caller, f"/{name} {argument}" if name else argument.lstrip("/"))
        assert answer.blocks and answer.text.strip()
        assert not answer.text.startswith(OOPS)
        assert all(len(b.action.encode()) <= 64 for b in all_buttons(answer))
        if name in sure and (caller is MEMBER or answer.private):
            assert lasting.rows("setting") == before, "a refusal changes nothing"


@settings(max_examples=250, deadline=None)
@given(ACTIONS)
def test_whatever_a_button_carries_gets_a_proper_answer_and_touches_no_other_chat(lasting: Front, action: str) -> None:
    before = lasting.subscriptions(MANAGER)
    for caller in (MEMBER, OWNER):
        answer = lasting.press(caller, action)
        assert answer.blocks and answer.text.strip()
        assert not answer.text.startswith(OOPS)
        assert all(len(b.action.encode()) <= 64 for b in all_buttons(answer))
        if action.startswith("more:") and caller is OWNER:
            assert not any(block.paper for block in answer.blocks)
    assert lasting.subscriptions(MANAGER) == before


def test_half_a_character_and_nul_are_taken_out_at_the_door(front: Front) -> None:
    front.ask(OWNER, "/subscribe Lo\ud800RA\x00 tea")
    assert front.follows(OWNER) == ["Lo?RA tea"]
    front.ask(OWNER, "/subscribe \u202etea\u202c\n\tleaves")
    assert front.follows(OWNER)[1:] == ["tea leaves"]
    assert not front.press(OWNER, "follow:\ud800").text.startswith(OOPS)


def test_a_button_of_another_chat_reveals_and_changes_nothing(new_front: NewFront) -> None:
    front = furnished(new_front())
    mine = front.subscriptions(MANAGER)[0]
    with front.store.reading() as tx:
        delivery = tx.last_delivery(front.chat(MANAGER).id)
    assert delivery is not None
    assert front.press(OWNER, f"drop:{mine.id}").text == "That subscription has ended already."
    told = front.press(OWNER, f"more:{delivery.id}:20")
    assert told.text == "This digest is not kept here any more. /digest shows the latest." and not told.buttons
    own = front.press(MEMBER, f"more:{delivery.id}:20")
    assert sum(block.paper > 0 for block in own.blocks) == 10
    assert list(buttons(own)) == ["‹ Back"], "thirty papers: twenty pushed, ten behind the button"
    assert "digest" not in front.ask(OWNER, "/why 2504.00011").text
    assert "digest of Tuesday 8 April, for LoRA" in front.ask(MEMBER, "/why 2504.00011").text
    mark = next(iter(buttons(front.ask(MANAGER, "/paper " + " OR ".join(["LoRA"] * 15))).values()))
    assert mark.startswith("recall:")
    assert front.press(OWNER, mark).text == "This button is too old. /paper searches again."
