from datetime import UTC, datetime, timedelta

from storage.store import SqlStore

NOW = datetime(2025, 4, 7, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def test_a_lease_has_one_owner_until_it_ends(store: SqlStore) -> None:
    with store.transaction() as tx:
        assert tx.take_lease("ingest", "one", NOW, LATER)
        assert tx.take_lease("ingest", "one", NOW, LATER), "its owner renews it"
        assert not tx.take_lease("ingest", "other", NOW, LATER)
        assert tx.take_lease("plan", "other", NOW, LATER), "another lease is another matter"
        assert tx.leases("in", NOW) == {"ingest": "one"}
        assert tx.leases("", LATER) == {}


def test_who_stalled_past_a_lease_that_another_took_holds_it_no_longer(store: SqlStore) -> None:
    with store.transaction() as tx:
        assert tx.take_lease("ingest", "one", NOW, LATER)
        assert tx.holds_lease("ingest", "one")
        assert tx.take_lease("ingest", "other", LATER, LATER + timedelta(minutes=1))
        assert not tx.holds_lease("ingest", "one")
        tx.end_lease("ingest", "one")
        assert tx.holds_lease("ingest", "other"), "nobody ends what another holds"


def test_an_ended_lease_is_not_begun_again_before_its_time(store: SqlStore) -> None:
    with store.transaction() as tx:
        assert tx.take_lease("arxiv", "one", NOW, LATER)
        tx.end_lease("arxiv", "one", again_at=NOW + timedelta(seconds=3))
        assert not tx.take_lease("arxiv", "other", NOW + timedelta(seconds=2), LATER)
        assert not tx.take_lease("arxiv", "one", NOW + timedelta(seconds=2), LATER)
        assert tx.take_lease("arxiv", "one", NOW + timedelta(seconds=3), LATER)
