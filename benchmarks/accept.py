"""Accept: requests/s and latency of single events, events/s of batches."""

import json
import time
from statistics import median
from typing import Any

import redis

from benchmarks.load import Load, post_for
from benchmarks.spread import describe, describe_ratio
from benchmarks.stack import REFERENCE_KEY, Stack, open_stack, wait_for

EVENT = {
    "userId": "user_123",
    "sessionId": "sess_abcd",
    "path": "/product/42",
    "properties": {"referrer": "https://example.com", "pageTitle": "Product 42"},
}

Result = dict[str, Any]


def run_single(*, quick: bool) -> Result:
    return {"accept_single": compare("/event", EVENT, 1, *effort(quick))}


def run_batches(*, quick: bool) -> Result:
    rounds, seconds = effort(quick)
    hundred = compare("/events", [EVENT] * 100, 100, rounds, seconds)
    if quick:
        return {"accept_batch": hundred}
    thousand = compare("/events", [EVENT] * 1000, 1000, rounds, seconds)
    return {"accept_batch": hundred, "accept_batch_1000": thousand}


def run_public(*, quick: bool) -> Result:
    """A page's door, with the key in the address, beside that of a server with a secret key."""
    rounds, seconds = effort(quick)
    text = json.dumps(EVENT)
    public: list[Load] = []
    secret: list[Load] = []
    with open_stack(reference=False) as stack:
        _, url = stack.start_web()
        page = f"{url}/event?key={stack.public_key}"
        warm_up(stack, url, None, "/event", text)
        for _ in range(rounds):
            public.append(post_for(page, None, text, seconds, stack.folder))
            empty(stack)
            secret.append(post_for(f"{url}/event", stack.ingest_key, text, seconds, stack.folder))
            empty(stack)
    return {"accept_public": summarise(public, secret, 1)}


def effort(quick: bool) -> tuple[int, float]:
    """Rounds, and seconds of load per side and round."""
    return (3, 4) if quick else (5, 10)


def compare(path: str, body: Any, events: int, rounds: int, seconds: float) -> Result:
    """Both sides in turn, `rounds` times, one process each; medians in events/s."""
    text = json.dumps(body)
    ours: list[Load] = []
    theirs: list[Load] = []
    with open_stack() as stack:
        _, url = stack.start_web()
        reference = stack.start_reference("ingest.js") if stack.has_reference else None
        warm_up(stack, url, reference, path, text)
        for _ in range(rounds):
            ours.append(post_for(url + path, stack.ingest_key, text, seconds, stack.folder))
            empty(stack)
            if reference:
                theirs.append(
                    post_for(reference + path, REFERENCE_KEY, text, seconds, stack.folder)
                )
                empty(stack)
    return summarise(ours, theirs, events)


def warm_up(stack: Stack, url: str, reference: str | None, path: str, body: str) -> None:
    post_for(url + path, stack.ingest_key, body, 1, stack.folder)
    if reference:
        wait_for(reference)
        post_for(reference + path, REFERENCE_KEY, body, 1, stack.folder)


def summarise(ours: list[Load], theirs: list[Load], events: int) -> Result:
    """Medians of the rounds, and their spread; `ratio` is of the rounds' ratios."""
    result: Result = {
        **describe("ours", [load.requests_per_second * events for load in ours]),
        "p50_ms": median(load.p50_ms for load in ours),
        "p99_ms": median(load.p99_ms for load in ours),
        "refused": sum(load.refused for load in ours),
        "samples": [vars(load) for load in ours],
    }
    if theirs:
        their_rates = [load.requests_per_second for load in theirs]
        result |= {
            **describe("reference", [rate * events for rate in their_rates]),
            **describe_ratio("ratio", [load.requests_per_second for load in ours], their_rates),
            "reference_p50_ms": median(load.p50_ms for load in theirs),
            "reference_p99_ms": median(load.p99_ms for load in theirs),
            "reference_samples": [vars(load) for load in theirs],
        }
    return result


def empty(stack: Stack) -> None:
    """Let neither side carry the other's memory: what was accepted is thrown away.

    Entries and the count of what waits go at once, and after what was in flight as the load ended.
    """
    time.sleep(0.5)
    for server in (stack.stream, stack.reference_redis):
        if server:
            with redis.Redis.from_url(server.url) as client:
                client.delete(
                    "analytics:events",
                    *client.scan_iter(match="*stream*"),
                    *client.scan_iter(match="*waiting*"),
                )
