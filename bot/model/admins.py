"""What admins of the instance keep: bans, announcements of their own, changes of topics that can be undone; and for
which chat somebody speaks in private."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.model.chats import Address, Place, Topic


@dataclass(frozen=True, slots=True)
class Ban:
    """``whom`` is a person (``telegram:123``) or a chat without its thread; a private chat on Telegram is both."""

    whom: str
    by: str
    at: datetime
    why: str = ""


class BulletinState(StrEnum):
    DRAFT = "draft"
    """Shown to its author, not confirmed."""
    SENDING = "sending"
    DONE = "done"
    """A delivery was planned for every chat."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Bulletin:
    """What an admin announces to all chats. ``texts`` by language; one under ``""`` is for every language that has none
    of its own. Chats with ids up to ``after`` have their deliveries, chats above ``upto`` came later."""

    id: int
    texts: tuple[tuple[str, str], ...]
    by: str
    made_at: datetime
    state: BulletinState = BulletinState.DRAFT
    after: int = 0
    upto: int = 0

    def text_in(self, language: str) -> str:
        """In that language, or the one for all, or English, or the first."""
        texts = dict(self.texts)
        return texts.get(language) or texts.get("") or texts.get("en") or self.texts[0][1]


class TopicVerb(StrEnum):
    ADD = "add"
    EDIT = "edit"
    RENAME = "rename"
    MERGE = "merge"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class TopicChange:
    """A change of topics: what was shown to an admin, and once it is done, what undoes it. ``before`` and ``after`` are
    the topics it touches, a merge's own first."""

    id: int
    verb: TopicVerb
    by: str
    before: tuple[Topic, ...]
    after: tuple[Topic, ...]
    made_at: datetime
    done_at: datetime | None = None
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Proxy:
    """Commands that ``user`` sends in the private chat ``here`` are meant for ``chat``."""

    here: Address
    user: str
    chat: Address
    place: Place
    title: str
    at: datetime
