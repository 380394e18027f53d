"""A web process that is told to stop answers what it has begun, and waits for nothing else."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ingestion.drain.loop import drain
from tests.conftest import TestProject
from tests.service import Gunicorn, Wire, build_request
from tests.workers import wait_until

pytestmark = pytest.mark.slow


STOP_SECONDS = 20.0  # gunicorn would wait 30 for those who are idle


@pytest.fixture
def server(store: None, tmp_path: Path) -> Iterator[Gunicorn]:
    server = Gunicorn(tmp_path / "gunicorn.log")
    server.start()
    yield server
    server.stop()


def wait_until_read(wire: Wire) -> None:
    """Nothing of what was sent waits for the process in the kernel (proc(5), net/tcp)."""
    ends = wire.socket.getpeername(), wire.socket.getsockname()
    theirs, ours = (f":{port:04X}" for _, port in ends)

    def is_read() -> bool:
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        for _, local, remote, _, queues, *_ in map(str.split, lines):
            if local.endswith(theirs) and remote.endswith(ours):
                return queues.endswith(":00000000")
        return False

    wait_until(is_read, 30, "it has been read")


def test_a_request_whose_last_byte_comes_after_sigterm_is_answered(
    project: TestProject, server: Gunicorn
) -> None:
    request = build_request("POST", "/event", b'{"path": "/a"}', key=project.ingest_key)
    with server.connect() as wire:
        wire.send(request[:-1])
        wait_until_read(wire)
        os.kill(server.pid, signal.SIGTERM)
        time.sleep(1.2)  # long after idle connections were ended
        wire.send(request[-1:])
        answer = wire.read_answer()
        assert answer.status == 202
        assert answer.headers["connection"] == "close"

    assert drain(0).stored == 1


def test_connections_on_which_nothing_is_asked_hold_up_no_stop(
    project: TestProject, server: Gunicorn
) -> None:
    """Of clients that sent one event or several, asked for a page, or said nothing yet."""
    event = build_request("POST", "/event", b'{"path": "/a"}', key=project.ingest_key)
    page = build_request("GET", "/healthz")
    with ExitStack() as stack:
        wires = [stack.enter_context(server.connect()) for _ in range(4)]
        for wire, method, requests in zip(
            wires, ("POST", "POST", "GET", ""), ([event], [event] * 3, [page], []), strict=True
        ):
            for request in requests:
                wire.send(request)
                assert wire.read_answer(method).status in (200, 202)

        os.kill(server.pid, signal.SIGTERM)

        assert [wire.is_closed(STOP_SECONDS) for wire in wires] == [True] * 4
    assert server.waits_for_end(STOP_SECONDS)
    assert "Not all was answered" not in server.read_log()
    assert drain(0).stored == 4
