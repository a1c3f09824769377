"""What lasts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from bot.gaps import Known
from bot.model import (
    Address,
    Announcement,
    Change,
    Chat,
    Delivery,
    Digest,
    DigestKind,
    Feed,
    FeedItem,
    Gap,
    GapState,
    Notice,
    NoticeKind,
    Paper,
    Quarantined,
    Rejected,
    Rest,
    Subscription,
    Summary,
    Tally,
    Topic,
    Validators,
)
from bot.ports.reading import Reading
from bot.ports.ruling import Rule
from bot.ports.summarizers import SummaryBooks

MOST_SEARCHES = 20
"""Searches that are kept of a person."""


class Transaction(Rule, SummaryBooks, Reading, Protocol):
    """A unit of work: what is written in it is kept whole or not at all."""

    # papers
    def add(self, items: Iterable[FeedItem], now: datetime) -> Tally:
        """Merge items into papers and write the announcements that are news.

        NEW and CROSS announce; REPLACE and REPLACE_CROSS of an unseen version announce an UPDATE when the
        paper was announced before, else the paper is only known; KNOWN never announces.
        """

    def papers(self, ids: Iterable[int]) -> dict[int, Paper]: ...
    def revision(self) -> int:
        """The number of the last change of a paper or summary; 0 before the first."""

    def paper_by_key(self, key: str) -> Paper | None: ...
    def known_keys(self, keys: Iterable[str]) -> set[str]:
        """Those that name a stored paper."""

    def without_abstract(self, source: str, since: date) -> list[str]:
        """Keys of a source's papers (``acl``) that were announced since that day and have no abstract."""

    def summaries(self, paper_ids: Iterable[int]) -> dict[int, tuple[Summary, ...]]: ...
    def put_summary(self, summary: Summary) -> None:
        """In the place of the one that the paper has in this language, whatever its origin."""

    def drop_summary(self, paper_id: int, language: str) -> None: ...
    def unmerge(self, key: str, now: datetime) -> Paper:
        """Undo the merge that brought ``key`` into its paper; returns the paper it is again. BadInput if none."""

    # announcements
    def announcements(self, after: int, upto: int | None = None) -> list[Announcement]:
        """Those with ``after < id <= upto``, in order of id."""

    def announcements_on(self, on: date) -> list[Announcement]: ...
    def announcements_of(self, paper_id: int) -> list[Announcement]:
        """Those of one paper, in order of id."""

    def last_announcement(self) -> int:
        """The greatest id, 0 where there is none."""

    def before_latest_batch(self) -> int:
        """The id just before the first announcement of the latest announced day; 0 where there is none."""

    def announced_days(self) -> list[tuple[date, int]]:
        """Every day on which papers were announced, the latest first, and how many announcements it had."""

    def latest_day(self) -> date | None:
        """The latest announced day."""

    # feeds
    def feeds(self) -> dict[str, Feed]: ...
    def put_feed(self, feed: Feed) -> None: ...
    def validators(self, url: str) -> Validators: ...
    def put_validators(self, url: str, validators: Validators) -> None: ...
    def known_papers(self, keys: Iterable[str]) -> dict[str, Known]:
        """What is stored of those of the papers that are."""

    def unseen(self, items: Collection[FeedItem]) -> frozenset[str]:
        """Keys of the items that are of papers or versions not stored, or announce one that never was."""

    def last_key(self, before: date) -> str:
        """The greatest arXiv id (``arxiv:2504.01979``) that was announced as new before that day; empty for none."""

    def gaps(self, *states: GapState) -> list[Gap]:
        """Missed days in these states, or in any, the oldest first."""

    def open_gaps(self, gaps: Iterable[Gap]) -> int:
        """Insert; those that are there already stay as they are. Returns how many were inserted."""

    def put_gap(self, gap: Gap) -> None: ...
    def quarantine(self, source: str, rejected: Sequence[Rejected], now: datetime) -> None:
        """Keep what could not be used, once each; the oldest go where there is too much."""

    def quarantined(self, limit: int) -> list[Quarantined]:
        """The latest first."""

    # topics
    def topics(self) -> list[Topic]:
        """By slug, those that are only proposed behind the others."""

    def topic(self, slug: str) -> Topic | None: ...
    def put_topic(self, topic: Topic) -> None: ...
    def propose_topic(self, topic: Topic) -> bool:
        """Insert; False where its slug is taken."""

    def remove_topic(self, slug: str) -> bool:
        """Subscriptions to it become subscriptions to its query, so nobody loses what they follow."""

    # chats
    def chat(self, address: Address) -> Chat | None: ...
    def chat_by_id(self, chat_id: int) -> Chat | None: ...
    def open_chat(self, chat: Chat) -> Chat:
        """Insert (``chat.id`` is ignored); returns it with its id. The stored one, if the address is there."""

    def put_chat(self, chat: Chat) -> None: ...
    def due_chats(self, now: datetime, limit: int, after_id: int = 0) -> list[Chat]:
        """Active, admitted chats with ``due_at <= now``, in order of id, locked for this transaction where
        the database can."""

    def move_chats(self, old: Address, new: Address) -> int:
        """Every chat at ``old`` (and in its threads) to ``new``; open deliveries too. Where one is there
        already, the subscriptions are joined. One chat alone where ``new`` names a thread. Returns how many moved."""

    def move_on(self, chat_ids: Sequence[int], seen: int, due_at: datetime) -> None:
        """Chats that were planned: what they were offered, and when they are due again."""

    def wake_announced(self, now: datetime) -> int:
        """Chats that want their digest as announced are due now; returns how many were not yet."""

    def private_chats(self, platform: str, after_id: int, limit: int) -> list[Chat]:
        """Chats with one person, in order of id."""

    def chats_to_try(self, now: datetime, limit: int) -> list[Chat]:
        """Unreachable chats with ``try_at <= now``, locked as those of ``due_chats``."""

    def languages_read(self) -> dict[str, int]:
        """How many active, admitted chats have each language as their own, the most read first."""

    def chats_under(self, address: Address) -> list[Chat]:
        """The chat at ``address`` and those in its threads."""

    # subscriptions
    def subscriptions(self, chat_ids: Iterable[int]) -> dict[int, tuple[Subscription, ...]]: ...
    def subscribe(self, subscription: Subscription) -> Subscription:
        """Insert; the stored one where the chat follows it already."""

    def put_subscription(self, subscription: Subscription) -> bool:
        """Overwrite the one of its chat with its id; False, and nothing written, where the chat has no such one, or
        has the same already under another id."""

    def followed(self, chat_ids: Iterable[int]) -> dict[int, list[tuple[str, str, bool]]]:
        """What chats follow or mute, as (topic, query, muted), one of the first two empty, in the order of
        `subscriptions`; without what is paused."""

    def subscriptions_naming_topics(self) -> list[Subscription]:
        """Those whose query may hold a ``topic:``."""

    def rewrite_subscription(self, subscription_id: int, query: str) -> None:
        """Another way to write what it asks; it ends where the chat has that one already."""

    def unsubscribe(self, chat_id: int, subscription_id: int) -> bool: ...

    # deliveries
    def plan(self, delivery: Delivery) -> Delivery:
        """Insert; unique for (chat, kind, on, upto) of its digest: the stored one where it is there already."""

    def keep_digests(self, digests: Sequence[Digest]) -> list[int]:
        """Insert, for deliveries that share them; returns their ids in the same order."""

    def digests_there(self, ids: Iterable[int]) -> set[int]:
        """Those of ``ids`` that are kept, and stay so until this transaction ends."""

    def rests(self, digest_ids: Iterable[int]) -> list[Rest]:
        """What these digests left for the next ones; papers that became one with others since are those."""

    def leave(self, rests: Mapping[int, int]) -> None:
        """Which digest left papers for each of many chats by id; 0 for none."""

    def plan_all(self, digests: Mapping[int, Digest], now: datetime) -> int:
        """Insert deliveries, due now, for many chats by id, of digests that are kept; those that are there already
        stay as they are. Returns how many were inserted."""

    def lease(self, now: datetime, until: datetime, owner: str, limit: int, platforms: Sequence[str]) -> list[Delivery]:
        """Take open deliveries that are due and not leased by a living owner, at most one a chat, oldest first."""

    def record(self, delivery: Delivery) -> bool:
        """Keep a leased delivery as it is now; False (and nothing written) where the lease has passed to another.
        Raises ValueError for a move of states that there is not."""

    def record_all(self, deliveries: Sequence[Delivery]) -> set[int]:
        """``record`` for many, each once; returns the ids of those that were kept."""

    def give_back(self, owner: str) -> int:
        """End the owner's leases now, so that another may go on at once; returns how many there were."""

    def delivery(self, delivery_id: int) -> Delivery | None: ...
    def delivery_at(self, address: Address, digest_id: int) -> Delivery | None:
        """The last delivery of a digest to a place, whichever chat's it is."""

    def delivery_of(self, chat_id: int, digest_id: int) -> Delivery | None:
        """What brought this digest to the chat; None where it never got that."""

    def last_delivery(self, chat_id: int) -> Delivery | None: ...
    def last_told(self, chat_ids: Sequence[int]) -> dict[int, tuple[DigestKind, datetime | None]]:
        """Of each chat's last delivery, what kind it was and when it was made."""

    def deliveries_with(self, chat_id: int, paper_id: int) -> list[Delivery]:
        """The chat's deliveries whose digest holds the paper, the latest first; the last 1,000 are looked at."""

    def reopen_deliveries(self, chat_id: int, now: datetime) -> int:
        """UNREACHABLE ones that tell of papers become due again when the chat is back; returns how many."""

    def hold_deliveries(self, chat_id: int, why: str) -> int:
        """What waits on its way to the chat becomes UNREACHABLE with it; what somebody works on is left to them."""

    def held_deliveries(self, chat_id: int) -> list[Delivery]:
        """UNREACHABLE ones that tell of papers which no later digest took in, the latest first."""

    def join_deliveries(self, ids: Sequence[int]) -> None:
        """Their papers went into a later digest: they are never due again."""

    def put_digest(self, delivery_id: int, digest: Digest) -> None:
        """Keep ``digest`` and let the delivery bring it in place of its own."""

    # notices
    def warn(self, notice: Notice, now: datetime) -> None:
        """Keep what admins should know; where it is known already, it happened once more."""

    def drop_notice(self, kind: NoticeKind, subject: str) -> None: ...
    def notices(self, limit: int, untold: bool = False) -> list[Notice]:
        """The latest first; ``untold``: those that no admin was told."""

    def told(self, ids: list[int], now: datetime, forget_before: datetime) -> None:
        """Admins were told; what they were told before ``forget_before`` is dropped."""

    # leases
    def take_lease(self, name: str, owner: str, now: datetime, until: datetime) -> bool:
        """Become or stay who alone may do what ``name`` says; False where another may, or it is not to be begun yet."""

    def holds_lease(self, name: str, owner: str) -> bool:
        """Whether nobody took it over, which holds until this transaction ends: asked before anything is written on
        the strength of a lease, so that who stalled past it writes nothing."""

    def end_lease(self, name: str, owner: str, again_at: datetime | None = None) -> None:
        """Give it back, where it is still the owner's; nobody gets it before ``again_at``."""

    def leases(self, prefix: str, now: datetime) -> dict[str, str]:
        """Those held now whose names begin so, and by whom."""

    # updates
    def keep_update(self, door: str, number: int, text: str, owner: str, now: datetime, until: datetime) -> bool:
        """Keep what a platform handed over, for ``owner`` to serve ``until`` then; False where it is known."""

    def update_served(self, door: str, number: int) -> None: ...
    def take_updates(
        self, door: str, owner: str, now: datetime, until: datetime, limit: int, tries: int
    ) -> dict[int, str]:
        """Those that were not served in time, by number, for ``owner`` now; given up after ``tries``."""

    def forget_updates(self, before: datetime) -> int:
        """Those that came before; returns how many."""

    # searches
    def note_search(self, who: str, query: str, now: datetime) -> None:
        """What ``telegram:123`` looked for, once and the latest; of a person's searches MOST_SEARCHES are kept."""

    def searches(self, who: str) -> list[str]:
        """What somebody looked for, the latest first."""

    # people
    def note(self, change: Change) -> None:
        """Add a line to the audit log."""

    def audit(self, limit: int, about: str = "") -> list[Change]:
        """The last lines of the audit log, in the order they were written; ``about``: a user's or a chat's only."""

    def audit_page(self, offset: int, limit: int, chat: str | None = None) -> list[Change]:
        """The latest first; ``chat``: of that chat's own only, by its address."""

    def kept_about(self, address: Address, user: str = "") -> dict[str, list[dict[str, Any]]]:
        """Every row about a chat, and of others those that name ``user``, by table, as JSON values; the bytes of
        messages are only counted. Tables without one are left out."""

    def erase(self, address: Address, user: str, now: datetime) -> bool:
        """Erase a chat with all that hangs on it, and what names ``user`` elsewhere; the audit log and invitations
        keep pseudonyms. It is noted outside of the database as well, so that a restore can repeat it. False where
        nothing was kept."""

    def out_of_reach(self, before: datetime, limit: int) -> list[Chat]:
        """Chats that could not be reached since ``before`` or longer, in order of id."""

    # what has had its time
    def empty_parts(self, before: datetime, after: int, limit: int) -> int | None:
        """Drop the bytes of messages that arrived, of at most ``limit`` ended deliveries from before ``before``, with
        ids above ``after``. Returns the last id looked at, None where nothing so old is left."""

    def drop_deliveries(self, before: datetime, after: int, limit: int) -> int | None:
        """As ``empty_parts``: ended deliveries with their parts, and digests that were theirs alone. A chat's last one
        stays, and so does what is held for a chat out of reach."""

    def drop_digests(self, after: int, upto: int, limit: int) -> int | None:
        """Of at most ``limit`` digests with ``after < id <= upto``, those that no delivery brings. Returns the last id
        looked at, None where none is left."""

    def last_digest(self) -> int:
        """The greatest id, 0 where there is none."""

    def drop_audit(self, before: datetime, limit: int) -> int:
        """Lines of the audit log from before ``before``, at most ``limit``; returns how many there were."""

    # the instance
    def counts(self) -> Mapping[str, int]:
        """``papers``, ``announcements``, ``summaries``, ``summaries.curated``, ``chats``, ``subscriptions``,
        ``topics``, ``topics.proposed`` and ``quarantined``, ``deliveries.<state>``, ``chats.<state>``,
        ``gaps.<state>``."""

    def queue(self, now: datetime) -> tuple[int, datetime | None]:
        """How many open deliveries are due, and since when the oldest is."""

    def add_invite(self, code: str, made_by: str, now: datetime) -> None: ...
    def use_invite(self, code: str, chat_id: int, now: datetime) -> bool:
        """Each code admits one chat; False for an unknown or used one."""

    def changes(self, after: int, limit: int) -> list[tuple[int, int]]:
        """(seq, paper id) of papers and summaries changed, in order of seq."""

    def setting(self, name: str) -> str: ...
    def put_setting(self, name: str, value: str) -> None: ...


class Store(Protocol):
    """What lasts."""

    def transaction(self, durable: bool = True) -> AbstractContextManager[Transaction]:
        """For writing: commits at the end of the block, rolls back on an exception. Where it is not ``durable``, a
        power cut just after may take it back, and nothing waits for a disk."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """A consistent view; writing in it is a mistake and raises."""

    def held(self) -> AbstractContextManager[None]:
        """What this thread reads in the block is one view, until it writes and begins another."""

    def close(self) -> None: ...


Progress = Callable[[str, int, int], None]
"""Called with what is being copied, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """What was erased again, after a restore: ``chats`` and ``users``. ``strange``: erasures noted with another key
    than this store's, which cannot be looked up in it; ``unreadable``: lines of the file of erasures."""

    chats: int = 0
    users: int = 0
    strange: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup, a restore or a move brought over: rows by table. ``aside``: where the store that was there before
    is kept; ``carried``: what of it goes on in the restored one, None where it could not be read or is another's;
    ``repeated``: what was erased since the backup and is so again."""

    rows: Mapping[str, int]
    aside: str = ""
    carried: Mapping[str, int] | None = None
    repeated: Repeated = Repeated()
