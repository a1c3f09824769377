"""What every command works with: the store, the index, the instance's rules, the clock, and the asking chat."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot import absences
from bot.bursts import wanted
from bot.commands.views import Views, documents_of, latest
from bot.config import Config
from bot.digests import Day, Followed, next_due
from bot.errors import BadInput, NotAllowed, QueryError, TryLater
from bot.model import (
    LANGUAGES,
    Address,
    Announcement,
    Change,
    Chat,
    ChatState,
    Deed,
    JobKind,
    Paper,
    Place,
    Standing,
    Subscription,
    Summary,
    Topic,
)
from bot.ports import Caller, Hit, Now, Outside, SearchIndex, Store, Transaction
from bot.query import Lookup, Query, parse, unfolded
from bot.tastes import NO_TASTE, Taste
from bot.wants import jobs_for
from bot.words import Words, language_for, language_name, words_for

PATIENCE = 1.0
"""Seconds that a command waits for the index to take in what is new; a tick takes in the rest."""


@dataclass(frozen=True, slots=True)
class Context:
    """The parts a command may use. Commands run in worker threads; nothing in here awaits. ``outside``: the platforms,
    where there are any to ask."""

    store: Store
    index: SearchIndex
    config: Config
    now: Now
    outside: Outside | None = None
    views: Views = field(default_factory=Views, compare=False)

    def words(self, caller: Caller, chat: Chat | None = None) -> Words:
        """In the chat's language, or before there is one, in the platform's hint."""
        if chat is None:
            with self.store.reading() as tx:
                chat = tx.chat(caller.address)
        if chat:
            return words_for(chat.language, chat.accepts)
        return words_for(language_for(caller.locale, self.config.language, self.config.languages))

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
            if chat.state is ChatState.STOPPED:  # what came meanwhile is not wanted
                chat = replace(chat, seen=max(chat.seen, tx.before_latest_batch()), since_on=tx.latest_day(), rest=0)
            chat = self.reopen(tx, chat)
        return chat

    def reopen(self, tx: Transaction, chat: Chat) -> Chat:
        """The chat active again: see ``absences.reopen``."""
        return absences.reopen(tx, chat, self.now(), self.due_at(chat))

    def fresh_chat(self, tx: Transaction, caller: Caller) -> Chat:
        chat = Chat(
            id=0,
            address=caller.address,
            place=caller.place,
            title=caller.title or caller.name,
            language=language_for(caller.locale, self.config.language, self.config.languages),
            timezone=self.config.timezone,
            time=self.config.time,
            size=self.config.digest_size,
            seen=tx.before_latest_batch(),
            since_on=tx.latest_day(),
        )
        return replace(chat, due_at=self.due_at(chat))

    def due_at(self, chat: Chat) -> datetime | None:
        """When the chat's next digest is due; None for the console, where a digest is a view."""
        return None if chat.address.platform == "console" else next_due(chat, self.now())


def want(context: Context, language: str, papers: Iterable[Paper], summaries: Mapping[int, Sequence[Summary]]) -> None:
    """Somebody looks at these papers: where a model makes summaries, they want one in that language."""
    if not context.config.summaries.url:
        return
    shown = {paper.id: paper for paper in papers}
    asked = {(id_, language): (JobKind.FULL, 1) for id_ in shown}
    with context.store.reading() as tx:
        known = tx.summary_jobs(shown)
    found = jobs_for(asked, shown, summaries, known, context.now())
    if jobs := [job for job in found if job.key not in known or not known[job.key].state.open]:
        # Whoever looks gets an answer also where the database is too busy to note it.
        with suppress(TryLater), context.store.transaction() as tx:
            tx.put_summary_jobs(jobs)


_OF_THE_INSTANCE = frozenset({Deed.TOPIC, Deed.INVITE, Deed.UNMERGE, Deed.SUMMARY, Deed.BAN, Deed.ANNOUNCE})
_OF_A_CHAT = frozenset({
    Deed.SUBSCRIBE, Deed.UNSUBSCRIBE, Deed.LANGUAGE, Deed.TIME, Deed.NEWS, Deed.ACCESS, Deed.HERE, Deed.PLACE,
    Deed.SETTING, Deed.MUTE, Deed.PAUSE, Deed.STOP,
})  # fmt: skip


