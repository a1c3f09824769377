"""Chats, subscriptions and deliveries to the words of this house and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Row

from bot.model import (
    Address,
    Asked,
    Chat,
    ChatState,
    Delivery,
    DeliveryState,
    Digest,
    DigestKind,
    EmptyDay,
    Layout,
    Match,
    News,
    Part,
    Place,
    Rest,
    Standing,
    Subscription,
)
from storage.rows import Values

# An enum's own look-up takes ten times as long, and a plan reads a million chats.
_PLACES = {one.value: one for one in Place}
_LAYOUTS = {one.value: one for one in Layout}
_EMPTY_DAYS = {one.value: one for one in EmptyDay}
_CHAT_STATES = {one.value: one for one in ChatState}
_NEWS = {one.value: one for one in News}
_STANDINGS = {one.value: one for one in Standing}


@lru_cache(256)
def _days(*days: int) -> frozenset[int]:
    return frozenset(days)


@lru_cache(256)
def _wants(*wants: str) -> frozenset[News]:
    return frozenset(News(news) for news in wants)


def chat_of(row: Row[Any]) -> Chat:
    """Of a whole row of the table, in its order: asked by name, a column takes as long as all of them do so."""
    (
        id_, platform, chat, thread, place, title, language, timezone, at, days, layout, size, wants, empty_day, seen,
        due_at, state, why, admitted, since_on, rest, away_at, try_at,
        accepts, banned, open_to_all, target, target_thread, as_announced, quiet, rich_layout,
    ) = tuple(row)  # fmt: skip
    return Chat(
        id_,
        Address(platform, chat, thread),
        place=_PLACES[place],
        title=title,
        language=language,
        timezone=timezone,
        time=at,
        days=_days(*days),
        layout=_layout_of(layout, rich_layout),
        size=size,
        wants=_wants(*wants),
        empty_day=_EMPTY_DAYS[empty_day],
        seen=seen,
        due_at=due_at,
        state=_CHAT_STATES[state],
        why=why,
        admitted=admitted,
        rest=rest or 0,
        since_on=since_on,
        away_at=away_at,
        try_at=try_at,
        accepts=tuple(accepts.split()) if accepts else (),
        banned=banned,
        open_to_all=open_to_all,
        target=None if target is None else Address(platform, target, target_thread or ""),
        as_announced=as_announced,
        quiet=quiet,
    )


def _layout_of(layout: str, rich: str) -> Layout:
    """The version before writes the first alone: what it made plain is plain."""
    return _LAYOUTS[rich if rich and layout == Layout.BRIEF else layout]


def _row_of_layout(layout: Layout) -> Values:
    known = layout in (Layout.BRIEF, Layout.PLAIN)
    return {"layout": (layout if known else Layout.BRIEF).value, "rich_layout": "" if known else layout.value}


def row_of_chat(chat: Chat) -> Values:
    """Without the id."""
    return {
        **row_of_address(chat.address),
        "place": chat.place.value,
        "title": chat.title,
        "language": chat.language,
        "timezone": chat.timezone,
        "time": chat.time,
        "days": sorted(chat.days),
        **_row_of_layout(chat.layout),
        "size": chat.size,
        "wants": sorted(chat.wants),
        "empty_day": chat.empty_day.value,
        "seen": chat.seen,
        "due_at": chat.due_at,
        "state": chat.state.value,
        "why": chat.why,
        "admitted": chat.admitted,
        "since_on": chat.since_on,
        "rest_id": chat.rest or None,
        "away_at": chat.away_at,
        "try_at": chat.try_at,
        "accepts": " ".join(chat.accepts),
        "banned": chat.banned,
        "open_to_all": chat.open_to_all,
        "target_chat": chat.target.chat if chat.target else None,
        "target_thread": chat.target.thread if chat.target else None,
        "as_announced": chat.as_announced,
        "quiet": chat.quiet,
    }


def row_of_address(address: Address) -> Values:
    return {"platform": address.platform, "chat": address.chat, "thread": address.thread}


def subscription_of(row: Row[Any]) -> Subscription:
    return Subscription(
        row.id, row.chat_id, row.query, row.topic or "", row.made_at, _STANDINGS[row.standing]
    )


def delivery_of(row: Row[Any], digest: Values, parts: tuple[Part, ...]) -> Delivery:
    """``digest`` is the content of the row's digest."""
    return Delivery(
        id=row.id,
        chat_id=row.chat_id,
        address=Address(row.platform, row.chat, row.thread),
        digest=Digest(
            DigestKind(row.kind),
            row.digest_on,
            tuple(map(_match, digest["matches"])),
            digest["pushed"],
            tuple(digest["labels"]),
            row.upto,
            digest.get("quiet", False),
            row.digest_id,
            digest.get("carried", 0),
            tuple(Asked(*one) for one in digest.get("rest", {}).get("asked", ())),
            digest.get("text", ""),
            date.fromisoformat(digest["since"]) if "since" in digest else None,
        ),
        language=row.language,
        layout=_layout_of(row.layout, row.rich_layout),
        state=_state(row.state, row.lease_owner),
        parts=parts,
        attempts=row.attempts,
        due_at=row.due_at,
        lease_owner=row.lease_owner,
        lease_until=row.lease_until,
        made_at=row.made_at,
        why=row.why,
        joined=row.joined,
        accepts=tuple(row.accepts.split()),
        quiet=row.quiet,
    )


