"""What was refused, left out and ignored, by key and reason, for a person to see."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import LazySettings
from redis.exceptions import ConnectionError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import refusals_key
from analytics.events.ids import day_of
from analytics.keys import refusals
from analytics.keys.lookup import forget_keys
from analytics.keys.refusals import (
    KEPT_DAYS,
    MAX_COUNTS,
    flush_refusals,
    note_refusal,
    read_refusals,
)
from analytics.projects.models import ApiKey
from tests.accept.test_admission import HOUR_MS, issue_key, move_allowance
from tests.conftest import Api, TestProject
from tests.pages import ADDRESS, Page, make_public_key, set_rules
from tests.poison import record_of
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)

EVENT = {"path": "/a"}


@pytest.fixture
def key(project: TestProject) -> ApiKey:
    return make_public_key(project)


def count(project: TestProject) -> dict[tuple[str, str], int]:
    """By key and reason, all days together."""
    flush_refusals()
    found: dict[tuple[str, str], int] = {}
    for row in read_refusals(project.row.partition, project.row.pk):
        found[row.key_id, row.reason] = found.get((row.key_id, row.reason), 0) + row.times
    return found


def test_each_refusal_counts_for_its_key_by_its_code(
    key: ApiKey, project: TestProject, other_project: TestProject
) -> None:
    set_rules(project, allowed_events=["signup"])
    page, server = Page(key), ApiKey.objects.get(project=project.row, name="ingest")
    page.send(b"no json")
    page.send(b"no json")
    page.send({**EVENT, "event": "purchase"})
    page.send(EVENT, HTTP_ORIGIN="https://evil.example")
    page.send(EVENT, content_type="application/xml")
    page.send(b" " * 70_000)
    Api(project.ingest_key).post("/event", b"no json")
    Api(other_project.ingest_key).post("/event", {})

    assert count(project) == {
        (key.id, "invalid_json"): 2,
        (key.id, "event_not_allowed"): 1,
        (key.id, "origin_not_allowed"): 1,
        (key.id, "unsupported_media_type"): 1,
        (key.id, "body_too_large"): 1,
        (server.id, "invalid_json"): 1,
    }
    assert [reason for _, reason in count(other_project)] == ["missing_field"]


def test_what_is_over_a_limit_counts(project: TestProject, settings: LazySettings) -> None:
    settings.STREAM_MAX_EVENTS = 2
    api, key_id = issue_key(project, rate_events_per_second=1, burst_events=1)
    api.post("/event", EVENT)
    move_allowance(project, key_id, HOUR_MS)  # or it would grow if the next comes late
    api.post("/event", EVENT)
    for _ in range(2):
        Api(project.ingest_key).post("/event", EVENT)

    assert sorted(reason for _, reason in count(project)) == ["rate_limited", "stream_full"]
    assert count(project)[key_id, "rate_limited"] == 1


def test_keys_that_are_not_good_any_more_count_while_somebody_is_there_to_look(
    key: ApiKey, project: TestProject, read: Api
) -> None:
    reader = ApiKey.objects.get(project=project.row, name="read")
    read.post("/event", EVENT)
    Api(key.text).get("/stats")
    key.revoke()
    forget_keys()
    Page(key).send(EVENT)

    assert count(project) == {
        (reader.id, "missing_scope"): 1,
        (key.id, "missing_scope"): 1,
        (key.id, "revoked_key"): 1,
    }


def test_nothing_is_counted_for_a_key_that_nobody_knows(project: TestProject) -> None:
    Page("pk_live_23456789_" + "x" * 43).send(EVENT)
    Api("nonsense").post("/event", EVENT)

    flush_refusals()
    assert stream_client().keys("*:refusals:*") == []


def test_an_event_refused_out_of_a_batch_counts_by_its_own_code(
    key: ApiKey, project: TestProject
) -> None:
    Page(key).send_many([EVENT, {}, {}, {**EVENT, "title": 1}])
    Page(key).send_many([{}])

    assert count(project) == {
        (key.id, "missing_field"): 3,
        (key.id, "wrong_type"): 1,
        (key.id, "no_valid_event"): 1,
    }


def test_what_is_ignored_left_out_and_lost_counts(key: ApiKey, project: TestProject) -> None:
    set_rules(project, allowed_properties=["plan"])
    Page(key).send({**EVENT, "ip": "192.0.2.1", "userAgent": "x"})
    Page(key).send_many(
        [{**EVENT, "properties": {"a": 1, "b": 2, "plan": 3}, "lost": 5}, {**EVENT, "lost": 2}]
    )
    Api(project.ingest_key).post("/event", {**EVENT, "ip": "192.0.2.1", "lost": 1})

    counts = count(project)
    assert (counts[key.id, "ignored_field"], counts[key.id, "property_left_out"]) == (2, 2)
    assert counts[key.id, "lost_by_client"] == 7
    assert sorted(reason for key_id, reason in counts if key_id != key.id) == ["lost_by_client"]


def test_what_is_to_be_sent_again_is_counted_when_it_is_taken(
    key: ApiKey, project: TestProject, settings: LazySettings
) -> None:
    settings.PUBLIC_RATE = "1/h"
    Page(key).send_many([EVENT] * 2)
    Page(key).send_many([{**EVENT, "lost": 5}, {}])

    assert count(project) == {(key.id, "over_address_rate"): 1}
    Page(key, "192.0.2.9").send_many([{**EVENT, "lost": 5}, {}])
    assert count(project) == {
        (key.id, "over_address_rate"): 1,
        (key.id, "lost_by_client"): 5,
        (key.id, "missing_field"): 1,
    }


def test_counts_are_of_a_day_and_go_after_a_month(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, now = record_of(project), datetime.now(UTC)
    today = day_of(now)
    for days_back, times in ((0, 1), (1, 2), (KEPT_DAYS, 3), (KEPT_DAYS + 1, 4)):
        with monkeypatch.context() as patch:
            patch.setattr(refusals, "_today", partial(int, today - days_back))
            note_refusal(record, "invalid_json", times)
    flush_refusals()

    found = read_refusals(project.row.partition, project.row.pk)
    assert [(row.day, row.times) for row in found] == [
        (now.date(), 1),
        (now.date() - timedelta(days=1), 2),
        (now.date() - timedelta(days=KEPT_DAYS), 3),
    ]
    left_seconds: Any = stream_client().ttl(refusals_key(0, project.row.pk, today))
    assert 30 * 86_400 < left_seconds <= 31 * 86_400


def test_what_redis_does_not_take_is_kept_until_it_does(
    key: ApiKey, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("gone")

    Page(key).send(b"no json")
    with monkeypatch.context() as patch:
        patch.setattr("redis.client.Pipeline.execute", fail)
        flush_refusals()
    Page(key).send(b"no json")

    assert count(project) == {(key.id, "invalid_json"): 2}
    assert count(project) == {(key.id, "invalid_json"): 2}


def test_a_full_redis_keeps_no_answer_and_loses_no_count(key: ApiKey, project: TestProject) -> None:
    client = stream_client()
    usual: Any = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", 1)
    try:
        assert Page(key).send(b"no json").status_code == 400
        flush_refusals()
    finally:
        client.config_set("maxmemory", usual)

    assert count(project) == {(key.id, "invalid_json"): 1}


def test_the_counts_of_a_process_are_bounded(project: TestProject) -> None:
    record = record_of(project)
    for n in range(MAX_COUNTS + 500):
        note_refusal(record, f"reason_{n}")
    note_refusal(record, "reason_0", 6)

    counts = count(project)
    assert len(counts) == MAX_COUNTS
    assert counts[record.key_id, "reason_0"] == 7


@pytest.mark.slow
def test_a_process_writes_what_it_counted_at_its_end_at_the_latest(
    project: TestProject, gunicorn: Gunicorn
) -> None:
    server = Gunicorn(gunicorn._log.with_name("counting.log"))
    server.start()
    try:
        answer = server.request("POST", "/event", b"no json", key=project.ingest_key)
        assert answer.status == 400
    finally:
        server.stop()

    found = read_refusals(project.row.partition, project.row.pk)
    assert [(row.reason, row.times) for row in found] == [("invalid_json", 1)]


def test_an_address_is_in_no_count(key: ApiKey, project: TestProject) -> None:
    Page(key).send(b"no json")
    flush_refusals()

    [name] = stream_client().keys("*:refusals:*")
    assert ADDRESS.encode() not in (stream_client().dump(name) or b"")
