"""A web process that is told to stop answers what it has begun."""

import os
import signal
import time
from pathlib import Path

import pytest

from ingestion.drain.loop import drain
from tests.conftest import TestProject
from tests.service import Gunicorn, build_request

pytestmark = pytest.mark.slow


def test_a_request_whose_last_byte_comes_after_sigterm_is_answered(
    project: TestProject, tmp_path: Path
) -> None:
    server = Gunicorn(tmp_path / "gunicorn.log")
    server.start()
    request = build_request("POST", "/event", b'{"path": "/a"}', key=project.ingest_key)
    try:
        with server.connect() as wire:
            wire.send(request[:-1])
            time.sleep(0.2)  # it has been read
            os.kill(server.pid, signal.SIGTERM)
            time.sleep(1.2)  # the worker looks once a second whether it shall stop
            wire.send(request[-1:])
            answer = wire.read_answer()
            assert answer.status == 202
            assert answer.headers["connection"] == "close"
    finally:
        server.stop()

    assert drain(0).stored == 1
