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
    Press,
    Proceedings,
    Source,
)
from bot.ports.reading import MOST_VOTES
from bot.ports.searching import Hit, SearchIndex
from bot.ports.stores import Copied, Progress, Repeated, Store, Transaction
from bot.ports.summarizers import Answer, Request, Summarizer

__all__ = [
    "MOST_VOTES",
    "NOTE",
    "Answer",
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
    "Press",
    "Proceedings",
    "Progress",
    "Repeated",
    "Request",
    "SearchIndex",
    "Source",
    "Standing",
    "Store",
    "Summarizer",
    "Transaction",
]
