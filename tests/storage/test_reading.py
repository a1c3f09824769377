"""Saved papers and votes in the store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.model import Address, Kind, Subscription, Vote
from bot.ports import MOST_VOTES
from storage.store import SqlStore
from tests.storage.samples import NOW, chat_at, item

ADA, BO = "telegram:1", "telegram:2"


def vote(chat_id: int, paper_id: int, value: int = 1, who: str = ADA, minutes: int = 0) -> Vote:
    return Vote(who, chat_id, paper_id, value, ("au:ada",), NOW + timedelta(minutes=minutes))


def test_saved_papers_come_latest_first_and_are_one_persons(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.add([item(f"arxiv:2504.0000{n}", title=f"Number {n}") for n in range(1, 5)], NOW)
        for minutes, number in enumerate((2, 1, 4, 2)):
            tx.save(ADA, number, NOW + timedelta(minutes=minutes))
        assert tx.saved(ADA, 10) == [4, 1, 2] and tx.saved(ADA, 1, 1) == [1] and tx.count_saved(ADA) == 3
        assert tx.saved(BO, 10) == [] and not tx.has_saved(BO, 1) and not tx.unsave(BO, 1)
        assert tx.unsave(ADA, 1) and not tx.unsave(ADA, 1) and tx.saved(ADA, 10) == [4, 2]


def test_a_saved_paper_is_found_under_the_twin_it_became_one_with(store: SqlStore) -> None:
    twin: dict[str, Any] = {"title": "The same matter, told in two places at once", "authors": ("Kurt Gödel",)}
    with store.transaction() as tx:
        tx.add([item("arxiv:2504.00001"), item("acl:2025.tea-1.1", Kind.KNOWN, **twin)], NOW)
        tx.save(ADA, 2, NOW)
        tx.vote(vote(chat_at(tx, "5").id, 2))
        tx.add([item("arxiv:2504.00020", **twin)], NOW)
        (found,) = {paper.id for paper in tx.papers(tx.saved(ADA, 10)).values()}
        assert tx.has_saved(ADA, found) and tx.vote_of(ADA, 1, found) == 1
        tx.vote(vote(1, found, -1))
        assert [one.value for one in tx.votes([1])[1]] == [-1], "it is said of the one that both are"
        assert tx.unsave(ADA, found) and tx.saved(ADA, 10) == []


def test_a_vote_takes_the_place_of_the_one_before_and_the_oldest_give_way(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.add([item(f"arxiv:2504.{n:05d}", title=f"Number {n}") for n in range(1, MOST_VOTES + 11)], NOW)
        chat = chat_at(tx, "5").id
        tx.vote(vote(chat, 1))
        tx.vote(vote(chat, 1, -1))
        assert [(one.value, one.marks) for one in tx.votes([chat, 77])[chat]] == [(-1, ("au:ada",))]
        tx.vote(vote(chat, 1, 0))
        assert tx.votes([chat]) == {} and tx.vote_of(ADA, chat, 1) == 0
        for number in range(1, MOST_VOTES + 11):
            tx.vote(vote(chat, number, minutes=number))
        assert [one.paper_id for one in tx.votes([chat])[chat]] == list(range(11, MOST_VOTES + 11))


def test_votes_go_along_with_a_chat_that_is_another_now(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.add([item(f"arxiv:2504.0000{n}", title=f"Number {n}") for n in range(1, 4)], NOW)
        old, new = chat_at(tx, "5"), chat_at(tx, "6")
        for one in (vote(old.id, 1), vote(old.id, 2), vote(new.id, 2, -1), vote(new.id, 3, who=BO)):
            tx.vote(one)
        tx.subscribe(Subscription(0, new.id, "LoRA"))
        tx.move_chats(Address("telegram", "5"), Address("telegram", "6"))
        assert sorted((one.paper_id, one.value) for one in tx.votes([new.id])[new.id]) == [(1, 1), (2, -1), (3, 1)]
        assert tx.chat_by_id(old.id) is None
