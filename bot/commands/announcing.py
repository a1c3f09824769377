"""What an admin says to all chats: shown first, confirmed twice, carried like a digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.commands.context import Context, note, require_admin, require_unheard
from bot.commands.labels import texts_of
from bot.errors import BadInput
from bot.model import LANGUAGES, Bulletin, BulletinState, Deed, DeliveryState
from bot.pages import bulletin_page, shorten
from bot.ports import Caller, Transaction
from bot.replies import Block, BlockKind, Button, Reply, bold, code, heading, paragraph, plain, say
from bot.words import Words, language_name

MOST = 1_500
"""Characters of an announcement in one language: a message on either platform."""
SURE_WITHIN = timedelta(hours=1)
"""How long a draft waits for its confirmation."""
SHOWN = 5
"""Announcements that are listed."""


def announce(context: Context, caller: Caller, argument: str) -> Reply:
    """A text for all, or ``en: ... zh-Hans: ...``: shows it as chats would get it. ``stop`` ends those under way;
    alone, how the last ones are doing."""
    words = context.words(caller)
    require_admin(words, caller)
    require_unheard(words, caller)
    if argument.strip().casefold() == "stop":
        return _stop_all(context, caller, words)
    texts = texts_of(argument, _languages(context))
    if not texts:
        return _overview(context, words)
    for language, text in texts:
        if len(text) > MOST:
            raise BadInput(
                words.say(
                    "An announcement has {most} characters at most, and this has {n}{language}.",
                    most=words.number(MOST),
                    n=words.number(len(text)),
                    language=f" ({language})" if language else "",
                )
            )
    with context.store.transaction() as tx:
        bulletin = tx.add_bulletin(Bulletin(0, texts, caller.user, context.now()))
    return _preview(context, words, bulletin)


def press(context: Context, caller: Caller, argument: str) -> Reply:
    """``ask:NUMBER``, ``send:NUMBER``, ``drop:NUMBER``, ``stop:NUMBER``, ``show:NUMBER``."""
    words = context.words(caller)
    require_admin(words, caller)
    verb, _, number = argument.partition(":")
    with context.store.reading() as tx:
        bulletin = tx.bulletin(int(number)) if number.isdecimal() and len(number) < 10 else None
    if bulletin is None:
        return say(words.say("This button is too old. /announce shows what there is."), private=True)
    match verb:
        case "ask":
            return _asked(context, words, bulletin)
        case "send":
            return _begun(context, caller, words, bulletin)
        case "stop" | "drop":
            return _stopped(context, caller, words, bulletin)
    return replace(_progress_page(context, words, bulletin), edits=True)


def _preview(context: Context, words: Words, bulletin: Bulletin) -> Reply:
    with context.store.reading() as tx:
        by_language, _ = tx.listeners()
    blocks: list[Block] = [heading(words.say("This is how it would look. Nothing is sent yet."))]
    for text, languages in _readers(bulletin, _languages(context), by_language).items():
        count = sum(by_language.get(language, 0) for language in languages)
        named = words.listing([language_name(language) for language in languages])
        told = words.count("{n} chat ({languages}) gets:", "{n} chats ({languages}) get:", count, languages=named)
        page = bulletin_page(words, text)
        blocks += [paragraph(bold(told)), *(replace(block, kind=BlockKind.QUOTE) for block in page.blocks)]
    return Reply(
        tuple(blocks),
        (
            (
                Button(words.say("Send it …"), f"announce:ask:{bulletin.id}"),
                Button(words.say("Throw it away"), f"announce:drop:{bulletin.id}"),
            ),
        ),
        private=True,
    )


def _languages(context: Context) -> tuple[str, ...]:
    """What chats may read, and what the bot speaks though no chat is offered it."""
    return tuple(dict.fromkeys((*context.config.languages, *LANGUAGES)))


def _readers(bulletin: Bulletin, offered: Sequence[str], by_language: dict[str, int]) -> dict[str, list[str]]:
    """Each text with the languages of the chats that get it; every text is there, though nobody gets it."""
    languages = list(dict.fromkeys([*offered, *by_language]))
    found: dict[str, list[str]] = {}
    for language in languages:
        found.setdefault(bulletin.text_in(language), []).append(language)
    return found


def _total(by_language: dict[str, int]) -> int:
    return sum(by_language.values())


def _asked(context: Context, words: Words, bulletin: Bulletin) -> Reply:
    if bulletin.state is not BulletinState.DRAFT:
        return replace(_progress_page(context, words, bulletin), edits=True)
    with context.store.reading() as tx:
        by_language, _ = tx.listeners()
    return Reply(
        (
            paragraph(
                bold(
                    words.count(
                        "Really send it to {n} chat? What has arrived cannot be called back.",
                        "Really send it to {n} chats? What has arrived cannot be called back.",
                        _total(by_language),
                    )
                )
            ),
            paragraph(plain(shorten(bulletin.texts[0][1], 300))),
        ),
        (
            (
                Button(
                    words.count("Yes, to {n} chat", "Yes, to {n} chats", _total(by_language)),
                    f"announce:send:{bulletin.id}",
                ),
                Button(words.say("No, throw it away"), f"announce:drop:{bulletin.id}"),
            ),
        ),
        private=True,
        edits=True,
    )


def _begun(context: Context, caller: Caller, words: Words, bulletin: Bulletin) -> Reply:
    with context.store.transaction() as tx:
        now = tx.bulletin(bulletin.id) or bulletin
        if now.state is BulletinState.DRAFT:
            if context.now() - now.made_at > SURE_WITHIN:
                return say(words.say("This button is too old. Write /announce and the text again."), private=True)
            _, last = tx.listeners()
            now = replace(now, state=BulletinState.SENDING, upto=last)
            tx.put_bulletin(now)
            note(context, tx, caller, Deed.ANNOUNCE, after=_written(now))
    return replace(_progress_page(context, words, now), edits=True)


def _written(bulletin: Bulletin) -> str:
    return f"{bulletin.id}: " + " ".join(f"{language or '*'}: {text}" for language, text in bulletin.texts)


def _stop_all(context: Context, caller: Caller, words: Words) -> Reply:
    with context.store.reading() as tx:
        sending = tx.bulletins(100, BulletinState.SENDING)
    if not sending:
        return say(words.say("No announcement is on its way."), private=True)
    replies = [_stopped(context, caller, words, one) for one in sending]
    return replace(replies[0], edits=False)


def _stopped(context: Context, caller: Caller, words: Words, bulletin: Bulletin) -> Reply:
    with context.store.transaction() as tx:
        now = tx.bulletin(bulletin.id) or bulletin
        if now.state is BulletinState.DRAFT:
            tx.put_bulletin(replace(now, state=BulletinState.STOPPED))
            return replace(say(words.say("It is thrown away; nobody was told."), private=True), edits=True)
        waiting = tx.drop_bulletin(now.id)
        if now.state is BulletinState.SENDING or waiting:
            now = replace(now, state=BulletinState.STOPPED)
            tx.put_bulletin(now)
            note(context, tx, caller, Deed.ANNOUNCE, _written(now))
    return replace(_progress_page(context, words, now), edits=True)


def _overview(context: Context, words: Words) -> Reply:
    with context.store.reading() as tx:
        known = [one for one in tx.bulletins(SHOWN + 20) if one.state is not BulletinState.DRAFT][:SHOWN]
        lines = [f"{progress(tx, words, one)}\n{shorten(one.texts[0][1], 120)}" for one in known]
    sending = [one for one in known if one.state is BulletinState.SENDING]
    return Reply(
        (
            paragraph(words.say("Write what all chats should read; I show it first and ask twice:")),
            paragraph(code("/announce We move to a new server tonight; digests may be late.")),
            paragraph(code("/announce en: We move tonight. zh-Hans: …")),
            *map(paragraph, lines),
        ),
        tuple((Button(words.say("Stop {n}", n=one.id), f"announce:stop:{one.id}"),) for one in sending),
        private=True,
    )


def _progress_page(context: Context, words: Words, bulletin: Bulletin) -> Reply:
    with context.store.reading() as tx:
        told = progress(tx, words, bulletin)
    buttons = [Button(words.say("How far is it?"), f"announce:show:{bulletin.id}")]
    if bulletin.state is BulletinState.SENDING:
        buttons.append(Button(words.say("Stop it"), f"announce:stop:{bulletin.id}"))
    return Reply((paragraph(told),), (tuple(buttons),), private=True)


def progress(tx: Transaction, words: Words, bulletin: Bulletin) -> str:
    """How far an announcement is, in a line."""
    counts = tx.bulletin_counts(bulletin.id)
    waiting = sum(n for state, n in counts.items() if state.open)
    left = tx.bulletin_left(bulletin) if bulletin.state is BulletinState.SENDING else 0
    sent, lost = counts.get(DeliveryState.SENT, 0), counts.get(DeliveryState.UNREACHABLE, 0)
    failed = counts.get(DeliveryState.FAILED, 0)
    state = {
        BulletinState.DRAFT: words.say("not sent"),
        BulletinState.SENDING: words.say("on its way"),
        BulletinState.DONE: words.say("on its way") if waiting else words.say("done"),
        BulletinState.STOPPED: words.say("stopped"),
    }[bulletin.state]
    return words.say(
        "Announcement {number}, {state}: {sent} of {total} chats have it · {waiting} wait · {lost} out of reach · "
        "{failed} failed",
        number=bulletin.id,
        state=state,
        sent=words.number(sent),
        total=words.number(sum(counts.values()) + left),
        waiting=words.number(waiting + left),
        lost=words.number(lost),
        failed=words.number(failed),
    )
