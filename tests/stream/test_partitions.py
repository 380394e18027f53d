"""Many partitions: each has a stream of its own, and every part of the service sees them all."""

from collections import Counter
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from celery.beat import ScheduleEntry
from celery.schedules import schedule
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from analytics.databases.redis_clients import broker_client, stream_client
from analytics.databases.redis_keys import stream_key, wake_key
from analytics.databases.stream_check import UnsafeStream, check_stream
from analytics.probes import health
from analytics.projects.key_mirror import mirror_keys
from analytics.projects.models import Project
from analytics.task_names import DRAIN, DRAIN_QUEUE
from config.celery import app
from ingestion.drain.beat import QuietScheduler
from ingestion.drain.loop import drain
from ingestion.drain.tasks import drain_unasked, forget_consumers
from ingestion.stream.signals import publish_drain
from tests.conftest import Api, TestProject, make_project
from tests.workers import celery_worker, wait_until, waiting_events
from upkeep.ledger.lines import read_ledger
from upkeep.verify.verify import verify_day

PARTITIONS = 3


@pytest.fixture
def projects(store: None, settings: Settings) -> Iterator[list[TestProject]]:
    """Two projects in each of three partitions."""
    settings.STREAM_PARTITIONS = PARTITIONS
    yield [make_project(f"Project {n}", partition=n % PARTITIONS) for n in range(6)]
    stream_client().flushall()  # a service with one partition does not start on these


def accept(project: TestProject, first: int, last: int) -> None:
    events = [{"path": f"/{n % 7}", "eventId": f"id-{n}"} for n in range(first, last)]
    assert Api(project.ingest_key).post("/events", events).status_code == 202


@pytest.mark.slow
def test_two_workers_store_the_events_of_all_partitions_once(
    projects: list[TestProject], tmp_path: Path
) -> None:
    number = str(PARTITIONS)
    with (
        celery_worker(tmp_path, STREAM_PARTITIONS=number),
        celery_worker(tmp_path, STREAM_PARTITIONS=number),
    ):
        for step in range(20):
            for project in projects:
                accept(project, step * 40, step * 40 + 50)  # ten of them for the second time
        for partition in range(PARTITIONS):
            publish_drain(partition)
        wait_until(lambda: not any(map(waiting_events, range(PARTITIONS))), 60, "all is stored")

    for project in projects:
        [line] = read_ledger(project.id)
        books = (line.accepted, line.stored, line.duplicate, line.difference)
        assert books == (1_000, 810, 190, 0)
        assert verify_day(project.id, line.day) == []
        assert Api(project.read_key).get("/stats").json()["totalViews"] == 810


def test_each_project_has_its_own_stream_and_the_books_see_them_all(
    projects: list[TestProject],
) -> None:
    for project in projects:
        accept(project, 0, 10)

    assert [stream_client().xlen(stream_key(n)) for n in range(PARTITIONS)] == [2, 2, 2]
    assert sum(line.waiting for line in read_ledger()) == 60

    output = StringIO()
    call_command("drain", stdout=output)

    assert output.getvalue().count("20 stored") == PARTITIONS
    assert [(line.stored, line.waiting) for line in read_ledger()] == [(10, 0)] * 6
    forget_consumers()


def test_a_project_keeps_its_partition_when_there_are_more(
    project: TestProject, settings: Settings
) -> None:
    accept(project, 0, 5)
    settings.STREAM_PARTITIONS = 8
    project.row.name = "Renamed"
    project.row.save()
    accept(project, 3, 10)

    assert Project.objects.get(pk=project.row.pk).partition == 0
    assert drain(0).stored == 10
    made = Counter(Project.objects.create(name=f"New {n}").partition for n in range(64))
    assert len(made) > 4
    assert max(made) < 8


def test_beat_signals_each_partition_once_while_nothing_takes_the_signals(
    store: None, settings: Settings
) -> None:
    settings.STREAM_PARTITIONS = PARTITIONS
    for n in range(PARTITIONS):
        stream_client().xadd(stream_key(n), {b"v": b"1"})
    scheduler = QuietScheduler(app, lazy=True)
    entries = [
        ScheduleEntry(
            f"drain-{n}", DRAIN, schedule=schedule(1), args=(n,),
            options={"queue": DRAIN_QUEUE}, app=app,
        )
        for n in range(PARTITIONS)
    ]  # fmt: skip
    for _ in range(3):
        for entry in entries:
            scheduler.apply_entry(entry)

    waiting: Any = broker_client().llen(DRAIN_QUEUE)
    assert waiting == PARTITIONS
    assert all(stream_client().exists(wake_key(n)) for n in range(PARTITIONS))


def test_a_starting_worker_drains_every_partition(projects: list[TestProject]) -> None:
    drain_unasked()
    waiting: Any = broker_client().llen(DRAIN_QUEUE)
    assert waiting == PARTITIONS


def test_readiness_asks_every_partition_and_needs_one(
    projects: list[TestProject], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Client().get("/readyz").json()["components"]["stream"] == "ok"
    for failing, status in ((1, 200), (PARTITIONS, 503)):
        monkeypatch.setattr(health, "count_failing_partitions", [failing].copy().pop)
        answer = Client().get("/readyz")
        assert answer.status_code == status
        assert answer.json()["components"]["stream"] == "degraded"


def test_a_partition_that_takes_no_writes_is_counted(
    projects: list[TestProject], monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullInOne:
        def pipeline(self, transaction: bool) -> Any:
            pipeline = stream_client().pipeline(transaction=transaction)
            pipeline.execute_command("NO-SUCH-COMMAND")
            return pipeline

    nobody = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    assert health.count_failing_partitions() == 0
    monkeypatch.setattr(health, "stream_client", FullInOne)
    assert health.count_failing_partitions() == 1
    monkeypatch.setattr(health, "stream_client", lambda: nobody)
    assert health.count_failing_partitions() == PARTITIONS


def test_fewer_partitions_than_there_were_are_refused(
    projects: list[TestProject], settings: Settings
) -> None:
    for partition in range(PARTITIONS):
        drain(partition)
    check_stream()
    settings.STREAM_PARTITIONS = 2
    with pytest.raises(UnsafeStream, match="STREAM_PARTITIONS was more than 2"):
        check_stream()


def test_the_mirror_tells_the_accept_path_the_partition(projects: list[TestProject]) -> None:
    stream_client().flushall()
    mirror_keys()
    accept(projects[2], 0, 1)
    assert stream_client().xlen(stream_key(2)) == 1
