"""What machines ask: figures in Prometheus' own words, health, readiness."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.monitor import Monitor, ask
from bot.errors import ConfigError, TryLater
from bot.figures import ATTEMPTS, SENDING
from bot.gauges import Gauge

Serve = Callable[..., "asyncio.Future[tuple[str, int]]"]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def no_gauges() -> Sequence[Gauge]:
    return ()


def well() -> Mapping[str, str]:
    return {"database": "", "telegram": ""}


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., object]]:
    begun: list[Monitor] = []

    async def start(gauges: Callable[[], Sequence[Gauge]] = no_gauges, ready: Callable[[], Mapping[str, str]] = well):  # type: ignore[no-untyped-def]
        listen = ("127.0.0.1", free_port())
        begun.append(Monitor(listen, gauges, ready))
        await begun[-1].start()
        return listen

    yield start
    for monitor in begun:
        await monitor.stop()


def figures(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


async def test_figures_can_be_read_by_prometheus(serve: Serve) -> None:
    chats = Gauge("paperround_chats", "Chats by state.", ("state",), {("active",): 3.0, ('odd "one"\n',): 1.0})
    listen = await serve(lambda: [chats])
    before = figures((await asyncio.to_thread(ask, listen, "/metrics"))[1])
    ATTEMPTS.add(2, "telegram", "sent")
    SENDING.add(0.2, "telegram")
    SENDING.add(99.0, "telegram")
    status, text = await asyncio.to_thread(ask, listen, "/metrics")
    assert status == 200
    found = figures(text)

    def grown(name: str, **labels: str) -> float:
        key = name, tuple(sorted(labels.items()))
        return found[key] - before.get(key, 0.0)

    assert grown("paperround_message_attempts_total", platform="telegram", result="sent") == 2
    assert grown("paperround_message_seconds_bucket", platform="telegram", le="0.1") == 0
    assert grown("paperround_message_seconds_bucket", platform="telegram", le="0.25") == 1
    assert grown("paperround_message_seconds_bucket", platform="telegram", le="+Inf") == 2
    assert grown("paperround_message_seconds_count", platform="telegram") == 2
    assert grown("paperround_message_seconds_sum", platform="telegram") == pytest.approx(99.2)
    assert found["paperround_chats", (("state", 'odd "one"\n'),)] == 1.0
    assert found["process_resident_memory_bytes", ()] > 1e6
    assert any(name == "paperround_info" for name, _ in found)


async def test_a_database_that_is_away_hides_only_what_it_knows(serve: Serve) -> None:
    def away() -> Sequence[Gauge]:
        raise TryLater("the database is away")

    def nobody() -> Mapping[str, str]:
        raise TryLater("the database is away")

    listen = await serve(away, nobody)
    status, text = await asyncio.to_thread(ask, listen, "/metrics")
    assert status == 200 and "paperround_info" in text
    status, text = await asyncio.to_thread(ask, listen, "/readyz")
    assert (status, text) == (503, '{"database": "the database is away"}')
    assert await asyncio.to_thread(ask, listen, "/healthz") == (200, "ok\n")


async def test_readiness_names_what_is_missing(serve: Serve) -> None:
    state = {"database": "", "telegram": "not listening yet"}
    listen = await serve(ready=lambda: state)
    assert (await asyncio.to_thread(ask, listen, "/readyz"))[0] == 503
    state["telegram"] = ""
    assert await asyncio.to_thread(ask, listen, "/readyz") == (200, '{"database": "ok", "telegram": "ok"}')
    assert (await asyncio.to_thread(ask, listen, "/elsewhere"))[0] == 404


async def test_who_asks_often_costs_the_database_one_look(serve: Serve) -> None:
    looks: list[int] = []

    def look() -> Sequence[Gauge]:
        looks.append(1)
        return ()

    listen = await serve(look)
    await asyncio.gather(*(asyncio.to_thread(ask, listen, "/metrics") for _ in range(5)))
    assert len(looks) == 1


async def test_a_port_that_is_taken_is_said_to_be(serve: Serve) -> None:
    listen = await serve()
    with pytest.raises(ConfigError, match="PAPERROUND_HTTP_LISTEN"):
        await Monitor(listen, no_gauges, well).start()


async def test_where_nothing_is_configured_nothing_is_served() -> None:
    monitor = Monitor(None, no_gauges, well)
    await monitor.start()
    await monitor.stop()


def test_a_bot_that_does_not_run_does_not_answer() -> None:
    status, why = ask(("0.0.0.0", free_port()), "/healthz", 1.0)
    assert status == 0 and "refused" in why
