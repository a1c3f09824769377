"""What people do with papers: keep them, and vote on them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, or_, select, update

from bot.model import Vote
from bot.ports import MOST_VOTES
from storage import tables as t
from storage.rows import CHUNK, Work, chunks
from storage.statements import SOME

_FEW = 20


def _names(paper_id: Any) -> Any:
    p = t.paper.c
    return select(p.id).where(or_(p.id == paper_id, p.joined_id == paper_id))


_S, _V, _PAPER = t.saved.c, t.vote.c, _names(bindparam("paper_id"))
_KEPT = select(_S.paper_id).where(_S.who == bindparam("who"), _S.paper_id.in_(_PAPER))
_VOTE = select(_V.value).where(_V.who == bindparam("who"), _V.chat_id == bindparam("chat_id"), _V.paper_id.in_(_PAPER))
_VOTES = select(t.vote).where(_V.chat_id.in_(SOME)).order_by(_V.chat_id, _V.at, _V.who, _V.paper_id)


class Reading(Work):
    """What a Transaction can do with saved papers and votes."""

    def save(self, who: str, paper_id: int, now: datetime) -> None:
        """Keep the paper for somebody; the day it was kept first stays."""
        self._insert_once(t.saved, {"who": who, "paper_id": paper_id, "at": now})

    def unsave(self, who: str, paper_id: int) -> bool:
        """False where it was not kept."""
        its = t.saved.c.who == who, t.saved.c.paper_id.in_(self._names(paper_id))
        return self._run(delete(t.saved).where(*its)).rowcount > 0

    def saved(self, who: str, limit: int, offset: int = 0) -> list[int]:
        """Papers that somebody keeps, the latest first; those that became one with others may come twice."""
        s = t.saved.c
        newest = select(s.paper_id).where(s.who == who).order_by(s.at.desc(), s.paper_id.desc())
        return [row.paper_id for row in self._all(newest.limit(limit).offset(offset))]

    def count_saved(self, who: str) -> int:
        return self._number(select(func.count()).select_from(t.saved).where(t.saved.c.who == who))

    def has_saved(self, who: str, paper_id: int) -> bool:
        return self._one(_KEPT, who=who, paper_id=paper_id) is not None

    def vote(self, vote: Vote) -> None:
        """Put it in the place of what that person said of the paper in this chat; 0 takes it back."""
        v = t.vote
        mine = v.c.who == vote.who, v.c.chat_id == vote.chat_id, v.c.paper_id.in_(self._names(vote.paper_id))
        self._run(delete(v).where(*mine))
        if not vote.value:
            return
        row = {"who": vote.who, "chat_id": vote.chat_id, "paper_id": vote.paper_id, "value": vote.value}
        self._put(v, {**row, "marks": list(vote.marks), "at": vote.at})
        kept = select(v.c.at).where(v.c.chat_id == vote.chat_id).order_by(v.c.at.desc()).offset(MOST_VOTES - 1).limit(1)
        oldest = self._one(kept)
        if oldest is not None:
            self._run(delete(v).where(v.c.chat_id == vote.chat_id, v.c.at < oldest.at))

    def votes(self, chat_ids: Iterable[int]) -> dict[int, list[Vote]]:
        """By chat; chats without one are left out."""
        v, found = t.vote, dict[int, list[Vote]]()
        asked_of = set(chat_ids)
        if len(asked_of) > _FEW:
            # Of most chats there are none, and thousands of bound parameters cost more than the index.
            some_did = v.c.chat_id.between(min(asked_of), max(asked_of))
            asked_of &= {row.chat_id for row in self._all(select(v.c.chat_id).where(some_did).distinct())}
        for some in chunks(asked_of, CHUNK):
            for row in self._all(_VOTES, some=some):
                vote = Vote(row.who, row.chat_id, row.paper_id, row.value, tuple(row.marks), row.at)
                found.setdefault(row.chat_id, []).append(vote)
        return found

    def vote_of(self, who: str, chat_id: int, paper_id: int) -> int:
        """1, -1, or 0 for none."""
        return self._number(_VOTE, who=who, chat_id=chat_id, paper_id=paper_id)

    def _names(self, paper_id: int) -> Any:
        """The paper's id, and those of papers that became one with it."""
        return _names(paper_id)

    def move_votes(self, chat_id: int, to: int) -> None:
        """One chat's votes are another's, but for what the same people said there already."""
        v, there = t.vote, t.vote.alias()
        same = there.c.chat_id == to, there.c.who == v.c.who, there.c.paper_id == v.c.paper_id
        self._run(delete(v).where(v.c.chat_id == chat_id, select(there.c.who).where(*same).exists()))
        self._run(update(v).where(v.c.chat_id == chat_id).values(chat_id=to))

    def drop_votes(self, chat_id: int) -> None:
        self._run(delete(t.vote).where(t.vote.c.chat_id == chat_id))
