"""Accept beside reports: single events while heavy reports run, and while other work does.

On a full machine accepting is slower whatever fills it. So each round of reports has a neighbour
in time in which as many processes are busy as the reports kept busy, and the two are compared.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks.accept import EVENT, empty
from benchmarks.load import Load, post_for
from benchmarks.memory import find_children
from benchmarks.reporting import run_loader
from benchmarks.spread import describe_ratio
from benchmarks.stack import Stack, open_stack

Result = dict[str, Any]

EVENTS = 160_000  # of 158,400 paths and 50,000 campaigns
OFFERED_PER_SECOND = 300.0
SERIES = timedelta(hours=4_990)
WARM_UP_SECONDS = 2.0


def run(*, quick: bool) -> Result:
    """`ours` is the p99 beside reports, `reference` beside other work, `ratio` how many times."""
    rounds, seconds = (3, 5.0) if quick else (7, 10.0)
    body = json.dumps(EVENT)
    alone, reports, other = [], [], []
    answered: list[float] = []
    busy: list[float] = []
    with open_stack(reference=False) as stack:
        run_loader(stack, str(EVENTS), "0", "1", "campaigns")
        run_loader(stack, "0", "rollups")
        stack.environment["QUERY_TIMEOUT_SECONDS"] = "60"  # on a slow machine, too, they shall run
        web, url = stack.start_web()
        pids = [find_reporting(web.pid), stack.mongo.pid]

        def post() -> Load:
            empty(stack)
            target = f"{url}/event"
            key, rate = stack.ingest_key, OFFERED_PER_SECOND
            load = post_for(target, key, body, seconds, stack.folder, rate=rate)
            if load.requests_per_second < rate / 2:  # wrk knows of no answer that did not come
                return replace(load, p50_ms=seconds * 1_000, p99_ms=seconds * 1_000)
            return load

        post()  # warms up
        for _ in range(rounds):
            alone.append(post())
            with asking(url, stack) as asked:
                used, done, begun = read_cpu_seconds(pids), len(asked), time.monotonic()
                reports.append(post())
                took = time.monotonic() - begun
                busy.append((read_cpu_seconds(pids) - used) / took)
                answered.append((len(asked) - done) / took)
            with working(max(1, round(median(busy)))):
                other.append(post())
    return {"accept_beside_reports": summarise(alone, reports, other, busy, answered)}


def summarise(
    alone: list[Load],
    reports: list[Load],
    other: list[Load],
    busy: list[float],
    answered: list[float],
) -> Result:
    return {
        "ours": median(load.p99_ms for load in reports),
        "reference": median(load.p99_ms for load in other),
        **describe_ratio("ratio", *([load.p99_ms for load in way] for way in (reports, other))),
        "p50_ms": median(load.p50_ms for load in reports),
        "reference_p50_ms": median(load.p50_ms for load in other),
        "alone_p50_ms": median(load.p50_ms for load in alone),
        "alone_p99_ms": median(load.p99_ms for load in alone),
        "refused": sum(load.refused for load in reports),
        "served_per_second": median(load.requests_per_second for load in reports),
        "busy_processes": median(busy),
        "reports_per_second": median(answered),
        "samples": [vars(load) for load in reports],
        "reference_samples": [vars(load) for load in other],
    }


def heavy_reports() -> list[str]:
    """Eight: deep pages of many paths, many campaigns, and as many points as a series may have."""
    end = datetime.now(UTC)
    window = {"start": (end - SERIES).isoformat(), "end": end.isoformat()}
    pages = {"by": "path", "limit": 10, "offset": 90_000}
    return [
        *[f"/stats/breakdown?{urlencode(pages)}"] * 4,
        *["/stats?groupBy=utmCampaign"] * 2,
        *[f"/stats/timeseries?{urlencode({'interval': 'hour', **window})}"] * 2,
    ]


@contextmanager
def asking(url: str, stack: Stack) -> Iterator[list[float]]:
    """Each report is asked for again as soon as it is answered; when each answer came."""
    done = threading.Event()
    answered: list[float] = []
    failures: list[str] = []
    parts = urlsplit(url)

    def ask(path: str) -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        while not done.is_set():
            connection.request("GET", path, headers={"Authorization": f"Bearer {stack.read_key}"})
            answer = connection.getresponse()
            body = answer.read()
            answered.append(time.monotonic())
            if answer.status != 200:
                failures.append(f"{path}: {answer.status} {body[:300]!r}")
                return

    threads = [threading.Thread(target=ask, args=(path,)) for path in heavy_reports()]
    for thread in threads:
        thread.start()
    try:
        time.sleep(WARM_UP_SECONDS)
        yield answered
    finally:
        done.set()
        for thread in threads:
            thread.join()
    if failures:
        raise RuntimeError(failures[0])


@contextmanager
def working(processes: int) -> Iterator[None]:
    """Processes of no service, which keep a core busy each."""
    command = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range(processes)]
    try:
        time.sleep(WARM_UP_SECONDS)
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def find_reporting(master: int) -> int:
    """The process that makes the reports: gunicorn's youngest."""
    return find_children(master, 2)[-1]


def read_cpu_seconds(pids: list[int]) -> float:
    """What the processes have used of the processors since they started (proc(5), stat)."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")
