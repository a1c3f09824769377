"""What is kept about people is known table by table, handed over whole, and erased without a trace."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot import planning
from bot.errors import TryLater
from bot.model import Address, Change, Chat, ChatState, Deed, DeliveryState, Place, Subscription, Topic
from bot.ports import Repeated
from storage.erasing import BLURRED, GONE, IMPERSONAL, SHARED
from storage.erasures import ErasureLog
from storage.repeating import repeat_erasures
from storage.store import SqlStore, SqlTransaction, open_store
from storage.tables import METADATA
from tests.databases import NewDatabase, sqlite_url
from tests.storage.samples import DAY, HOUR, NOW, chat_at, delivery_for, item, part

GROUP = Address("telegram", "-1008675309", "45")
OTHER = Address("telegram", "-1005550001")
USER, NEIGHBOUR = "telegram:20406080", "telegram:70809010"
TITLE, ANOTHER = "Zebrafinken der Akustik", "Teapots of the North"
ABOUT_PEOPLE = re.compile(r"chat|user|who|person|by$|address|thread|recipient|reader|member")


def fill(store: SqlStore) -> tuple[Chat, Chat]:
    """Two groups that follow the same and have the same digest; one has more of its own."""
    with store.transaction() as tx:
        tx.put_topic(Topic("rag", (("en", "RAG"),), "RAG"))
        group = chat_at(tx, GROUP.chat, GROUP.thread, title=TITLE, place=Place.GROUP)
        other = chat_at(tx, OTHER.chat, title=ANOTHER, place=Place.GROUP)
        for chat in (group, other):
            tx.subscribe(Subscription(0, chat.id, "", "rag", NOW))
        tx.subscribe(Subscription(0, group.id, "zebra finch song", "", NOW))
        shared = delivery_for(group).digest
        (number,) = tx.keep_digests([shared])
        tx.plan_all({chat.id: replace(shared, id=number) for chat in (group, other)}, NOW)
        own = replace(shared, on=DAY + timedelta(1), labels=("zebra finch song",))
        tx.plan(replace(delivery_for(group), digest=own))
        tx.plan(replace(delivery_for(other), digest=replace(own, labels=("teapots",))))
        for chat, code in ((group, "a-code"), (other, "b-code")):
            tx.add_invite(code, USER if chat is group else NEIGHBOUR, NOW)
            tx.use_invite(code, chat.id, NOW)
            tx.put_setting(f"asked.{chat.address}", f"a long query of {chat.title}")
            for who in (USER, NEIGHBOUR):
                tx.note(Change(NOW, who, str(chat.address), Deed.SUBSCRIBE, "", f"{chat.title}'s query"))
        tx.note(Change(NOW, USER, "", Deed.TOPIC, "", "rag: RAG"))
    for owner in ("a", "b"):
        with store.transaction() as tx:
            for delivery in tx.lease(NOW, NOW + HOUR, owner, 9, ["telegram"]):
                payload = f"told {delivery.address}".encode()
                tx.record(replace(delivery, state=DeliveryState.SENT, parts=(part(1, payload=payload),)))
    return group, other


def everything(store: SqlStore) -> dict[str, list[str]]:
    """Every row of every table, whatever its columns hold."""
    with store.reading() as tx:
        return {
            name: sorted(json.dumps(dict(row._mapping), default=repr, ensure_ascii=False) for row in rows)
            for name, table in METADATA.tables.items()
            if (rows := tx._all(select(table)))
        }


def traces(store: SqlStore, *names: str) -> list[str]:
    """Where any of ``names`` stands in the database."""
    return [
        f"{table}: {row}" for table, rows in everything(store).items() for row in rows if any(n in row for n in names)
    ]


def forget(store: SqlStore, address: Address = GROUP, user: str = "") -> bool:
    with store.transaction() as tx:
        return tx.erase(address, user, NOW)


def test_every_table_is_named_by_erasure() -> None:
    """A new table fails here: say in storage/erasing.py what of it is about a chat or a person, and what becomes of
    that when it is erased, or that nothing is."""
    named = [*GONE, *SHARED, *BLURRED, *IMPERSONAL]
    assert sorted(named) == sorted(METADATA.tables)


def test_what_is_called_impersonal_has_no_column_about_people() -> None:
    assert ABOUT_PEOPLE.search("made_by") and ABOUT_PEOPLE.search("chat_id")
    about = {
        f"{name}.{column.name}"
        for name in (*IMPERSONAL, *SHARED)
        for column in METADATA.tables[name].columns
        if ABOUT_PEOPLE.search(column.name) or any(key.column.table.name == "chat" for key in column.foreign_keys)
    }
    assert about == set()


def test_every_reference_to_a_chat_is_followed_by_erasure() -> None:
    referring = {
        table.name
        for table in METADATA.tables.values()
        for key in table.foreign_keys
        if key.column.table.name in ("chat", "delivery", "subscription")
    }
    assert referring <= {*GONE, *BLURRED}


def test_nothing_about_an_erased_chat_is_left_in_any_column_of_any_table(store: SqlStore) -> None:
    group, _ = fill(store)
    mine = (GROUP.chat, TITLE, "zebra", str(GROUP))
    assert {line.partition(":")[0] for line in traces(store, *mine)} == {
        "chat", "subscription", "delivery", "delivery_part", "digest", "audit", "setting",
    }  # fmt: skip
    assert forget(store)
    assert traces(store, *mine) == []
    with store.reading() as tx:
        assert tx.chat(GROUP) is None
        assert tx.kept_about(GROUP) == {}
        assert tx.deliveries_with(group.id, 7) == []
        assert [row.used_by for row in tx._all(select(METADATA.tables["invite"])) if row.code == "a-code"] == [None]
        assert not [row for rows in everything(store).values() for row in rows if f'"chat_id": {group.id},' in row]


def test_an_erased_chat_is_not_in_sqlites_file_either(tmp_path: Path) -> None:
    store = open_store(sqlite_url(tmp_path))
    fill(store)
    store.close()
    mine = [text.encode() for text in (TITLE, GROUP.chat, "zebra finch song")]
    held = (tmp_path / "paperround.db").read_bytes()
    assert all(text in held for text in mine)
    store = open_store(sqlite_url(tmp_path))
    forget(store)
    store.close()
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert [text for text in mine if text in left] == []
    assert ANOTHER.encode() in left


def test_a_used_invitation_admits_nobody_else_after_its_chat_is_erased(store: SqlStore) -> None:
    _, other = fill(store)
    forget(store)
    with store.transaction() as tx:
        assert not tx.use_invite("a-code", other.id, NOW)


def test_another_chat_keeps_all_it_has_also_what_both_had(store: SqlStore) -> None:
    _, other = fill(store)
    with store.reading() as tx:
        before = tx.kept_about(OTHER)
    assert before.keys() == {
        "chat", "subscription", "delivery", "delivery_part", "digest", "setting", "invite", "audit",
    }  # fmt: skip
    forget(store)
    with store.reading() as tx:
        assert tx.kept_about(OTHER) == before
        assert tx.chat(OTHER) == other


def test_the_audit_log_keeps_what_was_done_when_and_the_same_pseudonym_for_the_same_person(store: SqlStore) -> None:
    fill(store)
    forget(store)
    with store.reading() as tx:
        log = tx.audit(100)
    lines = [line for line in log if line.chat.startswith("erased-")]
    assert [(line.what, line.before, line.after, line.at) for line in lines] == [(Deed.SUBSCRIBE, "", "", NOW)] * 2
    assert len({line.chat for line in lines}) == 1
    assert len({line.who for line in lines}) == 2
    assert all(line.who.startswith("erased-") for line in lines)
    elsewhere = [line.who for line in log if line.chat == str(OTHER)]
    assert elsewhere == [USER, NEIGHBOUR], "what they did elsewhere is not this group's"


def test_a_person_who_is_erased_is_a_pseudonym_wherever_they_acted(store: SqlStore) -> None:
    fill(store)
    private = Address("telegram", USER.partition(":")[2])
    with store.transaction() as tx:
        chat_at(tx, private.chat, title="Quenby Quux")
    assert forget(store, private, USER)
    assert traces(store, private.chat, "Quenby") == []
    with store.reading() as tx:
        log = tx.audit(100)
    mine = {line.who for line in log} - {NEIGHBOUR}
    assert len(mine) == 1 and mine.pop().startswith("erased-")
    assert [line.after for line in log if not line.chat] == ["rag: RAG"], "the topic is not about them"
    assert [line.chat for line in log if line.chat == str(GROUP)] == [str(GROUP)] * 2


def test_who_is_unknown_leaves_no_erasure(store: SqlStore, tmp_path: Path) -> None:
    fill(store)
    before = everything(store)
    assert not forget(store, Address("telegram", "1"), "telegram:1")
    assert everything(store) == before


def test_who_carries_a_delivery_of_an_erased_chat_finds_nothing_to_record(store: SqlStore) -> None:
    with store.transaction() as tx:
        tx.plan(delivery_for(chat_at(tx, "5")))
    with store.transaction() as tx:
        (mine,) = tx.lease(NOW, NOW + HOUR, "a", 1, ["telegram"])
    assert forget(store, mine.address)
    with store.transaction() as tx:
        assert not tx.record(replace(mine, parts=(part(1),)))
        assert tx.open_chat(Chat(0, mine.address)).id != mine.chat_id, "a new chat gets nothing of the old one"


def test_an_erasure_between_two_pages_of_a_plan_costs_nobody_a_digest(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "PAGE", 1)
    with store.transaction() as tx:
        tx.add([item(title="LoRA for gardeners")], NOW)
        for number in ("1", "2", "3"):
            chat = chat_at(tx, number, due_at=NOW, time=NOW.time())
            tx.subscribe(Subscription(0, chat.id, "LoRA", "", NOW))
    pages: list[int] = []

    class Between:
        """A store in which the first two chats are erased as soon as each is planned."""

        @contextmanager
        def transaction(self) -> Iterator[SqlTransaction]:
            with store.transaction() as tx:
                before = tx.counts()["deliveries.planned"]
                yield tx
                planned = tx.counts()["deliveries.planned"] > before
            if planned and len(pages) < 2:
                pages.append(len(pages) + 1)
                assert forget(store, Address("telegram", str(pages[-1])))

        reading = store.reading

    assert planning.Planner(Between(), ("cs.CL",), NOW.time(), lambda: NOW).plan() == 3  # type: ignore[arg-type]
    assert pages == [1, 2]
    with store.transaction() as tx:
        (left,) = tx.lease(NOW, NOW + HOUR, "a", 9, ["telegram"])
        assert (left.address.chat, len(left.digest.matches)) == ("3", 1)
        assert [row.id for row in tx._all(select(METADATA.tables["digest"]))] == [left.digest.id]


def test_many_are_erased_while_others_plan_and_deliver(store: SqlStore) -> None:
    """Nobody fails, and of who was erased nothing is left over."""
    addresses = [Address("telegram", str(number)) for number in range(8)]
    with store.transaction() as tx:
        chats = [tx.open_chat(Chat(0, address)) for address in addresses]
        shared = delivery_for(chats[0]).digest
        (number,) = tx.keep_digests([shared])
    failed: list[BaseException] = []
    done = threading.Event()

    def plan(round_: int) -> None:
        with store.transaction() as tx:
            digest = replace(shared, on=DAY + timedelta(round_), id=number)
            if number in tx.digests_there([number]):
                there = [chat.id for chat in chats if tx.chat_by_id(chat.id)]
                tx.plan_all(dict.fromkeys(there, digest), NOW)

    def deliver(round_: int) -> None:
        with store.transaction() as tx:
            leased = tx.lease(NOW, NOW + HOUR, "a", 4, ["telegram"])
        for delivery in leased:
            with store.transaction() as tx:
                tx.record(replace(delivery, state=DeliveryState.SENT, due_at=None, parts=(part(1),)))

    def erase(round_: int) -> None:
        if round_ < len(addresses):
            forget(store, addresses[round_])
        else:
            done.set()

    def work(step: Callable[[int], None]) -> None:
        round_ = 0
        while not (done.is_set() or failed):
            try:
                step(round_)
            except TryLater:
                continue
            except BaseException as error:
                failed.append(error)
            round_ += 1

    threads = [threading.Thread(target=work, args=(step,)) for step in (plan, deliver, erase)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    rows = everything(store)
    assert not {"chat", "subscription", "delivery", "delivery_part"} & rows.keys()
    assert len(rows.get("digest", [])) <= 1
    assert len(rows["erasure"]) == len(addresses)


def test_all_rows_of_a_chat_are_handed_over_as_json(store: SqlStore) -> None:
    fill(store)
    with store.reading() as tx:
        kept = tx.kept_about(GROUP, USER)
    assert json.loads(json.dumps(kept)) == kept
    assert [row["title"] for row in kept["chat"]] == [TITLE]
    assert [row["query"] for row in kept["subscription"]] == ["", "zebra finch song"]
    assert len(kept["delivery"]) == len(kept["digest"]) == len(kept["delivery_part"]) == 2
    assert kept["delivery_part"][0]["payload"].endswith(" bytes")
    assert [row["value"] for row in kept["setting"]] == [f"a long query of {TITLE}"]
    assert {(row["who"], row["chat"]) for row in kept["audit"]} == {
        (USER, str(GROUP)), (NEIGHBOUR, str(GROUP)), (USER, str(OTHER)), (USER, ""),
    }  # fmt: skip
    assert [row["code"] for row in kept["invite"]] == ["a-code"]


@pytest.mark.parametrize(("years", "found"), [(0, []), (1, ["1", "2"])])
def test_chats_out_of_reach_are_known_by_when_they_last_had_something(
    store: SqlStore, years: int, found: list[str]
) -> None:
    with store.transaction() as tx:
        for number, state in enumerate((ChatState.UNREACHABLE, ChatState.UNREACHABLE, ChatState.ACTIVE), 1):
            chat = chat_at(tx, str(number), state=state)
            tx.subscribe(Subscription(0, chat.id, "LoRA", "", NOW))
            if number == 1:
                tx.plan(delivery_for(chat))
    with store.reading() as tx:
        gone = tx.out_of_reach(NOW - HOUR + timedelta(days=365 * years), 10)
    assert [chat.address.chat for chat in gone] == found


def test_an_erasure_is_repeated_in_an_older_copy_of_the_database(
    new_database: NewDatabase, opened: Callable[[str], SqlStore], tmp_path: Path
) -> None:
    """Two databases with one key: the second is as the first was before."""
    log = tmp_path / "erasures.log"
    first, second = open_store(new_database(), erasures=log), opened(new_database())
    with first.transaction() as tx:
        key = tx.key()
    with second.transaction() as tx:
        tx.put_setting("pseudonyms", key)
    for one in (first, second):
        fill(one)
    private = Address("telegram", USER.partition(":")[2])
    with first.transaction() as tx:
        chat_at(tx, private.chat)
    assert forget(first) and forget(first, private, USER)
    first.close()
    assert GROUP.chat not in log.read_text() and USER not in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert traces(second, TITLE, USER)
    assert repeat_erasures(second, log) == Repeated(chats=1, users=1)
    assert traces(second, GROUP.chat, TITLE, "zebra", USER) == []
    with second.reading() as tx:
        assert tx.chat(OTHER) is not None
    with second.transaction() as tx:
        chat_at(tx, GROUP.chat, GROUP.thread, title="Begun anew")
    assert repeat_erasures(second, log) == Repeated(), "what the database knows of is not repeated"
    with second.reading() as tx:
        assert tx.chat(GROUP) is not None


def test_a_chat_that_was_erased_without_its_person_is_so_again(
    new_database: NewDatabase, opened: Callable[[str], SqlStore], tmp_path: Path
) -> None:
    """On Telegram both have one number."""
    log = tmp_path / "erasures.log"
    first, second = open_store(new_database(), erasures=log), opened(new_database())
    with first.transaction() as tx:
        key = tx.key()
    private = Address("telegram", USER.partition(":")[2])
    for one in (first, second):
        with one.transaction() as tx:
            tx.put_setting("pseudonyms", key)
            tx.note(Change(NOW, USER, "", Deed.TOPIC, "", "rag: RAG"))
            chat_at(tx, private.chat)
    assert forget(first, private)
    first.close()
    assert repeat_erasures(second, log) == Repeated(chats=1)
    with second.reading() as tx:
        assert [line.who for line in tx.audit(9)] == [USER]


def test_erasures_noted_with_another_key_and_broken_lines_are_told(store: SqlStore, tmp_path: Path) -> None:
    fill(store)
    log = tmp_path / "erasures.log"
    assert repeat_erasures(store, log) == Repeated()
    line = {"at": NOW.isoformat(), "id": "1", "key": "another", "marks": ["x"]}
    broken = [
        "not json", "[]", '{"at": "2025-04-08T00:00:00", "id": "2", "key": "k", "marks": []}', '{"id": 1}', "\xff" * 9,
    ]  # fmt: skip
    log.write_text("\n".join([json.dumps(line), *broken, "", json.dumps(line)[:20]]), encoding="latin-1")
    before = everything(store)
    assert repeat_erasures(store, log) == Repeated(strange=1, unreadable=6)
    ErasureLog(log).append(replace(ErasureLog(log).read()[0][0], id="3"))
    assert [one.id for one in ErasureLog(log).read()[0]] == ["1", "3"], "a line cut short spoils no other"
    assert {name: rows for name, rows in everything(store).items() if name != "setting"} == {
        name: rows for name, rows in before.items() if name != "setting"
    }


def test_what_cannot_be_noted_is_not_erased(new_database: NewDatabase, tmp_path: Path) -> None:
    (tmp_path / "erasures.log").mkdir()
    one = open_store(new_database(), erasures=tmp_path / "erasures.log")
    fill(one)
    with pytest.raises(TryLater, match=r"erasures\.log"):
        forget(one)
    assert traces(one, TITLE)
    one.close()
