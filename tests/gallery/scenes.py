"""What is played on the stage: digests of every kind in every layout, every command in every place, and every button
that is reached from there."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.commands import COMMANDS
from bot.model import Layout, News
from tests.bot.test_desk_words import LINES, PRESSED
from tests.gallery.papers import MONDAY, SATURDAY, TUESDAY, WEDNESDAY, fine, late, nasty, news, real
from tests.gallery.stage import ADMIN, CATEGORIES, MEMBER, READER, Shot, Spot, Stage
from tests.servers.discord_objects import buttons_in
from tests.servers.feeds import Answer

LAYOUTS = (Layout.BRIEF, Layout.FULL, Layout.BILINGUAL, Layout.PLAIN)
OPENING = ("/start", "/subscribe LoRA", "/subscribe rag", "/subscribe au:example -parrots", "/mute survey")
ASKED = (
    "/paper LoRA", "/paper 2504.00011", "/paper 2504.00101", "/paper 2504.00104", "/paper 2504.00107", "/paper zzz",
    "/paper LoRA OR", "/digest", "/digest LoRA", "/digest week", "/why 2504.00011", "/why 2504.00014",
    "/why 2504.99999", "/subscriptions", "/unsubscribe 1", "/unsubscribe 99", "/edit 1 QLoRA", "/mute", "/unmute",
    "/settings", "/settings weekly friday", "/settings size 0", "/settings daily", "/time 25:00", "/time 08:30 Berlin",
    "/news", "/news published on", "/saved", "/saved bibtex", "/export", "/import nothing", "/access", "/access all",
    "/here", "/audit", "/privacy", "/mydata", "/forget", "/summary 2504.00011", "/summary 2504.00104", "/forum on",
    "/channel @daily_papers", "/channel", "/subscribe " + "x" * 900, "/paper " + "long words " * 60, "/suscribe LoRA",
    "/subscribe (LoRA", '/subscribe "<b>&_*`@everyone', "/subscribe LoRA @everyone *x* <b> & _y_", "LoRA", "/zzzzz",
)  # fmt: skip
TYPED = ("LoRA", "", "l", "cat:cs.CL", "2504.00101", "zzz", "(LoRA", "<b>", "@everyone", "x" * 256, "au:example")
LAST = frozenset({"forget", "away", "import", "drop", "run"})
"""Verbs of buttons that end something: pressed when all others were."""
MOST_OF_A_VERB = 14
"""Different buttons of one verb that are pressed in one place; of settings all are."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of it is played. ``lines`` and ``presses``: at most so many in one place; ``every``: of the places and
    layouts each so-many-th, from ``first`` on."""

    lines: int = 1000
    presses: int = 300
    every: int = 1
    first: int = 0
    with_real: bool = True
    discord: bool = True
    """Whether Discord plays as well: it has no rich form of Telegram's."""


