import json
import time
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import QueryError
from bot.query import (
    MESSAGES,
    And,
    Field,
    Leaf,
    Not,
    Or,
    Query,
    Said,
    caret,
    parse,
    positive_leaves,
    to_text,
    topics_in,
    unfolded,
)
from tests.paths import SHARED


def shape(query: Query) -> object:
    """A query as nested tuples of its texts."""
    match query:
        case Leaf():
            return query.text if query.field is Field.ANY else f"{query.field}:{query.text}"
        case Not(part):
            return ("not", shape(part))
        case And(parts):
            return ("and", *map(shape, parts))
        case Or(parts):
            return ("or", *map(shape, parts))


def fault(text: str, for_subscription: bool = False) -> QueryError:
    with pytest.raises(QueryError) as caught:
        parse(text, for_subscription=for_subscription)
    return caught.value


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("LoRA", "LoRA"),
        ("a b", ("and", "a", "b")),
        ("a AND b OR c d", ("or", ("and", "a", "b"), ("and", "c", "d"))),
        ("NOT a b", ("and", ("not", "a"), "b")),
        ("a -b", ("and", "a", ("not", "b"))),
        ("a ANDNOT b", ("and", "a", ("not", "b"))),
        ("a AND NOT b", ("and", "a", ("not", "b"))),
        ("a -(b OR c)", ("and", "a", ("not", ("or", "b", "c")))),
        ("NOT NOT a", "a"),
        ("a and or not", ("and", "a", "and", "or", "not")),
        ("abs:James Webb", ("and", "abstract:James", "Webb")),
        ("ti:(a OR b) c", ("and", ("or", "title:a", "title:b"), "c")),
        ("ti:(a abs:b all:c)", ("and", "title:a", "abstract:b", "c")),
        ("title: LoRA", "title:LoRA"),
        ("AU:Hinton", "author:Hinton"),
        ('"x y"AND"z"', ("and", "x y", "z")),
        ("（微调 OR “大 模型”） －图像 ti：方法", ("and", ("or", "微调", "大 模型"), ("not", "图像"), "title:方法")),
        ("大语言模型", "大语言模型"),
        ("3:1 LoRA: std::vector", ("and", "3:1", "LoRA", "std::vector")),
        ("((a)) (b (c))", ("and", "a", "b", "c")),
        ('+must +"have it"', ("and", "must", "have it")),
        ('"AND"', "AND"),
    ],
)
def test_what_is_written_is_what_is_asked(text: str, wanted: object) -> None:
    assert shape(parse(text)) == wanted


@pytest.mark.parametrize(
    ("typed", "pattern"),
    [
        ("cat:cs.CL", "cs.cl"),
        ("cat:cs.*", "cs.*"),
        ("cat:cs", "cs.*"),
        ("category:hep-th", "hep-th"),
        ("cat:astro-ph.GA", "astro-ph.ga"),
    ],
)
def test_a_category_is_a_pattern(typed: str, pattern: str) -> None:
    assert parse(typed) == Leaf(Field.CATEGORY, ((pattern,),), "")


def test_equal_queries_are_equal_values() -> None:
    assert parse("LoRAs  AND (fine-tuning)") == parse("lora fine-tuning")
    assert hash(parse("a OR (b OR c)")) == hash(parse("a OR b OR c"))
    assert parse('"fine tuning"') != parse("fine tuning")


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("", 0, "empty"),
        (" \n ", 0, "empty"),
        ("a AND", 5, "follow AND"),
        ("a OR OR b", 5, "follow OR"),
        ("NOT", 3, "follow NOT"),
        ("AND", 0, "before AND"),
        ("OR b", 0, "before OR"),
        ("ANDNOT b", 0, "before ANDNOT"),
        ('"', 0, "never closed"),
        ('a "b c', 2, "never closed"),
        ('""', 0, "nothing to search for"),
        ("a (b", 2, "never closed"),
        ("(", 0, "never closed"),
        ("a) b", 1, "closes nothing"),
        (")", 0, "closes nothing"),
        ("a ()", 2, "nothing between"),
        ("ti:", 3, "follow ti:"),
        ("(ti:)", 4, "follow ti:"),
        ("ti:-a", 3, "follow ti:"),
        ("a foo:bar", 2, "title:, abstract:, author:, subject:, category:"),
        ("https://arxiv.org/abs/2403.17919", 0, "link"),
        ("+ANDNOT", 1, "follow +"),
        ("a + b", 2, "nothing to search for in “+”"),
        ("?", 0, "nothing to search for"),
        ("a neu*ro", 5, "star"),
        ("date:yesterday", 5, "no date"),
        ("date:2025-13", 5, "no date"),
        ("date:2025-02-30", 5, "no date"),
        ("date:..", 5, "no date"),
        ("a date:2025..2024", 7, "ends before it begins"),
        ("is:old", 3, "is:cross"),
        ("a id:nothing", 5, "names no paper"),
        ("cat:cs.C*", 4, "not a category"),
        ("cat:微调", 4, "not a category"),
        ("-a", 2, "leave out"),
        ("-a NOT (b c)", 12, "leave out"),
        ("(" * 31 + "a" + ")" * 31, 30, "30 levels"),
        (" OR ".join("abcdefghij"[n % 10] for n in range(51)), 250, "50 words"),
        ("x" * 501, 500, "501 characters"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, place: int, says: str) -> None:
    error = fault(text)
    assert says in error.message and error.place == place and error.query == text
    assert isinstance(error.message, Said) and error.message.template in MESSAGES
    assert error.message.template.format(**error.message.values) == error.message


