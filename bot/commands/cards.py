"""What can be done with a paper: open its card, save it, vote on it, cite it, look for others like it.

A card's buttons carry ``paper:view:back``: the paper's id, how the card is shown, and the action of the page that it
was opened from. Papers are everybody's; what a way back names is looked up through the pressing chat, as any press is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.bursts import wanted
from bot.cards import Mark, View, card
from bot.citing import bibtex
from bot.commands.context import PATIENCE, Context, followed_by, topics_of, want
from bot.commands.why import why
from bot.documents import document, holds
from bot.model import Paper, Place, Summary, Vote
from bot.pages import PAGE, carried, results_page, shorten
from bot.ports import Caller, Transaction
from bot.replies import Block, BlockKind, Button, Reply, heading, plain, say
from bot.subjects import subjects_of
from bot.tastes import marks_of
from bot.text import readable
from bot.words import Words, words_for


@dataclass(frozen=True, slots=True)
class _Asked:
    """A paper as a button names it, with what is stored of it."""

    paper: Paper
    summaries: Sequence[Summary]
    view: View
    back: str

    def action(self, verb: str, view: View | None = None) -> str:
        return carried(verb, self.paper.id, str(self.view if view is None else view), self.back)


def card_of(context: Context, caller: Caller, paper: Paper, summaries: Sequence[Summary]) -> Reply:
    """The card that a person asked for by name."""
    return _shown(context, caller, context.words(caller), _Asked(paper, summaries, View(), ""))


def open_card(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of an entry's number, or of a card's own button for another language or its abstracts."""
    words = context.words(caller)
    asked = _read(context, argument)
    return _old(words) if asked is None else replace(_shown(context, caller, words, asked), aside=True)


def save(context: Context, caller: Caller, argument: str) -> Reply:
    """Keep a paper, or let it go again. It is the person's own, wherever they press."""
    words = context.words(caller)
    asked = _read(context, argument)
    if asked is None:
        return _old(words)
    if not caller.user:
        return _nobody(words)
    with context.store.transaction() as tx:
        kept = not tx.unsave(caller.user, asked.paper.id)
        if kept:
            tx.save(caller.user, asked.paper.id, context.now())
    told = words.say("Saved. /saved lists what you keep.") if kept else words.say("Not saved any more.")
    return _done(context, caller, words, asked, told)


def up(context: Context, caller: Caller, argument: str) -> Reply:
    """👍: papers like this one stand higher in this chat's next digests; pressed again, not any more."""
    return _vote(context, caller, argument, 1)


def down(context: Context, caller: Caller, argument: str) -> Reply:
    """👎: papers like this one stand lower."""
    return _vote(context, caller, argument, -1)


def _vote(context: Context, caller: Caller, argument: str, value: int) -> Reply:
    words = context.words(caller)
    asked = _read(context, argument)
    if asked is None:
        return _old(words)
    if not caller.user:
        return _nobody(words)
    paper = asked.paper
    with context.store.transaction() as tx:
        chat = context.open_chat(tx, caller)
        if tx.vote_of(caller.user, chat.id, paper.id) == value:
            value = 0
        marks = marks_of(paper, _matching(tx, chat.id, paper, asked.summaries))
        tx.vote(Vote(caller.user, chat.id, paper.id, value, marks, context.now()))
    told = {
        1: words.say("Noted: papers like this one stand higher in the next digests."),
        -1: words.say("Noted: papers like this one stand lower in the next digests."),
        0: words.say("Taken back."),
    }[value]
    return _done(context, caller, words, asked, told)


def _matching(tx: Transaction, chat_id: int, paper: Paper, summaries: Sequence[Summary]) -> list[str]:
    """The queries of the chat's subscriptions that the paper satisfies."""
    held = tx.subscriptions([chat_id]).get(chat_id, ())
    doc = document(paper, summaries)
    return [str(one.query) for one in wanted(followed_by(held, tx.topics(), "en")) if holds(one.query, doc)]


