"""The full-text index (tantivy): derived from the store, deletable, the same answers as `bot.matching.Batch`.

Our own terms stand at their own positions: text goes in pre-tokenized
(https://docs.rs/tantivy/latest/tantivy/tokenizer/struct.PreTokenizedString.html), by Token objects, which is twice as
fast as the same in JSON.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Occur

import bot.matching
import bot.tex
import bot.text
from bot.matching import Value, analyze, document
from bot.model import Paper, Summary
from bot.ports import Hit, Store
from bot.query import And, Field, Leaf, Not, Or, Query

_log = logging.getLogger(__name__)

_STATE = "followed.json"
_PAGE = 1_000
_COMMIT_EVERY = 20_000
_HEAP = 50_000_000
_TITLE_BOOST = 3.0
_STORE_ID = "search.store"


class TantivyIndex:
    """A SearchIndex in a folder of its own.

    One process writes; another that opens the same folder only reads, and takes the writing over when the first is
    gone. Everything is rebuilt from the store by the next `follow` where the folder is missing or damaged, was made
    by another analyzer, or has followed another or a younger store. Safe to use from several threads.
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder / _fingerprint()
        self._store = store
        self._lock = threading.RLock()
        self._writer: Any = None
        self._schema = _schema()
        self._state: dict[str, Any] = {}
        self._index: Any = self._open()

    def follow(self) -> int:
        """Take in the store's changes since the last call; returns how many papers were taken in: 0 where another
        process does the writing."""
        with self._lock:
            if self._writer is None and not self._take_writing():
                self._reload()
                return 0
            try:
                return self._take_in()
            except (ValueError, OSError) as error:  # tantivy's own errors are ValueErrors
                _log.warning("the search index is damaged (%s): building it anew", error)
                self._clear()
                if not self._take_writing():
                    return 0
                return self._take_in()

    def search(self, query: Query, limit: int = 10, offset: int = 0, newest: bool = False) -> tuple[list[Hit], int]:
        """Hits, best first (or newest first, a paper without a date last), and the number of all matches."""
        if self._writer is None:
            self._reload()
        searcher = self._index.searcher()
        order = {"order_by_field": "newest"} if newest else {}
        result = searcher.search(_query(self._schema, query), limit=max(1, limit), offset=max(0, offset), **order)
        hits = result.hits[: max(0, limit)]
        ids = searcher.fast_field_values("paper", [address for _, address in hits]) if hits else []
        return [Hit(int(id), 0.0 if newest else float(s)) for id, (s, _) in zip(ids, hits, strict=True)], result.count

    def close(self) -> None:
        with self._lock:
            if self._writer is not None:
                self._writer.wait_merging_threads()
                self._writer = None

    def _open(self) -> Any:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return tantivy.Index(self._schema, str(self._folder))
        except (ValueError, OSError) as error:
            _log.warning("the search index cannot be opened (%s): building it anew", error)
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True, exist_ok=True)
            return tantivy.Index(self._schema, str(self._folder))

    def _reload(self) -> None:
        """See what the writing process has committed."""
        try:
            self._index.reload()
        except ValueError:
            self._index = self._open()

    def _take_writing(self) -> bool:
        try:
            self._writer = self._index.writer(_HEAP, 1)
        except ValueError as error:
            if "LockBusy" not in str(error) and "Lockfile" not in str(error):
                raise
            return False
        self._state = self._read_state()
        for old in self._folder.parent.iterdir():
            if old != self._folder and old.is_dir() and (old / "meta.json").exists():
                shutil.rmtree(old, ignore_errors=True)
        return True

    def _read_state(self) -> dict[str, Any]:
        try:
            state = json.loads((self._folder / _STATE).read_text())
            return {"store": str(state["store"]), "seq": int(state["seq"]), "paper": int(state["paper"])}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _write_state(self) -> None:
        draft = self._folder / (_STATE + ".new")
        draft.write_text(json.dumps(self._state))
        draft.replace(self._folder / _STATE)

    def _clear(self) -> None:
        self._writer = None
        shutil.rmtree(self._folder, ignore_errors=True)
        self._state = {}
        self._index = self._open()

    def _take_in(self) -> int:
        self._begin()
        taken = uncommitted = 0
        seq, paper = self._state["seq"], self._state["paper"]
        while True:
            with self._store.reading() as tx:
                changed = tx.changes(seq, _PAGE)
                ids = [id for _, id in changed]
                papers, summaries = (tx.papers(ids), tx.summaries(ids)) if ids else ({}, {})
            for id in ids:
                self._writer.delete_documents_by_term("paper", id)
                found = papers.get(id)
                if found is not None and found.id == id:  # one merged into another answers with the other
                    self._writer.add_document(_entry(found, summaries.get(id, ())))
            if changed:
                seq, paper = changed[-1]
            taken += len(ids)
            uncommitted += len(ids)
            last = len(changed) < _PAGE
            if uncommitted and (last or uncommitted >= _COMMIT_EVERY):
                self._writer.commit()
                self._state |= {"seq": seq, "paper": paper}
                self._write_state()
                uncommitted = 0
            if last:
                self._index.reload()
                return taken

    def _begin(self) -> None:
        """Start anew where this store is not the one that was followed, or was put back to an earlier state."""
        store_id = self._store_id()
        state = self._state
        same = bool(state) and state["store"] == store_id and not (state["seq"] and not self._index.searcher().num_docs)
        if same and state["seq"]:
            with self._store.reading() as tx:
                at = tx.changes(state["seq"] - 1, 1)
            same = bool(at) and (at[0][0] > state["seq"] or at[0][1] == state["paper"])
        if not same:
            self._writer.delete_all_documents()
            self._writer.commit()
            self._state = {"store": store_id, "seq": 0, "paper": 0}
            self._write_state()

    def _store_id(self) -> str:
        with self._store.reading() as tx:
            known = tx.setting(_STORE_ID)
        if not known:
            from uuid import uuid4

            with self._store.transaction() as tx:
                known = tx.setting(_STORE_ID) or uuid4().hex
                tx.put_setting(_STORE_ID, known)
        return known


