"""What people read about papers: entries, digests, cards, as platform-neutral documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from bot.keys import link_from_key, source_of, venue_of
from bot.model import Digest, DigestKind, Layout, Match, News, Paper, Summary
from bot.replies import Block, BlockKind, Button, Reply, Span, bold, heading, italic, link, paragraph, plain
from bot.scripts import language_of
from bot.summaries import best_abstract, best_summary
from bot.text import readable
from bot.words import Words, language_name

PAGE = 10
"""Papers a page where a reader turns pages."""
_TITLE, _HEADLINE, _AUTHORS, _ABSTRACT = 300, 420, 3, 3000


def shorten(text: str, most: int) -> str:
    """At most ``most`` characters, cut at a word, marked by an ellipsis."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > most // 2 else cut).rstrip(" ,;:，、；") + "…"


def address_of(paper: Paper) -> str:
    """The paper's abstract page."""
    return link_from_key(paper.key) or (paper.links[0] if paper.links else "")


def proceedings_of(paper: Paper) -> str:
    """The key that the paper has in the ACL Anthology; empty where it has none."""
    return next((key for key in paper.keys if source_of(key) == "acl"), "")


def published_at(words: Words, paper: Paper) -> str:
    """``Published at EMNLP 2024``; empty for what is in no proceedings."""
    key = proceedings_of(paper)
    if not key:
        return ""
    venue = venue_of(key)
    return words.say("Published at {venue}", venue=venue) if venue else words.say("Published in the ACL Anthology")


def authors_line(words: Words, paper: Paper) -> str:
    """``A. One, B. Two, C. Three and 4 more``; empty where nobody is known."""
    names = [shorten(name, 60) for name in paper.authors[:_AUTHORS]]
    if not names:
        return ""
    rest = len(paper.authors) - len(names)
    comma = ", ".join(names)
    return words.count("{names} and {n} more", "{names} and {n} more", rest, names=comma) if rest else comma


def label_list(words: Words, labels: Sequence[str], most: int = 4) -> str:
    """``LoRA, RAG, PEFT and 5 more``: each shortened, and of more than ``most`` the first, the others counted."""
    shown = [shorten(label, 60) for label in labels[: most if len(labels) <= most else most - 1]]
    if rest := len(labels) - len(shown):
        shown.append(words.count("{n} more", "{n} more", rest))
    return words.listing(shown)


def _note(words: Words, shown: str, source: str = "") -> list[Span]:
    """A small mark where the words are in another language than asked, or were converted from ``source``."""
    if not shown or (shown == words.language and not source):
        return []
    if source == "zh-Hans":
        return [italic(f" [{words.say('converted from Simplified Chinese')}]")]
    if source:
        return [italic(f" [{words.say('converted from Traditional Chinese')}]")]
    return [italic(f" [{language_name(shown)}]")]


def entry(
    words: Words,
    paper: Paper,
    summaries: Sequence[Summary],
    number: int,
    labels: Sequence[str] = (),
    news: News = News.NEW,
    layout: Layout = Layout.BRIEF,
    above: str = "",
    late_on: date | None = None,
) -> Block:
    """One numbered paper: linked title, its one sentence, who and where, what it matched. ``above``: a line over it,
    which no split parts from it. ``late_on``: the day it was announced on, where it comes late."""
    title = shorten(readable(paper.title), _TITLE)
    over = [italic(f"{above}\n")] if above else []
    page = link_from_key(proceedings_of(paper)) if news is News.PUBLISHED else ""
    if layout is Layout.PLAIN:
        return Block((*over, plain(f"{number}. {title}\n{page or address_of(paper)}")), BlockKind.ENTRY, paper.id)
    best = best_summary(summaries, words.language, paper, words.accepts)
    spans = [*over, bold(f"{number}. "), Span(title, link=link("", page or address_of(paper)).link)]
    if best.title:
        spans.append(plain("\n" + shorten(best.title, _TITLE)))
        spans += _note(words, best.title_language, best.title_from)
    if best.headline:
        spans.append(plain("\n" + shorten(best.headline, _HEADLINE)))
        spans += _note(words, best.headline_language, best.headline_from)
    facts = [authors_line(words, paper), paper.primary_category or venue_of(paper.key)]
    if news is News.CROSS:
        facts.append(words.say("cross-list"))
    elif news is News.UPDATE:
        facts.append(words.say("new version"))
    elif news is News.PUBLISHED:
        facts.append(published_at(words, paper) or words.say("published"))
    if late_on:
        facts.append(words.day(late_on))
    facts.append(label_list(words, labels))
    line = " · ".join(fact for fact in facts if fact)
    if line:
        spans.append(italic("\n" + line))
    return Block(tuple(spans), BlockKind.ENTRY, paper.id)


