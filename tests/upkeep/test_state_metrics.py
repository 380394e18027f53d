"""/metrics/state: the state of the whole deployment, told by whichever web process is asked."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from django.conf import LazySettings
from django.test import Client
from pymongo.errors import ConnectionFailure

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.metrics import names as metrics
from analytics.metrics.sightings import note_alive, note_verified
from ingestion.drain.loop import drain
from ingestion.drain.reader import Reader
from ingestion.stream.consumers import this_consumer
from tests.analytics.test_metrics import Scrape
from tests.conftest import Api, TestProject
from tests.poison import accept_poison
from upkeep.ledger import lines as ledger
from upkeep.watch import gauges as state


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state._kept, "seconds", 0)


def scrape() -> Scrape:
    answer = Client().get("/metrics/state")
    assert answer.status_code == 200
    return Scrape(answer.content.decode())


def test_an_empty_deployment_has_a_state(store: None, settings: LazySettings) -> None:
    scraped = scrape()

    assert scraped("analytics_build_info", version=settings.VERSION) == 1
    for component in ("stream", "broker", "store"):
        assert scraped("analytics_component_up", component=component) == 1
    assert scraped("analytics_redis_memory_limit_bytes") > scraped("analytics_redis_memory_bytes")
    assert scraped("analytics_redis_aof_failing") == 0
    told = {name for name, _ in scraped.samples}
    assert told == {gauge.name for gauge in metrics.STATE_GAUGES} - {"analytics_dead_letters"}


def test_what_waits_shows_as_depth_and_lag(ingest: Api) -> None:
    ingest.post("/events", [{"path": "/a"}, {"path": "/b"}])
    ingest.post("/event", {"path": "/c"})
    time.sleep(0.02)

    scraped = scrape()

    assert scraped("analytics_stream_waiting_events", partition="0") == 3
    assert scraped("analytics_stream_depth_entries", partition="0") == 2
    assert 0.01 < scraped("analytics_stream_lag_seconds", partition="0") < 60


def test_what_a_worker_read_and_never_acked_shows_as_pending_and_stale(
    ingest: Api, settings: LazySettings
) -> None:
    settings.CLAIM_IDLE_SECONDS = 60
    ingest.post("/event", {"path": "/a"})
    reader = Reader(0, this_consumer())
    reader.ensure_group()
    assert reader.next_batch()

    assert scrape()("analytics_stream_pending_entries", partition="0") == 1
    assert scrape()("analytics_stream_stale_entries", partition="0") == 0
    settings.CLAIM_IDLE_SECONDS = 0.001
    time.sleep(0.01)
    assert scrape()("analytics_stream_stale_entries", partition="0") == 1


def test_the_books_and_the_dead_letters_are_told(project: TestProject, ingest: Api) -> None:
    for event_id in ("one", "two", "two"):
        ingest.post("/event", {"path": "/a", "eventId": event_id})
    accept_poison(project)
    drain(0)
    ingest.post("/event", {"path": "/waits"})

    scraped = scrape()

    books = {"accepted": 5, "stored": 2, "duplicate": 1, "dead": 1, "waiting": 1}
    for column, events in books.items():
        assert scraped("analytics_ledger_events", column=column) == events
    assert scraped("analytics_ledger_difference_events") == 0
    assert scraped("analytics_dead_letters", reason="invalid") == 1
    assert scraped("analytics_compaction_backlog_summaries") == 1
    assert scraped("analytics_compaction_lag_seconds") >= 0


@pytest.mark.parametrize("change", [-2, 3])
def test_books_that_are_off_show_by_how_much(
    project: TestProject, ingest: Api, change: int
) -> None:
    for _ in range(5):
        ingest.post("/event", {"path": "/a"})
    drain(0)
    [line] = collection(mongo.LEDGER_SUMMARIES).find()
    collection(mongo.LEDGER_SUMMARIES).update_one(
        {"_id": line["_id"]}, {"$inc": {"stored": change}}
    )

    assert scrape()("analytics_ledger_difference_events") == abs(change)


def test_events_in_flight_are_no_difference(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some are stored between the two readings, some are accepted, some are not acked yet."""

    def read_late(session: Any) -> Any:
        drain(0)
        ingest.post("/event", {"path": "/late"})
        return ledger.read_settled(session)

    ingest.post("/event", {"path": "/a"})
    monkeypatch.setattr(state, "read_settled", read_late)

    assert scrape()("analytics_ledger_difference_events") == 0


def test_old_summaries_are_a_lag_of_the_compaction(store: None) -> None:
    old = ObjectId.from_datetime(datetime.now(UTC) - timedelta(minutes=10))
    collection(mongo.SUMMARIES).insert_one({"_id": old})

    assert 600 <= scrape()("analytics_compaction_lag_seconds") < 660


def test_beat_and_workers_are_seen_at_work(store: None) -> None:
    assert scrape()("analytics_alive_timestamp_seconds", process="beat") == 0

    note_alive("beat")
    note_alive("worker")

    for process in ("beat", "worker"):
        seen_at = scrape()("analytics_alive_timestamp_seconds", process=process)
        assert time.time() - seen_at < 60


def test_the_last_verification_is_told(store: None) -> None:
    note_verified(drift_tables=3)

    scraped = scrape()

    assert scraped("analytics_rollup_drift_tables") == 3
    assert time.time() - scraped("analytics_rollup_verified_timestamp_seconds") < 60


def test_a_store_that_does_not_answer_hides_nothing_else(
    ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Iterator[Any]:
        raise ConnectionFailure("down")
        yield

    ingest.post("/event", {"path": "/a"})
    monkeypatch.setattr(state, "_read_store", fail)
    scraped = scrape()

    assert scraped("analytics_component_up", component="store") == 0
    assert scraped("analytics_component_up", component="stream") == 1
    assert scraped("analytics_stream_depth_entries", partition="0") == 1
    assert "analytics_ledger_difference_events" not in {name for name, _ in scraped.samples}