async def play(stage: Stage, plan: Plan) -> None:
    """Everything, in the order of three days."""
    monday = [*fine(), *nasty(), *(real() if plan.with_real else ())]
    await stage.announce(monday, MONDAY)
    spots = [
        spot
        for n, spot in enumerate(stage.spots)
        if n % plan.every == plan.first and (plan.discord or spot.platform == "telegram")
    ]
    for spot in spots:
        await _opened(stage, spot)
    readers = _readers(stage, plan)
    stage.now = stage.now.replace(hour=8, minute=1)
    pushed = await stage.push("the first digest", [*spots, *readers])
    for spot in spots:
        await _asked(stage, spot, plan)
    for spot in spots:
        here = [shot for shot in stage.shots if shot.spot == spot]
        await _walked(stage, here, plan)
    others = [shot for shot in pushed if plan.discord or shot.spot.platform == "telegram"]
    for shots in _by_place(others, {spot.chat for spot in spots}).values():
        await _walked(stage, shots, replace(plan, presses=min(plan.presses // 3, 8)))
    await _typed(stage, plan)
    await _admins(stage, plan)
    await _tuesday(stage, [*spots, *readers])
    await _quiet_days(stage, [*spots, *readers])


async def _opened(stage: Stage, spot: Spot) -> None:
    for line in (f"/language {stage.language}", *OPENING):
        for shot in await stage.write(spot, line, "beginning"):
            label, action = next(((n, a) for n, a in buttons_of(shot) if "take:" in a or "follow:" in a), ("", ""))
            if action and line.startswith("/subscribe"):
                await stage.press(shot, label, action, "beginning")


def _readers(stage: Stage, plan: Plan) -> list[Spot]:
    """Chats that only get digests: of each kind of place one a layout, and one that gets every paper there is."""
    spots = []
    channels = iter(stage.channels)
    for n, layout in enumerate(LAYOUTS[plan.first :: plan.every], 1):
        for spot in (
            Spot("telegram", f"private, {layout}", str(2000 + n)),
            Spot("telegram", f"group, {layout}", str(-2000 - n)),
            Spot("telegram", f"topic, {layout}", str(-3000 - n), thread="5"),
            Spot("discord", f"channel, {layout}", next(channels)),
        ):
            stage.follow(spot, "LoRA", "#rag", "#speech", "au:example", layout=layout, size=5)
            spots.append(spot)
        for spot in (
            Spot("telegram", f"all, {layout}", str(4000 + n)),
            Spot("discord", f"all, {layout}", next(channels)),
        ):
            everything = " OR ".join(f"cat:{category}" for category in (*CATEGORIES, "stat.*"))
            stage.follow(spot, everything, "LoRA", layout=layout, size=100, wants=frozenset(News))
            spots.append(spot)
    quiet = Spot("telegram", "nothing found", "4100"), Spot("discord", "nothing found", next(channels))
    weekly = Spot("telegram", "weekly", "4200"), Spot("discord", "weekly", next(channels))
    for spot in quiet:
        stage.follow(spot, "nosuchword OR @everyone", '"<b>never</b>"', "#alignment")
    for spot in weekly:
        stage.follow(spot, "LoRA", "#rag", days=frozenset({2}), size=4, quiet=True)
    forum = Spot("discord", "forum", stage.forum, thread="posts")
    stage.follow(forum, "LoRA", "#rag", size=5)
    return [*spots, *quiet, *weekly, forum]


async def _asked(stage: Stage, spot: Spot, plan: Plan) -> None:
    """Every command with nothing behind it, then with much; some by who may not."""
    lines = [*(f"/{name}" for name in COMMANDS if name not in ("forget", "stop")), *ASKED]
    for line in lines[: plan.lines]:
        await stage.write(spot, line, "commands")
    if (spot.kind != "private" and spot.kind != "channel") or spot.platform == "discord":
        for line in ("/subscribe RAG", "/settings size 5", "/forget", "/access all"):
            await stage.write(spot, line, "commands of who may not", user=MEMBER)
    shots = [shot for shot in stage.shots if shot.spot == spot and shot.kind == "message"]
    for action in PRESSED[: plan.lines]:
        await stage.press(shots[-1], action, action, "old buttons")


async def _walked(stage: Stage, beginning: Iterable[Shot], plan: Plan) -> None:
    """Breadth first over what the messages offer, each kind of button once."""
    soon: deque[tuple[Shot, str, str]] = deque()
    last: deque[tuple[Shot, str, str]] = deque()
    seen: set[str] = set()
    verbs: Counter[str] = Counter()
    pressed = 0

    def offer(shots: Iterable[Shot]) -> None:
        for shot in shots:
            for label, action in buttons_of(shot):
                verb = action.rpartition("^")[2].partition(":")[0]
                shape = re.sub(r"\d+", "0", action)
                if shape in seen or (verb not in ("settings", "set") and verbs[verb] >= MOST_OF_A_VERB):
                    continue
                seen.add(shape)
                verbs[verb] += 1
                (last if verb in LAST else soon).append((shot, label, action))

    offer(beginning)
    while (soon or last) and pressed < plan.presses:
        shot, label, action = (soon or last).popleft()
        pressed += 1
        offer(await stage.press(shot, label, action, "buttons"))
        if action.rpartition("^")[2].startswith("set:language"):
            await stage.write(shot.spot, f"/language {stage.language}", "buttons")


async def _typed(stage: Stage, plan: Plan) -> None:
    """What is shown while somebody types: papers for other chats on Telegram, proposals on Discord."""
    for text in TYPED[: plan.lines]:
        await stage.offered(Spot("telegram", "inline", str(READER), READER), text)
        if plan.discord:
            await stage.proposed(Spot("discord", "typing", stage.channel), "paper", "query-or-arxiv-id", text)
            await stage.proposed(Spot("discord", "typing", stage.channel), "unsubscribe", "number", text[:1])


async def _admins(stage: Stage, plan: Plan) -> None:
    """What the instance's admins see."""
    spots = (Spot("telegram", "admin", str(ADMIN), ADMIN), Spot("discord", "admin", stage.second, ADMIN))
    for spot in spots[plan.first % 2 :: plan.every] if plan.discord else spots[:1]:
        told = [await stage.write(spot, f"/language {stage.language}", "admins")]
        for line in (*LINES, "/status", "/announce en: Hello <b>*all*</b> @everyone\nzh-Hans: 大家好\nzh-Hant: 大家好")[
            -plan.lines :
        ]:
            told.append(await stage.write(spot, line, "admins"))
        for action in PRESSED[: plan.lines]:
            await stage.press(told[0][0], action, action, "admins")
        await _walked(stage, (shot for shots in told for shot in shots), plan)
        await stage.write(spot, f"/language {stage.language}", "admins")
    await stage.push("an announcement")


async def _tuesday(stage: Stage, spots: Sequence[Spot]) -> None:
    """Late papers, cross-lists, new versions, publications; a message that may have arrived; a weekly digest."""
    await stage.announce([*late(), *news(), *nasty(TUESDAY, 151)], TUESDAY)
    stage.now = stage.now.replace(hour=8, minute=1)
    doubted = next(spot for spot in spots if spot.platform == "telegram" and spot.kind.startswith("all"))
    for _ in range(2):
        method = "sendRichMessage" if stage.rich else "sendMessage"
        stage.telegram.drop_next(method, delivered=True, chat=int(doubted.chat))
        await stage.push("the second day", spots)
        stage.later(minutes=10)
    for _ in range(4):
        await stage.push("a message that may have arrived", spots)
        stage.later(minutes=20)


async def _quiet_days(stage: Stage, spots: Sequence[Spot]) -> None:
    """A day on which arXiv cannot be read, and one on which it announces nothing."""
    stage.feeds.put("/rss/" + "+".join(CATEGORIES), Answer(b"<html>no</html>", 503))
    stage.now = stage.now.replace(day=WEDNESDAY.day, hour=15, minute=0)
    await stage.pipeline.poll()
    await stage.push("arXiv is not in yet", spots)
    stage.later(days=1)
    await stage.push("arXiv is not in yet", spots)
    await stage.announce((), SATURDAY)
    stage.now = stage.now.replace(hour=15)
    await stage.push("a weekend", spots)
    stage.later(days=1)
    await stage.pipeline.poll()
    await stage.push("a weekend", spots)


def buttons_of(shot: Shot) -> Iterator[tuple[str, str]]:
    """Label and action of what can be pressed under a message."""
    if shot.kind != "message":
        return
    if shot.spot.platform == "telegram":
        rows = shot.body.get("reply_markup", {}).get("inline_keyboard", [])
        yield from ((one["text"], one["callback_data"]) for row in rows for one in row if "callback_data" in one)
    else:
        found = buttons_in(shot.body.get("components") or [])
        yield from ((one.get("label", ""), one["custom_id"]) for one in found if "custom_id" in one)


def _by_place(shots: Iterable[Shot], but: set[str]) -> dict[str, list[Shot]]:
    found: dict[str, list[Shot]] = {}
    for shot in shots:
        if shot.spot.chat not in but:
            found.setdefault(shot.spot.chat, []).append(shot)
    return found