def test_limits_are_reached_before_they_are_passed() -> None:
    parse(" OR ".join("abcdefghij"[n % 10] for n in range(50)))
    parse("(" * 30 + "a" + ")" * 30)
    parse("x" * 500)
    parse("one two three four five six seven eight nine ten eleven twelve")


def test_a_sentence_gets_a_proposal_that_works() -> None:
    error = fault(
        "I am interested in parameter efficient fine-tuning of large language models for languages with few speakers"
    )
    assert "looks like a sentence" in error.message
    assert error.expected == '"parameter efficient fine-tuning" "large language models"'
    assert parse(error.expected)
    assert parse(fault("a " * 13).expected)


def test_operators_and_fields_between_words_make_no_sentence() -> None:
    parse(" ".join(f"ti:word{n}" for n in range(20)))
    parse(" AND ".join(f"word{n}" for n in range(20)))


def test_a_subscription_must_say_what_to_look_for() -> None:
    assert "leave out" in fault("-a", for_subscription=True).message
    assert "leave out" in fault("a OR -b", for_subscription=True).message
    assert parse("a -b", for_subscription=True) == parse("a -b") and parse("a OR -b")


@pytest.mark.parametrize(
    "bomb", ["x " * 5_000, "(" * 10_000, "(" * 500, "-" * 500 + "a", "ti:" * 166, '"' * 500, "a-" * 249 + "a"]
)
def test_a_bomb_is_refused_quickly(bomb: str) -> None:
    def took() -> float:
        start = time.perf_counter()
        with suppress(QueryError):
            parse(bomb)
        return time.perf_counter() - start

    assert min(took() for _ in range(5)) < 0.02


def test_the_caret_stands_under_the_place() -> None:
    assert caret(fault("ab ) c")) == "ab ) c\n   ^"
    assert caret(fault("微调 )")) == "微调 )\n     ^"
    assert caret(fault("é ?")) == "é ?\n  ^"


def test_the_caret_of_a_long_query_shows_the_part_around_the_place() -> None:
    query, marker = caret(fault("word OR " * 20 + ") " + "OR word" * 20)).split("\n")
    assert query[len(marker) - 1] == ")" and len(query) <= 62 and query.startswith("…") and query.endswith("…")


WORD = st.sampled_from(
    ["LoRA", "fine-tuning", "微调", "a", "GPT-4", "c++", "O'Brien", "x:", "3:1", "AI", "léger", "not", "+b", "quant*"]
)
LEAF = st.one_of(WORD, st.lists(WORD, min_size=1, max_size=3).map(lambda words: f'"{" ".join(words)}"'))
PREFIXES = st.sampled_from(["", "", "ti:", "abstract:", "au:", "all:", "NOT ", "-"])
VALUES = [
    "cat:cs.CL", "cat:math", "-cat:cs.*", "date:2025-04..2025-05", "date:2024..", "is:cross-list", "id:hep-th/9901001",
    "-is:update", "topic:peft", 'topic:"fine tuning"', "date:(2024 OR 2025)", "id:arxiv:2403.17919v2",
]  # fmt: skip
QUERIES = st.recursive(
    st.one_of(st.builds("{}{}".format, PREFIXES, LEAF), st.sampled_from(VALUES)),
    lambda inner: st.builds(
        lambda prefix, joint, parts: f"{prefix}({joint.join(parts)})",
        PREFIXES,
        st.sampled_from([" ", " AND ", " OR ", " ANDNOT "]),
        st.lists(inner, min_size=1, max_size=4),
    ),
    max_leaves=14,
)


@given(QUERIES)
@example("ti:(a b c) abs:(d e) f OR NOT (g -h)")
@example(" AND ".join("abcdefghijklmnopqrst"))
@example("ti:(a b c d e f) (ti:(g h i j k l) ti:m)")
@example("(x OR ti:a ti:b) -(c OR d) -(e f)")
def test_a_query_prints_as_text_that_reads_the_same(text: str) -> None:
    try:
        query = parse(text)
    except QueryError:
        return
    assert parse(str(query)) == query
    assert to_text(parse(str(query))) == to_text(query)


@given(st.text(max_size=60))
def test_whatever_is_typed_parses_or_is_refused_with_a_place(text: str) -> None:
    try:
        query = parse(text)
    except QueryError as error:
        assert 0 <= error.place <= len(text) and error.message
        assert len(caret(error).split("\n")) == 2
    else:
        assert parse(str(query)) == query


