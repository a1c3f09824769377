"""Builds the parts and joins them: the one module that knows bot, adapters and storage."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.catalogue import TOPICS
from bot.errors import ConfigError, FetchFailed, Problem
from bot.model import Fetched
from bot.ports import Archive, ChatPlatform, SearchIndex, Source, Store

if TYPE_CHECKING:
    from adapters.chats.console import Console
    from adapters.clock import Clock
    from adapters.digest_files import Chunk
    from bot.config import Config


def utc_now() -> datetime:
    return datetime.now(UTC)


def open_store(config: Config) -> Store:
    """The database, brought to the present schema, with the starting topics in a new one. Raises ConfigError."""
    from storage.store import open_store as opened

    try:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        if not os.access(config.data_dir, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        wrong = f"{config.data_dir}: {error.strerror}"
        problem = Problem("PAPERROUND_DATA_DIR", wrong, "name a folder that the bot's user may write")
        raise ConfigError((problem,)) from error
    store = opened(config.database)
    with store.reading() as tx:
        begun = tx.setting("topics")
    if not begun:
        with store.transaction() as tx:
            if not tx.setting("topics"):
                for topic in TOPICS:
                    tx.put_topic(topic)
                tx.put_setting("topics", "begun")
    return store


def open_index(config: Config, store: Store) -> SearchIndex:
    from storage.searching import TantivyIndex

    return TantivyIndex(config.data_dir / "index", store)


def make_source(config: Config) -> Source:
    from adapters.sources.arxiv import ArxivFeed

    return ArxivFeed(config.arxiv.feed_url, contact=config.contact, interval=config.arxiv.interval)


def make_archives(config: Config) -> list[Archive]:
    """Where missed days are found, in the order in which they are asked."""
    from adapters.sources.arxiv_api import ArxivApi
    from adapters.sources.arxiv_listing import ArxivListing
    from adapters.sources.arxiv_oai import ArxivOai
    from adapters.sources.http import Fetcher

    fetcher = Fetcher(contact=config.contact, interval=config.arxiv.interval)
    kinds: dict[str, Callable[[str, Fetcher], Archive]] = {"listing": ArxivListing, "oai": ArxivOai, "api": ArxivApi}
    return [kinds[name](url, fetcher) for name, url in config.arxiv.archives().items()]


def make_platforms(config: Config) -> dict[str, ChatPlatform]:
    """Those with a token."""
    found: dict[str, ChatPlatform] = {}
    if config.telegram.token:
        from adapters.chats.telegram import Telegram

        found["telegram"] = Telegram(config.telegram.token.get_secret_value(), config.telegram.api_url)
    if config.discord.token:
        from adapters.chats.discord_chat import Discord

        found["discord"] = Discord(
            config.discord.token.get_secret_value(), config.discord.api_url, config.discord.gateway_url
        )
    return found


def make_console(locale: str) -> Console:
    from adapters.chats.console import Console

    return Console(locale=locale)


def make_clock() -> Clock:
    from adapters.clock import Clock

    return Clock()


def read_feed(data: bytes, name: str) -> Fetched:
    """A feed's file. Raises FetchFailed."""
    from adapters.sources.arxiv import parse_feed

    return parse_feed(data, name)


async def fetch_feeds(config: Config, addresses: Sequence[str]) -> AsyncGenerator[Fetched | FetchFailed, None]:
    """Feeds by their addresses, in order, spaced and within the limits of time and size."""
    from adapters.sources.arxiv import parse_feed
    from adapters.sources.http import Fetcher

    fetcher = Fetcher(contact=config.contact, interval=config.arxiv.interval)
    try:
        for address in addresses:
            try:
                yield parse_feed((await fetcher.fetch(address)).body, address)
            except FetchFailed as error:
                yield error
    finally:
        await fetcher.close()


def read_documents(path: Path) -> Iterator[Chunk]:
    """Documents of stored summaries in chunks. Raises DocumentError."""
    from adapters.digest_files import read_documents as read

    return read(path)


def size_of_documents(path: Path) -> int:
    """Bytes on disk, for a progress bar."""
    from adapters.digest_files import size_hint

    return size_hint(path)
