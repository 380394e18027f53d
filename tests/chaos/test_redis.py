"""The stream's Redis without memory, and without its consumer group."""

import time
from typing import Any

import pytest

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import GROUP, stream_key
from tests.chaos.evidence.load import Load
from tests.chaos.system import wait_for
from tests.chaos.trial import Chaos

pytestmark = pytest.mark.chaos

MEBIBYTE = 1024 * 1024


def test_memory_that_fills_up_while_nobody_drains(chaos: Chaos) -> None:
    limit, worker = read_memory("maxmemory"), chaos.system.worker
    fault = "Redis fills up to 80 % of maxmemory, no worker"
    try:
        with chaos.under_load(fault) as load, worker.held_down():
            set_limit(int((read_memory("used_memory") + MEBIBYTE) / 0.8))
            wait_until_refused(load)
            assert read_memory("used_memory") < read_memory("maxmemory")
    finally:
        set_limit(limit)


def test_memory_that_is_used_up(chaos: Chaos) -> None:
    limit = read_memory("maxmemory")
    with chaos.under_load("Redis at maxmemory") as load:
        try:
            set_limit(read_memory("used_memory") - MEBIBYTE // 10)
            wait_until_refused(load)
            time.sleep(2)
        finally:
            set_limit(limit)


def test_a_consumer_group_that_is_destroyed(chaos: Chaos) -> None:
    with chaos.under_load("XGROUP DESTROY"):
        stream_client().xgroup_destroy(stream_key(0), GROUP)


def wait_until_refused(load: Load) -> None:
    before = load.outcome.refused
    wait_for(lambda: load.outcome.statuses[503] > before + 20, 30, "events are refused")


def set_limit(maxmemory_bytes: int) -> None:
    stream_client().config_set("maxmemory", maxmemory_bytes)


def read_memory(name: str) -> int:
    memory: Any = stream_client().info("memory")
    return int(memory[name])
