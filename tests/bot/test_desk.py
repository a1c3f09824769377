"""The front desk: rights, admission, invitations, coming and going."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from bot.commands import COMMANDS, OPEN_TO_ALL, PRESSES
from bot.model import (
    LANGUAGES,
    Address,
    ChatState,
    Place,
)
from bot.ports import Caller
from bot.replies import Reply
from tests.desks import (
    ADMIN,
    MANAGER,
    MEMBER,
    OOPS,
    OWNER,
    STRANGER,
    Front,
    NewFront,
    later,
)
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front


def test_a_command_that_is_not_there_is_said_with_where_the_others_stand(front: Front) -> None:
    assert front.ask(OWNER, "/nope").text == "There is no command /nope. /help shows those there are."


def test_a_keyboard_that_begins_with_a_capital_is_understood(front: Front) -> None:
    assert front.desk.needs_rights("Subscribe", "LoRA")
    assert front.ask(OWNER, "/Subscribe LoRA").text.startswith("Subscribed to LoRA.")
    assert front.ask(OWNER, "/HELP").text == front.ask(OWNER, "/help").text


def test_text_without_a_command_searches(front: Front) -> None:
    assert front.ask(OWNER, "LoRA").text == front.ask(OWNER, "/paper LoRA").text


@pytest.mark.parametrize(
    "line", ["/subscribe RAG", "/unsubscribe LoRA", "/unsubscribe all", "/language zh-Hans", "/time 09:00"]
)
@pytest.mark.parametrize(
    ("caller", "told"),
    [
        (MEMBER, "Only this chat's administrators can change its subscriptions and settings."),
        (
            replace(MEMBER, address=Address("discord", "5"), user="discord:2"),
            "Only members who may manage this server can change this chat's subscriptions and settings.",
        ),
        (replace(MEMBER, user=""), "Only this chat's administrators can change its subscriptions and settings."),
    ],
)
def test_who_does_not_manage_a_group_changes_nothing_and_is_told_who_may(
    front: Front, caller: Caller, told: str, line: str
) -> None:
    front.ask(replace(caller, manages=True), "/subscribe LoRA")
    before = front.rows()
    assert front.desk.needs_rights(line[1:].partition(" ")[0], line.partition(" ")[2])
    answer = front.ask(caller, line)
    assert answer.text == told and answer.private
    assert front.rows() == before


@pytest.mark.parametrize("line", ["/subscriptions", "/unsubscribe", "/subscribe", "/language", "/time", "/topics",
                                  "/why 2504.00011", "/why 2504.00011 LoRA"])  # fmt: skip
def test_looking_needs_no_rights(front: Front, line: str) -> None:
    front.ask(MANAGER, "/subscribe LoRA")
    before = front.rows()
    assert not front.desk.needs_rights(*line[1:].partition(" ")[::2])
    assert "administrators" not in front.ask(MEMBER, line).text
    assert front.rows() == before


@pytest.mark.parametrize("verb", ["follow", "drop"])
def test_a_members_press_changes_nothing_and_says_who_may(front: Front, verb: str) -> None:
    front.ask(MANAGER, "/subscribe LoRA")
    action = f"{verb}:" + ("rag" if verb == "follow" else str(front.subscriptions(MANAGER)[0].id))
    before = front.rows()
    assert front.desk.press_needs_rights(action)
    assert (
        front.press(MEMBER, action).text == "Only this chat's administrators can change its subscriptions and settings."
    )
    assert front.rows() == before
    front.press(MANAGER, action)
    assert front.rows() != before


def test_presses_that_only_show_need_no_rights(front: Front) -> None:
    shown = (
        "digest", "page", "more", "find", "recall", "newest", "narrow", "like", "subs", "sub", "edit", "settings",
        "turn", "card", "save", "up", "down", "cite", "reasons", "saved", "export", "topic", "channel", "subjects",
    )  # fmt: skip
    assert PRESSES.keys() > set(shown)
    assert not any(front.desk.press_needs_rights(f"{verb}:1") for verb in (*shown, "unknown"))


@pytest.mark.parametrize("line", [
    "/topic add tea Tea", "/topic remove rag", "/topic", "/invite", "/status", "/announce Hello", "/ban telegram:5",
    "/unban telegram:5", "/chats",
])
def test_what_belongs_to_the_admins_is_refused_to_all_others(front: Front, line: str) -> None:
    before = front.rows()
    for caller in (OWNER, MANAGER, MEMBER):
        told = front.ask(caller, line)
        assert told.text == (
            f"Only this bot's admins may do that. You are {caller.user}; an admin is named in PAPERROUND_ADMINS."
        )
        assert told.private
    nobody = front.ask(replace(MANAGER, user="", place=Place.CHANNEL), line)
    assert "You are nobody (a post without a sender)" in nobody.text
    assert front.rows() == before
    assert "Only this bot's admins" not in front.ask(ADMIN, line).text


def test_admins_are_who_the_configuration_names_and_nobody_else(front: Front) -> None:
    assert front.desk.is_admin("telegram:9")
    assert not any(map(front.desk.is_admin, ("", "9", "telegram:", "telegram:99", "discord:9")))


@pytest.mark.parametrize("line", ["/chats", "/announce Hello", "/ban", "/unban", "/audit all"])
def test_what_is_the_instances_is_not_answered_where_a_group_reads_it(front: Front, line: str) -> None:
    before = front.rows()
    there = replace(MANAGER, admin=True)
    assert front.ask(there, line).text == "Everybody here could read that: ask me for it in private."
    assert front.rows() == before
    on_discord = replace(there, address=Address("discord", "7"), user="discord:7")
    told = front.ask(on_discord, line)
    assert told.private and "Everybody here" not in told.text


def test_help_names_the_admins_commands_to_admins_alone(front: Front) -> None:
    of_admins = {f"/{command.name}" for command in COMMANDS.values() if command.admin}
    assert of_admins == {"/topic", "/invite", "/status", "/announce", "/ban", "/unban", "/chats"}

    def named(caller: Caller) -> set[str]:
        spans = [s.text.split()[0] for block in front.ask(caller, "/help").blocks for s in block.spans]
        return {text for text in spans if text in {f"/{name}" for name in COMMANDS}}

    assert named(ADMIN) == {f"/{command.name}" for command in COMMANDS.values() if not command.platform}
    assert named(OWNER) == named(ADMIN) - of_admins


def test_help_says_what_why_is_for_in_every_language(front: Front) -> None:
    for locale, told in (
        ("en", "/why PAPER  Why a paper came, or did not\n"),
        ("zh-CN", "/why 论文  查看一篇论文为什么送达或没有送达\n"),
        ("zh-TW", "/why 論文  查看一篇論文為什麼送達或沒有送達\n"),
    ):
        shown = front.ask(replace(OWNER, locale=locale), "/help").text
        assert told in shown
        assert all(word in shown for word in ("quant*", "date:2025-04..2025-05", "is:cross", "id:2403.17919", "topic:"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_fit_what_telegram_and_discord_take(front: Front, language: str) -> None:
    commands = front.desk.commands(language)
    assert len(commands) <= 100
    for command in commands:
        assert re.fullmatch("[a-z0-9_]{1,32}", command.name)
        assert 1 <= len(command.description) <= 100, "Discord's limit; Telegram takes 256"
        assert len(command.argument) <= 32 and len(command.choices) <= 25
    assert sum(len(c.name + c.description + c.argument * 2) for c in commands) < 4_000


def test_an_open_bot_lets_everybody_start(new_front: NewFront) -> None:
    front = new_front(access="open")
    assert "Paperround brings" in front.ask(STRANGER, "/start").text
    assert front.chat(STRANGER).admitted


@pytest.mark.parametrize("line", ["/start", "/paper LoRA", "/subscribe LoRA", "/digest", "/nope", "hello"])
def test_a_bot_by_invitation_says_to_strangers_how_to_be_invited(new_front: NewFront, line: str) -> None:
    front = new_front(access="invite")
    before = front.rows()
    told = front.ask(STRANGER, line)
    if line != "/nope":
        assert told.text == "This bot is by invitation. Ask its admin for a code, then send /start CODE."
    assert front.rows() == before


@pytest.mark.parametrize("verb", sorted(PRESSES.keys() - OPEN_TO_ALL))
def test_a_strangers_press_is_refused_like_a_command(new_front: NewFront, verb: str) -> None:
    front = new_front(access="invite")
    front.topics()
    before = front.rows()
    assert front.press(STRANGER, f"{verb}:rag").text.startswith("This bot is by invitation.")
    assert front.rows() == before


def test_help_is_open_to_strangers(new_front: NewFront) -> None:
    assert "/subscribe QUERY" in new_front(access="invite").ask(STRANGER, "/help").text


def test_an_admin_starts_a_bot_by_invitation_anywhere(new_front: NewFront) -> None:
    front = new_front(access="invite")
    group = replace(ADMIN, address=Address("telegram", "-7"), place=Place.GROUP)
    assert "Paperround brings" in front.ask(group, "/start").text
    member = replace(group, user="telegram:70", admin=False, manages=False)
    assert "by invitation" not in front.ask(member, "/paper LoRA").text, "the chat is admitted, not the person"


def code_of(told: Reply) -> str:
    return next(s.text for block in told.blocks for s in block.spans if s.text.startswith("/start "))


def test_an_invitation_admits_one_chat_once(new_front: NewFront) -> None:
    front = new_front(access="invite")
    told = front.ask(ADMIN, "/invite")
    assert told.private
    line = code_of(told)
    assert "Paperround brings" in front.ask(STRANGER, line).text
    assert "What are you looking for?" in front.ask(STRANGER, "/paper").text
    other = replace(STRANGER, address=Address("telegram", "67"), user="telegram:67")
    before = front.rows()
    refused = front.ask(other, line)
    assert refused.text == "This invitation is unknown or has been used. Ask for a new one."
    assert front.rows() == before, "not even the chat is left behind"
    assert "Paperround brings" in front.ask(STRANGER, line).text, "who is in stays in"


@pytest.mark.parametrize("code", ["x", "'; drop table chat", "пароль", "0" * 5000])
def test_a_wrong_code_gets_an_answer_and_leaves_nothing(new_front: NewFront, code: str) -> None:
    front = new_front(access="invite")
    front.ask(ADMIN, "/invite")
    before = front.rows()
    told = front.ask(STRANGER, f"/start {code}").text
    assert told == "This invitation is unknown or has been used. Ask for a new one."
    assert front.rows() == before


def test_one_who_is_in_does_not_use_up_a_code(new_front: NewFront) -> None:
    front = new_front(access="invite")
    first, second = (code_of(front.ask(ADMIN, "/invite")) for _ in range(2))
    assert first != second
    front.ask(STRANGER, first)
    front.ask(STRANGER, second)
    other = replace(STRANGER, address=Address("telegram", "67"))
    assert "Paperround brings" in front.ask(other, second).text


def test_a_list_admits_the_chats_on_it_with_all_their_threads(new_front: NewFront) -> None:
    front = new_front(access="list", chats=(Address("telegram", "-5"),))
    for thread in ("", "45"):
        place = replace(STRANGER, address=Address("telegram", "-5", thread), place=Place.GROUP)
        assert "Paperround brings" in front.ask(place, "/start").text
    told = front.ask(STRANGER, "/start").text
    assert told == (
        "This bot serves a fixed list of chats, and this one (telegram:66) is not on it. Its admin can add it."
    )
    assert front.ask(STRANGER, "/start code").text == told, "a code helps nobody here"


def test_a_thread_on_the_list_admits_itself_alone(new_front: NewFront) -> None:
    front = new_front(access="list", chats=(Address("telegram", "-5", "45"),))
    thread = replace(STRANGER, address=Address("telegram", "-5", "45"), place=Place.GROUP)
    assert "Paperround brings" in front.ask(thread, "/start").text
    assert "not on it" in front.ask(replace(thread, address=Address("telegram", "-5")), "/start").text


@pytest.mark.parametrize("access", ["invite", "list"])
def test_the_owners_first_start_says_how_to_become_the_admin(new_front: NewFront, access: str) -> None:
    front = new_front(access=access, admins=())
    assert front.ask(STRANGER, "/start").text == (
        "This bot has no admin yet. If it is yours, set PAPERROUND_ADMINS=telegram:66 and start it again."
    )
    group = replace(MANAGER, address=Address("telegram", "-77"))
    assert "PAPERROUND_ADMINS" not in front.ask(group, "/start").text, "groups are not told whom to make admin"
    front.configure(access=access, admins=("telegram:66",))
    assert "Paperround brings" in front.ask(replace(STRANGER, admin=True), "/start").text


def test_a_code_is_not_made_where_everybody_could_read_it(new_front: NewFront) -> None:
    front = new_front(access="invite")
    group = replace(ADMIN, address=Address("telegram", "-7"), place=Place.GROUP)
    before = front.rows()
    assert front.ask(group, "/invite").text == "Everybody here could read the code: ask me for it in private."
    assert front.rows() == before
    told = front.ask(replace(group, address=Address("discord", "7")), "/invite")
    assert told.private and "This admits one chat." in told.text, "Discord shows it to nobody else"


def test_an_invitation_says_where_it_is_not_needed(new_front: NewFront) -> None:
    front = new_front(access="open")
    before = front.rows()
    assert front.ask(ADMIN, "/invite").text == "This bot is open to all: no code is needed, /start is enough."
    front.configure(access="list", admins=("telegram:9",))
    assert "PAPERROUND_CHATS" in front.ask(ADMIN, "/invite").text
    assert front.rows() == before


async def test_a_bot_that_is_added_greets_and_one_that_is_thrown_out_keeps_everything(front: Front) -> None:
    greeting = await front.desk.joined(MANAGER)
    assert greeting is not None and "Paperround brings" in greeting.text
    await front.desk.press(MANAGER, "take:=LoRA")
    await front.desk.gone(MANAGER.address, "the bot was removed")
    gone = front.chat(MANAGER)
    assert (gone.state, gone.why) == (ChatState.UNREACHABLE, "the bot was removed")
    later(front, days=3)
    again = await front.desk.joined(MEMBER)
    assert again is not None
    assert again.text == (
        "Thank you for having me back. 1 subscription goes on as it was. The digest comes at 08:00 (UTC)."
    )
    back = front.chat(MANAGER)
    assert (back.state, back.why) == (ChatState.ACTIVE, "")
    assert back.due_at is not None and back.due_at > front.now
    assert front.follows(MANAGER) == ["LoRA"]


async def test_a_group_that_moves_takes_its_threads_along(front: Front) -> None:
    thread = replace(MANAGER, address=Address("telegram", "-100", "45"))
    for caller in (MANAGER, thread):
        await front.desk.press(caller, "take:=LoRA")
    await front.desk.moved(MANAGER.address, Address("telegram", "-200"))
    assert front.follows(replace(MANAGER, address=Address("telegram", "-200", "45"))) == ["LoRA"]
    assert front.follows(MANAGER) == []


async def test_a_bot_that_is_added_where_it_may_not_be_says_so(new_front: NewFront) -> None:
    front = new_front(access="invite")
    told = await front.desk.joined(MANAGER)
    assert told is not None and told.text.startswith("This bot is by invitation.")
    assert not front.rows()["chat"]


def test_suggestions_are_topics_to_follow_and_subscriptions_to_end(front: Front) -> None:
    front.ask(OWNER, "/subscribe LoRA")
    front.ask(OWNER, "/subscribe rag")
    followed = [one.value for one in front.complete(OWNER, "subscribe", "MODEL")]
    assert followed == ["Diffusion models", "Language models", "Multimodal models"]
    assert [one.value for one in front.complete(OWNER, "unsubscribe", "")] == ["LoRA", "RAG"]
    assert front.complete(OWNER, "help", "") == []
    front.ask(OWNER, "/unsubscribe RAG")
    assert front.follows(OWNER) == ["LoRA"], "what is suggested is understood"


def test_suggestions_are_for_all_in_an_admitted_chat_and_for_nobody_else(new_front: NewFront) -> None:
    front = new_front(access="invite")
    front.topics()
    group = replace(ADMIN, address=MEMBER.address, place=Place.GROUP)
    assert front.complete(MEMBER, "subscribe", "") == []
    front.ask(group, "/start")
    assert len(front.complete(MEMBER, "subscribe", "")) == 12
    assert front.complete(STRANGER, "subscribe", "") == []


def test_a_fault_of_the_program_is_told_in_the_callers_language_and_logged(
    front: Front, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(front.store, "reading", broken)
    monkeypatch.setattr(front.store, "transaction", broken)
    for locale, told in zip(("de", "zh-CN", "zh-TW"), OOPS, strict=True):
        answer = front.ask(replace(STRANGER, locale=locale), "/subscriptions")
        assert answer.text.startswith(told) and answer.private
    assert "the disk is gone" in caplog.text


async def test_presses_at_the_same_moment_follow_once(front: Front) -> None:
    told = await asyncio.gather(*(front.desk.press(OWNER, "follow:rag") for _ in range(8)))
    assert sorted(answer.text.partition(".")[0] for answer in told) == [
        "Subscribed to RAG",
        *["This chat follows RAG already"] * 7,
    ]
    assert front.follows(OWNER) == ["#rag"]


async def test_chats_that_send_one_code_at_the_same_moment_are_not_all_admitted(new_front: NewFront) -> None:
    front = new_front(access="invite")
    code = code_of(await front.desk.answer(ADMIN, "invite", "")).removeprefix("/start ")
    callers = [replace(STRANGER, address=Address("telegram", str(n))) for n in range(60, 68)]
    told = await asyncio.gather(*(front.desk.answer(caller, "start", code) for caller in callers))
    assert sum("Paperround brings" in answer.text for answer in told) == 1
    assert len(front.rows()["chat"]) == 1
