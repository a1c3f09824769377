"""What a chat sets for itself: one message that turns its pages in place, and the same by words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import time

from bot.commands import languages, news
from bot.commands.context import Context, days_of, digest_comes, note, require_manager
from bot.commands.weekdays import EVERY_DAY, WORKING_DAYS, days_named
from bot.errors import BadInput
from bot.model import Chat, Deed, EmptyDay, Layout
from bot.ports import Caller
from bot.replies import Block, Button, Reply, bold, heading, paragraph, plain, say
from bot.words import Words, language_name, words_for
from bot.zones import COMMON, city_of, zone_named, zones_like

SIZES = (5, 10, 15, 20, 30, 50)
MOST_PAPERS = 100
CHOICES = (
    "language", "time", "zone", "days", "daily", "weekly", "announced", "size", "layout", "news", "empty", "quiet",
)  # fmt: skip
"""The first words that are known, in the order they are shown."""
_HOURS = (6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 21, 22)
_FRIDAY = 5
_ALIKE = {
    "lang": "language", "timezone": "zone", "weekdays": "days", "weekday": "days", "day": "days", "week": "weekly",
    "as": "announced", "asap": "announced", "papers": "size", "sound": "sound", "silent": "quiet", "cross": "cross",
    "updates": "updates", "published": "published", "new": "new", "empty-days": "empty", "语言": "language",
    "語言": "language", "时间": "time", "時間": "time", "时区": "zone", "時區": "zone", "版式": "layout",
}  # fmt: skip
_CLOCK = re.compile(
    r"(?P<hour>[01]?[0-9]|2[0-3])[:.h](?P<minute>[0-5][0-9])(?:\s*(?P<half>[ap]m)\b)?(?: +(?P<zone>.+))?", re.IGNORECASE
)
_LAYOUTS = {
    "brief": Layout.BRIEF, "short": Layout.BRIEF, "简洁": Layout.BRIEF, "簡潔": Layout.BRIEF, "full": Layout.FULL,
    "完整": Layout.FULL, "bilingual": Layout.BILINGUAL, "both": Layout.BILINGUAL, "双语": Layout.BILINGUAL,
    "雙語": Layout.BILINGUAL, "plain": Layout.PLAIN, "纯文本": Layout.PLAIN, "純文字": Layout.PLAIN,
}  # fmt: skip
_YES = frozenset({"on", "yes", "true", "say", "开", "開", "是"})
_NO = frozenset({"off", "no", "false", "silent", "none", "关", "關", "否"})

Change = Callable[[Words, Chat, str], Chat]


def settings(context: Context, caller: Caller, argument: str) -> Reply:
    """Alone: all settings, with buttons. ``size 10``, ``weekdays mon-fri``, ``weekly friday``: one of them."""
    chat, words = _asked(context, caller)
    if not argument:
        return _page(context, words, chat, "")
    require_manager(words, caller)
    name, _, value = unicodedata.normalize("NFKC", argument).partition(" ")
    name = _ALIKE.get(name.casefold(), name.casefold())
    if name in news.KINDS or name == "news":
        return news.news(context, caller, value if name == "news" else f"{name} {value}")
    if name == "sound":
        name, value = "quiet", "off" if _switched(words, value or "on", "sound") else "on"
    if name not in _KNOWN:
        raise BadInput(
            words.say("There is no setting {name}. Write one of {names}.", name=name[:40], names=", ".join(CHOICES))
        )
    if not value and name in _PAGES and name not in _ALONE:
        return _page(context, words, chat, name)
    chat, words = _put(context, words, caller, name, value)
    return _page(context, words, chat, _PAGE_OF.get(name, name))


def turn(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button that leads to a page of the settings."""
    chat, words = _asked(context, caller)
    return replace(_page(context, words, chat, argument if argument in _PAGES else ""), edits=True)


