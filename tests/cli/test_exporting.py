"""What hands papers out: documents, feeds, citations, pages, a site."""

from __future__ import annotations

import json
from pathlib import Path

import feedparser
import pytest

from adapters.digest_files import read_documents
from tests.cli.shell import Shell, papers
from tests.documents import MONTHLY, PAPER_LIST, REFERENCES

OWN = {"reference": REFERENCES, "list": PAPER_LIST, "monthly": MONTHLY}


@pytest.mark.parametrize("form", OWN)
def test_what_is_imported_from_a_layout_and_exported_in_it_has_the_same_papers_words_and_links(
    shell: Shell, form: str
) -> None:
    """By way of the store. The layout's own order is the document's; an export has the newest first."""
    (shell.folder / "own.md").write_text(OWN[form], encoding="utf-8")
    assert shell("import", "own.md").status == 0
    found = shell("export", "--format", form, "-o", "again.md")
    assert found.status == 0, found.err

    def words(name: str) -> dict[str, object]:
        items = [item for chunk in read_documents(shell.folder / name) for item in chunk.items]
        return {item.key: (item.title, item.abstract, item.links, item.subjects, item.summaries, item.announced_on)
                for item in items}  # fmt: skip

    assert words("again.md") == words("own.md")
    again = shell("import", "again.md", "--json").json
    assert again["unchanged"] == again["read"] > 1


def test_a_topic_a_query_a_day_and_everything_can_be_exported(shell: Shell) -> None:
    shell("poll", shell.feed(*papers()))
    shell("topics", "add", "tea", "kettle OR tea")
    everything = shell("export", "--format", "jsonl")
    assert len(everything.out.splitlines()) == 3
    for chosen in (("--topic", "tea"), ("--query", "kettle")):
        (line,) = shell("export", *chosen, "--format", "jsonl").out.splitlines()
        assert json.loads(line)["id"].startswith("2504.00001")
    assert shell("export", "--on", "2025-04-08", "--format", "bibtex").out.count("archivePrefix") == 3
    nothing = shell("export", "--until", "2025-04-01")
    assert (nothing.status, "no stored paper" in nothing.err) == (1, True)
    assert feedparser.parse(shell("export", "--format", "atom", "--since", "2025-04-08").out).version == "atom10"


def test_a_monthly_table_into_a_folder_is_a_file_a_month(shell: Shell) -> None:
    (shell.folder / "own.md").write_text(MONTHLY.replace("2024年5月2日", "2024年4月2日"), encoding="utf-8")
    shell("import", "own.md")
    assert shell("export", "--format", "monthly", "-o", "out/").status == 0
    assert sorted(path.name for path in (shell.folder / "out").iterdir()) == ["papers-2024-04.md", "papers-2024-05.md"]


def test_a_monthly_table_names_what_papers_are_about_by_the_topics_that_hold_of_them(shell: Shell) -> None:
    shell("poll", shell.feed(*papers()))
    shell("topics", "add", "tea", "kettle OR tea", "--name", "zh-Hant=茶道", "--name", "en=The way of tea")
    (shell.folder / "said.jsonl").write_text(
        '{"id": "2504.00002", "title": "Some other title", "subjects": ["蒸汽"]}\n', encoding="utf-8"
    )
    shell("import", "said.jsonl")
    table = shell("export", "--format", "monthly", "--language", "zh-Hant").out
    about = {line.split("|")[2].partition("(")[2].split("/")[-1][:10]: line.split("|")[-2].strip()
             for line in table.splitlines() if "arxiv.org" in line}  # fmt: skip
    assert "茶道" in about["2504.00001"] and "蒸汽" in about["2504.00002"]
    asked_in_english = shell("export", "--format", "monthly", "--language", "en").out
    assert "The way of tea" in asked_in_english and "茶道" not in asked_in_english


def test_what_a_list_has_no_text_for_is_counted_and_said(shell: Shell) -> None:
    lines = [
        '{"id": "2504.00009", "title": "A title alone"}',
        '{"id": "2504.00010", "title": "Two", "abstract": "Hot."}',
    ]
    (shell.folder / "bare.jsonl").write_text("\n".join(lines), encoding="utf-8")
    shell("import", "bare.jsonl")
    found = shell("export", "--format", "list")
    assert "Two" in found.out and "A title alone" not in found.out
    assert "1 papers without any text are left out" in found.err
    assert "left out" not in shell("export", "--format", "jsonl").err


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("--topic", "nothing-like-it"), "topics list"),
        (("--on", "yesterday"), "2026-11-20"),
        (("--on", "2025-04-08", "--since", "2025-04-01"), "one day"),
        (("--language", "klingon"), "zh-Hans"),
        (("--site", "x", "--topic", "rag"), "--site"),
        (("--query", "(tea"), ""),
    ],
)
def test_a_call_that_means_nothing_is_told_so(shell: Shell, call: tuple[str, ...], told: str) -> None:
    found = shell("export", *call)
    assert (found.status, told in found.err) == (2, True), found.err


def test_a_site_is_written_once_and_then_only_where_something_changed(shell: Shell) -> None:
    shell("poll", shell.feed(*papers()))
    assert "files written" in shell("export", "--site", "site").out
    assert "as it was" in shell("export", "--site", "site").out
    day = (shell.folder / "site" / "days" / "2025-04-08.html").read_text(encoding="utf-8")
    assert "Kettle: LoRA for Tea" in day
    assert list(Path(shell.folder / "site" / "feeds").glob("*.xml"))
