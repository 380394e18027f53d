"""What no client sends, to every path of every receiver: an orderly answer, and nothing half."""

import gzip
import json
import zlib
from typing import Any

import pytest
from django.test import Client

from ingestion.accept.judge import MAX_BATCH_BODY_BYTES
from tests.conftest import TestProject
from tests.pages import ADDRESS, make_public_key, set_rules
from tests.receivers.bodies import RECEIVED, Owner, Sent, make_owner, make_request
from tests.receivers.vendor import post, read_stored

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
BOMB = gzip.compress(b"[" + b" " * (64 * MIB) + b"]")
FORM = b"&".join(b"f%d=%d" % (n, n) for n in range(1_000))
TAKEN = (200, 202, 204)
every_path = pytest.mark.parametrize(("name", "path"), RECEIVED)


@pytest.fixture
def owner(project: TestProject) -> Owner:
    return make_owner(project)


def send(sent: Sent, body: bytes, **headers: Any) -> Any:
    """`body` in the place of what the client would send; its key stays where the head has it."""
    client = Client(raise_request_exception=True)
    headers = {"REMOTE_ADDR": ADDRESS, **sent.headers, **headers}
    content_type = headers.pop("content_type", "application/json")
    return client.post(sent.path, body, content_type=content_type, **headers)


def read_code(answer: Any) -> Any:
    """Amplitude's clients want the status in its place."""
    problem = answer.json()
    return problem.get("reason", problem["code"])


def in_the_head(sent: Sent, owner: Owner) -> Sent:
    """The key as well in the head, so that whatever the body is, it is looked at."""
    return sent._replace(headers={"HTTP_AUTHORIZATION": f"Bearer {owner.key}"})


@every_path
def test_what_its_client_sends_is_taken(
    project: TestProject, owner: Owner, name: str, path: str
) -> None:
    sent = make_request(name, path, owner)

    answer = post(sent.path, sent.body, **sent.headers)

    assert answer.status_code in TAKEN, answer.content
    assert len(read_stored(project)) == 1


