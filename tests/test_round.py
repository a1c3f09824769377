"""Whole days: polls, plans and deliveries on a real database, with a platform and a source of the tests' own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from bot.errors import ChatGone, ChatMoved, FetchFailed, Hidden, PaperroundError, Refused, TryLater, Uncertain
from bot.model import (
    Address,
    Chat,
    ChatState,
    DeliveryState,
    DigestKind,
    EmptyDay,
    FeedItem,
    Fetched,
    Kind,
    Subscription,
    Validators,
)
from bot.pipeline import Pipeline, Settings
from bot.ports import Desk, Finding, Message, Store
from bot.replies import Reply
from storage.searching import TantivyIndex
from storage.store import open_store
from tests.feeds_text import paper

HERE = Address("telegram", "5")
TUESDAY = datetime(2025, 4, 8, 5, 0, tzinfo=UTC)
"""After arXiv's midnight Eastern, before the chats' 08:00 UTC."""


class Wall:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.at = TUESDAY

    def __call__(self) -> datetime:
        return self.at


class Killed(BaseException):
    """The process ends here."""


class Papers:
    """A source that gives what it is told to."""

    name = "papers"

    def __init__(self) -> None:
        self.next: Fetched | FetchFailed = FetchFailed("not told anything")

    def give(self, items: Sequence[FeedItem], on: date) -> None:
        self.next = Fetched("http://127.0.0.1/rss/cs.CL", items=tuple(items), batch_on=on, validators=Validators("e"))

    async def fetch(self, categories: Sequence[str], known: Validators) -> Fetched:
        if isinstance(self.next, FetchFailed):
            raise self.next
        return self.next

    def url(self, categories: Sequence[str]) -> str:
        return "http://127.0.0.1/rss/" + "+".join(categories)

    async def close(self) -> None: ...


class Wire:
    """A platform that keeps what arrives; two entries a message. ``troubles`` are raised in turn, after the
    message arrived where the trouble is Uncertain."""

    nonce_window = None

    def __init__(self, platform: str = "telegram") -> None:
        self.platform = platform
        self.arrived: list[tuple[Address, str, str]] = []
        self.troubles: list[PaperroundError | None] = []

    def render(self, reply: Reply) -> tuple[Message, ...]:
        pages, page = [], []
        for block in reply.blocks:
            page.append(block)
            if sum(b.paper > 0 for b in page) == 2:
                pages.append(page)
                page = []
        if page or not pages:
            pages.append(page)
        return tuple(
            Message(json.dumps([b.text for b in p]).encode(), tuple(b.paper for b in p if b.paper)) for p in pages if p
        )

    async def ready(self, address: Address) -> None: ...

    async def send(self, address: Address, payload: bytes, nonce: str) -> str:
        await asyncio.sleep(0)
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is None or isinstance(trouble, Uncertain):
            self.arrived.append((address, payload.decode(), nonce))
        if trouble is not None:
            raise trouble
        return str(len(self.arrived))

    def follows(self, address: Address, first: str) -> Address:
        return address

    def marked(self, payload: bytes, note: str) -> bytes:
        return json.dumps([note, *json.loads(payload)]).encode()

    def silent(self, payload: bytes) -> bytes:
        return payload

    async def find(self, address: Address, payload: bytes, since: datetime) -> str:
        raise Hidden

    async def private_chat(self, user: str) -> Address:
        return Address(self.platform, user.partition(":")[2])

    def texts(self) -> list[str]:
        return [line for _, payload, _ in self.arrived for line in json.loads(payload)]

    def titles(self) -> list[str]:
        return [
            text.partition(". ")[2].partition("\n")[0] for text in self.texts() if text[:1].isdigit() and ". " in text
        ]

    async def start(self, desk: Desk) -> None: ...
    async def stop(self) -> None: ...
    @property
    def listening(self) -> bool:
        return True

    async def examine(self) -> Sequence[Finding]:
        return ()


class House:
    """The parts of a running program, with time in the test's hands."""

    def __init__(self, folder: Path) -> None:
        self.wall, self.papers, self.wire = Wall(), Papers(), Wire()
        self.folder = folder
        self.store: Store = open_store(f"sqlite:///{folder}/paperround.db")
        self.index = TantivyIndex(folder / "index", self.store)
        self.restart()

    def restart(self, repeat: bool = True) -> None:
        settings = Settings(("cs.CL",), time(14, 0), repeat)
        self.pipeline = Pipeline(
            self.store, self.index, self.papers, {self.wire.platform: self.wire}, settings, self.wall
        )

    def chat(self, *queries: str, **changes: object) -> Chat:
        with self.store.transaction() as tx:
            chat = tx.open_chat(replace(Chat(0, HERE, due_at=datetime(2025, 4, 8, 8, tzinfo=UTC)), **changes))  # type: ignore[arg-type]
            for query in queries:
                tx.subscribe(Subscription(0, chat.id, query))
        return chat

    async def day(self, items: Sequence[FeedItem], on: date, hour: int = 8) -> None:
        """Poll at 05:00 UTC of ``on``, plan and deliver at ``hour``."""
        self.papers.give(items, on)
        self.wall.at = datetime(on.year, on.month, on.day, 5, tzinfo=UTC)
        await self.pipeline.poll()
        self.wall.at = datetime(on.year, on.month, on.day, hour, tzinfo=UTC)
        await self.pipeline.plan()
        await self.pipeline.deliver()

    def state_of(self, chat: Chat) -> Chat:
        with self.store.reading() as tx:
            found = tx.chat_by_id(chat.id)
        assert found is not None
        return found

    def last(self, chat: Chat) -> DeliveryState:
        with self.store.reading() as tx:
            found = tx.last_delivery(chat.id)
        assert found is not None
        return found.state

    def close(self) -> None:
        self.index.close()
        self.store.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def lora(number: int, kind: Kind = Kind.NEW, title: str = "") -> FeedItem:
    return paper(
        f"2504.{number:05d}",
        title=title or f"LoRA of kind {number}",
        abstract="We tune.",
        kind=kind,
        categories=("cs.CL",),
    )


