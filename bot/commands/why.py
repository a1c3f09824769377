"""Why a paper came, or did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import date, timedelta

from bot.bursts import waits, wanted
from bot.commands.context import Context, digest_comes, find_topic, followed_by, read_query, taste_of
from bot.commands.people import DELIVERIES_DAYS
from bot.delivery import REFUSED, SKIPPED
from bot.digests import Day, Followed
from bot.documents import Document, document, holds
from bot.errors import BadInput
from bot.explaining import Found, blocked, explain
from bot.keys import link_from_key, parse_reference
from bot.model import Announcement, Chat, Delivery, DeliveryState, Paper
from bot.pages import address_of, label_list, shorten
from bot.ports import Caller, Transaction
from bot.query import Field, Leaf
from bot.replies import Block, BlockKind, Button, Reply, Span, Style, bold, code, link, paragraph, plain, say
from bot.tastes import Taste, author_mark, marks_of
from bot.text import readable
from bot.words import Words

_MOST = 20
_TEXTS = (Field.ANY, Field.TITLE, Field.ABSTRACT, Field.AUTHOR, Field.SUBJECT)


def why(context: Context, caller: Caller, argument: str) -> Reply:
    """``ID``: what of each subscription the paper holds, what kept it away, and whether it was sent here.
    ``ID QUERY``: the same of one query or topic."""
    words = context.words(caller)
    key, name, typed = _asked(argument)
    if not name:
        return Reply(
            (
                paragraph(words.say("Name a paper, and I tell why it came or did not:"), " ", code("/why 2403.17919")),
                paragraph(
                    words.say("With a query behind it I try that one:"), " ", code("/why 2403.17919 LoRA -survey")
                ),
            )
        )
    if key is None:
        raise BadInput(
            words.say("{name} names no paper: write an id like 2403.17919, or a link to it.", name=shorten(name, 60))
        )
    with context.store.reading() as tx:
        paper = tx.paper_by_key(key)
        if paper is None:
            return say(
                words.say(
                    "{name} never came in here: its feed is not polled, or it was announced before this bot ran.",
                    name=key.partition(":")[2],
                ),
                buttons=[[Button(words.say("Open it"), link=link_from_key(key))]],
            )
        doc = document(paper, tx.summaries([paper.id]).get(paper.id, ()))
        chat = tx.chat(caller.address)
        topics, taste = tx.topics(), taste_of(tx, chat)
        if typed:
            topic = find_topic(topics, typed, proposed=False)
            label = topic.name(words.language) if topic else typed
            followed: tuple[Followed, ...] = (Followed(label, read_query(tx, topic.query if topic else typed)),)
            past: Sequence[str] = ()
        else:
            held = tx.subscriptions([chat.id]).get(chat.id, ()) if chat else ()
            followed = followed_by(held, topics, words.language)
            past = tuple(_past(context, tx, words, chat, paper, followed, doc))
    title = Span(readable(paper.title), Style.BOLD, link("", address_of(paper)).link)
    blocks = [Block((title,), BlockKind.ENTRY, paper.id)]
    blocks += [paragraph(line) for line in past]
    if not wanted(followed):
        blocks.append(paragraph(words.say("This chat follows nothing yet, so nothing can match.")))
    matching = [one for one in wanted(followed) if holds(one.query, doc)]
    if liked := _liked(words, taste, paper, matching):
        blocks.append(paragraph(liked))
    others = [one for one in wanted(followed) if one not in matching]
    muting = [one for one in followed if one.muted and holds(one.query, doc)]
    blocks += [_line("🔇", one, [_muting(words, one, doc)]) for one in muting[:_MOST]]
    blocks += [_matched(words, one, doc) for one in matching[:_MOST]]
    blocks += [_missed(words, one, doc) for one in others[: max(0, _MOST - len(matching))]]
    rest = len(matching) + len(others) - _MOST
    if rest > 0:
        blocks.append(paragraph(words.count("And {n} other.", "And {n} others.", rest)))
    return Reply(tuple(blocks))


def _liked(words: Words, taste: Taste, paper: Paper, matching: Sequence[Followed]) -> str:
    """How the chat's votes move the paper in its digest, and by what; empty where they do not."""
    marks = marks_of(paper, (str(one.query) for one in matching))
    lift = taste.lift(marks)
    if not lift:
        return ""
    names = {author_mark(name): name for name in paper.authors}
    labels = {f"for:{one.query}": one.label for one in matching}
    told = [
        f"{labels.get(mark) or names.get(mark) or mark.partition(':')[2]} {count:+d}"
        for mark, count in taste.reasons(marks)[:5]
    ]
    if lift > 0:
        return words.say("It stands higher by this chat's votes: {reasons}.", reasons=words.listing(told))
    return words.say("It stands lower by this chat's votes: {reasons}.", reasons=words.listing(told))


