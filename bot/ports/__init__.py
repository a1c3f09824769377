"""The boundaries: what the thinking asks of the outside world, and what the outside world may ask of it."""

from bot.ports.platforms import Archive, Caller, ChatPlatform, CommandInfo, Desk, Finding, Message, Now, Source
from bot.ports.stores import Hit, SearchIndex, Store, Transaction

__all__ = [
    "Archive",
    "Caller",
    "ChatPlatform",
    "CommandInfo",
    "Desk",
    "Finding",
    "Hit",
    "Message",
    "Now",
    "SearchIndex",
    "Source",
    "Store",
    "Transaction",
]
