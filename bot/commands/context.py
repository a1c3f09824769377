"""What every command works with: the store, the index, the instance's rules, the clock, and the asking chat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.config import Config
from bot.digests import Day, Followed, next_due
from bot.errors import NotAllowed, QueryError
from bot.matching import Document, document
from bot.model import LANGUAGES, Address, Announcement, Chat, ChatState, Paper, Place, Subscription, Summary, Topic
from bot.ports import Caller, Now, SearchIndex, Store, Transaction
from bot.query import Query, parse
from bot.words import Words, language_for, words_for

EVERY_HIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Context:
    """The parts a command may use. Commands run in worker threads; nothing in here awaits."""

    store: Store
    index: SearchIndex
    config: Config
    now: Now

    def is_admin(self, caller: Caller) -> bool:
        return caller.admin

    def words(self, caller: Caller, chat: Chat | None = None) -> Words:
        """In the chat's language, or before there is one, in the platform's hint."""
        if chat is None:
            with self.store.reading() as tx:
                chat = tx.chat(caller.address)
        return words_for(chat.language if chat else language_for(caller.locale, self.config.language))

    def may_start(self, caller: Caller) -> bool:
        """Whether the chat may use this bot without an invitation of its own."""
        if caller.admin or caller.address.platform == "console" or self.config.access == "open":
            return True
        listed = {str(caller.address), str(Address(caller.address.platform, caller.address.chat))}
        return self.config.access == "list" and not listed.isdisjoint(str(chat) for chat in self.config.chats)

    def open_chat(self, tx: Transaction, caller: Caller) -> Chat:
        """The caller's chat, made now if it may be: it starts before the latest batch, so it gets today's
        matches. Raises NotAllowed where the bot is by invitation."""
        chat = tx.chat(caller.address)
        if chat is None:
            if not self.may_start(caller):
                raise NotAllowed(refusal(self.words(caller, None), self.config, caller))
            chat = tx.open_chat(self.fresh_chat(tx, caller))
        elif chat.state is not ChatState.ACTIVE:
            chat = replace(chat, state=ChatState.ACTIVE, due_at=next_due(chat, self.now()), why="")
            tx.put_chat(chat)
            tx.reopen_deliveries(chat.id, self.now())
        return chat

    def fresh_chat(self, tx: Transaction, caller: Caller) -> Chat:
        chat = Chat(
            id=0,
            address=caller.address,
            place=caller.place,
            title=caller.title or caller.name,
            language=language_for(caller.locale, self.config.language),
            timezone=self.config.timezone,
            time=self.config.time,
            size=self.config.digest_size,
            seen=tx.before_latest_batch(),
        )
        return replace(chat, due_at=next_due(chat, self.now()))


def refusal(words: Words, config: Config, caller: Caller) -> str:
    """Why a chat may not use this bot, and what to do about it; while there is no admin, how to become one."""
    if not config.admins and caller.place is Place.PRIVATE and caller.user:
        return " ".join(
            (
                words.say("This bot is by invitation. Ask its admin for a code, then send /start CODE."),
                words.say(
                    "If this bot is yours, set PAPERROUND_ADMINS={user} and start it again.", user=caller.user
                ),
            )
        )
    if config.access == "list":
        return words.say(
            "This bot serves a fixed list of chats, and this one ({address}) is not on it. Its admin can add it.",
            address=caller.address,
        )
    return words.say("This bot is by invitation. Ask its admin for a code, then send /start CODE.")


def require_admin(words: Words, caller: Caller) -> None:
    if not caller.admin:
        raise NotAllowed(
            words.say(
                "Only this bot's admins may do that. You are {user}; an admin is named in PAPERROUND_ADMINS.",
                user=caller.user or words.say("nobody (a post without a sender)"),
            )
        )


def require_manager(words: Words, caller: Caller) -> None:
    """The right to change this chat, as the platform just said."""
    if not caller.manages:
        if caller.address.platform == "discord":
            raise NotAllowed(words.say("Only members who may manage this server can change what it follows."))
        raise NotAllowed(words.say("Only this chat's administrators can change what it follows."))


def slug_of(text: str) -> str:
    return re.sub(r"[^\w]+", "-", text.casefold()).strip("-_")


def find_topic(topics: Iterable[Topic], text: str) -> Topic | None:
    """By slug or by a name in any language; case does not matter."""
    wanted = text.strip().casefold()
    for topic in topics:
        if wanted == topic.slug or wanted in (name.casefold() for _, name in topic.names):
            return topic
    return None


def label_of(subscription: Subscription, topics: Sequence[Topic], language: str) -> str:
    """What the reader calls a subscription: the topic's name, or the query as typed."""
    topic = next((t for t in topics if t.slug == subscription.topic), None)
    return topic.name(language) if topic else subscription.query or subscription.topic


def followed_by(subscriptions: Sequence[Subscription], topics: Sequence[Topic], language: str) -> tuple[Followed, ...]:
    """The subscriptions as queries; one that no longer parses matches nothing rather than stopping the rest."""
    queries = {topic.slug: topic.query for topic in topics}
    found = []
    for one in subscriptions:
        try:
            query: Query = parse(queries.get(one.topic, "") if one.topic else one.query)
        except QueryError:
            continue
        found.append(Followed(label_of(one, topics, language), query))
    return tuple(found)


def documents_of(papers: Iterable[Paper], summaries: dict[int, tuple[Summary, ...]]) -> dict[int, Document]:
    return {paper.id: document(paper, summaries.get(paper.id, ())) for paper in papers}


def day_of(
    context: Context, tx: Transaction, announcements: Sequence[Announcement], followed: Sequence[Followed]
) -> Day:
    """The announcements that any of ``followed`` can match, found through the index: a view of one chat
    analyzes its own matches, not the whole day."""
    announced = {a.paper_id for a in announcements}
    wanted: set[int] = set()
    for one in followed:
        hits, _ = context.index.search(one.query, limit=EVERY_HIT)
        wanted.update(hit.paper_id for hit in hits if hit.paper_id in announced)
    papers = tx.papers(wanted)
    documents = documents_of(papers.values(), tx.summaries(wanted))
    return Day(announcements, papers, documents)


def latest(tx: Transaction) -> list[Announcement]:
    """Today's announcements: those of the latest announced day."""
    return tx.announcements(tx.before_latest_batch())


def language_named(text: str) -> str | None:
    """``zh``, ``zh-TW``, ``en``, ``中文``, ``english`` -> a language of ours; None where it is none."""
    wanted = text.strip().casefold()
    names = {"english": "en", "中文": "zh-Hans", "简体中文": "zh-Hans", "繁體中文": "zh-Hant", "chinese": "zh-Hans"}
    if wanted in names:
        return names[wanted]
    found = language_for(wanted, "")
    return found if found in LANGUAGES else None
