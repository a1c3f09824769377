"""The ids by which a log follows a digest, and its lines as JSON.

``batch`` is one id from the announcement to the delivered message: the last Announcement.id that a poll brought, that a
plan looked at, that a digest reaches to (``Digest.upto``). It is stored with the delivery, so it is the same in every
process that carries the digest on. Beside it stand, where they are known, ``digest``, ``delivery``, ``chat``, ``part``
and ``message``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from bot.redaction import redact

Id = int | str

ROUTINE = logging.getLogger("bot.routine")
"""What happens to each delivery and message, for programs that follow it by its ids: people would drown in it, so as
text it is told at ``debug`` only."""

_about: ContextVar[Mapping[str, Id]] = ContextVar("about")
_NOTHING: Mapping[str, Id] = {}


@contextmanager
def about(**ids: Id) -> Iterator[None]:
    """Whatever is logged in this block, in tasks and threads begun in it too, is about these."""
    before = _about.set({**_about.get(_NOTHING), **ids})
    try:
        yield
    finally:
        _about.reset(before)


def ids() -> Mapping[str, Id]:
    """What the present work is about."""
    return _about.get(_NOTHING)


class JsonFormatter(logging.Formatter):
    """A line an event: ``{"time": "2026-11-21T14:02:03.123Z", "level": "info", "from": "carrier", "event": "…", …}``,
    with the ids, and ``error`` where there was one. Secrets are taken out of the texts, so that it stays JSON."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "from": record.name.rpartition(".")[2] if "." in record.name else record.name,
            "event": redact(record.getMessage()),
        }
        line.update((name, redact(id_) if isinstance(id_, str) else id_) for name, id_ in ids().items())
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        error = "\n".join(text for text in (record.exc_text, record.stack_info) if text)
        if error:
            line["error"] = redact(error)
        return json.dumps(line)
