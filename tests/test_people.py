"""A group asks what is kept of it, has it, and is forgotten: over a real socket, desk and database."""

from __future__ import annotations

import json

from bot.pipeline import Pipeline, Settings
from tests.desks import MANAGER, Front, later
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front
from tests.servers.telegram import FakeTelegram
from tests.servers.telegram_bot import bot_on
from tests.test_round import Papers

GROUP, MAX, MEI = -100, 3, 2
TEXT = "zebra finch song"


async def test_a_group_is_handed_its_data_and_forgotten(front: Front) -> None:
    with FakeTelegram() as server:
        server.add_chat(GROUP, title="Zebrafinken")
        server.admins.add((GROUP, MAX))
        async with bot_on(server, front.desk) as telegram:
            settings = Settings(("cs.CL",))
            pipeline = Pipeline(front.store, front.index, Papers(), {"telegram": telegram}, settings, lambda: front.now)

            async def told(count: int) -> str:
                await server.until(lambda s: len(s.sent) >= count)
                return str(server.sent[count - 1]["visible"])

            async def delivered() -> int:
                await pipeline.plan()
                await pipeline.deliver()
                return len(server.sent)

            server.push_message(GROUP, MAX, f"/subscribe {TEXT} OR LoRA")
            assert "in the last week" in await told(1)
            (follow, _, _), *_ = server.sent[0]["reply_markup"]["inline_keyboard"]
            server.push_callback(server.sent[0]["message_id"], follow["callback_data"], MAX)
            await server.until(lambda s: "Subscribed" in s.sent[0]["visible"])
            server.pressed.clear()
            server.edited.clear()
            later(front, hours=3)
            assert await delivered() == 2
            assert "LoRA at Noon" in await told(2)

            server.push_message(GROUP, MEI, "/mydata")
            assert "Only this chat's administrators" in await told(3)
            server.push_message(GROUP, MEI, "/forget")
            assert "Only this chat's administrators" in await told(4)

            server.push_message(GROUP, MAX, "/mydata")
            assert await told(6) == "I have sent it to you alone."
            assert [message["chat_id"] for message in server.sent[4:6]] == [MAX, GROUP]
            ((to, name, content),) = server.documents
            assert (to, name) == (MAX, "paperround-data.json")
            kept = json.loads(content)
            assert kept["chat"][0]["title"] == "Zebrafinken"
            assert kept["subscription"][0]["query"] == f"{TEXT} OR LoRA"
            assert kept["digest"][0]["content"]["papers"][0]["paper"] == "arxiv:2504.00011"

            server.push_message(GROUP, MAX, "/forget")
            assert "cannot be undone" in await told(7)
            question = server.sent[6]
            action = question["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
            server.push_callback(question["message_id"], action, MEI)
            await server.until(lambda s: s.pressed)
            assert "Only this chat's administrators" in server.pressed[0]["text"]
            assert front.chat(MANAGER).title == "Zebrafinken"
            server.push_callback(question["message_id"], action, MAX)
            await server.until(lambda s: s.edited)
            assert question["visible"].startswith("Erased.")
            assert "reply_markup" not in question

            for days in range(1, 4):
                later(front, days=days)
                assert await delivered() == 7, "it is silent"
            rows = {name: rows for name, rows in front.rows().items() if name != "inbox"}
            for trace in ("Zebrafinken", TEXT, f"'{GROUP}'", f"telegram:{GROUP}", f"telegram:{MAX}"):
                assert trace not in repr(rows), trace

            server.push_message(GROUP, MAX, "/start")
            assert "new papers to your door" in await told(8)
            assert front.follows(MANAGER) == []
        assert server.violations == []