def digest_heading(words: Words, digest: Digest) -> Block:
    """``7 new papers for LoRA and RAG, Tuesday 8 April``; what came late or is left from earlier days is counted where
    it is all."""
    facts = {"topics": label_list(words, digest.labels), "day": words.day(digest.on)}
    own = digest.matches[: len(digest.matches) - digest.carried]
    late = sum(match.late_on is not None for match in own)
    if len(own) > late or not digest.matches:
        new = len(own) - late
        text = words.count("{n} new paper for {topics}, {day}", "{n} new papers for {topics}, {day}", new, **facts)
    elif late:
        text = words.count("{n} late paper for {topics}", "{n} late papers for {topics}", late, topics=facts["topics"])
    else:
        text = words.count(
            "{n} paper left from earlier days for {topics}, {day}",
            "{n} papers left from earlier days for {topics}, {day}",
            digest.carried,
            **facts,
        )
    return heading(text)


def late_line(words: Words, matches: Sequence[Match]) -> str:
    """Above the first paper of a missed day, of all the matches of a day."""
    return words.count(
        "Late: {n} paper announced earlier, found now",
        "Late: {n} papers announced earlier, found now",
        sum(match.late_on is not None for match in matches),
    )


def digest_page(
    words: Words,
    digest: Digest,
    papers: Mapping[int, Paper],
    summaries: Mapping[int, Sequence[Summary]],
    *,
    only: Sequence[int] | None = None,
    layout: Layout = Layout.BRIEF,
    delivery_id: int = 0,
) -> Reply:
    """The digest as it is pushed. ``only``: the papers that still have to be told (the heading goes with the
    first); ``delivery_id``: what a More button refers to."""
    if digest.kind is not DigestKind.PAPERS:
        return empty_page(words, digest)
    numbers = {match.paper_id: number for number, match in enumerate(digest.matches, 1)}
    wanted = [m for m in digest.matches[: digest.pushed] if only is None or m.paper_id in set(only)]
    blocks = [digest_heading(words, digest)] if len(wanted) == digest.pushed else []
    new = len(digest.matches) - digest.carried
    first_late = next((match.paper_id for match in digest.matches[:new] if match.late_on), None)
    for match in wanted:
        if match.paper_id in papers:
            above = words.say("Left from earlier days:") if numbers[match.paper_id] == new + 1 > 1 else ""
            if match.paper_id == first_late:
                above = late_line(words, digest.matches[:new])
            blocks.append(
                entry(
                    words,
                    papers[match.paper_id],
                    summaries.get(match.paper_id, ()),
                    numbers[match.paper_id],
                    match.labels,
                    match.news,
                    layout,
                    above,
                    match.late_on,
                )
            )
    rest = len(digest.matches) - digest.pushed
    buttons: tuple[tuple[Button, ...], ...] = ()
    if rest > 0:
        label = words.count("{n} more paper", "{n} more papers", rest)
        told = [words.count("And {n} more.", "And {n} more.", rest)]
        if left := digest.left:
            told.append(
                words.count(
                    "{n} waits for the next digests, for up to a week.",
                    "{n} wait for the next digests, for up to a week.",
                    left,
                )
            )
        blocks.append(paragraph(italic(words.sentences(*told))))
        if delivery_id:
            buttons = ((Button(label, f"more:{delivery_id}:{digest.pushed}"),),)
    return Reply(tuple(blocks), buttons)


