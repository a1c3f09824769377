from datetime import UTC, datetime, timedelta

from storage.store import SqlStore

NOW = datetime(2025, 4, 7, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=2)
DOOR = "telegram 123"


def test_an_update_is_known_by_its_number_at_its_door(store: SqlStore) -> None:
    with store.transaction() as tx:
        assert tx.keep_update(DOOR, 2**40, '{"text": "x\\u0000"}', "one", NOW, LATER)
        assert not tx.keep_update(DOOR, 2**40, "{}", "other", NOW, LATER)
        assert tx.keep_update("another door", 2**40, "{}", "other", NOW, LATER)
        tx.update_served(DOOR, 2**40)
        assert not tx.keep_update(DOOR, 2**40, "{}", "other", NOW, LATER)
        assert tx.forget_updates(NOW + timedelta(days=1)) == 2
        assert tx.keep_update(DOOR, 2**40, "{}", "other", NOW, LATER)


def test_what_was_not_served_in_time_is_taken_over_in_order_and_given_up_in_the_end(store: SqlStore) -> None:
    with store.transaction() as tx:
        for number in (3, 1, 2, 4):
            tx.keep_update(DOOR, number, f"text {number}", "one", NOW, LATER)
        tx.update_served(DOOR, 2)
        assert tx.take_updates(DOOR, "other", NOW, LATER, 10, 3) == {}
        assert tx.take_updates("another door", "other", LATER, LATER, 10, 3) == {}
        assert tx.take_updates(DOOR, "other", LATER, LATER, 2, 3) == {1: "text 1", 3: "text 3"}
        assert tx.take_updates(DOOR, "other", LATER, LATER, 10, 3) == {1: "text 1", 3: "text 3", 4: "text 4"}
        assert tx.take_updates(DOOR, "other", LATER, LATER, 10, 3) == {4: "text 4"}
        assert tx.take_updates(DOOR, "other", LATER, LATER, 0, 3) == {}
        assert tx.take_updates(DOOR, "other", LATER, LATER, 10, 3) == {}
