"""When a digest is due, what goes in, and what is said where nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.digests import Day, Decision, Followed, decide, local_date, next_due
from bot.documents import document
from bot.model import WANTED, Address, Announcement, Arrival, Chat, DigestKind, EmptyDay, Match, News, Paper
from bot.query import parse

TUESDAY = date(2025, 4, 8)
EIGHT = datetime(2025, 4, 8, 8, 0, tzinfo=UTC)
CHAT = Chat(1, Address("telegram", "5"), seen=10, due_at=EIGHT)
ZONES = (
    "UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe",
    "Asia/Kathmandu", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Cairo", "America/Sao_Paulo", "Asia/Beirut",
    "America/Havana", "Antarctica/Troll", "Europe/Dublin",
)  # fmt: skip


def at(chat: Chat, zone: str, clock: str, days: Sequence[int] = range(1, 8)) -> Chat:
    return replace(chat, timezone=zone, time=time.fromisoformat(clock), days=frozenset(days))


def chats() -> st.SearchStrategy[Chat]:
    return st.builds(
        lambda zone, clock, days: replace(CHAT, timezone=zone, time=clock, days=days),
        st.sampled_from(ZONES),
        st.times().map(lambda t: t.replace(second=0, microsecond=0)),
        st.frozensets(st.integers(1, 7), min_size=1),
    )


MOMENTS = st.datetimes(datetime(2012, 1, 2), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SPRING = datetime(2025, 3, 30, 0, 59, tzinfo=UTC)
"""A minute before Berlin's clocks go from 02:00 to 03:00."""
AUTUMN = datetime(2025, 10, 26, 0, 59, tzinfo=UTC)
"""A minute before Berlin's clocks go from 03:00 back to 02:00."""


@given(chats(), MOMENTS)
@example(at(CHAT, "Europe/Berlin", "02:30"), SPRING)
@example(at(CHAT, "Europe/Berlin", "02:30"), AUTUMN)
@example(at(CHAT, "Europe/Berlin", "02:30"), AUTUMN + timedelta(hours=1))
@example(at(CHAT, "America/Sao_Paulo", "00:00"), datetime(2018, 11, 4, 2, 59, tzinfo=UTC))
@example(at(CHAT, "Australia/Lord_Howe", "02:15"), datetime(2025, 10, 4, 15, 29, tzinfo=UTC))
def test_the_next_digest_is_later_on_a_wanted_weekday_at_the_chats_own_time(chat: Chat, now: datetime) -> None:
    due = next_due(chat, now)
    assert now < due <= now + timedelta(days=9)
    zone = ZoneInfo(chat.timezone)
    local = due.astimezone(zone)
    meant = datetime.combine(local.date(), chat.time, zone)
    skipped = meant.astimezone(UTC).astimezone(zone).time() != chat.time
    if not skipped:
        assert local.time() == chat.time and local.fold == 0
        assert local.isoweekday() in chat.days
    else:
        assert timedelta() < local.replace(tzinfo=None) - meant.replace(tzinfo=None) <= timedelta(hours=2)


@given(chats(), MOMENTS)
@example(at(CHAT, "Europe/Berlin", "02:30"), SPRING)
@example(at(CHAT, "Europe/Berlin", "02:30"), AUTUMN)
def test_whenever_it_is_asked_before_the_answer_the_answer_is_the_same(chat: Chat, now: datetime) -> None:
    due = next_due(chat, now)
    for earlier in (now + (due - now) / 2, due - timedelta(seconds=1)):
        assert next_due(chat, earlier) == due
    assert next_due(chat, due) > due


@given(chats(), MOMENTS)
def test_every_wanted_day_of_a_fortnight_gets_its_digest_once(chat: Chat, now: datetime) -> None:
    days = []
    due = now
    while (due := next_due(chat, due)) <= now + timedelta(days=14):
        days.append(local_date(chat, due))
    assert len(days) == len(set(days))
    assert {day.isoweekday() for day in days} == chat.days


