"""A Redis Cluster: one node serves, as every script keeps to a slot; several are refused."""

import random
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import call_command
from pytest_django import Settings

from analytics.databases import redis_clients as names
from analytics.databases.stream_check import UnsafeStream, check_stream
from analytics.remembered import forget_everything
from ingestion.drain.loop import drain
from ingestion.stream import claims
from ingestion.stream.claims import forget_idle_consumers
from local.process.ports import LOOPBACK
from local.servers.redis_server import RedisServer
from tests.conftest import Api, TestProject, make_project
from tests.poison import accept_poison
from tests.workers import wait_until, waiting_events
from upkeep.ledger.check import check_ledger
from upkeep.ledger.checkpoints import take_checkpoint
from upkeep.ledger.lines import compact_ledger

pytestmark = pytest.mark.slow

SLOTS = 16_384
PARTITIONS = 3


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Sequence[RedisServer]]:
    """Two nodes that do not know each other yet."""
    with ExitStack() as stack:
        yield [stack.enter_context(make_node(tmp_path / str(number))) for number in range(2)]


def make_node(folder: Path) -> RedisServer:
    port = find_cluster_port()
    return RedisServer(folder, port, extra_arguments=("--cluster-enabled", "yes"))


def find_cluster_port() -> int:
    """One whose companion, 10,000 above it, is free as well: there the nodes talk.

    Both are below those of outgoing connections, one of which could take it meanwhile.
    """
    for port in random.sample(range(10_000, 22_000), 100):
        with socket.socket() as own, socket.socket() as bus:
            try:
                own.bind((LOOPBACK, port))
                bus.bind((LOOPBACK, port + 10_000))
            except OSError:
                continue
            return port
    raise RuntimeError("no two free ports 10,000 apart")


def client_of(node: RedisServer) -> Any:
    return redis.Redis(LOOPBACK, node.port, decode_responses=True)


def join(nodes: Sequence[RedisServer]) -> None:
    """Share the slots out and introduce the nodes to each other."""
    for number, node in enumerate(nodes):
        client_of(node).cluster("addslots", *range(number, SLOTS, len(nodes)))
        client_of(node).cluster("meet", LOOPBACK, nodes[0].port)

    wait_until(lambda: all(size_of(node) == len(nodes) for node in nodes), 60, "introduced")


def size_of(node: RedisServer) -> int:
    """How many nodes it knows to have slots."""
    return int(client_of(node).cluster("info")["cluster_size"])


def use(node: RedisServer, settings: Settings) -> None:
    settings.REDIS_URL = node.url
    names.stream_client.cache_clear()
    forget_everything()


@pytest.fixture
def own_stream(store: None, settings: Settings) -> Iterator[None]:
    """The stream's Redis may be another; afterwards it is that of the tests again."""
    before = settings.REDIS_URL
    yield
    names.stream_client().close()
    settings.REDIS_URL = before
    names.stream_client.cache_clear()
    forget_everything()


def test_every_script_keeps_to_the_slot_of_its_partition(
    nodes: Sequence[RedisServer],
    own_stream: None,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One node with all slots refuses what spans two, as any cluster does."""
    settings.STREAM_PARTITIONS = PARTITIONS
    join(nodes[:1])
    wait_until(lambda: client_of(nodes[0]).cluster("info")["cluster_state"] == "ok", 60, "well")
    use(nodes[0], settings)
    monkeypatch.setattr(claims, "CONSUMER_KEPT_SECONDS", -1)  # all are idle for long enough
    with pytest.raises(redis.ResponseError, match="same slot"):
        names.stream_client().delete("one", "other")
    check_stream()

    projects = [
        make_project(f"Project {n}", partition=n, quota_events_per_month=1_000)
        for n in range(PARTITIONS)
    ]
    for project in projects:
        take_the_whole_trip(project)

    check = check_ledger(wait_seconds=5)
    assert (check.wrong, check.balanced) == ([], PARTITIONS)


def take_the_whole_trip(project: TestProject) -> None:
    """Accept, bury, replay, store, and all that is done to the books."""
    partition = project.row.partition
    assert Api(project.ingest_key).post("/event", {"path": "/a"}).status_code == 202
    accept_poison(project)
    drain(partition)
    call_command("replay_dead_letters", f"--project={project.id.hex()}", verbosity=0)
    drain(partition)
    assert waiting_events(partition) == 0
    while compact_ledger():
        pass
    take_checkpoint(partition)
    assert forget_idle_consumers(partition) > 0
    assert Api(project.read_key).get("/stats").json()["totalViews"] == 1


def test_a_cluster_of_several_nodes_is_refused_at_the_start(
    nodes: Sequence[RedisServer], own_stream: None, settings: Settings
) -> None:
    join(nodes)
    use(nodes[0], settings)

    with pytest.raises(UnsafeStream, match="Redis Cluster"):
        check_stream()
