"""Chats beside the one a command comes from: what a platform says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bot.model import Address, Place


@dataclass(frozen=True, slots=True)
class Standing:
    """A chat, and how a person and the bot stand in it. ``manages``: the person may change it; ``writes``: the bot may
    write there; ``group``: what its places have in common (a Discord server), empty where that is the chat itself."""

    address: Address
    place: Place
    title: str
    manages: bool
    writes: bool
    group: str = ""


@runtime_checkable
class Places(Protocol):
    """A platform that can say of any chat who manages it."""

    async def standing(self, user: str, wanted: str) -> Standing:
        """Of ``telegram:123`` in a chat as people name one: ``@name``, an id, a link or a mention.

        Raises ChatGone where there is none or the bot cannot see it, Refused for what names no chat, TryLater.
        """


class Outside(Protocol):
    """The platforms, for commands: these run in worker threads, and wait there for the answer."""

    def standing(self, platform: str, user: str, wanted: str) -> Standing:
        """As ``Places``. Raises as that does, and Refused where the platform is not served here."""

    def private_chat(self, user: str) -> Address | None:
        """Where a person is written to in private; None where that cannot be told."""
