"""One delivery's way: promised, tried, settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import delivery as deliveries
from bot.delivery import (
    MOVES,
    REFUSED,
    SKIPPED,
    Busy,
    Faulty,
    Finished,
    Gone,
    Moved,
    Outcome,
    Sent,
    Sight,
    Unsure,
    settle,
)
from bot.model import Address, Delivery, DeliveryState, Digest, DigestKind, Layout, Match, News, Part

NOW = datetime(2025, 4, 8, 8, tzinfo=UTC)


def planned(papers: int = 3) -> Delivery:
    matches = tuple(Match(i, News.NEW, ("LoRA",)) for i in range(1, papers + 1))
    digest = Digest(DigestKind.PAPERS, date(2025, 4, 8), matches, papers, ("LoRA",))
    return Delivery(1, 1, Address("telegram", "5"), digest, "en", Layout.BRIEF, DeliveryState.LEASED, due_at=NOW)


def again(delivery: Delivery) -> Delivery:
    """Leased once more, whatever it waited for."""
    return deliveries.moved(delivery, DeliveryState.LEASED)


def tried(delivery: Delivery) -> Delivery:
    return deliveries.promised(delivery, Part(len(delivery.parts) + 1, (1, 2), "n1", b"payload"), NOW)


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
    assert not one.current_part.doubts


def test_a_busy_platform_without_a_time_is_asked_less_and_less_often_up_to_an_hour() -> None:
    one, waits = tried(planned()), []
    for _ in range(12):
        one = settle(one, Busy("later"), NOW)
        assert one.due_at is not None
        waits.append(one.due_at - NOW)
        one = again(one)
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
    one = deliveries.promised(again(one), part, NOW)
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
    alone = settle(deliveries.promised(smaller, Part(1, (1,), "n3", b"x"), NOW), Faulty("bad for ever"), NOW)
    assert alone.parts[0].message_id == REFUSED
    assert deliveries.remaining(alone) == (2, 3)
    last = alone.with_part(Part(2, (2, 3), "n2", b"x", "9"))
    assert settle(last, Finished(), NOW).state is DeliveryState.SENT


def test_a_digest_of_which_nothing_arrived_has_failed() -> None:
    alone = deliveries.promised(replace(planned(1), layout=Layout.PLAIN), Part(1, (1,), "n1", b"payload"), NOW)
    one = settle(alone, Faulty("no"), NOW)
    assert settle(one, Finished(), NOW).state is DeliveryState.FAILED


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("window", "later", "in_doubt"),
    [(3 * MINUTE, 3 * MINUTE, False), (3 * MINUTE, 4 * MINUTE, True), (None, MINUTE, True), (None, 0 * MINUTE, True),
     (3 * MINUTE, -60 * MINUTE, True)],
)
def test_what_may_have_arrived_is_sent_again_unseen_only_while_its_nonce_is_remembered(
    window: timedelta | None, later: timedelta, in_doubt: bool
) -> None:
    one = settle(tried(planned()), Unsure("timed out"), NOW)
    assert deliveries.doubtful(one, window, NOW + later) is in_doubt
    part = one.current_part
    assert part is not None
    if later < timedelta():
        return  # the clock was set back
    # A second attempt does not make the first one younger.
    twice = settle(deliveries.promised(again(one), part, NOW + later), Unsure("timed out"), NOW + later)
    assert deliveries.doubtful(twice, window, NOW + later) is in_doubt


@pytest.mark.parametrize(
    ("sight", "repeat", "becomes", "marked"),
    [
        (Sight.THERE, False, "77", False),
        (Sight.THERE, True, "77", False),
        (Sight.ABSENT, False, "to be sent", False),
        (Sight.ABSENT, True, "to be sent", False),
        (Sight.HIDDEN, False, SKIPPED, False),
        (Sight.HIDDEN, True, "to be sent", True),
    ],
)
def test_an_uncertain_message_is_settled_by_what_is_seen_and_else_by_rule(
    sight: Sight, repeat: bool, becomes: str, marked: bool
) -> None:
    one = again(settle(tried(planned()), Unsure("timed out"), NOW))
    after, perhaps_twice = deliveries.resolve(one, sight, repeat=repeat, message_id="77")
    part = after.parts[0]
    assert (part.message_id or "to be sent", perhaps_twice) == (becomes, marked)
    assert bool(part.doubts) is marked, "what was seen is in doubt no more"


@pytest.mark.parametrize(
    "outcome", [Busy("flood", 7200.0), Busy("no connection", None, True), Gone("blocked"), Moved("-1009")]
)
def test_a_later_attempt_that_surely_did_not_arrive_leaves_the_doubt_of_the_first(outcome: Outcome) -> None:
    one = again(settle(tried(planned()), Unsure("timed out"), NOW))
    part = one.current_part
    assert part is not None
    one = settle(deliveries.promised(one, part, NOW + MINUTE), outcome, NOW + MINUTE)
    assert one.current_part == part
    alone = settle(tried(planned()), outcome, NOW)
    assert alone.current_part is not None
    assert (alone.current_part.doubts, alone.current_part.tried_at) == (0, None)


def test_who_could_not_even_look_leaves_the_doubt_as_it_was() -> None:
    one = again(settle(tried(planned()), Unsure("timed out"), NOW))
    assert settle(one, Busy("no connection", None, True), NOW).current_part == one.current_part


def test_a_network_that_loses_every_answer_does_not_fill_a_chat_with_one_message() -> None:
    one, repeats = settle(tried(planned()), Unsure("timed out"), NOW), 0
    for _ in range(50):
        one, _ = deliveries.resolve(again(one), Sight.HIDDEN, repeat=True)
        part = one.current_part
        if part is None:
            break
        repeats += 1
        one = settle(deliveries.promised(one, part, NOW), Unsure("timed out"), NOW)
    assert repeats == deliveries.MOST_TRIES - 1
    assert one.parts[0].message_id == SKIPPED


def test_a_program_that_dies_at_every_attempt_does_not_fill_a_chat_with_one_message_either() -> None:
    one, repeats = tried(planned()), 0
    while (part := deliveries.resolve(again(one), Sight.HIDDEN, repeat=True)[0].current_part) is not None:
        repeats += 1
        one = deliveries.promised(again(one), part, NOW)
    assert repeats == deliveries.MOST_TRIES - 1


def test_a_part_that_was_promised_and_never_tried_is_simply_sent() -> None:
    one = planned().with_part(Part(1, (1,), "n", b"x"))
    assert not deliveries.doubtful(one, None, NOW)
    assert deliveries.resolve(one, Sight.HIDDEN, repeat=False) == (one, False)


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
        if one.state is DeliveryState.UNREACHABLE:
            one = deliveries.moved(one, DeliveryState.POSTPONED)
        if one.state not in (DeliveryState.LEASED, DeliveryState.SENDING):
            one = again(one)
        part = one.current_part
        if part is None:
            left = deliveries.remaining(one)
            if not left:
                break
            part = Part(len(one.parts) + 1, left[:2], f"n{number}", b"x")
        one = deliveries.promised(one, part, NOW)
        one = settle(one, Sent(part, str(number)) if isinstance(outcome, str) else outcome, NOW)
        told = [paper for p in one.parts for paper in p.papers]
        assert len(told) == len(set(told))
        assert set(told) | set(deliveries.remaining(one)) == set(range(1, 7))


def test_what_has_ended_stays_so_but_for_a_chat_that_comes_back() -> None:
    assert set(MOVES) == set(DeliveryState)
    ended = {state for state in DeliveryState if not state.open}
    assert ended == {DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNREACHABLE}
    assert {state: set(MOVES[state]) for state in ended if MOVES[state]} == {
        DeliveryState.UNREACHABLE: {DeliveryState.POSTPONED}
    }
    for state in DeliveryState:
        assert DeliveryState.PLANNED not in MOVES[state], "a delivery is planned once"
        assert not state.open or DeliveryState.LEASED in MOVES[state], "whatever is open can be worked on"


@given(st.lists(OUTCOMES | st.builds(Finished), min_size=1, max_size=12), st.sampled_from(list(DeliveryState)))
def test_whatever_happens_only_moves_of_the_table_are_made(
    outcomes: list[Outcome | str], begins: DeliveryState
) -> None:
    one = replace(planned(6), state=begins)
    for number, outcome in enumerate(outcomes):
        before = one.state
        try:
            if isinstance(outcome, Finished) or before is not DeliveryState.LEASED:
                one = settle(one, Finished() if isinstance(outcome, str) else outcome, NOW)
            else:
                part = one.current_part or Part(len(one.parts) + 1, (number,), "n", b"x")
                one = deliveries.promised(one, part, NOW)
        except ValueError as refused:
            assert "cannot go from" in str(refused)
            assert one.state is before
            if DeliveryState.LEASED in MOVES[before]:
                one = again(one)
        assert one.state is before or one.state in MOVES[before]
