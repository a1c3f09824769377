"""After a restore: what was erased since the backup is erased again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.erasures import ErasureLog, key_mark
from storage.store import SqlStore


@dataclass(frozen=True, slots=True)
class Repeated:
    """``chats`` and ``users`` erased again; ``strange``: erasures noted with another key than this database's, which
    cannot be looked up in it; ``unreadable`` lines."""

    chats: int = 0
    users: int = 0
    strange: int = 0
    unreadable: int = 0


def repeat_erasures(store: SqlStore, path: Path) -> Repeated:
    """Erase again what the file at ``path`` says was erased and this database knows nothing of. May be repeated.

    To be called after a restore, before anybody uses the store. Raises OSError where the file cannot be read; where
    there is none, nothing was erased.
    """
    noted, unreadable = ErasureLog(path).read()
    with store.transaction() as tx:
        known, key = tx.known_erasures(), key_mark(tx.key())
    missing = [erasure for erasure in noted if erasure.id not in known]
    marks = {mark for erasure in missing if erasure.key == key for mark in erasure.marks}
    chats, after = 0, 0
    while marks:
        with store.transaction() as tx:
            found, last = tx.chats_marked(marks, after)
        for address in found:
            with store.transaction() as tx:
                tx.erase_again(address)
        chats += len(found)
        if not last:
            break
        after = last
    with store.transaction() as tx:
        users = tx.users_marked(marks) if marks else []
        for user in users:
            tx.blur_user(user)
        for erasure in missing:
            if erasure.key == key:
                tx.know_erasure(erasure)
    strange = sum(erasure.key != key for erasure in missing)
    return Repeated(chats, len(users), strange, unreadable)
