"""The stream's Redis changes its primary: what is connected to the old one leaves it."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.exceptions import ReadOnlyError, ResponseError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import wake_key
from analytics.web.problems import Unavailable
from ingestion.drain.loop import drain
from ingestion.stream.calls import CallHead, SectionHead
from ingestion.stream.group_commit import GroupCommit
from ingestion.stream.scripts import ADMIT
from local.process.ports import LOOPBACK
from tests.conftest import Api, TestProject
from tests.servers_plugin import Servers
from tests.workers import wait_until


class Control:
    """A connection to the stream's Redis that the service knows nothing of."""

    def __init__(self, port: int) -> None:
        self._client = redis.Redis(LOOPBACK, port)
        self._others = self._list_all()

    def demote(self) -> None:
        self._client.replicaof(LOOPBACK, "1")

    def promote(self) -> None:
        self._client.replicaof("NO", "ONE")

    def list_connections(self) -> set[int]:
        """Those that were made since."""
        return self._list_all() - self._others

    def _list_all(self) -> set[int]:
        connected: Any = self._client.client_list(_type="normal")
        return {int(one["id"]) for one in connected}


@pytest.fixture
def control(servers: Servers, store: None) -> Iterator[Control]:
    stream_client().connection_pool.disconnect()
    control = Control(servers.stream.port)
    yield control
    control.promote()


def test_web_and_worker_leave_a_redis_that_became_a_replica(
    project: TestProject, ingest: Api, control: Control
) -> None:
    event = {"path": "/a"}
    assert ingest.post("/event", event).status_code == 202
    assert drain(0).stored == 1
    before = control.list_connections()
    assert len(before) >= 2
    control.demote()

    refused: Any = ingest.post("/event", event)
    with pytest.raises(ResponseError):
        drain(0)

    assert (refused.status_code, refused.json()["code"]) == (503, "stream_unavailable")
    wait_until(lambda: control.list_connections().isdisjoint(before), 30, "all have left")
    control.promote()
    assert ingest.post("/event", event).status_code == 202
    assert drain(0).stored == 1


def test_a_write_that_waits_for_replicas_is_refused_by_a_replica(control: Control) -> None:
    group = GroupCommit(stream_client(), ADMIT, wait_replicas=1)
    control.demote()

    with pytest.raises(Unavailable):
        group.call(SectionHead(CallHead((), ()), (), ()), ())


def test_whoever_sends_single_commands_leaves_it_too(control: Control) -> None:
    stream_client().ping()
    before = control.list_connections()
    control.demote()

    with pytest.raises(ReadOnlyError):
        stream_client().set(wake_key(0), 1)

    wait_until(lambda: control.list_connections() < before, 30, "it has left")
