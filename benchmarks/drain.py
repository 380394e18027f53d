"""Drain: how fast a backlog of single events reaches MongoDB."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import bson
import pymongo.collection
import redis
from bson.raw_bson import RawBSONDocument
from pymongo.write_concern import WriteConcern

from benchmarks.spread import describe, describe_ratio
from benchmarks.stack import ROOT, Stack, open_stack

Result = dict[str, Any]
Rates = dict[str, list[float]]
Events = pymongo.collection.Collection[dict[str, Any]]

BATCH = 2_000  # of all three; ours by default
MANY_PROJECTS = 1_000
SHARED_REQUESTS = 16  # in a write while 32 connections send single events to one web process


def run(*, quick: bool) -> Result:
    """Ours, the reference's worker, and bare insert_many of the same documents, in turn.

    With one process each; with two each, as many as WORKER_CONCURRENCY is by default; with one
    each where every event is an entry of the stream by itself; and ours alone with the events of
    MANY_PROJECTS, beside those of one.
    """
    events, rounds, rounds_of_two = (60_000, 2, 1) if quick else (150_000, 3, 3)
    limits: list[float] = []
    with open_stack() as stack:

        def insert() -> None:
            limits.append(insert_bare(stack, events))

        one = compare(stack, events, rounds, workers=1, between=insert)
        alone = compare(stack, events, rounds, workers=1, shared=1)
        two = compare(stack, events * 2, rounds_of_two, workers=2)
        projects = compare_projects(stack, events, rounds)
    result: Result = {
        **summarize_rates(one),
        **describe("limit", limits),
        **describe_ratio("ratio_limit", one["ours"], limits),
        **{f"{name}_of_two": value for name, value in summarize_rates(two).items()},
        "ratio_limit_of_two": median(two["ours"]) / median(limits),
        **{f"{name}_of_lone": value for name, value in summarize_rates(alone).items()},
        **describe("of_many_projects", projects["many"]),
        **describe_ratio("ratio_of_many_projects", projects["many"], projects["one"]),
        "samples": {**one, "limit": limits},
        "of_two_samples": two,
        "of_lone_samples": alone,
        "of_many_projects_samples": projects,
    }
    return {"drain": result}


def compare_projects(stack: Stack, events: int, rounds: int) -> Rates:
    """Events/s of a backlog of one project and of MANY_PROJECTS, in turn."""
    rates: Rates = {"one": [], "many": []}
    for _ in range(rounds):
        for way, projects in (("one", 1), ("many", MANY_PROJECTS)):
            forget_stored(stack)
            rates[way].append(drain_ours(stack, events, 1, projects=projects))
    return rates


def compare(
    stack: Stack,
    events: int,
    rounds: int,
    *,
    workers: int,
    shared: int = SHARED_REQUESTS,
    between: Callable[[], None] = lambda: None,
) -> Rates:
    """Events/s of ours and the reference, with as many processes each, in turn.

    `shared` requests were in flight together, and so in an entry, when ours accepted them.
    """
    rates: Rates = {"ours": [], "reference": []}
    for _ in range(rounds):
        forget_stored(stack)
        rates["ours"].append(drain_ours(stack, events, workers, shared=shared, beat=workers > 1))
        between()
        if stack.has_reference:
            rates["reference"].append(drain_reference(stack, events, workers))
    return rates


def summarize_rates(rates: Rates) -> Result:
    result: Result = describe("ours", rates["ours"])
    if theirs := rates["reference"]:
        result |= describe("reference", theirs) | describe_ratio("ratio", rates["ours"], theirs)
    return result


def run_summaries_cost(*, quick: bool) -> Result:
    """The drain in one process, with and without summaries, in turn."""
    events, rounds = (40_000, 3) if quick else (100_000, 5)
    ways: dict[str, list[float]] = {"with": [], "without": []}
    with open_stack(reference=False) as stack:
        environment = {**stack.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
        for _ in range(rounds):
            for way, rates in ways.items():
                fill(stack, events)
                program = "benchmarks.programs.drain_here"
                command = [sys.executable, "-m", program, f"{way}-summaries"]
                done = subprocess.run(
                    command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
                )
                rates.append(float(done.stdout))
    return {
        "summaries_cost": {
            **describe("with_summaries", ways["with"]),
            **describe("without_summaries", ways["without"]),
            **describe_ratio("ratio", ways["with"], ways["without"]),
            "samples": ways,
        }
    }


def fill(stack: Stack, events: int, projects: int = 1, shared: int = SHARED_REQUESTS) -> None:
    arguments = [str(events), str(projects), str(shared)]
    command = [sys.executable, "-m", "benchmarks.programs.fill", *arguments]
    environment = {**stack.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def drain_ours(
    stack: Stack,
    events: int,
    workers: int = 1,
    *,
    projects: int = 1,
    shared: int = SHARED_REQUESTS,
    beat: bool = False,
) -> float:
    """Events/s from the first event stored to the last; a second worker begins by beat's signal."""
    fill(stack, events, projects, shared)
    with redis.Redis.from_url(stack.stream.url) as client, stack.running_worker(workers, beat=beat):
        return time_until_empty(
            lambda: int(client.hget("analytics:events:{p0}:waiting", "total") or 0),
            events,
        )


