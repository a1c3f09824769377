"""What is written as a document and read again is the same, field by field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.digest_files import read_documents
from adapters.digest_files.fields import Cleaning, Entry, Unusable, item_of
from adapters.digest_files.writing import WRITERS, write_list, write_monthly, write_references
from bot.model import FeedItem, Kind, SummaryText
from tests.documents import METADATA_LINE, MONTHLY, PAPER_LIST, REFERENCES, SUMMARY_LINES, json_lines
from tests.paths import SHARED

DIGESTS = SHARED / "data" / "digests"
CORPUS = SHARED / "data" / "corpus"
needs_digests = pytest.mark.skipif(not DIGESTS.is_dir(), reason="the shared digests are not on this machine")
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not on this machine")

OWN = {"reference": REFERENCES, "list": PAPER_LIST, "monthly": MONTHLY,
       "jsonl": json_lines(*SUMMARY_LINES, METADATA_LINE)}  # fmt: skip


def items_of(path: Path) -> list[FeedItem]:
    return [item for chunk in read_documents(path) for item in chunk.items]


def again(items: Sequence[FeedItem], form: str, folder: Path, language: str = "") -> list[FeedItem]:
    path = folder / "again"
    path.write_text(WRITERS[form](items, language), encoding="utf-8", newline="")
    return items_of(path)


def form_of(path: Path) -> str:
    opening = path.read_text(encoding="utf-8")[:2_000]
    return "reference" if "| Ref |" in opening else "list" if "# PaperSummary" in opening else "monthly"


def same(read: Sequence[FeedItem], written: Sequence[FeedItem]) -> None:
    assert [item.key for item in read] == [item.key for item in written]
    for one, other in zip(read, written, strict=True):
        for field in fields(FeedItem):
            assert getattr(one, field.name) == getattr(other, field.name), (one.key, field.name)


@pytest.mark.parametrize("form", OWN)
def test_a_document_written_in_its_own_layout_gives_the_same_papers_words_and_links(tmp_path: Path, form: str) -> None:
    (tmp_path / "own").write_text(OWN[form], encoding="utf-8")
    items = items_of(tmp_path / "own")
    assert items
    same(again(items, form, tmp_path), items)


@needs_digests
def test_every_real_document_written_in_its_own_layout_gives_the_same(tmp_path: Path) -> None:
    paths = [*sorted(DIGESTS.glob("*.txt")), *sorted((DIGESTS / "history").iterdir())]
    assert len(paths) == 69
    compared = 0
    for path in paths:
        items = items_of(path)
        same(again(items, form_of(path), tmp_path), items)
        compared += len(items)
    assert compared == 5_354


@needs_digests
def test_json_lines_keep_all_that_the_real_documents_hold(tmp_path: Path) -> None:
    items = items_of(DIGESTS)
    same(again(items, "jsonl", tmp_path), items)


NASTY = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from([
            "|", "\\|", "\\\\|", "](", "](https://arxiv.org/abs/2402.10001) |", "[^1]", "[^1]: x", "___",
            "\\___", "\n", "\r\n", "\n\n", "\u2028", "\u200f", "\u202e", "\ufeff", "$\\|x\\|_2$", "\\[x\\](y)",
            "]\\(", "茶", "壺", "論文", "一种方法。", "Tea", " we ", ".", "。", "..", "…", "Abstract: ",
            "摘要：", "《", "》", "（arXiv:2402.10001v2 [cs.CL]）", "(arXiv:2402.10009v2)",
            "arXiv:2402.10001v3 Announce Type: new Abstract: ", "### abstract", "## x", "# 摘要",
            "| --- | --- |", "https://x.example/a_(b)", "*", "`", "<b>", "&amp;", "，", ", ", "、", "很抱歉，",
            "英文总结：",
        ]),
        max_size=7,
    ).map("".join),
)  # fmt: skip
KEYS = ["2402.10001", "hep-th/9901001", "acl:2024.teapot-1.7", "acl:P17-1001", "doi:10.1000/182(3)<4>"]
ENTRIES = st.builds(
    Entry,
    id=st.sampled_from(KEYS),
    title=NASTY,
    abstract=NASTY,
    translated_title=NASTY,
    translated_abstract=NASTY,
    headline=NASTY,
    english_headline=NASTY,
    authors=st.lists(NASTY, max_size=2).map(tuple),
    categories=st.lists(st.sampled_from(["cs.CL", "hep-th", "math.CO"]), max_size=3).map(tuple),
    subjects=NASTY,
    dated_on=st.none() | st.dates(date(1991, 1, 1), date(2199, 1, 1)),
    doi=NASTY,
    journal=NASTY,
    links=st.lists(st.sampled_from(["https://aclanthology.org/2024.teapot-1.9/", "https://x.example/(a)"])).map(tuple),
    curated=st.booleans(),
)


def reference_part(entry: Entry) -> Entry:
    return Entry(
        id=entry.id, title=entry.title, abstract=entry.abstract, translated_title=entry.translated_title,
        translated_abstract=entry.translated_abstract, headline=entry.headline, english_headline=entry.english_headline,
    )  # fmt: skip


def list_part(entry: Entry) -> Entry:
    return Entry(id=entry.id, title=entry.title, translated_abstract=entry.translated_abstract)


def monthly_part(entry: Entry) -> Entry:
    return Entry(
        id=entry.id, title=entry.title, translated_abstract=entry.translated_abstract, subjects=entry.subjects,
        dated_on=entry.dated_on,
    )  # fmt: skip


PARTS: dict[str, Callable[[Entry], Entry]] = {
    "reference": reference_part, "list": list_part, "monthly": monthly_part, "jsonl": lambda entry: entry,
}  # fmt: skip


@pytest.mark.parametrize("form", PARTS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(ENTRIES, min_size=1, max_size=3, unique_by=lambda entry: entry.id))
@example(entries=[Entry(id="2402.10001", title="A. (arXiv:2402.10001v2 [cs.CL])", translated_abstract="茶|")])
def test_the_nastiest_words_come_back_as_they_were(tmp_path: Path, form: str, entries: list[Entry]) -> None:
    items = []
    for entry in entries:
        try:
            items.append(item_of(PARTS[form](entry), Cleaning()))
        except Unusable:
            continue
    if form == "list":  # which has no place for a paper without an abstract
        items = [item for item in items if item.summaries]
    if items:
        same(again(items, form, tmp_path), items)


LISA = FeedItem(
    key="arxiv:2403.00001", kind=Kind.KNOWN, title="Layers of Tea", abstract="We stack leaves.", version=2,
    authors=("Ada Löffel",), categories=("cs.CL", "cs.LG"), announced_on=date(2024, 3, 5), doi="10.1000/182",
    links=("https://arxiv.org/abs/2403.00001", "https://aclanthology.org/2024.teapot-1.3/"), subjects=("茶",),
    summaries=(
        SummaryText("zh-Hans", "把茶叶叠起来。", "茶的层次", "我们把茶叶叠起来。", "curated"),
        SummaryText("en", "Leaves are stacked.", "", "A plain abstract.", "model"),
    ),
)  # fmt: skip


def test_json_lines_keep_links_people_origins_and_every_language(tmp_path: Path) -> None:
    same(again([LISA], "jsonl", tmp_path), [LISA])


def test_a_line_that_is_marked_as_curated_gives_curated_words(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(json_lines({"id": "2403.00001", "title": "Tea", "tldr": "茶很好。", "en_tldr": "Tea is good.",
                                "curated": True}))  # fmt: skip
    (item,) = items_of(path)
    assert [(s.language, s.origin) for s in item.summaries] == [("zh-Hans", "curated"), ("en", "curated")]
    same(again([item], "jsonl", tmp_path), [item])


def test_each_layout_speaks_the_asked_language() -> None:
    assert "| Date | Title | Summary | Topics |" in write_monthly([LISA], "en") and "2024-03-05" in write_monthly(
        [LISA], "en"
    )
    assert "2024年3月5日" in write_monthly([LISA], "zh-Hant")
    assert "We stack leaves." in write_list([LISA], "en") and "我们把茶叶叠起来" in write_list([LISA], "zh-Hans")
    assert write_references([LISA], "en").startswith("# Summary\n") and "[茶的层次]" not in write_references([LISA])
