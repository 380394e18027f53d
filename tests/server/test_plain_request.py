"""Plain requests: whatever is taken without gunicorn, gunicorn would have understood the same."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.unreader import IterUnreader

from config import gunicorn as configuration
from ingestion.receivers.urls import HOT_VIEWS
from ingestion.server.gunicorn_worker import _make_environ
from ingestion.server.plain_request import make_request_lines, parse_head
from ingestion.server.strict_request import StrictParser
from tests.conftest import TestProject
from tests.hostile.cases import all_cases, post
from tests.hostile.mutations import mutate
from tests.pages import make_public_key
from tests.service import Gunicorn, build_request

pytest_plugins = ("tests.service",)

MUTATIONS = 10_000
LINES = make_request_lines(HOT_VIEWS)
SETTINGS = (
    *("limit_request_line", "limit_request_fields", "limit_request_field_size"),
    *("forwarder_headers", "secure_scheme_headers", "http_parser"),
)
ADDRESS = ("127.0.0.1", 4711)
EVENT = b'{"path":"/a","eventId":"%s"}'

PLAIN = (
    post(b'{"path":"/a"}'),
    post(b"[]", path="/events"),
    post(b"", "Connection: keep-alive", path="/events/"),
    post(b'{"path":"/a"}', "X-Forwarded-For: 1.2.3.4, 5.6.7.8", "X-Forwarded-Proto: https"),
    post(b'{"path":"/a"}', path="/event?key=pk_live_23456789_" + "aB-_" * 11),
    post(b"[]", "Query-String: key=other", path="/events/?key=x"),
    post(b"x" * 5_000, "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: */*", "DNT: 1"),
)
NOT_PLAIN = (
    post(b"", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    post(b"{}", "Transfer-Encoding: identity", "Content-Length: 2"),
    post(b"{}", "Content-Length: 2", "Content-Length: 2"),
    post(b"{}", "Content-Length: 2", "content-length: 2"),
    post(b"{}", "Content-Length : 2"),
    post(b"{}", "Content-Length: +2"),
    post(b"{}", "Content-Length: 2, 2"),
    post(b"{}", "Content-Length: 0x2"),
    post(b"{}", "Content-Length: \t2"),
    post(b"{}", "Content_Length: 2", "Content-Length: 2"),
    post(b"{}", "Expect: 100-continue"),
    post(b"{}", "Connection: close"),
    post(b"{}", "Connection: upgrade", "Upgrade: h2c"),
    post(b"{}", "Host: other"),
    post(b"{}", "X: a\r\n b"),
    post(b"{}", "X: a\nTransfer-Encoding: chunked"),
    post(b"{}", "X: a\x00b"),
    post(b"{}", "X:"),
    post(b"{}", *(f"X-{n}: 1" for n in range(99))),
    post(b"{}").replace(b" HTTP/1.1", b" HTTP/1.0"),
    post(b"{}").replace(b"\r\n", b"\n"),
    post(b"{}").replace(b"POST", b"GET"),
    post(b"{}", path="/event?a=b"),
    post(b"{}", path="/event?key="),
    post(b"{}", path="/event?key=a&key=b"),
    post(b"{}", path="/event?key=%61"),
    post(b"{}", path="/event?key=a#b"),
    post(b"{}", path="/event?key=a?key=b"),
    post(b"{}", path="/event?key=a;v=1"),
    post(b"{}", path="/event?Key=a"),
    post(b"{}", path="/event?key=a "),
    post(b"{}", path="/event ?key=a"),
    post(b"{}", path="/stats?key=a"),
    post(b"{}", path="/event?key=" + "a" * 129),
    post(b"{}", path="/event?key=a").replace(b"POST", b"GET"),
    post(b"{}", path="/event?key=a").replace(b" HTTP/1.1", b" HTTP/1.0"),
    post(b"{}", path="//event"),
    post(b"{}")[:-1],
    b"\r\n" + post(b"{}"),
)


@pytest.fixture(scope="module")
def config() -> Config:
    """gunicorn's configuration here."""
    config = Config()
    for name in SETTINGS:
        config.set(name, getattr(configuration, name))
    return config


