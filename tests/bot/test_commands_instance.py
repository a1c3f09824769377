"""Help, language, time, status and the catalogue of topics."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.commands import COMMANDS
from bot.commands.context import Context, language_named
from bot.config import Config
from bot.desk import FrontDesk
from bot.feeds import REASONS
from bot.model import (
    Address,
    Chat,
    Delivery,
    DeliveryState,
    Digest,
    DigestKind,
    Feed,
    FeedItem,
    FeedState,
    Gap,
    GapState,
    Layout,
    Notice,
    NoticeKind,
    Rejected,
    SummaryText,
)
from bot.query import parse
from bot.zones import zone_named
from tests.desks import ADMIN, MANAGER, OWNER, Front, NewFront, buttons, item, later, with_words
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front
from tests.test_round import HERE, House, lora

NO_TIME = "Write the time as hours and minutes, and the zone by its city: /time 08:30 Asia/Shanghai."


def test_help_shows_every_command_and_the_query_language(front: Front) -> None:
    told = front.ask(ADMIN, "/help").text
    for command in (command for command in COMMANDS.values() if not command.platform):
        assert f"/{command.name} {command.argument.upper()}".rstrip() + "  " + command.description in told
    assert "OR, NOT, -, ( )" in told and "cat:cs.*" in told


def test_commands_are_described_to_platforms_within_their_limits(front: Front) -> None:
    for language in ("en", "zh-Hans", "zh-Hant"):
        infos = front.desk.commands(language)
        assert [info.name for info in infos] == list(COMMANDS)
        assert all(0 < len(info.description) <= 100 and info.name.islower() for info in infos)


@pytest.mark.parametrize(
    ("written", "language"),
    [
        ("en", "en"), ("en-GB", "en"), ("English", "en"), ("英文", "en"), ("zh", "zh-Hans"), ("zh-CN", "zh-Hans"),
        ("ZH_hans", "zh-Hans"), ("zh-hant", "zh-Hant"), ("zh-TW", "zh-Hant"), ("zh-HK", "zh-Hant"), ("中文", "zh-Hans"),
        ("简体中文", "zh-Hans"), ("繁體中文", "zh-Hant"), ("繁体", "zh-Hant"), ("Traditional Chinese", "zh-Hant"),
        ("fr", None), ("entire", None), ("zhang", None), ("en fr", None), ("", None), ("english please", None),
    ],
)  # fmt: skip
def test_a_language_is_known_by_its_tag_and_its_names(written: str, language: str | None) -> None:
    assert language_named(written) == language


def test_a_language_is_set_for_the_whole_chat_and_confirmed_in_it(front: Front) -> None:
    assert "zh-Hant" in front.ask(OWNER, "/language").text
    assert front.ask(OWNER, "/language zh-TW").text == "從現在起，我在這裡使用繁體中文。"
    assert front.chat(OWNER).language == "zh-Hant"
    assert front.ask(OWNER, "/language fr").text.startswith("我不會 fr")
    assert front.ask(OWNER, "/language en").text == "From now on I write in English here."
    assert front.ask(OWNER, "/language " + "x" * 5000).text == (
        f"I do not speak {'x' * 40}; I speak en, zh-Hans and zh-Hant."
    )


@pytest.mark.parametrize(
    ("written", "language", "accepts"),
    [
        ("zh-Hans en", "zh-Hans", ("en",)),
        ("zh-TW, 日本語,en", "zh-Hant", ("ja", "en")),
        ("简体中文、繁體中文", "zh-Hans", ("zh-Hant",)),
        ("Traditional Chinese, English", "zh-Hant", ("en",)),
        ("ja ja-JP en ja", "ja", ("en",)),
        ("en", "en", ()),
    ],
)
def test_a_chat_may_accept_several_languages(
    new_front: NewFront, written: str, language: str, accepts: tuple[str, ...]
) -> None:
    front = new_front(languages=("en", "zh-Hans", "zh-Hant", "ja"))
    front.ask(OWNER, f"/language {written}")
    chat = front.chat(OWNER)
    assert (chat.language, chat.accepts) == (language, accepts)
    with front.store.reading() as tx:
        assert tx.languages_read() == {language: 1}


def test_a_language_without_a_catalogue_is_a_line_of_configuration(new_front: NewFront) -> None:
    front = new_front()
    assert "ja" not in front.ask(OWNER, "/language").text
    assert front.ask(OWNER, "/language ja en").text == "I do not speak ja; I speak en, zh-Hans and zh-Hant."
    front.configure(access="open", languages=("en", "ja"))
    assert "日本語 (ja)" in front.ask(OWNER, "/language").text
    assert front.ask(OWNER, "/language ja en").text == (
        "From now on papers come in 日本語 here, where there are such words; mine stay English. What a paper does not "
        "have in it comes in the first of these that there is, marked: English."
    )
    assert front.ask(OWNER, "/language zh-Hans").text == "I do not speak zh-Hans; I speak en and ja."
    front.announce([with_words(item(1, "Kettle"), SummaryText("ja", "やかんです。", "やかん"))])
    front.index.follow()
    assert front.ask(OWNER, "/paper Kettle").text.splitlines()[3:5] == ["やかん", "やかんです。"]
    assert "4月8日火曜日" in front.ask(OWNER, "/digest Kettle").text


@pytest.mark.parametrize(
    ("written", "clock", "zone", "due"),
    [
        ("09:30", "09:30", "UTC", "2025-04-08T09:30"),
        ("9:30", "09:30", "UTC", "2025-04-08T09:30"),
        ("05:59", "05:59", "UTC", "2025-04-09T05:59"),
        ("０９：３０", "09:30", "UTC", "2025-04-08T09:30"),
        ("9.30", "09:30", "UTC", "2025-04-08T09:30"),
        ("0:00", "00:00", "UTC", "2025-04-09T00:00"),
        ("08:30 Asia/Shanghai", "08:30", "Asia/Shanghai", "2025-04-09T00:30"),
        ("08:30   asia/shanghai", "08:30", "Asia/Shanghai", "2025-04-09T00:30"),
        ("08:30 Berlin", "08:30", "Europe/Berlin", "2025-04-08T06:30"),
        ("08:30 New York", "08:30", "America/New_York", "2025-04-08T12:30"),
        ("08:30 北京", "08:30", "Asia/Shanghai", "2025-04-09T00:30"),
        ("08:30 utc", "08:30", "UTC", "2025-04-08T08:30"),
    ],
)
def test_a_time_is_set_with_its_zone_and_moves_what_is_due(
    front: Front, written: str, clock: str, zone: str, due: str
) -> None:
    told = front.ask(OWNER, f"/time {written}").text
    assert told == f"The digest comes at {clock} ({zone})."
    chat = front.chat(OWNER)
    assert (f"{chat.time:%H:%M}", chat.timezone) == (clock, zone)
    assert chat.due_at == datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert front.ask(OWNER, "/time").text.startswith(told)


def test_a_time_alone_keeps_the_chats_zone(front: Front) -> None:
    front.ask(OWNER, "/time 08:30 Asia/Tokyo")
    assert front.ask(OWNER, "/time 10:00").text == "The digest comes at 10:00 (Asia/Tokyo)."


@pytest.mark.parametrize(
    "written",
    ["8", "24:00", "12:60", "-1:30", "+8:30", "1_0:30", "٠٨:٣٠", "08:30:15", "noon", "8:5", "08:30Asia/Shanghai", ":"],
)
def test_what_is_no_time_is_refused_with_an_example(front: Front, written: str) -> None:
    front.ask(OWNER, "/start")
    before = front.rows()
    assert front.ask(OWNER, f"/time {written}").text == NO_TIME
    assert front.rows() == before


@pytest.mark.parametrize(
    "zone", ["Mars", "../../etc/passwd", "/etc/localtime", "Europe", "posix/UTC", "x" * 9000, "UTC+99", "08:30"]
)
def test_what_is_no_zone_is_refused_by_its_name(front: Front, zone: str) -> None:
    front.ask(OWNER, "/start")
    before = front.rows()
    told = front.ask(OWNER, f"/time 08:30 {zone}").text
    assert told.startswith(f"I know no time zone {zone[:40]}; name one by its city: /time 08:30 Asia/Shanghai.")
    assert front.rows() == before


def test_a_city_that_stands_in_two_zones_needs_the_whole_name() -> None:
    assert zone_named("eastern") is None
    assert zone_named("us/eastern") == "US/Eastern"


def test_before_a_chat_is_there_its_time_is_the_configured_one(new_front: NewFront) -> None:
    front = new_front(timezone="Europe/Berlin")
    told = front.ask(OWNER, "/time").text
    assert told == (
        "The digest comes at 08:00 (Europe/Berlin).\n\nTo change it: /time 08:30 or /time 08:30 Asia/Shanghai"
    )
    assert front.rows()["chat"] == []


def test_status_tells_an_admin_of_feeds_papers_chats_and_digests(front: Front) -> None:
    assert "No feed has been polled yet." in front.ask(ADMIN, "/status").text
    front.ask(OWNER, "/subscribe LoRA")
    with front.store.transaction() as tx:
        tx.put_feed(Feed("cs.CL", FeedState.FRESH, checked_at=front.now))
        tx.put_feed(Feed("cs.LG", FeedState.FAILED, checked_at=front.now, why="HTTP 503"))
        chat = tx.open_chat(Chat(0, Address("telegram", "7")))
        for n, state in enumerate(DeliveryState):
            tx.plan(
                Delivery(
                    0, chat.id, chat.address, Digest(DigestKind.NOTHING, date(2025, 4, 1 + n)), "en", Layout.BRIEF,
                    state, made_at=front.now,
                )
            )  # fmt: skip
    told = front.ask(ADMIN, "/status")
    assert told.private
    assert told.blocks[1].text == (
        "cs.CL: today's papers are in · 2025-04-08 06:00 UTC\n"
        "cs.LG: could not be read · 2025-04-08 06:00 UTC (HTTP 503)"
    )
    assert told.blocks[2].text == (
        "Papers: 8 · announcements: 8 · summaries: 0\n"
        "Chats: 2 (2 active) · subscriptions: 1 · topics: 12\n"
        "Digests: 1 sent · 5 on their way · 1 held for chats out of reach · 1 failed"
    )


@pytest.mark.parametrize(("uncertain", "said"), [("repeat", "sent again, marked as perhaps a repeat"),
                                                ("skip", "is not sent again")])  # fmt: skip
def test_status_says_what_becomes_of_messages_in_doubt_and_what_went_wrong(
    front: Front, uncertain: str, said: str
) -> None:
    front.configure(access="open", admins=("telegram:9",), uncertain=uncertain)
    assert said in front.ask(ADMIN, "/status").text
    asyncio.run(front.desk.gone(OWNER.address, "nobody there"))
    front.ask(MANAGER, "/start")
    asyncio.run(front.desk.gone(MANAGER.address, "the bot has no right to write there"))
    with front.store.transaction() as tx:
        tx.warn(Notice(NoticeKind.FAILED, "telegram:7", "no such emoji"), front.now)
    lines = front.ask(ADMIN, "/status").blocks[-1].text.splitlines()
    assert lines == [
        "telegram:-100: the bot has no right to write there. Give it the right to send messages there.",
        "telegram:7: nothing of a digest arrived: no such emoji",
    ]
    front.ask(MANAGER, "/start")
    assert "telegram:-100" not in front.ask(ADMIN, "/status").text, "it is back"


def test_every_state_of_a_feed_is_said_in_words(front: Front) -> None:
    with front.store.transaction() as tx:
        for state in FeedState:
            tx.put_feed(Feed(f"x.{state}", state))
    lines = front.ask(ADMIN, "/status").blocks[1].text.splitlines()
    assert len(lines) == len(FeedState)
    assert len({line.partition(": ")[2] for line in lines}) == len(FeedState)


@pytest.mark.parametrize("locale", ["zh-CN", "zh-TW"])
def test_why_a_feed_is_as_it_is_is_said_in_the_admins_language(front: Front, locale: str) -> None:
    with front.store.transaction() as tx:
        for n, why in enumerate(REASONS):
            tx.put_feed(Feed(f"x.{n}", FeedState.QUIET, why=why))
    said = front.ask(replace(ADMIN, locale=locale), "/status").blocks[1].text
    assert not any(why in said for why in REASONS) and said.count("(") == len(REASONS)


def test_status_tells_of_missed_days_of_what_was_unusable_and_of_the_calendars_end(front: Front) -> None:
    front.now = datetime(2027, 1, 4, 6, tzinfo=UTC)
    days = [date(2026, 12, 28), date(2026, 12, 30)]
    with front.store.transaction() as tx:
        tx.put_feed(Feed("cs.CL", FeedState.FRESH))
        tx.open_gaps([Gap("cs.CL", day, due_at=front.now, why="down") for day in days])
        tx.open_gaps([Gap("cs.CL", date(2026, 12, 1), GapState.GIVEN_UP)])
        tx.quarantine("feed", [Rejected("item 1", "no title")], front.now)
    assert [block.text for block in front.ask(ADMIN, "/status").blocks[2:6]] == [
        "2 missed days are still to be filled, the first: cs.CL Monday 28 December and cs.CL Wednesday 30 December",
        "1 missed day could not be filled.",
        "1 thing that a feed sent could not be used; paperround doctor shows it.",
        "arXiv's holidays are known until 2026-12-31 only.",
    ]


def test_topics_are_shown_with_their_queries_and_buttons(front: Front) -> None:
    told = front.ask(OWNER, "/topics")
    assert told.blocks[0].text == "12 topics"
    assert 'RAG (rag): RAG OR "retrieval-augmented"' in told.text
    assert len(buttons(told)) == 12
    assert "高效微调 (peft)" in front.ask(replace(OWNER, locale="zh"), "/topics").text


def test_without_topics_there_is_a_hint(new_front: NewFront) -> None:
    assert (
        new_front().ask(OWNER, "/topics").text == "There are no topics yet. Follow words of your own: /subscribe LoRA."
    )


def test_a_topic_is_added_counted_and_can_be_followed_at_once(front: Front) -> None:
    assert front.ask(ADMIN, "/topic add Tea-Time tea OR teapot").text.endswith("2 stored papers match it.")
    told = front.carry_out(ADMIN, "/topic add Tea-Time tea OR teapot")
    assert told.blocks[0].text == "Topic tea-time added: tea OR teapot"
    assert "Subscribed to tea time." in front.press(ADMIN, buttons(told)["Follow it here"]).text
    assert "tea time (tea-time): tea OR teapot" in front.ask(OWNER, "/topics").text


def test_a_topic_that_is_there_is_not_overwritten(front: Front) -> None:
    before = front.rows()
    told = front.ask(ADMIN, "/topic add RAG tea").text
    assert told == 'There is a topic rag already: RAG OR "retrieval-augmented". /topic edit changes it.'
    assert front.rows() == before


def test_an_edited_topic_keeps_its_names_and_its_followers(front: Front) -> None:
    front.ask(MANAGER, "/subscribe rag")
    told = front.carry_out(ADMIN, "/topic edit rag tea").blocks[0].text
    assert told == "Topic rag is now: tea\nChats that follow it get what it matches from their next digest on."
    assert front.follows(MANAGER) == ["#rag"]
    assert front.ask(MANAGER, "/digest").blocks[0].text == "2 new papers for RAG, Tuesday 8 April"
    assert "检索增强生成 (rag): tea" in front.ask(replace(OWNER, locale="zh"), "/topics").text


@pytest.mark.parametrize("named", ["rag", "RAG", "检索增强生成"])
def test_a_removed_topic_leaves_its_followers_its_query(front: Front, named: str) -> None:
    front.ask(MANAGER, "/subscribe rag")
    front.ask(OWNER, '/subscribe RAG OR "retrieval-augmented"')
    front.ask(OWNER, "/subscribe rag")
    told = front.carry_out(ADMIN, f"/topic remove {named}").blocks[0].text
    query = 'RAG OR "retrieval-augmented"'
    assert told == f"Topic rag removed. Chats that followed it now follow its query: {query}"
    assert front.follows(MANAGER) == [query]
    assert front.follows(OWNER) == [query], "once, where it followed both"
    assert f"1. {query}" in front.ask(MANAGER, "/subscriptions").text
    assert front.ask(ADMIN, "/topic remove rag").text == "There is no topic rag. /topics shows all."


def test_a_topic_is_removed_by_a_name_of_two_words(front: Front) -> None:
    assert front.carry_out(ADMIN, "/topic remove Language models").text.startswith("Topic llm removed.")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/topic", "Write what to do, the topic's short name, and its query:"),
        ("/topic paint rag", "Write what to do, the topic's short name, and its query:"),
        ("/topic remove", "Write what to do, the topic's short name, and its query:"),
        ("/topic add", "A topic needs a short name of letters, digits and hyphens, 40 at most: /topic add peft LoRA."),
        ("/topic add a/b LoRA", "A topic needs a short name of letters, digits and hyphens, 40 at most"),
        ("/topic add " + "x" * 41 + " LoRA", "A topic needs a short name of letters, digits and hyphens, 40 at most"),
        ("/topic add tea", "A topic needs a query: /topic add tea LoRA."),
        ("/topic add tea (x", "This parenthesis is never closed"),
        ("/topic edit rag -x", "The query says only what to leave out"),
        ("/topic edit rag " + "x" * 501, "The query has 501 characters; at most 500 are possible."),
        ("/topic edit tea LoRA", "There is no topic tea. /topic add makes it; /topics shows all."),
        ("/topic remove tea", "There is no topic tea. /topics shows all."),
    ],
)
def test_a_topic_that_cannot_be_is_refused_and_nothing_changes(front: Front, line: str, told: str) -> None:
    before = front.rows()
    assert front.ask(ADMIN, line).text.startswith(told)
    assert front.rows() == before


def test_a_topic_may_have_a_chinese_name_and_words_between_wide_spaces(front: Front) -> None:
    assert front.carry_out(ADMIN, "/topic add　大茶　tea OR 茶叶").text.startswith("Topic 大茶 added: tea OR 茶叶")
    assert "Subscribed to 大茶." in front.ask(OWNER, "/subscribe 大茶").text


def test_the_starting_topics_are_queries_that_a_chat_may_follow(front: Front) -> None:
    with front.store.reading() as tx:
        topics = tx.topics()
    for topic in topics:
        parse(topic.query, for_subscription=True)
        assert {language for language, _ in topic.names} == {"en", "zh-Hans", "zh-Hant"}
        assert f"Subscribed to {topic.name('en')}." in front.ask(OWNER, f"/subscribe {topic.slug}").text
    assert len(front.follows(OWNER)) == len(topics) == 12


def test_a_time_changed_after_todays_digest_asks_for_it_once_more_today(front: Front) -> None:
    front.announce([item(40, "Evening tea")])
    front.ask(OWNER, "/subscribe tea")
    later(front, hours=3)
    front.ask(OWNER, "/time 20:00")
    assert front.chat(OWNER).due_at == datetime(2025, 4, 8, 20, 0, tzinfo=UTC)


async def test_a_chat_that_moves_its_time_hears_of_an_empty_day_once(tmp_path: Path) -> None:
    house = House(tmp_path)
    desk = FrontDesk(Context(house.store, house.index, Config(access="open"), house.wall))
    caller = replace(OWNER, address=HERE)

    async def at(hour: int, *papers: FeedItem) -> list[str]:
        """Poll and deliver at ``hour``, then move the digest two hours on; what was said."""
        house.wire.arrived.clear()
        await house.day(papers, date(2025, 4, 8), hour)
        await desk.answer(caller, "time", f"{hour + 2}:00")
        return house.wire.texts()

    await desk.press(caller, "take:=gravity")
    assert await at(8, lora(1)) == ["Nothing new for gravity, Tuesday 8 April."]
    assert await at(10, lora(1)) == []
    assert await at(12, lora(1), lora(2)) == [], "what came meanwhile does not match"
    said = await at(14, lora(3, title="Gravity of LoRA"))
    assert said[0] == "1 new paper for gravity, Tuesday 8 April", "what does is not held back"
    assert await at(16, lora(4)) == [], "nor is a digest followed by its opposite"
    house.close()


def test_status_tells_how_the_anthology_was_read(front: Front) -> None:
    read = Feed("anthology", FeedState.FRESH, checked_at=front.now)

    def told(feed: Feed) -> str:
        with front.store.transaction() as tx:
            tx.put_feed(feed)
        return front.ask(ADMIN, "/status").text

    assert "anthology: read, nothing new so far · 2025-04-08 06:00 UTC" in told(read)
    assert "anthology: read, last new papers on Tuesday 8 April 2025" in told(replace(read, fresh_at=front.now))
    failed = replace(read, state=FeedState.FAILED, why="aclanthology.org answered HTTP 503")
    assert "anthology: could not be read" in told(failed) and "HTTP 503" in told(failed)
