"""The machine itself: its disk is full, its power fails, its clock jumps."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import pytest
import redis

from local.servers.mongo_server import MongoServer
from local.servers.redis_server import RedisServer
from tests.chaos.evidence.asked import asked, list_segments_of
from tests.chaos.faults.host import Host, build_library, find_compiler
from tests.chaos.keeper import Kept
from tests.chaos.system import START_SECONDS, System, wait_for
from tests.chaos.trial import Chaos
from tests.columns.folders import columns_root

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(not find_compiler(), reason="no C compiler: host.c cannot be built"),
]

HOUR_SECONDS = 3_600
DRAIN_SECONDS = 7  # by then no drain is left that was signalled before


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("library"))


@dataclass(frozen=True)
class Hosts:
    """A machine for each process; the broker's Redis and the tests have the real one."""

    stream: Host
    mongo: Host
    web: Host
    worker: Host
    beat: Host

    def set_clocks(self, offset_seconds: int) -> None:
        """Of all but MongoDB: what its timers wait for would not move along."""
        for host in (self.stream, self.web, self.worker, self.beat):
            host.set_clock(offset_seconds)


@pytest.fixture(scope="module")
def hosts(
    library: Path, system: System, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hosts]:
    folder = tmp_path_factory.mktemp("hosts")
    disks = {"worker": columns_root()}
    names = [field.name for field in fields(Hosts)]
    hosts = Hosts(*(Host(library, folder / name, disks.get(name)) for name in names))
    move(system, {field.name: getattr(hosts, field.name).environment for field in fields(Hosts)})
    yield hosts
    move(system, {field.name: {} for field in fields(Hosts)})


def move(system: System, environments: Mapping[str, Mapping[str, str]]) -> None:
    """Restarts everything on other hosts."""
    servers: list[Kept[RedisServer] | Kept[MongoServer]] = [system.stream, system.mongo]
    for kept in servers:
        name = "stream" if kept is system.stream else "mongo"
        with kept.paused():
            kept.process.environment = {**os.environ, **environments[name]}
            kept.process.restart()
    for program in system.programs:
        system.restart(program, **environments[program.process.name])
    wait_for(system.is_whole, START_SECONDS, "the service is ready")


def test_a_full_disk_of_redis(chaos: Chaos, hosts: Hosts) -> None:
    with chaos.under_load("disk full under the stream's Redis"), hosts.stream.full_disk(20_000):
        wait_until_it_died(chaos.system.stream)
        time.sleep(2)


def test_a_full_disk_of_mongodb(chaos: Chaos, hosts: Hosts) -> None:
    with chaos.under_load("disk full under mongod"), hosts.mongo.full_disk(200_000):
        wait_until_it_died(chaos.system.mongo)
        time.sleep(2)


def test_a_full_disk_of_the_columns(chaos: Chaos, hosts: Hosts) -> None:
    """What is fresh waits, and counts."""
    with asked(chaos, "disk full under the exporter, 10 s") as trial:
        trial.wait_for_segments(1)
        with hosts.worker.full_disk():
            time.sleep(10)
            before = list_segments_of(trial.project)
            trial.questions.wait_for("200")
        trial.wait_for_new_segments(before)


def test_a_power_cut_of_redis(chaos: Chaos, hosts: Hosts) -> None:
    stream = chaos.system.stream
    with chaos.under_load("power cut of the stream's Redis"), stream.held_down():
        hosts.stream.cut_power(stream.process.directory)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_stepped(hours: int, chaos: Chaos, hosts: Hosts) -> None:
    with chaos.under_load(f"all clocks but MongoDB's stepped by {hours:+} h, and back"):
        hosts.set_clocks(hours * HOUR_SECONDS)
        time.sleep(4)
        hosts.set_clocks(0)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_redis_with_another_clock(hours: int, chaos: Chaos, hosts: Hosts) -> None:
    with chaos.under_load(f"Redis's clock stepped by {hours:+} h, and back"):
        hosts.stream.set_clock(hours * HOUR_SECONDS)
        time.sleep(4)
        hosts.stream.set_clock(0)


@pytest.mark.parametrize("hours", [1, -1])
def test_workers_with_another_clock(hours: int, chaos: Chaos, hosts: Hosts) -> None:
    """It stays wrong: the service must do without clocks that agree."""
    hosts.worker.set_clock(hours * HOUR_SECONDS)
    time.sleep(DRAIN_SECONDS)
    try:
        with chaos.under_load(f"the worker's clock {hours:+} h off for good"):
            time.sleep(4)
    finally:
        hosts.worker.set_clock(0)


@pytest.mark.parametrize(("kind", "is_lost"), [("stream", False), ("broker", True)])
def test_a_power_cut_takes_what_was_not_synced(
    kind: Literal["stream", "broker"], is_lost: bool, library: Path, tmp_path: Path
) -> None:
    """Of the tool: Redis with `appendfsync everysec` does lose, with `always` it does not."""
    host = Host(library, tmp_path / "host")
    server = RedisServer(tmp_path / "redis", kind=kind)
    server.environment = {**os.environ, **host.environment}
    with server, redis.Redis.from_url(server.url) as client:
        client.set("first", 1)
        time.sleep(1.5)  # it has been synced
        for number in range(200):
            client.rpush("list", number)
        server.kill()
        assert (host.cut_power(server.directory) > 0) == is_lost
        server.start()
        assert (client.llen("list") < 200) == is_lost


def wait_until_it_died(kept: Kept[RedisServer] | Kept[MongoServer]) -> None:
    pid = kept.process.pid
    wait_for(lambda: kept.process.pid != pid or not kept.process.is_running(), 30, "it died")
