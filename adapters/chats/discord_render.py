"""Replies as Discord's create-message bodies.

A reply that tells of papers is made of components (Components V2): a container, in it a section for each paper with
the button that opens it beside it, 4000 characters a message instead of 2000, no link previews. Everything else is
plain content with previews suppressed.

Limits: https://discord.com/developers/docs/resources/message#create-message
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.chats.discord_components import (
    COMPONENTS,
    OF_COMPONENTS,
    ROWS,
    SHOWN,
    Component,
    button_of,
    clean,
    container,
    count_of,
    length,
    rows_of,
    section,
    texts_of,
    usable_link,
)
from bot.ports import Message
from bot.replies import Block, BlockKind, Reply, Span, Style

CONTENT = 2000
SUPPRESS_EMBEDS, EPHEMERAL, SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 6, 1 << 12

_COLOUR = 0xB31B1B
_BEGINNING = 260
"""Characters that are shown of a text that is folded."""
_GAP = "\n\n"
_ZERO_WIDTH = "\u200b"

# ':' also starts an emoji's name and a bare address; '#' a heading or a channel; '@' a mention.
_SPECIAL = re.compile(r"[\\*_~`|<>@#\[\]]|:(?=\S)")
_LINE_START = re.compile(r"^([ \t]*)([-+]|\d+(?=[.)]))", re.MULTILINE)
_BRACKET = re.compile(r"[\[\]]")
_MARKS = {Style.BOLD: "**", Style.ITALIC: "*"}
_BARE_URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9._~/?#=&%+:,;-]*[A-Za-z0-9/#=&-]")


@dataclass(frozen=True, slots=True)
class _Form:
    """Where the text goes: characters a message, and, where it is of components, how many of those are free in it."""

    room: int
    components: int = 0


_PLAIN = _Form(CONTENT)
_RICH = _Form(SHOWN, COMPONENTS)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rendered text that must not be split, with the heading that must not stand without it; ``gap`` stands between it
    and what follows. ``button`` stands beside it."""

    text: str
    gap: str
    paper: int = 0
    button: Component | None = None
    heading: str = ""


@dataclass(slots=True)
class _Draft:
    """A message being filled: its texts, each with the button beside it."""

    texts: list[tuple[str, Component | None]] = field(default_factory=list)
    papers: list[int] = field(default_factory=list)
    gap: str = ""
    used: int = 0
    components: int = 0


def escape(text: str) -> str:
    """``text`` so that Discord shows it literally (https://support.discord.com/hc/en-us/articles/210298617)."""
    text = _SPECIAL.sub(_escaped, text)
    if "\n" in text:
        text = _LINE_START.sub(_escape_line_start, text)
    elif start := _LINE_START.match(text):
        text = _escape_line_start(start) + text[start.end() :]
    return "\\" + text if text.startswith((".", ")")) else text


def render(reply: Reply, components: bool = False) -> tuple[Message, ...]:
    """The reply as JSON bodies of ``POST /channels/{id}/messages`` (without nonce), buttons under the last.
    ``components``: in the form of components in any case, for a message that has it keeps it."""
    linked = any(b.kind is BlockKind.ENTRY and any(span.link for span in b.spans) for b in reply.blocks)
    rich = components or linked or any(block.button or block.folds for block in reply.blocks)
    unfolding = [block.unfold for block in reply.blocks if rich and block.unfold and _cut_short(block)]
    seen: set[str] = set()
    rows = rows_of([unfolding, *reply.buttons], COMPONENTS if rich else ROWS, seen)
    spare = reply.spare + len(_GAP) + len("**") if reply.spare else 0
    taken = 2 + sum(1 + len(row["components"]) for row in rows)
    form = _Form(SHOWN - spare, COMPONENTS - taken) if rich else _Form(CONTENT - spare)
    drafts = _packed(_glued(_pieces(reply.blocks, form, seen), form), form)
    if rows and not drafts:
        drafts = [_Draft([("…", None)])]
    last = len(drafts) - 1
    payload = _components if rich else _content
    return tuple(
        Message(_json(payload(draft, rows if i == last else [])), tuple(draft.papers)) for i, draft in enumerate(drafts)
    )


