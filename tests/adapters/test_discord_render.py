"""What a reply looks like on Discord."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chats.discord_components import clean, length
from adapters.chats.discord_render import marked, render
from bot.replies import (
    Block,
    BlockKind,
    Button,
    Reply,
    Span,
    Style,
    bold,
    code,
    heading,
    italic,
    link,
    paragraph,
    plain,
)
from tests.servers.discord_objects import buttons_in, shown_in, text_of
from tests.servers.discord_rules import message_faults

_TOKENS = re.compile(
    r"(?P<block>^```\n(?P<blocktext>[\s\S]*?)\n```$)"
    r"|(?P<code>`(?P<codetext>[^`\n]+)`)"
    r"|\\(?P<escaped>[^0-9A-Za-z\s])"
    r"|(?P<head>^### )|(?P<quote>^> )"
    r"|\]\(<?(?P<target>https?://[^\s<>()]+)>?\)|(?P<open>\[)"
    r"|<(?P<bare>https?://[^\s<>]+)>"
    r"|(?P<mark>\*\*|\*)"
    r"|(?P<other>[\s\S])",
    re.MULTILINE,
)
_LITERAL_ONLY = set("\\*_~`|<>#@[]")


def read(markdown: str) -> str:
    """What Discord shows of ``markdown``; an AssertionError where something from outside would be taken for marks."""
    shown: list[str] = []
    for token in _TOKENS.finditer(markdown):
        match token.lastgroup:
            case "block":
                shown.append(token["blocktext"])
            case "code":
                shown.append(token["codetext"].replace("ˋ", "`"))
            case "escaped" | "bare" | "other":
                text = token[token.lastgroup]
                assert token.lastgroup != "other" or text not in _LITERAL_ONLY, f"{text!r} in {markdown!r}"
                shown.append(text)
    return "".join(shown)


def bodies(reply: Reply) -> list[dict[str, Any]]:
    return [json.loads(message.payload) for message in render(reply)]


def only_text(reply: Reply) -> str:
    (body,) = bodies(reply)
    return text_of(body).strip("\n")


def squeezed(text: str) -> str:
    """Without white space and zero-width marks; wide brackets and broken fences as typed."""
    text = text.replace("［", "[").replace("］", "]").replace("\u200b", "").replace("ˋ", "`")
    return "".join(text.split())


def entry(title: str, paper: int = 1, address: str = "https://arxiv.org/abs/2403.17919") -> Block:
    return Block((bold("1. "), Span(title, link=address), italic("\nA. One · cs.CL")), BlockKind.ENTRY, paper)


@pytest.mark.parametrize(
    "text",
    [
        "@everyone @here",
        "<@123> <@&45> <#6> <t:0:R> </help:1> <:smile:7> :smile:",
        "*a* **b** _c_ __d__ ~~e~~ ||f|| `g` \\h",
        "[text](https://evil.example)",
        "> quote\n>>> more",
        "# big\n## small\n-# tiny",
        "- one\n  * two\n+ three",
        "1. one\n2) two\n  3. three",
        "```\ncode\n```",
        "C# and x_i^2 a<b>c",
    ],
)
def test_text_from_outside_shows_literally(text: str) -> None:
    shown = only_text(Reply((paragraph(text),)))
    assert read(shown) == text
    assert not re.search(r"(?<!\\)@(everyone|here)|(?<!\\)<[@#:/t]|(?<!\\):smile:", shown)
    assert not re.search(r"(?m)^\s*([-+>#]|\d+[.)])", shown)


def test_nobody_can_be_pinged_and_previews_are_off() -> None:
    (body,) = bodies(Reply((paragraph("see ", link("this", "https://arxiv.org/abs/1"), " @everyone"),)))
    assert body["allowed_mentions"] == {"parse": []}
    assert body["flags"] == 4
    assert body["content"] == "see [this](<https://arxiv.org/abs/1>) \\@everyone"


def test_a_list_of_papers_is_of_components_with_linked_titles() -> None:
    message, *others = render(Reply((heading("2 new papers"), entry("LoRA_2 *fast*", 7), entry("RAG", 8))))
    body = json.loads(message.payload)
    assert not others
    assert message.papers == (7, 8)
    assert "content" not in body and body["flags"] == 1 << 15
    assert text_of(body) == (
        "### 2 new papers\n"
        "**1\\.** [LoRA\\_2 \\*fast\\*](https://arxiv.org/abs/2403.17919)\n*A. One · cs.CL*\n\n"
        "**1\\.** [RAG](https://arxiv.org/abs/2403.17919)\n*A. One · cs.CL*"
    )


def test_the_button_of_a_paper_stands_beside_it_and_the_others_under_the_last() -> None:
    entries = [replace(entry(f"Paper {n}", n), button=Button(str(n), f"card:{n}::")) for n in range(1, 31)]
    messages = render(Reply((heading("30 new papers"), *entries), ((Button("More", "turn:1:30"),),), spare=60))
    assert [paper for message in messages for paper in message.papers] == list(range(1, 31))
    assert len(messages) == 3, "40 components hold twelve papers, and the last ones have room for the row"
    for message in messages:
        body = json.loads(message.payload)
        assert message_faults(body, "MessageCreateRequest") == []
        carried = [button["custom_id"] for button in buttons_in(body["components"])]
        opened = [f"card:{paper}::" for paper in message.papers]
        assert carried in (opened, ["turn:1:30", *opened], [*opened, "turn:1:30"])
        (container,) = body["components"]
        sections = [one for one in container["components"] if one["type"] == 9]
        assert [one["accessory"]["label"] for one in sections] == [str(paper) for paper in message.papers]


def test_a_note_goes_above_a_message_of_components_that_has_room_for_it() -> None:
    blocks = [replace(entry(f"Paper {n} " + "x" * 180, n), button=Button(str(n), f"card:{n}::")) for n in range(1, 31)]
    for message in render(Reply((heading("30 new papers"), *blocks), spare=60)):
        body = json.loads(marked(message.payload, "n" * 60))
        assert message_faults(body, "MessageCreateRequest") == []
        assert body["components"][0] == {"type": 10, "content": "*" + "n" * 60 + "*"}
        assert marked(json.dumps(body).encode(), "n" * 60) == json.dumps(body).encode()


def test_what_folds_shows_how_it_begins_and_a_button_that_brings_the_rest() -> None:
    long = Span("A sentence of words. " * 40)
    unfold = Button("Abstract", "card:1:+:")
    facts = Block((italic("A. One"),), folds=(long, Span("Short.")), unfold=unfold)
    (body,) = bodies(Reply((entry("LoRA"), facts)))
    assert message_faults(body, "MessageCreateRequest") == []
    shown = text_of(body)
    assert "*A. One*\n> A sentence of words." in shown and "…\n\n> Short." in shown and len(shown) < 500
    assert [button["custom_id"] for button in buttons_in(body["components"])] == ["card:1:+:"]
    (body,) = bodies(Reply((entry("LoRA"), replace(facts, folds=(Span("Short."),)))))
    assert not buttons_in(body["components"]), "there is no rest"


def test_what_takes_the_place_of_a_message_of_components_is_one_itself() -> None:
    (message,) = render(Reply((paragraph("Erased."),)), components=True)
    body = json.loads(message.payload)
    assert message_faults(body, "MessageCreateRequest") == [] and text_of(body).strip() == "Erased."
    assert body["flags"] == 1 << 15


def test_a_plain_entry_without_a_link_is_content_with_a_whole_address() -> None:
    block = Block((plain("1. On a_b\nhttps://arxiv.org/abs/hep-th/9901001"),), BlockKind.ENTRY, 3)
    (message,) = render(Reply((block,)))
    assert json.loads(message.payload)["content"] == "1\\. On a\\_b\n<https://arxiv.org/abs/hep-th/9901001>"
    assert message.papers == (3,)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("A [b] c", "[A \\[b\\] c]("),
        ("A [b c", "[A ［b c]("),
        ("A [b [c]] d", "[A ［b ［c］］ d]("),
        ("see https://x.org](https://evil.org", "[see https\\://x.org］(https\\://evil.org]("),
    ],
)
def test_brackets_in_a_title_do_not_break_its_link(title: str, shown: str) -> None:
    assert shown in only_text(Reply((entry(title),)))


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "ftp://x.org/a", "https://", "//x.org", "https://user@x.org", "https://x" + "y" * 3000],
)
def test_only_web_addresses_become_links(address: str) -> None:
    shown = only_text(Reply((paragraph(Span("text", link=address)),)))
    assert shown == "text"


def test_an_address_cannot_break_out_of_its_link() -> None:
    shown = only_text(Reply((paragraph(Span("x", link="https://a.org/b) @everyone <c>\n(d")),)))
    assert shown == "[x](<https://a.org/b%29%20%40everyone%20%3Cc%3E%0A%28d>)"


def test_styles_and_kinds_have_their_marks() -> None:
    reply = Reply(
        (
            heading("Head\nline"),
            paragraph(bold("b "), italic("i"), bold("b2"), plain(" and "), code("/paper LoRA`x")),
            Block((plain("long\n- text"),), BlockKind.QUOTE),
            Block((plain("a ``` AND\n  ^"),), BlockKind.CODE),
            paragraph("end"),
        )
    )
    assert only_text(reply) == (
        "### Head line\n**b** *i*\u200b**b2** and `/paper LoRAˋx`\n\n> long\n> \\- text\n\n"
        "```\na `\u200b`\u200b` AND\n  ^\n```\nend"
    )


def test_a_long_list_splits_between_papers_and_keeps_their_ids() -> None:
    blocks = [entry(f"Paper {n} " + "x" * 700, n) for n in range(1, 21)]
    messages = render(Reply((heading("20 new papers"), *blocks), ((Button("More", "more:1:20"),),)))
    assert [paper for message in messages for paper in message.papers] == list(range(1, 21))
    assert 4 <= len(messages) <= 5
    for message in messages:
        body = json.loads(message.payload)
        assert len(re.findall(r"Paper \d+ x{700}\]", text_of(body))) == len(message.papers)
        assert bool(buttons_in(body["components"])) == (message is messages[-1])


@pytest.mark.parametrize(("spare", "messages"), [(0, 1), (1, 2)])
def test_texts_fill_a_message_to_its_last_character(spare: int, messages: int) -> None:
    def filling(size: int) -> Block:
        return Block((Span("x" * (size - len("[](https://a.org)")), link="https://a.org"),), BlockKind.ENTRY, 1)

    assert len(render(Reply((filling(2000), filling(4000 - 2000 - 2 + spare))))) == messages


def test_what_cannot_be_shown_is_left_out_and_line_ends_are_one_kind() -> None:
    text = "a\x00\x1b[1m\r\nb\rc\u2028d\u202ee\u2066f\ud800g\th"
    assert read(only_text(Reply((paragraph(text),)))) == "a[1m\nb\nc\ndef\ufffdg\th"


def test_an_entry_longer_than_a_message_is_told_once() -> None:
    messages = render(Reply((entry("t" * 9000, 5),)))
    assert [message.papers for message in messages] == [(5,), (), ()]
    assert "".join(text_of(json.loads(m.payload)) for m in messages).count("t") >= 9000


def test_a_heading_does_not_stand_alone_at_the_foot() -> None:
    blocks = (paragraph("x" * 1980), heading("Next"), paragraph("y" * 500))
    first, second = bodies(Reply(blocks))
    assert "Next" not in first["content"]
    assert second["content"].startswith("### Next\ny")


def test_buttons_stay_within_rows_and_each_stands_once() -> None:
    row = tuple(Button("x" * 200 if n == 0 else str(n), f"do:{n}") for n in range(7))
    (body,) = bodies(
        Reply(
            (paragraph("hi"),),
            (
                row,
                (Button("again", "do:0"), Button("bad", link="javascript:x"), Button("", "do:9")),
                (Button("arXiv", link="https://arxiv.org/abs/1"),),
            ),
        )
    )
    rows = [row["components"] for row in body["components"]]
    assert [len(row) for row in rows] == [5, 2, 1, 1]
    assert length(rows[0][0]["label"]) == 80
    assert rows[2][0] == {"type": 2, "style": 2, "label": "…", "custom_id": "do:9"}
    assert rows[3][0] == {"type": 2, "style": 5, "label": "arXiv", "url": "https://arxiv.org/abs/1"}


def test_a_reply_without_words_still_carries_its_buttons() -> None:
    assert render(Reply(())) == ()
    (body,) = bodies(Reply((paragraph(" \n"),), ((Button("Go", "go"),),)))
    assert message_faults(body, "MessageCreateRequest") == []


_words = st.text(st.characters(codec="utf-8") | st.sampled_from("\\*_~`|<>@#[]()-+.:1 \n😀𝒪"), max_size=60)
_texts = st.one_of(
    _words,
    st.sampled_from(["@everyone", "<@1>", "||x||", "```", "https://a.org/b_c", "[a](b)", "\n- ", "1. ", " [", ":x:"]),
    st.builds(lambda text, times: text * times, _words, st.integers(1, 200)),
)
_spans = st.builds(
    Span, _texts, st.sampled_from(list(Style)), st.sampled_from(["", "", "https://arxiv.org/abs/1_2(3)", "x:y"])
)
_buttons = st.builds(Button, _words, st.integers(0, 99).map("card:{}::".format))
_blocks = st.builds(
    Block,
    st.lists(_spans, min_size=1, max_size=5).map(tuple),
    st.sampled_from(list(BlockKind)),
    st.integers(0, 9),
    st.none() | _buttons,
)
_replies = st.builds(
    Reply,
    st.lists(_blocks, max_size=8).map(tuple),
    st.lists(st.lists(st.builds(Button, _words, _words), max_size=7).map(tuple), max_size=7).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(_replies)
def test_every_reply_fits_and_is_told_whole_in_order_and_pings_nobody(reply: Reply) -> None:
    messages = [json.loads(message.payload) for message in render(reply)]
    for body in messages:
        assert message_faults(body, "MessageCreateRequest") == []
    sheets = [
        sheet
        for body in messages
        for sheet in ([body["content"]] if "content" in body else shown_in(body["components"]))
    ]
    told = squeezed("".join(map(read, sheets)))
    meant = squeezed("".join(clean(block.text) for block in reply.blocks if squeezed(clean(block.text))))
    assert told == meant or (not meant and told in ("", "…"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(_texts, st.integers(1, 99)), max_size=30))
def test_each_paper_is_named_by_the_first_message_that_tells_of_it(papers: list[tuple[str, int]]) -> None:
    blocks = tuple(
        Block((plain(f"{n}!"), Span(text, link="https://arxiv.org/abs/1")), BlockKind.ENTRY, n) for text, n in papers
    )
    messages = render(Reply(blocks))
    assert [paper for message in messages for paper in message.papers] == [n for _, n in papers]


def test_short_rows_are_joined_where_there_are_more_than_a_message_has() -> None:
    rows = tuple((Button(f"a{n}", f"x:{n}:a"), Button(f"b{n}", f"x:{n}:b")) for n in range(7))
    (body,) = bodies(Reply((paragraph("Choose."),), rows))
    assert message_faults(body, "MessageCreateRequest") == []
    assert [[b["label"] for b in row["components"]] for row in body["components"]] == [
        ["a0", "b0", "a1", "b1"], ["a2", "b2", "a3", "b3"], ["a4", "b4"], ["a5", "b5"], ["a6", "b6"],
    ]  # fmt: skip
