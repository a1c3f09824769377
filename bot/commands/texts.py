"""What people write to the bot without a command: papers that are named in it, or a query."""

from __future__ import annotations

from bot.commands import asked, reading
from bot.commands.context import Context, want
from bot.keys import parse_reference, references_in
from bot.pages import results_page
from bot.ports import Caller
from bot.replies import Reply, paragraph

MOST_NAMED = 10


def written(context: Context, caller: Caller, text: str) -> Reply:
    """The card of the one paper that is named anywhere in it, a list of several, else what a search finds."""
    named = [] if parse_reference(text) else references_in(text)[:MOST_NAMED]
    if len(named) < 2:
        return reading.paper(context, caller, named[0] if named else text)
    words = context.words(caller)
    with context.store.reading() as tx:
        found = {key: tx.paper_by_key(key) for key in named}
        papers = list({paper.id: paper for paper in found.values() if paper is not None}.values())
        summaries = tx.summaries([paper.id for paper in papers])
    if not papers:
        return reading.paper(context, caller, named[0])
    want(context, words.language, papers, summaries)
    title = words.count("{n} paper that you named", "{n} papers that you named", len(papers))
    query = " OR ".join(f"id:{key.partition(':')[2]}" for key, paper in found.items() if paper is not None)
    page = results_page(words, title, papers, summaries, back=asked.way(context, caller, query, "find", 0))
    missing = [key.partition(":")[2] for key, paper in found.items() if paper is None]
    if not missing:
        return page
    told = words.say("Not stored here: {names}", names=words.listing(missing))
    return Reply((*page.blocks, paragraph(told)), page.buttons)
