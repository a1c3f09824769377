"""The words of this house: frozen values, no behaviour that needs the outside world.

Names end in ``_at`` for a datetime in UTC (always aware) and in ``_on`` for a date.
"""

from bot.model.chats import (
    LANGUAGES,
    POSTS,
    WANTED,
    Address,
    Cause,
    Chat,
    ChatState,
    EmptyDay,
    Layout,
    Place,
    Subscription,
    Topic,
)
from bot.model.deliveries import Asked, Delivery, DeliveryState, Digest, DigestKind, Match, Part, Rest
from bot.model.feeds import (
    Feed,
    FeedState,
    Fetched,
    Gap,
    GapState,
    Leaf,
    Quarantined,
    Sighting,
    Validators,
)
from bot.model.notices import Notice, NoticeKind
from bot.model.papers import Announcement, Arrival, FeedItem, Kind, News, Paper, Rejected, Summary, SummaryText, Tally
from bot.model.people import Change, Deed
from bot.model.roles import EVERY_ROLE, Role

__all__ = [
    "EVERY_ROLE",
    "LANGUAGES",
    "POSTS",
    "WANTED",
    "Address",
    "Announcement",
    "Arrival",
    "Asked",
    "Cause",
    "Change",
    "Chat",
    "ChatState",
    "Deed",
    "Delivery",
    "DeliveryState",
    "Digest",
    "DigestKind",
    "EmptyDay",
    "Feed",
    "FeedItem",
    "FeedState",
    "Fetched",
    "Gap",
    "GapState",
    "Kind",
    "Layout",
    "Leaf",
    "Match",
    "News",
    "Notice",
    "NoticeKind",
    "Paper",
    "Part",
    "Place",
    "Quarantined",
    "Rejected",
    "Rest",
    "Role",
    "Sighting",
    "Subscription",
    "Summary",
    "SummaryText",
    "Tally",
    "Topic",
    "Validators",
]
