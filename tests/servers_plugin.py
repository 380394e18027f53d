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

from local.process import ports
from local.servers.mongo_server import MongoServer
from local.servers.redis_server import RedisServer


@dataclass(frozen=True)
class Servers:
    stream: RedisServer
    broker: RedisServer
    mongo: MongoServer


def _take_share_of_ports() -> None:
    """Each process of a run draws from ports of its own: one is drawn long before it is bound."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    lowest, share = ports.LOWEST_PORT, (ports.HIGHEST_PORT - ports.LOWEST_PORT) // count
    ports.LOWEST_PORT = lowest + number * share
    ports.HIGHEST_PORT = ports.LOWEST_PORT + share - 1


def _find_ports(*names: str) -> dict[str, int]:
    """None of them is bound yet, so nothing else keeps two from being the same."""
    found: set[int] = set()
    while len(found) < len(names):
        found.add(ports.find_free_port())
    return dict(zip(names, found, strict=True))


_take_share_of_ports()
_ports = _find_ports("stream", "broker", "mongo")
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
