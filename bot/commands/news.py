"""Which news a chat gets: new papers, cross-lists, new versions, what was published."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from bot.commands.context import Context, note, require_manager
from bot.errors import BadInput
from bot.model import Chat, Deed, News
from bot.ports import Caller
from bot.replies import Button, Reply, bold, heading, paragraph, plain
from bot.words import Words

KINDS = {"new": News.NEW, "cross": News.CROSS, "updates": News.UPDATE, "published": News.PUBLISHED}
"""As people write them, in the order they are shown."""
_ALIKE = {"cross-list": "cross", "cross-lists": "cross", "update": "updates", "versions": "updates"}
_SWITCH = {
    "": True, "on": True, "yes": True, "开": True, "開": True, "off": False, "no": False, "关": False, "關": False,
}  # fmt: skip


def news(context: Context, caller: Caller, argument: str) -> Reply:
    """``published on``, ``updates off``; alone: what the chat gets, and buttons that change it."""
    words = context.words(caller)
    with context.store.reading() as tx:
        chat = tx.chat(caller.address) or context.fresh_chat(tx, caller)
    if not argument:
        return _page(context, words, chat)
    require_manager(words, caller)
    name, _, switch = unicodedata.normalize("NFKC", argument).casefold().partition(" ")
    kind, on = KINDS.get(_ALIKE.get(name, name)), _SWITCH.get(switch.strip())
    if kind is None or on is None:
        raise BadInput(words.say("Write one of {kinds}, and on or off: /news published on.", kinds=", ".join(KINDS)))
    return _page(context, words, _switched(context, words, caller, kind, on))


def switch(context: Context, caller: Caller, argument: str) -> Reply:
    """The press of a button: ``published:on``; nothing behind the word shows what the chat gets."""
    words = context.words(caller)
    if not argument:
        return replace(news(context, caller, ""), edits=True)
    require_manager(words, caller)
    name, _, wanted = argument.partition(":")
    if name not in KINDS or wanted not in ("on", "off"):
        return replace(news(context, caller, ""), private=True)
    chat = _switched(context, words, caller, KINDS[name], wanted == "on")
    return replace(_page(context, words, chat), edits=True)


def _switched(context: Context, words: Words, caller: Caller, kind: News, on: bool) -> Chat:
    with context.store.transaction() as tx:
        chat = context.open_chat(tx, caller)
        wants = chat.wants | {kind} if on else chat.wants - {kind}
        if not wants:
            raise BadInput(words.say("One kind of news has to be left. To end all digests, /unsubscribe all."))
        note(context, tx, caller, Deed.NEWS, *(" ".join(sorted(one)) for one in (chat.wants, wants)))
        chat = replace(chat, wants=wants)
        tx.put_chat(chat)
    return chat


def called(words: Words, chat: Chat) -> list[tuple[str, bool]]:
    """What each kind of news is called, in the order of KINDS, and whether the chat gets it."""
    return [(name, KINDS[kind] in chat.wants) for kind, (name, _) in _told(words).items()]


def _told(words: Words) -> dict[str, tuple[str, str]]:
    return {
        "new": (words.say("new papers"), words.say("announced for the first time")),
        "cross": (words.say("cross-lists"), words.say("papers that join a category you follow")),
        "updates": (words.say("new versions"), words.say("revisions of papers announced before")),
        "published": (words.say("publications"), words.say("arXiv papers that appear in the ACL Anthology")),
    }


def _page(context: Context, words: Words, chat: Chat) -> Reply:
    told = _told(words)
    lines = []
    for name, (label, meaning) in told.items():
        mark = "✓" if KINDS[name] in chat.wants else "✗"
        lines += [bold(f"{mark} {label}"), plain(f"  {meaning}\n")]
    notes = [words.say("Press one to change it, or write for example: /news published on.")]
    if News.PUBLISHED in chat.wants and not context.config.anthology.enabled:
        notes.append(words.say("This instance does not read the ACL Anthology, so no publications will come."))
    buttons = [
        Button(
            f"{'✓' if KINDS[name] in chat.wants else '✗'} {label}",
            f"news:{name}:{'off' if KINDS[name] in chat.wants else 'on'}",
        )
        for name, (label, _) in told.items()
    ]
    return Reply(
        (heading(words.say("What this chat gets")), paragraph(*lines), paragraph(words.sentences(*notes))),
        (tuple(buttons[:2]), tuple(buttons[2:]), (Button("‹ " + words.say("Settings"), "settings"),)),
    )
