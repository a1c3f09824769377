import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.documents import document
from bot.errors import QueryError
from bot.matching import Batch
from bot.model import FeedItem, Kind, SummaryText
from bot.query import Query, parse
from storage.searching import TantivyIndex
from storage.store import SqlStore, open_store
from tests.databases import sqlite_url
from tests.storage.samples import NOW


@pytest.fixture
def store(ready_file: Path, tmp_path: Path, opened: Callable[[str], SqlStore]) -> SqlStore:
    """SQLite alone: the index sees no more of a database than the port."""
    shutil.copy(ready_file, tmp_path / "search.db")
    return opened(sqlite_url(tmp_path, "search.db"))


@pytest.fixture
def another(ready_file: Path, tmp_path: Path, opened: Callable[[str], SqlStore]) -> SqlStore:
    shutil.copy(ready_file, tmp_path / "another.db")
    return opened(sqlite_url(tmp_path, "another.db"))


@pytest.fixture
def indexes() -> Iterator[Callable[[Path, SqlStore], TantivyIndex]]:
    made: list[TantivyIndex] = []

    def make(folder: Path, store: SqlStore) -> TantivyIndex:
        made.append(TantivyIndex(folder, store))
        return made[-1]

    yield make
    for index in made:
        index.close()


Make = Callable[[Path, SqlStore], TantivyIndex]


def add(store: SqlStore, *titles: str, day: date = date(2025, 4, 8), kind: Kind = Kind.NEW, first: int = 1) -> None:
    items = [
        FeedItem(f"arxiv:2504.{number:05}", kind, title, "An abstract.", 1, ("Ada Rogers",), ("cs.CL",), day)
        for number, title in enumerate(titles, first)
    ]
    with store.transaction() as tx:
        tx.add(items, NOW)


def titles(store: SqlStore, index: TantivyIndex, query: str, newest: bool = False) -> list[str]:
    hits, total = index.search(parse(query), newest=newest)
    assert len(hits) == total
    with store.reading() as tx:
        papers = tx.papers(hit.paper_id for hit in hits)
    return [papers[hit.paper_id].title for hit in hits]


def test_what_is_stored_is_found_after_following(store: SqlStore, tmp_path: Path, indexes: Make) -> None:
    index = indexes(tmp_path / "index", store)
    assert index.follow() == 0 and index.search(parse("kettle")) == ([], 0)
    add(store, "Kettles for LLMs", "Teapots")
    assert index.follow() == 2 and index.follow() == 0
    assert titles(store, index, "kettle") == ["Kettles for LLMs"]
    assert titles(store, index, "au:rogers -kettle") == ["Teapots"]


def test_a_changed_paper_is_found_by_its_new_words_only(store: SqlStore, tmp_path: Path, indexes: Make) -> None:
    index = indexes(tmp_path / "index", store)
    add(store, "Kettles", "Teapots")
    index.follow()
    newer = FeedItem("arxiv:2504.00001", Kind.REPLACE, "Samovars", "An abstract.", 2, announced_on=date(2025, 4, 9))
    with store.transaction() as tx:
        tx.add([newer], NOW)
    assert index.follow() == 1
    assert titles(store, index, "samovar") == ["Samovars"] and index.search(parse("kettle"))[1] == 0


def test_a_later_summary_is_found(store: SqlStore, tmp_path: Path, indexes: Make) -> None:
    index = indexes(tmp_path / "index", store)
    add(store, "Kettles")
    index.follow()
    told = FeedItem(
        "arxiv:2504.00001", Kind.KNOWN, "Kettles", summaries=(SummaryText("zh-Hans", "泡茶", "水壶", "烧水的方法"),)
    )
    with store.transaction() as tx:
        tx.add([told], NOW)
    index.follow()
    assert titles(store, index, "ti:水壶 烧水 kettles") == ["Kettles"] == titles(store, index, "abs:泡茶")


def test_hits_are_paged_and_counted_exactly(store: SqlStore, tmp_path: Path, indexes: Make) -> None:
    index = indexes(tmp_path / "index", store)
    add(store, *(f"Kettle number{n}" for n in range(25)))
    index.follow()
    pages = [index.search(parse("kettle"), limit=10, offset=offset) for offset in (0, 10, 20, 30)]
    assert [(len(hits), total) for hits, total in pages] == [(10, 25), (10, 25), (5, 25), (0, 25)]
    assert len({hit.paper_id for hits, _ in pages for hit in hits}) == 25
    assert index.search(parse("kettle"), limit=0) == ([], 25)


