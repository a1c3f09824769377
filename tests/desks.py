"""A front desk over a real store and a real index, with time and the configuration in the test's hands."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.catalogue import TOPICS
from bot.commands.context import Context
from bot.config import Config
from bot.desk import FrontDesk
from bot.model import Address, Chat, FeedItem, Place, Subscription, SummaryText
from bot.ports import Caller, Offers, Suggestion
from bot.replies import Button, Reply
from storage.searching import TantivyIndex
from storage.store import open_store
from tests.databases import sqlite_url
from tests.feeds_text import paper

TUESDAY = date(2025, 4, 8)
OOPS = ("Something went wrong", "出了点问题", "出了點問題")
"""How the answer to a fault of the program's own begins."""

OWNER = Caller(Address("telegram", "1"), "telegram:1", "Olu", Place.PRIVATE, "Olu", manages=True)
MEMBER = Caller(Address("telegram", "-100"), "telegram:2", "Mei", Place.GROUP, "Reading group")
MANAGER = Caller(Address("telegram", "-100"), "telegram:3", "Max", Place.GROUP, "Reading group", manages=True)
STRANGER = Caller(Address("telegram", "66"), "telegram:66", "Sam", Place.PRIVATE, "Sam", manages=True)
ADMIN = Caller(Address("telegram", "9"), "telegram:9", "Ada", Place.PRIVATE, "Ada", manages=True, admin=True)
CONSOLE = Caller(
    Address("console", "local"), "console:local", "you", Place.PRIVATE, "console", manages=True, admin=True
)


class Front:
    """The desk, and what stands behind it."""

    def __init__(self, folder: Path, **configured: Any) -> None:
        self.now = datetime(2025, 4, 8, 6, 0, tzinfo=UTC)
        self.file = folder / "paperround.db"
        self.store = open_store(sqlite_url(folder))
        self.index = TantivyIndex(folder / "index", self.store)
        self.context = Context(self.store, self.index, Config(data_dir=folder), lambda: self.now)
        # One loop and one thread for all that is asked: a pair for each question takes longer than most answers.
        self._asked = asyncio.Runner()
        self.configure(**{"access": "open", "admins": ("telegram:9",), **configured})

    def configure(self, **configured: Any) -> None:
        """Start the desk again with another configuration."""
        config = Config(data_dir=self.file.parent, **configured)
        self.context = Context(self.store, self.index, config, lambda: self.now)
        self.desk = FrontDesk(self.context)

    def ask(self, caller: Caller, line: str) -> Reply:
        """``/name argument``, or text without a command. What ``/subscribe`` proposes is followed: see ``propose``."""
        proposed = self.propose(caller, line)
        follow = next((a for a in buttons(proposed).values() if a.rpartition("^")[2].startswith("take:")), "")
        if not line.casefold().startswith("/subscribe ") or not follow:
            return proposed
        return replace(self.press(caller, follow), edits=False)

    def propose(self, caller: Caller, line: str) -> Reply:
        """As ``ask``, and nothing is pressed."""
        name, _, argument = line[1:].partition(" ") if line.startswith("/") else ("", "", line)
        return self._asked.run(self.desk.answer(caller, name, argument))

    def carry_out(self, caller: Caller, line: str) -> Reply:
        """A command, and a press of the button under its answer, where it has one."""
        told = self.ask(caller, line)
        return self.press(caller, action) if (action := next(iter(buttons(told).values()), "")) else told

    def press(self, caller: Caller, action: str) -> Reply:
        return self._asked.run(self.desk.press(caller, action))

    def complete(self, caller: Caller, name: str, prefix: str) -> Sequence[Suggestion]:
        return self._asked.run(self.desk.complete(caller, name, prefix))

    def offers(self, caller: Caller, text: str, offset: str = "") -> Offers:
        return self._asked.run(self.desk.offers(caller, text, offset))

    def announce(self, items: Iterable[FeedItem]) -> None:
        with self.store.transaction() as tx:
            tx.add(items, self.now)

    def topics(self) -> None:
        """The catalogue that an instance starts with."""
        with self.store.transaction() as tx:
            for topic in TOPICS:
                tx.put_topic(topic)

    def chat(self, caller: Caller) -> Chat:
        with self.store.reading() as tx:
            found = tx.chat(caller.address)
        assert found is not None
        return found

    def follows(self, caller: Caller) -> list[str]:
        """Its subscriptions, a topic with a # in front."""
        return [one.query or "#" + one.topic for one in self.subscriptions(caller)]

    def subscriptions(self, caller: Caller) -> tuple[Subscription, ...]:
        with self.store.reading() as tx:
            chat = tx.chat(caller.address)
            return tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()

    def rows(self, *but: str) -> dict[str, list[Any]]:
        """Everything that is stored, by table."""
        with sqlite3.connect(f"file:{self.file}?mode=ro", uri=True) as connection:
            names = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
            return {
                name: sorted(connection.execute(f"select * from {name}"), key=repr) for name in names if name not in but
            }

    def close(self) -> None:
        self._asked.close()
        self.index.close()
        self.store.close()


