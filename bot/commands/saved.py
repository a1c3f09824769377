"""The papers that somebody keeps: a list to open, and a file for their reference manager."""

from __future__ import annotations

from dataclasses import replace

from bot.citing import citations
from bot.commands.context import Context
from bot.model import Paper, Place
from bot.pages import PAGE, results_page
from bot.ports import Caller
from bot.replies import Button, File, Reply, say
from bot.words import Words

FORMS = {"bibtex": "papers.bib", "ris": "papers.ris"}
"""What is exported, and the file's name."""
MOST = 2_000
"""Papers in a file."""


def saved(context: Context, caller: Caller, argument: str) -> Reply:
    """``/saved``: the list; ``/saved bibtex`` or ``ris``: all of it as a file."""
    words = context.words(caller)
    if not caller.user:
        return say(words.say("That is for people; a group or channel cannot do it."), private=True)
    if form := argument.strip().casefold():
        return _file(context, words, caller, form)
    if caller.place is not Place.PRIVATE:
        # Who asks in a group does not mean to show it to all; a press is answered to its presser.
        told = words.say("What you keep is for you alone. Ask me in our private chat: /saved")
        shown = [[Button(words.say("Show me here"), "saved:0")]] if caller.address.platform == "discord" else []
        return say(told, buttons=shown, private=True)
    return _page(context, words, caller, 0)


def page(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button under the list: ``offset``."""
    words = context.words(caller)
    if not caller.user or (caller.place is not Place.PRIVATE and caller.address.platform != "discord"):
        return saved(context, caller, "")
    offset = int(argument) if argument.isdecimal() and len(argument) < 7 else 0
    return replace(_page(context, words, caller, offset), aside=True)


def export(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button that hands over the file: ``bibtex`` or ``ris``."""
    return saved(context, caller, argument if argument in FORMS else "")


def _page(context: Context, words: Words, caller: Caller, offset: int) -> Reply:
    with context.store.reading() as tx:
        total = tx.count_saved(caller.user)
        offset = min(offset, max(0, (total - 1) // PAGE * PAGE))
        ids = tx.saved(caller.user, PAGE, offset)
        known = tx.papers(ids)
        papers = list({known[one].id: known[one] for one in ids if one in known}.values())
        summaries = tx.summaries(paper.id for paper in papers)
    if not total:
        return say(words.say("You keep no papers yet. Open one, and press Save under it."), private=True)
    title = words.count("You keep {n} paper", "You keep {n} papers", total)
    ways = []
    if offset:
        ways.append(Button("‹ " + words.say("Back"), f"saved:{max(0, offset - PAGE)}"))
    if offset + PAGE < total:
        ways.append(Button(words.say("Next") + " ›", f"saved:{offset + PAGE}"))
    files = (Button("BibTeX", "export:bibtex"), Button("RIS", "export:ris"))
    rows = (tuple(ways), files) if ways else (files,)
    shown = results_page(words, title, papers, summaries, start=offset, buttons=rows, back=f"saved:{offset}")
    return replace(shown, private=True)


def _file(context: Context, words: Words, caller: Caller, form: str) -> Reply:
    if form not in FORMS:
        told = words.say("I write {forms}, for example: /saved bibtex", forms=words.listing(list(FORMS)))
        return say(told, private=True)
    with context.store.reading() as tx:
        ids = tx.saved(caller.user, MOST)
        known = tx.papers(ids)
    papers: list[Paper] = list({known[one].id: known[one] for one in ids if one in known}.values())
    if not papers:
        return say(words.say("You keep no papers yet. Open one, and press Save under it."), private=True)
    file = File(
        FORMS[form],
        citations(papers, form).encode(),
        words.say("I have sent it to you alone."),
        words.say("I may not write to you in private yet: open a chat with me, press Start, and ask here again."),
    )
    told = words.count("{n} paper that you keep.", "{n} papers that you keep.", len(papers))
    return Reply(say(told).blocks, private=True, file=file)
