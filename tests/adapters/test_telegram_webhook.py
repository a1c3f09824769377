"""Updates that Telegram brings: who may call, what is promised with a 200, and many processes behind one address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import aiohttp
import pytest

from adapters.chats.telegram import Telegram
from adapters.chats.telegram_updates import ALLOWED_UPDATES
from adapters.chats.telegram_webhook import MAX_BYTES, SECRET_HEADER, Door
from bot.errors import ConfigError, TryLater
from bot.inbox import SERVED_WITHIN, SharedInbox
from bot.ports import ChatPlatform, Now
from storage.store import SqlStore, open_store
from tests.databases import sqlite_url
from tests.servers.telegram import TOKEN, FakeTelegram
from tests.servers.telegram_bot import READER, Notebook, closed_port, unpaced

SECRET = "a-secret-of-the-tests-0123456789"


def door() -> Door:
    port = closed_port()
    return Door(f"http://127.0.0.1:{port}/from-telegram", "127.0.0.1", port, SECRET)


Inboxes = Callable[..., SharedInbox]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    made = open_store(sqlite_url(tmp_path_factory.mktemp("inbox")))
    yield made
    made.close()


@pytest.fixture
def inboxes(store: SqlStore) -> Inboxes:
    """Makes inboxes of one door, which no other test has."""
    mine = f"telegram {next(_numbers)}"

    def made(now: Now, door: str = mine) -> SharedInbox:
        return SharedInbox(store, door, now)

    return made


_numbers = count()


class Wall:
    def __init__(self) -> None:
        self.at = datetime(2025, 4, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@asynccontextmanager
async def front(server: FakeTelegram, at: Door, inbox: SharedInbox, desk: Notebook) -> AsyncIterator[Telegram]:
    bot = Telegram(TOKEN, server.url, unpaced(), door=at, inbox=inbox)
    platform: ChatPlatform = bot
    try:
        await platform.start(desk)
        yield bot
    finally:
        await platform.stop()


async def test_telegram_is_told_where_to_call_and_what_it_brings_is_answered(inboxes: Inboxes) -> None:
    at, desk = door(), Notebook()
    with FakeTelegram() as server:
        async with front(server, at, inboxes(Wall()), desk):
            (told,) = server.webhooks_set
            assert (told["url"], told["secret_token"]) == (at.url, SECRET)
            assert told["allowed_updates"] == list(ALLOWED_UPDATES)
            for n in range(5):
                server.push_message(READER, READER, f"/paper {n}")
            await server.until(lambda t: len(t.sent) == 5)
        assert {argument for _, _, argument in desk.asked} == {"0", "1", "2", "3", "4"}
        assert server.webhook == at.url, "others may listen there: who stops does not take it away"
        assert {status for _, _, status in server.called} == {200}
        assert server.violations == []


async def test_only_who_knows_the_secret_is_heard(inboxes: Inboxes) -> None:
    at, desk = door(), Notebook()
    body = {"update_id": 7, "message": {"message_id": 1, "date": 0, "chat": {"id": 7, "type": "private"}, "text": "x"}}
    right = {SECRET_HEADER: SECRET}
    with FakeTelegram() as server:
        async with (
            front(server, at, inboxes(Wall()), desk),
            aiohttp.ClientSession() as session,
        ):

            async def status(method: str = "POST", url: str = at.url, **more: object) -> int:
                async with session.request(method, url, **more) as response:  # type: ignore[arg-type]
                    return response.status

            assert await status(json=body) == 403
            assert await status(json=body, headers={SECRET_HEADER: SECRET[:-1]}) == 403
            assert await status(json=body, headers={SECRET_HEADER: "\u00e9" * 40}) == 403
            assert await status("GET", headers=right) == 405
            assert await status(url=at.url + "/more", json=body, headers=right) == 404
            assert await status(data=b" " * (MAX_BYTES + 1), headers=right) == 413
            for nonsense in (b"", b"{", b"[]", b'{"update_id": "7"}', b'{"update_id": true}', b"\xff", b"[" * 9000):
                assert await status(data=nonsense, headers=right) == 400
            assert not desk.asked
            assert await status(json=body, headers=right) == 200
            async with asyncio.timeout(5):
                while not desk.asked:
                    await asyncio.sleep(0.01)
            # What cannot be understood and has a number is Telegram's: it is not to come again for ever.
            assert await status(json={"update_id": 8, "message": {"chat": None}}, headers=right) == 200


async def test_processes_behind_one_address_answer_each_update_once(inboxes: Inboxes) -> None:
    doors = [door(), door()]
    desks = [Notebook(), Notebook()]
    shared = [inboxes(Wall()) for _ in doors]
    with FakeTelegram() as server:
        server.fronts = [at.url for at in doors]
        server.lose_answers = 10
        async with (
            front(server, doors[0], shared[0], desks[0]),
            front(server, doors[1], shared[1], desks[1]),
        ):
            for n in range(20):
                server.push_message(READER + n, READER + n, "/paper LoRA")
            await server.until(lambda t: len(t.sent) == 20, 10)
            await server.until(lambda t: not t._updates, 10)
        assert len(server.called) == 30, "ten came a second time"
        assert len(server.sent) == 20
        assert all(desk.asked for desk in desks)


async def test_what_a_dead_process_had_acknowledged_is_served_by_another(inboxes: Inboxes) -> None:
    wall = Wall()
    dead = inboxes(wall)
    text = (
        '{"update_id": 5, "message": {"message_id": 1, "date": 0, "text": "/paper LoRA",'
        ' "chat": {"id": 7, "type": "private", "first_name": "R"},'
        ' "from": {"id": 7, "is_bot": false, "first_name": "R"}}}'
    )
    assert await dead.keep(5, text)
    living = inboxes(wall)
    assert not await living.keep(5, text), "Telegram sends it again, and it is known"
    assert await living.left(10) == {}
    assert await inboxes(wall, "another bot").left(10) == {}
    wall.at += SERVED_WITHIN + timedelta(seconds=1)
    desk = Notebook()
    with FakeTelegram() as server:
        async with front(server, door(), living, desk):
            await server.until(lambda t: len(t.sent) == 1)
    wall.at += SERVED_WITHIN + timedelta(seconds=1)
    assert await living.left(10) == {}
    assert not await living.keep(5, text), "its number is known on"


async def test_one_that_its_processes_die_of_is_given_up(inboxes: Inboxes) -> None:
    wall = Wall()
    inbox = inboxes(wall)
    assert await inbox.keep(5, "{}")
    begun = 1
    for _ in range(5):
        wall.at += SERVED_WITHIN + timedelta(seconds=1)
        begun += len(await inbox.left(10))
    assert begun == 3


async def test_what_cannot_be_stored_is_not_acknowledged(
    inboxes: Inboxes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inbox, desk = inboxes(Wall()), Notebook()
    keep: Callable[[int, str], object] = inbox._keep
    with FakeTelegram() as server:
        async with front(server, door(), inbox, desk):

            def full(number: int, text: str) -> object:
                if len(server.called) < 3:
                    raise TryLater("the disk is full")
                return keep(number, text)

            monkeypatch.setattr(inbox, "_keep", full)
            server.push_message(READER, READER, "/paper LoRA")
            await server.until(lambda t: len(t.sent) == 1)
        assert [status for _, _, status in server.called] == [503, 503, 503, 200]
        assert len(desk.asked) == 1


async def test_a_port_that_is_taken_and_an_address_that_is_refused_are_told(inboxes: Inboxes) -> None:
    at, inbox = door(), inboxes(Wall())
    with FakeTelegram() as server:
        async with front(server, at, inbox, Notebook()):
            second = Telegram(TOKEN, server.url, unpaced(), door=at, inbox=inbox)
            with pytest.raises(ConfigError, match=r"WEBHOOK_LISTEN.*in use"):
                await second.start(Notebook())
            await second.stop()
        server.fail_next("setWebhook", 400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        third = Telegram(TOKEN, server.url, unpaced(), door=door(), inbox=inbox)
        with pytest.raises(ConfigError, match=r"WEBHOOK_URL.*https url must be provided"):
            await third.start(Notebook())
        await third.stop()


async def test_doctor_knows_whose_webhook_it_is(inboxes: Inboxes) -> None:
    at = door()

    async def found(bot: Telegram) -> tuple[bool, str]:
        (finding,) = [one for one in await bot.examine() if one.subject == "Telegram webhook"]
        return finding.ok, finding.what

    with FakeTelegram() as server:
        polling = Telegram(TOKEN, server.url)
        async with front(server, at, inboxes(Wall()), Notebook()) as bot:
            assert await found(bot) == (True, "it is ours; 0 updates wait")
            ok, what = await found(polling)
            assert not ok and "updates go elsewhere" in what
        server.push_message(READER, READER, "/paper")
        await server.until(lambda t: t._last_error)
        looking = Telegram(TOKEN, server.url, door=at)
        ok, what = await found(looking)
        assert not ok and "could not call" in what and "1 updates wait" in what
        server.webhook = ""
        ok, what = await found(looking)
        assert not ok and what.startswith("none is set")
        for bot in (polling, looking):
            await bot.stop()
