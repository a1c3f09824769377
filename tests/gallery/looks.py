"""Messages as HTML, as near to how Telegram and Discord show them as that comes, from what the servers received."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

from bot.text import readable
from tests.gallery.stage import Shot

_TELEGRAM_TAGS = {"b": "b", "i": "i", "u": "u", "s": "s", "code": "code", "pre": "pre", "blockquote": "blockquote"}
_INLINE = re.compile(
    r"\\(?P<escaped>[^A-Za-z0-9\s])|`(?P<code>[^`\n]+)`|\[(?P<text>(?:\\.|[^\]\\])+)\]\(<?(?P<url>[^)\s>]+)>?\)"
    r"|<(?P<bare>https?://[^>\s]+)>|(?P<auto>https?://[^\s<]+)|(?P<mark>\*\*\*|\*\*|\*|__|_|~~|\|\|)"
)
_MARKS = {
    "***": "<b><i>",
    "**": "<b>",
    "*": "<i>",
    "__": "<u>",
    "_": "<i>",
    "~~": "<s>",
    "||": '<span class="spoiler">',
}


def drawn(shot: Shot, opened: bool = False) -> str:
    """One message with what it answers; ``opened``: what is folded is shown whole."""
    return _telegram(shot, opened) if shot.spot.platform == "telegram" else _discord(shot)


def folds(shot: Shot) -> bool:
    """Whether something in it opens."""
    if shot.kind != "message" or shot.spot.platform != "telegram":
        return False
    return "<details" in str(shot.body.get("rich_message")) or any("expandable" in one for one in _entities(shot.body))


def _entities(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body.get("entities") or []
    return found


def telegram_html(body: dict[str, Any], opened: bool) -> str:
    """The visible text with its entities, or the rich message."""
    if rich := body.get("rich_message"):
        html = re.sub(r"<tg-math>(.*?)</tg-math>", _formula, str(rich["html"]), flags=re.DOTALL)
        return html.replace("<details>", "<details open>") if opened else html
    raw = body["visible"].encode("utf-16-le")
    tags: dict[int, list[tuple[int, int, str]]] = {}
    for number, entity in enumerate(_entities(body)):
        start, end, kind = entity["offset"], entity["offset"] + entity["length"], entity["type"]
        begin, close = f"<{_TELEGRAM_TAGS.get(kind, 'span')}>", f"</{_TELEGRAM_TAGS.get(kind, 'span')}>"
        if kind == "a":
            begin, close = f'<a href="{escape(entity["url"])}">', "</a>"
        elif kind == "blockquote" and entity.get("expandable"):
            begin = f'<blockquote class="fold{" open" if opened else ""}">'
        tags.setdefault(start, []).append((1, -end * 1000 - number, begin))
        tags.setdefault(end, []).append((0, -start * 1000 + number, close))
    out, place = [], 0
    for at in sorted(tags):
        out.append(escape(raw[2 * place : 2 * at].decode("utf-16-le")))
        out += [tag for _, _, tag in sorted(tags[at])]
        place = at
    out.append(escape(raw[2 * place :].decode("utf-16-le")))
    return re.sub(r"(</blockquote>|</pre>)\n", r"\1", re.sub(r"\n(<blockquote|<pre)", r"\1", "".join(out)))


def _formula(found: re.Match[str]) -> str:
    """As near as text comes to how Telegram draws it."""
    return f'<span class="math">{escape(readable(f"${unescape(found[1])}$"))}</span>'


def _telegram(shot: Shot, opened: bool) -> str:
    asked = f'<div class="mine">{escape(shot.asked[:400])}</div>' if shot.asked else ""
    if shot.kind == "notice":
        return f'<div class="tg">{asked}<div class="alert">{escape(shot.body["text"])}</div></div>'
    if shot.kind == "file":
        return f'<div class="tg">{asked}<div class="bubble">📄 {escape(shot.body["name"])}</div></div>'
    rich = " rich" if "rich_message" in shot.body else ""
    keys = "".join(
        '<div class="keys">'
        + "".join(
            f'<span class="key{" link" if "url" in button else ""}">{escape(button["text"])}</span>' for button in row
        )
        + "</div>"
        for row in shot.body.get("reply_markup", {}).get("inline_keyboard", [])
    )
    bubble = f'<div class="bubble{rich}">{telegram_html(shot.body, opened)}</div>'
    return f'<div class="tg">{asked}<div class="column">{bubble}{keys}</div></div>'


def markdown_html(text: str) -> str:
    """Discord's Markdown, as far as a bot's message may use it."""
    out = []
    for number, part in enumerate(re.split(r"```(?:\w*\n)?(.*?)\n?```", text, flags=re.DOTALL)):
        if number % 2:
            out.append(f"<pre>{escape(part)}</pre>")
            continue
        quote: list[str] = []
        for line in part.strip("\n").split("\n") if part.strip("\n") else []:
            if line.startswith("> "):
                quote.append(inline_html(line[2:]))
                continue
            if quote:
                out.append(f"<blockquote>{'<br>'.join(quote)}</blockquote>")
                quote = []
            if found := re.match(r"(#{1,3}) (.*)", line):
                out.append(f"<h{len(found[1])}>{inline_html(found[2])}</h{len(found[1])}>")
            elif line.startswith("-# "):
                out.append(f"<small>{inline_html(line[3:])}</small>")
            else:
                out.append(f"<div>{inline_html(line) or '&nbsp;'}</div>")
        if quote:
            out.append(f"<blockquote>{'<br>'.join(quote)}</blockquote>")
    return "".join(out)


def inline_html(text: str) -> str:
    """One line's marks; one that nothing closes stays as it is."""
    out: list[str] = []
    open_at: dict[str, int] = {}
    place = 0
    for token in _INLINE.finditer(text):
        out.append(escape(text[place : token.start()]))
        place = token.end()
        if token["escaped"]:
            out.append(escape(token["escaped"]))
        elif token["code"]:
            out.append(f"<code>{escape(token['code'])}</code>")
        elif token["url"]:
            out.append(f'<a href="{escape(token["url"])}">{inline_html(token["text"])}</a>')
        elif token["bare"] or token["auto"]:
            address = escape(token["bare"] or token["auto"])
            out.append(f'<a href="{address}">{address}</a>')
        elif (mark := token["mark"]) in open_at:
            out[open_at.pop(mark)] = _MARKS[mark]
            out.append("".join(f"</{tag}>" for tag in reversed(re.findall(r"<(\w+)", _MARKS[mark]))))
        else:
            open_at[mark] = len(out)
            out.append(escape(mark))
    out.append(escape(text[place:]))
    return "".join(out)


