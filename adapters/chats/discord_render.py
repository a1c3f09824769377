"""Replies as Discord's create-message bodies.

A reply that lists papers with links goes into embeds: up to 6000 characters a message instead of 2000, no link
previews, and mentions in embeds never notify. Everything else is plain content with previews suppressed.

Lengths are counted in UTF-16 units. Discord does not document whether it counts those or code points; units are
never fewer, so a message within the limit this way is within it both ways.
Limits: https://discord.com/developers/docs/resources/message#create-message and
https://discord.com/developers/docs/resources/message#embed-object-embed-limits
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from bot.ports import Message
from bot.replies import Block, BlockKind, Button, Reply, Span, Style

CONTENT, DESCRIPTION, EMBEDS_TOTAL, EMBEDS = 2000, 4096, 6000, 10
BUTTON_LABEL, CUSTOM_ID, BUTTON_URL, BUTTONS_A_ROW, ROWS = 80, 100, 512, 5, 5
SUPPRESS_EMBEDS, EPHEMERAL, SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 6, 1 << 12

_COLOUR = 0xB31B1B
_LONGEST_LINK = 1000
_GAP = "\n\n"
_ZERO_WIDTH = "\u200b"

_UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# ':' also starts an emoji's name and a bare address; '#' a heading or a channel; '@' a mention.
_SPECIAL = re.compile(r"[\\*_~`|<>@#\[\]]|:(?=\S)")
_LINE_START = re.compile(r"^([ \t]*)([-+]|\d+(?=[.)]))", re.MULTILINE)
_WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(?=[/?#]|\Z)")
_BARE_URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9._~/?#=&%+:,;-]*[A-Za-z0-9/#=&-]")


@dataclass(frozen=True, slots=True)
class _Form:
    """Where the text goes: characters a sheet (content or one embed), a message, and sheets a message."""

    sheet: int
    message: int
    sheets: int
    embeds: bool


_PLAIN = _Form(CONTENT, CONTENT, 1, embeds=False)
_RICH = _Form(DESCRIPTION, EMBEDS_TOTAL, EMBEDS, embeds=True)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rendered text that must not be split; ``gap`` stands between it and what follows."""

    text: str
    gap: str
    paper: int = 0


@dataclass(slots=True)
class _Draft:
    sheets: list[str] = field(default_factory=list)
    papers: list[int] = field(default_factory=list)
    gap: str = ""
    used: int = 0


def length(text: str) -> int:
    """UTF-16 units, what Discord's limits are counted in here."""
    return len(text) + sum(char > "\uffff" for char in text)


