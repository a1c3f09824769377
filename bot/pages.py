"""What people read about papers: entries, digests, lists, as platform-neutral documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from bot.keys import link_from_key, source_of, venue_of
from bot.model import Digest, DigestKind, Layout, Match, News, Paper, Summary
from bot.replies import Block, BlockKind, Button, Reply, Span, bold, heading, italic, link, paragraph, plain
from bot.scripts import language_of
from bot.summaries import Shown, best_abstract, best_summary
from bot.text import readable
from bot.words import Words, language_name

PAGE = 10
"""Papers a page where a reader turns pages."""
ROOM = 3_200
"""Characters that the papers of such a page may have together, so that it is one message on every platform."""
MOST_CARRIED = 64
"""Bytes that a button carries at most: https://core.telegram.org/bots/api#inlinekeyboardbutton."""
_TITLE, _AUTHORS, _LABEL = 300, 3, 36


@dataclass(frozen=True, slots=True)
class Measure:
    """Characters that an entry's parts may have: each title, headline, line of facts, fold."""

    title: int = _TITLE
    headline: int = 420
    facts: int = 400
    fold: int = 1_800


_MEASURES = (
    Measure(),
    Measure(headline=260, facts=300),
    Measure(200, 180, 200),
    Measure(130, 110, 120),
    Measure(110, 50, 60),
    Measure(90, 0, 40),
)
"""From the usual to what ten papers always have room for."""


def shorten(text: str, most: int) -> str:
    """At most ``most`` characters, cut at a word, marked by an ellipsis."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > most // 2 else cut).rstrip(" ,;:，、；") + "…"


def opener(number: int, paper_id: int, back: str) -> Button | None:
    """The button that opens an entry's card; ``back`` is the action of the page that it stands on. None where nothing
    could lead back there."""
    return Button(str(number), carried("card", paper_id, "", back)) if back else None


def carried(verb: str, paper_id: int, view: str, back: str) -> str:
    """What a button of a card sends: ``verb:paper:view:back``. A way back of many steps is cut to its first one where
    it would be too long, and left out where even that is."""
    root = back
    while root.partition(":")[0] == "like" and root.count(":") > 2:
        root = root.split(":", 3)[3]
    for tail in (back, root, ""):
        if len((action := f"{verb}:{paper_id}:{view}:{tail}").encode()) <= MOST_CARRIED:
            return action
    return f"{verb}:{paper_id}::"


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


def authors_line(words: Words, paper: Paper, most: int = _AUTHORS) -> str:
    """``A. One, B. Two, C. Three and 4 more``; empty where nobody is known."""
    names = [shorten(name, 60) for name in paper.authors[:most]]
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


def note(words: Words, shown: str, source: str = "") -> list[Span]:
    """A small mark where the words are in another language than asked, or were converted from ``source``."""
    if not shown or (shown == words.language and not source):
        return []
    if source == "zh-Hans":
        return [italic(f" [{words.say('converted from Simplified Chinese')}]")]
    if source:
        return [italic(f" [{words.say('converted from Traditional Chinese')}]")]
    return [italic(f" [{language_name(shown)}]")]


def title_note(words: Words, best: Shown, headed: bool) -> list[Span]:
    """The mark of a title; none where the headline that follows (``headed``) has the same one."""
    alike = (best.title_language, best.title_from) == (best.headline_language, best.headline_from)
    return [] if headed and alike else note(words, best.title_language, best.title_from)


def titled(paper: Paper, most: int = _TITLE) -> Span:
    """The paper's own title, linked to its page."""
    title = readable(paper.title)
    return Span(shorten(title, most), link=link("", address_of(paper)).link, tex=_tex(paper.title, title, most))


def passage(text: str, most: int) -> Span:
    """A long text, its TeX made readable and kept beside it."""
    shown = readable(text)
    return Span(shorten(shown, most), tex=_tex(text, shown, most))


def _tex(text: str, shown: str, most: int) -> str:
    return text if "$" in text and len(shown) <= most else ""


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
    back: str = "",
    measure: Measure = _MEASURES[0],
) -> Block:
    """One numbered paper: linked title, its one sentence, who and where, what it matched. ``above``: a line over it,
    which no split parts from it. ``late_on``: the day it was announced on, where it comes late. ``back``: the action of
    the page that the paper's card leads back to; without one, no button opens it."""
    over = [italic(f"{above}\n")] if above else []
    page = link_from_key(proceedings_of(paper)) if news is News.PUBLISHED else ""
    button = opener(number, paper.id, back)
    title = titled(paper, measure.title)
    if layout is Layout.PLAIN:
        plainly = f"{number}. {title.text}\n{page or address_of(paper)}"
        return Block((*over, plain(plainly)), BlockKind.ENTRY, paper.id, button)
    if page:
        title = replace(title, link=link("", page).link)
    best = best_summary(summaries, words.language, paper, words.accepts)
    spans = [*over, bold(f"{number}. "), title]
    told = best.headline if measure.headline else ""
    if best.title:
        spans.append(plain("\n" + shorten(best.title, measure.title)))
        spans += title_note(words, best, bool(told))
    if told:
        spans.append(plain("\n" + shorten(told, measure.headline)))
        spans += note(words, best.headline_language, best.headline_from)
    if layout is Layout.BILINGUAL and (own := _own_headline(words, paper, summaries, best)) and measure.headline:
        spans.append(plain("\n" + shorten(own, measure.headline)))
    line = shorten(" · ".join(filter(None, _facts(words, paper, labels, news, late_on))), measure.facts)
    if line:
        spans.append(italic("\n" + line))
    folds: tuple[Span, ...] = ()
    if layout is Layout.FULL:
        abstract = best_abstract(summaries, words.language, paper, words.accepts).text or paper.abstract
        folds = (passage(abstract, measure.fold),) if abstract else ()
    return Block(tuple(spans), BlockKind.ENTRY, paper.id, button, folds)


