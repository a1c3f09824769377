from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.keys import key_from_link, keys_from_doi, link_from_key, parse_reference, source_of, venue_of

REFERENCES = {
    "2403.17919": "arxiv:2403.17919",
    "0704.0001": "arxiv:0704.0001",
    " arXiv:2403.17919v2 ": "arxiv:2403.17919",
    "arXiv: 2403.17919v12": "arxiv:2403.17919",
    "arXiv:2403.17919v2 [cs.CL]": "arxiv:2403.17919",
    "hep-th/9901001": "arxiv:hep-th/9901001",
    "HEP-TH/9901001v3": "arxiv:hep-th/9901001",
    "math.GT/0309136": "arxiv:math/0309136",
    "https://arxiv.org/abs/2403.17919": "arxiv:2403.17919",
    "http://www.arxiv.org/pdf/2403.17919v1.pdf": "arxiv:2403.17919",
    "arxiv.org/html/2403.17919v1#S1": "arxiv:2403.17919",
    "https://rss.arxiv.org/abs/2403.17919": "arxiv:2403.17919",
    "https://export.arxiv.org/abs/hep-th/9901001v1": "arxiv:hep-th/9901001",
    "https://www.alphaxiv.org/abs/2403.17919v1?tab=chat": "arxiv:2403.17919",
    "https://ar5iv.labs.arxiv.org/html/2403.17919": "arxiv:2403.17919",
    "<https://arxiv.org/abs/2403.17919>": "arxiv:2403.17919",
    "https://aclanthology.org/2024.bionlp-1.75/": "acl:2024.bionlp-1.75",
    "https://aclanthology.org/2024.bionlp-1.75.pdf": "acl:2024.bionlp-1.75",
    "https://www.aclweb.org/anthology/p17-1001": "acl:P17-1001",
    "acl:2024.bionlp-1.75": "acl:2024.bionlp-1.75",
    "acl:P17-1001": "acl:P17-1001",
    "2024.bionlp-1.75": "acl:2024.bionlp-1.75",
    "10.48550/arXiv.2403.17919": "arxiv:2403.17919",
    "https://doi.org/10.48550/ARXIV.2403.17919": "arxiv:2403.17919",
    "doi:10.48550/arXiv.hep-th/9901001": "arxiv:hep-th/9901001",
    "https://doi.org/10.18653/v1/2024.bionlp-1.75": "acl:2024.bionlp-1.75",
    "10.1000/ABC.182": "doi:10.1000/abc.182",
}

NO_REFERENCES = (
    "",
    "LoRA",
    "3.14",
    "1234.5678",  # no month 34
    "2403.17919 and 2403.17920",
    "foo/1234567",
    "https://arxiv.org/list/cs.CL/new",
    "https://arxiv.org.example.com/abs/2403.17919",
    "https://example.com/arxiv.org/abs/2403.17919",
    "https://arxiv.org@example.com/abs/2403.17919",
    "javascript://arxiv.org/abs/2403.17919",
    "https://aclanthology.org/volumes/2024.bionlp-1/",
    "٢٤٠٣.١٧٩١٩",
)


@pytest.mark.parametrize(("text", "key"), REFERENCES.items())
def test_what_people_paste_names_its_paper(text: str, key: str) -> None:
    assert parse_reference(text) == key


@pytest.mark.parametrize("text", NO_REFERENCES)
def test_other_words_and_other_sites_name_none(text: str) -> None:
    assert parse_reference(text) is None
    assert key_from_link(text) == ""


def test_only_a_link_is_taken_where_a_link_is_asked_for() -> None:
    assert key_from_link("2403.17919") == ""
    assert key_from_link("https://doi.org/10.1000/182") == "doi:10.1000/182"


def test_a_doi_of_the_anthology_is_two_keys_and_one_of_arxiv_is_its_id() -> None:
    assert keys_from_doi("10.18653/v1/P17-1001") == ("doi:10.18653/v1/p17-1001", "acl:P17-1001")
    assert keys_from_doi("https://doi.org/10.48550/arXiv.2403.17919") == ("arxiv:2403.17919",)
    assert keys_from_doi("not one") == ()


arxiv_ids = st.from_regex(r"[0-9]{2}(0[1-9]|1[0-2])\.[0-9]{4,5}", fullmatch=True) | st.builds(
    "{}/{:07}".format, st.sampled_from(["hep-th", "cs", "math-ph", "q-bio"]), st.integers(0, 9_999_999)
)
acl_ids = st.from_regex(r"20[0-9]{2}\.[a-z]{2,9}-(1|long|main)\.[0-9]{1,4}|[A-Z][0-9]{2}-[0-9]{4}", fullmatch=True)
keys = st.builds("arxiv:{}".format, arxiv_ids) | st.builds("acl:{}".format, acl_ids)
ascii_keys = keys.filter(str.isascii)


@given(ascii_keys)
def test_a_key_is_found_again_in_its_link(key: str) -> None:
    link = link_from_key(key)
    assert link.startswith("https://")
    assert key_from_link(link) == parse_reference(link) == key
    assert source_of(key) in ("arxiv", "acl")


@given(st.text(max_size=200) | st.text(alphabet="arxiv.org/:0123456789v[]?#-", max_size=1200))
def test_no_text_breaks_it_and_what_it_finds_is_a_key_with_a_link(text: str) -> None:
    key = parse_reference(text)
    assert key is None or link_from_key(key).startswith("https://")


@pytest.mark.parametrize("piece", ["a-", "arxiv.", "10.1000/", "https://", "9", "[", "2403.17919v1 ", "a.a-1.1"])
def test_ten_thousand_characters_of_rubbish_take_no_time(piece: str) -> None:
    for length in (1_000, 10_000):
        text = (piece * length)[:length]
        began = time.perf_counter()
        parse_reference(text)
        key_from_link("https://arxiv.org/abs/" + text)
        assert time.perf_counter() - began < 0.05


@pytest.mark.parametrize(
    ("key", "venue"),
    [
        ("acl:2024.emnlp-main.7", "EMNLP 2024"),
        ("acl:2024.findings-acl.7", "Findings of ACL 2024"),
        ("acl:2023.ijcnlp-demo.1", "IJCNLP 2023"),
        ("acl:P17-1001", ""),
        ("arxiv:2403.17919", ""),
        ("doi:10.18653/v1/2024.emnlp-main.7", ""),
    ],
)
def test_an_anthology_id_says_where_it_was_published(key: str, venue: str) -> None:
    assert venue_of(key) == venue
