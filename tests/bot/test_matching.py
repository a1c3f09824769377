import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.documents import WEIGHTS, Document, analyze, document, found_in, holds
from bot.explaining import blocked
from bot.filters import Filters, answered
from bot.matching import Batch
from bot.model import Paper, Summary
from bot.query import And, Field, Leaf, Not, Or, Query, parse, positive_leaves
from bot.text import forms, positions
from tests.paths import SHARED

PAPER = Document(
    titles=("Sparse LoRA for gardens", "花园的稀疏微调"),
    texts=("We prune adapters. Large garden models grow.", "本文研究大型花园模型。"),
    authors=("Ada Rogers", "Jean-Pierre Łuk"),
    categories=("cs.CL", "stat.ML"),
    keys=("arxiv:2504.00001", "acl:2025.x-1.1"),
    day=date(2025, 4, 8),
    news=("cross",),
)


@pytest.mark.parametrize(
    "query",
    [
        "LoRA", "lora garden", '"sparse lora"', "微调 adapters", '"large garden models"', "ti:微调",
        "abs:大型花园模型", "au:rogers", 'au:"jean-pierre luk"', "au:jeanpierre", "cat:cs.CL", "cat:CS.*", "cat:stat",
        "LoRA -missing", "missing OR prune",
        "-(missing lora) lora", "ti:lora abs:prune", '"花园的"', "园",
        "gard*", "ti:spar*", "abs:adapter*", "au:rog*", "au:jean-p*", "LO*", "date:2025", "date:2025-04-08",
        "date:2025-04-01..", "date:..2025-04-08", "date:2024-12..2025-04", "is:cross", "id:2504.00001v3",
        "id:acl:2025.x-1.1", "lora -is:new",
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
        '"garden models prune"', "大模型", "ardens*", "ti:adapt*", "abs:spar*", "au:gard*", "lora -gard*",
        "rog*",
        "date:2024", "date:2025-04-09..", "date:..2025-04-07", "is:new", "id:2504.00002", "lora -is:cross",
        "topic:lora",
    ],
)  # fmt: skip
def test_a_paper_is_not_found_by_what_it_does_not_hold(query: str) -> None:
    assert Batch([(7, PAPER)]).match(parse(query)) == [] and not holds(parse(query), PAPER)


@pytest.mark.parametrize(
    ("typed", "text"),
    [("operati*", "one operation"), ("study*", "we study it"), ("universit*", "two universities"),
     ("polic*", "a policy"),
     ("self-superv*", "self-supervised"), ("selfsuperv*", "self-supervised"), ("superv*", "self-supervised"),
     ("lor*", "QLoRA"), ("gpt-4*", "GPT-4o"), ("poincar*", "Poincaré"), ("quanti*", "Quantization")],
)  # fmt: skip
def test_a_prefix_asks_for_words_as_they_are_written(typed: str, text: str) -> None:
    assert Batch([(1, Document(texts=(text,)))]).match(parse(typed)) == [1]


def test_a_stem_is_not_taken_for_the_beginning_of_a_word() -> None:
    assert Batch([(1, Document(texts=("we study it",)))]).match(parse("studi*")) == []


def test_a_paper_without_a_day_is_of_no_date() -> None:
    assert Batch([(1, replace(PAPER, day=None))]).match(parse("date:..2025 OR date:1991..")) == []


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
        ("𝒪(n²) knots", "绳结"),
        ("Erdős ties", "摘要", "一句话", "Knots tie."),
        ("Józef Ro",),
        ("cs.DS",),
        ("arxiv:2504.00001",),
    )


def score(query: Query, paper: Document) -> float:
    """What `Batch.scores` says, read from one paper."""
    analyzed = analyze(paper)
    return sum(WEIGHTS.get(where, 0.25) for leaf in positive_leaves(query) for where in found_in(leaf, analyzed))


def test_a_match_in_the_title_weighs_more() -> None:
    batch = Batch([(7, PAPER)])
    titled, first, later = (batch.scores(parse(word), 1)[7] for word in ("garden", "sparse", "prune"))
    assert titled > first > later > 0


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
        case Leaf(field=Field.DATE):
            first, last = query.phrases[0]
            day = f"{paper.day}" if paper.day else ""
            return bool(day) and (not first or first <= day) and (not last or day <= last)
        case Leaf(field=Field.NEWS):
            return query.value in paper.news
        case Leaf(field=Field.ID):
            return query.value in paper.keys
        case Leaf(field=Field.TOPIC):
            return False
    scopes = {
        Field.ANY: (*paper.titles, *paper.texts),
        Field.TITLE: paper.titles,
        Field.ABSTRACT: paper.texts,
        Field.AUTHOR: paper.authors,
        Field.SUBJECT: paper.subjects,
    }
    if query.prefix:
        return any(form.startswith(query.value) for text in scopes[query.field] for form in forms(text))
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
    keys=st.sampled_from(["arxiv:2504.00001", "arxiv:2504.00002"]).map(lambda key: (key,)),
    day=st.sampled_from([None, date(2025, 4, 7), date(2025, 4, 8)]),
    news=st.lists(st.sampled_from(["new", "cross", "update"]), max_size=2).map(tuple),
    subjects=st.lists(TEXT, max_size=2).map(tuple),
)
LEAVES = st.one_of(
    st.builds(
        lambda prefix, text: f'{prefix}"{text}"',
        st.sampled_from(["", "", "ti:", "abs:", "au:", "subject:"]),
        st.lists(
            st.sampled_from(["a", "b", "c", "a-b", "ab", "LoRA", "大小", "模", "C++"]), min_size=1, max_size=4
        ).map(" ".join),
    ),
    st.sampled_from(["cat:cs.CL", "cat:cs.*", "cat:hep-th", "id:2504.00001", "is:new", "is:cross", "date:2025-04-08"]),
    st.sampled_from(
        ["date:..2025-04-07", "date:2025-04-08..", "lor*", "au:qlor*", "subject:lor*", "ti:a-b*", "abs:ab*", "大小*"]
    ),
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
    assert batch.scores(query, batch.mask(query)) == {number: score(query, papers[number]) for number in wanted}
    for number, paper in enumerate(papers):
        assert bool(blocked(query, paper)) is (number not in wanted)


@given(st.lists(st.tuples(st.integers(0, 3), DOCUMENT), max_size=7), st.integers(0, 7), ASKED)
def test_a_batch_that_grew_answers_as_one_of_the_latest_documents(
    told: list[tuple[int, Document]], at: int, query: Query
) -> None:
    grown = Batch(told[:at])
    grown.match(query)
    grown.add(told[at:])
    whole = Batch(dict(told).items())
    assert sorted(grown.match(query)) == sorted(whole.match(query)) and len(grown) == len(whole)
    assert grown.scores(query, grown.mask(query)) == whole.scores(query, whole.mask(query))
    assert [grown.ids(mask) for mask in answered([query] * 20, grown)] == [grown.match(query)] * 20


@given(st.lists(DOCUMENT, max_size=5), st.lists(ASKED, max_size=8))
def test_filters_asked_together_answer_as_each_alone(papers: list[Document], queries: list[Query]) -> None:
    batch = Batch(enumerate(papers))
    filters = Filters(queries)
    answers = filters.match(batch)
    assert [answers.mask(number) for number in range(len(filters))] == [batch.mask(query) for query in queries]
    assert list(answers.any()) == [number for number, query in enumerate(queries) if batch.mask(query)]
    assert answers.total == sum(batch.mask(query).bit_count() for query in queries)
    assert answered(queries, batch) == answered(queries * 20, batch)[: len(queries)]


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
