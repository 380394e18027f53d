"""The network between the service's parts, through a proxy that fails."""

import time
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import Mode, Proxy
from tests.chaos.system import System
from tests.chaos.trial import Chaos

pytestmark = pytest.mark.chaos

# Longer than the drain's limit for a transaction, so that one is left open behind the partition.
PARTITION_SECONDS = 12

TITLES = {
    Mode.HANG: "partition",
    Mode.RESET: "connections reset",
    Mode.LOSE_REPLIES: "replies lost",
    Mode.SLOW: "0.1 s slower",
}


@pytest.fixture(scope="module")
def store_proxy(system: System) -> Iterator[Proxy]:
    """Between the worker and MongoDB."""
    with Proxy(system.mongo.process.port) as proxy:
        uri = f"mongodb://127.0.0.1:{proxy.port}/analytics?directConnection=true"
        with system.restarted(system.worker, MONGO_URI=uri):
            yield proxy


@pytest.fixture(scope="module")
def stream_proxy(system: System) -> Iterator[Proxy]:
    """Between the web processes and the stream's Redis."""
    with (
        Proxy(system.stream.process.port) as proxy,
        system.restarted(system.web, REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0"),
    ):
        yield proxy


@pytest.mark.parametrize(
    ("mode", "seconds"), [(Mode.HANG, PARTITION_SECONDS), (Mode.RESET, 2), (Mode.LOSE_REPLIES, 2)]
)
def test_between_the_worker_and_mongodb(
    mode: Mode, seconds: float, chaos: Chaos, store_proxy: Proxy
) -> None:
    fault = f"worker to MongoDB: {TITLES[mode]}, {seconds} s"
    with chaos.under_load(fault), store_proxy.failing(mode):
        time.sleep(seconds)


@pytest.mark.parametrize("mode", [Mode.HANG, Mode.RESET, Mode.LOSE_REPLIES, Mode.SLOW])
def test_between_web_and_redis(mode: Mode, chaos: Chaos, stream_proxy: Proxy) -> None:
    fault = f"web to Redis: {TITLES[mode]}, 3 s"
    with chaos.under_load(fault), stream_proxy.failing(mode):
        time.sleep(3)
