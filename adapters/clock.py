"""APScheduler ticks; what is due stands in the store. No job a chat."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

log = logging.getLogger(__name__)


class Clock:
    """Calls coroutines at intervals in the running loop; a call still running is not begun again."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            # One second of grace, APScheduler's default, drops ticks on a busy machine.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def every(self, seconds: float, name: str, call: Callable[[], Awaitable[object]]) -> None:
        async def tick() -> None:
            try:
                await call()
            except Exception:
                log.exception("%s failed; it is tried again in %g s", name, seconds)

        self._scheduler.add_job(tick, IntervalTrigger(seconds=seconds), id=name, name=name)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """No new ticks. Calls under way are not waited for: the caller drains them."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
