"""POST /events: an array or NDJSON, each event judged by itself."""

import json
from typing import Any
from uuid import RFC_4122, UUID

import pytest

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import accepted_key, waiting_key
from analytics.events.entry import MAX_ENTRY_BYTES
from analytics.events.ids import now_ms
from ingestion.drain.loop import drain
from tests.accept.test_post_event import read_entries, read_problem
from tests.conftest import Api, TestProject
from upkeep.ledger.lines import read_ledger

NDJSON = "application/x-ndjson"
GOOD = {"path": "/good"}


def test_an_array_is_accepted_in_one_entry(ingest: Api) -> None:
    answer = ingest.post("/events", [{"path": "/a", "eventId": "one"}, {"path": "/b"}])

    assert answer.status_code == 202
    body = answer.json()
    assert (body["status"], body["queued"], body["accepted"]) == ("queued", True, 2)
    assert body["rejected"] == []
    [entry] = read_entries()
    assert [event.event_id for event in entry.events] == body["eventIds"]
    assert body["eventIds"][0] == "one"


def test_events_without_an_id_are_each_given_a_uuid_of_their_own(ingest: Api) -> None:
    """Version 7: of the time of acceptance, so that they are stored beside each other."""
    before_ms = now_ms()

    event_ids = ingest.post("/events", [GOOD] * 1_000).json()["eventIds"]

    assert len(set(event_ids)) == 1_000
    for event_id in event_ids:
        assert str(UUID(event_id)) == event_id
        uuid = UUID(event_id)
        assert (uuid.version, uuid.variant) == (7, RFC_4122)
        assert before_ms <= uuid.int >> 80 <= now_ms()


@pytest.mark.parametrize("content_type", [NDJSON, "application/ndjson; charset=utf-8"])
@pytest.mark.parametrize("separator", ["\n", "\r\n", "\n\n \n"])
def test_ndjson_is_accepted_line_by_line(ingest: Api, content_type: str, separator: str) -> None:
    body = separator.join([json.dumps(GOOD), json.dumps(GOOD), ""])

    answer = ingest.post("/events", body, content_type=content_type)

    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)


def test_bad_events_are_refused_by_index_and_the_others_accepted(
    ingest: Api, project: TestProject
) -> None:
    batch = [GOOD, {"eventId": "no-path"}, None, [GOOD], {**GOOD, "x": 1}, GOOD]

    answer = ingest.post("/events", batch)

    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    rejected = answer.json()["rejected"]
    assert [(item["index"], item["field"], item["code"]) for item in rejected] == [
        (1, "path", "missing_field"),
        (2, None, "wrong_type"),
        (3, None, "wrong_type"),
        (4, "x", "unknown_field"),
    ]
    assert all(item["detail"] for item in rejected)
    assert drain(0).stored == 2
    [line] = read_ledger(project.id)
    assert (line.accepted, line.stored, line.difference) == (2, 2, 0)


def test_a_broken_line_of_ndjson_is_refused_alone(ingest: Api) -> None:
    answer = ingest.post("/events", '{"path":"/a"}\n{"path":\n{"path":"/b"}', content_type=NDJSON)

    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    [rejected] = answer.json()["rejected"]
    assert (rejected["index"], rejected["code"]) == (1, "invalid_json")


def test_what_bson_cannot_hold_is_refused_alone(ingest: Api) -> None:
    lines = [b'{"path":"/a"}'] * 99 + [b'{"path":"/a","userId":"\\ud800"}']

    answer = ingest.post("/events", b"\n".join(lines), content_type=NDJSON)

    assert (answer.status_code, answer.json()["accepted"]) == (202, 99)
    assert drain(0).stored == 99


def test_an_event_over_64_kib_is_refused_alone(ingest: Api) -> None:
    large = {"path": "/a", "properties": {"s": "x" * 70_000}}

    answer = ingest.post("/events", [GOOD, large])

    assert answer.status_code == 202
    [rejected] = answer.json()["rejected"]
    assert (rejected["index"], rejected["code"]) == (1, "event_too_large")


def test_a_batch_without_a_valid_event_is_refused(ingest: Api) -> None:
    answer = ingest.post("/events", [{}, 1])

    assert answer.status_code == 400
    problem = read_problem(answer)
    assert problem["code"] == "no_valid_event"
    codes = [(error["index"], error["code"]) for error in problem["errors"]]
    assert codes == [(0, "missing_field"), (1, "wrong_type")]
    assert read_entries() == []


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"[]", "application/json", 400, "empty_batch"),
        (b"\n \n", NDJSON, 400, "empty_batch"),
        (b'{"path":"/a"}', "application/json", 400, "not_an_array"),
        (b'{"path":"/a"}\n{"path":"/b"}\n', "application/json", 400, "not_an_array"),
        (b'[{"path":"/a"},]', "application/json", 400, "invalid_json"),
        (b'[{"path":"/a\xff"}]', "application/json", 400, "no_valid_event"),
        (b"[" * 100_000, "application/json", 400, "too_deep"),
        (b"[%s]" % b",".join([b'{"path":"/a"}'] * 1_001), "application/json", 413, None),
        (b'{"path":"/a"}\n' * 1_001, NDJSON, 413, "too_many_events"),
        (b" " * (1024 * 1024 + 1), "application/json", 413, "body_too_large"),
        (b'[{"path":"/a"}]', "text/plain", 415, "unsupported_media_type"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_bad_batch_is_refused_whole(
    ingest: Api, body: bytes, content_type: str, status: int, code: str | None
) -> None:
    answer = ingest.post("/events", body, content_type=content_type)

    assert answer.status_code == status
    assert code in (None, read_problem(answer)["code"])
    assert read_entries() == []


def test_a_thousand_events_become_ten_entries_and_are_counted_once(
    ingest: Api, project: TestProject
) -> None:
    answer = ingest.post("/events", [{"path": f"/{n}"} for n in range(1_000)])

    assert (answer.status_code, answer.json()["accepted"]) == (202, 1_000)
    assert [len(entry.events) for entry in read_entries()] == [100] * 10
    assert _count(accepted_key(0)) == _count(waiting_key(0)) == 1_000
    assert stream_client().hget(waiting_key(0), "total") == b"1000"


def _count(key: str) -> int:
    """The sum of the fields per project and day."""
    return sum(int(n) for field, n in stream_client().hgetall(key).items() if b":" in field)


def test_large_events_are_split_over_entries_of_256_kib(ingest: Api) -> None:
    large: dict[str, Any] = {"path": "/a", "userAgent": "x" * 8_000}

    assert ingest.post("/events", [large] * 90).status_code == 202

    entries = read_entries()
    assert sum(len(entry.events) for entry in entries) == 90
    assert len(entries) == 3
    for entry in entries:
        assert sum(len(event.raw) for event in entry.events) <= MAX_ENTRY_BYTES


def test_the_same_id_twice_in_a_batch_is_stored_once(ingest: Api, project: TestProject) -> None:
    first, second = {"path": "/1", "eventId": "same"}, {"path": "/2", "eventId": "same"}

    assert ingest.post("/events", [first, second]).json()["accepted"] == 2

    result = drain(0)
    assert (result.stored, result.duplicates) == (1, 1)


def test_a_path_with_a_trailing_slash_is_the_same_endpoint(ingest: Api) -> None:
    assert ingest.post("/events/", [GOOD]).status_code == 202


def test_a_key_that_only_reads_may_not_send(read: Api) -> None:
    answer = read.post("/events", [GOOD])

    assert (answer.status_code, read_problem(answer)["code"]) == (403, "missing_scope")
