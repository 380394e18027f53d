"""Backpressure: a store that is full, frozen or gone is answered 503, costs little, and heals."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from analytics.databases.mongo import DEAD_LETTERS, EVENTS, collection
from analytics.databases.redis_clients import stream_client
from ingestion.drain.loop import drain
from ingestion.stream.signals import publish_drain
from tests.conftest import Api, TestProject
from tests.processes import find_children, frozen, read_cpu_seconds, read_resident_bytes
from tests.servers_plugin import Servers
from tests.service import Answer, Gunicorn
from tests.workers import celery_worker, wait_until, waiting_events
from upkeep.ledger.lines import read_ledger

pytest_plugins = ("tests.service",)
pytestmark = pytest.mark.slow

MEBIBYTE = 1024 * 1024
OUTAGE_SECONDS = 4
SENDERS = 50
WARM_UP_ROUNDS = 8  # until the process has had as many batches in hand at once as it ever will
LARGE_BATCH = json.dumps([{"path": "/a", "properties": {"text": "x" * 4_000}}] * 100).encode()


def test_without_mongodb_events_are_accepted_up_to_the_limit_while_the_workers_rest(
    project: TestProject, ingest: Api, servers: Servers, settings: LazySettings, tmp_path: Path
) -> None:
    settings.STREAM_MAX_EVENTS = 2_000
    with celery_worker(tmp_path, concurrency=2) as worker:
        send(ingest, 0, 500)
        wait_until(lambda: waiting_events() == 0, 60, "the workers drain")
        with killed_mongodb(servers):
            send(ingest, 500, 2_000)
            assert ingest.post("/event", {"path": "/a"}).status_code == 503
            pids = [worker.pid, *find_children(worker.pid)]
            used_before = read_cpu_seconds(*pids)
            for _ in range(OUTAGE_SECONDS):
                publish_drain(0)  # as beat does
                time.sleep(1)
            assert read_cpu_seconds(*pids) - used_before < OUTAGE_SECONDS / 4
            assert waiting_events() == 2_000
        wait_until(signal_until_drained, 60, "all is stored")

    assert ingest.post("/event", {"path": "/a"}).status_code == 202
    drain(0)
    check_stored(project, 2_501)


def test_a_worker_that_starts_on_a_full_stream_drains_it(
    project: TestProject, ingest: Api, settings: LazySettings, tmp_path: Path
) -> None:
    settings.STREAM_MAX_EVENTS = 4_000
    send(ingest, 0, 4_000)
    refused = ingest.post("/event", {"path": "/a"})
    assert (refused.status_code, refused.json()["code"]) == (503, "stream_full")
    assert int(refused["Retry-After"]) >= 1

    with celery_worker(tmp_path):  # nobody signals: it looks by itself
        wait_until(lambda: waiting_events() == 0, 60, "the stream is drained")

    check_stored(project, 4_000)


def test_web_processes_that_start_while_mongodb_is_down_accept(
    project: TestProject, servers: Servers, tmp_path: Path
) -> None:
    server = Gunicorn(tmp_path / "gunicorn.log", {"WEB_CONCURRENCY": "2"})
    with killed_mongodb(servers):
        server.start()
        assert post(server, project, b'{"path": "/a"}').status == 202
        server.stop()

    drain(0)
    check_stored(project, 1)


def test_a_full_redis_stays_as_it_is_and_so_do_the_web_processes(
    project: TestProject, gunicorn: Gunicorn
) -> None:
    [worker] = gunicorn.find_workers(reporting=False)
    client: Any = stream_client()
    usual = client.config_get("maxmemory")["maxmemory"]
    assert post(gunicorn, project, b'{"path": "/a"}').status == 202
    client.config_set("maxmemory", client.info("memory")["used_memory"])
    try:
        for _ in range(WARM_UP_ROUNDS):
            hammer(gunicorn, project)
        web_before, redis_before = read_resident_bytes(worker), read_used_memory()
        answers = hammer(gunicorn, project) + hammer(gunicorn, project)
        assert read_resident_bytes(worker) - web_before < 32 * MEBIBYTE
        assert read_used_memory() - redis_before < MEBIBYTE
    finally:
        client.config_set("maxmemory", usual)

    assert Counter(answer.status for answer in answers) == {503: 2 * SENDERS}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    wait_until(
        lambda: post(gunicorn, project, b'{"path": "/a"}').status == 202, 30, "it accepts again"
    )


def test_a_frozen_redis_is_answered_503_and_requests_do_not_pile_up(
    project: TestProject, gunicorn: Gunicorn, servers: Servers
) -> None:
    [worker] = gunicorn.find_workers(reporting=False)
    assert post(gunicorn, project, LARGE_BATCH).status == 202
    hammer(gunicorn, project)
    before = read_resident_bytes(worker)

    with frozen(servers.stream.pid):
        answers = hammer(gunicorn, project)
        assert read_resident_bytes(worker) - before < 64 * MEBIBYTE

    assert Counter(answer.status for answer in answers) == {503: SENDERS}
    wait_until(
        lambda: post(gunicorn, project, b'{"path": "/a"}').status == 202, 30, "it accepts again"
    )


def send(ingest: Api, start: int, count: int) -> None:
    for first in range(start, start + count, 500):
        events = [{"path": "/a", "eventId": f"id-{n}"} for n in range(first, first + 500)]
        assert ingest.post("/events", events).status_code == 202


def post(server: Gunicorn, project: TestProject, body: bytes) -> Answer:
    path = "/events" if body.startswith(b"[") else "/event"
    return server.request("POST", path, body, key=project.ingest_key)


def hammer(server: Gunicorn, project: TestProject) -> list[Answer]:
    """Large batches of many senders at once."""
    with ThreadPoolExecutor(SENDERS) as senders:
        return list(senders.map(lambda _: post(server, project, LARGE_BATCH), range(SENDERS)))


def check_stored(project: TestProject, count: int) -> None:
    assert collection(EVENTS).count_documents({"project": project.id}) == count
    assert collection(DEAD_LETTERS).count_documents({}) == 0
    assert [line.difference for line in read_ledger(project.id)] == [0]


def signal_until_drained() -> bool:
    publish_drain(0)  # as beat does
    return waiting_events() == 0


def read_used_memory() -> int:
    memory: Any = stream_client().info("memory")
    return int(memory["used_memory"])


@contextmanager
def killed_mongodb(servers: Servers) -> Iterator[None]:
    servers.mongo.kill()
    try:
        yield
    finally:
        servers.mongo.restart()
