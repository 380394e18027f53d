"""What only a real server shows: bodies, lengths, connections, as gunicorn hands them over."""

import time
from contextlib import suppress
from email.utils import parsedate_to_datetime

import pytest

from analytics.databases.mongo import EVENTS, collection
from ingestion.drain.loop import drain
from tests.conftest import TestProject
from tests.processes import find_children, read_cpu_seconds
from tests.service import Gunicorn, build_request

pytest_plugins = ("tests.service",)

pytestmark = pytest.mark.slow

EVENT = b'{"path": "/edge"}'
GIGABYTE = 1_000_000_000


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


CHUNKED = {"Transfer-Encoding": "chunked"}


def test_a_chunked_body_is_read_whole(gunicorn: Gunicorn, served: TestProject) -> None:
    body = chunked(EVENT[:5], EVENT[5:])

    answer = gunicorn.request("POST", "/event", body, CHUNKED, key=served.ingest_key)

    assert answer.status == 202
    assert answer.json()["queued"] is True


def test_a_chunked_batch_is_read_whole(gunicorn: Gunicorn, served: TestProject) -> None:
    body = chunked(b"[", EVENT, b",", EVENT, b"]")

    answer = gunicorn.request("POST", "/events", body, CHUNKED, key=served.ingest_key)

    assert (answer.status, answer.json()["accepted"]) == (202, 2)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (chunked(), "invalid_json"),
        (chunked(EVENT)[:-7], "truncated_body"),
        (b"11\r\n" + EVENT[:9], "truncated_body"),
        (b"zz\r\n" + EVENT + b"\r\n0\r\n\r\n", "truncated_body"),
    ],
    ids=["empty", "no last chunk", "chunk cut short", "bad chunk size"],
)
def test_a_bad_chunked_body_is_refused(
    gunicorn: Gunicorn, served: TestProject, body: bytes, code: str
) -> None:
    with gunicorn.connect() as wire:
        wire.send(build_request("POST", "/event", body, CHUNKED, key=served.ingest_key))
        wire.end_sending()
        answer = wire.read_answer()

    assert (answer.status, answer.code) == (400, code)


def test_a_body_shorter_than_its_length_is_refused(gunicorn: Gunicorn, served: TestProject) -> None:
    headers = {"Content-Length": str(len(EVENT) + 1)}
    with gunicorn.connect() as wire:
        wire.send(build_request("POST", "/event", EVENT, headers, key=served.ingest_key))
        wire.end_sending()
        answer = wire.read_answer()

    assert (answer.status, answer.code) == (400, "truncated_body")


def test_what_follows_a_too_short_length_is_not_a_second_event(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    headers = {"Content-Length": "5"}
    with gunicorn.connect() as wire:
        wire.send(build_request("POST", "/event", EVENT, headers, key=served.ingest_key))
        answer = wire.read_answer()

        assert (answer.status, answer.code) == (400, "invalid_json")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "0xd"},
        {"Content-Length": "-1"},
        {"Content-Length": "1 1"},
        {"Content-Length": "17", "content-length": "5"},
        {"Content-Length": "17", "Transfer-Encoding": "chunked"},
        {"Transfer-Encoding": "gzip"},
    ],
    ids=["hex", "negative", "two numbers", "twice", "and chunked", "not chunked"],
)
def test_an_ambiguous_length_is_refused_and_the_connection_closed(
    gunicorn: Gunicorn, served: TestProject, headers: dict[str, str]
) -> None:
    with gunicorn.connect() as wire:
        wire.send(build_request("POST", "/event", EVENT, headers, key=served.ingest_key))

        assert wire.read_answer().status == 400
        assert wire.is_closed()


