"""What is left of a burst: it comes with the digests of a week, each paper once, and an ordinary day's rest never."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.bursts import WEEK, Followed, Leftover, living
from bot.commands.context import Context
from bot.commands.why import why
from bot.config import Config
from bot.digests import Day, Decision, decide
from bot.documents import document
from bot.model import (
    WANTED,
    Address,
    Announcement,
    Arrival,
    Asked,
    Chat,
    Digest,
    DigestKind,
    EmptyDay,
    FeedItem,
    Layout,
    Match,
    News,
    Paper,
    Rest,
    Subscription,
    Topic,
)
from bot.ports import Caller
from bot.query import parse
from storage.chat_rows import content_of, rest_of
from tests.test_round import House, lora

LORA = (Followed("LoRA", parse("LoRA"), "LoRA"),)
EIGHT = datetime(2025, 4, 8, 8, tzinfo=UTC)
TUESDAY = EIGHT.date()


@dataclass(frozen=True)
class Morning:
    """What came since the last one: so many papers of each arrival; whether arXiv was heard of by then."""

    daily: int = 0
    burst: int = 0
    late: int = 0
    settled: bool = True


class Reader:
    """A chat and its days, decided one after the other; nothing but the digests and the chat's row is remembered."""

    def __init__(self, size: int) -> None:
        self.chat = Chat(1, Address("telegram", "5"), size=size, empty_day=EmptyDay.SILENT, due_at=EIGHT)
        self.now, self.told, self.announcements = EIGHT, 0, list[Announcement]()
        self.digests: dict[int, Digest] = {}
        self.first: dict[int, date] = {}
        """When each paper was first offered."""
        self.arrivals: dict[int, Arrival] = {}
        self.last: datetime | None = None

    def morning(self, came: Morning, days: int = 1) -> Digest | None:
        for arrival, count in ((Arrival.DAILY, came.daily), (Arrival.LATE, came.late), (Arrival.BURST, came.burst)):
            for _ in range(count):
                self.told += 1
                on = self.now.date() - timedelta(days=3 * (arrival is Arrival.LATE))
                self.announcements.append(Announcement(self.told, self.told, News.NEW, on, (), 1, arrival))
                self.arrivals[self.told] = arrival
        new = [one for one in self.announcements if one.id > self.chat.seen]
        papers = {
            one.paper_id: Paper(one.paper_id, (f"arxiv:2504.{one.id:05d}",), f"LoRA {one.id}",
                                first_announced_on=one.announced_on)
            for one in new
        }  # fmt: skip
        day = Day(new, papers, {i: document(p) for i, p in papers.items()}, self.now.date()) if new else None
        left = None
        if self.chat.rest:
            content = json.loads(json.dumps(content_of(self.digests[self.chat.rest])))
            left = Leftover(rest_of(self.chat.rest, content))
        made = self.decide(day, left, came.settled)
        found = made.digest if made.digest and made.digest.kind is DigestKind.PAPERS else None
        if found:
            number = len(self.digests) + 1
            assert all((d.on, d.upto) != (found.on, found.upto) for d in self.digests.values()), "taken for another"
            self.digests[number] = replace(found, id=number)
            self.chat = replace(self.chat, rest=number if found.asked else 0)
            self.last = self.now
            for match in found.matches:
                self.first.setdefault(match.paper_id, self.now.date())
        elif left and left.spent(self.now.date()):
            self.chat = replace(self.chat, rest=0)
        self.chat = replace(self.chat, seen=made.seen)
        self.now += timedelta(days=days)
        return found

    def decide(self, day: Day | None, left: Leftover | None, settled: bool) -> Decision:
        now = self.now if settled else self.now.replace(hour=14, minute=30)
        return decide(
            self.chat, LORA, day, self.told, settled=settled, quiet=False, wait_until=time(14, 0), now=now, left=left,
            last_kind=DigestKind.PAPERS if self.last else None, last_at=self.last,
        )  # fmt: skip


mornings = st.builds(
    Morning, daily=st.integers(0, 6), burst=st.just(0) | st.integers(1, 30), late=st.integers(0, 3),
    settled=st.sampled_from([True, True, True, False]),
)  # fmt: skip


