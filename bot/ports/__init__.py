"""The boundaries: what the thinking asks of the outside world, and what the outside world may ask of it."""

from bot.ports.places import Outside, Places, Standing
from bot.ports.platforms import (
    NOTE,
    Archive,
    Caller,
    ChatPlatform,
    CommandInfo,
    Desk,
    Finding,
    Inbox,
    Message,
    Now,
    Proceedings,
    Source,
)
from bot.ports.stores import Copied, Hit, Progress, Repeated, SearchIndex, Store, Transaction

__all__ = [
    "NOTE",
    "Archive",
    "Caller",
    "ChatPlatform",
    "CommandInfo",
    "Copied",
    "Desk",
    "Finding",
    "Hit",
    "Inbox",
    "Message",
    "Now",
    "Outside",
    "Places",
    "Proceedings",
    "Progress",
    "Repeated",
    "SearchIndex",
    "Source",
    "Standing",
    "Store",
    "Transaction",
]
