"""The catalogues: complete, with the same placeholders, and read the reader's way."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from datetime import date

import pytest

from bot import query
from bot.words import language_for, words_for
from tests.paths import ROOT


def messages() -> Iterator[tuple[str, str]]:
    """(message id, plural id or empty) of every ``say`` and ``count`` in the code, and of every command."""
    for path in (path for room in ("bot", "adapters") for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "say" and texts and isinstance(node.func, ast.Attribute):
                yield texts[0], ""
            elif name == "count" and len(texts) >= 2:
                yield texts[0], texts[1]
            elif name == "Command":
                yield from ((text, "") for text in texts[1:])


MESSAGES = sorted({*messages(), *((message, "") for message in query.MESSAGES)})


def places(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def test_there_are_messages_to_look_at() -> None:
    assert len(MESSAGES) > 80


@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant"])
def test_every_message_is_translated_with_the_same_placeholders(language: str) -> None:
    words = words_for(language)
    for one, many in MESSAGES:
        found = words._catalogue.get(one)
        assert found is not None and found.string, f"not in {language}: {one!r}"
        forms = found.string if many else (found.string,)
        for form in forms:
            assert places(form) == places(one) | places(many), one


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "Tuesday 8 April"), ("zh-Hans", "4月8日星期二"), ("zh-Hant", "4月8日星期二")],
)
def test_a_day_is_written_the_readers_way(language: str, expected: str) -> None:
    assert words_for(language).day(date(2025, 4, 8)) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "Tuesday 8 April 2025"), ("zh-Hans", "2025年4月8日星期二"), ("zh-Hant", "2025年4月8日星期二")],
)
def test_a_day_may_have_its_year(language: str, expected: str) -> None:
    assert words_for(language).day(date(2025, 4, 8), year=True) == expected


def test_plurals_follow_the_language() -> None:
    one, many = "{n} topic", "{n} topics"
    assert [words_for("en").count(one, many, n) for n in (0, 1, 2)] == ["0 topics", "1 topic", "2 topics"]
    assert words_for("zh-Hans").count(one, many, 1) == "1 个主题"


@pytest.mark.parametrize(
    ("locale", "language"),
    [("zh-CN", "zh-Hans"), ("zh_TW.UTF-8", "zh-Hant"), ("zh-Hant", "zh-Hant"), ("zh", "zh-Hans"), ("en-GB", "en"),
     ("de", "en"), ("", "en")],
)  # fmt: skip
def test_the_platforms_hint_finds_the_nearest_language(locale: str, language: str) -> None:
    assert language_for(locale) == language
