"""Which language a chat reads: named by words, told in sentences, chosen by buttons."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.commands.context import language_named
from bot.errors import BadInput
from bot.model import Chat
from bot.words import Words, language_name


def languages_named(words: Words, text: str, offered: Sequence[str]) -> tuple[str, ...]:
    """One language by its name or tag, or several with commas or spaces between them. Raises BadInput."""
    if one := language_named(text, offered):
        return (one,)
    named = [part.strip() for part in re.split("[,，、;；]", text) if part.strip()]
    if any(language_named(part, offered) is None for part in named):
        named = [part for some in named for part in some.split()]
    for part in named:
        if language_named(part, offered) is None:
            raise BadInput(
                words.say(
                    "I do not speak {language}; I speak {languages}.",
                    language=part[:40],
                    languages=words.listing(list(offered)),
                )
            )
    found = tuple(dict.fromkeys(found for part in named if (found := language_named(part, offered))))
    if not found:
        raise BadInput(example(words, offered))
    return found


def example(words: Words, offered: Sequence[str]) -> str:
    """The languages there are to choose from, and how one is named."""
    choices = words.listing([f"{language_name(one)} ({one})" for one in offered])
    return words.say("Languages: {choices}. For example: /language zh-Hans", choices=choices)


def several(words: Words, offered: Sequence[str]) -> str:
    """How several are named."""
    return words.say("Name several to accept them in this order: /language {example}", example=" ".join(offered[:2]))


def begins(words: Words) -> str:
    """The confirmation, in the new language itself where there is a catalogue of it."""
    if words.spoken == words.language:
        told = words.say("From now on I write in English here.")
    else:
        told = words.say(
            "From now on papers come in {language} here, where there are such words; mine stay English.",
            language=language_name(words.language),
        )
    return words.sentences(told, _falls_back(words) if words.accepts else "")


def reads(words: Words) -> str:
    """What the chat reads, and what comes where a paper has no words in it."""
    return words.sentences(
        words.say("This chat reads {language}.", language=language_name(words.language)), _falls_back(words)
    )


def _falls_back(words: Words) -> str:
    """What comes where a paper has no words in the chat's own language; empty where that is English alone."""
    others = [one for one in dict.fromkeys((*words.accepts, "en")) if one != words.language]
    if not others:
        return ""
    return words.say(
        "What a paper does not have in it comes in the first of these that there is, marked: {languages}.",
        languages=words.listing([language_name(one) for one in others]),
    )


def languages_of(chat: Chat) -> tuple[str, ...]:
    """The chat's own language, then those that it accepts."""
    return (chat.language, *chat.accepts)
