"""Points the settings at servers of this test run, before Django reads them.

Loaded with `-p` because pytest-django sets Django up before any conftest. The servers themselves
are started by the first test that asks for them.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.process.ports import find_free_port
from local.servers.mongo_server import MongoServer
from local.servers.redis_server import RedisServer


@dataclass(frozen=True)
class Servers:
    stream: RedisServer
    broker: RedisServer
    mongo: MongoServer


_ports = {name: find_free_port() for name in ("stream", "broker", "mongo")}
_folder = Path(tempfile.mkdtemp(prefix="analytics-columns-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ.update(
    COLUMNS_URL=str(_folder / "columns"),
    EXPORTS_DIR=str(_folder / "exports"),
    IMPORTS_DIR=str(_folder / "imports"),
    QUERY_TEMP_DIR=str(_folder / "temp"),
    SECRET_KEY="secret-of-the-tests-which-is-long-enough-for-the-checks-0123456789",
    REDIS_URL=f"redis://127.0.0.1:{_ports['stream']}/0",
    BROKER_URL=f"redis://127.0.0.1:{_ports['broker']}/0",
    CACHE_URL=f"redis://127.0.0.1:{_ports['broker']}/1",
    MONGO_URI=f"mongodb://127.0.0.1:{_ports['mongo']}/analytics?replicaSet=rs0",
    CLAIM_IDLE_SECONDS="1",
    WORKER_METRICS_PORT="0",
    LOG_LEVEL=os.environ.get("LOG_LEVEL", "error"),
)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Real servers in a directory that goes with them."""
    with tempfile.TemporaryDirectory(prefix="analytics-tests-") as folder:
        root = Path(folder)
        with (
            RedisServer(root / "stream", _ports["stream"]) as stream,
            RedisServer(root / "broker", _ports["broker"], kind="broker") as broker,
            MongoServer(root / "mongo", _ports["mongo"]) as mongo,
        ):
            yield Servers(stream, broker, mongo)
