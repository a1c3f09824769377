"""The platforms as commands ask them: from a worker thread, which waits for what the loop finds out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from bot.errors import PaperroundError, Refused, TryLater
from bot.model import Address
from bot.ports import ChatPlatform, Places, Standing

log = logging.getLogger(__name__)

WITHIN = 10.0
"""Seconds that a command waits for a platform."""

T = TypeVar("T")


class PlatformsOutside:
    """Implements ``ports.Outside`` over ``platforms``, which live in ``loop``. Not to be called in the loop itself."""

    def __init__(self, platforms: Mapping[str, ChatPlatform], loop: asyncio.AbstractEventLoop) -> None:
        self._platforms, self._loop = dict(platforms), loop

    def standing(self, platform: str, user: str, wanted: str) -> Standing:
        found = self._platforms.get(platform)
        if not isinstance(found, Places):
            raise Refused(f"{platform} cannot be asked here")
        return self._asked(found.standing(user, wanted))

    def private_chat(self, user: str) -> Address | None:
        found = self._platforms.get(user.partition(":")[0])
        if found is None:
            return None
        try:
            return self._asked(found.private_chat(user))
        except PaperroundError as error:
            log.warning("the private chat of %s could not be asked: %s", user, error)
            return None

    def _asked(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(WITHIN)
        except TimeoutError:
            future.cancel()
            raise TryLater("the platform does not answer") from None
