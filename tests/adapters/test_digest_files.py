from __future__ import annotations

import gzip
import json
import random
import string
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters import digest_files
from adapters.digest_files import Chunk, find_documents, read_documents, size_hint
from bot.errors import DocumentError
from bot.model import FeedItem, Kind, SummaryText
from tests.documents import (
    METADATA_LINE,
    MONTHLY,
    PAPER_LIST,
    REFERENCES,
    SUMMARY_LINES,
    TWIN_TITLE,
    json_lines,
    write_documents,
)
from tests.paths import SHARED

DIGESTS = SHARED / "data" / "digests"
CORPUS = SHARED / "data" / "corpus"
needs_digests = pytest.mark.skipif(not DIGESTS.is_dir(), reason="the shared digests are not on this machine")
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not on this machine")


def items_of(path: Path) -> list[FeedItem]:
    return [item for chunk in read_documents(path) for item in chunk.items]


def written(folder: Path, text: str | bytes, name: str = "document.md") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal_of(path: Path) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        list(read_documents(path))
    assert caught.value.file == str(path)
    return caught.value


def test_a_reference_table_gives_every_field_of_its_notes(tmp_path: Path) -> None:
    kettle, parrots, knots = items_of(written(tmp_path, REFERENCES))
    assert kettle == FeedItem(
        key="arxiv:2402.10001",
        kind=Kind.KNOWN,
        title=TWIN_TITLE,
        abstract="Making tea takes time. In this paper, we propose Kettle, a low-rank method that factors the "
        "temperature of water into two small matrices. It is three times as fast as a pot.",
        version=2,
        links=("https://arxiv.org/abs/2402.10001",),
        summaries=(
            SummaryText(
                "zh-Hans",
                "本文提出了Kettle，一种为语言模型泡茶的低秩方法。",
                "Kettle：语言模型的低秩泡茶法",
                "泡茶需要时间。本文提出了Kettle，一种低秩方法，把水温分解为两个小矩阵。",
            ),
            SummaryText("en", "This paper proposes Kettle, a low-rank way of making tea for language models."),
        ),
    )
    assert parrots.title == "Do Parrots Count | A Benchmark"
    assert [summary.language for summary in parrots.summaries] == ["zh-Hans"]
    assert parrots.version is None and parrots.categories == ()
    assert (knots.key, knots.title) == ("arxiv:hep-th/9901001", "Knots in $\\mathcal{O}(n^2)$ Time")
    assert (knots.version, knots.categories) == (3, ("hep-th",))


def test_a_paper_list_gives_a_translated_abstract_and_no_headline(tmp_path: Path) -> None:
    kettle, teapots = items_of(written(tmp_path, PAPER_LIST))
    assert (kettle.key, kettle.title) == ("acl:2024.teapot-1.7", TWIN_TITLE)
    assert kettle.links == ("https://aclanthology.org/2024.teapot-1.7/",)
    assert teapots.summaries == (
        SummaryText(
            "zh-Hans", abstract="茶壶很难听懂人的话。我们介绍了一种与茶壶低声交谈的新方法，它不需要任何训练数据。"
        ),
    )


def test_a_monthly_table_gives_dates_and_subjects_in_traditional_chinese(tmp_path: Path) -> None:
    cups, steam = items_of(written(tmp_path, MONTHLY))
    assert (cups.key, cups.announced_on) == ("arxiv:2405.20001", date(2024, 5, 31))
    assert cups.subjects == ("茶具", "長期記憶")
    assert steam.subjects == ("注意力", "蒸氣", "熱")
    assert [item.summaries[0].language for item in (cups, steam)] == ["zh-Hant", "zh-Hant"]
    assert steam.links == ("https://arxiv.org/abs/2405.20002",)


def test_json_lines_of_summaries_are_cleaned_of_what_the_wild_puts_into_them(tmp_path: Path) -> None:
    (chunk,) = read_documents(written(tmp_path, json_lines(*SUMMARY_LINES), "summaries.jsonl"))
    sugar, milk = chunk.items
    assert (sugar.title, sugar.version, sugar.categories) == ("Sugar and Gradients", 1, ("cs.LG",))
    assert sugar.summaries == (
        SummaryText("zh-Hans", "证明了梯度像糖一样溶解。", "糖与梯度", "糖会溶解。我们证明梯度也会以同样的方式溶解。"),
        SummaryText("en", "Gradients are shown to dissolve like sugar."),
    )
    assert (milk.title, milk.version, milk.categories) == ("Milk First?", 2, ("econ.GN",))
    assert milk.abstract.endswith("ten thousand"), "an abstract that is cut off is better than none"
    assert milk.summaries == ()
    assert chunk.dropped == {
        "translated title: not in Chinese": 1,
        "translated abstract: a model's refusal": 1,
        "headline: cut off": 1,
        "English headline: empty": 1,
    }