def _asked(argument: str) -> tuple[str | None, str, str]:
    """The paper's key (None where it names none), its name as typed, and the query behind it."""
    key = parse_reference(argument)
    if key is not None:  # some ways to cite a paper hold a space
        return key, argument, ""
    name, _, typed = argument.partition(" ")
    return parse_reference(name), name, typed.strip()


def _matched(words: Words, one: Followed, doc: Document) -> Block:
    return _line("✓", one, [" · ".join(_said(words, each) for each in explain(one.query, doc)[:8])])


def _muting(words: Words, one: Followed, doc: Document) -> str:
    found = " · ".join(_said(words, each) for each in explain(one.query, doc)[:8])
    return words.say("Kept away by your mute: {words}", words=found or shorten(one.label, 80))


def _missed(words: Words, one: Followed, doc: Document) -> Block:
    reasons = []
    for reason in blocked(one.query, doc)[:4]:
        if reason.missing:
            reasons.append(_lacking(words, reason.missing))
        if reason.unwanted:
            found = words.listing([_said(words, each) for each in reason.unwanted[:3]])
            reasons.append(words.say("it has {words}, which the query excludes", words=found))
    return _line("✗", one, reasons)


def _line(mark: str, one: Followed, told: Sequence[str]) -> Block:
    return paragraph(bold(f"{mark} {shorten(one.label, 80)}"), plain("".join(f"\n{line}" for line in told if line)))


def _lacking(words: Words, missing: Sequence[Leaf]) -> str:
    listed = [_typed(words, leaf) for leaf in missing[:6]]
    if rest := len(missing) - len(listed):
        listed.append(words.count("{n} more", "{n} more", rest))
    if len(listed) > 1:
        return words.say("it has none of these: {words}", words=" · ".join(listed))
    if missing[0].field in _TEXTS:
        return words.say("it lacks {words}", words=listed[0])
    return words.say("{condition} is not true of it", condition=listed[0])


def _typed(words: Words, leaf: Leaf) -> str:
    if leaf.field not in _TEXTS:
        return shorten(str(leaf), 60)
    return _placed(words, leaf.field, words.say("“{text}”", text=shorten(leaf.text, 60)))


def _said(words: Words, found: Found) -> str:
    if found.where not in _TEXTS:
        return _typed(words, found.leaf)
    shown = [words.say("“{text}”", text=shorten(word, 60)) for word in found.words]
    return _placed(words, found.where, words.listing(shown))


def _placed(words: Words, where: Field, shown: str) -> str:
    match where:
        case Field.TITLE:
            return words.say("{words} in the title", words=shown)
        case Field.ABSTRACT:
            return words.say("{words} in the abstract or a summary", words=shown)
        case Field.AUTHOR:
            return words.say("{words} among the authors", words=shown)
        case Field.SUBJECT:
            return words.say("{words} among the subjects", words=shown)
    return shown