def is_plain_and_the_same(data: bytes, config: Config) -> bool:
    """Whether `data` is taken; then gunicorn must read the same from it, to the last byte."""
    head = parse_head(data, LINES)
    if head is None or len(data) < head.end:
        return False
    request: Any = next(StrictParser(config, IterUnreader([data]), ADDRESS))
    theirs, ours = _make_environ(request, ADDRESS), head.environ
    assert (theirs.pop("REMOTE_ADDR"), theirs.pop("wsgi.url_scheme")) == (ADDRESS[0], "http")
    assert theirs.pop("wsgi.input").read() == data[head.body_begin : head.end]
    assert theirs.pop("wsgi.input_terminated") is True
    assert ours == theirs
    assert request.unreader.take_buffered() == data[head.end :]
    assert not request.should_close()
    assert parse_head(data[: head.body_begin], LINES) == head  # so it may be kept by these bytes
    return True


@pytest.mark.parametrize("request_bytes", PLAIN)
def test_a_plain_request_is_taken_and_read_as_gunicorn_reads_it(
    config: Config, request_bytes: bytes
) -> None:
    assert is_plain_and_the_same(request_bytes, config)
    assert is_plain_and_the_same(request_bytes + PLAIN[0], config)


@pytest.mark.parametrize("request_bytes", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_gunicorn(config: Config, request_bytes: bytes) -> None:
    assert not is_plain_and_the_same(request_bytes, config)


def test_no_hostile_request_is_read_otherwise_than_gunicorn_reads_it(config: Config) -> None:
    taken = sum(is_plain_and_the_same(request, config) for request in make_hostile_requests())

    assert taken > MUTATIONS / 20


def make_hostile_requests() -> Iterator[bytes]:
    rng = random.Random(1)
    requests = [case.request for case in all_cases()]
    yield from requests
    bases = [*PLAIN, *NOT_PLAIN, *(request for request in requests if len(request) < 3_000)]
    bases = [base for base in bases if b"\r\n\r\n" in base[20:]]
    for _ in range(MUTATIONS):
        base = rng.choice(bases)
        head_bytes = base.index(b"\r\n\r\n", 20) + 4
        yield mutate(base[:head_bytes], rng) + base[head_bytes:] + rng.choice((b"", PLAIN[0]))


def test_plain_requests_and_others_take_turns_on_a_connection(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    """Sent in pieces of every size, each is answered once and in order."""
    key = served.ingest_key
    rng = random.Random(1)
    sent = b""
    for n in range(60):
        body = EVENT % b"turn-%d" % n
        match n % 4:
            case 0 | 1:
                sent += build_request("POST", "/event", body, key=key)
            case 2:
                chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
                framing = {"Transfer-Encoding": "chunked"}
                sent += build_request("POST", "/event", chunked, framing, key=key)
            case _:
                sent += build_request("POST", f"/event?n={n}", body, key=key)
    received = b""
    with gunicorn.connect() as wire:
        while sent:
            size = rng.choice((1, 50, 300, 2_000))
            wire.send(sent[:size])
            sent = sent[size:]
        wire.end_sending()
        while data := wire.socket.recv(65_536):
            received += data

    answers = received.split(b"HTTP/1.1 ")[1:]
    assert len(answers) == 60
    for n, answer in enumerate(answers):
        assert answer.startswith(b"202")
        assert b'"eventId":"turn-%d"' % n in answer


def test_a_public_key_in_the_address_is_read_by_both_parsers(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    """The first request of a connection is not parsed as those that follow."""
    key = make_public_key(served).text
    text = {"Content-Type": "text/plain;charset=UTF-8"}
    answers = []
    with gunicorn.connect() as wire:
        for n, target in enumerate((f"/event?key={key}", f"/event?key={key}", "/event?key=x")):
            wire.send(build_request("POST", target, EVENT % b"page-%d" % n, text))
            answers.append(wire.read_answer())
        wire.send(build_request("POST", f"/event?key={served.ingest_key}", EVENT % b"3"))
        answers.append(wire.read_answer())

    assert [answer.status for answer in answers] == [202, 202, 401, 401]
    assert [answer.json()["eventId"] for answer in answers[:2]] == ["page-0", "page-1"]
    assert [answer.code for answer in answers[2:]] == ["invalid_key", "key_in_address"]


def test_what_follows_a_plain_request_is_refused_as_ever(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    plain = build_request("POST", "/event", EVENT % b"before", key=served.ingest_key)
    both = {"Transfer-Encoding": "chunked", "Content-Length": "5"}
    hostile = build_request("POST", "/event", b"0\r\n\r\n", both, key=served.ingest_key)
    received = b""
    with gunicorn.connect() as wire:
        wire.send(plain + plain + hostile + plain)
        while data := wire.socket.recv(65_536):
            received += data

    assert [answer[:3] for answer in received.split(b"HTTP/1.1 ")[1:]] == [b"202", b"202", b"400"]
