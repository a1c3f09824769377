"""What is kept about people: said, handed over, erased."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.commands.context import Context, note
from bot.commands.instance import REACHLESS_DAYS
from bot.errors import NotAllowed
from bot.model import Address, Deed, Place
from bot.ports import MOST_SEARCHES, MOST_VOTES, Caller, Transaction
from bot.replies import Button, File, Reply, code, heading, paragraph, say
from bot.words import Words

MESSAGES_DAYS = 30
"""How long the text of messages that arrived is kept."""
DELIVERIES_DAYS = 180
"""How long it is kept what was delivered when; a chat's last delivery as long as the chat."""
SURE_WITHIN = timedelta(minutes=10)
"""How long the question whether everything should be erased waits for its answer."""
FILE_NAME = "paperround-data.json"

_PLATFORMS = {"telegram": "Telegram", "discord": "Discord"}


def privacy(context: Context, caller: Caller, argument: str) -> Reply:
    """What is kept, for how long, who sees it, how to have it or be rid of it."""
    words = context.words(caller)
    return Reply((heading(words.say("What is kept about this chat")), *map(paragraph, _facts(context, caller, words))),
                 private=True)  # fmt: skip


def _facts(context: Context, caller: Caller, words: Words) -> Iterator[str]:
    platform = _PLATFORMS.get(caller.address.platform)
    if platform:
        yield words.say(
            "Until you erase it: its number and name on {platform}, its language, time and other settings, what it"
            " follows, and which invitation admitted it.",
            platform=platform,
        )
        yield words.say(
            "Digests: which papers came when, and for which of your words, {days} days (the last one as long as the"
            " chat); the text of the messages {text_days} days.",
            days=DELIVERIES_DAYS,
            text_days=MESSAGES_DAYS,
        )
    else:
        yield words.say("Its language and settings, and what it follows, in the database on this machine.")
    yield words.say(
        "Of searches here the last long ones, for the buttons under them, and your own last {n}, wherever you asked, to"
        " propose them to you alone; of all else you write, nothing once it is answered.",
        n=MOST_SEARCHES,
    )
    yield words.say(
        "Papers that you save, and your 👍 and 👎 (the last {n} of a chat order its digests), until you take them back"
        " or erase them.",
        n=MOST_VOTES,
    )
    if caller.place is not Place.PRIVATE:
        days = context.config.audit_days
        yield (
            words.say("Changes by administrators: who, what and when, {days} days. Of members nothing else.", days=days)
            if days
            else words.say("Changes by administrators: who, what and when, without an end. Of members nothing else.")
        )
    elif caller.admin:
        yield words.say("What you change as this bot's admin is noted in the audit log, with your number.")
    if platform:
        yield words.say(
            "Whoever runs this bot can read this, and its log names chats by their numbers. Nobody else gets it;"
            " {platform} carries the messages.",
            platform=platform,
        )
    yield words.say(
        "/mydata hands all of it to you, /forget erases it, also in a backup that is restored later. A chat that"
        " cannot be reached for {days} days is erased as well.",
        days=REACHLESS_DAYS,
    )


def mydata(context: Context, caller: Caller, argument: str) -> Reply:
    """All rows about the chat, and in private about its person, as a document for the asking person alone."""
    words = context.words(caller)
    _require_keeper(words, caller)
    if not caller.user:
        told = words.say(
            "This is for your eyes alone, and who writes as the group or channel has no private chat. Ask under your"
            " own name, or ask whoever runs this bot for this:"
        )
        return Reply((paragraph(told, "\n", code(f"paperround mydata {caller.address}")),), private=True)
    with context.store.reading() as tx:
        content = document(tx, caller.address, _person(caller), context.now())
    if content is None:
        return say(words.say("Nothing is kept about this chat."), private=True)
    file = File(
        FILE_NAME,
        content,
        words.say("I have sent it to you alone."),
        words.say("I may not write to you in private yet: open a chat with me, press Start, and ask here again."),
    )
    told = words.say("All that is kept about {address}, as JSON.", address=caller.address)
    return Reply((paragraph(told),), private=True, file=file)