async def test_two_days_bring_each_match_once(house: House) -> None:
    house.chat("LoRA")
    await house.day(
        [lora(1), lora(2), paper("2504.09999", title="Other things", categories=("cs.CL",))], date(2025, 4, 8)
    )
    assert house.wire.titles() == ["LoRA of kind 1", "LoRA of kind 2"]
    assert "2 new papers for LoRA, Tuesday 8 April" in house.wire.texts()
    await house.day([lora(3), lora(1, Kind.REPLACE)], date(2025, 4, 9))
    assert house.wire.titles() == ["LoRA of kind 1", "LoRA of kind 2", "LoRA of kind 3"]
    await house.pipeline.plan()
    await house.pipeline.deliver()
    assert len(house.wire.titles()) == 3


async def test_what_does_not_fit_the_size_is_counted_and_kept_for_more(house: House) -> None:
    chat = house.chat("LoRA", size=3)
    await house.day([lora(n) for n in range(1, 8)], date(2025, 4, 8))
    assert len(house.wire.titles()) == 3
    assert "And 4 more." in house.wire.texts()
    with house.store.reading() as tx:
        kept = tx.last_delivery(chat.id)
    assert kept is not None and len(kept.digest.matches) == 7


async def test_a_busy_platform_delays_but_loses_nothing(house: House) -> None:
    chat = house.chat("LoRA")
    house.wire.troubles = [None, TryLater("flood", 3600)]
    await house.day([lora(n) for n in range(1, 6)], date(2025, 4, 8))
    assert house.wire.titles() == ["LoRA of kind 1", "LoRA of kind 2"]
    assert house.last(chat) is DeliveryState.POSTPONED
    house.wall.at += timedelta(minutes=59)
    await house.pipeline.deliver()
    assert len(house.wire.titles()) == 2
    house.wall.at += timedelta(minutes=2)
    await house.pipeline.deliver()
    assert house.wire.titles() == [f"LoRA of kind {n}" for n in range(1, 6)]
    assert house.last(chat) is DeliveryState.SENT