def marked(payload: bytes, note: str) -> bytes:
    """The message with ``note`` above it; as it is, where it has that already or was rendered without room for it."""
    body = json.loads(payload)
    above = f"*{escape(note)}*"
    if (body.get("flags") or 0) & OF_COMPONENTS:
        parts, texts = body["components"], list(texts_of(body["components"]))
        fits = sum(map(length, texts)) + length(above) <= SHOWN and count_of(parts) < COMPONENTS
        if texts[:1] == [above] or not fits:
            return payload
        return _json({**body, "components": [section(above, None), *parts]})
    content = body.get("content") or ""
    if content.startswith(above) or length(content) + length(above) + len(_GAP) > CONTENT:
        return payload
    return _json({**body, "content": above + (_GAP + content if content else "")})


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def silent(payload: bytes) -> bytes:
    """The message without a pop-up and a sound; people find it unread all the same
    (https://discord.com/developers/docs/resources/message#message-object-message-flags)."""
    body = json.loads(payload)
    return _json({**body, "flags": body.get("flags", 0) | SUPPRESS_NOTIFICATIONS})


def _content(draft: _Draft, rows: list[Component]) -> dict[str, Any]:
    body: dict[str, Any] = {"allowed_mentions": {"parse": []}, "content": draft.texts[0][0], "flags": SUPPRESS_EMBEDS}
    return {**body, "components": rows} if rows else body


def _components(draft: _Draft, rows: list[Component]) -> dict[str, Any]:
    parts = [section(text, button) for text, button in draft.texts]
    body = {"allowed_mentions": {"parse": []}, "components": [container([*parts, *rows], _COLOUR)]}
    return {**body, "flags": OF_COMPONENTS}


def _pieces(blocks: Iterable[Block], form: _Form, seen: set[str]) -> Iterator[tuple[BlockKind, _Piece]]:
    for raw in blocks:
        block = _cleaned(raw)
        if not _visible(block):
            continue
        gap = "\n" if block.kind in (BlockKind.HEADING, BlockKind.CODE) else "\n\n"
        paper, folds = block.paper, _folded(block, form)
        button = button_of(block.button, seen) if block.button and form.components else None
        rest: Block | None = block
        while rest is not None and _visible(rest):
            text = _markdown(rest, form)
            if length(text) + length(folds) > form.room:
                head, rest = _cut(rest, form, length(folds))
                text = _markdown(head, form)
            else:
                rest = None
            text += folds if rest is None else ""
            yield block.kind, _Piece(text, gap if rest is None else "\n", paper, button)
            paper, button = 0, None


def _cleaned(block: Block) -> Block:
    spans = tuple(map(_cleaned_span, block.spans))
    return block if spans == block.spans else replace(block, spans=spans)


def _cleaned_span(span: Span) -> Span:
    text, link = clean(span.text), span.link and usable_link(span.link)
    return span if (text, link) == (span.text, span.link) else replace(span, text=text, link=link)