def time_until_empty(waiting: Callable[[], int], events: int) -> float:
    """Events/s between the first and the last sight of progress."""
    while (left := waiting()) == events:
        time.sleep(0.005)
    begun, first = time.monotonic(), left
    while waiting():
        time.sleep(0.005)
    return first / (time.monotonic() - begun)


def drain_reference(stack: Stack, events: int, workers: int = 1) -> float:
    assert stack.reference_redis
    template = {
        "userId": "user_123", "sessionId": "sess_abcd", "path": "/product/42", "ip": "203.0.113.9",
        "userAgent": "Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "properties": {"referrer": "https://site1.example/x", "n": 1},
    }  # fmt: skip
    with redis.Redis.from_url(stack.reference_redis.url) as client:
        for start in range(0, events, BATCH):
            items = [
                json.dumps(
                    {**template, "path": f"/product/{n % 500}", "userId": f"user_{n % 5000}"}
                )
                for n in range(start, start + BATCH)
            ]
            client.lpush("analytics:events", *items)
        running = [stack.start_reference_worker(BATCH=str(BATCH)) for _ in range(workers)]
        rate = time_until_empty(lambda: int(client.llen("analytics:events")), events)
        for worker in running:
            worker.stop(10)
    return rate


def insert_bare(stack: Stack, events: int) -> float:
    """The documents that our drain just stored, once more, with nothing around insert_many."""
    with pymongo.MongoClient[dict[str, Any]](stack.mongo.uri) as client:
        stored = client.get_default_database()["events"]
        raw = [RawBSONDocument(bson.encode(found)) for found in stored.find({}).limit(events)]
        durable = WriteConcern("majority", j=True)
        target = client["limit"].get_collection("events", write_concern=durable)
        target.drop()
        target.create_indexes(read_indexes(stored))
        begun = time.monotonic()
        for start in range(0, len(raw), BATCH):
            target.insert_many(raw[start : start + BATCH], ordered=False)
        rate = len(raw) / (time.monotonic() - begun)
        client.drop_database("limit")
    return rate


def forget_stored(stack: Stack) -> None:
    """Take the events of all sides away, so that every round begins with none."""
    with pymongo.MongoClient[dict[str, Any]](stack.mongo.uri) as client:
        client["reference"]["events"].drop()  # its worker makes the indexes
        stored = client.get_default_database()["events"]
        indexes = read_indexes(stored)
        stored.drop()
        stored.create_indexes(indexes)


def read_indexes(events: Events) -> list[pymongo.IndexModel]:
    return [
        pymongo.IndexModel(
            list(index["key"].items()),
            **{name: value for name, value in index.items() if name not in ("v", "key")},
        )
        for index in events.list_indexes()
        if index["name"] != "_id_"
    ]
