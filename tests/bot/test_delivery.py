"""One delivery's way: promised, tried, settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import delivery as deliveries
from bot.delivery import REFUSED, SKIPPED, Busy, Faulty, Finished, Gone, Moved, Outcome, Sent, Unsure, settle
from bot.model import Address, Delivery, DeliveryState, Digest, DigestKind, Layout, Match, News, Part

NOW = datetime(2025, 4, 8, 8, tzinfo=UTC)


def planned(papers: int = 3) -> Delivery:
    matches = tuple(Match(i, News.NEW, ("LoRA",)) for i in range(1, papers + 1))
    digest = Digest(DigestKind.PAPERS, date(2025, 4, 8), matches, papers, ("LoRA",))
    return Delivery(1, 1, Address("telegram", "5"), digest, "en", Layout.BRIEF, due_at=NOW)


def tried(delivery: Delivery) -> Delivery:
    return deliveries.promised(delivery, Part(len(delivery.parts) + 1, (1, 2), "n1", b"payload"))


def test_a_message_that_arrived_is_never_the_current_part_again() -> None:
    one = tried(planned())
    part = one.current_part
    assert part is not None
    after = settle(one, Sent(part, "77"), NOW)
    assert after.current_part is None
    assert after.sent_parts[0].message_id == "77"
    assert deliveries.remaining(after) == (3,)


def test_a_busy_platform_delays_and_the_same_bytes_wait() -> None:
    one = settle(tried(planned()), Busy("flood", 5400.0), NOW)
    assert one.state is DeliveryState.POSTPONED
    assert one.due_at == NOW + timedelta(hours=1.5)
    assert one.current_part is not None and one.current_part.payload == b"payload"
    assert not one.current_part.tried


def test_a_busy_platform_without_a_time_is_asked_less_and_less_often_up_to_an_hour() -> None:
    one, waits = tried(planned()), []
    for _ in range(12):
        one = settle(one, Busy("later"), NOW)
        assert one.due_at is not None
        waits.append(one.due_at - NOW)
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=30)
    assert waits[-1] == timedelta(hours=1)
    assert one.state.open


def test_a_platform_out_of_reach_is_asked_again_within_minutes_however_long_it_was_away() -> None:
    one = replace(tried(planned()), attempts=50)
    later = settle(one, Busy("no connection", None, everywhere=True), NOW)
    assert later.due_at == NOW + timedelta(minutes=4)
    assert settle(one, Busy("the whole bot", 7200, everywhere=True), NOW).due_at == NOW + timedelta(hours=2)


def test_progress_starts_the_attempts_anew() -> None:
    one = settle(tried(planned()), Busy("later"), NOW)
    part = one.current_part
    assert part is not None
    assert settle(one, Sent(part, "1"), NOW).attempts == 0


def test_a_chat_that_moved_is_tried_at_its_new_address_at_once() -> None:
    one = settle(tried(planned()), Moved("-1009"), NOW)
    assert one.address == Address("telegram", "-1009")
    assert one.due_at == NOW and one.state.open


def test_a_chat_that_is_gone_keeps_its_delivery_unreachable() -> None:
    one = settle(tried(planned()), Gone("blocked"), NOW)
    assert one.state is DeliveryState.UNREACHABLE
    assert one.why == "blocked"
    assert deliveries.remaining(one) == (3,)


def test_a_refused_message_is_made_plain_then_smaller_and_then_left_out_while_the_rest_goes_on() -> None:
    one = settle(tried(planned()), Faulty("bad entities"), NOW)
    assert one.layout is Layout.PLAIN
    assert deliveries.remaining(one) == (1, 2, 3)
    smaller = settle(tried(one), Faulty("still bad"), NOW)
    assert smaller.state is DeliveryState.SENDING
    assert deliveries.remaining(smaller) == (1, 2, 3), "a message of two papers may be refused for one of them"
    again = settle(deliveries.promised(smaller, Part(1, (1,), "n3", b"x")), Faulty("bad for ever"), NOW)
    assert again.parts[0].message_id == REFUSED
    assert deliveries.remaining(again) == (2, 3)
    last = again.with_part(Part(2, (2, 3), "n2", b"x", "9", True))
    assert settle(last, Finished(), NOW).state is DeliveryState.SENT


def test_a_digest_of_which_nothing_arrived_has_failed() -> None:
    alone = deliveries.promised(replace(planned(1), layout=Layout.PLAIN), Part(1, (1,), "n1", b"payload"))
    one = settle(alone, Faulty("no"), NOW)
    assert settle(one, Finished(), NOW).state is DeliveryState.FAILED


@pytest.mark.parametrize(
    ("deduplicates", "repeat", "sent_again"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_an_uncertain_message_is_settled_by_rule(deduplicates: bool, repeat: bool, sent_again: bool) -> None:
    one = settle(tried(planned()), Unsure("timed out"), NOW)
    assert one.state is DeliveryState.UNCERTAIN
    after = deliveries.resolve(one, deduplicates=deduplicates, repeat=repeat)
    assert (after.current_part is not None) is sent_again
    if not sent_again:
        assert after.parts[0].message_id == SKIPPED


def test_a_network_that_loses_every_answer_does_not_fill_a_chat_with_one_message() -> None:
    one, repeats = planned(), 0
    one = settle(tried(one), Unsure("timed out"), NOW)
    for _ in range(50):
        one = deliveries.resolve(one, deduplicates=False, repeat=True)
        part = one.current_part
        if part is None:
            break
        repeats += 1
        one = settle(deliveries.promised(one, part), Unsure("timed out"), NOW)
    assert repeats == deliveries.MOST_TRIES - 1
    assert one.parts[0].message_id == SKIPPED


def test_a_part_that_was_promised_and_never_tried_is_simply_sent() -> None:
    one = planned().with_part(Part(1, (1,), "n", b"x"))
    assert deliveries.resolve(one, deduplicates=False, repeat=False) == one


OUTCOMES = st.one_of(
    st.builds(Busy, st.just("b"), st.none() | st.floats(0, 90000)),
    st.builds(Unsure, st.just("u")),
    st.builds(Moved, st.just("-100")),
    st.builds(Gone, st.just("g")),
    st.builds(Faulty, st.just("f")),
    st.just("sent"),
)


@given(st.lists(OUTCOMES, max_size=30))
def test_whatever_happens_no_paper_is_told_twice_and_none_is_forgotten(outcomes: list[Outcome | str]) -> None:
    one = planned(6)
    for number, outcome in enumerate(outcomes):
        if not one.state.open:
            one = replace(one, state=DeliveryState.PLANNED, due_at=NOW)
        part = one.current_part
        if part is None:
            left = deliveries.remaining(one)
            if not left:
                break
            part = Part(len(one.parts) + 1, left[:2], f"n{number}", b"x")
        one = deliveries.promised(one, part)
        one = settle(one, Sent(part, str(number)) if isinstance(outcome, str) else outcome, NOW)
        told = [paper for p in one.parts for paper in p.papers]
        assert len(told) == len(set(told))
        assert set(told) | set(deliveries.remaining(one)) == set(range(1, 7))
