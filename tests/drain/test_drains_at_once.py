"""Drains of one process at once, as where its tasks are threads: `WORKER_POOL=threads`."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from ingestion.drain.acks import Acks
from ingestion.drain.loop import drain
from ingestion.drain.patience import Patience
from tests.conftest import Api, TestProject, make_project

EVENT = {"path": "/a"}


def test_what_is_signalled_after_the_last_read_of_a_drain_has_one_of_its_own(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drain that was signalled finds another one, which reads no more, and goes."""
    check, late = Acks.check, [EVENT]

    def come_late(acks: Acks, *, wait: bool = False) -> None:
        if wait and late:
            ingest.post("/event", late.pop())
            assert drain(0).stored == 0
        check(acks, wait=wait)

    monkeypatch.setattr(Acks, "check", come_late)

    first, second = drain(0), drain(0)

    assert (first.stored, first.work_left) == (0, True)
    assert (second.stored, second.work_left) == (1, False)


def test_a_partition_is_drained_while_another_is(
    store: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STREAM_PARTITIONS = 2
    busy, other = (make_project(f"Project {n}", partition=n) for n in range(2))
    for each in (busy, other):
        Api(each.ingest_key).post("/event", EVENT)
    begin, has_begun, may_go_on = Patience.begin, Event(), Event()

    def dawdle(patience: Patience) -> None:
        begin(patience)
        if not has_begun.is_set():
            has_begun.set()
            assert may_go_on.wait(30)

    monkeypatch.setattr(Patience, "begin", dawdle)
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(drain, 0)
        try:
            assert has_begun.wait(30)
            assert drain(1).stored == 1
        finally:
            may_go_on.set()
        assert slow.result().stored == 1