def put(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button that changes a setting: ``size:10``."""
    chat, words = _asked(context, caller)
    require_manager(words, caller)
    name, _, value = argument.partition(":")
    if name not in _KNOWN:
        return replace(_page(context, words, chat, ""), private=True)
    chat, words = _put(context, words, caller, name, value)
    return replace(_page(context, words, chat, _PAGE_OF.get(name, name)), edits=True)


def language(context: Context, caller: Caller, argument: str) -> Reply:
    """The language digests and answers come in, and others for papers without words in it: ``zh-Hans ja``."""
    chat, words = _asked(context, caller)
    offered = context.config.languages
    if not argument:
        told = languages.reads(words), languages.example(words, offered), languages.several(words, offered)
        return replace(say(*told), buttons=_language_buttons(chat, offered))
    require_manager(words, caller)
    _, words = _put(context, words, caller, "language", argument)
    return say(languages.begins(words))


def when(context: Context, caller: Caller, argument: str) -> Reply:
    """``08:30`` or ``08:30 Europe/Berlin``: when the digest comes."""
    chat, words = _asked(context, caller)
    if caller.address.platform == "console":
        return say(words.say("No digest comes here by itself, so there is no time to set."), digest_comes(words, chat))
    if not argument:
        more = [[Button(words.say("Settings"), "settings:time")]]
        return say(
            digest_comes(words, chat), words.say("To change it: /time 08:30 or /time 08:30 Asia/Shanghai"), buttons=more
        )
    require_manager(words, caller)
    chat, words = _put(context, words, caller, "time", argument)
    return say(digest_comes(words, chat))


def _asked(context: Context, caller: Caller) -> tuple[Chat, Words]:
    with context.store.reading() as tx:
        chat = tx.chat(caller.address) or context.fresh_chat(tx, caller)
    return chat, context.words(caller, chat)


def _put(context: Context, words: Words, caller: Caller, name: str, value: str) -> tuple[Chat, Words]:
    """The chat with that setting changed, and its words. Raises BadInput for a value that cannot be."""
    with context.store.transaction() as tx:
        before = context.open_chat(tx, caller)
        chat = _changed(context, words, before, name, value.strip())
        if (chat.time, chat.timezone, chat.days, chat.as_announced) != (
            before.time, before.timezone, before.days, before.as_announced,
        ):  # fmt: skip
            chat = replace(chat, due_at=context.due_at(chat))
        note(context, tx, caller, _DEEDS.get(name, Deed.SETTING), *(_written(one, name) for one in (before, chat)))
        tx.put_chat(chat)
    return chat, words_for(chat.language, chat.accepts)


def _changed(context: Context, words: Words, chat: Chat, name: str, value: str) -> Chat:
    if name == "language":
        first, *others = languages.languages_named(words, value, context.config.languages)
        return replace(chat, language=first, accepts=tuple(others))
    return _CHANGES[name](words, chat, value)


_DEEDS = {"language": Deed.LANGUAGE, "time": Deed.TIME, "zone": Deed.TIME}


def _written(chat: Chat, name: str) -> str:
    """How the audit log writes a setting."""
    match name:
        case "language":
            return " ".join(languages.languages_of(chat))
        case "time" | "zone":
            return f"{chat.time:%H:%M} {chat.timezone}"
        case "size":
            return f"size: {chat.size}"
        case "layout":
            return f"layout: {chat.layout}"
        case "empty":
            return f"empty day: {chat.empty_day}"
        case "quiet":
            return f"quiet: {'on' if chat.quiet else 'off'}"
    return "days: " + ("as announced" if chat.as_announced else " ".join(map(str, sorted(chat.days))))


def _set_time(words: Words, chat: Chat, value: str) -> Chat:
    found = _CLOCK.fullmatch(unicodedata.normalize("NFKC", value))
    if found is None or (found["half"] and not 1 <= int(found["hour"]) <= 12):
        raise BadInput(
            words.say("Write the time as hours and minutes, and the zone by its city: /time 08:30 Asia/Shanghai.")
        )
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].casefold() == "pm" else 0)
    if found["zone"]:
        chat = _set_zone(words, chat, found["zone"])
    return replace(chat, time=time(hour, int(found["minute"])))


def _set_zone(words: Words, chat: Chat, value: str) -> Chat:
    zone = zone_named(value)
    if zone is None:
        unknown = words.say(
            "I know no time zone {zone}; name one by its city: /time 08:30 Asia/Shanghai.", zone=value[:40]
        )
        near = zones_like(value)
        meant = words.say("Did you mean {query}?", query=" · ".join(near)) if near else ""
        raise BadInput(words.sentences(unknown, meant))
    return replace(chat, timezone=zone)


def _set_days(words: Words, chat: Chat, value: str) -> Chat:
    """``mon-fri``, ``mon, wed``; from a button, ``+3`` and ``-3`` put one in and take one out."""
    if re.fullmatch(r"[+-][1-7]", value):
        day = {int(value[1])}
        days = chat.days | day if value[0] == "+" else chat.days - day
        if not days:  # an older message still shows the day that is left
            raise BadInput(words.say("One weekday must stay. /stop ends the digests."))
    else:
        days = days_named(value)
    if not days:
        raise BadInput(words.say("Write weekdays, for example: /settings days mon-fri, or mon, wed, fri."))
    return replace(chat, days=frozenset(days), as_announced=False)


def _set_weekly(words: Words, chat: Chat, value: str) -> Chat:
    days = days_named(value) if value else chat.days if chat.weekly else frozenset({_FRIDAY})
    if len(days) != 1:
        raise BadInput(words.say("Write one weekday, for example: /settings weekly friday."))
    return replace(chat, days=days, as_announced=False)


def _set_daily(words: Words, chat: Chat, value: str) -> Chat:
    chat = replace(chat, days=EVERY_DAY, as_announced=False)
    return _set_time(words, chat, value) if value else chat


def _set_announced(words: Words, chat: Chat, value: str) -> Chat:
    return replace(chat, days=EVERY_DAY, as_announced=True)


def _set_size(words: Words, chat: Chat, value: str) -> Chat:
    if not (value.isascii() and value.isdecimal() and len(value) < 4 and 1 <= int(value) <= MOST_PAPERS):
        raise BadInput(words.say("Write a number from 1 to {most}, for example: /settings size 10.", most=MOST_PAPERS))
    return replace(chat, size=int(value))


def _set_layout(words: Words, chat: Chat, value: str) -> Chat:
    layout = _LAYOUTS.get(value.casefold())
    if layout is None:
        raise BadInput(
            words.say("Write one of {names}, for example: /settings layout full.", names=", ".join(map(str, Layout)))
        )
    return replace(chat, layout=layout)


def _set_empty(words: Words, chat: Chat, value: str) -> Chat:
    return replace(chat, empty_day=EmptyDay.SAY if _switched(words, value, "empty") else EmptyDay.SILENT)


def _set_quiet(words: Words, chat: Chat, value: str) -> Chat:
    return replace(chat, quiet=_switched(words, value or "on", "quiet"))


def _switched(words: Words, value: str, name: str) -> bool:
    wanted = value.casefold()
    if wanted not in _YES | _NO:
        raise BadInput(words.say("Write on or off, for example: /settings {name} on.", name=name))
    return wanted in _YES


_CHANGES: dict[str, Change] = {
    "time": _set_time, "zone": _set_zone, "days": _set_days, "weekly": _set_weekly,
    "daily": _set_daily, "announced": _set_announced, "size": _set_size, "layout": _set_layout, "empty": _set_empty,
    "quiet": _set_quiet,
}  # fmt: skip
_KNOWN = frozenset({"language", *_CHANGES})
_ALONE = frozenset({"daily", "weekly", "announced", "quiet"})
"""Those that mean something without a value."""
_PAGE_OF = {"daily": "days", "weekly": "days", "announced": "days", "empty": "", "quiet": ""}
_PAGES = frozenset({"", "language", "time", "zone", "days", "size", "layout"})


def _page(context: Context, words: Words, chat: Chat, name: str) -> Reply:
    """One page of the settings; with the empty name, all of them in short."""
    console = chat.address.platform == "console"
    if console and name in ("time", "zone", "days"):
        name = ""
    match name:
        case "language":
            offered = context.config.languages
            rows, told = (
                _language_buttons(chat, offered),
                "\n".join((languages.reads(words), languages.several(words, offered))),
            )
        case "time":
            rows, told = _time_buttons(words, chat), digest_comes(words, chat)
        case "zone":
            zones = dict.fromkeys((chat.timezone, *COMMON))
            rows = _rows([_choice(city_of(zone, words.language), zone == chat.timezone, f"set:zone:{zone}")
                          for zone in zones if len(zone) < 50], 2)  # fmt: skip
            told = words.say("The time zone is {zone}. Any city will do: /settings zone Berlin", zone=chat.timezone)
        case "days":
            rows, told = _day_buttons(words, chat), digest_comes(words, chat)
        case "size":
            rows = _rows([_choice(str(size), size == chat.size, f"set:size:{size}") for size in SIZES], 3)
            told = words.say(
                "How many papers a digest brings at most; the others stand behind More. Any number will do:"
                " /settings size 12"
            )
        case "layout":
            called = layouts(words)
            rows = _rows([_choice(called[one][0], one is chat.layout, f"set:layout:{one}") for one in called], 2)
            lines = [part for label, meaning in called.values() for part in (bold(label), plain(f"  {meaning}\n"))]
            return _with_back(words, (heading(words.say("How papers look")), paragraph(*lines)), rows)
        case _:
            return Reply((heading(words.say("Settings")), _overview(words, chat, console)), _main_buttons(words, chat))
    return _with_back(words, (heading(words.say("Settings")), paragraph(told)), rows)


def layouts(words: Words) -> dict[Layout, tuple[str, str]]:
    """What each layout is called, and what it shows."""
    return {
        Layout.BRIEF: (words.say("brief"), words.say("number, title, one sentence")),
        Layout.FULL: (words.say("full"), words.say("with abstracts, folded")),
        Layout.BILINGUAL: (words.say("bilingual"), words.say("in your language and in the paper's")),
        Layout.PLAIN: (words.say("plain"), words.say("titles and addresses alone")),
    }


def _overview(words: Words, chat: Chat, console: bool) -> Block:
    shown = [(words.say("Language"), " · ".join(map(language_name, languages.languages_of(chat))))]
    if not console:
        shown.append((words.say("When"), digest_comes(words, chat)))
    shown += [
        (words.say("Papers a digest"), words.number(chat.size)),
        (words.say("Layout"), layouts(words)[chat.layout][0]),
        (words.say("News"), words.listing([called for called, wanted in news.called(words, chat) if wanted])),
    ]
    if not console:
        say_so = chat.empty_day is EmptyDay.SAY
        shown += [
            (words.say("Days without a match"), words.say("I say so") if say_so else words.say("no message")),
            (words.say("Sound"), words.say("off") if chat.quiet else words.say("with the first message")),
        ]
    return paragraph(*(span for name, value in shown for span in (bold(name), plain(f"  {value}\n"))))


def _main_buttons(words: Words, chat: Chat) -> tuple[tuple[Button, ...], ...]:
    pages = [Button(words.say("Language"), "settings:language")]
    if chat.address.platform != "console":
        pages += [Button(words.say("Weekdays"), "settings:days"), Button(words.say("Time"), "settings:time")]
    pages += [
        Button(words.say("Papers a digest"), "settings:size"),
        Button(words.say("Layout"), "settings:layout"),
        Button(words.say("News"), "news"),
    ]
    rows = list(_rows(pages, 3))
    if chat.address.platform != "console":
        say_so = chat.empty_day is EmptyDay.SAY
        rows.append((
            _choice(words.say("Say when nothing came"), say_so, f"set:empty:{'silent' if say_so else 'say'}"),
            _choice(words.say("Without a sound"), chat.quiet, f"set:quiet:{'off' if chat.quiet else 'on'}"),
        ))  # fmt: skip
    return tuple(rows)


def _language_buttons(chat: Chat, offered: Sequence[str]) -> tuple[tuple[Button, ...], ...]:
    """One each; who accepts several names them by words."""
    return _rows([_choice(language_name(one), one == chat.language, f"set:language:{one}") for one in offered], 3)


def _time_buttons(words: Words, chat: Chat) -> tuple[tuple[Button, ...], ...]:
    hours = [f"{hour:02}:00" for hour in _HOURS]
    rows = _rows([_choice(hour, hour == f"{chat.time:%H:%M}", f"set:time:{hour}") for hour in hours], 4)
    return (*rows, (Button(words.say("Time zone"), "settings:zone"), Button(words.say("Weekdays"), "settings:days")))


def _day_buttons(words: Words, chat: Chat) -> tuple[tuple[Button, ...], ...]:
    daily = not chat.weekly and not chat.as_announced
    rows: list[tuple[Button, ...]] = [(
        _choice(words.say("Daily"), daily, "set:daily:"),
        _choice(words.say("Weekly"), chat.weekly, "set:weekly:"),
        _choice(words.say("As announced"), chat.as_announced, "set:announced:"),
    )]  # fmt: skip
    if not chat.as_announced:
        rows += _rows(list(_weekday_buttons(words, chat)), 4)
    if daily:
        rows.append((
            _choice(days_of(words, EVERY_DAY), chat.days == EVERY_DAY, "set:daily:"),
            _choice(days_of(words, WORKING_DAYS), chat.days == WORKING_DAYS, "set:days:1-5"),
        ))  # fmt: skip
    return (*rows, (Button(words.say("Time"), "settings:time"),))


def _weekday_buttons(words: Words, chat: Chat) -> Iterator[Button]:
    for day in range(1, 8):
        on = day in chat.days
        change = f"set:weekly:{day}" if chat.weekly else f"set:days:{'-' if on else '+'}{day}"
        yield _choice(words.weekday(day, short=True), on, change)


def _choice(label: str, chosen: bool, action: str) -> Button:
    return Button(f"✓ {label}" if chosen else label, action)


def _rows(buttons: list[Button], wide: int) -> tuple[tuple[Button, ...], ...]:
    return tuple(tuple(buttons[i : i + wide]) for i in range(0, len(buttons), wide))


def _with_back(words: Words, blocks: tuple[Block, ...], rows: tuple[tuple[Button, ...], ...]) -> Reply:
    return Reply(blocks, (*rows, (Button("‹ " + words.say("Settings"), "settings"),)))