HOSTILE = {
    "nothing": b"",
    "no JSON": b"{",
    "two values": b"{}{}",
    "brackets": b"[" * MIB,
    "braces": b'{"a":' * (MIB // 5),
    "brackets in a batch": b'{"batch":' + b"[" * 500_000,
    "a number": b"1e9999",
    "null": b"null",
    "a text": b'"batch"',
    "an empty array": b"[]",
    "an empty object": b"{}",
    "no UTF-8": b'{"batch":[{"event":"\xff\xfe"}]}',
    "a form": FORM,
    "a form of data": b"data=%7B%7D&data=%5B%5D",
    "a form without end": b"data=" + b"%5B" * 300_000,
    "base64 of nothing": b"data=!!!!",
    "NUL": b"\x00" * 1_000,
    "wrong gzip": b"\x1f\x8bnonsense",
    "half a gzip": gzip.compress(b'{"batch":[]}' * 1_000)[:50],
    "gzip and more": gzip.compress(b"{}") + b"{}",
    "gzip of gzip": gzip.compress(gzip.compress(b"{}")),
    "a bomb": BOMB,
    "too much": b" " * (MAX_BATCH_BODY_BYTES + 1),
    "a batch of all sorts": b'{"batch":[1,null,[],{},"x",{"type":{}},{"event":[]}],"type":[]}',
    "a batch of numbers": json.dumps({"batch": list(range(2_000))}).encode(),
    "an object of objects": b'{"batch":{"a":{}},"payload":[],"context":1,"properties":"x"}',
}
STATUSES = {"a bomb": (413,), "too much": (413,)}


@every_path
def test_a_hostile_body_gets_an_orderly_answer(
    project: TestProject, owner: Owner, name: str, path: str
) -> None:
    sent = in_the_head(make_request(name, path, owner), owner)

    for case, body in HOSTILE.items():
        answer = send(sent, body)

        if name == "snowplow" and case in STATUSES:
            assert answer.status_code == 200  # or its trackers would send it for ever
            continue
        assert answer.status_code in STATUSES.get(case, (*TAKEN, 400, 413)), (case, answer)
        if answer.status_code >= 400:
            assert answer["Content-Type"] == "application/problem+json", case
            assert read_code(answer) and answer.json()["detail"], case
    stored = read_stored(project)
    assert all(event["path"].startswith("/_event/") for event in stored), stored


@every_path
def test_a_body_that_its_header_calls_packed_and_is_not_is_refused(
    owner: Owner, name: str, path: str
) -> None:
    sent = in_the_head(make_request(name, path, owner), owner)

    for coding, status, code in (
        ("gzip", 400, "bad_compression"),
        ("deflate", 400, "bad_compression"),
        ("br", 415, "unsupported_encoding"),
    ):
        answer = send(sent, b"\x00\x01 no such thing", HTTP_CONTENT_ENCODING=coding)
        assert (answer.status_code, read_code(answer)) == (status, code)


@every_path
@pytest.mark.parametrize("packing", ["gzip", "zlib", "raw"])
def test_a_packed_body_is_taken_with_the_header_and_gzip_without(
    project: TestProject, owner: Owner, name: str, path: str, packing: str
) -> None:
    sent = make_request(name, path, owner)
    body = json.dumps(sent.body).encode()
    packed = {
        "gzip": gzip.compress(body),
        "zlib": zlib.compress(body),
        "raw": zlib.compress(body)[2:-4],
    }[packing]
    headers = {} if packing == "gzip" else {"HTTP_CONTENT_ENCODING": "deflate"}

    assert send(sent, packed, **headers).status_code in TAKEN
    assert len(read_stored(project)) == 1


@every_path
def test_the_body_of_another_vendor_leaves_nothing_half(
    project: TestProject, owner: Owner, name: str, path: str
) -> None:
    sent = in_the_head(make_request(name, path, owner), owner)

    for other, its_path in RECEIVED:
        if other != name:
            body = make_request(other, its_path, owner).body
            answer = send(sent, json.dumps(body).encode())
            assert answer.status_code in (*TAKEN, 400, 401), answer.content


@every_path
def test_a_key_or_an_alias_of_another_project_reaches_that_project_alone(
    project: TestProject, other_project: TestProject, owner: Owner, name: str, path: str
) -> None:
    theirs = make_owner(other_project, "other.example", "0d5c8f6b-52d4-4c0f-9a31-7e3c1b9a2e17")
    sent = make_request(name, path, theirs)

    assert post(sent.path, sent.body, **sent.headers).status_code in TAKEN
    assert read_stored(project) == []
    assert len(read_stored(other_project)) == 1


@every_path
def test_nobody_sends_without_a_key_or_an_alias(
    project: TestProject, owner: Owner, name: str, path: str
) -> None:
    nobody = Owner("pk_live_23456789_" + "x" * 43, "nobody.example", "0" * 32)
    sent = make_request(name, path, nobody)

    answer = post(sent.path, sent.body, **sent.headers)

    expected = {401: "invalid_key", 400: "unknown_alias"}
    assert expected.get(answer.status_code) == read_code(answer)
    assert read_stored(project) == []


@every_path
def test_a_secret_key_in_the_address_is_refused_whatever_the_body_has(
    project: TestProject, owner: Owner, name: str, path: str
) -> None:
    sent = make_request(name, path, owner)

    answer = post(f"{path}?api_key={project.ingest_key}", sent.body, **sent.headers)

    assert (answer.status_code, read_code(answer)) == (401, "key_in_address")
    assert read_stored(project) == []


@every_path
def test_a_page_reads_every_answer_if_its_origin_is_allowed_and_none_if_not(
    project: TestProject, owner: Owner, name: str, path: str
) -> None:
    set_rules(project, allowed_origins=["https://shop.example"])
    good = make_request(name, path, owner)
    page: dict[str, Any] = {"HTTP_ORIGIN": "https://shop.example", "HTTP_USER_AGENT": "Mozilla/5.0"}

    preflight = Client().options(
        path, HTTP_ORIGIN="https://shop.example",
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="anonymousid,authorization,content-type,sentat,x-a",
    )  # fmt: skip
    answers = [
        post(good.path, good.body, **good.headers, **page),
        send(good, b"{", **page),
        send(in_the_head(good, owner), BOMB, **page),
    ]
    stranger = post(good.path, good.body, **good.headers, HTTP_ORIGIN="https://evil.example")

    assert preflight["Access-Control-Allow-Origin"] == "https://shop.example"
    allowed = preflight["Access-Control-Allow-Headers"].lower()
    assert {"anonymousid", "authorization", "content-type", "sentat"} <= set(allowed.split(", "))
    assert [answer.status_code for answer in answers[1:]] == [
        400,
        200 if name == "snowplow" else 413,
    ]
    for answer in answers:
        assert answer["Access-Control-Allow-Origin"] == "https://shop.example"
        assert "Retry-After" in answer["Access-Control-Expose-Headers"]
    assert (stranger.status_code, read_code(stranger)) == (403, "origin_not_allowed")
    assert "Access-Control-Allow-Origin" not in stranger


@every_path
def test_a_key_over_its_rate_is_told_when_to_come_again(
    project: TestProject, name: str, path: str
) -> None:
    owner = make_owner(project)
    key = make_public_key(project, "slow", rate_events_per_second=1, burst_events=1)
    sent = in_the_head(make_request(name, path, owner), owner._replace(key=key.text))
    if isinstance(sent.body, dict):
        for place in ("writeKey", "api_key"):
            sent.body.pop(place, None)

    def ask() -> Any:
        return post(sent.path, sent.body, **sent.headers)

    assert ask().status_code in TAKEN
    # Where a second has passed until it came, the next one is.
    refused = next(answer for _ in range(50) if (answer := ask()).status_code not in TAKEN)
    assert refused.status_code == (503 if name == "posthog" else 429)
    assert int(refused["Retry-After"]) >= 1
    assert read_code(refused) == "rate_limited"