def _discord(shot: Shot) -> str:
    body = shot.body
    if shot.kind == "notice":
        proposed = "".join(f"<div>{escape(line)}</div>" for line in body["text"].split("\n"))
        return f'<div class="dc"><div class="used">{escape(shot.asked[:300])}▏</div>{proposed}</div>'
    used = f'<div class="used">↱ <b>reader</b> {escape(shot.asked[:300])}</div>' if shot.asked else ""
    said = markdown_html(body.get("content") or "") if body.get("content") else ""
    said += "".join(_component(one) for one in body.get("components") or [])
    alone = '<div class="alone">👁 Only you can see this</div>' if (body.get("flags") or 0) & 64 else ""
    return (
        f'<div class="dc">{used}<div class="row"><div class="face">P</div><div class="said">'
        f'<div class="who">Paperround <em>APP</em> <time>08:00</time></div>{said}{alone}</div></div></div>'
    )


def _component(one: dict[str, Any]) -> str:
    inner = "".join(_component(part) for part in one.get("components") or [])
    match one["type"]:
        case 1:
            return f'<div class="buttons">{inner}</div>'
        case 2:
            link = " ↗" if one.get("style") == 5 else ""
            return f'<span class="button">{escape(one.get("label", ""))}{link}</span>'
        case 9:
            return f'<div class="section"><div>{inner}</div>{_component(one["accessory"])}</div>'
        case 10:
            return f'<div class="text">{markdown_html(one["content"])}</div>'
        case 14:
            return "<hr>"
        case 17:
            return f'<div class="frame" style="border-color:#{one.get("accent_color") or 0:06x}">{inner}</div>'
    raise ValueError(f"a component of type {one['type']}")
