"""After a restore: what was erased since the backup is erased again."""

from __future__ import annotations

import logging
from pathlib import Path

from bot.ports import Repeated
from storage.erasures import ErasureLog, key_mark
from storage.store import SqlStore

log = logging.getLogger(__name__)


def repeat_erasures(store: SqlStore, path: Path) -> Repeated:
    """Erase again what the file at ``path`` says was erased and this database knows nothing of. May be repeated.

    To be called after a restore and before a store is used that may have been put back by other means. Raises OSError
    where the file cannot be read; where there is none, nothing was erased.
    """
    noted, unreadable = ErasureLog(path).read()
    with store.reading() as tx:
        known = tx.known_erasures()
    missing = [erasure for erasure in noted if erasure.id not in known]
    if not missing:
        return Repeated(unreadable=unreadable)
    with store.transaction() as tx:
        key = key_mark(tx.key())
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
    again = Repeated(chats, len(users), strange, unreadable)
    if chats or users:
        log.info("erased again, as %s says: %d chats, %d users", path.name, chats, len(users))
    if strange:
        log.warning("%s: %d erasures were noted with another key, and are not known to be repeated", path.name, strange)
    return again
