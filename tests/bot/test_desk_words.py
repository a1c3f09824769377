"""Every answer is in one language, the reader's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from opencc import OpenCC

from bot.catalogue import TOPICS
from bot.model import (
    Address,
    Feed,
    FeedItem,
    FeedState,
    Kind,
    SummaryText,
)
from bot.replies import BlockKind, Reply
from tests.bot.test_words import MESSAGES
from tests.desks import (
    ADMIN,
    CONSOLE,
    MEMBER,
    OOPS,
    STRANGER,
    Front,
    NewFront,
    all_buttons,
    item,
    with_words,
)
from tests.desks import front as front
from tests.desks import new_front as new_front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front

LINES = (
    "/start", "/help", "/subscribe", "/subscribe LoRA", "/subscribe lora", "/subscribe rag", "/start",
    "/subscriptions", "/digest", "/digest tea", "/digest knots", "/topics", "/paper", "/paper LoRA", "/paper zzz",
    "/paper 2504.00011", "/paper 2504.99999", "/language", "/language xx", "/time", "/time 8", "/time 9:30 Mars",
    "/time 9:30 Asia/Taipei", "/status", "/invite", "/topic", "/topic add", "/topic add tea", "/topic add tea Tea",
    "/topic add tea Tea", "/topic edit tea Tea OR Leaves", "/topic edit te Tea", "/topic remove te",
    "/topic remove tea", "/nope", "/unsubscribe", "/unsubscribe 9", "/unsubscribe 1", "/unsubscribe all",
    "/unsubscribe", "/subscriptions", "/digest", "/subscribe", "/subscribe (", "/subscribe )", "/subscribe a AND",
    "/subscribe OR a", '/subscribe "a', "/subscribe ()", "/subscribe ti:", "/subscribe foo:bar", "/subscribe -a",
    "/subscribe cat:??", "/subscribe https://example.com/x", "/subscribe learn*", "/subscribe !!!",
    "/subscribe LoRA date:..2020", "/subscribe LoRA is:update", "/subscribe topic:nothere", "/subscribe date:x",
    "/subscribe date:2025..2024", "/subscribe is:odd", "/subscribe id:odd", "/subscribe rag -topic:peft",
    "/subscribe (LoRA OR tea) -number", "/subscribe parrots OR cat:math.*", "/subscribe ti:tea au:knuth",
    "/why", "/why xx", "/why 2504.99999", "/why 2504.00011", "/why 2504.00060", "/why 2403.00001",
    "/why 2504.00011 LoRA", "/why 2504.00011 rag", "/why 2504.00011 (", "/paper lorra", "/paper lorra OR nunber",
    "/topic add one LoRA", "/topic add two topic:one OR tea", "/topic edit one topic:two", "/topic remove one",
    "/topic add three topic:three", "/unsubscribe all", "/privacy", "/mydata", "/forget",
    "/topic undo", "/topic merge peft rag", "/topic rename peft adapters", "/topic rename peft en: RAG", "/announce",
    "/announce stop", "/announce en: LoRA", "/ban", "/ban x", "/ban telegram:5", "/ban list", "/unban telegram:5",
    "/unban telegram:6", "/chats", "/chats telegram:9", "/chats x", "/access", "/channel", "/channel x", "/here",
    "/audit", "/status",
    "/subscribe how do we teach many small parrots to count all the way up to twelve tonight",
)  # fmt: skip
PRESSED = (
    "follow:speech", "follow:gone", "drop:0", "more:0:0", "more:x", "digest", "page:0", "page:99", "find:x",
    "find:0:LoRA", "newest:0:LoRA", "newest:x", "like:1", "like:0", "like:x", "find:9999:LoRA", "recall:find:0:x",
    "forget:0", "topic:do:1", "topic:do:2", "topic:undo:1", "topic:do:x", "announce:ask:1", "announce:send:1",
    "announce:show:1", "announce:stop:1", "announce:x", "chats:card:1", "chats:page:99", "chats:x", "audit:here:0",
    "audit:x:0", "access:all", "here:1", "channel:leave", "old",
)  # fmt: skip


def sayings() -> list[re.Pattern[str]]:
    """Every English message of three words or more, with anything in its places."""
    found = []
    for one, many in MESSAGES:
        for text in filter(None, (one, many)):
            parts = [re.escape(part) for part in re.split(r"\{\w+\}", text)]
            if len(re.findall("[A-Za-z]{2,}", re.sub(r"\{\w+\}", "", text))) >= 3:
                found.append(re.compile(".{0,400}?".join(parts), re.DOTALL))
    return found


def said(front: Front, language: str) -> Iterator[tuple[str, Reply]]:
    """Every answer to somebody who reads ``language``."""
    admin, member = replace(ADMIN, locale=language), replace(MEMBER, locale=language)
    for line in LINES:
        yield line, front.ask(admin, line)
    for action in PRESSED:
        yield action, front.press(admin, action)
    for line in ("/access", "/access all", "/access x", "/here", "/here off", "/here x", "/audit"):
        yield f"a manager's {line}", front.ask(replace(member, manages=True), line)
    for line in ("/start", "/subscribe LoRA", "/topic add x y", "/privacy", "/mydata"):
        yield f"a member's {line}", front.ask(member, line)
    for caller in (member, replace(member, address=Address("discord", "2"))):
        yield "a member's /forget", front.ask(caller, "/forget")
    yield "nobody's /mydata", front.ask(replace(member, manages=True, user=""), "/mydata")
    passing = replace(admin, address=Address("telegram", "77"), user="telegram:77", admin=False)
    yield "a passing person's /forget", front.ask(passing, "/forget")
    front.ask(passing, "/subscribe LoRA")
    yield "a passing person's data", front.ask(passing, "/mydata")
    yield "a passing person's end", front.press(passing, all_buttons(front.ask(passing, "/forget"))[0].action)
    yield "a member's press", front.press(replace(member, address=Address("discord", "1")), "follow:rag")
    for line in ("/start", "/time", "/time 8:00", "/subscribe LoRA", "/subscriptions", "/privacy"):
        yield f"the console's {line}", front.ask(replace(CONSOLE, locale=language), line)
    stranger = replace(STRANGER, locale=language)
    for access, admins in (("invite", ("telegram:9",)), ("invite", ()), ("list", ("telegram:9",))):
        front.configure(access=access, admins=admins)
        for line in ("/start", "/start x", "/paper LoRA"):
            yield f"{access}: a stranger's {line}", front.ask(stranger, line)
        yield f"{access}: /invite", front.ask(admin, "/invite")


def words_of(answer: Reply) -> str:
    """What the bot itself says in an answer: not the commands and queries it quotes, nor the papers."""
    blocks = [b for b in answer.blocks if not b.paper and b.kind not in (BlockKind.CODE, BlockKind.QUOTE)]
    texts = ["".join(s.text for s in b.spans if s.style != "code") for b in blocks]
    return "\n".join([*texts, *(b.label for b in all_buttons(answer))])


@pytest.fixture
def bilingual(new_front: NewFront) -> Front:
    """With summaries in all three languages, and thirty matches."""
    made = new_front()
    words = [
        SummaryText("en", "Noon is tuned.", "", ""),
        SummaryText("zh-Hans", "正午被微调。", "正午", ""),
        SummaryText("zh-Hant", "正午被微調。", "正午", ""),
    ]
    made.announce([with_words(item(11 + n, f"LoRA number {n}"), *words) for n in range(30)])
    made.announce([with_words(item(60, "Tea", "Tea."), *words), FeedItem("arxiv:2403.00001", Kind.KNOWN, "Tea known")])
    made.topics()
    made.index.follow()
    with made.store.transaction() as tx:
        for category, state in zip("abcdef", FeedState, strict=True):
            tx.put_feed(Feed(f"cs.{category}", state))
    return made


def test_english_answers_hold_no_chinese(bilingual: Front) -> None:
    allowed = "简体中文繁體"
    for line, answer in said(bilingual, "en"):
        shown = re.sub(f"[{allowed}]", "", answer.text + "".join(b.label for b in all_buttons(answer)))
        assert not re.search("[\u3000-\u9fff\uff00-\uffef]", shown), (line, shown)
        assert not answer.text.startswith(OOPS), line


@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant"])
def test_chinese_answers_hold_no_english_sentence_and_one_script(bilingual: Front, language: str) -> None:
    english = sayings()
    quoted = " | ".join([*(topic.query for topic in TOPICS), *LINES])
    to_own_script = OpenCC("t2s" if language == "zh-Hans" else "s2t").convert
    assert len(english) > 60
    for line, answer in said(bilingual, language):
        text = words_of(answer)
        mixed = [pattern.pattern for pattern in english if pattern.search(text)]
        assert not mixed, (line, text)
        for run in re.findall("[a-z]{2,}(?: [a-z]{2,})+", re.sub("/[a-z]+(?: [a-z]+)*", "", text)):
            assert run in quoted or run in line, (line, text)
        assert not answer.text.startswith(OOPS), line
        own = re.sub("简体中文|繁體中文", "", text)
        assert to_own_script(own) == own, line
        if answer.blocks and line not in ("/paper", "/topic"):
            assert re.search("[\u4e00-\u9fff]", answer.text), line


def test_the_platforms_hint_decides_until_the_chat_has_a_language(front: Front) -> None:
    assert "您想找什么？" in front.ask(replace(STRANGER, locale="zh-CN"), "/paper").text
    assert "您想找什麼？" in front.ask(replace(STRANGER, locale="zh-Hant-HK"), "/paper").text
    assert "What are you" in front.ask(replace(STRANGER, locale="fr"), "/paper").text
    front.configure(language="zh-Hans", access="open")
    assert "您想找什么？" in front.ask(replace(STRANGER, locale="fr"), "/paper").text
    assert "What are you" in front.ask(replace(STRANGER, locale="en-GB"), "/paper").text
    front.ask(replace(STRANGER, locale="zh-TW"), "/start")
    assert front.chat(STRANGER).language == "zh-Hant"
    assert "您想找什麼？" in front.ask(replace(STRANGER, locale="en"), "/paper").text, "the chat's own language stays"
