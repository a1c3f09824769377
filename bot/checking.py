"""Whether words that were made about a paper can be shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.model import Paper, SummaryText
from bot.summaries import language_of


class Fault(StrEnum):
    EMPTY = "empty"
    LANGUAGE = "language"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Refusal:
    """``why`` is a sentence that can be handed to whoever made the words."""

    kind: Fault
    why: str


def refusals(paper: Paper, made: SummaryText) -> tuple[Refusal, ...]:
    """Why these words cannot be shown; empty where they can."""
    found = []
    if not made.headline.strip():
        found.append(Refusal(Fault.EMPTY, "The headline is empty."))
    if len(made.headline) > 400 or len(made.title) > 600 or len(made.abstract) > 4 * len(paper.abstract) + 400:
        found.append(Refusal(Fault.LONG, "It is far longer than what it tells of."))
    for text in (made.headline, made.title, made.abstract):
        if text and language_of(text, unsure=made.language) != made.language:
            found.append(Refusal(Fault.LANGUAGE, f"It is not written in the language {made.language}."))
            break
    return tuple(found)
