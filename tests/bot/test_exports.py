"""Papers and digests for scripts and other programs: whatever the text, the form stays whole."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.exports import markdown, paper_json, printable, tally_json
from bot.model import Digest, DigestKind, Match, News, Paper, Rejected, Summary, Tally
from bot.pages import digest_page
from bot.replies import Block, BlockKind, Reply, Span, Style, bold, heading, italic, link, paragraph, plain
from bot.words import words_for

COMMONMARK = MarkdownIt("commonmark")
NASTY = st.text(st.sampled_from("ab1 .)-+=*_`[]()<>!#&;|~$\\\n\t\"'：，论x"), max_size=40)


def read(text: str) -> tuple[list[str], list[str], set[str]]:
    """(paragraphs as a reader sees them, addresses linked, kinds of blocks) of Markdown, by a parser of others."""
    seen, links, kinds = [], [], set()
    for token in COMMONMARK.parse(text):
        if token.type == "inline":
            children = token.children or []
            breaks = ("hardbreak", "softbreak")
            seen.append("".join("\n" if c.type in breaks else c.content for c in children))
            links += [str(c.attrs["href"]) for c in children if c.type == "link_open"]
            kinds |= {c.type for c in children} - {"text", "text_special", "hardbreak", "softbreak"}
        elif token.nesting >= 0:
            kinds.add(token.type)
    return seen, links, kinds


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


@given(NASTY)
def test_any_text_reads_in_markdown_as_it_was_written(text: str) -> None:
    seen, links, kinds = read(markdown(Reply((paragraph(text),))))
    assert squeezed("\n".join(seen)) == squeezed(text)
    assert not links
    assert kinds <= {"paragraph_open"}


@given(NASTY.filter(str.strip), NASTY, NASTY)
def test_a_title_cannot_break_out_of_its_link_nor_a_sentence_out_of_its_entry(title: str, one: str, facts: str) -> None:
    spans = (bold("1. "), link(title, "https://arxiv.org/abs/2504.00001"), plain("\n" + one), italic("\n" + facts))
    _, links, kinds = read(markdown(Reply((Block(spans, BlockKind.ENTRY, 1),))))
    assert set(links) == {"https://arxiv.org/abs/2504.00001"}
    assert kinds <= {"paragraph_open", "strong_open", "strong_close", "em_open", "em_close", "link_open", "link_close"}


@given(NASTY.filter(str.strip))
def test_a_heading_is_one_heading_whatever_it_says(text: str) -> None:
    seen, _, kinds = read(markdown(Reply((heading(text),))))
    assert kinds == {"heading_open"}
    assert " ".join("\n".join(seen).split()) == " ".join(text.split())


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//host/x", ""])
def test_only_web_addresses_become_links(address: str) -> None:
    reply = Reply((Block((Span("A title", Style.PLAIN, address),)),))
    assert markdown(reply) == "A title"
    found = paper_json(Paper(1, ("arxiv:2504.00001",), "A title", links=(address, "https://arxiv.org/abs/1")), ())
    assert found["links"] == ["https://arxiv.org/abs/1"]


def test_an_address_cannot_end_its_link_early() -> None:
    reply = Reply((Block((Span("A title", Style.PLAIN, "https://x.example/a>b c\n[d](<e)"),)),))
    _, links, kinds = read(markdown(reply))
    assert kinds == {"paragraph_open", "link_open", "link_close"}
    assert [address.count("example") for address in links] == [1]


def test_a_query_with_its_caret_and_a_long_text_keep_their_kinds() -> None:
    reply = Reply((Block((plain("LoRA ((\n     ^"),), BlockKind.CODE), Block((plain("One.\nTwo."),), BlockKind.QUOTE)))
    assert markdown(reply) == "    LoRA ((\n         ^\n\n> One.  \n> Two."


def test_a_digest_in_markdown_is_a_heading_and_an_entry_a_paper() -> None:
    paper = Paper(7, ("arxiv:2504.00007",), "Is $x<y$ & *z*?", "We measure it.", ("Ada [Lab] Löwe",), ("cs.CL",))
    digest = Digest(DigestKind.PAPERS, date(2025, 4, 8), (Match(7, News.NEW, ("C#",)),), 1, ("C#",))
    text = markdown(digest_page(words_for("en"), digest, {7: paper}, {7: (Summary(7, "en", "It is 2 < 3."),)}))
    seen, links, kinds = read(text)
    assert seen[0] == "1 new paper for C#, Tuesday 8 April"
    assert seen[1].split("\n") == ["1. Is x<y & *z*?", "It is 2 < 3.", "Ada [Lab] Löwe · cs.CL · C#"]
    assert links == ["https://arxiv.org/abs/2504.00007"]
    assert "heading_open" in kinds


@given(st.text())
def test_printable_text_steers_no_terminal_and_keeps_its_lines(text: str) -> None:
    shown = printable(text)
    assert not set(shown) & {"\x1b", "\x9b", "\r", "\x00", "\x7f", "\u202e", "\u2066"}
    assert shown.count("\n") == text.count("\n")
    assert printable(shown) == shown


def test_a_paper_for_scripts_has_its_keys_and_summaries_by_language_in_a_stable_order() -> None:
    paper = Paper(3, ("arxiv:2504.00003", "acl:2025.acl-1.3"), "A title", links=("https://arxiv.org/abs/2504.00003",))
    both = [Summary(3, "zh-Hans", "一句话。", "题目", "摘要。"), Summary(3, "en", "One sentence.")]
    found = paper_json(paper, both, 1.5)
    assert {"id", "keys", "title", "links", "summaries", "score"} <= found.keys()
    assert found["summaries"]["zh-Hans"] == {"headline": "一句话。", "title": "题目", "abstract": "摘要。"}
    assert json.dumps(found) == json.dumps(paper_json(paper, both[::-1], 1.5))
    assert "score" not in paper_json(paper, both)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.lists(st.text(), max_size=4))
def test_what_was_read_is_the_sum_of_what_became_of_it(
    new: int, merged: int, updated: int, same: int, why: list[str]
) -> None:
    found = tally_json(Tally(new, merged, updated, same, tuple(Rejected("file:1", text) for text in why)))
    counted = found["new"] + found["merged"] + found["updated"] + found["unchanged"]
    assert found["read"] == counted + len(found["refused"])
    assert [refused["why"] for refused in found["refused"]] == why
