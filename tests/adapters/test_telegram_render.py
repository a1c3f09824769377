"""What Telegram is shown."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chats.telegram_render import MAX_ENTITIES, clean, render
from bot.replies import Block, BlockKind, Button, Reply, Span, Style, code, heading, link, paragraph, say
from tests.servers.telegram_rules import check_keyboard, check_text, decode, parse_html, utf16

ADDRESSES = st.sampled_from(
    [
        "",
        "https://arxiv.org/abs/2403.17919",
        'http://x.org/?a=1&b="2"',
        "javascript:alert(1)",
        "https://",
        "https://a b",
    ]
)
TEXTS = st.text(
    st.one_of(
        st.sampled_from(' \n\t<>&"@a😀é\x00\x1f\u202e\ud83d𝒪'), st.characters(codec="utf-8", exclude_categories=["Zs"])
    ),
    max_size=40,
)
LONG = st.builds(lambda text, times: text * times, TEXTS, st.integers(1, 400))
SPANS = st.builds(Span, st.one_of(TEXTS, LONG), st.sampled_from(Style), ADDRESSES)
BLOCKS = st.builds(Block, st.lists(SPANS, max_size=8).map(tuple), st.sampled_from(BlockKind), st.integers(0, 50))
BUTTONS = st.one_of(
    st.builds(Button, TEXTS, st.text("abc:é", min_size=1, max_size=32)),
    st.builds(Button, TEXTS, link=ADDRESSES.filter(bool)),
)
REPLIES = st.builds(
    Reply,
    st.lists(BLOCKS, max_size=8).map(tuple),
    st.lists(st.lists(BUTTONS, max_size=20).map(tuple), max_size=12).map(tuple),
)


def parameters(reply: Reply) -> list[dict[str, Any]]:
    return [json.loads(message.payload) for message in render(reply)]


def squeezed(text: str) -> str:
    """Without white space and the word joiner that takes the ping out of a mention."""
    return re.sub(r"\s|\u2060", "", text)


@settings(max_examples=150, deadline=None)
@given(REPLIES)
def test_whatever_the_reply_each_message_is_within_telegrams_limits(reply: Reply) -> None:
    for message in parameters(reply):
        _, entities, wrong = check_text(message)
        assert not wrong
        assert len(entities) <= MAX_ENTITIES
        assert not check_keyboard(message.get("reply_markup", {}))
        assert not decode("sendMessage", message | {"chat_id": 1})[1]


@settings(max_examples=150, deadline=None)
@given(st.lists(BLOCKS, max_size=8).map(tuple))
def test_all_text_arrives_once_and_in_order(blocks: tuple[Block, ...]) -> None:
    visible = "".join(parse_html(message["text"])[0] for message in parameters(Reply(blocks)))
    assert squeezed(visible) == squeezed(clean("".join(block.text for block in blocks)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("word ", min_size=1, max_size=3000), max_size=12))
def test_an_entry_that_fits_a_message_is_never_split(texts: list[str]) -> None:
    blocks = tuple(Block((Span(f"{i}|{text}|"),), BlockKind.ENTRY, i) for i, text in enumerate(texts, 1))
    messages = render(Reply(blocks))
    for message in messages:
        visible = parse_html(json.loads(message.payload)["text"])[0]
        for paper in message.papers:
            assert f"{paper}|{texts[paper - 1]}|" in visible
    assert [paper for message in messages for paper in message.papers] == list(range(1, len(texts) + 1))


def test_a_message_is_filled_before_the_next_is_begun() -> None:
    blocks = tuple(Block((Span("x" * 1000),), BlockKind.ENTRY, i) for i in range(1, 9))
    assert [message.papers for message in render(Reply(blocks))] == [(1, 2, 3, 4), (5, 6, 7, 8)]


def test_length_counts_utf16_so_that_formulas_and_emoji_count_twice() -> None:
    blocks = (paragraph("𝒪" * 1500), paragraph("𝒪" * 1500))
    assert len(render(Reply(blocks))) == 2
    assert len(render(Reply((paragraph("O" * 1500), paragraph("O" * 1500))))) == 1


def test_a_block_too_long_alone_is_cut_on_a_word_and_keeps_its_styles() -> None:
    block = Block((Span("bold words " * 500, Style.BOLD), link("a link to follow " * 100, "https://arxiv.org")))
    sent = parameters(Reply((block,)))
    assert len(sent) == 2
    for message in sent:
        visible, entities, _ = parse_html(message["text"])
        assert {entity["type"] for entity in entities} <= {"b", "a"}
        assert set(visible.split()) <= {"bold", "words", "a", "link", "to", "follow"}
        assert utf16(visible) > 2000


def test_a_cut_entry_belongs_to_the_message_in_which_it_ends() -> None:
    block = Block((Span("long words " * 500),), BlockKind.ENTRY, 7)
    assert [message.papers for message in render(Reply((block,)))] == [(), (7,)]


def test_a_word_longer_than_a_message_is_cut_all_the_same() -> None:
    assert [utf16(parse_html(m["text"])[0]) for m in parameters(say("a " + "x" * 5000))] == [1, 4096, 904]


def test_text_out_of_a_paper_is_escaped() -> None:
    (message,) = parameters(say('<think> & </b> $p<q$ "quoted"'))
    assert message["text"] == "&lt;think&gt; &amp; &lt;/b&gt; $p&lt;q$ &quot;quoted&quot;"


def test_the_kinds_of_blocks_look_as_telegram_can_show_them() -> None:
    reply = Reply(
        (
            heading("7 new papers"),
            Block((Span("1. "), link("LoRA", "https://arxiv.org/abs/2106.09685?a=1&b=2")), BlockKind.ENTRY, 1),
            Block((Span("An abstract."),), BlockKind.QUOTE),
            Block((Span("a AND\n    ^", Style.BOLD),), BlockKind.CODE),
            paragraph(code("/help"), Span(" "), Span("said", Style.ITALIC)),
        )
    )
    (message,) = parameters(reply)
    assert message["text"] == (
        "<b>7 new papers</b>\n\n"
        '1. <a href="https://arxiv.org/abs/2106.09685?a=1&amp;b=2">LoRA</a>\n\n'
        "<blockquote expandable>An abstract.</blockquote>\n\n"
        "<pre>a AND\n    ^</pre>\n\n"
        "<code>/help</code> <i>said</i>"
    )
    assert message["link_preview_options"] == {"is_disabled": True}


@pytest.mark.parametrize("address", ["javascript:alert(1)", "tg://user?id=1", "https://", "http://a b/", "ftp://x.org"])
def test_only_http_addresses_become_links(address: str) -> None:
    (message,) = parameters(Reply((paragraph(Span("text", link=address)),), ((Button("open", link=address),),)))
    assert message["text"] == "text"
    assert "reply_markup" not in message


def test_a_name_after_an_at_sign_pings_nobody_and_an_address_of_mail_stays() -> None:
    (message,) = parameters(say("ask @someone or me@example.org about pass@1"))
    assert message["text"] == "ask @\u2060someone or me@example.org about pass@1"


def test_a_hundred_links_are_spread_so_that_none_is_dropped() -> None:
    blocks = tuple(Block((link(f"paper {i}", "https://arxiv.org"),), BlockKind.ENTRY, i) for i in range(1, 131))
    assert [len(parse_html(message["text"])[1]) for message in parameters(Reply(blocks))] == [95, 35]


def test_a_block_with_more_links_than_a_message_may_have_is_cut() -> None:
    spans = tuple(link(f"paper {i} ", "https://arxiv.org") for i in range(150))
    sent = parameters(Reply((Block(spans, BlockKind.QUOTE),)))
    assert [len(parse_html(message["text"])[1]) for message in sent] == [95, 57]


def test_the_blank_line_between_blocks_counts() -> None:
    assert len(parameters(say("x" * 2048, "y" * 2046))) == 1
    assert len(parameters(say("x" * 2048, "y" * 2047))) == 2


def test_buttons_stand_under_the_last_message_in_even_rows_of_eight_at_most() -> None:
    buttons = tuple(Button(str(i), f"page:{i}") for i in range(10))
    sent = parameters(Reply(tuple(paragraph("x" * 3000) for _ in range(2)), (buttons,)))
    assert "reply_markup" not in sent[0]
    assert [len(row) for row in sent[1]["reply_markup"]["inline_keyboard"]] == [5, 5]


def test_labels_that_a_telephone_would_cut_get_rows_of_fewer() -> None:
    def rows(*labels: tuple[str, ...]) -> list[list[str]]:
        made = tuple(tuple(Button(label, f"x:{label}") for label in row) for row in labels)
        (sent,) = parameters(Reply((paragraph("Choose."),), made))
        return [[button["text"] for button in row] for row in sent["reply_markup"]["inline_keyboard"]]

    assert rows(("Save", "👍", "👎"), ("‹ Back",)) == [["Save", "👍", "👎"], ["‹ Back"]]
    three = ("Language", "Weekdays", "Time")
    assert rows(three, ("Papers a digest", "Layout", "News"), ("‹ Back",)) == [
        ["Language", "Weekdays"], ["Time", "Papers a digest"], ["Layout", "News"], ["‹ Back"],
    ]  # fmt: skip
    assert rows(("Say when nothing came", "Without a sound")) == [["Say when nothing came"], ["Without a sound"]]
    assert rows(("每份日报的篇数", "样式", "消息")) == [["每份日报的篇数", "样式"], ["消息"]]


def test_more_than_a_hundred_buttons_go_on_under_another_message() -> None:
    rows = tuple((Button(str(i), f"drop:{i}"),) for i in range(101))
    sent = parameters(say("Which one?", buttons=rows))
    assert [len(message["reply_markup"]["inline_keyboard"]) for message in sent] == [100, 1]


@pytest.mark.parametrize("action", ["", "x" * 65, "é" * 33])
def test_a_button_that_cannot_carry_its_action_is_a_mistake(action: str) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        render(say("text", buttons=[[Button("press", action)]]))


def test_an_empty_reply_is_no_message() -> None:
    assert render(say("", " \n\x00")) == ()


def test_a_document_of_a_megabyte_renders_in_time() -> None:
    assert len(render(say("words of a very long list of authors, " * 2000))) == 19