def empty_page(words: Words, digest: Digest) -> Reply:
    """A day without a match, or without arXiv."""
    topics = label_list(words, digest.labels)
    day = words.day(digest.on)
    if digest.kind is DigestKind.NOT_IN_YET:
        first = words.say("arXiv is not in yet, {day}.", day=day)
        then = words.say("Nothing is lost: what it announces comes with your next digest.")
        return Reply((paragraph(words.sentences(first, then)),))
    text = words.say("Nothing new for {topics}, {day}.", topics=topics, day=day)
    if digest.quiet and digest.on.isoweekday() > 5:
        text = words.sentences(text, words.say("arXiv announces nothing at weekends."))
    elif digest.quiet:
        text = words.sentences(text, words.say("arXiv announced nothing: a holiday, or still the weekend there."))
    return Reply((paragraph(text),))


def card(words: Words, paper: Paper, summaries: Sequence[Summary], subjects: Sequence[str] | None = None) -> Reply:
    """One paper, whole: titles, headline, people, categories, both abstracts, links. ``subjects``: what it is about,
    in the reader's words; those that are stored where nobody says."""
    best = best_summary(summaries, words.language, paper, words.accepts)
    title = shorten(readable(paper.title), _TITLE)
    spans = [Span(title, bold("").style, link("", address_of(paper)).link)]
    if best.title:
        spans.append(plain("\n" + shorten(best.title, _TITLE)))
        spans += _note(words, best.title_language, best.title_from)
    blocks = [Block(tuple(spans), BlockKind.ENTRY, paper.id)]
    abstracts = _abstracts(words, paper, summaries)
    if best.headline and best.headline not in abstracts:
        note = _note(words, best.headline_language, best.headline_from)
        blocks.append(paragraph(plain(shorten(best.headline, _HEADLINE)), *note))
    told = paper.subjects if subjects is None else subjects
    facts = [
        authors_line(words, paper),
        ", ".join(paper.categories[:8]),
        " · ".join(shorten(subject, 60) for subject in (told or _subjects(summaries, words.language))[:8]),
        _dated(paper),
    ]
    blocks.append(paragraph(italic("\n".join(fact for fact in facts if fact))))
    if published := published_at(words, paper):
        blocks.append(paragraph(link(published, link_from_key(proceedings_of(paper)))))
    for text, note in abstracts.items():
        blocks.append(Block((plain(shorten(text, _ABSTRACT)), *note), BlockKind.QUOTE))
    links = tuple(Button(_site(key), link=link_from_key(key)) for key in paper.keys if link_from_key(key))[:3]
    more = (Button(words.say("More like this"), f"like:{paper.id}"),)
    return Reply(tuple(block for block in blocks if block.text), (links, more) if links else (more,))


def _subjects(summaries: Sequence[Summary], language: str) -> tuple[str, ...]:
    return next((summary.subjects for summary in summaries if summary.language == language), ())


def _dated(paper: Paper) -> str:
    on = paper.first_announced_on or paper.dated_on
    version = f"v{paper.version}" if paper.version else ""
    return " · ".join(part for part in (f"{on:%Y-%m-%d}" if on else "", version, shorten(paper.journal, 120)) if part)


def _abstracts(words: Words, paper: Paper, summaries: Sequence[Summary]) -> dict[str, list[Span]]:
    """The best for this reader first, then the original, each with its mark."""
    best, own = best_abstract(summaries, words.language, paper, words.accepts), readable(paper.abstract)
    texts = {best.text: _note(words, best.language, best.source)}
    texts.setdefault(own, _note(words, language_of(own)))
    return {text: note for text, note in texts.items() if text}


def _site(key: str) -> str:
    return {"arxiv": "arXiv", "acl": "ACL Anthology", "doi": "DOI"}.get(key.partition(":")[0], key)


def results_page(
    words: Words,
    title: str,
    papers: Sequence[Paper],
    summaries: Mapping[int, Sequence[Summary]],
    *,
    start: int = 0,
    labels: Mapping[int, Sequence[str]] | None = None,
    news: Mapping[int, News] | None = None,
    buttons: tuple[tuple[Button, ...], ...] = (),
) -> Reply:
    """A titled, numbered page of papers, counted from ``start``."""
    blocks = [heading(title)]
    for number, paper in enumerate(papers, start + 1):
        blocks.append(
            entry(
                words,
                paper,
                summaries.get(paper.id, ()),
                number,
                (labels or {}).get(paper.id, ()),
                (news or {}).get(paper.id, News.NEW),
            )
        )
    return Reply(tuple(blocks), buttons)
