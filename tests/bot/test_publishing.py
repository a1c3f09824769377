"""The site that an instance keeps: by one process, where something changed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.errors import BadInput
from bot.model import Site
from bot.publishing import AGAIN, MONTH, WEEK, Publishing
from tests.desks import Front, item
from tests.desks import front as front
from tests.desks import ready_database as ready_database
from tests.desks import ready_front as ready_front


class Kept:
    """What was published, in memory."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.fault = ""

    def __repr__(self) -> str:
        return "Kept()"

    @property
    def new(self) -> bool:
        return not self.sites

    def publish(self, site: Site) -> int:
        if self.fault:
            raise BadInput(self.fault)
        self.sites.append(site)
        return 1


def keeper(front: Front, press: Kept) -> Publishing:
    return Publishing(front.store, front.index, press, lambda: front.now)


def keep(front: Front, press: Kept) -> bool:
    return asyncio.run(keeper(front, press).run_if_due())


def test_a_site_is_written_when_papers_came_and_not_again_until_more_do(front: Front) -> None:
    press = Kept()
    assert keep(front, press) and len(press.sites) == 1
    site = press.sites[0]
    assert site.announced and len(site.days) == min(MONTH, len(site.announced))
    assert {topic.slug for topic, _ in site.topics} >= {"peft", "rag"}
    assert any(one.topics for _, papers in site.days for one in papers)
    front.now += AGAIN + timedelta(seconds=1)
    assert not keep(front, press), "nothing changed"
    front.announce([item(99, "Cups for LoRA")])
    front.now += AGAIN
    assert keep(front, press)
    assert len(press.sites[1].days) <= WEEK


def test_two_processes_never_write_at_the_same_time_and_none_too_often(front: Front) -> None:
    press = Kept()
    assert keep(front, press)
    front.announce([item(99, "Cups for LoRA")])
    assert not keep(front, press), "half an hour lies between two"
    front.now += AGAIN
    with front.store.transaction() as tx:
        assert tx.take_lease("export", "another", front.now, front.now + timedelta(minutes=5))
    assert not keep(front, press)
    front.now += timedelta(minutes=6)
    assert keep(front, press), "whoever died is not waited for"


def test_a_folder_that_cannot_be_written_is_logged_and_tried_again(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    press = Kept()
    press.fault = "/site: Permission denied; name a folder that can be written"
    assert not keep(front, press)
    assert "Permission denied" in caplog.text
    press.fault = ""
    front.now += AGAIN
    assert keep(front, press)