def note(context: Context, tx: Transaction, caller: Caller, what: Deed, before: str = "", after: str = "") -> None:
    """A line of the audit log. What people set in their own private chat is nobody's to audit."""
    if what in _OF_A_CHAT and (caller.place is Place.PRIVATE or before == after):
        return
    chat = "" if what in _OF_THE_INSTANCE else str(caller.address)
    tx.note(Change(context.now(), caller.user, chat, what, before, after))


def topic_line(topic: Topic) -> str:
    """How the audit log writes a topic."""
    return f"{topic.slug}: {topic.query} ({', '.join(name for _, name in topic.names)})"


def digest_comes(words: Words, chat: Chat) -> str:
    """When the chat's digest comes, or how the console shows it."""
    if chat.address.platform == "console":
        return words.say("/digest shows the day's papers whenever you ask.")
    when = {"time": f"{chat.time:%H:%M}", "zone": chat.timezone}
    if chat.as_announced:
        return words.say("The digest comes whenever arXiv has announced.")
    if chat.weekly:
        (day,) = chat.days
        return words.say("A digest of the week comes every {day} at {time} ({zone}).", day=words.weekday(day), **when)
    if len(chat.days) < 7:
        return words.say("The digest comes at {time} ({zone}): {days}.", days=days_of(words, chat.days), **when)
    return words.say("The digest comes at {time} ({zone}).", **when)


def days_of(words: Words, days: Collection[int]) -> str:
    """Some ISO weekdays: ``Monday to Friday``, ``Mon, Wed and Fri``."""
    wanted = sorted(days)
    if len(wanted) == 7:
        return words.say("every day")
    if len(wanted) > 2 and wanted == list(range(wanted[0], wanted[-1] + 1)):
        first, last = (words.weekday(day) for day in (wanted[0], wanted[-1]))
        return words.say("{first} to {last}", first=first, last=last)
    return words.listing([words.weekday(day, short=len(wanted) > 1) for day in wanted])


