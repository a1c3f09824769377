"""Windows of time in which only so much may happen."""

from __future__ import annotations

from collections import deque

NO_PART_SECONDS = 0.2
"""Between two looks whether this process may send."""


class Window:
    """At most ``count`` in any ``seconds``."""

    def __init__(self, count: int, seconds: float) -> None:
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=count)

    def earliest(self, now: float, part: float = 1.0) -> float:
        """When the next one may go: ``now`` or later. ``part``: of the count, where others have the rest."""
        rate = (self._times.maxlen or 1) * part
        count = max(1, int(rate))
        if len(self._times) < count:
            return now
        return max(now, self._times[-count] + self._seconds * count / rate)

    def take(self, at: float) -> None:
        self._times.append(at)

    def idle(self, now: float) -> bool:
        return not self._times or self._times[-1] + self._seconds <= now
