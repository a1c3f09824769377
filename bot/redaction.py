"""Logging for people to read, and nothing secret in it: what is configured as a secret leaves as ``[secret]``."""

from __future__ import annotations

import html
import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import TextIO
from urllib.parse import quote

MARK = "[secret]"

_WORD_ONLY_BELOW = 6
"""A secret shorter than this is taken out only where it stands as a word: "pg" must not eat "page"."""

_TALKATIVE = (
    "httpx", "httpx2", "httpcore", "httpcore2", "openai", "aiohttp", "telegram", "discord", "apscheduler", "sqlalchemy",
    "alembic", "asyncio",
)  # fmt: skip
"""Libraries that log requests, and addresses with tokens in them, below WARNING."""

_OURS = ("bot.", "adapters.", "storage.")


def _character(c: str) -> str:
    """A pattern for one character as plain text, a URL, JSON, HTML or ``repr`` write it, nested too."""
    if c.isascii() and (c.isalnum() or c in "-_.~"):
        return re.escape(c)
    if c == "\\":
        return r"(?:\\{1,16}|%(?:25){0,4}5[cC])"
    percent = "".join(f"%(?:25){{0,4}}{byte:02x}" for byte in c.encode("utf-8", "surrogatepass"))
    spellings = {json.dumps(c)[1:-1], repr(c)[1:-1], ascii(c)[1:-1], html.escape(c)}
    if quote(c, safe="") == "%20":
        spellings.add("+")
    # Each level of quoting doubles the backslashes in front; the bound keeps a long run of them cheap.
    patterns = sorted({r"\\{0,16}" + re.escape(s.lstrip("\\")) for s in spellings if s != c}, key=len, reverse=True)
    return "(?:" + "|".join([f"(?i:{percent})", *patterns, r"\\{0,16}" + re.escape(c)]) + ")"


class Redactor:
    """Takes secrets out of text, however URLs, JSON, HTML and ``repr`` write them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({s for s in secrets if s}, key=lambda s: (-len(s), s))
        patterns = [re.escape(MARK)]
        for secret in self._secrets:
            pattern = "".join(map(_character, secret))
            patterns.append(rf"(?<!\w){pattern}(?!\w)" if len(secret) < _WORD_ONLY_BELOW else pattern)
        self._pattern = re.compile("|".join(patterns)) if self._secrets else None

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            return text
        clean = self._pattern.sub(MARK, text)
        # Two secrets that overlap, or one put together anew by a replacement: then nothing is better than a part.
        if any(s in clean for s in self._secrets if len(s) >= _WORD_ONLY_BELOW and s not in MARK):
            return MARK
        return clean


_redactor = Redactor(())


def redact(text: str) -> str:
    """``text`` without the secrets that were given to ``set_up_logging``."""
    return _redactor(text)


class RedactingFilter(logging.Filter):
    """Rewrites a record before any formatter sees it, so a handler that somebody else adds is safe as well."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception:  # what does not format must still not print its arguments as they are
            message = f"{record.msg!s} {record.args!r}"
        record.msg, record.args = redact(message), ()
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
        elif record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


_CONTROLS = {n: f"\\x{n:02x}" for n in (*range(32), *range(127, 160))} | {9: "\t", 10: "\\n", 13: "\\r"}
_CONTROLS_BUT_NEWLINE = {n: shown for n, shown in _CONTROLS.items() if n != 10}


class LineFormatter(logging.Formatter):
    """``2026-11-21 14:02:03 INFO poll: 412 new papers``, in the machine's local time; a traceback follows below.

    Control characters are shown escaped: what comes from outside can neither forge a line nor steer a terminal.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        name = record.name.rpartition(".")[2] if record.name.startswith(_OURS) else record.name
        values = {**record.__dict__, "name": name, "message": record.message.translate(_CONTROLS)}
        return self._style.format(logging.makeLogRecord(values))

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record).translate(_CONTROLS_BUT_NEWLINE))


class LineHandler(logging.StreamHandler[TextIO]):
    """The one handler that ``set_up_logging`` adds, and replaces when it is called again."""


_FILTER = RedactingFilter()


def set_up_logging(
    level: str, secrets: Iterable[str], stream: TextIO | None = None, formatter: logging.Formatter | None = None
) -> None:
    """Log to ``stream`` (standard error) from ``level`` (``info``) on, without ``secrets``; as lines for people, or as
    ``formatter`` writes them.

    May be called again: early with no secrets, and once more when the configuration is read. Uncaught
    exceptions go to the log as well, since Python's own traceback would not be redacted.
    """
    global _redactor  # one process, one set of secrets: a print anywhere must know them
    _redactor = Redactor(secrets)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, LineHandler)]:
        root.removeHandler(old)
    ours = LineHandler(stream if stream is not None else sys.stderr)
    ours.setFormatter(formatter or LineFormatter())
    root.addHandler(ours)
    root.setLevel(threshold)
    root.addFilter(_FILTER)
    for handler in root.handlers:  # a logger's filter does not see what comes up from its children
        handler.addFilter(_FILTER)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    error = error if error is not None else kind()
    logging.getLogger("paperround").critical("stopped by a fault", exc_info=(kind, error, trace))
