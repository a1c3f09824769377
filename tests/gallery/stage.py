"""The stage: the desk, the pipeline and both adapters over a real store, before the tests' platforms. Every message
that arrives there is kept as it was when it did."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from adapters.chats.discord_chat import Discord
from adapters.chats.discord_pace import DiscordPace
from adapters.chats.telegram import Telegram
from adapters.chats.telegram_updates import Event
from adapters.sources.arxiv import ArxivFeed
from bot.catalogue import TOPICS
from bot.commands.context import Context
from bot.config import Config
from bot.desk import FrontDesk
from bot.model import Address, Chat, FeedItem, Kind, Place, Subscription
from bot.outside import PlatformsOutside
from bot.pipeline import Pipeline, Settings
from bot.ports import Caller, ChatPlatform, Desk
from bot.replies import Reply
from storage.searching import TantivyIndex
from storage.store import open_store
from tests.databases import sqlite_url
from tests.feeds_text import rss
from tests.gallery.papers import MONDAY
from tests.servers.discord import MANAGE_GUILD, FakeDiscord
from tests.servers.discord_objects import Body
from tests.servers.feeds import Answer, FeedServer
from tests.servers.telegram import TOKEN, FakeTelegram
from tests.servers.telegram_bot import unpaced
from tests.servers.telegram_rules import check_text

LOCALES = {"en": ("en", "en-US"), "zh-Hans": ("zh-hans", "zh-CN"), "zh-Hant": ("zh-hant", "zh-TW")}
"""What the clients of Telegram and of Discord say of their readers' languages."""
READER, MANAGER, MEMBER, ADMIN = 501, 601, 602, 900
_CHANNELS = 12
PATIENCE = 30.0
"""Seconds until something that nobody served is a fault."""
CATEGORIES = ("cs.CL", "cs.LG", "cs.CV")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on a platform, and who acts there. ``kind``: private, group, topic, channel, post, thread."""

    platform: str
    kind: str
    chat: str
    user: int = MANAGER
    thread: str = ""

    @property
    def address(self) -> Address:
        return Address(self.platform, self.chat, self.thread)

    def __str__(self) -> str:
        return f"{self.platform} {self.kind}"


@dataclass(frozen=True, slots=True)
class Shot:
    """Something that arrived: a ``message`` (``edited``: in the place of another), a ``notice`` beside a button, a
    ``file``. ``asked``: what somebody wrote or pressed; ``scene``: what this is about."""

    scene: str
    spot: Spot
    asked: str
    kind: str
    body: Body
    edited: bool = False


@dataclass(slots=True)
class Said:
    """What the program itself made: to be judged by its words, before a platform formats them."""

    what: str
    reply: Reply


class _Watched(Telegram):
    """Counts what it has served."""

    served = 0

    async def _serve(self, desk: Desk, event: Event, chat: str) -> None:
        try:
            await super()._serve(desk, event, chat)
        finally:
            self.served += 1


class _NotingDesk(FrontDesk):
    def __init__(self, context: Context, said: list[Said]) -> None:
        super().__init__(context)
        self._said = said

    async def answer(self, caller: Caller, name: str, argument: str) -> Reply:
        reply = await super().answer(caller, name, argument)
        self._said.append(Said(f"{caller.address} /{name} {argument}", reply))
        return reply

    async def press(self, caller: Caller, action: str) -> Reply:
        reply = await super().press(caller, action)
        self._said.append(Said(f"{caller.address} [{action}]", reply))
        return reply


class Stage:
    """``async with stage_in(folder, "zh-Hans") as stage``. ``shots`` is everything that arrived, in order."""

    def __init__(self, folder: Path, language: str, rich: bool) -> None:
        self.language, self.rich = language, rich
        self.now = datetime(MONDAY.year, MONDAY.month, MONDAY.day, 5, tzinfo=UTC)
        self.shots: list[Shot] = []
        self.said: list[Said] = []
        self.telegram, self.discord, self.feeds = FakeTelegram(), FakeDiscord(), FeedServer()
        names = ("papers", "admins", *(f"digests-{n}" for n in range(_CHANNELS)))
        self.channel, self.second, *self.channels = self.discord.add_guild("Lab", names)
        self.forum = self.discord.add_forum("forum", ("LoRA", "RAG"))
        self.thread = self.discord.add_thread(self.channel)
        self.post = self.discord.add_thread(self.forum, "a post")
        self.private = self.discord.add_dm(str(READER))
        self.store = open_store(sqlite_url(folder))
        self.index = TantivyIndex(folder / "index", self.store)
        with self.store.transaction() as tx:
            tx.key()
            for topic in TOPICS:
                tx.put_topic(topic)
        self._folder = folder

    @property
    def violations(self) -> list[str]:
        return [*self.telegram.violations, *self.discord.violations]

    @property
    def spots(self) -> Sequence[Spot]:
        """The places in which people act."""
        return (
            Spot("telegram", "private", str(READER), READER),
            Spot("telegram", "group", "-1001"),
            Spot("telegram", "topic", "-1003", thread="9"),
            Spot("telegram", "channel", "-1002"),
            Spot("discord", "private", self.private, READER),
            Spot("discord", "channel", self.channel),
            Spot("discord", "thread", self.thread),
            Spot("discord", "post", self.post),
        )

    async def begin(self) -> None:
        self.telegram.start()
        await self.discord.start()
        await self.feeds.start()
        self.telegram.add_chat(-1001, title="Reading group")
        self.telegram.add_chat(-1003, title="Forum", is_forum=True)
        self.telegram.add_chat(-1002, "channel", "Daily papers", username="daily_papers")
        self.telegram.admins |= {(chat, user) for chat in (-1001, -1002, -1003) for user in (MANAGER, 123456)}
        self._telegram = _Watched(TOKEN, self.telegram.url, unpaced(), rich=self.rich)
        api = self.discord.api_url.removesuffix("/api/v10")
        pace = DiscordPace(a_second=10**6)
        self._discord = Discord(self.discord.token, api, self.discord.gateway_url, pace=pace)
        self.platforms: dict[str, ChatPlatform] = {"telegram": self._telegram, "discord": self._discord}
        admins = (f"telegram:{ADMIN}", f"discord:{ADMIN}")
        # Time stands still here, and one person asks for everything.
        config = Config(
            data_dir=self._folder, access="open", admins=admins, language=self.language, commands_a_minute=1_000_000
        )
        outside = PlatformsOutside(self.platforms, asyncio.get_running_loop())
        self.context = Context(self.store, self.index, config, lambda: self.now, outside)
        self.desk = _NotingDesk(self.context, self.said)
        self.source = ArxivFeed(f"{self.feeds.url}/rss", interval=0)
        settings = Settings(CATEGORIES, time(14, 0), admins=admins, language=self.language)
        self.pipeline = Pipeline(
            self.store, self.index, self.source, self.platforms, settings, lambda: self.now, clock=lambda: self.now
        )
        await self._telegram.start(self.desk)
        await self._discord.start(self.desk)
        await self.discord.connected()

    async def end(self) -> None:
        await asyncio.gather(*(platform.stop() for platform in self.platforms.values()))
        await self.source.close()
        await self.feeds.stop()
        await self.discord.stop()
        self.telegram.close()
        self.index.close()
        self.store.close()

    async def announce(self, items: Iterable[FeedItem], on: date) -> None:
        """What is from arXiv by its feed, at five in the morning; then the words about it, and what came otherwise."""
        given = list(items)
        fed = [one for one in given if one.key.startswith("arxiv:") and one.arrival == "daily"]
        self.feeds.put("/rss/" + "+".join(CATEGORIES), Answer(rss(fed, on, CATEGORIES)))
        self.now = datetime(on.year, on.month, on.day, 5, tzinfo=UTC)
        await self.pipeline.poll()
        other = [one for one in given if one not in fed]
        words = [replace(one, kind=Kind.KNOWN) for one in fed if one.summaries]
        with self.store.transaction() as tx:
            tx.add([*words, *other], self.now)
        self.index.follow()

    def follow(self, spot: Spot, *queries: str, **settings: Any) -> Chat:
        """A chat that is due at eight and follows so."""
        place = {"private": Place.PRIVATE, "channel": Place.CHANNEL}.get(spot.kind, Place.GROUP)
        due = self.now.replace(hour=8, minute=0)
        chat = Chat(0, spot.address, place, spot.kind, self.language, due_at=due)
        with self.store.transaction() as tx:
            opened = tx.open_chat(replace(chat, **settings))
            for query in queries:
                topic = query.removeprefix("#") if query.startswith("#") else ""
                tx.subscribe(Subscription(0, opened.id, "" if topic else query, topic))
        return opened

    async def push(self, scene: str, spots: Iterable[Spot] = ()) -> list[Shot]:
        """Plan and deliver what is due; what arrived, of all or of these places."""
        told = len(self.telegram.sent)
        posted = {channel: len(sent) for channel, sent in self.discord.sent.items()}
        await self.pipeline.plan()
        await self.pipeline.deliver()
        by_chat = {spot.chat: spot for spot in spots}
        found = []
        for message in self.telegram.sent[told:]:
            chat = str(message["chat_id"])
            spot = by_chat.get(chat, Spot("telegram", "private" if int(chat) > 0 else "group", chat, READER))
            found.append(Shot(scene, spot, "", "message", deepcopy(message)))
        for channel, sent in self.discord.sent.items():
            for message in sent[posted.get(channel, 0) :]:
                spot = by_chat.get(channel, Spot("discord", "channel", channel))
                found.append(Shot(scene, spot, "", "message", deepcopy(message)))
        self.shots += found
        return found

    async def write(self, spot: Spot, text: str, scene: str = "", user: int = 0) -> list[Shot]:
        """Somebody writes ``/name argument`` there, or a text; that is for nobody in a channel."""
        if spot.platform == "telegram" and spot.kind == "channel" and not text.startswith("/"):
            return []
        if spot.platform == "telegram":
            return await self._on_telegram(scene, spot, text, lambda: self._written(spot, text, user or spot.user))
        permissions = MANAGE_GUILD if user in (0, MANAGER, ADMIN) else 0
        who, locale = str(user or spot.user), LOCALES[self.language][1]
        if not text.startswith("/"):
            return await self._typed_on_discord(scene, spot, text, who)
        name, _, argument = text[1:].partition(" ")
        options = {"argument": argument} if argument else {}
        exchange = await self.discord.push_command(spot.chat, who, name, options, permissions, locale)
        return await self._exchanged(scene, spot, text, exchange)

    async def press(self, shot: Shot, label: str, action: str, scene: str = "", user: int = 0) -> list[Shot]:
        """Somebody presses a button under it."""
        spot = shot.spot
        if spot.platform == "telegram":
            number, language = int(shot.body["message_id"]), LOCALES[self.language][0]
            return await self._on_telegram(
                scene,
                spot,
                f"[{label}]",
                lambda: self.telegram.push_callback(number, action, user or spot.user, language=language),
            )
        permissions = MANAGE_GUILD if user in (0, MANAGER, ADMIN) else 0
        locale = LOCALES[self.language][1]
        who = str(user or spot.user)
        exchange = await self.discord.push_component(shot.body["id"], action, who, permissions, locale)
        return await self._exchanged(scene, spot, f"[{label}]", exchange)

    async def offered(self, spot: Spot, text: str) -> list[Shot]:
        """Somebody types the bot's name and ``text`` in some chat: what would stand there once it is chosen."""
        server, served = self.telegram, self._telegram.served
        server.push_inline(spot.user, text, language=LOCALES[self.language][0])
        await self._until(lambda: self._telegram.served > served, f"{spot}: {text}")
        asked, shots = f"@paperround_bot {text}", []
        for one in server.offered[-1]["results"]:
            content = one["input_message_content"]
            visible, entities, _ = check_text({"text": content["message_text"], "parse_mode": content["parse_mode"]})
            body = {"visible": visible, "entities": entities, "reply_markup": one.get("reply_markup", {})}
            shots.append(Shot("inline", spot, f"{asked} → {one['title']} · {one['description']}", "message", body))
        if button := server.offered[-1].get("button"):
            shots.append(Shot("inline", spot, asked, "notice", {"text": button["text"]}))
        self.shots += shots
        return shots

    async def proposed(self, spot: Spot, name: str, option: str, typed: str) -> list[Shot]:
        """What stands over the line in which somebody types this command."""
        exchange = await self.discord.push_autocomplete(spot.chat, str(spot.user), name, option, typed)
        await self._until(lambda: exchange.callback is not None and not self._busy(), f"{spot}: /{name} {typed}")
        names = [one["name"] for one in exchange.suggestions]
        shots = [Shot("typing", spot, f"/{name} {typed}", "notice", {"text": "\n".join(names)})] if names else []
        self.shots += shots
        return shots

    def _written(self, spot: Spot, text: str, user: int) -> None:
        language = LOCALES[self.language][0]
        thread = int(spot.thread) if spot.thread else None
        if spot.address.chat.startswith("-"):
            # What names no bot is for nobody in a group.
            text = re.sub(r"^(/\w+)", r"\1@paperround_bot", text) if text.startswith("/") else f"@paperround_bot {text}"
        self.telegram.push_message(int(spot.chat), user, text, thread, language=language)

    async def _on_telegram(self, scene: str, spot: Spot, asked: str, act: Any) -> list[Shot]:
        server = self.telegram
        sent, edited, pressed, files = len(server.sent), len(server.edited), len(server.pressed), len(server.documents)
        served = self._telegram.served
        act()
        await self._until(lambda: self._telegram.served > served, f"{spot}: {asked}")
        shots = [Shot(scene, spot, asked, "message", deepcopy(one), True) for one in server.edited[edited:]]
        for one in server.sent[sent:]:
            here = (
                spot
                if str(one["chat_id"]) == spot.chat
                else Spot("telegram", "private", str(one["chat_id"]), spot.user)
            )
            shots.append(Shot(scene, here, asked, "message", deepcopy(one)))
        told = [one for one in server.pressed[pressed:] if one.get("text")]
        shots += [Shot(scene, spot, asked, "notice", {"text": one["text"]}) for one in told]
        shots += [Shot(scene, spot, asked, "file", {"name": name}) for _, name, _ in server.documents[files:]]
        self.shots += shots
        return shots

    async def _exchanged(self, scene: str, spot: Spot, asked: str, exchange: Any) -> list[Shot]:
        await self._until(lambda: exchange.callback is not None and not self._busy(), f"{spot}: {asked}")
        shots = []
        if exchange.edits and exchange.source is not None:
            shots.append(Shot(scene, spot, asked, "message", deepcopy(exchange.source), True))
        shots += [Shot(scene, spot, asked, "message", deepcopy(one)) for one in exchange.messages]
        self.shots += shots
        return shots

    async def _typed_on_discord(self, scene: str, spot: Spot, text: str, user: str) -> list[Shot]:
        before, said = len(self.discord.messages(spot.chat)), len(self.said)
        named = text if spot.kind == "private" else f"<@{self.discord.application_id}> {text}"
        await self.discord.push_message(spot.chat, user, named)
        await self._until(lambda: len(self.said) > said and not self._busy(), f"{spot}: {text}")
        shots = [Shot(scene, spot, text, "message", deepcopy(m)) for m in self.discord.messages(spot.chat)[before:]]
        self.shots += shots
        return shots

    async def _until(self, done: Callable[[], bool], what: str) -> None:
        end = monotonic() + PATIENCE
        while not done():
            if monotonic() > end:
                raise AssertionError(f"nothing came of {what}")
            await asyncio.sleep(0.001)

    def _busy(self) -> bool:
        listener = self._discord._listener
        return bool(listener and listener._busy)

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@asynccontextmanager
async def stage_in(folder: Path, language: str, rich: bool = False) -> AsyncIterator[Stage]:
    """Set up in ``folder``, which exists and is empty."""
    stage = Stage(folder, language, rich)
    await stage.begin()
    try:
        yield stage
    finally:
        await stage.end()
