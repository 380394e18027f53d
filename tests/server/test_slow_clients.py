"""Clients that dawdle, and clients that do not wait for their answers."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import accepted_key
from local.process.ports import LOOPBACK
from tests.conftest import TestProject, make_project
from tests.service import Gunicorn, build_request

pytest_plugins = ("tests.service",)

pytestmark = pytest.mark.slow

EVENT = b'{"path": "/slow"}'
TIMEOUT_SECONDS = 2.0
SLOW_CLIENTS = 200
TINY_CHUNKS = b"1\r\n \r\n" * (1024 * 1024 + 1) + b"0\r\n\r\n"


@pytest.fixture(scope="module")
def impatient(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gunicorn]:
    """A service that waits two seconds for a body."""
    environment = {"BODY_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS)}
    server = Gunicorn(tmp_path_factory.mktemp("impatient") / "gunicorn.log", environment)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sender(impatient: Gunicorn, django_db_blocker: DjangoDbBlocker) -> Iterator[TestProject]:
    with django_db_blocker.unblock():
        yield make_project("Slow")


def count_accepted(project: TestProject) -> int:
    accepted: Any = stream_client().hgetall(accepted_key(0))
    prefix = project.id.hex().encode()
    return sum(int(n) for field, n in accepted.items() if field.startswith(prefix))


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_a_body_that_drips_is_given_up(
    impatient: Gunicorn, sender: TestProject, coding: str
) -> None:
    """However often a byte comes: the whole body has its time, not each byte."""
    headers = {"Content-Length": str(len(EVENT))}
    body = EVENT
    if coding == "chunked":
        headers = {"Transfer-Encoding": "chunked"}
        body = b"11\r\n" + EVENT + b"\r\n0\r\n\r\n"
    started = time.monotonic()
    with impatient.connect() as wire:
        wire.send(build_request("POST", "/event", b"", headers, key=sender.ingest_key))
        with suppress(BrokenPipeError, ConnectionResetError):
            for byte in body:
                wire.send(bytes([byte]))
                time.sleep(TIMEOUT_SECONDS / 5)
                if time.monotonic() > started + TIMEOUT_SECONDS + 0.5:
                    break
        answer = wire.read_answer()
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert answer.headers["connection"] == "close"
        assert wire.is_closed()

    assert count_accepted(sender) == 0


def test_a_body_in_two_parts_is_accepted(impatient: Gunicorn, sender: TestProject) -> None:
    """And the next request of the connection has its own time."""
    with impatient.connect() as wire:
        for _ in range(6):
            headers = {"Content-Length": str(len(EVENT))}
            wire.send(build_request("POST", "/event", EVENT[:5], headers, key=sender.ingest_key))
            time.sleep(TIMEOUT_SECONDS / 5)
            wire.send(EVENT[5:])
            assert wire.read_answer().status == 202

    assert count_accepted(sender) == 6


def test_slow_clients_hold_up_only_themselves(impatient: Gunicorn, sender: TestProject) -> None:
    half_head = b"POST /event HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
    half_body = build_request(
        "POST", "/event", b"{", {"Content-Length": "1000"}, key=sender.ingest_key
    )
    with ExitStack() as stack:
        for n in range(SLOW_CLIENTS):
            client = stack.enter_context(socket.create_connection((LOOPBACK, impatient.port)))
            client.sendall(half_head if n % 2 else half_body)
        for _ in range(20):
            answer = impatient.request("POST", "/event", EVENT, key=sender.ingest_key)
            assert answer.status == 202

    assert count_accepted(sender) == 20


@pytest.mark.parametrize("requests", [3, 50])
def test_pipelined_requests_are_answered_in_order(
    gunicorn: Gunicorn, served: TestProject, requests: int
) -> None:
    batch = [
        build_request(
            "POST", "/event", b'{"path":"/a","eventId":"p-%d"}' % n, key=served.ingest_key
        )
        for n in range(requests)
    ]
    with gunicorn.connect() as wire:
        wire.send(b"".join(batch))
        wire.end_sending()
        received = b""
        while data := wire.socket.recv(65_536):
            received += data

    answers = received.split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"202"] * requests
    for n, answer in enumerate(answers):
        assert b'"eventId":"p-%d"' % n in answer


def test_a_client_that_hangs_up_before_its_answer_breaks_nothing(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    for part in range(0, 120, 10):
        request = build_request("POST", "/event", EVENT, key=served.ingest_key)
        with gunicorn.connect() as wire:
            wire.send(request[: len(request) - part])

    assert gunicorn.request("POST", "/event", EVENT, key=served.ingest_key).status == 202
    assert "Traceback" not in gunicorn.read_log()


def test_a_body_of_many_small_chunks_does_not_hold_up_the_others(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    request = build_request(
        "POST", "/events", TINY_CHUNKS, {"Transfer-Encoding": "chunked"}, key=served.ingest_key
    )
    with gunicorn.connect() as wire:
        sending = threading.Thread(target=wire.send, args=(request,))
        sending.start()
        answered = 0
        while sending.is_alive():
            assert gunicorn.request("GET", "/healthz").status == 200
            answered += 1
        answer = wire.read_answer()

    assert (answer.status, answer.code) == (413, "body_too_large")
    assert answered > 5
