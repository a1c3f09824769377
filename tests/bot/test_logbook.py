"""Lines for programs: what a line says, what it is about, and that no secret is in it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bot.logbook import JsonFormatter, about, ids
from bot.redaction import set_up_logging

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], (sys.excepthook, threading.excepthook) = handlers, hooks
    root.setLevel(level)
    set_up_logging("warning", ())


def logged(*secrets: str) -> io.StringIO:
    stream = io.StringIO()
    set_up_logging("info", secrets, stream, JsonFormatter())
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_how_grave_who_what_and_about_what() -> None:
    stream = logged()
    with about(batch=412, chat="telegram:5"):
        logging.getLogger("bot.carrier").warning("not\nnow: %s", "茶")
    (line,) = lines(stream)
    at = line.pop("time")
    assert at.endswith("Z") and datetime.fromisoformat(at).tzinfo is not None
    assert line == {"level": "warning", "from": "carrier", "event": "not\nnow: 茶", "batch": 412, "chat": "telegram:5"}
    assert stream.getvalue().isascii(), "no terminal and no collector can be led astray"


def test_a_fault_keeps_its_traceback() -> None:
    stream = logged(TOKEN)
    try:
        raise ValueError(f"at https://api.telegram.org/bot{TOKEN}")
    except ValueError:
        logging.getLogger("bot.poll").exception("failed")
    (line,) = lines(stream)
    assert line["error"].startswith("Traceback") and line["error"].endswith("at https://api.telegram.org/bot[secret]")


async def test_ids_go_into_tasks_and_threads_and_end_with_their_block() -> None:
    async def inner() -> dict[str, object]:
        with about(part=2):
            return dict(await asyncio.to_thread(ids))

    with about(delivery=7, part=1):
        with about(chat="a"):
            task = asyncio.create_task(inner())
        assert await task == {"delivery": 7, "part": 2, "chat": "a"}
        assert ids() == {"delivery": 7, "part": 1}
    assert ids() == {}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=6, max_size=20), st.text(max_size=20))
def test_no_secret_is_in_any_value_of_a_line(secret: str, around: str) -> None:
    frame = '{"time": "level": "info", "from": "test", "event": "error": "chat": Traceback [secret] \\ ValueError'
    assume(secret.strip() and secret not in frame and secret not in json.dumps(frame))
    stream = logged(secret)
    with about(chat=around + secret):
        logging.getLogger("bot.test").info("%s and %r", around + secret, {"key": secret})
        try:
            raise ValueError(secret)
        except ValueError:
            logging.getLogger("bot.test").exception("with %s", secret)
    for line in lines(stream):
        values = [str(value) for name, value in line.items() if name != "error"]
        assert not [value for value in values if secret in value]
        assert secret not in line.get("error", "").replace(__file__, "").rpartition("ValueError: ")[2]
