"""APScheduler ticks; what is due stands in the store. No job a chat."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bot.errors import TryLater

log = logging.getLogger(__name__)
# That a call takes longer than its interval is nothing that anybody has to mend.
logging.getLogger("apscheduler.scheduler").addFilter(lambda record: "maximum number of running" not in str(record.msg))


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
            except TryLater as error:
                log.warning("%s: %s; it is tried again in %g s", name, error, seconds)
            except Exception:
                log.exception("%s failed; it is tried again in %g s", name, seconds)

        self._scheduler.add_job(tick, IntervalTrigger(seconds=seconds), id=name, name=name)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """No new ticks. Calls under way are not waited for: the caller drains them."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