@pytest.mark.parametrize(
    ("zone", "clock", "now", "due"),
    [
        ("UTC", "08:00", "2025-04-08T07:59", "2025-04-08T08:00"),
        ("UTC", "08:00", "2025-04-08T08:00", "2025-04-09T08:00"),
        ("Asia/Shanghai", "08:00", "2025-04-08T23:59", "2025-04-09T00:00"),
        ("America/New_York", "08:00", "2025-04-08T08:00", "2025-04-08T12:00"),
        ("Europe/Berlin", "02:30", "2025-03-30T00:59", "2025-03-30T01:30"),
        ("Europe/Berlin", "02:30", "2025-10-25T23:59", "2025-10-26T00:30"),
        ("Europe/Berlin", "02:30", "2025-10-26T00:31", "2025-10-27T01:30"),
        ("Europe/Berlin", "08:00", "2025-03-29T12:00", "2025-03-30T06:00"),
    ],
)
def test_the_next_digest_follows_the_local_clock_through_its_changes(zone: str, clock: str, now: str, due: str) -> None:
    found = next_due(at(CHAT, zone, clock), datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_weekdays_are_the_chats_own_not_those_of_utc() -> None:
    mondays = at(CHAT, "Pacific/Kiritimati", "08:00", [1])
    assert next_due(mondays, EIGHT) == datetime(2025, 4, 13, 18, 0, tzinfo=UTC)


def test_a_chat_without_a_weekday_is_an_error_not_an_endless_search() -> None:
    with pytest.raises(ValueError, match="no day of the week"):
        next_due(at(CHAT, "UTC", "08:00", []), EIGHT)


def paper(number: int, title: str, *categories: str, first: date = TUESDAY, abstract: str = "") -> Paper:
    return Paper(number, (f"arxiv:2504.{number:05d}",), title, abstract, (), categories, first_announced_on=first)


def told(number: int, of: Paper, news: News = News.NEW, on: date = TUESDAY, *added: str) -> Announcement:
    return Announcement(number, of.id, news, on, added or of.categories)


def day_of(papers: Sequence[Paper], announcements: Sequence[Announcement]) -> Day:
    return Day(announcements, {p.id: p for p in papers}, {p.id: document(p) for p in papers})


def follows(*queries: str) -> tuple[Followed, ...]:
    return tuple(Followed(query, parse(query)) for query in queries)


def matched(day: Day, *queries: str, wants: frozenset[News] = WANTED) -> list[tuple[int, News, tuple[str, ...]]]:
    return [(m.paper_id, m.news, m.labels) for m in day.matches(follows(*queries), wants)]


def test_a_paper_stands_once_with_every_subscription_that_it_matched() -> None:
    lora = paper(1, "LoRA for retrieval", "cs.CL")
    day = day_of([lora], [told(11, lora)])
    assert matched(day, "LoRA", "retrieval", "tea") == [(1, News.NEW, ("LoRA", "retrieval"))]


def test_a_subscription_held_twice_labels_a_paper_once() -> None:
    lora = paper(1, "LoRA", "cs.CL")
    both = (Followed("PEFT", parse("LoRA")), Followed("PEFT", parse("QLoRA OR LoRA")))
    assert [m.labels for m in day_of([lora], [told(11, lora)]).matches(both, WANTED)] == [("PEFT",)]


def test_the_newest_day_comes_first_then_the_best_match() -> None:
    monday = date(2025, 4, 7)
    old = paper(1, "LoRA and RAG", first=monday)
    body = paper(2, "Other", abstract="LoRA inside")
    title = paper(3, "LoRA")
    both = paper(4, "LoRA and RAG")
    papers = [old, body, title, both]
    announcements = [told(11, old, on=monday), *(told(12 + n, p) for n, p in enumerate([body, title, both]))]
    assert [found[0] for found in matched(day_of(papers, announcements), "LoRA", "RAG")] == [4, 3, 2, 1]


def test_new_wins_over_a_cross_list_of_the_same_paper() -> None:
    lora = paper(1, "LoRA", "cs.CL", "cs.LG")
    day = day_of([lora], [told(11, lora, News.CROSS), told(12, lora)])
    assert matched(day, "LoRA") == [(1, News.NEW, ("LoRA",))]


@pytest.mark.parametrize("news", [News.UPDATE, News.PUBLISHED])
def test_updates_come_only_to_who_asks_for_them(news: News) -> None:
    lora = paper(1, "LoRA")
    day = day_of([lora], [told(11, lora, news)])
    assert matched(day, "LoRA") == []
    assert matched(day, "LoRA", wants=WANTED | {news}) == [(1, news, ("LoRA",))]


def test_a_later_cross_list_is_news_only_to_queries_that_the_category_newly_satisfies() -> None:
    old = paper(1, "LoRA", "cs.CL", "cs.LG", first=date(2025, 4, 1))
    day = day_of([old], [told(11, old, News.CROSS, TUESDAY, "cs.LG")])
    assert matched(day, "LoRA") == [], "it was offered when it was new"
    assert matched(day, "cat:cs.LG") == [(1, News.CROSS, ("cat:cs.LG",))]
    assert matched(day, "cat:cs.LG", "LoRA") == [], "this chat has had it"
    assert matched(day, "LoRA -cat:cs.LG") == []


def test_a_cross_list_of_the_paper_s_first_day_is_news_to_all() -> None:
    lora = paper(1, "LoRA", "cs.CL", "cs.LG")
    assert matched(day_of([lora], [told(11, lora, News.CROSS)]), "LoRA") == [(1, News.CROSS, ("LoRA",))]


LORA = paper(1, "LoRA", "cs.CL")
WITH, WITHOUT, NONE = day_of([LORA], [told(11, LORA)]), day_of([paper(2, "Tea")], [told(11, paper(2, "Tea"))]), None
FOUR_HOURS = timedelta(hours=4)
TOMORROW = EIGHT + timedelta(days=1)
WAIT_UNTIL = time(14, 0)


def decided(
    day: Day | None,
    now: datetime = EIGHT,
    *,
    settled: bool = True,
    quiet: bool = False,
    last: DigestKind | None = None,
    last_at: datetime | None = None,
    chat: Chat = CHAT,
    queries: Sequence[str] = ("LoRA",),
) -> Decision:
    return decide(
        chat, follows(*queries), day, 11, settled=settled, quiet=quiet, last_kind=last, wait_until=WAIT_UNTIL,
        now=now, last_at=last_at,
    )  # fmt: skip


P, N, W = DigestKind.PAPERS, DigestKind.NOTHING, DigestKind.NOT_IN_YET
YESTERDAY, TODAY = EIGHT - timedelta(days=1), EIGHT - timedelta(hours=7)
SILENT = replace(CHAT, empty_day=EmptyDay.SILENT)
AFTERNOON = EIGHT + timedelta(hours=6, minutes=1)


@pytest.mark.parametrize(
    ("what", "decision", "kind", "seen", "due_at"),
    [
        ("papers", decided(WITH), P, 11, TOMORROW),
        ("papers though another category is not in", decided(WITH, settled=False), P, 11, TOMORROW),
        ("papers later on a day already told empty", decided(WITH, last=N, last_at=TODAY), P, 11, TOMORROW),
        ("papers later on a day told not in", decided(WITH, last=W, last_at=TODAY), P, 11, TOMORROW),
        ("papers to a chat that wants silence", decided(WITH, chat=SILENT), P, 11, TOMORROW),
        ("nothing", decided(WITHOUT), N, 11, TOMORROW),
        ("nothing, nothing announced at all", decided(NONE), N, 11, TOMORROW),
        ("nothing, silently", decided(WITHOUT, chat=SILENT), None, 11, TOMORROW),
        ("nothing again the next day", decided(WITHOUT, last=N, last_at=YESTERDAY), N, 11, TOMORROW),
        ("a quiet day", decided(NONE, quiet=True, last=P, last_at=YESTERDAY), N, 11, TOMORROW),
        ("a quiet day after one", decided(NONE, quiet=True, last=N, last_at=YESTERDAY), None, 11, TOMORROW),
        ("nothing twice a day", decided(WITHOUT, last=N, last_at=TODAY), None, 11, TOMORROW),
        ("nothing after today's papers", decided(WITHOUT, last=P, last_at=TODAY), None, 11, TOMORROW),
        ("nothing, and arXiv was not in before", decided(WITHOUT, last=W, last_at=TODAY), N, 11, TOMORROW),
        ("waiting", decided(NONE, settled=False), None, 10, EIGHT + timedelta(minutes=10)),
        ("waiting with what does not match", decided(WITHOUT, settled=False), None, 10, EIGHT + timedelta(minutes=10)),
        (
            "waiting, the hour being near",
            decided(NONE, AFTERNOON - timedelta(minutes=5), settled=False),
            None, 10, EIGHT + timedelta(hours=6),
        ),
        ("not in yet", decided(NONE, AFTERNOON, settled=False), W, 10, TOMORROW),
        ("not in yet, silently", decided(NONE, AFTERNOON, settled=False, chat=SILENT), None, 10, TOMORROW),
        ("not in yet, twice a day", decided(NONE, AFTERNOON, settled=False, last=W, last_at=TODAY), None, 10, TOMORROW),
        ("not in yet, next day", decided(NONE, AFTERNOON, settled=False, last=W, last_at=YESTERDAY), W, 10, TOMORROW),
        ("nothing followed", decided(WITH, queries=()), None, 10, TOMORROW),
    ],
)  # fmt: skip
def test_what_becomes_of_a_chat_that_is_due(
    what: str, decision: Decision, kind: DigestKind | None, seen: int, due_at: datetime
) -> None:
    found = decision.digest.kind if decision.digest else None
    assert (found, decision.seen, decision.due_at) == (kind, seen, due_at), what


@pytest.mark.parametrize("quiet", [True, False])
def test_an_empty_digest_keeps_whether_arxiv_was_quiet(quiet: bool) -> None:
    digest = decided(NONE, quiet=quiet).digest
    assert digest is not None and digest.quiet is quiet


def test_the_day_that_counts_is_the_chats_own() -> None:
    shanghai = replace(CHAT, timezone="Asia/Shanghai", time=time(1, 0))
    one_in_the_night = datetime(2025, 4, 8, 17, 0, tzinfo=UTC)
    before_midnight = one_in_the_night - timedelta(hours=2)
    again = decided(WITHOUT, one_in_the_night, last=N, last_at=before_midnight, chat=shanghai)
    assert again.digest is not None and again.digest.on == date(2025, 4, 9)


def test_a_digest_pushes_as_many_as_the_chat_takes_and_keeps_the_rest() -> None:
    papers = [paper(n, f"LoRA {n}") for n in range(1, 31)]
    day = day_of(papers, [told(10 + p.id, p) for p in papers])
    digest = decided(day, chat=replace(CHAT, size=7)).digest
    assert digest is not None and (len(digest.matches), digest.pushed) == (30, 7)
    few = decided(WITH, chat=replace(CHAT, size=7)).digest
    assert few is not None and few.pushed == 1


def test_a_digest_is_labelled_by_what_matched_and_an_empty_one_by_all() -> None:
    digest = decided(WITH, queries=("tea", "LoRA", "LoRA OR tea")).digest
    assert digest is not None and digest.labels == ("LoRA", "LoRA OR tea") and digest.on == TUESDAY
    empty = decided(WITHOUT, queries=("LoRA", "RAG")).digest
    assert empty is not None and empty.labels == ("LoRA", "RAG")


def test_papers_of_two_days_carry_the_newer_ones_date() -> None:
    old = paper(2, "LoRA before", first=date(2025, 4, 7))
    day = day_of([LORA, old], [told(11, old, on=date(2025, 4, 7)), told(12, LORA)])
    digest = decided(day).digest
    assert digest is not None and digest.on == TUESDAY
    assert [m.paper_id for m in digest.matches] == [1, 2]


@given(
    st.sampled_from([WITH, WITHOUT, NONE]), MOMENTS, st.booleans(), st.booleans(), st.sampled_from([None, P, N, W]),
    st.integers(0, 72), chats(), st.sampled_from(list(EmptyDay)),
)  # fmt: skip
def test_a_decision_always_moves_on_and_never_back(
    day: Day | None,
    now: datetime,
    settled: bool,
    quiet: bool,
    last: DigestKind | None,
    hours: int,
    chat: Chat,
    empty: EmptyDay,
) -> None:
    asked = replace(chat, empty_day=empty)
    made = decided(day, now, settled=settled, quiet=quiet, last=last, last_at=now - timedelta(hours=hours), chat=asked)
    assert made.due_at > now
    assert made.seen in (chat.seen, 11)
    if made.digest is None and not settled:
        assert made.seen == chat.seen, "what was not looked at for good comes later"
    if day is WITH:
        assert made.digest is not None
        assert made.digest.matches == (Match(1, News.NEW, ("LoRA",)),)
    elif empty is EmptyDay.SILENT:
        assert made.digest is None


# Papers of days that were missed

MONDAY, FRIDAY = date(2025, 4, 7), date(2025, 4, 4)


def late(number: int, of: Paper, on: date) -> Announcement:
    return replace(told(number, of, on=on), arrival=Arrival.LATE)


def late_days(day: Day, since: date | None = None) -> list[tuple[int, date | None]]:
    return [(m.paper_id, m.late_on) for m in day.matches(follows("LoRA"), WANTED, since)]


def a_day_with_late_ones() -> Day:
    papers = [paper(n, f"LoRA {n}", "cs.CL") for n in range(1, 6)]
    told_of = [
        late(11, papers[0], FRIDAY), late(12, papers[1], MONDAY), told(13, papers[2]),
        told(14, papers[3], on=MONDAY), late(15, papers[4], MONDAY),
    ]  # fmt: skip
    return day_of(papers, told_of)


def test_late_papers_come_after_all_others_the_newest_day_first_with_their_day() -> None:
    found = late_days(a_day_with_late_ones())
    assert found == [(3, None), (4, None), (2, MONDAY), (5, MONDAY), (1, FRIDAY)]


def test_of_what_is_late_a_chat_gets_no_day_before_it_was_there() -> None:
    day = a_day_with_late_ones()
    assert late_days(day, MONDAY) == [(3, None), (4, None), (2, MONDAY), (5, MONDAY)]
    assert late_days(day, TUESDAY) == [(3, None), (4, None)], "what was not late is offered all the same"
    assert day.digest(follows("LoRA"), WANTED, 20, 15, date(2025, 5, 1)) is not None


def test_chats_of_whatever_age_share_a_digest_where_nothing_of_it_is_withheld() -> None:
    day, followed = a_day_with_late_ones(), follows("LoRA")
    first = day.digest(followed, WANTED, 20, 15, None)
    assert day.digest(followed, WANTED, 20, 15, FRIDAY) is first
    assert day.digest(followed, WANTED, 20, 15, MONDAY) is not first


def test_a_chat_gets_late_papers_with_its_next_digest_and_a_new_one_does_not() -> None:
    day = a_day_with_late_ones()
    for since, count in ((None, 5), (TUESDAY, 2)):
        chat = replace(CHAT, since_on=since)
        decision = decide(
            chat, follows("LoRA"), day, 15, settled=True, quiet=False, last_kind=None, wait_until=time(14), now=EIGHT
        )
        assert decision.digest is not None and len(decision.digest.matches) == count
        assert decision.seen == 15 and decision.digest.on == TUESDAY