def test_best_first_puts_titles_first_and_newest_first_goes_by_day(
    store: SqlStore, tmp_path: Path, indexes: Make
) -> None:
    index = indexes(tmp_path / "index", store)
    with store.transaction() as tx:
        tx.add(
            [
                FeedItem("arxiv:2504.00001", Kind.NEW, "Kettles", "Teapots.", announced_on=date(2025, 4, 8)),
                FeedItem("arxiv:2504.00002", Kind.NEW, "Teapots", "Kettles.", announced_on=date(2025, 4, 9)),
                FeedItem("arxiv:2504.00003", Kind.KNOWN, "Cups", "Kettles, and then much else of no weight at all."),
            ],
            NOW,
        )
    index.follow()
    assert titles(store, index, "kettle") == ["Kettles", "Teapots", "Cups"]
    assert titles(store, index, "kettle", newest=True) == ["Teapots", "Kettles", "Cups"]


def test_an_index_goes_on_where_it_was(store: SqlStore, tmp_path: Path, indexes: Make) -> None:
    add(store, "Kettles")
    first = indexes(tmp_path / "index", store)
    first.follow()
    first.close()
    add(store, "Teapots", first=2)
    second = indexes(tmp_path / "index", store)
    assert titles(store, second, "kettles") == ["Kettles"]
    assert second.follow() == 1 and titles(store, second, "teapots") == ["Teapots"]


def folder_of(index: Path) -> Path:
    (inner,) = index.iterdir()
    return inner


def drop(index: Path) -> None:
    shutil.rmtree(index)


def spoil_meta(index: Path) -> None:
    (folder_of(index) / "meta.json").write_text("{")


def spoil_segments(index: Path) -> None:
    for path in folder_of(index).iterdir():
        if path.suffix in (".store", ".term", ".idx", ".pos", ".fast", ".fieldnorm"):
            path.unlink()


def forget_place(index: Path) -> None:
    (folder_of(index) / "followed.json").write_text("[]")


def lose_documents(index: Path) -> None:
    for path in folder_of(index).iterdir():
        if path.name != "followed.json":
            path.unlink()


@pytest.mark.parametrize("harm", [drop, spoil_meta, spoil_segments, forget_place, lose_documents])
def test_a_damaged_index_is_built_anew(
    harm: Callable[[Path], None], store: SqlStore, tmp_path: Path, indexes: Make
) -> None:
    add(store, "Kettles", "Teapots")
    first = indexes(tmp_path / "index", store)
    first.follow()
    first.close()
    harm(tmp_path / "index")
    second = indexes(tmp_path / "index", store)
    assert second.follow() == 2
    assert titles(store, second, "kettles") == ["Kettles"]


def test_an_index_deleted_under_a_running_program_is_built_anew(store: SqlStore, tmp_path: Path, indexes: Make) -> None:
    add(store, "Kettles")
    index = indexes(tmp_path / "index", store)
    index.follow()
    shutil.rmtree(tmp_path / "index")
    add(store, "Teapots", first=2)
    index.follow()
    assert titles(store, index, "kettles OR teapots") in (["Kettles", "Teapots"], ["Teapots", "Kettles"])


def test_another_store_is_followed_from_its_beginning(
    store: SqlStore, another: SqlStore, tmp_path: Path, indexes: Make
) -> None:
    add(store, "Kettles")
    add(another, "Teapots", "Cups")
    first = indexes(tmp_path / "index", store)
    first.follow()
    first.close()
    second = indexes(tmp_path / "index", another)
    assert second.follow() == 2 and second.search(parse("kettles"))[1] == 0


def test_a_store_put_back_to_an_earlier_state_is_followed_anew(
    store: SqlStore, tmp_path: Path, indexes: Make, opened: Callable[[str], SqlStore]
) -> None:
    add(store, "Kettles")
    index = indexes(tmp_path / "index", store)
    index.follow()
    with store.transaction() as tx:
        assert tx.setting("search.store")
    store.close()
    shutil.copy(tmp_path / "search.db", tmp_path / "backup.db")
    later = opened(sqlite_url(tmp_path, "search.db"))
    add(later, "Teapots", first=2)
    index.close()
    index = indexes(tmp_path / "index", later)
    index.follow()
    index.close()
    back = opened(sqlite_url(tmp_path, "backup.db"))
    index = indexes(tmp_path / "index", back)
    assert index.follow() == 1 and index.search(parse("teapots"))[1] == 0


