"""Builds the parts and joins them: the one module that knows bot, adapters and storage."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot.budgets import Budget
from bot.catalogue import TOPICS
from bot.errors import BadInput, ConfigError, FetchFailed, Problem
from bot.gauges import read_gauges
from bot.model import Fetched, Listing
from bot.ports import (
    Archive,
    ChatPlatform,
    Copied,
    Now,
    Press,
    Proceedings,
    Progress,
    Repeated,
    SearchIndex,
    Source,
    Store,
    Summarizer,
)

if TYPE_CHECKING:
    from adapters.chats.console import Console
    from adapters.clock import Clock
    from adapters.digest_files import Chunk
    from adapters.monitor import Monitor
    from bot.config import Config
    from bot.crew import Crew
    from bot.scribe import Scribe
    from bot.settings import Discord as DiscordConfig
    from bot.settings import Telegram as TelegramConfig


ERASURES = "erasures.log"
"""The file in ``data_dir`` that remembers erasures, for after a restore."""


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
    store = opened(config.database, erasures=config.data_dir / ERASURES)
    with store.reading() as tx:
        begun = tx.setting("topics") and tx.setting("pseudonyms")
    if not begun:
        with store.transaction() as tx:
            tx.key()  # from the first day on, so that every backup has it
            if not tx.setting("topics"):
                for topic in TOPICS:
                    tx.put_topic(topic)
                tx.put_setting("topics", "begun")
    return store


def back_up(config: Config, file: Path, progress: Progress) -> Copied:
    """The store as it is now, into a new file. Raises BadInput, ConfigError, TryLater."""
    from storage.backups import back_up as backed_up

    return backed_up(config.database, file, progress)


def restore(config: Config, file: Path, *, over: bool, progress: Progress) -> Copied:
    """A backup in the store's place; what was erased since it was made is erased again. Raises BadInput, ConfigError,
    NotAllowed, TryLater."""
    from storage.backups import restore as restored

    config.data_dir.mkdir(parents=True, exist_ok=True)
    repeat = config.uncertain == "repeat"
    return restored(
        config.database, file, config.data_dir, utc_now(),
        over=over, repeat=repeat, progress=progress, erasures=config.data_dir / ERASURES,
    )  # fmt: skip


def repeat_erasures(config: Config) -> Repeated:
    """For a store that may have been put back from a backup. Raises BadInput where the file of erasures cannot be read,
    ConfigError, TryLater."""
    from storage.repeating import repeat_erasures as repeated
    from storage.store import open_store as opened

    path = config.data_dir / ERASURES
    if not path.exists():
        return Repeated()
    store = opened(config.database)
    try:
        return repeated(store, path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; what was erased would come back") from error
    finally:
        store.close()


def move_store(source: str, target: str, *, keep: bool, progress: Progress) -> Copied:
    """Everything into another database. Raises BadInput, ConfigError, NotAllowed, TryLater."""
    from storage.backups import move

    return move(source, target, keep=keep, progress=progress)


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


def make_proceedings(config: Config) -> Proceedings | None:
    """The ACL Anthology, where it is wanted."""
    wanted = config.anthology
    if not wanted.enabled:
        return None
    from adapters.sources.anthology import AnthologyFeed

    return AnthologyFeed(wanted.feed_url, wanted.data_url, contact=config.contact, interval=wanted.interval)


def make_summarizer(config: Config) -> Summarizer | None:
    """The model that makes summaries, where one is configured."""
    wanted = config.summaries
    if not wanted.url:
        return None
    from adapters.summarizers.llm import Llm

    key = wanted.key.get_secret_value() if wanted.key else ""
    return Llm(wanted.url, wanted.model, key, wanted.timeout)


def make_scribe(
    config: Config, store: Store, index: SearchIndex | None, summarizer: Summarizer | None, now: Now = utc_now
) -> Scribe | None:
    """Who asks ``summarizer``, where there is one."""
    wanted = config.summaries
    if summarizer is None:
        return None
    budget = Budget(wanted.tokens_a_day, wanted.money_a_day, wanted.price_in, wanted.price_out)
    longest = timedelta(seconds=wanted.timeout)
    from bot.scribe import Scribe, Terms

    terms = Terms(wanted.parallel, wanted.batch, wanted.thinking_tokens, budget, longest)
    return Scribe(store, index, summarizer, terms, now)


def make_platforms(
    config: Config,
    crew: Crew | None = None,
    store: Store | None = None,
    wanted: Collection[str] = ("telegram", "discord"),
) -> dict[str, ChatPlatform]:
    """Those ``wanted`` that have a token; the others' libraries are not even imported. One that listens needs the
    ``store``; with a ``crew`` it shares door and limits with other processes."""
    found: dict[str, ChatPlatform] = {}
    if config.telegram.token and "telegram" in wanted:
        found["telegram"] = _telegram(config.telegram, config.telegram.token.get_secret_value(), crew, store)
    if config.discord.token and "discord" in wanted:
        found["discord"] = _discord(config.discord, config.discord.token.get_secret_value(), crew)
    return found


def _telegram(config: TelegramConfig, token: str, crew: Crew | None, store: Store | None) -> ChatPlatform:
    from adapters.chats.telegram import Telegram
    from adapters.chats.telegram_pace import A_SECOND, PAID_A_SECOND, Pace
    from adapters.chats.telegram_polling import always
    from adapters.chats.telegram_webhook import Door

    name = f"telegram {token.partition(':')[0]}"
    door = inbox = None
    if config.webhook_url and config.webhook_secret:
        door = Door(config.webhook_url, *config.webhook_listen, config.webhook_secret.get_secret_value())
        from bot.inbox import SharedInbox

        inbox = SharedInbox(store, name, utc_now) if store else None
    paid = config.paid_broadcast
    a_second = PAID_A_SECOND if paid else A_SECOND
    pace = Pace(a_second, part=lambda: crew.part("telegram")) if crew else Pace(a_second)
    turn = crew.turn(name) if crew else always
    return Telegram(token, config.api_url, pace, turn, door, inbox, paid, config.rich)


def _discord(config: DiscordConfig, token: str, crew: Crew | None) -> ChatPlatform:
    from adapters.chats.discord_chat import Discord
    from adapters.chats.discord_pace import DiscordPace
    from adapters.chats.discord_shards import IDENTIFY_SECONDS, Shards

    shards, pace = Shards(config.shards, config.shard_ids), DiscordPace()
    if crew is not None:
        shards = replace(shards, turn=crew.turn("discord"), begin=crew.spaced("discord", IDENTIFY_SECONDS))
        pace = DiscordPace(part=lambda: crew.part("discord"))
    return Discord(token, config.api_url, config.gateway_url, shards, pace)


def accounts(config: Config) -> dict[str, str]:
    """The ids of the configured bots by platform."""
    from adapters.chats.accounts import discord_id, telegram_id

    found = {}
    if config.telegram.token:
        found["telegram"] = telegram_id(config.telegram.token.get_secret_value())
    if config.discord.token:
        found["discord"] = discord_id(config.discord.token.get_secret_value())
    return {platform: account for platform, account in found.items() if account}


def make_console(locale: str) -> Console:
    from adapters.chats.console import Console

    return Console(locale=locale)


def make_monitor(
    config: Config, store: Store, index: SearchIndex | None, listening: Mapping[str, ChatPlatform]
) -> Monitor:
    """``listening``: the platforms that this process listens to."""
    from adapters.monitor import Monitor

    def ready() -> dict[str, str]:
        with store.reading() as tx:
            tx.setting("topics")
        late = {name: "" if platform.listening else "not listening yet" for name, platform in listening.items()}
        return {"database": "", **late}

    return Monitor(
        config.http_listen, lambda: read_gauges(store, index, config.arxiv.categories, utc_now), ready
    )


def ask_monitor(config: Config, path: str) -> tuple[int, str]:
    """What the running bot answers at ``path``: (HTTP status, text), (0, why) where it does not. Raises BadInput where
    it is told to serve nowhere."""
    from adapters.monitor import KEY, ask

    if config.http_listen is None:
        raise BadInput(f"{KEY} is empty, so the bot tells its health nowhere: set it as 127.0.0.1:9464")
    return ask(config.http_listen, path)


def make_clock() -> Clock:
    from adapters.clock import Clock

    return Clock()


def read_feed(data: bytes, name: str) -> Fetched:
    """A feed's file, of arXiv or of the Anthology. Raises FetchFailed."""
    if b"//aclanthology.org/" in data[:4096]:
        from adapters.sources.anthology import parse_feed as parse_papers

        items, rejected, on = parse_papers(data)
        return Fetched(name, items=items, rejected=rejected, batch_on=on)
    from adapters.sources.arxiv import parse_feed

    return parse_feed(data, name)


async def fetch_feeds(config: Config, addresses: Sequence[str]) -> AsyncGenerator[Fetched | FetchFailed, None]:
    """Feeds by their addresses, in order, spaced and within the limits of time and size."""
    from adapters.sources.http import Fetcher

    fetcher = Fetcher(contact=config.contact, interval=config.arxiv.interval)
    try:
        for address in addresses:
            try:
                yield read_feed((await fetcher.fetch(address)).body, address)
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


def write_listing(form: str, listing: Listing, language: str) -> tuple[str, int]:
    """Papers in a form that is handed out, and how many it has no room for: see ``adapters.publishing.forms``."""
    from adapters.publishing.forms import left_out, written

    return written(form, listing, language), left_out(form, listing, language)


def ending_of(form: str) -> str:
    """How the name of a file in that form ends."""
    from adapters.publishing.forms import ENDINGS

    return ENDINGS[form]


def make_press(config: Config, folder: Path) -> Press:
    """What writes a site into ``folder``, the way it is configured."""
    from adapters.publishing.site import Press as SitePress

    wanted = config.export
    languages = wanted.languages or (config.language,)
    return SitePress(folder, languages, wanted.formats, wanted.base_url, wanted.title)