def test_a_length_of_400_digits_is_refused_and_the_connection_closed(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    headers = {"Content-Length": "9" * 400}
    with gunicorn.connect() as wire:
        wire.send(build_request("POST", "/event", EVENT, headers, key=served.ingest_key))

        assert wire.read_answer().status == 413
        assert wire.is_closed()


@pytest.mark.parametrize("path", ["/event", "/events"])
@pytest.mark.parametrize("length", [str(GIGABYTE), "9" * 20])
def test_a_gigabyte_is_refused_by_its_announcement(
    gunicorn: Gunicorn, served: TestProject, path: str, length: str
) -> None:
    headers = {"Content-Length": length}
    with gunicorn.connect() as wire:
        started = time.monotonic()
        wire.send(build_request("POST", path, b"{", headers, key=served.ingest_key))
        answer = wire.read_answer()

    assert (answer.status, answer.code) == (413, "body_too_large")
    assert time.monotonic() - started < 20  # a body is waited for for 30


def test_a_chunked_body_without_end_is_refused_at_the_limit(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with gunicorn.connect() as wire:
        wire.send(build_request("POST", "/event", chunk, CHUNKED, key=served.ingest_key))
        wire.send(chunk)
        answer = wire.read_answer()

    assert (answer.status, answer.code) == (413, "body_too_large")


@pytest.mark.parametrize(("path", "limit_bytes"), [("/event", 64 * 1024), ("/events", 1024 * 1024)])
def test_a_body_of_exactly_the_limit_is_read(
    gunicorn: Gunicorn, served: TestProject, path: str, limit_bytes: int
) -> None:
    event = EVENT if path == "/event" else b"[" + EVENT + b"]"
    for size, status in ((limit_bytes, 202), (limit_bytes + 1, 413)):
        body = event.ljust(size)
        assert gunicorn.request("POST", path, body, key=served.ingest_key).status == status


def test_a_request_without_a_key_is_refused_before_its_body_is_read(gunicorn: Gunicorn) -> None:
    headers = {"Content-Length": str(GIGABYTE)}
    with gunicorn.connect() as wire:
        wire.send(build_request("POST", "/event", b"{", headers))
        answer = wire.read_answer()

    assert (answer.status, answer.code) == (401, "missing_key")


def test_the_connection_is_still_in_step_after_a_refusal_with_an_unread_body(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    smuggled = build_request("POST", "/event", b'{"path": "/smuggled"}', key=served.ingest_key)
    refused = build_request("POST", "/event", smuggled.ljust(20_000))
    with gunicorn.connect() as wire:
        for _ in range(3):
            wire.send(refused)
            assert wire.read_answer().status == 401
            wire.send(build_request("POST", "/event", EVENT, key=served.ingest_key))
            assert wire.read_answer().status == 202

    drain(0)
    assert "/smuggled" not in collection(EVENTS).distinct("path", {"project": served.id})


@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("POST", "/event", {}, 401),
        ("POST", "/event", CHUNKED, 401),
        ("POST", "/nothing", {}, 404),
        ("GET", "/healthz", {}, 200),
    ],
)
def test_a_large_body_that_nobody_reads_does_not_hold_up_the_others(
    gunicorn: Gunicorn, method: str, target: str, headers: dict[str, str], status: int
) -> None:
    """gunicorn by itself discards such a body a KiB at a time, and serves nobody meanwhile."""
    body = b"x" * 32_000_000
    request = build_request(method, target, chunked(body) if headers else body, headers)
    workers = find_children(gunicorn.pid)
    used_before = read_cpu_seconds(*workers)
    with gunicorn.connect() as wire, suppress(BrokenPipeError, ConnectionResetError):
        wire.send(request)
        assert wire.read_answer(method).status == status
        assert wire.is_closed()

    assert gunicorn.request("GET", "/healthz").status == 200
    assert read_cpu_seconds(*workers) - used_before < 0.5


def test_many_requests_share_a_connection(gunicorn: Gunicorn, served: TestProject) -> None:
    request = build_request("POST", "/event", EVENT, key=served.ingest_key)
    with gunicorn.connect() as wire:
        for _ in range(20):
            wire.send(request)
            answer = wire.read_answer()
            assert answer.status == 202
            assert answer.headers["content-length"] == str(len(answer.body))


def test_a_client_that_expects_100_continue_is_told_to_go_on(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    headers = {"Expect": "100-continue", "Content-Length": str(len(EVENT))}
    with gunicorn.connect() as wire:
        wire.send(build_request("POST", "/event", b"", headers, key=served.ingest_key))
        interim = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert wire.socket.recv(len(interim)) == interim
        wire.send(EVENT)

        assert wire.read_answer().status == 202


@pytest.mark.parametrize(
    "connection", ["close", "Close", "foo, close", "close, foo", "keep-alive,close", " , close"]
)
@pytest.mark.parametrize("target", ["/event", "/healthz"])
def test_a_connection_that_is_to_be_closed_is_closed(
    gunicorn: Gunicorn, target: str, connection: str
) -> None:
    with gunicorn.connect() as wire:
        wire.send(build_request("GET", target, headers={"Connection": connection}))

        assert wire.read_answer("GET").headers["connection"] == "close"
        assert wire.is_closed()


@pytest.mark.parametrize("connection", ["foo", "keep-alive", "foo, keep-alive", "closed"])
@pytest.mark.parametrize("target", ["/event", "/healthz"])
def test_a_connection_with_another_option_is_kept(
    gunicorn: Gunicorn, target: str, connection: str
) -> None:
    with gunicorn.connect() as wire:
        for _ in range(2):
            wire.send(build_request("GET", target, headers={"Connection": connection}))
            assert wire.read_answer("GET").headers["connection"] == "keep-alive"


def test_http_1_0_is_kept_only_on_demand(gunicorn: Gunicorn) -> None:
    for headers, answered in ((b"", b"close"), (b"Connection: Keep-Alive\r\n", b"keep-alive")):
        with gunicorn.connect() as wire:
            wire.send(b"GET /event HTTP/1.0\r\n" + headers + b"\r\n")
            assert wire.read_answer("GET").headers["connection"] == answered.decode()
            assert answered == b"keep-alive" or wire.is_closed()


@pytest.mark.parametrize(
    "request_bytes",
    [
        build_request("GET", "/healthz"),
        build_request("POST", "/event"),
        build_request("OPTIONS", "/event"),
        build_request("GET", "/nothing"),
        b"nonsense\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        build_request("GET", "/" + "a" * 9_000),
    ],
)
def test_every_answer_says_when_it_was_made(gunicorn: Gunicorn, request_bytes: bytes) -> None:
    """RFC 9110, section 6.6.1: an origin server with a clock must."""
    with gunicorn.connect() as wire:
        wire.send(request_bytes)

        assert parsedate_to_datetime(wire.read_answer().headers["date"]).tzinfo is not None


def test_an_empty_line_before_a_request_is_skipped(gunicorn: Gunicorn, served: TestProject) -> None:
    """Also between the requests of a connection, in whatever pieces it comes."""
    request = build_request("POST", "/event", EVENT, key=served.ingest_key)
    with gunicorn.connect() as wire:
        for pieces in ([b"\r\n" + request], [b"\r\n", request], [b"\r", b"\n" + request]) * 2:
            for piece in pieces:
                wire.send(piece)
                time.sleep(0.02)
            assert wire.read_answer().status == 202


def test_no_content_has_neither_length_nor_type(gunicorn: Gunicorn) -> None:
    """RFC 9110, sections 8.6 and 15.3.5. Each of these is answered by other code."""
    for target in ("/event", "/events/", "/event/some-id", "/stats"):
        for version in (b"HTTP/1.1", b"HTTP/1.0"):
            with gunicorn.connect() as wire:
                request = build_request("OPTIONS", target, headers={"Connection": "keep-alive"})
                wire.send(request.replace(b"HTTP/1.1", version))
                answer = wire.read_answer("OPTIONS")

                assert (answer.status, answer.body) == (204, b"")
                unwanted = {"content-length", "content-type", "transfer-encoding"}
                assert not answer.headers.keys() & unwanted
                wire.send(build_request("GET", "/healthz"))
                assert wire.read_answer("GET").status == 200


@pytest.mark.parametrize("target", ["/event/%ff", "/event/a%c0%af", "/event/%ed%a0%80"])
def test_an_event_id_that_is_no_utf_8_is_told_so(
    gunicorn: Gunicorn, served: TestProject, target: str
) -> None:
    answer = gunicorn.request("GET", target, key=served.ingest_key)

    assert (answer.status, answer.code) == (400, "bad_encoding")


@pytest.mark.parametrize("path", ["/event", "/event/", "/events", "/events/"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE", "FOO"])
def test_a_wrong_method_is_told_the_right_one(
    gunicorn: Gunicorn, served: TestProject, path: str, method: str
) -> None:
    answer = gunicorn.request(method, path, key=served.ingest_key)

    if "events" in path:
        if method == "GET":  # stored ones are read there
            assert (answer.status, answer.code) == (403, "missing_scope")
            return
        assert answer.headers["allow"] == "GET, HEAD, POST, OPTIONS"
    else:
        assert answer.headers["allow"] == "POST, OPTIONS"
    assert (answer.status, answer.code) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("path", "allow"),
    [("/event/some-id", "GET, HEAD, OPTIONS"), ("/healthz", "GET, HEAD"), ("/readyz", "GET, HEAD")],
)
def test_a_post_to_what_is_read_is_told_the_right_method(
    gunicorn: Gunicorn, served: TestProject, path: str, allow: str
) -> None:
    answer = gunicorn.request("POST", path, EVENT, key=served.ingest_key)

    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize(
    ("path", "allow"), [("/event", "POST, OPTIONS"), ("/event/some-id", "GET, HEAD, OPTIONS")]
)
def test_options_names_the_methods_to_anyone(gunicorn: Gunicorn, path: str, allow: str) -> None:
    answer = gunicorn.request("OPTIONS", path)

    assert (answer.status, answer.body, answer.headers["allow"]) == (204, b"", allow)


def test_head_answers_as_get_without_a_body(gunicorn: Gunicorn, served: TestProject) -> None:
    answer = gunicorn.request("HEAD", "/event/some-id", key=served.ingest_key)

    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "target", ["/x", "/EVENT", "//event", "/event%00", "/events/x", "/%ff", "/..%2fevent"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_a_problem_and_never_a_redirect(
    gunicorn: Gunicorn, served: TestProject, method: str, target: str
) -> None:
    answer = gunicorn.request(method, target, key=served.ingest_key)

    assert (answer.status, answer.code) == (404, "not_found")
    assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["/event/", "/events/"])
def test_a_trailing_slash_is_the_same_endpoint(
    gunicorn: Gunicorn, served: TestProject, path: str
) -> None:
    body = EVENT if path == "/event/" else b"[" + EVENT + b"]"

    assert gunicorn.request("POST", path, body, key=served.ingest_key).status == 202


@pytest.mark.parametrize("path", ["/healthz", "/healthz/", "/readyz", "/readyz/?for=reporting"])
def test_health_is_told_to_anyone(gunicorn: Gunicorn, path: str) -> None:
    answer = gunicorn.request("GET", path)

    assert (answer.status, answer.json()["status"]) == (200, "ok")


def test_the_log_holds_no_traceback(gunicorn: Gunicorn) -> None:
    assert "Traceback" not in gunicorn.read_log()
