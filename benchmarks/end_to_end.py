"""End to end: single events as fast as one web process takes them, with one worker beside it."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import pymongo
import redis

from benchmarks.accept import EVENT
from benchmarks.load import Load, post_for
from benchmarks.spread import describe_ratio
from benchmarks.stack import REFERENCE_KEY, Stack, open_stack, wait_for

Result = dict[str, Any]
Sample = dict[str, float]

POLL_SECONDS = 0.02
MAX_LAG_SECONDS = 600.0
SIGHTINGS = "analytics:events:sightings"


def run(*, quick: bool) -> Result:
    """Events/s from the first sent to the last stored and summarised; both sides in turn."""
    rounds, seconds = (2, 6.0) if quick else (3, 30.0)
    ours: list[Sample] = []
    theirs: list[Sample] = []
    with open_stack() as stack:
        _, url = stack.start_web()
        reference = stack.start_reference("ingest.js") if stack.has_reference else None
        if reference:
            wait_for(reference)
        for number in range(rounds + 1):  # the first warms both up
            length = seconds if number else 1.0
            ours.append(run_ours(stack, url, length))
            if reference:
                theirs.append(run_reference(stack, reference, length))
    ours, theirs = ours[1:], theirs[1:]
    result: Result = {
        "ours": median(sample["per_second"] for sample in ours),
        "lag_seconds": median(sample["lag_seconds"] for sample in ours),
        "events": sum(sample["events"] for sample in ours),
        "samples": ours,
    }
    if theirs:
        rates = [[sample["per_second"] for sample in way] for way in (ours, theirs)]
        result |= {
            "reference": median(sample["per_second"] for sample in theirs),
            **describe_ratio("ratio", *rates),
            "reference_lag_seconds": median(sample["lag_seconds"] for sample in theirs),
            "reference_samples": theirs,
        }
    return {"end_to_end": result}


def run_ours(stack: Stack, url: str, seconds: float) -> Sample:
    """Load, then wait until nothing waits; all of it must be in the answer of GET /stats."""
    with redis.Redis.from_url(stack.stream.url) as stream, running_worker(stack):

        def load() -> Load:
            return post_for(
                f"{url}/event", stack.ingest_key, json.dumps(EVENT), seconds, stack.folder
            )

        def count_waiting() -> int:
            waiting: Any = stream.hget("analytics:events:{p0}:waiting", "total")
            return int(waiting or 0)

        counted = _count_views(stack, url)
        events, elapsed, lag = _time(load, count_waiting, lambda: _count(stack, "analytics"))
    views = _count_views(stack, url) - counted
    if views != events:
        raise RuntimeError(f"{events} events are stored, and GET /stats counts {views}")
    return {"per_second": events / elapsed, "lag_seconds": lag, "events": events}


@contextmanager
def running_worker(stack: Stack) -> Iterator[None]:
    """A worker and beat that are at work already: to start takes longer than a short load."""
    with redis.Redis.from_url(stack.broker.url) as broker:
        broker.delete(SIGHTINGS)
        with stack.running_worker():
            while len(broker.hkeys(SIGHTINGS)) < 2:
                time.sleep(POLL_SECONDS)
            yield


def run_reference(stack: Stack, url: str, seconds: float) -> Sample:
    assert stack.reference_redis
    worker = stack.start_reference_worker(BATCH="1000")
    with redis.Redis.from_url(stack.reference_redis.url) as queue:

        def load() -> Load:
            return post_for(f"{url}/event", REFERENCE_KEY, json.dumps(EVENT), seconds, stack.folder)

        def count_waiting() -> int:
            waiting: Any = queue.llen("analytics:events")
            return int(waiting)

        queue.lpush("analytics:events", json.dumps(EVENT))
        while count_waiting():  # until the worker is there
            time.sleep(POLL_SECONDS)
        events, elapsed, lag = _time(load, count_waiting, lambda: _count(stack, "reference"))
    worker.stop(10)
    return {"per_second": events / elapsed, "lag_seconds": lag, "events": events}


def _time(
    load: Callable[[], Load], count_waiting: Callable[[], int], count_stored: Callable[[], int]
) -> tuple[int, float, float]:
    """How many events were stored, in how many seconds, of which so many after the load."""
    before = count_stored()
    begun = time.monotonic()
    load()
    ended = time.monotonic()
    while count_waiting():
        if time.monotonic() - ended > MAX_LAG_SECONDS:
            raise RuntimeError("the backlog was not stored in ten minutes")
        time.sleep(POLL_SECONDS)
    done = time.monotonic()
    time.sleep(0.5)  # what was taken from the reference's list may still be on its way
    return count_stored() - before, done - begun, done - ended


def _count(stack: Stack, database: str) -> int:
    with pymongo.MongoClient[dict[str, Any]](stack.mongo.uri_for(database)) as client:
        return client[database]["events"].count_documents({})


def _count_views(stack: Stack, url: str) -> int:
    headers = {"Authorization": f"Bearer {stack.read_key}"}
    request = urllib.request.Request(f"{url}/stats", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(json.load(answer)["totalViews"])
