"""What a process can do for the instance."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """INGEST polls and keeps what is new, PLAN writes the deliveries of who is due, DELIVER sends them; TELEGRAM and
    DISCORD listen there and answer."""

    INGEST = "ingest"
    PLAN = "plan"
    DELIVER = "deliver"
    TELEGRAM = "telegram"
    DISCORD = "discord"

    @property
    def listens(self) -> bool:
        return self in (Role.TELEGRAM, Role.DISCORD)


EVERY_ROLE = tuple(Role)
