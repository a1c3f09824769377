"""Windows of time in which only so much may happen."""

from __future__ import annotations

from collections import deque


class Window:
    """At most ``count`` in any ``seconds``."""

    def __init__(self, count: int, seconds: float) -> None:
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=count)

    def earliest(self, now: float) -> float:
        """When the next one may go: ``now`` or later."""
        if len(self._times) < (self._times.maxlen or 0):
            return now
        return max(now, self._times[0] + self._seconds)

    def take(self, at: float) -> None:
        self._times.append(at)

    def idle(self, now: float) -> bool:
        return not self._times or self._times[-1] + self._seconds <= now
