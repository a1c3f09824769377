"""Rich messages on Telegram, and the classic ones where those are not taken."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings

from adapters.chats.telegram import Telegram
from adapters.chats.telegram_pace import Pace
from adapters.chats.telegram_render import marked, render
from adapters.chats.telegram_rich import rich_html
from bot.errors import TryLater
from bot.replies import Block, BlockKind, Button, Reply, Span, bold, heading, paragraph
from tests.adapters.test_telegram_render import REPLIES
from tests.servers.telegram import FakeTelegram
from tests.servers.telegram_bot import HERE
from tests.servers.telegram_rules import check_rich, check_text, decode

TITLE = Span("Knots in 𝒪(n²) & more", link="https://arxiv.org/abs/1", tex=r"Knots in $\mathcal{O}(n^2)$ \& more")
ENTRY = Block((bold("1. "), TITLE), BlockKind.ENTRY, 1, Button("1", "card:1::"), (Span("We tie n² < 3 knots."),))
CARD = Reply((heading("1 new paper"), ENTRY))


@settings(max_examples=100, deadline=None)
@given(REPLIES)
def test_whatever_the_reply_both_forms_are_within_telegrams_rules(reply: Reply) -> None:
    classic = [json.loads(message.payload) for message in render(reply)]
    for message, plain in zip((json.loads(m.payload) for m in render(reply, rich=True)), classic, strict=True):
        rich = message.pop("rich_message", None)
        assert message == plain, "the classic form is the same, whichever goes"
        if rich is not None:
            assert check_rich(rich["html"]) == []
            sent = {
                "rich_message": rich,
                "chat_id": 1,
                "reply_markup": message.get("reply_markup", {"inline_keyboard": []}),
            }
            assert not decode("sendRichMessage", sent)[1]


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"Knots in $\mathcal{O}(n^2)$ \& more", r"Knots in <tg-math>\mathcal{O}(n^2)</tg-math> &amp; more"),
        (r"For $p<q$ and $$r > s$$.", "For <tg-math>p&lt;q</tg-math> and <tg-math>r &gt; s</tg-math>."),
        (r"From $</tg-math><b>$ on", "From <tg-math>&lt;/tg-math&gt;&lt;b&gt;</tg-math> on"),
        (r"It costs $5 more", "AS TEXT"),
        (r"An unbalanced $\frac{1}{2$ here", "AS TEXT"),
        ("A formula $" + "x" * 500 + "$ without an end", "AS TEXT"),
    ],
)
def test_formulas_are_drawn_where_they_can_be_trusted_to_be_some(tex: str, shown: str) -> None:
    assert rich_html([paragraph(Span("AS TEXT", tex=tex))]) == f"<p>{shown}</p>"


def test_folds_open_in_place_and_lines_are_paragraphs() -> None:
    assert rich_html(CARD.blocks) == (
        "<h4><b>1 new paper</b></h4>"
        '<p><b>1. </b><a href="https://arxiv.org/abs/1">Knots in '
        "<tg-math>\\mathcal{O}(n^2)</tg-math> &amp; more</a></p>"
        "<details><summary>We tie n² &lt; 3 knots.…</summary><p>We tie n² &lt; 3 knots.</p></details>"
    )


def test_a_note_stands_above_both_forms_once() -> None:
    (message,) = render(CARD, rich=True)
    once = marked(message.payload, "Perhaps a repeat")
    body = json.loads(once)
    assert check_rich(body["rich_message"]["html"]) == [] and "Perhaps a repeat" in body["rich_message"]["html"]
    assert check_text(body)[0].startswith("Perhaps a repeat") and marked(once, "Perhaps a repeat") == once


@pytest.fixture
async def bot() -> AsyncIterator[tuple[FakeTelegram, Telegram]]:
    with FakeTelegram() as server:
        telegram = Telegram(server.token, server.url, Pace(per_second=10**6), rich=True)
        yield server, telegram
        await telegram.stop()
        assert server.violations == []


def called(server: FakeTelegram) -> list[str]:
    return [method for method, _ in server.calls if method.startswith("send")]


async def sent(telegram: Telegram, reply: Reply = CARD) -> Any:
    (message,) = telegram.render(reply)
    return await telegram.send(HERE, message.payload, "")


async def test_papers_come_as_rich_messages_and_words_as_usual(bot: tuple[FakeTelegram, Telegram]) -> None:
    server, telegram = bot
    await sent(telegram)
    await sent(telegram, Reply((paragraph("Subscribed."),)))
    assert called(server) == ["sendRichMessage", "sendMessage"]
    assert server.sent[0]["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "card:1::"


async def test_a_server_that_does_not_know_them_is_asked_once(bot: tuple[FakeTelegram, Telegram]) -> None:
    server, telegram = bot
    server.knows_rich = False
    for _ in range(3):
        await sent(telegram)
    assert called(server) == ["sendRichMessage", "sendMessage", "sendMessage", "sendMessage"]
    assert len(server.sent) == 3 and all("1 new paper" in one["visible"] for one in server.sent)


async def test_one_that_is_refused_comes_in_the_classic_form_and_the_next_is_rich_again(
    bot: tuple[FakeTelegram, Telegram],
) -> None:
    server, telegram = bot
    server.refuses_rich = "Knots"
    await sent(telegram)
    await sent(telegram, Reply((Block((Span("2. Tea"),), BlockKind.ENTRY, 2),)))
    assert called(server) == ["sendRichMessage", "sendMessage", "sendRichMessage"] and len(server.sent) == 2


async def test_a_token_that_is_refused_does_not_pass_for_a_server_without_them() -> None:
    with FakeTelegram() as server:
        telegram = Telegram("1:wrong", server.url, rich=True)
        with pytest.raises(TryLater):
            await sent(telegram)
        assert "rich_message" in json.loads(telegram.render(CARD)[0].payload)
        await telegram.stop()