def refusal(words: Words, config: Config, caller: Caller) -> str:
    """Why a chat may not use this bot, and what to do about it; while there is no admin, how to become one."""
    if not config.admins and caller.place is Place.PRIVATE and caller.user:
        return words.say(
            "This bot has no admin yet. If it is yours, set PAPERROUND_ADMINS={user} and start it again.",
            user=caller.user,
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
            raise NotAllowed(
                words.say("Only members who may manage this server can change this chat's subscriptions and settings.")
            )
        raise NotAllowed(words.say("Only this chat's administrators can change its subscriptions and settings."))


def require_unheard(words: Words, caller: Caller) -> None:
    """What is the instance's stays among its admins: on Telegram a whole group reads what is answered there."""
    if caller.place is not Place.PRIVATE and caller.address.platform == "telegram":
        raise BadInput(words.say("Everybody here could read that: ask me for it in private."))


def require_follower(context: Context, words: Words, caller: Caller) -> None:
    """The right to subscribe and unsubscribe here: everybody's where the chat's managers said so."""
    if caller.manages:
        return
    with context.store.reading() as tx:
        chat = tx.chat(caller.address)
    if chat is None or not chat.open_to_all or not caller.user:
        require_manager(words, caller)


def find_topic(topics: Iterable[Topic], text: str, proposed: bool = True) -> Topic | None:
    """By slug or by a name in any language; case does not matter. ``proposed``: those as well that were never adopted,
    for who types RLHF means the word, not what documents call so."""
    wanted = text.strip().casefold()
    for topic in topics:
        if topic.proposed and not proposed:
            continue
        if wanted == topic.slug or wanted in (name.casefold() for _, name in topic.names):
            return topic
    return None


def label_of(subscription: Subscription, topics: Sequence[Topic], language: str) -> str:
    """What the reader calls a subscription: the topic's name, or the query as typed."""
    topic = next((t for t in topics if t.slug == subscription.topic), None)
    return topic.name(language) if topic else subscription.query or subscription.topic


def topics_of(topics: Iterable[Topic]) -> Lookup:
    """What ``topic:NAME`` in a query stands for, by slug or by a name in any language."""
    known = tuple(topics)

    def lookup(name: str) -> tuple[str, str] | None:
        topic = find_topic(known, name)
        return (topic.slug, topic.query) if topic else None

    return lookup


def read_query(tx: Transaction, text: str, *, for_subscription: bool = False, within: str = "") -> Query:
    """The query that a person wrote, its topics written out. ``within``: the slug of the topic it is going to be.
    Raises QueryError."""
    return unfolded(parse(text, for_subscription=for_subscription), topics_of(tx.topics()), text, within)


def searched(
    context: Context, query: Query, text: str, *, limit: int, offset: int = 0, newest: bool = False
) -> tuple[list[Hit], int]:
    """``SearchIndex.search``; what is wrong with the query has its place in ``text``, as the person wrote it."""
    try:
        return context.index.search(query, limit=limit, offset=offset, newest=newest)
    except QueryError as error:
        place = text.casefold().find(error.query.casefold())
        if place < 0:  # it stands in a topic
            raise
        raise QueryError(error.message, text, place + error.place, error.expected) from error


def query_of(subscription: Subscription, topics: Sequence[Topic]) -> Query | None:
    """What a subscription asks, its topics written out; None where it no longer parses."""
    text = subscription.query
    if subscription.topic:
        text = next((topic.query for topic in topics if topic.slug == subscription.topic), "")
    try:
        return unfolded(parse(text), topics_of(topics))
    except QueryError:
        return None


def followed_by(subscriptions: Sequence[Subscription], topics: Sequence[Topic], language: str) -> tuple[Followed, ...]:
    """The subscriptions as queries, without what is paused; one that no longer parses matches nothing rather than
    stopping the rest."""
    asked = ((one, query_of(one, topics)) for one in subscriptions if one.standing is not Standing.PAUSED)
    return tuple(
        Followed(label_of(one, topics, language), query, muted=one.standing is Standing.MUTED)
        for one, query in asked
        if query is not None
    )


def day_of(
    context: Context, tx: Transaction, announcements: Sequence[Announcement], followed: Sequence[Followed]
) -> Day:
    """The announcements that any of ``followed`` can match, found through the index: a view of one chat
    analyzes its own matches, not the whole day."""
    announced = {a.paper_id for a in announcements}
    candidates: set[int] = set()
    for one in wanted(followed) if announced else ():
        try:
            hits, _ = context.index.search(one.query, limit=len(announced), newest=True, among=announced)
        except QueryError:  # a prefix of too many stored words: the day has fewer
            candidates |= announced
            break
        candidates.update(hit.paper_id for hit in hits)
    papers = tx.papers(candidates)
    documents = documents_of(papers.values(), tx.summaries(candidates))
    return Day(announcements, papers, documents)


def latest_day(
    context: Context, tx: Transaction, followed: Sequence[Followed]
) -> tuple[Sequence[Announcement], Day]:
    """Today's announcements, and of them what ``day_of`` gives."""
    view = context.views.of(tx, context.index)
    if view is not None:
        with suppress(QueryError):
            return view.announcements, view.day(tx, context.index, followed)
    announcements = latest(tx)
    return announcements, day_of(context, tx, announcements, followed)


def week_day(context: Context, tx: Transaction, followed: Sequence[Followed]) -> tuple[Sequence[Announcement], Day]:
    """As ``latest_day``, of the seven days up to the latest announced one."""
    newest = tx.latest_day()
    days = [newest - timedelta(days=back) for back in range(6, -1, -1)] if newest else []
    announcements = [announcement for on in days for announcement in tx.announcements_on(on)]
    return announcements, day_of(context, tx, announcements, followed)


def taste_of(tx: Transaction, chat: Chat | None) -> Taste:
    """What the chat's votes say."""
    return Taste(tx.votes([chat.id]).get(chat.id, ())) if chat else NO_TASTE


def language_named(text: str, among: Sequence[str] = LANGUAGES) -> str | None:
    """``zh``, ``zh-TW``, ``en``, ``中文``, ``english``, ``日本語`` -> one of ``among``; None where it is none."""
    wanted = unicodedata.normalize("NFKC", text).strip().casefold()
    if named := _LANGUAGE_NAMES.get(wanted):
        return named if named in among else None
    if re.fullmatch(r"[a-z]{2,3}(?:[-_][a-z0-9]+)*", wanted) and (found := language_for(wanted, "", among)):
        return found
    return next((one for one in among if language_name(one).casefold() == wanted), None)


_LANGUAGE_NAMES = {
    "english": "en", "英文": "en", "英语": "en", "英語": "en",
    "chinese": "zh-Hans", "simplified chinese": "zh-Hans", "中文": "zh-Hans", "简体": "zh-Hans", "简体中文": "zh-Hans",
    "traditional chinese": "zh-Hant", "繁體": "zh-Hant", "繁體中文": "zh-Hant", "繁体": "zh-Hant",
    "繁体中文": "zh-Hant", "正體中文": "zh-Hant",
}  # fmt: skip
