"""From a commit to a segment: CPU for each event, and how soon POST /query knows of it."""

import json
from statistics import median
from typing import Any

from benchmarks.columns.stored import export, load
from benchmarks.freshness import (
    EVENTS_PER_SECOND,
    probe,
    sending,
)
from benchmarks.reporting import Asker, percentile
from benchmarks.stack import Stack, open_stack

Result = dict[str, Any]

_PROBE = {"path": "/probe", "event": "pageview"}
_BODY = json.dumps(
    {
        "metrics": ["views"],
        "period": "today",
        "filter": {"field": "path", "op": "is", "values": [_PROBE["path"]]},
    }
)


def run(*, quick: bool) -> Result:
    """A backlog exported by one process, then a steady load with the worker's own exporter."""
    events, probes = (100_000, 30) if quick else (1_000_000, 200)
    with open_stack(reference=False) as stack:
        load(stack, events)
        backlog = export(stack)
    with open_stack(reference=False) as stack:
        times = measure_freshness(stack, probes)
    return {
        "export": {
            "events": events,
            **backlog,
            "offered_per_second": EVENTS_PER_SECOND,
            "visible_p50_ms": median(times),
            "visible_p95_ms": percentile(times, 95),
            "visible_max_ms": max(times),
            "samples": times,
        }
    }


def measure_freshness(stack: Stack, probes: int) -> list[float]:
    """Milliseconds from a 202 to the event being counted, in the project that has the load."""
    _, url = stack.start_web()
    stack.start_worker(processes=2)
    ask = Asker(url, stack.read_key)
    with sending(url, stack.ingest_key):
        return [
            probe(
                url,
                stack.ingest_key,
                lambda: int(ask.post("/query", _BODY)["totals"][0]),
                n,
                _PROBE,
            )
            for n in range(1, probes + 2)
        ][1:]  # the first waits for the worker to start
