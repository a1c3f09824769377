import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matching import Batch, Document, document, explain, holds, score
from bot.model import Paper, Summary
from bot.query import And, Field, Leaf, Not, Or, Query, parse
from bot.text import positions
from tests.paths import SHARED

PAPER = Document(
    titles=("Sparse LoRA for gardens", "花园的稀疏微调"),
    texts=("We prune adapters. Large garden models grow.", "本文研究大型花园模型。"),
    authors=("Ada Rogers", "Jean-Pierre Łuk"),
    categories=("cs.CL", "stat.ML"),
)


@pytest.mark.parametrize(
    "query",
    [
        "LoRA", "lora garden", '"sparse lora"', "微调 adapters", '"large garden models"', "ti:微调",
        "abs:大型花园模型", "au:rogers", 'au:"jean-pierre luk"', "au:jeanpierre", "cat:cs.CL", "cat:CS.*", "cat:stat",
        "LoRA -missing", "missing OR prune",
        "-(missing lora) lora", "ti:lora abs:prune", '"花园的"', "园",
    ],
)  # fmt: skip
def test_a_paper_is_found_by_what_it_holds(query: str) -> None:
    assert Batch([(7, PAPER)]).match(parse(query)) == [7] and holds(parse(query), PAPER)


@pytest.mark.parametrize(
    "query",
    [
        "missing", "lora missing", '"lora sparse"', "ti:prune", "abs:lora", "rogers", "au:ada_rogers_x",
        'au:"rogers jean"', "cat:cs.CV",
        "cat:math.*", "cat:cs.C", "lora -garden", '"gardens 花园"', '"for gardens 花园的稀疏"',
        '"grow 本文"', '"large models"',
        '"garden models prune"', "大模型",
    ],
)  # fmt: skip
def test_a_paper_is_not_found_by_what_it_does_not_hold(query: str) -> None:
    assert Batch([(7, PAPER)]).match(parse(query)) == [] and not holds(parse(query), PAPER)


def test_unknown_categories_match_no_category() -> None:
    bare = replace(PAPER, categories=())
    assert not Batch([(1, bare)]).match(parse("cat:cs.*"))
    assert Batch([(1, bare)]).match(parse("LoRA -cat:cs.*")) == [1]


def test_three_words_that_only_touch_in_pairs_are_no_phrase() -> None:
    pairs = Document(titles=("x",), texts=("deep neural. Then neural networks.", "deep neural"))
    whole = Document(titles=("x",), texts=("these deep neural networks",))
    split = Document(titles=("deep neural",), texts=("neural networks",))
    batch = Batch([(1, pairs), (2, whole), (3, split)])
    assert batch.match(parse('"deep neural networks"')) == [2]


def test_answers_come_in_the_batch_s_order() -> None:
    batch = Batch((id, Document(titles=(title,))) for id, title in [(9, "a b"), (2, "b"), (5, "a")])
    assert batch.match(parse("a")) == [9, 5] and batch.match(parse("a OR b")) == [9, 2, 5] and len(batch) == 3
    assert batch.ids(batch.mask(parse("b")) & batch.mask(parse("a"))) == [9]


def test_an_empty_batch_answers_nothing() -> None:
    assert Batch([]).match(parse("a OR -b")) == []


def test_a_document_holds_every_language_and_no_tex() -> None:
    paper = Paper(
        1, ("arxiv:2504.00001",), r"$\mathcal{O}(n^2)$ knots", r"Erd\H{o}s ties", (r"J\'ozef Ro",), ("cs.DS",)
    )
    summaries = (Summary(1, "zh-Hans", "一句话", "绳结", "摘要"), Summary(1, "en", "Knots tie."))
    assert document(paper, summaries) == Document(
        ("𝒪(n²) knots", "绳结"), ("Erdős ties", "摘要", "一句话", "Knots tie."), ("Józef Ro",), ("cs.DS",)
    )