def test_metadata_keeps_authors_and_only_the_categories_that_are_arxivs(tmp_path: Path) -> None:
    (spoons,) = items_of(written(tmp_path, json_lines(METADATA_LINE), "metadata.jsonl"))
    assert (spoons.title, spoons.abstract) == ("Spoons, Sparsely", "We bend spoons sparsely.")
    assert spoons.authors == ("Ada Löffel", "Bo Spoon")
    assert spoons.categories == ("cs.CV", "hep-th", "physics.ao-ph")
    assert spoons.announced_on == date(2025, 10, 13)


@pytest.mark.parametrize("text", [REFERENCES, PAPER_LIST, MONTHLY, json_lines(*SUMMARY_LINES)])
def test_layouts_are_known_by_content_whatever_the_name_compression_and_line_ends(tmp_path: Path, text: str) -> None:
    expected = items_of(written(tmp_path, text, "one.txt"))
    assert len(expected) >= 2
    assert items_of(written(tmp_path, gzip.compress(text.encode()), "two")) == expected
    assert items_of(written(tmp_path, "\ufeff" + text.replace("\n", "\r\n"), "three.bin")) == expected


def test_an_empty_digest_is_read_as_no_entries(tmp_path: Path) -> None:
    empty = "# 摘要\n\n| Ref | Title | Summary |\n| --- | --- | --- |\n\n\n# 详细\n\n\n"
    assert items_of(written(tmp_path, empty)) == []


