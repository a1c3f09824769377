"""Telegram: papers offered in any chat, the bot called by its name in a group, the lists of commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.model import Place
from bot.ports import Offer, Offers
from bot.replies import Block, BlockKind, Button, Reply, Span, Style
from tests.servers.telegram import FakeTelegram
from tests.servers.telegram_bot import ADMIN, CHANNEL, GROUP, HERE, READER, Notebook, bot_on

CARD = Reply(
    (Block((Span("LoRA & <tea>", Style.BOLD, "https://arxiv.org/abs/1"),), BlockKind.ENTRY, 3),),
    ((Button("Read it", link="https://arxiv.org/abs/1"),),),
)


@pytest.fixture
def server() -> Iterator[FakeTelegram]:
    with FakeTelegram() as fake:
        yield fake
    assert fake.violations == []


async def test_papers_are_offered_to_whom_types_the_bots_name(server: FakeTelegram) -> None:
    desk = Notebook()
    desk.found = lambda text, offset: Offers((Offer("3", "LoRA\n& tea", "Fine\ntuning", CARD),), "20")
    server.push_inline(READER, " LoRA ", "40", "zh-hant")
    async with bot_on(server, desk):
        await server.until(lambda s: s.offered)
    ((caller, text, offset),) = desk.sought
    assert (caller.address, caller.user, caller.place, caller.locale) == (HERE, "telegram:7", Place.PRIVATE, "zh-hant")
    assert (text, offset) == ("LoRA", "40")
    (answer,) = server.offered
    (result,) = answer["results"]
    assert (result["type"], result["title"], result["description"]) == ("article", "LoRA & tea", "Fine\ntuning")
    assert result["input_message_content"]["message_text"].startswith('<a href="https://arxiv.org/abs/1"><b>LoRA &amp;')
    assert result["reply_markup"]["inline_keyboard"] == [[{"text": "Read it", "url": "https://arxiv.org/abs/1"}]]
    assert (answer["next_offset"], answer["is_personal"], answer["cache_time"]) == ("20", True, 300)
    assert "button" not in answer


async def test_what_cannot_be_offered_leads_to_the_private_chat(server: FakeTelegram) -> None:
    desk = Notebook()
    desk.found = lambda text, offset: Offers(hint="Open the chat with me to begin", seconds=5)
    server.push_inline(READER, "LoRA")
    async with bot_on(server, desk):
        await server.until(lambda s: s.offered)
    (answer,) = server.offered
    assert answer["button"] == {"text": "Open the chat with me to begin", "start_parameter": "inline"}
    assert (answer["results"], answer["cache_time"]) == ([], 5)


async def test_of_what_somebody_types_letter_by_letter_the_last_is_looked_for(server: FakeTelegram) -> None:
    desk = Notebook()
    desk.slow = 0.3
    for text in ("L", "Lo", "LoR", "LoRA"):
        server.push_inline(READER, text)
    server.push_message(READER, READER, "/paper RAG")
    async with bot_on(server, desk):
        await server.until(lambda s: len(s.offered) >= 1 and s.sent)
    assert [text for _, text, _ in desk.sought][-1] == "LoRA"
    assert len(desk.sought) <= 2


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("@paperround_bot 2403.17919", ("", "2403.17919")),
        ("see arxiv.org/abs/2403.17919 @PaperRound_bot?", ("", "see arxiv.org/abs/2403.17919  ?")),
        ("@paperround_bot", ("", "")),
        ("@paperround_bot /paper LoRA", ("paper", "LoRA")),
        ("@paperround_bot /frobnicate", ("frobnicate", "")),
    ],
)  # fmt: skip
async def test_a_group_that_calls_the_bot_by_its_name_is_answered(
    server: FakeTelegram, text: str, asked: tuple[str, str]
) -> None:
    for other in ("@another_bot 2403.17919", "write to me@paperround_bot", "@paperround_bots LoRA", "2403.17919"):
        server.push_message(GROUP, READER, other)
    number = server.push_message(GROUP, READER, text)
    desk = Notebook()
    async with bot_on(server, desk):
        await server.until(lambda s: s.sent)
    assert [(name, argument) for _, name, argument in desk.asked] == [asked]
    assert server.sent[0]["reply_parameters"]["message_id"] == number


async def test_what_the_bot_offered_and_a_channels_talk_of_it_are_no_questions(server: FakeTelegram) -> None:
    me = {"id": 123456, "is_bot": True, "first_name": "Paperround", "username": "paperround_bot"}
    server.add_chat(CHANNEL, "channel", "News")
    server.push_message(READER, READER, "LoRA & tea", via_bot=me)
    server.push_message(GROUP, READER, "@paperround_bot LoRA", via_bot=me)
    server.push_message(CHANNEL, None, "Read @paperround_bot every day")
    server.push_message(READER, READER, "the last")
    desk = Notebook()
    async with bot_on(server, desk):
        await server.until(lambda s: s.sent)
    assert [argument for _, _, argument in desk.asked] == ["the last"]


async def test_each_audience_reads_its_commands_in_its_language(server: FakeTelegram) -> None:
    async with bot_on(server, Notebook()):
        await server.until(lambda s: (f"chat {ADMIN}", "zh") in s.scoped)
    reading, managing, ruling = ["paper"], ["paper", "subscribe"], ["paper", "subscribe", "status"]
    for language in ("", "zh"):
        assert server.scoped["default", language] == managing
        assert server.scoped["all_private_chats", language] == managing
        assert server.scoped["all_group_chats", language] == reading
        assert server.scoped["all_chat_administrators", language] == managing
        assert server.scoped[f"chat {ADMIN}", language] == ruling
    assert server.commands[""][0]["description"] == "Find papers"
    assert server.commands["zh"][0]["description"] == "查找论文"