def _state(stored: str, lease_owner: str) -> DeliveryState:
    state = DeliveryState(stored)
    waits = state.open and state is not DeliveryState.SENDING
    return DeliveryState.LEASED if waits and lease_owner else state


def row_of_delivery(delivery: Delivery) -> Values:
    """What changes on the way; without the id and the digest."""
    return {
        **row_of_address(delivery.address),
        "language": delivery.language,
        **_row_of_layout(delivery.layout),
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "due_at": delivery.due_at,
        "lease_owner": delivery.lease_owner,
        "lease_until": delivery.lease_until,
        "made_at": delivery.made_at,
        "why": delivery.why,
        "joined": delivery.joined,
        "accepts": " ".join(delivery.accepts),
        "quiet": delivery.quiet,
    }


def content_of(digest: Digest) -> Values:
    """What of a digest stands in a row of its own, for every chat that gets it."""
    content: Values = {
        "matches": list(map(_kept, digest.matches)),
        "pushed": digest.pushed,
        "labels": digest.labels,
        "quiet": digest.quiet,
    }
    if digest.text:
        content["text"] = digest.text
    if digest.since_on:
        content["since"] = digest.since_on.isoformat()
    if digest.carried:
        content["carried"] = digest.carried
    if digest.asked:
        asked = [[one.label, one.name, one.query] for one in digest.asked]
        content["rest"] = {"asked": asked, "on": digest.on.isoformat(), "upto": digest.upto}
    return content


def rest_of(id_: int, content: Values) -> Rest:
    """What a digest left for the next ones: nothing, where its content says of none."""
    rest = content.get("rest")
    if rest is None:
        return Rest(id_)
    return Rest(
        id_,
        tuple(_match(one) for one in content["matches"] if len(one) > 3 and one[3]),
        tuple(Asked(*one) for one in rest["asked"]),
        date.fromisoformat(rest["on"]),
        rest["upto"],
    )


def _kept(match: Match) -> list[Any]:
    days = [day and day.isoformat() for day in (match.since, match.late_on)]
    while days and not days[-1]:
        days.pop()
    return [match.paper_id, match.news.value, match.labels, *days]


def _match(kept: Sequence[Any]) -> Match:
    paper_id, news, labels, *days = kept
    since, late_on, *_ = [*(day and date.fromisoformat(day) for day in days), None, None]
    return Match(paper_id, _NEWS[news], tuple(labels), since, late_on)


def row_of_digest(digest: Digest) -> Values:
    """What of a digest stands in the delivery's row."""
    return {"kind": digest.kind.value, "digest_on": digest.on, "upto": digest.upto, "digest_id": digest.id}


def part_of(row: Row[Any]) -> Part:
    # A version that does not count its doubts notes only that there is one.
    doubts = max(row.doubts, 1) if row.tried and not row.message_id else 0
    return Part(
        row.number, tuple(row.papers), row.nonce, bytes(row.payload), row.message_id, doubts,
        row.tried_at if doubts else None,
    )  # fmt: skip


def row_of_part(delivery_id: int, part: Part) -> Values:
    return {
        "delivery_id": delivery_id,
        "number": part.number,
        "papers": part.papers,
        "nonce": part.nonce,
        "payload": part.payload,
        "message_id": part.message_id,
        "tried": bool(part.doubts or part.message_id),
        "doubts": part.doubts,
        "tried_at": part.tried_at,
    }
