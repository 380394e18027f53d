"""Latency: p50 and p99 of single events, both sides under half of what the reference can do."""

import json
from statistics import median
from typing import Any

from benchmarks.accept import EVENT, empty, warm_up
from benchmarks.load import Load, post_for
from benchmarks.spread import describe_ratio
from benchmarks.stack import REFERENCE_KEY, open_stack

Result = dict[str, Any]

# Where there is no reference.
OFFERED_PER_SECOND = 3_000.0


def run(*, quick: bool) -> Result:
    rounds, seconds = (3, 4.0) if quick else (5, 15.0)
    body = json.dumps(EVENT)
    ours: list[Load] = []
    theirs: list[Load] = []
    offered = OFFERED_PER_SECOND
    with open_stack() as stack:
        _, url = stack.start_web()
        reference = stack.start_reference("ingest.js") if stack.has_reference else None
        warm_up(stack, url, reference, "/event", body)
        if reference:
            most = post_for(f"{reference}/event", REFERENCE_KEY, body, seconds, stack.folder)
            offered = most.requests_per_second / 2
            empty(stack)
        for _ in range(rounds):
            target = f"{url}/event"
            ours.append(
                post_for(target, stack.ingest_key, body, seconds, stack.folder, rate=offered)
            )
            empty(stack)
            if reference:
                target = f"{reference}/event"
                theirs.append(
                    post_for(target, REFERENCE_KEY, body, seconds, stack.folder, rate=offered)
                )
                empty(stack)
    return {"latency": summarise(ours, theirs, offered)}


def summarise(ours: list[Load], theirs: list[Load], offered: float) -> Result:
    """`ours`, `reference` and `ratio` are of the p99 in milliseconds: less is better."""
    result: Result = {
        "ours": median(load.p99_ms for load in ours),
        "p50_ms": median(load.p50_ms for load in ours),
        "offered_per_second": offered,
        "served_per_second": median(load.requests_per_second for load in ours),
        "samples": [vars(load) for load in ours],
    }
    if theirs:
        result |= {
            "reference": median(load.p99_ms for load in theirs),
            **describe_ratio("ratio", *([load.p99_ms for load in way] for way in (ours, theirs))),
            "reference_p50_ms": median(load.p50_ms for load in theirs),
            "reference_served_per_second": median(load.requests_per_second for load in theirs),
            "reference_samples": [vars(load) for load in theirs],
        }
    return result
