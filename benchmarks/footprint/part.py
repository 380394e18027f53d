"""Footprint: memory and CPU time of everything that `make run` starts, by process.

Idle, at 10 and at 100 single events/s; milliseconds from the 202 until `/stats` counts an event at
those loads; what the first question of a new reporting process takes.
"""

import json
import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.footprint.service import Service, running_service, send_steadily
from benchmarks.freshness import probe
from benchmarks.reporting import percentile
from benchmarks.stack import wait_for

Result = dict[str, Any]

SMALL_LOADS = (10, 100)  # events/s
LONG_LOAD = 500  # events/s
LONG_SECONDS = 600.0
QUESTION = {"metrics": ["events"], "period": "7d"}


def run(*, quick: bool) -> Result:
    """CPU as percent of a core, memory in MiB, times in ms."""
    seconds, probes, starts = (20.0, 10, 3) if quick else (60.0, 40, 9)
    with running_service() as service:
        result = measure_idle(service, seconds)
        for per_second in SMALL_LOADS:
            result |= measure_load(service, per_second, seconds, probes)
        result |= measure_first_answers(service, starts)
        if not quick:
            send_steadily(service, service.credentials["ingestKey"], LONG_LOAD, LONG_SECONDS)
            result |= name_all("after_load_mib", service.read_pss())
    return {"footprint": result}


def measure_idle(service: Service, seconds: float) -> Result:
    time.sleep(seconds)  # what a start leaves to do
    cpu = measure_cpu(service, lambda: time.sleep(seconds))
    return name_all("idle_cpu", cpu) | name_all("idle_mib", service.read_pss())


def measure_load(service: Service, per_second: float, seconds: float, probes: int) -> Result:
    """First its CPU time, then how soon an event is seen: asking costs as well."""
    key = service.credentials["ingestKey"]
    send_steadily(service, key, per_second, seconds / 4)
    cpu = measure_cpu(service, lambda: send_steadily(service, key, per_second, seconds))
    times = measure_visible(service, per_second, probes)
    return name_all(f"cpu_at_{per_second:.0f}", cpu) | {
        f"visible_at_{per_second:.0f}_p50": median(times),
        f"visible_at_{per_second:.0f}_p95": percentile(times, 95),
    }


def measure_cpu(service: Service, work: Callable[[], object]) -> dict[str, float]:
    """Percent of a core by the name of the process while `work` is done."""
    before, begun = service.read_cpu(), time.monotonic()
    work()
    passed, after = time.monotonic() - begun, service.read_cpu()
    return {name: 100 * (after[name] - before.get(name, 0)) / passed for name in after}


def measure_visible(service: Service, per_second: float, probes: int) -> list[float]:
    """Milliseconds from the 202 of an event to its being counted, beside the load."""
    ingest, read = service.make_project(f"Probe at {per_second:.0f}")
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            send_steadily(service, service.credentials["ingestKey"], per_second, 1.0)

    def count() -> int:
        status, body = service.request("GET", "/stats", key=read)
        if status != 200:
            raise RuntimeError(f"/stats got {status}: {body[:200]!r}")
        return int(json.loads(body)["totalViews"])

    sender = threading.Thread(target=send)
    sender.start()
    times = []
    try:
        for n in range(probes):
            times.append(probe(service.url, ingest, count, n + 1))
            time.sleep(0.37)  # no multiple of what the service waits
    finally:
        stop.set()
        sender.join()
    return times


def measure_first_answers(service: Service, starts: int) -> Result:
    """Of a process that has just come up and says that it is ready."""
    key = service.credentials["readKey"]
    result: Result = {}
    for name, method, path, body in (
        ("stats", "GET", "/stats", None), ("query", "POST", "/query", QUESTION)
    ):  # fmt: skip
        times = []
        for _ in range(starts):
            service.kill_reporting()
            wait_for(f"{service.url}/readyz?for=reporting")
            begun = time.monotonic()
            status, answer = service.request(method, path, body, key)
            times.append((time.monotonic() - begun) * 1000)
            if status != 200:
                raise RuntimeError(f"{path} got {status}: {answer[:200]!r}")
        result[f"first_{name}_p50"] = median(times)
    return result


def name_all(prefix: str, by_process: dict[str, float]) -> Result:
    named = {f"{prefix}: {name}": value for name, value in sorted(by_process.items())}
    return named | {prefix: sum(by_process.values())}
