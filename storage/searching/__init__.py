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
from collections.abc import Collection, Mapping
from functools import cache, lru_cache, partial
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

import tantivy

import bot.documents
import bot.tex
import bot.text
from bot.ports import Hit, Store
from bot.query import Query, positive_leaves
from storage.searching import entries, frequent
from storage.searching.asking import FORMS, Asking, only
from storage.searching.entries import entry, schema
from storage.searching.likeness import likeness, meant, words_of

_log = logging.getLogger(__name__)

_STATE = "followed.json"
_PAGE = 500
_MOST_LAG = 1_000
_COMMIT_SECONDS, _LONGEST_COMMIT = 1.5, 12.0
"""What is being taken in is seen after this many seconds; where there is much of it, after twice as many each time, for
a commit waits until all is written, and a tenth of the time went with that."""
_TIED = 50
"""How many more hits are looked at, to order those that fit alike."""
_HEAP = 50_000_000
_MOST_PATIENT = 2
"""Who waits for what is being taken in; the others look at what is there, else building an index stops all answers."""
_LETTERS = 16
"""Of how many the words are kept that a mistyped one is looked for in, some 1 MB each."""
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
        self._patient = threading.BoundedSemaphore(_MOST_PATIENT)
        self._writer: Any = None
        self._schema = schema()
        self._state: dict[str, Any] = {}
        self._index: Any = self._open()
        self._words = lru_cache(_LETTERS)(self._words_of)

    def follow(self, patience: float | None = None) -> int:
        """See ``ports.SearchIndex.follow``; 0 where another process does the writing."""
        if self._is_up_to_date():
            return 0
        if patience is None:
            return self._follow(None)
        if not self._patient.acquire(blocking=False):
            return 0
        try:
            return self._follow(patience)
        finally:
            self._patient.release()

    def _follow(self, patience: float | None) -> int:
        until = None if patience is None else monotonic() + patience
        if not self._lock.acquire(timeout=-1 if patience is None else patience):
            return 0
        try:
            if self._writer is None and not self._take_writing():
                self._reload()
                return 0
            try:
                return self._take_in(until)
            except (ValueError, OSError) as error:  # tantivy's own errors are ValueErrors
                _log.warning("the search index is damaged (%s): building it anew", error)
                self._clear()
                if not self._take_writing():
                    return 0
                return self._take_in(until)
        finally:
            self._lock.release()

    def search(
        self,
        query: Query,
        limit: int = 10,
        offset: int = 0,
        newest: bool = False,
        among: Collection[int] | None = None,
    ) -> tuple[list[Hit], int]:
        """See ``ports.SearchIndex.search``; newest first, a paper without a date stands last."""
        if self._writer is None:
            self._reload()
        searcher = self._index.searcher()
        asked = Asking(self._schema, searcher).query(query)
        if among is not None:
            asked = only(self._schema, asked, among)
        first, last = max(0, offset), max(0, offset) + max(0, limit)
        if newest or not _weighs(query):
            found = searcher.search(asked, limit=max(1, last - first), offset=first, order_by_field="newest")
            return [Hit(hit.paper_id, 0.0) for hit in _hits(searcher, found.hits[: last - first])], found.count
        found = searcher.search(asked, limit=last + _TIED)
        return _newer_first(searcher, found.hits)[first:last], found.count

    def meant(self, query: Query) -> Query | None:
        """See ``ports.SearchIndex.meant``."""
        searcher = self._index.searcher()
        return meant(query, Asking(self._schema, searcher), searcher, partial(self._words, searcher.num_docs))

    def _words_of(self, _papers: int, field: str, letter: str) -> Mapping[str, int]:
        """As ``Vocabulary``; ``_papers``, how many there are, says whether what is kept still holds."""
        return words_of(self._index.searcher(), field, letter)

    def followed(self) -> int:
        """See ``ports.SearchIndex.followed``."""
        state = self._state if self._writer is not None else self._read_state()
        return int(state.get("seq", 0))

    def lag(self) -> int:
        """See ``ports.SearchIndex.lag``."""
        with self._store.reading() as tx:
            return len(tx.changes(self.followed(), _MOST_LAG))

    def similar(self, paper_id: int, limit: int = 10) -> list[Hit]:
        """See ``ports.SearchIndex.similar``."""
        with self._store.reading() as tx:
            paper = tx.papers([paper_id]).get(paper_id)
            summaries = tx.summaries([paper_id]).get(paper_id, ())
        searcher = self._index.searcher()
        asked = likeness(paper, summaries, self._schema, searcher) if paper else None
        if asked is None or limit < 1:
            return []
        return _newer_first(searcher, searcher.search(asked, limit=limit + _TIED, count=False).hits)[:limit]

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

    def _take_in(self, until: float | None) -> int:
        """``until``: a time of the monotonic clock after which the rest is left for another call."""
        self._begin()
        taken = uncommitted = 0
        committed, patience = monotonic(), _COMMIT_SECONDS
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
                    self._writer.add_document(entry(found, summaries.get(id, ())))
            if changed:
                seq, paper = changed[-1]
            taken += len(ids)
            uncommitted += len(ids)
            last = len(changed) < _PAGE or (until is not None and monotonic() > until)
            if uncommitted and (last or monotonic() - committed > patience):
                self._writer.commit()
                self._state |= {"seq": seq, "paper": paper}
                self._write_state()
                self._index.reload()
                uncommitted, committed, patience = 0, monotonic(), min(2 * patience, _LONGEST_COMMIT)
            if last:
                self._index.reload()
                return taken

    def _is_up_to_date(self) -> bool:
        """Whether there is nothing to do for who writes: one look, for which nobody waits."""
        state = dict(self._state)
        if self._writer is None or not state.get("seq"):
            return False
        with self._store.reading() as tx:
            at = tx.changes(state["seq"] - 1, 2)
            return at == [(state["seq"], state["paper"])] and tx.setting(_STORE_ID) == state["store"]

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


def _weighs(query: Query) -> bool:
    """Whether anything in it says that one paper fits better than another: categories, dates and ids do not."""
    return any(leaf.field in FORMS for leaf in positive_leaves(query))


def _newer_first(searcher: Any, found: list[Any]) -> list[Hit]:
    """Of those that fit alike, the newer first."""
    newest = searcher.fast_field_values("newest", [address for _, address in found]) if found else []
    hits = zip(_hits(searcher, found), newest, strict=True)
    return [hit for hit, _ in sorted(hits, key=lambda pair: (-pair[0].score, -int(pair[1])))]


def _hits(searcher: Any, found: list[Any]) -> list[Hit]:
    ids = searcher.fast_field_values("paper", [address for _, address in found]) if found else []
    return [Hit(int(id), float(score)) for id, (score, _) in zip(ids, found, strict=True)]


@cache
def _fingerprint() -> str:
    """Of everything that decides which terms stand in the index: with another, another index is built."""
    files = (bot.tex.__file__, bot.text.__file__, bot.documents.__file__, entries.__file__, frequent.__file__)
    return sha256(b"".join(Path(str(file)).read_bytes() for file in files)).hexdigest()[:12]