async def test_a_restart_in_the_middle_goes_on_where_it_was(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = house.chat("LoRA")
    house.wire.troubles = [None]
    send = house.wire.send

    async def die(address: Address, payload: bytes, nonce: str) -> str:
        if house.wire.arrived:
            raise Killed
        return await send(address, payload, nonce)

    monkeypatch.setattr(house.wire, "send", die)
    with pytest.raises(Killed):
        await house.day([lora(n) for n in range(1, 6)], date(2025, 4, 8))
    monkeypatch.setattr(house.wire, "send", send)
    house.restart()
    await house.pipeline.deliver()
    assert len(house.wire.titles()) == 2, "the lease of the dead holds for a while"
    house.wall.at += timedelta(minutes=5)
    await house.pipeline.deliver()
    assert house.wire.titles() == [f"LoRA of kind {n}" for n in range(1, 6)]
    assert house.last(chat) is DeliveryState.SENT


@pytest.mark.parametrize(("repeat", "times"), [(True, 2), (False, 1)])
async def test_a_message_that_may_have_arrived_follows_the_instances_rule(
    house: House, repeat: bool, times: int
) -> None:
    chat = house.chat("LoRA")
    house.restart(repeat)
    house.wire.troubles = [Uncertain("timed out")]
    await house.day([lora(1)], date(2025, 4, 8))
    assert house.last(chat) is DeliveryState.UNCERTAIN
    house.wall.at += timedelta(minutes=3)
    await house.pipeline.deliver()
    assert house.last(chat) is DeliveryState.SENT
    assert house.wire.titles() == ["LoRA of kind 1"] * times
    first, *again = [json.loads(payload) for _, payload, _ in house.wire.arrived]
    assert again == [["Perhaps a repeat: this may have arrived before.", *first]] * (times - 1)
    assert len({nonce for _, _, nonce in house.wire.arrived}) == 1, "with the same nonce"


async def test_a_chat_that_is_gone_is_paused_with_all_it_has(house: House) -> None:
    chat = house.chat("LoRA", "RAG")
    house.wire.troubles = [ChatGone("bot was blocked by the user")]
    await house.day([lora(1)], date(2025, 4, 8))
    assert house.state_of(chat).state is ChatState.UNREACHABLE
    with house.store.reading() as tx:
        assert len(tx.subscriptions([chat.id])[chat.id]) == 2
    house.wall.at += timedelta(hours=23)
    await house.pipeline.plan()
    await house.pipeline.deliver()
    assert house.wire.arrived == []


async def test_a_group_that_moved_gets_its_digest_at_the_new_address(house: House) -> None:
    chat = house.chat("LoRA")
    house.wire.troubles = [ChatMoved("-1005")]
    await house.day([lora(1)], date(2025, 4, 8))
    assert [str(address) for address, _, _ in house.wire.arrived] == ["telegram:-1005"]
    assert house.state_of(chat).address == Address("telegram", "-1005")
    assert house.last(chat) is DeliveryState.SENT


async def test_a_paper_that_is_refused_alone_is_left_out_and_the_rest_arrives(house: House) -> None:
    chat = house.chat("LoRA")
    house.wire.troubles = [Refused("can't parse"), Refused("still can't parse"), None, Refused("that is the one")]
    await house.day([lora(n) for n in range(1, 6)], date(2025, 4, 8))
    assert house.wire.titles() == [f"LoRA of kind {n}" for n in (2, 3, 4, 5)]
    assert house.last(chat) is DeliveryState.SENT


async def test_a_day_without_a_match_says_so_once(house: House) -> None:
    house.chat("quantum gravity")
    await house.day([lora(1)], date(2025, 4, 8))
    await house.pipeline.plan()
    await house.pipeline.deliver()
    assert house.wire.texts() == ["Nothing new for quantum gravity, Tuesday 8 April."]


async def test_a_chat_that_wants_silence_gets_it(house: House) -> None:
    house.chat("quantum gravity", empty_day=EmptyDay.SILENT)
    await house.day([lora(1)], date(2025, 4, 8))
    assert house.wire.arrived == []


async def test_nothing_is_said_before_arxiv_is_in_and_then_that_it_is_not(house: House) -> None:
    chat = house.chat("LoRA")
    house.papers.next = FetchFailed("HTTP 503")
    for hour in (8, 11, 13):
        house.wall.at = datetime(2025, 4, 8, hour, 59, tzinfo=UTC)
        await house.pipeline.round()
        assert house.wire.arrived == []
    house.wall.at = datetime(2025, 4, 8, 14, 1, tzinfo=UTC)
    await house.pipeline.round()
    assert house.wire.texts() == [
        "arXiv is not in yet, Tuesday 8 April. Nothing is lost: what it announces comes with your next digest."
    ]
    await house.day([lora(1)], date(2025, 4, 9))
    assert house.wire.titles() == ["LoRA of kind 1"]
    with house.store.reading() as tx:
        last = tx.last_delivery(chat.id)
    assert last is not None and last.digest.kind is DigestKind.PAPERS


async def test_a_quiet_weekend_is_mentioned_once(house: House) -> None:
    house.chat("LoRA")
    await house.day([lora(1)], date(2025, 4, 11))
    await house.day([], date(2025, 4, 12))
    await house.day([], date(2025, 4, 13))
    quiet = [text for text in house.wire.texts() if text.startswith("Nothing new")]
    assert quiet == ["Nothing new for LoRA, Saturday 12 April. arXiv announces nothing at weekends."]


async def test_a_dry_round_says_what_would_happen_and_changes_nothing(house: House) -> None:
    chat = house.chat("LoRA")
    house.papers.give([lora(1)], date(2025, 4, 8))
    house.wall.at = datetime(2025, 4, 8, 8, 0, tzinfo=UTC)
    would = await house.pipeline.dry_round()
    assert (would.polled.new, would.planned, would.carried.sent) == (1, 1, 0)
    assert house.wire.arrived == [] and house.state_of(chat) == chat
    with house.store.reading() as tx:
        assert tx.counts()["papers"] == 0


async def test_a_feed_that_fails_leaves_what_is_stored(house: House) -> None:
    house.papers.give([lora(1)], date(2025, 4, 8))
    await house.pipeline.poll()
    house.papers.next = FetchFailed("the feed is cut off")
    tally, feeds = await house.pipeline.poll()
    assert tally.read == 0 and feeds["cs.CL"].why == "the feed is cut off"
    with house.store.reading() as tx:
        assert tx.counts()["papers"] == 1


async def test_a_new_version_is_not_shown_as_new(house: House) -> None:
    house.chat("LoRA")
    await house.day([lora(1, Kind.REPLACE), lora(2)], date(2025, 4, 8))
    assert house.wire.titles() == ["LoRA of kind 2"]


async def test_a_later_cross_list_goes_only_to_those_it_newly_satisfies(house: House) -> None:
    house.chat("LoRA")
    with house.store.transaction() as tx:
        other = tx.open_chat(Chat(0, Address("telegram", "6"), due_at=datetime(2025, 4, 8, 8, tzinfo=UTC)))
        tx.subscribe(Subscription(0, other.id, "cat:cs.LG"))
    await house.day([lora(1)], date(2025, 4, 8))
    cross = replace(lora(1, Kind.CROSS), categories=("cs.CL", "cs.LG"))
    await house.day([cross, lora(2)], date(2025, 4, 9))
    by_chat = {
        place: [
            line.partition("\n")[0]
            for a, p, _ in house.wire.arrived
            if a.chat == place
            for line in json.loads(p)
            if line[0].isdigit() and ". LoRA" in line
        ]
        for place in ("5", "6")
    }
    assert by_chat["5"] == ["1. LoRA of kind 1", "1. LoRA of kind 2"]
    assert by_chat["6"] == ["1. LoRA of kind 1"]
