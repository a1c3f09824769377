"""Replies as Telegram messages: HTML within Telegram's limits, counted Telegram's way. Pure.

The limits: https://core.telegram.org/bots/api#sendmessage (4096 characters after entity parsing, counted in
UTF-16 code units), https://core.telegram.org/bots/api#inlinekeyboardbutton (callback_data 1-64 bytes); about 100
entities a message, 100 buttons and 8 a row are what the server keeps to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html import unescape
from itertools import groupby
from typing import Any, NamedTuple
from unicodedata import east_asian_width
from urllib.parse import urlsplit

from adapters.chats.telegram_rich import rich_html
from bot.ports import Message
from bot.replies import Block, BlockKind, Button, Reply, Span, Style

MAX_UNITS = 4096
MAX_ENTITIES = 95
"""The server drops what stands after about 100 in silence, and finds some of its own (addresses, commands)."""
MAX_BUTTONS = 100
MAX_ROW = 8
MAX_ACTION_BYTES = 64
MAX_LABEL_UNITS = 128
A_LINE = 36
"""Columns that the labels of a row have together on a telephone; Telegram gives each the same part, and cuts."""
MAX_LINK = 2048

_GAP = "\n\n"
_TAGS = {Style.BOLD: "b", Style.ITALIC: "i", Style.CODE: "code"}
# What Telegram blanks or drops itself, what would turn the reading order, and what UTF-8 cannot carry.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
# That, and what is written otherwise: most texts have none of it.
_UNCLEAN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_MENTION = re.compile(r"(?<!\w)@(?=\w)")
_TAG = re.compile("<[^>]*>")
_LAST_SPACE = re.compile(r"\s+(?=\S*\Z)")


def clean(text: str) -> str:
    """Without control characters and lone surrogates; line ends are ``\\n``, tabs are spaces."""
    if not _UNCLEAN.search(text):
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    return _UNWANTED.sub("", text.replace("\t", " "))


def units(text: str) -> int:
    """The length of ``text`` in UTF-16 code units, as Telegram counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def escape(text: str) -> str:
    """For Telegram's HTML: https://core.telegram.org/bots/api#html-style"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


@lru_cache(4096)
def usable_link(address: str) -> str:
    """``address`` if it is an http(s) address that Telegram takes, else empty."""
    if not address.startswith(("https://", "http://")) or len(address) > MAX_LINK:
        return ""
    if any(character.isspace() or not character.isprintable() for character in address):
        return ""
    try:
        return address if urlsplit(address).hostname else ""
    except ValueError:
        return ""


def render(reply: Reply, rich: bool = False) -> tuple[Message, ...]:
    """The reply's messages; each payload is the JSON of sendMessage's parameters without ``chat_id``.

    A paper belongs to the message in which its entry ends, and so does the button of a block. The reply's own stand
    under the last message; more than 100 go on under messages of their own. Empty for a reply without text and buttons.
    With ``rich`` what tells of papers has the rich form beside the classic one. Raises ValueError for a button that
    carries nothing or more than 64 bytes.
    """
    room = MAX_UNITS - (reply.spare + len(_GAP) if reply.spare else 0)
    drafts = _pack((block for raw in reply.blocks if (block := _cleaned(raw)).spans), room)
    if not drafts and _keyboards(reply.buttons):
        drafts = [_Draft(["…"])]
    messages = []
    for number, draft in enumerate(drafts, 1):
        rows = [*_evenly(draft.buttons), *(reply.buttons if number == len(drafts) else ())]
        first, *others = _keyboards(rows) or [[]]
        messages.append(_message(draft, first, rich))
        messages += [_message(_Draft(["…"]), more) for more in others]
    return tuple(messages)


def _evenly(buttons: Sequence[Button]) -> list[Sequence[Button]]:
    """In as few rows as Telegram takes, of the same length where that can be."""
    if not buttons:
        return []
    wide = -(-len(buttons) // -(-len(buttons) // MAX_ROW))
    return [buttons[start : start + wide] for start in range(0, len(buttons), wide)]


def marked(payload: bytes, note: str) -> bytes:
    """The message with ``note`` above it; as it is, where it has that already or was rendered without room for it."""
    parameters = json.loads(payload)
    above = f"<i>{escape(note)}</i>{_GAP}"
    visible = unescape(_TAG.sub("", parameters["text"]))
    if parameters["text"].startswith(above) or units(visible) + units(note) + len(_GAP) > MAX_UNITS:
        return payload
    parameters["text"] = above + parameters["text"]
    if rich := parameters.get("rich_message"):
        parameters["rich_message"] = {**rich, "html": f"<p><i>{escape(note)}</i></p>{rich['html']}"}
    return json.dumps(parameters, ensure_ascii=False).encode()


def silent(payload: bytes) -> bytes:
    """The message without a sound: ``disable_notification`` (https://core.telegram.org/bots/api#sendmessage)."""
    return json.dumps({**json.loads(payload), "disable_notification": True}, ensure_ascii=False).encode()


class _Piece(NamedTuple):
    """A block that fits a message, and what it counts."""

    block: Block
    units: int
    entities: int

    @classmethod
    def of(cls, block: Block) -> _Piece:
        size, entities = 0, int(block.kind in (BlockKind.QUOTE, BlockKind.CODE))
        for span in block.spans:
            size += units(span.text)
            entities += _span_entities(span)
        for fold in block.folds:
            size += 1 + units(fold.text)
            entities += 1
        return cls(block, size, entities)

    def fits(self, room: int) -> bool:
        return self.units <= room and self.entities <= MAX_ENTITIES


@dataclass(slots=True)
class _Draft:
    """A message being filled: the HTML of its blocks and what they count."""

    html: list[str] = field(default_factory=list)
    units: int = 0
    entities: int = 0
    papers: list[int] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def takes(self, piece: _Piece, room: int) -> bool:
        gap = len(_GAP) if self.html else 0
        return self.units + gap + piece.units <= room and self.entities + piece.entities <= MAX_ENTITIES

    def add(self, piece: _Piece) -> None:
        block = piece.block
        self.units += (len(_GAP) if self.html else 0) + piece.units
        self.entities += piece.entities
        self.html.append(_html(block))
        self.blocks.append(block)
        if block.paper:
            self.papers.append(block.paper)
        if block.button:
            self.buttons.append(block.button)


def _pack(blocks: Iterable[Block], room: int) -> list[_Draft]:
    drafts: list[_Draft] = []
    for block in blocks:
        for piece in _pieces(block, room):
            if not drafts or not drafts[-1].takes(piece, room):
                drafts.append(_Draft())
            drafts[-1].add(piece)
    return drafts


def _message(draft: _Draft, rows: Sequence[Sequence[dict[str, str]]], rich: bool = False) -> Message:
    parameters: dict[str, Any] = {
        "text": _GAP.join(draft.html),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    if rich and any(block.paper or block.folds for block in draft.blocks):
        parameters["rich_message"] = {"html": rich_html(draft.blocks), "skip_entity_detection": True}
    if rows:
        parameters["reply_markup"] = {"inline_keyboard": rows}
    return Message(json.dumps(parameters, ensure_ascii=False).encode(), tuple(dict.fromkeys(draft.papers)))


def _cleaned(block: Block) -> Block:
    """The block as it will be sent: clean text, links that Telegram takes, no blank ends, no empty folds."""
    spans = _cleaned_spans(block, block.spans)
    if block.kind is not BlockKind.CODE:
        spans = _trimmed(spans)
    elif not "".join(span.text for span in spans).strip():
        spans = []
    trimmed = (_trimmed(_cleaned_spans(block, [fold])) for fold in block.folds)
    folds = tuple(fold[0] for fold in trimmed if fold) if spans else ()
    return replace(block, spans=tuple(spans), folds=folds)


def _cleaned_spans(block: Block, raw: Iterable[Span]) -> list[Span]:
    spans: list[Span] = []
    for span in raw:
        text, link = clean(span.text), usable_link(span.link)
        style = span.style
        if block.kind is BlockKind.CODE:
            # "pre" may hold no other entity.
            style, link = Style.PLAIN, ""
        elif style is Style.CODE and link:
            # "code" may neither hold a link nor stand in one.
            style = Style.PLAIN
        elif block.kind is BlockKind.HEADING and style is Style.PLAIN:
            style = Style.BOLD
        if "@" in text and style is not Style.CODE and not link and block.kind is not BlockKind.CODE:
            # An @name out of a paper must not ping whoever has that name: a word joiner keeps it a word.
            text = _MENTION.sub("@\u2060", text)
        if text:
            tex = clean(span.tex)
            same = (text, style, link, tex) == (span.text, span.style, span.link, span.tex)
            spans.append(span if same else Span(text, style, link, tex))
    return spans


def _trimmed(spans: list[Span]) -> list[Span]:
    """Without white space at both ends."""
    while spans and not (text := spans[0].text.lstrip()):
        spans = spans[1:]
    if spans and text != spans[0].text:
        spans = [replace(spans[0], text=text), *spans[1:]]
    while spans and not (text := spans[-1].text.rstrip()):
        spans = spans[:-1]
    if spans and text != spans[-1].text:
        spans = [*spans[:-1], replace(spans[-1], text=text)]
    return spans


def _span_entities(span: Span) -> int:
    return (span.style is not Style.PLAIN) + bool(span.link)


def _pieces(block: Block, room: int) -> Iterator[_Piece]:
    """The block itself where it fits a message, else cut between words; the paper goes with the last piece, and each
    fold, cut where even it alone is too long, is a piece of its own."""
    if (whole := _Piece.of(block)).fits(room):
        yield whole
        return
    if block.folds:
        for fold in (replace(block, folds=(), button=None, paper=0), *_quotes(block)):
            yield from _pieces(fold, room)
        return
    rest = list(block.spans)
    while rest:
        if (last := _Piece.of(replace(block, spans=tuple(rest)))).fits(room):
            yield last
            return
        head, rest = _cut(rest, room, MAX_ENTITIES - 1)
        if block.kind is not BlockKind.CODE:
            head, rest = _trimmed(head), _trimmed(rest)
        if head:
            piece = replace(block, spans=tuple(head))
            yield _Piece.of(replace(piece, paper=0, button=None) if rest else piece)


def _quotes(block: Block) -> Iterator[Block]:
    """The folds of a block that is too long, as blocks; the paper and its button go with the last."""
    for number, fold in enumerate(block.folds, 1):
        quote = Block((fold,), BlockKind.QUOTE)
        yield replace(quote, paper=block.paper, button=block.button) if number == len(block.folds) else quote


def _cut(spans: list[Span], room: int, entities: int) -> tuple[list[Span], list[Span]]:
    """The longest beginning within ``room`` units and ``entities``, cut after a space if it has one."""
    head: list[Span] = []
    for number, span in enumerate(spans):
        entities -= _span_entities(span)
        size = units(span.text)
        if entities >= 0 and size <= room:
            head.append(span)
            room -= size
            continue
        fitting = _fitting(span.text, room) if entities >= 0 else 0
        rest = [replace(span, text=span.text[fitting:], tex=""), *spans[number + 1 :]]
        if fitting:
            head.append(replace(span, text=span.text[:fitting], tex=""))
        if rest[0].text[:1].isspace():
            return head, rest
        return _back_to_space(head, rest)
    return head, []


def _fitting(text: str, room: int) -> int:
    """How many characters of ``text`` fit ``room`` units."""
    count = min(len(text), room)
    while units(text[:count]) > room:
        count -= (units(text[:count]) - room + 1) // 2
    return count


def _back_to_space(head: list[Span], rest: list[Span]) -> tuple[list[Span], list[Span]]:
    for number in range(len(head) - 1, -1, -1):
        span = head[number]
        if space := _LAST_SPACE.search(span.text):
            before, after = span.text[: space.end()], span.text[space.end() :]
            moved = [replace(span, text=after, tex="")] if after else []
            kept = [*head[:number], replace(span, text=before, tex="")]
            if not "".join(s.text for s in kept).strip():
                break
            return kept, [*moved, *head[number + 1 :], *rest]
    return head, rest


def _html(block: Block) -> str:
    inner = "".join(_span_html(span) for span in block.spans)
    if block.kind is BlockKind.QUOTE:
        return f"<blockquote expandable>{inner}</blockquote>"
    folds = "".join(f"\n<blockquote expandable>{_span_html(fold)}</blockquote>" for fold in block.folds)
    return (f"<pre>{inner}</pre>" if block.kind is BlockKind.CODE else inner) + folds


def _span_html(span: Span) -> str:
    text = escape(span.text)
    if tag := _TAGS.get(span.style):
        text = f"<{tag}>{text}</{tag}>"
    return f'<a href="{escape(span.link)}">{text}</a>' if span.link else text


def _keyboards(rows: Sequence[Sequence[Button]]) -> list[list[list[dict[str, str]]]]:
    """Rows of at most 8 whose labels can be read, in keyboards of at most 100 buttons."""
    keyboards: list[list[list[dict[str, str]]]] = []
    count = MAX_BUTTONS
    for row in _tables(rows):
        if count + len(row) > MAX_BUTTONS:
            keyboards.append([])
            count = 0
        keyboards[-1].append(row)
        count += len(row)
    return keyboards


def _readable_together(row: Sequence[Mapping[str, str]]) -> int:
    """How many of these stand in a row: all, or in more rows of the same length as many as can be read."""
    longest = max((_columns(button["text"]) for button in row), default=0)
    fit = next((n for n in range(min(len(row), MAX_ROW), 1, -1) if longest + 1 <= A_LINE // n), 1)
    return -(-len(row) // -(-len(row) // fit)) if row else 1


def _columns(text: str) -> int:
    """How wide it is: what East Asia writes takes two."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _tables(rows: Sequence[Sequence[Button]]) -> Iterator[list[dict[str, str]]]:
    """Rows whose labels can be read. Those of one length that follow each other are a table, and get fewer columns
    together."""
    made = [[one for button in row if (one := _button(button))] for row in rows]
    for length, alike in groupby((row for row in made if row), key=len):
        table = list(alike)
        wide = min(map(_readable_together, table))
        buttons = [button for row in table for button in row] if wide < length else []
        yield from (buttons[start : start + wide] for start in range(0, len(buttons), wide))
        yield from table if not buttons else ()


def _button(button: Button) -> dict[str, str] | None:
    """None for a link that Telegram would refuse, and the whole message with it."""
    label = " ".join(clean(button.label).split()) or "…"
    if units(label) > MAX_LABEL_UNITS:
        label = label[: _fitting(label, MAX_LABEL_UNITS - 1)] + "…"
    if button.link:
        address = usable_link(button.link)
        return {"text": label, "url": address} if address else None
    if not 1 <= len(button.action.encode()) <= MAX_ACTION_BYTES:
        raise ValueError(f"the button {label!r} carries {len(button.action.encode())} bytes, not 1 to 64")
    return {"text": label, "callback_data": button.action}
