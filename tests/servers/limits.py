"""What a platform allows, as its server counts it, in platform time: a server may let it run faster."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping


class Allowance:
    """At most ``count`` in any ``seconds`` of one key; what is refused does not count.

    ``grace`` in seconds: two messages may gain so much on each other on their way.
    """

    def __init__(self, count: int, seconds: float, clock: Callable[[], float], grace: float = 0.0) -> None:
        self.count, self.seconds = count, seconds
        self._clock, self._grace = clock, grace
        self._times: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=count))

    def wait(self, key: str = "") -> float:
        """Seconds until one more is allowed: 0 for now."""
        times = self._times[key]
        if len(times) < self.count:
            return 0.0
        left = times[0] + self.seconds - self._clock()
        return 0.0 if left <= self._grace else left

    def take(self, key: str = "") -> None:
        self._times[key].append(self._clock())

    def left(self, key: str = "") -> int:
        """How many more are allowed at this moment."""
        now = self._clock()
        return self.count - sum(at + self.seconds > now for at in self._times[key])


def running(speed: float) -> Callable[[], float]:
    """Platform time that runs ``speed`` times as fast as ours."""
    return lambda: time.monotonic() * speed


class TelegramLimits:
    """30 messages a second over all, one in a chat, 20 a minute in a group or channel:
    https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this

    ``taken`` counts what was let through, ``earned`` the requests that were refused for a limit, by its name.
    """

    def __init__(self, speed: float = 1.0, per_second: int = 30, grace: float = 0.0) -> None:
        clock = running(speed)
        self._all = Allowance(per_second, 1.0, clock, grace)
        self._chat, self._group = Allowance(1, 1.0, clock, grace), Allowance(20, 60.0, clock, grace)
        self.taken, self.earned = 0, defaultdict[str, int](int)

    def wait(self, chat: str) -> float:
        """Seconds to wait; where there are none, one message is counted."""
        asked = {"overall": (self._all, ""), "chat": (self._chat, chat)}
        if not chat.isdecimal():
            asked["group"] = (self._group, chat)
        for name, (allowance, key) in asked.items():
            if wait := allowance.wait(key):
                self.earned[name] += 1
                return wait
        for allowance, key in asked.values():
            allowance.take(key)
        self.taken += 1
        return 0.0


class DiscordLimits:
    """50 requests a second over all and 5 messages in 5 seconds in a channel, told in headers:
    https://discord.com/developers/docs/topics/rate-limits

    ``taken`` and ``earned`` as above. Headers tell seconds of ours, whatever the ``speed``.
    """

    def __init__(self, speed: float = 1.0, per_second: int = 50, grace: float = 0.0) -> None:
        clock = running(speed)
        self._speed = speed
        self._all, self._channel = Allowance(per_second, 1.0, clock, grace), Allowance(5, 5.0, clock)
        self.taken, self.earned = 0, defaultdict[str, int](int)

    def headers(self, shown: str) -> Mapping[str, str]:
        """Of the answer to ``POST /channels/1/messages``; with Retry-After it is refused. Interactions are free."""
        if shown.split(" ")[1].startswith(("/interactions/", "/webhooks/")):
            return {}
        if wait := self._all.wait():
            self.earned["global"] += 1
            return {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global", "Retry-After": self._told(wait)}
        if not (shown.startswith("POST /channels/") and shown.endswith("/messages")):
            self._all.take()
            return {}
        channel = shown.split("/")[2]
        if wait := self._channel.wait(channel):
            self.earned["channel"] += 1
            return {"X-RateLimit-Scope": "user", "Retry-After": self._told(wait), **self._bucket(channel)}
        for allowance, key in ((self._all, ""), (self._channel, channel)):
            allowance.take(key)
        self.taken += 1
        return self._bucket(channel)

    def _bucket(self, channel: str) -> dict[str, str]:
        told = {"Limit": str(self._channel.count), "Remaining": str(max(0, self._channel.left(channel)))}
        told |= {"Reset-After": self._told(self._channel.seconds), "Bucket": "messages"}
        return {f"X-RateLimit-{name}": value for name, value in told.items()}

    def _told(self, seconds: float) -> str:
        return f"{seconds / self._speed:.3f}"