def test_a_folder_is_read_sorted_and_below_and_goes_on_after_a_refused_document(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    written(tmp_path, MONTHLY, "c.md")
    written(tmp_path / "b", PAPER_LIST, "x.txt")
    written(tmp_path / ".hidden", PAPER_LIST, "x.txt")
    broken = written(tmp_path, "just words\n", "a.txt")
    written(tmp_path, b"\x89PNG\x00", "picture.png")
    chunks = list(read_documents(tmp_path))
    assert [(Path(chunk.file).name, len(chunk.items)) for chunk in chunks] == [("a.txt", 0), ("x.txt", 2), ("c.md", 2)]
    assert chunks[0].rejected[0].where == f"{broken}:1"
    assert "no known layout" in chunks[0].rejected[0].why
    assert [path.name for path in find_documents(tmp_path)] == ["a.txt", "x.txt", "c.md"]
    assert sum(chunk.size for chunk in chunks) == size_hint(tmp_path)


def test_a_long_document_comes_in_chunks_whose_sizes_add_up(tmp_path: Path) -> None:
    records = [{"id": f"2301.{n:05}", "title": f"Paper {n}"} for n in range(1, 2502)]
    path = written(tmp_path, gzip.compress(json_lines(*records).encode()), "long.jsonl.gz")
    chunks = list(read_documents(path))
    assert [len(chunk.items) for chunk in chunks] == [1000, 1000, 501]
    assert sum(chunk.size for chunk in chunks) == size_hint(path) == path.stat().st_size
    assert all(chunk.size > 0 for chunk in chunks)


def test_the_fixture_documents_hold_ten_entries_which_are_ten_keys_and_nine_titles(tmp_path: Path) -> None:
    write_documents(tmp_path)
    items = items_of(tmp_path)
    assert (len(items), len({item.key for item in items}), len({item.title for item in items})) == (10, 10, 9)


def test_a_broken_line_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = json_lines({"id": "2301.00001v4", "title": "Good"}).strip()
    lines = [
        b'{"id": "2301.00002", "title": "Cut of',
        good.encode(),
        b"",
        b'{"id": "2301.00003", "title": "  "}',
        b'{"id": "not an id", "title": "T"}',
        b'{"title": "T"}',
        b'{"id": "2301.00004", "link": "https://arxiv.org/abs/2301.00005", "title": "T"}',
        b'["2301.00006", "T"]',
        b'{"id": "2301.00007", "title": "\xff"}',
        b"[" * 100_000,
        b'{"id": "2301.00008", "title": "' + b"x" * 3_000 + b'"}',
        b'{"link": "https://aclanthology.org/2024.teapot-1.1/", "title": "By its link"}',
    ]
    path = written(tmp_path, b"\n".join(lines), "some.jsonl")
    (chunk,) = read_documents(path)
    assert [(item.key, item.version) for item in chunk.items] == [
        ("arxiv:2301.00001", 4),
        ("acl:2024.teapot-1.1", None),
    ]
    reasons = {refused.where.removeprefix(f"{path}:"): refused.why for refused in chunk.rejected}
    assert list(reasons) == ["1", "4", "5", "6", "7", "8", "9", "10", "11"]
    for line, word in {"1": "JSON", "4": "title", "5": "id", "6": "no id", "7": "2301.00005", "9": "UTF-8"}.items():
        assert word in reasons[line]


def test_json_lines_that_hold_no_papers_at_all_are_refused_as_a_document(tmp_path: Path) -> None:
    error = refusal_of(written(tmp_path, '{"name": "x"}\n' * 300, "other.jsonl"))
    assert error.line == digest_files.jsonl.HOPELESS
    assert '"id"' in error.message


def without(text: str, line: str) -> str:
    assert line in text
    return text.replace(line, "", 1)


LINK_2 = "[https://arxiv.org/abs/2402.10002](https://arxiv.org/abs/2402.10002)"
LINK_3 = "    [http://arxiv.org/abs/hep-th/9901001](http://arxiv.org/abs/hep-th/9901001)\n\n"
LIST_LINK = "原文：https://aclanthology.org/2024.teapot-long.12/\n"
ROW_2 = next(line for line in REFERENCES.splitlines() if line.startswith("| [^2]"))
NOTE_2 = REFERENCES[REFERENCES.index("[^2]: ") : REFERENCES.index("[^3]: ")]
BAD_DOCUMENTS = {
    "a row without a link": (REFERENCES.replace("(https://arxiv.org/abs/2402.10002) |", "|"), 6, "title](link)"),
    "a link to elsewhere": (REFERENCES.replace("arxiv.org/abs/2402.10002", "example.org/1"), 6, "arxiv.org"),
    "a reference without its note": (without(REFERENCES, NOTE_2), 6, "no note"),
    "a note without its reference": (without(REFERENCES, ROW_2 + "\n"), 24, "no row"),
    "a reference twice": (REFERENCES.replace("| [^3] |", "| [^2] |"), 7, "second time"),
    "a note twice": (REFERENCES.replace("[^3]: ", "[^2]: "), 39, "second time"),
    "a table that is cut off": (REFERENCES[: REFERENCES.index("本文提出") + 3], 5, "row"),
    "a table cut off within a row": (REFERENCES[: REFERENCES.index("Parrots")], 6, "row"),
    "a table without notes": (REFERENCES[: REFERENCES.index("# 详细")], 5, "no note"),
    "notes that are cut off": (REFERENCES[: REFERENCES.index("    We prove that")], 39, "ends early"),
    "a note of another paper": (REFERENCES.replace(LINK_2, LINK_2.replace("10002", "10009")), 25, "another paper"),
    "a note without a link": (REFERENCES.replace(LINK_3, ""), 39, "first paragraphs"),
    "words in a table": (REFERENCES.replace("# 详细", "and so on"), 9, "row"),
    "a paper without a title": (PAPER_LIST.replace("## Whispering to Teapots\n", ""), 8, "## title"),
    "a paper without a link": (PAPER_LIST.replace(LIST_LINK, ""), 9, "原文"),
    "a paper with a strange link": (PAPER_LIST.replace(LIST_LINK, "原文：https://x.example/\n"), 9, "link"),
    "a list that is cut off": (PAPER_LIST[: PAPER_LIST.rindex("茶壶很难")], 10, "text"),
    "a list cut off before its abstract": (PAPER_LIST[: PAPER_LIST.rindex("### abstract")], 9, "### abstract"),
    "a month with a thirteenth month": (MONTHLY.replace("2024年5月2日", "2024年13月2日"), 4, "date"),
    "a month that is cut off": (MONTHLY[: MONTHLY.index("蒸氣機制")], 4, "row"),
    "a month without a link": (MONTHLY.replace("(https://arxiv.org/pdf/2405.20001)", ""), 3, "link"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_DOCUMENTS)
def test_a_markdown_document_with_a_fault_is_refused_whole_with_its_line(tmp_path: Path, name: str) -> None:
    text, line, expected = BAD_DOCUMENTS[name]
    error = refusal_of(written(tmp_path, text))
    assert (error.line, expected in error.message) == (line, True), error


def test_files_that_cannot_be_read_are_refused_with_a_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such file" in refusal_of(tmp_path / "missing.md").message
    assert "empty" in refusal_of(written(tmp_path, " \n")).message
    assert "no known layout" in refusal_of(written(tmp_path, "# A page\n\nof words\n")).message
    assert "binary" in refusal_of(written(tmp_path, b"\x7fELF\0\1\2")).message
    assert "UTF-16" in refusal_of(written(tmp_path, MONTHLY.encode("utf-16"))).message
    broken = refusal_of(written(tmp_path, MONTHLY.encode().replace("蒸氣機制".encode(), b"\xff\xfe\xfd")))
    assert (broken.line, "UTF-8" in broken.message) == (4, True)
    packed = gzip.compress(random.Random(1).randbytes(5_000))
    assert "cut off" in refusal_of(written(tmp_path, packed[:-100])).message
    (tmp_path / "folder").mkdir()
    assert "no documents" in refusal_of(tmp_path / "folder").message
    monkeypatch.setattr(digest_files, "MAX_BYTES", 1_000)
    assert "larger than" in refusal_of(written(tmp_path, gzip.compress(b"a" * 1_001))).message
    assert "larger than" in refusal_of(written(tmp_path, b"a" * 1_001)).message


def test_nothing_of_a_compressed_document_is_given_when_its_end_is_missing(tmp_path: Path) -> None:
    noise = random.Random(2)
    records = [
        {"id": f"2301.{n:05}", "title": "".join(noise.choices(string.ascii_letters, k=40))} for n in range(1, 3000)
    ]
    path = written(tmp_path, gzip.compress(json_lines(*records).encode())[:-20], "cut.jsonl.gz")
    chunks: list[Chunk] = []
    with pytest.raises(DocumentError):
        chunks.extend(read_documents(path))
    assert chunks == []


def test_a_line_made_to_be_slow_is_refused_soon(tmp_path: Path) -> None:
    error = refusal_of(written(tmp_path, MONTHLY + "| |[" + "](https://a) |" * 10_000 + "\n"))
    assert error.line == 5


PIECES = [REFERENCES, PAPER_LIST, MONTHLY, json_lines(*SUMMARY_LINES), json_lines(METADATA_LINE)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    base=st.sampled_from(PIECES),
    start=st.floats(0, 1),
    length=st.integers(0, 60),
    put=st.one_of(
        st.binary(max_size=12), st.sampled_from([b"\n", b"|", b"](", b"[^1]:", b"___\n", b"{", b"\\ud800", b'"'])
    ),
    packed=st.booleans(),
)
@example(base="{}", start=0, length=2, put=b'{"id": "2301.00001", "title": "\\ud83d \\u0000"}', packed=False)
def test_no_damage_makes_it_crash_and_what_it_gives_can_be_stored(
    tmp_path: Path, base: str, start: float, length: int, put: bytes, packed: bool
) -> None:
    data = base.encode()
    at = int(start * len(data))
    data = data[:at] + put + data[at + length :]
    path = written(tmp_path, gzip.compress(data) if packed else data)
    try:
        items = items_of(path)
    except DocumentError as error:
        assert error.line >= 1
        return
    for item in items:
        stored = json.dumps([item.title, item.abstract, *item.authors, *item.subjects], ensure_ascii=False)
        stored += "".join(s.headline + s.title + s.abstract for s in item.summaries)
        assert "\0" not in stored.encode().decode()
        assert item.title and ":" in item.key and item.kind is Kind.KNOWN


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.sampled_from(["x.md", "x.jsonl", "x.gz"]), st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, name: str, as_gzip: bool) -> None:
    path = written(tmp_path, b"\x1f\x8b" + data if as_gzip else data, name)
    try:
        list(read_documents(path))
    except DocumentError as error:
        assert error.message


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("translated_title: 茶的研究", "茶的研究"),
        ("标题：茶的研究", "茶的研究"),
        ("《茶的研究》", "茶的研究"),
        ("“茶”与“壶”", "“茶”与“壶”"),
        ("茶的研究 （arXiv：2301.00001v1 [cs.LG] 已更新）", "茶的研究"),
        ("(arXiv:2301.00001v1 [econ.TH])的纠正意见", "的纠正意见"),
        ("A Study of Tea", ""),
        ("对不起，我不能翻译。", ""),
        (
            "DiffTea：使用 Proposal Denoising Diffusion 的泡茶检测",
            "DiffTea：使用 Proposal Denoising Diffusion 的泡茶检测",
        ),
    ],
)
def test_translated_titles_are_freed_of_labels_wrappings_and_endings(tmp_path: Path, raw: str, clean: str) -> None:
    line = {"id": "2301.00001", "title": "Tea", "translated_title": raw}
    (item,) = items_of(written(tmp_path, json_lines(line)))
    assert [summary.title for summary in item.summaries] == ([clean] if clean else [])


