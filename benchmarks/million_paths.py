"""A million distinct paths in one day: nothing breaks, the top ten is right."""

import time
from typing import Any

from benchmarks.reporting import Asker, measure_sizes, run_loader, timed
from benchmarks.stack import open_stack

Result = dict[str, Any]


def run(*, quick: bool) -> Result:
    events = 100_000 if quick else 1_000_000
    with open_stack(reference=False) as stack:
        load_seconds = timed(lambda: run_loader(stack, str(events), "0", "1", "distinct"))
        compact_seconds = timed(lambda: run_loader(stack, "0", "rollups"))
        _, url = stack.start_web()
        ask = Asker(url, stack.read_key)
        begun = time.perf_counter()
        top = ask.json("/stats?limit=10")["topPaths"]
        first_ms = (time.perf_counter() - begun) * 1000
        expected = {f"/top/{n}": events // 1_000 for n in range(10)}
        if {row["path"]: row["count"] for row in top} != expected:
            raise RuntimeError(f"the top ten is wrong: {top}")
        breakdown = ask.json("/stats/breakdown?by=path&limit=10")
        result = {
            "events": events,
            "distinct_paths": breakdown["total"],
            "stored_per_second": events / load_seconds,
            "compaction_seconds": compact_seconds,
            "first_answer_ms": first_ms,
            "next_answer_ms": ask.timed("/stats?limit=10"),
            **measure_sizes(stack, events),
        }
    return {"million_paths": result}