def clean(text: str) -> str:
    """Text that can be put into JSON and shown: no control characters but newline and tab, no lone surrogates,
    no characters that turn the reading direction of what follows."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return _SURROGATE.sub("\ufffd", _UNWANTED.sub("", text))


def escape(text: str) -> str:
    """``text`` so that Discord shows it literally (https://support.discord.com/hc/en-us/articles/210298617)."""
    text = _SPECIAL.sub(r"\\\g<0>", text)
    text = _LINE_START.sub(_escape_line_start, text)
    return "\\" + text if text.startswith((".", ")")) else text


def render(reply: Reply) -> tuple[Message, ...]:
    """The reply as JSON bodies of ``POST /channels/{id}/messages`` (without nonce), buttons under the last."""
    linked = any(b.kind is BlockKind.ENTRY and any(span.link for span in b.spans) for b in reply.blocks)
    form = _RICH if linked else _with_spare(reply.spare)
    drafts = _packed(_glued(_pieces(reply.blocks, form), form), form)
    rows = _rows(reply.buttons)
    if rows and not drafts:
        drafts = [_Draft(["…"])]
    last = len(drafts) - 1
    return tuple(
        Message(_payload(draft, form if draft.used else _PLAIN, rows if i == last else []), tuple(draft.papers))
        for i, draft in enumerate(drafts)
    )


def marked(payload: bytes, note: str) -> bytes:
    """The message with ``note`` above it; as it is, where it has that already or was rendered without room for it."""
    body = json.loads(payload)
    content, above = body.get("content") or "", f"*{escape(note)}*"
    if content.startswith(above) or length(content) + length(above) + len(_GAP) > CONTENT:
        return payload
    body["content"] = above + (_GAP + content if content else "")
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def silent(payload: bytes) -> bytes:
    """The message without a pop-up and a sound; people find it unread all the same
    (https://discord.com/developers/docs/resources/message#message-object-message-flags)."""
    body = json.loads(payload)
    body["flags"] = body.get("flags", 0) | SUPPRESS_NOTIFICATIONS
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _with_spare(spare: int) -> _Form:
    room = CONTENT - (spare + len(_GAP) + len("**") if spare else 0)
    return replace(_PLAIN, sheet=room, message=room)


def _payload(draft: _Draft, form: _Form, rows: list[dict[str, Any]]) -> bytes:
    body: dict[str, Any] = {"allowed_mentions": {"parse": []}}
    if form.embeds:
        body["embeds"] = [{"description": sheet, "color": _COLOUR} for sheet in draft.sheets]
    else:
        body["content"] = draft.sheets[0]
        body["flags"] = SUPPRESS_EMBEDS
    if rows:
        body["components"] = rows
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _pieces(blocks: Iterable[Block], form: _Form) -> Iterator[tuple[BlockKind, _Piece]]:
    for raw in blocks:
        block = replace(raw, spans=tuple(replace(s, text=clean(s.text), link=_address(s.link)) for s in raw.spans))
        if not _visible(block):
            continue
        gap = "\n" if block.kind in (BlockKind.HEADING, BlockKind.CODE) else "\n\n"
        paper = block.paper
        rest: Block | None = block
        while rest is not None and _visible(rest):
            head, rest = _cut(rest, form)
            yield block.kind, _Piece(_markdown(head, form), gap if rest is None else "\n", paper)
            paper = 0


def _glued(pieces: Iterable[tuple[BlockKind, _Piece]], form: _Form) -> Iterator[_Piece]:
    """A heading never stands alone at the foot of a message while it fits with what it heads."""
    held: _Piece | None = None
    for kind, piece in pieces:
        if held is not None:
            joined = held.text + held.gap + piece.text
            if length(joined) <= form.sheet:
                piece = replace(piece, text=joined, paper=piece.paper or held.paper)
            else:
                yield held
            held = None
        if kind is BlockKind.HEADING:
            held = piece
        else:
            yield piece
    if held is not None:
        yield held


def _packed(pieces: Iterable[_Piece], form: _Form) -> list[_Draft]:
    drafts: list[_Draft] = []
    for piece in pieces:
        size = length(piece.text)
        draft = drafts[-1] if drafts else None
        if draft is not None and (
            length(draft.sheets[-1]) + len(draft.gap) + size <= form.sheet
            and draft.used + len(draft.gap) + size <= form.message
        ):
            draft.sheets[-1] += draft.gap + piece.text
            draft.used += len(draft.gap)
        elif draft is not None and draft.used + size <= form.message and len(draft.sheets) < form.sheets:
            draft.sheets.append(piece.text)
        else:
            draft = _Draft([piece.text])
            drafts.append(draft)
        draft.used += size
        draft.gap = piece.gap
        if piece.paper:
            draft.papers.append(piece.paper)
    return drafts


def _visible(block: Block) -> bool:
    return bool(block.text.replace(_ZERO_WIDTH, "").strip())


def _cut(block: Block, form: _Form) -> tuple[Block, Block | None]:
    """The longest beginning of the block that fits a sheet, cut at white space where there is some."""
    if length(_markdown(block, form)) <= form.sheet:
        return block, None
    text = block.text
    low, high = 1, min(len(text), form.sheet)
    while low < high:
        middle = (low + high + 1) // 2
        if length(_markdown(_slice(block, 0, middle), form)) <= form.sheet:
            low = middle
        else:
            high = middle - 1
    at = max(text.rfind("\n", low // 2, low), text.rfind(" ", low // 2, low)) + 1 or low
    while at > 1 and length(_markdown(_slice(block, 0, at), form)) > form.sheet:
        at -= 1
    return _slice(block, 0, at), _slice(block, at, len(text))


def _slice(block: Block, start: int, end: int) -> Block:
    spans, place = [], 0
    for span in block.spans:
        part = span.text[max(0, start - place) : max(0, end - place)]
        place += len(span.text)
        if part:
            spans.append(replace(span, text=part))
    return replace(block, spans=tuple(spans))


def _markdown(block: Block, form: _Form) -> str:
    if block.kind is BlockKind.CODE:
        text = block.text.strip("\n").replace("```", "`\u200b`\u200b`")
        return f"```\n{text}\n```"
    if block.kind is BlockKind.HEADING:
        spans = [replace(s, text=s.text.replace("\n", " "), style=Style.PLAIN) for s in block.spans]
        return "### " + _inline(spans, form).strip()
    text = _inline(block.spans, form).strip("\n")
    if block.kind is BlockKind.QUOTE:
        return "\n".join("> " + line for line in text.split("\n"))
    return text


def _inline(spans: Iterable[Span], form: _Form) -> str:
    out: list[str] = []
    marked = False
    for span in _merged(spans):
        for n, line in enumerate(span.text.split("\n")):
            if n:
                out.append("\n")
                marked = False
            core = line.strip(" \t")
            if not core:
                out.append(line)
                marked = marked and not line
                continue
            before, after = line[: line.index(core)], line[line.index(core) + len(core) :]
            marks = span.style is not Style.PLAIN
            # Two runs of marks side by side would be read as one.
            glue = _ZERO_WIDTH if marked and marks and not before else ""
            out.append(before + glue + _run(core, span, form) + after)
            marked = marks and not after
    return "".join(out)


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in spans:
        if merged and (merged[-1].style, merged[-1].link) == (span.style, span.link):
            merged[-1] = replace(span, text=merged[-1].text + span.text)
        else:
            merged.append(span)
    return merged


def _run(text: str, span: Span, form: _Form) -> str:
    if span.link:
        target = span.link if form.embeds else f"<{span.link}>"
        inner = f"[{_link_text(text)}]({target})"
    elif span.style is Style.CODE:
        return "`" + text.replace("`", "ˋ") + "`"
    else:
        inner = _linked(text)
    mark = {Style.BOLD: "**", Style.ITALIC: "*"}.get(span.style, "")
    return mark + inner + mark


def _linked(text: str) -> str:
    """Escaped text in which bare addresses stay whole: underscores in them must not be escaped."""
    out, place = [], 0
    for match in _BARE_URL.finditer(text):
        out.append(escape(text[place : match.start()]) + f"<{match.group()}>")
        place = match.end()
    return "".join(out) + escape(text[place:])


def _link_text(text: str) -> str:
    """Discord reads no link whose text holds unpaired or nested brackets, escaped or not: those become wide ones."""
    depth = 0
    for char in text:
        depth += (char == "[") - (char == "]")
        if depth not in (0, 1):
            break
    if depth:
        text = text.replace("[", "［").replace("]", "］")
    return escape(text)


def _address(link: str) -> str:
    """An http(s) address that cannot break out of ``[text](<address>)``; empty where it is none."""
    if not _WEB_ADDRESS.match(link) or len(link) > _LONGEST_LINK:
        return ""
    quoted = quote(_SURROGATE.sub("", link), safe="/:?#=&%+,;~!$'[]-._")
    return quoted if len(quoted) <= _LONGEST_LINK else ""


def _escape_line_start(match: re.Match[str]) -> str:
    blank, mark = match.groups()
    return f"{blank}\\{mark}" if mark in "-+" else f"{blank}{mark}\\"


def _rows(buttons: Iterable[Iterable[Button]]) -> list[dict[str, Any]]:
    """At most 5 rows of 5; a button that Discord would refuse, or that is there already, is left out."""
    rows: list[list[dict[str, Any]]] = []
    seen: set[str] = set()
    for row in buttons:
        made: list[dict[str, Any]] = []
        for button in row:
            target = _address(button.link) if button.link else button.action
            if not target or target in seen or len(target) > (BUTTON_URL if button.link else CUSTOM_ID):
                continue
            seen.add(target)
            label = _shortened(clean(button.label).replace("\n", " ").strip() or "…")
            made.append(
                {"type": 2, "style": 5, "label": label, "url": target}
                if button.link
                else {"type": 2, "style": 2, "label": label, "custom_id": target}
            )
        rows += [made[n : n + BUTTONS_A_ROW] for n in range(0, len(made), BUTTONS_A_ROW)]
    return [{"type": 1, "components": row} for row in rows[:ROWS]]


def _shortened(label: str) -> str:
    if length(label) <= BUTTON_LABEL:
        return label
    while length(label) > BUTTON_LABEL - 1:
        label = label[:-1]
    return label + "…"
