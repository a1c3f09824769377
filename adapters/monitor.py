"""What machines ask this process: ``/metrics`` (https://prometheus.io/docs/instrumenting/exposition_formats/),
``/healthz`` and ``/readyz``."""

from __future__ import annotations

import asyncio
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from time import monotonic

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from bot.errors import ConfigError, Problem, TryLater
from bot.figures import COUNTERS, DURATIONS, Durations
from bot.gauges import Gauge

log = logging.getLogger(__name__)

KEY = "PAPERROUND_HTTP_LISTEN"
FRESH_SECONDS = 5.0
"""How long gauges are shown again: several who ask cost the database no more than one."""
READY_SECONDS = 5.0
"""Within which the database must answer."""

Gauges = Callable[[], Sequence[Gauge]]
Ready = Callable[[], Mapping[str, str]]
"""What must be in order, and why it is not (empty where it is). May take its time; raises TryLater."""


class Monitor:
    """Serves at ``listen`` (host, port); nowhere where that is None. ``gauges`` and ``ready`` are called in threads."""

    def __init__(self, listen: tuple[str, int] | None, gauges: Gauges, ready: Ready) -> None:
        self._listen, self._gauges, self._ready = listen, gauges, ready
        self._runner: web.AppRunner | None = None
        self._shown: Sequence[Gauge] = ()
        self._shown_at = float("-inf")
        self._reading = asyncio.Lock()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._registry.register(_Figures(lambda: self._shown))

    async def start(self) -> None:
        """Raises ConfigError where nobody can listen there."""
        if self._listen is None:
            return
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", self._tell_health),
                web.get("/readyz", self._tell_readiness),
                web.get("/metrics", self._tell_figures),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        host, port = self._listen
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self.stop()
            mend = "name another port, or stop who listens there"
            raise ConfigError((Problem(KEY, f"{host}:{port}: {error.strerror or error}", mend),)) from error
        log.info("metrics and health are told at http://%s:%d", host, port)

    async def stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _tell_health(self, request: web.Request) -> web.Response:
        """That this is answered says it: the loop turns."""
        return web.Response(text="ok\n")

    async def _tell_readiness(self, request: web.Request) -> web.Response:
        found: Mapping[str, str]
        try:
            async with asyncio.timeout(READY_SECONDS):
                found = await asyncio.to_thread(self._ready)
        except (TryLater, TimeoutError) as error:
            found = {"database": str(error) or "it does not answer"}
        told = {name: why or "ok" for name, why in found.items()}
        return web.json_response(told, status=503 if any(found.values()) else 200)

    async def _tell_figures(self, request: web.Request) -> web.Response:
        """Where the database does not answer, what is counted here is told all the same."""
        async with self._reading:
            if monotonic() - self._shown_at > FRESH_SECONDS:
                try:
                    async with asyncio.timeout(READY_SECONDS):
                        self._shown = await asyncio.to_thread(self._gauges)
                except (TryLater, TimeoutError):
                    self._shown = ()
                self._shown_at = monotonic()
        body = await asyncio.to_thread(generate_latest, self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Figures:
    """The figures of ``bot.figures``, and the gauges that were read last, as prometheus_client takes them."""

    def __init__(self, shown: Callable[[], Sequence[Gauge]]) -> None:
        self._shown = shown

    def collect(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("paperround_info", "1, for the version that runs.", labels=["version"])
        info.add_metric([version("paperround")], 1)
        yield info
        for counter in COUNTERS:
            counted = CounterMetricFamily(counter.name, counter.help, labels=counter.labels)
            # A series that is there from the start shows its first step as a step.
            for values, number in (counter.read() or ({} if counter.labels else {(): 0.0})).items():
                counted.add_metric(values, number)
            yield counted
        for durations in DURATIONS:
            yield _histogram(durations)
        for gauge in self._shown():
            shown = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for values, number in gauge.values.items():
                shown.add_metric(values, number)
            yield shown


def _histogram(durations: Durations) -> HistogramMetricFamily:
    family = HistogramMetricFamily(durations.name, durations.help, labels=durations.labels)
    for values, (numbers, total) in durations.read().items():
        cumulated, buckets = 0.0, []
        for bound, number in zip((*map(str, durations.bounds), "+Inf"), numbers, strict=True):
            cumulated += number
            buckets.append((bound, cumulated))
        family.add_metric(values, buckets, total)
    return family


def ask(listen: tuple[str, int], path: str, within: float = 3.0) -> tuple[int, str]:
    """What the process that serves at ``listen`` answers; (0, why) where none does."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen[0], listen[0])  # noqa: S104  (asked, not listened to)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listen[1]}{path}"
    try:
        with urllib.request.urlopen(address, timeout=within) as answer:
            return answer.status, answer.read(65_536).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(65_536).decode(errors="replace")
    except OSError as error:
        return 0, str(getattr(error, "reason", error))