@pytest.mark.parametrize(
    "kept",
    [
        "作为人工智能的主要领域之一，自然语言处理取得了成功。",
        "本文研究人们为何说抱歉。",
        "我们发现AI语言模型无法回答这些问题。",
        "创新点：提出了一种方法。",
    ],
)
def test_a_headline_about_refusals_is_no_refusal(tmp_path: Path, kept: str) -> None:
    (item,) = items_of(written(tmp_path, json_lines({"id": "2301.00001", "title": "Tea", "tldr": kept})))
    assert item.summaries[0].headline == kept


@pytest.mark.parametrize(
    "dropped",
    [
        "作为一个AI语言模型，我无法总结这篇论文。",
        "很抱歉，没有提供摘要。",
        "I'm sorry, but I cannot translate this.",
        "As an AI language model, I do not know.",
        "这里是中文总结出的一句话要点",
        "结果表明……",
    ],
)
def test_refusals_templates_and_cut_off_headlines_are_dropped(tmp_path: Path, dropped: str) -> None:
    line = {"id": "2301.00001", "title": "Tea", "tldr": dropped, "en_tldr": dropped}
    (chunk,) = read_documents(written(tmp_path, json_lines(line)))
    assert chunk.items[0].summaries == ()
    assert sum(chunk.dropped.values()) == 2


