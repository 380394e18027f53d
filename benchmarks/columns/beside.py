"""One exporter, and two side by side: events a second."""

import subprocess
import time
from statistics import median
from typing import Any

from benchmarks.columns.stored import start
from benchmarks.stack import Stack, open_stack

Result = dict[str, Any]

PROGRAM = "benchmarks.programs.side_by_side"
PROJECTS = 8


def run(*, quick: bool) -> Result:
    """By turns in one run, of PROJECTS projects with the same number of events each."""
    events, rounds = (10_000, 2) if quick else (50_000, 4)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with open_stack(reference=False) as stack:
        for _ in range(rounds):
            for exporters, taken in seconds.items():
                if start(stack, PROGRAM, "store", str(PROJECTS), str(events)).wait():
                    raise RuntimeError("the program failed")
                taken.append(measure(stack, exporters))
    one, two = median(seconds[1]), median(seconds[2])
    return {
        "exporters_beside": {
            "events": PROJECTS * events,
            "one_per_second": PROJECTS * events / one,
            "two_per_second": PROJECTS * events / two,
            "ratio": one / two,
            "samples": [seconds[1], seconds[2]],
        }
    }


def measure(stack: Stack, exporters: int) -> float:
    """Wall seconds until all of them have nothing to do."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    started = [start(stack, PROGRAM, "export", **pipes) for _ in range(exporters)]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    begun = time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    if any(process.wait() for process in started):
        raise RuntimeError("an exporter failed")
    return time.perf_counter() - begun
