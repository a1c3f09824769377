"""Sources of papers, platforms with chats, and the desk that platforms bring to what people do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Protocol

from bot.model import Address, Fetched, Leaf, Place, Site, Validators
from bot.replies import Reply

Now = Callable[[], datetime]
"""The clock as everything takes it: returns the present as an aware datetime in UTC."""


class Source(Protocol):
    """Where papers come from."""

    name: str

    async def fetch(self, categories: Sequence[str], known: Validators) -> Fetched:
        """One conditional request for the union of ``categories``. Raises FetchFailed."""

    def url(self, categories: Sequence[str]) -> str: ...

    async def close(self) -> None: ...


class Archive(Protocol):
    """Where papers of earlier days are found."""

    name: str

    async def leaf(self, category: str, since: date, token: str) -> Leaf:
        """One request for what ``category`` has had since the announcement of that day, in pages: ``token`` is empty
        for the first and else the last page's. Raises FetchFailed, also where the token is too old."""

    async def close(self) -> None:
        """Give the connection up; the next request makes another."""


class Proceedings(Protocol):
    """Where published papers come from: a feed without abstracts at ``url``, and the collections that have them."""

    @property
    def url(self) -> str: ...

    async def fetch(self, known: Validators) -> Fetched:
        """The latest papers, as NEW. Raises FetchFailed."""

    def collection_url(self, name: str) -> str: ...

    async def collection(self, name: str, known: Validators) -> Fetched:
        """The papers of a collection that have an abstract, as KNOWN. Raises FetchFailed."""

    async def close(self) -> None: ...


class Press(Protocol):
    """Writes a site for people to read; its ``repr`` tells one way of writing from another."""

    @property
    def new(self) -> bool:
        """Whether nothing was written yet."""

    def publish(self, site: Site) -> int:
        """Write what changed; returns how many files that were. Raises BadInput where that cannot be."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and where. ``user`` is ``telegram:123``; empty for a channel post, which has no sender.

    ``manages``: may change this chat (its owner in private, its administrators in a group), asked of the
    platform for this very call where ``Desk.needs_rights`` said so, else False. ``admin``: in
    PAPERROUND_ADMINS.  ``locale`` is the platform's language hint (``zh-CN``). ``forum``: the forum whose post
    this is, as a place of digests.
    """

    address: Address
    user: str = ""
    name: str = ""
    place: Place = Place.PRIVATE
    title: str = ""
    locale: str = ""
    manages: bool = False
    admin: bool = False
    forum: Address | None = None


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """A command as platforms list it: ``name`` of ``[a-z0-9_]``, ``description`` at most 100 characters,
    ``argument`` what its argument is called (empty: takes none), ``required``: must have one.
    ``choices``: fixed first words of the argument (``add``, ``edit``, ``remove``). ``changes``: it can change the chat,
    so it is of use to those who manage it; ``admin``: for the instance's admins alone; ``platform``: the only one that
    has it, empty where all do."""

    name: str
    description: str
    argument: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    changes: bool = False
    admin: bool = False
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to complete an argument with: ``value`` is what is taken, ``label`` what is shown for it, the value
    itself where it is empty."""

    value: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A paper that somebody may send to whatever chat they are writing in. ``id``: at most 64 bytes; ``reply`` is what
    is sent, and carries no button that a bot would have to answer."""

    id: str
    title: str
    line: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class Offers:
    """What is offered while somebody types the bot's name and words in any chat. ``next_offset``: empty where that is
    all. ``hint``: a line above that leads to the private chat with the bot, or empty. ``seconds``: how long the
    platform may say the same to the same person."""

    offers: tuple[Offer, ...] = ()
    next_offset: str = ""
    hint: str = ""
    seconds: int = 300


HINTED = "inline"
"""What ``/start`` is given where an offer's hint was followed."""


class Haste(Enum):
    """What becomes of something that a person asks for: it is served; they asked for too much in a minute and are told
    so; they were told already, and get no answer."""

    SERVED = "served"
    TOLD = "told"
    SILENT = "silent"