def test_a_second_one_only_reads_until_the_first_is_gone(store: SqlStore, tmp_path: Path, indexes: Make) -> None:
    first, second = indexes(tmp_path / "index", store), indexes(tmp_path / "index", store)
    add(store, "Kettles")
    assert first.follow() == 1
    assert second.follow() == 0 and titles(store, second, "kettles") == ["Kettles"]
    add(store, "Teapots", first=2)
    first.follow()
    assert titles(store, second, "teapots") == ["Teapots"]
    first.close()
    add(store, "Cups", first=3)
    assert second.follow() == 1 and titles(store, second, "cups") == ["Cups"]


def test_an_index_of_another_analyzer_is_cleared_away(store: SqlStore, tmp_path: Path, indexes: Make) -> None:
    first = indexes(tmp_path / "index", store)
    first.follow()
    first.close()
    folder_of(tmp_path / "index").rename(tmp_path / "index" / "0123456789ab")
    add(store, "Kettles")
    assert indexes(tmp_path / "index", store).follow() == 1
    assert [path.name for path in (tmp_path / "index").iterdir()] != ["0123456789ab"]
    assert not (tmp_path / "index" / "0123456789ab").exists()


VOCABULARY = (
    *(
        "a",
        "b",
        "c",
        "LoRA",
        "QLoRA",
        "fine-tuning",
        "finetuning",
        "fine",
        "tuning",
        "GPT-4",
        "C++",
        "LLMs",
        "graph",
        "network",
        "large",
        "language",
        "model",
    ),
    *("大", "模型", "大模型", "微调", "大型"),
)


Both = tuple[TantivyIndex, Batch, dict[int, int]]


@pytest.fixture(scope="module")
def both(ready_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A store of papers made of few words, in an index and in a batch; and each paper's day, 0 without one."""
    folder = tmp_path_factory.mktemp("both")
    shutil.copy(ready_file, folder / "papers.db")
    store = open_store(sqlite_url(folder, "papers.db"))
    pick = Random(5)

    def text(most: int) -> str:
        return " ".join(pick.choice(VOCABULARY) for _ in range(pick.randint(1, most)))

    items = [
        FeedItem(
            f"arxiv:2504.{n:05}", pick.choice(list(Kind)), f"{text(4)} paper{n}", pick.choice(["", text(12)]), 1,
            tuple(text(2) for _ in range(pick.randint(0, 2))),
            tuple(pick.sample(["cs.CL", "cs.LG", "hep-th"], pick.randint(0, 2))),
            date(2025, 4, pick.randint(1, 9)),
            subjects=tuple({text(3) for _ in range(pick.randint(0, 2))}),
            summaries=(SummaryText("zh-Hans", text(3), text(3), text(8)),) * pick.randint(0, 1),
        )
        for n in range(60)
    ]  # fmt: skip
    with store.transaction() as tx:
        tx.add(items, NOW)
        ids = [id for _, id in tx.changes(0, 1_000)]
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    index = TantivyIndex(folder / "index", store)
    index.follow()
    documents = {id: document(papers[id], summaries.get(id, ())) for id in ids}
    days = {id: one.day.toordinal() if one.day else 0 for id, one in documents.items()}
    yield index, Batch(documents.items()), days
    index.close()
    store.close()


LEAVES = st.one_of(
    st.builds(
        lambda prefix, text: f'{prefix}"{text}"',
        st.sampled_from(["", "", "", "ti:", "abs:", "au:", "subject:"]),
        st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=4).map(" ".join),
    ),
    st.sampled_from(VOCABULARY),
    st.sampled_from(
        ["cat:cs.CL", "cat:cs.*", "cat:hep-th", "absent", "id:2504.00007", "is:new", "is:cross", "is:update"]
    ),
    st.sampled_from(["date:2025-04-03", "date:2025-04-03..2025-04-05", "date:..2025-04-04", "date:2025-04-07.."]),
    st.sampled_from(
        ["lor*", "ti:fine-t*", "abs:tun*", "au:gp*", "subject:lar*", "paper1*", "au:fine-*", '"language model"', "c++*"]
    ),
)
ASKED = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' OR '.join(parts)})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} NOT {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} OR NOT {pair[1]})"),
    ),
    max_leaves=6,
).map(parse)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=ASKED)
def test_the_index_and_the_matcher_agree_on_every_query(both: Both, query: Query) -> None:
    index, batch, days = both
    hits, total = index.search(query, limit=1_000)
    assert sorted(hit.paper_id for hit in hits) == sorted(batch.match(query))
    assert total == len(hits)
    newest, _ = index.search(query, limit=1_000, newest=True)
    assert [hit.paper_id for hit in newest] == sorted((hit.paper_id for hit in hits), key=lambda id: (-days[id], -id))


