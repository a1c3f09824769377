"""The program as a process, with a feed, Telegram and a model's server over loopback: a Chinese digest of a day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.model import Address
from tests.faults.town import DAY, NINE, town_in
from tests.feeds_text import rss
from tests.servers.feeds import Answer
from tests.servers.models import KEY, MODEL, ModelServer, tea

HERE = Address("telegram", "501")


async def test_a_day_with_a_model_brings_a_chinese_digest_and_tells_no_secret(tmp_path: Path) -> None:
    async with ModelServer() as server, town_in(tmp_path) as town:
        town.env |= {
            "PAPERROUND_SUMMARIES__URL": server.url,
            "PAPERROUND_SUMMARIES__MODEL": MODEL,
            "PAPERROUND_SUMMARIES__KEY": KEY,
            "PAPERROUND_SUMMARIES__TOKENS_A_DAY": "1_000_000",
        }
        town.feeds.put("/rss/cs.CL", Answer(rss([tea(n) for n in (1, 2, 3)], DAY), etag='"today"'))
        town.chats({HERE: "Kettle-1 OR Kettle-2"}, NINE)
        with town.opened() as store, store.transaction() as tx:
            chat = tx.chat(HERE)
            assert chat is not None
            tx.put_chat(replace(chat, language="zh-Hans"))
        program = await town.round()
        text = "\n".join(town.texts(HERE))
        assert "Kettle-1 把水温分解为两个小矩阵" in text and "Kettle-2：低秩泡茶法" in text
        assert set(server.papers().values()) == {1} and len(server.papers()) == 2
        assert KEY not in program.log + program.out
        async with town.program("doctor") as doctor:
            await doctor.ended()
        assert f"{MODEL} at {server.url} is there" in doctor.out
        assert KEY not in doctor.log + doctor.out