@given(st.lists(st.tuples(mornings, st.sampled_from([1, 1, 1, 2, 3])), min_size=1, max_size=14), st.integers(1, 8))
@example([(Morning(burst=30), 1)] + [(Morning(), 1)] * 10, 2)
@example([(Morning(daily=5, burst=9), 1), (Morning(daily=9), 1), (Morning(burst=4, late=2), 1)] * 3, 3)
def test_over_any_days_no_paper_comes_twice_none_is_lost_in_its_week_and_no_ordinary_rest_is_carried(
    days: Sequence[tuple[Morning, int]], size: int
) -> None:
    reader = Reader(size)
    pushed: set[int] = set()
    for came, pause in days:
        today = reader.now.date()
        before = reader.digests.get(reader.chat.rest)
        digest = reader.morning(came, pause)
        owed = {
            paper
            for paper, first in reader.first.items()
            if paper not in pushed and reader.arrivals[paper] is not Arrival.DAILY and today - first <= WEEK
        }
        if digest is None:
            assert not owed, "nothing that waits is passed over"
            continue
        ids = [match.paper_id for match in digest.matches]
        sent, held = set(ids[: digest.pushed]), set(ids[digest.pushed :])
        assert len(ids) == len(set(ids)) and digest.pushed == min(size, len(ids))
        assert not sent & pushed, "pushed twice"
        assert owed <= sent | held, "lost within its week"
        carried = set(ids[len(ids) - digest.carried :]) if digest.carried else set()
        earlier = {match.paper_id for match in before.matches} if before else set()
        assert carried == set(ids) & earlier, "the day's own come first"
        assert all(reader.arrivals[paper] is not Arrival.DAILY for paper in carried)
        assert all(today - reader.first[paper] <= WEEK for paper in carried)
        waiting = {match.paper_id for match in digest.matches if match.since}
        assert waiting <= held and digest.left == len(waiting)
        assert waiting == {p for p in held - {p for p in held if reader.arrivals[p] is Arrival.DAILY}
                           if today + timedelta(days=1) - reader.first[p] <= WEEK}  # fmt: skip
        pushed |= sent


def rest(*matches: Match, asked: Sequence[Asked] = (Asked("LoRA", "LoRA", "LoRA"),)) -> Leftover:
    return Leftover(Rest(7, matches, tuple(asked), TUESDAY, 99))


def waiting(number: int, *labels: str, news: News = News.NEW) -> Match:
    return Match(number, news, labels or ("LoRA",), TUESDAY)


def ids(
    left: Leftover, followed: Sequence[Followed] = LORA, wants: frozenset[News] = WANTED, days: int = 1
) -> list[int]:
    return [match.paper_id for match in left.matches(followed, wants, TUESDAY + timedelta(days=days))]


def test_what_waits_waits_a_week() -> None:
    assert ids(rest(waiting(1)), days=7) == [1]
    assert ids(rest(waiting(1)), days=8) == []
    assert not rest(waiting(1)).spent(TUESDAY + WEEK) and rest(waiting(1)).spent(TUESDAY + timedelta(days=8))


def test_what_is_no_longer_followed_or_asked_for_does_not_come() -> None:
    tea = Followed("tea", parse("tea"), "tea")
    left = rest(waiting(1), waiting(2, "tea"), waiting(3, "tea", "LoRA"),
                asked=(Asked("LoRA", "LoRA", "LoRA"), Asked("tea", "tea", "tea")))  # fmt: skip
    assert ids(left) == [1, 3] and ids(left, (tea,)) == [2, 3] and ids(left, (tea, *LORA)) == [1, 2, 3]
    assert left.matches(LORA, WANTED, TUESDAY)[1].labels == ("LoRA",)
    published = rest(waiting(1, news=News.PUBLISHED))
    assert ids(published) == [] and ids(published, wants=frozenset({News.PUBLISHED})) == [1]


def test_a_topic_is_known_in_any_language_and_by_its_query_when_it_is_gone() -> None:
    left = rest(waiting(1, "Tuning"), asked=(Asked("Tuning", "topic:peft", "LoRA OR QLoRA"),))
    renamed = Followed("微调", parse("LoRA OR QLoRA OR DoRA"), "topic:peft")
    written_out = Followed("LoRA OR QLoRA", parse("LoRA OR QLoRA"), "LoRA OR QLoRA")
    assert [m.labels for m in left.matches((renamed,), WANTED, TUESDAY)] == [("微调",)]
    assert [m.labels for m in left.matches((written_out,), WANTED, TUESDAY)] == [("LoRA OR QLoRA",)]


def test_what_became_one_paper_since_comes_once() -> None:
    assert [m.paper_id for m in living([waiting(3), waiting(5), waiting(6)], {5: 3, 6: 4})] == [3, 4]