def _own_headline(words: Words, paper: Paper, summaries: Sequence[Summary], shown: Shown) -> str:
    """The sentence in the paper's own language beside the one in the reader's; empty where that is the same."""
    own = language_of(paper.abstract)
    if not own or own in (words.language, shown.headline_language):
        return ""
    headline = best_summary(summaries, own, paper).headline
    return headline if headline != shown.headline else ""


def _facts(words: Words, paper: Paper, labels: Sequence[str], news: News, late_on: date | None) -> Iterator[str]:
    yield authors_line(words, paper)
    yield paper.primary_category or venue_of(paper.key)
    match news:
        case News.CROSS:
            yield words.say("cross-list")
        case News.UPDATE:
            yield words.say("new version")
        case News.PUBLISHED:
            yield published_at(words, paper) or words.say("published")
    if late_on:
        yield words.day(late_on)
    yield label_list(words, [shorten(label, _LABEL) for label in labels])


def fitted(make: Callable[[Measure], Sequence[Block]]) -> Sequence[Block]:
    """Blocks that are one message together: what ``make`` makes with the greatest measure of which that is so."""
    for measure in _MEASURES:
        blocks = make(measure)
        if sum(_size(block) for block in blocks) <= ROOM:
            break
    return blocks


def _size(block: Block) -> int:
    """UTF-16 units with what every platform's marks take, a link's address among them."""
    text = block.text + "".join(fold.text for fold in block.folds)
    return len(text.encode("utf-16-le", "replace")) // 2 + sum(len(span.link) for span in block.spans) // 2


def digest_heading(words: Words, digest: Digest, whole_week: bool = False) -> Block:
    """``7 new papers for LoRA and RAG, Tuesday 8 April``; what came late or is left from earlier days is counted where
    it is all."""
    if whole_week:
        one, many = "{n} paper for {topics} in the week up to {day}", "{n} papers for {topics} in the week up to {day}"
        its = {"topics": label_list(words, digest.labels), "day": words.day(digest.on)}
        return heading(words.count(one, many, len(digest.matches), **its))
    day = words.day(digest.on)
    if digest.since_on is not None:
        day = words.say("{first} to {last}", first=words.day(digest.since_on), last=day)
    facts = {"topics": label_list(words, digest.labels), "day": day}
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
) -> Reply:
    """The digest as it is pushed. ``only``: the papers that still have to be told (the heading goes with the
    first). Its buttons name the digest, as it is kept, so that chats which share it share its messages."""
    if digest.kind is not DigestKind.PAPERS:
        return empty_page(words, digest)
    wanted = None if only is None else set(only)
    pushed = enumerate(digest.matches[: digest.pushed], 1)
    numbers = [number for number, match in pushed if wanted is None or match.paper_id in wanted]
    blocks = [digest_heading(words, digest)] if len(numbers) == digest.pushed else []
    blocks += digest_entries(words, digest, papers, summaries, numbers, layout)
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
        if digest.id:
            buttons = ((Button(label, turning(digest, digest.pushed)),),)
    return Reply(tuple(blocks), buttons)


def turning(digest: Digest, index: int) -> str:
    """The action that shows the page of a kept digest on which the match at ``index`` stands; empty for one that is
    not kept."""
    return f"turn:{digest.id}:{index}" if digest.id else ""


def digest_entries(
    words: Words,
    digest: Digest,
    papers: Mapping[int, Paper],
    summaries: Mapping[int, Sequence[Summary]],
    numbers: Sequence[int],
    layout: Layout = Layout.BRIEF,
    measure: Measure = _MEASURES[0],
    back: str = "",
) -> list[Block]:
    """The digest's papers with these numbers, counted from 1; those that are not stored any more are left out. A card
    leads ``back``, or to the page of the digest where that is kept."""
    new = len(digest.matches) - digest.carried
    first_late = next((n for n, match in enumerate(digest.matches[:new], 1) if match.late_on), 0)
    blocks = []
    for number in numbers:
        match = digest.matches[number - 1]
        if match.paper_id not in papers:
            continue
        above = words.say("Left from earlier days:") if number == new + 1 > 1 else ""
        if number == first_late:
            above = late_line(words, digest.matches[:new])
        its = summaries.get(match.paper_id, ())
        way = back or turning(digest, number - 1)
        blocks.append(
            entry(
                words, papers[match.paper_id], its, number, match.labels, match.news, layout, above, match.late_on,
                way, measure,
            )
        )  # fmt: skip
    return blocks


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


def bulletin_page(words: Words, text: str) -> Reply:
    """What an admin announces, a paragraph a line break."""
    told = [paragraph(part) for part in text.splitlines() if part.strip()]
    return Reply((heading(words.say("From whoever runs this bot")), *told))


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
    back: str = "",
) -> Reply:
    """A titled, numbered page of papers, counted from ``start``; ``back`` as for an entry."""

    def made(measure: Measure) -> list[Block]:
        return [
            entry(
                words,
                paper,
                summaries.get(paper.id, ()),
                number,
                (labels or {}).get(paper.id, ()),
                (news or {}).get(paper.id, News.NEW),
                back=back,
                measure=measure,
            )
            for number, paper in enumerate(papers, start + 1)
        ]

    return Reply((heading(title), *fitted(made)), buttons)