SYNTAX = st.lists(
    st.sampled_from(
        [
            *'()":-+* ',
            " OR ",
            " AND ",
            " NOT ",
            "ANDNOT ",
            "ti:",
            "cat:",
            "x",
            "cs",
            "微",
            "“",
            "”",
            "id:",
            "date:",
            "is:",
            "topic:",
            "2025",
            "..",
            "new",
            "xy*",
        ]
    ),
    max_size=25,
).map("".join)


@given(SYNTAX)
def test_whatever_syntax_is_typed_prints_as_it_reads(text: str) -> None:
    try:
        query = parse(text)
    except QueryError as error:
        assert 0 <= error.place <= len(text)
    else:
        assert parse(str(query)) == query


def test_what_a_query_asks_for_can_be_listed() -> None:
    query = parse("(cat:cs.CL OR cat:math) LoRA -cat:cs.CV -(survey -(微调))")
    assert [leaf.text for leaf in positive_leaves(query)] == ["cs.CL", "math", "LoRA", "微调"]


def test_what_people_follow_parses_or_is_refused_helpfully() -> None:
    corpus = SHARED / "data" / "corpus"
    if not corpus.is_dir():
        pytest.skip(f"no real queries: {corpus} is absent")
    topics = json.loads((corpus / "topic-filters.json").read_text(encoding="utf-8"))
    lines = (corpus / "interest-queries.txt").read_text(encoding="utf-8").splitlines()
    lines += [line for topic in topics for line in topic["filters"]]
    refused = []
    for line in lines:
        try:
            query = parse(line)
        except QueryError as error:
            refused.append((line, error.message))
        else:
            assert parse(str(query)) == query
    assert len(refused) <= 19, refused
    assert all(any(sign in line for sign in '"\\') or "sentence" in says for line, says in refused)


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("2025", "2025-01-01", "2025-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2025-4-8", "2025-04-08", "2025-04-08"),
        ("2025-04..2025-05", "2025-04-01", "2025-05-31"),
        ("2025-04..", "2025-04-01", ""),
        ("..2024", "", "2024-12-31"),
    ],
)
def test_a_date_is_a_range_of_days(typed: str, first: str, last: str) -> None:
    assert parse(f"date:{typed}") == Leaf(Field.DATE, ((first, last),), "")


def test_a_prefix_is_a_word_with_a_star() -> None:
    assert parse("Quant*") == Leaf(Field.ANY, (("quant",),), "", prefix=True) != parse("quant")
    assert parse("au:Po\u0301lya*") == parse("au:polya*") and parse("微调*") == parse("微调")
    assert parse("A* search") == parse("a search") and parse("C*-algebra")
    assert parse('"quant*"') == parse("quant")


def test_an_id_is_known_in_every_writing() -> None:
    assert parse("id:2403.17919v2") == parse("id:arXiv:2403.17919") == parse("id:https://arxiv.org/pdf/2403.17919")


TOPICS = {
    "peft": "LoRA OR topic:adapters", "adapters": "adapter -survey", "loop": 'topic:"the ring"', "ring": "x topic:loop",
}  # fmt: skip


def lookup(name: str) -> tuple[str, str] | None:
    slug = {"the ring": "ring"}.get(name, name)
    return (slug, TOPICS[slug]) if slug in TOPICS else None


def test_a_topic_stands_for_its_query_however_deep() -> None:
    assert topics_in(parse("topic:PEFT -topic:x topic:peft")) == ("peft", "x")
    assert unfolded(parse("topic:PEFT cat:cs.CL"), lookup) == parse("(LoRA OR (adapter -survey)) cat:cs.CL")
    assert unfolded(parse("LoRA -topic:adapters"), lookup) == parse("LoRA -(adapter -survey)")
    assert unfolded(parse("LoRA"), lookup) == parse("LoRA")


@pytest.mark.parametrize(
    ("typed", "within", "place", "says"),
    [
        ("a topic:nowhere", "", 8, "no topic “nowhere”"),
        ("a topic:loop", "", 8, "contain itself"),
        ("a topic:peft", "adapters", 8, "contain itself"),
        ("a topic:own", "own", 8, "no topic"),
    ],
)
def test_a_topic_that_cannot_be_written_out_is_named(typed: str, within: str, place: int, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        unfolded(parse(typed), lookup, typed, within)
    assert says in caught.value.message and caught.value.place == place
    assert isinstance(caught.value.message, Said) and caught.value.message.template in MESSAGES


def test_topics_within_topics_do_not_grow_without_end() -> None:
    wide = {f"t{n}": f"topic:t{n + 1} OR (a topic:t{n + 1})" for n in range(30)} | {"t30": "x"}
    with pytest.raises(QueryError, match="more than 500 words"):
        unfolded(parse("topic:t0"), lambda name: (name, wide[name]))
