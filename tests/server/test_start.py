"""What a process does not do when it starts, and what it waits for."""

import ctypes.util
import importlib
import os
import sys
import threading
import time
from pathlib import Path

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured
from pymongo.errors import ConnectionFailure

from local.process.child import Child
from local.process.ports import find_free_port
from reporting.columns.read import warming
from tests.processes import find_children
from tests.service import REPOSITORY, START_TIMEOUT_SECONDS, Gunicorn
from tests.workers import wait_until


def test_nobody_looks_for_a_library_for_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """It took a third of each start."""
    searched: list[str] = []
    monkeypatch.setattr(ctypes.util, "find_library", searched.append)

    with pytest.raises(ImproperlyConfigured, match="no use for GDAL"):
        importlib.import_module("django.contrib.gis.gdal")

    assert searched == []


def test_a_process_that_reports_starts_without_its_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        asked.append(True)
        raise ConnectionFailure("it is down")

    asked: list[bool] = []
    monkeypatch.setattr(warming, "database", fail)
    monkeypatch.setattr(warming, "stream_client", lambda: redis.Redis(port=find_free_port()))

    warming.warm_up()
    assert asked == [True]


@pytest.mark.slow
def test_a_web_process_serves_nobody_before_the_database_is_prepared(
    store: None, tmp_path: Path
) -> None:
    preparing = tmp_path / "preparing"
    preparing.touch()
    service = Gunicorn(tmp_path / "log", {"ANALYTICS_PREPARING": str(preparing)})
    starting = threading.Thread(target=service.start)
    starting.start()
    try:
        time.sleep(5)  # long enough to load everything
        assert starting.is_alive()
        preparing.unlink()
        starting.join()
        assert service.request("GET", "/healthz").status == 200
    finally:
        service.stop()


@pytest.mark.slow
def test_a_web_process_that_waits_for_the_database_ends_when_it_is_told(
    store: None, tmp_path: Path
) -> None:
    preparing = tmp_path / "preparing"
    preparing.touch()
    command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi"]
    environment = {
        **os.environ, "PORT": str(find_free_port()), "ANALYTICS_PREPARING": str(preparing)
    }  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        child = Child(command, directory=REPOSITORY, environment=environment, stderr=log)
    try:
        # By then the master hears signals.
        wait_until(lambda: bool(find_children(child.pid)), START_TIMEOUT_SECONDS, "a worker")
        child.terminate()
        assert child.wait(20)
        assert child.poll() == 0
    finally:
        child.kill()