def test_what_matched_can_be_told_and_weighed() -> None:
    query = parse("lora OR prune OR cat:cs.CL OR missing")
    assert explain(query, PAPER) == [
        ("lora", Field.ANY, Field.TITLE), ("prune", Field.ANY, Field.ABSTRACT),
        ("cs.CL", Field.CATEGORY, Field.CATEGORY),
    ]  # fmt: skip
    assert explain(parse("garden -prune"), PAPER) == [
        ("garden", Field.ANY, Field.TITLE),
        ("garden", Field.ANY, Field.ABSTRACT),
    ]
    assert score(parse("garden"), PAPER) > score(parse("sparse"), PAPER) > score(parse("prune"), PAPER) > 0


def slowly(query: Query, paper: Document) -> bool:
    """The language's meaning, written down without any index."""
    match query:
        case And(parts):
            return all(slowly(part, paper) for part in parts)
        case Or(parts):
            return any(slowly(part, paper) for part in parts)
        case Not(part):
            return not slowly(part, paper)
        case Leaf(field=Field.CATEGORY):
            pattern = re.escape(query.phrases[0][0]).replace(r"\.\*", r"(\..*)?")
            return any(re.fullmatch(pattern, category.casefold()) for category in paper.categories)
    scopes = {
        Field.ANY: (*paper.titles, *paper.texts),
        Field.TITLE: paper.titles,
        Field.ABSTRACT: paper.texts,
        Field.AUTHOR: paper.authors,
    }
    for text in scopes[query.field]:
        at = positions(text, names=query.field is Field.AUTHOR)
        for phrase in query.phrases:
            for start in range(len(at)):
                if len(at) - start >= len(phrase) and all(term in at[start + n] for n, term in enumerate(phrase)):
                    return True
    return False


TEXT = st.lists(st.sampled_from(["a", "b", "c", "a-b", "QLoRA", "LoRA", "大", "大小", "小模", "C++"]), max_size=6).map(
    " ".join
)
DOCUMENT = st.builds(
    Document,
    titles=st.lists(TEXT, max_size=2).map(tuple),
    texts=st.lists(TEXT, max_size=2).map(tuple),
    authors=st.lists(TEXT, max_size=2).map(tuple),
    categories=st.lists(st.sampled_from(["cs.CL", "cs.LG", "hep-th"]), max_size=2).map(tuple),
)
LEAVES = st.one_of(
    st.builds(
        lambda prefix, text: f'{prefix}"{text}"',
        st.sampled_from(["", "", "ti:", "abs:", "au:"]),
        st.lists(
            st.sampled_from(["a", "b", "c", "a-b", "ab", "LoRA", "大小", "模", "C++"]), min_size=1, max_size=4
        ).map(" ".join),
    ),
    st.sampled_from(["cat:cs.CL", "cat:cs.*", "cat:hep-th"]),
)
ASKED = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' OR '.join(parts)})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} NOT {pair[1]})"),
    ),
    max_leaves=5,
).map(parse)


@given(st.lists(DOCUMENT, max_size=5), ASKED)
def test_the_batch_answers_as_reading_each_paper_would(papers: list[Document], query: Query) -> None:
    batch = Batch(enumerate(papers))
    wanted = [number for number, paper in enumerate(papers) if slowly(query, paper)]
    assert batch.match(query) == wanted
    assert [number for number, paper in enumerate(papers) if holds(query, paper)] == wanted


def test_lora_is_in_25_of_the_159_entries_of_the_digest_documents() -> None:
    folder = SHARED / "data" / "digests"
    if not folder.is_dir():
        pytest.skip(f"no digest documents: {folder} is absent")
    from adapters.digest_files import read_documents

    items = [item for path in sorted(folder.glob("*.txt")) for chunk in read_documents(path) for item in chunk.items]
    batch = Batch(
        (number, document(Paper(number, (item.key,), item.title, item.abstract), [
            Summary(number, s.language, s.headline, s.title, s.abstract) for s in item.summaries
        ]))
        for number, item in enumerate(items)
    )  # fmt: skip
    found = batch.match(parse("LoRA"))
    assert (len(items), len(found), len({items[n].title for n in found})) == (159, 25, 24)
    exploring = set(batch.match(parse("exploration")))
    assert exploring and exploring.isdisjoint(n for n in found if "exploration" in items[n].title.casefold())
