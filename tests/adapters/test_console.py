"""The console: how a reply looks on a terminal and in a pipe, and what a line means."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from adapters.chats.console import Console
from adapters.chats.console_text import block_text, breaks, buttons_text
from bot.ports import Caller
from bot.replies import Block, BlockKind, Button, Reply, Span, Style, bold, heading, italic, link, paragraph, plain, say
from tests.servers.telegram_bot import Notebook

ENTRY = Block(
    (
        bold("12. "),
        link("Kettle: Low-Rank Tea for Language Models", "https://arxiv.org/abs/2402.10001"),
        plain("\n本文提出了Kettle，一种为语言模型泡茶的低秩方法，速度是茶壶的三倍。"),
        italic("\nAda Lovelace, Alan Turing · cs.CL"),
    ),
    BlockKind.ENTRY,
    7,
)
TEXT = st.text(st.sampled_from("ab 、，。（）《》论文方法x-/,.;e\u0301\U0001f375"), max_size=120)


def rows(block: Block, width: int) -> list[str]:
    return block_text(block, width).plain.split("\n")


def test_an_entry_hangs_under_its_number_with_the_link_below_the_title() -> None:
    assert rows(ENTRY, 40) == [
        "12. Kettle: Low-Rank Tea for Language",
        "    Models",
        "    https://arxiv.org/abs/2402.10001",
        "    本文提出了Kettle，一种为语言模型泡茶",
        "    的低秩方法，速度是茶壶的三倍。",
        "    Ada Lovelace, Alan Turing · cs.CL",
    ]


def test_in_a_pipe_nothing_is_wrapped() -> None:
    assert len(rows(ENTRY, 0)) == 4
    assert rows(ENTRY, 0)[2].startswith("    本文提出了Kettle")


def test_an_address_and_a_caret_under_a_query_are_never_cut() -> None:
    address = "https://aclanthology.org/" + "2024.findings-acl.525/" * 4
    assert f"   {address}" in rows(Block((bold("1. "), link("A title", address)), BlockKind.ENTRY), 40)
    query = "word " * 12 + "(("
    assert rows(Block((plain(f"{query}\n{' ' * 61}^"),), BlockKind.CODE), 40) == [query, " " * 61 + "^"]


def test_an_address_that_is_not_of_the_web_is_not_shown() -> None:
    assert rows(Block((Span("A title", Style.PLAIN, "file:///etc/passwd"),), BlockKind.ENTRY), 40) == ["A title"]


def test_a_list_of_commands_goes_on_further_in() -> None:
    block = paragraph("/subscribe QUERY  Follow a topic or words of your own\n/topics  The topics there are\n")
    assert rows(block, 40) == [
        "/subscribe QUERY  Follow a topic or",
        "    words of your own",
        "/topics  The topics there are",
    ]


@given(TEXT, st.integers(20, 60))
def test_no_row_is_wider_than_the_terminal_and_no_word_is_lost(text: str, width: int) -> None:
    shown = rows(Block((bold("1. "), plain(text)), BlockKind.ENTRY), width)
    assert max(map(cell_len, shown)) <= width
    assert "".join("".join(shown).split()) == "".join(f"1. {text}".split())
    assert all(row.startswith("   ") or not row for row in shown[1:])


@given(st.lists(st.text("abcdef", min_size=1, max_size=12), max_size=30), st.integers(20, 60))
def test_words_are_not_cut_where_they_fit(words: list[str], width: int) -> None:
    line = " ".join(words)
    ends = [0, *breaks(line, width, width), len(line)]
    found = [line[a:b].split() for a, b in pairwise(ends)]
    assert [word for row in found for word in row] == words


@given(st.text("论文，。方法（》", min_size=1, max_size=80), st.integers(20, 40))
def test_a_row_of_chinese_begins_with_no_closing_mark_where_it_can(text: str, width: int) -> None:
    for before, at in pairwise([0, *breaks(text, width, width)]):
        better = [i for i in range(before + 1, at) if text[i] not in "，。》" and text[i - 1] != "（"]
        assert text[at] not in "，。》" or not better
        assert text[at - 1] != "（" or not better


def console(width: int = 0) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(out), out


def test_what_comes_from_outside_steers_no_terminal() -> None:
    shown, out = console()
    shown.show(Reply((paragraph("Tea\x1b[2J\r\x9b31m\u202e[red]is[/red] hot"),), ((Button("\x1b]0;x\x07Go", "go"),),)))
    text = out.getvalue()
    assert "Tea[2J31m[red]is[/red] hot" in text
    assert "[1] ]0;xGo" in text
    assert not set(text) & {"\x1b", "\r", "\x9b", "\u202e", "\x07"}


def test_headings_and_buttons_are_shown_with_numbers_to_press() -> None:
    shown, out = console()
    links = (Button("arXiv", link="https://arxiv.org/abs/1"), Button("Next ›", "page:20"))
    shown.show(Reply((heading("2 new papers"), say("One.").blocks[0]), (links,)))
    assert out.getvalue() == "2 new papers\n\nOne.\n\n[1] arXiv https://arxiv.org/abs/1   [2] Next ›\n\n"


def test_a_row_of_buttons_ends_between_two_of_them() -> None:
    labels = ("LLM agents", "Alignment", "Efficient inference", "高效微调")
    numbered = {str(number): Button(label) for number, label in enumerate(labels, 1)}
    assert buttons_text(numbered, 40).plain.split("\n") == [
        "[1] LLM agents   [2] Alignment",
        "[3] Efficient inference   [4] 高效微调",
    ]
    assert "\n" not in buttons_text(numbered).plain


class Desk(Notebook):
    """Remembers what was asked and pressed."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, ...]] = []

    async def answer(self, caller: Caller, name: str, argument: str) -> Reply:
        self.heard.append((name, argument))
        return say("Answered.")

    async def press(self, caller: Caller, action: str) -> Reply:
        self.heard.append(("press", action))
        return say("Pressed.")


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("/paper LoRA on a boat", ("paper", "LoRA on a boat")),
        ("/help", ("help", "")),
        ("LoRA", ("", "LoRA")),
        ("2", ("press", "page:20")),
        ("1", ("", "1")),
        ("3", ("", "3")),
        ("0", ("", "0")),
        ("٢", ("press", "page:20")),
        ("2" * 30, ("", "2" * 30)),
    ],
)
async def test_a_line_is_a_command_a_button_just_shown_or_words_to_look_for(line: str, asked: Sequence[str]) -> None:
    desk = Desk()
    shown, _ = console()
    shown.show(say("Two buttons.", buttons=[[Button("Open", link="https://arxiv.org")], [Button("Next", "page:20")]]))
    await shown.take(desk, line)
    assert desk.heard == [tuple(asked)]
    await asyncio.sleep(0)


def test_the_person_at_the_terminal_is_admin_there() -> None:
    caller = console()[0].caller
    assert caller.admin and caller.manages
    assert str(caller.address) == "console:local"
