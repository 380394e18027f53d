"""POST /event: what is accepted, what is refused, and in which words."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from analytics.databases.mongo import EVENTS, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import stream_key
from analytics.events.entry import Entry, Part, decode_entry
from analytics.projects.models import ApiKey
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject

UUID_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
JSON = "application/json"


def read_entries() -> list[Entry]:
    entries: Any = stream_client().xrange(stream_key(0))
    return [decode_entry(fields) for _, fields in entries]


def read_parts() -> list[Part]:
    return [part for entry in read_entries() for part in entry.parts]


def read_problem(answer: Any) -> dict[str, Any]:
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "no-store"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:analytics:problem:{problem['code']}"
    assert problem["title"] and problem["detail"]
    return problem


def test_the_answer_names_the_id_that_the_server_gave(ingest: Api) -> None:
    answer = ingest.post("/event", {"path": "/home"})

    assert answer.status_code == 202
    assert answer["Content-Type"] == JSON
    assert answer["Content-Length"] == str(len(answer.content))
    body = answer.json()
    assert (body["status"], body["queued"]) == ("queued", True)
    assert UUID_7.fullmatch(body["eventId"])
    [entry] = read_entries()
    assert entry.events[0].event_id == body["eventId"]


def test_the_seeds_curl_body_is_accepted_as_it_is_written(ingest: Api) -> None:
    body = """    {
    "eventId":"e9f6c2b3-12a1-4a9b-8baf-1d2a3b4c5d6e",
    "userId":"user_123",
    "path":"/product/42"
  }"""

    answer = ingest.post("/event", body)

    assert answer.status_code == 202
    assert answer.json()["eventId"] == "e9f6c2b3-12a1-4a9b-8baf-1d2a3b4c5d6e"


def test_the_entry_holds_the_senders_own_bytes(ingest: Api, project: TestProject) -> None:
    raw = b' {"path" : "/a", "properties": {"n": 0.1000000000000000055511151231257827}}\n'

    ingest.post("/event", raw, HTTP_USER_AGENT="Agent/1.0", REMOTE_ADDR="203.0.113.9")

    [part] = read_parts()
    assert part.project_id == project.id
    assert (part.client_ip, part.client_user_agent) == ("203.0.113.9", "Agent/1.0")
    assert part.events[0].raw == raw


def test_a_path_with_a_trailing_slash_is_the_same_endpoint(ingest: Api) -> None:
    assert ingest.post("/event/", {"path": "/a"}).status_code == 202


@pytest.mark.parametrize(
    "content_type",
    [JSON, "Application/JSON", f"{JSON}; charset=utf-8", f'{JSON};charset="UTF-8"'],
)
def test_json_is_understood_in_every_spelling_of_its_type(ingest: Api, content_type: str) -> None:
    answer = ingest.post("/event", b'{"path":"/a"}', content_type=content_type)

    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("", "unsupported_media_type"),
        ("text/plain;charset=UTF-8", "unsupported_media_type"),
        ("application/x-www-form-urlencoded", "unsupported_media_type"),
        ("multipart/form-data; boundary=x", "unsupported_media_type"),
        ("application/xml", "unsupported_media_type"),
        ("application/x-ndjson", "unsupported_media_type"),
        (f"{JSON}; charset=nonsense", "unsupported_charset"),
        (f"{JSON}; charset=utf-16", "unsupported_charset"),
        (f"{JSON}; charset=unicode_escape", "unsupported_charset"),
    ],
)
def test_another_content_type_is_refused(
    project: TestProject, content_type: str, code: str
) -> None:
    client = Client(headers={"authorization": f"Bearer {project.ingest_key}"})

    answer = client.generic("POST", "/event", b'{"path":"/a"}', content_type=content_type)

    assert answer.status_code == 415
    assert read_problem(answer)["code"] == code


@pytest.mark.parametrize(
    ("raw", "field", "code"),
    [
        (b'{"path":"/a"', None, "invalid_json"),
        (b"[]", None, "wrong_type"),
        (b'{"userId":"u"}', "path", "missing_field"),
        (b'{"path":""}', "path", "too_short"),
        (json.dumps({"path": "x" * 2_048}).encode(), "path", "too_long"),
        (b'{"path":7}', "path", "wrong_type"),
        (b'{"path":"/a","pathh":"/b"}', "pathh", "unknown_field"),
        (b'{"path":"/a","eventId":"a\\u0000b"}', "eventId", "control_character"),
        (b'{"path":"/a","ip":"example.com"}', "ip", "bad_ip"),
        (b'{"path":"/a","timestamp":"yesterday"}', "timestamp", "bad_timestamp"),
        (b'{"path":"/a","timestamp":"2999-01-01"}', "timestamp", "timestamp_in_future"),
        (b'{"path":"/a","properties":{"n":9223372036854775808}}', "properties", None),
        (b'{"path":"/a","properties":{"\\u0000":1}}', "properties", "bad_property_name"),
        (b'{"path":"/a","properties":{"s":"%s"}}' % (b"x" * 4_096), "properties", None),
    ],
)
def test_a_bad_event_is_refused_with_the_field_and_a_code(
    ingest: Api, raw: bytes, field: str | None, code: str | None
) -> None:
    answer = ingest.post("/event", raw)

    assert answer.status_code == 400
    problem = read_problem(answer)
    assert code in (None, problem["code"])
    if field is None:
        assert "errors" not in problem
    else:
        [error] = problem["errors"]
        assert error == {"field": field, "code": problem["code"], "detail": problem["detail"]}
    assert read_entries() == []


def test_an_event_older_than_the_project_keeps_them_is_refused(
    ingest: Api, project: TestProject
) -> None:
    project.row.retention_days = 2
    project.row.save()
    now = datetime.now(UTC)
    for age_days, status in ((1, 202), (3, 400)):
        timestamp = (now - timedelta(days=age_days)).isoformat()
        answer = ingest.post("/event", {"path": "/a", "timestamp": timestamp})
        assert answer.status_code == status

    assert read_problem(answer)["errors"][0]["code"] == "timestamp_too_old"


@pytest.mark.parametrize("body", [b" " * (64 * 1024 + 1), b'{"path":"/a"}'.ljust(200_000)])
def test_a_body_over_64_kib_is_refused(ingest: Api, body: bytes) -> None:
    answer = ingest.post("/event", body)

    assert answer.status_code == 413
    assert read_problem(answer)["code"] == "body_too_large"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "missing_key"),
        ("Bearer", "invalid_key"),
        ("Basic dXNlcjpwYXNz", "missing_key"),
        ("Bearer ' OR 1=1--", "invalid_key"),
        ("Bearer \xe9\xff", "invalid_key"),
        ("Bearer ak_live_23456789_" + "x" * 43, "invalid_key"),
    ],
)
def test_a_bad_key_is_refused_with_the_scheme_to_use(
    project: TestProject, authorization: str, code: str
) -> None:
    answer = Client().post(
        "/event", b'{"path":"/a"}', content_type=JSON, HTTP_AUTHORIZATION=authorization
    )

    assert answer.status_code == 401
    assert read_problem(answer)["code"] == code
    assert answer["WWW-Authenticate"].startswith("Bearer ")


def test_an_expired_key_is_refused(project: TestProject) -> None:
    key, text = ApiKey.issue(project.row, "old", ["ingest"])
    key.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    key.save()

    answer = Api(text).post("/event", {"path": "/a"})

    assert answer.status_code == 401
    assert read_problem(answer)["code"] == "expired_key"


def test_a_key_that_only_reads_may_not_send(read: Api) -> None:
    answer = read.post("/event", {"path": "/a"})

    assert answer.status_code == 403
    assert read_problem(answer)["code"] == "missing_scope"
    assert read_entries() == []


def test_an_admin_key_may_send(project: TestProject) -> None:
    assert Api(project.admin_key).post("/event", {"path": "/a"}).status_code == 202


def test_the_same_event_id_in_two_projects_counts_in_both(
    project: TestProject, other_project: TestProject
) -> None:
    for sender in (project, other_project, project):
        answer = Api(sender.ingest_key).post("/event", {"path": "/a", "eventId": "shared"})
        assert answer.status_code == 202

    result = drain(0)

    assert (result.stored, result.duplicates) == (2, 1)
    for one in (project, other_project):
        assert collection(EVENTS).count_documents({"project": one.id}) == 1


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "9.9.9.9", "203.0.113.9"),
        (1, "9.9.9.9", "9.9.9.9"),
        (1, "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        (2, "6.6.6.6, 9.9.9.9, 10.0.0.1", "9.9.9.9"),
        (2, "10.0.0.1", "203.0.113.9"),
        (1, '"<script>', "203.0.113.9"),
        (1, "::ffff:9.9.9.9", "9.9.9.9"),
        (1, "", "203.0.113.9"),
        (1, "9.9.9.9:4711", "9.9.9.9"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "9.9.9.9:4711:1", "203.0.113.9"),
        (1, "[]", "203.0.113.9"),
    ],
)
def test_a_forwarded_address_is_believed_as_far_as_our_proxies_go(
    ingest: Api, settings: LazySettings, proxies: int, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies

    ingest.post("/event", {"path": "/a"}, REMOTE_ADDR="203.0.113.9", HTTP_X_FORWARDED_FOR=forwarded)

    assert read_parts()[0].client_ip == address


def test_a_senders_user_agent_is_cut_at_1024_characters(ingest: Api) -> None:
    ingest.post("/event", {"path": "/a"}, HTTP_USER_AGENT="é" * 3_000)

    assert read_parts()[0].client_user_agent == "é" * 1_024


def test_another_method_is_refused_with_the_right_one(ingest: Api) -> None:
    answer = ingest.get("/event")

    assert answer.status_code == 405
    assert read_problem(answer)["code"] == "method_not_allowed"
    assert answer["Allow"] == "POST, OPTIONS"


def test_a_key_that_sends_events_does_not_read_them(ingest: Api) -> None:
    answer = ingest.get("/events")

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
