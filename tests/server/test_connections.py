"""Connections that do not ask: how many there may be, and which of them go."""

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from ingestion.server.connections import Connection, Connections
from local.process.ports import LOOPBACK
from tests.conftest import TestProject
from tests.service import ANSWER_TIMEOUT_SECONDS, Gunicorn, build_request

pytest_plugins = ("tests.service",)

HALF_HEAD = b"POST /event HTTP/1.1\r\nHost: localhost\r\nX-Half: "
HEALTH = build_request("GET", "/healthz")
EVENT = b'{"path": "/flood"}'
HEAD_TIMEOUT_SECONDS = 1.0
FEW = 40  # connections of a process, for the tests
FLOOD = 400
REAL_FLOOD = 4_100

Start = Callable[..., Gunicorn]
Make = Callable[[str | None], tuple[Connection, socket.socket]]


@pytest.fixture(scope="module")
def start(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts services with a few settings of their own, all stopped at the end."""
    with ExitStack() as stack:

        def start_one(**environment: str) -> Gunicorn:
            folder = tmp_path_factory.mktemp("connections")
            server = Gunicorn(folder / "gunicorn.log", environment)
            server.start()
            stack.callback(server.stop)
            return server

        yield start_one


@pytest.fixture(scope="module")
def patient(start: Start) -> Gunicorn:
    """With room for few, and patience beyond the end of a test."""
    arguments = f"--worker-connections={FEW}"
    return start(GUNICORN_CMD_ARGS=arguments, HEAD_TIMEOUT_SECONDS="300")


@pytest.fixture(scope="module")
def impatient(start: Start) -> Gunicorn:
    return start(HEAD_TIMEOUT_SECONDS=str(HEAD_TIMEOUT_SECONDS))


def open_connection(server: Gunicorn, said: bytes = b"") -> socket.socket:
    client = socket.create_connection((LOOPBACK, server.port), ANSWER_TIMEOUT_SECONDS)
    client.sendall(said)
    return client


def is_open(client: socket.socket) -> bool:
    """Whether the service has not hung up, as far as has come through by now."""
    client.settimeout(0.2)
    try:
        return client.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def make(crowd: ExitStack) -> Make:
    """Makes connections, each with the client's end of it."""

    def make_one(address: str | None) -> tuple[Connection, socket.socket]:
        ours, theirs = (crowd.enter_context(end) for end in socket.socketpair())
        return Connection(ours, address, 10.0), theirs

    return make_one


def test_over_its_share_an_address_loses_its_oldest(make: Make) -> None:
    connections = Connections(capacity=100, most_per_address=2)
    made = [make("a") for _ in range(3)]
    other, _ = make("b")
    dropped = []
    for connection in [*(connection for connection, _ in made), other]:
        connections.enter(connection)
        dropped.append(connections.begin_asking(connection))

    assert dropped == [None, None, made[0][0], None]
    assert made[0][1].recv(1) == b""


def test_whoever_has_asked_is_no_longer_counted(make: Make) -> None:
    connections = Connections(capacity=100, most_per_address=1)
    first, second = make("a")[0], make("a")[0]
    for connection in (first, second):
        connections.enter(connection)
        assert connections.begin_asking(connection) is None
        connections.end_asking(connection)

    assert connections.begin_asking(first) is None
    assert connections.begin_asking(second) is first


def test_an_address_that_tells_nobody_apart_has_no_share(make: Make) -> None:
    """As that of a proxy of ours, where all the clients come from."""
    connections = Connections(capacity=100, most_per_address=1)
    for connection in [make(None)[0] for _ in range(10)]:
        connections.enter(connection)
        assert connections.begin_asking(connection) is None


def test_the_newest_takes_the_place_of_who_waits_for_a_head_then_of_who_is_idle(make: Make) -> None:
    connections = Connections(capacity=3, most_per_address=100)
    busy, idle, idler, asking = (make("a")[0] for _ in range(4))
    idle.idle_since, idler.idle_since = 20.0, 10.0
    for connection in (busy, idle, idler):
        assert connections.enter(connection) is None
    connections.begin_asking(asking)

    newest = [make("b")[0] for _ in range(4)]
    dropped = [connections.enter(connection) for connection in newest]

    assert dropped == [asking, idler, idle, None]  # what is being answered is never cut off


@pytest.mark.slow
@pytest.mark.parametrize("begun", [HALF_HEAD, b"P", b"POST /event HTTP/1.1\r\n"])
def test_a_head_that_does_not_come_in_time_is_given_up(impatient: Gunicorn, begun: bytes) -> None:
    with impatient.connect() as wire:
        wire.send(begun)
        answer = wire.read_answer()

        assert (answer.status, answer.code) == (408, "request_timeout")
        assert answer.headers["connection"] == "close"
        assert wire.is_closed()


@pytest.mark.slow
def test_a_head_that_drips_is_given_up(impatient: Gunicorn) -> None:
    """However often a byte comes: the whole head has its time, not each byte."""
    started = time.monotonic()
    with impatient.connect() as wire, suppress(BrokenPipeError, ConnectionResetError):
        wire.send(HALF_HEAD)
        while time.monotonic() < started + 40 * HEAD_TIMEOUT_SECONDS:
            wire.send(b"x")
            time.sleep(HEAD_TIMEOUT_SECONDS / 5)

    assert time.monotonic() < started + 39 * HEAD_TIMEOUT_SECONDS


@pytest.mark.slow
def test_a_connection_that_says_nothing_is_closed_without_a_word(impatient: Gunicorn) -> None:
    with impatient.connect() as wire:
        assert wire.is_closed(ANSWER_TIMEOUT_SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["/healthz", "/event"])
def test_between_two_requests_a_client_may_take_its_time(impatient: Gunicorn, target: str) -> None:
    with impatient.connect() as wire:
        for _ in range(2):
            wire.send(build_request("GET", target))
            assert wire.read_answer("GET").status in (200, 401)
            time.sleep(2 * HEAD_TIMEOUT_SECONDS)
        wire.send(HALF_HEAD)
        assert wire.read_answer().code == "request_timeout"


@pytest.mark.slow
@pytest.mark.parametrize("said", [HALF_HEAD, b"", HEALTH])
def test_a_flood_of_connections_keeps_nobody_out(
    patient: Gunicorn, served: TestProject, crowd: ExitStack, said: bytes
) -> None:
    """Half heads, silent ones, and idle ones: those of a flood give way to who comes."""
    for n in range(FLOOD):
        crowd.enter_context(open_connection(patient, said))
        if n % 40 == 0:
            answer = patient.request("POST", "/event", EVENT, key=served.ingest_key)
            assert answer.status == 202


@pytest.mark.slow
def test_of_one_address_the_oldest_half_heads_go_first(patient: Gunicorn, crowd: ExitStack) -> None:
    clients = [crowd.enter_context(open_connection(patient, HALF_HEAD)) for _ in range(FEW // 2)]
    assert patient.request("GET", "/healthz").status == 200

    standing = [is_open(client) for client in clients]

    assert standing == sorted(standing)
    assert 0 < sum(standing) <= FEW // 4
    clients[-1].settimeout(ANSWER_TIMEOUT_SECONDS)
    clients[-1].sendall(b"x\r\nContent-Length: 0\r\n\r\n")
    assert clients[-1].recv(12) == b"HTTP/1.1 401"


@pytest.mark.slow
def test_behind_a_proxy_its_address_is_not_limited(start: Start, crowd: ExitStack) -> None:
    arguments = f"--worker-connections={FEW}"
    server = start(GUNICORN_CMD_ARGS=arguments, HEAD_TIMEOUT_SECONDS="300", TRUSTED_PROXIES="1")
    clients = [crowd.enter_context(open_connection(server, HALF_HEAD)) for _ in range(FEW // 2)]
    assert server.request("GET", "/healthz").status == 200

    assert all(is_open(client) for client in clients)


@pytest.mark.slow
def test_four_thousand_half_sent_heads_from_one_address_stop_nobody(
    start: Start, served: TestProject, crowd: ExitStack, raised_limit: None
) -> None:
    """With the settings that a service has of its own."""
    server = start(WEB_CONCURRENCY="2")
    for n in range(REAL_FLOOD):
        crowd.enter_context(open_connection(server, HALF_HEAD))
        if n % 100 == 0:
            answer = server.request("POST", "/event", EVENT, key=served.ingest_key)
            assert answer.status == 202
    for _ in range(20):
        assert server.request("POST", "/event", EVENT, key=served.ingest_key).status == 202


@pytest.fixture
def raised_limit() -> Iterator[None]:
    """Files enough for both ends of a flood."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * REAL_FLOOD:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