def test_chats_that_go_on_alike_share_one_digest() -> None:
    left = rest(waiting(1), waiting(2))
    one, two = (Chat(n, Address("telegram", str(n)), size=1) for n in (1, 2))
    now = EIGHT + timedelta(days=1)
    first = left.digest(None, LORA, one, 99, now.date(), now)
    assert first is not None and first is left.digest(None, LORA, two, 99, now.date(), now)
    assert first is not left.digest(None, LORA, replace(two, size=2), 99, now.date(), now)


def test_what_waits_and_is_news_once_more_waits_on_from_its_first_day() -> None:
    own = Digest(DigestKind.PAPERS, TUESDAY, (waiting(8), Match(1, News.UPDATE, ("LoRA",))), 1, ("LoRA",), 120)
    now = EIGHT + timedelta(days=2)
    made = rest(waiting(1), waiting(2)).digest(own, LORA, Chat(1, Address("telegram", "5"), size=1), 120, TUESDAY, now)
    assert made is not None
    assert [(m.paper_id, m.news, m.since) for m in made.matches[1:]] == [
        (1, News.UPDATE, TUESDAY),
        (2, News.NEW, TUESDAY),
    ]
    assert made.carried == 1


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def burst(first: int, last: int) -> list[FeedItem]:
    return [replace(lora(n), arrival=Arrival.BURST) for n in range(first, last + 1)]


def sent(house: House) -> list[int]:
    return [int(n) for n in re.findall(r"LoRA of kind (\d+)", "\n".join(house.wire.texts()))]


async def test_a_burst_comes_over_days_behind_each_day_s_own_and_says_what_is_to_come(house: House) -> None:
    chat = house.chat("LoRA", size=4)
    await house.day([lora(1), *burst(101, 109)], date(2025, 4, 8))
    assert house.wire.texts()[0] == "10 new papers for LoRA, Tuesday 8 April"
    assert house.wire.texts()[-1] == "And 6 more. 6 wait for the next digests, for up to a week."
    house.wire.arrived.clear()
    await house.day([lora(2)], date(2025, 4, 9))
    texts = house.wire.texts()
    assert texts[0] == "1 new paper for LoRA, Wednesday 9 April"
    assert texts[2].startswith("Left from earlier days:\n2. LoRA of kind 104")
    assert texts[-1] == "And 3 more. 3 wait for the next digests, for up to a week."
    house.wire.arrived.clear()
    await house.day([], date(2025, 4, 10))
    assert house.wire.texts()[0] == "3 papers left from earlier days for LoRA, Thursday 10 April"
    assert len(house.wire.texts()) == 4 and house.state_of(chat).rest == 0
    house.wire.arrived.clear()
    await house.day([], date(2025, 4, 11))
    assert house.wire.texts()[0].startswith("Nothing new for LoRA, Friday 11 April.")


async def test_every_paper_of_a_burst_comes_once_and_what_is_left_after_a_week_stays_behind_more(house: House) -> None:
    chat = house.chat("LoRA", size=3)
    await house.day([*burst(101, 140), *(lora(n) for n in range(1, 6))], date(2025, 4, 8))
    for n in range(1, 10):
        await house.day([lora(50 + n)] if n % 2 else [], date(2025, 4, 8) + timedelta(days=n))
    told = sent(house)
    assert len(told) == len(set(told))
    assert [n for n in told if n < 50] == [1, 2, 3], "an ordinary day's rest stays behind More"
    own = sum(50 < n < 100 for n in told)
    assert sum(n > 100 for n in told) == 7 * 3 - 4 and own == 5, "seven days' room but for the days' own"
    assert house.state_of(chat).rest == 0


async def test_before_arxiv_is_in_what_is_left_waits_for_the_day_s_own(house: House) -> None:
    house.chat("LoRA", size=2)
    await house.day(burst(101, 105), date(2025, 4, 8))
    house.wire.arrived.clear()
    house.wall.at = datetime(2025, 4, 9, 8, 1, tzinfo=UTC)
    await house.pipeline.plan()
    await house.pipeline.deliver()
    assert sent(house) == [], "arXiv is not heard of today"
    await house.day([lora(1)], date(2025, 4, 9), hour=9)
    assert sent(house) == [1, 103]
    house.wire.arrived.clear()
    house.wall.at = datetime(2025, 4, 10, 14, 1, tzinfo=UTC)
    await house.pipeline.plan()
    await house.pipeline.deliver()
    assert sent(house) == [104, 105], "its time is up"