@pytest.fixture
def index(store: SqlStore, tmp_path: Path, indexes: Make) -> TantivyIndex:
    return indexes(tmp_path / "index", store)


def test_a_prefix_of_too_many_words_is_refused_with_what_to_do(
    store: SqlStore, index: TantivyIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.searching.asking.MOST_WORDS_OF_PREFIX", 3)
    add(store, "kettle kettles kettled", "kettledrum kelp")
    index.follow()
    assert index.search(parse("kettled*"))[1] == 2
    with pytest.raises(QueryError, match="More than 3 different words begin with “ket”: write one letter more"):
        index.search(parse("tea OR ket*"))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ketle", "kettle"), ("kettel", "kettle"), ("lora ketle", "lora kettle"),
        ("ketle OR teaput", "kettle OR teapot"), ("ti:teapotts -cups", "ti:teapots -cups"), ("au:Rodgers", "au:rogers"),
    ],
)  # fmt: skip
def test_a_mistyped_word_means_the_nearest_stored_one(
    typed: str, meant: str, store: SqlStore, index: TantivyIndex
) -> None:
    add(store, "The kettle", "A kettle and a teapot", "Teapots, kettling")
    index.follow()
    found = index.meant(parse(typed))
    assert found is not None and str(found) == meant


@pytest.mark.parametrize(
    "typed", ["kettle", "kettles", "zzzzzz", "ket", '"ketle tea"', "kettle -ketle", "cat:cs.CV", "ketl*"]
)
def test_what_is_stored_or_near_nothing_means_what_it_says(typed: str, store: SqlStore, index: TantivyIndex) -> None:
    add(store, "The kettle", "A teapot")
    index.follow()
    assert index.meant(parse(typed)) is None


def test_papers_like_a_paper_share_its_telling_words(store: SqlStore, index: TantivyIndex) -> None:
    add(store, "Low-rank adapters for kettles", "A survey of teapots", "Kettles with low-rank adapters", "Adapters")
    index.follow()
    with store.reading() as tx:
        paper = tx.paper_by_key("arxiv:2504.00001")
        assert paper
        hits = index.similar(paper.id)
        papers = tx.papers(hit.paper_id for hit in hits)
    assert [papers[hit.paper_id].title for hit in hits][:2] == ["Kettles with low-rank adapters", "Adapters"]
    assert paper.id not in papers
    assert index.similar(999) == [] and index.similar(paper.id, limit=0) == []


def test_of_two_that_fit_alike_the_newer_stands_first(store: SqlStore, index: TantivyIndex) -> None:
    add(store, "Kettles one", day=date(2025, 4, 8))
    add(store, "Kettles two", day=date(2026, 4, 8), first=2)
    add(store, "Kettles six", day=date(2024, 4, 8), first=3)
    index.follow()
    assert titles(store, index, "kettles") == ["Kettles two", "Kettles one", "Kettles six"]


def test_following_stops_when_patience_ends_and_goes_on_where_it_was(
    store: SqlStore, index: TantivyIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.searching._PAGE", 2)
    add(store, *(f"Kettle {n}" for n in range(5)))
    assert [index.follow(patience=0) for _ in range(4)] == [2, 2, 1, 0]
    assert index.search(parse("kettle"))[1] == 5


def test_phrases_of_frequent_words_are_read_in_order(store: SqlStore, index: TantivyIndex) -> None:
    add(
        store,
        "large language model",
        "model language large",
        "large models of language",
        "a language model that is large",
    )
    index.follow()
    assert titles(store, index, '"large language models"') == ["large language model"]
    assert set(titles(store, index, 'ti:"language model"')) == {
        "large language model",
        "a language model that is large",
    }
    assert titles(store, index, 'abs:"language model"') == []
