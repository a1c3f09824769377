"""Discord's message components, and what of a text may go into them.

Lengths are counted in UTF-16 units. Discord does not document whether it counts those or code points; units are
never fewer, so a message within the limit this way is within it both ways. Limits:
https://discord.com/developers/docs/components/reference
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from bot.replies import Button

SHOWN, COMPONENTS = 4000, 40
"""Characters of all texts of a message together, and components, those inside of others counted."""
BUTTON_LABEL, CUSTOM_ID, BUTTON_URL, BUTTONS_A_ROW, ROWS = 80, 100, 512, 5, 5
OF_COMPONENTS = 1 << 15
"""The flag of a message that is of components; it cannot be taken off again."""
ROW, BUTTON, SECTION, TEXT, CONTAINER = 1, 2, 9, 10, 17

Component = dict[str, Any]

_LONGEST_LINK = 1000
_UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_UNCLEAN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(?=[/?#]|\Z)")


def length(text: str) -> int:
    """UTF-16 units, what Discord's limits are counted in here."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def clean(text: str) -> str:
    """Text that can be put into JSON and shown: no control characters but newline and tab, no lone surrogates,
    no characters that turn the reading direction of what follows."""
    if not _UNCLEAN.search(text):
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return _SURROGATE.sub("\ufffd", _UNWANTED.sub("", text))


@lru_cache(4096)
def usable_link(link: str) -> str:
    """An http(s) address that cannot break out of ``[text](<address>)``; empty where it is none."""
    if not _WEB_ADDRESS.match(link) or len(link) > _LONGEST_LINK:
        return ""
    quoted = quote(_SURROGATE.sub("", link), safe="/:?#=&%+,;~!$'[]-._")
    return quoted if len(quoted) <= _LONGEST_LINK else ""


def container(parts: list[Component], colour: int) -> Component:
    """What stands in a frame with a coloured edge."""
    return {"type": CONTAINER, "accent_color": colour, "components": parts}


def section(text: str, button: Component | None) -> Component:
    """A text, with a button beside it."""
    shown = {"type": TEXT, "content": text}
    return {"type": SECTION, "components": [shown], "accessory": button} if button else shown


def texts_of(components: Iterable[Component]) -> Iterator[str]:
    """What components say, in order."""
    for one in components:
        if one.get("type") == TEXT:
            yield one.get("content") or ""
        yield from texts_of(one.get("components") or [])


def buttons_of(components: Iterable[Component]) -> Iterator[Component]:
    """The buttons among components, in order."""
    for one in components:
        if one.get("type") == BUTTON:
            yield one
        yield from buttons_of([*(one.get("components") or []), *([one["accessory"]] if one.get("accessory") else [])])


def count_of(components: Iterable[Component]) -> int:
    """How many components there are, with those inside of others."""
    return sum(1 + count_of(one.get("components") or []) + bool(one.get("accessory")) for one in components)


def rows_of(buttons: Iterable[Iterable[Button]], most: int, seen: set[str]) -> list[Component]:
    """At most ``most`` rows of 5, short neighbours in one where there are more; a button that Discord would refuse, or
    that is there already, is left out. Of rows that count as components, as many as leave room for a text."""
    rows: list[list[Component]] = []
    for row in buttons:
        made = [one for button in row if (one := button_of(button, seen))]
        rows += [made[n : n + BUTTONS_A_ROW] for n in range(0, len(made), BUTTONS_A_ROW)]
    while len(rows) > most and (pair := _shortest_pair(rows)) is not None:
        rows[pair : pair + 2] = [rows[pair] + rows[pair + 1]]
    kept, count = [], 0
    for buttons_of_row in rows[:most]:
        count += 1 + len(buttons_of_row)
        if most > ROWS and count > COMPONENTS - 8:
            break
        kept.append({"type": ROW, "components": buttons_of_row})
    return kept


def _shortest_pair(rows: list[list[Component]]) -> int | None:
    """Of the neighbours that go into one row the first two that are shortest together; None where none do."""
    sizes = [len(a) + len(b) for a, b in pairwise(rows)]
    return sizes.index(min(sizes)) if sizes and min(sizes) <= BUTTONS_A_ROW else None


def button_of(button: Button, seen: set[str]) -> Component | None:
    """None for one that Discord would refuse, or that is there already."""
    target = usable_link(button.link) if button.link else button.action
    if not target or target in seen or len(target) > (BUTTON_URL if button.link else CUSTOM_ID):
        return None
    seen.add(target)
    label = _shortened(clean(button.label).replace("\n", " ").strip() or "…")
    if button.link:
        return {"type": BUTTON, "style": 5, "label": label, "url": target}
    return {"type": BUTTON, "style": 2, "label": label, "custom_id": target}


def _shortened(label: str) -> str:
    if length(label) <= BUTTON_LABEL:
        return label
    while length(label) > BUTTON_LABEL - 1:
        label = label[:-1]
    return label + "…"