async def test_a_chat_whose_time_moved_gets_what_is_left_once_a_day(house: House) -> None:
    chat = house.chat("LoRA", size=2)
    await house.day(burst(101, 109), date(2025, 4, 8))
    with house.store.transaction() as tx:
        tx.put_chat(replace(house.state_of(chat), due_at=house.wall.at + timedelta(hours=2)))
    house.wall.at += timedelta(hours=2)
    await house.pipeline.plan()
    await house.pipeline.deliver()
    assert sent(house) == [101, 102]
    await house.day([], date(2025, 4, 9))
    assert sent(house) == [101, 102, 103, 104]


async def test_who_stops_following_gets_nothing_of_what_is_left(house: House) -> None:
    chat = house.chat("LoRA", "tea", size=2)
    await house.day(burst(101, 109), date(2025, 4, 8))
    with house.store.transaction() as tx:
        tx.unsubscribe(chat.id, tx.subscriptions([chat.id])[chat.id][0].id)
    await house.day([], date(2025, 4, 9))
    assert sent(house) == [101, 102]
    assert house.wire.texts()[-1].startswith("Nothing new for tea, Wednesday 9 April.")


async def test_a_change_of_language_keeps_what_is_left_of_a_topic(house: House) -> None:
    with house.store.transaction() as tx:
        tx.put_topic(Topic("peft", (("en", "Tuning"), ("zh-Hans", "微调")), "LoRA"))
    chat = house.chat(size=2)
    with house.store.transaction() as tx:
        tx.subscribe(Subscription(0, chat.id, "", "peft"))
    await house.day(burst(101, 104), date(2025, 4, 8))
    with house.store.transaction() as tx:
        tx.put_chat(replace(house.state_of(chat), language="zh-Hans"))
    await house.day([], date(2025, 4, 9))
    assert sent(house) == [101, 102, 103, 104]
    assert "4月9日星期三 · 微调：前几天留下的 2 篇论文" in house.wire.texts()


async def test_chats_that_got_the_same_go_on_with_one_stored_digest(house: House) -> None:
    chats = [house.chat("LoRA", size=2, address=Address("telegram", str(n))) for n in (5, 6, 7)]
    await house.day(burst(101, 109), date(2025, 4, 8))
    await house.day([lora(1)], date(2025, 4, 9))
    assert len({house.state_of(chat).rest for chat in chats}) == 1
    assert sorted(sent(house)) == sorted([101, 102, 1, 103] * 3)


async def test_what_is_left_is_not_taken_for_the_digest_that_left_it(house: House) -> None:
    hawaii = {"timezone": "Pacific/Honolulu", "time": time(20, 0), "due_at": datetime(2025, 4, 9, 6, tzinfo=UTC)}
    chat = house.chat("LoRA", size=2, **hawaii)
    await house.day(burst(101, 105), date(2025, 4, 9), hour=6)
    await house.day([], date(2025, 4, 10), hour=6)
    assert sent(house) == [101, 102], "there it is still the day that the first digest is of"
    await house.day([], date(2025, 4, 11), hour=6)
    await house.day([], date(2025, 4, 12), hour=6)
    assert sent(house) == [101, 102, 103, 104, 105] and house.state_of(chat).rest == 0


async def test_a_digest_in_the_plainest_layout_says_what_is_left_as_well(house: House) -> None:
    house.chat("LoRA", size=2, layout=Layout.PLAIN)
    await house.day(burst(101, 104), date(2025, 4, 8))
    await house.day([lora(1)], date(2025, 4, 9))
    assert any(text.startswith("Left from earlier days:\n2. LoRA of kind 103\nhttps://") for text in house.wire.texts())


async def test_why_says_that_a_paper_waits(house: House, tmp_path: Path) -> None:
    house.chat("LoRA", size=2)
    await house.day(burst(101, 104), date(2025, 4, 8))
    context = Context(house.store, house.index, Config(data_dir=tmp_path, access="open"), house.wall)
    caller = Caller(Address("telegram", "5"), "telegram:5", manages=True)
    assert "It waits for one of the next digests." in why(context, caller, "2504.00104").text
    assert "It waits" not in why(context, caller, "2504.00101").text
    await house.day([], date(2025, 4, 9))
    assert "It waits" not in why(context, caller, "2504.00104").text
