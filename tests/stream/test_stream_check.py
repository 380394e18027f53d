"""The service refuses to start on a Redis that would lose events."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.databases.redis_clients import stream_client
from analytics.databases.stream_check import UnsafeStream, check_stream, find_problems
from tests.service import run_gunicorn_once

SAFE = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory": "1000000",
    "maxmemory-policy": "noeviction",
}


@pytest.fixture
def evicting(store: None) -> Iterator[None]:
    stream_client().config_set("maxmemory-policy", "allkeys-lru")
    yield
    stream_client().config_set("maxmemory-policy", "noeviction")


def test_a_redis_as_the_docs_ask_for_is_fine(store: None) -> None:
    check_stream()
    assert find_problems(SAFE) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("appendonly", "no"), ("maxmemory", "0"), ("maxmemory-policy", "volatile-ttl")],
)
def test_what_loses_events_is_named_with_its_setting(name: str, value: str) -> None:
    [problem] = find_problems({**SAFE, name: value})
    assert name in problem.advice


def test_a_redis_that_evicts_is_refused(evicting: None) -> None:
    with pytest.raises(UnsafeStream, match="noeviction"):
        check_stream()


@pytest.mark.slow
def test_gunicorn_does_not_start_on_a_redis_that_evicts(evicting: None, tmp_path: Path) -> None:
    status, output = run_gunicorn_once(tmp_path)

    assert status == 3
    assert "noeviction" in output
