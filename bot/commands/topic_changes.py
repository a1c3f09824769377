"""Changes of topics: tried on last week's papers, done when an admin says so, undone for a day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.commands.context import (
    PATIENCE,
    Context,
    find_topic,
    note,
    query_of,
    read_query,
    require_admin,
    searched,
    topic_line,
)
from bot.errors import BadInput, QueryError
from bot.model import Deed, Subscription, Topic, TopicChange, TopicVerb
from bot.ports import Caller, Transaction
from bot.query import MOST_CHARACTERS, Query, inlined, parse, topics_in
from bot.replies import Block, Button, Reply, bold, paragraph, plain, say
from bot.subjects import dismiss
from bot.words import Words

UNDONE_WITHIN = timedelta(days=1)
WEEK = 7
"""Announced days that a change is tried on."""

Topics = tuple[Topic, ...]


def tried(context: Context, words: Words, verb: TopicVerb, before: Topics, after: Topics) -> tuple[Block, ...]:
    """What would change: the topics, their papers of the last announced week, who follows them."""
    context.index.follow(PATIENCE)
    stored = 0
    with context.store.reading() as tx:
        topics = tx.topics()
        if verb in (TopicVerb.ADD, TopicVerb.EDIT):
            asked = read_query(tx, after[0].query, within=after[0].slug)
            stored = searched(context, asked, after[0].query, limit=1)[1]
        last = tx.latest_day()
        days = [last - timedelta(days=n) for n in range(WEEK)] if last else []
        week = {one.paper_id for on in days for one in tx.announcements_on(on)}
        gone = _gone(before, after)
        followers = tx.follower_counts([one.slug for one in before[:2] if one.slug in gone or one is before[0]])
        naming = sum(bool(_naming(tx, topics, [one])) for one in before if one.slug in gone)
    later = [one for one in topics if one.slug not in {old.slug for old in before}] + list(after)
    lines = list(_lines(words, verb, before, after))
    if verb is not TopicVerb.RENAME:
        old = {paper for one in before[:2] for paper in _matches(context, one, topics, week)}
        new = {paper for one in after[:1] for paper in _matches(context, one, later, week)}
        if verb is TopicVerb.REMOVE:
            new = old
        lines.append(
            words.count(
                "Of the {papers} papers of the last week it matches {n}.",
                "Of the {papers} papers of the last week it matches {n}.",
                len(new),
                papers=words.number(len(week)),
            )
        )
        if stored:
            lines.append(words.count("{n} stored paper matches it.", "{n} stored papers match it.", stored))
        if verb is TopicVerb.EDIT:
            lines.append(
                words.say(
                    "That is {gained} more and {lost} fewer than now.",
                    gained=words.number(len(new - old)),
                    lost=words.number(len(old - new)),
                )
            )
    if before:
        lines.append(words.count("{n} chat follows it.", "{n} chats follow it.", followers))
    if naming:
        lines.append(words.say("Chats name it inside queries of their own; those go on with what takes its place."))
    return (
        paragraph(bold(words.say("Nothing is changed yet. This is what would be:"))),
        *(paragraph(plain(line)) for line in lines),
    )


def _lines(words: Words, verb: TopicVerb, before: Topics, after: Topics) -> Iterator[str]:
    match verb:
        case TopicVerb.ADD:
            yield words.say("New topic {slug}: {query}", slug=after[0].slug, query=after[0].query)
        case TopicVerb.EDIT:
            yield words.say("Topic {slug} asks now: {query}", slug=before[0].slug, query=before[0].query)
            yield words.say("It would ask: {query}", query=after[0].query)
        case TopicVerb.RENAME if before[0].slug == after[0].slug:
            yield words.say("Topic {slug}, its names: {names}", slug=after[0].slug, names=_names(words, after[0]))
        case TopicVerb.RENAME:
            yield words.say("Topic {slug} would be called {new}.", slug=before[0].slug, new=after[0].slug)
        case TopicVerb.MERGE:
            yield words.say(
                "Topic {slug} would end; whoever follows it follows {kept}, which would ask: {query}",
                slug=before[1].slug,
                kept=after[0].slug,
                query=after[0].query,
            )
        case TopicVerb.REMOVE:
            yield words.say(
                "Topic {slug} would end. Chats that follow it would follow its query: {query}",
                slug=before[0].slug,
                query=before[0].query,
            )
    own = 2 if verb is TopicVerb.MERGE else 1
    for one in before[own:]:
        yield words.say("Topic {slug} names it and would follow suit.", slug=one.slug)


def _names(words: Words, topic: Topic) -> str:
    return words.listing([f"{language}: {name}" for language, name in topic.names])


def _matches(context: Context, topic: Topic, topics: Sequence[Topic], week: set[int]) -> set[int]:
    query = query_of(Subscription(0, 0, topic.query), topics)
    if query is None or not week:
        return set()
    try:
        return {hit.paper_id for hit in context.index.search(query, limit=len(week), newest=True, among=week)[0]}
    except QueryError:  # a prefix that stands for too many words
        return set()


def propose(
    context: Context,
    caller: Caller,
    words: Words,
    verb: TopicVerb,
    before: Topics,
    after: Topics,
    shown: tuple[Block, ...],
) -> Reply:
    """Keep the change until it is said to be done; ``shown`` is what it would do."""
    with context.store.transaction() as tx:
        change = tx.add_topic_change(TopicChange(0, verb, caller.user, before, after, context.now()))
    label = {
        TopicVerb.ADD: words.say("Add it"),
        TopicVerb.EDIT: words.say("Change it"),
        TopicVerb.RENAME: words.say("Rename it"),
        TopicVerb.MERGE: words.say("Merge them"),
        TopicVerb.REMOVE: words.say("Remove it"),
    }[verb]
    return Reply(shown, ((Button(label, f"topic:do:{change.id}"),),), private=True)


def press(context: Context, caller: Caller, argument: str) -> Reply:
    """``do:NUMBER`` or ``undo:NUMBER``."""
    words = context.words(caller)
    require_admin(words, caller)
    verb, _, number = argument.partition(":")
    if verb not in ("do", "undo") or not (number.isdecimal() and len(number) < 10):
        return say(words.say("This button is too old. /topics shows those there are."), private=True)
    return _do(context, caller, words, int(number)) if verb == "do" else _undo(context, caller, words, int(number))


def undo_last(context: Context, caller: Caller, words: Words) -> Reply:
    """Take back the last change that was done and not undone."""
    with context.store.reading() as tx:
        last = tx.last_topic_change()
    if last is None:
        return say(words.say("There is no change of topics to take back."), private=True)
    return _undo(context, caller, words, last.id)


def _do(context: Context, caller: Caller, words: Words, number: int) -> Reply:
    with context.store.transaction() as tx:
        change = tx.topic_change(number)
        if change is None or context.now() - change.made_at > UNDONE_WITHIN:
            return say(words.say("This button is too old. /topics shows those there are."), private=True)
        if change.done_at is not None:
            return say(words.say("That was done already."), private=True)
        _require_same(tx, words, change.before, _gone(change.after, change.before))
        _carry_out(tx, words, change)
        tx.put_topic_change(replace(change, done_at=context.now()))
        note(context, tx, caller, Deed.TOPIC, _written(change.before), _written(change.after))
    first = after = change.after[0] if change.after else change.before[0]
    done = {
        TopicVerb.ADD: lambda: words.say("Topic {slug} added: {query}", slug=first.slug, query=first.query),
        TopicVerb.EDIT: lambda: "\n".join((
            words.say("Topic {slug} is now: {query}", slug=first.slug, query=first.query),
            words.say("Chats that follow it get what it matches from their next digest on."),
        )),
        TopicVerb.RENAME: lambda: words.say(
            "Topic {slug} is {new} now, its names: {names}",
            slug=change.before[0].slug, new=first.slug, names=_names(words, after),
        ),
        TopicVerb.MERGE: lambda: words.say(
            "Topic {slug} is part of {kept} now, which asks: {query}",
            slug=change.before[1].slug, kept=first.slug, query=first.query,
        ),
        TopicVerb.REMOVE: lambda: words.say(
            "Topic {slug} removed. Chats that followed it now follow its query: {query}",
            slug=first.slug, query=first.query,
        ),
    }[change.verb]()  # fmt: skip
    buttons = [Button(words.say("Undo"), f"topic:undo:{change.id}")]
    follow = f"follow:{first.slug}"
    if change.verb is TopicVerb.ADD and len(follow.encode()) <= 64:
        buttons.insert(0, Button(words.say("Follow it here"), follow))
    return Reply(
        (paragraph(done), paragraph(words.say("For a day it can be taken back: /topic undo."))), (tuple(buttons),),
        private=True, edits=True,
    )  # fmt: skip


def _undo(context: Context, caller: Caller, words: Words, number: int) -> Reply:
    with context.store.transaction() as tx:
        change = tx.topic_change(number)
        if change is None or change.done_at is None or context.now() - change.done_at > UNDONE_WITHIN:
            return say(words.say("A change of topics can be taken back for a day, and this one cannot any more."),
                       private=True)  # fmt: skip
        if change.undone_at is not None:
            return say(words.say("That was taken back already."), private=True)
        _require_same(tx, words, change.after, _gone(change.before, change.after))
        _take_back(tx, words, change)
        tx.put_topic_change(replace(change, undone_at=context.now()))
        note(context, tx, caller, Deed.TOPIC, _written(change.after), _written(change.before))
    slugs = list(dict.fromkeys(one.slug for one in (*change.before, *change.after)))
    return Reply(
        (
            paragraph(
                words.sentences(
                    words.say("Taken back: {topics} is as it was before.", topics=words.listing(slugs)),
                    words.say("Whoever followed it does so again."),
                )
            ),
        ),
        private=True,
        edits=True,
    )


def _require_same(tx: Transaction, words: Words, there: Topics, absent: set[str]) -> None:
    """Raises BadInput where topics are not as this change left or found them."""
    known = {one.slug: one for one in tx.topics()}
    changed = [one.slug for one in there if known.get(one.slug) != one] + sorted(absent & known.keys())
    if changed:
        raise BadInput(
            words.say(
                "Topic {slug} was changed since. Take back the later change first, or begin anew.", slug=changed[0]
            )
        )


def _gone(before: Sequence[Topic], after: Sequence[Topic]) -> set[str]:
    """Slugs that are in ``before`` alone."""
    return {one.slug for one in before} - {one.slug for one in after}


def _written(topics: Topics) -> str:
    return "; ".join(map(topic_line, topics))


def _naming(tx: Transaction, topics: Sequence[Topic], gone: Sequence[Topic]) -> list[int]:
    """Subscriptions that name one of these topics inside a query."""
    return [
        one.id
        for one in tx.subscriptions_naming_topics()
        if any(names_in(topics, parse(one.query), topic) for topic in gone)
    ]


def _carry_out(tx: Transaction, words: Words, change: TopicChange) -> None:
    known = tx.topics()
    gone = [one for one in change.before if one.slug in _gone(change.before, change.after)]
    if gone:
        named = _naming(tx, known, gone)
        tx.remember_followers(change.id, [one.slug for one in (*gone, *change.before[:1])], named)
    for one in change.after:
        tx.put_topic(one)
    for one in gone:
        if change.verb is TopicVerb.REMOVE:
            write_out(tx, words, one)
        else:
            instead = change.after[0].slug
            tx.follow_instead(one.slug, instead)
            rewrite(tx, words, known, one, parse(f"topic:{instead}"))
        tx.remove_topic(one.slug)
        dismiss(tx, one)
    if gone:
        tx.note_dropped(change.id)


def _take_back(tx: Transaction, words: Words, change: TopicChange) -> None:
    for one in change.before:
        tx.put_topic(one)
    known = tx.topics()
    for one in change.after:
        if one.slug not in _gone(change.after, change.before):
            continue
        if change.verb is TopicVerb.ADD:
            write_out(tx, words, one)
        else:  # renamed: whoever came since stays with it
            tx.follow_instead(one.slug, change.before[0].slug)
            rewrite(tx, words, known, one, parse(f"topic:{change.before[0].slug}"))
        tx.remove_topic(one.slug)
    tx.bring_followers_back(change.id)


def names_in(topics: Sequence[Topic], query: Query, topic: Topic) -> set[str]:
    """How ``query`` names ``topic``, by its slug or a name."""
    return {name for name in topics_in(query) if (one := find_topic(topics, name)) and one.slug == topic.slug}


def require_alone(words: Words, topics: Sequence[Topic], gone: Topic) -> None:
    """Raises BadInput where it stands inside another topic."""
    holders = [one.slug for one in topics if one.slug != gone.slug and names_in(topics, parse(one.query), gone)]
    if holders:
        raise BadInput(
            words.say(
                "Topic {slug} stands inside {others}: edit that first.", slug=gone.slug, others=words.listing(holders)
            )
        )


def write_out(tx: Transaction, words: Words, gone: Topic) -> None:
    """Put a topic's query in its place wherever ``topic:`` names it, before it is removed: nobody follows less.

    Raises BadInput where it stands inside another topic, or a subscription would become too long.
    """
    known = tx.topics()
    require_alone(words, known, gone)
    rewrite(tx, words, known, gone, parse(gone.query))


def rewrite(tx: Transaction, words: Words, known: Sequence[Topic], gone: Topic, instead: Query) -> None:
    """Put ``instead`` into subscriptions wherever they name ``gone``. Raises BadInput where one becomes too long."""
    for number, text in rewritten(tx, words, known, gone, instead):
        tx.rewrite_subscription(number, text)


def rewritten(
    tx: Transaction, words: Words, known: Sequence[Topic], gone: Topic, instead: Query
) -> list[tuple[int, str]]:
    """Subscriptions that name ``gone``, by id, with ``instead`` in its place. Raises BadInput as ``rewrite``."""
    found = []
    for one in tx.subscriptions_naming_topics():
        query = parse(one.query)
        names = names_in(known, query, gone)
        if not names:
            continue
        text = str(inlined(query, names, instead))
        if len(text) > MOST_CHARACTERS:
            raise BadInput(
                words.say("A chat follows {query}, which would become too long without the topic.", query=one.query)
            )
        found.append((one.id, text))
    return found