@cache
def _fingerprint() -> str:
    """Of everything that decides which terms stand in the index: with another, another index is built."""
    files = (bot.tex.__file__, bot.text.__file__, bot.matching.__file__, __file__)
    return sha256(b"".join(Path(str(file)).read_bytes() for file in files)).hexdigest()[:12]


@cache
def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    # Signed: tantivy-py 0.27 deletes nothing by the term of an unsigned field.
    builder.add_integer_field("paper", indexed=True, fast=True)
    builder.add_integer_field("newest", fast=True)
    for name in ("title", "abstract", "author"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
    builder.add_text_field("category", tokenizer_name="raw", index_option="basic")
    return builder.build()


def _entry(paper: Paper, summaries: Sequence[Summary]) -> Any:
    """A paper as tantivy takes it. ``newest`` orders by day, then by id."""
    analyzed = analyze(document(paper, summaries))
    dated_on = paper.first_announced_on or paper.dated_on
    entry = tantivy.Document()
    entry.add_integer("paper", paper.id)
    entry.add_integer("newest", ((dated_on.toordinal() if dated_on else 0) << 40) + paper.id)
    for name, values in (("title", analyzed.title), ("abstract", analyzed.text), ("author", analyzed.author)):
        entry.add_pre_tokenized_text(name, tantivy.PreTokenizedString("", _tokens(values)))
    for pattern in analyzed.patterns:
        entry.add_text("category", pattern)
    return entry


def _tokens(values: tuple[Value, ...]) -> list[Any]:
    """All values as one text; a free position between them keeps phrases inside."""
    token = tantivy.Token
    found: list[Any] = []
    start = 0
    for value in values:
        found += [token(term, place, 0, 0) for place, terms in enumerate(value, start) for term in terms]
        start += len(value) + 1
    return found


def _query(schema: Any, query: Query) -> Any:
    make = tantivy.Query
    match query:
        case Leaf():
            return _leaf(schema, query)
        case Or(parts):
            return make.boolean_query([(Occur.Should, _query(schema, part)) for part in parts])
        case Not():
            return _and(schema, (query,))
        case And(parts):
            return _and(schema, parts)


def _and(schema: Any, parts: Sequence[Query]) -> Any:
    make = tantivy.Query
    rows = [
        (Occur.MustNot, _query(schema, part.part)) if isinstance(part, Not) else (Occur.Must, _query(schema, part))
        for part in parts
    ]
    if all(occur is Occur.MustNot for occur, _ in rows):
        rows.append((Occur.Must, make.const_score_query(make.all_query(), 0.0)))
    return make.boolean_query(rows)


_SCOPES = {
    Field.ANY: (("title", _TITLE_BOOST), ("abstract", 1.0)),
    Field.TITLE: (("title", _TITLE_BOOST),),
    Field.ABSTRACT: (("abstract", 1.0),),
    Field.AUTHOR: (("author", 1.0),),
    Field.CATEGORY: (("category", 0.1),),
}


def _leaf(schema: Any, leaf: Leaf) -> Any:
    make = tantivy.Query
    option = "basic" if leaf.field is Field.CATEGORY else "freq"
    rows = []
    for phrase in leaf.phrases:
        for name, boost in _SCOPES[leaf.field]:
            if len(phrase) == 1:
                asked = make.term_query(schema, name, phrase[0], option)
            else:
                asked = make.phrase_query(schema, name, list(phrase))
            rows.append((Occur.Should, make.boost_query(asked, boost)))
    return rows[0][1] if len(rows) == 1 else make.boolean_query(rows)
