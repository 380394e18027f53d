"""The maintenance lane: one process at a time, and never one for ever."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from analytics.databases.redis_clients import broker_client
from tests.workers import wait_until
from upkeep import tasks
from upkeep.jobs import lane
from upkeep.jobs.lane import enter_lane


def test_only_one_process_is_in_the_lane(store: None) -> None:
    with enter_lane() as first, enter_lane() as second:
        assert (first, second) == (True, False)
    with enter_lane() as again:
        assert again


def test_who_waits_for_the_lane_has_it_as_soon_as_it_is_free(store: None) -> None:
    with ThreadPoolExecutor(1) as pool:
        with enter_lane():
            began = time.monotonic()
            with enter_lane(wait_seconds=0.2) as in_vain:
                assert not in_vain
            assert time.monotonic() - began >= 0.15
            waiting = pool.submit(lambda: enter_lane(wait_seconds=30).__enter__())
            time.sleep(0.1)
            assert not waiting.done()
        assert waiting.result(timeout=10)


def test_a_process_that_fails_in_the_lane_leaves_it(store: None) -> None:
    with pytest.raises(ValueError, match="broken"), enter_lane():
        raise ValueError("broken")
    with enter_lane() as entered:
        assert entered


def test_who_works_for_long_keeps_the_lane(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "RENEW_SECONDS", 0.05)
    with enter_lane():
        [name] = broker_client().keys("*:lane")
        for _ in range(3):
            broker_client().pexpire(name, 20_000)  # as when a third of its time is over
            wait_until(lambda: broker_client().pttl(name) > 20_000, 10, "it is renewed")
            with enter_lane() as second:
                assert not second


def test_a_process_killed_in_the_lane_keeps_it_no_longer_than_its_lease(store: None) -> None:
    with enter_lane():
        [name] = broker_client().keys("*:lane")
        assert 0 < broker_client().pttl(name) <= lane.LEASE_SECONDS * 1000


def test_a_lease_that_lapsed_is_not_taken_from_who_has_it_now(store: None) -> None:
    with enter_lane():
        [name] = broker_client().keys("*:lane")
        broker_client().set(name, "of another process")
    assert broker_client().get(name) == b"of another process"


def test_maintenance_is_left_out_while_another_process_does_it(
    store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[float] = []
    monkeypatch.setattr(tasks, "compact_summaries", runs.append)
    with enter_lane():
        tasks.compact_summaries_task()
    assert runs == []
    tasks.compact_summaries_task()
    assert runs == [tasks.COMPACT_BUDGET_SECONDS]
