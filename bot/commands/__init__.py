"""Every command, once: ``(context, caller, argument) -> Reply``. The platforms differ in how they ask and show."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bot.commands import (
    announcing,
    banning,
    cards,
    forum,
    holdings,
    instance,
    mutes,
    news,
    people,
    places,
    proxies,
    reading,
    roster,
    saved,
    searching,
    settings,
    subscriptions,
    summaries,
    topic_changes,
    topics,
    transfers,
    why,
)
from bot.commands.context import Context
from bot.ports import Caller, CommandInfo
from bot.replies import Reply
from bot.words import Words

Run = Callable[[Context, Caller, str], Reply]


@dataclass(frozen=True, slots=True)
class Command:
    """``description`` is a message id; ``changes``: with an argument it changes the chat, so the platform is
    asked for the caller's rights first; ``guarded``: without one as well; ``admin``: for the instance's admins;
    ``lines``: line breaks of its argument are kept."""

    name: str
    description: str
    run: Run
    argument: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    changes: bool = False
    guarded: bool = False
    admin: bool = False
    lines: bool = False
    platform: str = ""
    """The only one that has it; empty where all do."""

    def info(self, words: Words) -> CommandInfo:
        return CommandInfo(
            self.name,
            words.say(self.description),
            words.say(self.argument) if self.argument else "",
            self.required,
            self.choices,
            self.changes or self.guarded,
            self.admin,
            self.platform,
        )


def _help(context: Context, caller: Caller, argument: str) -> Reply:
    words = context.words(caller)
    platform = caller.address.platform
    shown = [
        command.info(words)
        for command in COMMANDS.values()
        if (caller.admin or not command.admin) and command.platform in ("", platform)
    ]
    return instance.help_page(context, caller, shown)


def _invite(context: Context, caller: Caller, argument: str) -> Reply:
    return instance.invite(context, caller, argument, secrets.token_urlsafe(12))


def _export(context: Context, caller: Caller, argument: str) -> Reply:
    return transfers.export(context, caller, argument, secrets.token_hex(32))


COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("start", "Begin here", subscriptions.start, "code"),
        Command("help", "What you can ask for", _help),
        Command("subscribe", "Follow a topic or words of your own", subscriptions.subscribe, "query", changes=True),
        Command("subscriptions", "What this chat follows", holdings.subscriptions),
        Command("unsubscribe", "End a subscription", holdings.unsubscribe, "number", changes=True),
        Command("edit", "Change what a subscription asks", holdings.edit, "number and query", changes=True),
        Command("mute", "Keep papers away", mutes.mute, "query", changes=True),
        Command("unmute", "Keep them away no longer", mutes.unmute, "query", changes=True),
        Command("stop", "Nothing comes any more; all is kept", holdings.stop, guarded=True),
        Command("topics", "The topics there are", topics.topics),
        Command("paper", "Search all papers, or open one by its id or link", reading.paper, "query"),
        Command("why", "Why a paper came, or did not", why.why, "paper"),
        Command("digest", "Today's digest, now", reading.digest, "query"),
        Command("saved", "The papers you keep; bibtex or ris hands them over as a file", saved.saved,
                choices=tuple(saved.FORMS)),
        Command(
            "settings", "Language, time, days, size, layout and more", settings.settings, "setting",
            choices=settings.CHOICES, changes=True,
        ),
        Command("language", "The language I write in here", settings.language, "language", changes=True),
        Command("time", "When the digest comes", settings.when, "time", changes=True),
        Command("export", "What this chat follows, as a file or by a code", _export, "format", guarded=True),
        Command("import", "Follow what another chat follows", transfers.import_, "code", changes=True),
        Command("privacy", "What is kept about this chat", people.privacy),
        Command("mydata", "All that is kept about this chat, as a file", people.mydata, guarded=True),
        Command("forget", "Erase all that is kept about this chat", people.forget, guarded=True),
        Command(
            "news", "Which news come: new papers, versions, publications", news.news, "on or off",
            choices=tuple(news.KINDS), changes=True,
        ),
        Command(
            "forum", "Each digest as a new post of this forum", forum.forum, "on or off", changes=True,
            platform="discord",
        ),
        Command(
            "topic", "Add, edit, rename, merge or remove a topic (admins)", topics.topic, "topic",
            choices=("add", "edit", "rename", "merge", "remove", "undo"), admin=True,
        ),
        Command(
            "access", "Who may subscribe in this chat", places.access, "access", choices=("all", "admins"), changes=True
        ),
        Command("here", "Digests of this group come here", places.here, "where", guarded=True),
        Command("channel", "Set up a channel of yours from here", proxies.channel, "channel"),
        Command("audit", "What was changed, and by whom", roster.audit, guarded=True),
        Command("announce", "Tell all chats something (admins)", announcing.announce, "text", admin=True, lines=True),
        Command("ban", "Serve a chat or person no longer (admins)", banning.ban, "who", admin=True),
        Command("unban", "Serve a chat or person again (admins)", banning.unban, "who", admin=True),
        Command("chats", "The chats there are (admins)", roster.chats, "chat", admin=True),
        Command("summary", "What is stored about a paper, and whose words", summaries.summary, "paper", lines=True),
        Command("invite", "Make a code that admits a chat (admins)", _invite, admin=True),
        Command("status", "How this instance is doing (admins)", instance.status, admin=True),
    )
}  # fmt: skip

OPEN_TO_ALL = frozenset({"start", "help", "privacy", "mydata", "forget"})
"""What a chat may ask for, and press, before it is admitted."""


@dataclass(frozen=True, slots=True)
class Press:
    """What a button does; ``changes`` as for a command."""

    run: Run
    changes: bool = False


PRESSES: dict[str, Press] = {
    "follow": Press(subscriptions.follow, changes=True),
    "take": Press(subscriptions.take, changes=True),
    "propose": Press(subscriptions.propose, changes=True),
    "narrower": Press(subscriptions.narrower, changes=True),
    "cancel": Press(subscriptions.cancel, changes=True),
    "subs": Press(holdings.leaf),
    "sub": Press(holdings.card),
    "pause": Press(holdings.pause, changes=True),
    "resume": Press(holdings.resume, changes=True),
    "hush": Press(holdings.hush, changes=True),
    "edit": Press(holdings.editing),
    "change": Press(holdings.change, changes=True),
    "drop": Press(holdings.drop, changes=True),
    "mute": Press(mutes.muted, changes=True),
    "away": Press(mutes.away, changes=True),
    "less": Press(mutes.less, changes=True),
    "follow-like": Press(mutes.more, changes=True),
    "settings": Press(settings.turn),
    "set": Press(settings.put, changes=True),
    "import": Press(transfers.imported, changes=True),
    "digest": Press(reading.digest),
    "page": Press(reading.page),
    "more": Press(reading.more),
    "find": Press(searching.find),
    "recall": Press(reading.recall),
    "newest": Press(searching.newest),
    "narrow": Press(searching.narrow),
    "track": Press(searching.track, changes=True),
    "forum": Press(forum.forum, changes=True),
    "turn": Press(reading.turn),
    "card": Press(cards.open_card),
    "save": Press(cards.save),
    "up": Press(cards.up),
    "down": Press(cards.down),
    "cite": Press(cards.cite),
    "like": Press(cards.like),
    "reasons": Press(cards.reasons),
    "saved": Press(saved.page),
    "export": Press(saved.export),
    "forget": Press(people.forgotten, changes=True),
    "news": Press(news.switch, changes=True),
    "topic": Press(topic_changes.press),
    "access": Press(places.press_access, changes=True),
    "here": Press(places.press_here, changes=True),
    "channel": Press(proxies.press),
    "audit": Press(roster.press_audit, changes=True),
    "announce": Press(announcing.press),
    "ban": Press(banning.ban),
    "unban": Press(banning.unban),
    "chats": Press(roster.press_chats),
    "subjects": Press(topics.subjects),
}
"""By the word before an action's first colon."""