class Desk(Protocol):
    """Where the platforms' listeners bring what people do. Every answer is a Reply, refusals too:
    no method raises for anything a person did."""

    def commands(self, language: str) -> Sequence[CommandInfo]: ...

    def is_admin(self, user: str) -> bool:
        """Whether ``telegram:123`` is one of the instance's admins."""

    def admins(self, platform: str) -> Sequence[str]:
        """The instance's admins there, as ``telegram:123``."""

    def needs_rights(self, name: str, argument: str = "") -> bool:
        """Whether the platform must be asked if the caller manages the chat, before ``answer``."""

    def press_needs_rights(self, action: str) -> bool: ...

    def haste(self, caller: Caller) -> Haste:
        """Count a command, a text or a press when it comes, before anything is done about it or asked of the platform.
        Where it is TOLD, ``slowed`` is the answer. At once, and without the database."""

    async def slowed(self, caller: Caller) -> Reply:
        """What somebody who asked for too much is told, in place of an answer."""

    async def answer(self, caller: Caller, name: str, argument: str) -> Reply:
        """A command, or with ``name`` empty a text written to the bot: in private, or elsewhere with its name in it."""

    async def press(self, caller: Caller, action: str) -> Reply:
        """A button was pressed; ``action`` is untrusted."""

    async def complete(self, caller: Caller, name: str, prefix: str) -> Sequence[Suggestion]:
        """At most 25 suggestions for an argument being typed."""

    async def offers(self, caller: Caller, text: str, offset: str) -> Offers:
        """What somebody may send where they are writing; ``caller`` is of their private chat with the bot, ``offset``
        empty or the last answer's, and untrusted."""

    async def joined(self, caller: Caller, places: Sequence[Address] = ()) -> Reply | None:
        """The bot was added to a chat: a greeting to send there, or None. ``places``: all the chats that it was added
        to with this one; where it was in one of them before, it greets as somebody who is back."""

    async def gone(self, address: Address, why: str) -> None:
        """The bot was removed or blocked: pause, keep everything."""

    async def back(self, addresses: Sequence[Address]) -> None:
        """The bot may perhaps write there again: chats there, and in threads there, that are paused because they
        could not be reached go on with what was due. Others are let be, none is made."""

    async def moved(self, old: Address, new: Address) -> None:
        """A chat has another id now; threads move along."""


class Inbox(Protocol):
    """Updates that a platform hands over once, until they are served; its numbers are told only once.

    Each method raises TryLater where the database does not answer.
    """

    async def keep(self, number: int, text: str) -> bool:
        """Store it, to be served by this process; False where it is known already."""

    async def served(self, number: int) -> None: ...

    async def left(self, limit: int) -> Mapping[int, str]:
        """What processes that died had not served, for this one to serve."""


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered message: the bytes to send, and the ids of the papers it tells of."""

    payload: bytes
    papers: tuple[int, ...] = ()


NOTE = 60
"""Characters that every rendered message has room for above it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of ``doctor``: what was looked at, whether it is right, what is so, what to do about it."""

    subject: str
    ok: bool
    what: str
    mend: str = ""


class ChatPlatform(Protocol):
    """Telegram, Discord, the console."""

    platform: str

    @property
    def nonce_window(self) -> timedelta | None:
        """How long after a message the same nonce surely makes no second one; None: it always does."""

    def render(self, reply: Reply) -> tuple[Message, ...]:
        """The reply as this platform's messages, each within its limits counted its way; buttons under the
        last. Pure."""

    async def ready(self, address: Address) -> None:
        """Return when the limits let a message to the chat leave, which ``send`` then does at once; without it ``send``
        waits itself. Asked before a message is promised, so that few are in doubt if the program dies. Raises TryLater.
        """

    async def send(self, address: Address, payload: bytes, nonce: str) -> str:
        """Send one rendered message; returns the platform's message id.

        Raises TryLater, Uncertain, ChatMoved, ChatGone or Refused, and nothing else for what the platform
        or the network does.
        """

    def follows(self, address: Address, first: str) -> Address:
        """Where the rest goes of what began there with the message of id ``first``. Pure."""

    def marked(self, payload: bytes, note: str) -> bytes:
        """The message with ``note``, of at most NOTE characters, above it, still within the limits. Pure."""

    def silent(self, payload: bytes) -> bytes:
        """The message without a sound or a pop-up for whoever gets it. Pure."""

    async def find(self, address: Address, payload: bytes, since: datetime) -> str:
        """The id of the message with this payload that this bot sent there since then, empty where there is none.

        Raises Hidden where that cannot be seen, else as ``send``.
        """

    async def private_chat(self, user: str) -> Address:
        """Where ``telegram:123`` is written to in private. Raises as ``send``."""

    async def start(self, desk: Desk) -> None:
        """Log in and listen. Returns when listening; raises ConfigError for a token that is refused."""

    async def stop(self) -> None: ...

    @property
    def listening(self) -> bool:
        """Whether it was started, is logged in, and heard from the platform when it last asked."""

    async def examine(self) -> Sequence[Finding]:
        """Ask the platform about the token and its rights, for ``doctor``. Sends no message."""