def forget(context: Context, caller: Caller, argument: str) -> Reply:
    """Asks whether all of it should go."""
    words = context.words(caller)
    _require_keeper(words, caller)
    with context.store.reading() as tx:
        kept = tx.kept_about(caller.address, _person(caller))
    if not kept:
        return say(words.say("Nothing is kept about this chat."), private=True)
    follows = len(kept.get("subscription", ()))
    at = int(context.now().timestamp())
    return say(
        words.say("Erase all that is kept about this chat? This cannot be undone."),
        words.sentences(
            words.count(
                "Its settings, {n} subscription, its digests and searches go.",
                "Its settings, {n} subscriptions, its digests and searches go.",
                follows,
            ),
            words.say("In the audit log only a pseudonym stays."),
            words.say("/mydata gives you a copy first."),
        ),
        buttons=[[Button(words.say("Erase everything"), f"forget:{at}")]],
        private=True,
    )


def forgotten(context: Context, caller: Caller, argument: str) -> Reply:
    """The press under that question: ``when it was asked``, in seconds."""
    words = context.words(caller)
    _require_keeper(words, caller)
    asked = datetime.fromtimestamp(int(argument), UTC) if argument.isdecimal() and len(argument) < 11 else None
    if asked is None or not timedelta(0) <= context.now() - asked <= SURE_WITHIN:
        return say(words.say("This button is too old. /forget asks again."), private=True)
    with context.store.transaction() as tx:
        if not tx.kept_about(caller.address, _person(caller)):
            return say(words.say("Nothing is kept about this chat."), private=True)
        note(context, tx, caller, Deed.FORGET)
        tx.erase(caller.address, _person(caller), context.now())
    again = (
        words.say("/start begins anew.")
        if context.may_start(caller)
        else words.say("/start with a new invitation begins anew.")
    )
    gone = words.say("Erased. Nothing in the database leads to this chat any more, and nothing will come by itself.")
    return Reply((paragraph(words.sentences(gone, again)),), edits=True)


def _require_keeper(words: Words, caller: Caller) -> None:
    """Who may have a chat's data, and erase them: who may change it."""
    if caller.manages:
        return
    if caller.address.platform == "discord":
        raise NotAllowed(
            words.say("Only members who may manage this server may have what is kept about this chat, or erase it.")
        )
    raise NotAllowed(words.say("Only this chat's administrators may have what is kept about it, or erase it."))


def _person(caller: Caller) -> str:
    """Whose the private chat is; a group's data are not one person's."""
    return caller.user if caller.place is Place.PRIVATE else ""


def document(tx: Transaction, address: Address, user: str, now: datetime) -> bytes | None:
    """All that is kept, as JSON in UTF-8, with papers named by their keys; None where there is nothing."""
    kept = tx.kept_about(address, user)
    if not kept:
        return None
    ids = {match[0] for row in kept.get("digest", ()) for match in _pushed(row["content"])}
    ids |= {paper for row in kept.get("delivery_part", ()) for paper in row["papers"]}
    ids |= {row["paper_id"] for name in ("saved", "vote") for row in kept.get(name, ())}
    keys = {number: paper.keys[0] for number, paper in tx.papers(ids).items() if paper.keys}
    for row in kept.get("delivery_part", ()):
        row["papers"] = [keys.get(paper, paper) for paper in row["papers"]]
    for row in (row for name in ("saved", "vote") for row in kept.get(name, ())):
        row["paper"] = keys.get(paper := row.pop("paper_id"), paper)
        if row["who"] != user:  # how members vote is nobody else's business
            row["who"] = ""
    for row in kept.get("digest", ()):
        content = row["content"]
        papers = [
            {"paper": keys.get(paper, paper), "news": news, "for": labels} for paper, news, labels in _pushed(content)
        ]
        more = len(content["matches"]) - len(papers)
        row["content"] = {k: v for k, v in content.items() if k != "matches"} | {"papers": papers, "more": more}
    made: dict[str, Any] = {"about": str(address), "user": user, "made_at": now.isoformat()}
    made |= {name: kept[name] for name in ("chat", "subscription") if name in kept} | kept
    return (json.dumps(made, ensure_ascii=False, indent=1) + "\n").encode()


def _pushed(content: dict[str, Any]) -> list[Any]:
    matches: list[Any] = content["matches"]
    return matches[: content["pushed"]]
