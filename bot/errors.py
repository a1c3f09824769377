"""The errors of this house, each named after what its catcher must do.

PaperroundError
├── BadInput            tell the person what to change
│   ├── QueryError      ... and where in the query
│   ├── DocumentError   ... and where in the document
│   └── ConfigError     ... all problems of a configuration at once
├── NotAllowed          tell the person why not
├── TryLater            the platform or source is busy: wait, then do the same again
├── Uncertain           it may or may not have arrived: settle by rule
├── ChatMoved           the chat has another address now: write it there
├── ChatGone            the chat cannot be reached: pause it
├── Hidden              what was sent cannot be looked up: settle by the instance's rule
├── Refused             the platform will never take this message: make it plainer
└── FetchFailed         a source did not answer properly: keep what was, say so, poll again later
"""

from __future__ import annotations

from dataclasses import dataclass


class PaperroundError(Exception):
    """The root of everything raised on purpose."""


class BadInput(PaperroundError):
    """Somebody's input cannot be used; ``str(error)`` says what to change."""


class QueryError(BadInput):
    """A query that cannot be parsed.

    ``place`` is a 0-based character offset into ``query``; ``expected`` says what would have fitted.
    """

    def __init__(self, message: str, query: str, place: int, expected: str = "") -> None:
        super().__init__(message)
        self.message, self.query, self.place, self.expected = message, query, place, expected


class DocumentError(BadInput):
    """A document that cannot be read: ``file`` and 1-based ``line``."""

    def __init__(self, message: str, file: str, line: int) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.message, self.file, self.line = message, file, line


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration: the key as the person wrote it, what is wrong, the mend."""

    key: str
    wrong: str
    mend: str


class ConfigError(BadInput):
    """Every problem of a configuration."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{p.key}: {p.wrong}" for p in problems))
        self.problems = problems


class NotAllowed(PaperroundError):
    """The caller may not do this; ``str(error)`` says why and who may."""


class TryLater(PaperroundError):
    """Not now. ``after`` is in seconds, None where the other side gave no time.

    ``everywhere``: the limit is on the bot as a whole, not on this one chat.
    """

    def __init__(self, why: str = "", after: float | None = None, everywhere: bool = False) -> None:
        super().__init__(why)
        self.after, self.everywhere = after, everywhere


class Uncertain(PaperroundError):
    """The request left, no answer came: the message may have been delivered."""


class Hidden(PaperroundError):
    """What stands in a chat cannot be read: not on this platform, or not by this bot."""


class ChatMoved(PaperroundError):
    """``chat`` is the platform's new id of the chat (a Telegram group became a supergroup)."""

    def __init__(self, chat: str) -> None:
        super().__init__(f"the chat is {chat} now")
        self.chat = chat


class ChatGone(PaperroundError):
    """Blocked, removed, deleted, or without the right to write there. The text begins with a ``model.Cause`` where it
    is one of them."""


class Refused(PaperroundError):
    """The platform found fault with the message itself."""


class FetchFailed(PaperroundError):
    """No usable feed. ``retry_after`` in seconds where the server named a time; ``sample``: how the answer began,
    where there was one that made no sense."""

    def __init__(self, why: str, retry_after: float | None = None, sample: str = "") -> None:
        super().__init__(why)
        self.retry_after, self.sample = retry_after, sample
