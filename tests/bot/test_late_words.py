"""Digests and the summaries of their papers: how long they wait for them, and what later words bring."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from bot.model import Address, DigestKind, Feed, FeedState
from bot.planning import Planner
from tests.bot.test_scribe import Bench
from tests.desks import NewFront, item, with_words
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.servers.models import ModelServer, tea
from tests.wire import NOW

WAIT = timedelta(minutes=20)


def run(folder: Path, story: Callable[[Bench], Awaitable[None]], server: ModelServer | None = None) -> None:
    async def go() -> None:
        async with server or ModelServer() as one, Bench(folder, one) as bench:
            with bench.store.transaction() as tx:
                tx.put_feed(Feed("cs.CL", FeedState.FRESH, NOW, NOW, NOW, NOW.date()))
            await story(bench)

    asyncio.run(go())


def planned(bench: Bench, wait: timedelta | None = WAIT) -> list[list[int]]:
    """Plan now; the papers of each chat's last digest, and of none where it got none now."""
    before = _last(bench)
    Planner(bench.store, ("cs.CL",), time(14), bench.wall, wait).plan()
    return [papers if papers != before.get(chat) else [] for chat, papers in _last(bench).items()]


def _last(bench: Bench) -> dict[int, list[int]]:
    with bench.store.reading() as tx:
        found = {}
        for chat in tx.chats_under(Address("telegram", "1")) + tx.chats_under(Address("telegram", "2")):
            last = tx.last_delivery(chat.id)
            papers = last is not None and last.digest.kind is DigestKind.PAPERS
            found[chat.id] = [match.paper_id for match in last.digest.matches] if last and papers else []
        return found


def due(bench: Bench) -> datetime:
    with bench.store.reading() as tx:
        chat = tx.chat(Address("telegram", "1"))
    assert chat is not None and chat.due_at is not None
    return chat.due_at


def test_a_digest_waits_for_its_summaries_and_goes_when_they_are_there(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.follow("Kettle")
        bench.announce(tea(1), tea(2))
        assert planned(bench) == [[]], "nobody has looked yet"
        bench.scribe.look()
        bench.wall.at += timedelta(minutes=1)
        assert planned(bench) == [[]]
        await bench.scribe.write()
        bench.wall.at += timedelta(minutes=1)
        assert planned(bench) == [[1, 2]]

    run(tmp_path, story)


def test_no_digest_waits_longer_than_it_may_nor_at_all_where_nothing_is_made(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.follow("Kettle")
        bench.follow("Kettle", "en")
        bench.announce(tea(1))
        bench.scribe.look()
        waited = 0
        while not any(planned(bench)):
            waited += 1
            bench.wall.at += timedelta(minutes=1)
            assert waited <= 20
        assert waited == 20
        assert bench.wall.at == NOW + WAIT
        # The next day the budget is spent: what will not be made is not waited for.
        bench.wall.at = NOW + timedelta(days=1)
        bench.announce(tea(2), on=bench.wall.at.date())
        bench.scribe.look()
        bench.scribe._pause(bench.wall.at + timedelta(minutes=5), "the day's budget is spent")
        assert planned(bench) == [[2], [2]]

    run(tmp_path, story)


def test_without_a_model_nothing_waits(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.follow("Kettle")
        bench.announce(tea(1))
        bench.scribe.look()
        assert planned(bench, None) == [[1]]

    run(tmp_path, story)


def test_a_paper_that_later_words_let_be_found_comes_once_and_as_late(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.follow("量化")
        bench.follow("Kettle")
        bench.announce(tea(1), tea(2, quantized=True))
        planned(bench, timedelta(0))
        assert list(_last(bench).values()) == [[], [1, 2]], "no English text has it"
        await bench.scribe.write()
        bench.wall.at = NOW + timedelta(days=1)
        assert planned(bench, timedelta(0)) == [[2], []], "who had it already is not told again"
        with bench.store.reading() as tx:
            delivery = tx.last_delivery(1)
        assert delivery is not None and delivery.digest.matches[0].late_on == NOW.date()
        await bench.scribe.write()
        bench.wall.at = NOW + timedelta(days=2)
        planned(bench, timedelta(0))
        with bench.store.reading() as tx:
            assert len(tx.deliveries_with(1, 2)) == 1

    run(tmp_path, story)


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/v1"])
def test_who_follows_chinese_words_is_offered_english_ones_where_no_model_writes_chinese(
    new_front: NewFront, url: str
) -> None:
    from bot.model import SummaryText
    from bot.settings import Summaries
    from tests.desks import OWNER

    front = new_front(summaries=Summaries(url=url, model="m" if url else ""))
    front.topics()
    zh = [SummaryText("zh-Hans", f"量化第 {n} 片茶叶。") for n in range(9)]
    front.announce([with_words(item(n, "Quantization of leaves", f"Leaf {n}."), zh[n]) for n in range(1, 6)])
    front.announce([item(n, f"Parrots that count to {n}", "They count.") for n in range(20, 60)])
    front.index.follow()
    said = front.ask(OWNER, "/subscribe 量化").text
    assert ("no model writes Chinese" in said) is not bool(url)
    assert ("/subscribe quantization" in said) is not bool(url)
    said = front.ask(OWNER, "/subscribe 高效微调方法 OR 智能体").text
    assert ('(agent OR "multi-agent"' in said) is not bool(url)
    assert "no model" not in front.ask(OWNER, "/subscribe quantization").text


def test_status_tells_what_a_model_made_and_what_it_cost(new_front: NewFront) -> None:
    from bot.settings import Summaries
    from tests.desks import ADMIN

    front = new_front(summaries=Summaries(url="http://127.0.0.1:9/v1", model="kettle", money_a_day=2.0, price_in=1.0))
    with front.store.transaction() as tx:
        tx.spend(front.now.date(), 1_234, 5_600)
    front.announce([item(1, "LoRA"), replace(item(2, "Tea"), abstract="")])
    front.index.follow()
    front.ask(ADMIN, "/paper LoRA")
    said = front.ask(ADMIN, "/status").text
    assert "Summaries by kettle: 0 stored · 1 waiting · 0 could not be made" in said, "who looks wants one"
    assert "Today: 1,234 / 2,000,000 tokens · 1 requests · cost 0.0056 / 2" in said
