"""Ten minutes without an exporter at 5,000 events/s: what questions say, and what they take."""

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pymongo

from benchmarks.accept import EVENT
from benchmarks.accepting.beside_reports import find_reporting
from benchmarks.columns.questions import read_peak_mib
from benchmarks.columns.stored import start
from benchmarks.load import post_for
from benchmarks.reporting import Asker, percentile
from benchmarks.stack import Stack, open_stack

Result = dict[str, Any]

PROGRAM = "benchmarks.programs.hold_columns"
BATCH = 50
_BODY = json.dumps({"metrics": ["events"], "dimensions": ["path"], "period": "today"})
_PAUSE_SECONDS = 5.0
_PATIENCE_SECONDS = 600.0
_COMMIT_SECONDS = 1.0  # what MongoDB counts may be committed a little later


@dataclass
class Asked:
    """By code, or "200", how many; those that were no moment's; the slowest, and the most fresh."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)
    most_fresh: int = 0


def run(*, quick: bool) -> Result:
    """One asks every five seconds. What is stored before and after an answer bounds it."""
    seconds, rate = (30.0, 2_000) if quick else (600.0, 5_000)
    with open_stack(reference=False) as stack:
        web, url = stack.start_web()
        stack.start_worker(processes=2)
        reporting = find_reporting(web.pid)
        with held(stack), asking(stack, url) as asked:
            body = json.dumps([EVENT] * BATCH)
            load = post_for(
                f"{url}/events", stack.ingest_key, body, seconds, stack.folder, rate=rate / BATCH
            )
            count = Counting(stack)
            stored, fresh = count.stored(), count.fresh()
        begun = time.monotonic()
        while (left := count.fresh()) and time.monotonic() < begun + _PATIENCE_SECONDS:
            time.sleep(1)
        return {
            "behind": {
                "accepted_per_second": load.requests_per_second * BATCH,
                "accept_p99_ms": load.p99_ms,
                "refused": load.refused,
                "stored": stored,
                "outcomes": dict(asked.outcomes),
                "wrong": len(asked.wrong),
                "wrong_samples": asked.wrong[:5],
                "answer_p95_ms": percentile(asked.took_ms, 95),
                "answer_most_ms": max(asked.took_ms),
                "most_fresh": asked.most_fresh,
                "fresh_at_end": fresh,
                "fresh_left": left,
                "caught_up_seconds": time.monotonic() - begun,
                "reporting_mib": read_peak_mib(reporting),
            }
        }


class Counting:
    """What MongoDB has."""

    def __init__(self, stack: Stack) -> None:
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(stack.mongo.uri)
        self._database = client.get_default_database()

    def stored(self) -> int:
        return self._database["events"].estimated_document_count()

    def fresh(self) -> int:
        group = {"$group": {"_id": None, "n": {"$sum": "$n"}}}
        return sum(found["n"] for found in self._database["column_fresh"].aggregate([group]))


@contextmanager
def held(stack: Stack) -> Iterator[None]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = start(stack, PROGRAM, **pipes)
    assert process.stdin and process.stdout
    process.stdout.readline()
    try:
        yield
    finally:
        process.stdin.close()
        process.wait()


@contextmanager
def asking(stack: Stack, url: str) -> Iterator[Asked]:
    asked, done, count = Asked(), threading.Event(), Counting(stack)

    def ask() -> None:
        asker = Asker(url, stack.read_key)
        while not done.wait(_PAUSE_SECONDS):
            least = count.stored()
            time.sleep(_COMMIT_SECONDS)
            begun = time.perf_counter()
            try:
                answer = asker.post("/query", _BODY)
            except RuntimeError as exc:
                asked.outcomes[str(exc)[:200]] += 1
                answer = None
            asked.took_ms.append((time.perf_counter() - begun) * 1_000)
            asked.most_fresh = max(asked.most_fresh, count.fresh())
            if answer is None:
                continue
            asked.outcomes["200"] += 1
            [events], most = answer["totals"], count.stored()
            if not least <= events <= most:
                asked.wrong.append(f"{events} of {least} to {most}")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield asked
    finally:
        done.set()
        thread.join()