def buttons(reply: Reply) -> dict[str, str]:
    """What each button of a reply sends back, by its label."""
    return {button.label: button.action for row in reply.buttons for button in row if button.action}


def all_buttons(reply: Reply) -> list[Button]:
    return [button for row in reply.buttons for button in row]


def titles(reply: Reply) -> list[str]:
    """The titles of the papers a reply lists, in order."""
    return [next(s.text for s in block.spans if s.link) for block in reply.blocks if block.paper]


def item(
    number: int, title: str, abstract: str = "We tune what is there.", on: date = TUESDAY, **more: Any
) -> FeedItem:
    """A paper announced on ``on``."""
    made = paper(f"2504.{number:05d}", title, abstract, **more)
    return FeedItem(**{name: getattr(made, name) for name in made.__slots__} | {"announced_on": on})


def with_words(one: FeedItem, *summaries: SummaryText) -> FeedItem:
    return FeedItem(**{name: getattr(one, name) for name in one.__slots__} | {"summaries": summaries})


def later(one: Front, **delta: float) -> None:
    one.now += timedelta(**delta)


NewFront = Callable[..., Front]


@pytest.fixture(scope="session")
def ready_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With its tables, to be copied: migrating takes longer than most tests."""
    folder = tmp_path_factory.mktemp("desk")
    open_store(sqlite_url(folder)).close()
    return folder / "paperround.db"


@pytest.fixture
def new_front(tmp_path: Path, ready_database: Path) -> Iterator[NewFront]:
    """Makes fronts: ``new_front(access="invite")``."""
    made: list[Front] = []

    def make(**configured: Any) -> Front:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        shutil.copy(ready_database, folder / "paperround.db")
        made.append(Front(folder, **configured))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def ready_front(tmp_path_factory: pytest.TempPathFactory, ready_database: Path) -> Path:
    """The folder of a front with papers and topics, to be copied."""
    folder = tmp_path_factory.mktemp("front")
    shutil.copy(ready_database, folder / "paperround.db")
    made = Front(folder)
    monday = date(2025, 4, 7)
    made.announce(
        [
            item(1, "LoRA of Yesterday", on=monday),
            item(2, "Retrieval of Yesterday", on=monday),
            item(3, "Knots of Yesterday", on=monday),
        ]
    )
    made.announce(
        [
            item(11, "LoRA at Noon", authors=[f"Author {n}" for n in range(9)]),
            item(12, "QLoRA in the Evening", categories=("cs.LG", "cs.CL")),
            item(13, "Retrieval for Parrots", "We retrieve parrots."),
            item(14, "Tea Leaves", "We read tea leaves."),
            item(15, "Diffusion of Tea", "A diffusion model of tea."),
        ]
    )
    made.topics()
    made.index.follow()
    made.close()
    return folder


@pytest.fixture
def front(ready_front: Path, tmp_path: Path) -> Iterator[Front]:
    """Open to all, one admin, two days of papers: three on Monday, five on Tuesday, two of them with LoRA."""
    folder = tmp_path / "front"
    shutil.copytree(ready_front, folder)
    made = Front(folder)
    yield made
    made.close()
