"""The terminal's first digest: what is shown before the prompt, whatever the feed does."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest

from adapters.chats.console import Console
from bot import assembly, serving
from bot.commands.context import Context
from bot.config import Config
from bot.desk import FrontDesk
from bot.errors import FetchFailed
from bot.model import FeedItem, Fetched, Validators
from bot.pipeline import Pipeline
from bot.query import parse
from tests.feeds_text import paper

TODAY = date(2025, 4, 8)


class Feed:
    """A source that gives, fails or hangs as it is told; counts how often it was asked."""

    name = "feed"

    def __init__(self, *answers: Sequence[FeedItem] | FetchFailed | None) -> None:
        """None hangs."""
        self.answers, self.asked = list(answers), 0

    async def fetch(self, categories: Sequence[str], known: Validators) -> Fetched:
        self.asked += 1
        answer = self.answers.pop(0)
        if answer is None:
            await asyncio.Event().wait()
            raise AssertionError
        if isinstance(answer, FetchFailed):
            raise answer
        return Fetched(self.url(categories), items=tuple(answer), batch_on=TODAY)

    def url(self, categories: Sequence[str]) -> str:
        return "http://127.0.0.1/rss/" + "+".join(categories)

    async def close(self) -> None: ...


class House:
    """The parts that ``serve`` builds, with a feed of the test's own."""

    def __init__(self, context: Context) -> None:
        self.context, self.desk = context, FrontDesk(context)

    async def begin(self, feed: Feed, terminal: bool = True, locale: str = "") -> tuple[int, str]:
        """(status, all that was shown)."""
        out, context = io.StringIO(), self.context
        console = Console(out, locale)
        pipeline = Pipeline(context.store, context.index, feed, {}, serving.settings_of(context.config), context.now)
        serving.open_console_chat(context, console.caller)
        status = await serving.first_digest(console, context, self.desk, pipeline, context.config, terminal)
        return status, out.getvalue()


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    config = Config(data_dir=folder)
    store = assembly.open_store(config)
    index = assembly.open_index(config, store)
    try:
        yield House(Context(store, index, config, assembly.utc_now))
    finally:
        index.close()
        store.close()


KETTLE = [paper("2504.00001", "Kettle: LoRA for Tea", categories=("cs.CL",))]


async def test_a_new_instance_reads_the_feed_and_shows_the_starting_topics(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        status, shown = await here.begin(Feed(KETTLE))
    assert status == 0
    assert shown.startswith("Reading cs.CL, cs.LG, cs.AI from ")
    assert "1 new paper for PEFT" in shown and "Kettle: LoRA for Tea" in shown


async def test_a_feed_that_hangs_does_not_keep_the_prompt_from_coming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PATIENCE", 0.05)
    async with house(tmp_path) as here:
        status, shown = await here.begin(Feed(None))
    assert status == 0
    assert "This takes long and goes on beside" in shown


async def test_a_feed_that_failed_is_asked_again_at_the_next_start(tmp_path: Path) -> None:
    down = FetchFailed("arxiv.example cannot be reached: no route")
    async with house(tmp_path) as here:
        status, shown = await here.begin(Feed(down))
        assert status == 75
        assert "No feed: arxiv.example cannot be reached: no route; trying again at " in shown
        status, shown = await here.begin(Feed(down), terminal=False)
        assert status == 75
        assert "run this again later" in shown
        status, shown = await here.begin(feed := Feed(KETTLE))
        assert (status, feed.asked) == (0, 1)
        assert "Kettle" in shown


async def test_what_it_says_is_in_the_persons_language_and_on_one_line(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, shown = await here.begin(Feed(FetchFailed("arxiv.example cannot be reached")), locale="zh_TW.UTF-8")
    (line,) = [line for line in shown.splitlines() if "arxiv.example" in line]
    assert line.startswith("無法讀取論文來源：") and "重試" in line


def stored_beside(folder: Path) -> None:
    """What another process does while this one runs: its papers are in the store, not in the index."""
    store = assembly.open_store(Config(data_dir=folder))
    with store.transaction() as tx:
        tx.add([paper("2504.00007", "Teapots on Boats")], assembly.utc_now())
    store.close()


async def test_what_another_process_stores_is_found_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "INDEX_TICK", 0.05)
    async with house(tmp_path) as here, asyncio.timeout(30):
        context = here.context
        context.index.follow()
        pipeline = Pipeline(
            context.store, context.index, Feed(KETTLE), {}, serving.settings_of(context.config), context.now
        )

        async def talk() -> None:
            await asyncio.to_thread(stored_beside, tmp_path)
            while not context.index.search(parse("teapots"))[1]:
                await asyncio.sleep(0.02)

        assert await serving.serve_platforms({}, here.desk, pipeline, context.index, talk()) == 0


async def test_a_conversation_that_breaks_is_no_orderly_end(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        context = here.context
        pipeline = Pipeline(
            context.store, context.index, Feed(KETTLE), {}, serving.settings_of(context.config), context.now
        )

        async def talk() -> None:
            raise OSError("the terminal is gone")

        with pytest.raises(OSError, match="the terminal is gone"):
            await serving.serve_platforms({}, here.desk, pipeline, context.index, talk())
