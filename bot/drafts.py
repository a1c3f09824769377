"""What is still to be said of a delivery, as messages: rendered anew at every start, kept from their promise on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot import delivery as deliveries
from bot.model import Delivery, DigestKind, Paper, Summary
from bot.pages import bulletin_page, digest_heading, digest_page
from bot.ports import NOTE, ChatPlatform, Message, Store
from bot.replies import BlockKind, Reply
from bot.words import words_for

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message still to be promised. ``fault``: why it could not be rendered, else empty."""

    message: Message
    fault: str = ""


def drafts(
    store: Store, platform: ChatPlatform, delivery: Delivery, suspects: frozenset[int], most: int
) -> list[Draft]:
    """The messages that are still to come. A digest without papers is told once. Of ``suspects``, papers of a message
    that was refused, at most ``most`` go into one message."""
    if delivery.digest.kind is DigestKind.BULLETIN:
        page = bulletin_page(words_for(delivery.language), delivery.digest.text)
        return [Draft(message) for message in platform.render(replace(page, spare=NOTE))[len(delivery.parts) :]]
    left = deliveries.remaining(delivery)
    if delivery.parts and not left:
        return []
    with store.reading() as tx:
        papers, summaries = tx.papers(left), tx.summaries(left)
    groups = grouped(left, suspects, most)
    made = []
    for number, group in enumerate(groups):
        try:
            page = _page(delivery, group, papers, summaries, number == 0, number == len(groups) - 1)
            made += [Draft(message) for message in platform.render(page)]
        except Exception as error:
            log.exception("%s: what tells of %s cannot be rendered", delivery.address, names(group, papers))
            made.append(Draft(Message(b"", group), f"it cannot be rendered ({type(error).__name__})"))
    return made


def grouped(left: Sequence[int], suspects: frozenset[int], most: int) -> list[tuple[int, ...]]:
    """``left`` in its order, as the groups that are rendered by themselves: suspects at most ``most`` together,
    the others all together. At least one group, which may be empty."""
    held = [paper for paper in left if paper in suspects]
    rest = tuple(paper for paper in left if paper not in suspects)
    groups = [tuple(held[i : i + most]) for i in range(0, len(held), most)] if held else []
    # A heading at fault must not cost a paper: it goes by itself where papers do.
    if held and most == 1:
        groups.insert(0, ())
    return [*groups, rest] if rest or not groups else groups


def _page(
    delivery: Delivery,
    group: Sequence[int],
    papers: Mapping[int, Paper],
    summaries: Mapping[int, Sequence[Summary]],
    first: bool,
    last: bool,
) -> Reply:
    """The page that tells of ``group``: the heading where nothing was told before, buttons under the last."""
    words = words_for(delivery.language, delivery.accepts)
    digest = delivery.digest
    if digest.kind is not DigestKind.PAPERS:
        return replace(digest_page(words, digest, papers, summaries), spare=NOTE)
    page = digest_page(words, digest, papers, summaries, only=group, layout=delivery.layout)
    blocks = [block for block in page.blocks if block.kind is not BlockKind.HEADING]
    if not last:
        blocks = [block for block in blocks if block.paper]
    if first and not delivery.parts:
        blocks.insert(0, digest_heading(words, digest))
    return Reply(tuple(blocks), page.buttons if last else (), spare=NOTE)


def names(ids: Sequence[int], papers: Mapping[int, Paper]) -> str:
    """The papers by their keys, for the log."""
    return ", ".join(papers[one].key if one in papers else f"paper {one}" for one in ids) or "the heading"