def test_a_title_ending_of_another_paper_says_nothing_of_this_one(tmp_path: Path) -> None:
    line = {"id": "2301.00001", "title": "Comment on tea (arXiv:2201.00009v7 [cs.CY])"}
    (item,) = items_of(written(tmp_path, json_lines(line)))
    assert (item.version, item.categories) == (None, ())


@needs_digests
def test_the_five_documents_hold_159_entries_of_which_one_paper_stands_in_two() -> None:
    documents = sorted(DIGESTS.glob("*.txt"))
    read = [items_of(path) for path in documents]
    assert [len(items) for items in read] == [12, 68, 33, 33, 13]
    everything = [item for items in read for item in items]
    assert len({item.key for item in everything}) == 159
    (twice,) = [title for title, n in Counter(item.title.casefold() for item in everything).items() if n == 2]
    twins = [item.key for item in everything if item.title.casefold() == twice]
    assert twins == ["arxiv:2403.00812", "acl:2024.findings-acl.119"]
    assert all(item.summaries for item in everything)
    assert all(item.announced_on and item.subjects for item in read[3])
    assert {item.summaries[0].language for item in read[3]} == {"zh-Hant"}
    assert all(item.summaries[0].headline and item.abstract for items in (read[0], read[1], read[4]) for item in items)
    assert not any("Announce Type" in item.abstract or "arXiv:" in item.title for item in everything)


@needs_digests
def test_every_document_of_the_history_reads_without_a_refusal() -> None:
    chunks = list(read_documents(DIGESTS / "history"))
    assert len({chunk.file for chunk in chunks}) == 64
    assert [chunk.rejected for chunk in chunks if chunk.rejected] == []
    assert sum(len(chunk.items) for chunk in chunks) == 5195


@needs_corpus
def test_the_corpus_of_summaries_reads_whole_and_clean() -> None:
    items: list[FeedItem] = []
    for chunk in read_documents(CORPUS / "zh-summaries.jsonl.gz"):
        assert len(chunk.items) <= 1000 and chunk.rejected == ()
        items += chunk.items
    assert len(items) == 19_349
    texts = [text for item in items for s in item.summaries for text in (s.headline, s.title, s.abstract)]
    assert not [text for text in texts if "公告类型" in text[:60] or "Announce Type" in text[:60]]
    assert not [item for item in items if "UPDATED)" in item.title or item.abstract.startswith("arXiv:")]
    assert sum(bool(item.summaries) for item in items) > 19_300
