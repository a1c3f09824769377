import html
import io
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.redaction import MARK, Redactor, redact, set_up_logging

TOKEN = "123456789:AAEhBOweik9ai2o01fMUXkMsxPaaaa-Bbb"
LETTERS = "abAB019:/@%&+-_.~'\"\\<>#[] éß論\U0001d4aa\t\n"
SECRETS = st.text(LETTERS, min_size=6, max_size=12).filter(lambda s: s not in MARK)
AROUND = st.text(LETTERS + "secret", max_size=8)
SPELLINGS = [
    str,
    repr,
    ascii,
    json.dumps,
    html.escape,
    quote,
    quote_plus,
    lambda s: quote(s, safe=""),
    lambda s: re.sub("%..", lambda found: found[0].lower(), quote(s, safe="")),
    lambda s: quote(quote(s, safe=""), safe=""),
    lambda s: json.dumps(s, ensure_ascii=False),
    lambda s: repr(repr(s)),
    lambda s: repr([{"token": s}]),
]


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, filters, level = root.handlers[:], root.filters[:], root.level
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    yield
    set_up_logging("warning", ())
    root.handlers[:], root.filters[:] = handlers, filters
    root.setLevel(level)


def logged(*secrets: str, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    set_up_logging(level, secrets, stream)
    return stream


@given(SECRETS, AROUND, AROUND, st.sampled_from(SPELLINGS))
def test_no_secret_survives_however_it_is_written(secret: str, before: str, after: str, spell: object) -> None:
    assert callable(spell)
    written = spell(secret)
    clean = Redactor([secret])(before + written + after)
    assert written not in clean
    assert secret not in clean


@given(st.lists(SECRETS, min_size=1, max_size=3), st.lists(AROUND, min_size=4, max_size=4))
def test_no_secret_survives_beside_others(secrets: list[str], around: list[str]) -> None:
    text = "".join(part + secret for part, secret in zip(around, secrets, strict=False))
    clean = Redactor(secrets)(text)
    assert not [secret for secret in secrets if secret in clean]


@given(SECRETS, AROUND)
def test_no_secret_survives_in_a_log_line_its_arguments_its_traceback_or_its_stack(secret: str, around: str) -> None:
    assume(secret not in "ValueError Traceback test_redaction.py")
    stream = logged(secret)
    log = logging.getLogger("adapters.test")
    log.info("plain %s %r", around + secret, {"key": secret})
    log.info(around.replace("%", "") + secret.replace("%", "%%"), stack_info=True)
    log.info("does not format %d", secret)
    try:
        try:
            raise ValueError(around + secret)
        except ValueError as error:
            raise KeyError(secret) from error
    except KeyError:
        log.exception("failed with %s", secret)
    written = stream.getvalue()
    assert written.count(MARK) >= 5
    assert secret not in written.replace("\n", "")
    assert secret not in written


@given(st.text(LETTERS, max_size=30))
def test_text_without_a_secret_is_left_as_it_is(text: str) -> None:
    assume("p4ssw0rd" not in text)
    assert Redactor(["p4ssw0rd"])(text) == text
    assert Redactor([])(text) == text


def test_redacting_twice_changes_nothing_more() -> None:
    redactor = Redactor([TOKEN, "secret"])
    once = redactor(f"token {TOKEN}")
    assert once == "token [secret]" == redactor(once)


def test_a_short_secret_is_taken_out_as_a_word_only() -> None:
    assert Redactor(["pg"])("postgresql://u:pg@host/page?x=pgs") == "postgresql://u:[secret]@host/page?x=pgs"


def test_the_bot_url_goes_as_a_whole() -> None:
    redactor = Redactor([TOKEN, f"https://api.telegram.org/bot{TOKEN}"])
    assert redactor(f"POST https://api.telegram.org/bot{TOKEN}/getMe 401") == "POST [secret]/getMe 401"


def test_a_log_line_reads_as_one_line() -> None:
    stream = logged()
    logging.getLogger("bot.poll").info("412 new papers\nfrom \x1b[31marXiv")
    logging.getLogger("telegram.ext").warning("slow")
    first, second = stream.getvalue().splitlines()
    assert first[19:] == " INFO poll: 412 new papers\\nfrom \\x1b[31marXiv"
    assert second[19:] == " WARNING telegram.ext: slow"
    assert first[4] == first[7] == "-" and first[10] == " " and first[13] == first[16] == ":"


def test_a_traceback_keeps_its_lines() -> None:
    stream = logged()
    try:
        raise ValueError("no\x1b such")
    except ValueError:
        logging.getLogger("bot.poll").exception("failed")
    lines = stream.getvalue().splitlines()
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: no\\x1b such"


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "aiohttp.access", "telegram.ext", "discord.gateway",
                                  "apscheduler.scheduler"])  # fmt: skip
def test_the_http_libraries_log_warnings_only_at_any_level(name: str) -> None:
    stream = logged(level="debug")
    logging.getLogger("bot.poll").debug("seen")
    logging.getLogger(name).info("GET /bot123")
    logging.getLogger(name).warning("retrying")
    assert "seen" in stream.getvalue() and "retrying" in stream.getvalue()
    assert "GET" not in stream.getvalue()
    stream = logged(level="error")
    logging.getLogger(name).warning("retrying")
    assert stream.getvalue() == ""


def test_a_handler_that_was_there_before_gets_nothing_secret_either() -> None:
    other = io.StringIO()
    handler = logging.StreamHandler(other)
    logging.getLogger().addHandler(handler)
    logged(TOKEN)
    try:
        raise ValueError(TOKEN)
    except ValueError:
        logging.getLogger("some.library").exception("with %s", TOKEN, stack_info=True)
    assert MARK in other.getvalue()
    assert TOKEN not in other.getvalue()


def test_setting_up_again_takes_the_place_of_the_first() -> None:
    first = logged()
    second = logged(TOKEN)
    logging.getLogger("bot.poll").info("once %s", TOKEN)
    assert first.getvalue() == ""
    assert second.getvalue().count("once [secret]") == 1
    assert redact(f"at {TOKEN}") == "at [secret]"


def test_an_uncaught_exception_is_logged_without_secrets() -> None:
    stream = logged(TOKEN)
    try:
        raise ValueError(f"https://api.telegram.org/bot{TOKEN}/getMe")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert "stopped by a fault" in stream.getvalue() and "ValueError" in stream.getvalue()
    assert TOKEN not in stream.getvalue()
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert stream.getvalue().count("stopped") == 1


def test_an_uncaught_exception_of_a_thread_is_logged_without_secrets() -> None:
    stream = logged(TOKEN)

    def fail() -> None:
        raise ValueError(TOKEN)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert "ValueError: [secret]" in stream.getvalue()
