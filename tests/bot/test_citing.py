from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.citing import bibtex, citation_key, citations, ris, tex, year_of
from bot.model import Paper


def paper(*keys: str, title: str = "Tea & Knots", **more: object) -> Paper:
    return Paper(id=1, keys=keys or ("arxiv:2404.01413",), title=title, **more)  # type: ignore[arg-type]


def test_a_preprint_has_arxivs_fields() -> None:
    one = paper(authors=("Ada von Löffel", "Bo Spoon"), categories=("cs.CL", "cs.LG"))
    assert bibtex(one) == (
        "@misc{vonloffel2024-2404.01413,\n"
        "  title         = {{Tea \\& Knots}},\n"
        "  author        = {Ada von Löffel and Bo Spoon},\n"
        "  year          = {2024},\n"
        "  eprint        = {2404.01413},\n"
        "  archivePrefix = {arXiv},\n"
        "  primaryClass  = {cs.CL},\n"
        "  url           = {https://arxiv.org/abs/2404.01413},\n"
        "}\n"
    )


def test_what_was_published_in_the_anthology_is_cited_so_and_keeps_its_preprint() -> None:
    one = paper("arxiv:2404.01413", "acl:2025.emnlp-main.7", "doi:10.18653/v1/2025.emnlp-main.7", authors=("Bo Spoon",))
    text = bibtex(one)
    assert text.startswith("@inproceedings{spoon2025-2025.emnlp-main.7,\n")
    assert "booktitle     = {EMNLP 2025}" in text and "eprint        = {2404.01413}" in text
    assert "url           = {https://aclanthology.org/2025.emnlp-main.7/}" in text
    assert "doi           = {10.18653/v1/2025.emnlp-main.7}" in text


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        ("50% of R&D #1 in snake_case", "50\\% of R\\&D \\#1 in snake\\_case"),
        ("Knots in $x_1 & y$", "Knots in $x_1 & y$"),
        ("Already \\& escaped \\_", "Already \\& escaped \\_"),
        ("It costs $5", "It costs \\$5"),
        ("G\\\"odel {LLMs}", "G\\\"odel {LLMs}"),
        ("An open { brace", "An open brace"),
        ("Ends in \\", "Ends in \\textbackslash{}"),
        ("a^b~c", "a\\^{}b\\~{}c"),
        ("两种 语言", "两种 语言"),
    ],
)  # fmt: skip
def test_titles_are_escaped_once(raw: str, written: str) -> None:
    assert tex(raw) == written


@given(st.text(alphabet=st.sampled_from("\\{}$&%#_^~ab \n\x00\u200f茶")))
def test_no_text_ends_a_field_early_or_leaves_it_open(text: str) -> None:
    written = tex(text)
    depth = 0
    for c in written:
        depth += (c == "{") - (c == "}")
        assert depth >= 0
    assert depth == 0 and "\n" not in written
    assert not re.search(r"(?<!\\)(?:\\\\)*\\$", written)


@given(
    st.lists(
        st.sampled_from(["arxiv:2404.01413", "arxiv:hep-th/9901001", "acl:P17-1001", "doi:10.1/a(b)", "doi:10.1/a<b>"]),
        unique=True, min_size=2,
    ),
    st.text(max_size=20),
)  # fmt: skip
def test_keys_are_unique_and_plain(keys: list[str], author: str) -> None:
    found = [citation_key(paper(key, authors=(author,))) for key in keys]
    assert len(set(found)) == len(found)
    assert all(re.fullmatch(r"[A-Za-z0-9./:_+-]+", key) for key in found)


def test_years_come_from_the_ids() -> None:
    years = {key: year_of(paper(key)) for key in ("arxiv:hep-th/9901001", "arxiv:math/0309136", "acl:P17-1001")}
    assert list(years.values()) == ["1999", "2003", "2017"]
    assert year_of(paper("doi:10.1/x", dated_on=date(2021, 5, 6))) == "2021"
    assert year_of(paper("doi:10.1/x")) == ""


def test_people_whose_names_hold_and_stay_one() -> None:
    assert "author = {{Research and Development}}" in re.sub(
        " +", " ", bibtex(paper(authors=("Research and Development",)))
    )


def test_a_ris_record_has_its_tags_in_lines_of_their_own() -> None:
    one = paper(
        authors=("Ada van der Löffel", "Plato"), categories=("cs.CL",), abstract="One\nline & $\\alpha$.",
        first_announced_on=date(2024, 4, 3),
    )  # fmt: skip
    assert ris(one).split("\r\n") == [
        "TY  - UNPB", "TI  - Tea & Knots", "AU  - van der Löffel, Ada", "AU  - Plato", "PY  - 2024",
        "DA  - 2024/04/03", "AB  - One line & α.", "KW  - cs.CL", "AN  - arXiv:2404.01413",
        "UR  - https://arxiv.org/abs/2404.01413", "ER  - ", "",
    ]  # fmt: skip
    assert citations([one, one], "ris").count("TY  - ") == 2
