"""The boundaries: what the thinking asks of the outside world, and what the outside world may ask of it."""

from bot.ports.places import Outside, Places, Standing
from bot.ports.platforms import (
    HINTED,
    NOTE,
    Archive,
    Caller,
    ChatPlatform,
    CommandInfo,
    Desk,
    Finding,
    Haste,
    Inbox,
    Message,
    Now,
    Offer,
    Offers,
    Press,
    Proceedings,
    Source,
    Suggestion,
)
from bot.ports.reading import MOST_VOTES
from bot.ports.searching import Hit, SearchIndex
from bot.ports.stores import MOST_SEARCHES, Copied, Progress, Repeated, Store, Transaction
from bot.ports.summarizers import Answer, Request, Summarizer

__all__ = [
    "HINTED",
    "MOST_SEARCHES",
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
    "Haste",
    "Hit",
    "Inbox",
    "Message",
    "Now",
    "Offer",
    "Offers",
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
    "Suggestion",
    "Summarizer",
    "Transaction",
]