def _past(
    context: Context,
    tx: Transaction,
    words: Words,
    chat: Chat | None,
    paper: Paper,
    followed: Sequence[Followed],
    doc: Document,
) -> Iterator[str]:
    """Whether it was sent to this chat, and if not, why not."""
    today = context.now().date()
    delivery = next(iter(tx.deliveries_with(chat.id, paper.id)), None) if chat else None
    if delivery is not None:
        known = tx.papers(match.paper_id for match in delivery.digest.matches)
        its = {id_ for id_, one in known.items() if one.id == paper.id}
        yield _delivered(words, delivery, its, today)
        if chat and chat.rest == delivery.digest.id and _waits(delivery, its, today):
            yield words.say("It waits for one of the next digests.")
        return
    told = tx.announcements_of(paper.id)
    if not told:
        yield words.say("It was never announced while this bot ran; it is only known, by an import or a new version.")
        return
    announced = words.say("Announced on {day}.", day=_day(words, told[-1].announced_on, today))
    if chat is not None and today - told[-1].announced_on > timedelta(days=DELIVERIES_DAYS):
        yield words.sentences(
            announced, words.say("What was sent here is known for the last {n} days only.", n=DELIVERIES_DAYS)
        )
        return
    # The console's digest is a view: nothing is ever sent there.
    if (
        chat is None
        or chat.address.platform == "console"
        or not any(holds(one.query, doc) for one in wanted(followed))
    ):
        yield announced
        return
    yield words.sentences(announced, _not_sent(words, chat, paper, told, followed, doc))


def _not_sent(
    words: Words,
    chat: Chat,
    paper: Paper,
    told: Sequence[Announcement],
    followed: Sequence[Followed],
    doc: Document,
) -> str:
    ahead = [one for one in told if one.id > chat.seen]
    if Day(ahead, {paper.id: paper}, {paper.id: doc}).matches(followed, chat.wants, chat.since_on):
        if chat.as_announced or len(chat.days) < 7:
            return words.sentences(words.say("It comes with this chat's next digest."), digest_comes(words, chat))
        return words.say(
            "It comes with this chat's next digest, at {time} ({zone}).", time=f"{chat.time:%H:%M}", zone=chat.timezone
        )
    if any(one.muted and holds(one.query, doc) for one in followed):
        return words.say("It was not sent: this chat mutes it.")
    if all(one.news not in chat.wants for one in told):
        return words.say("It was not sent: this chat does not ask for such news. /news changes that.")
    if any(one.news in chat.wants for one in ahead):
        return words.say("It was not sent: the cross-list brings nothing new to what this chat follows.")
    return words.say("It was not sent: when it was announced, nothing that this chat followed matched it.")


def _waits(delivery: Delivery, ids: Set[int], today: date) -> bool:
    return any(match.paper_id in ids and waits(match, today) for match in delivery.digest.matches)


def _delivered(words: Words, delivery: Delivery, ids: Set[int], today: date) -> str:
    """``ids``: what the paper is called there; it may have been told of before it became one with its twin."""
    number, match = next((n, m) for n, m in enumerate(delivery.digest.matches, 1) if m.paper_id in ids)
    day = _day(words, delivery.digest.on, today)
    part = next((part for part in delivery.parts if not ids.isdisjoint(part.papers)), None)
    arrived = part.message_id if part else ""
    labels = label_list(words, match.labels)
    if arrived == REFUSED or (not arrived and delivery.state is DeliveryState.FAILED):
        return words.say("It was in the digest of {day}, for {labels}, but the platform refused it.", day=day,
                         labels=labels)  # fmt: skip
    if arrived == SKIPPED:
        return words.say(
            "It was in the digest of {day}, for {labels}; whether that message arrived is not known.",
            day=day,
            labels=labels,
        )
    if not arrived and delivery.state is DeliveryState.UNREACHABLE:
        return words.say(
            "It is in the digest of {day}, for {labels}, kept until this chat can be reached.", day=day, labels=labels
        )
    if not arrived and delivery.state.open:
        return words.say("It is in the digest of {day}, for {labels}, which is on its way.", day=day, labels=labels)
    where = words.say("In this chat's digest of {day}, number {n}, for {labels}.", day=day, n=number, labels=labels)
    if number > delivery.digest.pushed:
        return words.sentences(where, words.say("It stands behind that digest's More button."))
    return where


def _day(words: Words, on: date, today: date) -> str:
    """With its year where that is not this one."""
    return words.day(on, year=on.year != today.year)
