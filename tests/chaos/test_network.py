"""The network between the service's parts, through a proxy that fails."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local.process.ports import LOOPBACK
from tests.chaos.faults.proxy import Mode, Proxy
from tests.chaos.system import System
from tests.chaos.trial import Chaos

pytestmark = pytest.mark.chaos


@dataclass(frozen=True)
class Link:
    """Which program speaks to which server by the address in which variable."""

    program: str
    server: str
    variable: str
    address: str
    partition_seconds: float = 3


LINKS = {
    "web to Redis": Link("web", "stream", "REDIS_URL", "redis://{}/0"),
    "worker to Redis": Link("worker", "stream", "REDIS_URL", "redis://{}/0"),
    # Longer than the patience of the client for its broker.
    "worker to broker": Link("worker", "broker", "BROKER_URL", "redis://{}/0", 8),
    # Longer than the limit of a transaction, so that one is left open behind the partition.
    "worker to MongoDB": Link(
        "worker", "mongo", "MONGO_URI", "mongodb://{}/analytics?directConnection=true", 12
    ),
}
TITLES = {
    Mode.HANG: "partition",
    Mode.RESET: "connections reset",
    Mode.LOSE_REPLIES: "replies lost",
    Mode.SLOW: "0.1 s slower",
}


@dataclass(frozen=True)
class BadLink:
    name: str
    proxy: Proxy


@pytest.fixture(scope="module", params=list(LINKS))
def link(request: pytest.FixtureRequest, system: System) -> Iterator[BadLink]:
    """A proxy in the place of the server, as far as the program knows."""
    name: str = request.param
    about = LINKS[name]
    program, server = getattr(system, about.program), getattr(system, about.server)
    with Proxy(server.process.port) as proxy:
        address = about.address.format(f"{LOOPBACK}:{proxy.port}")
        with system.restarted(program, **{about.variable: address}):
            yield BadLink(name, proxy)


@pytest.mark.parametrize("mode", list(TITLES), ids=TITLES.get)
def test_between(mode: Mode, chaos: Chaos, link: BadLink) -> None:
    seconds = LINKS[link.name].partition_seconds if mode is Mode.HANG else 3
    fault = f"{link.name}: {TITLES[mode]}, {seconds:.0f} s"
    with chaos.under_load(fault), link.proxy.failing(mode):
        time.sleep(seconds)