def cite(context: Context, caller: Caller, argument: str) -> Reply:
    """The paper as BibTeX, to be copied."""
    words = context.words(caller)
    asked = _read(context, argument)
    if asked is None:
        return _old(words)
    title = words.say("BibTeX of {title}", title=shorten(readable(asked.paper.title), 100))
    text = bibtex(asked.paper).strip()
    return Reply((heading(title), Block((plain(text),), BlockKind.CODE)), (_to_card(words, asked),), aside=True)


def like(context: Context, caller: Caller, argument: str) -> Reply:
    """The papers most like this one."""
    words = context.words(caller)
    asked = _read(context, argument)
    if asked is None:
        return _old(words)
    context.index.follow(PATIENCE)
    ids = [hit.paper_id for hit in context.index.similar(asked.paper.id, PAGE)]
    with context.store.reading() as tx:
        papers, summaries = tx.papers(ids), tx.summaries(ids)
    if not ids:
        return say(words.say("Nothing stored is like this paper."), private=True)
    title = words.say("Papers like {title}", title=shorten(readable(asked.paper.title), 100))
    found = [papers[i] for i in ids if i in papers]
    buttons = (_to_card(words, asked),)
    page = results_page(words, title, found, summaries, buttons=buttons, back=asked.action("like"))
    return replace(page, aside=True)


def reasons(context: Context, caller: Caller, argument: str) -> Reply:
    """Why the paper came to this chat, or did not."""
    words = context.words(caller)
    asked = _read(context, argument)
    if asked is None:
        return _old(words)
    told = why(context, caller, asked.paper.key)
    return replace(told, buttons=(*told.buttons, _to_card(words, asked)), aside=True)


def _read(context: Context, argument: str) -> _Asked | None:
    """``paper:view:back``, or the paper alone; None for what names no stored paper."""
    number, _, rest = argument.partition(":")
    view, _, back = rest.partition(":")
    if not number.isdecimal() or len(number) > 18:
        return None
    with context.store.reading() as tx:
        paper = tx.papers([int(number)]).get(int(number))
        if paper is None:
            return None
        return _Asked(paper, tx.summaries([paper.id]).get(paper.id, ()), View.parse(view), back)


def _shown(context: Context, caller: Caller, words: Words, asked: _Asked) -> Reply:
    mark, paper = Mark(), asked.paper
    with context.store.reading() as tx:
        topics = tx.topics()
        if caller.user and _alone(caller):
            chat = tx.chat(caller.address)
            vote = tx.vote_of(caller.user, chat.id, paper.id) if chat else 0
            mark = Mark(tx.has_saved(caller.user, paper.id), vote)
    other = asked.view.language
    shown = words_for(other) if other and other != words.language else words
    want(context, shown.language, [paper], {paper.id: asked.summaries})
    about = subjects_of(paper, document(paper, asked.summaries), topics, topics_of(topics), shown.language)
    return card(
        shown, paper, asked.summaries, view=asked.view, back=asked.back, mark=mark, own=words.language, subjects=about
    )


def _done(context: Context, caller: Caller, words: Words, asked: _Asked, told: str) -> Reply:
    """The card as it is now, where nobody else sees whose marks it bears; else a word to the presser."""
    if not _alone(caller):
        return say(told, private=True)
    return replace(_shown(context, caller, words, asked), aside=True)


def _alone(caller: Caller) -> bool:
    """Whether what ``Reply.aside`` shows is seen by the presser alone."""
    return caller.place is Place.PRIVATE or caller.address.platform == "discord"


def _to_card(words: Words, asked: _Asked) -> tuple[Button, ...]:
    return (Button("‹ " + words.say("Back"), asked.action("card")),)


def _old(words: Words) -> Reply:
    return say(words.say("This button is too old. /paper searches again."), private=True)


def _nobody(words: Words) -> Reply:
    return say(words.say("That is for people; a group or channel cannot do it."), private=True)