def _folded(block: Block, form: _Form) -> str:
    """How the block's folds begin, as quotes under it."""
    shown = []
    for fold in block.folds:
        text = clean(fold.text).strip()
        if length(text) > _BEGINNING:
            space = text.rfind(" ", _BEGINNING // 2, _BEGINNING)
            text = text[: space if space > 0 else _BEGINNING].rstrip() + "…"
        if text:
            shown.append(_markdown(Block((Span(text),), BlockKind.QUOTE), form))
    return "\n" + "\n\n".join(shown) if shown else ""


def _cut_short(block: Block) -> bool:
    return any(length(clean(fold.text).strip()) > _BEGINNING for fold in block.folds)


def _glued(pieces: Iterable[tuple[BlockKind, _Piece]], form: _Form) -> Iterator[_Piece]:
    """A heading never stands alone at the foot of a message while it fits with what it heads."""
    held: _Piece | None = None
    for kind, piece in pieces:
        if held is not None:
            above = held.heading + held.gap * bool(held.heading) + held.text
            if form.components and not held.button and length(above) + length(piece.text) <= form.room:
                piece = replace(piece, heading=above, paper=piece.paper or held.paper)
            elif not form.components and length(joined := held.text + held.gap + piece.text) <= form.room:
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
        if not drafts or not _added(drafts[-1], piece, form):
            drafts.append(_Draft())
            _added(drafts[-1], piece, form)
    return drafts


def _added(draft: _Draft, piece: _Piece, form: _Form) -> bool:
    """Whether the message took the piece; an empty one takes any."""
    merges = bool(draft.texts) and not (draft.texts[-1][1] or piece.button or piece.heading)
    size = length(piece.heading) + length(piece.text) + (len(draft.gap) if merges else 0)
    more = 0 if merges else (3 if piece.button else 1) + bool(piece.heading)
    whole = draft.components + more <= form.components if form.components else merges
    fits = draft.used + size <= form.room and whole
    if draft.texts and not fits:
        return False
    if piece.heading:
        draft.texts.append((piece.heading, None))
    if merges:
        draft.texts[-1] = (draft.texts[-1][0] + draft.gap + piece.text, None)
    else:
        draft.texts.append((piece.text, piece.button))
    draft.used += size
    draft.components += more
    draft.gap = piece.gap
    if piece.paper:
        draft.papers.append(piece.paper)
    return True


def _visible(block: Block) -> bool:
    return bool(block.text.replace(_ZERO_WIDTH, "").strip())


def _cut(block: Block, form: _Form, spare: int = 0) -> tuple[Block, Block | None]:
    """The longest beginning of the block that fits a message with ``spare`` characters free in it, cut at white space
    where there is some."""
    room = form.room - spare
    if length(_markdown(block, form)) <= room:
        return block, None
    text = block.text
    low, high = 1, min(len(text), room)
    while low < high:
        middle = (low + high + 1) // 2
        if length(_markdown(_slice(block, 0, middle), form)) <= room:
            low = middle
        else:
            high = middle - 1
    at = max(text.rfind("\n", low // 2, low), text.rfind(" ", low // 2, low)) + 1 or low
    while at > 1 and length(_markdown(_slice(block, 0, at), form)) > room:
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
            start = 0 if len(core) == len(line) else line.index(core)
            before, after = line[:start], line[start + len(core) :]
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
        target = span.link if form.components else f"<{span.link}>"
        inner = f"[{_link_text(text)}]({target})"
    elif span.style is Style.CODE:
        return "`" + text.replace("`", "ˋ") + "`"
    else:
        inner = _linked(text)
    mark = _MARKS.get(span.style)
    return mark + inner + mark if mark else inner


def _linked(text: str) -> str:
    """Escaped text in which bare addresses stay whole: underscores in them must not be escaped."""
    if "://" not in text:
        return escape(text)
    out, place = [], 0
    for match in _BARE_URL.finditer(text):
        out.append(escape(text[place : match.start()]) + f"<{match.group()}>")
        place = match.end()
    return "".join(out) + escape(text[place:])


def _link_text(text: str) -> str:
    """Discord reads no link whose text holds unpaired or nested brackets, escaped or not: those become wide ones."""
    depth = 0
    for bracket in _BRACKET.findall(text):
        depth += 1 if bracket == "[" else -1
        if depth not in (0, 1):
            break
    if depth:
        text = text.replace("[", "［").replace("]", "］")
    return escape(text)


def _escaped(match: re.Match[str]) -> str:
    return "\\" + match[0]


def _escape_line_start(match: re.Match[str]) -> str:
    blank, mark = match.groups()
    return f"{blank}\\{mark}" if mark in "-+" else f"{blank}{mark}\\"
