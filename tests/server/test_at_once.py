"""Answered at once: the same answer, the same entry and the same counts as by the view."""

import json
import re
from io import BytesIO
from typing import Any

import msgspec
import pytest
from django.conf import LazySettings
from redis.exceptions import RedisError

from analytics.keys.lookup import forget_keys
from analytics.projects.models import ApiKey
from ingestion.accept import admit
from ingestion.server.at_once_path import AtOncePath, BegunRequest
from ingestion.server.hot_path import Answer
from ingestion.server.plain_request import parse_head
from tests.accept.test_admission import HOUR_MS, move_allowance
from tests.accept.test_post_event import read_parts
from tests.accept.test_refusal_counts import count
from tests.conftest import TestProject
from tests.pages import make_public_key, set_rules
from tests.service import build_request

PEER = "203.0.113.7"
SITE = "https://shop.example"
EVENT = b'{"path":"/a","userId":"u"}'
_GENERATED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}")
_REMAINING = re.compile(r"r=\d+;t=\d+")


@pytest.fixture
def path(project: TestProject) -> AtOncePath:
    return AtOncePath(lambda environ, start_response: ())


def make_request(body: bytes, key: str | None, target: str = "/event", **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return build_request("POST", target, body, {"User-Agent": "Test/1"} | named, key=key)


def ask_view(path: AtOncePath, request: bytes) -> Answer:
    head = parse_head(request, path.plain_lines)
    assert head
    more = {"REMOTE_ADDR": PEER, "wsgi.url_scheme": "http"}
    return path.answer(
        head.environ | more | {"wsgi.input": BytesIO(request[head.body_begin : head.end])}
    )


def begin(path: AtOncePath, request: bytes) -> BegunRequest:
    begun = path.begin(PEER, request + b"POST ")
    assert begun
    assert begun.end == len(request)
    return begun


def finish(path: AtOncePath, begun: BegunRequest) -> Answer:
    return path.finish(begun, admit.group_commit().call(begun.head, begun.arguments))


def describe(answer: Answer) -> tuple[str, Any, Any]:
    """An answer without what differs from one request to the next."""
    status, response, headers = answer
    body = _GENERATED.sub("(an id)", response.content.decode())
    shown = {name: _REMAINING.sub("", value) for name, value in headers}
    if "X-Request-ID" in shown:
        shown["X-Request-ID"] = "(an id)"
    return status, json.loads(body), shown


def describe_part(part: Any) -> Any:
    fields = msgspec.to_builtins(part)
    fields[3] = [_GENERATED.sub("(an id)", event_id) for event_id, _ in fields[3]], fields[3][0][1]
    fields[8] = fields[8] > 1_000_000  # milliseconds that go on
    return fields


SENT: tuple[tuple[bytes, dict[str, str]], ...] = (
    (EVENT, {}),
    (b"\xef\xbb\xbf" + EVENT, {"DNT": "1"}),
    ('{"path":"/ü","eventId":"\\"\\u00e9"}'.encode(), {"Origin": SITE, "Sec_GPC": "1"}),
    (b'{"path":"/a","timestamp":"2001-01-01T00:00:00Z","sentAt":"2001-01-01T00:00:00Z"}', {}),
    (b'{"path":"/a","lost":3}', {"X_Forwarded_For": "9.9.9.9, 198.51.100.4"}),
)


@pytest.mark.parametrize(("body", "headers"), SENT)
@pytest.mark.parametrize("public", [False, True])
def test_what_is_answered_at_once_is_what_the_view_answers(
    path: AtOncePath,
    project: TestProject,
    settings: LazySettings,
    public: bool,
    body: bytes,
    headers: dict[str, str],
) -> None:
    settings.TRUSTED_PROXIES = 1
    set_rules(project, allowed_origins=[SITE])
    request = make_request(body, project.ingest_key, **headers)
    if public:
        key = make_public_key(project)
        text = {"Content_Type": "text/plain"}
        request = make_request(body, None, f"/event?key={key.text}", **headers, **text)

    by_view = ask_view(path, request)
    counted = count(project)
    at_once = finish(path, begin(path, request))

    assert by_view[0] == "202 Accepted"
    assert describe(at_once) == describe(by_view)
    first, second = map(describe_part, read_parts())
    assert first == second
    assert count(project) == {reason: 2 * times for reason, times in counted.items()}


def test_nothing_is_begun_that_is_to_be_looked_up_refused_or_left_out(
    path: AtOncePath, project: TestProject
) -> None:
    """Then nothing was kept or counted either: the view begins anew."""
    key = project.ingest_key
    good = make_request(EVENT, key)
    assert path.begin(PEER, good) is None  # nobody has asked for this key yet
    ask_view(path, good)
    assert path.begin(PEER, good)
    assert path.begin(PEER, good[:-1]) is None
    page = make_public_key(project).text
    ask_view(path, make_request(EVENT, page))
    for other in (
        make_request(EVENT, key[:-1] + ("a" if key[-1] != "a" else "b")),
        make_request(EVENT, None),
        make_request(EVENT, project.read_key),
        make_request(EVENT, key, f"/event?key={page}"),
        make_request(EVENT, key, "/events"),
        make_request(EVENT, key, Content_Type="text/plain"),
        make_request(EVENT, key, Content_Type="application/cloudevents+json"),
        make_request(EVENT, key, CE_Specversion="1.0"),
        make_request(EVENT, key, Content_Encoding="gzip"),
        make_request(EVENT, page, Origin="https://other.example"),
        make_request(b"", key),
        make_request(b'{"path":1}', key),
        make_request(b'{"path":"/a","properties":{"a":"%s"}}' % (b"b" * 70_000), key),
    ):
        assert path.begin(PEER, other) is None, other[:300]
    assert len(read_parts()) == 2
    assert count(project) == {}

    forget_keys()

    assert path.begin(PEER, good) is None


def test_a_key_that_was_revoked_or_has_expired_begins_nothing(
    path: AtOncePath, project: TestProject
) -> None:
    key, text = ApiKey.issue(project.row, "short", ["ingest"])
    key.save()
    request = make_request(EVENT, text)
    ask_view(path, request)
    assert path.begin(PEER, request)

    key.revoke()
    forget_keys()
    refused = ask_view(path, request)

    assert refused[0].startswith("401")
    assert path.begin(PEER, request) is None


def test_what_the_stream_refuses_is_refused_as_by_the_view(
    path: AtOncePath, project: TestProject
) -> None:
    key, text = ApiKey.issue(project.row, "limited", ["ingest"])
    key.rate_events_per_second, key.burst_events = 1, 2
    key.save()
    request = make_request(EVENT, text)
    ask_view(path, request)
    begun = [begin(path, request) for _ in range(2)]
    finish(path, begun[0])

    # No time passes for its allowance, or it would grow if the next comes late.
    move_allowance(project, key.id, HOUR_MS)
    at_once = describe(finish(path, begun[1]))
    move_allowance(project, key.id, HOUR_MS)

    assert at_once == describe(ask_view(path, request))
    assert at_once[0] == "429 Too Many Requests"
    assert at_once[1]["eventId"] == "(an id)"
    assert count(project) == {(key.id, "rate_limited"): 2}


def test_a_lost_reply_is_no_promise_and_tells_the_id_to_send_again(
    path: AtOncePath, project: TestProject
) -> None:
    request = make_request(EVENT, project.ingest_key)
    ask_view(path, request)

    status, body, headers = describe(path.finish(begin(path, request), RedisError("gone")))

    assert status == "503 Service Unavailable"
    assert (body["code"], body["eventId"]) == ("stream_unavailable", "(an id)")
    assert headers["Retry-After"] == "2"
    assert len(read_parts()) == 1


def test_with_the_stream_nearly_full_or_over_https_only_the_view_decides(
    project: TestProject, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    path = AtOncePath(lambda environ, start_response: ())
    request = make_request(EVENT, project.ingest_key, X_Forwarded_Proto="https")
    ask_view(path, request)
    assert path.begin(PEER, request)
    assert path.begin(PEER, request.replace(b"Proto: https", b"Proto: http")) is None

    monkeypatch.setattr("ingestion.stream.memory._memory._used", 1.1)

    assert path.begin(PEER, request) is None


def test_the_head_of_one_client_is_never_taken_for_that_of_another(
    path: AtOncePath, project: TestProject, other_project: TestProject
) -> None:
    """Also where they differ by nothing but the last character of a key."""
    for one in (project, other_project):
        ask_view(path, make_request(EVENT, one.ingest_key))
    for _ in range(3):
        for one in (project, other_project):
            finish(path, begin(path, make_request(EVENT, one.ingest_key)))

    owners = [part.project_id for part in read_parts()]

    assert owners == [project.id, other_project.id] * 4
